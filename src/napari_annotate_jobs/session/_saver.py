"""Brings the changes of one case into the store, without being asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing._merge import is_said, on_top
from napari_annotate_jobs.errors import (
    AccessWords,
    AnnotateJobsError,
    ConflictError,
    LockedError,
    LogInError,
    StoreAccessError,
    access_words,
)
from napari_annotate_jobs.model import AnnotationChange, Status, now

from ._batch import NOTHING, Batch
from ._keeper import Keeper
from ._recovery import Kept
from ._state import TROUBLE, WAITING, SaveKind, SaveState, changes
from ._trail import Trail, changed_parts, only_parts, without_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import Annotation
    from napari_annotate_jobs.stores import Draft, JobStore

    from ._executor import Executor
    from ._recovery import Recovery

__all__ = ["Saver"]

RETRY_SECONDS = (2.0, 5.0, 10.0, 30.0)
"""How long to wait before each new try; the last one counts for all others."""
SLOW_SECONDS = 0.5
"""A change that is not in the store by then is kept on this computer meanwhile."""


class Saver:
    """Saves changes in the order they come; those that wait are saved as one.

    Parameters
    ----------
    store : JobStore
        Where to.
    job_id, case_id : str
        The case.
    annotation : Annotation
        As it is in the store: the first change is made on it.
    keys : sequence of str
        The keys of the slices of the series, in their order: slices that an old
        document names by index get their keys, and the next change is saved with
        these.
    executor : Executor
        Runs the saving.
    recovery : Recovery, optional
        Keeps what cannot be saved.

    Attributes
    ----------
    revision : int
        The store's, as far as known.
    base : Annotation or None
        What the store says at that revision, with keys; None if that is not known.
    state : SaveState
        The truth about saving.
    keeper : Keeper
        Has what is not saved, on this computer.
    theirs : Draft or None
        In a conflict, what the store says instead.
    """

    changed = Signal(SaveState)
    meeting = Signal()
    """What others say instead is about to be met: what is not told yet is to be."""
    merged = Signal(object)
    """Others changed other slices meanwhile; with the Annotation that has both."""
    submitted_elsewhere = Signal(object)
    """The case was submitted meanwhile; with the Draft that was frozen."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        case_id: str,
        *,
        annotation: Annotation,
        keys: Sequence[str] = (),
        executor: Executor,
        recovery: Recovery | None = None,
    ) -> None:
        self._slice_keys = tuple(keys)
        self._stand_on(annotation)
        self.state = SaveState(time=annotation.modified, server=store.is_remote)
        self._store = store
        self._job_id, self._case_id = job_id, case_id
        self._executor = executor
        corrects = annotation.corrects
        self._of = () if corrects is None else (f"correction of {corrects.person}",)
        self.keeper = Keeper(recovery, self.place)
        self._waiting = self._sending = NOTHING
        self._failures = 0
        self._idle_calls: list[Callable[[], None]] = []
        self._watching = self._retry_planned = self._closed = False
        self._looking, self._why = False, ""
        self._given_up: AnnotationChange | None = None

    def _stand_on(self, annotation: Annotation) -> None:
        """Take what the store says for what changes are made on."""
        self.revision = annotation.revision
        self.base: Annotation | None = self.named(annotation)
        self._naming = annotation.naming(self._slice_keys)
        self.theirs: Draft | None = None
        self._tried: dict[str, tuple[str, ...]] = {}

    def named(self, annotation: Annotation) -> Annotation:
        """Return what the store says, with keys where it has indices of slices."""
        return annotation.with_keys(self._slice_keys)

    def name_slices(self) -> None:
        """Save the keys of slices that the store knows by index, if there are any."""
        if not self._naming.is_empty and self.is_idle:
            self.add(AnnotationChange(), {})

    @property
    def is_idle(self) -> bool:
        """True if everything is in the store."""
        return not self._unsaved.count

    @property
    def place(self) -> tuple[str, ...]:
        """Names the case among all cases of all stores, and a copy of it apart."""
        store, copy = self._store, self._of
        return store.location, self._job_id, self._case_id, store.person, *copy

    @property
    def count(self) -> int:
        """Number of changes that are not in the store yet."""
        return self._unsaved.count

    @property
    def waiting(self) -> AnnotationChange:
        """What is not in the store yet, as one change."""
        return self._unsaved.change

    @property
    def _unsaved(self) -> Batch:
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
        self._waiting = self._waiting.then(Batch(change, blobs, count))
        if self.state.kind in TROUBLE:
            self._tell_again(self._keep())
            return
        if not self._is_busy:
            self._send()
        if not self.is_idle and self.state.kind not in TROUBLE:
            self._tell(SaveKind.PENDING)
            self._watch()

    def recover(
        self, annotation: Annotation, *, finished: bool = False
    ) -> tuple[Annotation, str]:
        """Take, and save, what was kept on this computer the last time.

        Parameters
        ----------
        annotation : Annotation
            As it is in the store now.
        finished : bool
            The case was submitted meanwhile: what was kept becomes a draft.

        Returns
        -------
        (Annotation, str)
            With what was found, and what to tell the user; empty if there is nothing.

        Raises
        ------
        CorruptError
            If it cannot be read; it was moved aside.
        """
        kept = self.keeper.load()
        if kept is None:
            return annotation, ""
        # Its trail knows the store's words, and so may be of indices.
        trails = (annotation, self.named(annotation))
        annotation = trails[1]
        mine = kept.change.with_keys(self._slice_keys, annotation)
        change = on_top(annotation, mine)
        said = is_said(annotation, change)
        if said and finished:  # it was saved, but we were gone by then
            self.keeper.forget()
            return annotation, ""
        if finished:
            self.keeper.put_away(as_draft=True)
            return annotation, (
                f"{changes(kept.count)} of the last time came too late: the case was "
                "submitted elsewhere. They are kept on this computer as a draft, and "
                "offered if the case is returned."
            )
        if said:
            # The store may have failed to make safe what it shows: what is kept here
            # goes only once it has taken it.
            self.add(mine, kept.blobs, kept.count)
            return annotation, ""
        own = kept.base == annotation.revision or (
            kept.trail is not None and any(map(kept.trail.leads_to, trails))
        )
        if not own and self._store.is_remote and kept.trail is not None:
            own = any(map(kept.trail.is_beside, trails))
        if not own:  # the store says so, and what is there instead
            self.revision, self.base = kept.base, None
        elif kept.trail is not None:
            self._tried = kept.trail.known
        self.add(mine, kept.blobs, kept.count)
        return annotation.apply(change, revision=annotation.revision), (
            f"{changes(kept.count)} of the last time, not saved then, "
            f"{'was' if kept.count == 1 else 'were'} found on this computer."
        )

    def retry(self) -> None:
        """Try again to save what could not be saved."""
        if self._waiting.count and not self._is_busy:
            self._send()

    def rebase(self, theirs: Annotation, change: AnnotationChange) -> None:
        """Save `change`, with the masks at hand, on top of what the store says."""
        self._stand_on(theirs)
        if not self._waiting.count:
            self._tell(SaveKind.CLEAN)
            return
        self._waiting = Batch(change, self._waiting.blobs, self._waiting.count)
        self._keep()
        self._tell(SaveKind.PENDING)
        self.retry()

    def drop(self, *, as_draft: bool = False) -> bool:
        """Give up what waits, but keep it on this computer, aside or as a draft.

        Returns
        -------
        bool
            False if it could not be kept; then it is not given up.
        """
        if not self._waiting.count:
            return True
        if (fault := self._keep()) or not self.keeper.put_away(as_draft=as_draft):
            self._tell_again(fault)
            return False
        self._waiting = NOTHING
        self._tell(SaveKind.CLEAN)
        return True

    def keep_only(self, change: AnnotationChange) -> bool:
        """Give up a part of what waits, but keep all of it on this computer, aside.

        Parameters
        ----------
        change : AnnotationChange
            What is left of it.

        Returns
        -------
        bool
            False if it could not be kept; then nothing is given up.
        """
        if change.is_empty:
            return self.drop()
        if (fault := self._keep()) or not self.keeper.put_away(as_draft=False):
            self._tell_again(fault)
            return False
        waiting = self._waiting
        count = min(waiting.count, len(changed_parts(change)))
        self._waiting = Batch(change, waiting.blobs, count)
        return True

    def look_again(self, error: ConflictError | LockedError) -> None:
        """See what the store says instead of what is known here.

        What follows from the person's own changes alone is no conflict: the store
        may have saved them and been cut off before it could say so. A case that was
        submitted meanwhile is told of, in :attr:`submitted_elsewhere`.
        """
        self._looking = True

        def seen(draft: Draft) -> None:
            if not self._closed:
                self.meeting.emit()
            self._looking = False
            if not self._closed:
                self._meet(draft, error)
            self._settle()

        def unseen(fault: Exception) -> None:
            self._looking = False
            if self._store.is_remote and isinstance(fault, StoreAccessError):
                self._fail(fault)  # whether it is one is seen when it can be asked
            else:
                self._tell_refused(error)
            self._settle()

        self._executor.run(self.load_now, seen, unseen)

    def load_now(self) -> Draft:
        """Return what the store says at this moment.

        Raises
        ------
        StoreAccessError
            If it only knows what stood there before.
        """
        draft = self._store.load(self._job_id, self._case_id)
        if draft.seen is not None:
            away = StoreAccessError(
                "the server does not answer", where=self._store.location
            )
            away.words = AccessWords("", "It is tried again by itself", away=True)
            raise away
        return draft

    def meet_submission(self, frozen: Annotation) -> None:
        """Stand on what was submitted; what could not be made a draft waits on."""
        self._stand_on(frozen)

    def _meet(self, draft: Draft, error: ConflictError | LockedError) -> None:
        theirs, trail = draft.annotation, self.trail()
        if draft.status is Status.FINISHED:
            self._tell_refused(error)
            self.submitted_elsewhere.emit(draft)
        elif (
            theirs.revision != self.revision
            and trail
            and trail.leads_to(self.named(theirs))
        ):
            self.rebase(theirs, self._waiting.change)
        elif self._store.is_remote and trail and trail.is_beside(self.named(theirs)):
            change = on_top(self.named(theirs), self._waiting.change)
            self.rebase(theirs, change)
            self.merged.emit(self.named(theirs).apply(change, revision=theirs.revision))
        elif self._store.is_remote and trail and (free := self._free(trail, theirs)):
            self._send_free(draft, free, error)
        else:
            self.theirs = draft
            self._tell_refused(error)

    def _free(self, trail: Trail, theirs: Annotation) -> AnnotationChange | None:
        """Return what waits for slices that nobody else changed, if there is some."""
        waiting, named = self._waiting.change, self.named(theirs)
        if named.case_nothing_to_label or "case_nothing_to_label" in trail.known:
            return None
        parts = {p for p in changed_parts(waiting) if p.startswith("slices/")}
        free = {part for part in parts if trail.holds(part, named)}
        return only_parts(waiting, free) if free else None

    def _send_free(
        self,
        draft: Draft,
        free: AnnotationChange,
        error: ConflictError | LockedError,
    ) -> None:
        """Save the slices that are no conflict; what is one waits to be settled."""
        self._looking = True
        named, blobs = self.named(draft.annotation), dict(self._waiting.blobs)
        change, base = on_top(named, free), draft.annotation.revision

        def task() -> Draft:
            self._store.save(self._job_id, self._case_id, change, blobs, base=base)
            return self.load_now()

        def end(theirs: Draft) -> None:
            self._looking = False
            self.theirs = theirs
            if not self._closed:
                self._tell_refused(error)
            self._settle()

        def done(theirs: Draft) -> None:
            if self.base is not None:
                self.base = self.base.apply(free, revision=self.base.revision)
            waiting = self._waiting
            rest = without_parts(waiting.change, free)
            count = min(waiting.count, max(len(changed_parts(rest)), 1))
            self._waiting = Batch(rest, waiting.blobs, count)
            end(theirs)

        self._executor.run(task, done, lambda _: end(draft))

    def _tell_refused(self, error: AnnotateJobsError) -> None:
        conflict = isinstance(error, ConflictError)
        kind = SaveKind.CONFLICT if conflict else SaveKind.FAILED
        reason = "submitted elsewhere" if isinstance(error, LockedError) else ""
        self._why = str(error)
        self._tell(kind, f"{error}{self._keep()}", reason=reason)

    def trail(self) -> Trail | None:
        """Return what tells this person's own changes from those of others."""
        if self.base is None:
            return None
        sent, waiting = self._sending.change, self._waiting.change
        return Trail.of(self.base, sent, waiting, tried=self._tried)

    def at_risk(self) -> str:
        """Say why what is not saved would be lost now; empty if nothing would."""
        unsaved = self._unsaved
        if not unsaved.count or unsaved.change == self._given_up:
            return ""
        if not self.keeper.is_able:
            return "There is no folder for unsaved work on this computer."
        return self._keep().strip()

    def give_up(self) -> None:
        """Let what is not saved now be dropped, should the case be left."""
        self._given_up = self._unsaved.change

    def keep_on(self) -> None:
        """Let nothing be dropped after all: the case was not left."""
        self._given_up = None

    def keep_in(self, folder: Path) -> tuple[Path, str]:
        """Keep what is not saved in another folder; see :meth:`Keeper.keep_in`."""
        done = self.keeper.keep_in(folder, self._to_keep())
        self._tell_again()
        return done

    def when_settled(self, call: Callable[[], None]) -> None:
        """Call `call` once nothing is under way: all is saved, or kept aside."""
        if self._is_busy:
            self._idle_calls.append(call)
        else:
            call()

    def close(self) -> None:
        """Stop trying again; what is not saved yet stays on this computer.

        Whether it does is asked before, with :meth:`at_risk`.
        """
        self._closed = True
        if self._unsaved.change != self._given_up:
            self._keep()

    # ---------------------------------------------------------------- saving
    @property
    def _is_busy(self) -> bool:
        return bool(self._sending.count) or self._looking

    def _send(self) -> None:
        batch, base = self._waiting, self.revision
        self._waiting, self._sending = NOTHING, batch
        # Beside the batch, not in it: in a conflict it is nothing to insist on.
        change = self._naming.then(batch.change)

        def task() -> int:
            return self._store.save(
                self._job_id, self._case_id, change, batch.blobs, base=base
            )

        def done(revision: int) -> None:
            self.revision, self._sending, self._failures = revision, NOTHING, 0
            self._naming = AnnotationChange()
            self._tried = {}
            if self.base is not None:
                self.base = self.base.apply(batch.change, revision=revision)
            if self._waiting.count:
                if self.keeper.holds:  # what was saved just now must not come back
                    self._keep()
                self._tell(SaveKind.PENDING)
                self._send()
            else:
                self.keeper.forget()
                self._tell(SaveKind.SAVED)
            self._settle()

        def failed(error: Exception) -> None:
            # It may be in the store nevertheless, whatever is changed meanwhile.
            if (trail := self.trail()) is not None:
                self._tried = trail.known
            self._waiting, self._sending = batch.then(self._waiting), NOTHING
            other = isinstance(error, ConflictError | LockedError | StoreAccessError)
            refused = isinstance(error, AnnotateJobsError) and not other
            if refused and not self._naming.is_empty:
                # Something may be wrong with slices that were only named: work does
                # not wait for that. They are named when they are edited.
                self._naming = AnnotationChange()
                self._send()
                return
            self._fail(error)
            self._settle()

        self._executor.run_after_paint(task, done, failed)

    def _fail(self, error: Exception) -> None:
        fault = self._keep()
        if isinstance(error, ConflictError | LockedError):
            self.look_again(error)
            return
        known = isinstance(error, AnnotateJobsError)
        if isinstance(error, LogInError):
            self._why = str(error)
            message = self._message(SaveKind.LOG_IN, fault)
            self._tell(SaveKind.LOG_IN, message, reason="log in again")
            return
        self._why = (
            str(error)
            if known
            else f"Saving failed unexpectedly ({type(error).__name__}: {error})."
        )
        if known and not isinstance(error, StoreAccessError):
            self._tell(SaveKind.FAILED, self._why + fault)
            return
        kind, reason, remedy = SaveKind.BLOCKED, "saving failed", ""
        if isinstance(error, OSError):
            words = access_words(error)
            reason, remedy = words.short, words.remedy
            if words.away:
                kind = SaveKind.OFFLINE
        self._tell(kind, self._message(kind, fault), reason=reason, remedy=remedy)
        self._plan_retry(getattr(error, "retry_after", None) or 0.0)

    def _plan_retry(self, least: float) -> None:
        if self._retry_planned:
            return
        self._retry_planned = True
        wait = max(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)], least)
        self._failures += 1
        self._executor.later(wait, self._retry_later)

    def _retry_later(self) -> None:
        self._retry_planned = False
        if not self._closed and self.state.kind in WAITING:
            self.retry()

    # --------------------------------------------------------------- keeping
    def _watch(self) -> None:
        """Keep changes here if the store takes its time: it may never answer."""
        if self.keeper.is_able and not self._watching:
            self._watching = True
            self._executor.later(SLOW_SECONDS, self._keep_if_slow)

    def _keep_if_slow(self) -> None:
        self._watching = False
        if not self._closed and not self.is_idle:
            self._keep()

    def _keep(self) -> str:
        """Keep what is not saved on this computer; say what went wrong with that."""
        return self.keeper.keep(self._to_keep()) if self._unsaved.count else ""

    def _to_keep(self) -> Kept:
        unsaved = self._unsaved
        blobs = dict(unsaved.blobs)
        return Kept(unsaved.change, blobs, self.revision, unsaved.count, self.trail())

    def _settle(self) -> None:
        calls, self._idle_calls = self._idle_calls, []
        for call in calls:
            self.when_settled(call)

    @property
    def _where(self) -> str:
        other = self.keeper.elsewhere
        return "on this computer" if other is None else f"in {other}"

    def _message(self, kind: SaveKind, fault: str) -> str:
        waits = kind in WAITING or kind is SaveKind.LOG_IN
        if not fault and self.keeper.holds and waits:
            fault = f" Your changes are kept {self._where} and saved later."
        return self._why + fault

    def _tell_again(self, fault: str = "") -> None:
        """Tell the same trouble, of what is waiting now."""
        state = self.state
        message = self._message(state.kind, fault)
        self._tell(state.kind, message, reason=state.reason, remedy=state.remedy)

    def _tell(
        self, kind: SaveKind, message: str = "", *, reason: str = "", remedy: str = ""
    ) -> None:
        time = now() if kind is SaveKind.SAVED else self.state.time
        pending = 0 if kind is SaveKind.SAVED else self._unsaved.count
        self.state = SaveState(
            kind,
            pending,
            time,
            message.strip(),
            self.keeper.holds and bool(pending),
            where=self._where,
            reason=reason,
            remedy=remedy,
            server=self._store.is_remote,
        )
        self.changed.emit(self.state)
