"""A bar of so many millimetres in the lower right corner of the image."""

from __future__ import annotations

from math import floor, isfinite, log10

from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

__all__ = ["ScaleBar", "nice_length"]

LONGEST = 150
"""Pixels of the canvas that the bar takes at most."""
MARGIN = 10
"""Distance from the edges of the canvas, in pixels."""
PAD = 6
"""Room around the bar and its text, in pixels."""
TICK = 4
"""Half the height of the bar's ends, in pixels."""


def nice_length(per_mm: float, longest: float = LONGEST) -> float:
    """Return the longest bar of 1, 2 or 5 times a power of ten that there is room for.

    Parameters
    ----------
    per_mm : float
        Pixels of the canvas for a millimetre, positive.
    longest : float
        Pixels there are.

    Returns
    -------
    float
        In mm.
    """
    room = longest / per_mm
    exponent = floor(log10(room))
    step = max((n for n in (1, 2, 5) if n * 10.0**exponent <= room), default=1)
    return float(f"{step}e{exponent}")


class ScaleBar(QWidget):
    """A small widget on the canvas that the mouse does not feel.

    napari's own bar is drawn anew with each picture, which costs a step through the
    slices a tenth of its time; this one only when the zoom has changed.

    Parameters
    ----------
    canvas : QWidget
        What the image is drawn on.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._per_mm: float | None = None
        self._width = 0.0
        self._text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Scale bar")
        font = self.font()
        font.setPointSize(10)
        self.setFont(font)
        self.hide()
        self.lower()  # napari's notices lie on the canvas, too
        canvas.installEventFilter(self)

    def text(self) -> str:
        """Return how long it is, as ``50 mm``; empty while it is away."""
        return self._text

    @property
    def length(self) -> float:
        """How long it is drawn, in pixels of the canvas."""
        return self._width

    def set_scale(self, per_mm: float | None) -> None:
        """Show a length.

        Parameters
        ----------
        per_mm : float, optional
            Pixels of the canvas for a millimetre; None takes the bar away.
        """
        if per_mm is not None and not (isfinite(per_mm) and per_mm > 0):
            per_mm = None
        if per_mm == self._per_mm:
            return
        self._per_mm = per_mm
        if per_mm is None:
            self._text, self._width = "", 0.0
        else:
            length = nice_length(per_mm)
            self._text, self._width = f"{length:g} mm", length * per_mm
        self.setAccessibleDescription(self._text)
        self._place()
        self.setVisible(per_mm is not None)
        self.update()

    def _place(self) -> None:
        metrics = self.fontMetrics()
        wide = max(self._width, metrics.horizontalAdvance(self._text))
        self.resize(round(wide) + 2 * PAD, metrics.height() + 2 * TICK + PAD)
        canvas = self._canvas
        self.move(
            canvas.width() - MARGIN - self.width(),
            canvas.height() - MARGIN - self.height(),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the bar below its length, on a dark ground: read on any grey."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 110))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        painter.setPen(QPen(QColor("white"), 2))
        left, right = (self.width() + side * self._width for side in (-1, 1))
        left, right = left / 2, right / 2
        y = self.height() - TICK - 2
        painter.drawLine(QPointF(left, y), QPointF(right, y))
        for x in (left + 1, right - 1):
            painter.drawLine(QPointF(x, y - TICK), QPointF(x, y + TICK))
        above = self.rect().adjusted(0, 1, 0, -2 * TICK)
        painter.drawText(above, int(Qt.AlignmentFlag.AlignCenter), self._text)
        painter.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place()
        return False

    def close(self) -> bool:
        """Go, and let the canvas go."""
        self._canvas.removeEventFilter(self)
        self.hide()
        self.deleteLater()
        return True
