"""Whether an action has anything to act on now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.widgets import When

__all__ = ["applies"]


def applies(
    when: When,
    session: AnnotationSession,
    *,
    moving: bool,
    has_object: bool,
    are_waiting: bool,
    may_take_back: bool,
) -> bool:
    """Return True if what an action needs is there.

    Parameters
    ----------
    when : When
        What it needs.
    session : AnnotationSession
        Of the open job.
    moving : bool
        Whether it acts while a case is opened or submitted, too.
    has_object, are_waiting, may_take_back : bool
        Whether a box is at hand, proposals wait, and the submission can be taken back.
    """
    if when in ("always", "chosen", "job"):
        return True
    if not session.is_open or (session.is_moving and not moving):
        return False
    if when in ("slices", "edit slices") and session.editor.n_slices < 2:
        return False
    if when in ("case", "slices"):
        return True
    if when == "submitted":
        return may_take_back
    if session.locked:
        return False
    if when == "object":
        return has_object
    return when != "proposals" or are_waiting
