"""What each action makes of one slice; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.model import (
    Box,
    Provenance,
    RangeAction,
    SliceAnnotation,
    new_id,
)

from ._targets import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import LabelSet

__all__ = [
    "applied",
    "beside",
    "copies",
    "merged_mask",
    "taken_back",
    "with_class",
    "with_nothing",
    "without_class",
]


def with_class(
    content: SliceAnnotation, ids: Iterable[int], labels: LabelSet
) -> SliceAnnotation:
    """Add class labels; those they exclude go, and so does nothing-to-label."""
    kept = set(content.class_labels)
    for label_id in ids:
        kept -= labels.exclusive_with(labels[label_id])
        kept.add(label_id)
    return content.evolve(class_labels=tuple(kept), nothing_to_label=False)


def without_class(content: SliceAnnotation, ids: Iterable[int]) -> SliceAnnotation:
    """Take class labels away."""
    return content.evolve(class_labels=tuple(set(content.class_labels) - set(ids)))


def with_nothing(content: SliceAnnotation) -> SliceAnnotation:
    """Clear the slice and mark it a verified negative."""
    return content.evolve(
        class_labels=(), boxes=(), masks={}, proposals={}, nothing_to_label=True
    )


def applied(
    content: SliceAnnotation,
    action: RangeAction,
    ids: Sequence[int],
    mode: Mode,
    labels: LabelSet,
) -> SliceAnnotation:
    """Apply what a propagation applies to a slice that the plan says it touches."""
    if action is RangeAction.CLASS_LABELS:
        if mode is Mode.REPLACE:
            content = content.evolve(class_labels=(), excluded=False)
        return with_class(content, ids, labels)
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


def copies(boxes: Iterable[Box], there: Iterable[Box], *, confirmed: bool) -> list[Box]:
    """Copy confirmed boxes to another slice, but for those that are there."""
    known = {(box.label, box.corners) for box in there}
    return [
        box.evolve(
            id=new_id(),
            provenance=Provenance.COPIED,
            proposal=not confirmed,
            track=None,
            source="",
        )
        for box in boxes
        if not box.proposal and (box.label, box.corners) not in known
    ]
