"""The button that sorts the cases of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtGui import QActionGroup
from qtpy.QtWidgets import QMenu, QToolButton

from napari_annotate_jobs.model import CaseOrder

if TYPE_CHECKING:
    from qtpy.QtGui import QAction
    from qtpy.QtWidgets import QWidget

__all__ = ["OrderButton"]

WORDS = {
    CaseOrder.JOB: ("As in the job", "Order"),
    CaseOrder.NAME: ("Name", "Name"),
    CaseOrder.STATUS: ("Status: to do first", "Status"),
    CaseOrder.SLICES: ("Slices: fewest first", "Slices"),
    CaseOrder.FLAG: ("Flag: flagged first", "Flag"),
    CaseOrder.TOUCHED: ("Last touched first", "Touched"),
}
"""What each order is called in the menu, and on the button."""


class OrderButton(QToolButton):
    """Shows what cases are sorted by, and lets that be chosen.

    Parameters
    ----------
    parent : QWidget, optional
        Owns the button.
    """

    chosen = Signal(object, bool)
    """The user chose an order: a CaseOrder, and whether it is turned round."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("order")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._group = QActionGroup(self)
        self._actions: dict[CaseOrder, QAction] = {}
        for order, (text, _) in WORDS.items():
            action = menu.addAction(text)
            action.setCheckable(True)
            self._group.addAction(action)
            self._actions[order] = action
        menu.addSeparator()
        self._round = menu.addAction("The other way round")
        self._round.setCheckable(True)
        menu.triggered.connect(self._on_chosen)
        self.setMenu(menu)
        self.set_order(CaseOrder.JOB, backwards=False)

    @property
    def order(self) -> CaseOrder:
        """What is sorted by."""
        return next(o for o, action in self._actions.items() if action.isChecked())

    @property
    def backwards(self) -> bool:
        """True if the order is turned round."""
        return self._round.isChecked()

    def set_order(self, order: CaseOrder, *, backwards: bool) -> None:
        """Show an order."""
        self._actions[order].setChecked(True)
        self._round.setChecked(backwards)
        self._show()

    def _show(self) -> None:
        arrow = "\u2191" if self.backwards else "\u2193"
        text, short = WORDS[self.order]
        self.setText(f"{short} {arrow}")
        turned = ", the other way round" if self.backwards else ""
        said = text[0].lower() + text[1:]
        self.setToolTip(f"Cases are sorted: {said}{turned}. Choose another order")
        self.setAccessibleName(f"Order of cases: {said}{turned}")

    def _on_chosen(self) -> None:
        self._show()
        self.chosen.emit(self.order, self.backwards)
