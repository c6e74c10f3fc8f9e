"""Fields that panels with many choices are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_annotate_jobs.widgets.parts._layouts import row_of
from napari_annotate_jobs.widgets.parts._theme import Colors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QWheelEvent

    from ._export_choice import OptionField

__all__ = [
    "Choice",
    "OptionForm",
    "OutcomeLine",
    "PathField",
    "TickList",
    "named_row",
    "sentence",
    "tick_style",
    "wrapped",
]

ID = Qt.ItemDataRole.UserRole


class OutcomeLine(QLabel):
    """Says what is going on, or what went wrong; gone while there is nothing to say.

    Parameters
    ----------
    parent : QWidget
        The widget it belongs to.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        _wrap(self)
        self._is_wrong = False
        self._colors = Colors.dark()

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Say something; with nothing, take what was said away."""
        self._is_wrong = wrong
        self.set_colors(self._colors)
        self.setText(text)
        self.setVisible(bool(text))

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = colors
        color = colors.error_text if self._is_wrong else colors.faint_text
        self.setStyleSheet(f"QLabel {{ color: {color}; }}")


def wrapped(parent: QWidget) -> QLabel:
    """Return a label of plain text that takes as many lines as it needs."""
    label = QLabel(parent)
    _wrap(label)
    return label


def _wrap(label: QLabel) -> None:
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)


def named_row(width: int, *parts: str | QWidget) -> QHBoxLayout:
    """Return a row of fields and words between them; the first word names it.

    Parameters
    ----------
    width : int
        Pixels that the name takes at least, so that the fields of rows are in line.
    *parts : str or QWidget
        Buttons are as wide as they have to be, other fields share the room.
    """
    row = row_of(spacing=4)
    for place, part in enumerate(parts):
        if isinstance(part, str):
            label = QLabel(part)
            if not place:
                label.setMinimumWidth(width)
            row.addWidget(label)
        else:
            row.addWidget(part, 0 if isinstance(part, QPushButton) else 1)
    return row


def sentence(text: str) -> str:
    """Return a summary as a sentence; names of files keep their small letters."""
    if text.partition(" ")[0].islower():
        text = text[:1].upper() + text[1:]
    return f"{text}." if text else ""


def tick_style(colors: Colors) -> str:
    """Return a style sheet that shows boxes in lists that are not ticked, too."""
    return (
        "QTreeView::indicator:unchecked, QListView::indicator:unchecked"
        f" {{ border: 1px solid {colors.faint_text};"
        f" background: {colors.background}; }}"
    )


class Choice(QComboBox):
    """A choice that the wheel changes only where it has the keyboard."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_entries(self, entries: Sequence[tuple[str, str]]) -> None:
        """Offer (value, text); what is chosen stays, where it is still offered."""
        chosen = self.currentData()
        with QSignalBlocker(self):
            self.clear()
            for value, text in entries:
                self.addItem(text, value)
            self.setCurrentIndex(max(self.findData(chosen), 0))

    def value(self) -> str:
        """Return what is chosen."""
        return self.currentData() or ""

    def set_value(self, value: str) -> None:
        """Choose a value, if it is offered; tells nobody."""
        with QSignalBlocker(self):
            self.setCurrentIndex(max(self.findData(value), 0))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class TickList(QListWidget):
    """Names that can be ticked; what is new is ticked.

    Parameters
    ----------
    name : str
        What it lists.
    parent : QWidget, optional
        Owns it.
    """

    ticked = Signal()
    """Something else is ticked now."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setUniformItemSizes(True)
        self._off: set[str] = set()
        self.itemChanged.connect(self._on_changed)

    def set_entries(self, entries: Sequence[tuple[str, str]]) -> None:
        """List (id, name); what is not ticked stays so."""
        ids = [entry for entry, _ in entries]
        if ids == [self.item(i).data(ID) for i in range(self.count())]:
            return
        with QSignalBlocker(self):
            self.clear()
            for entry, name in entries:
                item = QListWidgetItem(name, self)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                on = entry not in self._off
                item.setCheckState(_state(on))
                item.setData(ID, entry)

    def chosen(self) -> tuple[str, ...] | None:
        """Return the ids of what is ticked; None if all is."""
        items = [self.item(i) for i in range(self.count())]
        on = [item.data(ID) for item in items if item.data(ID) not in self._off]
        return None if len(on) == len(items) else tuple(on)

    def forget(self) -> None:
        """List nothing, and remember nothing."""
        self._off.clear()
        self.clear()

    def tick_all(self) -> None:
        """Tick all."""
        self._set_all(True)

    def tick_none(self) -> None:
        """Tick none."""
        self._set_all(False)

    def _set_all(self, on: bool) -> None:
        with QSignalBlocker(self):
            for i in range(self.count()):
                self.item(i).setCheckState(_state(on))
        ids = {self.item(i).data(ID) for i in range(self.count())}
        self._off = set() if on else ids
        self.ticked.emit()

    def _on_changed(self, item: QListWidgetItem) -> None:
        if item.checkState() == Qt.CheckState.Checked:
            self._off.discard(item.data(ID))
        else:
            self._off.add(item.data(ID))
        self.ticked.emit()


class PathField(QWidget):
    """A path that can be typed, or chosen with a button.

    Parameters
    ----------
    name : str
        What it is the path of.
    hint : str
        Shown while it is empty.
    parent : QWidget, optional
        Owns it.
    """

    changed = Signal()
    """Another path was entered."""
    browse_requested = Signal()
    """A path is to be chosen."""

    def __init__(self, name: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit(self)
        self.field.setAccessibleName(name)
        self.field.setPlaceholderText(hint)
        self.field.textChanged.connect(self.changed)
        self.browse = QPushButton("Choose…", self)
        self.browse.setAccessibleName(f"Choose: {name}")
        self.browse.clicked.connect(self.browse_requested)
        row_of((self.field, 1), self.browse, parent=self, margins=0)

    def path(self) -> str:
        """Return what stands there."""
        return self.field.text().strip()

    def set_path(self, path: str) -> None:
        """Show a path."""
        self.field.setText(path)


class OptionForm(QWidget):
    """A row for each choice of a format.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    """

    changed = Signal()
    """Something else is chosen now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(
            QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow
        )
        self._fields: dict[str, tuple[OptionField, QWidget]] = {}

    def set_fields(self, fields: Sequence[OptionField]) -> None:
        """Offer choices, each at its default."""
        while self._form.rowCount():
            self._form.removeRow(0)
        self._fields = {}
        for option in fields:
            widget = self._made(option)
            widget.setToolTip(option.description)
            widget.setAccessibleName(option.name)
            label = QLabel(option.name.replace("_", " "), self)
            label.setToolTip(option.description)
            row = row_of(widget)
            if isinstance(widget, QCheckBox):
                about = wrapped(self)
                about.setText(option.description)
                about.setSizePolicy(
                    QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum
                )
                row.addWidget(about, 1)
            self._form.addRow(label, row)
            self._fields[option.name] = option, widget

    def _made(self, option: OptionField) -> QWidget:
        if option.choices == ("false", "true"):
            box = QCheckBox(self)
            box.setChecked(option.default == "true")
            box.toggled.connect(self.changed)
            return box
        if option.choices:
            choice = Choice(option.name, self)
            choice.set_entries([(each, each) for each in option.choices])
            choice.set_value(option.default)
            choice.currentIndexChanged.connect(self.changed)
            return choice
        line = QLineEdit(self)
        line.setText(option.default)
        line.setPlaceholderText(option.description)
        line.textChanged.connect(self.changed)
        return line

    def values(self) -> dict[str, str]:
        """Return what was chosen otherwise than by default."""
        found = {}
        for name, (option, widget) in self._fields.items():
            if isinstance(widget, QCheckBox):
                text = "true" if widget.isChecked() else "false"
            elif isinstance(widget, Choice):
                text = widget.value()
            else:
                text = widget.text().strip()
            if text != option.default:
                found[name] = text
        return found


def _state(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
