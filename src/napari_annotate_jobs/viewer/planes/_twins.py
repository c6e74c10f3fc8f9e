"""Layers of the open case, shown a second time in another plane."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from napari_annotate_jobs.session import Connected, Connections
from napari_annotate_jobs.viewer._over_image import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.layers import Layer

__all__ = ["ImageTwin", "LabelsTwin"]

LOOKS = ("visible", "opacity", "contour", "colormap")
"""What a twin takes from the layer it shows."""
TOOLS = ("mode", "selected_label", "brush_size", "preserve_labels", "contiguous")
"""What each of the two takes from the other: it is one tool."""


def _differs(one: Any, other: Any) -> bool:
    return one is not other and bool(np.any(one != other))


class ImageTwin(Connected):
    """The same pixels as an image, in the same window.

    Parameters
    ----------
    source : Image
        The image; its last three axes are slices, rows and columns.
    voxels : ndarray
        One volume of it, shape (slices, rows, columns[, channels]).
    """

    def __init__(self, source: Image, voxels: Any) -> None:
        self._source = source
        self.layer = Image(
            voxels,
            rgb=source.rgb,
            name=source.name,
            colormap=source.colormap,
            interpolation2d=source.interpolation2d,
            contrast_limits=source.contrast_limits,
            **place_of(source),
        )
        self.layer.editable = False
        self._show_window()
        self._connections = Connections(
            [
                (source.events.contrast_limits, self._show_window),
                (source.events.colormap, self._show_window),
                (source.events.visible, self._show_window),
            ]
        )

    def _show_window(self) -> None:
        source, layer = self._source, self.layer
        if not source.rgb:
            if _differs(source.contrast_limits_range, layer.contrast_limits_range):
                layer.contrast_limits_range = source.contrast_limits_range
            if _differs(source.contrast_limits, layer.contrast_limits):
                layer.contrast_limits = source.contrast_limits
            if source.colormap is not layer.colormap:
                layer.colormap = source.colormap
        if source.visible != layer.visible:
            layer.visible = source.visible


class LabelsTwin(Connected):
    """The same labels, in the same memory; what is painted in either is in both.

    Parameters
    ----------
    source : Labels
        The layer; axes are slices, rows and columns.
    painted : callable, optional
        Takes what napari tells of each stroke in the twin; None for a layer to look at.
    """

    def __init__(
        self, source: Labels, painted: Callable[[Any], object] | None = None
    ) -> None:
        self._source = source
        self._carrying = False
        self.layer = Labels(
            source.data,
            name=source.name,
            colormap=source.colormap,
            features=source.features,
            opacity=source.opacity,
            visible=source.visible,
            **place_of(source),
        )
        self.layer.contour = source.contour
        # napari's own history knows one plane only.
        self.layer.undo, self.layer.redo = source.undo, source.redo
        self._connections = Connections()
        connect = self._connections.connect
        for name in LOOKS:
            connect(getattr(source.events, name), self._take_looks)
        connect(source.events.data, self._take_data)
        if painted is None:
            self.layer.editable = False
            return
        self._painted = painted
        connect(source.events.editable, self._take_tools)
        for name in TOOLS:
            connect(getattr(source.events, name), self._take_tools)
            connect(getattr(self.layer.events, name), self._give_tools)
        connect(self.layer.events.paint, self._on_paint)
        connect(self.layer.events.editable, self._take_tools)
        self._take_tools()

    @property
    def source(self) -> Layer:
        """What it shows."""
        return self._source

    @contextmanager
    def _carried(self) -> Iterator[bool]:
        """Take what is carried over for no wish of the user's; False if it is that."""
        if self._carrying:
            yield False
            return
        self._carrying = True
        try:
            yield True
        finally:
            self._carrying = False

    def _take_looks(self) -> None:
        became_visible = self._source.visible and not self.layer.visible
        for name in LOOKS:
            value = getattr(self._source, name)
            if name == "colormap":
                if value is not self.layer.colormap:
                    self.layer.colormap = value
            elif value != getattr(self.layer, name):
                setattr(self.layer, name, value)
        if became_visible:
            self.layer.refresh()

    def _take_data(self) -> None:
        if self.layer.data is not self._source.data:
            self.layer.data = self._source.data

    def _take_tools(self) -> None:
        self._carry(self._source, self.layer, editable=True)

    def _give_tools(self) -> None:
        self._carry(self.layer, self._source)

    def _carry(self, source: Labels, target: Labels, *, editable: bool = False) -> None:
        with self._carried() as carries:
            if not carries:
                return
            if editable and target.editable != source.editable:
                target.editable = source.editable
            for name in TOOLS:
                value = getattr(source, name)
                if value != getattr(target, name):
                    setattr(target, name, value)
            if source.selected_label != target.selected_label:
                # What was chosen is none of the labels: another one was, instead.
                source.selected_label = target.selected_label

    def _on_paint(self, event: Any) -> None:
        self._painted(event.value)
