"""The cases of a job as pictures, many on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QRect,
    QSignalBlocker,
    QSize,
    Qt,
)
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyle,
    QStyledItemDelegate,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._made import search_field
from napari_annotate_jobs.widgets.parts._theme import Colors, mixed, readable

from ._cases_view import CasesView
from ._label_filter import LabelFilter
from ._model import ROW, CaseModel, CaseQuery, case_text, row_key
from ._paint import (
    ALIGN_LEFT,
    draw_picture,
    draw_picture_frame,
    draw_status,
    status_color,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QObject
    from qtpy.QtGui import QResizeEvent
    from qtpy.QtWidgets import QStyleOptionViewItem

    from napari_annotate_jobs.model import Label

    from ._model import AnyRow, CaseRows

__all__ = ["CaseTiles", "StudyGrid"]

LARGE, SMALL = 128, 96
"""Pixels of the side of a picture, and where five would not go beside one another."""
PAD = 6
FIVE = 5
"""Pictures beside one another at most, where they are small."""


class _TileModel(QAbstractTableModel):
    """The cases of a model in rows of several; nothing is kept here."""

    def __init__(self, cases: CaseModel, parent: QObject) -> None:
        super().__init__(parent)
        self._cases = cases
        self.columns = 1
        cases.modelReset.connect(self._reset)
        cases.rowsInserted.connect(self._reset)
        cases.rowsRemoved.connect(self._reset)
        cases.dataChanged.connect(self._changed)

    def set_columns(self, columns: int) -> None:
        """Lay so many beside one another."""
        if columns != self.columns:
            self.beginResetModel()
            self.columns = columns
            self.endResetModel()

    def _reset(self, *_: object) -> None:
        self.beginResetModel()
        self.endResetModel()

    def _changed(self, first: QModelIndex, last: QModelIndex, *_: object) -> None:
        rows = self.rowCount()
        if rows:
            self.dataChanged.emit(
                self.index(min(first.row() // self.columns, rows - 1), 0),
                self.index(min(last.row() // self.columns, rows - 1), self.columns - 1),
            )

    def place(self, index: QModelIndex) -> int:
        """Return which case an index means."""
        if not index.isValid():
            return -1
        return index.row() * self.columns + index.column()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        if parent is not None and parent.isValid():
            return 0
        return -(-self._cases.total // self.columns)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self.columns

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._cases.case_row(self.place(index))
        if role == ROW:
            return row
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return row.case.name
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            said = self._cases.said(row_key(row))
            return " · ".join(filter(None, [case_text(row), said]))
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        if self.place(index) >= self._cases.total:
            return Qt.ItemFlag.NoItemFlags  # beyond the last case
        return super().flags(index)


class _TileDelegate(QStyledItemDelegate):
    """Paints a case: its picture, what was said of it, its name and status."""

    def __init__(self, view: QTableView, cases: CaseModel) -> None:
        super().__init__(view)
        self._view, self._cases = view, cases
        self.colors = Colors.dark()
        self.side = LARGE

    def size(self) -> QSize:
        """Return the room of one tile."""
        line = self._view.fontMetrics().height()
        return QSize(self.side + 2 * PAD, self.side + 2 * line + 3 * PAD)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return self.size()

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        row: AnyRow | None = index.data(ROW)
        if not index.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        fill = self._background(painter, option)
        colors, line = self.colors, self._view.fontMetrics().height()
        room = option.rect
        picture = QRect(0, room.top() + PAD, self.side, self.side)
        picture.moveLeft(room.left() + PAD)
        painter.save()
        found = None if row is None else self._cases.picture(row_key(row))
        if found is None:
            draw_picture_frame(painter, picture, colors)
        else:
            draw_picture(painter, picture, found)
        if row is not None:
            width = room.right() - picture.left() - PAD
            name = QRect(picture.left(), picture.bottom() + 3, width, line)
            below = name.translated(0, line)
            symbol = QRect(name.left(), name.top(), line, line)
            color = status_color(row.status, colors, fill)
            draw_status(painter, symbol, row.status, color)
            name.setLeft(symbol.right() + 4)
            painter.setPen(QColor(readable(colors.text, fill)))
            self._write(painter, name, row.case.name, Qt.TextElideMode.ElideMiddle)
            painter.setPen(QColor(readable(mixed(colors.text, fill, 0.3), fill)))
            status = str(row.status).capitalize()
            self._write(painter, below, status, Qt.TextElideMode.ElideRight)
            self._write_on(painter, picture, self._cases.said(row_key(row)))
        painter.restore()

    def _write_on(self, painter: QPainter, picture: QRect, text: str) -> None:
        """Write what was said of a case on its picture, readable on any image."""
        if not text:
            return
        strip = QRect(picture)
        strip.setTop(picture.bottom() - self._view.fontMetrics().height() - 1)
        painter.fillRect(strip, QColor(0, 0, 0, 170))
        painter.setPen(QColor("#ffffff"))
        room = strip.adjusted(3, 0, -3, 0)
        self._write(painter, room, text, Qt.TextElideMode.ElideRight)

    @staticmethod
    def _write(
        painter: QPainter, rect: QRect, text: str, elide: Qt.TextElideMode
    ) -> None:
        shown = painter.fontMetrics().elidedText(text, elide, rect.width())
        painter.drawText(rect, ALIGN_LEFT, shown)

    def _background(self, painter: QPainter, option: QStyleOptionViewItem) -> str:
        colors, state = self.colors, option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        fill = colors.background
        if selected:
            fill = mixed(colors.background, colors.current, 0.35)
        elif state & QStyle.StateFlag.State_MouseOver:
            fill = mixed(colors.background, colors.highlight, 0.35)
        rect = option.rect.adjusted(1, 1, -1, -1)
        painter.fillRect(rect, QColor(fill))
        if selected:
            edge = colors.text if self._view.hasFocus() else colors.current
            painter.save()
            painter.setPen(QPen(QColor(edge)))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
            painter.restore()
        return fill


class CaseTiles(CasesView):
    """Cases of a job as pictures, any number of them; reads what is visible.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    cases : CaseModel, optional
        The cases of another view; by default some of its own.
    """

    def __init__(
        self, parent: QWidget | None = None, cases: CaseModel | None = None
    ) -> None:
        super().__init__(parent, cases)
        self._tiles = _TileModel(self._cases, self)
        self._delegate = _TileDelegate(self, self._cases)
        self.setModel(self._tiles)
        self.setItemDelegate(self._delegate)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setVisible(False)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setMinimumSectionSize(1)
        self.setAccessibleName("Cases as pictures")
        self._kept = -1
        self._tiles.modelAboutToBeReset.connect(self._keep)
        self._tiles.modelReset.connect(self._choose_kept)
        self._lay_out()

    def place(self, index: QModelIndex) -> int:
        """Return which of the cases stands at an index; -1 for none."""
        return self._tiles.place(index)

    def index_of(self, place: int) -> QModelIndex:
        """Return the index where one of the cases stands."""
        return self._tiles.index(*divmod(place, self._tiles.columns))

    def where(self) -> tuple[CaseQuery, int]:
        """Return which cases are listed, and the place of the chosen one."""
        return self._cases.query, self.chosen_place()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._delegate.colors = colors
        super().set_colors(colors)

    def _keep(self) -> None:
        self._kept = self.chosen_place()

    def _choose_kept(self) -> None:
        """Choose the same place again, though cases came or went."""
        self.choose(min(self._kept, self._cases.total - 1))

    def _visible_rows(self) -> tuple[int, int]:
        if not self.isVisible():
            return 0, -1
        height = max(self._delegate.size().height(), 1)
        top = self.verticalScrollBar().value()
        bottom = top + max(self.viewport().height(), 1) - 1
        columns = self._tiles.columns
        return top // height * columns, (bottom // height + 1) * columns - 1

    def _lay_out(self) -> None:
        # Room for the scroll bar is kept: whether it is there depends on the columns.
        bar = self.verticalScrollBar().sizeHint().width()
        width = max(self.contentsRect().width() - bar, 1)
        is_wide = width >= FIVE * (LARGE + 2 * PAD)
        self._delegate.side = LARGE if is_wide else SMALL
        size = self._delegate.size()
        columns = max(1, width // size.width())
        if not is_wide:
            columns = min(columns, FIVE)  # the rest is for the names
        self._tiles.set_columns(columns)
        self.horizontalHeader().setDefaultSectionSize(width // columns)
        self.verticalHeader().setDefaultSectionSize(size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()
        self._load()


class StudyGrid(QWidget):
    """The cases of a job in the place of an image, while none is open.

    Parameters
    ----------
    parent : QWidget
        What it lies over.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("study_grid")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = QLabel(self)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._search = search_field(
            "Search by name", "Search cases", self, go_to_found=self._go_to_tiles
        )
        self._search.setMaximumWidth(320)
        self._search.textChanged.connect(self._query)
        self.tiles = CaseTiles(self)
        self._labels = LabelFilter(self)
        self._labels.chosen.connect(self._query)
        layout = QVBoxLayout(self)
        layout.addWidget(self._title)
        row = QHBoxLayout()
        row.addWidget(self._search, 1)
        row.addWidget(self._labels)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addWidget(self.tiles, 1)
        self.set_colors(Colors.dark())

    def _go_to_tiles(self) -> None:
        self.tiles.setFocus()
        if not self.tiles.currentIndex().isValid():
            self.tiles.choose(0)

    def set_source(
        self, name: str, source: CaseRows | None, labels: Sequence[Label] = ()
    ) -> None:
        """Show the cases of a job with these labels, from the beginning."""
        self._title.setText(f"{name}: double click or Enter opens a case")
        self._labels.set_labels(labels)
        self._labels.clear_choice()
        with QSignalBlocker(self._search):
            self._search.clear()
        self._query()
        self.tiles.cases.set_source(source)

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self.setStyleSheet(f"#study_grid {{ background: {colors.background}; }}")
        self.tiles.set_colors(colors)

    def _query(self, *_: object) -> None:
        text = self._search.text().strip()
        self.tiles.cases.set_query(CaseQuery(text=text, label=self._labels.label))
