"""Keys that act within one view, before any shortcut of the window sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractButton, QApplication

from napari_annotate_jobs.widgets.parts._qt_events import event_as

from ._held import acts_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QWidget

__all__ = ["LocalKeys"]


class LocalKeys(QObject):
    """Keys of a view and what they do.

    Two shortcuts of one window with the same key silence each other. A view that
    claims its keys in Qt's ShortcutOverride event has them while the focus is in it,
    whatever else they mean elsewhere.

    Parameters
    ----------
    actions : mapping of str to callable
        What to call, by key as ``"Ctrl+F"``.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        super().__init__()
        self._actions = {QKeySequence(key): call for key, call in actions.items()}

    @classmethod
    def with_enter(
        cls, view: QWidget, actions: Mapping[str, Callable[[], None]]
    ) -> LocalKeys:
        """Return keys of a view of which Enter presses the button it is on.

        Qt does so in dialogs alone; what else takes Enter in the view keeps it.
        """

        def press() -> None:
            focus = view.focusWidget()
            if isinstance(focus, QAbstractButton):
                focus.click()

        return cls({**actions, "Return": press, "Enter": press})

    def claim(self, event: QEvent) -> bool:
        """Accept a ShortcutOverride event if it is for one of the keys."""
        if event.type() != QEvent.Type.ShortcutOverride:
            return False
        if self._find(event) is None:
            return False
        event.accept()
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton):
            # A button takes arrows, whatever is held with them, to walk among buttons.
            focus.installEventFilter(self)
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Have a key before the button that has the keyboard."""
        if event.type() != QEvent.Type.KeyPress:
            return False
        press = event_as(event, QKeyEvent)
        return press is not None and self.act(press)

    def act(self, event: QKeyEvent) -> bool:
        """Carry out a key press if it is one of the keys."""
        call = self._find(event)
        if call is None:
            return False
        if acts_once(event):
            call()
        return True

    def _find(self, event: QEvent) -> Callable[[], None] | None:
        press = event_as(event, QKeyEvent)
        if press is None:
            return None
        # Keys of the number block count as the others.
        try:
            pressed = QKeySequence(press.keyCombination())
        except AttributeError:  # Qt 5
            pressed = QKeySequence(int(press.modifiers()) | press.key())
        return next((c for key, c in self._actions.items() if key == pressed), None)
