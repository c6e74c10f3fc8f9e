"""New job, in a viewer: the window it is entered in, and what is dropped."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from platformdirs import user_documents_path
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_annotate_jobs.widgets import paint_in
from napari_annotate_jobs.widgets.parts._made import timer_once

from ._asks import choose_file, choose_files, choose_folder, tell
from ._drops import FolderDrops
from ._owner_windows import bring_up, fit_screen, the_one
from ._servers import is_server
from ._settings import PLUGIN
from ._titles import dock_of
from ._workstation import Workstation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from qtpy.QtGui import QShowEvent

    from napari_annotate_jobs.widgets import NewJobDialog

    from ._open_job import OpenJob
    from .controllers import NewJobController

__all__ = ["NewJob", "NewJobs"]


class NewJobs(QObject):
    """Makes jobs in the viewer of a workstation.

    What was entered stays when the window is closed, until the job is made.

    Parameters
    ----------
    station : Workstation
        Whose viewer it is.
    """

    def __init__(self, station: Workstation) -> None:
        super().__init__(station)
        self._station = station
        self.dialog: NewJobDialog | None = None
        self.controller: NewJobController | None = None
        self._to_annotate: Path | None = None
        self._drops: FolderDrops | None = None
        # Held, it would not go when napari is closed, and nothing be saved then.
        self._window: ref[QWidget] | None = None
        station.job_opened.connect(self._on_job)
        station.colors_changed.connect(self._set_colors)
        station.closing.connect(self.close)

    @classmethod
    def of(cls, station: Workstation) -> NewJobs:
        """Return what makes jobs at a workstation; there is one for each."""
        return the_one(cls, station)

    def watch(self, window: QWidget) -> None:
        """Offer a job of folders that are dropped on napari's canvas."""
        if self._drops is None:
            self._window = ref(window)
            self._drops = FolderDrops(
                window, self._station.tables, self._take_offer, self
            )

    def _take_offer(self, paths: Sequence[str]) -> None:
        window = None if self._window is None else self._window()
        if window is not None:
            self.show(window, paths)

    def show(self, window: QWidget, paths: Sequence[str] = ()) -> NewJobDialog:
        """Show the window of a new job, and look through what is given.

        Parameters
        ----------
        window : QWidget
            Above which it is shown.
        paths : sequence of str
            Folders and files of images.
        """
        if self.dialog is None:
            self._make(window)
        dialog, controller = self.dialog, self.controller
        assert dialog is not None and controller is not None
        paint_in(dialog, self._station.colors)
        controller.set_jobs(self._station.summaries)
        bring_up(dialog)
        if paths:
            controller.add(paths)
        return dialog

    def take(self, window: QWidget, paths: Sequence[str]) -> None:
        """Open the job that was dropped, or make one of the images that were."""
        for path in paths:
            if Path(path, "job.json").is_file():
                self._station.add_location(path, open_it=True)
                return
        self.show(window, paths)

    def _make(self, window: QWidget) -> None:
        from napari_annotate_jobs.widgets import NewJobDialog

        from .controllers import NewJobController

        station = self._station
        self.dialog = dialog = NewJobDialog(window)
        dialog.labels.set_keymap(station.keymap)
        fit_screen(dialog, window)
        self.controller = NewJobController(
            dialog,
            station.chores.looking,
            station.chores.writing,
            station.images,
            home=self._home(),
            made=self._on_made,
            choose_folder=partial(choose_folder, dialog),
            choose_file=partial(choose_file, dialog),
            choose_files=partial(choose_files, dialog),
            tell=partial(tell, dialog),
        )

    def _home(self) -> Path:
        """Return where jobs are made: beside the one that was used last."""
        from napari_annotate_jobs.demo._jobs import demo_location

        for summary in self._station.summaries:
            place = summary.location
            if not is_server(place) and not Path(place).is_relative_to(demo_location()):
                return Path(place).parent
        return user_documents_path() / "Annotate Jobs"

    def _set_colors(self, colors: object) -> None:
        if self.dialog is not None:
            paint_in(self.dialog, self._station.colors)

    def _on_made(self, folder: Path, annotate: bool) -> None:
        self._to_annotate = folder if annotate else None
        self._drop()
        window = self._station.viewer.window
        dock, _ = window.add_plugin_dock_widget(PLUGIN, "My Jobs")
        dock.show()
        dock.raise_()
        self._station.add_location(str(folder), open_it=True)

    def _on_job(self, open_job: OpenJob) -> None:
        """Open the first case of a job that was just made to be annotated."""
        wanted, self._to_annotate = self._to_annotate, None
        if wanted is None or Path(open_job.session.store.location) != wanted:
            return
        session = open_job.session

        def arm(*_: object) -> None:
            # Whatever the settings: who has just made the labels wants to draw.
            session.opened.disconnect(arm)
            open_job.actions.arm("first")

        session.opened.connect(arm)
        open_job.open_first()

    def _drop(self) -> None:
        if self.controller is not None:
            self.controller.close()
        dialog, self.dialog, self.controller = self.dialog, None, None
        if dialog is not None:
            dialog.close()
            dialog.deleteLater()

    def close(self) -> None:
        """Stop what is under way, and forget what was entered."""
        self._drop()
        if self._drops is not None:
            self._drops.deleteLater()  # which takes its filters along
        self._drops = self._window = None


class NewJob(QWidget):
    """Opens the window of a new job, from napari's menu of plugins.

    napari puts what a plugin's menu names into a dock. This one is hidden as soon as
    it is shown, and the window of a new job comes in its place.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Where to work.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.station = Workstation.of(napari_viewer)
        self.setMaximumSize(1, 1)
        self._soon = timer_once(self, self._open)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Go out of sight again."""
        super().showEvent(event)
        self._soon.start()

    def _open(self) -> None:
        dock, window = dock_of(self), self.window()
        if dock is not None:
            dock.hide()
        if isinstance(window, QMainWindow):
            self.station.watch(window)
        NewJobs.of(self.station).show(window or self)
