"""A series that can be read, slice by slice or whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from napari_annotate_jobs.errors import (
    Cancelled,
    GeometryError,
    InvalidValueError,
    UnreadableImageError,
)
from napari_annotate_jobs.imaging._rescale import DoesNotFit, wider
from napari_annotate_jobs.imaging._volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._header import SeriesHeader
    from napari_annotate_jobs.imaging._lazy import LazyVoxels
    from napari_annotate_jobs.model import Window

__all__ = ["Cancel", "Progress", "Series", "nearest_first"]

Progress = Callable[[int, int], None]
"""Called with the number done and the number in all."""

Cancel = Callable[[], bool]
"""Returns whether the task is to stop."""

_PLAUSIBLE = 4000
_LARGE = 1 << 28


class _Reader(Protocol):
    def read_into(self, index: int, out: NDArray[Any], *, saturate: bool) -> None: ...


@runtime_checkable
class _FileReader(Protocol):
    """Of many slices in one file, which may have to be read from its start."""

    def read_into(
        self,
        index: int,
        out: NDArray[Any],
        *,
        saturate: bool,
        stop: Cancel | None = None,
    ) -> None: ...

    def read_in_order(
        self, out: NDArray[Any], *, saturate: bool
    ) -> Iterator[int] | None: ...

    def release(self) -> None: ...


def _reader_of(header: SeriesHeader) -> _Reader:
    if header.format == "dicom":
        from napari_annotate_jobs.imaging._dicom_pixels import DicomReader

        return DicomReader(header)
    if header.format == "nifti":
        from napari_annotate_jobs.imaging._nifti import NiftiReader

        return NiftiReader(header)
    if header.format == "itk":
        from napari_annotate_jobs.imaging._itk import ItkReader

        return ItkReader(header)
    if header.format == "raster":
        from napari_annotate_jobs.imaging._raster import RasterReader

        return RasterReader(header)
    raise InvalidValueError(f"no reader of {header.format!r} images")


def nearest_first(count: int, current: Callable[[], int]) -> Iterator[int]:
    """Give the indices 0 to `count` - 1, always the one nearest to `current`.

    Parameters
    ----------
    count : int
        How many there are.
    current : callable
        Returns the index shown at the moment; it is asked again for each, so
        that reading follows a scrolling user.

    Yields
    ------
    int
        Each index once.
    """
    left = np.ones(count, dtype=bool)
    for _ in range(count):
        here = min(max(current(), 0), count - 1)
        if left[here]:
            index = here
        else:
            ahead = np.flatnonzero(left[here:])
            behind = np.flatnonzero(left[:here])
            after = here + int(ahead[0]) if ahead.size else None
            before = int(behind[-1]) if behind.size else None
            if before is None or (after is not None and after - here <= here - before):
                assert after is not None
                index = after
            else:
                index = before
        left[index] = False
        yield index


class Series:
    """A series whose header is known and whose slices can be read.

    Parameters
    ----------
    header : SeriesHeader
        From :func:`find_series`, or from a cache: check
        ``header.is_current()`` first.

    Attributes
    ----------
    header : SeriesHeader
        What the series is.

    Notes
    -----
    May be used from several threads.
    """

    def __init__(self, header: SeriesHeader) -> None:
        self.header = header
        self._lock = threading.Lock()
        self._reader: _Reader | None = None

    def __repr__(self) -> str:
        return f"Series({self.header.name!r}, shape={self.header.shape})"

    def _ready(self) -> _Reader:
        with self._lock:
            if self._reader is None:
                self._check_plausible()
                self._reader = _reader_of(self.header)
            return self._reader

    def _check_plausible(self) -> None:
        """Refuse to make room for more than the files could hold."""
        header = self.header
        there = sum(file.size for file in header.files)
        if header.nbytes > max(_LARGE, there * _PLAUSIBLE):
            raise UnreadableImageError(
                f"claims {header.nbytes} bytes of voxels, its files have {there}",
                where=header.path,
                remedy="Copy or export the file again",
            )

    def suggested_windows(self) -> tuple[Window, ...]:
        """Return the windows to offer, the one to begin with first.

        Returns
        -------
        tuple of Window
            :func:`default_window`, then the other ones stored in the image.
        """
        from napari_annotate_jobs.imaging._windows import default_window

        first = default_window(self)
        return (first, *(w for w in self.header.windows if w != first))

    def lazy(self, budget: int | None = None) -> LazyVoxels:
        """Return its voxels as an array that reads slices when they are asked for.

        Parameters
        ----------
        budget : int, optional
            Bytes of slices it may keep (see :class:`LazyVoxels`).
        """
        from napari_annotate_jobs.imaging._lazy import LazyVoxels

        return LazyVoxels(self, budget)

    def read_slice(self, index: int) -> NDArray[Any]:
        """Read one slice.

        Parameters
        ----------
        index : int
            Place along the slice axis, from 0; negative counts from the end.

        Returns
        -------
        numpy.ndarray
            Shape (rows, columns[, channels]), in modality units, of the
            header's dtype; wider only where a value does not fit that.

        Raises
        ------
        IndexError
            If there is no such slice.
        ImagingError
            If the file is gone or damaged.
        """
        count = self.header.shape[0]
        if not -count <= index < count:
            raise IndexError(f"slice {index} of {count}")
        index %= count
        reader = self._ready()
        out = np.empty(self.header.shape[1:], self.header.dtype)
        try:
            reader.read_into(index, out, saturate=False)
        except DoesNotFit:
            out = np.empty(out.shape, wider(out.dtype))
            reader.read_into(index, out, saturate=True)
        return out

    def read(
        self,
        out: NDArray[Any] | None = None,
        order: Iterable[int] | None = None,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
        *,
        on_slice: Callable[[int], None] | None = None,
        workers: int | None = None,
    ) -> NDArray[Any]:
        """Read all slices.

        Parameters
        ----------
        out : numpy.ndarray, optional
            Shape ``header.shape``; receives the voxels as they come. Values
            that its type cannot hold are clipped to its range.
        order : iterable of int, optional
            The slices to read, first to last; consumed as reading goes on, so
            that :func:`nearest_first` can follow the user.
        progress : callable, optional
            Called with (done, total), in the calling thread.
        cancelled : callable, optional
            Asked between slices.
        on_slice : callable, optional
            Called with the index of each slice read, in the calling thread.
        workers : int, optional
            Threads; by default one a core.

        Returns
        -------
        numpy.ndarray
            Shape ``header.shape``; `out` if that was given. Of the header's
            dtype, wider only where a value does not fit that.

        Raises
        ------
        Cancelled
            If `cancelled` returned True.
        ImagingError
            If a file is gone or damaged; what was read until then is in `out`.
        """
        reader = self._ready()
        header = self.header
        given = out is not None
        if out is None:
            out = np.empty(header.shape, header.dtype)
        elif out.shape != header.shape:
            raise GeometryError(
                f"room of shape {out.shape} for {header.shape}", where=header.path
            )
        watch = (progress, cancelled, on_slice)
        try:
            _Job(reader, out, given, *watch).run(order, workers)
        except DoesNotFit:
            out = np.empty(header.shape, wider(out.dtype))
            _Job(reader, out, True, *watch).run(None, workers)
        if order is None and isinstance(reader, _FileReader):
            reader.release()
        return out

    def volume(
        self, progress: Progress | None = None, cancelled: Cancel | None = None
    ) -> Volume:
        """Read all slices into a :class:`Volume`; see :meth:`read`."""
        voxels = self.read(progress=progress, cancelled=cancelled)
        header = self.header
        if voxels.dtype != header.dtype:
            header = replace(header, dtype=voxels.dtype, optimistic=False)
        return Volume(header, voxels)


class _Job:
    """One reading of a whole series by a few threads."""

    def __init__(
        self,
        reader: _Reader,
        out: NDArray[Any],
        saturate: bool,
        progress: Progress | None,
        cancelled: Cancel | None,
        on_slice: Callable[[int], None] | None,
    ) -> None:
        self._reader = reader
        self._file = reader if isinstance(reader, _FileReader) else None
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

    def _arriving(self, indices: Iterator[int]) -> None:
        self._stop_if_cancelled()
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


def path_of(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path, without following links."""
    return Path(os.path.abspath(os.path.expanduser(path)))
