"""What is shown of the slice, in a corner of the image."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QMainWindow, QWidget

__all__ = ["ReadOutLabel"]

MARGIN = 8
"""Distance from the corner, in pixels."""


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
        self._label = QLabel(self)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
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

    def lay_over(self, window: QWidget) -> None:
        """Lie on the central widget of a main window."""
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

    def _show(self) -> None:
        self._label.adjustSize()
        self.resize(self._label.size())
        shown = bool(self.text()) and self.parent() is not None
        self.setVisible(shown)
        if shown:
            self.raise_()
