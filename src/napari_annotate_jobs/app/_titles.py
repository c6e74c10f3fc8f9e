"""What our widgets ask of the docks that napari puts them in."""

from __future__ import annotations

from qtpy.QtWidgets import QDockWidget, QLabel, QSizePolicy, QWidget

from ._settings import PLUGIN

__all__ = ["dock_of", "shorten_title", "take_all_room"]


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


def shorten_title(widget: QWidget) -> None:
    """Take the plugin's name off the dock's title, where there is little room."""
    dock = dock_of(widget)
    if dock is not None:
        title = dock.windowTitle().removesuffix(f" ({PLUGIN})")
        dock.setWindowTitle(title)
        bar = dock.titleBarWidget()
        for label in [] if bar is None else bar.findChildren(QLabel):
            label.setText(label.text().removesuffix(f" ({PLUGIN})"))
