"""One more plane of the open case, in a viewer model of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.components import ViewerModel
from psygnal import Signal

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.viewer._fitted_view import FittedView
from napari_annotate_jobs.viewer._geometry import index_at
from napari_annotate_jobs.viewer._mouse import MouseTools
from napari_annotate_jobs.viewer._orientation import edge_letters
from napari_annotate_jobs.viewer._plane import ACQUIRED, PlaneGuide

from ._twins import ImageTwin, LabelsTwin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from napari.layers import Image, Labels, Layer

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer._orientation import EdgeLetters
    from napari_annotate_jobs.viewer._plane import Plane

__all__ = ["PlaneView"]


class _PlaneMouse(MouseTools):
    """The gestures of the main canvas, with the same tool in hand.

    Parameters
    ----------
    model : ViewerModel
        Whose canvas it is.
    session : AnnotationSession
        Whose window and slice are changed.
    lead : MouseTools
        Those of the main canvas.
    on_stroke : callable
        Called with True when a left drag begins and with False when it ends.
    """

    def __init__(
        self,
        model: ViewerModel,
        session: AnnotationSession,
        lead: MouseTools,
        on_stroke: Callable[[bool], None],
    ) -> None:
        self._lead = lead
        super().__init__(model, session, on_stroke=on_stroke)

    def _on_drag(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        self.zoom_tool = self._lead.zoom_tool
        yield from super()._on_drag(viewer, event)

    def _on_wheel(self, viewer: ViewerModel, event: Any) -> None:
        self.wheel_steps, self.go_case = self._lead.wheel_steps, self._lead.go_case
        super()._on_wheel(viewer, event)


class PlaneView:
    """Shows the case across its rows, or across its columns.

    Its layers are twins of those in the viewer: the same pixels, window, colours and
    tools. Between two cases it is empty.

    Parameters
    ----------
    across : int
        The axis of the series one steps along: 1 for rows, 2 for columns.
    session : AnnotationSession
        The job.
    lead : MouseTools
        The gestures of the main canvas.
    on_stroke : callable
        Called with True when a left drag begins and with False when it ends.
    """

    moved = Signal(int, int)
    """Another plane is shown: the axis, and the index along it."""
    clicked = Signal(float, float, float)
    """Slice, row and column of a place that was clicked, with no tool in hand."""
    view_changed = Signal()
    """It was zoomed, moved or turned: what lies on the canvas lies elsewhere."""

    def __init__(
        self,
        across: int,
        session: AnnotationSession,
        lead: MouseTools,
        on_stroke: Callable[[bool], None],
    ) -> None:
        self.across = across
        self.model = ViewerModel(title="Plane")
        self._on_stroke = on_stroke
        self._pressed_at: object = None
        self._mouse = _PlaneMouse(self.model, session, lead, self._stroke)
        self._image: ImageTwin | None = None
        self._labels: dict[Layer, LabelsTwin] = {}
        self._header: SeriesHeader | None = None
        self._guide: PlaneGuide | None = None
        self._fit: FittedView | None = None
        self._place = -1
        camera, dims = self.model.scene.camera, self.model.dims
        self._connections = Connections(
            [
                (dims.events.point, self._on_point),
                (camera.events.zoom, self._on_view),
                (camera.events.center, self._on_view),
                (camera.events.orientation, self._on_view),
                (dims.events.order, self._on_view),
                (dims.events.ndisplay, self._on_view),
                (self.model.canvas.events.size, self._on_view),
            ]
        )

    # psygnal tries out what it connects to: never connect a signal's own emit.
    def _on_view(self) -> None:
        if self._guide is not None:
            self.view_changed.emit()

    @property
    def image(self) -> Image | None:
        """The image; None between two cases."""
        return None if self._image is None else self._image.layer

    @property
    def plane(self) -> Plane:
        """What is shown."""
        return ACQUIRED if self._guide is None else self._guide.plane

    @property
    def letters(self) -> EdgeLetters | None:
        """Sides of the patient at the edges; None if they are not known."""
        header, dims = self._header, self.model.dims
        if header is None or header.affine is None or dims.ndisplay != 2:
            return None
        orientation = self.model.scene.camera.orientation2d
        return edge_letters(header.affine, dims.displayed, orientation)

    # ---------------------------------------------------------------- a case
    def begin(
        self,
        source: Image,
        voxels: Any,
        header: SeriesHeader,
        labels: Mapping[Labels, Callable[[Any], object] | None],
    ) -> None:
        """Show a case.

        Parameters
        ----------
        source : Image
            The image in the viewer.
        voxels : ndarray
            The volume that is shown, shape (slices, rows, columns[, channels]).
        header : SeriesHeader
            Of the same series.
        labels : mapping of Labels to callable or None
            What is shown over it, from the bottom to the top, and what takes the
            strokes that are drawn there.
        """
        self.end()
        self._header = header
        self._image = ImageTwin(source, voxels)
        self.model.add_layer(self._image.layer)
        for layer, painted in labels.items():
            self.add(layer, painted)
        self._fit = FittedView(self.model, self._image.layer)
        self._guide = PlaneGuide(self.model, self._image.layer, header, self._fit)
        others = [axis for axis in range(3) if axis != self.across]
        self.model.dims.order = (self.across, *others)
        self._place = -1
        self._fit.fit()

    def add(
        self, layer: Labels, painted: Callable[[Any], object] | None = None
    ) -> None:
        """Show one more layer, on top of the others."""
        active = self.model.layers.selection.active
        twin = self._labels[layer] = LabelsTwin(layer, painted)
        self.model.add_layer(twin.layer)
        self.model.layers.selection.active = active

    def remove(self, layer: Layer) -> None:
        """Show a layer no more."""
        twin = self._labels.pop(layer, None)
        if twin is not None:
            twin.close()
            self.model.layers.remove(twin.layer)

    def set_voxels(self, voxels: Any) -> None:
        """Show another volume of the series."""
        if self._image is not None:
            self._image.layer.data = voxels

    def activate(self, layer: Layer | None) -> None:
        """Take the tool of a layer of the viewer in hand."""
        twin = None if layer is None else self._labels.get(layer)
        if self._image is not None:
            chosen = self._image.layer if twin is None else twin.layer
            self.model.layers.selection.active = chosen

    def refresh(self, *, image: bool = False) -> None:
        """Draw what changed in the pixels."""
        if image and self._image is not None:
            self._image.layer.refresh()
        elif not image:
            for twin in self._labels.values():
                if twin.layer.visible:
                    twin.layer.refresh()

    def end(self) -> None:
        """Take every layer away."""
        self._header = None
        guide, self._guide = self._guide, None
        fit, self._fit = self._fit, None
        if guide is not None:
            guide.close()
        if fit is not None:
            fit.close()
        twins, self._labels = self._labels, {}
        image, self._image = self._image, None
        for twin in twins.values():
            twin.close()
        if image is not None:
            image.close()
            # The tools go first: napari must not draw a brush whose layer is gone.
            self.model.layers.selection.active = image.layer
        for twin in twins.values():
            twin.layer.mode = "pan_zoom"
        self.model.layers.clear()

    # ------------------------------------------------------------------ going
    @property
    def index(self) -> int:
        """Index of the plane that is shown, along its axis."""
        return self.plane.index

    def go(self, index: int) -> None:
        """Show another plane."""
        image = self.image
        if image is None or index == self._place:
            return
        place = [0.0, 0.0, 0.0]
        place[self.across] = index
        world = image.data_to_world(place)
        self.model.dims.set_point(self.across, float(world[self.across]))

    def _on_point(self) -> None:
        if self.image is not None and self._guide is not None:
            index = self.plane.index
            if index != self._place and self.plane.is_flat:
                self._place = index
                self.moved.emit(self.across, index)

    # ----------------------------------------------------------------- mouse
    def pointed_at(self) -> tuple[float, float, float] | None:
        """Return slice, row and column under the mouse; None outside the image."""
        image = self.image
        if image is None or self.model.dims.ndisplay != 2:
            return None
        place = index_at(image, self.model.cursor.position)
        shape: Sequence[int] = image.data.shape[:3]
        inside = all(-0.5 <= p < n - 0.5 for p, n in zip(place, shape, strict=True))
        return place if inside else None

    def _stroke(self, began: bool) -> None:
        here = self.pointed_at(), tuple(self.model.scene.camera.center)
        if began:
            self._pressed_at = here
        self._on_stroke(began)
        if began or here != self._pressed_at or here[0] is None:
            return
        active = self.model.layers.selection.active
        if active is None or str(active.mode) == "pan_zoom":
            self.clicked.emit(*here[0])

    def close(self) -> None:
        """Release everything."""
        self.end()
        self._connections.release()
        self._mouse.close()
