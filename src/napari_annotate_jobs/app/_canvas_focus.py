"""Where the keys of the image go."""

from __future__ import annotations

from qtpy.QtWidgets import QMainWindow, QWidget

__all__ = ["canvas_of"]


def canvas_of(window: QWidget) -> QWidget:
    """Return what napari draws the image on; its window if there is no such thing.

    napari names no widget of the canvas in its public interface. The one of vispy is
    known by its class; napari's window hands the keys it gets on to the canvas.
    """
    centre = window.centralWidget() if isinstance(window, QMainWindow) else None
    if centre is not None:
        for widget in centre.findChildren(QWidget):
            if type(widget).__name__.startswith("CanvasBackend"):
                return widget
    return window
