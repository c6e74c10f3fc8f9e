"""Decode one compressed DICOM frame, by pydicom and its plug-ins."""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    MissingExtraError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._codestream import JPEG_LS, codestream_size
from napari_annotate_jobs.imaging._fast_codecs import fast_decoder
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._scan import reason, uid_name

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._types import PixelFormat

__all__ = ["check_decoder", "decode_frame", "frame_data", "is_decoders", "undecodable"]

_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_DAMAGED = "Copy or export the file again"
_PLAUSIBLE = 4000  # times smaller than its pixels: what a large frame may be
_LARGE = 1 << 28


def frame_data(raw: bytes, where: Path, *, last: bool) -> bytes:
    """Join the fragments of one frame, PS3.5 annex A.4.

    Parameters
    ----------
    raw : bytes
        The items, each with its head; what follows the last is ignored.
    where : Path
        The file, for errors.
    last : bool
        Whether the end of the pixel data must follow: without it nobody can
        tell whether the frame is whole.

    Raises
    ------
    UnreadableImageError
        If an item is cut off, or there is none.
    """
    pos, end = 0, len(raw)
    tag = 0
    pieces = []
    while pos + 8 <= end:
        tag, length = struct.unpack_from("<II", raw, pos)
        if tag != 0xE000FFFE:
            break
        pos += 8
        if pos + length > end:
            raise UnreadableImageError(
                f"its compressed pixel data is cut off: {end - pos} bytes of {length}",
                where=where,
                remedy=_DAMAGED,
            )
        pieces.append(raw[pos : pos + length])
        pos += length
    if last and tag != 0xE0DDFFFE:
        raise UnreadableImageError(
            "its compressed pixel data is cut off: the end mark is missing",
            where=where,
            remedy=_DAMAGED,
        )
    if not pieces:
        raise UnreadableImageError(
            "has no compressed pixel data where it should be",
            where=where,
            remedy=_DAMAGED,
        )
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def check_decoder(syntax: str, where: Path) -> Any:
    """Return pydicom's decoder of a transfer syntax.

    Raises
    ------
    UnsupportedImageError
        If there is none for it.
    MissingExtraError
        If its packages are not installed.
    """
    from pydicom.pixels.decoders.base import get_decoder

    name = uid_name(syntax)
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise UnsupportedImageError(
            f"is encoded as {name}, which cannot be decoded",
            where=where,
            remedy="Export it uncompressed, or as JPEG 2000 or JPEG-LS",
        ) from error
    if not decoder.is_available:
        raise MissingExtraError(
            "its decoder",
            extra=_extra_of(syntax),
            purpose=f"{name}",
            where=where,
        )
    return decoder


def _extra_of(syntax: str) -> str:
    """Name the extra of this package that brings a decoder."""
    return "jpegls" if syntax in JPEG_LS else "jpeg"


def decode_frame(
    data: bytes, pixel: PixelFormat, size: tuple[int, int], where: Path
) -> NDArray[Any]:
    """Decode one frame.

    Parameters
    ----------
    data : bytes
        The codestream, or the native bytes of the frame.
    pixel : PixelFormat
        What the file says of it.
    size : tuple of int
        Rows and columns.
    where : Path
        The file, for errors.

    Returns
    -------
    numpy.ndarray
        Shape (rows, columns) or (rows, columns, 3): stored values, colour as
        RGB, native byte order.

    Raises
    ------
    UnreadableImageError
        If the data is damaged, or of another size than the header says.
    UnsupportedImageError, MissingExtraError
        See :func:`check_decoder`.
    """
    if pixel.transfer_syntax.startswith(_JPEG_FAMILY):
        _check_claims(data, pixel, size, where)
    _check_plausible(data, pixel, size, where)
    fast = fast_decoder(pixel, data, size)
    with quiet():
        if fast is not None:
            # what it cannot do, the decoder of record may still
            with contextlib.suppress(Exception):
                array = fast(data)
                if array is not None and array.shape == size:
                    return array
        try:
            return _with_pydicom(data, pixel, size, where)
        except BaseException as error:
            if not is_decoders(error):
                raise
            raise undecodable(error, where) from error


def is_decoders(error: BaseException) -> bool:
    """Whether a decoder raised an error: not we, and not the user's Ctrl+C.

    Decoders written in Rust raise a panic that is no ``Exception``.
    """
    if type(error).__name__ == "PanicException":
        return True
    return isinstance(error, Exception) and not isinstance(error, AnnotateJobsError)


def undecodable(error: BaseException, where: Path) -> UnreadableImageError:
    """Return our error for one that a decoder raised."""
    return UnreadableImageError(
        f"its pixel data cannot be decoded ({reason(error)})",
        where=where,
        remedy=_DAMAGED,
    )


def _with_pydicom(
    data: bytes, pixel: PixelFormat, size: tuple[int, int], where: Path
) -> NDArray[Any]:
    from pydicom.encaps import encapsulate

    decoder = check_decoder(pixel.transfer_syntax, where)
    options: dict[str, Any] = {
        "rows": size[0],
        "columns": size[1],
        "number_of_frames": 1,
        "samples_per_pixel": pixel.samples,
        "photometric_interpretation": pixel.photometric,
        "bits_allocated": pixel.allocated,
        "bits_stored": pixel.stored,
        "pixel_representation": pixel.signed,
        "pixel_keyword": pixel.element,
    }
    if pixel.samples > 1:
        options["planar_configuration"] = pixel.planar
    if pixel.element != "PixelData":
        options.pop("pixel_representation")
    source = encapsulate([data], has_bot=False) if decoder.is_encapsulated else data
    array, _ = decoder.as_array(source, index=0, **options)
    return np.asarray(array)


def _check_claims(
    data: bytes, pixel: PixelFormat, size: tuple[int, int], where: Path
) -> None:
    """Compare the codestream's size with the header's before decoding it."""
    claimed, components = codestream_size(data, pixel)
    if components != pixel.samples:
        raise UnreadableImageError(
            f"its header says {pixel.samples} samples a pixel, its compressed data "
            f"{components}",
            where=where,
            remedy=_DAMAGED,
        )
    if claimed != size:
        raise UnreadableImageError(
            f"its header says {size[1]} x {size[0]} pixels, its compressed data "
            f"{claimed[1]} x {claimed[0]}",
            where=where,
            remedy=_DAMAGED,
        )


def _check_plausible(
    data: bytes, pixel: PixelFormat, size: tuple[int, int], where: Path
) -> None:
    bytes_out = size[0] * size[1] * pixel.samples * pixel.allocated // 8
    if bytes_out > _LARGE and len(data) * _PLAUSIBLE < bytes_out:
        raise UnreadableImageError(
            f"claims {bytes_out} bytes of pixels in {len(data)} compressed bytes",
            where=where,
            remedy=_DAMAGED,
        )
