"""The zoom in per cent, and a small picture of what is seen of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QToolButton, QWidget

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QPaintEvent

__all__ = ["Navigator", "ZoomBar"]

MARGIN = 10
"""Distance from the edges of the canvas, in pixels."""
MIDDLE = 16
"""Pixels beside the middle of the canvas that are left free."""
STYLE = (
    "QToolButton { background: rgba(0, 0, 0, 150); color: white; border: none;"
    " border-radius: 3px; padding: 2px 6px; font-size: 10pt; }"
    "QToolButton:hover { background: rgba(90, 90, 90, 220); }"
)


class Navigator(QWidget):
    """A picture of the slice with a frame round the part that is seen.

    Parameters
    ----------
    parent : QWidget
        What it lies on.
    """

    place_requested = Signal(float, float)
    """The place to look at: parts of the height and of the width."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Which part of the image is seen")
        self.setToolTip("Click or drag to look elsewhere")
        self._picture: QPixmap | None = None
        self.part: tuple[float, float, float, float] | None = None
        self.hide()

    def set_picture(self, picture: NDArray[np.uint8] | None) -> None:
        """Show a picture, shape (height, width, 3); None for none."""
        if picture is None:
            self._picture = None
            return
        height, width = picture.shape[:2]
        data = np.ascontiguousarray(picture)
        image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._picture = QPixmap.fromImage(image)
        self.resize(width, height)
        self.update()

    @property
    def has_picture(self) -> bool:
        """True if there is something to show."""
        return self._picture is not None

    def set_part(self, part: tuple[float, float, float, float] | None) -> None:
        """Frame the part that is seen: top, left, bottom, right, of 1."""
        if part != self.part:
            self.part = part
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw picture and frame."""
        painter = QPainter(self)
        if self._picture is not None:
            painter.setOpacity(0.85)
            painter.drawPixmap(0, 0, self._picture)
            painter.setOpacity(1)
        painter.setPen(QPen(QColor(150, 150, 150), 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self.part is not None:
            top, left, bottom, right = self.part
            w, h = self.width() - 1, self.height() - 1
            frame = QRectF(left * w, top * h, (right - left) * w, (bottom - top) * h)
            for color, width in ((QColor(0, 0, 0), 3), (QColor("#f0e442"), 1.5)):
                painter.setPen(QPen(color, width))
                painter.drawRect(frame)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Look where it was clicked."""
        self._look(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Look where it was dragged to."""
        self._look(event)

    def _look(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            place = event.position()
            down, right = place.y() / self.height(), place.x() / self.width()
            self.place_requested.emit(min(max(down, 0), 1), min(max(right, 0), 1))


class ZoomBar(QObject):
    """Zoom, Fit and 100 % in the lower left corner of the canvas, and the navigator.

    Parameters
    ----------
    canvas : QWidget
        What the image is drawn on.
    """

    fit_requested = Signal()
    full_requested = Signal()
    """One pixel of the image on one of the screen."""
    picture_wanted = Signal()
    """The navigator came into sight without a picture of the slice."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._with_navigator = True
        self.percent = self._tool("Zoom", "")
        self.percent.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.fit = self._tool("Fit the image (Ctrl+0)", "Fit")
        self.fit.setObjectName("zoom_fit")
        self.fit.clicked.connect(self.fit_requested)
        self.full = self._tool("One pixel of the image on one of the screen", "100 %")
        self.full.setObjectName("zoom_full")
        self.full.clicked.connect(self.full_requested)
        self.navigator = Navigator(canvas)
        self._parts = (self.percent, self.fit, self.full)
        for part in (*self._parts, self.navigator):
            part.lower()
        canvas.installEventFilter(self)

    def _tool(self, name: str, text: str) -> QToolButton:
        tool = QToolButton(self._canvas)
        tool.setText(text)
        tool.setAccessibleName(name)
        tool.setToolTip(name)
        tool.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        tool.setStyleSheet(STYLE)
        tool.hide()
        return tool

    def set_full_key(self, hint: str) -> None:
        """Say which key shows the image at 100 %."""
        self.full.setToolTip(f"One pixel of the image on one of the screen{hint}")

    def set_navigator(self, on: bool) -> None:
        """Show the navigator while only a part of the image is seen, or never."""
        self._with_navigator = on
        if not on:
            self.navigator.hide()

    @property
    def shows_part(self) -> bool:
        """True while the navigator is wanted: only a part of the image is seen."""
        return self._with_navigator and self.navigator.part is not None

    def set_zoom(
        self, percent: float | None, part: tuple[float, float, float, float] | None
    ) -> None:
        """Show a zoom in per cent, None for none, and the part that is seen."""
        text = "" if percent is None else f"{percent:.0f} %"
        if text != self.percent.text():
            self.percent.setText(text)
            self._place()
        self.navigator.set_part(part)
        if self.shows_part and not self.navigator.has_picture:
            self.picture_wanted.emit()
        self.navigator.setVisible(self.shows_part and self.navigator.has_picture)

    def set_picture(self, picture: NDArray[np.uint8] | None) -> None:
        """Give the navigator a picture of the slice; None if it has to be renewed."""
        self.navigator.set_picture(picture)
        self.navigator.setVisible(self.shows_part and picture is not None)
        self._place()

    def _place(self) -> None:
        left, bottom = MARGIN, self._canvas.height() - MARGIN
        for tool in self._parts:
            tool.adjustSize()
            tool.move(left, bottom - tool.height())
            left += tool.width() + 2
            # In the middle a side of the patient is named.
            fits = left <= self._canvas.width() // 2 - MIDDLE
            tool.setVisible(bool(self.percent.text()) and fits)
        above = bottom - self.full.height() - 4 - self.navigator.height()
        self.navigator.move(MARGIN, above)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place()
        return False

    def close(self) -> None:
        """Go, and let the canvas go."""
        self._canvas.removeEventFilter(self)
        for part in (*self._parts, self.navigator):
            part.hide()
            part.deleteLater()
        self.deleteLater()
