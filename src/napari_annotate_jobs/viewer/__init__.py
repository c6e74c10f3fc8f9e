"""The bridge to napari: the only code that adds or reads layers."""

from __future__ import annotations

from ._bridge import ViewerBridge
from ._compared import FIRST_COLOR, SECOND_COLOR
from ._foreign import ForeignLayers
from ._orientation import EdgeLetters
from ._picker import PointPicker
from ._plane import ACQUIRED, Plane
from ._progress import WorkProgress

__all__ = [
    "ACQUIRED",
    "FIRST_COLOR",
    "SECOND_COLOR",
    "EdgeLetters",
    "ForeignLayers",
    "Plane",
    "PointPicker",
    "ViewerBridge",
    "WorkProgress",
]
