"""From DICOM files to frames: one plain object for each 2D image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import UnreadableImageError, UnsupportedImageError
from napari_annotate_jobs.imaging._quiet import BoundedFile, quiet
from napari_annotate_jobs.imaging._types import PixelFormat

from ._frame import Frame, of_length, orientation_of, pair_of
from ._mosaic import is_sheet, tiles_of
from ._multiframe import multi_frames
from ._record import DEFLATED, NATIVE, Record
from ._scan import frame_bits
from ._ultrasound import size_from_regions

_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")
"""How a JPEG, a JPEG-LS, a JPEG 2000 codestream and a JP2 file begin."""
_ENDS = b"\xff\xd9"

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["format_said", "frames_of", "pixel_format"]

_PHOTOMETRIC = {
    1: {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"},
    3: {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"},
}


_OF_FORMAT = (
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "ModalityLUTSequence",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "PlanarConfiguration",
    "SamplesPerPixel",
)


def format_said(record: Record) -> tuple[Any, ...]:
    """Return all that :func:`pixel_format` looks at: the same gives the same."""
    said = map(record.values.get, _OF_FORMAT)
    return (record.transfer_syntax, record.element, *said)


def pixel_format(record: Record) -> PixelFormat:
    """Read and check how the pixels of a file are encoded.

    Raises
    ------
    UnreadableImageError
        If attributes are missing or contradict one another.
    UnsupportedImageError
        If they name an encoding that cannot be shown.
    """
    values, where = record.values, record.file.path
    allocated = values.get("BitsAllocated")
    if record.element != "PixelData":
        allocated = 32 if record.element == "FloatPixelData" else 64
    if allocated is None:
        raise UnreadableImageError(
            "does not say how many bits a pixel has (0028,0100)",
            where=where,
            remedy="Export the image again",
        )
    samples = values.get("SamplesPerPixel", 1)
    photometric = values.get("PhotometricInterpretation") or (
        "MONOCHROME2" if samples == 1 else "RGB"
    )
    stored = values.get("BitsStored", allocated)
    if photometric not in _PHOTOMETRIC.get(samples, ()):
        raise UnsupportedImageError(
            f"has {samples} samples of {photometric} a pixel, "
            "which is not a supported kind of colour",
            where=where,
            remedy="Convert it to greyscale or RGB",
        )
    known = allocated in (1, 8, 16, 32, 64) or (
        # two pixels in three bytes, of which compressed data knows nothing
        allocated == 12 and samples == 1 and record.transfer_syntax in NATIVE
    )
    if not known or not 1 <= stored <= allocated:
        raise UnreadableImageError(
            f"has {stored} bits stored in {allocated} allocated",
            where=where,
            remedy="Export the image again",
        )
    lut = "ModalityLUTSequence" in values or photometric == "PALETTE COLOR"
    return PixelFormat(
        transfer_syntax=record.transfer_syntax,
        element=record.element,
        photometric=photometric,
        samples=samples,
        planar=values.get("PlanarConfiguration", 0) if samples > 1 else 0,
        allocated=allocated,
        stored=stored,
        high_bit=values.get("HighBit", stored - 1),
        signed=values.get("PixelRepresentation", 0),
        has_lut=lut,
    )


def frames_of(record: Record) -> list[Frame]:
    """Return the frames of one file, in the file's order.

    Raises
    ------
    UnreadableImageError
        If the file does not hold the frames it claims to.
    """
    values = record.values
    count = values.get("NumberOfFrames", 1)
    if count < 1:
        count = 1
    if count > 1 or "PerFrameFunctionalGroupsSequence" in values:
        frames = multi_frames(record, _single(record), count)
    else:
        frames = [_single(record)]
    _place(record, frames)
    if "SequenceOfUltrasoundRegions" in values:
        size_from_regions(record, frames)
    if count == 1 and is_sheet(record):
        whole = frames[0]
        frames = tiles_of(record, whole)
        for frame in frames:
            frame.offset, frame.length = whole.offset, whole.length
    return frames


def _rescale(values: dict[str, Any]) -> tuple[float, float]:
    # a dose has a scale of its own, PS3.3 C.8.8.3
    scale = values.get("DoseGridScaling", (1.0,))
    slope = values.get("RescaleSlope", scale)[0]
    intercept = values.get("RescaleIntercept", (0.0,))[0]
    return (slope, intercept) if slope else (1.0, intercept)


_TRAITS = (
    ("time", "TemporalPositionIdentifier"),
    ("echo", "EchoNumbers"),
    ("echo time", "EchoTime"),
    ("b-value", "DiffusionBValue"),
    ("inversion time", "InversionTime"),
    ("acquisition", "AcquisitionNumber"),
    ("image type", "ImageType"),
    ("trigger time", "TriggerTime"),
    ("acquisition time", "AcquisitionTime"),
    ("content time", "ContentTime"),
)


def _single(record: Record) -> Frame:
    values = record.values
    slope, intercept = _rescale(values)
    traits = {}
    for kind, name in _TRAITS:
        value = values.get(name)
        if value is not None:
            traits[kind] = value
    return Frame(
        record,
        None,
        of_length(values.get("ImagePositionPatient"), 3),
        orientation_of(values.get("ImageOrientationPatient")),
        pair_of(
            values, "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"
        ),
        slope,
        intercept,
        traits,
    )


def _place(record: Record, frames: list[Frame]) -> None:
    """Find the byte range of each frame."""
    values = record.values
    if record.transfer_syntax == DEFLATED:
        return
    if record.length >= 0:
        bits = frame_bits(values)
        if bits % 8 == 0 or values.get("BitsAllocated") == 12:
            for i, frame in enumerate(frames):
                frame.offset = record.offset + i * bits // 8
                frame.length = record.offset - (-(i + 1) * bits // 8) - frame.offset
        return
    if len(frames) == 1:
        frames[0].offset = record.fragments
        frames[0].length = record.file.size - record.fragments
        return
    for frame, (offset, length) in zip(
        frames, _fragment_ranges(record, len(frames)), strict=True
    ):
        frame.offset, frame.length = offset, length


def _fragment_ranges(record: Record, count: int) -> list[tuple[int, int]]:
    """Byte ranges of the items of each frame of an encapsulated file."""
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    where = record.file.path
    try:
        with BoundedFile(where) as handle, quiet():
            handle.seek(record.offset)
            table = parse_basic_offsets(handle)
            base = handle.tell()
            total, places = parse_fragments(handle)
            handle.seek(places[-1] + 4 if places else base)
            if places:
                handle.seek(int.from_bytes(handle.read(4), "little"), 1)
            whole = handle.read(4) == b"\xfe\xff\xdd\xe0"
    except Exception as error:
        raise UnreadableImageError(
            f"its compressed frames are damaged ({error})",
            where=where,
            remedy="Copy or export the file again",
        ) from error
    if not whole:
        raise UnreadableImageError(
            "its compressed pixel data is cut off: the end mark is missing",
            where=where,
            remedy="Copy or export the file again",
        )
    extended = record.values.get("ExtendedOffsetTable")
    if extended:
        import struct

        table = list(struct.unpack(f"<{len(extended) // 8}Q", extended))
    known = set(places)
    starts = [base + offset for offset in table]
    if len(starts) != count or not known.issuperset(starts):
        starts = list(places)
        if len(starts) > count:
            starts = _codestreams(where, starts)
    if len(starts) != count or total < count:
        raise UnreadableImageError(
            f"claims {count} frames, but holds {total} pieces of compressed data "
            "that no table assigns to them",
            where=where,
            remedy="Copy or export the file again",
        )
    starts.sort()
    ends = [*starts[1:], record.file.size]
    return [(a, b - a) for a, b in zip(starts, ends, strict=True)]


def _codestreams(where: Path, places: list[int]) -> list[int]:
    """Return those items in which a codestream begins, where no table tells.

    A frame may be in several items, PS3.5 A.4. Compressed data may by chance look
    like a beginning; what follows an end is one for sure.
    """
    begin, follow, ended = [], [], True
    with BoundedFile(where) as handle:
        for place in places:
            handle.seek(place + 4)
            length = int.from_bytes(handle.read(4), "little")
            is_start = handle.read(8).startswith(_STARTS)
            if is_start:
                begin.append(place)
                if ended:
                    follow.append(place)
            handle.seek(place + 8 + max(length - 4, 0))
            # padded to an even length
            ended = _ENDS in handle.read(min(length, 4)).rstrip(b"\0")[-3:]
    return begin if len(begin) <= len(follow) else follow
