"""A series that can be read, slice by slice or whole."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    GeometryError,
    UnreadableImageError,
)

from ._formats import format_named
from ._onto_grid import OntoGrid
from ._reading import FileReader, Reading
from ._rescale import DoesNotFit, wider
from ._volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Window

    from ._header import SeriesHeader
    from ._lazy import LazyVolumes, LazyVoxels
    from ._reading import Cancel, Progress, Reader

__all__ = ["Series", "path_of"]

_PLAUSIBLE = 4000
_LARGE = 1 << 28


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
        self._reader: Reader | None = None
        self._siblings = {other.key: Series(other) for other in header.siblings}

    def __repr__(self) -> str:
        return f"Series({self.header.name!r}, shape={self.header.shape})"

    def _ready(self) -> Reader:
        with self._lock:
            if self._reader is None:
                self._reader = self._new_reader()
            return self._reader

    def _new_reader(self) -> Reader:
        """Return what reads the files; one thread at a time asks, once."""
        self._check_plausible()
        return format_named(self.header.format).reader_of(self.header)

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

    def suggested_windows(
        self, voxels: NDArray[Any] | None = None
    ) -> tuple[Window, ...]:
        """Return the windows to offer, the one to begin with first.

        Parameters
        ----------
        voxels : numpy.ndarray, optional
            What :meth:`read` returned; without it a few slices are read.

        Returns
        -------
        tuple of Window
            :func:`default_window`, then the other ones stored in the image.
        """
        from ._windows import default_window

        first = default_window(self if voxels is None else voxels, self.header)
        return (first, *(w for w in self.header.windows if w != first))

    def soon(self) -> int:
        """Return how many slices can be read without a long wait.

        Returns
        -------
        int
            Counted from the first. Fewer than all only of a large packed file,
            which has to be unpacked up to the slice that is wanted.
        """
        reader = self._ready()
        count = self.header.shape[0]
        return reader.soon() if isinstance(reader, FileReader) else count

    def lazy(self, budget: int | None = None) -> LazyVoxels:
        """Return its voxels as an array that reads slices when they are asked for.

        Parameters
        ----------
        budget : int, optional
            Bytes of slices it may keep (see :class:`LazyVoxels`).
        """
        from ._lazy import LazyVoxels

        return LazyVoxels(self, budget)

    @property
    def volumes(self) -> tuple[Series, ...]:
        """All its volumes in their order, such as its time points; often one."""
        return tuple(self._siblings.get(h.key, self) for h in self.header.volumes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all volumes: the header's, behind their number if there are several."""
        count = 1 + len(self._siblings)
        return self.header.shape if count == 1 else (count, *self.header.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """A type that holds the voxels of all volumes."""
        return np.result_type(*(header.dtype for header in self.header.volumes))

    @property
    def nbytes(self) -> int:
        """Bytes that all volumes take in memory."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def read_all(self, cancelled: Cancel | None = None) -> NDArray[Any]:
        """Read all volumes into memory.

        Parameters
        ----------
        cancelled : callable, optional
            Asked between slices.

        Returns
        -------
        numpy.ndarray
            Of the shape :attr:`shape`. Of the type :attr:`dtype`, wider only where a
            value does not fit that.

        Raises
        ------
        Cancelled
            If `cancelled` returned True.
        """
        if not self._siblings:
            return self.read(cancelled=cancelled)
        if any(header.optimistic for header in self.header.volumes):
            return np.stack([v.read(cancelled=cancelled) for v in self.volumes])
        out = np.empty(self.shape, self.dtype)
        for volume, room in zip(self.volumes, out, strict=True):
            volume.read(room, cancelled=cancelled)
        return out

    def onto(self, reference: SeriesHeader) -> OntoGrid | None:
        """Return what resamples it onto the slices of another series.

        None where nobody knows how they lie to one another; see
        :meth:`OntoGrid.between`.
        """
        return OntoGrid.between(reference, self.header)

    def own_of(self, voxels: Any) -> Any:
        """Return this volume's part of what :meth:`read_all` returned."""
        return voxels[self.header.volume] if self._siblings else voxels

    def stack(self, budget: int | None = None) -> LazyVoxels | LazyVolumes:
        """Return all volumes as one lazy array of the shape :attr:`shape`.

        Parameters
        ----------
        budget : int, optional
            Bytes of slices kept, of all volumes together.
        """
        from ._lazy import LazyVolumes

        if not self._siblings:
            return self.lazy(budget)
        return LazyVolumes(self, budget)

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
            that it can follow the user.
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
            Reading(reader, out, given, *watch).run(order, workers)
        except DoesNotFit:
            out = np.empty(header.shape, wider(out.dtype))
            Reading(reader, out, True, *watch).run(None, workers)
        if order is None and isinstance(reader, FileReader):
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


def path_of(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path, without following links."""
    return Path(os.path.abspath(os.path.expanduser(path)))
