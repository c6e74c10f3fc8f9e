"""Layers that lie over an image for a while, and are no part of the annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer

__all__ = ["LayerOverImage", "add_beside_tool", "grid_of", "outline_width", "place_of"]

FINE = 300
"""Pixels of an image's shorter side for each pixel of an outline's width."""

Shown = TypeVar("Shown", bound="Layer")


class LayerOverImage(Generic[Shown]):
    """A layer that is there only while it has something to show.

    It belongs to no case, is never saved, and cannot be edited.

    Parameters
    ----------
    viewer : ViewerModel
        Where to show it.
    claim : callable
        Called with the layer before it is added.
    """

    def __init__(
        self, viewer: ViewerModel, *, claim: Callable[[Layer], None] = lambda _: None
    ) -> None:
        self._viewer, self._claim = viewer, claim
        self._layer: Shown | None = None

    @property
    def layer(self) -> Shown | None:
        """The layer; None while nothing is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    def _put(self, layer: Shown) -> Shown:
        self._layer = layer  # whoever hears of it can ask whose it is
        add_beside_tool(self._viewer, layer, self._claim)
        return layer

    def hide(self) -> None:
        """Take the layer away."""
        layer, self._layer = self.layer, None
        if layer is not None:
            self._viewer.layers.remove(layer)


def add_beside_tool(
    viewer: ViewerModel, layer: Layer, claim: Callable[[Layer], None]
) -> None:
    """Add a layer; the tool at hand stays at hand."""
    active = viewer.layers.selection.active
    claim(layer)
    viewer.add_layer(layer)
    viewer.layers.selection.active = active


def grid_of(image: Layer) -> tuple[int, int, int]:
    """Return the number of slices, rows and columns of an image."""
    slices, rows, columns = image.data.shape[image.ndim - 3 : image.ndim]
    return slices, rows, columns


def outline_width(image: Layer) -> int:
    """Return how many pixels wide an outline is drawn over an image."""
    return max(1, round(min(grid_of(image)[1:]) / FINE))


def place_of(image: Layer) -> dict[str, Any]:
    """Return where a layer of three axes lies, over its image."""
    return {
        "scale": image.scale[-3:],
        "units": image.units[-3:],
        "axis_labels": image.axis_labels[-3:],
    }
