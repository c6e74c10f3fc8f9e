"""Where the planes cross, and what a plane is called, over a canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QFrame, QLabel, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PlaneMarks"]

GAP = 14
"""Pixels left free on each side of where the lines cross."""
MARGIN = 6
"""Distance of the name from the corner, in pixels."""
BELOW = 36
"""Pixels above the title: a letter at the edge of a small canvas has that room."""


class PlaneMarks(QObject):
    """Two lines over a canvas, and the name of its plane in a corner.

    Each line is where another plane cuts this one, in that plane's colour. Thin widgets
    that the mouse does not feel: they move without the picture being drawn anew.

    Parameters
    ----------
    canvas : QWidget
        What the plane is drawn on.
    color : str
        Of this plane's name.
    """

    def __init__(self, canvas: QWidget, color: str) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.lines = tuple(QFrame(canvas) for _ in range(4))
        # A label tells what it lies on that it has a new size; this one does not.
        self._plate = QWidget(canvas)
        self.title = QLabel(self._plate)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setStyleSheet(
            "QLabel { background: rgba(0, 0, 0, 150); padding: 2px 5px;"
            f" border-radius: 3px; font-size: 9pt; color: {color}; }}"
        )
        for part in (*self.lines, self._plate):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            part.hide()
            part.lower()  # napari's notices lie on the canvas, too
        self._colors: tuple[str, ...] = ()

    def set_title(self, text: str) -> None:
        """Show the name of the plane; none hides it."""
        if text != self.title.text():
            self.title.setText(text)
            self.title.adjustSize()
            self._plate.resize(self.title.size())
            self._plate.move(MARGIN, BELOW)
        self._plate.setVisible(bool(text))

    def set_colors(self, across: str, down: str) -> None:
        """Colour the lines.

        Parameters
        ----------
        across, down : str
            Of the line from left to right, and of that from top to bottom.
        """
        if self._colors != (across, down):
            self._colors = across, down
            for line, color in zip(
                self.lines, (across, across, down, down), strict=True
            ):
                line.setStyleSheet(f"background: {color};")

    def cross_at(self, place: Sequence[float] | None) -> None:
        """Let the lines cross at a place.

        Parameters
        ----------
        place : (float, float), optional
            x and y from the middle of the canvas, in pixels; None hides the lines.
        """
        if place is None:
            for line in self.lines:
                line.hide()
            return
        w, h = self._canvas.width(), self._canvas.height()
        x, y = round(w / 2 + place[0]), round(h / 2 + place[1])
        boxes = (
            (0, y, x - GAP, 1),
            (x + GAP, y, w - x - GAP, 1),
            (x, 0, 1, y - GAP),
            (x, y + GAP, 1, h - y - GAP),
        )
        for line, (left, top, wide, high) in zip(self.lines, boxes, strict=True):
            inside = 0 <= left < w and 0 <= top < h and wide > 0 and high > 0
            line.setVisible(inside)
            if inside:
                line.setGeometry(left, top, wide, high)

    def close(self) -> None:
        """Go."""
        for part in (*self.lines, self._plate):
            part.hide()
            part.deleteLater()
        self.deleteLater()
