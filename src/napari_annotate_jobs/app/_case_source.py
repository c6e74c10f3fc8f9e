"""Feeds the case table from a store, off the interface thread."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    CorruptError,
    NotFoundError,
)
from napari_annotate_jobs.model import CaseOrder, ReviewStatus, Status
from napari_annotate_jobs.session import Listed
from napari_annotate_jobs.stores._flags import ordered
from napari_annotate_jobs.widgets import row_key, split_row_key

from ._pictures import case_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Annotation, Job
    from napari_annotate_jobs.session import Executor
    from napari_annotate_jobs.stores import JobStore
    from napari_annotate_jobs.widgets import CaseQuery

__all__ = ["StoreCaseSource", "StoreReviewSource"]


PAGE, CHUNK = 1000, 50
"""Cases that are listed, and that are read, at once where a label is looked for."""
SIZE = 128
"""Pixels of the longest side of a picture."""


class StoreCaseSource:
    """The cases of one job, for the job's page.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job : Job
        The job.
    tables : Executor
        Reads rows.
    pictures : Executor
        Reads images.
    on_error : callable
        Takes an error to show.
    """

    LEFT: tuple[Any, ...] = (Status.RETURNED, Status.REMAINING)
    """What status a case has with which something is to be done."""

    def __init__(
        self,
        store: JobStore,
        job: Job,
        tables: Executor,
        pictures: Executor,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._store, self._job = store, job
        self._tables, self._pictures = tables, pictures
        self._on_error = on_error
        self._finding: object | None = None
        self._known: dict[str, tuple[Any, frozenset[int]]] = {}

    def listed(self, query: CaseQuery, row: int) -> Listed[Any] | None:
        """Return the list in which a case stands; None if it is in the job's order."""
        if query == type(query)():
            return None
        if query.label is None and not query.only:
            return Listed(
                lambda offset, limit: self._keys(self._read(query, offset, limit)[0]),
                row,
                lambda: self._count(query),
            )

        @cache  # it is gone through from its beginning, however little is asked for
        def every() -> Sequence[Any]:
            return self._read(query, 0, sys.maxsize)[0]

        return Listed(
            lambda offset, limit: self._keys(every()[offset : offset + limit]),
            row,
            lambda: (len(every()), sum(each.status in self.LEFT for each in every())),
        )

    def _keys(self, rows: Sequence[Any]) -> Sequence[Any]:
        return [row.case.id for row in rows]

    def _count(self, query: CaseQuery) -> tuple[int, int]:
        """Return how many cases are listed, and how many of them are left."""
        asked = [s for s in self.LEFT if query.status in (None, s)]
        found = (self._read(replace(query, status=s), 0, 1)[1] for s in asked)
        return self._read(query, 0, 1)[1], sum(found)

    def fetch(
        self,
        query: CaseQuery,
        offset: int,
        limit: int,
        reply: Callable[[Any, int], None],
    ) -> None:
        """Read a page of what is listed; None and 0 if that fails."""

        def failed(error: Exception) -> None:
            self._on_error(error)
            reply(None, 0)

        self._finding = None
        if query.label is not None and not query.only:
            self._find(query, offset, limit, reply, failed)
            return
        self._tables.run(
            lambda: self._read(query, offset, limit),
            lambda page: reply(*page),
            failed,
        )

    def _find(
        self,
        query: CaseQuery,
        offset: int,
        limit: int,
        reply: Callable[[Any, int], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Look for a label through what was annotated, some cases at a time.

        What saves and opens cases does not wait for it, nor do pictures for long; who
        asks for something else ends it.
        """
        self._finding = asked = object()
        looked = self._looked_through(query)
        found: list[Any] = []

        def some() -> bool:
            rows = list(islice(looked, CHUNK))
            found.extend(row for row, has in rows if has)
            return len(rows) < CHUNK

        def done(is_over: bool) -> None:
            if self._finding is not asked:
                reply((), 0)
            elif is_over:
                rows = _in_order(found, query)
                reply(rows[offset : offset + limit], len(rows))
            else:
                self._pictures.run(some, done, failed)

        self._pictures.run(some, done, failed)

    def _looked_through(self, query: CaseQuery) -> Iterator[tuple[Any, bool]]:
        """Give what was ever annotated, and whether the label was said of it."""
        asked = {**vars(query), "order": CaseOrder.TOUCHED, "backwards": False}
        label = asked.pop("label")
        del asked["only"]
        offset, total = 0, 1
        while offset < total:
            page = self._page(**asked, offset=offset, limit=PAGE)
            total = page.total if page.rows else 0
            offset += len(page.rows)
            for row in page.rows:
                if row.touched is None:  # nor are those behind it
                    return
                yield row, label in self._labels_of(row)

    def _labels_of(self, row: Any) -> frozenset[int]:
        """Return the labels that were said of a case; read again once it changed."""
        key, known = row_key(row), self._known.get(row_key(row))
        if known is None or known[0] != row.touched:
            found = frozenset[int]()
            with suppress(CorruptError, NotFoundError):  # told when it is opened
                said = self._annotation(row)
                parts = (content.label_ids for content in said.slices.values())
                found = frozenset(said.case_labels).union(*parts)
            self._known[key] = known = row.touched, found
        return known[1]

    def _annotation(self, row: Any) -> Annotation:
        return self._store.load(self._job.id, row.case.id).annotation

    def _read(
        self, query: CaseQuery, offset: int, limit: int
    ) -> tuple[Sequence[Any], int]:
        asked = {**vars(query)}
        label, only = asked.pop("label"), asked.pop("only")
        if label is not None and not only:
            rows = [row for row, has in self._looked_through(query) if has]
            rows = _in_order(rows, query)
            return rows[offset : offset + limit], len(rows)
        if only:
            rows = list(self._rows(only))
            return rows[offset : offset + limit], len(rows)
        page = self._page(**asked, offset=offset, limit=limit)
        return page.rows, page.total

    def _page(self, **asked: Any) -> Any:
        return self._store.cases(self._job.id, **asked)

    def _rows(self, keys: Sequence[str]) -> Iterator[Any]:
        for key in keys:
            with suppress(NotFoundError):  # taken away meanwhile
                yield self._row(key)

    def _row(self, key: str) -> Any:
        return self._store.case(self._job.id, key)

    def thumbnail(self, case_id: str, reply: Callable[..., None]) -> None:
        """Draw a case, and say what was said of it; None if it cannot be read.

        The table says what is wrong with them when the case is opened.
        """

        def failed(error: Exception) -> None:
            if not isinstance(error, AnnotateJobsError):
                self._on_error(error)
            reply(None)

        self._pictures.run(
            lambda: self._picture(case_id),
            lambda found: reply(*found),
            failed,
        )

    def _picture(self, key: str) -> tuple[NDArray[np.uint8], str]:
        return case_picture(self._store, self._job.project, self._job.id, key, SIZE)


class StoreReviewSource(StoreCaseSource):
    """What was submitted in one job, for the page of whoever reviews it."""

    LEFT = (ReviewStatus.WAITING,)

    def _page(self, **asked: Any) -> Any:
        return self._store.reviews(self._job.id, **asked)

    def _annotation(self, row: Any) -> Annotation:
        sent = self._store.submissions(self._job.id, row.case.id, person=row.person)
        return sent[-1].annotation

    def _keys(self, rows: Sequence[Any]) -> Sequence[Any]:
        return [(row.case.id, row.person) for row in rows]

    def _row(self, key: str) -> Any:
        case_id, person = split_row_key(key)
        return self._store.review(self._job.id, case_id, person=person or "")

    def _picture(self, key: str) -> tuple[NDArray[np.uint8], str]:
        case_id, person = split_row_key(key)
        return case_picture(
            self._store, self._job.project, self._job.id, case_id, SIZE, person=person
        )


def _in_order(rows: Sequence[Any], query: CaseQuery) -> list[Any]:
    """Put rows into the order that is asked for."""
    places = sorted(rows, key=lambda row: (row.ordinal, getattr(row, "person", "")))
    return ordered(places, query.order, backwards=query.backwards)
