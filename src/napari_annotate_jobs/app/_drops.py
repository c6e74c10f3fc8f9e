"""Folders that are dropped on napari's canvas, of which a job could be made."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QWidget

from napari_annotate_jobs.widgets import dropped_paths

from ._asks import notify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._qt_executor import QtExecutor

__all__ = ["FolderDrops"]

CANVAS = frozenset({"QtViewer", "QtWelcomeWidget"})
"""What napari calls its widgets that take what is dropped on the canvas."""
MOST = 200
"""Entries of a folder that are looked at."""
ABOUT = "new job"


class FolderDrops(QObject):
    """Offers a job of folders that are dropped on the canvas.

    napari opens what it can, as ever. A folder of folders, of which it only says that
    there is no file in it, it is not bothered with.

    Parameters
    ----------
    window : QWidget
        napari's window.
    executor : QtExecutor
        Looks into folders.
    take : callable
        Called with the folders if the offer is taken.
    parent : QObject
        Owns it.
    """

    def __init__(
        self,
        window: QWidget,
        executor: QtExecutor,
        take: Callable[[Sequence[str]], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._executor, self._take = executor, take
        for widget in window.findChildren(QWidget):
            if type(widget).__name__ in CANVAS and widget.acceptDrops():
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at what is dropped; True if napari cannot do anything with it."""
        if event.type() != QEvent.Type.Drop or not isinstance(event, QDropEvent):
            return False
        paths = dropped_paths(event)
        if not paths or not all(os.path.isdir(path) for path in paths):
            return False
        if all(_holds_folders_only(path) for path in paths):
            event.acceptProposedAction()
            self._offer(paths)
            return True
        self._executor.run(
            lambda: all(_holds_images(path) for path in paths),
            lambda images: self._offer(paths) if images else None,
            lambda error: None,  # napari says what is wrong with the folder
        )
        return False

    def _offer(self, paths: Sequence[str]) -> None:
        name = Path(paths[0]).name if len(paths) == 1 else f"{len(paths)} folders"
        # napari remembers its notifications after the window is gone.
        held = ref(self)

        def take() -> None:
            drops = held()
            if drops is not None:
                drops._take(paths)

        notify(f"Make a job of {name}?", actions=(("New job…", take),), about=ABOUT)


def _holds_folders_only(path: str) -> bool:
    """Return whether a folder holds folders and no file."""
    try:
        with os.scandir(path) as entries:
            kinds = [entry.is_dir() for entry in islice(entries, MOST)]
    except OSError:
        return False
    return bool(kinds) and all(kinds)


def _holds_images(path: str) -> bool:
    """Return whether one of the first files of a folder is a medical image."""
    from napari_annotate_jobs.imaging import is_image

    with os.scandir(path) as entries:
        return any(
            entry.is_file() and is_image(entry.path) for entry in islice(entries, 20)
        )
