"""Where on a canvas a place of the image is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["canvas_place"]


def canvas_place(
    model: ViewerModel, layer: Layer, place: Sequence[float]
) -> tuple[float, float] | None:
    """Return where a place is drawn, as x and y from the middle of the canvas.

    Parameters
    ----------
    model : ViewerModel
        What the canvas shows.
    layer : Layer
        The image.
    place : sequence of float
        Slice, row and column.

    Returns
    -------
    (float, float) or None
        In pixels; None in 3D.
    """
    dims, camera = model.dims, model.scene.camera
    if dims.ndisplay != 2:
        return None
    world = layer.data_to_world((*(0.0,) * (layer.ndim - 3), *place))
    down, right = (
        (float(world[axis - dims.ndim]) - middle) * camera.zoom
        for axis, middle in zip(dims.displayed, camera.center[-2:], strict=True)
    )
    vertical, horizontal = camera.orientation2d
    return (
        -right if horizontal == "left" else right,
        -down if vertical == "up" else down,
    )
