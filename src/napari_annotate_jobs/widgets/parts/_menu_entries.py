"""Entries of menus, and what each of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_annotate_jobs.widgets.keys._keys import key_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QAction
    from qtpy.QtWidgets import QMenu

__all__ = ["MenuEntries"]


class MenuEntries(QObject):
    """Adds entries to menus that are filled anew each time.

    What an entry does is kept here: Qt would keep a lambda, and all it knows, out of
    the collector's sight.

    Parameters
    ----------
    parent : QObject
        Owns it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._calls: dict[QAction, Callable[[], Any]] = {}

    def clear(self) -> None:
        """Forget what the entries did, before they are made anew."""
        self._calls.clear()

    def add(
        self,
        menu: QMenu,
        text: str,
        call: Callable[[], Any] | None,
        *,
        key: str = "",
        on: bool = True,
    ) -> QAction:
        """Add an entry.

        Parameters
        ----------
        menu : QMenu
            Gets it.
        text : str
            What it says.
        call : callable, optional
            What it does; None for a title.
        key : str
            Does the same; empty for none.
        on : bool
            Whether it can be chosen.
        """
        behind = f"\t{key_text(key)}" if key else ""
        action = menu.addAction(text.replace("&", "&&") + behind)
        action.setEnabled(on and call is not None)
        if call is not None:
            self._calls[action] = call
            action.triggered.connect(self._triggered)
        return action

    def _triggered(self) -> None:
        self._calls[self.sender()]()
