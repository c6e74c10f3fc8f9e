"""What acts: one controller for one act, whoever asks for it."""

from __future__ import annotations

from ._combine import CombineController
from ._export import ExportController
from ._foreign import ForeignController
from ._import import ImportController
from ._measures import LabelNumbers, MeasureController, measure_text
from ._propagate import PropagateController
from ._review import ReviewController
from ._slices import SliceController
from ._statistics import StatisticsController
from ._strip import StripController
from ._surroundings import Peek, RoomForImage, SurroundingsController
from ._threads import ThreadController, show_places
from ._workbench import Workbench

__all__ = [
    "CombineController",
    "ExportController",
    "ForeignController",
    "ImportController",
    "LabelNumbers",
    "MeasureController",
    "Peek",
    "PropagateController",
    "ReviewController",
    "RoomForImage",
    "SliceController",
    "StatisticsController",
    "StripController",
    "SurroundingsController",
    "ThreadController",
    "Workbench",
    "measure_text",
    "show_places",
]
