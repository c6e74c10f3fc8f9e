"""What is asked when work is not in the job: conflicts, late work, full disks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Signal

from napari_annotate_jobs.errors import AnnotateJobsError, UnsavedWorkError
from napari_annotate_jobs.session import (
    WAITING,
    SaveKind,
    Unsaved,
    changes,
    name_slices,
)
from napari_annotate_jobs.widgets import DifferenceView

from ._asks import ask, choose_folder, take_back
from ._pictures import draw_difference, draw_slice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from qtpy.QtWidgets import QMessageBox, QWidget

    from napari_annotate_jobs.editing import CaseView
    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.session import Difference, Executor, LateWork

    from .controllers import Workbench

__all__ = ["SaveQuestions"]


class SaveQuestions(QObject):
    """Asks what is to become of work that is not in the job.

    One question is shown at a time: a later one takes its place.

    Parameters
    ----------
    bench : Workbench
        Whose session it is about.
    images : Executor
        Reads pixels.
    series : callable
        Returns the volume that is shown, or None.
    parent : QObject, optional
        What it goes away with.
    """

    log_in_requested = Signal()
    """The server wants to know who asks, before anything is saved."""

    def __init__(
        self,
        bench: Workbench,
        images: Executor,
        series: Callable[[], Series | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._bench, self._images, self._series = bench, images, series
        self._box: QMessageBox | None = None
        bench.session.saving.late_work.connect(self.tell_late)
        bench.session.saving.draft_found.connect(self.offer_draft)
        bench.session.saving.conflict_moved.connect(self._ask_again)

    # --------------------------------------------------------------- leaving
    def leave(
        self, go_on: Callable[[], None], stay: Callable[[], None] | None = None
    ) -> None:
        """Call `go_on` once the case may be left; ask if work would be lost.

        Parameters
        ----------
        go_on : callable
            Leaves the case.
        stay : callable, optional
            Called if the user would rather stay.
        """
        session = self._bench.session
        self._bench.take()
        if session.saving.unsaved() is not None:  # unless it is only under way
            session.executor.drain()
        try:
            session.saving.check_leave(lambda: self.leave(go_on, stay))
        except UnsavedWorkError as error:
            self.ask_leave(error, stay)
        else:
            go_on()

    def end_session(self) -> None:
        """Close the session: what nobody can be asked about any more is rescued."""
        session = self._bench.session
        try:
            session.close()
        except UnsavedWorkError as error:
            path = session.saving.rescue()
            what = "and lost" if path is None else f"but rescued: {path}"
            print(f"napari-annotate-jobs: {error.what}, {what}", file=sys.stderr)
            session.saving.discard_unsaved()
            session.close()

    def ask_leave(
        self, error: UnsavedWorkError, stay: Callable[[], None] | None = None
    ) -> None:
        """Ask whether to stay, save elsewhere, or give up what is saved nowhere.

        Parameters
        ----------
        error : UnsavedWorkError
            What would be lost, and how to leave.
        stay : callable, optional
            Brings back what was taken away already.
        """
        unsaved = error.unsaved
        assert isinstance(unsaved, Unsaved)

        def go_on() -> None:
            # Not before the question is gone: the window may be closed.
            if (call := error.go_on) is not None:
                QTimer.singleShot(0, lambda: self._try(call))

        def discard() -> None:
            self._bench.session.saving.discard_unsaved()
            go_on()

        self._ask(
            unsaved.text,
            {
                "Save elsewhere…": lambda: self.save_elsewhere(go_on, stay),
                f"Discard {changes(unsaved.count)}": discard,
            },
            detail=f"{unsaved.reason}\n\nSaved elsewhere, they are found again when "
            "the case is opened.",
            cancel="Stay",
            cancelled=stay,
        )

    def save_elsewhere(
        self,
        then: Callable[[], None] | None = None,
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """Let a folder be chosen for what is saved nowhere.

        Parameters
        ----------
        then : callable, optional
            Called once it is saved there.
        otherwise : callable, optional
            Called if it is not.
        """

        def chosen(folder: str) -> None:
            try:
                self._bench.session.saving.save_elsewhere(Path(folder))
            except AnnotateJobsError as error:
                self._bench.show_error(error)
                if otherwise is not None:
                    otherwise()
            else:
                if then is not None:
                    then()

        dialog = choose_folder(
            self._bench.window, "Save unsaved changes in a folder", chosen
        )
        if otherwise is not None:
            dialog.rejected.connect(otherwise)

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except AnnotateJobsError as error:
            self._bench.show_error(error)

    # -------------------------------------------------------------- settling
    def settle(self) -> None:
        """Settle a conflict, try again to save, or save elsewhere."""
        session = self._bench.session
        state = session.saving.state
        if state.kind is SaveKind.CONFLICT:
            self._ask_conflict()
        elif state.kind is SaveKind.LOG_IN:
            self.log_in_requested.emit()
        elif state.is_lost and (state.reason or state.kind not in WAITING):
            self._ask(
                f"{state.text[:1].upper()}{state.text[1:]}.",
                {
                    "Try again": session.saving.retry,
                    "Save elsewhere…": self.save_elsewhere,
                },
                detail=state.message,
            )
        else:
            session.saving.retry()

    def _ask_again(self) -> None:
        # Not before the answer that was given is dealt with.
        QTimer.singleShot(0, lambda: self._ask_conflict(again=True))

    def _ask_conflict(self, *, again: bool = False) -> None:
        saving = self._bench.session.saving
        conflict, saver = saving.conflict, saving.saver
        if again and conflict is None:
            return
        text = "This annotation was changed elsewhere while you worked on it."
        detail = (
            "Keep mine saves your slices on top of theirs. Take theirs shows their "
            "version; your changes stay on this computer."
        )
        body = None
        if conflict is not None:
            text = (
                f"This annotation was changed elsewhere under the name "
                f"{conflict.person}{_at(conflict.time)}, in another window or on "
                "another computer."
            )
            if again:
                text = f"It was changed again meanwhile: look once more. {text}"
            if conflict.others:
                detail += (
                    f" What they changed on {name_slices(conflict.others)} only, "
                    "stays in any case."
                )
            if not conflict.differences:
                detail += " Both versions say the same of what you changed."
            several = len(conflict.differences) > 1
            body = self._differences(
                conflict.differences,
                "Yours",
                "Theirs",
                saving.editor,
                conflict.theirs,
                choose=several,
            )

        def settle(keep_mine: bool, but: Sequence[int | None] = ()) -> None:
            # Another case may have been opened meanwhile.
            if saving.saver is saver:
                saving.resolve_conflict(keep_mine=keep_mine, but=but, seen=conflict)

        answers: dict[str, Callable[[], None]] = {
            "Keep mine": lambda: settle(True),
            "Take theirs": lambda: settle(False),
        }
        if body is not None and body.choices:
            chosen = body
            answers = {
                "Save as chosen": lambda: settle(True, chosen.taken()),
                "Keep all mine": answers["Keep mine"],
                "Take all theirs": answers["Take theirs"],
            }
            detail = (
                "Choose for each slice. What you do not keep of yours stays on this "
                f"computer.{detail.partition('on this computer.')[2]}"
            )
        self._ask(
            text,
            answers,
            detail=detail,
            cancel="Decide later",
            body=body,
        )

    # ------------------------------------------------------------- late work
    def tell_late(self, late: LateWork) -> None:
        """Tell that the case was submitted elsewhere, and of what was drawn since."""
        session = self._bench.session
        text = (
            f"This case was submitted elsewhere{_at(late.time)} (number "
            f"{late.number}). It is read-only now."
        )
        if not late.count:
            self._ask(text, {"OK": lambda: None}, cancel="")
            return
        count = changes(late.count)
        if late.kept:
            detail = (
                f"What was drawn here since ({count}) is kept on this computer as a "
                "draft. It is offered when the case is returned."
            )
            answers: dict[str, Callable[[], None]] = {
                "Keep the draft": lambda: None,
                f"Discard {count}": session.saving.drop_draft,
            }
        else:
            detail = f"What was drawn here since ({count}) is saved nowhere. " + (
                session.saving.state.message
            )
            answers = {
                "Save elsewhere…": self.save_elsewhere,
                "Try again": session.saving.retry,
            }
        self._ask(
            text,
            answers,
            detail=detail,
            cancel="" if late.kept else "Decide later",
            body=self._differences(
                late.differences, "Drawn since", "Submitted", late.mine, session.editor
            ),
        )

    def offer_draft(self, late: LateWork) -> None:
        """Offer what was drawn on the case while it was read-only."""
        session = self._bench.session
        count = changes(late.count)
        self._ask(
            f"There is a draft of {count}, drawn after this case had been submitted "
            "elsewhere.",
            {
                "Add the draft": lambda: self._try(session.saving.take_draft),
                "Discard the draft": session.saving.drop_draft,
            },
            detail="Added, its slices take the place of those of the case. One Undo "
            "takes them back.",
            cancel="Not now",
            body=self._differences(
                late.differences, "Draft", "Case now", late.mine, session.editor
            ),
        )

    # -------------------------------------------------------------- internals
    def _ask(
        self,
        text: str,
        answers: Mapping[str, Callable[[], None]],
        *,
        detail: str = "",
        cancel: str = "Cancel",
        body: QWidget | None = None,
        cancelled: Callable[[], None] | None = None,
    ) -> None:
        self.close()
        box = ask(
            self._bench.window,
            text,
            answers,
            detail=detail,
            cancel=cancel,
            body=body,
            cancelled=cancelled,
        )
        self._box = box
        box.finished.connect(self._on_finished)

    def _on_finished(self) -> None:
        self._box = None
        self._bench.release_keyboard()

    def close(self) -> None:
        """Take the question back that is shown."""
        box, self._box = self._box, None
        take_back(box)

    def _differences(
        self,
        rows: Sequence[Difference],
        mine: str,
        theirs: str,
        my_view: CaseView,
        their_view: CaseView,
        *,
        choose: bool = False,
    ) -> DifferenceView | None:
        if not rows:
            return None

        def draw(index: int, is_mine: bool, reply: Callable[[Any], None]) -> None:
            series, window = self._series(), self._bench.session.window
            if series is None or window is None:
                reply(None)
                return
            view = my_view if is_mine else their_view
            self._images.run(
                lambda: draw_slice(
                    series.read_slice(index), series, view, index, window, 192
                ),
                reply,
                lambda error: reply(None),
            )

        def between(index: int, reply: Callable[[Any], None]) -> None:
            series, window = self._series(), self._bench.session.window
            if series is None or window is None:
                reply(None)
                return
            self._images.run(
                lambda: draw_difference(
                    series.read_slice(index),
                    series,
                    my_view,
                    their_view,
                    index,
                    window,
                    192,
                ),
                reply,
                lambda error: reply(None),
            )

        return DifferenceView(rows, mine, theirs, draw, between=between, choose=choose)


def _at(time: datetime | None) -> str:
    """Say when something was, in local time."""
    if time is None:
        return ""
    here = time.astimezone()
    return f" at {here:%H:%M} on {here:%d %b %Y}"
