"""Two readings of a case over its image: outlines of both, or one beside the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Points
from napari.utils.colormaps import DirectLabelColormap

from napari_annotate_jobs.session import Connections

from ._masks import label_colormap, mask_dtype
from ._over_image import (
    LayerOverImage,
    add_beside_tool,
    grid_of,
    outline_width,
    place_of,
)
from ._two_places import TwoPlaces

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_annotate_jobs.editing import CaseView
    from napari_annotate_jobs.model import SliceAnnotation

__all__ = ["FIRST_COLOR", "SECOND_COLOR", "BesideLayers", "ComparisonLayer", "outlines"]

FIRST_COLOR, SECOND_COLOR = "#e69f00", "#56b4e9"
"""Of what is reviewed, and of the other: from Okabe and Ito's colour-blind-safe set."""
DASH = 4
"""Length of a dash, in widths of the outline."""


def outlines(
    view: CaseView, index: int, shape: tuple[int, int], width: int = 1
) -> NDArray[np.uint16]:
    """Return the outlines of masks and boxes on a slice.

    Parameters
    ----------
    view : CaseView
        What was said of the case.
    index : int
        The slice.
    shape : (int, int)
        Rows and columns.
    width : int
        Of the outline, in pixels; it lies within what it outlines.

    Returns
    -------
    ndarray of uint16, shape (rows, columns)
        Label ids on the outlines, 0 elsewhere.

    Raises
    ------
    CorruptError, NotFoundError
        If a mask cannot be read.
    """
    found = np.zeros(shape, np.uint16)
    content = view.content(index)
    for group in content.masks:
        mask = view.mask(index, group)
        if mask is not None:
            edge = _edge(mask, width)
            found[edge] = mask[edge]
    _draw_boxes(found, content, width)
    return found


def _edge(mask: NDArray[np.integer[Any]], width: int) -> NDArray[np.bool_]:
    """Return the pixels of labels that lie beside something else."""
    edge = np.zeros(mask.shape, bool)
    for one, other in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        differs = mask[one] != mask[other]
        edge[one] |= differs
        edge[other] |= differs
    inside = mask > 0
    edge &= inside
    for _ in range(width - 1):
        grown = edge.copy()
        grown[1:] |= edge[:-1]
        grown[:-1] |= edge[1:]
        grown[:, 1:] |= edge[:, :-1]
        grown[:, :-1] |= edge[:, 1:]
        edge = grown & inside
    return edge


def _draw_boxes(
    canvas: NDArray[np.uint16], content: SliceAnnotation, width: int
) -> None:
    rows, columns = canvas.shape
    for box in content.boxes:
        top, left = max(round(box.top), 0), max(round(box.left), 0)
        bottom, right = (
            min(round(box.bottom), rows - 1),
            min(round(box.right), columns - 1),
        )
        canvas[top : top + width, left : right + 1] = box.label
        canvas[max(bottom - width + 1, top) : bottom + 1, left : right + 1] = box.label
        canvas[top : bottom + 1, left : left + width] = box.label
        canvas[top : bottom + 1, max(right - width + 1, left) : right + 1] = box.label


