from ._bridge import ViewerBridge
from ._compared import FIRST_COLOR, SECOND_COLOR
from ._foreign import ForeignLayers
from ._measuring import Measure, MeasureKind
from ._orientation import EdgeLetters
from ._picker import PointPicker
from ._plane import ACQUIRED, Plane
from ._progress import WorkProgress
from .planes import PLANE_COLORS, PlaneView, ThreePlanes, canvas_place

__all__ = [
    "ACQUIRED",
    "FIRST_COLOR",
    "PLANE_COLORS",
    "SECOND_COLOR",
    "EdgeLetters",
    "ForeignLayers",
    "Measure",
    "MeasureKind",
    "Plane",
    "PlaneView",
    "PointPicker",
    "ThreePlanes",
    "ViewerBridge",
    "WorkProgress",
    "canvas_place",
]
