"""What a column of the strip looks like.

Each decision has a shape of its own, so that colour is not needed to tell them
apart: undecided is an empty frame, labelled is filled with the colours of its
labels, nothing to label has a bar through its middle, excluded is crossed out.
Proposals are hatched.

A column that stands for several slices shows, from the top: a part left empty if
any of them is undecided; a hatched part if any holds proposals; below, what was
said of the others: their labels, else nothing to label, else excluded. So no
undecided slice, and no proposal, gets lost among its neighbours.

A line above the columns runs where slices were seen; a gap is one that was not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from napari_annotate_jobs.model import Decision
from napari_annotate_jobs.widgets.parts._theme import contrast_text, mixed, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.editing import Cell
    from napari_annotate_jobs.widgets.parts._theme import Colors

__all__ = [
    "Look",
    "Tiles",
    "color_icon",
    "look_of",
    "paint_look",
    "paint_pointer",
    "paint_seen",
]

GAP_FROM = 4
"""Columns at least this wide are set apart by a pixel."""
HATCH = 6
"""Distance of the lines of a hatch, in pixels; divides :data:`PERIOD`."""
PERIOD = 24
"""Every pattern repeats after so many pixels."""
MARKS_FROM = 10
"""Columns at least this wide show marks for boxes and masks."""
SEEN_LINE = 2
"""Height of the line over slices that were seen, in pixels."""


@dataclass(frozen=True)
class Look:
    """What a column shows.

    Parameters
    ----------
    decision : Decision
        Of the slice; of several, what the lower part shows.
    colors : tuple of str
        Of the labels.
    undecided : bool
        One of the slices, but not all, is undecided.
    proposals, boxes, masks : bool
        One of the slices has them.
    seen : bool
        It stands for slices that were seen, and for nothing that was said.
    """

    decision: Decision = Decision.UNDECIDED
    colors: tuple[str, ...] = ()
    seen: bool = False
    undecided: bool = False
    proposals: bool = False
    boxes: bool = False
    masks: bool = False


def look_of(cells: Sequence[Cell]) -> Look:
    """Return what stands for one or several slices."""
    if len(cells) == 1:
        cell = cells[0]
        return Look(
            cell.decision,
            cell.colors,
            proposals=cell.proposals,
            boxes=cell.boxes,
            masks=cell.masks,
        )
    decisions = {cell.decision for cell in cells}
    shown = Decision.UNDECIDED
    for decision in (
        Decision.LABELLED,
        Decision.NOTHING_TO_LABEL,
        Decision.EXCLUDED,
    ):
        if decision in decisions:
            shown = decision
            break
    colors: dict[str, None] = {}
    for cell in cells:
        if cell.decision is shown:
            colors.update(dict.fromkeys(cell.colors))
    return Look(
        shown,
        tuple(colors),
        undecided=Decision.UNDECIDED in decisions and len(decisions) > 1,
        proposals=any(cell.proposals for cell in cells),
    )


def paint_look(
    painter: QPainter, area: QRectF, look: Look, colors: Colors, *, marks: bool = True
) -> None:
    """Paint a look into an area."""
    painter.save()
    painter.setClipRect(area)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    if area.width() >= GAP_FROM:
        area = area.adjusted(0, 0, -1, 0)
    rest = QRectF(area)
    if look.seen:
        paint_seen(painter, area.left(), area.top(), area.width(), colors)
        rest.setTop(area.top() + SEEN_LINE + 1)
    if look.undecided:
        top = QRectF(rest)
        top.setHeight(rest.height() * 0.4)
        rest.setTop(top.bottom())
        _paint_undecided(painter, top, colors)
    _paint_decision(painter, rest, look, colors)
    if look.proposals:
        part = QRectF(rest)
        if look.decision is not Decision.UNDECIDED:
            part.setHeight(rest.height() * 0.4)
        _paint_proposals(painter, part, colors)
    if marks and area.width() >= MARKS_FROM:
        _paint_marks(painter, area, look, colors)
    painter.restore()


def _paint_decision(
    painter: QPainter, area: QRectF, look: Look, colors: Colors
) -> None:
    if look.decision is Decision.UNDECIDED:
        _paint_undecided(painter, area, colors)
        return
    if look.decision is Decision.LABELLED:
        _paint_bands(painter, area, look.colors, colors)
        return
    base = mixed(colors.background, colors.text, 0.28)
    if look.decision is Decision.NOTHING_TO_LABEL:
        painter.fillRect(area, QColor(base))
        inset = 0 if area.width() < 8 else area.width() * 0.2
        thick = max(round(area.height() * 0.14), 2)
        bar = QRectF(
            area.left() + inset,
            round(area.center().y() - thick / 2),
            area.width() - 2 * inset,
            thick,
        )
        painter.fillRect(bar, QColor(colors.text))
        return
    painter.fillRect(area, QColor(colors.background))
    if look.colors:
        dim = QRectF(area)
        dim.setTop(area.bottom() - area.height() * 0.25)
        _paint_bands(painter, dim, look.colors, colors)
    line = QColor(readable(colors.secondary, colors.background, 3))
    painter.fillRect(area, QBrush(line, Qt.BrushStyle.DiagCrossPattern))
    _frame(painter, area, line)


def _paint_undecided(painter: QPainter, area: QRectF, colors: Colors) -> None:
    painter.fillRect(area, QColor(mixed(colors.background, "#000000", 0.25)))
    if not colors.is_dark:
        painter.fillRect(area, QColor("#ffffff"))
    _frame(painter, area, QColor(readable(colors.secondary, colors.background, 2.2)))


def _frame(painter: QPainter, area: QRectF, color: QColor) -> None:
    """Draw a frame; where it is too narrow for one, its top and bottom."""
    painter.fillRect(QRectF(area.left(), area.top(), area.width(), 1), color)
    painter.fillRect(QRectF(area.left(), area.bottom() - 1, area.width(), 1), color)
    if area.width() >= GAP_FROM:
        painter.fillRect(QRectF(area.left(), area.top(), 1, area.height()), color)
        painter.fillRect(QRectF(area.right() - 1, area.top(), 1, area.height()), color)


def _paint_bands(
    painter: QPainter, area: QRectF, bands: Sequence[str], colors: Colors
) -> None:
    """Stack colours; those that find no room are summed up in a last band."""
    room = max(int(area.height() // 3), 1)
    shown = list(bands) or [colors.text]
    if len(shown) > room:
        shown = [*shown[: room - 1], colors.text]
    height = area.height() / len(shown)
    for place, color in enumerate(shown):
        top = round(area.top() + place * height)
        bottom = round(area.top() + (place + 1) * height)
        painter.fillRect(
            QRectF(area.left(), top, area.width(), bottom - top), QColor(color)
        )


def _paint_proposals(painter: QPainter, area: QRectF, colors: Colors) -> None:
    # A hatch of its own: the patterns of Qt are too fine to stand out here.
    base = mixed(colors.background, "#000000", 0.3) if colors.is_dark else "#ffffff"
    painter.fillRect(area, QColor(base))
    painter.save()
    painter.setClipRect(area, Qt.ClipOperation.IntersectClip)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(QColor(readable(colors.warning, base, 3)), 2))
    x = math.floor((area.left() - area.height()) / HATCH) * float(HATCH)
    while x < area.right():
        painter.drawLine(
            QPointF(x, area.bottom()), QPointF(x + area.height(), area.top())
        )
        x += HATCH
    painter.restore()


def _paint_marks(painter: QPainter, area: QRectF, look: Look, colors: Colors) -> None:
    """Draw a small square for boxes, and a disc for masks, at the bottom."""
    wanted = [mark for mark in ("masks", "boxes") if getattr(look, mark)]
    if not wanted:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    below = look.colors[-1] if look.colors else colors.background
    ink = QColor(contrast_text(below))
    size = min(area.width() / (len(wanted) + 1), 7.0)
    x = area.center().x() - size * len(wanted) / 2 - (len(wanted) - 1)
    for mark in wanted:
        shape = QRectF(x, area.bottom() - size - 2, size, size).adjusted(
            0.5, 0.5, -0.5, -0.5
        )
        if mark == "boxes":
            painter.setPen(QPen(ink, 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(shape)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(shape)
        x += size + 2


def paint_pointer(painter: QPainter, x: float, top: float, color: QColor) -> None:
    """Draw a triangle that points down to `x`."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(
        QPolygonF([QPointF(x - 5, top), QPointF(x + 5, top), QPointF(x, top + 6)])
    )


