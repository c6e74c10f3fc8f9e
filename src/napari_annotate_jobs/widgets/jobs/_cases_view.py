"""What a table of cases and their pictures have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, Qt, Signal
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QAbstractItemView, QMenu, QTableView

from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._theme import Colors

from ._model import ROW, CaseModel, row_key

if TYPE_CHECKING:
    from qtpy.QtCore import QModelIndex
    from qtpy.QtGui import QKeyEvent, QPaintEvent, QShowEvent
    from qtpy.QtWidgets import QWidget

    from ._model import AnyRow

__all__ = ["CasesView"]


class CasesView(QTableView):
    """Shows the cases of a job, of which one is chosen, opened, or asked about.

    Two views may show the same cases, one at a time: what is read is what the one
    that is on the screen shows.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    cases : CaseModel, optional
        The cases of another view; by default some of its own.
    """

    case_requested = Signal(str)
    """Id of a case that is to be opened; of a submission its row_key."""
    details_requested = Signal(str)
    """Id of a case of which the reader's findings are to be shown."""
    flag_requested = Signal(str)
    """Id of a case that is to be flagged, or of which the flag is to be seen."""
    menu_offered = Signal(object, object)
    """A menu and the row it is about: others add what they can do with it."""
    start_requested = Signal()
    """Enter was pressed, and no case is chosen."""

    def __init__(
        self, parent: QWidget | None = None, cases: CaseModel | None = None
    ) -> None:
        super().__init__(parent)
        self._colors = Colors.dark()
        self._cases = CaseModel(self._visible_rows, self) if cases is None else cases
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        # The rows stand on the background of the dock.
        self.setStyleSheet("QTableView { background: transparent; border: none; }")
        self.customContextMenuRequested.connect(self._show_menu)
        self.doubleClicked.connect(self._request)
        self.verticalScrollBar().valueChanged.connect(self._load)
        self._cases.state_changed.connect(self.viewport().update)

    @property
    def cases(self) -> CaseModel:
        """The list of cases."""
        return self._cases

    def _visible_rows(self) -> tuple[int, int]:
        """Return the first and the last case that are on the screen."""
        raise NotImplementedError

    def place(self, index: QModelIndex) -> int:
        """Return which of the cases stands at an index; -1 for none."""
        raise NotImplementedError

    def index_of(self, place: int) -> QModelIndex:
        """Return the index where one of the cases stands."""
        raise NotImplementedError

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        self.viewport().update()

    def chosen(self) -> str | None:
        """Return the id of the chosen case."""
        row = self._row(self.currentIndex())
        return None if row is None else row_key(row)

    def chosen_place(self) -> int:
        """Return which of the cases is chosen; -1 for none."""
        return self.place(self.currentIndex())

    def choose(self, place: int) -> None:
        """Choose one of the cases, by its place."""
        if 0 <= place < self._cases.total:
            self.setCurrentIndex(self.index_of(place))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._cases.look_at(self._visible_rows)
        self._load()

    @staticmethod
    def _row(index: QModelIndex) -> AnyRow | None:
        row: AnyRow | None = index.data(ROW) if index.isValid() else None
        return row

    def _load(self, *_: object) -> None:
        self._cases.load()

    def _request(self, index: QModelIndex) -> None:
        row = self._row(index)
        if row is not None:
            self.case_requested.emit(row_key(row))

    def _request_details(self, index: QModelIndex) -> None:
        row = self._row(index)
        if row is not None:
            self.details_requested.emit(row_key(row))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not acts_once(event):
                return
            if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                self._request_details(self.currentIndex())
            elif not self.currentIndex().isValid():
                self.start_requested.emit()
            else:
                self._request(self.currentIndex())
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            # In a table these mean the first and the last column.
            last = event.key() == Qt.Key.Key_End
            self.choose(self._cases.total - 1 if last else 0)
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Do nothing: it would go through all cases, read or not."""

    def _show_menu(self, position: QPoint) -> None:
        menu = self._make_menu(self.indexAt(position))
        if menu is not None:
            menu.popup(self.viewport().mapToGlobal(position))

    def _make_menu(self, index: QModelIndex) -> QMenu | None:
        row = self._row(index)
        if row is None:
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open (Enter)", lambda: self._request(index))
        menu.addAction("Details… (Alt+Enter)", lambda: self._request_details(index))
        menu.addAction("Flag…", lambda: self.flag_requested.emit(row_key(row)))
        self.menu_offered.emit(menu, row)
        return menu

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
            if cases.query.label is not None:
                return "Looking through what was annotated…"
            return "Reading the cases…"
        return "No case matches. Choose another filter, or search for less."
