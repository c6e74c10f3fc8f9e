"""The view, fitted to the image of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.session import Connected, Connections

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["FittedView"]

FILLED = 0.95
"""How much of the canvas the image takes, as where napari fits it."""


class FittedView(Connected):
    """Fits the view to a layer, however many axes other layers have.

    It stays fitted when the canvas gets another size, as by docks that come and go,
    until the user has zoomed or moved it. It stays as it is when another layer, which
    comes or goes, has more axes than all others.

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
        self._shown = self._axes
        self._before: tuple[float, ...] | None = None
        events = viewer.dims.events
        self._connections = Connections(
            [
                (viewer.canvas.events.size, self._on_size),
                # In between napari fits the view to all layers.
                (events.ndim, self._note_view),
                (events.order, self._hold),
                (events.ndisplay, self._note_axes),
            ]
        )

    @property
    def _axes(self) -> tuple[int, ...]:
        """The axes that are shown, counted from the last."""
        dims = self._viewer.dims
        return tuple(axis - dims.ndim for axis in dims.displayed)

    @property
    def _now(self) -> tuple[float, ...]:
        camera = self._viewer.scene.camera
        return (camera.zoom, *camera.center)

    def fit(self) -> None:
        """Show the layer as a whole."""
        # napari's own way wants all axes of the view in the layer, and keeps the layer
        # alive when it is gone.
        viewer, layer = self._viewer, self._layer
        extent, step = layer.extent.world, np.abs(layer.extent.step)
        shown = list(self._axes)
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

    def _note_axes(self) -> None:
        self._shown = self._axes

    def _note_view(self) -> None:
        self._before = self._now

    def _hold(self) -> None:
        if self._before is not None and self._shown == self._axes:
            camera = self._viewer.scene.camera
            camera.zoom, *center = self._before
            camera.center = tuple(center)
        self._before = None
        self._note_axes()
