"""Where in the image comments are pinned to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points

from ._over_image import LayerOverImage, grid_of, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer

__all__ = ["PinLayer"]

NAME = "Comments"
RING, HERE = "#ff4dff", "#ffffff"
"""Of no label by default; the one at hand is white, and larger."""
PART = 22
"""Of the image's shorter side, one ring takes."""

Place = tuple[int, float, float]


class PinLayer(LayerOverImage[Points]):
    """Shows a ring at each place that a comment is pinned to."""

    _shown: object = None

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
        side = min(grid_of(image)[1:]) / PART
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
            **place_of(image),
        )
        return self._put(layer)

    def hide(self) -> None:
        """Take the layer away."""
        super().hide()
        self._shown = None
