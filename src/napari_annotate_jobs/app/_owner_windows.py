"""What the windows of New job and Edit job share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QObject

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from ._workstation import Workstation

__all__ = ["bring_up", "fit_screen", "the_one"]

EDGE = 40
"""Pixels of the screen that are left around a window."""

T = TypeVar("T", bound=QObject)


def the_one(kind: type[T], station: Workstation) -> T:
    """Return what does something at a workstation: there is one for each."""
    found = (child for child in station.children() if isinstance(child, kind))
    return next(found, None) or kind(station)


def fit_screen(dialog: QWidget, window: QWidget) -> None:
    """Let a window have no more room than the screen that another one is on."""
    screen = window.screen()
    if screen is not None:
        room = screen.availableGeometry().size()
        dialog.resize(
            min(dialog.width(), room.width() - EDGE),
            min(dialog.height(), room.height() - EDGE),
        )


def bring_up(dialog: QWidget) -> None:
    """Show a window above the others, and let it have the keyboard."""
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
