"""The bridge to napari: the only code that adds or reads layers."""

from __future__ import annotations

from ._bridge import ViewerBridge
from ._connections import Connections
from ._picker import PointPicker
from ._progress import WorkProgress

__all__ = [
    "Connections",
    "PointPicker",
    "ViewerBridge",
    "WorkProgress",
]
