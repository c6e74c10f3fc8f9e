"""The labels of a job: grouped, coloured, filtered as you type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from napari_annotate_jobs.model import Label, Method, Scope
from napari_annotate_jobs.widgets.keys._held import acts_once
from napari_annotate_jobs.widgets.parts._layouts import column_of
from napari_annotate_jobs.widgets.parts._made import search_field
from napari_annotate_jobs.widgets.parts._theme import Colors, contrast_text

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
NUMBERS = 3
"""The column of what labels measure, behind names, keys and locks."""
NOTHING_AT_ALL = "Nothing in the whole case"
"""Another name than that of a slice with nothing to label."""
_LABEL_ROLE = Qt.ItemDataRole.UserRole
_ROW = QSize(20, 23)
_NEUTRAL = "#8a8f98"
LOCK = 22
"""Width of the column with the locks, in pixels."""


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


def lock_icon(ink: str, *, shut: bool, size: int = 16) -> QIcon:
    """Return a padlock: shut in full ink, open in a faint one.

    Parameters
    ----------
    ink : str
        A colour that stands out from the ground.
    shut : bool
        Whether it is shut.
    size : int
        In pixels.
    """
    pixmap = QPixmap(2 * size, 2 * size)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    color = QColor(ink)
    color.setAlphaF(1.0 if shut else 0.35)
    painter.setPen(QPen(color, 1.5))
    left = 0.32 * size if shut else 0.5 * size
    bow = QRectF(left, 0.12 * size, 0.36 * size, 0.5 * size)
    painter.drawArc(bow, 0, 180 * 16)
    foot = QPointF(0, 0.14 * size)
    painter.drawLine(bow.center() - QPointF(bow.width() / 2, 0), _left(bow) + foot)
    if shut:
        painter.drawLine(bow.center() + QPointF(bow.width() / 2, 0), _right(bow) + foot)
    body = QRectF(0.22 * size, 0.46 * size, 0.56 * size, 0.42 * size)
    painter.setBrush(color if shut else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(body, 1.5, 1.5)
    painter.end()
    icon = QIcon(pixmap)
    for mode in (QIcon.Mode.Selected, QIcon.Mode.Disabled):
        icon.addPixmap(pixmap, mode)
    return icon


def _left(rect: QRectF) -> QPointF:
    return QPointF(rect.left(), rect.center().y())


def _right(rect: QRectF) -> QPointF:
    return QPointF(rect.right(), rect.center().y())


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

    protect_requested = Signal(object)
    """The lock of a Label was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[int, QTreeWidgetItem] = {}
        self._on: dict[int, bool] = {}
        self._groups: list[QTreeWidgetItem] = []
        self._answers: dict[int, str] = {}
        self._case_nothing: QTreeWidgetItem | None = None
        self._several = True
        self._current: Label | None = None
        self._exclusive: frozenset[int] = frozenset()
        self._protected: frozenset[int] = frozenset()
        self._ink = Colors.dark().text

        self.filter = search_field("Find a label", "Find a label")
        self.filter.textChanged.connect(self._apply_filter)
        self.filter.returnPressed.connect(self._choose_first)

        self.tree = _Tree()
        self.tree.setColumnCount(3)
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
        header.setMinimumSectionSize(LOCK)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(2, LOCK)
        self.tree.itemClicked.connect(self._on_click)
        self.tree.chosen.connect(self._on_item)

        column_of(self.filter, (self.tree, 1), parent=self, spacing=3, margins=0)

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
        self._items, self._groups, self._on = {}, [], {}
        self._answers = {}
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
        item.setText(0, _name(label))
        if label.retired:
            # Seen only where it is said: there it can be taken back.
            tip = f"{label.name} is retired: it can be taken away here, and not put on"
        item.setToolTip(0, f"{tip}\n{label.concept}" if label.concept else tip)
        item.setData(0, _LABEL_ROLE, label)
        self._items[label.id] = item
        self._draw_lock(item)

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self._ink = colors.text
        for item in self._items.values():
            self._draw_lock(item)

    def set_protected(self, ids: Collection[int]) -> None:
        """Show which labels are protected."""
        self._protected = frozenset(ids)
        for item in self._items.values():
            self._draw_lock(item)

    def _draw_lock(self, item: QTreeWidgetItem) -> None:
        label: Label = item.data(0, _LABEL_ROLE)
        if label.method is Method.CLASSIFICATION:
            return
        shut = label.id in self._protected
        item.setIcon(2, lock_icon(self._ink, shut=shut))
        item.setToolTip(
            2,
            f"{label.name} is protected: nothing changes what is drawn of it. Click to "
            "open its lock"
            if shut
            else f"Protect {label.name}: brush, fill, eraser and all else then leave "
            "it alone",
        )
        said = f"{label.name}, {'protected' if shut else 'not protected'}"
        item.setData(2, Qt.ItemDataRole.AccessibleTextRole, said)

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
                if label.retired:
                    self._apply_filter(self.filter.text())
        if self._case_nothing is not None and self._on.get(0) != case_nothing:
            self._on[0] = case_nothing
            self._case_nothing.setIcon(0, swatch(_NEUTRAL, on=case_nothing))

    def set_answers(self, answers: Mapping[int, str]) -> None:
        """Show behind labels what was answered of them here, by id."""
        for label_id in {*self._answers, *answers}:
            item, text = self._items.get(label_id), answers.get(label_id, "")
            if item is not None and self._answers.get(label_id, "") != text:
                name = _name(item.data(0, _LABEL_ROLE))
                item.setText(0, f"{name} · {text}" if text else name)
        self._answers = dict(answers)

    def set_numbers(self, numbers: Mapping[int, str] | None) -> None:
        """Show what labels measure, by id; None takes that away."""
        self.tree.setColumnCount(NUMBERS if numbers is None else NUMBERS + 1)
        if numbers is None:
            return
        resize = QHeaderView.ResizeMode.ResizeToContents
        self.tree.header().setSectionResizeMode(NUMBERS, resize)
        for label_id, item in self._items.items():
            text = numbers.get(label_id, "")
            item.setText(NUMBERS, text)
            item.setToolTip(NUMBERS, text and "Confirmed masks; nothing excluded")

    def set_current(self, label: Label | None) -> None:
        """Highlight the label that is chosen for drawing."""
        self._current = label
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
    def _on_click(self, item: QTreeWidgetItem, column: int) -> None:
        label: Label | None = item.data(0, _LABEL_ROLE)
        if column != 2 or label is None or label.method is Method.CLASSIFICATION:
            self._on_item(item)
            return
        self.set_current(self._current)  # the label that is chosen stays chosen
        self.protect_requested.emit(label)

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
            label: Label = item.data(0, _LABEL_ROLE)
            away = label.retired and not self._on.get(label.id, False)
            item.setHidden(away or needle not in item.text(0).casefold())
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


def _name(label: Label) -> str:
    return f"{label.name} (retired)" if label.retired else label.name


def _said(label: Label, on: bool) -> str:
    return f"{label.name}, {'on' if on else 'off'}"
