"""Brings the changes of one case into the store, without being asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ConflictError,
    StoreAccessError,
)
from napari_annotate_jobs.model import AnnotationChange, now

from ._recovery import Kept
from ._state import SaveKind, SaveState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor
    from ._recovery import Recovery

__all__ = ["Saver"]

RETRY_SECONDS = (2.0, 5.0, 10.0, 30.0)


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
    ) -> None:
        self.revision = base
        self.state = SaveState()
        self._store = store
        self._job_id, self._case_id = job_id, case_id
        self._executor, self._recovery = executor, recovery
        self._waiting = AnnotationChange()
        self._blobs: dict[str, bytes] = {}
        self._count = 0
        self._sending = 0
        self._failures = 0
        self._idle_calls: list[Callable[[], None]] = []
        self._closed = False

    @property
    def is_idle(self) -> bool:
        """True if everything is in the store."""
        return not (self._sending or self._count)

    @property
    def place(self) -> tuple[str, ...]:
        """Names the case among all cases of all stores."""
        store = self._store
        return store.location, self._job_id, self._case_id, store.person

    @property
    def waiting(self) -> AnnotationChange:
        """What could not be saved yet, as one change."""
        return self._waiting

    def add(
        self, change: AnnotationChange, blobs: Mapping[str, bytes], count: int = 1
    ) -> None:
        """Take a change; saving starts at once unless one is under way."""
        self._waiting = self._waiting.then(change)
        self._blobs.update(blobs)
        self._count += count
        if self.state.kind in (SaveKind.CONFLICT, SaveKind.FAILED):
            self._keep()
            self._tell(self.state.kind, self.state.message)
        else:
            if not self._sending:
                self._send()
            if not self.is_idle:
                self._tell(
                    SaveKind.OFFLINE
                    if self.state.kind is SaveKind.OFFLINE
                    else SaveKind.PENDING,
                    self.state.message,
                )

    def retry(self) -> None:
        """Try again to save what could not be saved."""
        if self._count and not self._sending:
            self._send()

    def rebase(self, base: int) -> None:
        """Save what waits on top of revision `base`."""
        self.revision = base
        self.state = SaveState(SaveKind.PENDING, self._count, self.state.time)
        self.retry()

    def drop(self) -> None:
        """Give up what waits, but keep it on this computer."""
        self._keep()
        if self._recovery is not None:
            self._recovery.set_aside(*self.place)
        self._waiting, self._blobs, self._count = AnnotationChange(), {}, 0
        self._tell(SaveKind.CLEAN)

    def when_settled(self, call: Callable[[], None]) -> None:
        """Call `call` once nothing is under way: all is saved, or kept aside."""
        if self._sending:
            self._idle_calls.append(call)
        else:
            call()

    def close(self) -> None:
        """Stop trying again; what could not be saved stays on this computer."""
        self._closed = True

    # ---------------------------------------------------------------- saving
    def _send(self) -> None:
        change, blobs, count, base = (
            self._waiting,
            self._blobs,
            self._count,
            self.revision,
        )
        self._waiting, self._blobs, self._count = AnnotationChange(), {}, 0
        self._sending = count

        def task() -> int:
            return self._store.save(
                self._job_id, self._case_id, change, blobs, base=base
            )

        def done(revision: int) -> None:
            self.revision, self._sending, self._failures = revision, 0, 0
            if self._recovery is not None and not self._count:
                self._recovery.clear(*self.place)
            if self._count:
                self._send()
            if self.is_idle:
                self._tell(SaveKind.SAVED)
            self._settle()

        def failed(error: Exception) -> None:
            self._sending = 0
            self._waiting = change.then(self._waiting)
            self._blobs = {**blobs, **self._blobs}
            self._count += count
            text = str(error) + self._keep()
            if isinstance(error, ConflictError):
                self._tell(SaveKind.CONFLICT, text)
            elif isinstance(error, StoreAccessError) or not isinstance(
                error, AnnotateJobsError
            ):
                self._tell(SaveKind.OFFLINE, text)
                wait = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
                self._failures += 1
                self._executor.later(wait, self._retry_later)
            else:
                self._tell(SaveKind.FAILED, text)
            self._settle()

        self._executor.run(task, done, failed)

    def _retry_later(self) -> None:
        if not self._closed and self.state.kind is SaveKind.OFFLINE:
            self.retry()

    def _keep(self) -> str:
        """Keep what waits on this computer; say what went wrong with that."""
        if self._recovery is None or not self._count:
            return ""
        try:
            self._recovery.keep(
                Kept(self._waiting, self._blobs, self.revision, self._count),
                *self.place,
            )
        except OSError as error:
            return (
                f" They could not be kept on this computer either ({error}): leave "
                "this window open until they are saved."
            )
        return ""

    def _settle(self) -> None:
        calls, self._idle_calls = self._idle_calls, []
        for call in calls:
            self.when_settled(call)

    def _tell(self, kind: SaveKind, message: str = "") -> None:
        time = now() if kind is SaveKind.SAVED else self.state.time
        if kind is not SaveKind.SAVED and not self.is_idle:
            pending = self._count + self._sending
        else:
            pending = 0
        self.state = SaveState(kind, pending, time, message)
        self.changed.emit(self.state)
