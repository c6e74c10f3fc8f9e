"""The object at hand, and what can be done with all its boxes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)
from superqt import QElidingLabel

from napari_annotate_jobs.widgets.parts._layouts import row_of
from napari_annotate_jobs.widgets.parts._menu_entries import MenuEntries
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style
from napari_annotate_jobs.widgets.strip._paint import color_icon
from napari_annotate_jobs.widgets.strip._ranges import slices_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.editing import Track
    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["BoxSection", "ObjectAtHand"]


@dataclass(frozen=True)
class ObjectAtHand:
    """What the section shows.

    Parameters
    ----------
    track : Track, optional
        The object; None if there are several boxes and none was chosen.
    here : bool
        True if it has a box on the current slice.
    others : tuple of Track
        Objects it can be joined with, the likeliest first.
    number : int
        Which of the objects of its label it is; 0 if it is the only one.
    """

    track: Track | None = None
    here: bool = False
    others: tuple[Track, ...] = ()
    number: int = 0


CONFIRM = "Confirm boxes"

BUTTONS = (
    ("confirm_object", CONFIRM),
    ("extend_object", "Extend"),
    ("object_leaves", "Ends here"),
    ("cut_object", "Cut here"),
    ("delete_object", "Delete"),
)
"""Action and text of each button."""

OVER_SLICES = ("extend_object", "object_leaves", "cut_object")
"""Make no sense on a single image."""

NO_BOX, SELECT = "No box here", "Select a box to change its object"

ONE_BOX = (
    ("confirm_box", "Confirm this box"),
    ("delete_box", "Delete this box only"),
    ("separate_box", "Make this box an object of its own"),
)
"""What is done with one box, in the menu."""


class BoxSection(QWidget):
    """What is boxed here, over all slices, and what can be done with it.

    Setters never emit.

    Parameters
    ----------
    keymap : KeyMap
        The keys of the actions, shown in the tooltips.
    parent : QWidget, optional
        The widget it belongs to.
    """

    requested = Signal(str)
    """An action, by its id, is to be done with the object or box at hand."""
    join_requested = Signal(str)
    """The object is to be joined with another, by its id."""
    relabel_requested = Signal(int)
    """The object is to get another label, by its id."""

    def __init__(self, keymap: KeyMap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keymap = keymap
        self._state = ObjectAtHand()
        self._is_blank = False
        self._several: bool | None = None
        self._labels: tuple[Label, ...] = ()
        self.label = QToolButton(self)
        self.label.setObjectName("relabel")
        self.label.setAutoRaise(True)
        self.label.setIconSize(QSize(12, 12))
        self.label.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.label.setAccessibleName("Label of the object")
        self.label.setToolTip("Give the object another label, on all its slices")
        self.about = QElidingLabel(self)
        self.about.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.about.setAccessibleName("Object at hand")
        keep = self.label.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.label.setSizePolicy(keep)
        self.buttons: dict[str, QPushButton] = {}
        for action, text in BUTTONS:
            button = self.buttons[action] = QPushButton(text, self)
            button.setObjectName(action)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(self._clicked)
        self.more = QPushButton("More", self)
        self.more.setObjectName("join_object")
        self.more.setToolTip("Join with another object; one box only")
        self.more.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._entries = MenuEntries(self)
        self._lay_out()
        self.set_colors(Colors.dark())
        self.set_keymap(keymap)
        self.set_object(None)

    def _lay_out(self) -> None:
        top = row_of(self.label, (self.about, 1), spacing=4)
        self._grid = layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(top, 0, 0, 1, 3)
        for column in range(3):
            layout.setColumnStretch(column, 1)
        self.set_several(True)

    # --------------------------------------------------------------- setters
    def set_labels(self, labels: Sequence[Label]) -> None:
        """Offer the labels for boxes of a job."""
        self._labels = tuple(labels)
        self._fill_menus()

    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys in the tooltips."""
        self._keymap = keymap
        for action, _ in BUTTONS:
            self.buttons[action].setToolTip(keymap.tip(action))
        self._fill_menus()

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        self.label.setStyleSheet(focus_style(colors))

    def set_several(self, several: bool) -> None:
        """Offer what goes over slices, where the case has several."""
        if several is self._several:
            return
        self._several = several
        buttons = (*self.buttons.values(), self.more)
        shown = [b for b in buttons if several or b.objectName() not in OVER_SLICES]
        for button in buttons:
            self._grid.removeWidget(button)
            button.setVisible(button in shown)
        for place, button in enumerate(shown):
            self._grid.addWidget(button, 1 + place // 3, place % 3)

    def set_object(self, state: ObjectAtHand | None) -> None:
        """Show an object; None if there is none. The buttons keep their places."""
        if state is None and self._is_blank:
            return
        self._is_blank = state is None
        self._state = state or ObjectAtHand()
        track = self._state.track
        self.label.setVisible(track is not None)
        for widget in (*self.buttons.values(), self.more):
            widget.setEnabled(track is not None)
        if track is None:
            self.about.setText(NO_BOX if state is None else SELECT)
            self.about.setToolTip("Select a box to see its object, and to change it")
            self.buttons["confirm_object"].setText(CONFIRM)
            return
        label = next((x for x in self._labels if x.id == track.label), None)
        if label is not None:
            self.label.setIcon(color_icon(label.color))
        name = "" if label is None else label.name
        if self._state.number:
            name = f"{name} {self._state.number}"
        self.about.setText(about(track, name, several=bool(self._several)))
        self.about.setToolTip(self.about.text())
        confirm, waiting = self.buttons["confirm_object"], len(track.proposals)
        confirm.setEnabled(waiting > 0)
        confirm.setText(_confirm_text(waiting))
        self._fill_menus()

    # ----------------------------------------------------------------- menus
    @property
    def menus(self) -> tuple[QMenu, QMenu]:
        """The menus of the label and of all that is seldom done."""
        return self._menu(self.label), self._menu(self.more)

    def _fill_menus(self) -> None:
        self._entries.clear()
        menu, add = self._menu(self.label), self._entries.add
        menu.clear()
        for label in self._labels:
            relabel = partial(self.relabel_requested.emit, label.id)
            add(menu, label.name, relabel).setIcon(color_icon(label.color))
        menu, keys = self._menu(self.more), self._keymap.keys()
        menu.clear()
        for name, text in ONE_BOX:
            ask = partial(self.requested.emit, name)
            add(menu, text, ask, key=keys.get(name, ""), on=self._state.here)
        menu.addSeparator()
        name, others = "join_object", self._state.others
        ask = partial(self.requested.emit, name)
        text = "Join with the likeliest object"
        add(menu, text, ask, key=keys.get(name, ""), on=bool(others))
        for track in others:
            text = f"Join with the one on {slices_text(track.start, track.stop)}"
            add(menu, text, partial(self.join_requested.emit, track.id))

    def _menu(self, button: QToolButton | QPushButton) -> QMenu:
        menu = button.menu()
        if menu is None:
            menu = QMenu(self)
            button.setMenu(menu)
        return menu

    def _clicked(self) -> None:
        self.requested.emit(self.sender().objectName())


def about(track: Track, name: str, *, several: bool = True) -> str:
    """Say in a line what an object is: name, slices, keys, what is to confirm.

    Parameters
    ----------
    track : Track
        The object.
    name : str
        What it is called.
    several : bool
        False for a single image, whose only slice needs no naming.
    """
    keys, waiting = len(track.keys), len(track.proposals)
    parts = [name]
    if several:
        parts.append(slices_text(track.start, track.stop))
    if len(track.boxes) > 1:
        parts.append(f"{keys} key{'' if keys == 1 else 's'}")
    if waiting:
        parts.append(f"{waiting} to confirm")
    return " · ".join(parts)


def _confirm_text(waiting: int) -> str:
    """Return what confirms the proposed boxes of an object."""
    if not waiting:
        return CONFIRM
    return f"Confirm {waiting} box{'' if waiting == 1 else 'es'}"
