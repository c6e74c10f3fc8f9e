"""What a tool would do, drawn as an outline that is never saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

__all__ = ["PreviewLayer"]

COLOR = "#ff4dff"
"""Of no label by default, and seen on every grey."""
FINE = 300
"""Pixels of an image's shorter side for each pixel of the outline's width."""


class PreviewLayer:
    """Shows outlines over an image, until they are taken away.

    The layer is there only while something is shown. It belongs to no case, is
    never saved, and cannot be edited.

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
        self._layer: Labels | None = None
        self._shown: set[int] = set()

    @property
    def layer(self) -> Labels | None:
        """The layer; None while nothing is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(self, image: Layer, outlines: Mapping[int, NDArray[np.bool_]]) -> None:
        """Show outlines of these pixels, and of no others.

        Parameters
        ----------
        image : Layer
            Lends its geometry.
        outlines : mapping of int to ndarray of bool
            By slice, shape (rows, columns).
        """
        layer = self.layer
        if layer is None or layer.data.shape != _grid(image):
            self.hide()
            layer = self._add(image)
        for index in self._shown - set(outlines):
            layer.data[index] = 0
        for index, inside in outlines.items():
            layer.data[index] = inside
        self._shown = set(outlines)
        layer.refresh()

    def _add(self, image: Layer) -> Labels:
        colors: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: COLOR}
        layer = Labels(
            # Stays unwritten, and so costs no memory, where nothing is shown.
            np.zeros(_grid(image), np.uint8),
            name="Preview",
            colormap=DirectLabelColormap(color_dict=colors),
            opacity=1.0,
            scale=image.scale[-3:],
            units=image.units[-3:],
            axis_labels=image.axis_labels[-3:],
        )
        layer.contour = max(1, round(min(_grid(image)[1:]) / FINE))
        layer.editable = False
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
        self._shown = set()
        if layer is not None:
            self._viewer.layers.remove(layer)


def _grid(image: Layer) -> tuple[int, ...]:
    """Return the number of slices, rows and columns of an image."""
    shape: tuple[int, ...] = image.data.shape[image.ndim - 3 : image.ndim]
    return shape
