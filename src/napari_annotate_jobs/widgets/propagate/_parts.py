"""The parts of the Propagate panel: labels, range, pictures, modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)
from superqt import QRangeSlider

from napari_annotate_jobs.editing import Mode
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style
from napari_annotate_jobs.widgets.strip._hover import Pictures, pixmap_of
from napari_annotate_jobs.widgets.strip._paint import color_icon
from napari_annotate_jobs.widgets.strip._track import StripTrack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.editing import Cell
    from napari_annotate_jobs.model import Label

    from ._words import Preview

__all__ = ["Ends", "LabelChecks", "ModeChoice", "RangePicker"]

LABEL_ID = Qt.ItemDataRole.UserRole


class LabelChecks(QListWidget):
    """Labels to tick.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Labels to propagate")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.itemChanged.connect(self._told)
        self.itemActivated.connect(self._toggle)

    def _told(self) -> None:
        self.chosen.emit()

    def _toggle(self, item: QListWidgetItem) -> None:
        on = item.checkState() == Qt.CheckState.Checked
        item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)

    def set_labels(self, labels: Sequence[Label]) -> None:
        """Offer labels."""
        with QSignalBlocker(self):
            self.clear()
            for label in labels:
                item = QListWidgetItem(color_icon(label.color), label.name)
                item.setData(LABEL_ID, label.id)
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable
                )
                item.setCheckState(Qt.CheckState.Unchecked)
                item.setToolTip(label.name)
                self.addItem(item)
        rows = min(max(self.count(), 1), 5)
        self.setFixedHeight(rows * max(self.sizeHintForRow(0), 18) + 8)

    def ids(self) -> tuple[int, ...]:
        """Return the ids of the labels that are ticked."""
        items = [self.item(i) for i in range(self.count())]
        return tuple(
            item.data(LABEL_ID)
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        )

    def set_ids(self, ids: Iterable[int]) -> None:
        """Tick labels."""
        wanted = set(ids)
        with QSignalBlocker(self):
            for i in range(self.count()):
                item = self.item(i)
                assert item is not None
                on = item.data(LABEL_ID) in wanted
                state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
                item.setCheckState(state)


class RangePicker(QWidget):
    """A range of slices: on a small strip, by a slider, by numbers, by direction.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    picked = Signal(int, int)
    all_picked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._n, self._origin = 0, 0
        self._cells: tuple[Cell, ...] = ()
        self.strip = StripTrack(self, lanes=0)
        self.strip.setFixedHeight(34)
        self.strip.setAccessibleName("Range, on the slices")
        self.slider = QRangeSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Range")
        self.first, self.last = QSpinBox(), QSpinBox()
        self.first.setAccessibleName("First slice")
        self.last.setAccessibleName("Last slice")
        self.buttons = {
            "back": QPushButton("← Back"),
            "both": QPushButton("↔ Both"),
            "forward": QPushButton("→ On"),
            "all": QPushButton("All"),
        }
        tips = {
            "back": "From the first slice to this one",
            "both": "Both ways from this slice",
            "forward": "From this slice to the last one",
            "all": "Every slice, labelled ones too",
        }
        for name, button in self.buttons.items():
            button.setObjectName(name)
            button.setToolTip(tips[name])
            button.setAccessibleName(tips[name])
            button.setMinimumWidth(0)
            button.clicked.connect(self._direction_clicked)
        self._lay_out()
        self.strip.selection_made.connect(self.picked)
        self.strip.slice_requested.connect(self._slice_clicked)
        self.slider.valueChanged.connect(self._slid)
        for box in (self.first, self.last):
            box.setKeyboardTracking(False)
            box.valueChanged.connect(self._typed)

    def _lay_out(self) -> None:
        ways = row_of(*((button, 1) for button in self.buttons.values()), spacing=3)
        numbers = row_of(
            QLabel("Slices"), (self.first, 1), QLabel("to"), (self.last, 1), spacing=4
        )
        column_of(
            ways, self.strip, self.slider, numbers, parent=self, spacing=4, margins=0
        )

    # --------------------------------------------------------------- setters
    def set_series(self, n: int, origin: int) -> None:
        """Pick from so many slices, starting from one of them."""
        self._n, self._origin = n, origin
        last = max(n - 1, 0)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(last, 1))
        for box in (self.first, self.last):
            with QSignalBlocker(box):
                box.setRange(1, last + 1)
        self.slider.setEnabled(n > 1)

    def set_range(self, start: int, stop: int) -> None:
        """Show the range that is picked."""
        with QSignalBlocker(self.slider):
            self.slider.setValue((start, stop))
        for box, index in ((self.first, start), (self.last, stop)):
            with QSignalBlocker(box):
                box.setValue(index + 1)
        with QSignalBlocker(self.strip):
            self.strip.select(start, stop)

    def set_cells(self, cells: Sequence[Cell], changed: Sequence[Cell]) -> None:
        """Show the slices, those that change as they will look."""
        shown = list(cells)
        for cell in changed:
            shown[cell.index] = cell
        with QSignalBlocker(self.strip):
            if len(shown) == len(self._cells):
                self.strip.update_cells(shown)
            else:
                self.strip.set_cells(shown)
            self.strip.set_current(self._origin)
        self._cells = tuple(shown)

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of a theme."""
        for button in self.buttons.values():
            button.setStyleSheet(focus_style(colors))

    # ----------------------------------------------------------------- doing
    def _direction_clicked(self) -> None:
        name = self.sender().objectName()
        start = self._origin if name == "forward" else 0
        stop = self._origin if name == "back" else self._n - 1
        if name == "all":
            self.all_picked.emit()
        self.picked.emit(start, stop)

    def _slice_clicked(self, index: int) -> None:
        """Bring the nearer end of the range to a slice."""
        start, stop = self.first.value() - 1, self.last.value() - 1
        if abs(index - start) <= abs(index - stop):
            self.picked.emit(index, stop)
        else:
            self.picked.emit(start, index)

    def _slid(self, value: tuple[int, int]) -> None:
        self.picked.emit(int(value[0]), int(value[1]))

    def _typed(self) -> None:
        self.picked.emit(self.first.value() - 1, self.last.value() - 1)


