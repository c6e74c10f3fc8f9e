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
from napari_annotate_jobs.model import Case, CaseRow, Counts, Job, Status

from ._documents import Envelope, parsed, read_document, unwrap
from ._events import EventLog, progress_of
from ._files import list_folder, signature
from ._index import Index, IndexRow
from ._names import case_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ._work import Progress

__all__ = ["Catalogue", "read_job"]

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
        Takes a case's id and whether to count its decided slices; returns the
        progress from the documents, and whether they were counted.
    """

    def __init__(
        self,
        folder: Path,
        person: str,
        events: EventLog,
        measure: Callable[[str, bool], tuple[Progress, bool]],
    ) -> None:
        self._folder = folder
        self._document = folder / "job.json"
        self._person = person
        self._events = events
        self._measure = measure
        self._guard = threading.RLock()
        self._index: Index | None = None
        self._in_memory = False
        self._seen: tuple[object, object, int] | None = None
        self._job: Job | None = None
        # Marked while work is being written: never held while waiting for anything.
        self._marks = threading.Lock()
        self._stale: set[str] = set()

    # --------------------------------------------------------------- questions
    def job(self) -> Job:
        """Return the job."""
        with self._guard:
            seen = self._seen
            if self._job is not None and seen is not None and seen[0] == self._stamp():
                return self._job

        def answer(index: Index, _: int) -> Job:
            self._job = parsed(Job, index.get("job"), where=self._document)
            return self._job

        return self._ask(answer)

    def counts(self) -> Counts:
        """Return how many cases have which status."""
        return self._ask(lambda index, me: index.counts(me))

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

    def page(
        self, status: Status | None, text: str, offset: int, limit: int
    ) -> tuple[list[CaseRow], int]:
        """Return a page of the cases, and how many there are in all."""

        def answer(index: Index, me: int) -> tuple[list[CaseRow], int]:
            places, total = index.page(me, status, text, offset, limit)
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

    # ----------------------------------------------------------------- changes
    def mark(self, case_id: str) -> None:
        """Have the next question look at the documents of a case first."""
        with self._marks:
            self._stale.add(case_id)

    def note(self, place: int, n_slices: int | None, warnings: Sequence[str]) -> None:
        """Set what opening a case's images told."""
        self._ask(lambda index, _: index.set_note(place, n_slices, warnings))

    def rebuild(self) -> None:
        """Throw the index away; the next question makes it again."""
        with self._guard:
            if self._index is None:
                with suppress(sqlite3.DatabaseError):
                    self._index = self._open()
            self._drop()

    def close(self) -> None:
        """Bring the index up to date, if it is in use, and close it."""
        with self._guard:
            if self._index is not None:
                with suppress(StoreError, OSError, sqlite3.DatabaseError):
                    self._sync(self._index)
                self._index.close()
            self._index, self._seen = None, None

    # --------------------------------------------------------------- the index
    def _ask(self, question: Callable[[Index, int], _T]) -> _T:
        """Ask the index, once it knows what the documents say."""
        with self._guard:
            for attempt in range(3):
                try:
                    if self._index is None:
                        self._index = self._open()
                    return question(self._index, self._sync(self._index))
                except sqlite3.DatabaseError as error:
                    self._drop()
                    # Once more with a new file, then without one.
                    self._in_memory = attempt > 0
                    last = error
            raise StoreAccessError(
                f"the index cannot be kept ({last})",
                where=self._folder,
                remedy="Free some space in your cache folder",
            )

    def _open(self) -> Index:
        if self._in_memory:
            return Index(None)
        name = hashlib.sha256(os.fsencode(self._folder.resolve())).hexdigest()[:32]
        path = user_cache_path("napari-annotate-jobs", appauthor=False) / "index"
        try:
            path.mkdir(parents=True, exist_ok=True)
            return Index(path / f"{name}.sqlite")
        except (OSError, sqlite3.OperationalError):
            self._in_memory = True
            return Index(None)
        except sqlite3.DatabaseError:
            for ending in (".sqlite", ".sqlite-wal", ".sqlite-shm"):
                (path / f"{name}{ending}").unlink(missing_ok=True)
            return Index(path / f"{name}.sqlite")

    def _drop(self) -> None:
        if self._index is not None:
            self._index.remove()
        self._index, self._seen, self._job = None, None, None

    def _sync(self, index: Index) -> int:
        """Bring the index up to date; return this person's number in it."""
        stamp = self._stamp()
        told = signature(self._events.path)
        with self._marks:
            stale, self._stale = self._stale, set()
        if self._seen is not None and self._seen[:2] == (stamp, told) and not stale:
            return self._seen[2]
        try:
            with index.writing():
                if self._seen is None or self._seen[0] != stamp:
                    self._job = None
                    if index.get("stamp") != list(stamp):
                        self._read_cases(index, stamp)
                self._read_events(index)
                me = index.person(self._person)
                if me is None:
                    me = self._read_work(index)
                else:
                    self._read_again(index, me, stale)
        except BaseException:
            with self._marks:
                self._stale |= stale
            raise
        self._seen = stamp, told, me
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
            rows.append((case.id, case.name, json.dumps(found, ensure_ascii=False)))
        ids = {case_id for case_id, _, _ in rows}
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

    def _read_events(self, index: Index) -> None:
        log, offset = index.get("log"), index.get("offset")
        try:
            tail = self._events.tail(log or "", offset or 0)
        except StoreAccessError:
            # Nothing is heard of the others, but the documents are still there.
            return
        if not tail.whole and log is not None:
            # What the lost log told is in the documents.
            index.forget_people()
            self._read_notes(index)
        index.put("log", tail.log)
        index.put("offset", tail.offset)
        for event in tail.events:
            place = index.place(str(event["case"]))
            if place is None:
                continue
            if "n_slices" in event:
                with suppress(TypeError, ValueError):
                    index.set_note(place, event["n_slices"], event["warnings"])
                continue
            progress = progress_of(event)
            number = index.person(str(event.get("person")))
            if progress is not None and number is not None:
                index.set_progress(number, place, progress)

    def _read_notes(self, index: Index) -> None:
        places = {case_folder(case_id): p for case_id, p in index.places().items()}
        for name in list_folder(self._folder / "cases"):
            place = places.get(name.removesuffix(".json"))
            if place is not None and name.endswith(".json"):
                with suppress(StoreError, KeyError, TypeError, ValueError):
                    note = read_document(self._folder / "cases" / name, "case")
                    if note is not None:
                        index.set_note(place, note["n_slices"], note["warnings"])

    def _read_work(self, index: Index) -> int:
        index.add_person(self._person)
        me = index.person(self._person)
        assert me is not None
        begun = set(list_folder(self._folder / "annotations"))
        for case_id, place in index.places().items():
            if case_folder(case_id) in begun:
                progress, known = self._measure(case_id, False)
                index.set_progress(me, place, progress, known=known)
        return me

    def _read_again(self, index: Index, me: int, case_ids: set[str]) -> None:
        for case_id in case_ids:
            place = index.place(case_id)
            if place is not None:
                index.set_progress(me, place, self._measure(case_id, True)[0])

    # -------------------------------------------------------------------- rows
    def _place(self, index: Index, case_id: str) -> int:
        place = index.place(case_id)
        if place is None:
            raise NotFoundError(f"there is no case {case_id!r}", where=self._folder)
        return place

    def _rows(self, index: Index, me: int, places: Sequence[int]) -> list[CaseRow]:
        return [self._row(index, me, row) for row in index.rows(me, places)]

    def _row(self, index: Index, me: int, row: IndexRow) -> CaseRow:
        place, doc, n_slices, warnings, progress, known = row
        case = Case.model_validate_json(doc)
        if n_slices is not None:
            case = case.model_copy(update={"n_slices": n_slices})
        if not known:
            progress, _ = self._measure(case.id, True)
            index.set_progress(me, place, progress)
        return CaseRow(
            case=case,
            ordinal=place,
            status=progress.status,
            draft=progress.draft,
            returned_comment=progress.comment,
            warnings=warnings,
            decided=progress.decided,
        )
