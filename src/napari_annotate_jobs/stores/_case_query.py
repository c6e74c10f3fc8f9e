"""What lists of cases are asked for, as one value."""

from __future__ import annotations

from typing import NamedTuple

from napari_annotate_jobs.model import CaseOrder, ReviewStatus, Status

__all__ = ["Asked", "AskedReviews"]


class Asked(NamedTuple):
    """Which cases are asked for, and in which order.

    `whose` says whose flags count; None for everybody's.
    """

    status: Status | None = None
    text: str = ""
    flagged: bool = False
    order: CaseOrder = CaseOrder.JOB
    backwards: bool = False
    whose: str | None = None


class AskedReviews(NamedTuple):
    """Which submitted cases are asked for, and in which order; see :class:`Asked`."""

    status: ReviewStatus | None = None
    revised: bool | None = None
    text: str = ""
    person: str | None = None
    flagged: bool = False
    order: CaseOrder = CaseOrder.JOB
    backwards: bool = False
    whose: str | None = None
