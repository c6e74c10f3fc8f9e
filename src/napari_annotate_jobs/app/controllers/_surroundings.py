"""What stands around the image: sides of the patient, scale bar, frame, and room."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_annotate_jobs.model import Method, Status
from napari_annotate_jobs.session import Connections, SaveKind
from napari_annotate_jobs.widgets import (
    CanvasEdges,
    HairLines,
    HeldKeys,
    NamePlates,
    ScaleBar,
    event_as,
)
from napari_annotate_jobs.widgets.parts._made import timer_once

from ._slice_numbers import SliceNumbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer import ViewerBridge
    from napari_annotate_jobs.widgets import KeyMap

__all__ = ["Peek", "RoomForImage", "SurroundingsController"]

SUBMITTED, RETURNED, TROUBLED = "#4477aa", "#e3b617", "#cc3311"
"""Colours of the frame, of which one is told from the others by any eye."""
NAPARIS = frozenset({"layer list", "layer controls"})
"""Docks of napari that an annotator can do without."""
PEEK = 350
"""Milliseconds; a key that is held longer shows again what it hid when let go of."""
AGAIN = 30
"""Milliseconds in which X11 presses a held key again after it let go of it."""


class SurroundingsController:
    """Keeps true what stands at the edges of the canvas while a case is open.

    Parameters
    ----------
    session : AnnotationSession
        The job.
    bridge : ViewerBridge
        Shows the case.
    canvas : QWidget
        What napari draws the image on.
    keymap : KeyMap
        The keys of the tools on the canvas.
    letters, scale_bar, hair_lines : bool
        Whether sides of the patient, a scale bar, and lines through the pointer while
        boxes are drawn are shown.
    framed : bool
        Whether a frame says that a case is submitted, returned or in conflict.
    """

    def __init__(
        self,
        session: AnnotationSession,
        bridge: ViewerBridge,
        canvas: QWidget,
        *,
        keymap: KeyMap,
        letters: bool,
        scale_bar: bool,
        hair_lines: bool = True,
        framed: bool = True,
    ) -> None:
        self._framed = framed
        self._session, self._bridge = session, bridge
        self._letters, self._scale_bar = letters, scale_bar
        self._hair_lines = hair_lines
        self.edges = CanvasEdges(canvas, keymap)
        self.hair_lines = HairLines(canvas)
        self.plates = NamePlates(canvas)
        self.numbers = SliceNumbers(
            canvas.window() or canvas, bridge.viewer.dims, canvas.setFocus
        )
        self._names_due = timer_once(canvas, self._show_names)
        self._named: Connections | None = None
        self.bar = ScaleBar(canvas)
        self._connections = Connections(
            [
                (bridge.letters_changed, self._show),
                (bridge.hidden_changed, self._show_peek),
                (bridge.hidden_changed, self._show_hair_lines),
                (bridge.plane_changed, self._show_hair_lines),
                (session.label_changed, self._show_hair_lines),
                (session.busy, self._show_hair_lines),
                (session.opened, self._show_hair_lines),
                (session.closed, self._show_hair_lines),
                (session.status_changed, self._show_hair_lines),
                (bridge.zoom.changed, self._name_soon),
                (bridge.zoom.changed, self._show_bar),
                (bridge.hidden_changed, self._name_soon),
                (bridge.plane_changed, self._name_soon),
                (session.opened, self._follow_boxes),
                (session.closed, self._follow_boxes),
                (session.status_changed, self._show_frame),
                (session.saving.state_changed, self._show_frame),
            ]
        )
        self._follow_boxes()
        self._show()

    def set_shown(self, *, letters: bool, scale_bar: bool, hair_lines: bool) -> None:
        """Show or hide sides of the patient, the scale bar, and the hair lines."""
        self._letters, self._scale_bar = letters, scale_bar
        self._hair_lines = hair_lines
        self._show()

    def _show_hair_lines(self, *_: object) -> None:
        session, label = self._session, self._session.label
        self.hair_lines.set_on(
            self._hair_lines
            and label is not None
            and label.method is Method.DETECTION
            and not session.locked
            and not self._bridge.is_hidden
            and self._bridge.plane.is_acquired
        )

    def _show(self, *_: object) -> None:
        letters = self._bridge.letters if self._letters else None
        self.edges.set_letters(letters or ())
        self._show_bar()
        self._show_frame()
        self._show_hair_lines()

    def _show_bar(self) -> None:
        self.bar.set_scale(self._bridge.zoom.per_mm if self._scale_bar else None)

    # ----------------------------------------------------------- names at boxes
    def _follow_boxes(self, *_: object) -> None:
        """Name the boxes of the case that was opened, whatever moves them."""
        if self._named is not None:
            self._named.release()
            self._named = None
        boxes = self._bridge.boxes
        if boxes is not None:
            events = boxes.layer.events
            self._named = Connections(
                [
                    (events.set_data, self._name_soon),
                    (events.visible, self._name_soon),
                    (events.features, self._name_soon),
                    (boxes.layer.text.events.visible, self._name_soon),
                ]
            )
        self._name_soon()

    def _name_soon(self, *_: object) -> None:
        """Once for all that happens now."""
        if not self._names_due.isActive():
            self._names_due.start(0)

    def _show_names(self) -> None:
        self.plates.set_names(self._bridge.box_names())

    def _show_peek(self, hidden: bool) -> None:
        self.edges.peek.setChecked(hidden)

    def _show_frame(self, *_: object) -> None:
        self.edges.set_frame(self._frame())

    def _frame(self) -> str:
        session = self._session
        if not self._framed or not session.is_open or session.case is None:
            return ""
        if session.saving.state.kind is SaveKind.CONFLICT:
            return TROUBLED
        if session.editor.refused is not None:
            return ""
        if session.locked:
            return SUBMITTED
        if session.case.draft.status is Status.RETURNED:
            return RETURNED
        return ""

    def close(self) -> None:
        """Leave the canvas."""
        self._connections.release()
        self.bar.close()
        self.edges.close()
        self.hair_lines.close()
        if self._named is not None:
            self._named.release()
        self._names_due.stop()
        self.plates.close()
        self.numbers.close()


class RoomForImage(QObject):
    """Takes napari's own panels away, and brings back those that were there.

    They are back before the window closes, as napari remembers how it was left.

    Parameters
    ----------
    window : callable
        Returns napari's window.
    """

    def __init__(self, window: Callable[[], QWidget]) -> None:
        super().__init__()
        self._window = window
        self._hidden: list[QDockWidget] = []

    def set_made(self, on: bool) -> None:
        """Give the image the room, or give it back."""
        if not on:
            docks, self._hidden = self._hidden, []
            for dock in docks:
                dock.show()
            if docks:
                self._window().removeEventFilter(self)
        elif not self._hidden:
            window = self._window()
            found = (
                window.findChildren(QDockWidget)
                if isinstance(window, QMainWindow)
                else []
            )
            self._hidden = [
                dock
                for dock in found
                if dock.objectName() in NAPARIS and not dock.isHidden()
            ]
            for dock in self._hidden:
                dock.hide()
            if self._hidden:
                window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give back what is away before the window closes."""
        if event.type() == QEvent.Type.Close and self._hidden:
            self.set_made(False)
            QTimer.singleShot(0, self._make_again)
        return False

    def _make_again(self) -> None:
        with suppress(RuntimeError):  # Qt has deleted the window by now
            if self._window().isVisible():
                self.set_made(True)


