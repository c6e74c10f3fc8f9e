"""A box to choose from that never is wider than its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

__all__ = ["ShortBox"]


class ShortBox(QComboBox):
    """As wide as its place, not as its longest entry; what is too long ends in dots.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )

    def event(self, event: QEvent) -> bool:
        """Tell the whole text under the mouse, where it is cut."""
        if event.type() == QEvent.Type.ToolTip:
            text = self.currentText()
            self.setToolTip("" if self.shown_text() == text else text)
        return bool(super().event(event))

    def shown_text(self) -> str:
        """Return what is written while the list is shut."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        icon = 0 if option.currentIcon.isNull() else option.iconSize.width() + 4
        room, text = field.width() - icon - 6, option.currentText
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it with the text that fits."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.shown_text()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
