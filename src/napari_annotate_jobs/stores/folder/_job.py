"""One job folder: its document, its cases, and everybody's work on them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import PositiveInt, TypeAdapter, ValidationError

from napari_annotate_jobs.errors import (
    CorruptError,
    NotFoundError,
    StoreError,
)
from napari_annotate_jobs.files import (
    confine,
    list_folder,
    make_folders,
    remove_leftovers,
    signature,
)
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._names import case_folder, person_folder
from napari_annotate_jobs.stores._progress import Progress

from ._case_work import WorkFolder
from ._catalogue import Catalogue
from ._documents import Envelope, read_document, write_document
from ._events import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import Case, Job

__all__ = ["JobFolder"]

_SIZE = TypeAdapter(tuple[PositiveInt, PositiveInt] | None)

_OPEN_WORK = 32
"""How many people's work on how many cases is kept parsed."""


class JobFolder:
    """A job folder, as one person uses it.

    Parameters
    ----------
    path : Path
        The folder.
    person : str
        The person.
    timeout : float
        Seconds to wait for a lock file.
    """

    def __init__(self, path: Path, person: str, timeout: float) -> None:
        confine(path)
        self.path = path
        self.person = person
        self._timeout = timeout
        self._events = EventLog(path / "events.jsonl", timeout)
        self.catalogue = Catalogue(path, person, self._events, self.measure)
        # Never held while anything else is waited for.
        self._guard = threading.Lock()
        self._work: OrderedDict[tuple[str, str], WorkFolder] = OrderedDict()
        self._touched: set[str] = set()
        self._sizes: dict[str, tuple[object, tuple[int, int] | None]] = {}
        self._told: dict[tuple[str, str], Progress] = {}

    def job(self) -> Job:
        """Return the job."""
        return self.catalogue.job()

    def size_of(self, case_id: str) -> tuple[int, int] | None:
        """Return rows and columns of a case's slices, None if nobody told them yet."""
        told = self.catalogue.row(case_id).case.size
        if told is not None:
            return told
        path = self._note_path(case_id)
        stamp = signature(path)
        with self._guard:
            known = self._sizes.get(case_id)
        if known is None or known[0] != stamp:
            size = None
            with suppress(StoreError, ValidationError):
                noted = (read_document(path, "case") or {}).get("size")
                size = _SIZE.validate_python(noted)
            known = stamp, size
            with self._guard:
                self._sizes[case_id] = known
        return known[1]

    def _note_path(self, case_id: str) -> Path:
        return self.path / "cases" / f"{case_folder(case_id)}.json"

    def note(
        self,
        case_id: str,
        n_slices: int | None,
        warnings: Sequence[str],
        size: tuple[int, int] | None = None,
    ) -> Case:
        """Keep what opening a case's images told, on disk where that is possible."""
        row = self.catalogue.row(case_id)
        case = _rules.noted(row.case, n_slices)
        known = self.size_of(case_id)
        size = known if size is None else size
        told = row.case.n_slices, row.warnings, known
        if told != (n_slices, tuple(warnings), size):
            with suppress(StoreError):
                folder = self.path / "cases"
                make_folders(folder, root=self.path)
                body: dict[str, Any] = {
                    "case": case_id,
                    "n_slices": n_slices,
                    "warnings": list(warnings),
                }
                if size is not None:
                    body["size"] = list(size)
                write_document(self._note_path(case_id), Envelope("case"), body)
                self._events.tell_note(case_id, n_slices, warnings)
            self.catalogue.note(row.ordinal, n_slices, warnings)
        return case

    # ------------------------------------------------------------------- work
    def work(self, case_id: str, person: str | None = None) -> WorkFolder:
        """Return a person's work on a case."""
        key = case_id, person or self.person
        with self._guard:
            known = key in self._work
        if not known:
            self.catalogue.place(case_id)
        return self.work_of(*key)

    def work_of(self, case_id: str, person: str) -> WorkFolder:
        """Return a person's work on a case that is known to exist."""
        with self._guard:
            work = self._work.get((case_id, person))
            if work is None:
                work = WorkFolder(
                    self.case_path(case_id) / person_folder(person),
                    root=self.path,
                    case_id=case_id,
                    person=person,
                    timeout=self._timeout,
                    find_mask=lambda digest: self._mask_of_others(case_id, digest),
                )
                self._work[case_id, person] = work
                while len(self._work) > _OPEN_WORK:
                    self._work.popitem(last=False)
            self._work.move_to_end((case_id, person))
            return work

    def case_path(self, case_id: str) -> Path:
        """Return the folder of everybody's work on a case."""
        return self.path / "annotations" / case_folder(case_id)

    def people(self, case_id: str) -> list[str]:
        """Return who saved something of a case."""
        self.catalogue.place(case_id)
        return sorted(
            person
            for person in self.names(case_id)
            if self.work_of(case_id, person).annotation().revision
        )

    def names(self, case_id: str) -> Iterator[str]:
        """Return who has a folder for a case."""
        folder = self.case_path(case_id)
        for entry in list_folder(folder):
            path = folder / entry / "annotation.json"
            found = read_document(path, "annotation")
            if found is not None:
                annotation = found.get("annotation")
                person = None
                if isinstance(annotation, dict):
                    person = annotation.get("person")
                if not isinstance(person, str):
                    raise CorruptError(
                        "the annotation names no person",
                        where=path,
                        remedy="Restore it from a backup",
                    )
                yield person

    def read_mask(self, case_id: str, digest: str) -> bytes:
        """Return a mask's bytes, from whoever painted it."""
        damaged: CorruptError | None = None
        self.catalogue.place(case_id)
        for person in (self.person, *self.names(case_id)):
            try:
                data = self.work_of(case_id, person).read_mask(digest)
            except CorruptError as error:
                damaged = error
            else:
                if data is not None:
                    return data
        if damaged is not None:
            raise damaged
        raise NotFoundError(
            f"there is no mask {digest[:16]}", where=self.case_path(case_id)
        )

    def _mask_of_others(self, case_id: str, digest: str) -> bytes | None:
        for person in self.names(case_id):
            with suppress(CorruptError):
                data = self.work_of(case_id, person).read_mask(digest)
                if data is not None:
                    return data
        return None

    def changed(
        self, work: WorkFolder, *, always: bool = False, sync: bool = False
    ) -> None:
        """Note that a person's work changed, and tell others what they must know.

        Parameters
        ----------
        work : WorkFolder
            What was written to.
        always : bool
            False to tell it only at the first save of a draft.
        sync : bool
            True to tell it durably.
        """
        case_id = work.case_id
        if work.person == self.person:
            self.catalogue.mark(case_id)
            with self._guard:
                self._touched.add(case_id)
                told = self._told.get((case_id, self.person))
                if told is not None and told.draft and not always:
                    return
        # A log that cannot be written must not undo what is already on disk.
        with suppress(StoreError, OSError):
            progress = work.progress()
            with self._guard:
                if self._told.get((case_id, work.person)) == progress:
                    return
            self._events.tell_progress(case_id, work.person, progress, sync=sync)
            with self._guard:
                self._told[case_id, work.person] = progress

    def measure(self, case_id: str, full: bool) -> tuple[Progress, bool]:
        """Return where this person stands with a case, from the documents.

        Parameters
        ----------
        case_id : str
            The case.
        full : bool
            False to leave the decided slices of finished cases uncounted.

        Returns
        -------
        (Progress, bool)
            The progress, and whether the decided slices were counted.
        """
        work = self.work_of(case_id, self.person)
        try:
            if not full and work.standing()[0] is Status.FINISHED:
                return Progress(Status.FINISHED), False
            return work.progress(), True
        except StoreError:
            # Opening the case tells what is wrong with it, the table need not.
            return Progress(draft=True), True

    def close(self) -> None:
        """Tidy the work that was touched, and close the index."""
        with self._guard:
            touched, self._touched = self._touched, set()
        for case_id in sorted(touched):
            # Everything is on disk: what fails here only fails to tidy up.
            with suppress(StoreError, OSError):
                work = self.work_of(case_id, self.person)
                work.compact()
                self.changed(work, always=True)
        with self._guard:
            self._touched.clear()
            self._work.clear()
        if touched:
            for folder in (self.path, self.path / "cases", self.path / "headers"):
                remove_leftovers(folder)
        self.catalogue.close()
