"""The studies that were found, with pictures, to be ticked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QModelIndex, QRect, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from napari_annotate_jobs.widgets.exchange._fields import tick_style
from napari_annotate_jobs.widgets.jobs._paint import (
    ALIGN_LEFT,
    draw_elided,
    draw_picture_frame,
    to_image,
)
from napari_annotate_jobs.widgets.parts._made import timer_once
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtCore import QAbstractItemModel
    from qtpy.QtGui import QResizeEvent, QShowEvent

__all__ = ["Study", "StudyList"]

SIDE = 46
"""Pixels of a picture."""
_STUDY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Study:
    """A case in the making, as it is listed.

    Parameters
    ----------
    id, name : str
        Of the case.
    facts : str
        Modality, slices, size.
    odd : tuple of str
        What is odd about its images.
    """

    id: str
    name: str
    facts: str
    odd: tuple[str, ...] = ()


class StudyList(QListWidget):
    """Lists studies; pictures are asked for when they come into sight.

    A double click, or F2, gives a study another name.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    """

    ticked = Signal()
    """Other studies are ticked."""
    picture_wanted = Signal(str)
    """The picture of a study, by its id."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Studies")
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setIconSize(QSize(SIDE, SIDE))
        self._rows = _Rows(self)
        self.setItemDelegate(self._rows)
        self._items: dict[str, QListWidgetItem] = {}
        self._asked: set[str] = set()
        self.drawn = 0
        """How many pictures are there."""
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self._rows.renamed.connect(self._rename)
        self.itemChanged.connect(self._on_changed)
        self._look = timer_once(self, self._want_pictures, 30)
        bar = self.verticalScrollBar()
        assert bar is not None
        bar.valueChanged.connect(lambda _: self._look.start())

    # ---------------------------------------------------------------- setters
    def add_studies(self, studies: Sequence[Study]) -> None:
        """List more studies; they are ticked."""
        with QSignalBlocker(self):
            for study in studies:
                item = QListWidgetItem(study.name, self)
                more = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable
                item.setFlags(item.flags() | more)
                item.setCheckState(Qt.CheckState.Checked)
                self._items[study.id] = item
                self._show(item, study)
        self._look.start()
        self.ticked.emit()

    def set_names(self, names: dict[str, str]) -> None:
        """Call studies otherwise, by their ids; those that are not named, as before."""
        self._rows.names = names
        self.viewport().update()

    def set_picture(self, study: str, picture: NDArray[np.uint8] | None) -> None:
        """Show the picture of a study; None if there is none."""
        item = self._items.get(study)
        if item is not None and picture is not None:
            with QSignalBlocker(self):
                item.setIcon(QIcon(QPixmap.fromImage(to_image(picture))))
            self.drawn += 1

    def forget(self) -> None:
        """List nothing."""
        self._items.clear()
        self._asked.clear()
        self._rows.given.clear()
        self.drawn = 0
        self.clear()
        self.ticked.emit()

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._rows.colors = colors
        self.setStyleSheet(tick_style(colors) + focus_ring(colors))

    # ----------------------------------------------------------------- reading
    def chosen(self) -> list[str]:
        """Return the ids of the studies that are ticked, in their order."""
        return [
            study
            for study, item in self._items.items()
            if item.checkState() == Qt.CheckState.Checked
        ]

    def given(self) -> dict[str, str]:
        """Return the names that the user gave, by the ids of studies."""
        return dict(self._rows.given)

    # ------------------------------------------------------------------ acting
    def _rename(self, study: str, name: str) -> None:
        found = self._items[study].data(_STUDY)
        name = " ".join(name.split())
        if name and name != found.name:
            self._rows.given[study] = name
        else:
            self._rows.given.pop(study, None)  # as it was called before
        self._tell_rows(self._items[study], found)
        self.viewport().update()

    def tick(self, studies: Collection[str] | None, on: bool) -> None:
        """Tick some studies, or all, or take their ticks away."""
        state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        with QSignalBlocker(self):
            for study, item in self._items.items():
                if studies is None or study in studies:
                    item.setCheckState(state)
        self.viewport().update()
        self.ticked.emit()

    def _on_changed(self, item: QListWidgetItem) -> None:
        """Tick all that is selected along with one of them."""
        chosen = self.selectedItems()
        if item in chosen and len(chosen) > 1:
            with QSignalBlocker(self):
                for each in chosen:
                    each.setCheckState(item.checkState())
        self.ticked.emit()

    def _show(self, item: QListWidgetItem, study: Study) -> None:
        item.setData(_STUDY, study)
        self._tell_rows(item, study)
        empty = QPixmap(SIDE, SIDE)
        empty.fill(Qt.GlobalColor.transparent)
        painter = QPainter(empty)
        draw_picture_frame(painter, empty.rect(), self._rows.colors)
        painter.end()
        item.setIcon(QIcon(empty))

    def _tell_rows(self, item: QListWidgetItem, study: Study) -> None:
        name = self._rows.given.get(study.id, study.name)
        lines = [name, study.facts, *study.odd]
        with QSignalBlocker(self):
            item.setToolTip("\n".join([*lines, "Double click to rename it (F2)"]))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, ", ".join(lines))

    def _want_pictures(self) -> None:
        """Ask for the pictures that are in sight, once each."""
        room = self.viewport().rect()
        for study, item in self._items.items():
            if study not in self._asked and self.visualItemRect(item).intersects(room):
                self._asked.add(study)
                self.picture_wanted.emit(study)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for what comes into sight."""
        super().resizeEvent(event)
        self._look.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for what comes into sight."""
        super().showEvent(event)
        self._look.start()


