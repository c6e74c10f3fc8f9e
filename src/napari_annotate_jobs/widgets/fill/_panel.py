"""The Smart fill panel: tools that find or clean a mask, previewed and applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QDoubleRangeSlider

from napari_annotate_jobs.editing import FillTool
from napari_annotate_jobs.widgets.keys._guest import KeyboardPanel
from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._number_box import NumberBox
from napari_annotate_jobs.widgets.parts._short_box import ShortBox
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    contrast_text,
    focus_ring,
    mixed,
)
from napari_annotate_jobs.widgets.strip._paint import color_icon
from napari_annotate_jobs.widgets.strip._ranges import slices_text

from ._choice import TOOLS, FillChoice, Where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QHideEvent, QKeyEvent, QShowEvent

    from napari_annotate_jobs.model import Label

__all__ = ["FillPanel"]

BOX_TOOLS = (FillTool.BOX_THRESHOLD, FillTool.BOX_WALKER)


class FillPanel(KeyboardPanel):
    """What to fill or clean, on which slices, and what will change.

    Setters never emit.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    changed = Signal()
    """The user chose something else: the preview is old."""
    apply_requested = Signal()
    """Do it."""
    finished = Signal()
    """The panel can go."""
    seen = Signal(bool)
    """The panel came into sight, or went out of it."""
    pick_requested = Signal(bool)
    """The next click in the image names the pixel to start from, or not any more."""
    values_requested = Signal(str)
    """Take the limits from the ``"window"``, or from what the ``"label"`` covers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("fill-panel")
        self._detection: tuple[Label, ...] = ()
        self._selection: tuple[int, int] | None = None
        self.label = ShortBox()
        self.label.setAccessibleName("Label to fill")
        self.tool = ShortBox()
        self.tool.setAccessibleName("Tool")
        self.help = QLabel()
        self.help.setWordWrap(True)
        self.low, self.high = NumberBox("Lower limit"), NumberBox("Upper limit")
        self.slider = QDoubleRangeSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Limits")
        self.from_window = QPushButton("From window")
        self.from_window.setToolTip("Take the limits of the grey values shown")
        self.from_label = QPushButton("From label")
        self.from_label.setToolTip("Take the values the label covers on this slice")
        self.unit = QLabel()
        self.row, self.column = QSpinBox(), QSpinBox()
        for spin in (self.row, self.column):
            spin.setMinimumWidth(64)
        self.row.setAccessibleName("Row to start from")
        self.column.setAccessibleName("Column to start from")
        self.pick = QPushButton("Pick in the image")
        self.pick.setCheckable(True)
        self.pick.setToolTip("Click on the pixel to start from")
        self.tolerance = _number("Tolerance", 0, 1e9, 50)
        self.radius = _number("Radius in mm", 0.1, 100, 1)
        self.margin = _number("Margin in mm", -100, 100, 2)
        self.islands = QSpinBox()
        self.islands.setRange(2, 1_000_000)
        self.islands.setValue(20)
        self.islands.setAccessibleName("Least number of pixels")
        self.box_label = ShortBox()
        self.box_label.setAccessibleName("Label of the boxes")
        self.where = {
            Where.SLICE: QRadioButton("This slice"),
            Where.SELECTION: QRadioButton("Selected slices"),
            Where.ALL: QRadioButton("All slices"),
        }
        self._where = QButtonGroup(self)
        for button in self.where.values():
            self._where.addButton(button)
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.where[Where.SLICE].setChecked(True)
        self.where[Where.SELECTION].setToolTip("Select slices on the strip by dragging")
        self.volume = QCheckBox("In 3D over these slices")
        self.volume.setToolTip(
            "Treat them as one volume; else each slice is treated by itself"
        )
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.outcome.setAccessibleName("What will change")
        self.apply = QPushButton("Apply")
        self.apply.setToolTip("Apply (Enter); one Undo takes it back")
        self.close_ = QPushButton("Close")
        self.close_.setToolTip("Back to the labels (Esc)")
        self._pages: dict[FillTool, QWidget] = {}
        # for floods, which have but one seed, and for the others
        self._in_3d = {True: True, False: False}
        self._lay_out()
        self._connect()
        self.set_range(-1000, 1000)
        self.set_colors(Colors.dark())
        self._fill_tools()
        self.host(self)
        self._show()

    # ---------------------------------------------------------------- layout
    def _lay_out(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(6)
        form = QFormLayout()
        form.addRow("Label", self.label)
        form.addRow("Tool", self.tool)
        column.addLayout(form)
        column.addWidget(self.help)
        for page in self._make_pages():
            column.addWidget(page)
        column.addSpacing(4)
        for button in self.where.values():
            column.addWidget(button)
        column.addWidget(self.volume)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        buttons = row_of((self.apply, 2), (self.close_, 1))
        column_of((area, 1), self.outcome, buttons, parent=self, margins=4)

    def _make_pages(self) -> list[QWidget]:
        limits = column_of(
            _row(self.low, QLabel("to"), self.high, self.unit),
            self.slider,
            _row(self.from_window, self.from_label),
        )
        flood = column_of(
            _form(("Tolerance", self.tolerance)),
            _row(QLabel("Row"), self.row, QLabel("Column"), self.column),
            self.pick,
        )
        layouts = {
            FillTool.THRESHOLD: limits,
            FillTool.FLOOD: flood,
            FillTool.SMOOTH: _form(("Radius, mm", self.radius)),
            FillTool.REMOVE_ISLANDS: _form(("Fewer than, pixels", self.islands)),
            FillTool.MARGIN: _form(("Margin, mm", self.margin)),
            FillTool.BOXES: _form(("Boxes get", self.box_label)),
        }
        for tool, layout in layouts.items():
            page = self._pages[tool] = QWidget()
            layout.setContentsMargins(0, 0, 0, 0)
            page.setLayout(layout)
        return list(self._pages.values())

    def _connect(self) -> None:
        self.tool.activated.connect(self._chosen)
        self.label.activated.connect(self._told)
        self.box_label.activated.connect(self._told)
        for box in (self.tolerance, self.radius, self.margin):
            box.valueChanged.connect(self._told)
        for spin in (self.row, self.column, self.islands):
            spin.setKeyboardTracking(False)
            spin.valueChanged.connect(self._told)
        self.low.valueChanged.connect(self._limits_entered)
        self.high.valueChanged.connect(self._limits_entered)
        self.slider.valueChanged.connect(self._limits_dragged)
        self.from_window.clicked.connect(self._from_window)
        self.from_label.clicked.connect(self._from_label)
        self.pick.toggled.connect(self.pick_requested)
        for button in self.where.values():
            button.clicked.connect(self._chosen)
        self.volume.clicked.connect(self._volume_chosen)
        self.apply.clicked.connect(self.apply_requested)
        self.close_.clicked.connect(self.finished)

    def sizeHint(self) -> QSize:
        """Return the size it likes best."""
        return QSize(300, 560)

    # --------------------------------------------------------------- setters
    @property
    def choice(self) -> FillChoice:
        """What is chosen."""
        where = next(w for w, button in self.where.items() if button.isChecked())
        return FillChoice(
            # Qt may hand back a plain str: PySide6 does.
            tool=FillTool(self.tool.currentData() or FillTool.THRESHOLD),
            label=self.label.currentData() or 0,
            where=where,
            volume=self.volume.isChecked() and where is not Where.SLICE,
            low=self.low.value(),
            high=self.high.value(),
            row=self.row.value(),
            column=self.column.value(),
            tolerance=self.tolerance.value(),
            radius=self.radius.value(),
            islands=self.islands.value(),
            margin=self.margin.value(),
            box_label=self.box_label.currentData() or 0,
        )

    def set_labels(
        self, segmentation: Sequence[Label], detection: Sequence[Label]
    ) -> None:
        """Offer the labels of a job, and what its methods allow."""
        self._detection = tuple(detection)
        _fill(self.label, segmentation)
        _fill(self.box_label, detection)
        self._fill_tools()

    def set_label(self, label_id: int) -> None:
        """Choose a label, if it is one for masks."""
        place = self.label.findData(label_id)
        if place >= 0:
            self.label.setCurrentIndex(place)

    def set_tool(self, tool: FillTool) -> None:
        """Choose a tool, if it is offered."""
        place = self.tool.findData(tool)
        if place >= 0:
            self.tool.setCurrentIndex(place)
            self._show()

    def set_place(
        self, index: int, selection: tuple[int, int] | None, n_slices: int
    ) -> None:
        """Say which slice is shown and which are selected."""
        fresh = selection is not None and selection != self._selection
        self._selection = selection
        self.where[Where.SLICE].setText(f"This slice ({index + 1})")
        text = "Selected slices"
        if selection is not None:
            text = f"Selected: {slices_text(*selection)}"
        self.where[Where.SELECTION].setText(text)
        self.where[Where.SELECTION].setEnabled(selection is not None)
        self.where[Where.ALL].setText(f"All {n_slices} slices")
        if fresh:
            self.where[Where.SELECTION].setChecked(True)
        elif selection is None and self.where[Where.SELECTION].isChecked():
            self.where[Where.SLICE].setChecked(True)
        several = n_slices > 1
        for widget in (*self.where.values(), self.volume):
            widget.setVisible(several)
        self._show()

    def set_shape(self, rows: int, columns: int) -> None:
        """Say how large the image is."""
        with QSignalBlocker(self.row), QSignalBlocker(self.column):
            self.row.setRange(0, rows - 1)
            self.column.setRange(0, columns - 1)

    def set_seed(self, row: int, column: int) -> None:
        """Show the pixel to start from."""
        with QSignalBlocker(self.row), QSignalBlocker(self.column):
            self.row.setValue(row)
            self.column.setValue(column)

    def set_picking(self, on: bool) -> None:
        """Show whether a click is waited for."""
        with QSignalBlocker(self.pick):
            self.pick.setChecked(on)
        self.pick.setText("Click in the image…" if on else "Pick in the image")

    def set_range(self, low: float, high: float) -> None:
        """Say which values the image has."""
        width = max(high - low, 1e-6)
        for box in (self.low, self.high):
            with QSignalBlocker(box):
                box.adapt(width)
        with QSignalBlocker(self.slider):
            self.slider.setRange(low, low + width)

    def set_limits(self, low: float, high: float) -> None:
        """Show the limits of the threshold."""
        with QSignalBlocker(self.low), QSignalBlocker(self.high):
            self.low.setValue(low)
            self.high.setValue(high)
        self._show_limits()

    def set_unit(self, unit: str) -> None:
        """Say what the values are, as ``"HU"``."""
        self.unit.setText(unit)
        self.unit.setVisible(bool(unit))

    def set_outcome(self, text: str, *, can_apply: bool) -> None:
        """Say what the choice would do, or why it cannot be done."""
        self.outcome.setText(text)
        self.apply.setEnabled(can_apply)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of a theme."""
        self.setStyleSheet(focus_ring(colors))
        ink = contrast_text(colors.current)
        off = mixed(colors.foreground, colors.text, 0.3)
        self.apply.setStyleSheet(
            f"QPushButton {{ background-color: {colors.current}; color: {ink}; "
            "border: 1px solid transparent; padding: 4px; font-weight: bold; }"
            f"QPushButton:focus {{ border: 1px solid {colors.text}; }}"
            f"QPushButton:disabled {{ background-color: {colors.foreground}; "
            f"color: {off}; }}"
        )

    # --------------------------------------------------------------- showing
    def _fill_tools(self) -> None:
        chosen = self.tool.currentData()
        with QSignalBlocker(self.tool):
            self.tool.clear()
            for tool, name, _ in TOOLS:
                if self._detection or tool not in (FillTool.BOXES, *BOX_TOOLS):
                    self.tool.addItem(name, tool)
            self.tool.setCurrentIndex(max(self.tool.findData(chosen), 0))
        self._show()

    def _volume_chosen(self, on: bool) -> None:
        self._in_3d[self.choice.tool is FillTool.FLOOD] = on
        self._told()

    def _show(self) -> None:
        flood = self.choice.tool is FillTool.FLOOD
        self.volume.setChecked(self._in_3d[flood])
        chosen = self.choice
        for tool, page in self._pages.items():
            page.setVisible(tool is chosen.tool)
        self.help.setText(next(text for tool, _, text in TOOLS if tool is chosen.tool))
        self.volume.setEnabled(chosen.where is not Where.SLICE)

    def _show_limits(self) -> None:
        low, high = self.low.value(), self.high.value()
        first, last = self.slider.minimum(), self.slider.maximum()
        with QSignalBlocker(self.slider):
            self.slider.setRange(min(first, low), max(last, high))
            self.slider.setValue((low, max(low, high)))

    # ------------------------------------------------------------- user acts
    def _chosen(self) -> None:
        self._show()
        self.changed.emit()

    def _told(self) -> None:
        self.changed.emit()

    def _limits_entered(self) -> None:
        self._show_limits()
        self.changed.emit()

    def _limits_dragged(self, values: tuple[float, float]) -> None:
        with QSignalBlocker(self.low), QSignalBlocker(self.high):
            self.low.setValue(values[0])
            self.high.setValue(values[1])
        self.changed.emit()

    def _from_window(self) -> None:
        self.values_requested.emit("window")

    def _from_label(self) -> None:
        self.values_requested.emit("label")

    def showEvent(self, event: QShowEvent) -> None:
        """Tell that there is someone to preview for."""
        super().showEvent(event)
        self.seen.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell that nobody looks."""
        super().hideEvent(event)
        self.seen.emit(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Apply on Enter, close on Esc; in a field, Enter takes what was typed."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            typing = isinstance(self.focusWidget(), QAbstractSpinBox)
            if self.apply.isEnabled() and not typing and acts_once(event):
                self.apply_requested.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.finished.emit()
        else:
            super().keyPressEvent(event)


def _number(name: str, low: float, high: float, value: float) -> NumberBox:
    box = NumberBox(name)
    box.setRange(low, high)
    box.adapt(max(abs(value) * 4, 4))
    box.setValue(value)
    return box


def _row(*widgets: QWidget) -> QHBoxLayout:
    return row_of(*((w, 0 if isinstance(w, QLabel) else 1) for w in widgets), spacing=4)


def _form(*rows: tuple[str, QWidget]) -> QFormLayout:
    form = QFormLayout()
    for text, widget in rows:
        widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        form.addRow(text, widget)
    return form


def _fill(box: QComboBox, labels: Sequence[Label]) -> None:
    with QSignalBlocker(box):
        box.clear()
        for label in labels:
            box.addItem(color_icon(label.color), label.name, label.id)
