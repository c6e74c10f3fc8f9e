"""Frames of one file: enhanced functional groups, RT dose grids, plain stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging._quiet import quiet

from ._frame import Frame, of_length, orientation_of, pair_of
from ._groups import Group, groups_of
from ._scan import read_dataset

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from ._record import Record

__all__ = ["multi_frames"]


def multi_frames(record: Record, first: Frame, count: int) -> list[Frame]:
    """Return the frames of a multi-frame file, in its order.

    Parameters
    ----------
    record : Record
        The file; its whole header is read and kept.
    first : Frame
        What the top level of the header says, for all frames alike.
    count : int
        Number of Frames (0028,0008).

    Raises
    ------
    UnreadableImageError
        If there is no room for so many, or their description is damaged.
    """
    _check_count(record, count)

    def whole() -> Dataset:
        if record.dataset is None:
            record.dataset = read_dataset(record.file.path)
        return record.dataset

    try:
        with quiet():
            groups = groups_of(record, count, whole)
            if groups is not None:
                own, shared = groups
                return [
                    _functional(record, first, i, {**shared, **own[i]})
                    for i in range(count)
                ]
            return _stacked(record, first, count, whole())
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
    position, orientation = first.position, first.orientation
    if is_reconstruction(record):
        steps = _tomo_steps(dataset, count)
        if position is None or orientation is None:
            # PS3.3 C.8.4.11: the place of nuclear medicine is its detector's
            detectors = dataset.get("DetectorInformationSequence")
            detector = detectors[0] if detectors else {}
            position = of_length(detector.get("ImagePositionPatient"), 3)
            orientation = orientation_of(detector.get("ImageOrientationPatient"))
            if position is not None and orientation is not None:
                record.reasons.append(
                    "the place of the slices is from the Detector Information "
                    "Sequence, their distance from Spacing Between Slices"
                )
    if steps is None or position is None or orientation is None:
        if count > 1:
            position = orientation = None
        steps = [0.0] * count
    traits = _vector_traits(dataset, count)
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
            traits[i],
        )
        for i in range(count)
    ]


def is_reconstruction(record: Record) -> bool:
    """Whether a nuclear medicine image is of slices, not of projections."""
    return any(
        kind.startswith("RECON") and kind.endswith("TOMO")
        for kind in record.values.get("ImageType", ())
    )


def _tomo_steps(dataset: Dataset, count: int) -> list[float] | None:
    """Return how far each frame is from the first, along the normal, in mm.

    Spacing Between Slices may be negative here, PS3.3 C.8.4.15: the slices then go
    against the normal.
    """
    gap = dataset.get("SpacingBetweenSlices")
    if not gap:
        return None
    numbers = _vector(dataset, "SliceVector", count) or range(1, count + 1)
    return [float(gap) * (number - 1) for number in numbers]


# PS3.3 C.8.4.8: one number a frame for each that the frames go through
_VECTORS = (
    ("energy window", "EnergyWindowVector"),
    ("detector", "DetectorVector"),
    ("phase", "PhaseVector"),
    ("R-R interval", "RRIntervalVector"),
    ("time slot", "TimeSlotVector"),
)


def _vector(dataset: Dataset, keyword: str, count: int) -> list[int] | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    numbers = [int(v) for v in (value if hasattr(value, "__iter__") else (value,))]
    return numbers if len(numbers) == count else None


def _vector_traits(dataset: Dataset, count: int) -> list[dict[str, Any]]:
    traits: list[dict[str, Any]] = [{} for _ in range(count)]
    for kind, keyword in _VECTORS:
        for own, number in zip(
            traits, _vector(dataset, keyword, count) or (), strict=False
        ):
            own[kind] = number
    return traits


def _normal(cosines: tuple[float, ...]) -> tuple[float, float, float]:
    a, b, c, d, e, f = cosines
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def _functional(record: Record, first: Frame, index: int, group: Group) -> Frame:
    """Make a frame of its functional groups, and of the header where they lack."""
    slope = group.get("RescaleSlope", (first.slope,))
    intercept = group.get("RescaleIntercept", (first.intercept,))
    return Frame(
        record,
        index + 1,
        of_length(group.get("ImagePositionPatient"), 3) or first.position,
        orientation_of(group.get("ImageOrientationPatient")) or first.orientation,
        pair_of(group, "PixelSpacing") or first.spacing,
        slope[0] or 1.0,
        intercept[0],
        _functional_traits(group),
    )


_TRAITS = (
    ("stack", "StackID"),
    ("time", "TemporalPositionIndex"),
    ("acquisition", "FrameAcquisitionNumber"),
    ("echo time", "EffectiveEchoTime"),
    ("image type", "FrameType"),
    ("segment", "ReferencedSegmentNumber"),
)


def _functional_traits(group: Group) -> dict[str, Any]:
    traits = {kind: group[key] for kind, key in _TRAITS if key in group}
    if "DiffusionBValue" in group:
        traits["b-value"] = group["DiffusionBValue"][0]
    return traits
