"""Lines across the image that meet at the pointer, to begin boxes by."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QFrame, QWidget

from napari_annotate_jobs.widgets.parts._qt_events import event_as

__all__ = ["HairLines"]

GAP = 9
"""Pixels around the pointer that stay free."""
THICK = 3
"""Width in pixels: light, with a dark rim, so that it is seen on any grey."""


class HairLines(QObject):
    """Four thin widgets that the mouse does not feel, from the pointer to the edges.

    Parameters
    ----------
    canvas : QWidget
        What the image is drawn on.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._on = False
        self.lines = tuple(QFrame(canvas) for _ in range(4))
        for place, line in enumerate(self.lines):
            sides = ("left", "right") if place < 2 else ("top", "bottom")
            rim = " ".join(f"border-{s}: 1px solid rgba(0, 0, 0, 110);" for s in sides)
            line.setStyleSheet(f"background: rgba(255, 255, 255, 150); {rim}")
            line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            line.hide()
            line.lower()
        canvas.installEventFilter(self)

    @property
    def is_on(self) -> bool:
        """True while they follow the pointer."""
        return self._on

    def set_on(self, on: bool) -> None:
        """Follow the pointer, or go."""
        self._on = on
        if not on:
            self._hide()

    def _hide(self) -> None:
        for line in self.lines:
            line.hide()

    def _follow(self, place: QPoint) -> None:
        x, y = place.x(), place.y()
        w, h = self._canvas.width(), self._canvas.height()
        half = THICK // 2
        boxes = (
            (x - half, 0, THICK, y - GAP),
            (x - half, y + GAP, THICK, h - y - GAP),
            (0, y - half, x - GAP, THICK),
            (x + GAP, y - half, w - x - GAP, THICK),
        )
        for line, (left, top, width, height) in zip(self.lines, boxes, strict=True):
            line.setGeometry(left, top, max(width, 0), max(height, 0))
            line.setVisible(width > 0 and height > 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the pointer over the canvas."""
        if self._on:
            mouse = event_as(event, QMouseEvent)
            if event.type() == QEvent.Type.Leave:
                self._hide()
            elif mouse is not None and mouse.type() == QEvent.Type.MouseMove:
                self._follow(mouse.position().toPoint())
        return False

    def close(self) -> None:
        """Go, and let the canvas go."""
        self._canvas.removeEventFilter(self)
        for line in self.lines:
            line.hide()
            line.deleteLater()
        self.deleteLater()
