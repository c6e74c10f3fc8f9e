"""The object at a place of a slice, and what is done with it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Box, Label, Method
from napari_annotate_jobs.propagation import piece_at

from ._copied import Copied, copied_box, copied_mask
from ._objects import delete_boxes, relabel_tracks, track_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = [
    "Pointed",
    "box_edge_at",
    "copy_pointed",
    "delete_pointed",
    "object_at",
    "relabel_pointed",
]


@dataclass(frozen=True, eq=False)
class Pointed:
    """A box, or a connected piece of a mask, on one slice.

    Of a mask that is the piece under the pointer and not all of its label on the
    slice: two metastases have one label, and who points at one of them means it.

    Parameters
    ----------
    label : Label
        Its label.
    index : int
        The slice.
    at : (float, float)
        Row and column of the place.
    box : Box, optional
        The box, confirmed or proposed.
    piece : ndarray of bool, shape (rows, columns), optional
        The piece, of a mask.
    pieces : int
        How many pieces of its label the slice holds.
    slices : int
        On how many slices the object of the box has a box.
    """

    label: Label
    index: int
    at: tuple[float, float]
    box: Box | None = None
    piece: NDArray[np.bool_] | None = None
    pieces: int = 1
    slices: int = 1

    @property
    def pin(self) -> dict[str, Any]:
        """What a comment on it is pinned to, as fields of a Comment."""
        name = None if self.box is None else self.box.id
        return {"label": self.label.id, "object": name, "at": self.at}


def object_at(
    view: CaseView,
    index: int,
    row: float,
    column: float,
    *,
    reach: float = 0.0,
    boxes: bool = True,
    groups: Collection[str] | None = None,
) -> Pointed | None:
    """Return what a place of a slice belongs to; None if nothing is there.

    A box whose edge is within reach comes first, since its edge is all that is drawn
    of it; then what is painted there, the last overlap group on top; then the smallest
    box around the place.

    Parameters
    ----------
    view : CaseView
        The case.
    index : int
        The slice.
    row, column : float
        The place, in pixels.
    reach : float
        How near an edge is near enough, in pixels.
    boxes : bool
        False if boxes are not seen.
    groups : collection of str, optional
        The overlap groups that are seen; None for all.
    """
    labels = view.labels.by_id
    there = _around(view, index, row, column, reach) if boxes else []
    edge = _edge_of(there, row, column, reach)
    if edge is None:
        seen = view.labels.overlap_groups if groups is None else groups
        painted = _painted_at(view, index, row, column, seen)
        if painted is not None:
            return painted
    for box in there if edge is None else [edge]:
        track = track_of(view, box.id)
        slices = 1 if track is None else len(track.boxes)
        return Pointed(labels[box.label], index, (row, column), box, slices=slices)
    return None


def box_edge_at(
    view: CaseView, index: int, row: float, column: float, *, reach: float
) -> Box | None:
    """Return the smallest box whose edge is near a place; None if none is.

    Parameters
    ----------
    view : CaseView
        The case.
    index : int
        The slice.
    row, column : float
        The place, in pixels.
    reach : float
        How near is near enough, in pixels.
    """
    return _edge_of(_around(view, index, row, column, reach), row, column, reach)


def _around(
    view: CaseView, index: int, row: float, column: float, reach: float
) -> list[Box]:
    """Return the boxes around a place, the smallest first."""
    return sorted(
        (
            box
            for box in view.content(index).boxes
            if box.label in view.labels.by_id and _holds(box, row, column, reach)
        ),
        key=lambda box: (box.bottom - box.top) * (box.right - box.left),
    )


def _edge_of(
    boxes: Sequence[Box], row: float, column: float, reach: float
) -> Box | None:
    return next((box for box in boxes if not _holds(box, row, column, -reach)), None)


def _holds(box: Box, row: float, column: float, margin: float) -> bool:
    return (
        box.top - margin <= row <= box.bottom + margin
        and box.left - margin <= column <= box.right + margin
    )


def _painted_at(
    view: CaseView, index: int, row: float, column: float, groups: Collection[str]
) -> Pointed | None:
    place = round(row), round(column)
    for group in reversed(view.labels.overlap_groups):
        mask = view.mask(index, group) if group in groups else None
        if mask is None or not all(
            0 <= i < n for i, n in zip(place, mask.shape, strict=True)
        ):
            continue
        label = view.labels.by_id.get(int(mask[place]))
        if label is not None:
            piece, pieces = piece_at(mask == label.id, *place)
            return Pointed(label, index, (row, column), piece=piece, pieces=pieces)
    return None


def copy_pointed(view: CaseView, pointed: Pointed) -> Copied | None:
    """Copy a box, or a piece of a mask; None if it is not there any more."""
    if pointed.box is not None:
        return copied_box(view, pointed.box)
    return copied_mask(view, pointed.label.id, pointed.index, pointed.piece)


def delete_pointed(
    editor: CaseEditor, pointed: Pointed, *, every: bool = False
) -> bool:
    """Delete a box, or a piece of a mask, as one step.

    Parameters
    ----------
    editor : CaseEditor
        The case.
    pointed : Pointed
        The box or piece.
    every : bool
        All pieces of its label on the slice.
    """
    if pointed.box is not None:
        return delete_boxes(editor, [pointed.box.id])
    group, mask = pointed.label.overlap_group, _mask(editor, pointed)
    gone = mask == pointed.label.id
    if not every:
        gone &= pointed.piece
    name = pointed.label.name
    left = np.where(gone, 0, mask)
    return editor.set_masks({(pointed.index, group): left}, text=f"Delete {name}")


def relabel_pointed(editor: CaseEditor, pointed: Pointed, label_id: int) -> bool:
    """Give a box's object, or a piece of a mask, another label, as one step.

    A box is given it on all slices of its object. A piece covers what is painted there
    in the overlap group of its new label.
    """
    label = editor.labels[label_id]
    if pointed.box is not None:
        track = track_of(editor, pointed.box.id)
        if track is None or label.method is not Method.DETECTION:
            raise _gone(pointed)
        return relabel_tracks(editor, [track.id], label_id)
    mask = _mask(editor, pointed)
    moved = (mask == pointed.label.id) & pointed.piece
    old, new = pointed.label.overlap_group, label.overlap_group
    masks = {(pointed.index, old): np.where(moved, 0, mask)}
    there = masks[pointed.index, old]
    if new != old:
        found = editor.mask(pointed.index, new)
        there = np.zeros_like(mask) if found is None else found
    kind = np.promote_types(there.dtype, np.min_scalar_type(label_id))
    masks[pointed.index, new] = np.where(moved, label_id, there).astype(kind)
    return editor.set_masks(masks, text=f"Change to {label.name}")


def _mask(editor: CaseEditor, pointed: Pointed) -> NDArray[Any]:
    mask = editor.mask(pointed.index, pointed.label.overlap_group)
    if mask is None or pointed.piece is None:
        raise _gone(pointed)
    return mask


def _gone(pointed: Pointed) -> TransitionError:
    return TransitionError(
        f"this {pointed.label.name} is not there any more",
        where=f"slice {pointed.index + 1}",
        remedy="Point at what is shown now",
    )
