"""What acts: one controller for one act, whoever asks for it."""

from __future__ import annotations

from ._foreign import ForeignController
from ._propagate import PropagateController
from ._review import ReviewController
from ._slices import SliceController
from ._strip import StripController
from ._workbench import Workbench

__all__ = [
    "ForeignController",
    "PropagateController",
    "ReviewController",
    "SliceController",
    "StripController",
    "Workbench",
]
