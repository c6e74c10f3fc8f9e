"""A button with its key at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QPushButton, QSizePolicy, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

__all__ = ["KeyButton"]

MARGIN = 5
"""Between the key, the text and the edge, in pixels."""


class KeyButton(QPushButton):
    """Shows its key dimly behind the text, where there is room for both.

    Parameters
    ----------
    text : str
        What it says.
    action : str
        What it does, by id.
    pressed : callable or signal, optional
        Is called, or told, when it is clicked.
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(
        self,
        text: str,
        action: str,
        pressed: Any = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        if pressed is not None:
            self.clicked.connect(pressed)
        self.setObjectName(action)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.key = ""

    def set_key(self, key: str) -> None:
        """Show a key, written as people know it; empty for none."""
        self.key = key
        self.update()

    def has_room(self) -> bool:
        """Return True if the key stands beside the text, not over it."""
        metrics = self.fontMetrics()
        room = (self.width() - metrics.horizontalAdvance(self.text())) / 2
        return metrics.horizontalAdvance(self.key) + MARGIN + 1 <= room

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the button, and the key if it fits."""
        super().paintEvent(event)
        if not self.key or not self.has_room():
            return
        painter = QPainter(self)
        ink = QColor(self.palette().color(self.foregroundRole()))
        ink.setAlpha(170 if self.isEnabled() else 90)
        painter.setPen(ink)
        area = self.rect().adjusted(0, 0, -MARGIN, 0)
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, flags, self.key)
        painter.end()
