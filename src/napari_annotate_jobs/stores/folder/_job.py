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
    accessing,
    confine,
    is_there,
    list_folder,
    make_folders,
    read_if_there,
    remove_leftovers,
    signature,
    write_durably,
)
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._flags import new_flag
from napari_annotate_jobs.stores._moved_work import RecordName
from napari_annotate_jobs.stores._names import (
    case_folder,
    check_file_name,
    person_folder,
    plain_person,
)
from napari_annotate_jobs.stores._progress import Progress

from ._case_work import WorkFolder
from ._catalogue import Catalogue
from ._documents import Envelope, read_document, write_document
from ._events import EventLog
from ._flag_files import FlagFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import Case, Flag, Job

__all__ = ["CORRECTIONS", "JobFolder"]

CORRECTIONS = "corrections"
"""Folder of the copies in which reviewers correct what one person submitted."""

_MOST_TEXT = 1 << 20
"""Bytes of a text that a person may have written."""
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
        self.flags = FlagFiles(path)
        self.catalogue = Catalogue(
            path, person, self._events, self.measure, self.submitted
        )
        # Never held while anything else is waited for.
        self._guard = threading.Lock()
        self._work: OrderedDict[tuple[str, str, str | None], WorkFolder]
        self._work = OrderedDict()
        self._touched: set[str] = set()
        self._sizes: dict[str, tuple[object, tuple[int, int] | None]] = {}
        self._told: dict[tuple[str, str], Progress] = {}
        self._read_last: tuple[str, WorkFolder] | None = None

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

    def flag(
        self, case_id: str, reason: str | None, person: str | None
    ) -> tuple[Flag, ...]:
        """Flag a case, or take a flag away; see :meth:`JobStore.flag`."""
        whose = person or self.person
        self.catalogue.place(case_id)
        flag = new_flag(self.job(), reason, by=self.person, person=whose, where=case_id)
        return self.keep_flag(case_id, whose, flag)

    def flag_of(self, case_id: str, person: str) -> Flag | None:
        """Return the flag that a person put on a case."""
        found = self.flags.of_case(case_id)
        return next((flag for flag in found if flag.person == person), None)

    def keep_flag(
        self, case_id: str, person: str, flag: Flag | None
    ) -> tuple[Flag, ...]:
        """Keep a person's flag, whatever it is; return those this person may see."""
        self.flags.write(case_id, person, flag)
        # It is on disk: that others hear of it later undoes nothing.
        with suppress(StoreError, OSError):
            self._events.tell_flag(case_id, person)
        return self.catalogue.flag(case_id, person)

    # ----------------------------------------------------------- combinations
    def combinations(self) -> dict[str, str]:
        """Return the combinations that are kept here, by name; others are passed."""
        found = {}
        folder = self.path / "combinations"
        for entry in list_folder(folder):
            name, dot, ending = entry.rpartition(".")
            if dot and ending == "yaml" and not entry.startswith("."):
                with suppress(StoreError, UnicodeDecodeError):
                    data = read_if_there(folder / entry)
                    if data is not None and len(data) <= _MOST_TEXT:
                        found[name] = data.decode()
        return found

    def save_combination(self, name: str, text: str | None) -> None:
        """Keep a combination, or take it away."""
        path = self.path / "combinations" / f"{check_file_name(name)}.yaml"
        if text is not None:
            make_folders(path.parent, root=self.path)
            write_durably(path, text.encode(), counts_at_once=True)
        elif is_there(path):
            with accessing(path, "removed"):
                path.unlink()

    # ------------------------------------------------------------------- work
    def work(
        self, case_id: str, person: str | None = None, of: str | None = None
    ) -> WorkFolder:
        """Return a person's work on a case, or their copy that corrects another's."""
        key = case_id, person or self.person, of
        with self._guard:
            known = key in self._work
        if not known:
            self.catalogue.place(case_id)
        return self.work_of(*key)

    def work_of(self, case_id: str, person: str, of: str | None = None) -> WorkFolder:
        """Return a person's work on a case that is known to exist."""
        key = case_id, person, of
        with self._guard:
            work = self._work.get(key)
            if work is None:
                path = self.case_path(case_id) / person_folder(of or person)
                if of is not None:
                    path = path / CORRECTIONS / person_folder(person)
                work = WorkFolder(
                    path,
                    root=self.path,
                    case_id=case_id,
                    person=person,
                    timeout=self._timeout,
                    find_mask=lambda digest: self._mask_of_others(case_id, digest),
                    of=of,
                )
                self._work[key] = work
                while len(self._work) > _OPEN_WORK:
                    self._work.popitem(last=False)
            self._work.move_to_end(key)
            return work

    def correctors(self, case_id: str, of: str) -> list[str]:
        """Return who has a copy that corrects somebody's submission."""
        folder = self.case_path(case_id) / person_folder(of) / CORRECTIONS
        return list(_people_in(folder))

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
        return _people_in(self.case_path(case_id))

    def records(self) -> Iterator[RecordName]:
        """Give whose work on which case there is, copies that correct it included."""
        begun = set(list_folder(self.path / "annotations"))
        flagged: dict[str, dict[str, None]] = {}
        for case_id, flag in self.flags.everything():
            flagged.setdefault(case_id, {})[flag.person] = None
        for case_id in self.catalogue.case_ids():
            people = flagged.get(case_id, {})
            if case_folder(case_id) not in begun:
                for person in people:
                    yield RecordName(case=case_id, person=person)
                continue
            root = self.case_path(case_id)
            for name in list_folder(root):
                # Who only said something in a thread has no draft that names them.
                whose = next(_person_of(root / name), None) or plain_person(name)
                if whose is not None:
                    people.pop(whose, None)
                    yield RecordName(case=case_id, person=whose)
                    for other in self.correctors(case_id, whose):
                        yield RecordName(case=case_id, person=other, of=whose)
            for person in people:
                yield RecordName(case=case_id, person=person)

    def _everything(self, case_id: str) -> Iterator[WorkFolder]:
        """Give all work on a case: this person's, then the others', then copies."""
        people = list(dict.fromkeys((self.person, *self.names(case_id))))
        for person in people:
            yield self.work_of(case_id, person)
        for of in people:
            for person in self.correctors(case_id, of):
                yield self.work_of(case_id, person, of)

    def read_mask(self, case_id: str, digest: str) -> bytes:
        """Return a mask's bytes, from whoever painted it."""
        damaged: CorruptError | None = None
        for work in self._holders(case_id):
            try:
                data = work.read_mask(digest)
            except CorruptError as error:
                damaged = error
            else:
                if data is not None:
                    self._read_last = case_id, work
                    return data
        if damaged is not None:
            raise damaged
        raise NotFoundError(
            f"there is no mask {digest[:16]}", where=self.case_path(case_id)
        )

    def _holders(self, case_id: str) -> Iterator[WorkFolder]:
        """Give all work on a case, first where the last mask was: it is read whole."""
        last = self._read_last
        if last is not None and last[0] == case_id:
            yield last[1]
        self.catalogue.place(case_id)
        yield from self._everything(case_id)

    def _mask_of_others(self, case_id: str, digest: str) -> bytes | None:
        for work in self._everything(case_id):
            with suppress(CorruptError):
                data = work.read_mask(digest)
                if data is not None:
                    return data
        return None

    def submitted(self, case_id: str) -> Iterator[tuple[str, Progress]]:
        """Give who submitted a case, and where that stands; reads no annotation."""
        root = self.case_path(case_id)
        for name in list_folder(root):
            if not list_folder(root / name / "submissions"):
                continue
            person = plain_person(name) or next(_person_of(root / name), None)
            if person is not None:
                with suppress(StoreError):
                    # Opening the case tells what is wrong with it, the list need not.
                    yield person, self.work_of(case_id, person).progress(full=False)

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
        self.catalogue.mark(case_id, work.person)
        if work.person == self.person:
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

    def measure(self, case_id: str, person: str, full: bool) -> tuple[Progress, bool]:
        """Return where a person stands with a case, from the documents.

        Parameters
        ----------
        case_id : str
            The case.
        person : str
            The person.
        full : bool
            False to leave the decided slices of finished cases uncounted.

        Returns
        -------
        (Progress, bool)
            The progress, and whether the decided slices were counted.
        """
        work = self.work_of(case_id, person)
        try:
            if not full:
                found = work.progress(full=False)
                if found.status is Status.FINISHED:
                    return found, False
            return work.progress(), True
        except StoreError:
            # Opening the case tells what is wrong with it, the table need not.
            return Progress(draft=True), True

    def close(self) -> None:
        """Tidy the work that was touched, and close the index."""
        with self._guard:
            touched, self._touched = self._touched, set()
        if not is_there(self.path / "job.json"):
            touched.clear()  # it was deleted: nothing is made in its place
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


def _people_in(folder: Path) -> Iterator[str]:
    """Return whose annotations are in the folders of a folder."""
    for entry in list_folder(folder):
        yield from _person_of(folder / entry)


def _person_of(folder: Path) -> Iterator[str]:
    path = folder / "annotation.json"
    found = read_document(path, "annotation")
    if found is None:
        return
    annotation = found.get("annotation")
    person = annotation.get("person") if isinstance(annotation, dict) else None
    if not isinstance(person, str):
        raise CorruptError(
            "the annotation names no person",
            where=path,
            remedy="Restore it from a backup",
        )
    yield person