class ComparisonLayer(LayerOverImage[Labels]):
    """Shows the outlines of two readings: one solid, the other dashed.

    Only the slice that is seen is drawn.
    """

    _drawn: int | None = None

    def show(self, image: Layer, index: int, first: CaseView, second: CaseView) -> None:
        """Show what both say of a slice, and of no other.

        Raises
        ------
        CorruptError, NotFoundError
            If a mask cannot be read.
        """
        layer = self.layer
        if layer is None or layer.data.shape != grid_of(image):
            self.hide()
            layer = self._add(image)
        if self._drawn is not None:
            layer.data[self._drawn] = 0
        width = outline_width(image)
        plane = np.zeros(grid_of(image)[1:], np.uint8)
        plane[outlines(first, index, plane.shape, width) > 0] = 1
        rows, columns = np.arange(plane.shape[0])[:, None], np.arange(plane.shape[1])
        # In a direction that no edge of a box has, and no outline keeps for long.
        dashes = ((rows + 1.6 * columns) // (DASH * width)).astype(int) % 2 == 0
        plane[(outlines(second, index, plane.shape, width) > 0) & dashes] = 2
        layer.data[index] = plane
        self._drawn = index
        layer.refresh()

    def _add(self, image: Layer) -> Labels:
        layer = Labels(
            # Stays unwritten, and so costs no memory, where nothing is shown.
            np.zeros(grid_of(image), np.uint8),
            name="Comparison",
            colormap=DirectLabelColormap(
                color_dict={
                    None: (0, 0, 0, 0),
                    0: (0, 0, 0, 0),
                    1: FIRST_COLOR,
                    2: SECOND_COLOR,
                }
            ),
            opacity=1.0,
            **place_of(image),
        )
        layer.editable = False
        return self._put(layer)

    def hide(self) -> None:
        """Take the layer away."""
        super().hide()
        self._drawn = None


class BesideLayers:
    """Shows another reading of a case beside the one that is open, on the same image.

    napari's grid has two places, whose views go together: the layers of the open case
    and all others on the left, a second image with what the other says on the right.

    Parameters
    ----------
    viewer : ViewerModel
        Where to show it.
    claim : callable
        Called with each layer before it is added.
    """

    def __init__(
        self, viewer: ViewerModel, *, claim: Callable[[Layer], None] = lambda _: None
    ) -> None:
        self._viewer, self._claim = viewer, claim
        self._connections = Connections()
        self._title: Points | None = None
        self._right: list[Layer] = []
        self._masks: Labels | None = None
        self._boxes: Labels | None = None
        self._image: Image | None = None
        self._view: CaseView | None = None
        self._drawn: int | None = None
        self._places = TwoPlaces(viewer)

    @property
    def is_shown(self) -> bool:
        """True while there are two readings."""
        return bool(self._right)

    @property
    def layers(self) -> list[Layer]:
        """Those on the right, the image first."""
        return list(self._right)

    def show(
        self, image: Image, index: int, view: CaseView, names: tuple[str, str]
    ) -> None:
        """Show what somebody else says.

        Parameters
        ----------
        image : Image
            The image of the open case.
        index : int
            The slice that is seen.
        view : CaseView
            What the other says.
        names : (str, str)
            Written above the two.

        Raises
        ------
        CorruptError, NotFoundError
            If a mask cannot be read.
        """
        self.hide()
        self._view, self._image = view, image
        self._title = Points(np.empty((0, 3)), ndim=3, name=names[0], **place_of(image))
        data, state, kind = image.as_layer_data_tuple()
        assert kind == "image"
        copy = Image(data, **{**state, "name": names[1], "metadata": {}})
        labels = view.labels.labels
        self._masks, self._boxes = (
            Labels(
                np.zeros(grid_of(image), mask_dtype(labels)),
                name=f"{what} of {names[1]}",
                colormap=label_colormap(labels),
                opacity=opacity,
                **place_of(image),
            )
            for what, opacity in (("Masks", 0.55), ("Boxes", 1.0))
        )
        self._right = [copy, self._masks, self._boxes]
        for layer in (self._title, *self._right):
            layer.editable = False
            add_beside_tool(self._viewer, layer, self._claim)
        for layer in (self._title, copy):
            layer.name_overlay.position = "bottom_left"  # the read-out is above
            layer.name_overlay.visible = True
        self.show_slice(index)
        self._places.show(self._right)
        connect, events = self._connections.connect, image.events
        connect(events.contrast_limits, self._follow)
        connect(events.contrast_limits_range, self._follow)
        connect(events.colormap, self._follow)
        connect(events.gamma, self._follow)

    def show_slice(self, index: int) -> None:
        """Draw a slice, and no other."""
        view, masks, boxes = self._view, self._masks, self._boxes
        if view is None or masks is None or boxes is None:
            return
        if self._drawn is not None:
            masks.data[self._drawn] = boxes.data[self._drawn] = 0
        self._drawn = index
        content = view.content(index)
        for group in content.masks:
            mask = view.mask(index, group)
            if mask is not None:
                np.copyto(masks.data[index], mask, where=mask > 0, casting="unsafe")
        width = outline_width(masks)
        drawn = np.zeros(boxes.data.shape[1:], np.uint16)
        _draw_boxes(drawn, content, width)
        boxes.data[index] = drawn
        masks.refresh()
        boxes.refresh()

    def refresh(self) -> None:
        """Show pixels that were read meanwhile."""
        if self._right:
            self._right[0].refresh()

    def _follow(self) -> None:
        """Show the copy in the window of the image."""
        image = self._image
        copy = self._right[0] if self._right else None
        if image is None or not isinstance(copy, Image) or image.rgb:
            return
        copy.contrast_limits_range = image.contrast_limits_range
        copy.contrast_limits = image.contrast_limits
        copy.colormap, copy.gamma = image.colormap, image.gamma

    def hide(self) -> None:
        """Take the layers away; the grid is as it was before."""
        self._connections.release()
        gone = [*self._right, *([] if self._title is None else [self._title])]
        self._right, self._title = [], None
        self._masks = self._boxes = self._image = self._view = self._drawn = None
        self._places.hide()
        layers = self._viewer.layers
        for layer in gone:
            if layer in layers:
                layers.remove(layer)
