"""The frames of a DICOM SEG, written as they come.

What highdicom makes of a segmentation stands in memory whole: masks, packed frames
and a tree of objects for each frame. Here it makes all but the frames, which follow
in the encoding of PS3.5: a file of 100 labels takes no more memory than one of 3.
"""

from __future__ import annotations

import hashlib
import struct
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import BufferedWriter
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FrameSpool", "SliceGroups", "append_frames"]

_MOST = 0xFFFFFFFE
"""Bytes in a value of defined length."""
_ROOM = 1 << 25


@dataclass(frozen=True)
class SliceGroups:
    """The functional groups of a frame that are the same for all segments.

    Parameters
    ----------
    derivation : bytes
        Derivation Image Sequence, encoded.
    position : bytes
        Plane Position Sequence, encoded; empty where there is none.
    """

    derivation: bytes
    position: bytes

    @classmethod
    def of(
        cls, sop_class: str, uid: str, frame: int | None, origin: Sequence[str] | None
    ) -> SliceGroups:
        """Encode them.

        Parameters
        ----------
        sop_class, uid : str
            SOP Class and Instance UID of the image a frame was made of.
        frame : int, optional
            Number of the frame in it.
        origin : sequence of str, optional
            Image Position (Patient), as decimal strings.
        """
        image = _text(0x0008, 0x1150, b"UI", sop_class, "\0")
        image += _text(0x0008, 0x1155, b"UI", uid, "\0")
        if frame is not None:
            image += _text(0x0008, 0x1160, b"IS", str(frame))
        image += _text(0x0028, 0x135A, b"CS", "YES")
        meaning = "Source image for image processing operation"
        image += _sequence(0x0040, 0xA170, _dcm_code("121322", meaning))
        item = _sequence(0x0008, 0x2112, image)
        item += _sequence(0x0008, 0x9215, _dcm_code("113076", "Segmentation"))
        place = b""
        if origin is not None:
            place = _text(0x0020, 0x0032, b"DS", "\\".join(origin))
            place = _sequence(0x0020, 0x9113, place)
        return cls(_sequence(0x0008, 0x9124, item), place)


