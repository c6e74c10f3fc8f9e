"""Panels about a job as a whole, as docks that the manifest names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_annotate_jobs.widgets import paint_in

from ._asks import choose_file, choose_folder, notify
from ._chores import JobPlace
from ._titles import JoinsOthers, Sight, shorten_title, take_all_room
from ._workstation import Workstation

if TYPE_CHECKING:
    from pathlib import Path

    import napari
    from qtpy.QtGui import QShowEvent

    from napari_annotate_jobs.widgets import Colors

__all__ = ["JobCombine", "JobExport", "JobImport", "JobStatistics"]

WIDTH = 460
"""Pixels that a table of numbers and its bars want."""


class _JobPanel(QWidget):
    """A panel that follows which job is open.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose job it is about.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.station = Workstation.of(napari_viewer)
        take_all_room(self)
        self._joins = JoinsOthers(self, napari_viewer, width=WIDTH)
        self._sight = Sight(self)
        self._sight.changed.connect(self._on_sight)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    panel: QWidget

    def _follow(self) -> None:
        self._set_colors(self.station.colors)
        self.station.colors_changed.connect(self._set_colors)
        self.station.job_opened.connect(self._on_job)
        self.station.job_closed.connect(self._on_job)
        self._on_job()

    def _set_colors(self, colors: Colors) -> None:
        paint_in(self.panel, colors)

    def _on_job(self, *_: object) -> None:
        self.set_place(self.place)

    @property
    def place(self) -> JobPlace | None:
        """Where the open job is."""
        open_job = self.station.current_job
        return None if open_job is None else JobPlace.of(open_job.session)

    def set_place(self, place: JobPlace | None) -> None:
        """Be about another job."""

    def begin(self) -> None:
        """Be asked for, and in sight."""

    def leave(self) -> None:
        """Be out of sight."""

    def _on_sight(self, in_sight: bool) -> None:
        if in_sight:
            self.begin()
        else:
            self.leave()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Say no more than needed on the tab."""
        super().showEvent(event)
        shorten_title(self)
        window = self.window()
        if window is not None:
            self.station.watch(window)


class JobStatistics(_JobPanel):
    """Numbers of the open job.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose job it is about.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        from napari_annotate_jobs.widgets import StatisticsPanel

        from .controllers import StatisticsController

        self.panel = StatisticsPanel()
        self._layout.addWidget(self.panel)
        self.controller = StatisticsController(
            self.panel,
            self.station.chores.looking,
            show_error=self.station.show_error,
            tell=notify,
            choose_folder=partial(choose_folder, self),
        )
        self._asked = False
        self._follow()

    def set_place(self, place: JobPlace | None) -> None:
        """Be about another job; count it if it is looked at."""
        self.controller.set_place(place)
        self._asked = False
        if self._sight.is_there:
            self.begin()

    def _on_sight(self, in_sight: bool) -> None:
        # What was counted stays, until somebody counts again: it may take long.
        if in_sight and not self._asked:
            self.begin()

    def begin(self) -> None:
        """Count anew."""
        self._asked = True
        self.controller.count()


class JobExport(_JobPanel):
    """Export of the open job.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose job it is about.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        from napari_annotate_jobs.widgets import ExportPanel

        from .controllers import ExportController

        self.panel = ExportPanel()
        self._layout.addWidget(self.panel)
        self.controller = ExportController(
            self.panel,
            self.station.chores,
            show_error=self.station.show_error,
            tell=notify,
            choose_folder=partial(choose_folder, self),
            show_folder=_show_folder,
        )
        self.panel.combine_requested.connect(self._ask_for_combine)
        self.station.combination_saved.connect(self.controller.choose_combination)
        self._follow()

    def set_place(self, place: JobPlace | None) -> None:
        """Be about another job."""
        self.controller.set_place(place)
        if self._sight.is_there:
            self.begin()

    def leave(self) -> None:
        """Let go of what was looked up."""
        self.controller.forget()

    def _ask_for_combine(self) -> None:
        self.station.panel_requested.emit("Combine Labels")

    def begin(self) -> None:
        """Look through the job anew."""
        self.controller.renew()


def _show_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class JobCombine(_JobPanel):
    """Combining the labels of the open job.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose job it is about.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        from napari_annotate_jobs.widgets import CombinePanel

        from .controllers import CombineController

        self.panel = CombinePanel()
        self._layout.addWidget(self.panel)
        self.controller = CombineController(
            self.panel,
            self.station.chores.looking,
            saved=self.station.combination_saved.emit,
            choose_folder=partial(choose_folder, self),
        )
        self._follow()

    def set_place(self, place: JobPlace | None) -> None:
        """Be about another job."""
        self.controller.set_place(place)

    def leave(self) -> None:
        """Let go of the cases that were looked through."""
        self.controller.forget()

    def begin(self) -> None:
        """Count the cases as they are now."""
        self.controller.forget()
        self.controller.count()


class JobImport(_JobPanel):
    """Import into the open job.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose job it is about.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__(napari_viewer)
        from napari_annotate_jobs.widgets import ImportPanel

        from .controllers import ImportController

        self.panel = ImportPanel()
        self._layout.addWidget(self.panel)
        self.controller = ImportController(
            self.panel,
            self.station.chores.writing,
            leave=self.station.leave_case,
            imported=self.station.refresh_cases,
            is_open=self.station.is_open,
            choose_folder=partial(choose_folder, self),
            choose_file=partial(choose_file, self),
        )
        self._follow()

    def set_place(self, place: JobPlace | None) -> None:
        """Be about another job."""
        self.controller.set_place(place)