class _Rows(QStyledItemDelegate):
    """Paints a study: its picture, name, facts, and what is odd; edits its name."""

    renamed = Signal(str, str)
    """The id of a study, and the name it is given."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.colors = Colors.dark()
        self.names: dict[str, str] = {}
        self.given: dict[str, str] = {}

    def name_of(self, study: Study) -> str:
        """Return what a study is called here: as it is given, or else shown."""
        shown = self.names.get(study.id, study.name)
        return self.given.get(study.id, shown)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget:
        """Return a line for the name."""
        line = QLineEdit(parent)
        line.setMaxLength(200)
        line.setAccessibleName("Name of the case")
        return line

    def setEditorData(self, editor: QWidget, index: QModelIndex) -> None:
        """Begin with the name as it is."""
        assert isinstance(editor, QLineEdit)
        editor.setText(self.name_of(index.data(_STUDY)))
        editor.selectAll()

    def setModelData(
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex
    ) -> None:
        """Give the study the name that was typed."""
        assert isinstance(editor, QLineEdit)
        self.renamed.emit(index.data(_STUDY).id, editor.text())

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Put the line where the name is."""
        room = QRect(option.rect)
        room.setLeft(room.left() + SIDE + 26)
        room.setHeight(min(editor.sizeHint().height(), room.height()))
        editor.setGeometry(room)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return room for three lines."""
        return QSize(200, max(3 * option.fontMetrics.height() + 8, SIDE + 6))

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Leave the text to be painted here."""
        super().initStyleOption(option, index)
        option.text = ""
        option.decorationSize = QSize(SIDE, SIDE)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint the tick and the picture as Qt does, the lines beside them."""
        study = index.data(_STUDY)
        super().paint(painter, option, index)
        if study is None:
            return
        widget = option.widget
        style = widget.style()
        self.initStyleOption(option, index)
        picture = style.subElementRect(
            QStyle.SubElement.SE_ItemViewItemDecoration, option, widget
        )
        line = option.fontMetrics.height()
        room = QRect(option.rect)
        room.setLeft(picture.right() + 8)
        room.setRight(option.rect.right() - 4)
        room.setTop(option.rect.top() + (option.rect.height() - 3 * line) // 2)
        room.setHeight(line)
        off = index.data(Qt.ItemDataRole.CheckStateRole) in (
            Qt.CheckState.Unchecked,
            Qt.CheckState.Unchecked.value,
        )
        colors = self.colors
        ink = colors.faint_text if off else colors.text
        name = self.given.get(study.id, study.name) if off else self.name_of(study)
        odd = "; ".join(study.odd)
        painter.save()
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        draw_elided(painter, room, name)
        font.setBold(False)
        painter.setFont(font)
        room.translate(0, line)
        painter.setPen(QColor(colors.faint_text if off else colors.text))
        draw_elided(painter, room, study.facts)
        room.translate(0, line)
        painter.setPen(QColor(colors.faint_text if off else colors.warning_text))
        painter.drawText(
            room,
            ALIGN_LEFT,
            painter.fontMetrics().elidedText(
                odd, Qt.TextElideMode.ElideRight, room.width()
            ),
        )
        painter.restore()
