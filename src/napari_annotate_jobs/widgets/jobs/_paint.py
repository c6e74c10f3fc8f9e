"""What jobs and cases are drawn with: bars, badges, symbols and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_annotate_jobs.widgets.parts._theme import (
    Colors,
    contrast_text,
    mixed,
    readable,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QFontMetrics, QPaintEvent, QPixmap

    from napari_annotate_jobs.model import (
        Counts,
        Method,
        ReviewCounts,
        ReviewStatus,
        Status,
    )

__all__ = [
    "ALIGN_LEFT",
    "ALIGN_RIGHT",
    "Badge",
    "Bar",
    "badge_width",
    "counts_text",
    "draw_badge",
    "draw_bar",
    "draw_elided",
    "draw_flag",
    "draw_method",
    "draw_picture",
    "draw_picture_frame",
    "draw_status",
    "draw_warning",
    "number",
    "percent",
    "reviewed_part",
    "reviews_text",
    "status_color",
    "to_image",
]

ALIGN_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ALIGN_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

_DONE = "#009e73"
"""Finished: the green of Okabe and Ito's colour-blind-safe set."""


def number(value: int) -> str:
    """Write a number with groups of three digits."""
    return f"{value:,}"


def percent(progress: float) -> str:
    """Write a part of 1; never 100 % or 0 % unless it is exactly that."""
    if 0 < progress < 0.01:
        return "<1 %"
    return f"{int(progress * 100 + 1e-9)} %"


def counts_text(counts: Counts) -> str:
    """Write how far a job is."""
    parts = [f"{number(counts.left)} left", f"{number(counts.finished)} finished"]
    if counts.returned:
        parts.append(f"{number(counts.returned)} returned")
    return " · ".join(parts)


def reviews_text(reviews: ReviewCounts) -> str:
    """Write how far a review job is."""
    parts = [f"{number(reviews.waiting)} waiting", f"{number(reviews.passed)} passed"]
    parts += [
        f"{number(n)} {word}"
        for n, word in ((reviews.failed, "failed"), (reviews.returned, "returned"))
        if n
    ]
    return " · ".join(parts)


def reviewed_part(reviews: ReviewCounts) -> float:
    """Return the part of what was submitted that has a verdict, 0 to 1."""
    judged = reviews.passed + reviews.failed + reviews.returned
    total = judged + reviews.waiting
    return judged / total if total else 0.0


def status_color(
    status: Status | ReviewStatus, colors: Colors, background: str | None = None
) -> str:
    """Return the colour of a status, readable on the background."""
    from napari_annotate_jobs.model import ReviewStatus, Status  # not for an empty list

    faint = mixed(colors.text, colors.background, 0.35)
    wanted = {
        Status.REMAINING: faint,
        Status.FINISHED: _DONE,
        Status.RETURNED: colors.warning,
        ReviewStatus.WAITING: colors.text,
        ReviewStatus.PASSED: _DONE,
        ReviewStatus.FAILED: colors.error,
        ReviewStatus.RETURNED: colors.warning,
        ReviewStatus.NOT_SELECTED: faint,
    }[status]
    return readable(wanted, background or colors.background)


def draw_bar(painter: QPainter, rect: QRect, part: float, colors: Colors) -> None:
    """Draw a progress bar; full ones are green."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    radius = rect.height() / 2
    painter.setBrush(QColor(colors.secondary))
    painter.drawRoundedRect(QRectF(rect), radius, radius)
    if part > 0:
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(rect), radius, radius)
        painter.setClipPath(clip)
        fill = _DONE if part >= 1 else readable(colors.current, colors.secondary, 1.6)
        painter.setBrush(QColor(fill))
        # At least a dot, so that the first finished case is seen.
        width = max(rect.width() * min(part, 1.0), rect.height())
        painter.drawRect(QRectF(rect.x(), rect.y(), width, rect.height()))
    painter.restore()


def badge_width(metrics: QFontMetrics, text: str) -> int:
    """Return the width of a badge in pixels."""
    return metrics.horizontalAdvance(text) + metrics.height()


def draw_badge(painter: QPainter, rect: QRect, text: str, color: str) -> None:
    """Draw a word on a pill of a colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    radius = rect.height() / 2
    painter.drawRoundedRect(QRectF(rect), radius, radius)
    painter.setPen(QColor(contrast_text(color)))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def draw_elided(painter: QPainter, rect: QRect, text: str) -> bool:
    """Draw one line of text; return whether its end was cut off."""
    metrics = painter.fontMetrics()
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, ALIGN_LEFT, shown)
    return shown != text


def draw_method(painter: QPainter, rect: QRect, method: Method, color: str) -> None:
    """Draw the symbol of a method: a tag, a frame, or an outlined region."""
    from napari_annotate_jobs.model import Method  # not for an empty list

    painter.save()
    _to_grid(painter, rect)
    painter.setPen(_pen(color, 1.5))
    if method is Method.CLASSIFICATION:
        tag = [(2, 2), (8.5, 2), (14, 7.5), (8, 14), (2, 8)]
        painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in tag]))
        painter.setBrush(QColor(color))
        painter.drawEllipse(QPointF(5.3, 5.3), 0.9, 0.9)
    elif method is Method.DETECTION:
        painter.drawRect(QRectF(2.5, 3.5, 11, 9))
        painter.setBrush(QColor(color))
        painter.setPen(Qt.PenStyle.NoPen)
        for x, y in ((2.5, 3.5), (13.5, 3.5), (2.5, 12.5), (13.5, 12.5)):
            painter.drawRect(QRectF(x - 1.6, y - 1.6, 3.2, 3.2))
    else:
        blob = QPainterPath(QPointF(3, 9))
        blob.cubicTo(QPointF(1.5, 4), QPointF(6, 1), QPointF(9, 3))
        blob.cubicTo(QPointF(12, 1.5), QPointF(15, 5), QPointF(13.5, 8.5))
        blob.cubicTo(QPointF(14.5, 13), QPointF(10, 15), QPointF(7.5, 13))
        blob.cubicTo(QPointF(5, 14), QPointF(3.5, 12), QPointF(3, 9))
        fill = QColor(color)
        fill.setAlphaF(0.45)
        painter.setBrush(fill)
        painter.drawPath(blob)
    painter.restore()