class Peek(QObject):
    """Hides the annotation at a press; held down, only as long as the key is.

    Parameters
    ----------
    bridge : ViewerBridge
        Shows it.
    """

    def __init__(self, bridge: ViewerBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._since = self._until = 0
        self._key: int | None = None
        self._over = timer_once(self, self._end, AGAIN)

    def toggle(self) -> None:
        """Hide what is seen, or show what is hidden."""
        hide = not self._bridge.is_hidden
        self._bridge.set_hidden(hide)
        if hide:
            keys = HeldKeys.here()
            self._key, self._since = keys.latest, keys.pressed_at
            app = QApplication.instance()
            if self._key is not None and app is not None:
                app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice when the key is let go of."""
        key = event_as(event, QKeyEvent)
        if key is not None and key.key() == self._key:
            if key.type() == QEvent.Type.KeyRelease and not key.isAutoRepeat():
                self._until = key.timestamp()
                self._over.start()
            elif key.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride):
                self._over.stop()
        return False

    @property
    def is_over(self) -> bool:
        """True unless the key that hid it is still down."""
        return self._key is None

    def held_for(self) -> int:
        """Return for how many milliseconds the key was down, however busy we were."""
        return self._until - self._since

    def _end(self) -> None:
        self.close()
        if self.held_for() > PEEK:
            self._bridge.set_hidden(False)

    def close(self) -> None:
        """Follow no key any more."""
        self._over.stop()
        self._key = None
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
