"""The viewer's axes are the case's, whatever other layers there are."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["CaseAxes"]


class CaseAxes:
    """Lets the viewer step along the slices, rows and columns of one image.

    napari lets its sliders reach over all layers, in the finest step and the smallest
    unit of any of them. Here a layer of another extent, step or unit changes neither
    what one press of a key steps, nor how far, nor the slice that is shown.

    Parameters
    ----------
    viewer : ViewerModel
        Whose axes they are.
    layer : Layer
        The image; its last three axes are slices, rows and columns.
    on_change : callable
        Called when napari changed the axes, to show what was shown before.
    """

    def __init__(
        self, viewer: ViewerModel, layer: Layer, on_change: Callable[[], None]
    ) -> None:
        self._viewer, self._layer = viewer, layer
        self._on_change = on_change
        self._ndim = viewer.dims.ndim
        self._used = self._ndim - viewer.dims.last_used
        self.is_holding = False
        self._connections = Connections()
        self._connections.connect(viewer.dims.events.range, self.hold)
        self._connections.connect(viewer.dims.events.last_used, self._on_last_used)
        self._connections.connect(viewer.layers.events.inserting, self._on_inserting)
        self._connections.connect(viewer.layers.events.inserted, self._on_inserted)
        self._connections.connect(viewer.layers.events.removed, self.hold)
        self.hold()

    @property
    def is_held(self) -> bool:
        """False while napari changes the axes: where it then steps says nothing."""
        if self.is_holding or self._layer not in self._viewer.layers:
            return False
        return np.allclose(self._wanted(), self._viewer.dims.range)

    def _wanted(self) -> list[Any]:
        extent, step = self._layer.extent.world, self._layer.extent.step
        ranges = list(self._viewer.dims.range)
        for axis in range(-3, 0):
            bounds = float(extent[0][axis]), float(extent[1][axis])
            ranges[axis] = type(ranges[axis])(*bounds, float(abs(step[axis])))
        return ranges

    # Not the numbers alone: with a layer in micrometres, napari's world is in those.
    def _on_inserting(self) -> None:
        # napari cannot take a layer whose units do not fit what was chosen.
        self._choose_units(None)

    def _on_inserted(self) -> None:
        own, units = self._layer.units[-3:], self._viewer.layers.units
        if units is not None and tuple(units[-3:]) != tuple(own):
            self._choose_units((*units[:-3], *own))
        self.hold()

    def _choose_units(self, units: Any) -> None:
        layers = self._viewer.layers
        if units is not None or self._chose_units:
            with self._held():
                layers.units = units
            self._chose_units = units is not None

    _chose_units = False

    def _on_last_used(self) -> None:
        dims = self._viewer.dims
        if not self.is_holding and dims.ndim == self._ndim:
            self._used = dims.ndim - dims.last_used

    def hold(self) -> None:
        """Put the axes back to those of the image."""
        if self.is_holding or self._layer not in self._viewer.layers:
            return
        dims, ranges = self._viewer.dims, self._wanted()
        moved = dims.ndim != self._ndim or not np.allclose(ranges, dims.range)
        with self._held():
            dims.range = tuple(ranges)
            if dims.ndim != self._ndim:
                # The arrow keys go on stepping along what they stepped along.
                dims.last_used = max(dims.ndim - self._used, 0)
                self._ndim = dims.ndim
        if moved:
            self._on_change()

    @contextmanager
    def _held(self) -> Iterator[None]:
        before, self.is_holding = self.is_holding, True
        try:
            yield
        finally:
            self.is_holding = before

    def close(self) -> None:
        """Leave the axes to napari."""
        self._connections.release()
        self._choose_units(None)
