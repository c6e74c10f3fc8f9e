"""Handle other readers with care: their remarks, and what they ask memory for."""

from __future__ import annotations

import io
import os
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BoundedFile", "quiet"]

_LOCK = threading.Lock()
_DEPTH = 0
_LARGE_READ = 1 << 16
_SAVED: Any = None


class BoundedFile(io.BufferedReader):
    """A file that never makes room for more bytes than it has.

    A damaged length may ask for gigabytes; Python would make room for them
    before it finds out that they are not there.

    Parameters
    ----------
    path : path-like
        The file, opened for reading.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(io.FileIO(path))
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes."""
        if size is not None and size > _LARGE_READ:
            size = min(size, max(self._size - self.tell(), 0))
        return super().read(size)


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
