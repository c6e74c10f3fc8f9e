"""Compressed voxels: unpacked front to back, once, and out of memory.

A packed stream can only be read from its start. Measured on a CT of 300 x 512 x
512 (157 MB, ``.gz`` of 76 MB): a slice anywhere costs 70 to 80 ms through an index
into the stream (indexed_gzip, a point each 4 MiB; each point holds 32 KiB or more),
and well below 1 ms from an unpacked copy on disk, which is written while
unpacking goes on anyway. Hence the copy, in a file without a name.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import threading
import weakref
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import Cancelled, ImagingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from ._voxel_place import Place

__all__ = ["UnpackedPlanes", "spool_folder", "unpacked_in_order"]

_PIECE = 1 << 20
_PACKED_PIECE = 1 << 18
_SPARE = 1 << 26  # left free for everybody else
_IN_MEMORY = 1 << 28  # so much is kept in memory where the disk is full
_TAIL = 1 << 24  # read behind the voxels to reach the sum that proves them


class _Inflating:
    """A gzip (RFC 1952) or zlib (RFC 1950) stream within a file.

    Takes a quarter of a megabyte at a time: gzip.open takes 8 KiB, and a third
    longer. Sums are checked at the end of each member, by zlib itself.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self._file = open(path, "rb", buffering=0)
        try:
            self._file.seek(offset)
            self._rest = self._file.read(_PACKED_PIECE)
        except BaseException:
            self._file.close()
            raise
        self._gzip = self._rest[:2] == b"\x1f\x8b"
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS + (16 if self._gzip else 0))

    def close(self) -> None:
        self._file.close()

    def read(self, most: int) -> bytes:
        """Return at most `most` bytes; none where the stream ends as it should."""
        while not self._inflate.eof or self._next_member():
            data = self._inflate.unconsumed_tail or self._rest
            self._rest = b""
            data = data or self._file.read(_PACKED_PIECE)
            piece = self._inflate.decompress(data, most)
            if piece:
                return piece
            if not data and not self._inflate.eof:
                raise EOFError("it ends too early")
        return b""

    def _next_member(self) -> bool:
        """Go on with the next member of a gzip file; skip the padding behind it."""
        if not self._gzip:
            return False
        rest = self._inflate.unused_data.lstrip(b"\0")
        while len(rest) < 2:
            more = self._file.read(_PACKED_PIECE)
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        if not rest:
            return False
        if rest[:2] != b"\x1f\x8b":
            raise zlib.error("something else follows the packed data")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS + 16)
        self._rest = rest
        return True


def _opened(place: Place) -> _Inflating:
    """Open the stream at the first voxel."""
    stream = _Inflating(place.path, place.offset)
    try:
        left = place.skip
        while left:
            left -= len(_some(stream, min(left, _PIECE)))
    except BaseException:
        stream.close()
        raise
    return stream


def _some(stream: _Inflating, most: int) -> bytes:
    piece = stream.read(most)
    if not piece:
        raise EOFError("it holds fewer voxels than its header says")
    return piece


def _prove(stream: _Inflating) -> None:
    """Read what is behind the voxels, up to the sum that proves them intact."""
    left = _TAIL
    while left > 0 and (piece := stream.read(_PIECE)):
        left -= len(piece)


def unpacked_in_order(place: Place) -> Generator[NDArray[Any], None, None]:
    """Unpack all planes, without keeping any.

    Yields
    ------
    numpy.ndarray
        One plane after the other, in the same memory: valid until the next.

    Raises
    ------
    UnreadableImageError
        If the stream is damaged or cut off; at its end at the latest.
    """
    plane = np.empty(place.plane, place.dtype)
    room = memoryview(plane.reshape(-1).view(np.uint8).data)
    try:
        stream = _opened(place)
        try:
            piece = memoryview(b"")
            for _ in range(place.count):
                done = 0
                while done < len(room):
                    # whole pieces: zlib copies what it has not used each time
                    piece = piece or memoryview(_some(stream, _PIECE))
                    part = piece[: len(room) - done]
                    room[done : done + len(part)] = part
                    piece = piece[len(part) :]
                    done += len(part)
                yield plane
            _prove(stream)
        finally:
            stream.close()
    except (OSError, EOFError, zlib.error) as error:
        raise place.damaged(error) from error


def spool_folder() -> Path:
    """Return the folder for large temporary files.

    Returns
    -------
    Path
        What TMPDIR, TEMP or TMP name. Else the system's own; on Linux
        ``/var/tmp``, for ``/tmp`` is often memory (file-hierarchy(7)).
    """
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    large = Path("/var/tmp")
    if sys.platform.startswith("linux") and not named and os.access(large, os.W_OK):
        return large
    return Path(tempfile.gettempdir())


