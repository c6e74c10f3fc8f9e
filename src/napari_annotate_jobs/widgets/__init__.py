"""The parts of the interface, as Qt widgets; they know no viewer and no store.

Each is imported when it is first asked for: My Jobs is shown without what it takes to
annotate.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._annotate_dock import AnnotateDock
    from ._box_section import BoxSection, ObjectAtHand
    from ._case_model import CaseSource
    from ._difference_view import DifferenceView
    from ._executor import QtExecutor
    from ._fill_choice import FillChoice, Where, outcome_text
    from ._fill_panel import FillPanel
    from ._held_keys import HeldKeys
    from ._help import HelpPanel
    from ._job_page import JobPageView
    from ._keys import STEPPING, KeyMap, label_keys, text_has_focus
    from ._my_jobs import MyJobsView
    from ._person import PersonButton
    from ._propagate import PropagatePanel
    from ._read_out import ReadOutLabel
    from ._strip import SliceStrip
    from ._theme import Colors
    from ._veil import Veil
    from ._window_control import WindowControl
    from .exchange import (
        CombinePanel,
        ExportChoice,
        ExportPanel,
        ExportPreview,
        NewClass,
        OptionField,
    )
    from .numbers import StatisticsPanel

__all__ = [
    "STEPPING",
    "AnnotateDock",
    "BoxSection",
    "CaseSource",
    "Colors",
    "CombinePanel",
    "DifferenceView",
    "ExportChoice",
    "ExportPanel",
    "ExportPreview",
    "FillChoice",
    "FillPanel",
    "HeldKeys",
    "HelpPanel",
    "JobPageView",
    "KeyMap",
    "MyJobsView",
    "NewClass",
    "ObjectAtHand",
    "OptionField",
    "PersonButton",
    "PropagatePanel",
    "QtExecutor",
    "ReadOutLabel",
    "SliceStrip",
    "StatisticsPanel",
    "Veil",
    "Where",
    "WindowControl",
    "label_keys",
    "outcome_text",
    "text_has_focus",
]

_LAZY = {
    "STEPPING": "_keys",
    "AnnotateDock": "_annotate_dock",
    "BoxSection": "_box_section",
    "CaseSource": "_case_model",
    "Colors": "_theme",
    "CombinePanel": "exchange",
    "DifferenceView": "_difference_view",
    "ExportChoice": "exchange",
    "ExportPanel": "exchange",
    "ExportPreview": "exchange",
    "FillChoice": "_fill_choice",
    "FillPanel": "_fill_panel",
    "HeldKeys": "_held_keys",
    "HelpPanel": "_help",
    "JobPageView": "_job_page",
    "KeyMap": "_keys",
    "MyJobsView": "_my_jobs",
    "NewClass": "exchange",
    "ObjectAtHand": "_box_section",
    "OptionField": "exchange",
    "PersonButton": "_person",
    "PropagatePanel": "_propagate",
    "QtExecutor": "_executor",
    "ReadOutLabel": "_read_out",
    "SliceStrip": "_strip",
    "StatisticsPanel": "numbers",
    "Veil": "_veil",
    "Where": "_fill_choice",
    "WindowControl": "_window_control",
    "label_keys": "_keys",
    "outcome_text": "_fill_choice",
    "text_has_focus": "_keys",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
