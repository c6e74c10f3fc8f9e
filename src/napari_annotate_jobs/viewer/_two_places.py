"""napari's grid with two places: the open case on the left, more on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["TwoPlaces"]


class TwoPlaces:
    """Puts layers beside all others; the views of both go together.

    Parameters
    ----------
    viewer : ViewerModel
        Whose grid it is.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._right: list[Layer] = []
        self._connections = Connections()
        self._before: tuple[bool, int, tuple[int, int]] | None = None
        self._arranging = False

    @property
    def is_shown(self) -> bool:
        """True while there is something on the right."""
        return bool(self._right)

    def show(self, right: Iterable[Layer]) -> None:
        """Put these layers, which the viewer has, on the right, and no others."""
        self._right = list(right)
        if not self._right:
            self.hide()
            return
        grid, is_new = self._viewer.canvas.grid, self._before is None
        if is_new:
            self._before = grid.enabled, grid.stride, grid.shape
            layers = self._viewer.layers.events
            self._connections.connect(layers.inserted, self._arrange)
            self._connections.connect(layers.removed, self._arrange)
        self._arrange()
        if is_new:
            grid.shape, grid.enabled = (1, 2), True

    def _arrange(self) -> None:
        """Keep what is on the right above all others: the grid goes by the order."""
        if self._arranging or not self._right:
            return
        layers = self._viewer.layers
        if any(layer not in layers for layer in self._right):
            return
        self._arranging = True
        try:
            for layer in self._right:
                layers.move(layers.index(layer), len(layers))
            self._viewer.canvas.grid.stride = len(layers) - len(self._right)
        finally:
            self._arranging = False

    def hide(self) -> None:
        """Have the grid as it was before; layers stay."""
        self._connections.release()
        self._right = []
        if self._before is not None:
            grid = self._viewer.canvas.grid
            grid.enabled, grid.stride, grid.shape = self._before
            self._before = None
