"""Voxels that stay on disk until they are looked at."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ._readable import Readable, ReadableVolumes

__all__ = ["LazyVolumes", "LazyVoxels", "default_budget"]

_FALLBACK = 1 << 31


def default_budget() -> int:
    """Return the memory that images may take by default.

    Returns
    -------
    int
        Bytes: a quarter of the memory that is free now; 2 GiB where the system
        does not tell.
    """
    with contextlib.suppress(ImportError):
        # it comes with napari and knows every system
        psutil: Any = importlib.import_module("psutil")
        return int(psutil.virtual_memory().available) // 4
    try:
        pages = os.sysconf("SC_AVPHYS_PAGES")
        return pages * os.sysconf("SC_PAGE_SIZE") // 4
    except (AttributeError, OSError, ValueError):
        return _FALLBACK


class _Shelf:
    """Slices that were read, the least recently used given up first."""

    def __init__(self, budget: int | None) -> None:
        if budget is not None and budget < 0:
            raise InvalidValueError("a memory budget cannot be negative")
        self.budget = default_budget() if budget is None else budget
        self._slices: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading: dict[tuple[int, int], threading.Lock] = {}
        self.held = 0

    def get(
        self, key: tuple[int, int], read: Callable[[], NDArray[Any]]
    ) -> NDArray[Any]:
        """Return a slice; of several threads that ask, one reads it."""
        with self._lock:
            kept = self._slices.get(key)
            if kept is not None:
                self._slices.move_to_end(key)
                return kept
            turn = self._reading.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                kept = self._slices.get(key)
            if kept is not None:
                return kept
            plane = read()
            self._keep(key, plane)
            return plane

    def _keep(self, key: tuple[int, int], plane: NDArray[Any]) -> None:
        with self._lock:
            self._reading.pop(key, None)
            old = self._slices.pop(key, None)
            if old is not None:
                self.held -= old.nbytes
            self._slices[key] = plane
            self.held += plane.nbytes
            while self.held > self.budget and len(self._slices) > 1:
                _, old = self._slices.popitem(last=False)
                self.held -= old.nbytes

    def has(self, key: tuple[int, int]) -> bool:
        with self._lock:
            return key in self._slices


class _LazyArray(ABC):
    """What napari's image layers want to know of an array before they read it."""

    _shelf: _Shelf

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels."""

    @abstractmethod
    def _read_into(self, out: NDArray[Any]) -> None:
        """Read all there is."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array, were it in memory."""
        return self.size * self.dtype.itemsize

    @property
    def held(self) -> int:
        """Bytes of the slices kept now."""
        return self._shelf.held

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole array in memory, whatever the budget."""
        if copy is False:
            raise ValueError("the voxels are on disk: reading them makes a copy")
        out = np.empty(self.shape, self.dtype)
        self._read_into(out)
        return out if dtype is None else out.astype(dtype, copy=False)


class LazyVoxels(_LazyArray):
    """An array of a series whose slices are read when they are asked for.

    What was read is kept, the least recently used slice given up first, within
    a number of bytes. It has what napari's image layers need of an array, and
    may be used from several threads.

    Parameters
    ----------
    series : Series
        What to read from.
    budget : int, optional
        Bytes of slices kept; by default :func:`default_budget`. One slice is
        kept in any case.

    Notes
    -----
    The type is fixed: values it cannot hold are clipped to its range.
    """

    def __init__(self, series: Readable, budget: int | None = None) -> None:
        self._series = series
        self._shelf, self._number = _Shelf(budget), 0
        self._dtype = series.header.dtype

    @classmethod
    def _on(
        cls, shelf: _Shelf, number: int, series: Readable, dtype: np.dtype[Any]
    ) -> LazyVoxels:
        """Return an array that shares its room and its type with others."""
        made = cls.__new__(cls)
        made._series, made._shelf, made._number = series, shelf, number
        made._dtype = dtype
        return made

    @property
    def shape(self) -> tuple[int, ...]:
        """(slices, rows, columns[, channels])."""
        return self._series.header.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels."""
        return self._dtype

    @property
    def budget(self) -> int:
        """Bytes of slices that may be kept."""
        return self._shelf.budget

    def plane(self, index: int) -> NDArray[Any]:
        """Return one slice, from memory or from disk.

        Parameters
        ----------
        index : int
            Place along the slice axis, from 0.

        Returns
        -------
        numpy.ndarray
            Shape (rows, columns[, channels]), read-only.
        """
        return self._shelf.get((self._number, index), lambda: self._read(index))

    def _read(self, index: int) -> NDArray[Any]:
        plane = self._series.read_slice(index)
        if plane.dtype != self.dtype:
            if not np.can_cast(plane.dtype, self.dtype):
                info = np.iinfo(self.dtype)
                plane = np.clip(plane, info.min, info.max)
            plane = plane.astype(self.dtype)
        plane.flags.writeable = False
        return plane

    def is_held(self, index: int) -> bool:
        """Whether a slice is in memory, so that it shows at once."""
        return self._shelf.has((self._number, index))

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if any(item is None for item in keys) or (
            keys and isinstance(keys[0], np.ndarray) and keys[0].ndim > 1
        ):
            return np.asarray(self)[key]
        if keys and keys[0] is Ellipsis:
            rest = len(keys) - 1
            keys = (slice(None),) * (self.ndim - rest) + keys[1:]
        first, rest_keys = (keys[0], keys[1:]) if keys else (slice(None), ())
        count = self.shape[0]
        if isinstance(first, int | np.integer):
            index = int(first)
            if not -count <= index < count:
                raise IndexError(f"slice {index} of {count}")
            return self.plane(index % count)[rest_keys]
        places = np.arange(count)[first]
        if not places.size:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *rest_keys)]
        parts = [np.asarray(self.plane(int(i))[rest_keys]) for i in places]
        return np.stack(parts)

    def _read_into(self, out: NDArray[Any]) -> None:
        self._series.read(out)


class LazyVolumes(_LazyArray):
    """The volumes of one series, such as its time points, as one lazy array.

    Parameters
    ----------
    series : Series
        What to read from.
    budget : int, optional
        Bytes of slices kept, of all volumes together.

    Notes
    -----
    Each axis is indexed by itself: two lists of indices choose a block.
    """

    def __init__(self, series: ReadableVolumes, budget: int | None = None) -> None:
        shelf = _Shelf(budget)
        self._series, self._shelf = series, shelf
        self.volumes = tuple(
            LazyVoxels._on(shelf, number, volume, series.dtype)
            for number, volume in enumerate(series.volumes)
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """(volumes, slices, rows, columns[, channels])."""
        return self._series.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels."""
        return self._series.dtype

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if keys and keys[0] is Ellipsis:
            keys = (slice(None),) * (self.ndim - len(keys) + 1) + keys[1:]
        first, rest = (keys[0], keys[1:]) if keys else (slice(None), ())
        if isinstance(first, int | np.integer):
            volume = self.volumes[int(first)]
            return volume[rest] if rest else volume
        if first is None or (isinstance(first, np.ndarray) and first.ndim > 1):
            return np.asarray(self)[key]
        chosen = [self.volumes[i] for i in np.arange(len(self))[first]]
        if not chosen:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *rest)]
        return np.stack([np.asarray(volume[rest]) for volume in chosen])

    def _read_into(self, out: NDArray[Any]) -> None:
        for volume, room in zip(self._series.volumes, out, strict=True):
            volume.read(room)
