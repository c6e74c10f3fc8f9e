"""Where the names of boxes stand on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel

    from ._boxes import BoxLayer

__all__ = ["BoxName", "names_on_canvas"]


class BoxName(NamedTuple):
    """A name at the upper left corner of a box.

    Attributes
    ----------
    text : str
        The name.
    color : str
        Of its label, ``#rrggbb``.
    x, y : float
        The corner, in pixels of the canvas.
    """

    text: str
    color: str
    x: float
    y: float


def names_on_canvas(
    viewer: ViewerModel, boxes: BoxLayer, index: int
) -> Iterator[BoxName]:
    """Yield the names of the boxes of a slice that is shown as it was acquired.

    Parameters
    ----------
    viewer : ViewerModel
        What shows it.
    boxes : BoxLayer
        The boxes, as they are drawn now.
    index : int
        The slice.
    """
    layer, camera = boxes.layer, viewer.scene.camera
    if not layer.nshapes or not layer.visible or not layer.text.visible:
        return
    if viewer.dims.ndisplay != 2:
        return
    signs = [-1 if way in ("up", "left") else 1 for way in camera.orientation2d]
    middle = np.asarray(camera.center, float)[-2:]
    room = np.asarray(viewer.canvas.viewbox_size(viewer.layers), float)
    for text, color, corners in boxes.drawn_on(index):
        world = np.asarray(
            [layer.data_to_world((index, *corner))[-2:] for corner in corners]
        )
        places = room / 2 + (world - middle) * camera.zoom * signs
        y, x = places.min(axis=0)
        # Beside another reading, the case has the left half of the canvas.
        if x < room[1] and y < room[0]:
            yield BoxName(text, color, float(x), float(y))
