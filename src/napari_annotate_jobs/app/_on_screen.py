"""When the open case, and each slice of it, was really painted on the screen."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Signal

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.parts._made import timer_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer import ViewerBridge

__all__ = ["LOOK", "SEEN", "OnScreen", "SliceWatch"]

LOOK = 0.3
"""Seconds from the first picture of a case, and from the last press, until Submit is
taken for an answer to what is seen: nobody sees, chooses and presses in less."""


SEEN = 150
"""Milliseconds that a slice must be on the screen to count as seen."""

PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)


class OnScreen(QObject):
    """Knows whether somebody can have seen the open case.

    A press of the mouse in the image that waited while the case was put there, and was
    meant for what had been there before, is not heard.

    Parameters
    ----------
    canvas : QWidget
        What napari draws the image on.
    is_drawn : callable
        Returns True if a picture that is drawn now shows the open case.
    """

    drawn = Signal()
    """A picture that was drawn anew is on the screen."""

    def __init__(self, canvas: QWidget, is_drawn: Callable[[], bool]) -> None:
        super().__init__()
        self._canvas: QWidget | None = canvas
        self._is_drawn = is_drawn
        self._is_there = self._is_begun = self._painted = self._is_shown = False
        self._is_new = False
        self._since: float | None = None
        self.slices: SliceWatch | None = None
        """Watches which slices are seen; it is closed with this."""
        # Qt paints first what has waited, and hears keys and mouse after it; a timer
        # without delay comes when all that has been dealt with.
        self._heard_all = timer_once(self, self._on_heard_all)
        canvas.installEventFilter(self)
        # Tells when the picture has been handed to the screen. Other widgets of the
        # window are composed with an old picture of the canvas, hence both.
        self._swapped = getattr(canvas, "frameSwapped", None)
        if self._swapped is not None:
            self._swapped.connect(self._on_swapped)

    @property
    def is_there(self) -> bool:
        """True once the case was put there and painted, and all was heard that waited.

        What is pressed from then on is pressed by somebody who could see it.
        """
        return self._is_there

    @property
    def is_seen(self) -> bool:
        """True if the case has been on the screen long enough to be looked at."""
        return self._since is not None and monotonic() - self._since >= LOOK

    def press(self) -> bool:
        """Hear of a press that submits; return whether it is for what is seen.

        One that came too early is none, and the next one must keep its distance: a key
        that rattles is never heard.
        """
        seen = self.is_seen
        if self._since is not None:
            self._since = monotonic()
        return seen

    def forget(self) -> None:
        """Wait for the first picture of another case."""
        self._heard_all.stop()
        self._is_there = self._is_begun = self._painted = self._is_shown = False
        self._since = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the canvas is painted; take presses that come before that."""
        if event.type() in PRESSES:
            return not self._is_there
        if event.type() == QEvent.Type.Paint:
            self._is_new = True
            if self._since is None:
                self._is_begun = True
                self._painted = self._is_drawn()
            if self._swapped is None:
                self._on_swapped()
        return False

    def _on_swapped(self) -> None:
        if self._is_new:
            self._is_new = False
            self.drawn.emit()
        if self._is_begun and self._since is None:
            self._is_shown = self._painted
            if not self._heard_all.isActive():
                self._heard_all.start(0)

    def _on_heard_all(self) -> None:
        self._is_there = True
        if self._is_shown and self._since is None:
            self._since = monotonic()

    def close(self) -> None:
        """Let go of the canvas."""
        if self.slices is not None:
            self.slices.close()
            self.slices = None
        self._heard_all.stop()
        if self._canvas is not None:
            self._canvas.removeEventFilter(self)
            if self._swapped is not None:
                self._swapped.disconnect(self._on_swapped)
            self._canvas = self._swapped = None


class SliceWatch(QObject):
    """Tells the session which slices were on the screen for a while.

    Those that only flit by are not: while a key is held down, or the stack is played,
    the next one comes before its time is over.

    Parameters
    ----------
    on_screen : OnScreen
        Tells of each picture that is there.
    canvas : QWidget
        What napari draws the image on.
    session : AnnotationSession
        The job.
    bridge : ViewerBridge
        Shows the case.
    """

    def __init__(
        self,
        on_screen: OnScreen,
        canvas: QWidget,
        session: AnnotationSession,
        bridge: ViewerBridge,
    ) -> None:
        super().__init__()
        self._canvas, self._session, self._bridge = canvas, session, bridge
        self._shown: tuple[object, int] | None = None
        # A key that waited while something else was done comes first: it leads away.
        self._heard_all = timer_once(self, self._on_time)
        self._time = timer_once(self, self._heard_all.start, SEEN)
        self._connections = Connections(
            [
                (on_screen.drawn, self._on_drawn),
                (session.slice_changed, self._stop),
                (session.opened, self._stop),
                (session.closed, self._stop),
                (bridge.plane_changed, self._stop),
            ]
        )
        on_screen.slices = self
        session.seen.watch(True)

    def _here(self) -> tuple[object, int] | None:
        """Return the case and the slice that can be seen now; None if none can."""
        session, bridge = self._session, self._bridge
        image = bridge.image_layer
        if session.locked or not bridge.is_shown or not bridge.plane.is_acquired:
            return None
        if image is None or not image.visible:
            return None
        window = self._canvas.window()
        if not self._canvas.isVisible() or window is None or window.isMinimized():
            return None
        return session.case, session.slice

    def _on_drawn(self) -> None:
        if self._time.isActive() or self._heard_all.isActive():
            return
        if self._session.slice not in self._session.seen:
            self._shown = self._here()
            if self._shown is not None:
                self._time.start()

    def _on_time(self) -> None:
        shown, self._shown = self._shown, None
        if shown is not None and shown == self._here():
            self._session.seen.add(shown[1])

    def _stop(self, *_: object) -> None:
        self._time.stop()
        self._heard_all.stop()
        self._shown = None

    def close(self) -> None:
        """Watch no more."""
        self._stop()
        self._connections.release()
        self._session.seen.watch(False)