class Ends(QWidget):
    """Pictures of the first and the last slice.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    SIDE = 120

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = Pictures()
        self._shown = [-1, -1]
        self.frames, self.captions = [], []
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for column, name in enumerate(("First slice", "Last slice")):
            frame, caption = QLabel(), QLabel()
            frame.setAccessibleName(name)
            frame.setAlignment(Qt.AlignmentFlag.AlignCenter)
            frame.setFixedHeight(self.SIDE)
            caption.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(frame, 0, column)
            layout.addWidget(caption, 1, column)
            self.frames.append(frame)
            self.captions.append(caption)

    def show_range(self, start: int, stop: int) -> None:
        """Show the two slices."""
        for place, index in enumerate((start, stop)):
            self.captions[place].setText(f"Slice {index + 1}")
            if self._shown[place] != index:
                self._shown[place] = index
                self.pictures.get(index, self._take)

    def forget(self) -> None:
        """Ask for the pictures anew the next time."""
        self._shown = [-1, -1]

    def _take(self, index: int, picture: NDArray[np.uint8] | None) -> None:
        for place, shown in enumerate(self._shown):
            if shown != index:
                continue
            if picture is None:
                self.frames[place].clear()
            else:
                self.frames[place].setPixmap(pixmap_of(picture, self.SIDE))


class ModeChoice(QWidget):
    """What becomes of slices that hold something, with what each choice touches.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    chosen = Signal(object)

    WORDS = {  # noqa: RUF012 - never changed
        Mode.KEEP: "Keep theirs",
        Mode.REPLACE: "Replace",
        Mode.ADD: "Add",
    }

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = QLabel()
        self.head.setWordWrap(True)
        self._group = QButtonGroup(self)
        self.buttons: dict[Mode, QRadioButton] = {}
        layout = column_of(self.head, parent=self, spacing=1, margins=0)
        for mode in Mode:
            button = QRadioButton(self.WORDS[mode])
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self._group.addButton(button)
            self.buttons[mode] = button
            layout.addWidget(button)
        self.buttons[Mode.KEEP].setChecked(True)
        self._group.buttonClicked.connect(self._clicked)

    def sizeHint(self) -> QSize:
        """Return the size it likes best."""
        return self.layout().sizeHint()

    def _clicked(self, button: QRadioButton) -> None:
        self.chosen.emit(next(m for m, b in self.buttons.items() if b is button))

    def set_mode(self, mode: Mode) -> None:
        """Show the mode."""
        self.buttons[mode].setChecked(True)

    def set_preview(self, preview: Preview) -> None:
        """Say how many slices each mode touches, and what they lose."""
        occupied, counts = preview.occupied, preview.counts
        one = occupied == 1
        self.head.setText(
            f"{occupied} slice{'' if one else 's'} hold{'s' if one else ''} something "
            "already:"
        )
        for mode, button in self.buttons.items():
            text = f"{self.WORDS[mode]}: {counts[mode]} change"
            loss = preview.loss(mode)
            if loss:
                text += f", {loss}"
            button.setText(text)
            lost = ", ".join(preview.lost.get(mode, ()))
            button.setToolTip(f"{text}: {lost}" if lost and lost not in text else text)
