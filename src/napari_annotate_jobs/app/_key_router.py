"""Keys of the workstation, as shortcuts of the viewer's window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

from napari_annotate_jobs.widgets import text_has_focus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KeyRouter"]


class KeyRouter:
    """Shortcuts that live as long as a case is open.

    None acts while a text field has the focus, nor while a question is shown.

    Parameters
    ----------
    window : QWidget
        The main window; keys act whatever part of it has the focus.
    """

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._shortcuts: list[QShortcut] = []

    def set_keys(self, calls: Mapping[str, Callable[[], None]]) -> None:
        """Replace all keys.

        Parameters
        ----------
        calls : mapping of str to callable
            What each key does, in Qt's portable notation.
        """
        self.clear()
        for key, call in calls.items():
            shortcut = QShortcut(QKeySequence(key), self._window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(lambda call=call: self._act(call))
            self._shortcuts.append(shortcut)

    def _act(self, call: Callable[[], None]) -> None:
        if not text_has_focus():
            call()

    def clear(self) -> None:
        """Release all keys."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.activated.disconnect()
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
