"""Numbers of annotations: pure functions, no stores, no images on disk."""

from __future__ import annotations

from ._agreement import (
    EXACT,
    READERS,
    Agreement,
    AnswerPair,
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
from ._measure import (
    RegionNumbers,
    distance,
    ellipse_inside,
    label_sums,
    region_numbers,
)
from ._statistics import (
    CaseFacts,
    LabelStatistics,
    PersonStatistics,
    Statistics,
    StatisticsCounter,
)
from ._statistics_tables import statistics_tables, write_statistics
from ._voxel_volumes import voxel_volumes

__all__ = [
    "EXACT",
    "READERS",
    "Agreement",
    "AnswerPair",
    "BoxPair",
    "CaseFacts",
    "LabelStatistics",
    "MaskPair",
    "PersonStatistics",
    "RegionNumbers",
    "SliceAgreement",
    "Statistics",
    "StatisticsCounter",
    "Tolerance",
    "box_iou",
    "compare_slice",
    "dice",
    "distance",
    "ellipse_inside",
    "hausdorff",
    "label_sums",
    "match_boxes",
    "region_numbers",
    "statistics_tables",
    "voxel_volumes",
    "write_statistics",
]
