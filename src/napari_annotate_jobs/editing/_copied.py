"""What was copied of a case, and what pasting makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.model import Box, Provenance

from . import _changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import SliceAnnotation

    from ._editor import CaseEditor
    from ._view import CaseView

__all__ = ["Copied", "copied_box", "copied_mask", "copied_slice", "paste"]


@dataclass(frozen=True, eq=False)
class Copied:
    """Labels, boxes and masks that were copied; nothing that nobody has confirmed.

    Parameters
    ----------
    what : str
        What it is, for the interface.
    class_labels : tuple of int
        Class labels of a slice.
    boxes : tuple of Box
        Boxes.
    masks : mapping of str to ndarray of int, shape (rows, columns)
        Label ids by overlap group.
    alone : bool
        True for a thing copied by itself: pasted on top of itself, a box is moved
        aside. Of a whole slice, boxes that are there already are left out.
    attributes : mapping of int to mapping of str to str
        Answers to what is asked of these labels, by id.
    """

    what: str
    class_labels: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()
    masks: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)
    alone: bool = False
    attributes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def copied_slice(view: CaseView, index: int) -> Copied:
    """Copy all that a slice holds."""
    content = view.content(index)
    return Copied(
        f"Slice {index + 1}",
        content.class_labels,
        tuple(box for box in content.boxes if not box.proposal),
        {group: view.decoded(ref) for group, ref in content.masks.items()},
        attributes=_said(content, content.label_ids),
    )


def copied_box(view: CaseView, box: Box) -> Copied:
    """Copy one box."""
    name = view.labels[box.label].name
    return Copied(f"The box {name}", boxes=(box,), alone=True)


def copied_mask(
    view: CaseView, label_id: int, index: int, part: NDArray[np.bool_] | None = None
) -> Copied | None:
    """Copy what is painted of one label on a slice; None if nothing is.

    Parameters
    ----------
    view : CaseView
        The case.
    label_id : int
        The label.
    index : int
        The slice.
    part : ndarray of bool, shape (rows, columns), optional
        Only these pixels of it.
    """
    label = view.labels[label_id]
    mask = view.mask(index, label.overlap_group)
    if mask is None:
        return None
    chosen = mask == label_id
    if part is not None:
        chosen &= part
    if not chosen.any():
        return None
    only = np.where(chosen, mask, 0)
    return Copied(
        label.name,
        masks={label.overlap_group: only},
        alone=True,
        attributes=_said(view.content(index), (label_id,)),
    )


def _said(content: SliceAnnotation, ids: Iterable[int]) -> dict[int, Mapping[str, str]]:
    found = {label_id: content.answers(label_id) for label_id in ids}
    return {label_id: answers for label_id, answers in found.items() if answers}


def paste(
    editor: CaseEditor, copied: Copied, indices: Iterable[int], *, confirmed: bool
) -> bool:
    """Add what was copied to slices, as one step.

    Parameters
    ----------
    editor : CaseEditor
        The case it was copied from.
    copied : Copied
        Labels, boxes and masks.
    indices : iterable of int
        Where to.
    confirmed : bool
        False makes proposals of boxes and masks.
    """
    contents = {i: _pasted(editor, copied, i, confirmed=confirmed) for i in indices}
    return editor.edit("Paste", contents, by_hand=True)


def _pasted(
    editor: CaseEditor, copied: Copied, index: int, *, confirmed: bool
) -> SliceAnnotation:
    content = editor.content(index)
    if copied.class_labels:
        content = _changes.with_class(content, copied.class_labels, editor.labels)
    boxes = _changes.copies(
        copied.boxes,
        content.boxes,
        confirmed=confirmed,
        within=editor.shape if copied.alone else None,
    )
    masks, proposals = dict(content.masks), dict(content.proposals)
    for group, mask in copied.masks.items():
        here = editor.mask(index, group)
        if confirmed:
            mask = _changes.merged_mask(here, mask)
            masks = editor.put_mask(masks, group, mask, Provenance.COPIED)
            proposals = editor.uncovered(proposals, group, mask)
        else:
            mask = _changes.merged_mask(
                editor.mask(index, group, proposal=True), _changes.beside(here, mask)
            )
            proposals = editor.put_mask(proposals, group, mask, Provenance.COPIED)
    drawn = confirmed and bool(boxes or copied.masks)
    return content.evolve(
        boxes=(*content.boxes, *boxes),
        masks=masks,
        proposals=proposals,
        nothing_to_label=content.nothing_to_label and not drawn,
        attributes={
            **content.attributes,
            **{
                label_id: {**answers, **content.attributes.get(label_id, {})}
                for label_id, answers in copied.attributes.items()
            },
        },
    ).settled()
