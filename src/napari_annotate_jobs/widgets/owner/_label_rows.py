"""The labels of a job while they are written: rows, and what is wrong with them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QFont

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    COLORS,
    GivenLabels,
    Label,
    LabelEntry,
    LabelSet,
    Method,
    Scope,
    validated,
)
from napari_annotate_jobs.widgets.keys._key_map import KeyMap, label_keys
from napari_annotate_jobs.widgets.keys._keys import (
    NAPARI_KEYS,
    free_keys,
    key_text,
    normal_key,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["CHOICES", "Column", "LabelRow", "LabelRows", "MethodChoice"]


class Column(IntEnum):
    """What stands in which column."""

    COLOR = 0
    NAME = 1
    METHOD = 2
    GROUP = 3
    KEY = 4


TITLES = {
    Column.COLOR: "",
    Column.NAME: "Label",
    Column.METHOD: "Method",
    Column.GROUP: "Group",
    Column.KEY: "Key",
}


@dataclass(frozen=True)
class MethodChoice:
    """What a label can be for.

    Parameters
    ----------
    text, tip : str
        What is written of it, short and long.
    method : Method
        How it is annotated.
    scope : Scope
        What a class label is said of.
    """

    text: str
    tip: str
    method: Method
    scope: Scope = Scope.SLICE


CHOICES = (
    MethodChoice("Segmentation", "Masks are painted", Method.SEGMENTATION),
    MethodChoice("Detection", "Boxes are drawn", Method.DETECTION),
    MethodChoice(
        "Classification", "Said of single slices, as present", Method.CLASSIFICATION
    ),
    MethodChoice(
        "Classification of the case",
        "Said once of the whole case",
        Method.CLASSIFICATION,
        Scope.CASE,
    ),
)
"""Methods as a label can have them."""


@dataclass
class LabelRow:
    """A label that is being written.

    Parameters
    ----------
    fields : dict
        Those of :class:`~napari_annotate_jobs.model.Label`; without ``id`` while it
        is new.
    in_use : bool
        True if something is annotated with it: then it can be retired only, and its
        method stays.
    problem : str
        What could not be understood of it.
    note : str
        What was refused last, and why; gone with the next change.
    """

    fields: dict[str, Any]
    in_use: bool = False
    problem: str = ""
    note: str = ""

    @property
    def is_retired(self) -> bool:
        """True if it is shown where it is used, and not offered any more."""
        return bool(self.fields.get("retired"))

    @property
    def choice(self) -> MethodChoice:
        """What it is for."""
        own = [c for c in CHOICES if c.method is self.fields["method"]]
        return next((c for c in own if c.scope == self.fields.get("scope")), own[0])


class LabelRows(QAbstractTableModel):
    """The rows of the table of labels, and an empty one to type the next into.

    Parameters
    ----------
    parent : QObject, optional
        Owns it.
    """

    changed = Signal()
    """Something else stands in a row, or the rows are others."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[LabelRow] = []
        self.groups: dict[str, bool] = {}
        self._methods: tuple[Method, ...] = (Method.SEGMENTATION,)
        self._keymap = KeyMap()
        self._taken: set[int] = set()
        self._faults: list[str] = []
        self._keys: dict[int, str] = {}

    # ---------------------------------------------------------------- setters
    def set_labels(self, labels: LabelSet, in_use: Collection[int]) -> None:
        """Show a label set as it stands; `in_use` are the ids that are annotated."""
        self.beginResetModel()
        self.rows = [
            LabelRow(label.model_dump(), label.id in in_use) for label in labels.labels
        ]
        self.groups = {group.name: group.exclusive for group in labels.groups}
        self._taken = {label.id for label in labels.labels}
        self._look()
        self.endResetModel()
        self.changed.emit()

    def adopt(self, labels: LabelSet) -> bool:
        """Give rows the ids of their labels; return whether they say the same."""
        by_name = {(x.method, x.name.casefold()): x.id for x in labels.labels}
        known = set(labels.by_id)
        for row in self.rows:
            if row.fields.get("id") not in known or row.fields.get("id") is None:
                found = by_name.get(self._identity(row))
                if found is not None:
                    row.fields["id"] = found
        self._taken |= known
        try:
            return self.label_set().labels == labels.labels
        except InvalidValueError:
            return False

    def add(self, given: GivenLabels) -> None:
        """Put labels behind those that are there; one that is there already stays."""
        have = {self._identity(row) for row in self.rows}
        taken = {row.fields.get("id") for row in self.rows} | {*self._taken, None}
        rows: list[LabelRow] = []
        for entry in given.entries:
            row = LabelRow(dict(entry.fields), problem=entry.problem)
            self._fill(row, (*self.rows, *rows))
            if self._identity(row) in have:
                continue
            have.add(self._identity(row))
            if row.fields.get("id") in taken:
                row.fields.pop("id", None)
            taken.add(row.fields.get("id"))
            rows.append(row)
        self.groups |= given.groups
        if rows:
            first = len(self.rows) + 1  # the row that is written into stays in place
            self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
            self.rows += rows
            self.endInsertRows()
        self._tell()

    def set_methods(self, methods: Sequence[Method]) -> None:
        """Offer these methods; a new label is for the first."""
        self._methods = tuple(methods) or (Method.SEGMENTATION,)
        self._tell()

    def set_keymap(self, keymap: KeyMap) -> None:
        """Know which keys the actions have."""
        self._keymap = keymap
        self._tell()

    def set_in_use(self, ids: Collection[int]) -> None:
        """Say which labels something is annotated with."""
        for row in self.rows:
            row.in_use = row.fields.get("id") in ids
        self._tell()

    def set_group(self, name: str, exclusive: bool) -> None:
        """Say whether only one label of a group can be chosen."""
        self.groups[name] = exclusive
        self._tell()

    # ----------------------------------------------------------------- reading
    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that are offered, and those that labels have."""
        used = (row.fields["method"] for row in self.rows)
        return tuple(dict.fromkeys((*self._methods, *used)))

    def fault(self, place: int) -> str:
        """Return what is wrong in a row; empty if it is as it should be."""
        return self._faults[place] if place < len(self._faults) else ""

    def said(self, place: int) -> str:
        """Return what there is to read in a row below its name."""
        if place >= len(self.rows):
            return ""
        return self.fault(place) or self.rows[place].note

    def group_names(self) -> list[str]:
        """Return the groups of class labels that hold more than one, "" for none."""
        found = Counter(
            str(row.fields.get("group") or "")
            for row in self.rows
            if row.fields["method"] is Method.CLASSIFICATION
        )
        return [name for name, count in found.items() if count > 1]

    def label_set(self) -> LabelSet:
        """Return the labels as they stand.

        Raises
        ------
        InvalidValueError
            If something is wrong in a row, or there is none.
        """
        if not self.rows:
            raise InvalidValueError(
                "there is no label yet", remedy="Type the name of one"
            )
        for place, fault in enumerate(self._faults):
            if fault:
                name = self.rows[place].fields.get("name")
                raise InvalidValueError(fault, where=f"label {name!r}")
        given = self._given()
        return given.label_set(self.methods, self._taken)

    def _given(self) -> GivenLabels:
        used = {str(row.fields.get("group") or "") for row in self.rows}
        return GivenLabels(
            "the labels",
            [
                LabelEntry(f"label {row.fields.get('name')!r}", row.fields)
                for row in self.rows
            ],
            {name: on for name, on in self.groups.items() if name in used},
        )

    @staticmethod
    def _identity(row: LabelRow) -> tuple[Method, str]:
        return row.fields["method"], str(row.fields.get("name", "")).casefold()

    # ------------------------------------------------------------------ acting
    def _about_to_change(self, place: int) -> LabelRow:
        """Return a row; what was refused before is read by now."""
        for row in self.rows:
            row.note = ""
        return self.rows[place]

    def write_name(self, place: int, name: str) -> bool:
        """Name a label, or make one in the empty row; False if there is no name."""
        name = " ".join(name.split())
        if place < len(self.rows):
            row = self._about_to_change(place)
            row.problem = ""
            row.fields["name"] = name
        elif name:
            row = LabelRow({"name": name})
            self._fill(row, self.rows)
            # The empty row becomes this one, and another comes behind it.
            behind = len(self.rows) + 1
            self.beginInsertRows(QModelIndex(), behind, behind)
            self.rows.append(row)
            self.endInsertRows()
        self._tell()
        return bool(name)

    def write_color(self, place: int, color: str) -> None:
        """Give a label another colour."""
        self._about_to_change(place).fields["color"] = color
        self._tell()

    def write_choice(self, place: int, choice: MethodChoice) -> None:
        """Say what a label is for."""
        row = self._about_to_change(place)
        if row.in_use and choice != row.choice:
            row.note = "It is in use: its method stays. Make a new label instead"
        else:
            row.fields["method"] = choice.method
            row.fields["scope"] = choice.scope
            row.fields["attributes"] = tuple(
                {**each, "scope": None} if each.get("scope") == Scope.SLICE else each
                for each in row.fields.get("attributes") or ()
            )
            if choice.method is not Method.CLASSIFICATION:
                row.fields["group"] = ""
            if choice.method is not Method.SEGMENTATION:
                row.fields["overlap_group"] = ""
        self._tell()

    def turn_to(self, method: Method) -> None:
        """Make all labels be for one method, except those that are in use."""
        choice = next(choice for choice in CHOICES if choice.method is method)
        for place, row in enumerate(self.rows):
            if row.fields["method"] is not method and not row.in_use:
                self.write_choice(place, choice)

    def write_attributes(
        self, place: int, attributes: Sequence[Mapping[str, Any]]
    ) -> None:
        """Say what is asked of a label; of one that is in use, that stays."""
        row = self._about_to_change(place)
        if row.in_use:
            row.note = "It is in use: its attributes stay. Make a new label instead"
        else:
            row.fields["attributes"] = tuple(attributes)
        self._tell()

    def write_group(self, place: int, group: str) -> None:
        """Put a class label into a group; empty takes it out."""
        self._about_to_change(place).fields["group"] = " ".join(group.split())
        self._tell()

    def write_key(self, place: int, key: str) -> None:
        """Give a label a key; empty for any that is free."""
        row = self._about_to_change(place)
        if not key:
            row.fields["key"] = None
        elif refusal := self._refusal(place, key):
            row.note = refusal
        else:
            row.fields["key"] = normal_key(key)
        self._tell()

    def _refusal(self, place: int, key: str) -> str:
        """Return why a label cannot have a key, empty if it can."""
        try:
            normal = normal_key(key)
        except InvalidValueError as error:
            return str(error)
        owner = ""
        if normal in NAPARI_KEYS:
            owner = "napari"
        for action_id, taken in self._keymap.keys().items():
            if taken == normal:
                owner = repr(self._keymap.text(action_id))
        for other, row in enumerate(self.rows):
            own = row.fields.get("key")
            if other != place and own and _same_key(own, normal):
                owner = repr(row.fields["name"])
        if not owner:
            return ""
        gone = {*self._keymap.keys().values(), *self._keys.values()}
        free = ", ".join(map(key_text, free_keys(gone)[:3]))
        return f"{key_text(normal)} belongs to {owner}. Free are {free}"

    def remove(self, places: Iterable[int]) -> None:
        """Take labels away; one that is in use is retired, or brought back."""
        chosen = [place for place in sorted(set(places)) if place < len(self.rows)]
        kept = [place for place in chosen if self.rows[place].in_use]
        retire = not all(self.rows[place].is_retired for place in kept)
        for place in kept:
            self._about_to_change(place).fields["retired"] = retire
        for place in reversed(chosen):
            if place not in kept:
                self.beginRemoveRows(QModelIndex(), place, place)
                del self.rows[place]
                self.endRemoveRows()
        self._tell()

    def move(self, places: Iterable[int], target: int) -> list[int]:
        """Put labels before the one at `target`; return where they are now."""
        chosen = [place for place in sorted(set(places)) if place < len(self.rows)]
        target = min(max(target, 0), len(self.rows))
        moved = [self.rows[place] for place in chosen]
        rest = [row for i, row in enumerate(self.rows) if i not in chosen]
        first = target - sum(place < target for place in chosen)
        self.layoutAboutToBeChanged.emit()
        self.rows = [*rest[:first], *moved, *rest[first:]]
        self._look()
        self.layoutChanged.emit()
        self.changed.emit()
        return list(range(first, first + len(moved)))

    def _fill(self, row: LabelRow, others: Sequence[LabelRow]) -> None:
        """Give a new label what it does not bring."""
        fields = row.fields
        if not fields.get("method"):
            last = others[-1].fields["method"] if others else self._methods[0]
            is_class = fields.get("scope") == Scope.CASE or fields.get("group")
            fields["method"] = Method.CLASSIFICATION if is_class else last
            if others and not is_class and last is Method.CLASSIFICATION:
                fields["scope"] = others[-1].fields.get("scope") or Scope.SLICE
        fields["method"] = Method(fields["method"])
        if not fields.get("scope"):
            fields["scope"] = Scope.SLICE
        if str(fields.get("id", "")).isdecimal():
            fields["id"] = int(fields["id"])
        if not fields.get("color"):
            fields["color"] = self.next_color(others)

    def next_color(self, others: Sequence[LabelRow] | None = None) -> str:
        """Return the colour of the next label: one that no other has, if there is."""
        rows = self.rows if others is None else others
        used = Counter(str(row.fields["color"]).upper() for row in rows)
        return min(COLORS, key=lambda color: (used[color], COLORS.index(color)))

    # ----------------------------------------------------------------- faults
    def _tell(self) -> None:
        self._look()
        last = self.rowCount() - 1
        self.dataChanged.emit(self.index(0, 0), self.index(last, Column.KEY))
        self.changed.emit()

    def _look(self) -> None:
        """Look for what is wrong, and give out the keys."""
        names = Counter(self._identity(row) for row in self.rows)
        keys = Counter(
            str(row.fields["key"]).casefold()
            for row in self.rows
            if row.fields.get("key")
        )
        ids = Counter(row.fields["id"] for row in self.rows if "id" in row.fields)
        scopes: dict[str, Scope] = {}
        self._faults = []
        for row in self.rows:
            fault = row.problem or _fault(row)
            key, group = row.fields.get("key"), row.fields.get("group")
            if not fault and names[self._identity(row)] > 1:
                fault = "Another label has this name. Give each a name of its own"
            elif not fault and key and keys[str(key).casefold()] > 1:
                fault = f"Another label has the key {key}. Give each its own, or none"
            elif not fault and "id" in row.fields and ids[row.fields["id"]] > 1:
                fault = f"Another label has the id {row.fields['id']}"
            elif not fault and group:
                scope = row.choice.scope
                if scopes.setdefault(group, scope) is not scope:
                    fault = f"Group {group!r} mixes slice labels and case labels"
            self._faults.append(fault)
        self._keys = self._given_keys()

    def _given_keys(self) -> dict[int, str]:
        """Return the key of each row, as the annotators will have it."""
        labels = [
            Label.model_construct(
                id=place,
                name=str(row.fields.get("name")),
                color="",
                method=row.fields["method"],
                key=None if self._faults[place] else row.fields.get("key"),
            )
            for place, row in enumerate(self.rows)
            if not row.is_retired
        ]
        shown = LabelSet.model_construct(labels=tuple(labels))
        return label_keys(shown, self._keymap.of_the_job())

    def key(self, place: int) -> str:
        """Return the key that chooses a label; empty if there is none."""
        return self._keys.get(place, "")

    # --------------------------------------------------------------- Qt's model
    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many labels there are, and the empty row."""
        return 0 if parent is not None and parent.isValid() else len(self.rows) + 1

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return how many columns there are."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        """Return the title of a column."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Horizontal:
            return TITLES[Column(section)]
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return what can be done in a cell."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.row() >= len(self.rows):
            if index.column() == Column.NAME:
                flags |= Qt.ItemFlag.ItemIsEditable
            return flags
        flags |= Qt.ItemFlag.ItemIsDragEnabled
        row = self.rows[index.row()]
        is_class = row.fields["method"] is Method.CLASSIFICATION
        if index.column() != Column.COLOR and (
            index.column() != Column.GROUP or is_class
        ):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what stands in a cell."""
        if not index.isValid() or index.row() >= len(self.rows):
            return self._empty(index, role)
        place, column = index.row(), Column(index.column())
        row = self.rows[place]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(place, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.said(place) or self._tip(row, column)
        if role == Qt.ItemDataRole.FontRole and row.is_retired:
            font = QFont()
            font.setStrikeOut(column is Column.NAME)
            return font
        if role == Qt.ItemDataRole.AccessibleTextRole:
            said = self.said(place)
            text = self._text(place, column) or TITLES[column]
            return f"{text}: {said}" if said else text
        return None

    def _empty(self, index: QModelIndex, role: int) -> Any:
        if index.column() == Column.NAME:
            if role == Qt.ItemDataRole.DisplayRole:
                return "Type a name, then Enter"
            if role == Qt.ItemDataRole.EditRole:
                return ""
        return None

    def _text(self, place: int, column: Column) -> str:
        row = self.rows[place]
        if column is Column.NAME:
            return str(row.fields.get("name", ""))
        if column is Column.METHOD:
            return row.choice.text
        if column is Column.GROUP:
            return str(row.fields.get("group") or "")
        if column is Column.KEY:
            return key_text(self.key(place))
        return str(row.fields["color"])

    def _tip(self, row: LabelRow, column: Column) -> str:
        concept = row.fields.get("concept")
        if column is Column.COLOR:
            return "Choose another colour"
        if column is Column.METHOD:
            return row.choice.tip
        if column is Column.KEY:
            return "Click, then press the key; Delete for any that is free"
        if column is Column.GROUP:
            return "Class labels of one group stand together"
        used = "Something is annotated with it: it can be retired, not removed"
        if row.is_retired:
            used = "Retired: shown where it is used, not offered any more"
        lines = [str(row.fields.get("name", "")), used if row.in_use else ""]
        asked = row.fields.get("attributes") or ()
        if asked and not row.problem:
            names = [str(a.get("name", "")) for a in asked if isinstance(a, dict)]
            lines.append(f"Asks for {', '.join(names)}")
        if concept:
            lines.append(str(getattr(concept, "meaning", "") or _meaning(concept)))
        return "\n".join(filter(None, lines))


def _fault(row: LabelRow) -> str:
    """Return what is wrong with a label by itself."""
    name = row.fields.get("name")
    if not isinstance(name, str) or not name.strip():
        return "It has no name. Type one, or remove the label"
    try:
        validated(Label, {"id": 1, **row.fields})
    except InvalidValueError as error:
        return str(error)
    return ""


def _meaning(concept: Mapping[str, Any]) -> str:
    return str(concept.get("meaning", "")) if isinstance(concept, dict) else ""


def _same_key(text: str, normal: str) -> bool:
    try:
        return normal_key(str(text)) == normal
    except InvalidValueError:
        return False
