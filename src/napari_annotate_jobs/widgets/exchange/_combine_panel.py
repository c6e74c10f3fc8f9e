"""Combine labels: classes made of others, with what that makes of the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.widgets.jobs._paint import number
from napari_annotate_jobs.widgets.keys._local import LocalKeys
from napari_annotate_jobs.widgets.numbers import BarPlot, BarRow, NumberTable
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    focus_ring,
    main_button_style,
    paint_in,
)

from ._class_tree import ClassTree
from ._fields import Choice, OutcomeLine, tick_style, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QKeyEvent

    from napari_annotate_jobs.formats import ClassCount
    from napari_annotate_jobs.model import LabelSet, Method

    from ._class_tree import NewClass

__all__ = ["CombinePanel"]

_QUANTITIES = ("Images", "Cases", "Boxes", "Voxels")
_HEAD = ("Class", "Images", "Cases", "Boxes", "Voxels")
_TIPS = (
    "Classes in the order of the label set",
    "Slices that carry it; excluded ones do not count",
    "Cases that carry it",
    "Boxes, those of one object followed over slices counted once",
    "Of masks",
)


class CombinePanel(QWidget):
    """Shows a combination of labels, and asks for changes of it."""

    _keys = LocalKeys({})  # Qt sends events while the panel is still being built

    combine_requested = Signal(tuple)
    feed_requested = Signal(tuple, int)
    take_out_requested = Signal(tuple)
    dissolve_requested = Signal(int)
    rename_requested = Signal(int, str)
    recolor_requested = Signal(int, str)
    keep_requested = Signal(int, bool)
    undo_requested = Signal()
    redo_requested = Signal()
    open_requested = Signal(str)
    """Name of a combination that is to be shown; empty for a new one."""
    save_requested = Signal(str)
    """The combination is to be kept under a name."""
    delete_requested = Signal(str)
    """A combination is to be kept no longer."""
    labels_requested = Signal()
    """The new label set is to be saved, for a new job."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("combine_labels")
        self._colors = Colors.dark()
        self._labels: LabelSet | None = None
        self._classes: tuple[NewClass, ...] = ()
        self._before: Sequence[ClassCount] = ()
        self._after: Sequence[ClassCount] = ()
        self._color_dialog: QColorDialog | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(4)
        self.title = wrapped(self)
        self.title.setStyleSheet("QLabel { font-size: 12pt; font-weight: bold; }")
        layout.addWidget(self.title)
        layout.addLayout(self._build_saved())
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.setChildrenCollapsible(False)
        split.addWidget(self._build_classes())
        split.addWidget(self._build_numbers())
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        layout.addWidget(split, 1)
        self.remarks = wrapped(self)
        layout.addWidget(self.remarks)
        self.status = OutcomeLine(self)
        layout.addWidget(self.status)
        layout.addLayout(self._build_foot())
        self.setMinimumWidth(300)
        self._keys = LocalKeys(
            {
                "Ctrl+Z": self.undo.click,
                "Ctrl+Shift+Z": self.redo.click,
                "Ctrl+Y": self.redo.click,
            }
        )
        self.set_job("", None)
        self.set_history(False, False)
        paint_in(self, Colors.dark())

    # --------------------------------------------------------------- building
    def _build_saved(self) -> QHBoxLayout:
        self.saved = Choice("Combination", self)
        self.saved.setToolTip("Combinations that are kept with the job")
        self.saved.activated.connect(self._on_open)
        self.undo = QPushButton("Undo", self)
        self.undo.setToolTip("Take the last change back (Ctrl+Z)")
        self.undo.clicked.connect(self.undo_requested)
        self.redo = QPushButton("Redo", self)
        self.redo.setToolTip("Make the change that was taken back (Ctrl+Shift+Z)")
        self.redo.clicked.connect(self.redo_requested)
        self.delete = QPushButton("Delete", self)
        self.delete.setToolTip("Keep this combination no longer")
        self.delete.clicked.connect(self._on_delete)
        return row_of((self.saved, 1), self.delete, self.undo, self.redo)

    def _build_classes(self) -> QWidget:
        box = QWidget(self)
        self.tree = ClassTree(box)
        self.tree.combine_requested.connect(self.combine_requested)
        self.tree.feed_requested.connect(self.feed_requested)
        self.tree.take_out_requested.connect(self.take_out_requested)
        self.tree.rename_requested.connect(self.rename_requested)
        self.tree.ticked.connect(self._show_buttons)
        self.combine = QPushButton("Combine", box)
        self.combine.setToolTip("Make a new class of the labels that are ticked")
        self.combine.clicked.connect(self._on_combine)
        self.feed = QPushButton("Add to class", box)
        self.feed.setToolTip("Feed the labels that are ticked into the chosen class")
        self.feed.clicked.connect(self._on_feed)
        self.out = QPushButton("Take out", box)
        self.out.setToolTip(
            "Leave the chosen source as it is; of a class, take it away (Delete)"
        )
        self.out.clicked.connect(self._on_take_out)
        self.color = QPushButton("Colour…", box)
        self.color.setToolTip("Give the chosen class another colour")
        self.color.clicked.connect(self._on_color)
        self.keep = QCheckBox("Keep the sources of the chosen class beside it", box)
        self.keep.setToolTip(
            "Leaves their names in the label set, to be used later.\n"
            "No image carries both: what was theirs is the new class's."
        )
        self.keep.clicked.connect(self._on_keep)
        buttons = (self.combine, self.feed, self.out, self.color)
        row = row_of(*((button, 1) for button in buttons), spacing=3)
        column_of((self.tree, 1), row, self.keep, parent=box, spacing=4, margins=0)
        return box

    def _build_numbers(self) -> QWidget:
        self.tabs = QTabWidget(self)
        page = QWidget(self)
        self.quantity = QComboBox(page)
        self.quantity.addItems(_QUANTITIES)
        self.quantity.setAccessibleName("What the bars show")
        self.quantity.currentIndexChanged.connect(self._show_bars)
        self.plot = BarPlot(page)
        column_of(self.quantity, (self.plot, 1), parent=page, margins=(0, 2, 0, 0))
        self.after = NumberTable(_HEAD, _TIPS, self)
        self.after.setAccessibleName("Classes after combining")
        self.before = NumberTable(_HEAD, _TIPS, self)
        self.before.setAccessibleName("Classes before combining")
        self.tabs.addTab(page, "Before and after")
        self.tabs.addTab(self.after, "After")
        self.tabs.addTab(self.before, "Before")
        return self.tabs

    def _build_foot(self) -> QHBoxLayout:
        self.name = QLineEdit(self)
        self.name.setPlaceholderText("Name of the combination")
        self.name.setAccessibleName("Name of the combination")
        self.name.textChanged.connect(self._show_buttons)
        self.name.returnPressed.connect(self._on_save)
        self.save = QPushButton("Save", self)
        self.save.setToolTip("Keep the combination with the job, for exports")
        self.save.clicked.connect(self._on_save)
        self.as_labels = QPushButton("Save label set…", self)
        self.as_labels.setToolTip(
            "Write the new label set as a file, for: new --labels FILE"
        )
        self.as_labels.clicked.connect(self.labels_requested)
        return row_of((self.name, 1), self.save, self.as_labels)

    # ---------------------------------------------------------------- setters
    def set_job(self, name: str, labels: LabelSet | None) -> None:
        """Say whose labels are combined."""
        self._labels = labels
        self.title.setText(f"Combine labels of {name}" if name else "No job is open")
        self.set_saved([], "")
        self.name.clear()
        self.set_classes([])
        self.set_counts((), (), ())
        self.set_status("" if name else "Open a job in My Jobs to combine its labels.")

    def set_saved(self, names: Sequence[str], chosen: str) -> None:
        """Say which combinations are kept, and which of them is shown."""
        self.saved.set_entries([("", "New combination"), *((n, n) for n in names)])
        self.saved.set_value(chosen)
        self.delete.setEnabled(bool(chosen))

    def set_name(self, name: str) -> None:
        """Show the name under which it is saved."""
        self.name.setText(name)

    def set_classes(self, classes: Sequence[NewClass]) -> None:
        """Show the combination."""
        self._classes = tuple(classes)
        self.tree.set_classes(self._labels, self._classes)

    def set_counts(
        self,
        before: Sequence[ClassCount],
        after: Sequence[ClassCount],
        remarks: Sequence[str],
    ) -> None:
        """Show the numbers of classes, and what is to be known of them."""
        self._before, self._after = before, after
        for table, counts in ((self.before, before), (self.after, after)):
            table.set_rows(
                [_cells(count) for count in counts],
                swatches=[count.label.color for count in counts],
                tips=[f"{c.label.name} · {c.label.method}" for c in counts],
            )
        by_class = {(c.label.name, c.label.method): c.slices or c.cases for c in after}
        self.tree.set_images(
            {count.label.id: count.slices or count.cases for count in before},
            [
                by_class.get((each.name, self._method_of(each)), 0)
                for each in self._classes
            ],
        )
        text = "\n".join(f"{line[:1].upper()}{line[1:]}." for line in remarks[:5])
        if len(remarks) > 5:
            text += f"\n… and {len(remarks) - 5} more."
        self.remarks.setText(text)
        self.remarks.setVisible(bool(text))
        self._show_bars()

    def set_history(self, can_undo: bool, can_redo: bool) -> None:
        """Say whether there is a change to take back, or to make again."""
        self.undo.setEnabled(can_undo)
        self.redo.setEnabled(can_redo)

    def set_status(self, text: str, *, wrong: bool = False) -> None:
        """Say what was done, or what does not go together."""
        self.status.say(text, wrong=wrong)

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(
            focus_ring(colors)
            + f"QTreeWidget {{ background: {colors.background}; }}"
            + tick_style(colors)
        )
        self.save.setStyleSheet(main_button_style(colors))
        self.remarks.setStyleSheet(f"QLabel {{ color: {colors.warning_text}; }}")
        self._show_bars()

    # ----------------------------------------------------------------- showing
    def _method_of(self, each: NewClass) -> Method:
        assert self._labels is not None
        return self._labels[each.sources[0]].method

    def _show_buttons(self) -> None:
        ticked, place = self.tree.ticked_labels(), self.tree.current_class()
        self.combine.setEnabled(bool(ticked))
        self.feed.setEnabled(bool(ticked) and place is not None)
        self.out.setEnabled(place is not None)
        self.color.setEnabled(place is not None)
        self.keep.setEnabled(place is not None)
        shown = place is not None and place < len(self._classes)
        self.keep.setChecked(shown and self._classes[place or 0].keep)
        self.save.setEnabled(bool(self._classes and self.name.text().strip()))
        self.as_labels.setEnabled(bool(self._classes))
        self.saved.setEnabled(self._labels is not None)

    def _show_bars(self) -> None:
        field = {
            "Images": "slices",
            "Cases": "cases",
            "Boxes": "objects",
            "Voxels": "voxels",
        }[self.quantity.currentText()]
        rows = [BarRow("Before", ())] if self._before else []
        rows += [_bar(count, field) for count in self._before]
        if self._after:
            rows.append(BarRow("After", ()))
        rows += [_bar(count, field) for count in self._after]
        self.plot.set_rows(rows)

    # ------------------------------------------------------------------ acting
    def _on_open(self) -> None:
        self.open_requested.emit(self.saved.value())

    def _on_delete(self) -> None:
        self.delete_requested.emit(self.saved.value())

    def _on_combine(self) -> None:
        self.combine_requested.emit(self.tree.ticked_labels())

    def _on_feed(self) -> None:
        place = self.tree.current_class()
        if place is not None:
            self.feed_requested.emit(self.tree.ticked_labels(), place)

    def _on_take_out(self) -> None:
        place, ids = self.tree.current_class(), self.tree.chosen_labels()
        if ids:
            self.take_out_requested.emit(ids)
        elif place is not None:
            self.dissolve_requested.emit(place)

    def _on_keep(self, on: bool) -> None:
        place = self.tree.current_class()
        if place is not None:
            self.keep_requested.emit(place, on)

    def _on_color(self) -> None:
        place = self.tree.current_class()
        if place is None:
            return
        dialog = QColorDialog(QColor(self._classes[place].color), self)
        dialog.setWindowTitle("Colour of the class")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(
            lambda color: self.recolor_requested.emit(place, color.name())
        )
        dialog.open()

    def _on_save(self) -> None:
        if self.save.isEnabled():
            self.save_requested.emit(" ".join(self.name.text().split()))

    def event(self, event: QEvent) -> bool:
        return self._keys.claim(event) or bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._keys.act(event):
            super().keyPressEvent(event)


def _cells(count: ClassCount) -> list[tuple[object, str]]:
    numbers = (count.slices, count.cases, count.objects, count.voxels)
    return [
        (count.label.name, count.label.name),
        *((value, number(value) if value else "") for value in numbers),
    ]


def _bar(count: ClassCount, field: str) -> BarRow:
    value = int(getattr(count, field))
    label = count.label
    tip = f"{label.name} · {label.method}"
    return BarRow(label.name, ((float(value), label.color),), number(value), tip)
