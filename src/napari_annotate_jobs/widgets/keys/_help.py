"""All keys and mouse gestures in one place, to look up and to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.widgets.parts._layouts import column_of, row_of
from napari_annotate_jobs.widgets.parts._made import search_field
from napari_annotate_jobs.widgets.parts._qt_events import event_as
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style

from ._held import acts_once
from ._key_map import KeyMap, label_keys, label_name
from ._keys import ACTIONS, free_keys, key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qtpy.QtGui import QResizeEvent

    from napari_annotate_jobs.model import Label, LabelSet

__all__ = ["HelpPanel"]

ACTION = Qt.ItemDataRole.UserRole


class HelpPanel(QWidget):
    """Lists what keys and mouse do; choose a row to change its key.

    Setters never emit.

    Parameters
    ----------
    parent : QWidget, optional
        The widget it belongs to.
    """

    keymap_changed = Signal(object)
    """The :class:`KeyMap` the user made."""
    close_requested = Signal()
    """The key of the list was pressed again, or Esc."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Keys and mouse")
        self._keymap = KeyMap()
        self._labels: LabelSet | None = None
        self._colors = Colors.dark()
        self.search = search_field(
            "Find a key or what it does", "Find a key or what it does"
        )
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Does", "Key or mouse"])
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(12)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setUniformRowHeights(False)
        self.tree.setWordWrap(True)
        header = self.tree.header()
        assert header is not None
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(False)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.nothing = QLabel("Nothing found. Try another word, or fewer.")
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.hide()
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.about.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 8)
        self.key = QKeySequenceEdit()
        self.key.setMaximumSequenceLength(1)
        self.key.setAccessibleName("New key")
        self.clear = QPushButton("No key")
        self.default = QPushButton("Default")
        self.default_all = QPushButton("Default for all")
        self._lay_out()
        self._connect()
        self.set_colors(self._colors)
        self._fill()

    def _lay_out(self) -> None:
        row = row_of((self.key, 1), self.clear, self.default, spacing=4)
        column_of(
            self.search,
            (self.tree, 1),
            (self.nothing, 1),
            self.about,
            row,
            self.default_all,
            parent=self,
            margins=4,
        )

    def _connect(self) -> None:
        self.search.textChanged.connect(self._searched)
        self.tree.itemClicked.connect(self._chosen)
        self.key.keySequenceChanged.connect(self._explain)
        header = self.tree.header()
        assert header is not None
        header.sectionResized.connect(self._wrap)
        self.tree.currentItemChanged.connect(self._chosen)
        self.tree.itemActivated.connect(self._activated)
        self.key.editingFinished.connect(self._key_entered)
        self.clear.clicked.connect(self._key_cleared)
        self.default.clicked.connect(self._key_default)
        self.default_all.clicked.connect(self._all_default)

    def sizeHint(self) -> QSize:
        """Return the size it likes best."""
        return QSize(320, 480)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width between what is done and how."""
        super().resizeEvent(event)
        header = self.tree.header()
        assert header is not None
        header.resizeSection(1, round(self.width() * 0.4))

    def event(self, event: QEvent) -> bool:
        """Close on Esc, and on the key that opened it, wherever the focus is."""
        if event.type() == QEvent.Type.ShortcutOverride and self._closes(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Esc, and on the key that opened it."""
        if self._closes(event):
            if acts_once(event):
                self.close_requested.emit()
        else:
            super().keyPressEvent(event)

    def _closes(self, event: QEvent) -> bool:
        press = event_as(event, QKeyEvent)
        if press is None or self.key.hasFocus():
            return False
        pressed = QKeySequence(press.keyCombination()).toString()
        return pressed in {"Esc", self._keymap.key("help")}

    # --------------------------------------------------------------- setters
    @property
    def keymap(self) -> KeyMap:
        """The keys shown."""
        return self._keymap

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show keys."""
        self._keymap = keymap
        self._fill()

    def set_labels(self, labels: LabelSet | None) -> None:
        """List the keys of a job's labels, too."""
        self._labels = labels
        self._fill()

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of a theme."""
        self._colors = colors
        for button in (self.clear, self.default, self.default_all):
            button.setStyleSheet(focus_style(colors))

    # --------------------------------------------------------------- showing
    def rows(self) -> list[tuple[str, str, str]]:
        """Return heading, text, and key or gesture of every row in sight."""
        found = []
        for i in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(i)
            assert top is not None
            if top.isHidden():
                continue
            for j in range(top.childCount()):
                item = top.child(j)
                if item is not None and not item.isHidden():
                    found.append((top.text(0), item.text(0), item.text(1)))
        return found

    def _fill(self) -> None:
        chosen = self._action_id()
        with QSignalBlocker(self.tree):
            self.tree.clear()
            if self._labels is not None:
                keys = label_keys(self._labels, self._keymap)
                self._add_group(
                    "Labels of this job",
                    (
                        (x.name, key_text(keys.get(x.id, "")) or "–", label_name(x))
                        for x in self._labels.labels
                        if not x.retired
                    ),
                )
            for group in dict.fromkeys(action.group for action in ACTIONS):
                self._add_group(
                    group,
                    (
                        (a.text, key_text(self._keymap.key(a.id)) or "–", a.id)
                        for a in ACTIONS
                        if a.group == group
                    ),
                )
            gestures = self._keymap.gestures()
            for group in dict.fromkeys(gesture.group for gesture in gestures):
                self._add_group(
                    group,
                    ((g.text, g.how, "") for g in gestures if g.group == group),
                )
            self.tree.expandAll()
        self._wrap()
        self._filter(self.search.text())
        self._choose(chosen)

    def _add_group(self, name: str, rows: Iterable[tuple[str, str, str]]) -> None:
        top = QTreeWidgetItem([name])
        font = top.font(0)
        font.setBold(True)
        top.setFont(0, font)
        top.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self.tree.addTopLevelItem(top)
        top.setFirstColumnSpanned(True)
        for text, key, action_id in rows:
            item = QTreeWidgetItem([text, key])
            item.setData(0, ACTION, action_id)
            item.setToolTip(0, f"{text}: {key}")
            if action_id in self._keymap.changed:
                item.setForeground(1, QColor(self._colors.warning_text))
                item.setToolTip(1, "Changed by you")
            top.addChild(item)

    def _wrap(self) -> None:
        """Make rows as high as their longer text needs; Qt's trees do not."""
        metrics, header = self.tree.fontMetrics(), self.tree.header()
        assert header is not None
        rooms = (header.sectionSize(0) - self.tree.indentation(), header.sectionSize(1))
        line = metrics.lineSpacing()
        flags = int(Qt.TextFlag.TextWordWrap)
        for i in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(i)
            assert top is not None
            for j in range(top.childCount()):
                item = top.child(j)
                assert item is not None
                lines = 1
                for column, room in enumerate(rooms):
                    area = metrics.boundingRect(
                        0, 0, max(room - 8, 40), 1000, flags, item.text(column)
                    )
                    lines = max(lines, round(area.height() / line))
                item.setSizeHint(0, QSize(0, lines * line + 5))

    def _searched(self, text: str) -> None:
        self._filter(text)
        self._explain()

    def _filter(self, text: str) -> None:
        wanted = text.casefold().split()
        for i in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(i)
            assert top is not None
            any_shown = False
            for j in range(top.childCount()):
                item = top.child(j)
                assert item is not None
                words = f"{top.text(0)} {item.text(0)} {item.text(1)}".casefold()
                shown = all(word in words for word in wanted)
                item.setHidden(not shown)
                any_shown |= shown
            top.setHidden(not any_shown)
        found = bool(self.rows())
        self.tree.setVisible(found)
        self.nothing.setVisible(not found)

    # -------------------------------------------------------------- changing
    def _action_id(self) -> str:
        item = self.tree.currentItem()
        return "" if item is None else item.data(0, ACTION) or ""

    def _choose(self, action_id: str) -> None:
        for i in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(i)
            assert top is not None
            for j in range(top.childCount()):
                item = top.child(j)
                if item is not None and action_id and item.data(0, ACTION) == action_id:
                    with QSignalBlocker(self.tree):
                        self.tree.setCurrentItem(item)
        self._chosen()

    def _chosen(self, *_: object) -> None:
        action_id = self._action_id()
        for widget in (self.key, self.clear):
            widget.setEnabled(bool(action_id))
        self.default.setEnabled(action_id in self._keymap.changed)
        self.default_all.setEnabled(bool(self._keymap.changed))
        self._show_key()
        self._explain()

    def _show_key(self) -> None:
        with QSignalBlocker(self.key):
            self.key.setKeySequence(QKeySequence(self._key_at_hand()))

    def _key_at_hand(self) -> str:
        """Return the key of the row that is chosen."""
        label, action_id = self._label_at_hand(), self._action_id()
        if label is not None:
            return self._label_keys().get(label.id, "")
        return self._keymap.key(action_id) if action_id else ""

    def _label_at_hand(self) -> Label | None:
        return self._named(self._action_id())

    def _named(self, name: str) -> Label | None:
        labels = () if self._labels is None else self._labels.labels
        return next((x for x in labels if label_name(x) == name), None)

    def _label_keys(self) -> dict[int, str]:
        return {} if self._labels is None else label_keys(self._labels, self._keymap)

    def _explain(self, *_: object) -> None:
        """Say what can be done; what went wrong before is over."""
        self._say(
            "Press the new key in the field below."
            if self._action_id()
            else "Choose a row with a key to change it."
        )

    def _say(self, text: str, *, wrong: bool = False) -> None:
        color = self._colors.error_text if wrong else self._colors.faint_text
        self.about.setStyleSheet(f"color: {color};")
        self.about.setText(text)

    def _activated(self, item: QTreeWidgetItem) -> None:
        if item.data(0, ACTION):
            self.key.setFocus()

    def _key_entered(self) -> None:
        text = self.key.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        action_id = self._action_id()
        if action_id and text and text != self._key_at_hand():
            self._change(text)

    def _key_cleared(self) -> None:
        self._change("")

    def _key_default(self) -> None:
        action_id = self._action_id()
        self._try(lambda: self._keymap.with_defaults(action_id))

    def _all_default(self) -> None:
        self._try(self._keymap.with_defaults)

    def _change(self, key: str) -> None:
        chosen, other = self._label_at_hand(), self._label_with(key)
        if chosen is not None:
            keys = {label_name(chosen): key}
            if other is not None:
                keys[label_name(other)] = self._key_at_hand()
            if self._try(lambda: self._keymap.with_label_keys(keys)) and other:
                now = key_text(keys[label_name(other)]) or "no key"
                self._say(f"{other.name} had it, and has {now} now.")
        elif other is not None:
            self._refuse(f"{key_text(key)} is the key of the label {other.name!r}")
        else:
            action_id = self._action_id()
            self._try(lambda: self._keymap.with_key(action_id, key))

    def _label_with(self, key: str) -> Label | None:
        """Return the label that has a key, if one has."""
        if self._labels is None or not key:
            return None
        keys = self._label_keys()
        return next((x for x in self._labels.labels if keys.get(x.id) == key), None)

    def _refuse(self, what: str) -> None:
        self._show_key()
        taken = {*self._keymap.keys().values(), *self._label_keys().values()}
        free = free_keys(taken)[:3]
        self._say(f"{what}. Free are {', '.join(map(key_text, free))}.", wrong=True)

    def _try(self, make: Callable[[], KeyMap]) -> bool:
        try:
            keymap = make()
        except InvalidValueError as error:
            self._refuse(error.what)
            return False
        self.set_keymap(keymap)
        self.keymap_changed.emit(keymap)
        return True
