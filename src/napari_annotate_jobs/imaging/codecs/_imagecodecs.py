"""Decoders that let other threads run, where they are sure to agree.

They call imagecodecs, where it is installed, without holding Python's lock, so that
a series decodes on all cores. Of JPEG 2000, JPEG-LS and RLE it has the libraries of
pydicom's plug-ins; its libjpeg-turbo decodes lossless JPEG in an eighth of the time.
Tests prove that the values are the same. Whatever is not plain is left to pydicom,
and so is lossy JPEG of 8 bits, where libraries differ by one in some pixels. Of 12
bits it gives what GDCM gives, which is the reference implementation's.
"""

from __future__ import annotations

import struct
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ._codestream import (
    JPEG2000,
    JPEG_LOSSLESS,
    JPEG_LS,
    LOSSY,
    is_plain_colour,
    is_plain_lossless_jpeg,
    siz,
    sof,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._types import PixelFormat

__all__ = ["RLE", "fast_decoder", "is_sound_rle"]

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
        Takes the codestream; returns the stored values, shape (rows, columns)
        or (rows, columns, 3), or None if they are not what was expected.
    """
    codecs = _imagecodecs()
    if codecs is None or pixel.allocated not in (8, 16):
        return None
    if pixel.samples != 1 and (pixel.samples != 3 or pixel.signed):
        return None
    dtype = np.dtype(f"{'i' if pixel.signed else 'u'}{pixel.allocated // 8}")
    if pixel.transfer_syntax in JPEG2000:
        if not _is_plain_jpeg2000(data, pixel):
            return None

        def jpeg2000(raw: bytes) -> NDArray[Any] | None:
            array: NDArray[Any] = codecs.jpeg2k_decode(raw)
            return array if array.dtype == dtype else None

        return jpeg2000
    if pixel.samples != 1 and pixel.photometric != "RGB":
        # what is to become RGB, pydicom converts
        return None
    if pixel.transfer_syntax == RLE:

        def rle(raw: bytes) -> NDArray[Any] | None:
            array = _rle(raw, dtype, size, pixel.samples, codecs)
            return None if array is None else _without_unused(array, pixel)

        return rle
    if pixel.transfer_syntax in JPEG_LS:
        if (frame := sof(data)) is None or frame[1:] != (pixel.samples, pixel.stored):
            return None
        most = None
        decode = codecs.jpegls_decode
    elif pixel.transfer_syntax in JPEG_LOSSLESS:
        # damage in colour goes unnoticed here, but not by pydicom's decoders
        frame = sof(data) if pixel.samples == 1 else None
        if frame is None or not is_plain_lossless_jpeg(data):
            return None
        if frame[2] < pixel.stored:
            return None
        # decoders do not agree on values beyond Bits Stored
        most = 1 << pixel.stored if frame[2] > pixel.stored else None
        decode = codecs.jpeg8_decode
    elif pixel.transfer_syntax in LOSSY:
        frame = sof(data) if pixel.samples == 1 else None
        if frame is None or frame[2] != 12 or pixel.allocated != 16:
            return None
        most = None
        decode = codecs.jpeg8_decode
    else:
        return None

    def jpeg(raw: bytes) -> NDArray[Any] | None:
        array: NDArray[Any] = decode(raw)
        if array.itemsize != dtype.itemsize:
            return None
        if most is not None and array.max(initial=0) >= most:
            return None
        return _without_unused(array.view(dtype), pixel)

    return jpeg


def _is_plain_jpeg2000(data: bytes, pixel: PixelFormat) -> bool:
    found = siz(data)
    expected = pixel.stored - 1 + (128 if pixel.signed else 0)
    if found is None or found[1:] != (pixel.samples, expected):
        return False
    if pixel.samples == 1:
        return True
    # its own colour transforms are undone by whoever decodes it
    return pixel.photometric in ("RGB", "YBR_ICT", "YBR_RCT") and is_plain_colour(data)


def _without_unused(array: NDArray[Any], pixel: PixelFormat) -> NDArray[Any]:
    """Extend the sign, or clear, above Bits Stored."""
    shift = pixel.allocated - pixel.stored
    if shift:
        np.left_shift(array, shift, out=array)
        np.right_shift(array, shift, out=array)
    return array


def _rle(
    raw: bytes, dtype: np.dtype[Any], size: tuple[int, int], samples: int, codecs: Any
) -> NDArray[Any] | None:
    """Decode RLE, PS3.5 annex G: a segment for each byte, the highest first."""
    width = dtype.itemsize
    segments = _segments(raw, width * samples)
    if segments is None:
        return None
    pixels = size[0] * size[1]
    array = np.empty(pixels * samples, dtype)
    planes = array.view(np.uint8).reshape(pixels, width * samples)
    for place, segment in enumerate(segments):
        unpacked = _unpacked(segment, codecs)
        if unpacked is None or len(unpacked) < pixels:
            return None
        byte = np.frombuffer(unpacked, np.uint8, pixels)
        sample, part = divmod(place, width)
        if sys.byteorder == "little":
            part = width - 1 - part
        planes[:, sample * width + part] = byte
    return array.reshape(size if samples == 1 else (*size, samples))


def _segments(raw: bytes, wanted: int) -> list[bytes] | None:
    """Return the segments of an RLE frame; None if they are not as its head says."""
    if len(raw) < 64:
        return None
    count, *offsets = struct.unpack_from("<16I", raw)
    if count != wanted or count > len(offsets):
        return None
    ends = [*offsets[1:count], len(raw)]
    places = list(zip(offsets[:count], ends, strict=True))
    if not all(64 <= start < end <= len(raw) for start, end in places):
        return None
    return [raw[start:end] for start, end in places]


def is_sound_rle(raw: bytes, pixel: PixelFormat, size: tuple[int, int]) -> bool:
    """Whether the segments of an RLE frame fit what they are to fill.

    Parameters
    ----------
    raw : bytes
        The frame.
    pixel : PixelFormat
        What the file says of it.
    size : tuple of int
        Rows and columns.

    Notes
    -----
    pylibjpeg-rle must not see others: a segment that is too long makes it panic, and
    print a back trace on the terminal.
    """
    from rle.rle import decode_segment

    room = size[0] * size[1]
    segments = _segments(raw, pixel.allocated // 8 * pixel.samples)
    try:
        return segments is not None and all(
            len(decode_segment(segment)) <= room for segment in segments
        )
    except ValueError:
        return False


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