def paint_seen(
    painter: QPainter, left: float, top: float, width: float, colors: Colors
) -> None:
    """Draw the line over slices that were seen."""
    ink = QColor(mixed(colors.background, colors.text, 0.6))
    painter.fillRect(QRectF(left, top, width, SEEN_LINE), ink)


def color_icon(color: str, side: int = 12) -> QIcon:
    """Return a square of one colour."""
    pixmap = QPixmap(side, side)
    pixmap.fill(QColor(color))
    return QIcon(pixmap)


class Tiles:
    """Columns painted once and kept: few looks are many cells.

    Parameters
    ----------
    colors : Colors
        Of the theme.
    """

    LIMIT = 600

    def __init__(self, colors: Colors) -> None:
        self.colors = colors
        self._kept: dict[tuple[Look, int, int, int, float], QPixmap] = {}

    def tile(
        self, look: Look, left: int, width: int, height: int, ratio: float
    ) -> QPixmap:
        """Return the picture of a look, to be drawn at `left`.

        Patterns go on from one column to the next, hence a picture depends on
        its place.
        """
        has_pattern = look.proposals or look.decision is Decision.EXCLUDED
        phase = left % PERIOD if has_pattern else 0
        key = (look, phase, width, height, ratio)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= self.LIMIT:
                self._kept.clear()
            found = QPixmap(max(round(width * ratio), 1), max(round(height * ratio), 1))
            found.setDevicePixelRatio(ratio)
            found.fill(QColor(self.colors.background))
            painter = QPainter(found)
            painter.translate(-phase, 0)
            painter.setBrushOrigin(-phase, 0)
            paint_look(painter, QRectF(phase, 0, width, height), look, self.colors)
            painter.end()
            self._kept[key] = found
        return found

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
