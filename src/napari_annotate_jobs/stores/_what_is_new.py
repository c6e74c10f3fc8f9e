"""What is new for a person in a job, found without looking at all of its cases."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, NotFoundError
from napari_annotate_jobs.model import CaseOrder, News, ReviewStatus, Status

if TYPE_CHECKING:
    from datetime import datetime

    from napari_annotate_jobs.model import CaseRow

    from ._contract import JobStore

__all__ = ["news_of"]

MOST = 200
"""Cases that are looked at: the last that something was done with."""


def news_of(
    store: JobStore, job_id: str, since: datetime, *, review: bool = False
) -> News:
    """Return what others did in a job since a time, for the person of a store.

    Cases are asked for in the order in which they were last touched, so that a job
    of 100,000 costs what is new in it and no more.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    since : datetime
        With time zone.
    review : bool
        True for what was submitted, for whoever reviews it.

    Raises
    ------
    StoreError
        If the store cannot be reached.
    """
    if review:
        return _submitted(store, job_id, since)
    order = CaseOrder.TOUCHED
    # One's own work since may be more than is looked at; what came back is not in it.
    back = store.cases(job_id, status=Status.RETURNED, order=order, limit=MOST).rows
    touched = store.cases(job_id, order=order, limit=MOST).rows
    rows: dict[str, CaseRow] = {}
    more = False
    for found in (back, touched):
        new = list(takewhile(lambda row: _is_after(row.touched, since), found))
        more |= len(new) == MOST and found is back
        rows.update((row.case.id, row) for row in new)
    returned = comments = 0
    cases: list[tuple[str, str | None]] = []
    ordered = sorted(rows.values(), key=lambda row: row.touched or since, reverse=True)
    for row in ordered:
        try:
            is_back, said = _of_case(store, job_id, row, since)
        except (CorruptError, NotFoundError):  # told when the case is opened
            continue
        returned += is_back
        comments += said
        if is_back or said:
            cases.append((row.case.id, None))
    return News(
        returned=returned, comments=comments, cases=tuple(cases[:MOST]), more=more
    )


def _of_case(
    store: JobStore, job_id: str, row: CaseRow, since: datetime
) -> tuple[bool, int]:
    """Return whether a case came back, and how many comments are new on it."""
    is_back, with_it = False, frozenset[str]()
    if row.status is Status.RETURNED:
        verdict = store.verdicts(job_id, row.case.id)[-1]
        is_back = verdict.time > since and not row.draft
        with_it = frozenset(comment.id for comment in verdict.comments)
    said = 0
    for thread in store.threads(job_id, row.case.id):
        if thread.unread:
            others = [c for c in thread.comments if c.person != store.person]
            said += sum(
                comment.time > since and comment.id not in with_it
                for comment in others[-thread.unread :]
            )
    return is_back, said


def _submitted(store: JobStore, job_id: str, since: datetime) -> News:
    page = store.reviews(
        job_id, status=ReviewStatus.WAITING, order=CaseOrder.TOUCHED, limit=MOST
    )
    new = takewhile(lambda row: _is_after(row.touched, since), page.rows)
    cases = [(r.case.id, r.person) for r in new if r.person != store.person]
    return News(submitted=len(cases), cases=tuple(cases), more=len(cases) == MOST)


def _is_after(time: datetime | None, since: datetime) -> bool:
    return time is not None and time > since
