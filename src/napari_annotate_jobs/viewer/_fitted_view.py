"""The view, fitted to the image of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["FittedView"]

FILLED = 0.95
"""How much of the canvas the image takes, as where napari fits it."""


class FittedView:
    """Fits the view to a layer, however many axes other layers have.

    It stays fitted when the canvas gets another size, as by docks that come and go,
    until the user has zoomed or moved it.

    Parameters
    ----------
    viewer : ViewerModel
        What shows it.
    layer : Layer
        The layer; it is in the viewer.
    """

    def __init__(self, viewer: ViewerModel, layer: Layer) -> None:
        self._viewer, self._layer = viewer, layer
        self._fitted: tuple[float, ...] | None = None
        self._connections = Connections()
        self._connections.connect(viewer.canvas.events.size, self._on_size)

    @property
    def _now(self) -> tuple[float, ...]:
        camera = self._viewer.scene.camera
        return (camera.zoom, *camera.center)

    def fit(self) -> None:
        """Show the layer as a whole."""
        # napari's own way wants all axes of the view in the layer, and keeps the layer
        # alive when it is gone.
        viewer, layer = self._viewer, self._layer
        dims = viewer.dims
        extent, step = layer.extent.world, np.abs(layer.extent.step)
        shown = [axis - dims.ndim for axis in dims.displayed]
        if min(shown) < -layer.ndim:
            return
        center = extent.mean(axis=0)[shown]
        size = (extent[1] - extent[0] + step)[shown]
        camera = viewer.scene.camera
        camera.center = tuple(float(x) for x in (*(0.0,) * (3 - len(center)), *center))
        room = np.asarray(viewer.canvas.viewbox_size(viewer.layers), float)
        size[size == 0] = 1
        camera.zoom = float(FILLED * np.min(room / size[-2:]))
        self._fitted = self._now

    def _on_size(self) -> None:
        if self._fitted is not None and np.allclose(self._now, self._fitted):
            self.fit()

    def close(self) -> None:
        """Leave the view as it is."""
        self._connections.release()
