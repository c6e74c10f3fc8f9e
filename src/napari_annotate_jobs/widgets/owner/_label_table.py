"""The labels of a job as a table that is written into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    Qt,
    Signal,
)
from qtpy.QtGui import QColor, QGuiApplication, QKeySequence, QPainter
from qtpy.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableView,
    QWidget,
)

from napari_annotate_jobs.model import Method
from napari_annotate_jobs.widgets.exchange._fields import wrapped
from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._made import timer_once
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_ring

from ._attribute_dialog import AttributeDialog
from ._label_cells import ColorBox, LabelCells
from ._label_rows import Column, LabelRows
from ._tick_labels import ReadyLabels

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from qtpy.QtGui import QDropEvent, QKeyEvent, QPaintEvent

    from napari_annotate_jobs.model import GivenLabels, LabelSet
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

    from ._label_rows import LabelRow

__all__ = ["LabelTable"]


class LabelTable(QWidget):
    """Labels to be written, coloured, ordered and removed.

    It changes nothing but itself; :meth:`label_set` returns how it stands. Where
    labels come from elsewhere it asks, and is given them with :meth:`add`.

    Parameters
    ----------
    parent : QWidget, optional
        Owns it.
    """

    changed = Signal()
    """Something else stands there."""
    text_pasted = Signal(str)
    """Lines with labels were pasted."""
    file_requested = Signal()
    """Labels are to be loaded from a file."""
    ready_requested = Signal(str, tuple)
    """Labels of a ready-made set are wanted: its name, and theirs."""
    job_requested = Signal(str)
    """The labels of another job are wanted, by the key it was offered with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("label_table")
        self._colors = Colors.dark()
        self._ready: dict[str, Sequence[tuple[str, str]]] = {}
        self.rows = LabelRows(self)
        self.table = _Table(self.rows, self)
        self._build()
        self.rows.changed.connect(self._show_state)
        self.rows.changed.connect(self.changed)
        self.table.selectionModel().selectionChanged.connect(self._show_state)
        self.table.cells.lines_pasted.connect(self.text_pasted)
        self.table.lines_pasted.connect(self.text_pasted)
        self.set_jobs({})
        self.set_ready({})
        self.set_colors(self._colors)
        self._show_state()

    def _build(self) -> None:
        column = column_of((self.table, 1), parent=self, spacing=4, margins=0)
        self.rules = QWidget(self)
        self._rules = QHBoxLayout(self.rules)
        self._rules.setContentsMargins(0, 0, 0, 0)
        self._shown_rules: tuple[tuple[str, bool], ...] = ()
        column.addWidget(self.rules)
        self.error = wrapped(self)
        self.error.setVisible(False)
        column.addWidget(self.error)
        row = QHBoxLayout()
        row.setSpacing(4)
        self.up = _button(self, "Up", "Move the label up (Alt+Up)")
        self.up.clicked.connect(lambda: self.table.shift(-1))
        self.down = _button(self, "Down", "Move the label down (Alt+Down)")
        self.down.clicked.connect(lambda: self.table.shift(1))
        self.remove = _button(self, "Remove", "Take the labels away (Delete)")
        self.remove.clicked.connect(self.table.remove)
        self.asked = _button(
            self, "Attributes…", "What is asked of the label, as margin: sharp, blurred"
        )
        self.asked.clicked.connect(self._write_attributes)
        self.paste = _button(
            self, "Paste", "One label a line: a name, or as detection:nodule=red"
        )
        self.paste.clicked.connect(self.table.paste)
        self.file = _button(self, "Load…", "Labels from a YAML or CSV file")
        self.file.clicked.connect(self.file_requested)
        self.ready = _button(self, "Ready-made…", "Names, colours and codes at hand")
        self.ready.clicked.connect(self._choose_ready)
        self.job = _button(self, "From a job", "The labels of another job")
        self._jobs = QMenu(self)
        self.job.setMenu(self._jobs)
        for button in (self.remove, self.up, self.down, self.asked):
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.paste, self.file, self.ready, self.job):
            row.addWidget(button)
        column.addLayout(row)

    # ---------------------------------------------------------------- setters
    def set_labels(self, labels: LabelSet, in_use: Collection[int] = ()) -> None:
        """Show a label set; ids stay what they are.

        Parameters
        ----------
        labels : LabelSet
            As it stands.
        in_use : collection of int
            Ids of labels that something is annotated with: they can be retired, not
            removed.
        """
        self.rows.set_labels(labels, frozenset(in_use))

    def add(self, given: GivenLabels) -> None:
        """Put labels behind those that are there; those that are there stay."""
        self.rows.add(given)
        self.table.scrollToBottom()

    def adopt(self, labels: LabelSet) -> bool:
        """Give rows the ids that the job has given to their labels.

        Returns
        -------
        bool
            True if the rows say what the label set says: nothing is to be shown anew.
        """
        return self.rows.adopt(labels)

    def set_in_use(self, ids: Collection[int]) -> None:
        """Say which labels something is annotated with."""
        self.rows.set_in_use(frozenset(ids))

    def set_methods(self, methods: Sequence[Method]) -> None:
        """Say what the job is about; a new label is for the first of them."""
        self.rows.set_methods(methods)

    def turn_to(self, method: Method) -> None:
        """Make all labels be for one method, except those that are in use."""
        self.rows.turn_to(method)

    def set_keymap(self, keymap: KeyMap) -> None:
        """Know which keys are taken by actions."""
        self.rows.set_keymap(keymap)

    def set_ready(self, tables: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """Offer ready-made sets: names and colours, by the name of the set."""
        self._ready = dict(tables)
        self.ready.setVisible(bool(tables))

    def set_jobs(self, jobs: Mapping[str, str]) -> None:
        """Offer the labels of other jobs: what is shown, by a key."""
        self._jobs.clear()
        for key, name in jobs.items():
            action = self._jobs.addAction(name)
            assert action is not None
            action.triggered.connect(
                lambda _=False, key=key: self.job_requested.emit(key)
            )
        self.job.setVisible(bool(jobs))

    def set_error(self, text: str) -> None:
        """Say what went wrong with labels from elsewhere; empty hides it."""
        self.error.setText(text)
        self.error.setVisible(bool(text))

    def set_colors(self, colors: Colors) -> None:
        """Paint in the colours of a theme."""
        self._colors = self.table.colors = self.table.cells.colors = colors
        self.error.setStyleSheet(f"QLabel {{ color: {colors.error_text}; }}")
        self.table.setStyleSheet(
            focus_ring(colors)
            + f"QTableView {{ background: {colors.background}; border: 1px solid"
            f" {colors.secondary}; }}"
        )
        self.table.viewport().update()

    # ----------------------------------------------------------------- reading
    def label_set(self) -> LabelSet:
        """Return the labels as they stand.

        Raises
        ------
        InvalidValueError
            If something is wrong in a row, or there is none.
        """
        self.table.finish()
        return self.rows.label_set()

    def methods(self) -> tuple[Method, ...]:
        """Return the methods that labels have, in their order."""
        found = (row.fields["method"] for row in self.rows.rows)
        return tuple(dict.fromkeys(found))

    @property
    def is_empty(self) -> bool:
        """True if there is no label."""
        return not self.rows.rows

    def begin(self) -> None:
        """Let the next name be typed."""
        self.table.write_at(len(self.rows.rows))

    # ------------------------------------------------------------------ acting
    def _write_attributes(self) -> None:
        self.table.finish()
        places = self.table.places()
        if len(places) != 1:
            return
        row = self.rows.rows[places[0]]
        dialog = AttributeDialog(row.fields, fixed=row.in_use, parent=self)
        dialog.set_colors(self._colors)
        dialog.chosen.connect(lambda asked: self._asked(row, asked))
        dialog.open()

    def _asked(self, row: LabelRow, attributes: tuple[dict[str, Any], ...]) -> None:
        if row in self.rows.rows:  # it may have been taken away meanwhile
            self.rows.write_attributes(self.rows.rows.index(row), attributes)

    def _choose_ready(self) -> None:
        if len(self._ready) == 1:
            self._show_ready(next(iter(self._ready)))
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in self._ready:
            action = menu.addAction(name)
            assert action is not None
            action.triggered.connect(lambda _=False, name=name: self._show_ready(name))
        menu.popup(self.ready.mapToGlobal(QPoint(0, self.ready.height())))

    def _show_ready(self, name: str) -> None:
        dialog = ReadyLabels(name, self._ready[name], self)
        dialog.set_colors(self._colors)
        dialog.chosen.connect(lambda names: self.ready_requested.emit(name, names))
        dialog.open()
        dialog.search.setFocus()

    def _show_state(self, *_: object) -> None:
        places = self.table.places()
        rows = [self.rows.rows[place] for place in places]
        self.remove.setEnabled(bool(rows))
        self.asked.setEnabled(len(rows) == 1)
        self.up.setEnabled(bool(rows) and places[0] > 0)
        self.down.setEnabled(bool(rows) and places[-1] < len(self.rows.rows) - 1)
        used = [row for row in rows if row.in_use]
        text = "Remove"
        if used and len(used) == len(rows):
            back = all(row.is_retired for row in used)
            text = "Bring back" if back else "Retire"
        self.remove.setText(text)
        self.table.show_columns()
        self._show_rules()

    def _show_rules(self) -> None:
        """Offer single choice for each group that holds more than one label."""
        names = self.rows.group_names()
        rules = tuple((name, self.rows.groups.get(name, False)) for name in names)
        self.rules.setVisible(bool(rules))
        if rules == self._shown_rules:
            return
        self._shown_rules = rules
        while (item := self._rules.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._rules.addWidget(QLabel("Only one can be chosen:", self.rules))
        for name, on in rules:
            box = QCheckBox(name or "labels without a group", self.rules)
            box.setChecked(on)
            box.setToolTip("Ticked: one of these labels at a time; else any number")
            box.toggled.connect(lambda on, name=name: self._rule(name, on))
            self._rules.addWidget(box)
        self._rules.addStretch(1)

    def _rule(self, name: str, on: bool) -> None:
        # Its box stands there already, and is not made anew while it is clicked.
        self._shown_rules = tuple(
            (each, on if each == name else was) for each, was in self._shown_rules
        )
        self.rows.set_group(name, on)


class _Table(QTableView):
    """The table: Enter goes on to the next name, rows are dragged into order."""

    lines_pasted = Signal(str)

    def __init__(self, rows: LabelRows, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows = rows
        self.colors = Colors.dark()
        self.cells = LabelCells(self, rows)
        self.setModel(rows)
        self.setItemDelegate(self.cells)
        self.setAccessibleName("Labels")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragDropOverwriteMode(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        side, top = self.verticalHeader(), self.horizontalHeader()
        assert side is not None and top is not None
        side.setVisible(False)
        side.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        top.setHighlightSections(False)
        top.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        top.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        top.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        top.setSectionResizeMode(Column.COLOR, QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(Column.COLOR, 30)
        self.clicked.connect(self._on_click)
        # The editor that is closed is still open then.
        self._next = 0
        self._soon = timer_once(self, lambda: self.write_at(self._next))

    # ----------------------------------------------------------------- reading
    def places(self) -> list[int]:
        """Return the rows that are selected, without the empty one."""
        chosen = self.selectionModel().selectedRows()
        last = len(self._rows.rows)
        return sorted(index.row() for index in chosen if index.row() < last)

    def show_columns(self) -> None:
        """Show only columns in which something can be different."""
        methods = self._rows.methods
        classes = Method.CLASSIFICATION in methods
        self.setColumnHidden(Column.METHOD, len(methods) < 2 and not classes)
        self.setColumnHidden(Column.GROUP, not classes)

    # ------------------------------------------------------------------ acting
    def write_at(self, place: int, column: Column = Column.NAME) -> None:
        """Begin to write in a row."""
        index = self._rows.index(place, column)
        is_open = self.cells.editor is not None and self.currentIndex() == index
        if is_open or not self.isVisible():
            return
        self.setCurrentIndex(index)
        self.scrollTo(index)
        self.edit(index)

    def finish(self) -> None:
        """Take what is being typed as it stands."""
        editor = self.cells.editor
        if editor is not None:
            self.commitData(editor)
            self.closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)

    def remove(self) -> None:
        """Take the selected labels away."""
        places = self.places()
        self._rows.remove(places)
        if places:
            place = min(places[0], len(self._rows.rows))
            self.setCurrentIndex(self._rows.index(place, Column.NAME))
            self.setFocus()

    def shift(self, step: int) -> None:
        """Move the selected labels up or down by one."""
        places = self.places()
        if not places:
            return
        target = places[0] - 1 if step < 0 else places[-1] + 2
        if 0 <= target <= len(self._rows.rows):
            self._choose(self._rows.move(places, target))

    def _choose(self, places: Sequence[int]) -> None:
        self.selectionModel().clearSelection()
        if places:
            first = self._rows.index(places[0], Column.NAME)
            self.selectionModel().setCurrentIndex(
                first, QItemSelectionModel.SelectionFlag.NoUpdate
            )
        for place in places:
            self.selectionModel().select(
                self._rows.index(place, 0),
                QItemSelectionModel.SelectionFlag.Select
                | QItemSelectionModel.SelectionFlag.Rows,
            )
        self.scrollTo(self.currentIndex())

    def paste(self) -> None:
        """Ask for the labels that the clipboard holds."""
        clipboard = QGuiApplication.clipboard()
        text = "" if clipboard is None else clipboard.text()
        if text.strip():
            self.lines_pasted.emit(text)

    def _on_click(self, index: QModelIndex) -> None:
        held = QGuiApplication.keyboardModifiers()
        if held & (
            Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
        ):
            return
        if index.row() >= len(self._rows.rows):
            self.write_at(index.row())
        elif index.column() == Column.COLOR:
            self.recolor(index.row())
        elif (
            index.column() != Column.NAME and index.flags() & Qt.ItemFlag.ItemIsEditable
        ):
            self.edit(index)

    def recolor(self, place: int) -> None:
        """Let another colour be chosen for a label."""
        if place >= len(self._rows.rows):
            return
        row = self._rows.rows[place]
        box = ColorBox(self, str(row.fields["color"]))

        def take(color: str) -> None:
            # Rows may have come and gone while the box was open.
            for now, each in enumerate(self._rows.rows):
                if each is row:
                    self._rows.write_color(now, color)

        box.chosen.connect(take)
        rect = self.visualRect(self._rows.index(place, Column.COLOR))
        box.pop_up(self.viewport().mapToGlobal(rect.bottomLeft()))

    def closeEditor(
        self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint
    ) -> None:
        """Go on to the next name after Enter or Tab."""
        index = self.currentIndex()
        hints = QAbstractItemDelegate.EndEditHint
        goes_on = hint in (hints.SubmitModelCache, hints.EditNextItem)
        if index.column() == Column.NAME and goes_on:
            super().closeEditor(editor, hints.NoHint)
            if index.row() < len(self._rows.rows):
                self._next = index.row() + 1
                self._soon.start()
            elif hint == hints.EditNextItem:
                self.focusNextChild()
            return
        if hint in (hints.EditNextItem, hints.EditPreviousItem):
            hint = hints.NoHint
        super().closeEditor(editor, hint)

    # ------------------------------------------------------------------- events
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Remove, move, paste and recolour by key."""
        keys = Qt.Key
        alt = event.modifiers() & Qt.KeyboardModifier.AltModifier
        index = self.currentIndex()
        if event.key() == keys.Key_Delete and index.column() == Column.KEY:
            if acts_once(event) and index.row() < len(self._rows.rows):
                self._rows.write_key(index.row(), "")
        elif event.key() == keys.Key_Delete:
            if acts_once(event):
                self.remove()
        elif alt and event.key() in (keys.Key_Up, keys.Key_Down):
            event.accept()
            self.shift(-1 if event.key() == keys.Key_Up else 1)
        elif event.matches(QKeySequence.StandardKey.Paste):
            if acts_once(event):
                self.paste()
        elif event.key() in (keys.Key_Return, keys.Key_Enter, keys.Key_Space) and (
            index.column() == Column.COLOR
        ):
            if acts_once(event):
                self.recolor(index.row())
        elif event.key() in (keys.Key_Return, keys.Key_Enter):
            if acts_once(event) and index.flags() & Qt.ItemFlag.ItemIsEditable:
                self.edit(index)
        else:
            super().keyPressEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Put the rows where they are dropped; the model moves them itself."""
        if event.source() is not self:
            event.ignore()
            return
        at = event.position().toPoint()
        index = self.indexAt(at)
        target = len(self._rows.rows)
        if index.isValid():
            rect = self.visualRect(index)
            target = index.row() + (at.y() > rect.center().y())
        places = self.places()
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if places:
            self._choose(self._rows.move(places, target))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Write below each row what there is to say of it."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        height = self.fontMetrics().height()
        left = self.columnViewportPosition(Column.NAME) + 5
        for place in range(len(self._rows.rows)):
            text = self._rows.said(place)
            bottom = self.rowViewportPosition(place) + self.rowHeight(place)
            if not text or bottom < 0 or bottom - height > self.viewport().height():
                continue
            ink = self.colors.error_text
            if not self._rows.fault(place):
                ink = self.colors.warning_text
            if self.selectionModel().isRowSelected(place, QModelIndex()):
                ink = self.colors.text
            painter.setPen(QColor(ink))
            room = QRect(
                left, bottom - height - 3, self.viewport().width() - left - 4, height
            )
            painter.drawText(
                room,
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                self.fontMetrics().elidedText(
                    text, Qt.TextElideMode.ElideRight, room.width()
                ),
            )


def _button(parent: QWidget, text: str, tip: str) -> QPushButton:
    button = QPushButton(text, parent)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    return button
