"""From DICOM files to frames: one plain object for each 2D image."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import UnreadableImageError, UnsupportedImageError
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._scan import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    Record,
    frame_bits,
    read_dataset,
)
from napari_annotate_jobs.imaging._types import PixelFormat

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Frame", "frames_of", "pixel_format"]

NATIVE = frozenset({IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED})
_PHOTOMETRIC = {
    1: {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"},
    3: {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"},
}


@dataclass(slots=True)
class Frame:
    """One 2D image of a DICOM file.

    Parameters
    ----------
    record : Record
        The file.
    number : int or None
        Frame number from 1; None in a single-frame file.
    position, orientation : tuple of float or None
        Image Position and Orientation (Patient), mm and cosines.
    spacing : tuple of float or None
        (row, column) distance in mm.
    slope, intercept : float
        Of the modality rescale.
    traits : dict
        What may tell the volumes of one series apart, by kind.
    offset, length : int
        Byte range of the frame; length 0 where only pydicom can find it.
    """

    record: Record
    number: int | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    slope: float
    intercept: float
    traits: dict[str, Any] = field(default_factory=dict)
    offset: int = 0
    length: int = 0

    @property
    def order(self) -> tuple[float, int, str]:
        """Sorts frames that have no position."""
        values = self.record.values
        instance = values.get("InstanceNumber")
        return (
            math.inf if instance is None else float(instance),
            self.number or 0,
            str(self.record.file.path),
        )


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
    if allocated not in (1, 8, 16, 32, 64) or not 1 <= stored <= allocated:
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
        frames = _multi(record, count)
    else:
        frames = [_single(record)]
    _place(record, frames)
    return frames


def _pair(values: dict[str, Any], *names: str) -> tuple[float, float] | None:
    for name in names:
        numbers = values.get(name)
        if numbers and len(numbers) == 2 and all(0 < n < 1000 for n in numbers):
            return (float(numbers[0]), float(numbers[1]))
    return None


def _of_length(numbers: Any, length: int) -> tuple[float, ...] | None:
    if not numbers or len(numbers) != length:
        return None
    numbers = tuple(float(n) for n in numbers)
    return numbers if all(map(math.isfinite, numbers)) else None


def _orientation(numbers: Any) -> tuple[float, ...] | None:
    cosines = _of_length(numbers, 6)
    if cosines is None:
        return None
    a, b, c, d, e, f = cosines
    row, column = math.hypot(a, b, c), math.hypot(d, e, f)
    if abs(row - 1) > 0.01 or abs(column - 1) > 0.01:
        return None
    return cosines if abs(a * d + b * e + c * f) < 0.01 else None


def _rescale(values: dict[str, Any]) -> tuple[float, float]:
    slope = values.get("RescaleSlope", (1.0,))[0]
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
        _of_length(values.get("ImagePositionPatient"), 3),
        _orientation(values.get("ImageOrientationPatient")),
        _pair(
            values, "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"
        ),
        slope,
        intercept,
        traits,
    )


def _multi(record: Record, count: int) -> list[Frame]:
    first = _single(record)
    dataset = record.dataset
    if dataset is None and count > 1:
        dataset = read_dataset(record.file.path)
    elif dataset is None:
        dataset = read_dataset(record.file.path)
    _check_count(record, count)
    record.dataset = dataset
    try:
        with quiet():
            groups = dataset.get("PerFrameFunctionalGroupsSequence")
            if groups is not None and len(groups) == count:
                shared = dataset.get("SharedFunctionalGroupsSequence")
                common = shared[0] if shared else None
                return [
                    _functional(record, first, i, groups[i], common)
                    for i in range(count)
                ]
            return _stacked(record, first, count, dataset)
    except UnreadableImageError:
        raise
    except Exception as error:
        raise UnreadableImageError(
            f"its description of the frames is damaged ({error})",
            where=record.file.path,
            remedy="Export the image again",
        ) from error


def _check_count(record: Record, count: int) -> None:
    """Refuse more frames than the file could hold, before making them."""
    room = record.file.size - record.offset
    # the smallest compressed frame is an item head with two bytes of content
    if record.length < 0 and count * 10 > room + 10:
        raise UnreadableImageError(
            f"claims {count} frames, but has room for {max(room, 0) // 10} at most",
            where=record.file.path,
            remedy="Copy or export the file again",
        )
    if count > 1_000_000:
        raise UnreadableImageError(
            f"claims {count} frames", where=record.file.path, remedy="Export it again"
        )


def _stacked(record: Record, first: Frame, count: int, dataset: Dataset) -> list[Frame]:
    """Frames of a classic multi-frame file, placed where the file says how."""
    offsets = dataset.get("GridFrameOffsetVector")  # RT Dose, PS3.3 C.8.8.3
    steps: list[float] | None = None
    if offsets is not None and len(offsets) == count:
        steps = [float(v) - float(offsets[0]) for v in offsets]
    elif "RECON TOMO" in record.values.get("ImageType", ()):
        gap = dataset.get("SpacingBetweenSlices")
        if gap:
            steps = [float(gap) * i for i in range(count)]
    position, orientation = first.position, first.orientation
    if steps is None or position is None or orientation is None:
        if count > 1:
            position = orientation = None
        steps = [0.0] * count
    normal = _normal(orientation) if orientation is not None else (0.0, 0.0, 0.0)
    return [
        Frame(
            record,
            i + 1,
            None
            if position is None
            else tuple(p + n * steps[i] for p, n in zip(position, normal, strict=True)),
            orientation,
            first.spacing,
            first.slope,
            first.intercept,
            {},
        )
        for i in range(count)
    ]


def _normal(cosines: tuple[float, ...]) -> tuple[float, float, float]:
    a, b, c, d, e, f = cosines
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def _functional(
    record: Record, first: Frame, index: int, own: Dataset, common: Dataset | None
) -> Frame:
    """Read one frame's functional groups, its own before the shared ones."""

    def item(name: str) -> Dataset | None:
        for group in (own, common):
            if group is not None and group.get(name):
                found: Dataset = group[name].value[0]
                return found
        return None

    def numbers(name: str, keyword: str) -> Any:
        group = item(name)
        value = None if group is None else group.get(keyword)
        if value is None or value == "":
            return None
        several = hasattr(value, "__iter__") and not isinstance(value, str)
        return tuple(map(float, value if several else (value,)))

    transform = "PixelValueTransformationSequence"
    slope = numbers(transform, "RescaleSlope") or (first.slope,)
    intercept = numbers(transform, "RescaleIntercept") or (first.intercept,)
    spacing = numbers("PixelMeasuresSequence", "PixelSpacing")
    return Frame(
        record,
        index + 1,
        _of_length(numbers("PlanePositionSequence", "ImagePositionPatient"), 3)
        or first.position,
        _orientation(numbers("PlaneOrientationSequence", "ImageOrientationPatient"))
        or first.orientation,
        _pair({"PixelSpacing": spacing}, "PixelSpacing") or first.spacing,
        slope[0] or 1.0,
        intercept[0],
        _functional_traits(item, numbers),
    )


