"""Walk the header of an unremarkable DICOM file in a short loop.

It knows the encoding of PS3.5 section 7, little endian with ascending tags, and
picks the elements of `WANTED`; on anything it does not expect it hands over to
pydicom, the parser of record. Tests prove that both give the same values.
"""

from __future__ import annotations

import math
import os
import struct
from typing import TYPE_CHECKING, Any

from ._record import (
    BIG_ENDIAN,
    DEFLATED,
    IMPLICIT,
    LONG_VRS,
    PIXELS,
    SHORT_VRS,
    UNDEFINED,
    WANTED,
    Record,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.imaging._types import FileRef

    Place = tuple[int, int, int]
    """Where an element starts, where its value does, and where that ends."""

    Walk = Callable[[bytes, FileRef], Record]

__all__ = [
    "BY_TAG",
    "CONVERT",
    "FIRST_READ",
    "ODD",
    "PIXEL_TAGS",
    "NeedMore",
    "finish",
    "skip_items",
    "walk_file",
    "walk_header",
]

FIRST_READ = 8192
_LAST_READ = 1 << 22


def _swapped(tag: int) -> int:
    """Return `tag` as one little-endian 32-bit read of (group, element) gives it."""
    return (tag & 0xFFFF) << 16 | tag >> 16


BY_TAG = {_swapped(tag): (name, kind) for name, (tag, kind) in WANTED.items()}
_FIRST_PIXELS, _LAST_PIXELS = min(PIXELS), max(PIXELS)
PIXEL_TAGS = {_swapped(tag): name for tag, name in PIXELS.items()}
_SHORT_HEAD = struct.Struct("<I2sH").unpack_from
_LONG_LENGTH = struct.Struct("<I").unpack_from
_IMPLICIT_HEAD = struct.Struct("<II").unpack_from
_US = struct.Struct("<H").unpack_from
_FD = struct.Struct("<d").unpack_from


class _HandOver(ValueError):
    """Something the short loop does not expect; pydicom is to read the file."""


class NeedMore(IndexError):
    """The header goes on behind the bytes read so far."""


ODD = (_HandOver, struct.error, ValueError)
"""What is raised on anything that is not expected."""


def walk_file(
    descriptor: int, file: FileRef, data: bytes, walk: Walk | None = None
) -> Record | None:
    """Read a header.

    Parameters
    ----------
    descriptor : int
        Of the open file.
    file : FileRef
        What it is.
    data : bytes
        How it begins: its first `FIRST_READ` bytes, or all it has.
    walk : callable, optional
        What reads a header from the first bytes, by default `walk_header`.

    Returns
    -------
    Record or None
        None where pydicom is to read the file.
    """
    size = FIRST_READ
    if data[128:132] != b"DICM":
        return None
    while True:
        try:
            return (walk or walk_header)(data, file)
        except NeedMore:
            if size >= _LAST_READ or len(data) >= file.size:
                return None
            size *= 8
            os.lseek(descriptor, 0, os.SEEK_SET)
            data = os.read(descriptor, size)
        except ODD:
            return None


def walk_header(
    data: bytes, file: FileRef, layout: list[Place] | None = None
) -> Record:
    """Read a header from the first bytes of a file.

    Parameters
    ----------
    data : bytes
        How the file begins, with ``DICM`` in its place.
    file : FileRef
        What it is.
    layout : list, optional
        Receives the place of each element, the pixel data last.

    Raises
    ------
    NeedMore
        If the header goes on behind `data`.
    ValueError, struct.error
        On anything that is not expected.
    """
    layout = [] if layout is None else layout
    syntax, pos = _walk_meta(data, layout)
    explicit = syntax != IMPLICIT
    values: dict[str, Any] = {}
    groups: dict[str, bytes] = {}
    last = 0
    end = len(data)
    while True:
        if pos + 12 > end:
            raise NeedMore
        if explicit:
            tag, vr, length = _SHORT_HEAD(data, pos)
            if vr in SHORT_VRS:
                start = pos + 8
            elif vr in LONG_VRS:
                (length,) = _LONG_LENGTH(data, pos + 8)
                start = pos + 12
            else:
                raise _HandOver
        else:
            tag, length = _IMPLICIT_HEAD(data, pos)
            start = pos + 8
            vr = b""
        order = (tag & 0xFFFF) << 16 | tag >> 16
        if order <= last:
            raise _HandOver
        last = order
        if order >= _FIRST_PIXELS:
            element = PIXEL_TAGS.get(tag)
            if element is not None:
                layout.append((pos, start, start))
                record = finish(data, file, values, syntax, element, start, length)
                record.groups = groups
                return record
            if order > _LAST_PIXELS:
                raise _HandOver
        wanted = BY_TAG.get(tag)
        if length == UNDEFINED:
            if wanted is not None and wanted[1] == "t":
                values[wanted[0]] = True
            if vr not in (b"SQ", b""):
                raise _HandOver
            head = pos
            pos = skip_items(data, start, explicit, 0)
            layout.append((head, start, pos))
            if order >> 16 == 0x5200 and wanted is not None:
                groups[wanted[0]] = data[start:pos]
            continue
        layout.append((pos, start, start + length))
        pos = start + length
        if wanted is not None and length:
            if pos > end:
                raise NeedMore
            name, kind = wanted
            if order >> 16 == 0x5200:
                groups[name] = data[start:pos]
            value = CONVERT[kind](data[start:pos])
            if value is not None:
                values[name] = value


def _walk_meta(data: bytes, layout: list[Place]) -> tuple[str, int]:
    """Read the meta header; return the transfer syntax and where it ends."""
    pos, syntax = 132, ""
    while True:
        if pos + 12 > len(data):
            raise NeedMore
        tag, vr, length = _SHORT_HEAD(data, pos)
        if tag & 0xFFFF != 2:
            break
        if vr in SHORT_VRS:
            start = pos + 8
        elif vr in LONG_VRS:
            (length,) = _LONG_LENGTH(data, pos + 8)
            start = pos + 12
        else:
            raise _HandOver
        if tag >> 16 == 0x0010:
            syntax = data[start : start + length].rstrip(b"\0 ").decode("ascii")
        layout.append((pos, start, start + length))
        pos = start + length
    if not syntax or syntax in (BIG_ENDIAN, DEFLATED):
        raise _HandOver
    return syntax, pos


def skip_items(data: bytes, pos: int, explicit: bool, depth: int) -> int:
    """Return the place behind a sequence of undefined length."""
    if depth > 16:
        raise _HandOver
    while True:
        if pos + 8 > len(data):
            raise NeedMore
        tag, length = _IMPLICIT_HEAD(data, pos)
        pos += 8
        if tag == 0xE0DDFFFE:
            return pos
        if tag != 0xE000FFFE:
            raise _HandOver
        if length != UNDEFINED:
            pos += length
            continue
        pos = _skip_elements(data, pos, explicit, depth)


def _skip_elements(data: bytes, pos: int, explicit: bool, depth: int) -> int:
    """Return the place behind an item of undefined length."""
    while True:
        if pos + 12 > len(data):
            raise NeedMore
        tag, length = _IMPLICIT_HEAD(data, pos)
        if tag == 0xE00DFFFE:
            return pos + 8
        head, vr = 8, b""
        if explicit:
            _, vr, length = _SHORT_HEAD(data, pos)
            if vr in LONG_VRS:
                (length,) = _LONG_LENGTH(data, pos + 8)
                head = 12
            elif vr not in SHORT_VRS:
                raise _HandOver
        if length != UNDEFINED:
            pos += head + length
        elif vr in (b"SQ", b""):
            pos = skip_items(data, pos + head, explicit, depth + 1)
        else:
            raise _HandOver


def finish(
    data: bytes,
    file: FileRef,
    values: dict[str, Any],
    syntax: str,
    element: str,
    start: int,
    length: int,
) -> Record:
    """Make the record of what was read; `element` is the pixel data at `start`."""
    if length != UNDEFINED:
        return Record(file, values, syntax, element, start, length)
    if start + 8 > len(data):
        raise NeedMore
    tag, table = _IMPLICIT_HEAD(data, start)
    if tag != 0xE000FFFE:
        raise _HandOver
    behind = start + 8 + table
    return Record(file, values, syntax, element, start, -1, fragments=behind)


def _text(raw: bytes) -> str | None:
    return raw.rstrip(b"\0 ").lstrip(b" ").decode("ascii") or None


def _floats(raw: bytes) -> tuple[float, ...] | None:
    text = raw.strip(b"\0 ")
    if not text:
        return None
    numbers = tuple(map(float, text.split(b"\\")))
    if not all(map(math.isfinite, numbers)):
        raise _HandOver
    return numbers


def _integer(raw: bytes) -> int | None:
    text = raw.strip(b"\0 ")
    if not text:
        return None
    return int(text.split(b"\\")[0])


def _multi(raw: bytes) -> tuple[str, ...] | None:
    text = _text(raw)
    return None if text is None else tuple(p.strip() for p in text.split("\\"))


CONVERT: dict[str, Callable[[bytes], Any]] = {
    "s": _text,
    "m": _multi,
    "f": _floats,
    "i": _integer,
    "u": lambda raw: int(_US(raw)[0]),
    "d": lambda raw: float(_FD(raw)[0]),
    "t": lambda raw: True,
    "b": bytes,
}
