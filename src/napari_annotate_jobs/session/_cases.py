"""Which case is opened next, past those that cannot be."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    CorruptError,
    GeometryError,
    ImagingError,
    NotFoundError,
    StoreError,
    UnreadableImageError,
)
from napari_annotate_jobs.model import Status

from ._opening import OpenCase, load_case

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from napari_annotate_jobs.model import CaseRow
    from napari_annotate_jobs.stores import JobStore

    from ._listed import Listed

__all__ = [
    "Found",
    "cases_after",
    "cases_beyond",
    "cases_left",
    "cases_on",
    "first_cases",
    "mend",
    "open_one",
]

_PATHS = re.compile(r"""['"]?[^\s'"]*[/\\][^'"\n]*['"]?""")
"""Ways to files, as the messages of other libraries hold them."""

LOOKED_THROUGH = 200
"""Cases of a list that are looked at for one with something to do."""

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

    @property
    def error(self) -> AnnotateJobsError | None:
        """What to tell the user of the cases that were passed over."""
        if not self.broken:
            return None
        row, first = self.broken[0]
        why = first.what
        if first.where is not None:
            why = f"{PurePath(first.where).name}: {why}"
        if len(self.broken) == 1:
            error = ImagingError(
                f"cannot be opened: {why}",
                where=row.case.name,
                remedy=first.remedy,
            )
        else:
            names = ", ".join(row.case.name for row, _ in self.broken)
            error = ImagingError(
                f"{len(self.broken)} cases cannot be opened ({names}). The first: "
                f"{why}",
                remedy=first.remedy,
            )
        error.__cause__ = first
        return error


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


def cases_beyond(
    store: JobStore,
    job_id: str,
    here: str | None,
    step: int,
    listed: Listed[str] | None,
) -> Iterator[CaseRow]:
    """Give the cases after (before) another one, in the order of a list if it is in it.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    here : str, optional
        Id of the case.
    step : int
        1 for forward, -1 for backward.
    listed : Listed, optional
        The list; by default the job's order counts.
    """
    found = None if listed is None or here is None else listed.beyond(here, step)
    if found is None:
        yield from cases_after(store, job_id, here, step=step)
        return
    for case_id in found:
        with suppress(NotFoundError):  # taken away meanwhile
            yield store.case(job_id, case_id)


def cases_left(
    store: JobStore, job_id: str, here: str | None, listed: Listed[str] | None
) -> Iterator[CaseRow]:
    """Give the cases with something to do after another one, then those before it.

    Those that come next in a list are before all others.
    """
    left = (Status.RETURNED, Status.REMAINING)
    if listed is not None:
        near = islice(cases_beyond(store, job_id, here, 1, listed), LOOKED_THROUGH)
        yield from (row for row in near if row.status in left)
    yield from cases_after(store, job_id, here, statuses=left, wrap=True)


def cases_on(
    after: Iterable[CaseRow], steps: int, broken: Collection[str]
) -> Iterator[CaseRow]:
    """Give the case so many steps on, then those behind it.

    Where there are fewer, the last one comes before those passed over.

    Parameters
    ----------
    after : iterable of CaseRow
        The cases that are gone through.
    steps : int
        How many.
    broken : collection of str
        Ids of cases that cannot be opened: they count as no step.
    """
    passed: list[CaseRow] = []
    left = steps
    for row in after:
        if left > 1:
            passed.append(row)
            left -= row.case.id not in broken
        else:
            yield row
    yield from reversed(passed)


def open_one(
    store: JobStore, job_id: str, rows: Iterable[CaseRow], known: set[str]
) -> Found:
    """Open the first of some cases that can be opened.

    What is wrong with the images of the others for good is marked in the case table.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    rows : iterable of CaseRow
        The cases, in order.
    known : set of str
        Ids of cases that could not be opened before: they are tried last. Brought up
        to date.

    Raises
    ------
    StoreError
        If the store cannot be reached.
    """
    broken: list[tuple[CaseRow, AnnotateJobsError]] = []
    put_off: list[CaseRow] = []

    def tried() -> Iterator[CaseRow]:
        for row in rows:
            if row.case.id in known:
                put_off.append(row)
            else:
                yield row
        yield from put_off

    for row in tried():
        if len(broken) == FEW:
            break
        try:
            case = load_case(store, job_id, row)
        except (ImagingError, CorruptError) as error:
            known.add(row.case.id)
            broken.append((row, error))
            _mark(store, job_id, row, error)
        else:
            known.discard(row.case.id)
            return Found(case, tuple(broken))
    return Found(None, tuple(broken))


def _mark(store: JobStore, job_id: str, row: CaseRow, error: AnnotateJobsError) -> None:
    """Mark a case for all who share the job, unless it is this computer's trouble."""
    if not isinstance(error, UnreadableImageError | GeometryError | CorruptError):
        return
    # The way to a file is left out: it may name a patient, and is another elsewhere.
    what = _PATHS.sub("...", error.what)
    words = [f"It cannot be opened: {what}", error.remedy]
    with suppress(StoreError):  # the mark is a help, not the truth
        store.note_case(
            job_id,
            row.case.id,
            n_slices=row.case.n_slices,
            warnings=[". ".join(word for word in words if word) + "."],
        )


def mend(store: JobStore, job_id: str, case_id: str) -> str:
    """Go on with the saves of a case that are whole; return what to tell of it."""
    kept = None
    if store.checker is not None:
        kept = store.checker.mend_case(job_id, case_id)
    if kept is None:
        return ""
    return (
        f"Gone on with the saves that are whole; what was there is kept as {kept.name}."
    )
