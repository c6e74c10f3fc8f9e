"""One person's draft of one case, as it lies on the disk: snapshot and journal."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, StoreAccessError, StoreError
from napari_annotate_jobs.files import (
    append_durably,
    name_aside,
    read_if_there,
    signature,
    write_durably,
)
from napari_annotate_jobs.model import Annotation, document_json

from ._documents import (
    Envelope,
    parsed,
    read_document,
    unwrap,
    version_of,
    write_document,
)
from ._journal import parse_journal, replay
from ._masks import MaskFolder
from ._submissions import SubmissionFolder
from ._threads import ThreadFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_annotate_jobs.model import AnnotationChange

    Signature = tuple[int, int, int] | None

__all__ = ["State", "StoredDraft"]


@dataclass(frozen=True)
class State:
    """An annotation as read, and how to tell whether it still is on disk so."""

    annotation: Annotation
    signatures: tuple[Signature, Signature]
    envelope: Envelope
    lines: int = 0
    size: int = 0
    torn: bytes = b""
    last: AnnotationChange | None = None


@dataclass
class StoredDraft:
    """Snapshot and journal; who writes them holds the lock of the folder."""

    path: Path
    root: Path
    case_id: str
    person: str
    timeout: float = 10.0
    find_mask: Callable[[str], bytes | None] = lambda digest: None
    _guard: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _state: State | None = field(default=None, repr=False)
    _unsure: tuple[bytes, int, Signature] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.snapshot = self.path / "annotation.json"
        self.journal = self.path / "changes.jsonl"
        self.masks = MaskFolder(self.path / "masks")
        self.submitted = SubmissionFolder(self.path / "submissions")
        self.talk = ThreadFolder(self.path / "threads")

    def _read(self) -> State:
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

    def _parse(self, signatures: tuple[Signature, Signature]) -> State:
        annotation, envelope = self._read_snapshot()
        data = read_if_there(self.journal) or b""
        if signatures[0] is None and data:
            raise CorruptError(
                "the annotation is missing, only its journal is there",
                where=self.snapshot,
                remedy="Restore it from a backup",
            )
        journal = parse_journal(data, where=self.journal)
        return State(
            replay(annotation, journal.entries, where=self.journal),
            signatures,
            envelope,
            lines=len(journal.entries),
            size=journal.size,
            torn=journal.torn,
            last=journal.entries[-1].change if journal.entries else None,
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

    def _write_snapshot(self, state: State) -> State:
        write_document(
            self.snapshot,
            state.envelope,
            {"annotation": document_json(state.annotation)},
        )
        return replace(
            state,
            signatures=(signature(self.snapshot), state.signatures[1]),
            envelope=replace(state.envelope, version=version_of("annotation")),
        )

    def _fold(self, state: State) -> None:
        """Make a state the snapshot, and empty the journal."""
        self._state = None
        state = self._write_snapshot(state)
        # The snapshot is safe; a journal that outlives it would only repeat it.
        append_durably(self.journal, b"", at=0)
        with suppress(OSError):  # an empty one is as good as none
            self.journal.unlink(missing_ok=True)
        signatures = state.signatures[0], signature(self.journal)
        self._state = replace(state, signatures=signatures, lines=0, size=0, torn=b"")

    def _keep_torn(self, state: State) -> None:
        """Copy what is about to be cut off the journal."""
        if state.torn:
            write_durably(name_aside(self.journal), state.torn)
