"""The dock of the slices: closed by its x, it can be had back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QMainWindow

if TYPE_CHECKING:
    import napari
    from qtpy.QtWidgets import QDockWidget, QWidget

__all__ = ["StripDock", "put_corners"]

NAME = "Slices"


class StripDock(QObject):
    """Shows the slices of a case below the image, while it has several.

    napari takes a dock out of the window when its x is pressed: it is made anew from
    here, asked for in napari's *Window* menu, in the Annotate dock or by an action.

    Parameters
    ----------
    viewer : napari.Viewer
        Its window gets the dock.
    strip : QWidget
        What is docked.
    """

    away_changed = Signal(bool)
    """Whether there are slices to show, and the dock was closed."""

    def __init__(self, viewer: napari.Viewer, strip: QWidget) -> None:
        super().__init__()
        self._viewer = viewer
        self._strip = strip
        self._dock: QDockWidget | None = None
        self._wanted = self._closed = False
        self._item: QAction | None = None

    def open(self) -> None:
        """Begin to show slices."""
        if self._item is None:
            self._item = item = QAction(NAME, self)
            item.setCheckable(True)
            item.triggered.connect(self.set_shown)
            self._viewer.window.window_menu.addAction(item)
            self._strip.installEventFilter(self)
        self._closed = False
        self._add()

    def set_wanted(self, wanted: bool) -> None:
        """Show the dock only while the case has several slices."""
        self._wanted = wanted
        self._update()

    def toggle(self) -> None:
        """Close the dock, or have it back."""
        self.set_shown(self._closed)

    def set_shown(self, shown: bool) -> None:
        """Close the dock, or have it back, where there are several slices."""
        if self._item is None:
            return
        self._closed = not shown
        if shown and self._dock is None:
            self._add()
        self._update()
        if shown and self._wanted and self._dock is not None:
            self._dock.raise_()

    def close(self) -> None:
        """Take the dock away, and its place in the menu."""
        self._strip.removeEventFilter(self)
        dock, self._dock = self._dock, None
        if dock is not None and self._strip.parent() is not None:
            self._viewer.window.remove_dock_widget(dock)
        if self._item is not None:
            self._viewer.window.window_menu.removeAction(self._item)
            self._item.deleteLater()
            self._item = None
        self._wanted = self._closed = False
        self.away_changed.emit(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See that napari took the dock out of the window."""
        if (
            event.type() == QEvent.Type.ParentChange
            and watched is self._strip
            and self._strip.parent() is None
            and self._dock is not None
        ):
            self._dock = None
            self._closed = True
            self._update()
        return False

    def _add(self) -> None:
        self._dock = self._viewer.window.add_dock_widget(
            self._strip,
            name=NAME,
            area="bottom",
            tabify=False,
            add_vertical_stretch=False,
        )
        self._update()

    def _update(self) -> None:
        shown = self._wanted and not self._closed
        if self._dock is not None:
            self._dock.setVisible(shown)
        if self._item is not None:
            self._item.setEnabled(self._wanted)
            self._item.setChecked(shown)
        self.away_changed.emit(self._wanted and self._closed)


def put_corners(window: QWidget, *, below_all: bool) -> None:
    """Put what is below a window's image under all docks, or under the image alone.

    With the strip under them too, the docks need more height than a laptop has.
    """
    if not isinstance(window, QMainWindow):  # but a dock that floats
        return
    area, corner = Qt.DockWidgetArea, Qt.Corner
    bottom = area.BottomDockWidgetArea
    left = bottom if below_all else area.LeftDockWidgetArea
    right = bottom if below_all else area.RightDockWidgetArea
    window.setCorner(corner.BottomLeftCorner, left)
    window.setCorner(corner.BottomRightCorner, right)
