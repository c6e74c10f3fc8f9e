"""Scrolls what is higher than the screen, and never sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QStyle, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent

__all__ = ["UprightArea"]

LOWEST = 160
"""Pixels it can be shrunk to."""


class UprightArea(QScrollArea):
    """As wide as what it holds, and as low as a small screen wants.

    Parameters
    ----------
    inner : QWidget
        What it holds.
    parent : QWidget, optional
        Owns it.
    """

    def __init__(self, inner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # It stands on the background of the dock.
        self.setStyleSheet("UprightArea, #upright { background: transparent; }")
        inner.setObjectName("upright")
        self.setWidget(inner)
        inner.installEventFilter(self)

    def sizeHint(self) -> QSize:
        """Return the size at which nothing has to be scrolled."""
        inner = self.widget()
        return super().sizeHint() if inner is None else inner.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return the width of what it holds, beside its bar, and little height."""
        inner = self.widget()
        if inner is None:
            return super().minimumSizeHint()
        hint, style = inner.minimumSizeHint(), self.style()
        metric = QStyle.PixelMetric.PM_ScrollBarExtent
        bar = 0 if style is None else style.pixelMetric(metric)
        needs_bar = self.height() < hint.height()
        return QSize(
            hint.width() + (bar if needs_bar else 0), min(hint.height(), LOWEST)
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave all keys to what it is in: Alt+Left would scroll."""
        event.ignore()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow what it holds, which may have become wider."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))
