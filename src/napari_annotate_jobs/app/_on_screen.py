"""When the open case was really painted on the screen."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

__all__ = ["LOOK", "OnScreen"]

LOOK = 0.3
"""Seconds from the first picture of a case, and from the last press, until Submit is
taken for an answer to what is seen: nobody sees, chooses and presses in less."""


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

    def __init__(self, canvas: QWidget, is_drawn: Callable[[], bool]) -> None:
        super().__init__()
        self._canvas: QWidget | None = canvas
        self._is_drawn = is_drawn
        self._is_there = self._is_begun = self._painted = self._is_shown = False
        self._since: float | None = None
        # Qt paints first what has waited, and hears keys and mouse after it; a timer
        # without delay comes when all that has been dealt with.
        self._heard_all = QTimer(self)
        self._heard_all.setSingleShot(True)
        self._heard_all.timeout.connect(self._on_heard_all)
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
        if event.type() == QEvent.Type.Paint and self._since is None:
            self._is_begun = True
            self._painted = self._is_drawn()
            if self._swapped is None:
                self._on_swapped()
        return False

    def _on_swapped(self) -> None:
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
        self._heard_all.stop()
        if self._canvas is not None:
            self._canvas.removeEventFilter(self)
            if self._swapped is not None:
                self._swapped.disconnect(self._on_swapped)
            self._canvas = self._swapped = None
