"""How the cells of the table of labels look, and how they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QModelIndex, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence, QPainter
from qtpy.QtWidgets import (
    QColorDialog,
    QComboBox,
    QFrame,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QWidget,
)

from napari_annotate_jobs.model import COLORS, MAX_LABEL_NAME
from napari_annotate_jobs.widgets.annotate._label_list import swatch
from napari_annotate_jobs.widgets.keys._keys import key_text
from napari_annotate_jobs.widgets.parts._made import timer_once
from napari_annotate_jobs.widgets.parts._qt_events import event_as
from napari_annotate_jobs.widgets.parts._theme import Colors

from ._label_rows import CHOICES, Column, LabelRows

if TYPE_CHECKING:
    from qtpy.QtCore import QAbstractItemModel, QPoint

__all__ = ["ColorBox", "LabelCells"]

ICON = 18


class LabelCells(QStyledItemDelegate):
    """Paints the cells, and makes what they are written with.

    Parameters
    ----------
    parent : QWidget
        The table.
    rows : LabelRows
        What is shown.
    """

    lines_pasted = Signal(str)
    """Several lines were pasted where a name is typed."""

    def __init__(self, parent: QWidget, rows: LabelRows) -> None:
        super().__init__(parent)
        self._rows = rows
        self.colors = Colors.dark()
        self.editor: QWidget | None = None
        """What a cell is being written with."""

    # ---------------------------------------------------------------- painting
    def line(self, option: QStyleOptionViewItem) -> int:
        """Return how high a row is without what is said in it."""
        return int(option.fontMetrics.height()) + 10

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Leave room below a row for what is said in it."""
        height = self.line(option)
        if self._rows.said(index.row()):
            height += option.fontMetrics.height() + 2
        width = super().sizeHint(option, index).width()
        return QSize(width + (14 if index.column() == Column.METHOD else 0), height)

    def _within(self, option: QStyleOptionViewItem) -> QRect:
        rect = QRect(option.rect)
        rect.setHeight(self.line(option))
        return rect

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint a cell; what is said in the row is painted by the table."""
        place, column = index.row(), Column(index.column())
        option.rect = self._within(option)
        is_real = place < len(self._rows.rows)
        if column is Column.COLOR:
            super().paint(painter, option, index.siblingAtColumn(Column.COLOR))
            color = (
                str(self._rows.rows[place].fields["color"])
                if is_real
                else self._rows.next_color()
            )
            side = min(ICON, option.rect.height())
            at = option.rect.center()
            if not is_real:
                painter.setOpacity(0.35)
            icon = swatch(color if QColor(color).isValid() else "#000000", side)
            icon.paint(painter, at.x() - side // 2, at.y() - side // 2, side, side)
            painter.setOpacity(1)
            return
        faint = not is_real or self._rows.rows[place].is_retired
        if column is Column.KEY and is_real:
            faint = faint or not self._rows.rows[place].fields.get("key")
        if faint:
            ink = QColor(self.colors.faint_text)
            option.palette.setColor(option.palette.ColorRole.Text, ink)
        super().paint(painter, option, index)

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Show no text where the colour stands."""
        super().initStyleOption(option, index)
        if index.column() == Column.COLOR:
            option.text = ""

    # ----------------------------------------------------------------- editing
    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget | None:
        """Make what a cell is written with."""
        self.editor = self._made(parent, Column(index.column()))
        return self.editor

    def destroyEditor(self, editor: QWidget, index: QModelIndex) -> None:
        """Let go of what a cell was written with."""
        if editor is self.editor:
            self.editor = None
        super().destroyEditor(editor, index)

    def _made(self, parent: QWidget, column: Column) -> QWidget | None:
        if column is Column.NAME:
            edit = _NameEdit(parent)
            edit.setMaxLength(MAX_LABEL_NAME)
            edit.setPlaceholderText("Type a name, then Enter")
            edit.setAccessibleName("Name of the label")
            edit.lines_pasted.connect(self._on_lines)
            return edit
        if column is Column.METHOD:
            return self._choice(parent)
        if column is Column.GROUP:
            group = QLineEdit(parent)
            group.setPlaceholderText("No group")
            group.setAccessibleName("Group of the label")
            return group
        if column is Column.KEY:
            key = _KeyEdit(parent)
            key.pressed.connect(lambda: self._finish(key))
            return key
        return None

    def _choice(self, parent: QWidget) -> QComboBox:
        box = QComboBox(parent)
        box.setAccessibleName("Method of the label")
        for place, choice in enumerate(CHOICES):
            box.addItem(choice.text)
            box.setItemData(place, choice.tip, Qt.ItemDataRole.ToolTipRole)
        box.activated.connect(lambda _: self._finish(box))
        opening = timer_once(box, box.showPopup)
        opening.start(0)
        return box

    def _finish(self, editor: QWidget) -> None:
        self.commitData.emit(editor)
        self.closeEditor.emit(editor, QStyledItemDelegate.EndEditHint.NoHint)

    def _on_lines(self, text: str) -> None:
        editor = self.sender()
        if isinstance(editor, QWidget):
            self.closeEditor.emit(
                editor, QStyledItemDelegate.EndEditHint.RevertModelCache
            )
        self.lines_pasted.emit(text)

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Put it over the cell, not over what is said below."""
        editor.setGeometry(self._within(option))

    def setEditorData(self, editor: QWidget, index: QModelIndex) -> None:
        """Show what stands in the cell."""
        text = str(index.data(Qt.ItemDataRole.EditRole) or "")
        if isinstance(editor, QComboBox):
            editor.setCurrentText(text)
        elif isinstance(editor, QLineEdit) and not isinstance(editor, _KeyEdit):
            if editor.text() != text and not editor.isModified():
                editor.setText(text)

    def setModelData(
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex
    ) -> None:
        """Write what was entered, if it is something else."""
        place = index.row()
        if isinstance(editor, _NameEdit):
            if editor.text() != str(index.data(Qt.ItemDataRole.EditRole) or ""):
                self._rows.write_name(place, editor.text())
        elif isinstance(editor, QComboBox):
            self._rows.write_choice(place, CHOICES[max(editor.currentIndex(), 0)])
        elif isinstance(editor, _KeyEdit):
            if editor.key is not None:
                self._rows.write_key(place, editor.key)
        elif isinstance(editor, QLineEdit):
            self._rows.write_group(place, editor.text())


class _NameEdit(QLineEdit):
    """A line to type a name in; several pasted lines are several labels."""

    lines_pasted = Signal(str)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            clipboard = QGuiApplication.clipboard()
            text = "" if clipboard is None else clipboard.text()
            if "\n" in text.strip() and not self.text():
                event.accept()
                self.lines_pasted.emit(text)
                return
        super().keyPressEvent(event)


class _KeyEdit(QLineEdit):
    """Takes the next key that is pressed."""

    pressed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.key: str | None = None
        self.setReadOnly(True)
        self.setPlaceholderText("Press a key")
        self.setAccessibleName("Press the key of the label")

    def event(self, event: QEvent) -> bool:
        """Claim each key before any shortcut sees it."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        press = event_as(event, QKeyEvent)
        # Also Tab, which Qt would take to go on.
        if press is not None and press.type() == QEvent.Type.KeyPress:
            self.keyPressEvent(press)
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a key; Delete is none, Esc leaves the one there is."""
        event.accept()
        key = event.key()
        if event.isAutoRepeat() or key in _HELD:
            return
        if key != Qt.Key.Key_Escape:
            if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
                self.key = ""
            else:
                self.key = QKeySequence(event.keyCombination()).toString(
                    QKeySequence.SequenceFormat.PortableText
                )
                self.setText(key_text(self.key))
        self.pressed.emit()


_HELD = frozenset(
    {
        Qt.Key.Key_Shift,
        Qt.Key.Key_Control,
        Qt.Key.Key_Alt,
        Qt.Key.Key_AltGr,
        Qt.Key.Key_Meta,
    }
)


class ColorBox(QFrame):
    """The default colours at hand, and all others.

    Parameters
    ----------
    parent : QWidget
        Below which it pops up.
    color : str
        The colour there is.
    """

    chosen = Signal(str)
    """A colour, as ``#rrggbb``."""

    def __init__(self, parent: QWidget, color: str) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._color, self._parent = color, parent
        grid = QGridLayout(self)
        grid.setContentsMargins(6, 6, 6, 6)
        grid.setSpacing(2)
        self.patches = []
        for place, each in enumerate(COLORS):
            patch = QToolButton(self)
            patch.setIcon(swatch(each, 20, on=each.upper() == color.upper() or None))
            patch.setIconSize(QSize(20, 20))
            patch.setAutoRaise(True)
            patch.setAccessibleName(f"Colour {each}")
            patch.setToolTip(each)
            patch.clicked.connect(lambda _=False, each=each: self._choose(each))
            grid.addWidget(patch, place // 6, place % 6)
            self.patches.append(patch)
        self.other = QPushButton("Another colour…", self)
        self.other.clicked.connect(self._ask)
        grid.addWidget(self.other, 2, 0, 1, 6)

    def pop_up(self, at: QPoint) -> None:
        """Show it at a place on the screen."""
        self.move(at)
        self.show()
        self.patches[0].setFocus()

    def _choose(self, color: str) -> None:
        self.chosen.emit(color)
        self.close()

    def _ask(self) -> None:
        dialog = QColorDialog(QColor(self._color), self._parent)
        dialog.setWindowTitle("Colour of the label")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        # This box is gone by then: it hands the choice on by its own signal's targets.
        chosen = self.chosen
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
        dialog.colorSelected.connect(lambda color: chosen.emit(color.name()))
        dialog.finished.connect(self.deleteLater)
        self.hide()
        dialog.open()
