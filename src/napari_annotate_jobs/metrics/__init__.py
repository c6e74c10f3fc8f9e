"""Numbers about annotations; pure functions of what was annotated."""

from __future__ import annotations

from ._statistics import (
    CaseFacts,
    LabelStatistics,
    PersonStatistics,
    Statistics,
    StatisticsCounter,
)
from ._statistics_tables import statistics_tables, write_statistics
from ._volume import voxel_volumes

__all__ = [
    "CaseFacts",
    "LabelStatistics",
    "PersonStatistics",
    "Statistics",
    "StatisticsCounter",
    "statistics_tables",
    "voxel_volumes",
    "write_statistics",
]