class FrameSpool:
    """Frames on the disk, in the order they came.

    Parameters
    ----------
    folder : Path
        Where there is room for them.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.SpooledTemporaryFile(_ROOM, dir=str(folder))
        self._places: dict[tuple[int, int], tuple[int, int]] = {}
        self._digest = hashlib.sha256()

    def __enter__(self) -> FrameSpool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def add(self, label: int, index: int, data: bytes) -> None:
        """Keep the frame of a label id (0: of all) and slice."""
        self._digest.update(b"%d %d %d\n" % (label, index, len(data)) + data)
        self._places[label, index] = self._file.tell(), len(data)
        self._file.write(data)

    def digest(self) -> str:
        """Return a digest of the frames, in the order they came."""
        return self._digest.hexdigest()

    def keys(self, numbers: Mapping[int, int]) -> list[tuple[int, int]]:
        """Return (label id, index) of all frames, by segment number and index."""
        return sorted(self._places, key=lambda key: (numbers.get(key[0], 0), key[1]))

    def lengths(self, keys: Iterable[tuple[int, int]]) -> list[int]:
        """Return how many bytes frames have."""
        return [self._places[key][1] for key in keys]

    def frames(self, keys: Iterable[tuple[int, int]]) -> Iterator[bytes]:
        """Give frames."""
        for key in keys:
            offset, length = self._places[key]
            self._file.seek(offset)
            yield self._file.read(length)


def append_frames(
    path: Path,
    spool: FrameSpool,
    groups: Sequence[SliceGroups],
    numbers: Mapping[int, int],
    *,
    pixels: int,
    labelmap: bool,
    where: object,
) -> None:
    """Append per-frame functional groups and pixels to a file that lacks them.

    Parameters
    ----------
    path : Path
        A file in Explicit VR Little Endian (or RLE) whose last element comes before
        (5200,9230).
    spool : FrameSpool
        The frames: a bit a pixel, each from the first bit of a byte on, or for a
        label map RLE.
    groups : sequence of SliceGroups
        By index of the slice.
    numbers : mapping of int to int
        Segment number of each label id.
    pixels : int
        Pixels of a frame.
    labelmap : bool
        Whether frames are label maps.
    where : object
        How errors name the case.

    Raises
    ------
    InvalidValueError
        If there is more than fits into one file.
    """
    keys = spool.keys(numbers)
    items = [
        _item(_frame_groups(groups[i], numbers.get(label, 0), i, labelmap=labelmap))
        for label, i in keys
    ]
    size = sum(spool.lengths(keys)) if labelmap else (len(keys) * pixels + 7) // 8
    if max(size, sum(map(len, items))) > _MOST - 16 * len(keys):
        raise InvalidValueError(
            f"its masks take {size / 2**30:.1f} GB, and one DICOM file can hold 4",
            where=where,
            remedy="Export fewer labels at a time, or without empty frames",
        )
    with path.open("ab") as file:
        file.write(_long(0x5200, 0x9230, b"SQ", sum(map(len, items))))
        file.writelines(items)
        if labelmap:
            _write_encapsulated(file, spool, keys)
        else:
            file.write(_long(0x7FE0, 0x0010, b"OB", size + size % 2))
            written = _write_bits(file, spool.frames(keys), pixels)
            assert written == size
            file.write(b"\0" * (size % 2))


def _write_bits(file: BufferedWriter, frames: Iterable[bytes], pixels: int) -> int:
    """Write frames without gaps: where one ends within a byte the next goes on."""
    written = 0
    if pixels % 8 == 0:
        for frame in frames:
            written += file.write(frame)
        return written
    rest: NDArray[np.uint8] = np.zeros(0, np.uint8)
    for frame in frames:
        own = np.unpackbits(
            np.frombuffer(frame, np.uint8), count=pixels, bitorder="little"
        )
        bits = np.concatenate([rest, own])
        whole = len(bits) // 8 * 8
        written += file.write(np.packbits(bits[:whole], bitorder="little").tobytes())
        rest = bits[whole:]
    written += file.write(np.packbits(rest, bitorder="little").tobytes())
    return int(written)


def _write_encapsulated(
    file: Any, spool: FrameSpool, keys: Sequence[tuple[int, int]]
) -> None:
    lengths = [length + length % 2 for length in spool.lengths(keys)]
    offsets = np.cumsum([0, *(8 + length for length in lengths)])[:-1]
    file.write(_long(0x7FE0, 0x0010, b"OB", 0xFFFFFFFF))
    file.write(_item(offsets.astype("<u4").tobytes()))
    for frame in spool.frames(keys):
        file.write(_item(frame + b"\0" * (len(frame) % 2)))
    file.write(struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))


def _frame_groups(
    group: SliceGroups, segment: int, index: int, *, labelmap: bool
) -> bytes:
    """Return the item of one frame: its groups in the order of their tags."""
    place = [index + 1] if group.position else []
    values = place if labelmap else [segment, *place]
    content = _short(0x0020, 0x9157, b"UL", struct.pack(f"<{len(values)}I", *values))
    if labelmap and not group.position:
        # Without a place, what tells frames apart is their own name.
        content = _short(0x0020, 0x9157, b"UL", struct.pack("<I", 1))
        content += _short(0x0020, 0x9453, b"LO", b"Frame ")
    parts = [group.derivation, _sequence(0x0020, 0x9111, content), group.position]
    if not labelmap:
        number = _short(0x0062, 0x000B, b"US", struct.pack("<H", segment))
        parts.append(_sequence(0x0062, 0x000A, number))
    return b"".join(parts)


def _sequence(group: int, element: int, content: bytes) -> bytes:
    item = _item(content)
    return _long(group, element, b"SQ", len(item)) + item


def _item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _long(group: int, element: int, kind: bytes, length: int) -> bytes:
    return struct.pack("<HH2sHI", group, element, kind, 0, length)


def _short(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, element, kind, len(value)) + value


def _text(group: int, element: int, kind: bytes, text: str, pad: str = " ") -> bytes:
    value = text.encode("ascii")
    return _short(group, element, kind, value + pad.encode() * (len(value) % 2))


def _dcm_code(value: str, meaning: str) -> bytes:
    return (
        _text(0x0008, 0x0100, b"SH", value)
        + _text(0x0008, 0x0102, b"SH", "DCM")
        + _text(0x0008, 0x0104, b"LO", meaning)
    )
