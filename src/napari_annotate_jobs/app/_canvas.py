"""What napari draws the image on: its keys, and its drawing context."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QFocusEvent, QMouseEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget
from superqt.utils import qthrottled

from napari_annotate_jobs.app._asks import notifications
from napari_annotate_jobs.app._key_router import alt_was_used
from napari_annotate_jobs.app._titles import dock_of
from napari_annotate_jobs.widgets import event_as, text_has_focus

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["CanvasMouse", "DrawingContext", "Typing", "canvas_of"]

CORNER = 3.0
"""How far a drag may go unseen by napari, in pixels of the screen."""
_MOUSE = {
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonRelease,
}


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


class CanvasMouse(QObject):
    """Lets napari see where a drag goes, and where it ends, on a busy computer too.

    napari takes one move of the mouse every 5 ms, the newest, and a timer brings it.
    While a picture is drawn no timer comes: moves replace each other unseen, and the
    button is up before the last one. A box then ends where it was some time before, a
    stroke cuts its corners, and an outline is no outline. Here the move that waits is
    handed on before a button goes down or up, and before one that is far replaces it.
    vispy drops what comes within 10 ms: where a button goes up elsewhere than napari
    has seen the mouse, it is moved there first.
    And the wheel turned with Alt is no way into the menus.

    Parameters
    ----------
    canvas : QWidget
        What napari draws the image on.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__()
        self._canvas = canvas
        self._newest = self._taken = QPointF()
        self._waiting = _throttles(canvas)
        for throttle in self._waiting:
            throttle.triggered.connect(self._on_taken)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hand the move that waits on, if it must not be lost."""
        if event.type() == QEvent.Type.Wheel:
            alt_was_used()
        mouse = event_as(event, QMouseEvent) if event.type() in _MOUSE else None
        if mouse is not None:
            is_far = (self._newest - self._taken).manhattanLength() > CORNER
            held = mouse.buttons() != Qt.MouseButton.NoButton
            if mouse.type() != QEvent.Type.MouseMove or (held and is_far):
                self._hand_on()
            self._newest = mouse.position()
            if mouse.type() == QEvent.Type.MouseButtonPress:
                self._taken = self._newest
            released = mouse.type() == QEvent.Type.MouseButtonRelease
            if released and self._waiting and self._taken != self._newest:
                self._move_to(mouse)
        return False

    def _hand_on(self) -> None:
        for throttle in self._waiting:
            throttle.flush()

    def _move_to(self, release: QMouseEvent) -> None:
        """Move the mouse to where a button goes up."""
        backend: Any = self._canvas
        backend._last_time = 0.0  # when vispy has taken a move the last time
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            release.position(),
            release.globalPosition(),
            Qt.MouseButton.NoButton,
            release.buttons() | release.button(),
            release.modifiers(),
        )
        QApplication.sendEvent(self._canvas, move)
        self._hand_on()

    def _on_taken(self) -> None:
        self._taken = self._newest

    def close(self) -> None:
        """Let the canvas go."""
        self._canvas.removeEventFilter(self)
        for throttle in self._waiting:
            throttle.triggered.disconnect(self._on_taken)
        self._waiting = []


def _throttles(canvas: QWidget) -> list[Any]:
    """Return what holds moves of the mouse back on their way from vispy to napari."""
    scene = getattr(canvas, "_vispy_canvas", None)
    callbacks = () if scene is None else scene.events.mouse_move.callbacks
    kind = type(qthrottled(lambda: None))
    return [call for call in callbacks if isinstance(call, kind)]


class Typing(QObject):
    """Leaves the keyboard where one types when a notification goes, and only there.

    napari gives it to the canvas then, whoever has it: what is typed on would be keys
    that decide on slices. And where a dock goes that has it, Qt gives it to whatever is
    next: keys that are to decide would be typed into the name of napari's slider.

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
        elif (
            old is not None
            and new is not None
            and not old.isVisible()
            and isalive(self._canvas)  # not where the whole window closes
            and new.window() is self._canvas.window()
            and dock_of(new) is not dock_of(old)
        ):
            self._canvas.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close(self) -> None:
        """Let the canvas go."""
        self._focus_changed.disconnect(self._on_focus)
        self._canvas.removeEventFilter(self)
