"""Edit job: what an owner changes of a job that exists, in one window."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QDate, QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabWidget,
    QWidget,
)

from napari_annotate_jobs.errors import AnnotateJobsError, counted
from napari_annotate_jobs.model import JobEdit, Priority, label_edit
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import search_field, timer_once
from napari_annotate_jobs.widgets.parts._theme import paint_in

from ._case_list import CaseList
from ._label_table import LabelTable
from ._owner_dialog import OwnerDialog

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qtpy.QtGui import QFocusEvent, QKeyEvent

    from napari_annotate_jobs.model import Case, Job

__all__ = ["EditJobDialog"]

PAUSE = 700
"""Milliseconds without a change of the labels before they are sent."""
WEEKS = 4
"""How far off a date is that is chosen for the first time."""


class EditJobDialog(OwnerDialog):
    """Shows a job to its owners; each change is asked for at once.

    Parameters
    ----------
    parent : QWidget, optional
        Above which it is shown.
    """

    edit_requested = Signal(object)
    """The job is to be changed, by a JobEdit."""
    undo_requested = Signal()
    """The last change is to be taken back."""
    delete_requested = Signal()
    """The job is to be deleted, after a question."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("edit_job")
        self.setWindowTitle("Edit job")
        self._job: Job | None = None
        self._used: Collection[int] | None = None
        self._pause = timer_once(self, self._send_labels, PAUSE)
        self._build()
        paint_in(self, self._colors)
        self.set_progress(None)
        self.resize(860, 560)

    # --------------------------------------------------------------- building
    def _build(self) -> None:
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self._build_general(), "&General")
        self.tabs.addTab(self._build_cases(), "&Cases")
        self.labels = LabelTable(self)
        self.labels.changed.connect(self._on_labels)
        self.tabs.addTab(self.labels, "&Labels")
        whole = column_of((self.tabs, 1), parent=self, spacing=8, margins=10)
        self.paths_given.connect(lambda _: self.tabs.setCurrentIndex(1))
        self._build_progress("Go no further")
        self.progress.setMaximumWidth(160)
        self.undo = self._button("Undo", "Take the last change back (Ctrl+Z)")
        self.undo.clicked.connect(self.undo_requested)
        self.undo.setEnabled(False)
        self.done_button = self._button("Close", "All changes are made already (Esc)")
        self.done_button.clicked.connect(self.reject)
        row = row_of(
            (self.told, 1), self.progress, self.stop, self.undo, self.done_button
        )
        whole.addLayout(row)

    def _build_general(self) -> QWidget:
        page = QWidget(self)
        form = QGridLayout(page)
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(8)
        self.name = QLineEdit(page)
        self.name.setMaxLength(200)
        self.name.editingFinished.connect(self._send_name)
        self.instructions = _Text(page)
        self.instructions.setAccessibleName("Instructions")
        self.instructions.setPlaceholderText(
            "What annotators are to do, as they read it on the job's page"
        )
        self.instructions.setTabChangesFocus(True)
        self.instructions.left.connect(self._send_instructions)
        self.start, self.is_start = self._build_date(page, "start", "&Starts")
        self.due, self.is_due = self._build_date(page, "due", "&Due")
        dates = row_of(self.is_start, self.start, self.is_due, self.due, 1)
        self.priority = QComboBox(page)
        for priority in Priority:
            self.priority.addItem(priority.value.capitalize(), priority)
        self.priority.setAccessibleName("Priority")
        self.priority.activated.connect(self._send_priority)
        dates.addWidget(QLabel("Priority", page))
        dates.addWidget(self.priority)
        self.owners = QLineEdit(page)
        self.owners.setPlaceholderText("Anyone may change the job")
        self.owners.setToolTip("Who may change the job: names, with commas between")
        self.owners.editingFinished.connect(self._send_owners)
        fields: tuple[tuple[str, QWidget], ...] = (
            ("&Name", self.name),
            ("&Instructions", self.instructions),
        )
        for place, (text, field) in enumerate(fields):
            form.addWidget(_label(text, field), place, 0, Qt.AlignmentFlag.AlignTop)
            form.addWidget(field, place, 1)
        form.addLayout(dates, 2, 1)
        form.addWidget(_label("&Owners", self.owners), 3, 0)
        form.addWidget(self.owners, 3, 1)
        form.setRowStretch(1, 1)
        self.archive = self._button("Archive", "")
        self.archive.clicked.connect(self._send_archived)
        self.delete = self._button(
            "Delete job…", "Put it into the trash, after a question; images stay"
        )
        self.delete.clicked.connect(self.delete_requested)
        row = row_of(1, self.archive, self.delete)
        form.addLayout(row, 4, 1)
        return page

    def _build_date(
        self, page: QWidget, name: str, text: str
    ) -> tuple[QDateEdit, QCheckBox]:
        day = QDateEdit(page)
        day.setAccessibleName(f"{text.replace('&', '')} on")
        day.setCalendarPopup(True)
        day.setDisplayFormat("yyyy-MM-dd")
        day.setEnabled(False)
        box = QCheckBox(text, page)

        def toggled(on: bool) -> None:
            day.setEnabled(on)
            self._send(**{name: _date_of(day) if on else None})

        box.toggled.connect(toggled)

        def dated() -> None:
            if box.isChecked():
                self._send(**{name: _date_of(day)})

        day.editingFinished.connect(dated)
        return day, box

    def _build_cases(self) -> QWidget:
        page = QWidget(self)
        self.cases = CaseList(page)
        self.cases.renamed.connect(
            lambda name: self._ask(JobEdit(rename_cases=(name,)))
        )
        self.cases.chosen_changed.connect(self._show_state)
        self.search = search_field("Find a case by name", parent=page)
        self.search.textChanged.connect(self.cases.find)
        self.count = QLabel(page)
        self.remove = self._button(
            "Take away", "Take the chosen cases out of the job; images stay (Delete)"
        )
        self.remove.clicked.connect(self._send_removal)
        self.cases.delete_pressed.connect(self._send_removal)
        self.folder = self._button(
            "Add a &folder…", "A folder of studies or of images; or drop them here"
        )
        self.folder.clicked.connect(self.folder_requested)
        self.files = self._button("Add fi&les…", "DICOM, NIfTI, NRRD, pictures")
        self.files.clicked.connect(self.files_requested)
        self.anonymous = QCheckBox("Anon&ymous names", page)
        self.anonymous.setToolTip("New cases are called Case 8, Case 9 ...")
        row = row_of(
            (self.count, 1), self.remove, self.anonymous, self.folder, self.files
        )
        column_of(self.search, (self.cases, 1), row, parent=page)
        return page

    # ---------------------------------------------------------------- setters
    def set_job(self, job: Job) -> None:
        """Show the job as it is; what is being typed just now stays."""
        old, self._job = self._job, job
        self.setWindowTitle(f"Edit job: {job.name}")
        for field, value in (
            (self.name, job.name),
            (self.owners, ", ".join(job.owners)),
        ):
            if field.text() != value and not (field.hasFocus() and field.isModified()):
                field.setText(value)
        text, typed = job.project.instructions, self.instructions.toPlainText()
        if typed != text and not self.instructions.hasFocus():
            self.instructions.setPlainText(text)
        for day, box, when in (
            (self.start, self.is_start, job.start),
            (self.due, self.is_due, job.due),
        ):
            with QSignalBlocker(day), QSignalBlocker(box):
                box.setChecked(when is not None)
                day.setEnabled(when is not None)
                later = timedelta(weeks=WEEKS if day is self.due else 0)
                day.setDate(QDate(when or date.today() + later))
        self.priority.setCurrentIndex(self.priority.findData(job.priority))
        self.archive.setText("Take out of the archive" if job.archived else "Archive")
        self.archive.setToolTip(
            "List it among the others again"
            if job.archived
            else "Done with: My Jobs lists it no more, and nothing is deleted"
        )
        if old is None or old.project.label_set != job.project.label_set:
            self._show_labels(job, anew=old is None)

    def _show_labels(self, job: Job, *, anew: bool) -> None:
        """Show the labels; what is being written in the table stays."""
        labels = job.project.label_set
        if not anew and (self.labels.adopt(labels) or self._pause.isActive()):
            return
        self._pause.stop()
        with QSignalBlocker(self.labels):
            used = self._used if self._used is not None else set(labels.by_id)
            self.labels.set_labels(labels, used)
            self.labels.set_methods(job.project.methods)

    def set_used(self, ids: Collection[int]) -> None:
        """Say which labels are used: those can be retired, and not removed."""
        self._used = frozenset(ids)
        with QSignalBlocker(self.labels):
            self.labels.set_in_use(self._used)

    def set_cases(self, cases: Sequence[Case]) -> None:
        """List the cases of the job."""
        self.cases.set_cases(cases)
        self._show_state()

    def set_undo(self, text: str) -> None:
        """Offer to take the last change back; empty if it cannot be."""
        self.undo.setEnabled(bool(text))
        self.undo.setToolTip(f"Take back: {text} (Ctrl+Z)" if text else "")

    def forget(self) -> None:
        """Ask for nothing any more: the job is gone."""
        self._pause.stop()
        self._job = None

    def put_back(self) -> None:
        """Show what the job says, where something else was typed and refused."""
        job, self._job = self._job, None
        if job is not None:
            self.set_job(job)
            self.cases.put_back()

    # ------------------------------------------------------------------ acting
    def _ask(self, edit: JobEdit) -> None:
        if self._job is not None and not edit.is_empty:
            self.edit_requested.emit(edit)

    def _send(self, **fields: Any) -> None:
        """Ask for fields of the job, as far as they are others."""
        job = self._job
        if job is None:
            return
        new = {
            name: value
            for name, value in fields.items()
            if value
            != getattr(job.project if hasattr(job.project, name) else job, name)
        }
        self._ask(JobEdit(**new))

    def _send_name(self) -> None:
        self._send(name=" ".join(self.name.text().split()))

    def _send_instructions(self) -> None:
        text = self.instructions.toPlainText().strip()
        if self._job is not None and text != self._job.project.instructions.strip():
            self._send(instructions=text)

    def _send_priority(self) -> None:
        self._send(priority=self.priority.currentData())

    def _send_owners(self) -> None:
        names = (each.strip() for each in self.owners.text().split(","))
        self._send(owners=tuple(dict.fromkeys(filter(None, names))))

    def _send_archived(self) -> None:
        if self._job is not None:
            self._send(archived=not self._job.archived)

    def _send_removal(self) -> None:
        ids = self.cases.chosen()
        if ids:
            self._ask(JobEdit(remove_cases=tuple(ids)))

    def _on_labels(self) -> None:
        if self._is_wrong:
            self.set_told("")
        self._pause.start()

    def _send_labels(self) -> None:
        """Ask for the labels as they stand, unless one is being written."""
        self._pause.stop()
        if self._job is None:
            return
        try:
            after = self.labels.rows.label_set()
            edit = label_edit(self._job.project.label_set, after)
        except AnnotateJobsError as error:
            text = str(error)
            self.set_told(text[:1].upper() + text[1:], wrong=True)
            return
        self._ask(edit)

    def flush(self) -> None:
        """Ask for what was typed, and not sent yet."""
        for send in (self._send_name, self._send_owners, self._send_instructions):
            send()
        if self._pause.isActive():
            self._send_labels()

    def _show_state(self, *_: object) -> None:
        if not hasattr(self, "done_button"):
            return
        chosen = len(self.cases.chosen())
        self.remove.setEnabled(bool(chosen) and not self._busy)
        text = counted(self.cases.count(), "case")
        self.count.setText(f"{text}, {chosen} chosen" if chosen else text)
        for button in (self.folder, self.files, self.delete):
            button.setEnabled(not self._busy)

    # ------------------------------------------------------------------- events
    def reject(self) -> None:
        """Make the changes that are typed and not made yet, and close."""
        self.flush()
        super().reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo with Ctrl+Z; Enter presses nothing."""
        from qtpy.QtGui import QKeySequence

        if event.matches(QKeySequence.StandardKey.Undo) and not event.isAutoRepeat():
            event.accept()
            if self.undo.isEnabled():
                self.undo_requested.emit()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        super().keyPressEvent(event)


class _Text(QPlainTextEdit):
    """A text that tells when it is left."""

    left = Signal()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.left.emit()


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text, buddy.parentWidget())
    label.setBuddy(buddy)
    return label


def _date_of(day: QDateEdit) -> date:
    chosen = day.date()
    return date(chosen.year(), chosen.month(), chosen.day())
