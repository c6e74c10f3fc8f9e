"""Counts and case tables of a job folder, answered from its index."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from platformdirs import user_cache_path

from napari_annotate_jobs.errors import (
    CorruptError,
    NotFoundError,
    StoreAccessError,
    StoreError,
)
from napari_annotate_jobs.files import list_folder, signature
from napari_annotate_jobs.model import (
    Case,
    CaseRow,
    Counts,
    Flag,
    Job,
    ReviewRow,
    ReviewStatus,
    Status,
    is_selected,
)
from napari_annotate_jobs.stores._contract import PersonProgress
from napari_annotate_jobs.stores._names import case_folder

from ._documents import Envelope, load_json, parsed, read_document, unwrap
from ._events import CaseNote, EventLog, FlagEvent
from ._flag_files import FlagFiles
from ._index import Index, IndexRow, open_index
from ._index_file import MustWrite, is_damage, is_out_of_reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import ReviewCounts
    from napari_annotate_jobs.stores._case_query import Asked, AskedReviews
    from napari_annotate_jobs.stores._progress import Progress

    from ._index import ReviewedRow

__all__ = ["Catalogue", "read_job", "read_note"]

_ATTEMPTS = 4
"""At an index that fails, before no file is kept any more."""

_T = TypeVar("_T")


def read_job(path: Path) -> tuple[Job, list[dict[str, Any]], Envelope]:
    """Read ``job.json``: the job, and its cases as they stand there.

    Raises
    ------
    NotFoundError
        If there is no such document.
    CorruptError, DocumentVersionError
        If it cannot be understood.
    """
    found = read_document(path, "job")
    if found is None:
        raise NotFoundError(
            "there is no job here",
            where=path.parent,
            remedy="Make one with: napari-annotate-jobs new",
        )
    body, envelope = unwrap(found, "job", ("job", "cases"), where=path)
    job = parsed(Job, body["job"], where=path)
    cases = body["cases"]
    if not isinstance(cases, list):
        raise CorruptError(
            "its cases are not a list",
            where=path,
            remedy="Restore the file from a backup",
        )
    return job, cases, envelope


def read_note(path: Path) -> CaseNote | None:
    """Read what opening a case's images told, None if there is no such document.

    Raises
    ------
    CorruptError, DocumentVersionError
        If it cannot be understood.
    """
    found = read_document(path, "case")
    if found is None:
        return None
    known = tuple(CaseNote.model_fields)
    return parsed(CaseNote, unwrap(found, "case", known, where=path)[0], where=path)


class Catalogue:
    """Answers for one person, from an index that it keeps up to date.

    Parameters
    ----------
    folder : Path
        The job folder.
    person : str
        Whose counts and rows.
    events : EventLog
        Tells what other programs did.
    measure : callable
        Takes a case's id, a person, and whether to count the decided slices; returns
        the progress from the documents, and whether they were counted.
    submitted : callable
        Takes a case's id; gives who submitted it, and where that stands.
    """

    def __init__(
        self,
        folder: Path,
        person: str,
        events: EventLog,
        measure: Callable[[str, str, bool], tuple[Progress, bool]],
        submitted: Callable[[str], Iterable[tuple[str, Progress]]],
    ) -> None:
        self._folder = folder
        self._document = folder / "job.json"
        self._person = person
        self._events = events
        self._flags = FlagFiles(folder)
        self._measure = measure
        self._submitted = submitted
        self._guard = threading.RLock()
        self._index: Index | None = None
        self._in_memory = False
        # What the index was last brought up to: stamp, log, my number, its name.
        self._seen: tuple[object, object, int, str] | None = None
        self._job: Job | None = None
        # Marked while work is being written: never held while waiting for anything.
        self._marks = threading.Lock()
        self._stale: set[tuple[str, str]] = set()

    # --------------------------------------------------------------- questions
    def job(self) -> Job:
        """Return the job."""
        with self._guard:
            seen = self._seen
            if self._job is not None and seen is not None and seen[0] == self._stamp():
                return self._job

        return self._ask(lambda index, _: self._known_job(index))

    def _known_job(self, index: Index) -> Job:
        if self._job is None:
            self._job = parsed(Job, index.get("job"), where=self._document)
        return self._job

    def counts(self) -> Counts:
        """Return how many cases have which status."""
        return self._ask(lambda index, me: index.counts(me, self._whose(index)))

    def _whose(self, index: Index) -> str | None:
        """Return whose flags this person may see; None for everybody's."""
        job = self._known_job(index)
        return None if job.may_review(self._person) else self._person

    def place(self, case_id: str) -> int:
        """Return a case's place in the job."""
        return self._ask(lambda index, _: self._place(index, case_id))

    def case_ids(self) -> dict[str, int]:
        """Return the place of every case."""
        return self._ask(lambda index, _: index.places())

    def row(self, case_id: str) -> CaseRow:
        """Return a case, with what is known of it."""
        return self._ask(
            lambda index, me: self._rows(index, me, [self._place(index, case_id)])[0]
        )

    def page(self, asked: Asked, offset: int, limit: int) -> tuple[list[CaseRow], int]:
        """Return a page of the cases, and how many there are in all."""

        def answer(index: Index, me: int) -> tuple[list[CaseRow], int]:
            mine = asked._replace(whose=self._whose(index))
            places, total = index.page(me, mine, offset, limit)
            return self._rows(index, me, places), total

        return self._ask(answer)

    def neighbour(
        self, case_id: str | None, step: int, statuses: Sequence[Status], wrap: bool
    ) -> CaseRow | None:
        """Return the next case in a direction, None if there is none."""

        def answer(index: Index, me: int) -> CaseRow | None:
            outside = -1 if step > 0 else index.n_cases()
            at = outside if case_id is None else self._place(index, case_id)
            wanted = tuple(statuses) or tuple(Status)
            found = index.nearest(me, at, step, wanted)
            if found is None and wrap:
                found = index.nearest(me, outside, step, wanted)
            if found is None or found == at:
                return None
            return self._rows(index, me, [found])[0]

        return self._ask(answer)

    # --------------------------------------------------------------- reviewing
    def review_counts(self) -> ReviewCounts:
        """Return how many submitted cases have which review status."""
        return self._ask_reviews(lambda index: index.review_counts(self._whose(index)))

    def review_progress(self) -> list[PersonProgress]:
        """Return what each person submitted and judged."""
        found = self._ask_reviews(lambda index: index.review_progress())
        return [
            PersonProgress(person=person, submitted=submitted, given=given)
            for person, (submitted, given) in found.items()
        ]

    def reviews(
        self, asked: AskedReviews, offset: int, limit: int
    ) -> tuple[list[ReviewRow], int]:
        """Return a page of the submitted cases, and how many there are in all."""

        def answer(index: Index) -> tuple[list[ReviewRow], int]:
            mine = asked._replace(whose=self._whose(index))
            rows, total = index.reviews(mine, offset, limit)
            return [self._review_row(index, row) for row in rows], total

        return self._ask_reviews(answer)

    def review(self, case_id: str, person: str) -> ReviewRow:
        """Return what a person submitted of a case."""

        def answer(index: Index) -> ReviewRow:
            found = index.review(self._place(index, case_id), person)
            if not found:
                raise NotFoundError(
                    f"{person} has not submitted it",
                    where=case_id,
                    remedy="It may have been taken back: look at the list again",
                )
            return self._review_row(index, found[0])

        return self._ask_reviews(answer)

    def next_review(
        self,
        after: tuple[str, str] | None,
        step: int,
        statuses: Sequence[ReviewStatus],
        wrap: bool,
        leave_out: str,
    ) -> ReviewRow | None:
        """Return the next submitted case in a direction, None if there is none."""

        def answer(index: Index) -> ReviewRow | None:
            here = None if after is None else (self._place(index, after[0]), after[1])
            wanted = tuple(statuses) or tuple(ReviewStatus)
            found = index.nearest_review(here, step, wanted, leave_out)
            if found is None and wrap and here is not None:
                found = index.nearest_review(None, step, wanted, leave_out)
            if found is None or found == here:
                return None
            return self._review_row(index, index.review(*found)[0])

        return self._ask_reviews(answer)

    def _ask_reviews(self, question: Callable[[Index], _T]) -> _T:
        def answer(index: Index, _: int) -> _T:
            if not index.get("reviews"):
                self._read_reviews(index)
            return question(index)

        return self._ask(answer)

    def _read_reviews(self, index: Index) -> None:
        """Look once at what everybody submitted; later it is heard of."""
        with index.writing():
            begun = set(list_folder(self._folder / "annotations"))
            for case_id, place in index.places().items():
                if case_folder(case_id) in begun:
                    for person, progress in self._submitted(case_id):
                        self._set_review(index, place, person, progress)
            index.put("reviews", True)

    def _set_review(
        self, index: Index, place: int, person: str, progress: Progress
    ) -> None:
        # What the log tells may make no sense: without a submission there is no review.
        review = progress.review if progress.number else None
        review = self._selected(index, place, review)
        index.set_review(place, person, progress, review)

    def _selected(
        self, index: Index, place: int, review: ReviewStatus | None
    ) -> ReviewStatus | None:
        if review is not ReviewStatus.WAITING:
            return review
        job = self._known_job(index)
        if job.project.options.review_sample == 100:
            return review
        doc = index.document(place)
        drawn = place if doc is None else _case(doc, None).drawn_as(place)
        return review if is_selected(job, drawn) else ReviewStatus.NOT_SELECTED

    def _review_row(self, index: Index, row: ReviewedRow) -> ReviewRow:
        case = _case(row.doc, row.n_slices)
        progress, status = row.progress, row.progress.review
        if progress.submitted is None:
            with index.writing():
                found, _ = self._measure(case.id, row.person, True)
                if found.submitted is not None:
                    self._set_review(index, row.place, row.person, found)
                    progress = found
        assert status is not None
        return ReviewRow(
            case=case,
            ordinal=row.place,
            person=row.person,
            number=progress.number,
            time=progress.submitted,
            status=status,
            reviewer=progress.reviewer,
            judged=progress.judged,
            comment=progress.comment,
            flags=index.flags([row.place], self._whose(index)).get(row.place, ()),
        )

    # ----------------------------------------------------------------- changes
    def mark(self, case_id: str, person: str) -> None:
        """Have the next question look first at a person's documents of a case."""
        with self._marks:
            self._stale.add((case_id, person))

    def note(self, place: int, n_slices: int | None, warnings: Sequence[str]) -> None:
        """Set what opening a case's images told."""
        self._ask(lambda index, _: index.set_note(place, n_slices, warnings))

    def flag(self, case_id: str, person: str) -> tuple[Flag, ...]:
        """Take up what a person flagged; return the flags this person may see."""

        def answer(index: Index, _: int) -> tuple[Flag, ...]:
            place = self._place(index, case_id)
            with index.writing():
                self._read_flag(index, place, case_id, person)
            return index.flags([place], self._whose(index)).get(place, ())

        return self._ask(answer)

    def _read_flag(self, index: Index, place: int, case_id: str, person: str) -> None:
        mine = (f for f in self._flags.of_case(case_id) if f.person == person)
        index.set_flag(place, person, next(mine, None))

    def rebuild(self) -> None:
        """Make the index anew, in one go for whoever else looks at it."""
        with suppress(StoreError):
            self._ask(lambda index, me: None, anew=True)

    def close(self) -> None:
        """Bring the index up to date, if it is in use, and close it."""
        with self._guard:
            if self._index is not None:
                with suppress(StoreError, OSError, sqlite3.DatabaseError):
                    with self._index.writing():
                        self._sync(self._index)
                self._index.close()
            self._index, self._seen = None, None

    # --------------------------------------------------------------- the index
    def _ask(self, question: Callable[[Index, int], _T], *, anew: bool = False) -> _T:
        """Ask the index, once it knows what the documents say."""
        with self._guard:
            for attempt in range(_ATTEMPTS):
                try:
                    if self._index is None:
                        self._index = self._open()
                    return self._answer(self._index, question, anew)
                except sqlite3.DatabaseError as error:
                    # In the end without a file.
                    self._repair(error, in_memory=attempt >= _ATTEMPTS - 2)
                    last = error
            raise StoreAccessError(
                f"the index cannot be kept ({last})",
                where=self._folder,
                remedy="Free some space in your cache folder",
            )

    def _answer(
        self, index: Index, question: Callable[[Index, int], _T], anew: bool
    ) -> _T:
        """Ask in the same transaction in which the index is found up to date.

        Another program may make the index anew at any moment.
        """
        with suppress(MustWrite), index.reading():
            me = None if anew else self._known(index)
            if me is not None:
                return question(index, me)
        with self._marks:
            stale = set(self._stale)
        fault = None
        try:
            with index.writing():
                if anew:
                    index.forget()
                me = self._sync(index)
                try:
                    return question(index, me)
                except StoreError as error:
                    fault = error  # no reason to undo what the index heard
        except BaseException:
            # What was written is undone, and with it what was heard.
            self._seen = None
            with self._marks:
                self._stale |= stale
            raise
        raise fault

    def _open(self) -> Index:
        if self._in_memory:
            return Index(None)
        name = hashlib.sha256(os.fsencode(self._folder.resolve())).hexdigest()[:32]
        path = user_cache_path("napari-annotate-jobs", appauthor=False) / "index"
        try:
            path.mkdir(parents=True, exist_ok=True)
            return open_index(path, name)
        except (OSError, sqlite3.DatabaseError):
            self._in_memory = True
            return Index(None)

    def _repair(self, error: sqlite3.DatabaseError, *, in_memory: bool) -> None:
        """Have the next attempt find an index that works.

        What is wrong is put right inside the file: others may have it open.
        """
        index, self._index = self._index, None
        self._seen, self._job = None, None
        self._in_memory = self._in_memory or in_memory or is_out_of_reach(error)
        if index is None:
            return
        if is_damage(error):
            index.abandon()
        elif not self._in_memory:
            with suppress(sqlite3.DatabaseError):
                index.create_again()
                self._index = index
                return
        index.close()

    def _known(self, index: Index) -> int | None:
        """Return this person's number if the index is up to date, None if not."""
        if self._seen is None:
            return None
        with self._marks:
            if self._stale:
                return None
        stamp, told, me, name = self._seen
        now = self._stamp(), signature(self._events.path), index.name()
        return me if (stamp, told, name) == now else None

    def _sync(self, index: Index) -> int:
        """Bring the index up to date; return this person's number in it."""
        stamp = self._stamp()
        told = signature(self._events.path)
        with self._marks:
            stale, self._stale = self._stale, set()
        if self._seen is None or self._seen[0] != stamp:
            self._job = None
        if index.get("stamp") != list(stamp):
            self._read_cases(index, stamp)
        self._read_events(index)
        me = index.person(self._person)
        if me is None:
            me = self._read_work(index)
        self._read_again(index, stale)
        self._seen = stamp, told, me, index.name()
        return me

    def _stamp(self) -> tuple[int, int, int]:
        stamp = signature(self._document)
        if stamp is None:
            raise NotFoundError(
                "there is no job here",
                where=self._folder,
                remedy="Check that the folder is still there and the share is "
                "connected, or make a job with: napari-annotate-jobs new",
            )
        return stamp

    def _read_cases(self, index: Index, stamp: tuple[int, int, int]) -> None:
        job, cases, _ = read_job(self._document)
        rows = []
        for number, found in enumerate(cases):
            case = parsed(Case, found, where=f"{self._document}, case {number + 1}")
            rows.append((case.id, case.name, json.dumps(found), case.n_slices))
        ids = {row[0] for row in rows}
        if len(ids) < len(rows):
            raise CorruptError(
                f"{len(rows) - len(ids)} of its cases have the id of another",
                where=self._document,
                remedy="Give each case its own id",
            )
        index.fill(rows)
        index.put("job", job.model_dump(mode="json"))
        index.put("stamp", stamp)
        self._read_notes(index)
        self._read_flags(index)

    def _read_events(self, index: Index) -> None:
        log, offset = index.get("log"), index.get("offset")
        more = True
        while more:
            try:
                tail = self._events.tail(log or "", offset or 0)
            except StoreError:
                # Nothing is heard of the others, but the documents are still there.
                return
            if not tail.whole and log is not None:
                # What the lost log told is in the documents.
                index.forget_people()
                self._read_notes(index)
                self._read_flags(index)
            log, offset, more = tail.log, tail.offset, tail.more
            index.put("log", log)
            index.put("offset", offset)
            for event in tail.events:
                place = index.place(event.case)
                if place is None:
                    continue
                if isinstance(event, CaseNote):
                    index.set_note(place, event.n_slices, event.warnings)
                    continue
                if isinstance(event, FlagEvent):
                    self._read_flag(index, place, event.case, event.flagged)
                    continue
                progress, known = event.progress, True
                number = index.person(event.person)
                if event.number is None and progress.status is not Status.REMAINING:
                    # Told by an earlier version, which knows of no reviews.
                    progress, known = self._measure(event.case, event.person, False)
                if number is not None:
                    index.set_progress(number, place, progress, known=known)
                if index.get("reviews"):
                    self._set_review(index, place, event.person, progress)

    def _read_notes(self, index: Index) -> None:
        # Notes are derived: those that cannot be read are made again.
        places = {case_folder(case_id): p for case_id, p in index.places().items()}
        names: list[str] = []
        with suppress(StoreError):
            names = list_folder(self._folder / "cases")
        for name in names:
            place = places.get(name.removesuffix(".json"))
            if place is not None and name.endswith(".json"):
                with suppress(StoreError):
                    note = read_note(self._folder / "cases" / name)
                    if note is not None:
                        index.set_note(place, note.n_slices, note.warnings)

    def _read_flags(self, index: Index) -> None:
        index.forget_flags()
        for case_id, flag in self._flags.everything():
            place = index.place(case_id)
            if place is not None:
                index.set_flag(place, flag.person, flag)

    def _read_work(self, index: Index) -> int:
        index.add_person(self._person)
        me = index.person(self._person)
        assert me is not None
        begun = set(list_folder(self._folder / "annotations"))
        for case_id, place in index.places().items():
            if case_folder(case_id) in begun:
                progress, known = self._measure(case_id, self._person, False)
                index.set_progress(me, place, progress, known=known)
        return me

    def _read_again(self, index: Index, stale: set[tuple[str, str]]) -> None:
        for case_id, person in stale:
            place, number = index.place(case_id), index.person(person)
            if place is None:
                continue
            progress, _ = self._measure(case_id, person, True)
            if number is not None:
                index.set_progress(number, place, progress)
            if index.get("reviews"):
                self._set_review(index, place, person, progress)

    # -------------------------------------------------------------------- rows
    def _place(self, index: Index, case_id: str) -> int:
        place = index.place(case_id)
        if place is None:
            raise NotFoundError(f"there is no case {case_id!r}", where=self._folder)
        return place

    def _rows(self, index: Index, me: int, places: Sequence[int]) -> list[CaseRow]:
        flags = index.flags(places, self._whose(index))
        return [
            self._row(index, me, row, flags.get(row[0], ()))
            for row in index.rows(me, places)
        ]

    def _row(
        self, index: Index, me: int, row: IndexRow, flags: tuple[Flag, ...]
    ) -> CaseRow:
        place, doc, n_slices, warnings, progress, known = row
        case = _case(doc, n_slices)
        if not known:
            with index.writing():
                progress, _ = self._measure(case.id, self._person, True)
                index.set_progress(me, place, progress)
        returned = progress.status is Status.RETURNED
        return CaseRow(
            case=case,
            ordinal=place,
            status=progress.status,
            draft=progress.draft,
            returned_comment=progress.comment if returned else "",
            warnings=warnings,
            decided=progress.decided,
            review=self._selected(index, place, progress.review),
            flags=flags,
            touched=progress.touched,
        )


def _case(doc: str, n_slices: int | None) -> Case:
    case = Case.model_validate(load_json(doc.encode()))
    if n_slices is not None:
        case = case.model_copy(update={"n_slices": n_slices})
    return case
