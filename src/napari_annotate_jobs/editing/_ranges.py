"""Propagations of class labels, nothing to label and exclude, and their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError
from napari_annotate_jobs.model import RangeAction, SliceRange

from . import _changes
from ._open_range import OpenRange, leave_ranges
from ._targets import Mode, RangePlan, plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_annotate_jobs.model import SliceAnnotation

    from ._editor import CaseEditor

__all__ = [
    "Propagation",
    "after",
    "apply_to_range",
    "delete_range",
    "lift",
    "plan_propagation",
    "propagate",
    "relabel_range",
    "resize_range",
]


@dataclass(frozen=True)
class Propagation:
    """What is to be applied to which slices.

    Parameters
    ----------
    action : RangeAction
        Class labels, nothing to label, or exclude.
    targets : tuple of int
        Slice indices, ascending (see
        :func:`~napari_annotate_jobs.propagation.target_slices`).
    origin : int
        The slice it goes out from.
    labels : tuple of int
        Label ids, for class labels.
    mode : Mode
        What becomes of slices that already hold something.
    """

    action: RangeAction
    targets: tuple[int, ...]
    origin: int
    labels: tuple[int, ...] = ()
    mode: Mode = Mode.KEEP


def plan_propagation(
    editor: CaseEditor, propagation: Propagation, *, lifts: bool = False
) -> RangePlan:
    """Return how many slices each choice of mode would touch.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    propagation : Propagation
        What is applied.
    lifts : bool
        True if it is taken away instead.
    """
    labels = propagation.labels
    contents = [editor.content(i) for i in range(editor.n_slices)]
    wanted = set(labels)
    clash = frozenset[int]().union(
        *(editor.labels.exclusive_with(editor.labels[i]) for i in labels)
    )

    answers = _answers(editor, propagation)

    def lacks(content: SliceAnnotation) -> bool:
        """Return True if a slice has not answered what would come along."""
        return any(said.keys() - content.answers(i) for i, said in answers.items())

    def differs(content: SliceAnnotation) -> bool:
        """Return True if a slice says something else than what would come along."""
        return any(
            content.answers(i).get(name, text) != text
            for i, said in answers.items()
            for name, text in said.items()
        )

    return plan(
        np.asarray(propagation.targets, dtype=np.intp),
        propagation.action,
        lifts=lifts,
        labelled=[bool(c.class_labels) for c in contents],
        nothing=[c.nothing_to_label for c in contents],
        excluded=[c.excluded for c in contents],
        drawn=[bool(c.masks or c.boxes or c.proposals) for c in contents],
        same=[
            bool(wanted.intersection(c.class_labels))
            if lifts
            else wanted.issubset(c.class_labels) and not lacks(c)
            for c in contents
        ],
        other=[bool(set(c.class_labels) - wanted) or differs(c) for c in contents],
        conflict=[bool(clash.intersection(c.class_labels)) for c in contents],
    )


def after(
    editor: CaseEditor, propagation: Propagation, index: int, *, lifts: bool = False
) -> SliceAnnotation:
    """Return what a slice that a propagation touches holds then.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    propagation : Propagation
        What is applied.
    index : int
        One of the slices that :func:`plan_propagation` says it touches.
    lifts : bool
        True if it is taken away instead, from any of the targets.
    """
    content = editor.content(index)
    action, labels = propagation.action, propagation.labels
    if lifts:
        return _changes.taken_back(content, action, labels)
    return _changes.applied(
        content,
        action,
        labels,
        propagation.mode,
        editor.labels,
        _answers(editor, propagation),
    )


def _answers(
    editor: CaseEditor, propagation: Propagation
) -> dict[int, Mapping[str, str]]:
    """Return what was answered of the labels on the slice that they go out from."""
    if not 0 <= propagation.origin < editor.n_slices:
        return {}
    content = editor.content(propagation.origin)
    found = {label_id: content.answers(label_id) for label_id in propagation.labels}
    return {label_id: answers for label_id, answers in found.items() if answers}


def propagate(editor: CaseEditor, propagation: Propagation) -> OpenRange | None:
    """Apply a propagation as one undo step, and leave a range behind.

    Returns
    -------
    OpenRange or None
        The range; None if no slice changes.

    Raises
    ------
    InvalidValueError
        If there are no targets, or no labels where some are needed.
    """
    _check(propagation)
    touched = [
        int(i) for i in plan_propagation(editor, propagation).touched[propagation.mode]
    ]
    if not touched:
        return None
    contents = {i: after(editor, propagation, i) for i in touched}
    return _leave_behind(
        editor, propagation, contents, f"Propagate {_text(editor, propagation)}"
    )


def apply_to_range(
    editor: CaseEditor,
    action: RangeAction,
    contents: Mapping[int, SliceAnnotation],
    *,
    labels: Sequence[int] = (),
) -> bool:
    """Make one step of new contents of several slices, and leave a range behind.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    action : RangeAction
        What was applied.
    contents : mapping of int to SliceAnnotation
        What the slices hold then.
    labels : sequence of int
        Label ids, for class labels.
    """
    changed = {i: c for i, c in contents.items() if c != editor.content(i)}
    if not changed:
        return False
    done = Propagation(action, tuple(contents), min(contents), tuple(labels))
    _leave_behind(editor, done, changed, _text(editor, done))
    return True


def _leave_behind(
    editor: CaseEditor,
    done: Propagation,
    contents: Mapping[int, SliceAnnotation],
    text: str,
) -> OpenRange | None:
    """Set the contents that a propagation changes, and leave its range behind."""
    touched = editor.keys(sorted(contents))
    span = SliceRange(
        action=done.action,
        labels=done.labels,
        origin=editor.key(done.origin),
        start=editor.key(min(done.targets)),
        stop=editor.key(max(done.targets)),
        applied=touched,
        person=editor.person,
    )
    ranges = (*leave_ranges(editor.annotation.ranges, touched), span)
    editor.edit(text, contents, ranges=ranges)
    return editor.open_range(span)


def lift(editor: CaseEditor, propagation: Propagation) -> bool:
    """Take class labels, nothing to label or exclude away from target slices.

    Raises
    ------
    InvalidValueError
        If there are no targets, or no labels where some are needed.
    """
    _check(propagation)
    contents = {
        i: after(editor, propagation, i, lifts=True) for i in propagation.targets
    }
    return editor.edit(f"Lift {_text(editor, propagation)}", contents, by_hand=True)


def resize_range(editor: CaseEditor, range_id: str, start: int, stop: int) -> bool:
    """Shorten or extend a range; slices added keep what they already hold.

    Raises
    ------
    InvalidValueError
        If no slice of the series would be left in it.
    """
    span, here = _find(editor, range_id)
    start, stop = max(start, 0), min(stop, editor.n_slices - 1)
    if start > stop:
        raise InvalidValueError(
            f"a range cannot go from slice {start + 1} to slice {stop + 1}",
            remedy="Delete the range to take it away",
        )
    dropped = [i for i in here.applied if not start <= i <= stop]
    more = [i for i in range(start, stop + 1) if not here.start <= i <= here.stop]
    done = _done(here, more)
    added = [int(i) for i in plan_propagation(editor, done).touched[Mode.KEEP]]
    contents = {i: after(editor, done, i, lifts=True) for i in dropped}
    contents |= {i: after(editor, done, i) for i in added}
    ruled = sorted(i for i in {*here.applied, *added} if start <= i <= stop)
    # Slices that are not in the series now may be there again one day.
    away = [key for key in span.applied if editor.place(key) is None]
    new = span.model_copy(
        update={
            "start": editor.key(start),
            "stop": editor.key(stop),
            "origin": editor.key(min(max(here.origin, start), stop)),
            "applied": (*editor.keys(ruled), *away),
        }
    )
    ranges = leave_ranges(editor.annotation.ranges, editor.keys(added))
    return editor.edit(
        "Resize range",
        contents,
        ranges=tuple(new if s.id == range_id else s for s in ranges),
    )


def delete_range(editor: CaseEditor, range_id: str) -> bool:
    """Take a range away, with what it applied and still rules."""
    span, here = _find(editor, range_id)
    done = _done(here, here.applied)
    contents = {i: after(editor, done, i, lifts=True) for i in here.applied}
    rest = tuple(s for s in editor.annotation.ranges if s.id != range_id)
    return editor.edit(f"Delete range {_text(editor, span)}", contents, ranges=rest)


def relabel_range(editor: CaseEditor, range_id: str, labels: Sequence[int]) -> bool:
    """Give a range of class labels other labels."""
    span, here = _find(editor, range_id)
    if span.action is not RangeAction.CLASS_LABELS or not labels:
        raise InvalidValueError("only a range of class labels can be relabelled")
    done = _done(here, here.applied)
    contents = {
        i: _changes.with_class(
            after(editor, done, i, lifts=True), labels, editor.labels
        )
        for i in here.applied
    }
    new = span.model_copy(update={"labels": tuple(sorted(set(labels)))})
    return editor.edit(
        f"Relabel range to {_text(editor, new)}",
        contents,
        ranges=tuple(new if s.id == range_id else s for s in editor.annotation.ranges),
    )


def _check(propagation: Propagation) -> None:
    if not propagation.targets:
        raise InvalidValueError("no slice was chosen to propagate to")
    if propagation.action is RangeAction.CLASS_LABELS and not propagation.labels:
        raise InvalidValueError(
            "no class label was chosen to propagate",
            remedy="Label this slice first, or choose a label",
        )
    if min(propagation.targets) < 0:
        raise InvalidValueError(
            f"there is no slice {min(propagation.targets) + 1}",
            remedy="Slices are counted from 0 here",
        )


def _done(span: OpenRange, targets: Sequence[int]) -> Propagation:
    """Return what a range applied, to be applied to other slices or taken back."""
    return Propagation(span.action, tuple(targets), span.origin, span.labels)


def _find(editor: CaseEditor, range_id: str) -> tuple[SliceRange, OpenRange]:
    for span in editor.annotation.ranges:
        here = editor.open_range(span) if span.id == range_id else None
        if here is not None:
            return span, here
    raise NotFoundError("this range is not there any more")


def _text(editor: CaseEditor, span: Propagation | SliceRange) -> str:
    if span.action is RangeAction.CLASS_LABELS:
        return ", ".join(editor.labels[i].name for i in span.labels)
    return (
        "Nothing to Label"
        if (span.action is RangeAction.NOTHING_TO_LABEL)
        else "Exclude"
    )
