"""Lay changes on top of what was said elsewhere meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._open_range import leave_ranges

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_annotate_jobs.model import (
        Annotation,
        AnnotationChange,
        Comment,
        SliceRange,
    )

__all__ = ["give_up", "is_said", "on_top"]


def is_said(annotation: Annotation, change: AnnotationChange) -> bool:
    """Return True if an annotation says all of a change already."""
    after = annotation.apply(change, revision=annotation.revision)
    return after.model_copy(update={"modified": annotation.modified}) == annotation


def on_top(theirs: Annotation, mine: AnnotationChange) -> AnnotationChange:
    """Return `mine` so that nothing of `theirs` is lost that it does not replace.

    Slices that both changed become mine. Comments of both stand side by side, and so
    do ranges; slices that I changed leave their ranges.

    Parameters
    ----------
    theirs : Annotation
        As it is in the store now.
    mine : AnnotationChange
        What was changed here since an earlier revision of it.
    """
    return mine.model_copy(
        update={
            "comments": _comments(theirs, mine.comments),
            "ranges": _ranges(theirs, mine),
        }
    )


def give_up(
    mine: AnnotationChange, keys: Collection[str], *, whole: bool = False
) -> AnnotationChange:
    """Return `mine` without what it says of some slices.

    Comments stay, and so do ranges, but for these slices.

    Parameters
    ----------
    mine : AnnotationChange
        What was changed here.
    keys : collection of str
        Names of slices.
    whole : bool
        Give up what is said of the case as a whole, too.
    """
    changes: dict[str, object] = {
        "slices": {k: v for k, v in mine.slices.items() if k not in keys},
    }
    if mine.ranges is not None:
        changes["ranges"] = leave_ranges(mine.ranges, keys)
    if whole:
        whole_fields = ("case_labels", "case_nothing_to_label", "case_attributes")
        changes |= dict.fromkeys(whole_fields)
    return mine.model_copy(update=changes)


def _comments(
    theirs: Annotation, mine: tuple[Comment, ...] | None
) -> tuple[Comment, ...] | None:
    if mine is None:
        return None
    known = {comment.id for comment in mine}
    others = [comment for comment in theirs.comments if comment.id not in known]
    return tuple(sorted((*others, *mine), key=lambda comment: comment.time))


def _ranges(
    theirs: Annotation, mine: AnnotationChange
) -> tuple[SliceRange, ...] | None:
    known = {span.id for span in mine.ranges or ()}
    others = [span for span in theirs.ranges if span.id not in known]
    kept = leave_ranges(others, mine.slices)
    merged = (*kept, *(mine.ranges or ()))
    return None if mine.ranges is None and merged == theirs.ranges else merged
