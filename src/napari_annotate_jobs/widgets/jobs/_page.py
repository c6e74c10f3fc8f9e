"""The page of one job: what is to be done, how far it is, and its cases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalDebouncer

from napari_annotate_jobs.model import Counts, ReviewStatus, Status
from napari_annotate_jobs.widgets.keys._local import LocalKeys
from napari_annotate_jobs.widgets.parts._made import search_field
from napari_annotate_jobs.widgets.parts._sections import Instructions, Section, Shelf
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    contrast_text,
    focus_style,
    mixed,
    paint_in,
)
from napari_annotate_jobs.widgets.parts._upright_area import UprightArea

from ._cases_view import CasesView
from ._label_filter import LabelFilter
from ._labels import LabelOverview
from ._model import CaseQuery, named_row
from ._order_button import OrderButton
from ._paint import Badge, Bar, number, percent, reviewed_part
from ._table import CaseTable
from ._tiles import CaseTiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QKeyEvent, QResizeEvent

    from napari_annotate_jobs.model import CaseOrder, Job, ReviewCounts

    from ._model import CaseRows

__all__ = ["JobPageView"]

FILTERS: tuple[Status | None, ...] = (
    None,
    Status.REMAINING,
    Status.FINISHED,
    Status.RETURNED,
)
REVIEW_FILTERS: tuple[ReviewStatus | None, ...] = (
    None,
    ReviewStatus.WAITING,
    ReviewStatus.PASSED,
    ReviewStatus.FAILED,
    ReviewStatus.RETURNED,
)
PANELS = {
    "Export": "Write annotations as files for training and for other programs",
    "Import": "Bring annotations from files into your cases",
    "Statistics": "Count what was annotated, by person and label",
}
"""Panels about the job, and what each is for."""
PASS_ALL = "Pass all waiting cases that the search finds, after a question (Alt+A)"
WIDE = 620
"""Pixels from which five pictures stand side by side, with a scroll bar."""
TYPING_PAUSE = 200
"""Milliseconds without a key before a search begins."""


class JobPageView(QWidget):
    """A job with its progress, instructions, labels, and the table of its cases.

    Setters emit nothing; what the user does is asked for by signals.
    """

    _keys = LocalKeys({})  # Qt sends events while the page is still being built

    annotate_requested = Signal()
    """The first returned, else the first remaining case is to be opened."""
    case_requested = Signal(str)
    """Id of the case to open."""
    details_requested = Signal(str)
    """Id of the case of which the reader's findings are to be shown."""
    flag_requested = Signal(str)
    """Id of the case that is to be flagged."""
    menu_offered = Signal(object, object)
    """A menu and the row of the table it is about: others add what they can do."""
    order_chosen = Signal(object, bool)
    """The cases are sorted otherwise: a CaseOrder, and whether it is turned round."""
    review_requested = Signal(bool)
    """What was submitted is to be reviewed; False goes back to annotating."""
    pass_all_requested = Signal(str)
    """All waiting cases with this text in their name are to pass."""
    edit_requested = Signal()
    """The job is to be edited."""
    panel_requested = Signal(str)
    """Name of a panel about the job that is to be shown."""
    back_requested = Signal()
    """My Jobs is to be shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job_page")
        self._colors = Colors.dark()
        self._counts = Counts()
        self._reviews: ReviewCounts | None = None
        self._job_id = self._busy = ""
        self._has_chosen_view = False
        self._pause = QSignalDebouncer(parent=self)
        self._pause.setTimeout(TYPING_PAUSE)
        self._pause.triggered.connect(self._query)
        self._build()
        self._keys = LocalKeys.with_enter(
            self,
            {
                "Alt+Left": self._back.click,
                "Ctrl+F": self._go_to_search,
                "F5": self.refresh,
                "Alt+A": self._pass_all.click,
            },
        )
        paint_in(self, Colors.dark())
        self.set_reviews(None)

    # ---------------------------------------------------------------- setters
    def set_job(
        self, job: Job, counts: Counts, keys: Mapping[int, str] | None = None
    ) -> None:
        """Show a job.

        Parameters
        ----------
        job : Job
            What is to be done.
        counts : Counts
            How far it is.
        keys : mapping of int to str, optional
            The key of each label by its id; by default those the labels declare.
        """
        project = job.project
        if job.id != self._job_id:
            # Who has begun knows what to do: more room for the cases.
            self._job_id = job.id
            self._instructions_section.set_folded(
                bool(counts.finished or counts.returned)
            )
        self._name.setText(job.name)
        self._instructions.set_markdown(project.instructions)
        self._instructions_section.setVisible(bool(project.instructions.strip()))
        self._labels.set_project(project, keys or {})
        self._label_filter.set_labels(project.label_set.labels)
        self._labels_shelf.fit()
        self.set_counts(counts)

    def set_busy(self, text: str) -> None:
        """Say what is being done; nothing when it is finished."""
        if text and self._annotate.hasFocus():
            self.setFocus()  # else the keyboard goes to the next button
        self._busy = text
        self._show_annotate()
        if not text and self.hasFocus():
            self.take_keyboard()

    def set_may_edit(self, may: bool) -> None:
        """Offer to edit the job, to its owners."""
        self._edit.setVisible(may)

    def set_reviews(
        self, reviews: ReviewCounts | None, *, may_switch: bool = False
    ) -> None:
        """Show what was submitted, for whoever reviews it.

        Parameters
        ----------
        reviews : ReviewCounts, optional
            How many cases wait, and so on; None shows the cases to annotate.
        may_switch : bool
            Offer the other of the two.
        """
        self._table.set_source(None)  # the former list knows other statuses
        self._badge.set_text("Annotation" if reviews is None else "Review")
        self._review.setText("Review…" if reviews is None else "Annotate…")
        self._review.setToolTip(
            "List what was submitted: pass, fail or return it"
            if reviews is None
            else "List the cases to annotate"
        )
        self._review.setVisible(may_switch)
        self._pass_all.setVisible(reviews is not None)
        self._reviews = reviews
        if reviews is None:
            self.set_counts(self._counts)
        else:
            self.set_review_counts(reviews)

    def set_review_counts(self, reviews: ReviewCounts) -> None:
        """Show how many submitted cases wait, and so on."""
        if self._reviews is None:
            return
        self._reviews = reviews
        self._show_left()
        part = reviewed_part(reviews)
        self._bar.set_part(part)
        judged = reviews.passed + reviews.failed + reviews.returned
        words = [
            f"{percent(part)} · {number(judged)} of "
            f"{number(judged + reviews.waiting)} reviewed"
        ]
        if reviews.revised:
            words.append(f"{number(reviews.revised)} revised")
        if reviews.not_selected:
            words.append(f"{number(reviews.not_selected)} not selected to be reviewed")
        self._progress.setText(" · ".join(words))
        self._name_filters(REVIEW_FILTERS, reviews.of)
        self._show_flagged(reviews.flagged)
        self._show_annotate()

    def _show_flagged(self, flagged: int) -> None:
        self._flagged.setText(f"\u2691 {number(flagged)}")
        self._flagged.setAccessibleName(f"Flagged: {number(flagged)} cases")
        # What is chosen stays in sight, or nobody could undo it.
        self._flagged.setVisible(bool(flagged) or self._flagged.isChecked())

    def _name_filters(
        self, statuses: Sequence[Any], count: Callable[[Any], int]
    ) -> None:
        while len(self._filters.buttons()) < len(statuses):
            self._add_filter()
        for button in self._filters.buttons():
            place = self._filters.id(button)
            if place >= len(statuses):
                self._filters.removeButton(button)
                button.hide()
                button.deleteLater()
                continue
            status = statuses[place]
            word = "All" if status is None else str(status).capitalize()
            n = number(count(status))
            button.setText(f"{word}\n{n}")
            button.setAccessibleName(f"{word}: {n} cases")
            what = "all cases" if status is None else f"{status} cases"
            button.setToolTip(f"List {what}")

    def set_counts(self, counts: Counts) -> None:
        """Show how far the job is."""
        self._counts = counts
        if self._reviews is not None:
            return
        self._show_left()
        self._bar.set_part(counts.progress)
        self._progress.setText(
            f"{percent(counts.progress)} · {number(counts.finished)} of "
            f"{number(counts.total)} finished"
        )
        self._name_filters(FILTERS, counts.of)
        self._show_flagged(counts.flagged)
        self._show_annotate()

    def set_people(
        self, people: Sequence[tuple[str, ReviewCounts, ReviewCounts]]
    ) -> None:
        """Show who did how much.

        Parameters
        ----------
        people : sequence of (str, ReviewCounts, ReviewCounts)
            Each person, what became of what they submitted, and their verdicts.
        """
        lines = []
        for person, submitted, given in people:
            parts = [
                f"{number(counts.total)} {what} ({_became(counts)})"
                for counts, what in ((submitted, "submitted"), (given, "reviewed"))
                if counts.total
            ]
            if parts:
                lines.append(f"{person}: {'; '.join(parts)}")
        self._people.setText("\n".join(lines))
        self._people_section.setVisible(bool(lines))
        self._people_section.set_title(f"By person ({len(lines)})")
        self._people_shelf.fit()

    def set_source(self, source: CaseRows | None) -> None:
        """Show the cases of a source, all of them, from the beginning."""
        self._table.set_source(None)  # which knows other statuses
        self._clear_filters()
        first = 0 if self._reviews is None else 1  # a reviewer comes for what waits
        self._filters.button(first).setChecked(True)
        self._only_line.hide()
        self._table.set_query(self._asked())
        self._table.set_source(source)

    def list_only(self, text: str, cases: Sequence[tuple[str, str | None]]) -> None:
        """List some cases, until another list is chosen.

        Parameters
        ----------
        text : str
            What they have in common.
        cases : sequence of (str, str or None)
            The id of each, and who submitted it where that is listed.
        """
        self._clear_filters()
        self._only_text.setText(text)
        self._only_line.show()
        only = tuple(named_row(case_id, person) for case_id, person in cases)
        self._table.set_query(replace(self._asked(), only=only))
        self._view.setFocus()

    def _clear_filters(self) -> None:
        self._pause.cancel()
        with QSignalBlocker(self._search), QSignalBlocker(self._flagged):
            self._search.clear()
            self._flagged.setChecked(False)
        self._label_filter.clear_choice()
        self._filters.button(0).setChecked(True)

    def set_order(self, order: CaseOrder, *, backwards: bool) -> None:
        """Sort the cases, as they were sorted before."""
        self._order.set_order(order, backwards=backwards)
        self._table.set_query(self._asked())

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(
            focus_style(colors) + f"#case_pictures:checked, #flagged:checked {{"
            f" background: {colors.current};"
            f" color: {contrast_text(colors.current)};"
            f" border: 1px solid {colors.text}; }}"
        )
        self._show_left()
        self._failure.setStyleSheet(f"QLabel {{ color: {colors.error_text}; }}")
        hover = mixed(colors.current, contrast_text(colors.current), 0.12)
        self._annotate.setStyleSheet(
            "QPushButton { font-weight: bold; padding: 6px; border-radius: 3px;"
            " border: 1px solid transparent; }"
            f"QPushButton:enabled {{ background: {colors.current};"
            f" color: {contrast_text(colors.current)}; }}"
            f"QPushButton:enabled:hover {{ background: {hover}; }}"
            f"QPushButton:focus {{ border: 1px solid {colors.text}; }}"
        )

    def where(self) -> tuple[CaseQuery, int]:
        """Return which cases are listed, and the place of the chosen one."""
        return self._table.cases.query, self._view.chosen_place()

    def take_keyboard(self) -> None:
        """Let Enter start; where there is nothing to do, arrows choose a case."""
        (self._annotate if self._annotate.isEnabled() else self._view).setFocus()

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return what can be asked for now, by the id of its action."""
        calls: dict[str, Callable[[], None]] = {
            "refresh_cases": self.refresh,
            "case_pictures": self._as_pictures.click,
        }
        offered = {"switch_review": self._review, "pass_all": self._pass_all}
        for name, button in offered.items():
            if not button.isHidden() and button.isEnabled():
                calls[name] = button.click
        if not self._only_line.isHidden():
            calls["list_all"] = self._query
        case = self._view.chosen()
        if case is not None:
            calls["open_chosen"] = partial(self.case_requested.emit, case)
            calls["findings"] = partial(self.details_requested.emit, case)
            calls["flag_chosen"] = partial(self.flag_requested.emit, case)
        return calls

    def refresh(self) -> None:
        """Read the cases again; what is chosen and visible stays."""
        self._table.refresh()

    def refresh_case(self, case_id: str) -> None:
        """Read a case again and draw its picture anew."""
        self._table.refresh_case(case_id)

    # --------------------------------------------------------------- building
    def _build(self) -> None:
        body = QWidget(self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(self._build_head())
        layout.addLayout(self._build_progress())
        layout.addWidget(self._build_annotate())
        layout.addLayout(self._build_panels())
        self._instructions = Instructions(130, self)
        self._instructions_section = Section("Instructions", self._instructions, self)
        layout.addWidget(self._instructions_section)
        self._labels = LabelOverview()
        self._labels_shelf = Shelf(self._labels, 120, self)
        layout.addWidget(Section("Methods and labels", self._labels_shelf, self))
        layout.addWidget(self._build_people())
        layout.addWidget(self._build_only())
        layout.addLayout(self._build_filters())
        layout.addLayout(self._build_search())
        layout.addLayout(self._build_failure())
        layout.addWidget(self._build_views(), 1)
        outer.addWidget(UprightArea(body, self))

    def _build_head(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(4)
        row = QHBoxLayout()
        self._back = QPushButton("← My Jobs", self)
        self._back.setObjectName("show_jobs")
        self._back.setToolTip("Back to My Jobs (Alt+Left)")
        self._back.setAccessibleName("Back to My Jobs")
        self._back.clicked.connect(self.back_requested)
        self._badge = Badge("", self)
        self._edit = QPushButton("Edit job…", self)
        self._edit.setObjectName("edit_job")
        self._edit.setToolTip(
            "Change its dates, cases and labels; archive or delete it"
        )
        self._edit.clicked.connect(self.edit_requested)
        self._edit.hide()
        self._review = QPushButton("Review…", self)
        self._review.setObjectName("switch_review")
        self._review.clicked.connect(self._switch)
        row.addWidget(self._back)
        row.addStretch(1)
        row.addWidget(self._edit)
        row.addWidget(self._review)
        self._name = QLabel(self)
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._name.setWordWrap(True)
        self._name.setStyleSheet("QLabel { font-size: 13pt; font-weight: bold; }")
        title = QHBoxLayout()
        title.addWidget(self._name, 1)
        title.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        column.addLayout(title)
        return column

    def _build_progress(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self._left = QLabel(self)
        self._left.setTextFormat(Qt.TextFormat.RichText)
        self._left.setToolTip("Cases left: remaining and returned")
        row.addWidget(self._left)
        column = QVBoxLayout()
        column.setSpacing(2)
        self._progress = QLabel(self)
        self._progress.setWordWrap(True)
        self._bar = Bar(self)
        column.addStretch(1)
        column.addWidget(self._progress)
        column.addWidget(self._bar)
        column.addStretch(1)
        row.addLayout(column, 1)
        return row

    def _build_annotate(self) -> QPushButton:
        self._annotate = QPushButton(self)
        self._annotate.setObjectName("open_first")
        self._annotate.clicked.connect(self.annotate_requested)
        return self._annotate

    def _build_panels(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(3)
        self._panels = QButtonGroup(self)
        for place, (name, tip) in enumerate(PANELS.items()):
            button = QPushButton(f"{name}…", self)
            button.setObjectName(f"{name.lower()}_job")
            button.setToolTip(tip)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._panels.addButton(button, place)
            row.addWidget(button, 1)
        self._panels.idClicked.connect(self._ask_for_panel)
        return row

    def _build_people(self) -> Section:
        self._people = QLabel(self)
        self._people.setTextFormat(Qt.TextFormat.PlainText)
        self._people.setWordWrap(True)
        self._people_shelf = Shelf(self._people, 90, self)
        self._people_section = Section("By person", self._people_shelf, self)
        self._people_section.set_folded(True)
        self._people_section.hide()
        return self._people_section

    def _build_only(self) -> QWidget:
        self._only_line = QWidget(self)
        row = QHBoxLayout(self._only_line)
        row.setContentsMargins(0, 0, 0, 0)
        self._only_text = QLabel(self._only_line)
        self._only_text.setTextFormat(Qt.TextFormat.PlainText)
        self._only_text.setWordWrap(True)
        self._every = QPushButton("List all cases", self._only_line)
        self._every.setObjectName("list_all")
        self._every.setToolTip("List all cases again, not only these")
        self._every.clicked.connect(self._query)
        row.addWidget(self._only_text, 1)
        row.addWidget(self._every)
        self._only_line.hide()
        return self._only_line

    def _build_filters(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(3)
        self._filters = QButtonGroup(self)
        self._filter_row = row
        for _ in FILTERS:
            self._add_filter()
        self._filters.button(0).setChecked(True)
        self._filters.buttonClicked.connect(self._query)
        return row

    def _add_filter(self) -> None:
        button = QPushButton(self)
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._filters.addButton(button, len(self._filters.buttons()))
        self._filter_row.addWidget(button, 1)

    def _build_search(self) -> QVBoxLayout:
        column, row = QVBoxLayout(), QHBoxLayout()
        self._search = search_field(
            "Search cases by name", "Search cases", self, go_to_found=self._go_to_table
        )
        self._search.setToolTip("Search cases by name (Ctrl+F)")
        self._search.textChanged.connect(self._wait)
        row.addWidget(self._search, 1)
        self._flagged = QToolButton(self)
        self._flagged.setObjectName("flagged")
        self._flagged.setCheckable(True)
        self._flagged.setToolTip("List flagged cases alone, or all again")
        self._flagged.toggled.connect(self._query)
        self._flagged.hide()
        row.addWidget(self._flagged)
        self._pass_all = QPushButton("Pass all…", self)
        self._pass_all.setObjectName("pass_all")
        self._pass_all.setToolTip(PASS_ALL)
        self._pass_all.clicked.connect(self._request_pass_all)
        row.addWidget(self._pass_all)
        column.addLayout(row)
        row = QHBoxLayout()
        self._label_filter = LabelFilter(self)
        self._label_filter.chosen.connect(self._query)
        row.addWidget(self._label_filter, 1)
        self._order = OrderButton(self)
        self._order.chosen.connect(self._query)
        self._order.chosen.connect(self.order_chosen)
        row.addWidget(self._order)
        self._as_pictures = QToolButton(self)
        self._as_pictures.setObjectName("case_pictures")
        self._as_pictures.setText("Pictures")
        self._as_pictures.setToolTip(
            "Show the cases as pictures side by side, or as a list again. "
            "A wide panel begins with pictures"
        )
        self._as_pictures.setCheckable(True)
        self._as_pictures.clicked.connect(self._choose_view)
        row.addStretch()
        row.addWidget(self._as_pictures)
        column.addLayout(row)
        return column

    def _build_failure(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self._failure = QLabel("The cases could not be read.", self)
        self._failure.setWordWrap(True)
        self._retry = QPushButton("Try again", self)
        self._retry.setObjectName("refresh_cases")
        self._retry.setToolTip("Read the cases again (F5)")
        self._retry.clicked.connect(self.refresh)
        row.addWidget(self._failure, 1)
        row.addWidget(self._retry)
        self._failure.setVisible(False)
        self._retry.setVisible(False)
        return row

    def _build_views(self) -> QStackedWidget:
        self._views = QStackedWidget(self)
        self._views.setMinimumHeight(120)
        self._table = CaseTable(self._views)
        self._tiles = CaseTiles(self._views, self._table.cases)
        for view in (self._table, self._tiles):
            view.setToolTip("")
            view.case_requested.connect(self.case_requested)
            view.start_requested.connect(self._annotate.click)
            view.details_requested.connect(self.details_requested)
            view.flag_requested.connect(self.flag_requested)
            view.menu_offered.connect(self.menu_offered)
            self._views.addWidget(view)
        self._table.cases.state_changed.connect(self._show_failure)
        return self._views

    # ---------------------------------------------------------------- actions
    def _wait(self) -> None:
        """Search when the typing pauses."""
        self._pause.throttle()

    def _query(self) -> None:
        self._pause.cancel()
        self._only_line.hide()
        self._table.set_query(self._asked())
        self._show_annotate()

    def _asked(self) -> CaseQuery:
        """Return which cases are asked for, and in which order."""
        filters = FILTERS if self._reviews is None else REVIEW_FILTERS
        return CaseQuery(
            filters[self._filters.checkedId()],
            self._search.text().strip(),
            self._flagged.isChecked(),
            self._order.order,
            self._order.backwards,
            self._label_filter.label,
        )

    @property
    def _view(self) -> CasesView:
        """What shows the cases: the list, or the pictures."""
        return self._tiles if self._as_pictures.isChecked() else self._table

    def _choose_view(self) -> None:
        """Show the cases as the user wants them, however wide the page is."""
        self._has_chosen_view = True
        self._show_view()

    def _show_view(self) -> None:
        before, now = self._views.currentWidget(), self._view
        if not isinstance(before, CasesView) or before is now:
            return
        had_keyboard, place = self.focusWidget() is before, before.chosen_place()
        self._views.setCurrentWidget(now)
        now.choose(place)
        if had_keyboard:
            now.setFocus()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show pictures where there is room for five side by side."""
        super().resizeEvent(event)
        if not self._has_chosen_view:
            self._as_pictures.setChecked(self.width() >= WIDE)
            self._show_view()

    def _switch(self) -> None:
        self.review_requested.emit(self._reviews is None)

    def _request_pass_all(self) -> None:
        self.pass_all_requested.emit(self._search.text().strip())

    def _ask_for_panel(self, place: int) -> None:
        self.panel_requested.emit(list(PANELS)[place])

    def _go_to_search(self) -> None:
        self._search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._search.selectAll()

    def _go_to_table(self) -> None:
        self._query()
        self._view.setFocus()
        if not self._view.currentIndex().isValid():
            self._view.choose(0)

    # ------------------------------------------------------------------ state
    def _show_left(self) -> None:
        reviews = self._reviews
        n, word = (
            (self._counts.left, "left")
            if reviews is None
            else (reviews.waiting, "waiting")
        )
        self._left.setToolTip(
            "Cases left: remaining and returned"
            if reviews is None
            else "Submitted cases that wait for a verdict"
        )
        self._left.setText(
            f'<span style="font-size: 20pt; font-weight: bold">'
            f"{number(n)}</span>&nbsp;"
            f'<span style="color: {self._colors.faint_text}">{word}</span>'
        )

    def _show_annotate(self) -> None:
        if self._reviews is not None:
            self._show_review(self._reviews)
            return
        counts = self._counts
        self._annotate.setEnabled(bool(counts.left) and not self._busy)
        tip = "Opens the first remaining case"
        if counts.returned:
            text = "Continue with returned case"
            tip = "Opens the first returned case; remaining ones come after them"
        elif counts.remaining and counts.finished:
            text = "Continue with next case"
        elif counts.remaining:
            text = "Annotate first case"
        elif counts.total:
            text, tip = "All finished", "Every case of this job is submitted"
        else:
            text, tip = "No cases", "This job has no cases yet"
        self._annotate.setText(f"{self._busy}…" if self._busy else text)
        self._annotate.setToolTip(tip)

    def _show_review(self, reviews: ReviewCounts) -> None:
        may = bool(reviews.waiting) and not self._busy
        self._annotate.setEnabled(may)
        # The search alone says which cases pass: nothing passes that is not listed.
        is_narrow = self._flagged.isChecked() or self._label_filter.label is not None
        self._pass_all.setEnabled(may and not is_narrow)
        self._pass_all.setToolTip(
            "List all labels, flagged or not, to pass all that the search finds"
            if is_narrow
            else PASS_ALL
        )
        if reviews.waiting:
            text, tip = "Review next waiting case", "Opens the first case that waits"
        elif reviews.total:
            text, tip = "None waits", "Every submitted case has a verdict"
        else:
            text, tip = "Nothing submitted yet", "Nobody has submitted a case"
        self._annotate.setText(f"{self._busy}…" if self._busy else text)
        self._annotate.setToolTip(tip)

    def _show_failure(self) -> None:
        failed = self._table.cases.has_failed
        self._failure.setVisible(failed)
        self._retry.setVisible(failed)

    def event(self, event: QEvent) -> bool:
        return self._keys.claim(event) or bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._keys.act(event):
            super().keyPressEvent(event)


def _became(counts: ReviewCounts) -> str:
    """Say what became of submitted cases; what is 0 is left out."""
    found = ((status, counts.of(status)) for status in ReviewStatus)
    return " · ".join(f"{number(n)} {status.value}" for status, n in found if n)
