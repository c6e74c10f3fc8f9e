"""Which case is opened next, past those that cannot be."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    CorruptError,
    ImagingError,
    StoreError,
)
from napari_annotate_jobs.model import Status

from ._opening import OpenCase, load_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_annotate_jobs.model import CaseRow
    from napari_annotate_jobs.stores import JobStore

__all__ = ["Found", "cases_after", "first_cases", "open_one"]

FEW = 5
"""So many cases in a row that cannot be opened: then it is not the cases."""


@dataclass(frozen=True)
class Found:
    """The case that was opened, and those that could not be.

    Parameters
    ----------
    case : OpenCase, optional
        None if there is none, or none that can be opened.
    broken : tuple of (CaseRow, AnnotateJobsError)
        Cases that were passed over, and why.
    """

    case: OpenCase | None
    broken: tuple[tuple[CaseRow, AnnotateJobsError], ...] = ()


def first_cases(store: JobStore, job_id: str) -> Iterator[CaseRow]:
    """Give the returned cases, then the remaining ones, then any."""
    for status in (Status.RETURNED, Status.REMAINING):
        yield from cases_after(store, job_id, None, statuses=(status,))
    yield from cases_after(store, job_id, None, statuses=(Status.FINISHED,))


def cases_after(
    store: JobStore,
    job_id: str,
    here: str | None,
    *,
    step: int = 1,
    statuses: Sequence[Status] = (),
    wrap: bool = False,
) -> Iterator[CaseRow]:
    """Give the cases after (before) another one, each once; see ``neighbour``."""
    seen = {here}
    while True:
        row = store.neighbour(job_id, here, step=step, statuses=statuses, wrap=wrap)
        if row is None or row.case.id in seen:
            return
        yield row
        here = row.case.id
        seen.add(here)


def open_one(store: JobStore, job_id: str, rows: Iterable[CaseRow]) -> Found:
    """Open the first of some cases that can be opened.

    The others are marked in the case table with what is wrong with them.

    Raises
    ------
    StoreError
        If the store cannot be reached.
    """
    broken: list[tuple[CaseRow, AnnotateJobsError]] = []
    for row in rows:
        try:
            return Found(load_case(store, job_id, row), tuple(broken))
        except (ImagingError, CorruptError) as error:
            broken.append((row, error))
            with suppress(StoreError):  # the mark is a help, not the truth
                store.note_case(
                    job_id,
                    row.case.id,
                    n_slices=row.case.n_slices,
                    warnings=[f"It cannot be opened. {error}"],
                )
        if len(broken) == FEW:
            break
    return Found(None, tuple(broken))
