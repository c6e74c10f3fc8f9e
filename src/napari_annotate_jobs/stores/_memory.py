"""A store that lives as long as the program: for tests, and to try things out."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from napari_annotate_jobs.errors import ExistsError, NotFoundError
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    CaseRow,
    Counts,
    Flag,
    Job,
    JobKind,
    JobSummary,
    ReviewCounts,
    ReviewRow,
    ReviewStatus,
    Status,
    Verb,
    is_selected,
    new_id,
)
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores.folder._check_images import ImageCheck

from ._contract import (
    CasePage,
    Checker,
    Draft,
    Fault,
    ImageSource,
    JobContents,
    JobStore,
    PersonProgress,
    ReviewPage,
)
from ._edits import check_owner, contents_of, owned_edit
from ._flags import new_flag, ordered
from ._memory_shelf import Memory, MemoryShelf, MemoryWork
from ._names import check_file_name, check_person, default_person, fold

if TYPE_CHECKING:
    import os
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        AnnotationChange,
        Comment,
        JobEdit,
        Submission,
        Thread,
        Verdict,
    )

    from ._case_query import Asked, AskedReviews
    from ._contract import Progress

__all__ = ["MemoryStore"]


_MEMORIES: WeakValueDictionary[str, Memory] = WeakValueDictionary()


class MemoryStore(JobStore, ImageSource, Checker):
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
        self._memory = memory or _MEMORIES.setdefault(name, Memory(name))
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
            self._memory.shelves[job.id] = MemoryShelf(job, by_id)

    @property
    def images(self) -> MemoryStore:
        """The store itself."""
        return self

    @property
    def checker(self) -> MemoryStore:
        """The store itself."""
        return self

    # ------------------------------------------------------------- jobs, cases
    def jobs(self) -> Sequence[JobSummary]:
        with self._memory.lock:
            return [
                JobSummary(
                    job=shelf.job,
                    counts=self.counts(job_id),
                    location=self.location,
                    reviews=self.review_counts(job_id)
                    if shelf.job.kind_for(self.person) is JobKind.REVIEW
                    else None,
                )
                for job_id, shelf in self._memory.shelves.items()
            ]

    def job(self, job_id: str) -> Job:
        with self._memory.lock:
            return self._shelf(job_id).job

    def counts(self, job_id: str) -> Counts:
        with self._memory.lock:
            rows = self._rows(self._shelf(job_id))
        statuses = Counter(row.status.value for row in rows)
        return Counts(**statuses, flagged=sum(bool(row.flags) for row in rows))

    def find_cases(
        self, job_id: str, asked: Asked, offset: int, limit: int
    ) -> CasePage:
        with self._memory.lock:
            rows = [
                row
                for row in self._rows(self._shelf(job_id))
                if asked.status in (None, row.status)
                and fold(asked.text) in fold(row.case.name)
                and (row.flags or not asked.flagged)
            ]
        rows = ordered(rows, asked.order, backwards=asked.backwards)
        return CasePage(rows=tuple(rows[offset : offset + limit]), total=len(rows))

    def case(self, job_id: str, case_id: str) -> CaseRow:
        with self._held(job_id) as shelf:
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
        _rules.check_step(step)
        with self._held(job_id) as shelf:
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

    # ------------------------------------------------------------------ owning
    def edit_job(self, job_id: str, edit: JobEdit) -> Job:
        with self._held(job_id) as shelf:
            shelf.job, cases = owned_edit(
                shelf.job,
                list(shelf.cases.values()),
                edit,
                person=self.person,
                used=shelf.used,
                annotated=shelf.annotated,
            )
            shelf.cases = {case.id: case for case in cases}
            for case_id in edit.remove_cases:
                shelf.warnings.pop(case_id, None)
                shelf.sizes.pop(case_id, None)
                shelf.flags.pop(case_id, None)
            return shelf.job

    def contents(self, job_id: str) -> JobContents:
        with self._held(job_id) as shelf:
            return contents_of(
                len(shelf.cases),
                (
                    (person, work.has_draft, len(work.submissions))
                    for (_, person, _), work in shelf.work.items()
                ),
            )

    def used_labels(self, job_id: str) -> Mapping[int, str]:
        with self._held(job_id) as shelf:
            return shelf.used(shelf.job.project.label_set.by_id)

    def delete_job(self, job_id: str) -> str:
        with self._memory.lock:
            check_owner(self._shelf(job_id).job, self.person)
            self._memory.trash[job_id] = self._memory.shelves.pop(job_id)
        return f"{self.location} keeps it as long as the program runs"

    # ------------------------------------------------------------ combinations
    def combinations(self, job_id: str) -> Mapping[str, str]:
        with self._memory.lock:
            return dict(sorted(self._shelf(job_id).combinations.items()))

    def save_combination(self, job_id: str, name: str, text: str | None) -> None:
        name = check_file_name(name)
        with self._memory.lock:
            kept = self._shelf(job_id).combinations
            if text is None:
                kept.pop(name, None)
            else:
                kept[name] = text

    # ------------------------------------------------------------- annotations
    def load(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Draft:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person, of)
            return Draft(
                annotation=work.annotation,
                status=Status.REMAINING if of else work.standing.status,
                submissions=len(work.submissions),
                verdict=work.standing.verdict,
            )

    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        with self._held(job_id) as shelf:
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
        of: str | None = None,
    ) -> int:
        with self._held(job_id) as shelf:
            work = self._work(shelf, case_id, self.person, of)
            new = _rules.changed(
                work.annotation,
                change,
                blobs,
                base=base,
                standing=work.standing,
                job=shelf.job,
                find_size=shelf.sizer(case_id),
                size=shelf.cases[case_id].size or shelf.sizes.get(case_id),
                of=of,
                last=work.last,
            )
            if change.is_empty or new is work.annotation:
                return new.revision if new is work.annotation else base
            for digest in _rules.referenced(change):
                if digest in blobs:
                    shelf.blobs[case_id, digest] = bytes(blobs[digest])
            work.annotation, work.last = new, change
            shelf.work[case_id, self.person, of] = work
            return new.revision

    def submit(
        self, job_id: str, case_id: str, *, base: int, of: str | None = None
    ) -> Submission:
        with self._held(job_id) as shelf:
            work = self._work(shelf, case_id, self.person, of)
            if of is not None:
                said = _rules.Said(Verb.CORRECT, self.person, of)
                source = self._work(shelf, case_id, of)
                said.check_copy(source.standing, work.annotation, job=shelf.job)
            submission = _rules.submitted(
                work.annotation,
                base=base,
                standing=work.standing,
                case=shelf.cases[case_id],
                job=shelf.job,
                of=of,
            )
            work.submissions.append(submission)
            return submission

    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person, of)
            return list(work.submissions)

    # ------------------------------------------------------------------ reviewing
    def judge(
        self,
        job_id: str,
        case_id: str,
        verb: Verb,
        *,
        person: str | None = None,
        number: int | None = None,
        comments: Sequence[Comment] = (),
        corrected: bool = False,
    ) -> Verdict:
        author = person or self.person
        with self._held(job_id) as shelf:
            work = self._work(shelf, case_id, author)
            copies = self._work(shelf, case_id, self.person, author).submissions
            said = _rules.Said(
                verb,
                self.person,
                author,
                number,
                tuple(comments),
                corrected=corrected,
                copy=copies[-1] if copies else None,
            )
            said.check(work.standing, job=shelf.job, where=case_id)
            verdict = said.verdict(
                work.standing,
                work.submissions[-1],
                work.annotation,
                work.entries,
                job=shelf.job,
                where=case_id,
            )
            work.verdicts.append(verdict)
            return verdict

    def verdicts(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Verdict]:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person)
            return list(work.verdicts)

    def threads(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Thread]:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person)
            return work.threads(self.person)

    def discuss(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        comment: Comment | None = None,
        thread: str | None = None,
        resolved: bool | None = None,
    ) -> Thread:
        author = person or self.person
        with self._held(job_id) as shelf:
            work = self._work(shelf, case_id, author)
            entry = _rules.entry(
                work.entries,
                work.threads(self.person),
                person=self.person,
                author=author,
                comment=comment,
                thread=thread,
                resolved=resolved,
                standing=work.standing,
                job=shelf.job,
                where=case_id,
            )
            work.entries.append(entry)
            return next(t for t in work.threads(self.person) if t.id == entry.thread)

    def mark_read(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        threads: Collection[str] | None = None,
    ) -> None:
        with self._memory.lock:
            work = self._work(self._shelf(job_id), case_id, person or self.person)
            read = work.read.setdefault(self.person, {})
            for thread in work.threads(self.person):
                if threads is None or thread.id in threads:
                    read[thread.id] = len(thread.comments)

    def review_counts(self, job_id: str) -> ReviewCounts:
        with self._memory.lock:
            return _counted(self._reviews(self._shelf(job_id)))

    def review_progress(self, job_id: str) -> Sequence[PersonProgress]:
        with self._memory.lock:
            rows = self._reviews(self._shelf(job_id))
        people = {row.person for row in rows} | {row.reviewer for row in rows}
        return [
            PersonProgress(
                person=person,
                submitted=_counted(row for row in rows if row.person == person),
                given=_counted(row for row in rows if row.reviewer == person),
            )
            for person in sorted(people - {""})
        ]

    def find_reviews(
        self, job_id: str, asked: AskedReviews, offset: int, limit: int
    ) -> ReviewPage:
        with self._memory.lock:
            rows = [
                row
                for row in self._reviews(self._shelf(job_id))
                if asked.status in (None, row.status)
                and asked.revised in (None, row.revised)
                and asked.person in (None, row.person)
                and fold(asked.text) in fold(row.case.name)
                and (row.flags or not asked.flagged)
            ]
        rows = ordered(rows, asked.order, backwards=asked.backwards)
        return ReviewPage(rows=tuple(rows[offset : offset + limit]), total=len(rows))

    def review(self, job_id: str, case_id: str, *, person: str) -> ReviewRow:
        with self._held(job_id) as shelf:
            self._case(shelf, case_id)
            for row in self._reviews(shelf):
                if (row.case.id, row.person) == (case_id, person):
                    return row
        raise NotFoundError(
            f"{person} has not submitted it",
            where=case_id,
            remedy="It may have been taken back: look at the list again",
        )

    def next_review(
        self,
        job_id: str,
        after: tuple[str, str] | None = None,
        *,
        step: int = 1,
        statuses: Sequence[ReviewStatus] = (),
        wrap: bool = False,
    ) -> ReviewRow | None:
        _rules.check_step(step)
        with self._held(job_id) as shelf:
            options = shelf.job.project.options
            if not shelf.job.may_review(self.person):
                return None
            rows = [
                row
                for row in self._reviews(shelf)
                if row.status in (statuses or tuple(ReviewStatus))
                and (options.review_own or row.person != self.person)
            ][::step]
            if after is None:
                return rows[0] if rows else None
            self._case(shelf, after[0])
            here = shelf.ordinal(after[0]), after[1]
        keys = [(row.ordinal, row.person) for row in rows]
        beyond = [k > here if step > 0 else k < here for k in keys]
        order = [row for row, b in zip(rows, beyond, strict=True) if b]
        if wrap:
            order += rows
        found = order[0] if order else None
        return None if found and (found.ordinal, found.person) == here else found

    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        with self._held(job_id) as shelf:
            self._case(shelf, case_id)
            return sorted(
                person
                for case, person, of in shelf.work
                if case == case_id and of is None
            )

    def flag(
        self,
        job_id: str,
        case_id: str,
        reason: str | None,
        *,
        person: str | None = None,
    ) -> tuple[Flag, ...]:
        whose = person or self.person
        with self._held(job_id) as shelf:
            name = self._case(shelf, case_id).name
            found = new_flag(
                shelf.job, reason, by=self.person, person=whose, where=name
            )
            there = shelf.flags.setdefault(case_id, {})
            there.pop(whose, None)
            if found is not None:
                there[whose] = found
            return shelf.flags_for(case_id, self.person)

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
        with self._held(job_id) as shelf:
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

    def mend_case(self, job_id: str, case_id: str) -> None:
        self._case(self._shelf(job_id), case_id)

    def _damaged(self) -> Iterator[Fault]:
        for shelf in self._memory.shelves.values():
            for (case_id, *_), work in shelf.work.items():
                texts = [work.annotation, *(s.annotation for s in work.submissions)]
                for digest in sorted(set().union(*(a.blobs() for a in texts))):
                    data = shelf.blobs.get((case_id, digest), b"")
                    if hashlib.sha256(data).hexdigest() != digest:
                        yield Fault(where=case_id, what=f"mask {digest} is damaged")

    # ----------------------------------------------------------------- private
    def _shelf(self, job_id: str) -> MemoryShelf:
        try:
            return self._memory.shelves[job_id]
        except KeyError:
            raise NotFoundError(
                f"there is no job {job_id!r}", where=self.location
            ) from None

    @contextmanager
    def _held(self, job_id: str) -> Iterator[MemoryShelf]:
        """Hold all jobs while something is done with one."""
        with self._memory.lock:
            yield self._shelf(job_id)

    def _case(self, shelf: MemoryShelf, case_id: str) -> Case:
        try:
            return shelf.cases[case_id]
        except KeyError:
            raise NotFoundError(
                f"there is no case {case_id!r}", where=shelf.job.name
            ) from None

    def _work(
        self, shelf: MemoryShelf, case_id: str, person: str, of: str | None = None
    ) -> MemoryWork:
        """Return what a person did; a blank one is kept only once it is saved."""
        self._case(shelf, case_id)
        return shelf.work.get((case_id, person, of)) or MemoryWork(
            Annotation(case_id=case_id, person=person)
        )

    def _row(self, shelf: MemoryShelf, case: Case, ordinal: int) -> CaseRow:
        work = self._work(shelf, case.id, self.person)
        status, verdict = work.standing.status, work.standing.verdict
        returned = status is Status.RETURNED and verdict is not None
        return CaseRow(
            case=case,
            ordinal=ordinal,
            status=status,
            draft=work.has_draft,
            returned_comment=verdict.text if returned and verdict else "",
            warnings=shelf.warnings.get(case.id, ()),
            decided=_rules.count_decided(work.annotation),
            review=_selected(shelf.job, case.drawn_as(ordinal), work.standing.review),
            flags=shelf.flags_for(case.id, self.person),
            touched=work.touched,
        )

    def _rows(self, shelf: MemoryShelf) -> list[CaseRow]:
        return [
            self._row(shelf, case, ordinal)
            for ordinal, case in enumerate(shelf.cases.values())
        ]

    def _reviews(self, shelf: MemoryShelf) -> list[ReviewRow]:
        rows = []
        for (case_id, person, of), work in shelf.work.items():
            ordinal, standing = shelf.ordinal(case_id), work.standing
            drawn = shelf.cases[case_id].drawn_as(ordinal)
            status = _selected(shelf.job, drawn, standing.review)
            if of is not None or status is None:
                continue
            verdict = standing.verdict
            rows.append(
                ReviewRow(
                    case=shelf.cases[case_id],
                    ordinal=ordinal,
                    person=person,
                    number=standing.submissions,
                    time=work.submissions[-1].time,
                    status=status,
                    reviewer="" if verdict is None else verdict.person,
                    judged=None if verdict is None else verdict.time,
                    comment="" if verdict is None else verdict.text,
                    flags=shelf.flags_for(case_id, self.person),
                )
            )
        return sorted(rows, key=lambda row: (row.ordinal, row.person))


def _selected(job: Job, drawn: int, review: ReviewStatus | None) -> ReviewStatus | None:
    if review is ReviewStatus.WAITING and not is_selected(job, drawn):
        return ReviewStatus.NOT_SELECTED
    return review


def _counted(rows: Iterable[ReviewRow]) -> ReviewCounts:
    counts = Counter[str]()
    for row in rows:
        counts[row.status.value.replace(" ", "_")] += 1
        counts["revised"] += row.revised
        counts["flagged"] += bool(row.flags)
    return ReviewCounts(**counts)
