"""Edits that were made elsewhere, and are told before anybody looks."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Untold"]


class Untold:
    """Edits that were made where one draws, and are not in the annotation yet.

    Whoever looks at the annotation, or at what can be undone, hears of them first: it
    makes no difference to them that an edit was told late. Another thread than that
    which is to tell finds what has been told so far.
    """

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []
        self._thread = 0

    def expect(self, tell: Callable[[], None]) -> None:
        """Have an edit told before anybody looks; `tell` is called once."""
        self._calls.append(tell)
        self._thread = get_ident()

    def hear(self) -> None:
        """Hear of all that was not told yet."""
        if self._calls and get_ident() == self._thread:
            calls, self._calls = self._calls, []
            for tell in calls:
                tell()
