"""What a tool would do, drawn as an outline that is never saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from ._over_image import LayerOverImage, grid_of, outline_width, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Layer
    from numpy.typing import NDArray

__all__ = ["PreviewLayer"]

COLOR = "#ff4dff"
"""Of no label by default, and seen on every grey."""


class PreviewLayer(LayerOverImage[Labels]):
    """Shows outlines over an image, until they are taken away."""

    changed = Signal()
    """Other outlines are shown in the layer."""
    _shown: frozenset[int] = frozenset()

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
        if layer is None or layer.data.shape != grid_of(image):
            self.hide()
            layer = self._add(image)
        for index in self._shown - set(outlines):
            layer.data[index] = 0
        for index, inside in outlines.items():
            layer.data[index] = inside
        self._shown = frozenset(outlines)
        layer.refresh()
        self.changed.emit()

    def _add(self, image: Layer) -> Labels:
        colors: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: COLOR}
        layer = Labels(
            # Stays unwritten, and so costs no memory, where nothing is shown.
            np.zeros(grid_of(image), np.uint8),
            name="Preview",
            colormap=DirectLabelColormap(color_dict=colors),
            opacity=1.0,
            **place_of(image),
        )
        layer.contour = outline_width(image)
        layer.editable = False
        return self._put(layer)

    def hide(self) -> None:
        """Take the layer away."""
        super().hide()
        self._shown = frozenset()
