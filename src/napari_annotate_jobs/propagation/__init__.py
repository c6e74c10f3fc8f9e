"""Propagation: ranges of slices, masks and boxes between key slices, filling.

Pure functions on arrays; nothing here knows of files, sessions or windows.
What works on pixels is imported when it is first asked for, so that ranges
can be planned without loading SciPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.propagation._ranges import (
    Action,
    Direction,
    Mode,
    RangePlan,
    plan,
    target_slices,
)

if TYPE_CHECKING:
    from napari_annotate_jobs.propagation._boxes import (
        boxes_of_mask,
        boxes_of_objects,
        interpolate_boxes,
    )
    from napari_annotate_jobs.propagation._fill import (
        fill_box,
        fill_threshold,
        flood_fill,
    )
    from napari_annotate_jobs.propagation._interpolate import interpolate_masks
    from napari_annotate_jobs.propagation._reshape import (
        fill_holes,
        grow,
        keep_largest,
        remove_islands,
        smooth,
    )
    from napari_annotate_jobs.propagation._track import (
        StopReason,
        Tracked,
        TrackEnd,
        track_masks,
    )

__all__ = [
    "Action",
    "Direction",
    "Mode",
    "RangePlan",
    "StopReason",
    "TrackEnd",
    "Tracked",
    "boxes_of_mask",
    "boxes_of_objects",
    "fill_box",
    "fill_holes",
    "fill_threshold",
    "flood_fill",
    "grow",
    "interpolate_boxes",
    "interpolate_masks",
    "keep_largest",
    "plan",
    "remove_islands",
    "smooth",
    "target_slices",
    "track_masks",
]

_LAZY = {
    "StopReason": "_track",
    "TrackEnd": "_track",
    "Tracked": "_track",
    "boxes_of_mask": "_boxes",
    "boxes_of_objects": "_boxes",
    "fill_box": "_fill",
    "fill_holes": "_reshape",
    "fill_threshold": "_fill",
    "flood_fill": "_fill",
    "grow": "_reshape",
    "interpolate_boxes": "_boxes",
    "interpolate_masks": "_interpolate",
    "keep_largest": "_reshape",
    "remove_islands": "_reshape",
    "smooth": "_reshape",
    "track_masks": "_track",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
