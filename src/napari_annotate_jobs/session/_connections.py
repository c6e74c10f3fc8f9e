"""Connections that are all released together."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Connected", "Connections"]


class Connections:
    """Remembers what was connected, so that nothing is left behind.

    Parameters
    ----------
    pairs : iterable of (signal, callable)
        What to connect at once, in this order; see :meth:`connect`.
    """

    def __init__(self, pairs: Iterable[tuple[Any, Callable[..., object]]] = ()) -> None:
        self._undo: list[Callable[[], object]] = []
        for signal, slot in pairs:
            self.connect(signal, slot)

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a signal of psygnal or Qt, or an event emitter of napari."""
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


class Connected:
    """What hears of others through its connections, until it is closed."""

    _connections: Connections

    def close(self) -> None:
        """Hear of nothing any more."""
        self._connections.release()
