"""What a right click on a box, or on what is painted, offers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu

from napari_annotate_jobs.widgets.parts._menu_entries import MenuEntries
from napari_annotate_jobs.widgets.strip._paint import color_icon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.editing import Pointed
    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["ObjectMenu", "pointed_text"]


def pointed_text(pointed: Pointed) -> str:
    """Say in a few words what is pointed at."""
    if pointed.box is not None:
        kind = "proposed box" if pointed.box.proposal else "box"
        return f"{pointed.label.name}, {kind}"
    if pointed.pieces == 1 or pointed.piece is None:
        return pointed.label.name
    return f"{pointed.label.name}, this piece of {pointed.pieces}"


class ObjectMenu(QMenu):
    """The acts on one object, and pasting; it acts on nothing by itself.

    Parameters
    ----------
    parent : QWidget
        What it is shown over.
    """

    relabel_requested = Signal(int)
    """The id of the label it is to get."""
    requested = Signal(str)
    """``copy``, ``cut``, ``paste``, ``delete``, ``delete_all``, ``delete_object``,
    ``confirm`` or ``comment``."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("What is done with the object")
        self._entries = MenuEntries(self)

    def show_for(
        self,
        pointed: Pointed | None,
        labels: Sequence[Label],
        *,
        copied: str,
        editable: bool,
        may_write: bool,
        keymap: KeyMap,
    ) -> None:
        """Offer what can be done; nothing is shown yet.

        Parameters
        ----------
        pointed : Pointed, optional
            The object; None for a place where nothing is.
        labels : sequence of Label
            The labels it can have.
        copied : str
            What can be pasted; empty for nothing.
        editable : bool
            False for a case that can be looked at only.
        may_write : bool
            False if nothing can be said of it either.
        keymap : KeyMap
            The keys of the actions.
        """
        self.clear()
        self._entries.clear()
        if pointed is not None:
            self._add_object(self, pointed, labels, editable, may_write)
            self.addSeparator()
        self._entries.add(
            self,
            f"Paste {copied[:1].lower()}{copied[1:]}" if copied else "Paste",
            partial(self.requested.emit, "paste"),
            key=keymap.key("paste"),
            on=editable and bool(copied),
        )

    def _add_object(
        self,
        menu: QMenu,
        pointed: Pointed,
        labels: Sequence[Label],
        editable: bool,
        may_write: bool,
    ) -> None:
        title = self._entries.add(menu, pointed_text(pointed), None)
        title.setIcon(color_icon(pointed.label.color))
        menu.addSeparator()
        into = menu.addMenu("Change label to")
        assert into is not None
        others = [label for label in labels if label.id != pointed.label.id]
        into.setEnabled(editable and bool(others))
        for label in others:
            relabel = partial(self.relabel_requested.emit, label.id)
            action = self._entries.add(into, label.name, relabel)
            action.setIcon(color_icon(label.color))
        if pointed.box is not None and pointed.box.proposal:
            self._ask(menu, "Confirm the box", "confirm", editable)
        menu.addSeparator()
        self._ask(menu, "Copy", "copy", True)
        self._ask(menu, "Cut", "cut", editable)
        self._ask(menu, "Delete", "delete", editable)
        if pointed.pieces > 1:
            text = f"Delete all {pointed.pieces} pieces on this slice"
            self._ask(menu, text, "delete_all", editable)
        if pointed.slices > 1:
            text = f"Delete the object on all {pointed.slices} slices"
            self._ask(menu, text, "delete_object", editable)
        self._ask(menu, "Comment…", "comment", may_write)

    def _ask(self, menu: QMenu, text: str, name: str, on: bool) -> None:
        self._entries.add(menu, text, partial(self.requested.emit, name), on=on)
