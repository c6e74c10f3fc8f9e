"""Spares the garbage collector what is there all the time."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import napari

__all__ = ["StillHeap"]


class StillHeap:
    """Keeps the garbage collector from what is there before a case is opened.

    napari has all garbage collected whenever layers go. That goes through every object
    of the program, and takes a third of the time to the next case, where nearly all of
    them are modules and widgets that stay. What comes after is collected as ever.

    Nothing is done in a viewer that has layers: they may go while the job is open, and
    their memory is to be free then. Neither is it where somebody else does the same.
    """

    def __init__(self) -> None:
        self._is_on = False

    def begin(self, viewer: napari.Viewer) -> None:
        """Spare what is there now."""
        if not viewer.layers and not gc.get_freeze_count():
            gc.freeze()
            self._is_on = True

    def end(self) -> None:
        """Let all be collected again; calling it twice does no harm."""
        if self._is_on:
            self._is_on = False
            gc.unfreeze()
