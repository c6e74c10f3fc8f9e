"""What stands beside a submitted case: the verdicts, or the labels of a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from napari_annotate_jobs.widgets.keys._guest import KeyboardGuest
from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from napari_annotate_jobs.widgets.annotate._dock import AnnotateDock

    from ._panel import ReviewPanel

__all__ = ["ReviewSides"]


class ReviewSides(KeyboardGuest):
    """Shows the verdicts, or while a copy is corrected what annotators have.

    Parameters
    ----------
    panel : ReviewPanel
        The verdicts.
    annotate : AnnotateDock
        The labels.
    """

    back_requested = Signal()
    """The copy is to be left, and the verdicts shown again."""

    def __init__(
        self,
        panel: ReviewPanel,
        annotate: AnnotateDock,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.panel, self.annotate = panel, annotate
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.back = QPushButton("Back to the review")
        self.back.setToolTip("The copy is kept: Correct… goes on with it")
        self.back.setObjectName("correct_case")
        self.back.clicked.connect(self.back_requested)
        for step in (annotate.previous, annotate.next):
            step.hide()  # the reviewer's list says which case comes next
        self._head = QWidget()
        column_of(
            self.text, self.back, parent=self._head, spacing=4, margins=(6, 4, 6, 0)
        )
        # No stack, which would be as high as the higher of the two.
        column_of(
            self._head, (annotate, 1), (panel, 1), parent=self, spacing=0, margins=0
        )
        self.host(self.back)
        self.show_copy(False)
        self.set_colors(Colors.dark())

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.text.setStyleSheet(f"QLabel {{ color: {colors.warning_text}; }}")

    def show_copy(self, on: bool, person: str = "") -> None:
        """Show the labels for a copy of what a person submitted, or the verdicts."""
        shown: ReviewPanel | AnnotateDock = self.annotate if on else self.panel
        (self.panel if on else self.annotate).hide()
        shown.hold_window_control()
        self._head.setVisible(on)
        shown.show()
        self.text.setText(
            f"You correct a copy: what {person} submitted stays. Submit passes the "
            "copy."
        )
        self.annotate.submit.setText("Submit and pass" if on else "Submit")
