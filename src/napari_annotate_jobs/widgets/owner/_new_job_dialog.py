"""New job: from images to the first case, in one window."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from qtpy.QtCore import QDate, QSignalBlocker, Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QCheckBox,
    QDateEdit,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.widgets.exchange._fields import Choice, PathField
from napari_annotate_jobs.widgets.jobs._paint import number
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    main_button_style,
)

from ._label_rows import CHOICES
from ._label_table import LabelTable
from ._owner_dialog import OwnerDialog
from ._study_list import StudyList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QKeyEvent

    from ._study_list import Study

__all__ = ["NewJobChoice", "NewJobDialog"]

WEEKS = 4
"""How far off a due date is until another is chosen."""
UNITS = (
    ("auto", "each study or file", "Each sub-folder, series or file becomes a case"),
    ("folder", "each folder added", "All that lies below a folder becomes one case"),
    ("series", "each series", "Every series becomes a case, wherever it lies"),
)


@dataclass(frozen=True)
class NewJobChoice:
    """What was entered.

    Parameters
    ----------
    name, instructions : str
        As annotators read them.
    studies : tuple of str
        Ids of the studies that become cases.
    methods : tuple of Method
        Those that are ticked.
    folder : str
        Where the job goes.
    due : date, optional
        The last day.
    anonymous : bool
        Name the cases Case 1, Case 2 ...
    copy : bool
        Copy the images into the job's folder.
    annotate : bool
        Open the first case.
    names : mapping of str to str
        Names that studies were given, by their ids.
    """

    name: str
    instructions: str
    studies: tuple[str, ...]
    methods: tuple[Method, ...]
    folder: str
    due: date | None = None
    anonymous: bool = False
    copy: bool = False
    annotate: bool = True
    names: Mapping[str, str] = field(default_factory=dict)


class NewJobDialog(OwnerDialog):
    """Asks for images and labels; what it shows is set, what it wants is asked for.

    Parameters
    ----------
    parent : QWidget, optional
        Above which it is shown.
    """

    unit_changed = Signal(str)
    """Something else becomes a case."""
    picture_wanted = Signal(str)
    """The picture of a study, by its id."""
    details_requested = Signal()
    """What was left out is to be told."""
    place_requested = Signal()
    """The folder of the job is to be chosen."""
    name_changed = Signal(str)
    """Another name was entered."""
    create_requested = Signal(object)
    """The job is to be made, as a NewJobChoice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("new_job")
        self.setWindowTitle("New job")
        self._left_out = 0
        self._build()
        self.set_colors(self._colors)
        self.set_progress(None)
        self.resize(1000, 620)

    # --------------------------------------------------------------- building
    def _build(self) -> None:
        columns = row_of((self._build_images(), 5), (self._build_job(), 7), spacing=14)
        column_of((columns, 1), self._build_foot(), parent=self, spacing=8, margins=10)

    def _build_images(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(5)
        head = row_of((_title("Images", self), 1))
        self.folder = self._button("Add a &folder…", "A folder of studies or of images")
        self.folder.clicked.connect(self.folder_requested)
        self.files = self._button("Add fi&les…", "DICOM, NIfTI, NRRD, pictures")
        self.files.clicked.connect(self.files_requested)
        head.addWidget(self.folder)
        head.addWidget(self.files)
        column.addLayout(head)
        self.empty = QLabel(
            "Drop folders or files here,\nor add a folder.\n\n"
            "DICOM, NIfTI, NRRD, MetaImage,\nPNG, JPEG, TIFF",
            self,
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.studies = StudyList(self)
        self.studies.ticked.connect(self._show_state)
        self.studies.picture_wanted.connect(self.picture_wanted)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.studies)
        column.addWidget(self._pages, 1)
        self._build_progress("Read no further")
        row = row_of((self.progress, 1), self.stop)
        column.addLayout(row)
        self.count = QLabel(self)
        self.count.setTextFormat(Qt.TextFormat.RichText)
        self.count.linkActivated.connect(lambda _: self.details_requested.emit())
        self.all = self._button("All", "Tick all studies")
        self.all.clicked.connect(lambda: self.studies.tick(None, True))
        self.none = self._button("None", "Tick no study")
        self.none.clicked.connect(lambda: self.studies.tick(None, False))
        row = row_of((self.count, 1), self.all, self.none)
        column.addLayout(row)
        self.unit = Choice("A case is", self)
        self.unit.set_entries([(value, text) for value, text, _ in UNITS])
        for place, (_, _, tip) in enumerate(UNITS):
            self.unit.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
        self.unit.activated.connect(lambda _: self.unit_changed.emit(self.unit.value()))
        label = QLabel("A &case is", self)
        label.setBuddy(self.unit)
        row = row_of(label, (self.unit, 1))
        self.anonymous = QCheckBox("Anon&ymous names", self)
        self.anonymous.setToolTip(
            "Case 1, Case 2 ... instead of the names of folders and files"
        )
        self.anonymous.toggled.connect(self._show_state)
        row.addWidget(self.anonymous)
        column.addLayout(row)
        return column

    def _build_job(self) -> QVBoxLayout:
        column = column_of(_title("Job", self), spacing=5)
        form = QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(5)
        self.name = QLineEdit(self)
        self.name.setAccessibleName("Name of the job")
        self.name.setPlaceholderText("Name of the job")
        self.name.setMaxLength(120)
        self.name.textEdited.connect(self.name_changed)
        self.name.textChanged.connect(self._show_state)
        _row(form, 0, "&Name", self.name)
        self.methods: dict[Method, QCheckBox] = {}
        row = QHBoxLayout()
        row.setSpacing(12)
        for choice in CHOICES:
            if choice.method in self.methods:
                continue
            box = QCheckBox(choice.text, self)
            box.setToolTip(choice.tip)
            box.setChecked(choice.method is Method.SEGMENTATION)
            box.toggled.connect(self._on_methods)
            self.methods[choice.method] = box
            row.addWidget(box)
        row.addStretch(1)
        form.addWidget(QLabel("Methods", self), 1, 0)
        form.addLayout(row, 1, 1)
        column.addLayout(form)
        self.labels = LabelTable(self)
        self.labels.changed.connect(self._on_labels)
        column.addWidget(self.labels, 1)
        form = QGridLayout()
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(5)
        self.instructions = QPlainTextEdit(self)
        self.instructions.setAccessibleName("Instructions")
        self.instructions.setPlaceholderText(
            "What annotators are to do, as they read it on the job's page"
        )
        self.instructions.setTabChangesFocus(True)
        self.instructions.setFixedHeight(2 * self.fontMetrics().height() + 14)
        _row(form, 0, "&Instructions", self.instructions)
        self.is_due = QCheckBox("&Due", self)
        self.due = QDateEdit(self)
        self.due.setAccessibleName("Due date")
        self.due.setCalendarPopup(True)
        self.due.setDisplayFormat("yyyy-MM-dd")
        self.due.setMinimumDate(QDate(date.today()))
        self.due.setDate(QDate(date.today() + timedelta(weeks=WEEKS)))
        self.due.setEnabled(False)
        self.is_due.toggled.connect(self.due.setEnabled)
        self.copy = QCheckBox("Copy the images into the folder", self)
        self.copy.setToolTip("So that the folder can be given away by itself")
        row = row_of(self.is_due, self.due, 1, self.copy)
        form.addLayout(row, 1, 1)
        self.place = PathField("Folder of the job", "A new folder", self)
        self.place.browse_requested.connect(self.place_requested)
        self.place.changed.connect(self._show_state)
        self.place.browse.setAutoDefault(False)
        _row(form, 2, "F&older", self.place.field, self.place)
        column.addLayout(form)
        return column

    def _build_foot(self) -> QHBoxLayout:
        self.told.setSizePolicy(
            self.told.sizePolicy().Policy.Expanding,
            self.told.sizePolicy().Policy.Preferred,
        )
        self.only_create = self._button(
            "C&reate", "Make the job, and show it in My Jobs"
        )
        self.only_create.clicked.connect(lambda: self._ask(annotate=False))
        self.annotate = self._button(
            "Create and &annotate", "Make the job, and open its first case (Ctrl+Enter)"
        )
        self.annotate.clicked.connect(lambda: self._ask(annotate=True))
        # Before any field takes the key for an Enter of its own.
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(self._finish)
        return row_of((self.told, 1), self.only_create, self.annotate)

    def _finish(self) -> None:
        """Take what is being typed, and create."""
        if self.annotate.isEnabled():
            self.annotate.setFocus()  # a name that is typed is then a label's
            self._ask(annotate=True)

    # ---------------------------------------------------------------- setters
    def add_studies(self, studies: Sequence[Study]) -> None:
        """List studies that were found."""
        self.studies.add_studies(studies)

    def set_left_out(self, count: int) -> None:
        """Say how many files were left out."""
        self._left_out = count
        self._show_state()

    def set_progress(self, text: str | None, done: int = 0, total: int = 0) -> None:
        """Say what is under way, and how far it is; None if nothing is."""
        if text is None and self._busy:
            self.set_told("")
        super().set_progress(text, done, total)

    def set_name(self, name: str) -> None:
        """Show a name for the job."""
        self.name.setText(name)

    def set_place(self, folder: str) -> None:
        """Show where the job goes."""
        self.place.set_path(folder)

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        super().set_colors(colors)
        self.annotate.setStyleSheet(main_button_style(colors))
        self.empty.setStyleSheet(
            f"QLabel {{ color: {colors.faint_text}; border: 1px dashed"
            f" {colors.faint_text}; }}"
        )
        self._show_state()

    def forget(self) -> None:
        """Be as new."""
        self.studies.forget()
        self._left_out = 0
        self._show_state()

    # ----------------------------------------------------------------- reading
    def choice(self, *, annotate: bool = True) -> NewJobChoice:
        """Return what was entered, without the labels."""
        chosen = self.due.date()
        due = date(chosen.year(), chosen.month(), chosen.day())
        return NewJobChoice(
            name=" ".join(self.name.text().split()),
            instructions=self.instructions.toPlainText().strip(),
            studies=tuple(self.studies.chosen()),
            methods=self._methods(),
            folder=self.place.path(),
            due=due if self.is_due.isChecked() else None,
            anonymous=self.anonymous.isChecked(),
            copy=self.copy.isChecked(),
            annotate=annotate,
            names=self.studies.given(),
        )

    def _methods(self) -> tuple[Method, ...]:
        return tuple(m for m, box in self.methods.items() if box.isChecked())

    # ------------------------------------------------------------------ acting
    def begin_labels(self) -> None:
        """Let labels be typed, unless something else is being entered."""
        focus = self.focusWidget()
        if self.labels.is_empty and not isinstance(focus, QLineEdit | QPlainTextEdit):
            self.labels.begin()

    def _on_methods(self) -> None:
        methods = self._methods()
        self.labels.set_methods(methods)
        if len(methods) == 1:
            self.labels.turn_to(methods[0])
        self._show_state()

    def _on_labels(self) -> None:
        """Tick the methods that labels bring along."""
        for method in self.labels.methods():
            box = self.methods[method]
            if not box.isChecked():
                with QSignalBlocker(box):
                    box.setChecked(True)
                self.labels.set_methods(self._methods())
        if self._is_wrong:
            self.set_told("")
        self._show_state()

    def _ask(self, *, annotate: bool) -> None:
        if self.annotate.isEnabled():
            self.create_requested.emit(self.choice(annotate=annotate))

    def _show_state(self, *_: object) -> None:
        if not hasattr(self, "annotate"):
            return
        total = self.studies.count()
        chosen = self.studies.chosen()
        self._pages.setCurrentIndex(bool(total))
        for button in (self.all, self.none):
            button.setVisible(total > 1)
        text = ""
        if total:
            word = "study" if total == 1 else "studies"
            text = f"{number(len(chosen))} of {number(total)} {word}"
        if self._left_out:
            count = counted(self._left_out, "file")
            color = self._colors.warning_text
            text += f' · <a href="#" style="color: {color}">{count} left out</a>'
        self.count.setText(text.removeprefix(" · "))
        names = {}
        if self.anonymous.isChecked():
            names = {each: f"Case {n}" for n, each in enumerate(chosen, 1)}
        self.studies.set_names(names)
        missing = self._missing(chosen)
        for button in (self.only_create, self.annotate):
            button.setEnabled(not self._busy)
        if not self._is_wrong and not self._busy:
            self.told.setText(missing)

    def _missing(self, chosen: Sequence[str]) -> str:
        """Say what comes next."""
        if not self.studies.count():
            return "Begin with the images."
        if not chosen:
            return "Tick the studies that are to be annotated."
        if self.labels.is_empty:
            return "Type the names of the labels."
        if not self.name.text().strip():
            return "Give the job a name."
        return ""

    # ------------------------------------------------------------------- events
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter is for the labels."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            return
        if event.matches(QKeySequence.StandardKey.Cancel) and self._busy:
            event.accept()
            self.stop_requested.emit()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Keep the height of the instructions at two lines."""
        super().changeEvent(event)
        if event.type() == event.Type.FontChange and hasattr(self, "instructions"):
            self.instructions.setFixedHeight(2 * self.fontMetrics().height() + 14)


def _title(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setStyleSheet("QLabel { font-size: 12pt; font-weight: bold; }")
    return label


def _row(
    form: QGridLayout,
    place: int,
    text: str,
    buddy: QWidget,
    whole: QWidget | None = None,
) -> None:
    label = QLabel(text, buddy.parentWidget())
    label.setBuddy(buddy)
    top = Qt.AlignmentFlag.AlignTop
    many = isinstance(buddy, QPlainTextEdit)
    form.addWidget(label, place, 0, top if many else Qt.AlignmentFlag(0))
    form.addWidget(whole or buddy, place, 1)
