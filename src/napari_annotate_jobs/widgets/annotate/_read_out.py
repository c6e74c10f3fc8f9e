"""What is shown of the slice, in a corner of the image."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_annotate_jobs.widgets.parts._made import text_label

__all__ = ["ReadOutLabel"]

MARGIN = 8
"""Distance from the corner, in pixels."""
MIDDLE = 24
"""Pixels beside the middle of the canvas, where a side of the patient is named."""
LEAST = 140
"""Pixels that it takes however narrow the canvas is."""


class ReadOutLabel(QWidget):
    """Text over the upper left corner of the canvas; the mouse does not feel it.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it lies on.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        # A label tells what it lies on that it has a new size. Lying on the canvas, it
        # would have the whole window laid out anew for each step through the slices.
        self._label = text_label(self)
        self._canvas: QWidget | None = None
        self._label.setAccessibleName("Slice, decision and window")
        # On an image neither theme has a say.
        self._label.setStyleSheet(
            "QLabel { background: rgba(0, 0, 0, 150); color: white; padding: 4px 6px;"
            " border-radius: 3px; font-size: 11pt; }"
        )
        self.hide()

    def text(self) -> str:
        """Return what it says."""
        return self._label.text()

    def lay_over(self, window: QWidget, canvas: QWidget) -> None:
        """Lie on the central widget of a main window, left of the canvas' middle."""
        if canvas is not self._canvas:
            if self._canvas is not None:
                self._canvas.removeEventFilter(self)
            self._canvas = canvas
            canvas.installEventFilter(self)
        centre = window.centralWidget() if isinstance(window, QMainWindow) else None
        if centre is not None and self.parent() is not centre:
            self.setParent(centre)
            self.move(MARGIN, MARGIN)
            self._show()

    def set_text(self, text: str) -> None:
        """Show a text; none hides the label."""
        if text != self.text():
            self._label.setText(text)
            self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the width of the canvas."""
        if event.type() == QEvent.Type.Resize and watched is self._canvas:
            self._show()
        return False

    def _show(self) -> None:
        # Without a bound first: what is wrapped is never as wide as it could be.
        self._label.setWordWrap(False)
        size = self._label.sizeHint()
        self._label.setWordWrap(True)
        if self._canvas is not None:
            room = max(LEAST, self._canvas.width() // 2 - MIDDLE - MARGIN)
            if size.width() > room:
                size.setHeight(self._label.heightForWidth(room))
                size.setWidth(room)
        self._label.resize(size)
        self.resize(size)
        shown = bool(self.text()) and self.parent() is not None
        self.setVisible(shown)
        if shown:
            self.raise_()
