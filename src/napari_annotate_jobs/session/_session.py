"""A person at work: the open job, the open case, and what follows from edits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing._editor import CaseEditor
from napari_annotate_jobs.editing._history import Edit
from napari_annotate_jobs.editing._toggling import (
    toggle_class,
    toggle_excluded,
    toggle_nothing_to_label,
)
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    DamagedJournalError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    CaseRow,
    Counts,
    Job,
    Status,
    Window,
    history_of,
)

from ._cases import Found, mend
from ._clipboard import Clipboard
from ._discussion import Discussion
from ._executor import SynchronousExecutor
from ._going import Going
from ._habits import Habits
from ._job_watch import JobWatch, retired_text, still_chosen
from ._opening import OpenCase, first_slice
from ._protection import Protection
from ._saving import Saving
from ._state import TROUBLE
from ._wish import Goal, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import (
        Annotation,
        HistoryEvent,
        Label,
        Submission,
        Verdict,
    )
    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor
    from ._listed import Listed
    from ._recovery import Recovery
    from ._seen import SeenMemory
    from ._window_memory import WindowMemory

__all__ = ["AnnotationSession"]


class AnnotationSession:
    """What one annotator does in one job, without any window.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    executor : Executor, optional
        Runs slow things; by default everything runs at once.
    recovery : Recovery, optional
        Keeps on this computer what cannot be saved.
    windows : WindowMemory, optional
        Remembers the window chosen for each kind of series.
    seen : SeenMemory, optional
        Remembers which slices of a case were seen.
    habits : Habits, optional
        Remembers what this person is used to in this job.
    """

    opened = Signal(OpenCase)
    """A case is open; `editor` is there."""
    closing = Signal()
    """The open case is about to be closed: what is not told yet is to be told."""
    closed = Signal()
    """No case is open any more."""
    busy = Signal(str)
    """What is being done; empty when it is finished."""
    counts_changed = Signal(Counts)
    """How many cases are left."""
    submitted = Signal(CaseRow, int, str)
    """The case that was submitted, the number of its submission, and both in words."""
    marked = Signal(str)
    """Id of a case that could not be opened: the case table says why."""
    slices_changed = Signal(tuple)
    """Indices of slices that changed; empty if only the case did."""
    history_changed = Signal()
    """What undo and redo would do."""
    replayed = Signal(Edit)
    """An edit of slices was undone, or done again."""
    status_changed = Signal(Status)
    """The open case was submitted, here or elsewhere."""
    failed = Signal(Exception)
    """Something went wrong; its text says what to do."""
    slice_changed = Signal(int)
    """The current slice."""
    label_changed = Signal(object)
    """The chosen label, or None."""
    window_changed = Signal(Window)
    """The window the image is shown in."""
    inverted_changed = Signal(bool)
    """Whether high values are shown dark."""
    told = Signal(str)
    """Something the user should know."""
    job_changed = Signal(Job)
    """Owners have edited the job; the open case goes on."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        *,
        executor: Executor | None = None,
        recovery: Recovery | None = None,
        windows: WindowMemory | None = None,
        seen: SeenMemory | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.store = store
        self.job = store.job(job_id)
        self.executor = executor or SynchronousExecutor()
        heard = self._on_job, self._on_failed
        self.watch = JobWatch(store, self.job, self.executor, *heard)
        self.saving = Saving(self.job, store, self.executor, recovery, seen)
        self.seen = self.saving.seen
        self.saving.replaced.connect(self._on_replaced)
        self.saving.told.connect(self._on_told)
        self.saving.failed.connect(self._on_failed)
        self.open_next = True
        self._generation = self._slice = 0
        self._label: Label | None = None
        self._window: Window | None = None
        self.clipboard = Clipboard()
        self.clipboard.told.connect(self._on_told)
        self.protection = Protection(self.job.project.label_set, habits or Habits())
        self.protection.told.connect(self._on_told)
        self.discussion: Discussion | None = None
        self._windows = windows
        self._inverted = False
        self._going = Going(
            store,
            job_id,
            self.executor,
            self.saving,
            hold=self._hold,
            arrive=self._arrive,
            tell_broken=self._tell_broken,
            failed=self._on_failed,
        )
        self._sent: tuple[HistoryEvent, ...] = ()

    @property
    def rounds(self) -> tuple[HistoryEvent, ...]:
        """All rounds of the open case: submitted, returned by, passed by."""
        return () if self.case is None else (*self.case.history, *self._sent)

    def silence(self) -> None:
        """Emit nothing any more: those who listened are gone."""
        for part in (self, self.saving):
            for name, value in vars(type(part)).items():
                if isinstance(value, Signal):
                    getattr(part, name).block()

    # --------------------------------------------------------------- at hand
    @property
    def case(self) -> OpenCase | None:
        """The open case."""
        return self.saving.case

    @property
    def status(self) -> Status:
        """How far the open case is."""
        return self.saving.status

    @property
    def editor(self) -> CaseEditor:
        """The open case's annotation; a TransitionError if no case is open."""
        return self.saving.editor

    @property
    def is_open(self) -> bool:
        """True if a case is open."""
        return self.saving.is_open

    @property
    def locked(self) -> bool:
        """True if the open case cannot be edited now, or none is open."""
        return not self.is_open or self.editor.is_fixed

    @property
    def slice(self) -> int:
        """Index of the current slice; clipped to the series when set."""
        return self._slice

    @slice.setter
    def slice(self, index: int) -> None:
        last = self.editor.n_slices - 1 if self.is_open else 0
        index = min(max(int(index), 0), last)
        if index != self._slice:
            self._slice = index
            self.slice_changed.emit(index)

    @property
    def label(self) -> Label | None:
        """The chosen label."""
        return self._label

    @label.setter
    def label(self, label: Label | None) -> None:
        label = None if label is None else self.job.project.label_set[label.id]
        if label is not None and label.retired:
            self.told.emit(retired_text(label))
            return
        before, self._label = self._label, label
        if label != before:
            self.protection.begin(label)
        self.label_changed.emit(label)

    @property
    def window(self) -> Window | None:
        """The window the image is shown in; None before a case is open."""
        return self._window

    @window.setter
    def window(self, window: Window) -> None:
        if window != self._window:
            self._window = window
            self.window_changed.emit(window)

    @property
    def inverted(self) -> bool:
        """Whether high values are shown dark."""
        return self._inverted

    @inverted.setter
    def inverted(self, inverted: bool) -> None:
        if inverted != self._inverted:
            self._inverted = inverted
            self.inverted_changed.emit(inverted)

    # --------------------------------------------------------------- actions
    def toggle(self, label: Label, indices: Sequence[int] | None = None) -> bool:
        """Put a class label on the slices (the current one), or take it away.

        It is taken away if all of the slices carry it. A label of scope case is
        toggled for the case. Put on several slices, it leaves a range behind.
        """
        return toggle_class(self.editor, label, self._chosen(indices))

    def toggle_nothing_to_label(
        self, indices: Sequence[int] | None = None, *, clear: bool = False
    ) -> bool:
        """Mark the slices (the current one) as verified negatives, or lift that."""
        chosen = self._chosen(indices)
        return toggle_nothing_to_label(self.editor, chosen, clear=clear)

    def toggle_excluded(self, indices: Sequence[int] | None = None) -> bool:
        """Exclude the slices (the current one), or bring them back."""
        return toggle_excluded(self.editor, self._chosen(indices))

    def _chosen(self, indices: Sequence[int] | None) -> list[int]:
        return [self._slice] if indices is None else list(indices)

    def copy_slice(self) -> None:
        """Remember what the current slice holds, to paste it elsewhere."""
        self.clipboard.copy_slice(self.editor, self._slice)

    def paste_slice(self, indices: Sequence[int] | None = None) -> bool:
        """Add what was copied to slices (the current one); see :class:`Clipboard`."""
        return self.clipboard.paste(self.editor, self._chosen(indices), self._slice)

    def undo(self) -> None:
        """Take back the last edit and show its slice."""
        edit = self.editor.history.done[-1:]
        self._focus(self.editor.undo(self.slice), edit)

    def redo(self) -> None:
        """Do again what was undone and show its slice."""
        index = self.editor.redo(self.slice)
        self._focus(index, self.editor.history.done[-1:])

    def _focus(self, index: int | None, edits: tuple[Edit, ...]) -> None:
        if index is not None:
            self.slice = index
            self.replayed.emit(edits[0])

    def go_undecided(self, step: int = 1) -> None:
        """Go to the next (1) or previous (-1) undecided slice."""
        index = self.editor.next_undecided(self._slice, step)
        if index < 0:
            self.told.emit("Every slice of this case is decided.")
        else:
            self.slice = index

    def go_change(self, step: int = 1) -> None:
        """Go to the next (1) or previous (-1) slice that says something else."""
        if (index := self.editor.next_change(self._slice, step)) >= 0:
            self.slice = index

    # ------------------------------------------------------------ navigation
    def cases(self, status: Status | None = None) -> Sequence[CaseRow]:
        """Return the cases of the job, all of them: for scripts."""
        return list(self.store.every_case(self.job.id, status))

    @property
    def doing(self) -> str:
        """What is being done, such as opening a case; empty if nothing is."""
        return self._going.doing

    @property
    def is_moving(self) -> bool:
        """True while a case is opened or submitted.

        The open case, which is the one that is left, cannot be edited nor submitted
        then. Wishes to go elsewhere are heard: the last one counts.
        """
        return bool(self.doing) or self._going.is_showing

    @property
    def is_showing(self) -> bool:
        """True while a case is being put where the former one was."""
        return self._going.is_showing

    def open_case(
        self,
        case_id: str,
        *,
        slice: int | None = None,
        listed: Listed[str] | None = None,
    ) -> None:
        """Open a case; the draft of the open one is saved first.

        Parameters
        ----------
        case_id : str
            The case.
        slice : int, optional
            The slice to show; by default the first with an open thread of a
            reviewer, else the first undecided one.
        listed : Listed, optional
            The list that it is opened from: what comes next is said by its order.
        """
        self._going.listed = listed
        self._going.go(Wish(Goal.CASE, case_id, slice))

    @property
    def listed(self) -> Listed[str] | None:
        """The list by whose order one goes on; None for the job's order."""
        return self._going.listed

    def open_first(self) -> None:
        """Open the first returned case, else the first remaining one that opens."""
        self._going.listed = None
        self._going.go(Wish(Goal.FIRST))

    def mend_case(self, case_id: str) -> None:
        """Go on with the saves of a case that are whole, and open it.

        What is damaged is kept beside them first; where, is told.
        """

        def mended(told: str) -> None:
            if told:
                self.told.emit(told)
            self.open_case(case_id)

        self.executor.run(
            lambda: mend(self.store, self.job.id, case_id), mended, self.failed.emit
        )

    def go(self, step: int) -> None:
        """Open the next (1) or previous (-1) case without submitting.

        While a case is being opened, the steps are counted from that one: asked for
        three times, it opens the third case, and none of those between. A step on and
        one back stay where they began.
        """
        self._going.go((self._going.wish or Wish()).then(step))

    def stay(self) -> None:
        """Give up opening another case; the open one stays open."""
        self._going.go(Wish())

    def settle(self) -> None:
        """Finish what is under way and go nowhere; all is saved then, or kept."""
        self.stay()
        self._going.is_ending = True
        try:
            if self.is_open:
                self.closing.emit()
            self.executor.drain()
        finally:
            self._going.is_ending = False

    def when_shown(self, call: Callable[[], None]) -> None:
        """Call `call` now, or once the case that is just being shown stands there."""
        self._going.when_shown(call)

    def _hold(self, doing: str, before: str) -> None:
        """Hold the open case while something is done, and say what."""
        if self.is_open:
            if doing and not before:
                self.closing.emit()
            self.editor.held = doing
        if doing != before:
            self.busy.emit(doing)

    def _tell_broken(self, found: Found) -> None:
        for row, error in found.broken:
            if isinstance(error, DamagedJournalError):
                error.go_on = partial(self.mend_case, row.case.id)
            self.marked.emit(row.case.id)
        if found.error is not None:
            self.failed.emit(found.error)

    def _arrive(self, wish: Wish, found: Found) -> None:
        """Leave the open case for the one that was loaded, if there is one."""
        if found.case is None:
            self._going.give_up()
            if not found.broken:
                is_listed = self._going.listed is not None
                self.told.emit(wish.nothing(is_listed=is_listed))
            return
        self._hear_all()
        # One that is behind is loaded anew.
        if not self._is_behind(found.case) and not self._going.must_stay(wish):
            self._begin(found.case, wish.slice)

    def _hear_all(self) -> None:
        """Let the layers tell what was written into them without a word."""
        if self.is_open:
            self.editor.held = ""
            self.closing.emit()
            self.editor.held = self.doing

    def _is_behind(self, case: OpenCase) -> bool:
        """Return True if the open case was edited while it was loaded anew."""
        saver, here = self.saving.saver, self.case
        if saver is None or here is None or here.row.case.id != case.row.case.id:
            return False
        newer = saver.revision > case.draft.annotation.revision
        return saver.state.kind not in TROUBLE and (newer or not saver.is_idle)

    def _begin(self, case: OpenCase, index: int | None) -> None:
        """Show a case in the place of the open one.

        Whoever runs the event loop meanwhile changes nothing: wishes wait until the
        case stands there.
        """
        self._going.wish = None
        self._generation += 1
        with self._going.undisturbed():
            self._end_case()
            self._take_up(case, index)
            self.opened.emit(case)
        if self.case is case:  # else it cannot be shown, and was closed again
            self.watch.look()
            self.saving.look()
            self.history_changed.emit()
            if (draft := self.saving.offer_draft()) is not None:
                self.saving.draft_found.emit(draft)

    def _take_up(self, case: OpenCase, index: int | None) -> None:
        header = case.series.header
        self.discussion = Discussion(
            self.store,
            self.job.id,
            case.row.case.id,
            self.store.person,
            case.threads,
            self.executor,
        )
        self.discussion.failed.connect(self._on_failed)
        self._sent = ()
        self.clipboard.clear()
        self._edit(self.saving.begin(case))
        known = None if self._windows is None else self._windows.recall(header)
        self._first_look = known or (case.windows[0], header.inverted)
        self._window, self._inverted = self._first_look
        self._slice = first_slice(case, self.editor) if index is None else index
        self._slice = min(max(self._slice, 0), self.editor.n_slices - 1)

    def _edit(self, annotation: Annotation) -> None:
        """Edit a version of the open case."""
        saver = self.saving.saver
        assert self.case is not None and saver is not None
        store, job, case_id = self.store, self.job.id, self.case.row.case.id
        editor = CaseEditor(
            annotation,
            self.case.series.header.slices,
            self.job.project,
            person=store.person,
            read_blob=lambda digest: (
                saver.blob(digest) or store.read_blob(job, case_id, digest)
            ),
            on_change=self.saving.add,
            locked=self.status is Status.FINISHED,
            refused=self.saving.refusal(),
            shape=self.case.series.header.shape[1:3],
        )
        editor.held = self.doing
        self.protection.follow(editor)
        editor.changed.connect(self._on_slices_changed)
        editor.history_changed.connect(self._on_history_changed)
        if self.discussion is not None:
            self.discussion.follow_draft(annotation.comments)
        self.saving.edit_with(editor)

    def _on_replaced(self, annotation: Annotation) -> None:
        """Show another version of the open case."""
        self._edit(annotation)
        self.slices_changed.emit(tuple(range(self.editor.n_slices)))
        self.history_changed.emit()
        self.status_changed.emit(self.status)

    def _on_job(self, job: Job) -> None:
        """Go on with a job that its owners have edited; nothing is closed or lost."""
        self.job = self.saving.job = job
        self.protection.use_labels(job.project.label_set)
        if self.is_open:
            self.editor.use_project(job.project)
        label, text = still_chosen(self._label, job.project.label_set)
        if label != self._label:
            self.label = label
        self.job_changed.emit(job)
        if text:
            self.told.emit(text)

    # psygnal tries out what it connects to: never connect a signal's own emit.
    def _on_told(self, text: str) -> None:
        self.told.emit(text)

    def _on_failed(self, error: Exception) -> None:
        self.failed.emit(error)

    def _on_slices_changed(self, indices: tuple[int, ...]) -> None:
        if self.discussion is not None:
            self.discussion.follow_draft(self.editor.annotation.comments)
        self.slices_changed.emit(indices)

    def _on_history_changed(self) -> None:
        self.history_changed.emit()

    def close_case(self) -> None:
        """Close the open case; its changes are saved, or kept on this computer.

        What is under way opens it, or another one, no more.

        Raises
        ------
        UnsavedWorkError
            If they could be neither saved nor kept: the case stays open.
        """
        if self.is_showing:
            self.when_shown(self.close_case)
            return
        self._hear_all()
        self.saving.check_leave(self.close_case)
        self._generation += 1
        self._going.wish, self._going.is_submitting = None, False
        with self._going.undisturbed():
            self._end_case()
        self._going.go_on()

    def _end_case(self) -> None:
        was_open = self.is_open
        self._remember_window()
        if was_open:
            self.editor.changed.disconnect()
            self.editor.history_changed.disconnect()
        if self.discussion is not None:
            self.discussion.failed.disconnect()
        self.discussion = None
        self.protection.follow(None)
        self.saving.end()
        if was_open:
            self.closed.emit()

    def _remember_window(self) -> None:
        if self._windows is None or self.case is None or self._window is None:
            return
        look = self._window, self._inverted
        if look != self._first_look:
            self._windows.remember(self.case.series.header, *look)

    def close(self) -> None:
        """End the session: wait until all is saved, or kept on this computer.

        Raises
        ------
        UnsavedWorkError
            If something could be neither saved nor kept: the session goes on.
        """
        if self.is_showing:
            self.when_shown(self.close)
            return
        self.settle()
        self.saving.check_leave(self.close)
        self._going.is_ending = True
        self.close_case()
        self.store.close()

    # ------------------------------------------------------------ submitting
    def submit(self) -> None:
        """Submit the open case; then open the next one that is left.

        Raises
        ------
        TransitionError
            If it cannot be submitted as it stands (see
            :meth:`CaseEditor.submit_check`).
        """
        saver, case, editor = self.saving.saver, self.case, self.editor
        assert saver is not None and case is not None
        if self.is_moving:
            raise TransitionError(
                "the case cannot be submitted now "
                f"({(self.doing or 'Opening').lower()})",
                where=case.row.case.name,
                remedy="Wait until that is done",
            )
        refused = editor.submit_check().refused
        if editor.locked:
            refused = "The case is already submitted."
            if self.status is not Status.FINISHED and editor.refused is not None:
                raise editor.refused
        if refused:
            raise TransitionError(refused.rstrip("."), where=case.row.case.name)
        generation, seen, going = self._generation, self.seen.text, self._going
        going.is_submitting = True
        going.tell_doing()

        def over() -> None:
            if generation == self._generation:
                going.is_submitting, going.wish = False, None
                going.tell_doing()

        def done(submission: Submission) -> None:
            number, row = submission.number, case.row
            text = f"{row.case.name} was submitted (number {number}). {seen}".strip()
            self.told.emit(text)
            self.submitted.emit(row, number, text)
            self._note_left(row.case.id, -1)
            self._tell_counts()
            if generation != self._generation:
                return
            going.is_submitting = False
            self._sent = history_of([submission], ())
            self.saving.finish(submission.number)
            editor.locked = True
            self.status_changed.emit(Status.FINISHED)
            self.saving.look()
            if self.open_next and going.wish is None:
                going.go(Wish(Goal.LEFT))
            going.tell_doing()
            going.go_on()

        def failed(error: Exception) -> None:
            over()
            self.saving.refused(error, saver)

        def send() -> None:
            if not saver.is_idle:
                over()
                self.failed.emit(
                    AnnotateJobsError(
                        "the case was not submitted, because its changes are not "
                        "saved yet",
                        where=case.row.case.name,
                        remedy=saver.state.message or "Try again when they are",
                    )
                )
                return
            submit = partial(self.store.submit, self.job.id, case.row.case.id)
            self.executor.run(lambda: submit(base=saver.revision), done, failed)

        self.saving.complete()
        saver.when_settled(send)

    def reopen(self, case_id: str | None = None) -> None:
        """Take a submission back, and open the case to edit it again.

        Parameters
        ----------
        case_id : str, optional
            The case; the open one by default.
        """
        case = case_id or self.editor.annotation.case_id

        def done(_: Verdict) -> None:
            self._note_left(case, 1)
            self._tell_counts()
            self.open_case(case, listed=self.listed)

        self.executor.run(
            lambda: self.store.reopen(self.job.id, case), done, self._on_failed
        )

    def _note_left(self, case_id: str, by: int) -> None:
        if self.listed is not None:
            self.listed.note_left(case_id, by)

    def _tell_counts(self) -> None:
        count = partial(self.store.counts, self.job.id)
        self.executor.run(count, self.counts_changed.emit, self.failed.emit)
