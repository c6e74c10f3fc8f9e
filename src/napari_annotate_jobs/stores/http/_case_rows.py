"""The list of a job's cases on a server; what is known of it while that is away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.model import Case, CaseRow, Status
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._contract import CasePage
from napari_annotate_jobs.stores._flags import ordered
from napari_annotate_jobs.stores._names import fold

from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.stores._case_query import Asked, AskedReviews

    from ._at_hand import Answers

__all__ = ["MOST", "RemoteCases", "paged", "query_of"]

MOST = 1000
"""So many rows the server gives at once."""


class RemoteCases:
    """Rows of the case table, asked for or put together from what was seen.

    Parameters
    ----------
    answers : Answers
        Leads to the server.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._guard = threading.Lock()
        self._cases: dict[tuple[str, str], Case] = {}

    def page(self, job_id: str, asked: Asked, offset: int, limit: int) -> CasePage:
        """Return a page of cases; see :meth:`JobStore.cases`."""
        path = quoted("jobs", job_id, "cases")

        def page(start: int, number: int) -> CasePage:
            query = {**query_of(asked), "offset": start, "limit": number}
            return self._answers.now(path, query, CasePage)

        def ask() -> CasePage:
            rows, total = paged(page, offset, limit)
            return CasePage(rows=tuple(rows), total=total)

        def seen() -> CasePage | None:
            every = self._answers.rows(job_id)
            wanted = [
                row
                for row in every
                if asked.status in {None, row.status}
                and fold(asked.text) in fold(row.case.name)
                and (row.flags or not asked.flagged)
            ]
            wanted = ordered(wanted, asked.order, backwards=asked.backwards)
            here = tuple(wanted[offset : offset + limit])
            return CasePage(rows=here, total=len(wanted)) if every else None

        return self._answers.either(ask, seen)

    def one(self, job_id: str, case_id: str) -> CaseRow:
        """Return a case; see :meth:`JobStore.case`."""

        def asked() -> CaseRow:
            path = quoted("jobs", job_id, "cases", case_id)
            return self._answers.now(path, {}, CaseRow)

        def seen() -> CaseRow | None:
            rows = self._answers.rows(job_id)
            return next((row for row in rows if row.case.id == case_id), None)

        row = self._answers.either(asked, seen)
        with self._guard:
            self._cases[job_id, case_id] = row.case
        return row

    def known(self, job_id: str, case_id: str) -> Case:
        """Return a case, without asking where it was seen before."""
        with self._guard:
            case = self._cases.get((job_id, case_id))
        return self.one(job_id, case_id).case if case is None else case

    def neighbour(
        self,
        job_id: str,
        case_id: str | None,
        step: int,
        statuses: Sequence[Status],
        wrap: bool,
    ) -> CaseRow | None:
        """Return the case before or behind; see :meth:`JobStore.neighbour`."""
        _rules.check_step(step)
        query = {
            "case": case_id,
            "step": step,
            "status": list(statuses) or None,
            "wrap": wrap,
        }

        def asked() -> tuple[CaseRow | None]:
            path = quoted("jobs", job_id, "neighbour")
            row_or_none: Any = CaseRow | None
            return (self._answers.now(path, query, row_or_none),)

        def seen() -> tuple[CaseRow | None] | None:
            every = self._answers.rows(job_id)
            rows = [r for r in every if self._answers.is_here(job_id, r)][::step]
            places = {row.case.id: row.ordinal for row in every}
            if case_id is not None:
                if case_id not in places:
                    return None
                at = places[case_id]
                after = [row for row in rows if (row.ordinal - at) * step > 0]
                before = [row for row in rows if (row.ordinal - at) * step < 0]
                rows = after + (before if wrap else [])
            rows = [row for row in rows if not statuses or row.status in statuses]
            return (rows[0] if rows else None,)

        return self._answers.either(asked, seen)[0]


def query_of(asked: Asked | AskedReviews) -> dict[str, Any]:
    """Return what is asked for, as a query; None for the usual, which is left out."""
    usual = type(asked)._field_defaults
    return {k: None if v == usual[k] else v for k, v in asked._asdict().items()}


def paged(
    page: Callable[[int, int], Any], offset: int, limit: int
) -> tuple[list[Any], int]:
    """Return rows and total, in as many requests as the server wants."""
    found = page(offset, min(limit, MOST))
    rows, total = list(found.rows), int(found.total)
    while found.rows and len(rows) < limit and offset + len(rows) < total:
        found = page(offset + len(rows), min(limit - len(rows), MOST))
        rows += found.rows
    return rows, total
