"""Fields for numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDoubleSpinBox, QSizePolicy, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent, QWheelEvent

__all__ = ["NumberBox", "WindowBox"]


class NumberBox(QDoubleSpinBox):
    """A number that is told when it is entered, not while it is typed.

    Parameters
    ----------
    name : str
        For screen readers.
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setKeyboardTracking(False)
        self.setRange(-1e12, 1e12)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        # Buttons would take the room of the digits; arrow keys and the wheel step.
        # Without any (NoButtons), Qt from 6.11.3 on leaves the digits one pixel
        # under a style sheet that has places for them, as napari's has.
        self.setStyleSheet(
            "QDoubleSpinBox { padding: 2px 4px; }"
            " QDoubleSpinBox::up-button, QDoubleSpinBox::down-button,"
            " QDoubleSpinBox::up-arrow, QDoubleSpinBox::down-arrow"
            " { width: 0px; height: 0px; border: none; image: none; }"
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def adapt(self, width: float) -> None:
        """Choose decimals and step to fit a window so wide."""
        magnitude = math.floor(math.log10(width))
        self.setDecimals(min(max(2 - magnitude, 1), 12))
        self.setSingleStep(10.0 ** math.floor(math.log10(width / 20)))

    def sizeHint(self) -> QSize:
        """Return a size for about seven digits; Qt's would fit the whole range."""
        room = self.fontMetrics().horizontalAdvance("-12345.6")
        return QSize(room + 16, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return self.sizeHint()

    def textFromValue(self, value: float) -> str:
        """Write a number without needless zeros."""
        text = super().textFromValue(value)
        point = self.locale().decimalPoint()
        return text.rstrip("0").removesuffix(point) if point in text else text

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Forget what was typed on Esc; who is around may then leave the field."""
        if event.key() == Qt.Key.Key_Escape:
            self.lineEdit().setText(self.textFromValue(self.value()))
            event.ignore()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Turn only what was chosen before: scrolling past it changes nothing."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class WindowBox(NumberBox):
    """A number as the read-out on the image writes it: whole from 20 on.

    The number itself is not rounded.
    """

    def textFromValue(self, value: float) -> str:
        """Write a number without digits that nobody can see."""
        return f"{value:.0f}" if abs(value) >= 20 else super().textFromValue(value)

    def valueFromText(self, text: str) -> float:
        """Read a number; what was not typed is still what it was."""
        shown = self.textFromValue(self.value())
        return self.value() if text == shown else super().valueFromText(text)
