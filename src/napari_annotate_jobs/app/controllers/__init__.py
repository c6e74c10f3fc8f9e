"""What acts: one controller for one act, whoever asks for it."""

from __future__ import annotations

from ._brush import BrushController
from ._combine import CombineController
from ._edit_job import EditJobController
from ._export import ExportController
from ._flag import FlagController
from ._foreign import ForeignController
from ._import import ImportController
from ._labels import LabelController
from ._measures import LabelNumbers, MeasureController, measure_text
from ._new_job import NewJobController
from ._pointed import PointedController
from ._propagate import PropagateController
from ._review import ReviewController
from ._slices import SliceController
from ._statistics import StatisticsController
from ._strip import StripController
from ._surroundings import Peek, RoomForImage, SurroundingsController
from ._take_along import TakeAlongController
from ._threads import ThreadController, list_threads, show_places
from ._workbench import Workbench
from ._zoom import ZoomController

__all__ = [
    "BrushController",
    "CombineController",
    "EditJobController",
    "ExportController",
    "FlagController",
    "ForeignController",
    "ImportController",
    "LabelController",
    "LabelNumbers",
    "MeasureController",
    "NewJobController",
    "Peek",
    "PointedController",
    "PropagateController",
    "ReviewController",
    "RoomForImage",
    "SliceController",
    "StatisticsController",
    "StripController",
    "SurroundingsController",
    "TakeAlongController",
    "ThreadController",
    "Workbench",
    "ZoomController",
    "list_threads",
    "measure_text",
    "show_places",
]
