"""What each action makes of one slice; pure functions."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    Box,
    Method,
    Provenance,
    RangeAction,
    SliceAnnotation,
    new_id,
)

from ._targets import Mode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import LabelSet, MaskRef

__all__ = [
    "applied",
    "beside",
    "check_ids",
    "copies",
    "merged_mask",
    "moved_aside",
    "taken_back",
    "with_class",
    "with_nothing",
    "without_class",
]


def with_class(
    content: SliceAnnotation,
    ids: Iterable[int],
    labels: LabelSet,
    answers: Mapping[int, Mapping[str, str]] = MappingProxyType({}),
) -> SliceAnnotation:
    """Add class labels; those they exclude go, and so does nothing-to-label.

    The `answers` to what is asked of them come along; those that the slice has stay.
    """
    kept, said = set(content.class_labels), dict(content.attributes)
    for label_id in ids:
        kept -= labels.exclusive_with(labels[label_id])
        kept.add(label_id)
        if answers.get(label_id):
            said[label_id] = {**answers[label_id], **content.answers(label_id)}
    return content.evolve(
        class_labels=tuple(kept), nothing_to_label=False, attributes=said
    ).settled()


def without_class(content: SliceAnnotation, ids: Iterable[int]) -> SliceAnnotation:
    """Take class labels away."""
    left = tuple(set(content.class_labels) - set(ids))
    return content.evolve(class_labels=left).settled()


def with_nothing(content: SliceAnnotation) -> SliceAnnotation:
    """Clear the slice and mark it a verified negative."""
    return content.evolve(
        class_labels=(),
        boxes=(),
        masks={},
        proposals={},
        nothing_to_label=True,
        attributes={},
    )


def applied(
    content: SliceAnnotation,
    action: RangeAction,
    ids: Sequence[int],
    mode: Mode,
    labels: LabelSet,
    answers: Mapping[int, Mapping[str, str]] = MappingProxyType({}),
) -> SliceAnnotation:
    """Apply what a propagation applies to a slice that the plan says it touches."""
    if action is RangeAction.CLASS_LABELS:
        if mode is Mode.REPLACE:
            content = content.evolve(class_labels=(), excluded=False).settled()
        return with_class(content, ids, labels, answers)
    if action is RangeAction.NOTHING_TO_LABEL:
        return with_nothing(content).evolve(excluded=False)
    return content.evolve(excluded=True)


def taken_back(
    content: SliceAnnotation, action: RangeAction, ids: Sequence[int]
) -> SliceAnnotation:
    """Take away from a slice what a propagation applied to it."""
    if action is RangeAction.CLASS_LABELS:
        return without_class(content, ids)
    if action is RangeAction.NOTHING_TO_LABEL:
        return content.evolve(nothing_to_label=False)
    return content.evolve(excluded=False)


def merged_mask(
    confirmed: NDArray[np.integer] | None, proposed: NDArray[np.integer]
) -> NDArray[np.integer]:
    """Put proposed pixels where no confirmed ones are."""
    if confirmed is None:
        return proposed
    return np.where(confirmed > 0, confirmed, proposed)


def beside(
    confirmed: NDArray[np.integer] | None, proposed: NDArray[np.integer]
) -> NDArray[np.integer]:
    """Return proposed pixels without those where confirmed ones are."""
    if confirmed is None or confirmed.shape != proposed.shape:
        return proposed
    return np.where(confirmed > 0, 0, proposed)


def copies(
    boxes: Iterable[Box],
    there: Iterable[Box],
    *,
    confirmed: bool,
    within: tuple[int, int] | None = None,
) -> list[Box]:
    """Copy confirmed boxes to another slice.

    Parameters
    ----------
    boxes : iterable of Box
        What is copied.
    there : iterable of Box
        What the slice holds. A copy that would lie on one of these is left out.
    confirmed : bool
        False makes proposals.
    within : (int, int), optional
        Rows and columns of the slice: a copy is then moved aside instead.
    """
    known = {(box.label, box.corners) for box in there}
    found = []
    for box in boxes:
        if box.proposal:
            continue
        if (box.label, box.corners) in known:
            if within is None:
                continue
            box = moved_aside(box, known, within)
        known.add((box.label, box.corners))
        found.append(
            box.evolve(
                id=new_id(),
                provenance=Provenance.COPIED,
                proposal=not confirmed,
                track=None,
                source="",
            )
        )
    return found


def moved_aside(
    box: Box,
    known: Collection[tuple[int, tuple[float, ...]]],
    shape: tuple[int, int] | None,
) -> Box:
    """Return a box that lies on none of its kind: to the right and down, if it must.

    Parameters
    ----------
    box : Box
        The box.
    known : collection of (int, corners)
        Labels and corners of those that are there.
    shape : (int, int), optional
        Rows and columns of the slice; it stays inside.
    """
    step = max(1.0, round(0.12 * min(box.bottom - box.top, box.right - box.left)))
    rows, columns = (np.inf, np.inf) if shape is None else shape
    for down, right in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        now = box
        while (now.label, now.corners) in known:
            top, left = now.top + down * step, now.left + right * step
            height, width = now.bottom - now.top, now.right - now.left
            outside = min(top, left) < -0.5
            outside |= top + height > rows - 0.5 or left + width > columns - 0.5
            if outside:
                break
            now = now.evolve(
                top=top, left=left, bottom=top + height, right=left + width
            )
        else:
            return now
    return box


def check_ids(
    labels: LabelSet, index: int, group: str, refs: Mapping[str, MaskRef]
) -> None:
    """Refuse a mask that holds what cannot be painted in its overlap group.

    Parameters
    ----------
    labels : LabelSet
        What can be said.
    index : int
        The slice.
    group : str
        The overlap group.
    refs : mapping of str to MaskRef
        The masks of the slice by overlap group.

    Raises
    ------
    InvalidValueError
        If one of its values is not the id of such a label.
    """
    offered = {
        label.id: label.name
        for label in labels.of(Method.SEGMENTATION)
        if label.overlap_group == group
    }
    held = refs[group].pixels if group in refs else ()
    wrong = sorted(set(held) - set(offered))
    if wrong:
        which = ", ".join(str(value) for value in wrong[:3])
        names = ", ".join(f"{i} ({name})" for i, name in offered.items())
        raise InvalidValueError(
            f"the value {which} is none of the labels that can be painted here",
            where=f"slice {index + 1}",
            remedy=f"Choose one of {names}",
        )
