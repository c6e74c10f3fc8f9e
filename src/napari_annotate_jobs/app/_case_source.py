"""Feeds the case table from a store, off the interface thread."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import AnnotateJobsError, NotFoundError
from napari_annotate_jobs.session import Listed
from napari_annotate_jobs.widgets import split_row_key

from ._pictures import case_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Job
    from napari_annotate_jobs.session import Executor
    from napari_annotate_jobs.stores import JobStore
    from napari_annotate_jobs.widgets import CaseQuery

__all__ = ["StoreCaseSource", "StoreReviewSource"]


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

    def listed(self, query: CaseQuery, row: int) -> Listed[Any] | None:
        """Return the list in which a case stands; None if it is in the job's order."""
        if query == type(query)():
            return None
        return Listed(lambda offset, limit: self._keys(query, offset, limit), row)

    def _keys(self, query: CaseQuery, offset: int, limit: int) -> Sequence[Any]:
        rows, _ = self._read(query, offset, limit)
        return [row.case.id for row in rows]

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

        self._tables.run(
            lambda: self._read(query, offset, limit),
            lambda page: reply(*page),
            failed,
        )

    def _read(
        self, query: CaseQuery, offset: int, limit: int
    ) -> tuple[Sequence[Any], int]:
        asked = {**vars(query)}
        if only := asked.pop("only"):
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

    def _page(self, **asked: Any) -> Any:
        return self._store.reviews(self._job.id, **asked)

    def _keys(self, query: CaseQuery, offset: int, limit: int) -> Sequence[Any]:
        rows, _ = self._read(query, offset, limit)
        return [(row.case.id, row.person) for row in rows]

    def _row(self, key: str) -> Any:
        case_id, person = split_row_key(key)
        return self._store.review(self._job.id, case_id, person=person or "")

    def _picture(self, key: str) -> tuple[NDArray[np.uint8], str]:
        case_id, person = split_row_key(key)
        return case_picture(
            self._store, self._job.project, self._job.id, case_id, SIZE, person=person
        )
