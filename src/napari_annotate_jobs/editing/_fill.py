"""Smart fill: tools that find or clean a mask, on one slice or on a range.

A fill is prepared from the case (:func:`prepare_fill`), found out on any thread
(:func:`~napari_annotate_jobs.session.find_fill`), looked at, and applied as one
undo step (:func:`apply_fill`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError, TransitionError
from napari_annotate_jobs.model import Box, Method, Provenance, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = [
    "BOX_TOOLS",
    "IMAGE_TOOLS",
    "Corners",
    "Fill",
    "FillResult",
    "FillTool",
    "PreparedFill",
    "apply_fill",
    "pixels_in",
    "prepare_fill",
]

Corners = tuple[float, float, float, float]

SAME_BOX = 0.9
"""Overlap (intersection over union) from which a box is there already."""


class FillTool(StrEnum):
    """What a smart fill does."""

    THRESHOLD = "threshold"
    FLOOD = "flood fill"
    BOX_THRESHOLD = "box by threshold"
    BOX_WALKER = "box by random walker"
    SMOOTH = "smooth"
    FILL_HOLES = "fill holes"
    REMOVE_ISLANDS = "remove islands"
    KEEP_LARGEST = "keep largest"
    MARGIN = "margin"
    BOXES = "boxes of the mask"


BOX_TOOLS = frozenset({FillTool.BOX_THRESHOLD, FillTool.BOX_WALKER})
"""Those that work inside a box."""
IMAGE_TOOLS = BOX_TOOLS | {FillTool.THRESHOLD, FillTool.FLOOD}
"""Those that look at the image."""


@dataclass(frozen=True)
class Fill:
    """What is to be done to which slices.

    Parameters
    ----------
    tool : FillTool
        What is done.
    label : int
        Id of the label that is filled or cleaned.
    start, stop : int
        First and last slice, both included.
    volume : bool, optional
        True treats the slices as one volume, False each by itself. By default a
        flood fill runs through them all from its one seed; else False.
    low, high : float
        For a threshold: the values taken, both included, in units of the voxels
        (HU for CT).
    seed : (int, int, int), optional
        For a flood fill: slice, row and column to start from. Where each slice is
        treated by itself, it starts from the same place on each.
    tolerance : float
        For a flood fill: largest difference from the seed's value.
    radius : float
        For smoothing: standard deviation in mm.
    islands : int
        Parts with fewer pixels are islands.
    margin : float
        In mm; negative to shrink.
    boxes : tuple of (int, (float, float, float, float))
        For tools that work inside a box: slice, and top, left, bottom, right as
        in :class:`~napari_annotate_jobs.model.Box`.
    box_label : int, optional
        For the boxes of the mask: their label id.
    """

    tool: FillTool
    label: int
    start: int
    stop: int
    volume: bool | None = None
    low: float = 0.0
    high: float = 0.0
    seed: tuple[int, int, int] | None = None
    tolerance: float = 0.0
    radius: float = 1.0
    islands: int = 2
    margin: float = 0.0
    boxes: tuple[tuple[int, Corners], ...] = ()
    box_label: int | None = None

    def __post_init__(self) -> None:
        if self.volume is None:
            object.__setattr__(self, "volume", self.tool is FillTool.FLOOD)

    @property
    def boxes_there(self) -> dict[int, Corners]:
        """The boxes on its slices, by slice."""
        return {i: box for i, box in self.boxes if self.start <= i <= self.stop}


@dataclass(frozen=True, eq=False)
class PreparedFill:
    """A fill with the masks it starts from.

    Parameters
    ----------
    fill : Fill
        What is to be done.
    group : str
        The overlap group of its label.
    masks : ndarray of int, shape (slices, rows, columns)
        Label ids from `fill.start` to `fill.stop`.
    digests : tuple of str or None
        What the masks are encoded as, to notice changes.
    open : tuple of bool
        Which of the slices may change.
    spacing : tuple of float
        Distance of slices, rows and columns in mm (in pixels where unknown).
    """

    fill: Fill
    group: str
    masks: NDArray[np.uint16]
    digests: tuple[str | None, ...]
    open: tuple[bool, ...]
    spacing: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class FillResult:
    """What a fill comes to.

    Parameters
    ----------
    prepared : PreparedFill
        What it started from.
    masks : dict of int to ndarray
        New masks (rows, columns) by slice index; only those that change.
    added, removed : int
        Pixels the label gains and loses.
    objects : tuple of dict
        For the boxes of the mask: the corners by slice, of each object.
    skipped : int
        Slices that would change, but are excluded or nothing to label.
    """

    prepared: PreparedFill
    masks: dict[int, NDArray[np.uint16]] = field(default_factory=dict)
    added: int = 0
    removed: int = 0
    objects: tuple[dict[int, Corners], ...] = ()
    skipped: int = 0

    @property
    def is_empty(self) -> bool:
        """True if nothing would change."""
        return not (self.masks or self.objects)

    def outlines(self) -> dict[int, NDArray[np.bool_]]:
        """Return what the label, or its boxes, would cover, by slice, to preview."""
        label = self.prepared.fill.label
        shown = {i: mask == label for i, mask in self.masks.items()}
        shape = self.prepared.masks.shape[1:]
        for boxes in self.objects:
            for index, corners in boxes.items():
                inside = shown.setdefault(index, np.zeros(shape, dtype=bool))
                top, left, bottom, right = pixels_in(corners)
                inside[top:bottom, left:right] = True
        return shown


def prepare_fill(
    view: CaseView,
    fill: Fill,
    shape: tuple[int, int],
    spacing: Sequence[float] | None = None,
) -> PreparedFill:
    """Check a fill, and read the masks it starts from.

    Parameters
    ----------
    view : CaseView
        The case.
    fill : Fill
        What is to be done.
    shape : (int, int)
        Rows and columns of a slice.
    spacing : sequence of float, optional
        Distance of slices, rows and columns in mm.

    Raises
    ------
    InvalidValueError
        If a label or a slice does not fit, or a box or a seed is missing.
    """
    label = view.labels[fill.label]
    if label.method is not Method.SEGMENTATION:
        raise InvalidValueError(f"{label.name!r} is not a label for masks")
    if not 0 <= fill.start <= fill.stop < view.n_slices:
        raise InvalidValueError(f"no slices from {fill.start + 1} to {fill.stop + 1}")
    if fill.tool is FillTool.BOXES:
        if fill.box_label is None:
            raise InvalidValueError("no label was chosen for the boxes")
        if view.labels[fill.box_label].method is not Method.DETECTION:
            name = view.labels[fill.box_label].name
            raise InvalidValueError(f"{name!r} is not a label for boxes")
    if fill.tool is FillTool.FLOOD and fill.seed is None:
        raise InvalidValueError(
            "a flood fill starts from a pixel", remedy="Pick one in the image"
        )
    if fill.tool in BOX_TOOLS and not fill.boxes_there:
        raise InvalidValueError(
            "there is no box on these slices to fill",
            remedy="Draw a box round the object, or select one",
        )
    group, n = label.overlap_group, fill.stop - fill.start + 1
    masks = np.zeros((n, *shape), dtype=np.uint16)
    digests: list[str | None] = []
    may: list[bool] = []
    for place, index in enumerate(range(fill.start, fill.stop + 1)):
        content = view.content(index)
        ref = content.masks.get(group)
        digests.append(None if ref is None else ref.digest)
        mask = view.mask(index, group)
        if mask is not None and mask.shape == tuple(shape):
            masks[place] = mask
        # Asked for by itself, a slice is as free to be filled as to be painted.
        may.append(n == 1 or not (content.excluded or content.nothing_to_label))
    sizes = (1.0, 1.0, 1.0) if spacing is None else tuple(float(s) for s in spacing)
    return PreparedFill(
        fill,
        group,
        masks,
        tuple(digests),
        tuple(may),
        sizes,  # type: ignore[arg-type]
    )


def pixels_in(corners: Corners) -> tuple[int, int, int, int]:
    """Return the pixels whose centres a box holds: starts, then ends (excluded)."""
    top, left, bottom, right = corners
    return (
        max(int(np.ceil(top)), 0),
        max(int(np.ceil(left)), 0),
        int(np.floor(bottom)) + 1,
        int(np.floor(right)) + 1,
    )


def apply_fill(editor: CaseEditor, result: FillResult) -> bool:
    """Do what a fill comes to, as one undo step.

    Returns
    -------
    bool
        False if nothing changes.

    Raises
    ------
    TransitionError
        If the masks have changed since it was prepared.
    """
    prepared = result.prepared
    fill, group = prepared.fill, prepared.group
    for place, digest in enumerate(prepared.digests):
        ref = editor.content(fill.start + place).masks.get(group)
        if (None if ref is None else ref.digest) != digest:
            raise TransitionError(
                "the masks were changed in the meantime",
                where=f"slice {fill.start + place + 1}",
                remedy="Look at the preview again, then apply it",
            )
    name = editor.labels[fill.label].name
    text = f"{fill.tool.value.capitalize()}: {name}"
    if fill.tool is FillTool.BOXES:
        return _apply_boxes(editor, result, text)
    masks = {(i, group): mask for i, mask in result.masks.items()}
    return bool(masks) and editor.set_masks(masks, text=text)


def _apply_boxes(editor: CaseEditor, result: FillResult, text: str) -> bool:
    label = result.prepared.fill.box_label
    assert label is not None
    boxes: dict[int, list[Box]] = {}
    for corners_by_slice in result.objects:
        track = new_id() if len(corners_by_slice) > 1 else None
        for index, (top, left, bottom, right) in corners_by_slice.items():
            here = boxes.setdefault(index, list(editor.content(index).boxes))
            box = Box(
                label=label,
                top=top,
                left=left,
                bottom=bottom,
                right=right,
                provenance=Provenance.PROPAGATED,
                track=track,
            )
            if not any(b.label == label and _overlap(b, box) > SAME_BOX for b in here):
                here.append(box)
    return editor.set_boxes(boxes, text=text)


def _overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union."""
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    columns = min(one.right, other.right) - max(one.left, other.left)
    common = max(rows, 0.0) * max(columns, 0.0)
    areas = [(b.bottom - b.top) * (b.right - b.left) for b in (one, other)]
    return common / (sum(areas) - common)
