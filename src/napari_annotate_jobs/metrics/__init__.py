"""Numbers of annotations: pure functions, no stores, no images on disk."""

from __future__ import annotations

from ._agreement import (
    EXACT,
    READERS,
    Agreement,
    BoxPair,
    MaskPair,
    SliceAgreement,
    Tolerance,
    box_iou,
    compare_slice,
    dice,
    hausdorff,
    match_boxes,
)

__all__ = [
    "EXACT",
    "READERS",
    "Agreement",
    "BoxPair",
    "MaskPair",
    "SliceAgreement",
    "Tolerance",
    "box_iou",
    "compare_slice",
    "dice",
    "hausdorff",
    "match_boxes",
]
