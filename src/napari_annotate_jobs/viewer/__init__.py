"""The bridge to napari: the only code that adds or reads layers."""

from __future__ import annotations

from ._bridge import ViewerBridge
from ._picker import PointPicker
from ._progress import WorkProgress

__all__ = [
    "PointPicker",
    "ViewerBridge",
    "WorkProgress",
]
