"""The folder of one person's work on one case."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, StoreAccessError, StoreError
from napari_annotate_jobs.model import (
    Annotation,
    Status,
    document_json,
    status_of,
)

from . import _rules
from ._documents import VERSION, Envelope, parsed, read_document, unwrap, write_document
from ._files import (
    append_durably,
    locked,
    make_folders,
    name_aside,
    read_if_there,
    set_aside,
    signature,
    write_durably,
)
from ._journal import (
    Entry,
    encode_entry,
    mended,
    parse_journal,
    replay,
    scan_journal,
)
from ._masks import MaskFolder
from ._progress import Progress
from ._submitted import SubmissionFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import (
        AnnotationChange,
        Case,
        Comment,
        Job,
        Return,
        Submission,
    )

    Signature = tuple[int, int, int] | None

__all__ = ["WorkFolder"]

_LONG_LINES = 256
_LONG_BYTES = 1 << 20
"""A journal of so many lines or bytes is written into the snapshot."""


@dataclass(frozen=True)
class _State:
    """An annotation as read, and how to tell whether it still is on disk so."""

    annotation: Annotation
    signatures: tuple[Signature, Signature]
    envelope: Envelope
    lines: int = 0
    size: int = 0
    torn: bytes = b""


@dataclass
class WorkFolder:
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
    """

    path: Path
    root: Path
    case_id: str
    person: str
    timeout: float = 10.0
    find_mask: Callable[[str], bytes | None] = lambda digest: None
    _guard: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _state: _State | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.snapshot = self.path / "annotation.json"
        self.journal = self.path / "changes.jsonl"
        self.masks = MaskFolder(self.path / "masks")
        self.submitted = SubmissionFolder(self.path / "submissions")

    # ----------------------------------------------------------------- reading
    def annotation(self) -> Annotation:
        """Return the draft; a blank one if nothing was ever saved."""
        return self._read().annotation

    def standing(self) -> tuple[Status, int, Return | None]:
        """Return the status, the number of submissions, and the return if any.

        The return is that of the last submission: the case is returned just now.
        """
        number, answered = self.submitted.last()
        last_return = self.submitted.read_return(number) if answered else None
        return status_of(number, last_return), number, last_return

    def progress(self) -> Progress:
        """Return what the case table shows."""
        annotation = self.annotation()
        status, number, last_return = self.standing()
        last = self.submitted.read(number) if last_return else None
        return Progress(
            status=status,
            draft=status is not Status.FINISHED
            and _rules.has_draft(annotation.revision, last),
            decided=_rules.count_decided(annotation),
            comment=_rules.comment_text(last_return),
        )

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
        written: Callable[[], None],
    ) -> Annotation:
        """Save a change durably, as :meth:`JobStore.save` says.

        This method and those below call `written` before they let the lock go,
        so that what is told of them comes in the order in which it happened.
        """
        with self._writing():
            state = self._read()
            found: dict[str, bytes] = {}

            def has_blob(digest: str) -> bool:
                try:
                    data = self.masks.read(digest)
                except CorruptError:
                    data = None
                if data is None:
                    data = self.find_mask(digest)
                if data is not None:
                    found[digest] = data
                return data is not None

            new = _rules.changed(
                state.annotation,
                change,
                blobs,
                base=base,
                status=self.standing()[0],
                labels=job.project.label_set,
                has_blob=has_blob,
            )
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
                version=VERSION,
            )
            line = encode_entry(entry)
            self._keep_torn(state)
            try:
                append_durably(self.journal, line, at=state.size)
            except BaseException:
                self._state = None
                raise
            self.masks.retire(state.annotation, change)
            self._state = replace(
                state,
                annotation=new,
                signatures=(state.signatures[0], signature(self.journal)),
                lines=state.lines + 1,
                size=state.size + len(line),
                torn=b"",
            )
            written()
            if self._state.lines >= _LONG_LINES or self._state.size >= _LONG_BYTES:
                self._try_compact()
            return new

    def submit(
        self, *, base: int, job: Job, case: Case, written: Callable[[], None]
    ) -> Submission:
        """Freeze the draft, as :meth:`JobStore.submit` says."""
        with self._writing():
            annotation = self._read().annotation
            _, number, last_return = self.standing()
            submission = _rules.submitted(
                annotation,
                base=base,
                previous=number,
                last_return=last_return,
                case=case,
                job=job,
            )
            self._require_masks(annotation)
            self._compact()
            self.submitted.write(submission, root=self.root)
            self._collect()
            written()
            return submission

    def return_case(
        self,
        comments: Sequence[Comment],
        *,
        reviewer: str,
        written: Callable[[], None],
    ) -> Return:
        """Return the last submission, as :meth:`JobStore.return_case` says."""

        def answered() -> Return:
            status, number, _ = self.standing()
            return _rules.returned(
                status, comments, number=number, reviewer=reviewer, where=self.case_id
            )

        answered()  # before a folder is made for nothing
        with self._writing():
            answer = answered()
            self.submitted.write_return(answer)
            written()
            return answer

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
                    _State(mended(annotation, journal), (None, None), envelope)
                )
                return set_aside(self.journal)
            return None

    # ----------------------------------------------------------------- private
    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder for one writer: first this thread, then this process."""
        with self._guard:
            make_folders(self.path, root=self.root)
            with locked(self.path / ".lock", self.timeout):
                yield

    def _read(self) -> _State:
        """Return the state on disk, without a lock.

        A writer replaces the snapshot before it empties the journal: if the
        snapshot is still the same after the journal was read, they fit.
        """
        for _ in range(100):
            before = signature(self.snapshot), signature(self.journal)
            state = self._state
            if state is not None and state.signatures == before:
                return state
            fault = None
            try:
                state = self._parse(before)
            except StoreError as error:
                # What was read may be of two moments, and then nothing is wrong.
                fault = error
            if before == (signature(self.snapshot), signature(self.journal)):
                if fault is not None:
                    raise fault
                assert state is not None
                self._state = state
                return state
        raise StoreAccessError(
            "changes faster than it can be read",
            where=self.path,
            remedy="Try again in a moment",
        )

    def _parse(self, signatures: tuple[Signature, Signature]) -> _State:
        annotation, envelope = self._read_snapshot()
        data = read_if_there(self.journal) or b""
        if signatures[0] is None and data:
            raise CorruptError(
                "the annotation is missing, only its journal is there",
                where=self.snapshot,
                remedy="Restore it from a backup",
            )
        journal = parse_journal(data, where=self.journal)
        return _State(
            replay(annotation, journal.entries, where=self.journal),
            signatures,
            envelope,
            lines=len(journal.entries),
            size=journal.size,
            torn=journal.torn,
        )

    def _read_snapshot(self) -> tuple[Annotation, Envelope]:
        found = read_document(self.snapshot, "annotation")
        if found is None:
            blank = Annotation(case_id=self.case_id, person=self.person)
            return blank, Envelope("annotation")
        body, envelope = unwrap(
            found, "annotation", ("annotation",), where=self.snapshot
        )
        annotation = parsed(Annotation, body["annotation"], where=self.snapshot)
        if (annotation.case_id, annotation.person) != (self.case_id, self.person):
            raise CorruptError(
                f"the annotation is of case {annotation.case_id!r} by "
                f"{annotation.person!r}",
                where=self.snapshot,
                remedy="Move it back to the folder it was taken from",
            )
        return annotation, envelope

    def _write_snapshot(self, state: _State) -> _State:
        write_document(
            self.snapshot,
            state.envelope,
            {"annotation": document_json(state.annotation)},
        )
        return replace(
            state,
            signatures=(signature(self.snapshot), state.signatures[1]),
            envelope=replace(state.envelope, version=VERSION),
        )

    def _compact(self) -> None:
        state = self._read()
        if state.signatures[1] is None:
            return
        self._keep_torn(state)
        self._state = None
        state = self._write_snapshot(state)
        # The snapshot is safe; a journal that outlives it would only repeat it.
        append_durably(self.journal, b"", at=0)
        self.journal.unlink(missing_ok=True)
        self._state = replace(
            state, signatures=(state.signatures[0], None), lines=0, size=0, torn=b""
        )

    def _keep_torn(self, state: _State) -> None:
        """Copy what is about to be cut off the journal."""
        if state.torn:
            write_durably(name_aside(self.journal), state.torn)

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

    def _require_masks(self, annotation: Annotation) -> None:
        for key, content in annotation.slices.items():
            for mask in content.masks.values():
                if self.masks.read(mask.digest) is None:
                    raise CorruptError(
                        f"the mask {mask.digest[:16]} of slice {key} is missing",
                        where=self.masks.path,
                        remedy="Paint the slice again, or restore the file",
                    )
