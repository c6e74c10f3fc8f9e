"""How large the image is shown, and which part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_annotate_jobs.session import Connected, Connections

from ._geometry import index_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel

    from ._case_layers import CaseLayers

__all__ = ["ZoomGuide"]

Part = tuple[float, float, float, float]


class ZoomGuide(Connected):
    """Tells and sets the zoom of the open case, as radiology viewers do.

    At 100 % a pixel of the image has the width of a pixel of the screen.

    Parameters
    ----------
    viewer : ViewerModel
        What shows the case.
    case : callable
        Returns the layers of the open case; None while there is none.

    Attributes
    ----------
    ratio : float
        Pixels of the screen to one that the canvas counts in.
    """

    changed = Signal()
    """Another part of the image is shown, or at another zoom."""

    def __init__(
        self, viewer: ViewerModel, case: Callable[[], CaseLayers | None]
    ) -> None:
        self._viewer, self._case = viewer, case
        self.ratio = 1.0
        camera = viewer.scene.camera
        self._connections = Connections(
            [
                (camera.events.zoom, self._on_camera),
                (camera.events.center, self._on_camera),
                (viewer.canvas.events.size, self._on_camera),
            ]
        )

    def _on_camera(self) -> None:
        self.changed.emit()

    @property
    def _pixel(self) -> float:
        """Width of a pixel of the image in the world; 0 while there is none."""
        case = self._case()
        if case is None or self._viewer.dims.ndisplay != 2:
            return 0.0
        return float(case.image.layer.scale[self._viewer.dims.displayed[-1] - 3])

    @property
    def per_mm(self) -> float | None:
        """Pixels of the canvas for a millimetre; None where the image has no scale."""
        case = self._case()
        if case is None or not case.is_measured:
            return None
        return float(self._viewer.scene.camera.zoom)

    @property
    def percent(self) -> float | None:
        """The zoom in per cent; None while no image lies flat on the screen."""
        pixel = self._pixel
        zoom = float(self._viewer.scene.camera.zoom)
        return 100 * zoom * pixel * self.ratio if pixel else None

    def set_percent(self, percent: float) -> None:
        """Show the image at a zoom, around the same place."""
        pixel = self._pixel
        if pixel and percent > 0:
            self._viewer.scene.camera.zoom = percent / (100 * pixel * self.ratio)

    def fit(self) -> None:
        """Show the image as a whole."""
        case = self._case()
        if case is not None:
            case.fit()

    @property
    def part(self) -> Part | None:
        """Top, left, bottom and right of what is seen, as parts of the slice.

        None while all of it is seen, or something else than a slice as acquired.
        """
        case = self._case()
        if case is None or not case.plane.is_acquired:
            return None
        viewer, layer = self._viewer, case.image.layer
        camera = viewer.scene.camera
        room = np.asarray(viewer.canvas.viewbox_size(viewer.layers), float)
        half = room / 2 / float(camera.zoom)
        center = np.asarray(camera.center, float)[-2:]
        before = list(viewer.dims.point[:-2])
        corners = [
            index_at(layer, (*before, *(center + side * half)))[1:] for side in (-1, 1)
        ]
        shape = np.asarray(layer.data.shape[layer.ndim - 2 : layer.ndim], float)
        low, high = (
            (np.asarray(corners) + 0.5).min(0),
            (np.asarray(corners) + 0.5).max(0),
        )
        low, high = np.clip(low / shape, 0, 1), np.clip(high / shape, 0, 1)
        if (low <= 0).all() and (high >= 1).all():
            return None
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def look_at(self, down: float, right: float) -> None:
        """Bring a place of the slice, as parts of its size, to the middle."""
        case = self._case()
        if case is None or not case.plane.is_acquired:
            return
        layer, camera = case.image.layer, self._viewer.scene.camera
        rows, columns = layer.data.shape[layer.ndim - 2 : layer.ndim]
        place = (down * rows - 0.5, right * columns - 0.5)
        world = layer.data_to_world((*(0,) * (layer.ndim - 2), *place))
        camera.center = (*camera.center[:-2], float(world[-2]), float(world[-1]))
