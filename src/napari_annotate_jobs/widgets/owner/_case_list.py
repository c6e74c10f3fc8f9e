"""The cases of a job, to rename them and to take some away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_annotate_jobs.model import CaseName
from napari_annotate_jobs.widgets.keys._held import acts_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent

    from napari_annotate_jobs.model import Case

__all__ = ["CaseList"]

_TITLES = ("Case", "Slices", "Images")


class CaseList(QTableView):
    """Cases by name; a double click, F2 or Enter renames one."""

    renamed = Signal(object)
    """A case is to have another name, as a CaseName."""
    chosen_changed = Signal()
    """Other rows are chosen."""
    delete_pressed = Signal()
    """The chosen cases are to be taken away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Cases")
        self._model = _Cases(self)
        self._model.renamed.connect(self.renamed)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        side = self.verticalHeader()
        assert side is not None
        side.hide()
        head = self.horizontalHeader()
        assert head is not None
        head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        selection = self.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(lambda *_: self.chosen_changed.emit())

    def set_cases(self, cases: Sequence[Case]) -> None:
        """List cases."""
        self._model.set_cases(cases)
        self.chosen_changed.emit()

    def put_back(self) -> None:
        """Show the names as they are."""
        self._model.layoutChanged.emit()

    def find(self, text: str) -> None:
        """List those alone whose name holds a text."""
        self._sorted.setFilterFixedString(text)

    def count(self) -> int:
        """Return how many cases there are."""
        return len(self._model.cases)

    def chosen(self) -> list[str]:
        """Return the ids of the chosen cases."""
        selection = self.selectionModel()
        rows = [] if selection is None else selection.selectedRows()
        found = (self._sorted.mapToSource(index).row() for index in rows)
        return [self._model.cases[row].id for row in sorted(found)]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Rename with Enter, take away with Delete."""
        if event.key() == Qt.Key.Key_Delete:
            if acts_once(event):
                self.delete_pressed.emit()
            return
        enter = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        editing = self.state() == QAbstractItemView.State.EditingState
        if event.key() in enter and not editing:
            if acts_once(event) and self.currentIndex().isValid():
                self.edit(self.currentIndex().siblingAtColumn(0))
            return
        super().keyPressEvent(event)


class _Cases(QAbstractTableModel):
    renamed = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.cases: list[Case] = []

    def set_cases(self, cases: Sequence[Case]) -> None:
        self.beginResetModel()
        self.cases = list(cases)
        self.endResetModel()

    def rowCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.cases)

    def columnCount(self, parent: Any = None) -> int:
        return len(_TITLES)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and section >= 0:
            if role == Qt.ItemDataRole.DisplayRole:
                return _TITLES[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        case, column = self.cases[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return (
                case.name,
                "" if case.n_slices is None else f"{case.n_slices:,}",
                case.series[case.reference].path,
            )[column]
        if role == Qt.ItemDataRole.UserRole:
            path = case.series[case.reference].path
            return (case.name.casefold(), case.n_slices or 0, path)[column]
        if role == Qt.ItemDataRole.TextAlignmentRole and column == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return "Double-click to rename" if column == 0 else None
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == 0 else flags

    def setData(
        self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole
    ) -> bool:
        """Ask for another name; it stands here once the job has it."""
        case, name = self.cases[index.row()], " ".join(str(value).split())
        if role != Qt.ItemDataRole.EditRole or not name or name == case.name:
            return False
        self.renamed.emit(CaseName(id=case.id, name=name, was=case.name))
        return False
