"""The parts of the interface, as Qt widgets; they know no viewer and no store."""

from __future__ import annotations

from ._annotate_dock import AnnotateDock
from ._box_section import BoxSection, ObjectAtHand
from ._case_model import CaseSource
from ._executor import QtExecutor
from ._fill_choice import FillChoice, Where, outcome_text
from ._fill_panel import FillPanel
from ._help import HelpPanel
from ._job_page import JobPageView
from ._keys import KeyMap, label_keys, text_has_focus
from ._my_jobs import MyJobsView
from ._propagate import PropagatePanel
from ._strip import SliceStrip
from ._theme import Colors
from ._window_control import WindowControl

__all__ = [
    "AnnotateDock",
    "BoxSection",
    "CaseSource",
    "Colors",
    "FillChoice",
    "FillPanel",
    "HelpPanel",
    "JobPageView",
    "KeyMap",
    "MyJobsView",
    "ObjectAtHand",
    "PropagatePanel",
    "QtExecutor",
    "SliceStrip",
    "Where",
    "WindowControl",
    "label_keys",
    "outcome_text",
    "text_has_focus",
]
