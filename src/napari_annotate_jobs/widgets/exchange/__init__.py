"""What goes out of a job, and what comes in."""

from __future__ import annotations

from ._class_tree import ClassTree, NewClass
from ._combine_panel import CombinePanel
from ._export_choice import ExportChoice, ExportPreview, OptionField
from ._export_panel import ExportPanel
from ._import_panel import ImportChoice, ImportPanel

__all__ = [
    "ClassTree",
    "CombinePanel",
    "ExportChoice",
    "ExportPanel",
    "ExportPreview",
    "ImportChoice",
    "ImportPanel",
    "NewClass",
    "OptionField",
]
