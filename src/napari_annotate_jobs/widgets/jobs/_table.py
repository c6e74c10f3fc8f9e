"""The case table of the job page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView

from ._cases_view import CasesView
from ._delegate import CaseDelegate
from ._model import ROW, row_key

if TYPE_CHECKING:
    from qtpy.QtCore import QEvent, QModelIndex
    from qtpy.QtGui import QMouseEvent, QResizeEvent
    from qtpy.QtWidgets import QWidget

    from ._model import CaseQuery, CaseRows

__all__ = ["CaseTable"]


class CaseTable(CasesView):
    """Cases of a job, any number of them; reads what is visible.

    One column, painted by a delegate: a QListView would lay out every row, and take
    fifteen times as long for 100,000 cases as for 1,000.

    Parameters
    ----------
    parent : QWidget, optional
        Owns the table.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: str | None = None
        self._chosen_row = -1
        self._delegate = CaseDelegate(self, self._cases)
        self.setModel(self._cases)
        self.setItemDelegate(self._delegate)
        self.horizontalHeader().setVisible(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setAccessibleName("Cases")
        self._set_row_height()
        self.selectionModel().currentChanged.connect(self._on_current)
        self._cases.page_loaded.connect(self._keep_choice)

    def set_source(self, source: CaseRows | None) -> None:
        """Show the cases of a source, from the beginning."""
        self._chosen = None
        self._cases.set_source(source)

    def set_query(self, query: CaseQuery) -> None:
        """Show other cases, or in another order."""
        self._cases.set_query(query)

    def refresh(self) -> None:
        """Read the cases again; what is chosen and visible stays."""
        self._cases.refresh()

    def refresh_case(self, case_id: str) -> None:
        """Read a case again and draw its picture anew."""
        self._cases.refresh_case(case_id)

    def place(self, index: QModelIndex) -> int:
        """Return which of the cases stands at an index; -1 for none."""
        return index.row()

    def index_of(self, place: int) -> QModelIndex:
        """Return the index where one of the cases stands."""
        return self._cases.index(place, 0)

    # ---------------------------------------------------------------- reading
    def _visible_rows(self) -> tuple[int, int]:
        height = self._delegate.row_height()
        top = self.verticalScrollBar().value()
        bottom = top + max(self.viewport().height(), 1) - 1
        return top // height, bottom // height

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cases.load()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == event.Type.FontChange and hasattr(self, "_delegate"):
            self._set_row_height()

    def _set_row_height(self) -> None:
        height = self._delegate.row_height()
        # A smallest size above it, from the style, would win.
        self.verticalHeader().setMinimumSectionSize(height)
        self.verticalHeader().setDefaultSectionSize(height)

    def _on_current(self, current: QModelIndex) -> None:
        self._chosen_row = current.row()
        if self._cases.is_moving:
            return  # Qt moves it off a row that goes, before the new ones are there
        row = self._row(current)
        self._chosen = None if row is None else row_key(row)

    def _keep_choice(self, first: int, last: int) -> None:
        """Follow the chosen case when rows move, as after a submission."""
        index = self.currentIndex()
        if self._chosen is None or index.row() not in (-1, self._chosen_row):
            self._on_current(index)  # it was chosen before it was read
            return
        if index.isValid():
            row = index.data(ROW)
            if row is None or row_key(row) == self._chosen:
                return
        place = self._cases.row_of(self._chosen)
        if place >= 0:
            offset = self.verticalScrollBar().value()
            self.setCurrentIndex(self._cases.index(place, 0))
            self.verticalScrollBar().setValue(offset)
        elif index.isValid():
            # It is not listed any more: what took its place is chosen now.
            self._on_current(index)

    # ---------------------------------------------------------------- actions
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        place = event.position().toPoint()
        index = self.indexAt(place)
        row = self._row(index)
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            if self._delegate.is_warning(place, self.visualRect(index), row):
                self._request_details(index)
