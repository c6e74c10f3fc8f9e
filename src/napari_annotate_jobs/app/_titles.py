"""What our widgets ask of the docks that napari puts them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QSizePolicy, QWidget

from ._settings import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import napari

__all__ = ["JoinsOthers", "Sight", "dock_of", "shorten_title", "take_all_room"]


def take_all_room(widget: QWidget) -> None:
    """Else napari puts a stretch below it, and its list gets half the room."""
    whole = QSizePolicy.Policy.Expanding
    widget.setSizePolicy(whole, whole)


def dock_of(widget: QWidget) -> QDockWidget | None:
    """Return the dock that a widget is in."""
    dock = widget.parentWidget()
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    return dock


class JoinsOthers(QObject):
    """Makes the dock of a widget a tab beside those of ours, when it first comes.

    What is chosen in napari's menu comes below what is there: two of ours have no room
    so, and the window outgrows the screen.

    Parameters
    ----------
    widget : QWidget
        What napari is about to dock.
    viewer : napari.Viewer
        Where to.
    width : int
        Pixels that it needs.
    """

    def __init__(
        self, widget: QWidget, viewer: napari.Viewer, *, width: int = 0
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._viewer = viewer
        self._width = width
        self._height = _height_of_window(viewer)
        self._is_joined = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Join, once."""
        if event.type() == QEvent.Type.Show and watched is self._widget:
            self._widget.removeEventFilter(self)
            self._is_joined = self._join()
            # When the window has laid out the dock that has just come.
            QTimer.singleShot(0, self._widen)
        return False

    def _join(self) -> bool:
        """Return False if there is no other, or it is one of their tabs already."""
        dock, window = dock_of(self._widget), self._widget.window()
        if dock is None or dock.isFloating() or not isinstance(window, QMainWindow):
            return False
        area, tabs = window.dockWidgetArea(dock), window.tabifiedDockWidgets(dock)
        for other in _docks(self._viewer):
            if (
                other is not dock
                and not (other.isHidden() or other.isFloating())
                and window.dockWidgetArea(other) == area
            ):
                if other in tabs:
                    return False
                window.tabifyDockWidget(other, dock)
                return True
        return False

    def _widen(self) -> None:
        window, dock = self._widget.window(), dock_of(self._widget)
        if not isinstance(window, QMainWindow) or dock is None:
            return
        shorten_title(self._widget)
        if dock.width() < self._width:
            window.resizeDocks([dock], [self._width], Qt.Orientation.Horizontal)
        if self._is_joined:
            dock.raise_()
            if 0 < self._height < window.height():  # it grew for the dock below others
                window.resize(window.width(), self._height)


class Sight(QObject):
    """Tells when a widget in a dock comes in sight, and when it goes out of it.

    A dock behind another tab is not hidden for Qt, but moved aside: what is in it
    hears of neither.

    Parameters
    ----------
    widget : QWidget
        What is, or will be, in a dock.
    """

    changed = Signal(bool)
    """It is in sight, or it is not."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._dock: QDockWidget | None = None
        self._in_front = True
        self._last = False
        widget.installEventFilter(self)

    @property
    def is_there(self) -> bool:
        """Whether it is in sight."""
        return self._last

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hear of what Qt shows and hides."""
        if watched is self._widget:
            if event.type() == QEvent.Type.Show:
                self._follow(dock_of(self._widget))
                self._tell(self._in_front)
            elif event.type() == QEvent.Type.Hide:
                self._tell(False)
        return False

    def _follow(self, dock: QDockWidget | None) -> None:
        if dock is self._dock:
            return
        if self._dock is not None:
            self._dock.visibilityChanged.disconnect(self._on_tab)
        self._dock, self._in_front = dock, True
        if dock is not None:
            dock.visibilityChanged.connect(self._on_tab)

    def _on_tab(self, in_front: bool) -> None:
        self._in_front = in_front
        self._tell(in_front and self._widget.isVisible())

    def _tell(self, in_sight: bool) -> None:
        if in_sight != self._last:
            self._last = in_sight
            self.changed.emit(in_sight)


def _height_of_window(viewer: napari.Viewer) -> int:
    """Return the height of the window, 0 if there is no dock of ours in it yet."""
    windows = (dock.window() for dock in _docks(viewer))
    return next((window.height() for window in windows if window is not None), 0)


def _docks(viewer: napari.Viewer) -> Iterator[QDockWidget]:
    """Give the docks of this program."""
    for inner in viewer.window.dock_widgets.values():
        if type(inner).__module__.startswith(f"{__package__.partition('.')[0]}."):
            dock = dock_of(inner)
            if dock is not None:
                yield dock


def shorten_title(widget: QWidget) -> None:
    """Take the plugin's name off the dock's title, where there is little room."""
    dock = dock_of(widget)
    if dock is not None:
        title = dock.windowTitle().removesuffix(f" ({PLUGIN})")
        dock.setWindowTitle(title)
        bar = dock.titleBarWidget()
        for label in [] if bar is None else bar.findChildren(QLabel):
            label.setText(label.text().removesuffix(f" ({PLUGIN})"))
