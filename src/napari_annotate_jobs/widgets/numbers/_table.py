"""A table of numbers that can be sorted and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent

    from napari_annotate_jobs.widgets.parts._theme import Colors

__all__ = ["NumberTable"]

VALUE = Qt.ItemDataRole.UserRole
ROW = 24
"""Height of a row in pixels."""


class _Item(QTableWidgetItem):
    """A cell that is sorted by its number, not by how it is written."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        one, two = self.data(VALUE), other.data(VALUE)
        if isinstance(one, str) or isinstance(two, str):
            return str(one).casefold() < str(two).casefold()
        return (-1.0 if one is None else one) < (-1.0 if two is None else two)


class NumberTable(QTableWidget):
    """Rows of numbers below a head; the first column holds names.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    tips : sequence of str
        What each column means.
    parent : QWidget, optional
        Owns it.
    """

    def __init__(
        self, head: Sequence[str], tips: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(0, len(head), parent)
        self._head = tuple(head)
        for place, (name, tip) in enumerate(zip(head, tips, strict=True)):
            item = QTableWidgetItem(name)
            item.setToolTip(tip)
            side = Qt.AlignmentFlag.AlignLeft if not place else _RIGHT
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(place, item)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setSortingEnabled(True)
        header = self.horizontalHeader()
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(36)

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self.setStyleSheet(
            f"QTableWidget {{ background: {colors.background};"
            f" gridline-color: {colors.foreground}; }}"
            "QTableWidget::item { padding: 0 2px; }"
            "QHeaderView::section { padding: 1px 2px; }"
        )

    def set_rows(
        self,
        rows: Sequence[Sequence[tuple[object, str]]],
        *,
        swatches: Sequence[str] = (),
        tips: Sequence[str] = (),
        marks: Sequence[str] = (),
    ) -> None:
        """Show rows, in this order unless another one is chosen.

        Parameters
        ----------
        rows : sequence of sequence of (value, text)
            By which a cell is sorted, and what it says.
        swatches : sequence of str
            ``#rrggbb`` before each row's name; none by default.
        tips : sequence of str
            What there is to say about each row.
        marks : sequence of str
            ``#rrggbb`` of each row's writing; empty for the usual.
        """
        header = self.horizontalHeader()
        column, order = header.sortIndicatorSection(), header.sortIndicatorOrder()
        self.setSortingEnabled(False)
        header.setSortIndicator(-1, order)
        self.setRowCount(len(rows))
        for place, row in enumerate(rows):
            for at, (value, text) in enumerate(row):
                item = _Item(text)
                item.setData(VALUE, value)
                if at:
                    item.setTextAlignment(_RIGHT | Qt.AlignmentFlag.AlignVCenter)
                elif swatches:
                    item.setData(
                        Qt.ItemDataRole.DecorationRole, QColor(swatches[place])
                    )
                if tips:
                    item.setToolTip(tips[place])
                if marks and marks[place]:
                    item.setForeground(QColor(marks[place]))
                self.setItem(place, at, item)
        header.setSortIndicator(column, order)
        self.setSortingEnabled(True)

    def texts(self) -> list[list[str]]:
        """Return what is shown, row by row."""
        return [
            [self.item(row, column).text() for column in range(self.columnCount())]
            for row in range(self.rowCount())
        ]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            lines = [self._head, *self.texts()]
            QApplication.clipboard().setText("\n".join("\t".join(x) for x in lines))
        else:
            super().keyPressEvent(event)


_RIGHT = Qt.AlignmentFlag.AlignRight
