"""The Propagate panel: one gesture for many slices, shown before it is done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QWidget,
)

from napari_annotate_jobs.editing import Mode
from napari_annotate_jobs.model import LabelSet, Method, RangeAction, Scope
from napari_annotate_jobs.widgets.keys._guest import KeyboardPanel
from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._short_box import ShortBox
from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    focus_ring,
    focus_style,
    main_button_style,
    paint_in,
)
from napari_annotate_jobs.widgets.strip._ranges import slices_text

from ._parts import Ends, LabelChecks, ModeChoice, RangePicker
from ._words import Choice, Preview, preview_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent, QShowEvent

    from napari_annotate_jobs.editing import Cell
    from napari_annotate_jobs.widgets.strip._hover import PictureSource

__all__ = ["PropagatePanel"]


class PropagatePanel(KeyboardPanel):
    """What to apply to which slices, and what will change.

    Setters never emit. A panel bound to a session (:meth:`bind`) previews and
    applies labels, nothing to label and exclude by itself; what is done with masks
    and boxes is offered by :meth:`add_mask_actions` and :meth:`add_box_actions`
    and carried out by whoever added it.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    choice_changed = Signal(object)
    """The user made another :class:`Choice`."""
    apply_requested = Signal()
    """Do it."""
    masks_requested = Signal(int, int, str)
    """Do something with the masks from one slice to another."""
    boxes_requested = Signal(int, int, str)
    """Do something with the boxes from one slice to another."""
    applied = Signal(object)
    """It was done; the :class:`OpenRange` left behind, or None."""
    finished = Signal()
    """It was applied or cancelled: the panel can go."""
    begin_requested = Signal(object)
    """Start anew: from the current slice, or from (first, last) selected ones."""
    shown = Signal()
    """It is seen again: what changed meanwhile is to be previewed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("propagate-panel")
        self._choice: Choice | None = None
        self._labels = LabelSet()
        self._extras: dict[str, tuple[Method, str, str]] = {}
        self._colors = Colors.dark()
        self._locked = False
        self._counts = 0
        self.what = ShortBox()
        self.what.setAccessibleName("What to propagate")
        self.lift = QCheckBox("Remove it from the slices instead")
        self.lift.setToolTip("Take it off the slices of the range that have it")
        self.labels = LabelChecks()
        self.range = RangePicker()
        self.every = QSpinBox()
        self.every.setRange(1, 999)
        self.every.setAccessibleName("Every so many slices")
        self.every.setToolTip("1 is every slice; 2 every other one")
        self.until = QCheckBox("Up to the next labelled slice")
        self.until.setToolTip("Stop before the nearest labelled slice on either side")
        self.ends = Ends()
        self.modes = ModeChoice()
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.apply = QPushButton("Apply")
        self.apply.setToolTip("Apply (Enter)")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Change nothing (Esc)")
        self._lay_out()
        self._connect()
        paint_in(self, self._colors)
        self._fill_what()
        self.host(self)
        self._show()

    def _lay_out(self) -> None:
        inner = QWidget()
        every = row_of(QLabel("Every"), self.every, QLabel("slices"), 1)
        column_of(
            self.what,
            self.labels,
            self.lift,
            self.range,
            every,
            self.until,
            self.ends,
            self.modes,
            1,
            parent=inner,
            spacing=6,
            margins=2,
        )
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = row_of((self.apply, 2), (self.cancel, 1))
        column_of((area, 1), self.about, row, parent=self, margins=4)

    def _connect(self) -> None:
        self.what.activated.connect(self._what_chosen)
        self.lift.clicked.connect(self._options_chosen)
        self.until.clicked.connect(self._options_chosen)
        self.every.valueChanged.connect(self._options_chosen)
        self.labels.chosen.connect(self._options_chosen)
        self.modes.chosen.connect(self._mode_chosen)
        self.range.picked.connect(self._range_picked)
        self.range.all_picked.connect(self._all_picked)
        self.apply.clicked.connect(self._apply_clicked)
        self.cancel.clicked.connect(self.finished)

    def sizeHint(self) -> QSize:
        """Return the size it likes best."""
        return QSize(320, 600)

    # --------------------------------------------------------------- setters
    @property
    def choice(self) -> Choice | None:
        """What is chosen; None while no case is open."""
        return self._choice

    @property
    def extra(self) -> tuple[Method, str] | None:
        """The method and kind of the added action that is chosen, if one is."""
        found = self._extras.get(str(self.what.currentData()))
        return None if found is None else found[:2]

    def set_label_set(self, labels: LabelSet) -> None:
        """Offer the labels of a job, and what its methods allow."""
        self._labels = labels
        self.labels.set_labels(labels.offered(Method.CLASSIFICATION, Scope.SLICE))
        self._fill_what()

    def set_choice(self, choice: Choice | None) -> None:
        """Show a choice; None while no case is open."""
        fresh = choice is None or self._choice is None or choice.n != self._choice.n
        self._choice = choice
        if choice is not None:
            self._show_choice(choice)
        if fresh:
            self.ends.forget()
        self._show()

    def set_locked(self, locked: bool) -> None:
        """Let nothing be applied: the case is submitted."""
        self._locked = locked
        self._show()

    def set_picture_source(self, source: PictureSource | None) -> None:
        """Show pictures of the first and the last slice.

        Parameters
        ----------
        source : callable, optional
            Takes a slice index and a function to hand the picture to, at once or
            later: an array of uint8, grey or RGB, or None.
        """
        self.ends.pictures.set_source(source)
        self.ends.forget()
        self._show()

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(focus_ring(colors))
        self.cancel.setStyleSheet(focus_style(colors))
        self.apply.setStyleSheet(main_button_style(colors))

    def add_mask_actions(self, actions: Sequence[tuple[str, str, str]]) -> None:
        """Offer what can be done with masks, in jobs with segmentation.

        Parameters
        ----------
        actions : sequence of (str, str, str)
            Its kind, as :attr:`masks_requested` tells it; the entry; what it does,
            in a sentence.
        """
        self._add(Method.SEGMENTATION, actions)

    def add_box_actions(self, actions: Sequence[tuple[str, str, str]]) -> None:
        """Offer what can be done with boxes, in jobs with detection.

        Parameters
        ----------
        actions : sequence of (str, str, str)
            As for :meth:`add_mask_actions`.
        """
        self._add(Method.DETECTION, actions)

    def choose_extra(self, method: Method, kind: str) -> None:
        """Choose an added action, where it is offered."""
        for data, (found, name, _) in self._extras.items():
            index = self.what.findData(data)
            if (found, name) == (method, kind) and index >= 0:
                with QSignalBlocker(self.what):
                    self.what.setCurrentIndex(index)
        self._show()

    def _add(self, method: Method, actions: Sequence[tuple[str, str, str]]) -> None:
        for kind, text, about in actions:
            self._extras[f"{method.value}:{text}"] = (method, kind, about)
        self._fill_what()

    def show_preview(self, preview: Preview, cells: Sequence[Cell]) -> None:
        """Show what the choice would do."""
        choice = self._choice
        if choice is None:
            return
        self._counts = preview.counts[choice.mode]
        extra = self.extra
        changed = () if extra else preview.changed
        self.range.set_cells(cells, changed)
        self.range.set_range(choice.start, choice.stop)
        self.modes.set_preview(preview)
        busy = bool(preview.occupied) and not choice.lift
        self.modes.setVisible(busy and extra is None)
        if extra is None:
            self.about.setText(preview_text(choice, preview))
        self._show()

    # --------------------------------------------------------------- showing
    def _fill_what(self) -> None:
        chosen = self.what.currentData()
        entries: list[tuple[str, str]] = []
        if self._labels.of(Method.CLASSIFICATION, Scope.SLICE):
            entries.append(("Class labels", RangeAction.CLASS_LABELS.value))
        entries.append(("Nothing to Label", RangeAction.NOTHING_TO_LABEL.value))
        entries.append(("Exclude", RangeAction.EXCLUDE.value))
        for data, (method, _, _) in self._extras.items():
            if self._labels.of(method):
                entries.append((data.partition(":")[2], data))
        with QSignalBlocker(self.what):
            self.what.clear()
            for text, data in entries:
                self.what.addItem(text, data)
            self.what.setCurrentIndex(max(self.what.findData(chosen), 0))

    def _show_choice(self, choice: Choice) -> None:
        with QSignalBlocker(self.what):
            index = self.what.findData(choice.action.value)
            self.what.setCurrentIndex(max(index, 0))
        if index < 0:
            self._choice = replace(choice, action=RangeAction(self.what.currentData()))
        for box, value in (
            (self.lift, choice.lift),
            (self.until, choice.until),
        ):
            with QSignalBlocker(box):
                box.setChecked(value)
        with QSignalBlocker(self.every):
            self.every.setValue(choice.every)
        self.labels.set_ids(choice.labels)
        self.modes.set_mode(choice.mode)
        self.range.set_series(choice.n, choice.origin)
        self.range.set_range(choice.start, choice.stop)

    def _show(self) -> None:
        choice, extra = self._choice, self.extra
        self.setEnabled(choice is not None)
        self.labels.setVisible(
            extra is None
            and choice is not None
            and choice.action is RangeAction.CLASS_LABELS
        )
        for widget in (self.lift, self.every, self.until):
            widget.setEnabled(extra is None)
        if choice is None:
            self.about.setText("Open a case to propagate over its slices.")
            return
        self.ends.show_range(choice.start, choice.stop)
        if extra is not None:
            about = self._extras[str(self.what.currentData())][2]
            place = slices_text(choice.start, choice.stop).capitalize()
            self.about.setText(f"{place}. {about}")
            self.modes.hide()
        self.apply.setText("Take away" if choice.lift and not extra else "Apply")
        self.apply.setEnabled(
            not self._locked and (extra is not None or self._counts > 0)
        )
        if self._locked:
            self.about.setText("The case is submitted and therefore read-only.")

    # ----------------------------------------------------------------- doing
    def _change(self, choice: Choice) -> None:
        if choice != self._choice:
            self._choice = choice
            self.ends.show_range(choice.start, choice.stop)
            self.range.set_range(choice.start, choice.stop)
            self.choice_changed.emit(choice)
        self._show()

    def _what_chosen(self) -> None:
        if self._choice is None:
            return
        data = str(self.what.currentData())
        if data not in self._extras:
            action = RangeAction(data)
            self._choice = replace(self._choice, action=action, mode=Mode.KEEP)
            self.modes.set_mode(Mode.KEEP)
        self.choice_changed.emit(self._choice)
        self._show()

    def _options_chosen(self) -> None:
        if self._choice is not None:
            self._change(
                replace(
                    self._choice,
                    lift=self.lift.isChecked(),
                    until=self.until.isChecked(),
                    every=self.every.value(),
                    labels=self.labels.ids(),
                )
            )

    def _mode_chosen(self, mode: Mode) -> None:
        if self._choice is not None:
            self._change(replace(self._choice, mode=mode))

    def _range_picked(self, start: int, stop: int) -> None:
        if self._choice is not None:
            self._change(self._choice.over(start, stop))

    def _all_picked(self) -> None:
        self.until.setChecked(False)
        self._options_chosen()

    def _apply_clicked(self) -> None:
        extra, choice = self.extra, self._choice
        if choice is None or not self.apply.isEnabled():
            return
        if extra is None:
            self.apply_requested.emit()
            return
        method, kind = extra
        segments = method is Method.SEGMENTATION
        signal = self.masks_requested if segments else self.boxes_requested
        signal.emit(choice.start, choice.stop, kind)
        self.finished.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Apply on Enter, give up on Escape."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if acts_once(event):
                self._apply_clicked()
        elif event.key() == Qt.Key.Key_Escape:
            self.finished.emit()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Preview what changed while nobody saw it."""
        super().showEvent(event)
        self.shown.emit()

    def begin(self, selection: tuple[int, int] | None = None) -> None:
        """Start anew: from the current slice to the last, or from a selection."""
        self.begin_requested.emit(selection)
        self.setFocus()
