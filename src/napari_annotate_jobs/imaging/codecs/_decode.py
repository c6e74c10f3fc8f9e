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
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging.dicom._doubt import reason, uid_name

from ._codestream import JPEG_EXTENDED, JPEG_LS, JPEG_RETIRED, LOSSY, codestream_size
from ._imagecodecs import RLE, fast_decoder, is_sound_rle

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging._types import PixelFormat

__all__ = ["check_decoder", "decode_frame", "frame_data", "is_decoders", "undecodable"]

_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_ORDER = ("pylibjpeg", "pyjpegls", "pydicom", "pillow")
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


def check_decoder(syntax: str, where: Path) -> list[tuple[Any, str]]:
    """Return pydicom's decoders of a transfer syntax, the one to try first first.

    Parameters
    ----------
    syntax : str
        UID of the transfer syntax.
    where : Path
        The file, for errors.

    Returns
    -------
    list of tuple
        Decoders, each with the name of the plug-in that it is to use.

    Raises
    ------
    UnsupportedImageError
        If there is none for it.
    MissingExtraError
        If its packages are not installed.
    """
    from pydicom.pixels.decoders.base import get_decoder

    if syntax in JPEG_RETIRED:
        # the codestream says itself of which process it is
        syntax = JPEG_EXTENDED
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise UnsupportedImageError(
            f"is encoded as {uid_name(syntax)}, which cannot be decoded",
            where=where,
            remedy="Export it uncompressed, or as JPEG 2000 or JPEG-LS",
        ) from error
    if not decoder.is_encapsulated:
        return [(decoder, "")]
    if not decoder.is_available:
        raise _missing(syntax, where)
    names = sorted(decoder.available_plugins, key=_place)
    if "gdcm" not in names:
        return [(decoder, name) for name in names]
    # GDCM comes last, since its process is slow to start. pydicom asks it first;
    # that tells only in lossy JPEG, where Pillow gives the same values as GDCM.
    names.remove("gdcm")
    if syntax in LOSSY:
        names.sort(key=lambda name: name != "pillow")
    from ._gdcm import gdcm_decoder

    return [*((decoder, name) for name in names), (gdcm_decoder(syntax), "gdcm")]


def _place(name: str) -> int:
    """Return a plug-in's turn, which is the one that pydicom gives it."""
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _missing(syntax: str, where: Path) -> MissingExtraError:
    return MissingExtraError(
        "a decoder",
        extra="jpegls" if syntax in JPEG_LS else "jpeg",
        purpose=uid_name(syntax),
        where=where,
    )


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
    shape = size if pixel.samples == 1 else (*size, pixel.samples)
    with quiet():
        if fast is not None:
            # what it cannot do, the decoder of record may still
            with contextlib.suppress(Exception):
                array = fast(data)
                if array is not None and array.shape == shape:
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

    decoders = check_decoder(pixel.transfer_syntax, where)
    able = [(decoder, name) for decoder, name in decoders if _is_able(name, pixel)]
    names = {name for _, name in able}
    if pixel.transfer_syntax == RLE and "pylibjpeg" in names:
        if not is_sound_rle(data, pixel, size):
            able = [(decoder, name) for decoder, name in able if name != "pylibjpeg"]
    if not able:
        raise _missing(pixel.transfer_syntax, where)
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
    encapsulated = able[0][0].is_encapsulated
    source = encapsulate([data], has_bot=False) if encapsulated else data
    failures = []
    for decoder, name in able:
        try:
            array, _ = decoder.as_array(
                source, index=0, decoding_plugin=name, **options
            )
            return np.asarray(array)
        except Exception as error:
            # pydicom's own words about one plug-in come after its preface
            failures.append(str(error).rpartition("plugins:")[2].strip())
    raise ValueError("; ".join(dict.fromkeys(failures)))


def _is_able(name: str, pixel: PixelFormat) -> bool:
    """Whether a plug-in gives right values; pydicom's guide says where not."""
    syntax, stored = pixel.transfer_syntax, pixel.stored
    if syntax in LOSSY and stored > 8:
        return name != "pillow"
    if syntax in JPEG_LS and name == "gdcm":
        return stored >= 8 or (stored < 6 and not pixel.signed)
    return True


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
