"""What a compressed frame says of itself, read before a decoder sees it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_annotate_jobs.imaging._types import PixelFormat

__all__ = [
    "HTJ2K",
    "JPEG2000",
    "JPEG_EXTENDED",
    "JPEG_LOSSLESS",
    "JPEG_LS",
    "JPEG_RETIRED",
    "LOSSY",
    "codestream_size",
    "is_plain_colour",
    "is_plain_lossless_jpeg",
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
JPEG_RETIRED = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in range(52, 57))
"""Spectral selection and full progression: lossy, and decoded like the others."""
LOSSY = frozenset({"1.2.840.10008.1.2.4.50", JPEG_EXTENDED}) | JPEG_RETIRED
JPEG_LOSSLESS = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
JPEG_LS = frozenset({"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
_LOSSLESS, _SCAN = 0xC3, 0xDA
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
    for marker, pos in _segments(data):
        if _is_frame_header(marker) and pos + 6 <= len(data):
            precision, rows, columns, components = struct.unpack_from(
                ">BHHB", data, pos
            )
            return (rows, columns), components, precision
    return None


def is_plain_lossless_jpeg(data: bytes) -> bool:
    """Whether a JPEG codestream is a whole one of the lossless Huffman process.

    Whole means that its end mark is there: some decoders fill up what is cut
    off without a word. Plain means that no bits were shifted out, T.81 H.1.2.1,
    since decoders do not agree on shifting them in again.
    """
    found = dict(_segments(data))
    frames = [marker for marker in found if _is_frame_header(marker)]
    if frames != [_LOSSLESS] or _SCAN not in found:
        return False
    pos = found[_SCAN]
    last = pos + struct.unpack_from(">H", data, pos - 2)[0] - 3
    if last >= len(data) or data[last]:
        return False
    # frames are padded to an even length, some with more than one byte
    return data[-64:].rstrip(b"\0\xff").endswith(b"\xff\xd9")


def is_plain_colour(data: bytes) -> bool:
    """Whether a JPEG 2000 codestream has three components of one kind.

    That is: not in a JP2 file, which may name a colour space of its own; of the
    same precision; none with fewer pixels than the others.
    """
    found = siz(data)
    if found is None or found[1] != 3 or not data.startswith(b"\xff\x4f"):
        return False
    return data[42:51] == bytes((found[2], 1, 1)) * 3


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Give the marker and the place of the parameters of each segment of a JPEG.

    The head of the first scan is the last.
    """
    pos = data.find(b"\xff\xd8", 0, 16) + 2
    if pos < 2:
        return
    while pos + 4 <= len(data) and data[pos] == 0xFF:
        marker = data[pos + 1]
        if marker == 0xFF:
            pos += 1
            continue
        yield marker, pos + 4
        if marker == _SCAN:
            return
        pos += 2 + struct.unpack_from(">H", data, pos + 2)[0]


def _is_frame_header(marker: int) -> bool:
    return marker == 0xF7 or (
        0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
    )
