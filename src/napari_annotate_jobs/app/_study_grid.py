"""Keeps the grid of studies in the place of the image while no case is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QMainWindow

from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.widgets import Colors, StudyGrid

    from ._open_job import OpenJob
    from ._workstation import Workstation

__all__ = ["GridOfStudies"]


class GridOfStudies(QObject):
    """Shows the cases of the open job over napari's welcome, and never over a case.

    Parameters
    ----------
    station : Workstation
        Opens jobs and cases.
    parent : QObject
        Owns it.
    """

    details_requested = Signal(str)
    """Id of the case of which the reader's findings are to be shown."""
    flag_requested = Signal(str)
    """Id of the case that is to be flagged."""
    menu_offered = Signal(object, object)
    """A menu and the row it is about: others add what they can do."""

    def __init__(self, station: Workstation, parent: QObject) -> None:
        super().__init__(parent)
        self._station = station
        self._grid: StudyGrid | None = None
        self._connections = Connections()
        station.job_closed.connect(self.leave)
        station.closing.connect(self.close)
        station.case_changed.connect(self._redraw)
        station.colors_changed.connect(self._set_colors)

    @property
    def is_shown(self) -> bool:
        """True while it is on the screen."""
        return self._grid is not None and self._grid.isVisible()

    def follow(self, open_job: OpenJob, window: QWidget | None) -> None:
        """Show the cases of a job that was opened, in the middle of a window."""
        self._connections.release()
        centre = window.centralWidget() if isinstance(window, QMainWindow) else None
        if centre is None:
            return
        if self._grid is None:
            from napari_annotate_jobs.widgets import StudyGrid

            self._grid = StudyGrid(centre)
            self._grid.hide()
            self._grid.set_colors(self._station.colors)
            tiles = self._grid.tiles
            tiles.case_requested.connect(self._open)
            tiles.details_requested.connect(self.details_requested)
            tiles.flag_requested.connect(self.flag_requested)
            tiles.menu_offered.connect(self.menu_offered)
            centre.installEventFilter(self)
        project = open_job.session.job.project
        self._grid.set_source(
            project.name, self._station.case_source(), project.label_set.labels
        )
        session = open_job.session
        self._connections = Connections(
            [
                (session.busy, self._show),
                (session.opened, self._show),
                (session.closed, lambda: session.when_shown(self._show)),
                (self._station.viewer.layers.events.inserted, self._show),
            ]
        )
        self._show()

    def _show(self, *_: object) -> None:
        """Be there if no case is open or on its way, and no image of others."""
        open_job, grid = self._station.current_job, self._grid
        if grid is None:
            return
        free = (
            open_job is not None
            and not open_job.session.is_open
            and not open_job.session.is_showing
            and not self._station.viewer.layers
        )
        if free and not grid.isVisible():
            below = grid.parentWidget()
            if below is not None:
                grid.setGeometry(below.rect())
            grid.raise_()
        grid.setVisible(free)

    def leave(self, *_: object) -> None:
        """Go out of sight; what was shown is forgotten."""
        self._connections.release()
        if self._grid is not None:
            self._grid.hide()
            self._grid.set_source("", None)

    def close(self) -> None:
        """Leave the window as it was."""
        self.leave()
        if self._grid is not None:
            below = self._grid.parentWidget()
            if below is not None:
                below.removeEventFilter(self)
            self._grid.setParent(None)
            self._grid.deleteLater()
            self._grid = None

    def _redraw(self, case_id: str) -> None:
        if self._grid is not None:
            self._grid.tiles.cases.refresh_case(case_id)

    def _set_colors(self, colors: Colors) -> None:
        if self._grid is not None:
            self._grid.set_colors(colors)

    def _open(self, key: str) -> None:
        if self._station.current_job is not None and self._grid is not None:
            listed = self._station.case_source().listed(*self._grid.tiles.where())
            self._station.current_job.open_row(key, listed)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of what lies below."""
        grid = self._grid
        if event.type() == QEvent.Type.Resize and grid is not None:
            below = grid.parentWidget()
            if below is watched and below is not None:
                grid.setGeometry(below.rect())
        return False
