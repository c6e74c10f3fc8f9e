"""Images as PNG, written by ourselves so that the same pixels give the same bytes."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PNG_SIGNATURE", "encode_png", "png_chunk"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""What every PNG begins with."""

_LEVEL = 6
"""Of zlib: 7 and more take much longer and save next to nothing."""


def encode_png(pixels: NDArray[Any], *, filtered: bool = False) -> bytes:
    """Write a PNG (ISO/IEC 15948) without any metadata.

    Parameters
    ----------
    pixels : ndarray of uint8 or uint16, shape (rows, columns) or (rows, columns, 3)
        Grey or RGB.
    filtered : bool
        Whether each line is written as its difference from the one above. It makes
        photographs smaller. Masks are runs of one value: they become larger by it.

    Returns
    -------
    bytes
    """
    rows, columns = pixels.shape[:2]
    size = pixels.dtype.itemsize
    plain = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    bytes_ = plain.view(np.uint8).reshape(rows, -1)
    lines = np.zeros((rows, 1 + bytes_.shape[1]), dtype=np.uint8)
    lines[:, 1:] = bytes_
    if filtered:
        lines[1:, 0] = 2
        lines[1:, 1:] -= bytes_[:-1]
    kind = 2 if pixels.ndim == 3 else 0
    header = struct.pack(">IIBBBBB", columns, rows, 8 * size, kind, 0, 0, 0)
    return b"".join(
        (
            PNG_SIGNATURE,
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(lines.tobytes(), _LEVEL)),
            png_chunk(b"IEND", b""),
        )
    )


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and its checksum."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
