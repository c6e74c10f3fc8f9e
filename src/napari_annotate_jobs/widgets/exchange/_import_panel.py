"""Import: which files, what they become, and what came in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    focus_ring,
    main_button_style,
)

from ._fields import Choice, PathField, named_row, sentence, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ImportChoice", "ImportPanel"]

_MODES = (
    ("keep", "stays as it is"),
    ("add", "stays, with more beside it"),
    ("replace", "is replaced"),
)

_row = partial(named_row, 98)
"""Names of fields are so wide here."""


@dataclass(frozen=True, kw_only=True)
class ImportChoice:
    """What a person wants to be imported.

    Parameters
    ----------
    format : str
        Name of the format.
    path : str
        A file, or a folder; empty where a program makes them.
    command : str
        The program that makes them, case by case; empty for files that are there.
    minutes : int
        How long it may take for a case; 0 for as long as it likes.
    again : bool
        Whether cases that it did before are done again.
    match : str
        Pattern of the files' paths; empty for none.
    mapping : tuple of str
        ``NAME=LABEL`` each.
    enter_as : str
        ``draft`` or ``proposals``.
    mode : str
        What becomes of slices that hold something: keep, add or replace.
    model, version : str
        What made them, if a model did.
    resample : bool
        Whether masks on another grid are taken.
    empty_is_nothing : bool
        Whether empty slices of volumes have nothing to label.
    """

    format: str = ""
    path: str = ""
    command: str = ""
    minutes: int = 0
    again: bool = False
    match: str = ""
    mapping: tuple[str, ...] = ()
    enter_as: str = "draft"
    mode: str = "keep"
    model: str = ""
    version: str = ""
    resample: bool = False
    empty_is_nothing: bool = False


class ImportPanel(QWidget):
    """What a person chooses of an import; shows what came, or would come, of it."""

    preview_requested = Signal()
    """What would come in is to be told."""
    import_requested = Signal()
    """The import is to begin."""
    cancel_requested = Signal()
    """It is to stop."""
    folder_requested = Signal()
    """A folder is to be chosen."""
    file_requested = Signal()
    """A file is to be chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("import")
        self._colors = Colors.dark()
        self._is_wrong = False
        self._summaries: dict[str, tuple[str, bool]] = {}
        self._has_job = self._busy = self._looks = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        self.title = wrapped(self)
        self.title.setStyleSheet("QLabel { font-size: 12pt; font-weight: bold; }")
        layout.addWidget(self.title)
        layout.addWidget(self._build_body(), 3)
        self.told = QPlainTextEdit(self)
        self.told.setReadOnly(True)
        self.told.setAccessibleName("What came in")
        self.told.setFrameShape(QFrame.Shape.NoFrame)
        self.told.setMinimumHeight(60)
        layout.addWidget(self.told, 1)
        layout.addLayout(self._build_foot())
        self.setMinimumWidth(300)
        self.set_job("")
        self.set_colors(Colors.dark())

    # --------------------------------------------------------------- building
    def _build_body(self) -> QScrollArea:
        self.body = QWidget()
        rows = QVBoxLayout(self.body)
        rows.setContentsMargins(0, 0, 4, 0)
        rows.setSpacing(4)
        self.format = Choice("Format", self.body)
        self.format.currentIndexChanged.connect(self._on_format)
        self.about_format = wrapped(self.body)
        self.source = PathField("Files to import", "a folder, or a file", self.body)
        self.source.browse.setText("Folder…")
        self.source.browse_requested.connect(self.folder_requested)
        self.source.changed.connect(self._show_buttons)
        self.file = QPushButton("File…", self.body)
        self.file.clicked.connect(self.file_requested)
        self.made = Choice("Where it comes from", self.body)
        self.made.set_entries(
            [("files", "files that are there"), ("program", "a program, run here")]
        )
        self.made.currentIndexChanged.connect(self._on_made)
        self.command = QLineEdit(self.body)
        self.command.setAccessibleName("Program to run on each case")
        self.command.setPlaceholderText("mymodel {image} {out}")
        self.command.setToolTip(
            "Run for each case that is not submitted; no shell reads it.\n"
            "{image}: its image as NIfTI; {out}: the file of labels to write;\n"
            "{image_folder}, {out_folder}: the folders, for programs that take these"
        )
        self.command.textChanged.connect(self._show_buttons)
        self.minutes = QSpinBox(self.body)
        self.minutes.setRange(0, 24 * 60)
        self.minutes.setSpecialValueText("as long as it takes")
        self.minutes.setSuffix(" min a case")
        self.minutes.setAccessibleName("Longest time for a case")
        self.minutes.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.again = QCheckBox("Do cases again that it did before", self.body)
        self.match = QLineEdit(self.body)
        self.match.setAccessibleName("Pattern of the files")
        self.match.setPlaceholderText("by their names, or as {case}/{label}.nii.gz")
        self.match.setToolTip(
            "How files are named: {case} stands for a case, {label} for a label,\n"
            "* for anything. Empty where their names or UIDs tell."
        )
        self.mapping = QPlainTextEdit(self.body)
        self.mapping.setAccessibleName("Which class becomes which label")
        self.mapping.setPlaceholderText("1=liver\nlung_left=left lung\n3=   (left out)")
        self.mapping.setToolTip(
            "A line for each class whose name is not that of its label"
        )
        self.mapping.setTabChangesFocus(True)
        self.mapping.setFixedHeight(62)
        self.enter_as = Choice("As what it comes in", self.body)
        self.enter_as.set_entries(
            [("draft", "part of your drafts"), ("proposals", "proposals to confirm")]
        )
        self.enter_as.currentIndexChanged.connect(self._on_enter_as)
        self.mode = Choice("Already there", self.body)
        self.mode.set_entries(_MODES)
        self.model, self.version = QLineEdit(self.body), QLineEdit(self.body)
        for field, name in ((self.model, "model"), (self.version, "version")):
            field.setAccessibleName(f"Name of the {name}")
            field.setPlaceholderText("name" if field is self.model else name)
        self.resample = QCheckBox("Take masks on another grid too", self.body)
        self.resample.setToolTip("Each voxel gets the value of the nearest one")
        self.empty = QCheckBox("Empty slices have nothing to label", self.body)
        self.empty.setToolTip(
            "Whoever made the volumes looked at every slice; else slices without\n"
            "any label stay undecided"
        )
        rows.addLayout(_row("Format", self.format))
        rows.addWidget(self.about_format)
        self.files_row = _box(_row("From", self.source, self.file), self.body)
        self.program_row = QWidget(self.body)
        column_of(
            _row("Program", self.command),
            _row("At most", self.minutes),
            self.again,
            parent=self.program_row,
            spacing=4,
            margins=0,
        )
        rows.addLayout(_row("Made by", self.made))
        rows.addWidget(self.files_row)
        rows.addWidget(self.program_row)
        rows.addLayout(_row("Files", self.match))
        rows.addLayout(_row("Labels", self.mapping))
        rows.addLayout(_row("Comes in as", self.enter_as))
        rows.addLayout(_row("Already there", self.mode))
        rows.addLayout(_row("Model", self.model, self.version))
        rows.addWidget(self.resample)
        rows.addWidget(self.empty)
        rows.addStretch(1)
        area = QScrollArea(self)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.body)
        return area

    def _build_foot(self) -> QHBoxLayout:
        self.preview = QPushButton("Preview", self)
        self.preview.setToolTip("Tell what would come in; saves nothing")
        self.preview.clicked.connect(self.preview_requested)
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop; cases that are done keep what came in")
        self.cancel.clicked.connect(self.cancel_requested)
        self.cancel.hide()
        self.begin = QPushButton("Import", self)
        self.begin.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.begin.clicked.connect(self.import_requested)
        return row_of(self.preview, self.cancel, (self.begin, 1))

    # ---------------------------------------------------------------- setters
    def set_formats(self, formats: Sequence[tuple[str, str, str, bool]]) -> None:
        """Say what there is to choose from.

        Parameters
        ----------
        formats : sequence of (str, str, str, bool)
            Name, title, a sentence, and whether its files are whole volumes.
        """
        self._summaries = {name: (text, whole) for name, _, text, whole in formats}
        self.format.set_entries([(name, title) for name, title, _, _ in formats])
        self._on_format()
        self._on_made()

    def set_job(self, name: str) -> None:
        """Say into which job."""
        self._has_job = bool(name)
        self.title.setText(f"Import into {name}" if name else "No job is open")
        self.body.setEnabled(self._has_job)
        self.set_told(
            "" if name else "Open a job in My Jobs to import annotations into it."
        )
        self._show_buttons()

    def set_path(self, path: str) -> None:
        """Show where it comes from."""
        self.source.set_path(path)

    def set_busy(self, busy: bool, *, looks: bool = False) -> None:
        """Say that it is under way: nothing else can be chosen then.

        Parameters
        ----------
        busy : bool
            Whether it is.
        looks : bool
            Whether it is looked only, and nothing comes in.
        """
        self._busy, self._looks = busy, looks
        self.body.setEnabled(self._has_job and not busy)
        self.cancel.setVisible(busy)
        self._show_buttons()

    def set_told(self, text: str, *, wrong: bool = False) -> None:
        """Say what came in, or what is wrong."""
        self._is_wrong = wrong
        self._color_told()
        self.told.setPlainText(text)
        self.told.setVisible(bool(text))

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(
            focus_ring(colors)
            + f"QPlainTextEdit {{ background: {colors.foreground}; }}"
        )
        self.begin.setStyleSheet(main_button_style(colors))
        self.about_format.setStyleSheet(f"QLabel {{ color: {colors.faint_text}; }}")
        self._color_told()

    def _color_told(self) -> None:
        colors = self._colors
        color = colors.error_text if self._is_wrong else colors.text
        self.told.setStyleSheet(
            f"QPlainTextEdit {{ color: {color}; background: {colors.foreground}; }}"
        )

    # ------------------------------------------------------------------ choice
    def choice(self) -> ImportChoice:
        """Return what is chosen."""
        lines = [line.strip() for line in self.mapping.toPlainText().splitlines()]
        return ImportChoice(
            format=self.format.value(),
            path="" if self._by_program else self.source.path(),
            command=self.command.text().strip() if self._by_program else "",
            minutes=self.minutes.value(),
            again=self.again.isChecked(),
            match=self.match.text().strip(),
            mapping=tuple(line for line in lines if line),
            enter_as=self.enter_as.value(),
            mode=self.mode.value(),
            model=self.model.text().strip(),
            version=self.version.text().strip(),
            resample=self.resample.isChecked(),
            empty_is_nothing=self.empty.isEnabled() and self.empty.isChecked(),
        )

    def _on_format(self, *_: object) -> None:
        text = self._summaries.get(self.format.value(), ("", False))[0]
        self.about_format.setText(sentence(text))
        self._on_enter_as()

    @property
    def _by_program(self) -> bool:
        return self.made.value() == "program"

    def _on_made(self, *_: object) -> None:
        program = self._by_program
        self.files_row.setVisible(not program)
        self.program_row.setVisible(program)
        if program:  # what a program says, a person confirms
            self.enter_as.set_value("proposals")
        self.enter_as.setEnabled(not program)
        self.preview.setVisible(not program)
        self._on_enter_as()
        self._show_buttons()

    def _on_enter_as(self, *_: object) -> None:
        proposals = self.enter_as.value() == "proposals"
        whole = self._summaries.get(self.format.value(), ("", False))[1]
        # A negative cannot be a proposal, nor do these replace what is confirmed.
        self.empty.setEnabled(whole and not proposals)
        with QSignalBlocker(self.mode):
            self.mode.set_entries(_MODES[:2] if proposals else _MODES)

    def _show_buttons(self) -> None:
        program = self._by_program
        source = self.command.text().strip() if program else self.source.path()
        ready = self._has_job and not self._busy and bool(source)
        self.preview.setEnabled(ready)
        self.begin.setEnabled(ready)
        idle, busy = ("Run", "Running…") if program else ("Import", "Importing…")
        if self._looks:
            busy = "Looking…"
        self.begin.setText(busy if self._busy else idle)


def _box(layout: QHBoxLayout, parent: QWidget) -> QWidget:
    box = QWidget(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    box.setLayout(layout)
    return box
