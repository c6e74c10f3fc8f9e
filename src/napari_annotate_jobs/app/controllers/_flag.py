"""Cases are flagged: by key, button, menu or the command palette."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_annotate_jobs.app._asks import ask
from napari_annotate_jobs.model import LONGEST_REASON
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.parts._made import text_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import CaseRow, Flag
    from napari_annotate_jobs.widgets import FlagMark

    from ._workbench import Workbench

__all__ = ["FlagController"]


class FlagController(QObject):
    """Asks why a case is flagged, and keeps that.

    Parameters
    ----------
    bench : Workbench
        The job, and who looks at it.
    *marks : FlagMark
        Show the flags on the open case.
    """

    changed = Signal(str)
    """Id of a case that was flagged, or is flagged no more."""

    def __init__(self, bench: Workbench, *marks: FlagMark) -> None:
        super().__init__()
        self._bench, self._session = bench, bench.session
        self._marks: list[FlagMark] = []
        for mark in marks:
            self.offer(mark)
        self._connections = Connections(
            [
                (self._session.opened, self._show),
                (self._session.closed, self._show),
            ]
        )

    def offer(self, mark: FlagMark) -> None:
        """Show the flags on the open case here, too."""
        self._marks.append(mark)
        mark.requested.connect(self.flag)

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        return {"flag": self.flag}

    def flag(self) -> None:
        """Ask why the open case is flagged, or whether it is any more."""
        case = self._session.case
        if case is not None:
            self.ask(case.row.case.id, self._bench.window)

    def ask(self, case_id: str, window: QWidget) -> None:
        """Ask why a case is flagged, or whether it is any more.

        Parameters
        ----------
        case_id : str
            The case.
        window : QWidget
            Above which the question is shown.
        """
        store, job_id = self._session.store, self._session.job.id
        self._session.executor.run(
            lambda: store.case(job_id, case_id),
            lambda row: self._ask(row, window),
            self._bench.show_error,
        )

    def _ask(self, row: CaseRow, window: QWidget, words: str | None = None) -> None:
        me, case = self._session.store.person, row.case
        mine = next((flag for flag in row.flags if flag.person == me), None)
        others = [flag for flag in row.flags if flag is not mine]
        line = QLineEdit(words or (mine.reason if mine else ""))
        line.setMaxLength(LONGEST_REASON)
        line.setMinimumWidth(320)
        line.setPlaceholderText("What is to be looked at, in a few words")
        line.setAccessibleName("Why the case is flagged")
        line.selectAll()
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        for flag in others:
            said = text_label(text=f"{flag.person}: {flag.reason}")
            column.addWidget(said)
        column.addWidget(line)
        change = partial(self._change, row, window)
        answers: dict[str, Callable[[], None]] = {
            "Change the reason" if mine else "Flag": lambda: change(line.text())
        }
        if mine is not None:
            answers["Take the flag away"] = lambda: change(None)
        if others and self._session.job.may_review(me):
            people = [flag.person for flag in row.flags]
            answers["Take all flags away"] = lambda: self._take_away(row, people)
        box = ask(
            window,
            f"Flag {case.name} for others to look at",
            answers,
            detail="It goes to whoever reviews the case and owns the job. What you "
            "annotated stays as it is.",
            body=body,
            cancelled=self._go_back,
        )
        first = box.defaultButton()

        def heed() -> None:
            if first is not None:
                first.setEnabled(bool(line.text().strip()))

        line.textChanged.connect(heed)
        heed()
        line.setFocus()

    def _change(self, row: CaseRow, window: QWidget, reason: str | None) -> None:
        store, job_id = self._session.store, self._session.job.id
        case_id = row.case.id

        def failed(error: Exception) -> None:
            self._bench.show_error(error)
            if reason is not None:
                self._ask(row, window, reason)  # the words are not lost

        self._session.executor.run(
            lambda: store.flag(job_id, case_id, reason),
            lambda flags: self._changed(case_id, flags),
            failed,
        )

    def _take_away(self, row: CaseRow, people: list[str]) -> None:
        store, job_id = self._session.store, self._session.job.id
        case_id = row.case.id

        def take() -> tuple[Flag, ...]:
            left: tuple[Flag, ...] = ()
            for person in people:
                left = store.flag(job_id, case_id, None, person=person)
            return left

        self._session.executor.run(
            take,
            lambda flags: self._changed(case_id, flags),
            self._bench.show_error,
        )

    def _changed(self, case_id: str, flags: tuple[Flag, ...]) -> None:
        case = self._session.case
        if case is not None and case.row.case.id == case_id:
            self._say(flags)
        self._go_back()
        self.changed.emit(case_id)

    def _go_back(self) -> None:
        if self._session.case is not None:
            self._bench.release_keyboard()

    def _show(self, *_: object) -> None:
        case = self._session.case
        self._say(() if case is None else case.row.flags)

    def _say(self, flags: tuple[Flag, ...]) -> None:
        for mark in self._marks:
            mark.set_flags(flags)

    def close(self) -> None:
        """Let go of the job."""
        self._connections.release()
