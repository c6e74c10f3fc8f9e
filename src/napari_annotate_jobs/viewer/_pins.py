"""Where in the image comments are pinned to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["PinLayer"]

NAME = "Comments"
RING, HERE = "#ff4dff", "#ffffff"
"""Of no label by default; the one at hand is white, and larger."""
PART = 22
"""Of the image's shorter side, one ring takes."""

Place = tuple[int, float, float]


class PinLayer:
    """Shows a ring at each place that a comment is pinned to.

    The layer is there only while there are such places. It belongs to no case, is never
    saved, and cannot be edited.

    Parameters
    ----------
    viewer : ViewerModel
        Where to show them.
    claim : callable
        Called with the layer before it is added.
    """

    def __init__(
        self, viewer: ViewerModel, *, claim: Callable[[Layer], None] = lambda _: None
    ) -> None:
        self._viewer, self._claim = viewer, claim
        self._layer: Points | None = None
        self._shown: object = None

    @property
    def layer(self) -> Points | None:
        """The layer; None while nothing is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(
        self, image: Layer, places: Sequence[Place], here: Place | None = None
    ) -> None:
        """Show a ring at these places, and at no others.

        Parameters
        ----------
        image : Layer
            Lends its geometry.
        places : sequence of (int, float, float)
            Slice, row and column, in pixels.
        here : (int, float, float), optional
            The one at hand.
        """
        wanted = [p for p in places if p != here] + ([] if here is None else [here])
        if not wanted:
            self.hide()
            return
        layer = self.layer
        if layer is not None and self._shown == (wanted, here):
            return
        if layer is None:
            layer = self._add(image)
        side = min(image.data.shape[image.ndim - 2 : image.ndim]) / PART
        large = [place == here for place in wanted]
        layer.data = np.asarray(wanted, float)
        layer.editable = False  # which other data undo
        layer.size = np.where(large, 1.5 * side, side)
        layer.border_color = [HERE if mark else RING for mark in large]
        self._shown = wanted, here

    def _add(self, image: Layer) -> Points:
        layer = Points(
            np.empty((0, 3)),
            ndim=3,
            name=NAME,
            face_color="transparent",
            border_color=RING,
            border_width=0.12,
            symbol="disc",
            scale=image.scale[-3:],
            units=image.units[-3:],
            axis_labels=image.axis_labels[-3:],
        )
        active = self._viewer.layers.selection.active
        self._claim(layer)
        self._viewer.add_layer(layer)
        # The tool at hand stays at hand.
        self._viewer.layers.selection.active = active
        self._layer = layer
        return layer

    def hide(self) -> None:
        """Take the layer away."""
        layer, self._layer = self.layer, None
        self._shown = None
        if layer is not None:
            self._viewer.layers.remove(layer)
