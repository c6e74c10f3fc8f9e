"""Keys of the workstation, as shortcuts of the viewer's window."""

from __future__ import annotations

import weakref
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
        self._window = weakref.ref(window)
        self._shortcuts: list[QShortcut] = []
        self._escape: QShortcut | None = None

    def set_keys(self, calls: Mapping[str, Callable[[], None]]) -> None:
        """Replace all keys.

        Parameters
        ----------
        calls : mapping of str to callable
            What each key does, in Qt's portable notation.
        """
        self.clear()
        window = self._window()
        if window is None:
            return
        for key, call in calls.items():
            shortcut = QShortcut(QKeySequence(key), window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(lambda call=call: self._act(call))
            self._shortcuts.append(shortcut)

    def set_escape(self, call: Callable[[], None] | None, widget: QWidget) -> None:
        """Let Esc do something; with None it is again what it is elsewhere.

        Elsewhere Esc closes panels, or lets go of what is selected there.

        Parameters
        ----------
        call : callable, optional
            What it does.
        widget : QWidget
            The window, for wherever the keyboard is; else what must have it.
        """
        if self._escape is not None:
            self._release(self._escape)
            self._escape = None
        if call is not None:
            self._escape = QShortcut(QKeySequence("Esc"), widget)
            self._escape.setContext(
                Qt.ShortcutContext.WindowShortcut
                if widget is self._window()
                else Qt.ShortcutContext.WidgetShortcut
            )
            self._escape.activated.connect(call)

    def _act(self, call: Callable[[], None]) -> None:
        if not text_has_focus():
            call()

    def clear(self) -> None:
        """Release all keys."""
        for shortcut in self._shortcuts:
            self._release(shortcut)
        self._shortcuts = []

    @staticmethod
    def _release(shortcut: QShortcut) -> None:
        shortcut.setEnabled(False)
        shortcut.activated.disconnect()
        shortcut.setParent(None)
        shortcut.deleteLater()
