"""Bars that lie, a row each, with their names on the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyqtgraph
from qtpy.QtCore import QEvent, QPointF, QSize, Qt
from qtpy.QtGui import QColor, QHelpEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QToolTip, QWidget

from napari_annotate_jobs.widgets.parts._qt_events import event_as
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QResizeEvent

__all__ = ["BarPlot", "BarRow"]

ROW = 22
"""Height of a row in pixels."""
THICK = 0.66
"""Part of a row's height that its bar takes."""


@dataclass(frozen=True)
class BarRow:
    """One row of a plot.

    Parameters
    ----------
    name : str
        On the left.
    parts : tuple of (float, str)
        Length and colour (``#rrggbb``) of each part, one behind the other.
    text : str
        Behind the bar.
    tip : str
        Shown while the mouse rests on the row.
    """

    name: str
    parts: tuple[tuple[float, str], ...]
    text: str = ""
    tip: str = ""

    @property
    def length(self) -> float:
        """Of all parts."""
        return sum(length for length, _ in self.parts)


class BarPlot(QScrollArea):
    """A bar plot as high as it has rows; scrolls where there is less room.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._colors = Colors.dark()
        self._rows: tuple[BarRow, ...] = ()
        self._plot = pyqtgraph.PlotWidget()
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(False, False)
        self._plot.hideButtons()
        self._plot.setFrameShape(QFrame.Shape.NoFrame)
        # The wheel scrolls the page, and keys are not for a picture.
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        item = self._plot.getPlotItem()
        item.invertY(True)
        item.hideAxis("bottom")
        item.setContentsMargins(0, 2, 0, 2)
        axis = item.getAxis("left")
        axis.setStyle(tickLength=0, tickTextOffset=6)
        self.setWidget(self._plot)
        self.setMinimumHeight(3 * ROW)

    @property
    def rows(self) -> tuple[BarRow, ...]:
        """What is shown."""
        return self._rows

    def set_rows(self, rows: Sequence[BarRow]) -> None:
        """Show rows, the first one above."""
        self._rows = tuple(rows)
        self._draw()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self._draw()

    def sizeHint(self) -> QSize:
        return QSize(300, min(max(len(self._rows), 3), 10) * ROW + 4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._draw()

    def event(self, event: QEvent) -> bool:
        asked = event_as(event, QHelpEvent)
        if asked is not None:
            text = self.tip_at(asked.pos().y())
            if text:
                QToolTip.showText(asked.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return bool(super().event(event))

    def tip_at(self, y: int) -> str:
        """Return what there is to say about the row at a height in pixels."""
        inside = self._plot.mapFrom(self, QPointF(0, y).toPoint())
        box = self._plot.getPlotItem().vb
        row = round(box.mapSceneToView(QPointF(inside)).y())
        return self._rows[row].tip if 0 <= row < len(self._rows) else ""

    def _draw(self) -> None:
        plot, colors, rows = self._plot, self._colors, self._rows
        plot.clear()
        plot.setBackground(colors.background)
        self.setStyleSheet(f"QScrollArea {{ background: {colors.background}; }}")
        plot.setFixedHeight(max(len(rows), 1) * ROW + 4)
        metrics = self.fontMetrics()
        most = max(self.viewport().width() * 2 // 5, 60)
        names = [
            metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, most)
            for row in rows
        ]
        axis = plot.getPlotItem().getAxis("left")
        axis.setStyle(tickFont=self.font())
        axis.setPen(pyqtgraph.mkPen(colors.secondary))
        axis.setTextPen(pyqtgraph.mkPen(colors.text))
        axis.setTicks([list(enumerate(names))])
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        axis.setWidth(widest + 12)
        longest = max((row.length for row in rows), default=0) or 1.0
        room = max(self.viewport().width() - widest - 12, 40)
        texts = [metrics.horizontalAdvance(row.text) + 14 for row in rows]
        # The longest bar ends where its text still fits behind it.
        share = min(max(texts, default=0) / room, 0.6)
        plot.getPlotItem().setXRange(0, longest / (1 - share), padding=0)
        plot.getPlotItem().setYRange(-0.5, max(len(rows), 1) - 0.5, padding=0)
        self._add_bars(longest)

    def _add_bars(self, longest: float) -> None:
        starts, widths, heights, brushes = [], [], [], []
        for place, row in enumerate(self._rows):
            at = 0.0
            for length, color in row.parts:
                if length > 0:
                    starts.append(at)
                    widths.append(length)
                    heights.append(place)
                    brushes.append(QColor(color))
                at += length
            if row.text:
                text = pyqtgraph.TextItem(
                    row.text, color=self._colors.text, anchor=(0, 0.5)
                )
                text.setFont(self.font())
                text.setPos(at + longest * 0.005, place)
                self._plot.addItem(text)
        if starts:
            self._plot.addItem(
                pyqtgraph.BarGraphItem(
                    x0=starts,
                    width=widths,
                    y=heights,
                    height=THICK,
                    brushes=brushes,
                    # White bars on white ground are bars too.
                    pen=pyqtgraph.mkPen(self._colors.secondary),
                )
            )
