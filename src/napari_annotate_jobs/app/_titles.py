"""What our widgets ask of the docks that napari puts them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QSizePolicy, QWidget

from ._settings import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import napari

__all__ = [
    "come_as_tab",
    "dock_of",
    "height_of_window",
    "join_others",
    "shorten_title",
    "take_all_room",
]


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


def join_others(widget: QWidget, viewer: napari.Viewer) -> bool:
    """Make a dock that comes a tab beside those of this program that are there.

    What is chosen in napari's menu comes below them: two of ours have no room so, and
    the window outgrows the screen.

    Returns
    -------
    bool
        False if there are none, or it is one of their tabs already.
    """
    dock, window = dock_of(widget), widget.window()
    if dock is None or dock.isFloating() or not isinstance(window, QMainWindow):
        return False
    area, tabs = window.dockWidgetArea(dock), window.tabifiedDockWidgets(dock)
    for other in _docks(viewer):
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


def come_as_tab(widget: QWidget, viewer: napari.Viewer, height: int) -> None:
    """Join the tabs of this program's docks, when a widget is shown for the first time.

    Parameters
    ----------
    widget : QWidget
        Which was made a moment ago.
    viewer : napari.Viewer
        Whose window it is in.
    height : int
        Of the window before it was made, which grew for a dock below others.
    """

    def rest() -> None:
        window, dock = widget.window(), dock_of(widget)
        if dock is None or not isinstance(window, QMainWindow):
            return
        shorten_title(widget)
        dock.raise_()
        if 0 < height < window.height():
            window.resize(window.width(), height)

    if join_others(widget, viewer):
        # When the window has laid out the dock that has just come.
        QTimer.singleShot(0, widget, rest)


def height_of_window(viewer: napari.Viewer) -> int:
    """Return the height of the window, 0 if there is no dock of ours in it yet."""
    windows = (dock.window() for dock in _docks(viewer))
    return next((window.height() for window in windows if window is not None), 0)


def _docks(viewer: napari.Viewer) -> Iterator[QDockWidget]:
    """Give the docks of this program."""
    for name, inner in viewer.window.dock_widgets.items():
        dock = dock_of(inner) if isinstance(inner, QWidget) else None
        if dock is not None and name.endswith(f"({PLUGIN})"):
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