def _functional_traits(item: Any, numbers: Any) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    content = item("FrameContentSequence")
    if content is not None:
        for kind, keyword in (
            ("stack", "StackID"),
            ("time", "TemporalPositionIndex"),
            ("acquisition", "FrameAcquisitionNumber"),
        ):
            value = content.get(keyword)
            if value not in (None, ""):
                traits[kind] = value if isinstance(value, int) else str(value)
    echo = numbers("MREchoSequence", "EffectiveEchoTime")
    if echo:
        traits["echo time"] = echo
    b_value = numbers("MRDiffusionSequence", "DiffusionBValue")
    if b_value:
        traits["b-value"] = b_value[0]
    for name in ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence"):
        group = item(name)
        if group is not None and group.get("FrameType"):
            traits["image type"] = tuple(str(v) for v in group.FrameType)
    segment = item("SegmentIdentificationSequence")
    if segment is not None and segment.get("ReferencedSegmentNumber") is not None:
        traits["segment"] = int(segment.ReferencedSegmentNumber)
    return traits


def _place(record: Record, frames: list[Frame]) -> None:
    """Find the byte range of each frame."""
    values = record.values
    if record.transfer_syntax == DEFLATED:
        return
    if record.length >= 0:
        bits = frame_bits(values)
        if bits % 8 == 0:
            for i, frame in enumerate(frames):
                frame.offset = record.offset + i * (bits // 8)
                frame.length = bits // 8
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
        with open(where, "rb") as handle, quiet():
            handle.seek(record.offset)
            table = parse_basic_offsets(handle)
            base = handle.tell()
            total, places = parse_fragments(handle)
    except Exception as error:
        raise UnreadableImageError(
            f"its compressed frames are damaged ({error})",
            where=where,
            remedy="Copy or export the file again",
        ) from error
    extended = None
    if record.dataset is not None:
        extended = record.dataset.get("ExtendedOffsetTable")
    if extended:
        import struct

        table = list(struct.unpack(f"<{len(extended) // 8}Q", extended))
    known = set(places)
    starts = [base + offset for offset in table]
    if len(starts) != count or not known.issuperset(starts):
        starts = list(places)
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
