"""What the windows of New job and Edit job have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDialog, QProgressBar, QPushButton, QWidget

from napari_annotate_jobs.widgets.exchange._fields import wrapped
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring

from ._dropping import dropped_paths

if TYPE_CHECKING:
    from qtpy.QtGui import QDragEnterEvent, QDropEvent

__all__ = ["OwnerDialog"]


class OwnerDialog(QDialog):
    """Takes images, says how far it is with them, and what is wrong.

    Parameters
    ----------
    parent : QWidget, optional
        Above which it is shown.
    """

    paths_given = Signal(list)
    """Folders and files were dropped."""
    folder_requested = Signal()
    """A folder of images is to be chosen."""
    files_requested = Signal()
    """Files of images are to be chosen."""
    stop_requested = Signal()
    """What is under way is to be stopped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._colors = Colors.dark()
        self._is_wrong = self._busy = False
        self.told = wrapped(self)

    def _build_progress(self, tip: str) -> None:
        """Make the bar and its button, where the keyboard is to come by them."""
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(8)
        self.stop = self._button("Stop", tip)
        self.stop.clicked.connect(self.stop_requested)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        # Enter goes on to the next label; it does not press whatever is at hand.
        button.setAutoDefault(False)
        return button

    # ---------------------------------------------------------------- setters
    def set_told(self, text: str, *, wrong: bool = False) -> None:
        """Say something at the foot; what is wrong stands out."""
        self._is_wrong = wrong
        self.told.setText(text)
        self._paint_told()

    def set_progress(self, text: str | None, done: int = 0, total: int = 0) -> None:
        """Say what is under way, and how far it is; None if nothing is."""
        self._busy = text is not None
        self.progress.setVisible(self._busy)
        self.stop.setVisible(self._busy)
        if text is not None:
            self.progress.setRange(0, total)
            self.progress.setValue(done)
            self.set_told(text)
        self._show_state()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.setStyleSheet(
            focus_ring(colors)
            + f"QPlainTextEdit {{ background: {colors.foreground}; border: 1px solid"
            " transparent; border-radius: 2px; }"
            f"QPlainTextEdit:focus {{ border: 1px solid {colors.text}; }}"
        )
        self._paint_told()

    def _paint_told(self) -> None:
        color = self._colors.error_text if self._is_wrong else self._colors.text
        self.told.setStyleSheet(f"QLabel {{ color: {color}; }}")

    def _show_state(self, *_: object) -> None:
        """Offer what can be done now."""

    # ----------------------------------------------------------------- events
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take folders and files."""
        if dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Ask for what was dropped to be looked through."""
        paths = dropped_paths(event)
        if paths:
            event.acceptProposedAction()
            self.paths_given.emit(paths)
