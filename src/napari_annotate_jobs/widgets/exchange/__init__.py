"""What goes out of a job, and what comes in."""

from __future__ import annotations

from ._export_choice import ExportChoice, ExportPreview, OptionField
from ._export_panel import ExportPanel

__all__ = [
    "ExportChoice",
    "ExportPanel",
    "ExportPreview",
    "OptionField",
]
