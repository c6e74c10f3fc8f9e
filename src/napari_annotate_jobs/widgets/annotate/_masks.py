"""Masks that the program proposes, and what becomes of all proposals of a case."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QMenu, QPushButton, QSizePolicy, QWidget

from napari_annotate_jobs.widgets.parts._menu_entries import MenuEntries
from napari_annotate_jobs.widgets.parts._theme import Colors, focus_style

if TYPE_CHECKING:
    from napari_annotate_jobs.widgets.keys._key_map import KeyMap

__all__ = ["MaskSection"]

FOLLOW = (
    ("follow", "Both ways"),
    ("follow_back", "To earlier slices"),
    ("follow_on", "To later slices"),
)
"""Where masks are followed to, in the menu."""


class MaskSection(QWidget):
    """Buttons that propose masks, and that settle all proposals of the case.

    Setters never emit.

    Parameters
    ----------
    keymap : KeyMap
        The keys of the actions, shown in the tooltips.
    parent : QWidget, optional
        The widget it belongs to.
    """

    requested = Signal(str)
    """An action is to be done, by its id."""

    def __init__(self, keymap: KeyMap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.interpolate = self._button("Interpolate", "interpolate")
        self.follow = self._button("Follow image", "follow")
        self.confirm = self._button("Confirm here", "confirm")
        self.reject = self._button("Reject here", "reject")
        self.confirm_all = self._button("Confirm all", "confirm_all")
        self.reject_all = self._button("Reject all", "reject_all")
        self._plain = (
            self.interpolate,
            self.confirm,
            self.reject,
            self.confirm_all,
            self.reject_all,
        )
        self.menu = QMenu(self)
        self.follow.setMenu(self.menu)
        self._entries = MenuEntries(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        # What there is only while something is proposed comes above what stays.
        layout.addWidget(self.confirm, 0, 0)
        layout.addWidget(self.reject, 0, 1)
        layout.addWidget(self.confirm_all, 1, 0)
        layout.addWidget(self.reject_all, 1, 1)
        layout.addWidget(self.interpolate, 2, 0)
        layout.addWidget(self.follow, 2, 1)
        for column in (0, 1):
            layout.setColumnStretch(column, 1)
        for button in self._plain:
            button.clicked.connect(self._clicked)
        self.set_colors(Colors.dark())
        self.set_keymap(keymap)
        self.offer(masks=False, proposals=False)
        self.set_state(slices=0)

    def _button(self, text: str, action: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(action)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return button

    # --------------------------------------------------------------- setters
    def set_keymap(self, keymap: KeyMap) -> None:
        """Show other keys in the tooltips and the menu."""
        for button in self._plain:
            action = button.objectName()
            button.setToolTip(keymap.tip(action))
        self.follow.setToolTip(keymap.tip("follow"))
        self.menu.clear()
        self._entries.clear()
        for name, text in FOLLOW:
            ask = partial(self.requested.emit, name)
            self._entries.add(self.menu, text, ask, key=keymap.key(name))

    def set_colors(self, colors: Colors) -> None:
        """Use the colours of napari's theme."""
        for button in (*self._plain, self.follow):
            button.setStyleSheet(focus_style(colors))

    def offer(self, *, masks: bool, proposals: bool) -> None:
        """Show what there is a use for.

        Parameters
        ----------
        masks : bool
            Masks are painted, on several slices.
        proposals : bool
            There is something to confirm in the case.
        """
        for button in (self.interpolate, self.follow):
            button.setVisible(masks)
        for button in (self.confirm, self.reject, self.confirm_all, self.reject_all):
            button.setVisible(proposals)
        self.setVisible(masks or proposals)

    def set_state(self, *, editable: bool = True, slices: int, chosen: int = 0) -> None:
        """Show what can be done now.

        Parameters
        ----------
        editable : bool
            The case is open and not submitted.
        slices : int
            Number of slices with proposals that can be settled.
        chosen : int
            Number of those among the selected slices, else 1 if the current one is.
        """
        several = " here" if chosen < 2 else f" on {chosen}"
        every = f" {slices}" if slices else ""
        self.interpolate.setEnabled(editable)
        self.follow.setEnabled(editable)
        for button, text, on in (
            (self.confirm, f"Confirm{several}", chosen > 0),
            (self.reject, f"Reject{several}", chosen > 0),
            (self.confirm_all, f"Confirm all{every}", slices > chosen),
            (self.reject_all, f"Reject all{every}", slices > chosen),
        ):
            button.setText(text)
            button.setEnabled(editable and on)

    # ----------------------------------------------------------------- doing
    def _clicked(self) -> None:
        self.requested.emit(self.sender().objectName())
