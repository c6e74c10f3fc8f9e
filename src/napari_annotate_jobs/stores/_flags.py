"""Flags on cases, and the orders of lists, as far as all stores do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, RoleError
from napari_annotate_jobs.model import (
    LONGEST_REASON,
    CaseOrder,
    CaseRow,
    Flag,
    ReviewRow,
    ReviewStatus,
    Status,
)

from ._names import name_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeVar

    from napari_annotate_jobs.model import Job

    Row = TypeVar("Row", CaseRow, ReviewRow)

__all__ = [
    "REVIEW_STATUSES",
    "STATUSES",
    "latest_first",
    "new_flag",
    "ordered",
    "seen_flags",
]

STATUSES = (Status.RETURNED, Status.REMAINING, Status.FINISHED)
"""In the order in which lists sort cases by them."""
REVIEW_STATUSES = (
    ReviewStatus.WAITING,
    ReviewStatus.RETURNED,
    ReviewStatus.FAILED,
    ReviewStatus.PASSED,
    ReviewStatus.NOT_SELECTED,
)
"""In the order in which lists sort what was submitted by them."""


def new_flag(
    job: Job, reason: str | None, *, by: str, person: str, where: object
) -> Flag | None:
    """Return the flag that a person puts on a case; None where it is taken away.

    Parameters
    ----------
    job : Job
        Says who may.
    reason : str, optional
        Why; None takes the flag away.
    by : str
        Who asks for that.
    person : str
        Whose flag it is.
    where : object
        Names the case in messages.

    Raises
    ------
    RoleError, InvalidValueError
        As :meth:`JobStore.flag`.
    """
    if not (job.may_annotate(by) or job.may_review(by)):
        raise RoleError(
            f"{by} looks on in this job",
            where=where,
            remedy="Ask an owner of the job to make you an annotator",
        )
    if person != by and (reason is not None or not job.may_review(by)):
        raise RoleError(
            f"the flag is {person}'s",
            where=where,
            remedy="Put one of your own on it"
            if reason is not None
            else "Ask a reviewer to take it away",
        )
    if reason is None:
        return None
    words = " ".join(reason.split())
    if not words:
        raise InvalidValueError(
            "a flag needs a reason",
            where=where,
            remedy="Say in a few words what is to be looked at",
        )
    if len(words) > LONGEST_REASON:
        raise InvalidValueError(
            f"the reason has {len(words):,} characters",
            where=where,
            remedy=f"Use up to {LONGEST_REASON}, and comments for the rest",
        )
    return Flag(person=by, reason=words)


def seen_flags(flags: Iterable[Flag], job: Job, person: str) -> tuple[Flag, ...]:
    """Return those that a person may see, the latest first.

    Who may review sees all of them; who annotates, their own.
    """
    every = job.may_review(person)
    return latest_first(flag for flag in flags if every or flag.person == person)


def latest_first(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """Return flags in the order in which they are shown."""
    return tuple(sorted(flags, key=lambda flag: flag.time, reverse=True))


def ordered(
    rows: Sequence[Row], order: CaseOrder, *, backwards: bool = False
) -> list[Row]:
    """Return rows of a list, which are in the job's order, in another."""
    key = _KEYS.get(order)
    found = list(rows) if key is None else sorted(rows, key=key)
    return found[::-1] if backwards else found


def _ago(time: Any) -> float:
    return 0.0 if time is None else -float(time.timestamp())


_KEYS: dict[CaseOrder, Any] = {
    CaseOrder.NAME: lambda row: name_key(row.case.name),
    CaseOrder.STATUS: lambda row: (
        STATUSES if isinstance(row, CaseRow) else REVIEW_STATUSES
    ).index(row.status),
    CaseOrder.SLICES: lambda row: row.case.n_slices or 0,
    CaseOrder.FLAG: lambda row: _ago(row.flags[0].time) if row.flags else 0.0,
    CaseOrder.TOUCHED: lambda row: _ago(row.touched),
}
