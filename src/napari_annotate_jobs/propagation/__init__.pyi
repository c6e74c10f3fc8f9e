from ._boxes import boxes_of_mask, boxes_of_objects, interpolate_boxes
from ._fill import fill_box, fill_threshold, flood_fill
from ._interpolate import interpolate_masks
from ._pieces import piece_at
from ._reshape import fill_holes, grow, keep_largest, remove_islands, smooth
from ._track_masks import StopReason, Tracked, TrackEnd, track_masks

__all__ = [
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
    "piece_at",
    "remove_islands",
    "smooth",
    "track_masks",
]
