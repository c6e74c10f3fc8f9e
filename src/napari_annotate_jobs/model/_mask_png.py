"""The mask of one slice as a small lossless greyscale PNG."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import PngImagePlugin

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.model import MaskRef, Provenance

from ._png import encode_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "MEDIA_TYPE",
    "count_pixels",
    "decode_mask",
    "encode_mask",
    "mask_ref",
    "mask_size",
]

MEDIA_TYPE = "image/png"
"""Media type of an encoded mask."""

MAX_PIXELS = 1 << 28
"""More are taken for a damaged header, before anything is allocated for them."""

_MAGIC = b"\x89PNG\r\n\x1a\n"

_MOST = 1032
"""Deflate cannot make anything smaller than this, zlib.net/zlib_tech.html."""

_OWN_CHUNKS = [b"IHDR", b"IDAT", b"IEND"]

_FIRST = 33
"""Where the chunk after the header begins."""

_BLOCK = 1 << 22
"""Pixels that are counted at a time: counting takes eight bytes for each."""


def encode_mask(mask: ArrayLike) -> bytes:
    """Encode the mask of a slice; the same mask always gives the same bytes.

    Parameters
    ----------
    mask : array of int or bool, shape (rows, columns)
        Label ids, 0 to 65,535; 0 is background.

    Returns
    -------
    bytes
        A greyscale PNG of 8 bits, or of 16 where an id exceeds 255.

    Raises
    ------
    InvalidValueError
        If it is not such an array.
    """
    return encode_png(_as_ids(mask))


def mask_ref(
    mask: ArrayLike,
    *,
    provenance: Provenance = Provenance.MANUAL,
    keys: Sequence[str | int] = (),
    source: str = "",
) -> tuple[MaskRef, bytes] | None:
    """Encode a mask and say what is in it.

    Parameters
    ----------
    mask : array of int or bool, shape (rows, columns)
        Label ids, 0 to 65,535; 0 is background.
    provenance : Provenance
        How it came about.
    keys : sequence of str
        For an interpolated or tracked mask, the keys of the slices it was made from.
    source : str
        What it was imported from, or predicted by.

    Returns
    -------
    (MaskRef, bytes) or None
        The reference and the encoded bytes it names; None if no pixel is set.

    Raises
    ------
    InvalidValueError
        As for :func:`encode_mask`.
    """
    ids = _as_ids(mask)
    pixels = count_pixels(ids)
    if not pixels:
        return None
    data = encode_png(ids)
    digest = hashlib.sha256(data).hexdigest()
    ref = MaskRef(
        digest=digest,
        pixels=pixels,
        provenance=provenance,
        keys=tuple(keys),
        source=source,
    )
    return ref, data


def mask_size(data: bytes) -> tuple[int, int]:
    """Return the rows and columns of an encoded mask, from its header alone.

    Parameters
    ----------
    data : bytes
        A greyscale PNG.

    Raises
    ------
    CorruptError
        If it is no PNG, or says more pixels than its bytes can hold.
    """
    if len(data) < 33 or data[:8] != _MAGIC or data[12:16] != b"IHDR":
        raise CorruptError(
            "the mask is not a readable PNG image",
            remedy="Restore the file from a backup",
        )
    columns, rows, depth = struct.unpack(">IIB", data[16:25])
    most = len(data) * _MOST * 8 // max(depth, 1)
    if not 0 < rows * columns <= min(MAX_PIXELS, most):
        raise CorruptError(
            f"the mask says {rows} x {columns} pixels, which its {len(data)} bytes "
            "cannot hold",
            remedy="Restore the file from a backup",
        )
    return rows, columns


def count_pixels(mask: NDArray[np.integer]) -> dict[int, int]:
    """Return how many pixels of a mask have which label id; 0 is left out.

    Parameters
    ----------
    mask : ndarray of unsigned int, shape (rows, columns)
        Label ids.
    """
    left = int(np.count_nonzero(mask))
    if not left:
        return {}
    label = int(mask.max())
    if np.count_nonzero(mask == label) == left:  # as nearly always
        return {label: left}
    flat = mask[mask.any(axis=1)].reshape(-1)  # most of a slice is background
    counts = np.zeros(1, dtype=np.int64)
    for start in range(0, flat.size, _BLOCK):
        found = np.bincount(flat[start : start + _BLOCK], minlength=counts.size)
        found[: counts.size] += counts
        counts = found
    return {int(i): int(counts[i]) for i in np.flatnonzero(counts) if i}


def decode_mask(
    data: bytes, dtype: DTypeLike = np.uint16, *, shape: tuple[int, int] | None = None
) -> NDArray[np.integer]:
    """Decode what :func:`encode_mask` made.

    Parameters
    ----------
    data : bytes
        A greyscale PNG.
    dtype : data-type
        Integer type of the result.
    shape : (int, int), optional
        Rows and columns it must have.

    Returns
    -------
    ndarray, shape (rows, columns)
        Label ids; the caller's own, writable copy.

    Raises
    ------
    CorruptError
        If the bytes are no such image, or have another shape.
    InvalidValueError
        If `dtype` cannot hold its ids.
    """
    size = mask_size(data)
    if shape is not None and size != tuple(shape):
        raise CorruptError(
            f"the mask has {size[0]} x {size[1]} pixels, "
            f"the slice {shape[0]} x {shape[1]}",
            remedy="It was made on other images: check the paths of the case",
        )
    wanted = np.dtype(dtype)
    if wanted.kind not in "iu":
        raise InvalidValueError(f"masks are integers, not {wanted}")
    try:
        # Reading pixels does not look at the checksum of every chunk.
        kinds = _check_chunks(data)
        ids = _own_pixels(data, size) if kinds == _OWN_CHUNKS else None
        if ids is None:
            ids = _any_pixels(data)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as e:
        if isinstance(e, CorruptError):
            raise
        raise CorruptError(
            f"the mask is not a readable PNG image ({e})",
            remedy="Restore the file from a backup",
        ) from e
    most = np.iinfo(wanted).max
    if np.iinfo(ids.dtype).max > most and ids.size and int(ids.max()) > most:
        raise InvalidValueError(f"label id {int(ids.max())} does not fit in {wanted}")
    return ids.astype(wanted)


def _own_pixels(data: bytes, size: tuple[int, int]) -> NDArray[np.integer] | None:
    """Return the pixels of a PNG as this program writes it; None if it is another.

    It takes a third of the time, which counts where thousands of masks are read.
    """
    depth, *other = struct.unpack_from(">5B", data, 24)
    if depth not in (8, 16) or any(other):
        return None
    rows, columns = size
    line = 1 + columns * depth // 8
    (length,) = struct.unpack_from(">I", data, _FIRST)
    packed = memoryview(data)[_FIRST + 8 : _FIRST + 8 + length]
    unpack = zlib.decompressobj()
    found = unpack.decompress(packed, rows * line + 1)
    if len(found) != rows * line or not unpack.eof:
        return None
    lines = np.frombuffer(found, np.uint8).reshape(rows, line)
    if lines[:, 0].any():  # filtered
        return None
    return lines[:, 1:] if depth == 8 else lines[:, 1:].copy().view(">u2")


def _any_pixels(data: bytes) -> NDArray[np.integer]:
    # Image.open would refuse, or warn of, the large slices of microscopy.
    with PngImagePlugin.PngImageFile(io.BytesIO(data)) as image:
        if image.mode not in {"L", "I;16", "I"}:
            raise CorruptError(f"a mask of mode {image.mode} is not greyscale")
        return np.asarray(image)


def _check_chunks(data: bytes) -> list[bytes]:
    """Return the kinds of all chunks (PNG, 5.3).

    Raises
    ------
    ValueError, struct.error
        If one is not whole.
    """
    place, view = 8, memoryview(data)
    kinds = []
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        (told,) = struct.unpack_from(">I", data, place + 8 + length)
        if zlib.crc32(view[place + 4 : place + 8 + length]) != told:
            raise ValueError(f"the checksum of a chunk at byte {place} is wrong")
        kinds.append(kind)
        if kind == b"IEND":
            return kinds
        place += 12 + length


def _as_ids(mask: ArrayLike) -> NDArray[np.unsignedinteger]:
    """Check a mask and return it as uint8 or uint16, whichever is enough."""
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0:
        raise InvalidValueError(
            f"a mask has rows and columns, not the shape {array.shape}",
            remedy="Give the mask of one slice at a time",
        )
    if array.dtype.kind not in "iub":
        raise InvalidValueError(
            f"a mask holds label ids, not {array.dtype}",
            remedy="Convert it to an integer type",
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65_535:
        raise InvalidValueError(
            f"a mask holds label ids from 0 to 65535, not {low if low < 0 else high}"
        )
    return np.ascontiguousarray(array, dtype=np.uint8 if high < 256 else np.uint16)
