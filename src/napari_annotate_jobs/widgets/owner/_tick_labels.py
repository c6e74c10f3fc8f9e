"""Choosing labels from a set that is ready-made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QWidget,
)

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.widgets.annotate._label_list import swatch
from napari_annotate_jobs.widgets.exchange._fields import tick_style
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import search_field
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ReadyLabels"]


class ReadyLabels(QDialog):
    """A list of names with colours, to search and tick.

    Parameters
    ----------
    title : str
        What set it is.
    labels : sequence of (str, str)
        Names and colours.
    parent : QWidget, optional
        Above which it is shown.
    """

    chosen = Signal(tuple)
    """The names that were ticked."""

    def __init__(
        self,
        title: str,
        labels: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.search = search_field("Search, as kidney", "Search labels", self)
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget(self)
        self.list.setAccessibleName(title)
        self.list.setUniformItemSizes(True)
        for name, color in labels:
            item = QListWidgetItem(swatch(color), name.replace("_", " "), self.list)
            item.setData(Qt.ItemDataRole.UserRole, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
        self.list.itemChanged.connect(self._count)
        self.list.itemActivated.connect(_turn)
        column = column_of(self.search, (self.list, 1), parent=self)
        self.all = QPushButton("Tick all shown", self)
        self.all.clicked.connect(self._tick_shown)
        self.add = QPushButton(self)
        self.add.clicked.connect(self.accept)
        row = row_of(self.all, 1, self.add)
        column.addLayout(row)
        self.accepted.connect(lambda: self.chosen.emit(self.names()))
        self.resize(360, 460)
        self._count()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self.setStyleSheet(tick_style(colors) + focus_ring(colors))

    def names(self) -> tuple[str, ...]:
        """Return the names that are ticked."""
        return tuple(
            item.data(Qt.ItemDataRole.UserRole)
            for item in self._items()
            if item.checkState() == Qt.CheckState.Checked
        )

    def _items(self) -> list[QListWidgetItem]:
        found = (self.list.item(place) for place in range(self.list.count()))
        return [item for item in found if item is not None]

    def _filter(self, text: str) -> None:
        words = text.casefold().replace("_", " ").split()
        for item in self._items():
            name = item.text().casefold()
            item.setHidden(not all(word in name for word in words))

    def _tick_shown(self) -> None:
        for item in self._items():
            if not item.isHidden():
                item.setCheckState(Qt.CheckState.Checked)

    def _count(self, *_: object) -> None:
        number = len(self.names())
        self.add.setText(f"Add {counted(number, 'label')}" if number else "Add labels")
        self.add.setEnabled(bool(number))


def _turn(item: QListWidgetItem) -> None:
    """Tick what Enter is pressed on, or take the tick away."""
    on = item.checkState() == Qt.CheckState.Checked
    item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)
