"""What lies over the image while another case is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QMainWindow, QWidget

from napari_annotate_jobs.widgets.parts._layouts import column_of

if TYPE_CHECKING:
    from ._theme import Colors

__all__ = ["Veil"]


class Veil(QWidget):
    """Covers the middle of a window, and says why.

    Nothing below it is seen, and no mouse gets there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName("veil")
        self._label = QLabel(self)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._label.setAccessibleName("What is being done")
        column_of(self._label, parent=self)
        self.hide()

    def text(self) -> str:
        """Return what it says; empty while it is away."""
        return self._label.text()

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.setStyleSheet(
            f"#veil {{ background: {colors.background}; }}"
            f"#veil QLabel {{ color: {colors.text}; background: transparent;"
            " font-size: 16pt; }"
        )

    def lay_over(self, window: QWidget) -> None:
        """Lie over the central widget of a main window, and follow its size."""
        centre = window.centralWidget() if isinstance(window, QMainWindow) else None
        if centre is not None and self.parent() is not centre:
            self.setParent(centre)
            centre.installEventFilter(self)
            self.set_text(self.text())

    def set_text(self, text: str) -> None:
        """Come and say a text; go, if there is none."""
        self._label.setText(text)
        below = self.parentWidget()
        if below is None:
            return
        if text:
            self.setGeometry(below.rect())
            self.raise_()
        self.setVisible(bool(text))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of what lies below."""
        below = self.parentWidget()
        if event.type() == QEvent.Type.Resize and watched is below is not None:
            self.setGeometry(below.rect())
        return False
