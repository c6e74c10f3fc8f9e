"""How large the pixels of ultrasound are: its regions say so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._types import ImageWarning

from ._scan import read_dataset

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from ._frame import Frame
    from ._record import Record

__all__ = ["size_from_regions"]

_TISSUE, _CENTIMETRES = 1, 3  # PS3.3 C.8.5.5: a 2D region, lengths


def size_from_regions(record: Record, frames: list[Frame]) -> None:
    """Give frames without a spacing that of the file's ultrasound regions.

    Where the regions of the picture differ, as beside a trace, it is that of the
    images of tissue if those agree; else none, and a warning says so.

    Parameters
    ----------
    record : Record
        The file; learns where the spacing is from.
    frames : list of Frame
        Its frames.
    """
    if all(frame.spacing is not None for frame in frames):
        return
    dataset = record.dataset
    if dataset is None:
        dataset = read_dataset(record.file.path)
    with quiet():
        regions = dataset.get("SequenceOfUltrasoundRegions") or ()
        sizes = {size for region in regions if (size := _size(region)) is not None}
    if not sizes:
        return
    first = min(sizes)
    if any(
        not math.isclose(a, b, rel_tol=1e-3)
        for size in sizes
        for a, b in zip(size, first, strict=True)
    ):
        record.notes.append(
            ImageWarning(
                "spacing-differs",
                "The picture has several ultrasound images of different scale: "
                "measures are in pixels",
            )
        )
        return
    record.reasons.append(
        "the size of a pixel is from the Sequence of Ultrasound Regions"
    )
    for frame in frames:
        if frame.spacing is None:
            frame.spacing = first


def _size(region: Dataset) -> tuple[float, float] | None:
    """Return rows' and columns' distance in mm of a region that shows tissue."""
    if _whole(region.get("RegionSpatialFormat")) != _TISSUE:
        return None
    units = [_whole(region.get(f"PhysicalUnits{axis}Direction")) for axis in ("X", "Y")]
    if units != [_CENTIMETRES, _CENTIMETRES]:
        return None
    try:
        # their signs say which way the axes point
        across, down = (
            abs(float(region.get(f"PhysicalDelta{axis}"))) * 10 for axis in ("X", "Y")
        )
    except (TypeError, ValueError):
        return None
    return (down, across) if 0 < down < 1000 and 0 < across < 1000 else None


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1
