"""Slices counted from 1 beside napari's sliders, as everywhere else on the screen."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtCore import Qt
from qtpy.QtGui import QIntValidator
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QWidget

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.parts._made import timer_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import Dims

__all__ = ["SliceNumbers", "hide_numbers"]

_NAPARI_S = "slice_label", "slice_label_sep"
"""What napari calls a slice's number, how many there are, and the line between."""


class SliceNumbers:
    """Puts numbers from 1 in the place of napari's, which are from 0.

    napari's come back when it is closed.

    Parameters
    ----------
    window : QWidget
        Holds napari's sliders.
    dims : Dims
        What they move through.
    left : callable
        Is called when a number was typed: the image has the keyboard again.
    """

    def __init__(self, window: QWidget, dims: Dims, left: Callable[[], None]) -> None:
        self._window, self._dims, self._left = ref(window), dims, left
        self._numbers: dict[int, _Number] = {}
        # napari makes a slider after it has told of a dimension more.
        self._due = timer_once(window, self.place)
        events = dims.events
        self._connections = Connections(
            [
                (events.current_step, self._show),
                (events.nsteps, self._show),
                (events.ndim, self._place_soon),
            ]
        )
        self.place()

    def _place_soon(self, *_: object) -> None:
        self._due.start()

    def place(self) -> None:
        """Put a number beside each slider that has none of ours."""
        window = self._window()
        edits = [] if window is None else window.findChildren(QLineEdit, _NAPARI_S[0])
        for edit in edits:
            slider = edit.parentWidget()
            axis = getattr(slider, "axis", None)
            if slider is None or axis is None or slider.findChild(_Number):
                continue
            layout = slider.layout()
            if layout is None:
                continue
            for part in _parts(slider):
                part.hide()
            number = _Number(slider, partial(self._go, axis))
            layout.addWidget(number)
            number.show()
            self._numbers[axis] = number
        self._show()

    def _show(self, *_: object) -> None:
        steps, current = self._dims.nsteps, self._dims.current_step
        for axis, number in self._numbers.items():
            if axis < len(steps):
                with suppress(RuntimeError):  # napari took its slider away, and this
                    number.set_place(current[axis] + 1, steps[axis])

    def _go(self, axis: int, value: int) -> None:
        self._dims.set_current_step(axis, value - 1)
        self._show()
        self._left()

    def close(self) -> None:
        """Give napari's numbers back."""
        self._connections.release()
        self._due.stop()
        for number in self._numbers.values():
            with suppress(RuntimeError):  # napari took its slider away, and this
                slider = number.parentWidget()
                if slider is not None:
                    for part in _parts(slider):
                        part.show()
                number.setParent(None)
                number.deleteLater()
        self._numbers.clear()


class _Number(QWidget):
    """``11 / 25``, of which the first can be typed."""

    def __init__(self, parent: QWidget, go: Callable[[int], None]) -> None:
        super().__init__(parent)
        self._go = go
        self._limits = QIntValidator(0, 999_999, self)
        self.place = QLineEdit(self)
        self.place.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.place.setAccessibleName("Slice")
        self.place.setToolTip("Type a number and Enter to go there")
        self.place.setValidator(self._limits)
        self.place.editingFinished.connect(self._typed)
        self.count = QLabel(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(2)
        layout.addWidget(self.place)
        layout.addWidget(self.count)
        self._shown = (0, 0)

    def set_place(self, place: int, count: int) -> None:
        if (place, count) == self._shown:
            return
        if count != self._shown[1]:
            self.count.setText(f"/ {count}")
            width = self.fontMetrics().horizontalAdvance("0" * len(str(count)))
            self.place.setFixedWidth(width + 16)
        self._shown = place, count
        if not self.place.hasFocus():
            self.place.setText(str(place))

    def _typed(self) -> None:
        place, count = self._shown
        text = self.place.text()
        wanted = max(1, min(int(text), count)) if text.isdecimal() else place
        self.place.setText(str(wanted))
        self.place.clearFocus()  # which comes here again
        if wanted != self._shown[0]:
            self._go(wanted)


def hide_numbers(viewer: QWidget) -> None:
    """Hide napari's numbers below a small canvas, which says where it is itself.

    Parameters
    ----------
    viewer : QWidget
        The canvas with its sliders.
    """
    for part in _parts(viewer):
        part.hide()


def _parts(slider: QWidget) -> list[QWidget]:
    """Return what napari shows a slice's number with."""
    kinds = (QLineEdit, QLabel, QFrame)
    found = [w for kind in kinds for w in slider.findChildren(kind)]
    return [w for w in found if w.objectName() in _NAPARI_S]
