"""Lists the cases alone of which a label was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.model import Label

__all__ = ["LabelFilter"]


class LabelFilter(QComboBox):
    """Chooses one of a job's labels, or all; hidden where there is none.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    """

    chosen = Signal()
    """The user chose another label."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("label_filter")
        self.setAccessibleName("Label")
        self.setToolTip("List the cases alone of which a label was said")
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(10)
        self.setMaximumWidth(240)
        self.set_labels(())
        self.activated.connect(lambda _: self.chosen.emit())

    @property
    def label(self) -> int | None:
        """Id of the chosen label; None for all."""
        found: int | None = self.currentData()
        return found

    def set_labels(self, labels: Sequence[Label]) -> None:
        """Offer the labels of a job; the chosen one stays if it is among them."""
        before = self.label
        with QSignalBlocker(self):
            self.clear()
            self.addItem("All labels", None)
            for label in labels:
                self.addItem(label.name, label.id)
            self.setCurrentIndex(max(self.findData(before), 0))
        self.setVisible(bool(labels))

    def clear_choice(self) -> None:
        """Choose all labels."""
        self.setCurrentIndex(0)
