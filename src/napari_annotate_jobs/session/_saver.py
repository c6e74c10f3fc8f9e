"""Brings the changes of one case into the store, without being asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ConflictError,
    StoreAccessError,
)
from napari_annotate_jobs.model import AnnotationChange, now

from ._merge import is_said, on_top
from ._recovery import Kept
from ._state import TROUBLE, SaveKind, SaveState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from napari_annotate_jobs.model import Annotation
    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor
    from ._recovery import Recovery

__all__ = ["Saver"]

RETRY_SECONDS = (2.0, 5.0, 10.0, 30.0)
"""How long to wait before each new try; the last one counts for all others."""
SLOW_SECONDS = 0.5
"""A change that is not in the store by then is kept on this computer meanwhile."""


@dataclass(frozen=True)
class _Batch:
    """Changes that are saved as one."""

    change: AnnotationChange = field(default_factory=AnnotationChange)
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    count: int = 0

    def then(self, later: _Batch) -> _Batch:
        return _Batch(
            self.change.then(later.change),
            {**self.blobs, **later.blobs},
            self.count + later.count,
        )


_NOTHING = _Batch()


class Saver:
    """Saves changes in the order they come; those that wait are saved as one.

    Parameters
    ----------
    store : JobStore
        Where to.
    job_id, case_id : str
        The case.
    base : int
        The revision the first change is made on.
    executor : Executor
        Runs the saving.
    recovery : Recovery, optional
        Keeps what cannot be saved.
    saved : datetime, optional
        When the last change of an earlier session was saved.

    Attributes
    ----------
    revision : int
        The store's, as far as known.
    state : SaveState
        The truth about saving.
    """

    changed = Signal(SaveState)

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        case_id: str,
        *,
        base: int,
        executor: Executor,
        recovery: Recovery | None = None,
        saved: datetime | None = None,
    ) -> None:
        self.revision = base
        self.state = SaveState(time=saved)
        self._store = store
        self._job_id, self._case_id = job_id, case_id
        self._executor, self._recovery = executor, recovery
        self._waiting = self._sending = _NOTHING
        self._failures = 0
        self._idle_calls: list[Callable[[], None]] = []
        self._kept = self._watching = self._retry_planned = self._closed = False

    @property
    def is_idle(self) -> bool:
        """True if everything is in the store."""
        return not self._unsaved.count

    @property
    def place(self) -> tuple[str, ...]:
        """Names the case among all cases of all stores."""
        store = self._store
        return store.location, self._job_id, self._case_id, store.person

    @property
    def waiting(self) -> AnnotationChange:
        """What is not in the store yet, as one change."""
        return self._unsaved.change

    @property
    def _unsaved(self) -> _Batch:
        if not self._sending.count:
            return self._waiting
        return self._sending.then(self._waiting)

    def blob(self, digest: str) -> bytes | None:
        """Return an encoded mask that may not be in the store yet, if it is here."""
        return self._waiting.blobs.get(digest) or self._sending.blobs.get(digest)

    def add(
        self, change: AnnotationChange, blobs: Mapping[str, bytes], count: int = 1
    ) -> None:
        """Take a change; saving starts at once unless one is under way.

        In trouble it is kept on this computer instead, until the store can be
        reached again or the user has settled it.
        """
        self._waiting = self._waiting.then(_Batch(change, blobs, count))
        if self.state.kind in TROUBLE:
            fault = self._keep()
            self._tell(self.state.kind, fault or self.state.message)
            return
        if not self._sending.count:
            self._send()
        if not self.is_idle and self.state.kind not in TROUBLE:
            self._tell(SaveKind.PENDING)
            self._watch()

    def recover(self, annotation: Annotation) -> tuple[Annotation, str]:
        """Take, and save, what was kept on this computer the last time.

        Parameters
        ----------
        annotation : Annotation
            As it is in the store now.

        Returns
        -------
        (Annotation, str)
            With what was found, and what to tell the user; empty if there is nothing.

        Raises
        ------
        CorruptError
            If it cannot be read; it was moved aside.
        """
        kept = None if self._recovery is None else self._recovery.load(*self.place)
        if kept is None:
            return annotation, ""
        change = on_top(annotation, kept.change)
        if is_said(annotation, change):  # it was saved, but we were gone by then
            self._forget()
            return annotation, ""
        self.revision, self._kept = kept.base, True
        self.add(kept.change, kept.blobs, kept.count)
        return annotation.apply(change, revision=annotation.revision), (
            f"{_changes(kept.count)} of the last time, not saved then, "
            f"{'was' if kept.count == 1 else 'were'} found on this computer."
        )

    def retry(self) -> None:
        """Try again to save what could not be saved."""
        if self._waiting.count and not self._sending.count:
            self._send()

    def rebase(self, base: int, change: AnnotationChange) -> None:
        """Save `change`, with the masks at hand, on top of revision `base`."""
        self.revision = base
        if not self._waiting.count:
            self._tell(SaveKind.CLEAN)
            return
        self._waiting = _Batch(change, self._waiting.blobs, self._waiting.count)
        self._keep()
        self._tell(SaveKind.PENDING)
        self.retry()

    def drop(self) -> bool:
        """Give up what waits, but keep it on this computer.

        Returns
        -------
        bool
            False if it could not be kept; then it is not given up.
        """
        if fault := self._keep():
            self._tell(self.state.kind, fault)
            return False
        if self._recovery is not None:
            self._recovery.set_aside(*self.place)
        self._waiting, self._kept = _NOTHING, False
        self._tell(SaveKind.CLEAN)
        return True

    def meet_conflict(self, error: ConflictError) -> None:
        """Hear from elsewhere that someone changed the same annotation."""
        self._tell(SaveKind.CONFLICT, str(error), error)

    def when_settled(self, call: Callable[[], None]) -> None:
        """Call `call` once nothing is under way: all is saved, or kept aside."""
        if self._sending.count:
            self._idle_calls.append(call)
        else:
            call()

    def close(self) -> AnnotateJobsError | None:
        """Stop trying again; what is not saved yet stays on this computer.

        Returns
        -------
        AnnotateJobsError or None
            What to tell of changes that could not be kept either.
        """
        self._closed = True
        self._keep()
        if self._kept or not self._waiting.count:
            return None
        return AnnotateJobsError(
            f"{_changes(self._waiting.count)} could neither be saved nor kept on this "
            "computer",
            where=self._case_id,
            remedy=self.state.message or None,
        )

    # ---------------------------------------------------------------- saving
    def _send(self) -> None:
        batch, base = self._waiting, self.revision
        self._waiting, self._sending = _NOTHING, batch

        def task() -> int:
            return self._store.save(
                self._job_id, self._case_id, batch.change, batch.blobs, base=base
            )

        def done(revision: int) -> None:
            self.revision, self._sending, self._failures = revision, _NOTHING, 0
            if self._waiting.count:
                if self._kept:  # what was saved just now must not come back
                    self._keep()
                self._tell(SaveKind.PENDING)
                self._send()
            else:
                self._forget()
                self._tell(SaveKind.SAVED)
            self._settle()

        def failed(error: Exception) -> None:
            self._waiting, self._sending = batch.then(self._waiting), _NOTHING
            self._fail(error)
            self._settle()

        self._executor.run(task, done, failed)

    def _fail(self, error: Exception) -> None:
        known = isinstance(error, AnnotateJobsError)
        text = (
            str(error)
            if known
            else f"Saving failed unexpectedly ({type(error).__name__}: {error})."
        )
        text += self._keep()
        if isinstance(error, ConflictError):
            self._tell(SaveKind.CONFLICT, text, error)
        elif known and not isinstance(error, StoreAccessError):
            self._tell(SaveKind.FAILED, text, error)
        else:
            if self._kept:
                text += " Your changes are kept on this computer and saved later."
            self._tell(SaveKind.OFFLINE, text, error)
            self._plan_retry()

    def _plan_retry(self) -> None:
        if self._retry_planned:
            return
        self._retry_planned = True
        wait = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        self._executor.later(wait, self._retry_later)

    def _retry_later(self) -> None:
        self._retry_planned = False
        if not self._closed and self.state.kind is SaveKind.OFFLINE:
            self.retry()

    # --------------------------------------------------------------- keeping
    def _watch(self) -> None:
        """Keep changes here if the store takes its time: it may never answer."""
        if self._recovery is not None and not self._watching:
            self._watching = True
            self._executor.later(SLOW_SECONDS, self._keep_if_slow)

    def _keep_if_slow(self) -> None:
        self._watching = False
        if not self._closed and not self.is_idle:
            self._keep()

    def _keep(self) -> str:
        """Keep what is not saved on this computer; say what went wrong with that."""
        unsaved = self._unsaved
        if self._recovery is None or not unsaved.count:
            return ""
        kept = Kept(unsaved.change, dict(unsaved.blobs), self.revision, unsaved.count)
        try:
            self._recovery.keep(kept, *self.place)
        except OSError as error:
            self._kept = False
            return (
                f" They could not be kept on this computer either ({error}): leave "
                "this window open until they are saved."
            )
        self._kept = True
        return ""

    def _forget(self) -> None:
        self._kept = False
        if self._recovery is not None:
            self._recovery.clear(*self.place)

    def _settle(self) -> None:
        calls, self._idle_calls = self._idle_calls, []
        for call in calls:
            self.when_settled(call)

    def _tell(
        self, kind: SaveKind, message: str = "", error: Exception | None = None
    ) -> None:
        time = now() if kind is SaveKind.SAVED else self.state.time
        pending = 0 if kind is SaveKind.SAVED else self._unsaved.count
        kept = self._kept and bool(pending)
        self.state = SaveState(kind, pending, time, message.strip(), kept)
        self.changed.emit(self.state)


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"
