"""Reading the slices of a series by a few threads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from napari_annotate_jobs.errors import Cancelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cancel", "FileReader", "Progress", "Reader", "Reading"]

Progress = Callable[[int, int], None]
"""Called with the number done and the number in all."""

Cancel = Callable[[], bool]
"""Returns whether the task is to stop."""


class Reader(Protocol):
    """What every format has."""

    def read_into(self, index: int, out: NDArray[Any], *, saturate: bool) -> None:
        """Read one slice into `out`; clip what does not fit if `saturate`."""


@runtime_checkable
class FileReader(Protocol):
    """A reader of many slices in one file, which may have to be read in order."""

    def read_into(
        self,
        index: int,
        out: NDArray[Any],
        *,
        saturate: bool,
        stop: Cancel | None = None,
    ) -> None:
        """Read one slice; give up with Cancelled when `stop` says so."""

    def read_in_order(
        self, out: NDArray[Any], *, saturate: bool
    ) -> Generator[int, None, None] | None:
        """Read all slices, where that is better than one by one."""

    def soon(self) -> int:
        """Return how many slices, from the first, come without a long wait."""

    def release(self) -> None:
        """Let go of what was kept: the whole is read."""


class Reading:
    """One reading of a whole series by a few threads."""

    def __init__(
        self,
        reader: Reader,
        out: NDArray[Any],
        saturate: bool,
        progress: Progress | None,
        cancelled: Cancel | None,
        on_slice: Callable[[int], None] | None,
    ) -> None:
        self._reader = reader
        self._file = reader if isinstance(reader, FileReader) else None
        self._out = out
        self._saturate = saturate
        self._total = len(out)
        self._progress = progress
        self._cancelled = cancelled
        self._on_slice = on_slice
        self._done = 0
        self._halt = threading.Event()
        self._stop: Cancel = self._halt.is_set

    def run(self, order: Iterable[int] | None, workers: int | None) -> None:
        """Read the slices of `order`, or all."""
        if order is None and self._file is not None:
            arriving = self._file.read_in_order(self._out, saturate=self._saturate)
            if arriving is not None:
                self._arriving(arriving)
                return
        indices = range(len(self._out)) if order is None else order
        self._each(indices, workers or os.cpu_count() or 1)

    def _arriving(self, indices: Generator[int, None, None]) -> None:
        self._stop_if_cancelled()
        with contextlib.closing(indices):  # the file is closed with it
            for index in indices:
                self._report([index])
                self._stop_if_cancelled()

    def _each(self, indices: Iterable[int], workers: int) -> None:
        watched = (self._progress, self._cancelled, self._on_slice) != (None,) * 3
        if workers == 1:
            self._stop = self._cancelled or self._stop
            for index in indices:
                self._stop_if_cancelled()
                self._one(index)
                self._report([index])
            return
        if not watched and isinstance(indices, list | range):
            self._in_shares(list(indices), workers)
            return
        self._watched(iter(indices), workers)

    def _in_shares(self, indices: list[int], workers: int) -> None:
        """Let each thread read an even share: the least that can be waited for."""
        shares = [indices[i::workers] for i in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            for future in [pool.submit(self._some, share) for share in shares]:
                future.result()

    def _watched(self, indices: Iterator[int], workers: int) -> None:
        with ThreadPoolExecutor(workers) as pool:
            running: dict[Future[None], int] = {}
            try:
                while True:
                    self._stop_if_cancelled()
                    while len(running) < workers + 1:
                        index = next(indices, None)
                        if index is None:
                            break
                        running[pool.submit(self._one, index)] = index
                    if not running:
                        return
                    # a slice may be far into a packed file: ask in between
                    patience = None if self._cancelled is None else 0.1
                    done, _ = wait(running, patience, FIRST_COMPLETED)
                    for future in done:
                        index = running.pop(future)
                        future.result()
                        self._report([index])
            finally:
                self._halt.set()
                for future in running:
                    future.cancel()

    def _some(self, indices: list[int]) -> None:
        for index in indices:
            self._one(index)

    def _one(self, index: int) -> None:
        out = self._out[index]
        if self._file is not None:
            self._file.read_into(index, out, saturate=self._saturate, stop=self._stop)
        else:
            self._reader.read_into(index, out, saturate=self._saturate)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("reading was stopped")

    def _report(self, indices: list[int]) -> None:
        for index in indices:
            self._done += 1
            if self._on_slice is not None:
                self._on_slice(index)
            if self._progress is not None:
                self._progress(self._done, self._total)
