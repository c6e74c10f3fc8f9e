"""The folder of one person's work on one case."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    CorruptError,
    ExistsError,
    StoreError,
)
from napari_annotate_jobs.files import (
    append_durably,
    locked,
    make_folders,
    read_if_there,
    remove_leftovers,
    set_aside,
    signature,
    write_durably,
)
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Status,
    Verb,
    mask_size,
    threads_of,
)
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord
from napari_annotate_jobs.stores._progress import Progress

from ._documents import version_of
from ._draft import State, StoredDraft
from ._journal import (
    Entry,
    encode_entry,
    mended,
    scan_journal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from napari_annotate_jobs.model import (
        Case,
        Comment,
        Job,
        Submission,
        Thread,
        ThreadEntry,
        Verdict,
    )

    Signature = tuple[int, int, int] | None

__all__ = ["WorkFolder"]

_ATTEMPTS = 20
"""At a place among the entries of threads, where locks do not work."""

_LONG_LINES = 256
_LONG_BYTES = 1 << 20
"""A journal of so many lines or bytes is written into the snapshot."""


@dataclass
class WorkFolder(StoredDraft):
    """One person's work on one case: snapshot, journal, masks, submissions.

    Every method may be called from any thread; those that write hold the lock
    file, so that other processes wait.

    Parameters
    ----------
    path : Path
        The folder; it is made at the first save.
    root : Path
        The job's folder.
    case_id, person : str
        Whose work, and on what.
    timeout : float
        Seconds to wait for the lock file.
    find_mask : callable
        Returns the bytes of a mask that somebody else's work on the case has,
        or None.
    of : str, optional
        Whose submission it corrects, if it is a reviewer's copy.
    """

    of: str | None = None
    _last: tuple[int, datetime, int] | None = field(default=None, repr=False)

    # ----------------------------------------------------------------- reading
    def annotation(self) -> Annotation:
        """Return the draft; a blank one if nothing was ever saved.

        What was told as not saved, and could not be taken back then, is taken back
        now. If it cannot be, it is there for everybody, and stays.
        """
        with self._guard:
            if self._unsure is not None:
                with suppress(StoreError, OSError), self._writing():
                    pass
                self._unsure = None
        return self._read().annotation

    def standing(self) -> _rules.Standing:
        """Return where it stands, from the names of files and the last verdicts."""
        number, answered = self.submitted.last()
        verdicts = tuple(self.submitted.read_verdict(number, n) for n in answered)
        return _rules.Standing(number, verdicts)

    def record(self) -> WorkRecord:
        """Return all that is kept of it."""
        return WorkRecord(
            annotation=self.annotation(),
            submissions=tuple(self.submitted.read_all()),
            verdicts=tuple(self.submitted.verdicts()),
            entries=tuple(self.talk.entries()),
        )

    def progress(self, *, full: bool = True) -> Progress:
        """Return what case tables and lists of submitted cases show.

        Parameters
        ----------
        full : bool
            False to read no annotation: drafts, decisions and the time of the
            submission are left out.
        """
        standing = self.standing()
        status, verdict = standing.status, standing.verdict
        found = Progress(
            status=status,
            number=standing.submissions,
            review=standing.review,
            comment="" if verdict is None else verdict.text,
            reviewer="" if verdict is None else verdict.person,
            judged=None if verdict is None else verdict.time,
        )
        if not full:
            touched = _rules.latest(self._about(standing), self.talk.last_written())
            return replace(found, touched=touched)
        annotation = self.annotation()
        time, revision = self._submitted_at(standing.submissions)
        return replace(
            found,
            draft=status is not Status.FINISHED and annotation.revision > revision,
            decided=_rules.count_decided(annotation),
            submitted=time,
            touched=_rules.latest(
                annotation.modified, time, found.judged, self.talk.last_said()
            ),
        )

    def _about(self, standing: _rules.Standing) -> datetime | None:
        """Return when it was touched, as far as that is known without reading it."""
        verdict, time = standing.verdict, None
        if standing.submissions:
            path = self.submitted.path / f"{standing.submissions:04d}.json"
            with suppress(StoreError):
                if (found := signature(path)) is not None:
                    time = datetime.fromtimestamp(found[1] / 1e9, UTC)
        return _rules.latest(time, None if verdict is None else verdict.time)

    def _submitted_at(self, number: int) -> tuple[datetime | None, int]:
        """Return time and revision of a submission; they never change."""
        if not number:
            return None, 0
        if self._last is None or self._last[0] != number:
            submission = self.submitted.read(number)
            self._last = number, submission.time, submission.annotation.revision
        return self._last[1:]

    def read_mask(self, digest: str) -> bytes | None:
        """Return a mask's bytes, None if it is not here.

        Raises
        ------
        CorruptError
            If it is damaged.
        """
        return self.masks.read(digest)

    # ----------------------------------------------------------------- writing
    def save(
        self,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
        job: Job,
        size: tuple[int, int] | None = None,
        written: Callable[[], None],
    ) -> Annotation:
        """Save a change durably, as :meth:`JobStore.save` says.

        This method and those below call `written` before they let the lock go,
        so that what is told of them comes in the order in which it happened.
        """
        with self._writing():
            state = self._read()
            found: dict[str, bytes] = {}

            def find_size(digest: str) -> tuple[int, int] | None:
                try:
                    data = self.masks.read(digest)
                except CorruptError:
                    data = None
                if data is None:
                    data = self.find_mask(digest)
                if data is None:
                    return None
                found[digest] = data
                return mask_size(data)

            new = _rules.changed(
                state.annotation,
                change,
                blobs,
                base=base,
                standing=self.standing(),
                job=job,
                find_size=find_size,
                size=size,
                of=self.of,
                last=state.last,
            )
            if new is state.annotation:
                self._write_again(state)
                return new
            if change.is_empty:
                return state.annotation
            if state.signatures[0] is None:
                # So that the journal always has a document that says whose it is.
                state = self._write_snapshot(state)
            self.masks.add(change, {**found, **blobs}, root=self.root)
            assert new.modified is not None
            entry = Entry(
                revision=new.revision,
                time=new.modified,
                change=change,
                version=version_of("annotation"),
            )
            line = encode_entry(entry)
            self._keep_torn(state)
            try:
                append_durably(self.journal, line, at=state.size)
            except BaseException:
                self._state = None
                with suppress(StoreError):
                    self._unsure = line, state.size, signature(self.journal)
                raise
            self.masks.retire(state.annotation, change)
            self._state = replace(
                state,
                annotation=new,
                signatures=(state.signatures[0], signature(self.journal)),
                lines=state.lines + 1,
                size=state.size + len(line),
                torn=b"",
                last=change,
            )
            written()
            if self._state.lines >= _LONG_LINES or self._state.size >= _LONG_BYTES:
                self._try_compact()
            return new

    def submit(
        self,
        *,
        base: int,
        job: Job,
        case: Case,
        size: tuple[int, int] | None = None,
        written: Callable[[], None],
    ) -> Submission:
        """Freeze the draft, as :meth:`JobStore.submit` says."""
        with self._writing():
            annotation = self._read().annotation
            submission = _rules.submitted(
                annotation,
                base=base,
                standing=self.standing(),
                case=case,
                job=job,
                of=self.of,
            )
            self.masks.require(annotation, size)
            self._compact()
            try:
                self.submitted.write(submission, root=self.root)
            except ExistsError:
                # Where locks do not work, somebody was first: the rules say it best.
                _rules.check_work(
                    Verb.SUBMIT,
                    annotation,
                    standing=self.standing(),
                    job=job,
                    of=self.of,
                )
                raise
            self._afterwards(written)
            return submission

    def judge(
        self, said: _rules.Said, *, job: Job, written: Callable[[], None]
    ) -> Verdict:
        """Answer the last submission, as :meth:`JobStore.judge` says."""
        said.check(self.standing(), job=job, where=self.case_id)  # before folders
        with self._writing():
            standing = self.standing()
            said.check(standing, job=job, where=self.case_id)
            verdict = said.verdict(
                standing,
                self.submitted.read(standing.submissions),
                self.annotation(),
                self.talk.entries(),
                job=job,
                where=self.case_id,
            )
            try:
                self.submitted.write_verdict(verdict)
            except ExistsError:
                # Where locks do not work, somebody was first: the rules say it best.
                said.check(self.standing(), job=job, where=self.case_id)
                raise
            self._afterwards(written, tidy=False)
            return verdict

    def bring(
        self,
        record: WorkRecord,
        masks: Mapping[str, bytes],
        *,
        written: Callable[[], None],
    ) -> None:
        """Write what another store kept, as it is; what is there already is left.

        Parameters
        ----------
        record : WorkRecord
            All that was kept there.
        masks : mapping of str to bytes
            The masks that it names.

        Raises
        ------
        ExistsError
            If what is there is anything else; then nothing is written.
        """
        name = RecordName(case=self.case_id, person=self.person, of=self.of)
        record.check(name)
        if record.missing_from(self.record(), name).is_blank:
            return  # before folders are made
        with self._writing():
            left = record.missing_from(self.record(), name)
            for annotation in record.annotations:
                change = AnnotationChange(slices=dict(annotation.slices))
                self.masks.add(change, masks, root=self.root)
            if left.annotation.revision:
                state = replace(self._read(), annotation=left.annotation)
                self._state = None
                self._state = self._write_snapshot(state)
            for submission in left.submissions:
                self.submitted.write(submission, root=self.root)
            for verdict in left.verdicts:
                self.submitted.write_verdict(verdict)
            for entry in left.entries:
                self.talk.write(entry, root=self.root)
            self._afterwards(written, tidy=False)

    def threads(self, reader: str) -> tuple[Thread, ...]:
        """Return the threads, as :meth:`JobStore.threads` says."""
        return threads_of(
            self._own_comments(reader),
            self.submitted.verdicts(),
            self.talk.entries(),
            reader=reader,
            read=self.talk.read_by(reader),
        )

    def _own_comments(self, reader: str) -> tuple[Comment, ...]:
        draft = self.annotation()
        number, _ = self.submitted.last()
        last = self.submitted.read(number) if number and reader != self.person else None
        return _rules.own_comments(draft, last, reader=reader)

    def discuss(
        self,
        *,
        job: Job,
        person: str,
        comment: Comment | None,
        thread: str | None,
        resolved: bool | None,
        written: Callable[[], None],
    ) -> Thread:
        """Say something, as :meth:`JobStore.discuss` says."""

        def next_entry() -> ThreadEntry:
            return _rules.entry(
                self.talk.entries(),
                self.threads(person),
                person=person,
                author=self.person,
                comment=comment,
                thread=thread,
                resolved=resolved,
                standing=self.standing(),
                job=job,
                where=self.case_id,
            )

        entry = next_entry()  # before a folder is made for nothing
        with self._writing():
            for attempt in range(_ATTEMPTS):
                entry = next_entry()
                try:
                    self.talk.write(entry, root=self.root)
                    break
                except ExistsError:
                    # Where locks do not work, somebody else said something meanwhile.
                    if attempt == _ATTEMPTS - 1:
                        raise
            written()
        return next(t for t in self.threads(person) if t.id == entry.thread)

    def mark_read(self, reader: str, threads: Collection[str] | None) -> None:
        """Mark threads as read, as :meth:`JobStore.mark_read` says."""
        counts = {
            thread.id: len(thread.comments)
            for thread in self.threads(reader)
            if thread.unread and (threads is None or thread.id in threads)
        }
        if counts:
            with self._writing():
                self.talk.mark_read(reader, counts, root=self.root)

    def compact(self) -> None:
        """Write the journal into the snapshot and collect masks of no use."""
        with self._guard:
            if signature(self.journal) is None:
                return
        with self._writing():
            self._compact()
            self._collect()

    def mend(self) -> Path | None:
        """Go on with what is whole of a damaged journal.

        Returns
        -------
        Path or None
            Where the damaged journal is kept; None if it is not damaged.

        Raises
        ------
        CorruptError
            If the annotation itself is damaged.
        """
        if signature(self.snapshot) is None:
            return None
        with self._writing():
            try:
                self._read()
            except CorruptError:
                annotation, envelope = self._read_snapshot()
                data = read_if_there(self.journal) or b""
                journal = scan_journal(data, where=self.journal)
                self._state = None
                # The journal stays until all that is whole of it is safe elsewhere.
                self._write_snapshot(
                    State(mended(annotation, journal), (None, None), envelope)
                )
                return set_aside(self.journal)
            return None

    # ----------------------------------------------------------------- private
    def _afterwards(self, written: Callable[[], None], *, tidy: bool = True) -> None:
        """Tell and tidy once a frozen file is there: no trouble undoes that."""
        with suppress(Exception):
            written()
        if tidy:
            with suppress(Exception):
                self._collect()

    def _take_back(self) -> None:
        """Cut a line that was told as not saved, and could not be cut then.

        Whoever saves again would meet it as if somebody else had written it. Once
        anybody has written there since, it stays.
        """
        if self._unsure is None:
            return
        line, size, left = self._unsure
        if (
            signature(self.journal) == left
            and (read_if_there(self.journal) or b"")[size:] == line
        ):
            self._state = None
            append_durably(self.journal, b"", at=size)
        self._unsure = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder for one writer: first this thread, then this process."""
        with self._guard:
            make_folders(self.path, root=self.root)
            with locked(self.path / ".lock", self.timeout):
                self._take_back()
                yield

    def _compact(self) -> None:
        state = self._read()
        if state.signatures[1] is None:
            return
        self._keep_torn(state)
        self._fold(state)

    def _write_again(self, state: State) -> None:
        """Make a journal durable that perhaps is in the memory of the system only."""
        if state.size:
            self._keep_torn(state)
            data = read_if_there(self.journal) or b""
            self._state = None
            write_durably(self.journal, data[: state.size])

    def _try_compact(self) -> None:
        try:
            self._compact()
        except (StoreError, OSError):
            # The save is durable without it; the next one tries again.
            self._state = None

    def _collect(self) -> None:
        used = set(self._read().annotation.blobs())
        for submission in self.submitted.read_all():
            used |= submission.annotation.blobs()
        self.masks.collect(used)
        for folder in (self.path, self.masks.path, self.submitted.path):
            remove_leftovers(folder)
