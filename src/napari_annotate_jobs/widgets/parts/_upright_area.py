"""Scrolls what is higher than the screen, and never sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QStyle, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QKeyEvent, QResizeEvent

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
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # It stands on the background of the dock.
        self.setStyleSheet(
            "UprightArea, #upright { background: transparent; border: none; }"
        )
        inner.setObjectName("upright")
        self.setWidget(inner)
        inner.installEventFilter(self)
        self._scrolls = False

    def sizeHint(self) -> QSize:
        """Return the size at which nothing has to be scrolled."""
        inner = self.widget()
        return super().sizeHint() if inner is None else inner.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return the width of what it holds, beside its bar, and little height."""
        inner = self.widget()
        if inner is None:
            return super().minimumSizeHint()
        hint = inner.minimumSizeHint()
        frame = self.width() - self.maximumViewportSize().width()
        width = hint.width() + frame + (self._bar() if self._scrolls else 0)
        return QSize(width, min(hint.height(), LOWEST))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let what it holds have the room, or scroll."""
        super().resizeEvent(event)
        self._fit()

    def _bar(self) -> int:
        style = self.style()
        metric = QStyle.PixelMetric.PM_ScrollBarExtent
        return 0 if style is None else style.pixelMetric(metric)

    def _fit(self) -> None:
        """Give what it holds the height it can do with, and all there is.

        A scroll area by itself gives what wraps its text the height it would like:
        it scrolled while a list within could still be lower.
        """
        inner = self.widget()
        if inner is None:
            return
        room = self.maximumViewportSize()
        width, least = room.width(), _least_height(inner, room.width())
        scrolls = least > room.height()
        if scrolls:
            width -= self._bar()
            least = _least_height(inner, width)
        inner.resize(width, max(least, room.height()))
        if scrolls is not self._scrolls:
            self._scrolls = scrolls
            self.updateGeometry()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave all keys to what it is in: Alt+Left would scroll."""
        event.ignore()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow what it holds, which may have become wider."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._fit()
        return bool(super().eventFilter(watched, event))


def _least_height(widget: QWidget, width: int) -> int:
    layout = widget.layout()
    if layout is not None and layout.hasHeightForWidth():
        return max(layout.minimumHeightForWidth(width), 0)
    return widget.minimumSizeHint().height()
