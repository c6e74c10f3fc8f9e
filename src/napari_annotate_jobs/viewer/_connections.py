"""Connections that are all released together."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connections"]


class Connections:
    """Remembers what was connected, so that nothing is left behind."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a napari event emitter or a psygnal signal."""
        signal.connect(slot)
        self._undo.append(lambda: signal.disconnect(slot))

    def append(self, callbacks: list[Any], callback: Callable[..., object]) -> None:
        """Add a callback to one of napari's lists of mouse callbacks."""
        callbacks.append(callback)
        self._undo.append(lambda: callbacks.remove(callback))

    def insert(self, callbacks: list[Any], callback: Callable[..., object]) -> None:
        """Put a callback before all others of a list."""
        callbacks.insert(0, callback)
        self._undo.append(lambda: callbacks.remove(callback))

    def on_release(self, call: Callable[[], object]) -> None:
        """Call something when everything is released."""
        self._undo.append(call)

    def release(self) -> None:
        """Disconnect everything, the latest first; twice does no harm."""
        while self._undo:
            # What the other side has dropped already needs no disconnecting.
            with contextlib.suppress(ValueError, KeyError, RuntimeError):
                self._undo.pop()()
