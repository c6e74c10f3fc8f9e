"""The case table of the job page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._theme import Colors

from ._delegate import CaseDelegate
from ._model import ROW, CaseModel, CaseQuery, row_key

if TYPE_CHECKING:
    from qtpy.QtCore import QEvent, QModelIndex
    from qtpy.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent
    from qtpy.QtWidgets import QWidget

    from ._model import CaseRows

__all__ = ["CaseTable"]


class CaseTable(QTableView):
    """Cases of a job, any number of them; reads what is visible.

    One column, painted by a delegate: a QListView would lay out every row, and take
    fifteen times as long for 100,000 cases as for 1,000.

    Parameters
    ----------
    parent : QWidget, optional
        Owns the table.
    """

    case_requested = Signal(str)
    """Id of a case that is to be opened; of a submission its row_key."""
    details_requested = Signal(str)
    """Id of a case of which the reader's findings are to be shown."""
    flag_requested = Signal(str)
    """Id of a case that is to be flagged, or of which the flag is to be seen."""
    menu_offered = Signal(object, object)
    """A menu and the row it is about: others add what they can do with it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self._chosen: str | None = None
        self._chosen_row = -1
        self._cases = CaseModel(self._visible_rows, self)
        self._delegate = CaseDelegate(self, self._cases)
        self.setModel(self._cases)
        self.setItemDelegate(self._delegate)
        self.horizontalHeader().setVisible(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName("Cases")
        # The rows stand on the background of the dock.
        self.setStyleSheet("QTableView { background: transparent; border: none; }")
        self._set_row_height()
        self.customContextMenuRequested.connect(self._show_menu)
        self.doubleClicked.connect(self._request)
        self.verticalScrollBar().valueChanged.connect(self._load)
        self.selectionModel().currentChanged.connect(self._on_current)
        self._cases.page_loaded.connect(self._keep_choice)
        self._cases.state_changed.connect(self.viewport().update)

    @property
    def cases(self) -> CaseModel:
        """The list of cases."""
        return self._cases

    def set_source(self, source: CaseRows | None) -> None:
        """Show the cases of a source, from the beginning."""
        self._chosen = None
        self._cases.set_source(source)

    def set_query(self, query: CaseQuery) -> None:
        """Show other cases, or in another order."""
        self._cases.set_query(query)

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.viewport().update()

    def refresh(self) -> None:
        """Read the cases again; what is chosen and visible stays."""
        self._cases.refresh()

    def refresh_case(self, case_id: str) -> None:
        """Read a case again and draw its picture anew."""
        self._cases.refresh_case(case_id)

    def chosen(self) -> str | None:
        """Return the id of the chosen case."""
        row = self.currentIndex().data(ROW) if self.currentIndex().isValid() else None
        return None if row is None else row_key(row)

    # ---------------------------------------------------------------- reading
    def _visible_rows(self) -> tuple[int, int]:
        height = self._delegate.row_height()
        top = self.verticalScrollBar().value()
        bottom = top + max(self.viewport().height(), 1) - 1
        return top // height, bottom // height

    def _load(self) -> None:
        self._cases.load()

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
        row = current.data(ROW) if current.isValid() else None
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
    def _request(self, index: QModelIndex) -> None:
        row = index.data(ROW) if index.isValid() else None
        if row is not None:
            self.case_requested.emit(row_key(row))

    def _request_details(self, index: QModelIndex) -> None:
        row = index.data(ROW) if index.isValid() else None
        if row is not None:
            self.details_requested.emit(row_key(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not acts_once(event):
                return
            if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                self._request_details(self.currentIndex())
            else:
                self._request(self.currentIndex())
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            # In a table these mean the first and the last column.
            last = event.key() == Qt.Key.Key_End
            self.setCurrentIndex(
                self._cases.index(self._cases.total - 1 if last else 0, 0)
            )
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: it would go through all cases, read or not."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        place = event.position().toPoint()
        index = self.indexAt(place)
        row = index.data(ROW) if index.isValid() else None
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            if self._delegate.is_warning(place, self.visualRect(index), row):
                self._request_details(index)

    def _show_menu(self, position: QPoint) -> None:
        menu = self._make_menu(self.indexAt(position))
        if menu is not None:
            menu.popup(self.viewport().mapToGlobal(position))

    def _make_menu(self, index: QModelIndex) -> QMenu | None:
        if not index.isValid():
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open (Enter)", lambda: self._request(index))
        menu.addAction("Details… (Alt+Enter)", lambda: self._request_details(index))
        row = index.data(ROW)
        if row is not None:
            menu.addAction("Flag…", lambda: self.flag_requested.emit(row_key(row)))
            self.menu_offered.emit(menu, row)
        return menu

    # --------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        text = self._message()
        if text:
            painter = QPainter(self.viewport())
            painter.setPen(QColor(self._colors.faint_text))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            room = self.viewport().rect().adjusted(12, 12, -12, -12)
            painter.drawText(room, int(flags), text)

    def _message(self) -> str:
        cases = self._cases
        if cases.has_failed:
            return "" if cases.total else "The cases could not be read."
        if cases.total:
            return ""
        if cases.is_reading:
            return "Reading the cases…"
        return "No case matches. Choose another filter, or search for less."
