"""When the open case was really painted on the screen."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

__all__ = ["LOOK", "OnScreen"]

LOOK = 0.3
"""Seconds from the first picture of a case, and from the last press, until Submit is
taken for an answer to what is seen: nobody sees, chooses and presses in less."""


class OnScreen(QObject):
    """Knows whether somebody can have seen the open case.

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
        self._painted = False
        self._since: float | None = None
        canvas.installEventFilter(self)
        # Tells when the picture has been handed to the screen. Other widgets of the
        # window are composed with an old picture of the canvas, hence both.
        self._swapped = getattr(canvas, "frameSwapped", None)
        if self._swapped is not None:
            self._swapped.connect(self._on_swapped)

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
        self._painted, self._since = False, None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that the canvas is painted."""
        if self._since is None and event.type() == QEvent.Type.Paint:
            self._painted = self._is_drawn()
            if self._swapped is None:
                self._on_swapped()
        return False

    def _on_swapped(self) -> None:
        if self._painted and self._since is None:
            self._since = monotonic()

    def close(self) -> None:
        """Let go of the canvas."""
        if self._canvas is not None:
            self._canvas.removeEventFilter(self)
            if self._swapped is not None:
                self._swapped.disconnect(self._on_swapped)
            self._canvas = self._swapped = None
