"""A person at work: the open job, the open case, and what follows from edits."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing._editor import CaseEditor
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    DamagedJournalError,
    RoleError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    CaseRow,
    Counts,
    Status,
    Verb,
    check_verb,
    history_of,
)

from ._cases import Found, open_one
from ._discussion import Discussion
from ._executor import SynchronousExecutor
from ._opening import OpenCase, first_slice
from ._saving import Saving
from ._state import TROUBLE
from ._wish import Goal, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import (
        Annotation,
        HistoryEvent,
        Submission,
        Verdict,
    )
    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor
    from ._recovery import Recovery
    from ._window_memory import WindowMemory

__all__ = ["AnnotationSession"]


class AnnotationSession(Saving):
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
    submitted = Signal(CaseRow, int)
    """The case that was submitted, and the number of its submission."""
    marked = Signal(str)
    """Id of a case that could not be opened: the case table says why."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        *,
        executor: Executor | None = None,
        recovery: Recovery | None = None,
        windows: WindowMemory | None = None,
    ) -> None:
        super().__init__(
            store.job(job_id), store, executor or SynchronousExecutor(), recovery
        )
        self.open_next = True
        self.discussion: Discussion | None = None
        self._windows = windows
        self._wish: Wish | None = None
        self._told_doing = ""
        self._loading = self._showing = False
        self._submitting = self._staying = False
        self._when_shown: list[Callable[[], None]] = []
        self._broken: set[str] = set()
        self._sent: tuple[HistoryEvent, ...] = ()

    @property
    def rounds(self) -> tuple[HistoryEvent, ...]:
        """All rounds of the open case: submitted, returned by, passed by."""
        return () if self.case is None else (*self.case.history, *self._sent)

    # ------------------------------------------------------------ navigation
    def cases(self, status: Status | None = None) -> Sequence[CaseRow]:
        """Return the cases of the job, all of them: for scripts."""
        rows: list[CaseRow] = []
        while True:
            page = self.store.cases(
                self.job.id, status=status, offset=len(rows), limit=500
            )
            rows.extend(page.rows)
            if not page.rows or len(rows) >= page.total:
                return rows

    @property
    def doing(self) -> str:
        """What is being done, such as opening a case; empty if nothing is."""
        if self._submitting:
            return "Submitting"
        return "" if self._wish is None else self._wish.doing

    @property
    def is_moving(self) -> bool:
        """True while a case is opened or submitted.

        The open case, which is the one that is left, cannot be edited nor submitted
        then. Wishes to go elsewhere are heard: the last one counts.
        """
        return bool(self.doing) or self._showing

    @property
    def is_showing(self) -> bool:
        """True while a case is being put where the former one was."""
        return self._showing

    def open_case(self, case_id: str, *, slice: int | None = None) -> None:
        """Open a case; the draft of the open one is saved first.

        Parameters
        ----------
        case_id : str
            The case.
        slice : int, optional
            The slice to show; by default the first with an open thread of a
            reviewer, else the first undecided one.
        """
        self._go(Wish(Goal.CASE, case_id, slice))

    def open_first(self) -> None:
        """Open the first returned case, else the first remaining one.

        One that cannot be opened is marked, and the next one is tried.
        """
        self._go(Wish(Goal.FIRST))

    def mend_case(self, case_id: str) -> None:
        """Go on with the saves of a case that are whole, and open it.

        What is damaged is kept beside them first; where, is told.
        """
        checker, job_id = self.store.checker, self.job.id
        if checker is None:
            self.open_case(case_id)
            return

        def mended(kept: Path | None) -> None:
            if kept is not None:
                self.told.emit(
                    "Gone on with the saves that are whole; what was there is kept as "
                    f"{kept.name}."
                )
            self.open_case(case_id)

        self.executor.run(
            lambda: checker.mend_case(job_id, case_id), mended, self.failed.emit
        )

    def go(self, step: int) -> None:
        """Open the next (1) or previous (-1) case without submitting.

        While a case is being opened, the steps are counted from that one: asked for
        three times, it opens the third case, and none of those between. A step on and
        one back stay where they began.
        """
        self._go((self._wish or Wish()).then(step))

    def stay(self) -> None:
        """Give up opening another case; the open one stays open."""
        self._go(Wish())

    def settle(self) -> None:
        """Finish what is under way and go nowhere; all is saved then, or kept."""
        self.stay()
        self._staying = True
        try:
            if self._editor is not None:
                self.closing.emit()
            self.executor.drain()
        finally:
            self._staying = False

    def when_shown(self, call: Callable[[], None]) -> None:
        """Call `call` now, or once the case that is just being shown stands there.

        For what takes away what is being built up: closing a dock, the window, the
        job.
        """
        if self._showing:
            self._when_shown.append(call)
        else:
            call()

    def _go(self, wish: Wish) -> None:
        if self._staying or wish == self._wish:
            return
        self._wish = None if wish.is_stay else wish
        self._tell_doing()
        self._go_on()

    def _tell_doing(self) -> None:
        """Hold the open case while something is done, and say what."""
        doing, before = self.doing, self._told_doing
        self._told_doing = doing
        if self._editor is not None:
            if doing and not before:
                self.closing.emit()
            self._editor.held = doing
        if doing != before:
            self.busy.emit(doing)

    def _go_on(self) -> None:
        """Begin to make the wish true, unless something else must end before."""
        if self._wish is None or self._loading or self._showing or self._submitting:
            return
        self._loading = True
        if self._saver is None:
            self._load()
        else:
            self._saver.when_settled(self._load)

    def _load(self) -> None:
        wish, store, job_id, known = self._wish, self.store, self.job.id, self._broken
        here = None if self.case is None else self.case.row.case.id
        if wish is None or self._must_stay(wish):  # or given up meanwhile
            self._loading = False
            return

        def task() -> Found:
            return open_one(store, job_id, wish.rows(store, job_id, here, known), known)

        def done(found: Found) -> None:
            self._loading = False
            if self._wish is wish:
                self._tell_broken(found)
            if self._wish is wish:  # else another one came, or none is left
                self._arrive(wish, found)
            self._go_on()

        def failed(error: Exception) -> None:
            self._loading = False
            if self._wish is wish:
                self._give_up()
                self.failed.emit(error)
            self._go_on()

        self.executor.run(task, done, failed)

    def _give_up(self) -> None:
        """Go nowhere: the open case stays open, and what is in it is not let go."""
        self._wish = None
        self._stayed()
        self._tell_doing()

    def _must_stay(self, wish: Wish) -> bool:
        """Return True if the case cannot be left: whoever listens is asked."""
        if self.unsaved() is None:
            return False
        self._wish = None
        self._tell_doing()
        return not self._may_leave(partial(self._go, wish))

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
            self._give_up()
            if not found.broken:
                self.told.emit(wish.nothing)
            return
        self._hear_all()
        # One that is behind is loaded anew.
        if not self._is_behind(found.case) and not self._must_stay(wish):
            self._begin(found.case, wish.slice)

    def _hear_all(self) -> None:
        """Let the layers tell what was written into them without a word."""
        if self._editor is not None:
            self._editor.held = ""
            self.closing.emit()
            self._editor.held = self._told_doing

    def _is_behind(self, case: OpenCase) -> bool:
        """Return True if the open case was edited while it was loaded anew."""
        saver, here = self._saver, self.case
        if saver is None or here is None or here.row.case.id != case.row.case.id:
            return False
        newer = saver.revision > case.draft.annotation.revision
        return saver.state.kind not in TROUBLE and (newer or not saver.is_idle)

    def _begin(self, case: OpenCase, index: int | None) -> None:
        """Show a case in the place of the open one.

        Whoever runs the event loop meanwhile changes nothing: wishes wait until the
        case stands there.
        """
        self._wish = None
        self._generation += 1
        with self._undisturbed():
            self._end_case()
            self._take_up(case, index)
            self.opened.emit(case)
        if self.case is case:  # else it cannot be shown, and was closed again
            self._on_save_state(self.save_state)
            self.history_changed.emit()
            if (draft := self.offer_draft()) is not None:
                self.draft_found.emit(draft)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Let wishes, and whoever would close what is half there, wait meanwhile."""
        self._showing = True
        try:
            yield
        finally:
            self._showing = False
            self._tell_doing()
            waiting, self._when_shown = self._when_shown, []
            for call in waiting:
                call()

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
        self._saver = self._make_saver(case)
        annotation = self._recovered(case.draft, self._saver)
        self.case, self.status, self._sent = case, case.draft.status, ()
        self._submitted = case.draft.submissions
        self._editor = self._make_editor(annotation)
        known = None if self._windows is None else self._windows.recall(header)
        self._first_look = known or (case.windows[0], header.inverted)
        self._window, self._inverted = self._first_look
        self._copied = None
        self._slice = first_slice(case, self._editor) if index is None else index
        self._slice = min(max(self._slice, 0), self._editor.n_slices - 1)
        self._follow_saver(self._saver)

    def _make_editor(self, annotation: Annotation) -> CaseEditor:
        assert self.case is not None and self._saver is not None
        store, job, case_id = self.store, self.job.id, self.case.row.case.id
        saver = self._saver
        editor = CaseEditor(
            annotation,
            self.case.series.header.slices,
            self.job.project,
            person=store.person,
            read_blob=lambda digest: (
                saver.blob(digest) or store.read_blob(job, case_id, digest)
            ),
            on_change=self._save,
            locked=self.status is Status.FINISHED,
            refused=self._refusal(),
            shape=self.case.series.header.shape[1:3],
        )
        editor.held = self.doing
        editor.changed.connect(self._on_slices_changed)
        editor.history_changed.connect(self._on_history_changed)
        if self.discussion is not None:
            self.discussion.follow_draft(annotation.comments)
        return editor

    def _refusal(self) -> RoleError | None:
        """Return why this person may not annotate, None if they may."""
        me = self.store.person
        try:
            check_verb(Verb.SAVE, job=self.job, person=me, author=me, review=None)
        except RoleError as error:
            return error
        return None

    # psygnal tries out what it connects to: never connect a signal's own emit.
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
        if self._showing:
            self.when_shown(self.close_case)
            return
        if self._editor is not None:
            self._hear_all()
        self.check_leave(self.close_case)
        self._generation += 1
        self._wish, self._submitting = None, False
        with self._undisturbed():
            self._end_case()
        self._go_on()

    def _end_case(self) -> None:
        if self._saver is not None:
            self._saver.changed.disconnect()
            self._saver.submitted_elsewhere.disconnect()
            self._saver.close()
        self._trouble = None
        was_open = self._editor is not None
        self._remember_window()
        if self._editor is not None:
            self._editor.changed.disconnect()
            self._editor.history_changed.disconnect()
        if self.discussion is not None:
            self.discussion.failed.disconnect()
        self.discussion = None
        self._editor = self._saver = self.case = None
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
        if self._showing:
            self.when_shown(self.close)
            return
        self.settle()
        self.check_leave(self.close)
        self._staying = True
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
        saver, case, editor = self._saver, self.case, self.editor
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
        generation = self._generation
        self._submitting = True
        self._tell_doing()

        def over() -> None:
            if generation == self._generation:
                self._submitting = False
                self._wish = None
                self._tell_doing()

        def done(submission: Submission) -> None:
            self.told.emit(
                f"{case.row.case.name} was submitted (number {submission.number})."
            )
            self.submitted.emit(case.row, submission.number)
            self._tell_counts()
            if generation != self._generation:
                return
            self._submitting = False
            self._sent = history_of([submission], ())
            self.status, editor.locked = Status.FINISHED, True
            self._submitted = submission.number
            self.status_changed.emit(Status.FINISHED)
            self.save_state_changed.emit(self.save_state)
            if self.open_next and self._wish is None:
                self._go(Wish(Goal.LEFT))
            self._tell_doing()
            self._go_on()

        def failed(error: Exception) -> None:
            over()
            self._refused(error, saver)

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
            self.executor.run(
                lambda: self.store.submit(
                    self.job.id, case.row.case.id, base=saver.revision
                ),
                done,
                failed,
            )

        saver.name_slices()
        saver.when_settled(send)

    def reopen(self, case_id: str | None = None) -> None:
        """Take a submission back, and open the case to edit it again.

        Parameters
        ----------
        case_id : str, optional
            The case; the open one by default.
        """
        case = case_id
        if case is None:
            assert self.case is not None
            case = self.case.row.case.id

        def done(_: Verdict) -> None:
            self._tell_counts()
            self.open_case(case)

        self.executor.run(
            lambda: self.store.reopen(self.job.id, case), done, self._on_failed
        )

    def _tell_counts(self) -> None:
        self.executor.run(
            lambda: self.store.counts(self.job.id),
            self.counts_changed.emit,
            self.failed.emit,
        )
