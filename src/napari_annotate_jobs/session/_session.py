"""A person at work: the open job, the open case, and what follows from edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import AnnotateJobsError, TransitionError
from napari_annotate_jobs.model import CaseRow, Counts, Status

from ._editor import CaseEditor
from ._executor import SynchronousExecutor
from ._finding import Found, cases_after, first_cases, open_one
from ._opening import OpenCase, first_slice
from ._saving import Saving
from ._state import TROUBLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_annotate_jobs.model import Annotation, Submission
    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor
    from ._recovery import Recovery
    from ._windows import WindowMemory

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
        self._windows = windows
        self._broken: set[str] = set()

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

    def open_case(self, case_id: str, *, slice: int | None = None) -> None:
        """Open a case; the draft of the open one is saved first.

        Parameters
        ----------
        case_id : str
            The case.
        slice : int, optional
            The slice to show; by default the first that a reviewer commented
            on, else the first undecided one.
        """
        self._open(lambda: [self.store.case(self.job.id, case_id)], slice)

    def open_first(self) -> None:
        """Open the first returned case, else the first remaining one.

        One that cannot be opened is marked, and the next one is tried.
        """
        self._open(
            lambda: first_cases(self.store, self.job.id), None, "This job has no cases."
        )

    def go(self, step: int) -> None:
        """Open the next (1) or previous (-1) case without submitting."""
        here = None if self.case is None else self.case.row.case.id
        self._open(
            lambda: cases_after(self.store, self.job.id, here, step=step),
            None,
            f"This is the {'last' if step > 0 else 'first'} case of the job.",
        )

    def _open_next_left(self) -> None:
        here = None if self.case is None else self.case.row.case.id
        left = (Status.RETURNED, Status.REMAINING)
        self._open(
            lambda: cases_after(
                self.store, self.job.id, here, statuses=left, wrap=True
            ),
            None,
            "All cases of this job are finished.",
        )

    def _open(
        self,
        rows: Callable[[], Iterable[CaseRow]],
        index: int | None,
        nothing: str = "",
    ) -> None:
        self._generation += 1
        generation = self._generation
        self.busy.emit("Opening")

        def task() -> Found:
            return open_one(self.store, self.job.id, rows(), self._broken)

        def done(found: Found) -> None:
            if generation != self._generation:
                return
            self.busy.emit("")
            for row, _ in found.broken:
                self.marked.emit(row.case.id)
            if found.error is not None:
                self.failed.emit(found.error)
            if found.case is None:
                self._stayed()
                if not found.broken:
                    self.told.emit(nothing)
            elif self._is_behind(found.case):
                self._open(rows, index, nothing)
            elif self._may_leave(lambda: self._open(rows, index, nothing)):
                self._begin(found.case, index)

        def failed(error: Exception) -> None:
            if generation == self._generation:
                self.busy.emit("")
                self._stayed()
                self.failed.emit(error)

        def start() -> None:
            if generation != self._generation:
                return
            if self._may_leave(lambda: self._open(rows, index, nothing)):
                self.executor.run(task, done, failed)
            else:
                self.busy.emit("")

        if self._saver is None:
            start()
        else:
            self._saver.when_settled(start)

    def _is_behind(self, case: OpenCase) -> bool:
        """Return True if the open case was edited while it was loaded anew."""
        saver, here = self._saver, self.case
        if saver is None or here is None or here.row.case.id != case.row.case.id:
            return False
        newer = saver.revision > case.draft.annotation.revision
        return saver.state.kind not in TROUBLE and (newer or not saver.is_idle)

    def _begin(self, case: OpenCase, index: int | None) -> None:
        self._end_case()
        header = case.series.header
        self._saver = self._make_saver(case)
        annotation = self._recovered(case.draft, self._saver)
        self.case, self.status = case, case.draft.status
        self._submitted = case.draft.submissions
        self._editor = self._make_editor(annotation)
        known = None if self._windows is None else self._windows.recall(header)
        self._first_look = known or (case.windows[0], header.inverted)
        self._window, self._inverted = self._first_look
        self._copied = None
        self._slice = first_slice(case, self._editor) if index is None else index
        self._slice = min(max(self._slice, 0), self._editor.n_slices - 1)
        self._follow_saver(self._saver)
        self.opened.emit(case)
        if self.case is case:  # else it cannot be shown, and was closed again
            self._on_save_state(self.save_state)
            self.history_changed.emit()
            if (draft := self.offer_draft()) is not None:
                self.draft_found.emit(draft)

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
            shape=self.case.series.header.shape[1:3],
        )
        editor.changed.connect(self._on_slices_changed)
        editor.history_changed.connect(self._on_history_changed)
        return editor

    # psygnal tries out what it connects to: never connect a signal's own emit.
    def _on_slices_changed(self, indices: tuple[int, ...]) -> None:
        self.slices_changed.emit(indices)

    def _on_history_changed(self) -> None:
        self.history_changed.emit()

    def close_case(self) -> None:
        """Close the open case; its changes are saved, or kept on this computer.

        Raises
        ------
        UnsavedWorkError
            If they could be neither saved nor kept: the case stays open.
        """
        if self._editor is not None:
            self.closing.emit()
        self.check_leave(self.close_case)
        self._generation += 1  # nothing that is under way opens it, or another, again
        self.busy.emit("")
        self._end_case()

    def _end_case(self) -> None:
        if self._editor is not None:
            self.closing.emit()
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
        self._generation += 1
        if self._editor is not None:
            self.closing.emit()
        self.executor.drain()
        self.check_leave(self.close)
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
        refused = editor.submit_check().refused
        if editor.locked:
            refused = "The case is already submitted."
        if refused:
            raise TransitionError(refused.rstrip("."), where=case.row.case.name)
        generation = self._generation
        self.busy.emit("Submitting")

        def done(submission: Submission) -> None:
            self.told.emit(
                f"{case.row.case.name} was submitted (number {submission.number})."
            )
            self._tell_counts()
            if generation != self._generation:
                return
            self.busy.emit("")
            self.status, editor.locked = Status.FINISHED, True
            self._submitted = submission.number
            self.status_changed.emit(Status.FINISHED)
            self.save_state_changed.emit(self.save_state)
            if self.open_next:
                self._open_next_left()

        def failed(error: Exception) -> None:
            if generation == self._generation:
                self.busy.emit("")
            self._refused(error, saver)

        def send() -> None:
            if not saver.is_idle:
                self.busy.emit("")
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

        saver.when_settled(send)

    def _tell_counts(self) -> None:
        self.executor.run(
            lambda: self.store.counts(self.job.id),
            self.counts_changed.emit,
            self.failed.emit,
        )
