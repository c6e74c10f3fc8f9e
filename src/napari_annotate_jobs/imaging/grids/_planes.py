"""Planes of one large file, each read when it is wanted and none kept."""

from __future__ import annotations

import contextlib
import threading
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ._unpack import UnpackedPlanes, unpacked_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._header import SeriesHeader

    from ._voxel_place import Place

__all__ = [
    "FilePlanes",
    "PlaneReader",
    "Planes",
    "WholePlanes",
    "open_planes",
    "shared_planes",
]


_SOON = 1 << 28  # about a second of unpacking


class Planes(Protocol):
    """What gives planes, from several threads."""

    def plane(self, index: int, stop: Callable[[], bool] | None = None) -> NDArray[Any]:
        """Return a plane in (j, i[, channel]), as stored."""
        ...


class FilePlanes:
    """Planes that lie in a file as they are.

    Parameters
    ----------
    place : Place
        Not packed.

    Notes
    -----
    They are read, not mapped: what was mapped counts as memory of the process
    until the system wants it back, and a file that shrinks on a network drive
    would end the process.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def plane(self, index: int, stop: Callable[[], bool] | None = None) -> NDArray[Any]:
        """Return a plane; see :class:`Planes`."""
        place = self._place
        out = np.empty(place.plane, place.dtype)
        room = memoryview(out.reshape(-1).view(np.uint8).data)
        try:
            with open(place.path, "rb", buffering=0) as handle:
                handle.seek(place.offset + index * place.plane_bytes)
                done = 0
                while done < len(room):
                    count = handle.readinto(room[done:])
                    if not count:
                        raise EOFError("it ends too early")
                    done += count
        except (OSError, EOFError) as error:
            raise place.damaged(error) from error
        return out


class WholePlanes:
    """Planes of an array that is in memory.

    Parameters
    ----------
    array : numpy.ndarray
        Shape (planes, j, i[, channels]).
    owner : object, optional
        What the memory of `array` belongs to, to be kept with it.
    """

    def __init__(self, array: NDArray[Any], owner: object = None) -> None:
        self._array, self._owner = array, owner

    def __len__(self) -> int:
        return len(self._array)

    def plane(self, index: int, stop: Callable[[], bool] | None = None) -> NDArray[Any]:
        """Return a plane; see :class:`Planes`."""
        plane: NDArray[Any] = self._array[index]
        return plane


# The volumes of a file of four axes are series of their own, and a series may be
# open more than once: all of them share what was unpacked while one is alive.
_shared: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
_sharing = threading.Lock()
_turns: dict[Any, threading.Lock] = {}


def shared_planes(path: Path, what: object, make: Callable[[], Planes]) -> Planes:
    """Return what others made of the same file, or make it.

    Parameters
    ----------
    path : Path
        The file that holds the voxels.
    what : hashable
        What is made of it.
    make : callable
        Makes it if nobody has it yet.

    Raises
    ------
    OSError
        If the file is gone.
    """
    stat = path.stat()
    key = (path, stat.st_size, stat.st_mtime_ns, what)
    with _sharing:
        turn = _turns.setdefault(key, threading.Lock())
    # those who want another file do not wait while this one is read
    with turn:
        planes: Planes | None = _shared.get(key)
        if planes is None:
            planes = _shared[key] = make()
    with _sharing:
        _turns.pop(key, None)
    return planes


def open_planes(place: Place) -> Planes:
    """Return the planes of a file; nothing is read yet."""
    if not place.packed:
        return FilePlanes(place)
    try:
        return shared_planes(place.path, place, lambda: UnpackedPlanes(place))
    except OSError as error:
        raise place.damaged(error) from error


class PlaneReader(ABC):
    """Reads the slices of a file that holds plane after plane.

    Parameters
    ----------
    header : SeriesHeader
        Its frames number the planes.
    """

    def __init__(self, header: SeriesHeader) -> None:
        self._header = header
        self._lock = threading.Lock()
        self._known = False
        self._place: Place | None = None
        self._planes: Planes | None = None

    @abstractmethod
    def _find(self) -> Place | None:
        """Say where the planes are; None where only the whole can be read."""

    @abstractmethod
    def _convert(self, plane: NDArray[Any], out: NDArray[Any], saturate: bool) -> None:
        """Put a plane, (j, i[, channel]) as stored, into a slice."""

    def _whole(self) -> Planes:
        """Read all planes at once, for want of a place."""
        raise NotImplementedError

    def read_into(
        self,
        index: int,
        out: NDArray[Any],
        *,
        saturate: bool,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Read one slice into `out`, shape (rows, columns[, channels])."""
        planes = self._ready()
        plane = planes.plane(self._header.frames[index].frame, stop)
        self._convert(plane, out, saturate)

    def read_in_order(
        self, out: NDArray[Any], *, saturate: bool
    ) -> Generator[int, None, None] | None:
        """Read all slices in one go, where that is better than one by one.

        Returns
        -------
        generator of int, optional
            The index of each slice that is in `out`. None unless the file is
            packed, holds nothing but this series and nobody unpacks it already.
        """
        place = self._found()
        if place is None or not place.packed or place.count != len(out):
            return None
        planes = self._ready()
        if isinstance(planes, UnpackedPlanes) and planes.has_begun:
            return None
        return self._in_order(place, out, saturate)

    def _in_order(
        self, place: Place, out: NDArray[Any], saturate: bool
    ) -> Generator[int, None, None]:
        index_of = {f.frame: i for i, f in enumerate(self._header.frames)}
        with contextlib.closing(unpacked_in_order(place)) as planes:
            for number, plane in enumerate(planes):
                index = index_of[number]
                self._convert(plane, out[index], saturate)
                yield index

    def soon(self) -> int:
        """Return how many slices, from the first, come without a long wait."""
        place = self._found()
        frames = self._header.frames
        if place is None or not place.packed:
            return len(frames)
        planes = self._ready()
        there = planes.done if isinstance(planes, UnpackedPlanes) else 0
        reach = max(there, _SOON) // place.plane_bytes
        return sum(frame.frame < reach for frame in frames)

    def release(self) -> None:
        """Let go of planes in memory, unless other series are made of them too."""
        with self._lock:
            planes = self._planes
            if isinstance(planes, WholePlanes) and len(planes) == len(
                self._header.frames
            ):
                self._planes = None

    def _found(self) -> Place | None:
        with self._lock:
            if not self._known:
                self._place = self._find()
                self._known = True
            return self._place

    def _ready(self) -> Planes:
        place = self._found()
        with self._lock:
            if self._planes is None:
                self._planes = self._whole() if place is None else open_planes(place)
            return self._planes