class UnpackedPlanes:
    """Planes of a packed file, each there as soon as the stream has reached it.

    Parameters
    ----------
    place : Place
        Where the voxels are.

    Notes
    -----
    May be used from several threads. Who needs a plane that is not there yet
    unpacks up to it, the others wait; there is no thread of its own that would
    have to be stopped. The file goes with the last reference to this object, or
    with the process.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._changed = threading.Condition()
        self._pulling = False
        self._done = 0
        self._fault: ImagingError | None = None
        self._file_lock = threading.Lock()
        self._spool: Any = None
        self._stream: _Inflating | None = None
        self._open: list[Any] = []
        weakref.finalize(self, _close_all, self._open)

    @property
    def done(self) -> int:
        """Bytes that are unpacked."""
        return self._done

    @property
    def has_begun(self) -> bool:
        """Whether some of it is unpacked, or known to be damaged."""
        return self._done > 0 or self._fault is not None

    def plane(self, index: int, stop: Callable[[], bool] | None = None) -> NDArray[Any]:
        """Return a plane of its own memory, shape ``place.plane``.

        Parameters
        ----------
        index : int
            From 0.
        stop : callable, optional
            Asked while unpacking; returns whether to give up.

        Raises
        ------
        Cancelled
            If `stop` returned True.
        UnreadableImageError
            If the file is damaged; from then on for every plane, for what came
            before the damage is not proved either.
        ImagingError
            If there is no room for the unpacked voxels.
        """
        size = self._place.plane_bytes
        self._reach((index + 1) * size, stop)
        out = np.empty(self._place.plane, self._place.dtype)
        room = memoryview(out.reshape(-1).view(np.uint8).data)
        # Not the lock of the stream: what is there is read while others unpack on.
        with self._file_lock:
            self._spool.seek(index * size)
            done = 0
            while done < size:
                count = self._spool.readinto(room[done:])
                if not count:
                    raise self._place.damaged(EOFError("its copy was cut off"))
                done += count
        return out

    def _reach(self, end: int, stop: Callable[[], bool] | None) -> None:
        """Return when `end` bytes are there."""
        with self._changed:
            while True:
                if self._fault is not None:
                    raise self._fault
                if self._done >= end:
                    return
                if stop is not None and stop():
                    raise Cancelled("reading was stopped")
                if not self._pulling:
                    self._pulling = True
                    break
                self._changed.wait(0.1)  # then `stop` is asked again
        try:
            self._pull(end, stop)
        except (EOFError, zlib.error) as error:
            # Damage stays: who asks next is told at once, not after unpacking it again.
            self._start_again()
            self._fault = self._place.damaged(error)
            raise self._fault from error
        except OSError as error:
            # the disk or the network may be back for the next one who asks
            self._start_again()
            raise self._place.damaged(error) from error
        except ImagingError:
            self._start_again()
            raise
        finally:
            with self._changed:
                self._pulling = False
                self._changed.notify_all()

    def _pull(self, end: int, stop: Callable[[], bool] | None) -> None:
        total = self._place.plane_bytes * self._place.count
        if self._stream is None:
            self._begin(total)
        while self._done < end:
            if stop is not None and stop():
                raise Cancelled("reading was stopped")
            last = self._one_piece(total)
            with self._changed:
                self._done += last
                self._changed.notify_all()

    def _one_piece(self, total: int) -> int:
        """Copy some bytes; at the end prove them before anybody gets the last."""
        assert self._stream is not None
        piece = _some(self._stream, min(_PIECE, total - self._done))
        if self._done + len(piece) == total:
            _prove(self._stream)
            self._stream.close()
        try:
            with self._file_lock:
                self._spool.seek(self._done)
                done = 0
                while done < len(piece):
                    done += self._spool.write(piece[done:])
        except OSError as error:
            raise self._no_room(total) from error
        return len(piece)

    def _begin(self, total: int) -> None:
        folder = spool_folder()
        room = shutil.disk_usage(folder).free >= total + _SPARE
        if not room and total > _IN_MEMORY:
            raise self._no_room(total)
        self._stream = _opened(self._place)
        self._open[:] = [self._stream, *filter(None, [self._spool])]
        if self._spool is None and not room:
            self._spool = io.BytesIO()
        if self._spool is None:
            try:
                self._spool = tempfile.TemporaryFile(dir=folder, buffering=0)
            except OSError as error:
                raise self._no_room(total) from error
            self._open.append(self._spool)

    def _start_again(self) -> None:
        with self._changed:
            self._done = 0
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _no_room(self, total: int) -> ImagingError:
        folder = spool_folder()
        free = shutil.disk_usage(folder).free
        return ImagingError(
            f"needs {(total + _SPARE) >> 20} MiB to be unpacked, {folder} has "
            f"{free >> 20} MiB left",
            where=self._place.named,
            remedy="Make room there, let TMPDIR name a folder that has it, or "
            "unpack the file yourself",
        )


def _close_all(handles: list[Any]) -> None:
    for handle in handles:
        handle.close()