def draw_status(
    painter: QPainter, rect: QRect, status: Status | ReviewStatus, color: str
) -> None:
    """Draw the symbol of a status: an empty ring, a tick, a cross, or an arrow back."""
    from napari_annotate_jobs.model import ReviewStatus, Status  # not for an empty list

    painter.save()
    _to_grid(painter, rect)
    painter.setPen(_pen(color, 1.6))
    if status in (Status.REMAINING, ReviewStatus.WAITING, ReviewStatus.NOT_SELECTED):
        painter.drawEllipse(QPointF(8, 8), 5.6, 5.6)
    elif status is ReviewStatus.FAILED:
        for line in (((3.6, 3.6), (12.4, 12.4)), ((12.4, 3.6), (3.6, 12.4))):
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in line]))
    elif status in (Status.FINISHED, ReviewStatus.PASSED):
        painter.setBrush(QColor(color))
        painter.drawEllipse(QPointF(8, 8), 6, 6)
        painter.setPen(_pen(contrast_text(color), 1.8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        tick = [(4.8, 8.2), (7.1, 10.5), (11.2, 5.6)]
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in tick]))
    else:
        path = QPainterPath(QPointF(3, 6))
        path.lineTo(9.5, 6)
        path.cubicTo(QPointF(14.5, 6), QPointF(14.5, 13), QPointF(9.5, 13))
        path.lineTo(6.5, 13)
        painter.drawPath(path)
        head = [(6.2, 2.6), (2.8, 6), (6.2, 9.4)]
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in head]))
    painter.restore()


def draw_warning(painter: QPainter, rect: QRect, color: str) -> None:
    """Draw a triangle with an exclamation mark."""
    painter.save()
    _to_grid(painter, rect)
    painter.setPen(_pen(color, 1.5))
    corners = [(8, 2.2), (14.4, 13.4), (1.6, 13.4)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.setPen(_pen(color, 1.7))
    painter.drawLine(QPointF(8, 6.4), QPointF(8, 9.2))
    painter.drawPoint(QPointF(8, 11.5))
    painter.restore()


def draw_picture(painter: QPainter, rect: QRect, picture: QPixmap) -> None:
    """Draw a picture as large as it goes into a place, on black."""
    size = picture.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
    shown = QRect(rect.topLeft(), size)
    shown.moveCenter(rect.center())
    painter.fillRect(rect, QColor("#000000"))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawPixmap(shown, picture)


def draw_flag(painter: QPainter, rect: QRect, color: str) -> None:
    """Draw a flag."""
    painter.save()
    _to_grid(painter, rect)
    painter.setPen(_pen(color, 1.6))
    painter.drawLine(QPointF(3.6, 2), QPointF(3.6, 14))
    painter.setBrush(QColor(color))
    corners = [(3.6, 2.6), (13.4, 5.6), (3.6, 8.8)]
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
    painter.restore()


def draw_picture_frame(painter: QPainter, rect: QRect, colors: Colors) -> None:
    """Draw where a picture will be, or where there is none."""
    painter.save()
    painter.setPen(QColor(colors.secondary))
    painter.setBrush(QColor(colors.background))
    painter.drawRect(rect.adjusted(0, 0, -1, -1))
    painter.restore()


def _to_grid(painter: QPainter, rect: QRect) -> None:
    """Make 16 x 16 units of the largest square in the middle of `rect`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    size = min(rect.width(), rect.height())
    painter.translate(
        rect.x() + (rect.width() - size) / 2, rect.y() + (rect.height() - size) / 2
    )
    painter.scale(size / 16, size / 16)


def _pen(color: str, width: float) -> QPen:
    return QPen(
        QColor(color),
        width,
        Qt.PenStyle.SolidLine,
        Qt.PenCapStyle.RoundCap,
        Qt.PenJoinStyle.RoundJoin,
    )


class Bar(QWidget):
    """A progress bar as the job cards have it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self._part = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_part(self, part: float) -> None:
        """Show a part of 1."""
        self._part = part
        self.setAccessibleName(f"{percent(part)} finished")
        self.update()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_bar(QPainter(self), self.rect(), self._part, self._colors)


class Badge(QWidget):
    """A word on a pill."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Show a word."""
        self.text = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(badge_width(metrics, self.text), metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_badge(painter, self.rect(), self.text, self._colors.highlight)


def to_image(picture: NDArray[np.uint8]) -> QImage:
    """Return an image with pixels of its own.

    Parameters
    ----------
    picture : ndarray of uint8, shape (h, w) or (h, w, 3)
        Greyscale or red, green, blue.
    """
    data = np.ascontiguousarray(picture, dtype=np.uint8)
    height, width = data.shape[:2]
    gray = data.ndim == 2
    form = QImage.Format.Format_Grayscale8 if gray else QImage.Format.Format_RGB888
    return QImage(data.data, width, height, data.strides[0], form).copy()
