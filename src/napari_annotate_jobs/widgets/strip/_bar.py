"""The row under the cells: where one is, how far one got, where to go."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import (
    QColor,
    QFontMetricsF,
    QIcon,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
)
from qtpy.QtWidgets import QSizePolicy, QToolButton, QWidget

from napari_annotate_jobs.model import Decision
from napari_annotate_jobs.widgets.parts._theme import Colors, contrast_text, readable

from ._paint import Look, paint_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from qtpy.QtGui import QPaintEvent

    from napari_annotate_jobs.editing import Cell

__all__ = [
    "CountsBar",
    "SliceNumber",
    "count_cells",
    "counts_text",
    "strip_icon",
    "tool_button",
]

_ORDER = (
    Decision.LABELLED,
    Decision.NOTHING_TO_LABEL,
    Decision.EXCLUDED,
    Decision.UNDECIDED,
)
PROPOSALS = "to confirm"
SEEN = "seen"
SIDE = 20
"""Side of an icon, in pixels."""


def count_cells(cells: Iterable[Cell]) -> dict[str, int]:
    """Return how many slices have which decision, and how many hold proposals.

    What is counted as something else comes first.
    """
    shown = tuple(cells)
    found = Counter(cell.word for cell in shown)
    known = [decision.value for decision in _ORDER]
    words = [*sorted(set(found) - set(known)), *known]
    counts = {word: found[word] for word in words}
    counts[PROPOSALS] = sum(cell.proposals for cell in shown)
    return counts


def counts_text(counts: dict[str, int]) -> str:
    """Return one line: ``12 labelled · 283 undecided``; what is 0 is left out."""
    return " · ".join(f"{n} {word}" for word, n in counts.items() if n) or "no slices"


class _Painted(QWidget):
    """What is painted in the colours of a theme.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.colors = Colors.dark()

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of a theme."""
        self.colors = colors
        self.update()


class SliceNumber(_Painted):
    """Says which of how many slices is shown.

    As wide as the highest number needs, and painted by itself: another number moves
    nothing, and no layout has to be worked out for each step through the slices.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._current, self._n = 0, 0
        policy = QSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def text(self) -> str:
        """Return what it says."""
        return f"Slice {self._current + 1} of {self._n}" if self._n else ""

    def sizeHint(self) -> QSize:
        """Return the size it needs."""
        metrics = self.fontMetrics()
        widest = f"Slice {self._n} of {self._n}" if self._n else ""
        return QSize(metrics.horizontalAdvance(widest) + 2, metrics.height() + 4)

    def set_slice(self, current: int, n: int) -> None:
        """Show the index of a slice, and how many there are."""
        if n != self._n:
            self._n = n
            self.updateGeometry()
        self._current = current
        self.setAccessibleName(self.text())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the text."""
        painter = QPainter(self)
        painter.setPen(QColor(self.colors.text))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), self.text())
        painter.end()


class CountsBar(_Painted):
    """The numbers of slices by decision, each with its look: a legend, too.

    Where there is no room for the words, the numbers stay.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[str, int] = {}
        self._seen = 0
        self._others: dict[str, Look] = {}
        self._message = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        """Return the size it likes best."""
        return QSize(120, self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(60, self.fontMetrics().height() + 4)

    def set_counts(
        self, counts: dict[str, int], looks: Mapping[str, Look] | None = None
    ) -> None:
        """Show numbers; `looks` are those of words that are no decisions."""
        self._counts, self._others = counts, dict(looks or {})
        self._say()

    def set_seen(self, number: int) -> None:
        """Show how many slices were seen; 0 leaves that out."""
        if number != self._seen:
            self._seen = number
            self._say()

    def _shown(self) -> dict[str, int]:
        return {**self._counts, SEEN: self._seen}

    def _say(self) -> None:
        text = counts_text(self._shown())
        self.setToolTip(self._message or text)
        self.setAccessibleName(text)
        self.update()

    def set_message(self, text: str) -> None:
        """Show a hint in place of the numbers; empty for none."""
        if text == self._message:
            return
        self._message = text
        self.setToolTip(text or counts_text(self._shown()))
        self.update()

    def text(self) -> str:
        """Return what it says."""
        return self._message or counts_text(self._shown())

    def _looks(self) -> dict[str, Look]:
        accent = readable(self.colors.current, self.colors.background, 3)
        looks = {decision.value: Look(decision, (accent,)) for decision in _ORDER}
        looks[Decision.EXCLUDED.value] = Look(Decision.EXCLUDED)
        looks[PROPOSALS] = Look(proposals=True)
        looks[SEEN] = Look(seen=True)
        return looks | self._others

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the legend, or the hint."""
        painter = QPainter(self)
        painter.setPen(QColor(self.colors.text))
        metrics = QFontMetricsF(self.font())
        if self._message:
            text = metrics.elidedText(
                self._message, Qt.TextElideMode.ElideRight, self.width()
            )
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignVCenter), text)
            painter.end()
            return
        shown = {word: n for word, n in self._shown().items() if n}
        full = [f"{n} {word}" for word, n in shown.items()]
        room = sum(metrics.horizontalAdvance(text) + 30 for text in full)
        fits = room <= self.width()
        texts = full if fits else [str(n) for n in shown.values()]
        x, looks = 0.0, self._looks()
        for word, text in zip(shown, texts, strict=True):
            swatch = QRectF(x, self.height() / 2 - 6, 13, 12)
            paint_look(painter, swatch, looks[word], self.colors, marks=False)
            width = metrics.horizontalAdvance(text)
            painter.setPen(QColor(self.colors.text))
            painter.drawText(
                QRectF(x + 16, 0, width + 2, self.height()),
                int(Qt.AlignmentFlag.AlignVCenter),
                text,
            )
            x += width + (30 if fits else 23)
        painter.end()


def strip_icon(name: str, colors: Colors) -> QIcon:
    """Return an icon drawn in the colours of the theme.

    Parameters
    ----------
    name : str
        ``previous-undecided``, ``next-undecided``, ``previous-change``,
        ``next-change``, ``zoom-in``, ``zoom-out``, ``fit``, ``zoom-tool``, ``eye`` or
        ``room``.
    colors : Colors
        The theme. While its button is checked, the icon stands on the current colour.
    """
    icon = QIcon(_drawn(name, colors.text))
    pressed = _drawn(name, contrast_text(colors.current))
    icon.addPixmap(pressed, QIcon.Mode.Normal, QIcon.State.On)
    return icon


def _drawn(name: str, ink: str) -> QPixmap:
    ratio = 2
    pixmap = QPixmap(SIDE * ratio, SIDE * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(QPen(QColor(ink), 1.6))
    if name in _DRAWN:
        _DRAWN[name](painter)
    else:
        way, what = name.split("-")
        if way == "previous":  # the same, mirrored
            painter.translate(SIDE, 0)
            painter.scale(-1, 1)
        painter.drawPolyline([QPointF(12, 4), QPointF(17, 10), QPointF(12, 16)])
        if what == "undecided":
            painter.drawRect(QRectF(3, 5, 6, 10))
        else:
            painter.fillRect(QRectF(2, 5, 4, 10), QColor(ink))
            painter.drawRect(QRectF(6, 5.8, 4, 8.4))
    painter.end()
    return pixmap


def _lens(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(8.5, 8.5), 5.5, 5.5)
    painter.drawLine(QPointF(12.5, 12.5), QPointF(17, 17))
    painter.drawLine(QPointF(6, 8.5), QPointF(11, 8.5))


def _lens_plus(painter: QPainter) -> None:
    _lens(painter)
    painter.drawLine(QPointF(8.5, 6), QPointF(8.5, 11))


def _zoom_tool(painter: QPainter) -> None:
    """Draw a lens, and the way the mouse slides."""
    painter.drawEllipse(QPointF(7, 8), 5, 5)
    painter.drawLine(QPointF(10.6, 11.6), QPointF(14, 15.5))
    painter.drawLine(QPointF(4.6, 8), QPointF(9.4, 8))
    painter.drawLine(QPointF(7, 5.6), QPointF(7, 10.4))
    painter.drawLine(QPointF(16.5, 2.5), QPointF(16.5, 17.5))
    painter.drawPolyline([QPointF(14.2, 5), QPointF(16.5, 2.5), QPointF(18.8, 5)])
    painter.drawPolyline([QPointF(14.2, 15), QPointF(16.5, 17.5), QPointF(18.8, 15)])


def _fit(painter: QPainter) -> None:
    painter.drawLine(QPointF(3, 4), QPointF(3, 16))
    painter.drawLine(QPointF(17, 4), QPointF(17, 16))
    painter.drawLine(QPointF(5, 10), QPointF(15, 10))
    painter.drawPolyline([QPointF(8, 7), QPointF(5, 10), QPointF(8, 13)])
    painter.drawPolyline([QPointF(12, 7), QPointF(15, 10), QPointF(12, 13)])


def _eye(painter: QPainter) -> None:
    path = QPainterPath(QPointF(2, 10))
    path.quadTo(QPointF(10, 1), QPointF(18, 10))
    path.quadTo(QPointF(10, 19), QPointF(2, 10))
    painter.drawPath(path)
    painter.setBrush(painter.pen().color())
    painter.drawEllipse(QPointF(10, 10), 2.2, 2.2)


def _room(painter: QPainter) -> None:
    """Draw arrows into two corners."""
    for x, y, way in ((3, 3, 1), (17, 17, -1)):
        painter.drawLine(QPointF(x, y), QPointF(x + 5 * way, y + 5 * way))
        painter.drawPolyline(
            [QPointF(x + 5 * way, y), QPointF(x, y), QPointF(x, y + 5 * way)]
        )
    painter.drawRect(QRectF(11.5, 3, 5.5, 4.5))
    painter.drawRect(QRectF(3, 12.5, 5.5, 4.5))


_DRAWN: dict[str, Callable[[QPainter], None]] = {
    "zoom-in": _lens_plus,
    "zoom-out": _lens,
    "fit": _fit,
    "zoom-tool": _zoom_tool,
    "eye": _eye,
    "room": _room,
}


def tool_button(name: str, parent: QWidget) -> QToolButton:
    """Return a flat button for an icon of :func:`strip_icon`."""
    button = QToolButton(parent)
    button.setObjectName(name)
    button.setAutoRaise(True)
    button.setIconSize(QSize(SIDE, SIDE))
    return button
