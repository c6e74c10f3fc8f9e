"""What a compressed frame says of itself, read before a decoder sees it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_annotate_jobs.imaging._types import PixelFormat

__all__ = [
    "HTJ2K",
    "JPEG2000",
    "JPEG_EXTENDED",
    "JPEG_LS",
    "LOSSY",
    "codestream_size",
    "siz",
    "sof",
]

JPEG2000 = frozenset({"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"})
HTJ2K = frozenset(
    {
        "1.2.840.10008.1.2.4.201",
        "1.2.840.10008.1.2.4.202",
        "1.2.840.10008.1.2.4.203",
    }
)
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
LOSSY = frozenset({"1.2.840.10008.1.2.4.50", JPEG_EXTENDED})
JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_JP2 = b"\0\0\0\x0cjP  "


def codestream_size(data: bytes, pixel: PixelFormat) -> tuple[tuple[int, int], int]:
    """Return rows and columns, and the components, that a codestream announces.

    A stream that does not say so in its first markers is not handed to a
    decoder: it might make room for anything.
    """
    if pixel.transfer_syntax in JPEG2000 or pixel.transfer_syntax in HTJ2K:
        found = siz(data)
    else:
        found = sof(data)
    return ((0, 0), 0) if found is None else found[:2]


def siz(data: bytes) -> tuple[tuple[int, int], int, int] | None:
    """Return (size, components, Ssiz) of a JPEG 2000 codestream, T.800 A.5.1."""
    start = _jp2_content(data) if data.startswith(_JP2) else 0
    start = data.find(b"\xff\x4f\xff\x51", start, start + 4096)
    if start < 0 or start + 43 > len(data):
        return None
    x1, y1, x0, y0 = struct.unpack_from(">4I", data, start + 8)
    (components,) = struct.unpack_from(">H", data, start + 40)
    precision = data[start + 42]
    return (y1 - y0, x1 - x0), components, precision


def _jp2_content(data: bytes) -> int:
    """Return where the codestream stands in a JP2 file, T.800 I.4, or the end.

    The standard forbids the wrapping, some write it all the same. Where a box
    claims to be shorter than its own head, pydicom would look for ever.
    """
    pos = 0
    while pos + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, pos)
        if kind == b"jp2c":
            return pos + 8
        if length < 8:
            break
        pos += length
    return len(data)


def sof(data: bytes) -> tuple[tuple[int, int], int, int] | None:
    """Return (size, components, precision) of a JPEG or JPEG-LS codestream."""
    pos = data.find(b"\xff\xd8", 0, 16) + 2
    if pos < 2:
        return None
    while pos + 10 <= len(data):
        if data[pos] != 0xFF:
            return None
        marker = data[pos + 1]
        if marker == 0xFF:
            pos += 1
            continue
        if marker == 0xF7 or (
            0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
        ):
            precision, rows, columns, components = struct.unpack_from(
                ">BHHB", data, pos + 4
            )
            return (rows, columns), components, precision
        if marker == 0xDA:
            return None
        pos += 2 + struct.unpack_from(">H", data, pos + 2)[0]
    return None
