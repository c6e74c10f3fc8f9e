"""What is chosen in the Smart fill panel, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import FillTool

if TYPE_CHECKING:
    from napari_annotate_jobs.editing import FillResult

__all__ = ["TOOLS", "FillChoice", "Where", "outcome_text"]


class Where(StrEnum):
    """Which slices are filled."""

    SLICE = "slice"
    SELECTION = "selection"
    ALL = "all"


@dataclass(frozen=True)
class FillChoice:
    """What is chosen.

    Parameters
    ----------
    tool : FillTool
        What is done.
    label : int
        To which label; 0 while there is none.
    where : Where
        On which slices.
    volume : bool
        In 3D over them.
    low, high, tolerance, radius, islands, margin, box_label
        As of :class:`~napari_annotate_jobs.session.Fill`; `box_label` is 0 while
        there is none.
    row, column : int
        Where a flood fill starts.
    """

    tool: FillTool = FillTool.THRESHOLD
    label: int = 0
    where: Where = Where.SLICE
    volume: bool = False
    low: float = 0.0
    high: float = 0.0
    row: int = 0
    column: int = 0
    tolerance: float = 50.0
    radius: float = 1.0
    islands: int = 20
    margin: float = 2.0
    box_label: int = 0


TOOLS: tuple[tuple[FillTool, str, str], ...] = (
    (
        FillTool.THRESHOLD,
        "Threshold",
        "Fills all pixels whose value lies between two limits.",
    ),
    (
        FillTool.FLOOD,
        "Flood fill",
        "Fills what looks like the pixel you pick, and is connected with it.",
    ),
    (
        FillTool.BOX_THRESHOLD,
        "Fill box: threshold",
        "Finds the object in the middle of the box, by its brightness.",
    ),
    (
        FillTool.BOX_WALKER,
        "Fill box: random walker",
        "Finds the object in the middle of the box, by its edges. Slower, and "
        "better where the surroundings are as bright.",
    ),
    (
        FillTool.SMOOTH,
        "Smooth",
        "Rounds the outline off; the size stays.",
    ),
    (FillTool.FILL_HOLES, "Fill holes", "Fills what the label encloses."),
    (
        FillTool.REMOVE_ISLANDS,
        "Remove islands",
        "Removes parts with fewer pixels.",
    ),
    (
        FillTool.KEEP_LARGEST,
        "Keep largest",
        "Removes all parts but the largest.",
    ),
    (
        FillTool.MARGIN,
        "Margin",
        "Grows the label by a margin; below zero it shrinks.",
    ),
    (
        FillTool.BOXES,
        "Boxes of this mask",
        "Puts a box round every part. In 3D, a part is one object on all its slices.",
    ),
)
"""Each tool with its name and what it does."""


def outcome_text(result: FillResult) -> str:
    """Say what a fill would do."""
    skipped = ""
    if result.skipped:
        one = result.skipped == 1
        skipped = (
            f" {result.skipped} slice{' is' if one else 's are'} excluded or nothing "
            f"to label, and {'stays' if one else 'stay'}."
        )
    if result.is_empty:
        return "Nothing would change." + skipped
    if result.objects:
        boxes = sum(len(found) for found in result.objects)
        n = len({index for found in result.objects for index in found})
        text = f"{boxes:,} box{'' if boxes == 1 else 'es'}"
        if boxes > len(result.objects):
            parts = len(result.objects)
            text += f" of {parts:,} object{'' if parts == 1 else 's'}"
    else:
        n = len(result.masks)
        changes = [
            f"{verb} {count:,}"
            for verb, count in (("adds", result.added), ("removes", result.removed))
            if count
        ]
        text = f"{' and '.join(changes).capitalize()} pixels"
    return f"{text} on {n} slice{'' if n == 1 else 's'}.{skipped}"
