"""What napari draws the image on: its keys, and its drawing context."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QFocusEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_annotate_jobs.app._asks import notifications
from napari_annotate_jobs.widgets import event_as, text_has_focus

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["DrawingContext", "Typing", "canvas_of"]


def canvas_of(window: QWidget) -> QWidget:
    """Return what napari draws the image on; its window if there is no such thing.

    napari names no widget of the canvas in its public interface. The one of vispy is
    known by its class; napari's window hands the keys it gets on to the canvas.

    Parameters
    ----------
    window : QWidget
        The window, or one of napari's viewers.
    """
    centre = window.centralWidget() if isinstance(window, QMainWindow) else window
    if centre is not None:
        for widget in centre.findChildren(QWidget):
            if type(widget).__name__.startswith("CanvasBackend"):
                return widget
    return window


class DrawingContext:
    """Lets the layers that go release what is theirs in the canvas's own context.

    napari has vispy delete the buffers of a layer as soon as it is removed, in whatever
    OpenGL context is current: after the window was painted, that is the window's. The
    canvas then draws with buffers that are gone, which ends the process.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers come and go.
    canvas : QWidget
        What napari draws the image on.
    """

    def __init__(self, viewer: ViewerModel, canvas: QWidget) -> None:
        self._removing = viewer.layers.events.removing
        self._canvas = canvas
        self._removing.connect(self._make_current)

    def _make_current(self) -> None:
        make_current = getattr(self._canvas, "makeCurrent", None)
        if make_current is not None:
            with suppress(RuntimeError):  # Qt has deleted the canvas by now
                make_current()

    def close(self) -> None:
        """Let the viewer go."""
        self._removing.disconnect(self._make_current)


class Typing(QObject):
    """Leaves the keyboard where one types when a notification goes.

    napari gives it to the canvas then, whoever has it: what is typed on would be keys
    that decide on slices.

    Parameters
    ----------
    canvas : QWidget
        What napari draws the image on.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__()
        self._canvas = canvas
        self._reason = Qt.FocusReason.NoFocusReason
        canvas.installEventFilter(self)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._focus_changed = app.focusChanged
        self._focus_changed.connect(self._on_focus)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice why the canvas gets the keyboard."""
        focus = event_as(event, QFocusEvent)
        if focus is not None:
            got = focus.type() == QEvent.Type.FocusIn
            # Why it was left says nothing of why it is come back to.
            self._reason = focus.reason() if got else Qt.FocusReason.OtherFocusReason
        return False

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if (
            new is self._canvas
            and old is not None
            and self._reason == Qt.FocusReason.OtherFocusReason
            and text_has_focus(old)
            and notifications()
        ):
            old.setFocus()

    def close(self) -> None:
        """Let the canvas go."""
        self._focus_changed.disconnect(self._on_focus)
        self._canvas.removeEventFilter(self)
