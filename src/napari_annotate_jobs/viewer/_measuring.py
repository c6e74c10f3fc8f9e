"""Lines and regions drawn to be measured; they are no part of the annotation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes
from psygnal import Signal

from napari_annotate_jobs.session import Connections

from ._geometry import index_at
from ._over_image import LayerOverImage, outline_width, place_of
from ._picker import held_drag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

__all__ = ["Measure", "MeasureKind", "Measuring"]

NAME = "Measures"
COLOR = "#ffe14d"
LEFT = 1
LEAST = 0.5
"""Pixels: what is shorter was a click, and no measure."""

Place = tuple[float, float, float]


class MeasureKind(StrEnum):
    """What is measured."""

    RULER = "ruler"
    REGION = "region"


@dataclass(frozen=True)
class Measure:
    """Something that was drawn to be measured.

    Parameters
    ----------
    kind : MeasureKind
        A line, or the ellipse in a box.
    start, end : (float, float, float)
        Slice, row and column of the ends of the line, or of two corners of the box.
    text : str
        What it measures.
    """

    kind: MeasureKind
    start: Place
    end: Place
    text: str = ""

    @property
    def vertices(self) -> NDArray[np.float64]:
        """The ends, or the four corners, shape (2 or 4, 3)."""
        first, last = np.asarray(self.start, float), np.asarray(self.end, float)
        if self.kind is MeasureKind.RULER:
            return np.array([first, last])
        beside, below = first.copy(), first.copy()
        beside[2], below[1] = last[2], last[1]
        return np.array([first, beside, last, below])


class MeasureLayer(LayerOverImage[Shapes]):
    """Shows measures with their numbers."""

    def show(self, image: Layer, measures: tuple[Measure, ...]) -> None:
        """Show these measures, and no others."""
        if not measures:
            self.hide()
            return
        layer = self.layer or self._add(image)
        kinds = {MeasureKind.RULER: "line", MeasureKind.REGION: "ellipse"}
        layer.data = [(each.vertices, kinds[each.kind]) for each in measures]
        layer.edge_color, layer.face_color = COLOR, "transparent"
        layer.edge_width = outline_width(image)
        layer.features = {"text": [each.text for each in measures]}
        layer.text = {
            "string": "{text}",
            "color": COLOR,
            "size": 12,
            "anchor": "upper_right",
        }
        layer.editable = False  # which other data undo

    def _add(self, image: Layer) -> Shapes:
        return self._put(Shapes(ndim=3, name=NAME, **place_of(image)))


class Measuring:
    """Lets drags in the image measure, instead of what they do otherwise.

    Parameters
    ----------
    viewer : ViewerModel
        On whose canvas is drawn.
    image : callable
        Returns the layer of what is measured; None while there is none.
    claim : callable
        Called with the layer that shows the measures before it is added.
    """

    drawn = Signal()
    """The last measure is another one, and its text is to be said anew."""

    def __init__(
        self,
        viewer: ViewerModel,
        image: Callable[[], Layer | None],
        *,
        claim: Callable[[Layer], None] = lambda _: None,
    ) -> None:
        self._viewer, self._image = viewer, image
        self._layer = MeasureLayer(viewer, claim=claim)
        self.kind: MeasureKind | None = None
        """What drags measure; None if they do something else."""
        self.measures: tuple[Measure, ...] = ()
        self._connections = Connections()
        self._connections.insert(viewer.mouse_drag_callbacks, self._on_press)

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        image, kind = self._image(), self.kind
        if image is None or kind is None or viewer.dims.ndisplay != 2:
            return
        if event.button != LEFT or event.modifiers or event.handled:
            return
        before = self.measures
        start = index_at(image, event.position)

        def move() -> None:
            end = index_at(image, event.position)
            self.measures = (*before, Measure(kind, start, end))
            self.drawn.emit()

        yield from held_drag(viewer, event, move)
        last = self.measures[-1] if len(self.measures) > len(before) else None
        if last is not None and np.abs(np.subtract(last.end, start)).max() < LEAST:
            self.measures = before
            self._show()

    def label(self, text: str) -> None:
        """Say what the last measure measures, and show it."""
        *others, last = self.measures
        self.measures = (*others, replace(last, text=text))
        self._show()

    def drop_last(self) -> None:
        """Take the last measure away."""
        self.measures = self.measures[:-1]
        self._show()

    def clear(self) -> None:
        """Take all measures away."""
        self.measures = ()
        self._layer.hide()

    def _show(self) -> None:
        image = self._image()
        if image is not None:
            self._layer.show(image, self.measures)

    def close(self) -> None:
        """Release the mouse."""
        self.clear()
        self._connections.release()
