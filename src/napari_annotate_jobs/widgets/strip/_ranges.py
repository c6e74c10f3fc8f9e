"""Ranges as segments with handles, below the cells of the strip."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPen

from napari_annotate_jobs.model import Decision, RangeAction
from napari_annotate_jobs.widgets.parts._theme import contrast_text

from ._paint import Look, paint_look

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_annotate_jobs.editing import OpenRange
    from napari_annotate_jobs.model import LabelSet
    from napari_annotate_jobs.widgets.parts._theme import Colors

    from ._scale import Scale

__all__ = ["Hit", "Segment", "hit", "paint_segments", "segments_of"]

MAX_LANES = 3
GRIP = 6.0
"""How near to an end the mouse takes hold of it, in pixels."""

_DECISIONS = {
    RangeAction.CLASS_LABELS: Decision.LABELLED,
    RangeAction.NOTHING_TO_LABEL: Decision.NOTHING_TO_LABEL,
    RangeAction.EXCLUDE: Decision.EXCLUDED,
}


@dataclass(frozen=True)
class Segment:
    """A range as it is drawn.

    Parameters
    ----------
    id : str
        Of the range.
    name : str
        What was applied.
    start, stop : int
        First and last slice, both included.
    applied : frozenset of int
        The slices that still follow it.
    look : Look
        What it shows.
    can_relabel : bool
        True for class labels.
    person : str
        Who applied it.
    when : str
        Local date and time.
    lane : int
        Its row, from 0.
    """

    id: str
    name: str
    start: int
    stop: int
    applied: frozenset[int] = field(repr=False)
    look: Look
    can_relabel: bool = False
    person: str = ""
    when: str = ""
    lane: int = 0

    @property
    def text(self) -> str:
        """One line that says what it is, numbered from 1."""
        n = self.stop - self.start + 1
        parts = [f"{self.name}: {slices_text(self.start, self.stop)}"]
        if len(self.applied) < n:
            parts.append(
                f"{len(self.applied)} of {n} follow it, the others were edited by hand "
                "or left out"
            )
        if self.person:
            parts.append(f"by {self.person}")
        if self.when:
            parts.append(self.when)
        return " · ".join(parts)


def slices_text(start: int, stop: int) -> str:
    """Return ``slice 3`` or ``slices 3–40``, numbered from 1."""
    if start == stop:
        return f"slice {start + 1}"
    return f"slices {start + 1}–{stop + 1}"


def segments_of(
    ranges: Iterable[OpenRange], labels: LabelSet
) -> tuple[tuple[Segment, ...], int]:
    """Return the segments of ranges, side by side in lanes, and their number."""
    ordered = sorted(ranges, key=lambda span: (span.start, span.stop))
    ends: list[int] = []
    found = []
    for span in ordered:
        shown = [labels.by_id[i] for i in span.labels if i in labels.by_id]
        name = {
            RangeAction.CLASS_LABELS: ", ".join(label.name for label in shown),
            RangeAction.NOTHING_TO_LABEL: "Nothing to Label",
            RangeAction.EXCLUDE: "Excluded",
        }[span.action]
        lane = next((i for i, end in enumerate(ends) if end < span.start), len(ends))
        if lane >= MAX_LANES:
            lane = MAX_LANES - 1
        if lane == len(ends):
            ends.append(span.stop)
        ends[lane] = max(ends[lane], span.stop)
        found.append(
            Segment(
                id=span.id,
                name=name,
                start=span.start,
                stop=span.stop,
                applied=frozenset(span.applied),
                look=Look(
                    _DECISIONS[span.action], tuple(label.color for label in shown)
                ),
                can_relabel=span.action is RangeAction.CLASS_LABELS,
                person=span.person,
                when=f"{span.time.astimezone():%Y-%m-%d %H:%M}",
                lane=lane,
            )
        )
    return tuple(found), len(ends)


@dataclass(frozen=True)
class Hit:
    """What of a segment the mouse is on.

    Parameters
    ----------
    segment : Segment
        The segment.
    part : str
        ``"start"``, ``"stop"`` or ``"body"``.
    """

    segment: Segment
    part: str

    def moved(self, index: int) -> Segment:
        """Return the segment with this end dragged to a slice."""
        segment = self.segment
        if self.part == "start":
            return replace(segment, start=min(index, segment.stop))
        if self.part == "stop":
            return replace(segment, stop=max(index, segment.start))
        return segment


def _area(
    segment: Segment, scale: Scale, top: float, height: float, lanes: int
) -> QRectF:
    low, high = scale.span(segment.start, segment.stop, 2 * GRIP)
    lane = height / max(lanes, 1)
    return QRectF(low, top + segment.lane * lane, high - low, lane - 1)


def hit(
    segments: Sequence[Segment],
    scale: Scale,
    x: float,
    y: float,
    *,
    top: float,
    height: float,
    lanes: int,
) -> Hit | None:
    """Return what is at a place; the last drawn lies on top."""
    for segment in reversed(segments):
        area = _area(segment, scale, top, height, lanes)
        if not area.adjusted(-GRIP / 2, 0, GRIP / 2, 1).contains(x, y):
            continue
        to_start, to_stop = abs(x - area.left()), abs(x - area.right())
        if min(to_start, to_stop) <= GRIP:
            return Hit(segment, "start" if to_start <= to_stop else "stop")
        return Hit(segment, "body")
    return None


def paint_segments(
    painter: QPainter,
    segments: Sequence[Segment],
    scale: Scale,
    colors: Colors,
    *,
    top: float,
    height: float,
    lanes: int,
    chosen: str = "",
) -> None:
    """Paint the segments in sight; slices that left a range are hollow."""
    for segment in segments:
        area = _area(segment, scale, top, height, lanes)
        if area.right() < 0 or area.left() > scale.width:
            continue
        is_chosen = segment.id == chosen
        line = QColor(colors.text if is_chosen else colors.secondary)
        painter.fillRect(area, QColor(colors.foreground))
        for start, stop in _runs(segment):
            low, high = scale.span(start, stop, 1)
            part = QRectF(low, area.top(), high - low + 1, area.height())
            paint_look(painter, part & area, segment.look, colors, marks=False)
        painter.setPen(QPen(line, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        _paint_grips(painter, area, colors)
        _paint_name(painter, area, segment, colors)


def _runs(segment: Segment) -> list[tuple[int, int]]:
    """Return the stretches of slices that follow the range, both ends included."""
    inside = sorted(i for i in segment.applied if segment.start <= i <= segment.stop)
    runs = []
    for _, group in groupby(enumerate(inside), key=lambda pair: pair[1] - pair[0]):
        members = [index for _, index in group]
        runs.append((members[0], members[-1]))
    return runs


def _paint_grips(painter: QPainter, area: QRectF, colors: Colors) -> None:
    for left in (area.left(), area.right() - 4):
        grip = QRectF(left, area.top(), 4, area.height())
        painter.fillRect(grip, QColor(colors.text))
        painter.fillRect(
            QRectF(left + 1.5, area.top() + 2, 1, max(area.height() - 4, 1)),
            QColor(colors.background),
        )


def _paint_name(
    painter: QPainter, area: QRectF, segment: Segment, colors: Colors
) -> None:
    metrics = QFontMetricsF(painter.font())
    room = area.adjusted(8, 0, -8, 0)
    if area.height() < metrics.ascent() or room.width() < 24:
        return
    gaps = len(segment.applied) < segment.stop - segment.start + 1
    plain = segment.look.decision is Decision.LABELLED and not gaps
    if not plain or len(segment.look.colors) > 1:
        ink = colors.text
        text_width = min(metrics.horizontalAdvance(segment.name) + 6, room.width())
        painter.fillRect(
            QRectF(room.left() - 3, area.top() + 1, text_width, area.height() - 2),
            QColor(colors.foreground),
        )
    else:
        ink = contrast_text(
            segment.look.colors[0] if segment.look.colors else "#000000"
        )
    name = metrics.elidedText(segment.name, Qt.TextElideMode.ElideRight, room.width())
    painter.setPen(QColor(ink))
    painter.drawText(
        room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), name
    )
