"""Propagation: ranges of slices, masks and boxes between key slices, filling.

Pure functions on arrays; nothing here knows of files, sessions or windows.
"""

from __future__ import annotations

from napari_annotate_jobs.propagation._ranges import (
    Action,
    Direction,
    Mode,
    RangePlan,
    plan,
    target_slices,
)

__all__ = [
    "Action",
    "Direction",
    "Mode",
    "RangePlan",
    "plan",
    "target_slices",
]
