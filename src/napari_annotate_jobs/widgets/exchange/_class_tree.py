"""Labels and the classes that are made of them, to be ticked and dragged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QWidget,
)

from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.widgets.jobs._paint import number

from ._fields import ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qtpy.QtGui import QDropEvent, QKeyEvent

    from napari_annotate_jobs.model import Label, LabelSet

__all__ = ["ClassTree", "NewClass"]

PLACE = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class NewClass:
    """A class that is made of labels.

    Parameters
    ----------
    name, color : str
        As it is written; ``#rrggbb``.
    sources : tuple of int
        Ids of the labels that are fed into it.
    keep : bool
        Whether these stay in the label set too.
    """

    name: str
    color: str
    sources: tuple[int, ...]
    keep: bool = False


class ClassTree(QTreeWidget):
    """New classes with their sources below them, then the labels that stay.

    It moves nothing by itself: what is dropped is asked for, and shown when it is
    given anew.
    """

    combine_requested = Signal(tuple)
    """Ids of labels that are to become a new class."""
    feed_requested = Signal(tuple, int)
    """Ids of labels, and the place of the class they are to be fed into."""
    take_out_requested = Signal(tuple)
    """Ids of labels that are to stay as they are."""
    rename_requested = Signal(int, str)
    """Place and new name of a class."""
    ticked = Signal()
    """Something else is ticked, or chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Labels and classes")
        self.setColumnCount(2)
        self.setHeaderLabels(["Classes and labels", "Images"])
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._names: dict[int, str] = {}
        self.itemChanged.connect(self._on_changed)
        self.itemSelectionChanged.connect(self.ticked)

    # ---------------------------------------------------------------- setters
    def set_classes(self, labels: LabelSet | None, classes: Sequence[NewClass]) -> None:
        """Show labels, and the classes that are made of them."""
        chosen = self.current_class()
        fed = {label_id for each in classes for label_id in each.sources}
        with QSignalBlocker(self):
            self.clear()
            self._names = {}
            for place, each in enumerate(classes):
                item = QTreeWidgetItem(self, [each.name, ""])
                item.setData(0, PLACE, place)
                item.setData(0, Qt.ItemDataRole.DecorationRole, QColor(each.color))
                item.setFlags(
                    (item.flags() | Qt.ItemFlag.ItemIsEditable)
                    & ~Qt.ItemFlag.ItemIsDragEnabled
                )
                font = item.font(0)
                font.setBold(True)
                item.setFont(0, font)
                kept = " Its sources are kept beside it." if each.keep else ""
                item.setToolTip(
                    0,
                    f"Made of {counted(len(each.sources), 'label')}.{kept} "
                    "F2 renames it.",
                )
                self._names[place] = each.name
                for label_id in each.sources:
                    assert labels is not None
                    item.addChild(_label_item(labels[label_id]))
                item.setExpanded(True)
            for label in () if labels is None else labels.labels:
                if label.id not in fed:
                    item = _label_item(label)
                    self.addTopLevelItem(item)
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                    item.setCheckState(0, Qt.CheckState.Unchecked)
            if chosen is not None and chosen < len(classes):
                self.setCurrentItem(self.topLevelItem(chosen))
        self.ticked.emit()

    def set_images(self, labels: Mapping[int, int], classes: Sequence[int]) -> None:
        """Show on how many images each label, and each class, stands."""
        with QSignalBlocker(self):
            for item in self._items():
                place, label = item.data(0, PLACE), item.data(0, ID)
                count = labels.get(label)
                if place is not None:
                    count = classes[place] if place < len(classes) else None
                item.setText(1, "" if count is None else number(count))
                right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                item.setTextAlignment(1, right)

    # ----------------------------------------------------------------- reading
    def ticked_labels(self) -> tuple[int, ...]:
        """Return the ids of the labels that are ticked."""
        return tuple(
            item.data(0, ID)
            for item in self._items()
            if item.data(0, ID) is not None
            and item.checkState(0) == Qt.CheckState.Checked
        )

    def chosen_labels(self) -> tuple[int, ...]:
        """Return the ids of the labels that are selected."""
        ids = [item.data(0, ID) for item in self.selectedItems()]
        return tuple(label for label in ids if label is not None)

    def current_class(self) -> int | None:
        """Return the place of the class that is chosen, or whose source is."""
        item = self.currentItem()
        return None if item is None else self._class_of(item)

    def _class_of(self, item: QTreeWidgetItem) -> int | None:
        top = item if item.parent() is None else item.parent()
        place: int | None = top.data(0, PLACE)
        return place

    def _items(self) -> Iterator[QTreeWidgetItem]:
        walk = QTreeWidgetItemIterator(self)
        while (item := walk.value()) is not None:
            yield item
            walk += 1

    # ------------------------------------------------------------------ acting
    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        place = item.data(0, PLACE)
        if place is None:
            self.ticked.emit()
        elif item.text(0) != self._names[place]:
            name = item.text(0)
            with QSignalBlocker(self):
                item.setText(0, self._names[place])
            self.rename_requested.emit(place, name)

    def dropEvent(self, event: QDropEvent) -> None:
        ids = self.chosen_labels()
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if not ids:
            return
        item = self.itemAt(event.position().toPoint())
        if item is None:
            self.take_out_requested.emit(ids)
            return
        place, label = self._class_of(item), item.data(0, ID)
        if place is not None:
            self.feed_requested.emit(ids, place)
        elif label not in ids:
            self.combine_requested.emit((label, *ids))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.chosen_labels():
            self.take_out_requested.emit(self.chosen_labels())
        else:
            super().keyPressEvent(event)


def _label_item(label: Label) -> QTreeWidgetItem:
    item = QTreeWidgetItem([label.name, ""])
    item.setData(0, ID, label.id)
    item.setData(0, Qt.ItemDataRole.DecorationRole, QColor(label.color))
    item.setToolTip(0, f"{label.name} · {label.method}\nDrag it onto a class")
    return item
