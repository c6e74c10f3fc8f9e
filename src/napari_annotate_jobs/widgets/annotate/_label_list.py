"""The labels of a job: grouped, coloured, filtered as you type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.model import Label, Method, Scope
from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._theme import contrast_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qtpy.QtGui import QKeyEvent

    from napari_annotate_jobs.model import LabelSet, Project

__all__ = ["LabelList", "swatch"]

_TITLES = {
    Method.CLASSIFICATION: "Classification",
    Method.DETECTION: "Detection",
    Method.SEGMENTATION: "Segmentation",
}
_TOOLTIPS = {
    Method.CLASSIFICATION: "Put {name} on the slice, or take it away",
    Method.DETECTION: "Draw boxes around {name}",
    Method.SEGMENTATION: "Paint {name}",
}
NOTHING_AT_ALL = "Nothing in the whole case"
"""Another name than that of a slice with nothing to label."""
_LABEL_ROLE = Qt.ItemDataRole.UserRole
_ROW = QSize(20, 23)
_NEUTRAL = "#8a8f98"


def swatch(
    color: str, size: int = 16, *, round_: bool = False, on: bool | None = None
) -> QIcon:
    """Return a patch of a colour.

    Parameters
    ----------
    color : str
        ``#rrggbb``.
    size : int
        In pixels.
    round_ : bool
        A disc, as radio buttons are; else a square.
    on : bool, optional
        For labels that are on or off: filled with a tick, or a frame only.
    """
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    filled = on is not False
    painter.setBrush(QColor(color) if filled else Qt.BrushStyle.NoBrush)
    frame = QRectF(1.75, 1.75, size - 3.5, size - 3.5)
    grey = QColor(120, 120, 120)
    # A ring of the colour has a grey one around it: yellow is faint on light grounds.
    pens = [(grey, 1.0)] if filled else [(grey, 3.5), (QColor(color), 2.0)]
    for ink, width in pens:
        painter.setPen(QPen(ink, width))
        if round_:
            painter.drawEllipse(frame)
        else:
            painter.drawRoundedRect(frame, 3, 3)
    if on:
        painter.setPen(QPen(QColor(contrast_text(color)), 2))
        painter.drawPolyline(
            [
                QPointF(0.27 * size, 0.52 * size),
                QPointF(0.44 * size, 0.69 * size),
                QPointF(0.74 * size, 0.33 * size),
            ]
        )
    painter.end()
    icon = QIcon(pixmap)
    # Qt would tint it, and make it grey in a case that is locked: the colours are
    # still the key to the masks.
    for mode in (QIcon.Mode.Selected, QIcon.Mode.Disabled):
        icon.addPixmap(pixmap, mode)
    return icon


class _Tree(QTreeWidget):
    """A tree whose letters are keys of the workstation, not a search."""

    chosen = Signal(object)
    """The item on which Enter or Space was pressed."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with Enter and Space; walk with the others."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        item = self.currentItem()
        if event.key() in keys and item is not None:
            if acts_once(event):
                self.chosen.emit(item)
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Do nothing."""


class LabelList(QWidget):
    """Labels to choose from.

    Class labels show a mark where the slice (or case) carries them; the label
    that is chosen for drawing is highlighted.
    """

    label_requested = Signal(object)
    """The Label that was clicked, or chosen with Enter or Space."""

    case_nothing_requested = Signal()
    """Nothing to Label for the whole case was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[int, QTreeWidgetItem] = {}
        self._groups: list[QTreeWidgetItem] = []
        self._case_nothing: QTreeWidgetItem | None = None
        self._several = True
        self._exclusive: frozenset[int] = frozenset()

        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Find a label")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Find a label")
        self.filter.textChanged.connect(self._apply_filter)
        self.filter.returnPressed.connect(self._choose_first)

        self.tree = _Tree()
        self.tree.setColumnCount(2)
        self.tree.setHeaderHidden(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setIndentation(10)
        self.tree.setIconSize(QSize(16, 16))
        self.tree.setAccessibleName("Labels")
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemClicked.connect(self._on_item)
        self.tree.chosen.connect(self._on_item)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree, 1)

    # --------------------------------------------------------------- setters
    def set_project(self, project: Project, keys: Mapping[int, str]) -> None:
        """Show a project's labels.

        Parameters
        ----------
        project : Project
            The labels, grouped by its methods.
        keys : mapping of int to str
            The key of each label id that has one.
        """
        self.tree.clear()
        self._items, self._groups = {}, []
        labels = project.label_set
        self._exclusive = frozenset(
            label.id for label in labels.labels if labels.exclusive_with(label)
        )
        for method in project.methods:
            for name, chosen in _groups_of(labels, method):
                title = _TITLES[method] + (f" · {name}" if name else "")
                group = self._group(title)
                for label in chosen:
                    self._add(group, label, keys.get(label.id, ""))
        case = labels.of(Method.CLASSIFICATION, Scope.CASE)
        group = self._group("Whole case")
        for label in case:
            self._add(group, label, keys.get(label.id, ""))
        self._case_nothing = QTreeWidgetItem(group, [NOTHING_AT_ALL])
        self._case_nothing.setSizeHint(0, _ROW)
        self._case_nothing.setToolTip(0, "Marks every undecided slice Nothing to Label")
        self._on: dict[int, bool] = {}
        self.set_checked((), case_nothing=False)
        self.filter.setVisible(len(labels.labels) > 8)
        self.tree.expandAll()
        self._apply_filter(self.filter.text())

    def _group(self, title: str) -> QTreeWidgetItem:
        group = QTreeWidgetItem(self.tree, [title])
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        group.setSizeHint(0, _ROW)
        group.setFirstColumnSpanned(True)
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        self._groups.append(group)
        return group

    def _add(self, group: QTreeWidgetItem, label: Label, key: str) -> None:
        item = QTreeWidgetItem(group, [label.name, key])
        item.setSizeHint(0, _ROW)
        item.setTextAlignment(
            1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
        item.setIcon(0, swatch(label.color))
        tip = _TOOLTIPS[label.method].format(name=label.name)
        if label.scope is Scope.CASE:
            tip = f"Say {label.name} of the whole case, or take it back"
        tip = f"{tip} ({key})" if key else tip
        item.setToolTip(0, f"{tip}\n{label.concept}" if label.concept else tip)
        item.setData(0, _LABEL_ROLE, label)
        self._items[label.id] = item

    def set_checked(self, ids: Collection[int], *, case_nothing: bool) -> None:
        """Mark the class labels that the slice and the case carry."""
        for label_id, item in self._items.items():
            label: Label = item.data(0, _LABEL_ROLE)
            on = label_id in ids
            if label.method is Method.CLASSIFICATION and self._on.get(label_id) != on:
                self._on[label_id] = on
                round_ = label_id in self._exclusive
                item.setIcon(0, swatch(label.color, round_=round_, on=on))
                item.setData(0, Qt.ItemDataRole.AccessibleTextRole, _said(label, on))
        if self._case_nothing is not None and self._on.get(0) != case_nothing:
            self._on[0] = case_nothing
            self._case_nothing.setIcon(0, swatch(_NEUTRAL, on=case_nothing))

    def is_checked(self, label_id: int) -> bool:
        """Return True if a class label is shown as carried."""
        return self._on.get(label_id, False)

    def set_numbers(self, numbers: Mapping[int, str] | None) -> None:
        """Show what labels measure, by id; None takes that away."""
        self.tree.setColumnCount(2 if numbers is None else 3)
        if numbers is None:
            return
        resize = QHeaderView.ResizeMode.ResizeToContents
        self.tree.header().setSectionResizeMode(2, resize)
        for label_id, item in self._items.items():
            item.setText(2, numbers.get(label_id, ""))
            item.setToolTip(2, item.text(2) and "Confirmed masks; nothing excluded")

    def set_current(self, label: Label | None) -> None:
        """Highlight the label that is chosen for drawing."""
        item = None if label is None else self._items.get(label.id)
        if item is None:
            self.tree.setCurrentItem(None)
            self.tree.clearSelection()
        else:
            self.tree.setCurrentItem(item)

    def set_several(self, several: bool) -> None:
        """Say whether the case has more than one slice.

        With one, what is said of the slice is said of the case.
        """
        self._several = several
        self._apply_filter(self.filter.text())

    def set_enabled(self, enabled: bool) -> None:
        """Allow or forbid choosing."""
        self.tree.setEnabled(enabled)

    # --------------------------------------------------------------- actions
    def _on_item(self, item: QTreeWidgetItem) -> None:
        if item is self._case_nothing:
            self.case_nothing_requested.emit()
            return
        label = item.data(0, _LABEL_ROLE)
        if label is not None:
            self.label_requested.emit(label)

    def _choose_first(self) -> None:
        for item in self._items.values():
            if not item.isHidden():
                self._on_item(item)
                self.filter.clear()
                return

    def _apply_filter(self, text: str) -> None:
        needle = text.casefold().strip()
        for item in self._items.values():
            item.setHidden(needle not in item.text(0).casefold())
        if self._case_nothing is not None:
            self._case_nothing.setHidden(not self._several)
        for group in self._groups:
            children = [group.child(i) for i in range(group.childCount())]
            group.setHidden(all(child.isHidden() for child in children))


def _groups_of(labels: LabelSet, method: Method) -> list[tuple[str, list[Label]]]:
    found: dict[str, list[Label]] = {}
    for label in labels.of(method, Scope.SLICE):
        found.setdefault(label.group or label.overlap_group, []).append(label)
    return list(found.items())


def _said(label: Label, on: bool) -> str:
    return f"{label.name}, {'on' if on else 'off'}"
