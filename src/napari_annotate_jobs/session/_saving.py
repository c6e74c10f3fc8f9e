"""What is saved of the open case, and where: conflicts, late work, leaving it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing._merge import give_up, on_top
from napari_annotate_jobs.editing._view import CaseView
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ConflictError,
    CorruptError,
    LockedError,
    RoleError,
    TransitionError,
    UnsavedWorkError,
)
from napari_annotate_jobs.model import AnnotationChange, Status, Verb, check_verb

from ._difference import Conflict, LateWork, differences, only_there
from ._saver import Saver
from ._seen import SeenSlices
from ._state import TROUBLE, SaveKind, SaveState, Unsaved, changes
from ._trail import changed_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from napari_annotate_jobs.editing._editor import CaseEditor
    from napari_annotate_jobs.model import (
        Annotation,
        Job,
        Submission,
    )
    from napari_annotate_jobs.stores import Draft, JobStore

    from ._executor import Executor
    from ._opening import OpenCase
    from ._recovery import Kept, Recovery
    from ._seen import SeenMemory

__all__ = ["Saving"]

_PARTS = {
    "case_labels": "labels of the case",
    "case_nothing_to_label": "Nothing to Label of the case",
    "case_attributes": "attributes of the case",
    "ranges": "propagated ranges",
    "comments": "comments",
}


class Saving:
    """What is saved of the open case, and where: conflicts, late work, leaving it.

    Parameters
    ----------
    job : Job
        The job.
    store : JobStore
        Where it is.
    executor : Executor
        Runs slow things.
    recovery : Recovery, optional
        Keeps on this computer what cannot be saved.
    memory : SeenMemory, optional
        Remembers which slices of a case were seen.

    Attributes
    ----------
    seen : SeenSlices
        What is seen of the open case: it is saved with what is edited.
    case : OpenCase or None
        The open case.
    saver : Saver or None
        What sends its changes.
    status : Status
        How far the case is, here or elsewhere.
    submissions : int
        How often it was submitted.
    """

    state_changed = Signal(SaveState)
    """The truth about saving."""
    replaced = Signal(object)
    """Another version of the open case is to be shown, an Annotation."""
    conflict_moved = Signal()
    """While it was asked about, the other version was changed again: ask again."""
    late_work = Signal(LateWork)
    """The case was submitted elsewhere; this was drawn here since."""
    draft_found = Signal(LateWork)
    """A draft is there of what was drawn on the case while it was read-only."""
    told = Signal(str)
    """Something the user should know."""
    failed = Signal(Exception)
    """Something went wrong; its text says what to do."""

    def __init__(
        self,
        job: Job,
        store: JobStore,
        executor: Executor,
        recovery: Recovery | None,
        memory: SeenMemory | None = None,
    ) -> None:
        self.job = job
        self.seen = SeenSlices(memory)
        self.store = store
        self.executor = executor
        self.case: OpenCase | None = None
        self.saver: Saver | None = None
        self.status = Status.REMAINING
        self.submissions = 0
        self._editor: CaseEditor | None = None
        self.recovery = recovery
        """Where what cannot be saved is kept; counts for cases opened from now on."""
        self._trouble: str | None = None

    @property
    def editor(self) -> CaseEditor:
        """The open case's annotation.

        Raises
        ------
        TransitionError
            If no case is open.
        """
        if self._editor is None:
            raise TransitionError(
                "no case is open", remedy="Open one from the job's page first"
            )
        return self._editor

    def refusal(self) -> RoleError | None:
        """Return why this person may not annotate, None if they may."""
        me = self.store.person
        try:
            check_verb(Verb.SAVE, job=self.job, person=me, author=me, review=None)
        except RoleError as error:
            return error
        return None

    @property
    def is_open(self) -> bool:
        """True if a case is open."""
        return self._editor is not None

    @property
    def state(self) -> SaveState:
        """The truth about saving."""
        if self.saver is None or self.case is None:
            return SaveState()
        number = self.submissions if self.status is Status.FINISHED else 0
        return replace(self.saver.state, submitted=number)

    def begin(self, case: OpenCase) -> Annotation:
        """Look after a case that is opened.

        Returns
        -------
        Annotation
            The draft, with what could not be saved the last time.
        """
        self.saver = saver = Saver(
            self.store,
            self.job.id,
            case.row.case.id,
            annotation=case.draft.annotation,
            keys=[slice_id.key for slice_id in case.series.header.slices],
            executor=self.executor,
            recovery=self.recovery,
        )
        annotation = self._recovered(case.draft, saver)
        self.case, self.status = case, case.draft.status
        self.submissions = case.draft.submissions
        saver.changed.connect(self._on_saver)
        saver.meeting.connect(self._hear)
        saver.submitted_elsewhere.connect(self._on_submitted_elsewhere)
        saver.merged.connect(self._on_merged)
        return annotation

    def edit_with(self, editor: CaseEditor) -> None:
        """Save what an editor changes, from now on."""
        assert self.saver is not None
        keys, told = editor.keys(range(editor.n_slices)), editor.annotation.seen
        self.seen.follow(self.saver.place, keys, told, counts=not editor.locked)
        self._editor = editor

    def end(self) -> None:
        """Look after no case any more."""
        if self.saver is not None:
            self.saver.changed.disconnect()
            self.saver.meeting.disconnect()
            self.saver.submitted_elsewhere.disconnect()
            self.saver.merged.disconnect()
            self.saver.close()
        self.seen.end()
        self._trouble = None
        self.case = self.saver = self._editor = None

    def _hear(self) -> None:
        if self._editor is not None:
            self._editor.untold.hear()

    def finish(self, number: int) -> None:
        """Note that the case was submitted, for the time of this number."""
        self.status, self.submissions = Status.FINISHED, number
        self.seen.finish()

    def look(self) -> None:
        """Tell how it stands, and of trouble that was not told of."""
        if self.saver is not None:
            self._on_saver(self.saver.state)

    def _on_saver(self, state: SaveState) -> None:
        self.state_changed.emit(self.state)
        # Another reason is another trouble.
        trouble = f"{state.kind} {state.reason}" if state.kind in TROUBLE else None
        if trouble is not None and trouble != self._trouble:
            # What is wrong comes first: of a notification one line is seen.
            text = f"{state.text[:1].upper()}{state.text[1:]}. {state.message}"
            self.failed.emit(AnnotateJobsError(text.rstrip(".")))
        self._trouble = trouble

    def _recovered(self, draft: Draft, saver: Saver) -> Annotation:
        """Add what could not be saved the last time."""
        annotation = draft.annotation
        try:
            annotation, told = saver.recover(
                annotation, finished=draft.status is Status.FINISHED
            )
        except CorruptError as error:
            self.failed.emit(error)
        else:
            if told:
                self.told.emit(told)
        if (folder := saver.keeper.away()) is not None:
            self.failed.emit(
                AnnotateJobsError(
                    "unsaved changes of this case were saved in a folder that is not "
                    "there now",
                    where=folder,
                    remedy="Connect that disk, then open the case again",
                )
            )
        return annotation

    def add(self, change: AnnotationChange, blobs: Mapping[str, bytes]) -> None:
        """Save a change soon, with the masks it needs."""
        if self.saver is not None:
            if seen := self.seen.take():
                change = change.then(AnnotationChange(seen=seen))
            self.saver.add(change, blobs)

    def complete(self) -> None:
        """Save what else belongs into a submission."""
        saver = self.saver
        if saver is None:
            return
        saver.name_slices()
        known = () if saver.base is None else (*saver.base.seen, *saver.waiting.seen)
        if saver.base is not None and (seen := self.seen.left(known)):
            saver.add(AnnotationChange(seen=seen), {})

    def retry(self) -> None:
        """Try again to save what could not be saved."""
        if self.saver is not None:
            self.saver.retry()

    # --------------------------------------------------------------- leaving
    def unsaved(self) -> Unsaved | None:
        """Return the work that would be lost if the case were left now, if any.

        What can be kept on this computer is not lost: it is kept first.
        """
        saver, case = self.saver, self.case
        if saver is None or case is None or not (why := saver.at_risk()):
            return None
        change, state = saver.waiting, saver.state
        keys = {slice_id.key: slice_id.index for slice_id in self.editor.slices}
        why = state.message if why in state.message else f"{state.message} {why}"
        return Unsaved(
            case=case.row.case.name,
            count=saver.count,
            slices=tuple(sorted(keys[key] for key in change.slices if key in keys)),
            parts=tuple(
                text
                for name, text in _PARTS.items()
                if getattr(change, name) is not None
            ),
            reason=why.strip(),
        )

    def check_leave(self, go_on: Callable[[], None] | None = None) -> None:
        """Do nothing if the open case may be left: nothing would be lost.

        Parameters
        ----------
        go_on : callable, optional
            Leaves, once what is unsaved was saved elsewhere or given up.

        Raises
        ------
        UnsavedWorkError
            If work would be lost.
        """
        if (unsaved := self.unsaved()) is not None:
            raise UnsavedWorkError(
                unsaved.text.rstrip("."),
                remedy="Free some space or connect the disk, save them in another "
                "folder (save_elsewhere), or give them up (discard_unsaved)",
                unsaved=unsaved,
                go_on=go_on,
            )

    def may_leave(self, go_on: Callable[[], None]) -> bool:
        """Return True if the case may be left; else whoever listens is asked."""
        try:
            self.check_leave(go_on)
        except UnsavedWorkError as error:
            self.failed.emit(error)
            return False
        return True

    def stayed(self) -> None:
        """Hear that the case was not left after all: nothing is given up."""
        if self.saver is not None:
            self.saver.keep_on()

    def save_elsewhere(self, folder: Path) -> Path:
        """Save what is saved nowhere in a folder of one's choice.

        It is found there when the case is opened again, and brought into the job.

        Parameters
        ----------
        folder : Path
            An existing folder, on a disk with room.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        StoreAccessError
            If it cannot be written either.
        TransitionError
            If no case is open.
        """
        self.editor  # noqa: B018 - says that none is open
        assert self.saver is not None
        path, advice = self.saver.keep_in(Path(folder))
        self.told.emit(
            advice
            or f"Saved in {path.parent}. It is found there when the case is opened "
            "again, and brought into the job."
        )
        return path

    def discard_unsaved(self) -> None:
        """Let go of what is saved nowhere, should the case be left next."""
        if self.saver is not None:
            self.saver.give_up()

    def rescue(self) -> Path | None:
        """Save what is saved nowhere wherever there is room: nobody can be asked.

        Returns
        -------
        Path or None
            The file; None if there is nothing to save, or no room anywhere.
        """
        if self.unsaved() is None or self.saver is None:
            return None
        for folder in (Path.home(), Path(tempfile.gettempdir())):
            try:
                return self.saver.keep_in(folder)[0]
            except (AnnotateJobsError, OSError):
                continue
        return None

    # ------------------------------------------------------------- conflicts
    def _view(self, annotation: Annotation) -> CaseView:
        """Return another version of the open case, to look at."""
        assert self.case is not None
        store, job, case_id = self.store, self.job.id, self.case.row.case.id
        return CaseView(
            annotation,
            self.editor.slices,
            self.job.project,
            read_blob=lambda digest: store.read_blob(job, case_id, digest),
        )

    @property
    def conflict(self) -> Conflict | None:
        """What to choose between, while there is a conflict whose cause is known."""
        saver = self.saver
        if saver is None or self.state.kind is not SaveKind.CONFLICT:
            return None
        if saver.theirs is None:
            return None
        change, other = saver.waiting, self._view(saver.theirs.annotation)
        others: tuple[int, ...] = ()
        if saver.base is not None:
            others = only_there(change.slices, self._view(saver.base), other)
        return Conflict(
            person=self.store.person,
            time=other.annotation.modified,
            differences=differences(self.editor, other, change, saver.trail()),
            others=others,
            theirs=other,
            parts=frozenset(changed_parts(change)),
        )

    def resolve_conflict(
        self,
        *,
        keep_mine: bool,
        but: Collection[int | None] = (),
        seen: Conflict | None = None,
    ) -> None:
        """Settle a conflict with someone who changed the same annotation.

        Parameters
        ----------
        keep_mine : bool
            True saves your changes on top of theirs: slices that both changed
            become yours. False shows their version; your changes stay on this
            computer, in the folder of unsaved work.
        but : collection of int or None
            Indices of slices of which theirs counts all the same; None for the case
            as a whole. Yours stay on this computer, too.
        seen : Conflict, optional
            What the choice was made by: if there is more to choose by now, nothing
            is done, and :attr:`conflict_moved` tells.
        """
        saver, case = self.saver, self.case
        if saver is None or case is None or saver.state.kind is not SaveKind.CONFLICT:
            return

        def done(draft: Draft) -> None:
            if self.saver is not saver:  # another case is open, or none
                return
            self._hear()
            if draft.status is Status.FINISHED:
                self._on_submitted_elsewhere(draft)
                return
            theirs = draft.annotation
            named, trail = saver.named(theirs), saver.trail()
            if seen is not None and trail is not None:
                shown = seen.theirs.annotation
                if not trail.is_seen(named, shown, seen.parts):
                    saver.theirs = draft
                    self.conflict_moved.emit()
                    return
            if not keep_mine and not saver.drop():
                return
            if keep_mine and but:
                keys = [self.editor.slices[i].key for i in but if i is not None]
                left = give_up(saver.waiting, keys, whole=None in but)
                if not saver.keep_only(left):
                    return
            self.status = draft.status
            change = on_top(named, saver.waiting)
            saver.rebase(theirs, change)
            self.replaced.emit(named.apply(change, revision=theirs.revision))

        self.executor.run(saver.load_now, done, self.failed.emit)

    def refused(self, error: Exception, saver: Saver) -> None:
        """Hear why a case was not submitted."""
        if self.saver is saver and isinstance(error, ConflictError | LockedError):
            saver.look_again(error)
        else:
            self.failed.emit(error)

    def _on_merged(self, annotation: Annotation) -> None:
        """Show what this person changed elsewhere beside what was changed here."""
        if self.case is not None and self.is_open:
            self.replaced.emit(annotation)
            self.told.emit(
                "This case was changed in another window, too. Its slices are shown "
                "now beside yours: nothing was replaced."
            )

    # ------------------------------------------------- submitted elsewhere
    def _on_submitted_elsewhere(self, draft: Draft) -> None:
        """Make the case read-only at once, and a draft of what was drawn since."""
        saver = self.saver
        if saver is None or self.case is None or not self.is_open:
            return
        change, count = saver.waiting, saver.count
        mine = self._editor_view()
        kept = saver.drop(as_draft=True)
        self.status, self.submissions = Status.FINISHED, draft.submissions
        saver.meet_submission(draft.annotation)
        self._trouble = None
        self.replaced.emit(draft.annotation)
        self._on_saver(saver.state)
        late = LateWork(
            count=count,
            time=None,
            number=draft.submissions,
            differences=differences(mine, self.editor, change, late=True),
            mine=mine,
            kept=kept,
        )
        case_id = self.case.row.case.id

        def tell(submissions: Sequence[Submission] = ()) -> None:
            time = submissions[-1].time if submissions else None
            if self.saver is saver:
                self.late_work.emit(replace(late, time=time))

        self.executor.run(
            lambda: self.store.submissions(self.job.id, case_id),
            tell,
            lambda error: tell(),
        )

    def _editor_view(self) -> CaseView:
        editor = self.editor
        return CaseView(
            editor.annotation,
            editor.slices,
            self.job.project,
            read_blob=editor.blob,
        )

    def offer_draft(self) -> LateWork | None:
        """Return the draft that is there for the open case, if it can be edited."""
        saver = self.saver
        if saver is None or self._editor is None or self._editor.is_fixed:
            return None
        try:
            kept = saver.keeper.draft()
        except CorruptError as error:
            self.failed.emit(error)
            return None
        if kept is None:
            return None
        annotation = self.editor.annotation
        change = self._draft_change(kept)
        store, job = self.store, self.job
        case_id = annotation.case_id
        mine = CaseView(
            annotation.apply(change, revision=annotation.revision),
            self.editor.slices,
            job.project,
            read_blob=lambda digest: (
                kept.blobs.get(digest) or store.read_blob(job.id, case_id, digest)
            ),
        )
        return LateWork(
            count=kept.count,
            time=None,
            number=0,
            differences=differences(mine, self.editor, kept.change, late=True),
            mine=mine,
            kept=True,
        )

    def _draft_change(self, kept: Kept) -> AnnotationChange:
        """Return what a draft adds to the open case."""
        editor = self.editor
        names = editor.keys(range(editor.n_slices))
        change = kept.change.with_keys(names, editor.annotation)
        return on_top(editor.annotation, change)

    def take_draft(self) -> bool:
        """Add what the draft says to the open case, as one undo step."""
        saver = self.saver
        kept = None if saver is None else saver.keeper.draft()
        if saver is None or kept is None:
            return False
        change = self._draft_change(kept)
        done = self.editor.lay_on(change, kept.blobs, text="Add the draft")
        saver.keeper.drop_draft()
        self.told.emit(f"{changes(kept.count)} of the draft were added.")
        return done

    def drop_draft(self) -> None:
        """Delete the draft of the open case for good."""
        if self.saver is not None:
            self.saver.keeper.drop_draft()
