"""What a right click on the slice strip offers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QMenu, QWidget

from napari_annotate_jobs.model import Decision, Method, Scope
from napari_annotate_jobs.widgets.keys._key_map import KeyMap, label_keys
from napari_annotate_jobs.widgets.parts._menu_entries import MenuEntries

from ._paint import color_icon
from ._ranges import slices_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QAction

    from napari_annotate_jobs.editing import Cell
    from napari_annotate_jobs.model import Label, LabelSet
from ._ranges import Segment

__all__ = ["EXCLUDE", "NOTHING", "StripMenu", "label_action"]

NOTHING = "nothing to label"
EXCLUDE = "exclude"
MANY = 12
"""More labels than this go into a menu of their own."""


def label_action(label_id: int) -> str:
    """Return the name of the decision to put a label on slices, or take it away."""
    return f"label:{label_id}"


class StripMenu(QObject):
    """Builds menus and says what was chosen.

    Parameters
    ----------
    parent : QWidget
        The strip.
    """

    decided = Signal(str, int, int)
    confirmed = Signal(int, int)
    rejected = Signal(int, int)
    propagated = Signal(int, int)
    resized = Signal(str, int, int)
    deleted = Signal(str)
    relabelled = Signal(str, int)
    selected = Signal(int, int)
    cleared = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.labels: tuple[Label, ...] = ()
        self.keys: dict[int, str] = {}
        self.keymap = KeyMap()
        self.locked = False
        self.state: Callable[[str, int, int], bool] | None = None
        self._entries = MenuEntries(self)

    def set_labels(self, label_set: LabelSet) -> None:
        """Offer the class labels that are said of slices."""
        self.labels = label_set.offered(Method.CLASSIFICATION, Scope.SLICE)
        self.keys = label_keys(label_set, self.keymap)

    def build(
        self,
        span: tuple[int, int],
        cells: Sequence[Cell],
        segments: Sequence[Segment],
        *,
        current: int,
        is_selection: bool,
    ) -> QMenu:
        """Return the menu for some slices; the caller shows it.

        Parameters
        ----------
        span : (int, int)
            First and last slice it is about.
        cells : sequence of Cell
            Those slices.
        segments : sequence of Segment
            The ranges to offer.
        current : int
            The slice at the mouse, where ranges can be made to end.
        is_selection : bool
            True if the slices are selected.
        """
        start, stop = span
        parent = self.parent()
        assert isinstance(parent, QWidget)
        self._entries.clear()
        menu = QMenu(parent)
        title = slices_text(start, stop).capitalize()
        count = f" ({stop - start + 1})" if stop > start else ""
        self._add(menu, title + count, None)
        menu.addSeparator()
        self._add_decisions(menu, start, stop, cells)
        menu.addSeparator()
        propagate = partial(self.propagated.emit, start, stop)
        self._add(menu, "Propagate…", propagate, key=self.keymap.key("propagate"))
        if any(cell.proposals for cell in cells):
            for name, text, asked in (
                ("confirm", "Confirm proposals", self.confirmed),
                ("reject", "Reject proposals", self.rejected),
            ):
                ask = partial(asked.emit, start, stop)
                self._add(menu, text, ask, key=self.keymap.key(name))
        if segments:
            menu.addSeparator()
        for segment in segments:
            self._add_range(menu, segment, current)
        if is_selection:
            menu.addSeparator()
            clear = self.cleared.emit
            self._add(menu, "Clear the selection", clear, key="Esc", always=True)
        return menu

    def _add(
        self,
        menu: QMenu,
        text: str,
        call: Callable[[], None] | None,
        *,
        key: str = "",
        always: bool = False,
        checked: bool | None = None,
        color: str = "",
    ) -> QAction:
        on = always or not self.locked
        action = self._entries.add(menu, text, call, key=key, on=on)
        if checked is not None:
            action.setCheckable(True)
            action.setChecked(checked)
        if color:
            action.setIcon(color_icon(color))
        return action

    def _add_decisions(
        self, menu: QMenu, start: int, stop: int, cells: Sequence[Cell]
    ) -> None:
        into = menu.addMenu("Label") if len(self.labels) > MANY else menu
        assert into is not None
        for label in self.labels:
            name = label_action(label.id)
            self._add(
                into,
                label.name,
                partial(self.decided.emit, name, start, stop),
                key=self.keys.get(label.id, ""),
                checked=self.state is not None and self.state(name, start, stop),
                color=label.color,
            )
        for name, text, decision in (
            (NOTHING, "Nothing to Label", Decision.NOTHING_TO_LABEL),
            (EXCLUDE, "Exclude", Decision.EXCLUDED),
        ):
            on = all(cell.decision is decision for cell in cells)
            if self.state is not None:
                on = self.state(name, start, stop)
            action = "nothing_to_label" if name == NOTHING else "exclude"
            self._add(
                menu,
                text,
                partial(self.decided.emit, name, start, stop),
                key=self.keymap.key(action),
                checked=on,
            )

    def _add_range(self, menu: QMenu, segment: Segment, current: int) -> None:
        title = f"Range {segment.name}: {slices_text(segment.start, segment.stop)}"
        sub = menu.addMenu(title.replace("&", "&&"))
        assert sub is not None
        number = current + 1
        if current <= segment.stop:
            self._add(
                sub,
                f"Let it start at slice {number}",
                lambda: self.resized.emit(segment.id, current, segment.stop),
            )
        if current >= segment.start:
            self._add(
                sub,
                f"Let it end at slice {number}",
                lambda: self.resized.emit(segment.id, segment.start, current),
            )
        if segment.can_relabel and self.labels:
            into = sub.addMenu("Change its label to")
            assert into is not None
            into.setEnabled(not self.locked)
            for label in self.labels:
                self._add(
                    into,
                    label.name,
                    partial(self.relabelled.emit, segment.id, label.id),
                    color=label.color,
                )
        self._add(
            sub,
            "Select its slices",
            lambda: self.selected.emit(segment.start, segment.stop),
            always=True,
        )
        self._add(sub, "Delete the range", lambda: self.deleted.emit(segment.id))
