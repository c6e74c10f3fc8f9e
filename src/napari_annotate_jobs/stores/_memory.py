"""A store that lives as long as the program: for tests, and to try things out."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from napari_annotate_jobs.errors import ExistsError, InvalidValueError, NotFoundError
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    CaseRow,
    Counts,
    Job,
    JobSummary,
    Return,
    Status,
    Submission,
    new_id,
    status_of,
)
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.folder._check_images import ImageCheck

from ._contract import CasePage, Draft, Fault, JobStore
from ._names import check_person, default_person, fold

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import AnnotationChange, Comment

    from ._contract import Progress

__all__ = ["MemoryStore"]


@dataclass
class _Work:
    """What one person did on one case."""

    annotation: Annotation
    last: AnnotationChange | None = None
    submissions: list[Submission] = field(default_factory=list)
    last_return: Return | None = None

    @property
    def status(self) -> Status:
        return status_of(len(self.submissions), self.last_return)


@dataclass
class _Shelf:
    """One job with its cases in their order."""

    job: Job
    cases: dict[str, Case]
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    work: dict[tuple[str, str], _Work] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def ordinal(self, case_id: str) -> int:
        return list(self.cases).index(case_id)


class _Memory:
    """What the stores of several people share."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.RLock()
        self.shelves: dict[str, _Shelf] = {}


_MEMORIES: WeakValueDictionary[str, _Memory] = WeakValueDictionary()


