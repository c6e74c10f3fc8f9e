"""Spares the garbage collector what is there all the time."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["StillHeap"]


class StillHeap:
    """Keeps the garbage collector from what is there before the first case is opened.

    napari has all garbage collected whenever layers go. That goes through every object
    of the program, where nearly all are modules and widgets that stay, and takes a
    quarter of the time to the next case. What comes after is collected as ever.

    Nothing is done in a viewer that has layers: they may go, and their memory is to be
    free then. Neither is it where somebody else does the same. It is done once: else
    what is left of a job that was closed would be spared with the next one.

    Parameters
    ----------
    viewer : ViewerModel
        Where cases are opened.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._is_on = False

    def begin(self, _: object = None) -> None:
        """Spare what is there now."""
        if not (self._is_on or self._viewer.layers or gc.get_freeze_count()):
            gc.freeze()
            self._is_on = True

    def end(self) -> None:
        """Let all be collected again; calling it twice does no harm."""
        if self._is_on:
            self._is_on = False
            gc.unfreeze()
