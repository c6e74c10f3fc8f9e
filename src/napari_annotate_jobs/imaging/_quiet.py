"""Keep other readers' remarks about odd files from the user's terminal."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet"]

_LOCK = threading.Lock()
_DEPTH = 0
_SAVED: Any = None


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings until the last thread inside has left.

    Readers warn about files that break a rule; what matters of it we report
    ourselves. ``warnings.catch_warnings`` alone is not safe between threads:
    one thread would restore the filters that another relies on.
    """
    global _DEPTH, _SAVED
    with _LOCK:
        if _DEPTH == 0:
            _SAVED = warnings.catch_warnings()
            _SAVED.__enter__()
            warnings.simplefilter("ignore")
        _DEPTH += 1
    try:
        yield
    finally:
        with _LOCK:
            _DEPTH -= 1
            if _DEPTH == 0:
                _SAVED.__exit__(None, None, None)
                _SAVED = None
