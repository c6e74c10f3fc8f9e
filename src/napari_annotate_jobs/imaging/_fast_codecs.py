"""Decoders that let other threads run, where they are sure to agree.

They call imagecodecs, where it is installed: the same libraries as pydicom's
plug-ins, but without holding Python's lock, so that a series decodes on all
cores. Tests prove that the values are the same. Whatever is not plain is left
to pydicom.
"""

from __future__ import annotations

import struct
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.imaging._codestream import JPEG2000, JPEG_LS, siz, sof

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._types import PixelFormat

__all__ = ["RLE", "fast_decoder"]

RLE = "1.2.840.10008.1.2.5"


@cache
def _imagecodecs() -> Any:
    """Return imagecodecs, or None where it is not installed."""
    try:
        import imagecodecs
    except ImportError:
        return None
    return imagecodecs


def fast_decoder(
    pixel: PixelFormat, data: bytes, size: tuple[int, int]
) -> Callable[[bytes], NDArray[Any] | None] | None:
    """Return a decoder of one frame, or None where pydicom is to do it.

    Parameters
    ----------
    pixel : PixelFormat
        What the file says.
    data : bytes
        The codestream, which may say otherwise.
    size : tuple of int
        Rows and columns.

    Returns
    -------
    callable or None
        Takes the codestream; returns the stored values, shape (rows, columns),
        or None if they are not what was expected.
    """
    codecs = _imagecodecs()
    if codecs is None or pixel.samples != 1 or pixel.allocated not in (8, 16):
        return None
    dtype = np.dtype(f"{'i' if pixel.signed else 'u'}{pixel.allocated // 8}")
    if pixel.transfer_syntax in JPEG2000:
        found = siz(data)
        expected = pixel.stored - 1 + (128 if pixel.signed else 0)
        if found is None or found[1:] != (1, expected):
            return None

        def jpeg2000(raw: bytes) -> NDArray[Any] | None:
            array: NDArray[Any] = codecs.jpeg2k_decode(raw)
            return array if array.dtype == dtype else None

        return jpeg2000
    if pixel.transfer_syntax in JPEG_LS:
        frame = sof(data)
        if frame is None or frame[1:] != (1, pixel.stored):
            return None

        def jpegls(raw: bytes) -> NDArray[Any] | None:
            array: NDArray[Any] = codecs.jpegls_decode(raw)
            if array.itemsize != dtype.itemsize:
                return None
            return _without_unused(array.view(dtype), pixel)

        return jpegls
    if pixel.transfer_syntax == RLE:

        def rle(raw: bytes) -> NDArray[Any] | None:
            array = _rle(raw, dtype, size, codecs)
            return None if array is None else _without_unused(array, pixel)

        return rle
    return None


def _without_unused(array: NDArray[Any], pixel: PixelFormat) -> NDArray[Any]:
    """Extend the sign, or clear, above Bits Stored."""
    shift = pixel.allocated - pixel.stored
    if shift:
        np.left_shift(array, shift, out=array)
        np.right_shift(array, shift, out=array)
    return array


def _rle(
    raw: bytes, dtype: np.dtype[Any], size: tuple[int, int], codecs: Any
) -> NDArray[Any] | None:
    """Decode RLE, PS3.5 annex G: a segment for each byte, the highest first."""
    if len(raw) < 64:
        return None
    count, *offsets = struct.unpack_from("<16I", raw)
    if count != dtype.itemsize:
        return None
    ends = [*offsets[1:count], len(raw)]
    pixels = size[0] * size[1]
    array = np.empty(pixels, dtype)
    planes = array.view(np.uint8).reshape(pixels, dtype.itemsize)
    for place, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        if not 64 <= start < end <= len(raw):
            return None
        unpacked = _unpacked(raw[start:end], codecs)
        if unpacked is None or len(unpacked) < pixels:
            return None
        byte = np.frombuffer(unpacked, np.uint8, pixels)
        little = sys.byteorder == "little"
        planes[:, dtype.itemsize - 1 - place if little else place] = byte
    return array.reshape(size)


def _unpacked(segment: bytes, codecs: Any) -> bytes | None:
    # a zero at the end may be there only to make the length even
    for tried in (segment, segment[:-1]):
        try:
            unpacked: bytes = codecs.packbits_decode(tried)
            return unpacked
        except RuntimeError:
            if not segment.endswith(b"\0"):
                return None
    return None