class MemoryStore(JobStore):
    """A job store in memory.

    Parameters
    ----------
    jobs : iterable of (Job, sequence of Case)
        What it holds.
    person : str, optional
        Whose annotations it reads and writes; the system's user by default.
    base : path-like, optional
        Where the relative paths of the cases start; the working folder by default.
    name : str, optional
        Stores of the same name share what they hold as long as one is alive.

    Raises
    ------
    ExistsError
        If the name is in use and jobs are given, or two jobs or cases have one id.
    """

    def __init__(
        self,
        jobs: Iterable[tuple[Job, Sequence[Case]]] = (),
        *,
        person: str | None = None,
        base: str | os.PathLike[str] | None = None,
        name: str | None = None,
    ) -> None:
        self.person = check_person(person or default_person())
        name = name or new_id()
        memory = _MEMORIES.get(name)
        self._memory = memory or _MEMORIES.setdefault(name, _Memory(name))
        self._base = Path(base) if base is not None else Path()
        self.location = f"memory:{name}"
        for job, cases in jobs:
            self._add(job, cases)

    def _add(self, job: Job, cases: Sequence[Case]) -> None:
        by_id = {case.id: case for case in cases}
        with self._memory.lock:
            if job.id in self._memory.shelves or len(by_id) < len(cases):
                raise ExistsError(
                    f"a job or case of job {job.id} is there already",
                    where=self.location,
                    remedy="Give each job, and each case of a job, its own id",
                )
            self._memory.shelves[job.id] = _Shelf(job, by_id)

    # ------------------------------------------------------------- jobs, cases
    def jobs(self) -> Sequence[JobSummary]:
        with self._memory.lock:
            return [
                JobSummary(
                    job=shelf.job, counts=self.counts(job_id), location=self.location
                )
                for job_id, shelf in self._memory.shelves.items()
            ]

    def job(self, job_id: str) -> Job:
        return self._shelf(job_id).job

    def counts(self, job_id: str) -> Counts:
        with self._memory.lock:
            statuses = [row.status for row in self._rows(self._shelf(job_id))]
        return Counts(**{status.value: statuses.count(status) for status in Status})

    def cases(
        self,
        job_id: str,
        *,
        status: Status | None = None,
        text: str = "",
        offset: int = 0,
        limit: int = 100,
    ) -> CasePage:
        _rules.check_page(offset, limit)
        with self._memory.lock:
            rows = [
                row
                for row in self._rows(self._shelf(job_id))
                if status in (None, row.status) and fold(text) in fold(row.case.name)
            ]
        return CasePage(rows=tuple(rows[offset : offset + limit]), total=len(rows))

    def case(self, job_id: str, case_id: str) -> CaseRow:
        with self._memory.lock:
            shelf = self._shelf(job_id)
            case = self._case(shelf, case_id)
            row = self._row(shelf, case, shelf.ordinal(case_id))
            return _rules.sized(row, shelf.sizes.get(case_id))

    def neighbour(
        self,
        job_id: str,
        case_id: str | None = None,
        *,
        step: int = 1,
        statuses: Sequence[Status] = (),
        wrap: bool = False,
    ) -> CaseRow | None:
        if step not in (1, -1):
            raise InvalidValueError(f"a step is 1 or -1, not {step}")
        with self._memory.lock:
            shelf = self._shelf(job_id)
            rows = self._rows(shelf)
            if case_id is None:
                order = rows[::step]
            else:
                self._case(shelf, case_id)
                at = shelf.ordinal(case_id)
                before, after = rows[:at], rows[at + 1 :]
                near, far = (after, before) if step == 1 else (before, after)
                order = near[::step] + (far[::step] if wrap else [])
        wanted = set(statuses or Status)
        return next((row for row in order if row.status in wanted), None)

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        from napari_annotate_jobs.imaging import open_series

        case = self._case(self._shelf(job_id), case_id)
        ref = _rules.series_of(case, series)
        return open_series(self._base / ref.path, series_uid=ref.series_uid)

    # ------------------------------------------------------------- annotations
    def load(self, job_id: str, case_id: str, *, person: str | None = None) -> Draft:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person)
            status = work.status
            return Draft(
                annotation=work.annotation,
                status=status,
                submissions=len(work.submissions),
                returned=work.last_return if status is Status.RETURNED else None,
            )

    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        with self._memory.lock:
            shelf = self._shelf(job_id)
            self._case(shelf, case_id)
            try:
                return shelf.blobs[case_id, digest]
            except KeyError:
                raise NotFoundError(
                    f"there is no mask {digest[:16]}", where=case_id
                ) from None

    def save(
        self,
        job_id: str,
        case_id: str,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
    ) -> int:
        with self._memory.lock:
            shelf = self._shelf(job_id)
            work = self._work(shelf, case_id, self.person)
            new = _rules.changed(
                work.annotation,
                change,
                blobs,
                base=base,
                status=work.status,
                labels=shelf.job.project.label_set,
                find_blob=lambda digest: shelf.blobs.get((case_id, digest)),
                size=shelf.cases[case_id].size or shelf.sizes.get(case_id),
                last=work.last,
            )
            if change.is_empty or new is work.annotation:
                return new.revision if new is work.annotation else base
            for digest in _rules.referenced(change):
                if digest in blobs:
                    shelf.blobs[case_id, digest] = bytes(blobs[digest])
            work.annotation, work.last = new, change
            shelf.work[case_id, self.person] = work
            return new.revision

    def submit(self, job_id: str, case_id: str, *, base: int) -> Submission:
        with self._memory.lock:
            shelf = self._shelf(job_id)
            work = self._work(shelf, case_id, self.person)
            submission = _rules.submitted(
                work.annotation,
                base=base,
                previous=len(work.submissions),
                last_return=work.last_return,
                case=shelf.cases[case_id],
                job=shelf.job,
            )
            work.submissions.append(submission)
            return submission

    def submissions(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Submission]:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person)
            return list(work.submissions)

    def return_case(
        self,
        job_id: str,
        case_id: str,
        comments: Sequence[Comment],
        *,
        person: str,
    ) -> Return:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person)
            work.last_return = _rules.returned(
                work.status,
                comments,
                number=len(work.submissions),
                reviewer=self.person,
                where=case_id,
            )
            return work.last_return

    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        with self._memory.lock:
            shelf = self._shelf(job_id)
            self._case(shelf, case_id)
            return sorted(person for case, person in shelf.work if case == case_id)

    # ------------------------------------------------------------------- other
    def note_case(
        self,
        job_id: str,
        case_id: str,
        *,
        n_slices: int | None,
        size: tuple[int, int] | None = None,
        warnings: Sequence[str] = (),
    ) -> Case:
        with self._memory.lock:
            shelf = self._shelf(job_id)
            case = _rules.noted(self._case(shelf, case_id), n_slices)
            shelf.cases[case_id] = case
            shelf.warnings[case_id] = tuple(warnings)
            if size is not None:
                shelf.sizes[case_id] = size
            return case

    def check(
        self,
        *,
        pixels: bool = False,
        progress: Progress | None = None,
        found: Callable[[Fault], object] | None = None,
    ) -> Sequence[Fault]:
        with self._memory.lock:
            damaged = list(self._damaged())
            shelves = list(self._memory.shelves.values())
            jobs = [(s.job.name, list(s.cases.values())) for s in shelves]
        images = ImageCheck(self._base, pixels=pixels)

        def every() -> Iterator[Fault]:
            yield from damaged
            for name, cases in jobs:
                for done, case in enumerate(cases, 1):
                    yield from images.faults(case)
                    if progress is not None:
                        progress(name, done, len(cases))

        faults = []
        for fault in every():
            faults.append(fault)
            if found is not None:
                found(fault)
        return faults

    def _damaged(self) -> Iterator[Fault]:
        for shelf in self._memory.shelves.values():
            for (case_id, _), work in shelf.work.items():
                texts = [work.annotation, *(s.annotation for s in work.submissions)]
                for digest in sorted(set().union(*(a.blobs() for a in texts))):
                    data = shelf.blobs.get((case_id, digest), b"")
                    if hashlib.sha256(data).hexdigest() != digest:
                        yield Fault(where=case_id, what=f"mask {digest} is damaged")

    # ----------------------------------------------------------------- private
    def _shelf(self, job_id: str) -> _Shelf:
        try:
            return self._memory.shelves[job_id]
        except KeyError:
            raise NotFoundError(
                f"there is no job {job_id!r}", where=self.location
            ) from None

    def _case(self, shelf: _Shelf, case_id: str) -> Case:
        try:
            return shelf.cases[case_id]
        except KeyError:
            raise NotFoundError(
                f"there is no case {case_id!r}", where=shelf.job.name
            ) from None

    def _work(self, shelf: _Shelf, case_id: str, person: str) -> _Work:
        """Return what a person did; a blank one is kept only once it is saved."""
        self._case(shelf, case_id)
        return shelf.work.get((case_id, person)) or _Work(
            Annotation(case_id=case_id, person=person)
        )

    def _row(self, shelf: _Shelf, case: Case, ordinal: int) -> CaseRow:
        work = self._work(shelf, case.id, self.person)
        last = work.submissions[-1] if work.submissions else None
        is_returned = work.status is Status.RETURNED
        return CaseRow(
            case=case,
            ordinal=ordinal,
            status=work.status,
            draft=_rules.has_draft(work.annotation.revision, last),
            returned_comment=_rules.comment_text(work.last_return)
            if is_returned
            else "",
            warnings=shelf.warnings.get(case.id, ()),
            decided=_rules.count_decided(work.annotation),
        )

    def _rows(self, shelf: _Shelf) -> list[CaseRow]:
        return [
            self._row(shelf, case, ordinal)
            for ordinal, case in enumerate(shelf.cases.values())
        ]
