"""Frames of one file: enhanced functional groups, RT dose grids, plain stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging._frame import (
    Frame,
    of_length,
    orientation_of,
    pair_of,
)
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._scan import read_dataset

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.imaging._record import Record

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
    dataset = record.dataset
    if dataset is None:
        dataset = record.dataset = read_dataset(record.file.path)
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
        of_length(numbers("PlanePositionSequence", "ImagePositionPatient"), 3)
        or first.position,
        orientation_of(numbers("PlaneOrientationSequence", "ImageOrientationPatient"))
        or first.orientation,
        pair_of({"PixelSpacing": spacing}, "PixelSpacing") or first.spacing,
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
