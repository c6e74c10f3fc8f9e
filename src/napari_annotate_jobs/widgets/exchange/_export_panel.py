"""Export: what goes in, what becomes of it, and where it goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFrame,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.widgets.jobs._paint import number
from napari_annotate_jobs.widgets.numbers import NumberTable
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import timer_once
from napari_annotate_jobs.widgets.parts._sections import Section
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    focus_ring,
    main_button_style,
    paint_in,
)

from ._export_choice import ExportChoice, ExportPreview
from ._fields import (
    ID,
    Choice,
    OptionForm,
    OutcomeLine,
    PathField,
    TickList,
    named_row,
    sentence,
    tick_style,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.formats import ClassCount
    from napari_annotate_jobs.model import LabelSet

    from ._export_choice import OptionField

__all__ = ["ExportPanel"]

PAUSE = 250
"""Milliseconds after the last choice before its preview is asked for."""
LEAST = 50
"""Images a class below which one is warned at first."""
MOST_CASES = 2000
"""Longer lists are not for ticking."""
ONLY = {
    "finished": "Finished cases",
    "passed": "Cases passed in review",
    "all": "All, drafts too",
}
_HEAD = ("Class", "Images", "Cases", "Boxes", "Voxels")
_TIPS = (
    "Classes of what is written",
    "Slices that carry it",
    "Cases that carry it",
    "Boxes, those of one object followed over slices counted once",
    "Of masks",
)

_row = partial(named_row, 76)
"""Names of fields are so wide here."""


class ExportPanel(QWidget):
    """What a person chooses of an export; shows what would come of it."""

    choice_changed = Signal()
    """Something else is chosen: a preview is wanted."""
    format_changed = Signal(str)
    """Another format is chosen, whose options are to be shown."""
    export_requested = Signal()
    """The export is to begin."""
    cancel_requested = Signal()
    """The export is to stop."""
    folder_requested = Signal()
    """A folder is to be chosen."""
    show_folder_requested = Signal()
    """What was exported is to be shown."""
    combine_requested = Signal()
    """Labels are to be combined."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export")
        self._colors = Colors.dark()
        self._preview: ExportPreview | None = None
        self._summaries: dict[str, str] = {}
        self._off: set[int] = set()
        self._has_job = self._busy = False
        self._pause = timer_once(self, self.choice_changed, PAUSE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        self.title = wrapped(self)
        self.title.setStyleSheet("QLabel { font-size: 12pt; font-weight: bold; }")
        layout.addWidget(self.title)
        layout.addWidget(self._build_body(), 1)
        layout.addLayout(self._build_foot())
        self.setMinimumWidth(300)
        self.set_job("", None)
        paint_in(self, Colors.dark())

    # --------------------------------------------------------------- building
    def _build_body(self) -> QScrollArea:
        self.body = QWidget()
        rows = QVBoxLayout(self.body)
        rows.setContentsMargins(0, 0, 4, 0)
        rows.setSpacing(4)
        self.format = Choice("Format", self.body)
        self.format.currentIndexChanged.connect(self._on_format)
        self.about_format = wrapped(self.body)
        rows.addLayout(_row("Format", self.format))
        rows.addWidget(self.about_format)
        self.options = OptionForm()
        self.options.changed.connect(self._changed)
        self.options_section = Section("Options of the format", self.options, self.body)
        self.options_section.set_folded(True)
        rows.addWidget(self.options_section)
        rows.addWidget(_head("What goes in", self.body))
        self.only = Choice("Which annotations", self.body)
        self.only.currentIndexChanged.connect(self._changed)
        self.person = Choice("By whom", self.body)
        self.person.currentIndexChanged.connect(self._changed)
        rows.addLayout(_row("Annotations", self.only, "by", self.person))
        self.based = wrapped(self.body)
        rows.addWidget(self.based)
        self.left_out = wrapped(self.body)
        rows.addWidget(self.left_out)
        rows.addWidget(self._build_cases())
        rows.addWidget(self._build_labels())
        rows.addWidget(_head("What becomes of it", self.body))
        self.convert = Choice("Convert", self.body)
        self.convert.currentIndexChanged.connect(self._changed)
        rows.addLayout(_row("Convert", self.convert))
        self.combine = Choice("Combine labels", self.body)
        self.combine.currentIndexChanged.connect(self._changed)
        self.edit = QPushButton("Combine…", self.body)
        self.edit.setToolTip("Merge classes into new ones, and keep that with the job")
        self.edit.clicked.connect(self.combine_requested)
        rows.addLayout(_row("Combine", self.combine, self.edit))
        rows.addWidget(self._build_priority())
        rows.addWidget(self._build_classes())
        self.lost = wrapped(self.body)
        rows.addWidget(self.lost)
        rows.addStretch(1)
        area = QScrollArea(self)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.body)
        return area

    def _build_cases(self) -> Section:
        box = QWidget()
        self.cases = TickList("Cases that go in", box)
        self.cases.setFixedHeight(130)
        self.cases.ticked.connect(self._changed)
        self.many = wrapped(box)
        self.many.setText(
            "These are too many to be ticked one by one. Name some of them with "
            "--cases on the command line."
        )
        self.all_cases, self.no_cases = (
            QPushButton("All", box),
            QPushButton("None", box),
        )
        self.all_cases.clicked.connect(self.cases.tick_all)
        self.no_cases.clicked.connect(self.cases.tick_none)
        row = row_of(self.all_cases, self.no_cases, 1)
        column_of(self.many, self.cases, row, parent=box, margins=0)
        self.cases_section = Section("Cases", box, self.body)
        self.cases_section.set_folded(True)
        return self.cases_section

    def _build_labels(self) -> QTreeWidget:
        self.labels = QTreeWidget(self.body)
        self.labels.setAccessibleName("Labels that go in")
        self.labels.setToolTip("Untick labels that are to be left out")
        self.labels.setColumnCount(3)
        self.labels.setHeaderLabels(["Labels", "Images", "Cases"])
        self.labels.setRootIsDecorated(False)
        self.labels.setUniformRowHeights(True)
        header = self.labels.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.labels.itemChanged.connect(self._on_label)
        return self.labels

    def _build_priority(self) -> QWidget:
        self.order_box = QWidget(self.body)
        self.ordered = QCheckBox("Where masks overlap, the upper label wins", self.body)
        self.ordered.toggled.connect(self._on_ordered)
        self.order = QListWidget(self.order_box)
        self.order.setAccessibleName("Order of labels where masks overlap")
        self.order.setToolTip("Drag labels into the order in which they win")
        self.order.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.order.setFixedHeight(80)
        self.order.model().rowsMoved.connect(self._changed)
        column_of(self.ordered, self.order, parent=self.order_box, margins=0)
        return self.order_box

    def _build_classes(self) -> QWidget:
        box = QWidget(self.body)
        self.classes = NumberTable(_HEAD, _TIPS, box)
        self.classes.setAccessibleName("Classes that are written")
        self.least = QSpinBox(box)
        self.least.setRange(0, 1_000_000)
        self.least.setValue(LEAST)
        self.least.setAccessibleName("Images a class below which to warn")
        self.least.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.least.valueChanged.connect(self._show_classes)
        row = row_of(
            QLabel("Warn below", box), self.least, QLabel("images a class", box), 1
        )
        self.few = wrapped(box)
        column_of(self.classes, row, self.few, parent=box, spacing=4, margins=0)
        return box

    def _build_foot(self) -> QVBoxLayout:
        self.folder = PathField(
            "Folder of the export", "a new or an empty folder", self
        )
        self.folder.changed.connect(self._show_buttons)
        self.folder.browse_requested.connect(self.folder_requested)
        self.refused = wrapped(self)
        self.status = OutcomeLine(self)
        self.show_folder = QPushButton("Show folder", self)
        self.show_folder.clicked.connect(self.show_folder_requested)
        self.show_folder.hide()
        self.cancel = QPushButton("Cancel", self)
        self.cancel.setToolTip("Stop; started again in the same way it goes on")
        self.cancel.clicked.connect(self.cancel_requested)
        self.cancel.hide()
        self.export = QPushButton("Export", self)
        self.export.setObjectName("export_button")
        self.export.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed
        )
        self.export.clicked.connect(self.export_requested)
        into = _row("Into", self.folder)
        row = row_of(self.show_folder, self.cancel, (self.export, 1))
        return column_of(self.refused, into, self.status, row, spacing=4)

    # ---------------------------------------------------------------- setters
    def set_formats(
        self,
        formats: Sequence[tuple[str, str, str]],
        conversions: Sequence[tuple[str, str]],
        only: Sequence[str],
    ) -> None:
        """Say what there is to choose from.

        Parameters
        ----------
        formats : sequence of (str, str, str)
            Name, title and a sentence of each format.
        conversions : sequence of (str, str)
            Name and title.
        only : sequence of str
            Which annotations can be exported.
        """
        self._summaries = {name: summary for name, _, summary in formats}
        self.format.set_entries([(name, title) for name, title, _ in formats])
        self.convert.set_entries([("", "nothing"), *conversions])
        self.only.set_entries([(each, ONLY.get(each, each)) for each in only])
        self._on_format()

    def set_job(self, name: str, labels: LabelSet | None, folder: str = "") -> None:
        """Say which job is exported, its labels, and a folder to offer."""
        self._has_job = bool(name)
        self._pause.stop()
        self._preview = None
        self._off = set()
        self.cases.forget()
        self.title.setText(f"Export {name}" if name else "No job is open")
        with QSignalBlocker(self.labels):
            self.labels.clear()
            for label in () if labels is None else labels.labels:
                item = QTreeWidgetItem([label.name, "", ""])
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(0, Qt.CheckState.Checked)
                item.setData(0, ID, label.id)
                item.setData(0, Qt.ItemDataRole.DecorationRole, QColor(label.color))
                item.setToolTip(0, f"{label.name} · {label.method}")
                self.labels.addTopLevelItem(item)
        self._fit_labels()
        self.person.set_entries([("", "everybody")])
        self.set_combinations([])
        with QSignalBlocker(self.ordered):
            self.ordered.setChecked(False)
        self.order.clear()
        self.folder.set_path(folder)
        self.set_status("" if name else "Open a job in My Jobs to export it.")
        self.show_folder.hide()
        self.body.setEnabled(self._has_job)
        self._show()

    def set_people(self, names: Sequence[str]) -> None:
        """Say who has annotated."""
        self.person.set_entries([("", "everybody"), *((name, name) for name in names)])

    def set_combinations(self, names: Sequence[str], chosen: str | None = None) -> None:
        """Say which combinations are kept with the job, and choose one."""
        self.combine.set_entries([("", "nothing"), *((name, name) for name in names)])
        if chosen is not None:
            self.combine.set_value(chosen)

    def set_options(self, fields: Sequence[OptionField]) -> None:
        """Say what the chosen format lets one choose."""
        self.options.set_fields(fields)
        self.options_section.setVisible(bool(fields))

    def set_folder(self, folder: str) -> None:
        """Show where it goes."""
        self.folder.set_path(folder)

    def set_preview(self, preview: ExportPreview | None) -> None:
        """Show what would come of what is chosen; None while that is not known."""
        self._preview = preview
        self._show()

    def set_status(self, text: str, *, wrong: bool = False) -> None:
        """Say what is going on, or what went wrong."""
        self.status.say(text, wrong=wrong)

    def set_busy(self, busy: bool) -> None:
        """Say that the export is under way: nothing else can be chosen then."""
        self._busy = busy
        self.body.setEnabled(self._has_job and not busy)
        self.folder.setEnabled(not busy)
        self.cancel.setVisible(busy)
        if busy:
            self.show_folder.hide()
        self._show_buttons()

    def set_done(self, text: str) -> None:
        """Say that the export is there."""
        self.set_status(text)
        self.show_folder.show()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(
            focus_ring(colors)
            + f"QTreeWidget, QListWidget {{ background: {colors.background}; }}"
            + tick_style(colors)
        )
        self.export.setStyleSheet(main_button_style(colors))
        faint = f"QLabel {{ color: {colors.faint_text}; }}"
        for label in (self.about_format, self.left_out, self.many):
            label.setStyleSheet(faint)
        self.refused.setStyleSheet(f"QLabel {{ color: {colors.error_text}; }}")
        for label in (self.lost, self.few):
            label.setStyleSheet(f"QLabel {{ color: {colors.warning_text}; }}")
        self._show()

    # ------------------------------------------------------------------ choice
    def choice(self) -> ExportChoice:
        """Return what is chosen."""
        items = [
            self.labels.topLevelItem(i) for i in range(self.labels.topLevelItemCount())
        ]
        on = [x.data(0, ID) for x in items if x.data(0, ID) not in self._off]
        order = [self.order.item(i).data(ID) for i in range(self.order.count())]
        return ExportChoice(
            format=self.format.value(),
            only=self.only.value(),
            person=self.person.value(),
            cases=self.cases.chosen(),
            labels=None if len(on) == len(items) else tuple(on),
            convert=self.convert.value(),
            combine=self.combine.value(),
            priority=tuple(order) if self.ordered.isChecked() else (),
            options=self.options.values(),
            folder=self.folder.path(),
        )

    def _changed(self, *_: object) -> None:
        self.set_preview(None)
        if self._has_job:
            self._pause.start()

    def _on_format(self, *_: object) -> None:
        name = self.format.value()
        text = self._summaries.get(name, "")
        self.about_format.setText(sentence(text))
        self.format_changed.emit(name)
        self._changed()

    def _on_label(self, item: QTreeWidgetItem, column: int) -> None:
        if item.checkState(0) == Qt.CheckState.Checked:
            self._off.discard(item.data(0, ID))
        else:
            self._off.add(item.data(0, ID))
        self._changed()

    def _on_ordered(self, on: bool) -> None:
        self.order.setVisible(on)
        self._changed()

    # ----------------------------------------------------------------- showing
    def _show(self) -> None:
        preview = self._preview
        if preview is not None:
            self.based.setText(
                f"Based on {number(preview.finished)} finished; "
                f"{counted(preview.going, 'annotated case')} "
                f"{'goes' if preview.going == 1 else 'go'} in."
            )
            self.left_out.setText(_left_out(preview))
            few = len(preview.cases) <= MOST_CASES
            self.cases.set_entries(preview.cases if few else ())
            for part in (self.cases, self.all_cases, self.no_cases):
                part.setVisible(few)
            self.many.setVisible(not few)
            self.cases_section.set_title(f"Cases ({number(len(preview.cases))})")
            self._show_order(preview)
            self._show_label_counts(preview.before)
        self.left_out.setVisible(bool(self.left_out.text()))
        refused = () if preview is None else preview.refused
        lost = [] if preview is None else [f"Left out: {x}." for x in preview.lost]
        if preview is not None:
            lost += [f"{text[:1].upper()}{text[1:]}." for text in preview.remarks]
        self.refused.setText("\n".join(f"Cannot export: {text}." for text in refused))
        self.lost.setText("\n".join(lost))
        self.refused.setVisible(bool(refused))
        self.lost.setVisible(bool(lost))
        wanted = preview is not None and preview.overlaps
        self.order_box.setVisible(wanted or self.ordered.isChecked())
        self.order.setVisible(self.ordered.isChecked())
        self._show_classes()
        self._show_buttons()

    def _show_order(self, preview: ExportPreview) -> None:
        masks = [
            c.label for c in preview.after if c.label.method is Method.SEGMENTATION
        ]
        there = [self.order.item(i).data(ID) for i in range(self.order.count())]
        if sorted(there) == sorted(label.id for label in masks):
            return
        self.order.clear()
        for label in masks:
            item = QListWidgetItem(label.name, self.order)
            item.setData(ID, label.id)
            item.setData(Qt.ItemDataRole.DecorationRole, QColor(label.color))

    def _show_label_counts(self, counts: Sequence[ClassCount]) -> None:
        found = {count.label.id: count for count in counts}
        with QSignalBlocker(self.labels):
            for i in range(self.labels.topLevelItemCount()):
                item = self.labels.topLevelItem(i)
                count = found.get(item.data(0, ID))
                texts = ("", "")
                if count is not None:
                    texts = number(count.slices), number(count.cases)
                for column, text in enumerate(texts, 1):
                    item.setText(column, text)
                    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    item.setTextAlignment(column, right)
        self._fit_labels()

    def _fit_labels(self) -> None:
        rows = min(self.labels.topLevelItemCount(), 8)
        height = self.labels.sizeHintForRow(0)
        if height <= 0:
            height = self.fontMetrics().height() + 8
        head = self.labels.header().sizeHint().height()
        self.labels.setFixedHeight(rows * height + head + 8)

    def _show_classes(self) -> None:
        counts = () if self._preview is None else self._preview.after
        least = self.least.value()
        few = "" if self._preview is None else self._preview.few(least)
        if self._preview is not None or not self._has_job:
            self.classes.set_rows(
                [_cells(count) for count in counts],
                swatches=[count.label.color for count in counts],
                tips=[f"{c.label.name} · {c.label.method}" for c in counts],
                marks=[
                    self._colors.warning_text if c.images < least else ""
                    for c in counts
                ],
            )
            rows = min(max(len(counts), 1), 8)
            self.classes.setFixedHeight((rows + 1) * 24 + 8)
        self.few.setText(few)
        self.few.setVisible(bool(few))

    def _show_buttons(self) -> None:
        preview = self._preview
        ready = preview is not None and preview.going and not preview.refused
        self.export.setEnabled(bool(ready and self.folder.path() and not self._busy))
        self.export.setText("Exporting…" if self._busy else "Export")


def _head(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setStyleSheet("QLabel { font-weight: bold; padding-top: 4px; }")
    return label


def _left_out(preview: ExportPreview) -> str:
    parts = []
    for reason, names in preview.left_out.items():
        shown = ", ".join(names[:2]) + ("…" if len(names) > 2 else "")
        parts.append(f"{counted(len(names), 'case')}: {reason} ({shown})")
    return "Left out: " + "; ".join(parts) + "." if parts else ""


def _cells(count: ClassCount) -> list[tuple[object, str]]:
    numbers = (count.images, count.cases, count.objects, count.voxels)
    return [
        (count.label.name, count.label.name),
        *((value, number(value) if value else "") for value in numbers),
    ]
