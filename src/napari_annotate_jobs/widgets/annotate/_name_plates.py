"""Names at boxes, on a dark ground: read on any grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NamePlates"]

MOST = 60
"""Boxes of a slice that are named; with more, names would hide the image."""


class NamePlates:
    """Small labels on the canvas that the mouse does not feel.

    Parameters
    ----------
    canvas : QWidget
        What the image is drawn on.
    """

    def __init__(self, canvas: QWidget) -> None:
        self._canvas = canvas
        self.plates: list[QLabel] = []

    def set_names(self, names: Sequence[tuple[str, str, float, float]]) -> None:
        """Show names: text, colour, and the corner that each stands above."""
        shown = list(names)[:MOST]
        while len(self.plates) < len(shown):
            self.plates.append(self._plate())
        for plate, (text, color, x, y) in zip(self.plates, shown, strict=False):
            if (plate.text(), plate.property("ink")) != (text, color):
                plate.setText(text)
                plate.setProperty("ink", color)
                plate.setStyleSheet(
                    f"QLabel {{ background: rgba(0, 0, 0, 170); color: {color};"
                    " padding: 0px 3px; border-radius: 2px; font-size: 9pt;"
                    " font-weight: 600; }"
                )
                plate.adjustSize()
            plate.move(round(x), round(y) - plate.height() - 1)
            inside = plate.geometry().intersects(self._canvas.rect())
            plate.setVisible(inside)
        for plate in self.plates[len(shown) :]:
            plate.hide()

    def _plate(self) -> QLabel:
        plate = QLabel(self._canvas)
        plate.setTextFormat(Qt.TextFormat.PlainText)
        plate.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        plate.lower()
        return plate

    def close(self) -> None:
        """Go."""
        for plate in self.plates:
            plate.hide()
            plate.deleteLater()
        self.plates = []
