"""Keeps a napari viewer and an annotation session in step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils import cancelable_progress
from napari.utils.notifications import show_info

from napari_annotate_jobs.model import Method

from ._boxes import BoxLayer
from ._connections import Connections
from ._geometry import Geometry
from ._images import ImageLayer, VolumeLoader
from ._masks import MaskLayer
from ._mouse import MouseTools
from ._readout import ReadOut

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.session import AnnotationSession, Executor, OpenCase

__all__ = ["ViewerBridge"]


class ViewerBridge:
    """Shows the session's open case in a viewer, and tells the session of edits.

    Parameters
    ----------
    viewer : ViewerModel
        A napari viewer.
    session : AnnotationSession
        A job; its cases may be opened and closed at will.
    images : Executor
        Reads pixels; another one than the session's, so that saving never waits
        for reading.
    on_error : callable
        Takes an error to show to the user.
    wheel_steps : bool
        If True, the wheel steps through the slices and Alt+wheel zooms.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: AnnotationSession,
        images: Executor,
        *,
        on_error: Callable[[Exception], None],
        wheel_steps: bool = False,
    ) -> None:
        self.viewer = viewer
        self.session = session
        self._images = images
        self._on_error = on_error
        self._connections = Connections()
        self._case: _CaseLayers | None = None
        self.mouse = MouseTools(
            viewer, session, wheel_steps=wheel_steps, on_stroke=self._on_stroke
        )
        connect = self._connections.connect
        connect(session.opened, self._on_opened)
        connect(session.closed, self._on_closed)
        connect(session.slice_changed, self._on_slice_changed)
        connect(session.slices_changed, self._on_slices_changed)
        connect(session.label_changed, self._on_label_changed)
        connect(session.window_changed, self._update_text)
        connect(session.status_changed, self._on_status_changed)
        connect(viewer.dims.events.current_step, self._on_dims)
        connect(viewer.layers.events.removed, self._on_layer_removed)
        if session.is_open and session.case is not None:
            self._on_opened(session.case)

    @property
    def image_layer(self) -> Layer | None:
        """The Image layer of the open case's reference series."""
        return None if self._case is None else self._case.image.layer

    @property
    def is_loading(self) -> bool:
        """True while slices of the open case are still being read."""
        return self._case is not None and not self._case.loader.is_done

    @property
    def voxels(self) -> Any:
        """Voxels of the open case, (slices, rows, columns[, channels]), or None."""
        return None if self._case is None else self._case.loader.voxels

    @property
    def inverted(self) -> bool:
        """True if high values are shown dark; settable."""
        return self._case is not None and self._case.image.inverted

    @inverted.setter
    def inverted(self, inverted: bool) -> None:
        if self._case is not None and not self._case.image.is_color:
            self._case.image.inverted = inverted

    # ---------------------------------------------------- session -> viewer
    def _on_opened(self, case: OpenCase) -> None:
        self._drop()
        try:
            self._case = _CaseLayers(self, case)
        except Exception as error:
            # The case stays open in the session only if it can be shown.
            self.session.close_case()
            self._on_error(error)
            return
        self._on_label_changed(self.session.label)

    def _on_closed(self) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._case is not None:
            case, self._case = self._case, None
            case.close()

    def _on_slice_changed(self, index: int) -> None:
        if self._case is not None:
            self._case.show_slice(index)
            self._update_text()

    def _on_slices_changed(self, indices: tuple[int, ...]) -> None:
        if self._case is not None:
            self._case.show_annotation(indices)
            self._update_text()

    def _on_status_changed(self) -> None:
        if self._case is not None:
            self._case.set_editable(not self.session.locked)
            self._update_text()

    def _on_label_changed(self, label: Label | None) -> None:
        if self._case is not None:
            self._case.choose(label)

    def _update_text(self) -> None:
        if self._case is not None:
            self._case.text.update()

    # ---------------------------------------------------- viewer -> session
    def _on_dims(self) -> None:
        if self._case is not None:
            self._case.slice_shown()

    def _on_stroke(self, began: bool) -> None:
        if self._case is not None:
            self._case.stroke(began)

    def _on_layer_removed(self, event: Any) -> None:
        if self._case is not None:
            self._case.layer_removed(event.value)

    def owns(self, layer: Layer | None) -> bool:
        """Return True if a layer is one of the open case's."""
        return self._case is not None and layer in self._case.layers

    def take(self) -> None:
        """Tell the session of everything that changed in the layers.

        Edits by mouse arrive by themselves; this is for what other plugins wrote
        into the arrays without a word.
        """
        if self._case is not None and not self.session.locked:
            self._case.take()

    def report(self, error: Exception) -> None:
        """Show an error to the user."""
        self._on_error(error)

    def run_image_task(
        self,
        task: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run something on the executor that reads pixels."""
        self._images.run(task, done, failed)

    @property
    def images(self) -> Executor:
        """Reads pixels."""
        return self._images

    def close(self) -> None:
        """Take our layers away and release every connection."""
        self.take()
        self._drop()
        self.mouse.close()
        self._connections.release()


class _CaseLayers:
    """The layers of one open case."""

    def __init__(self, bridge: ViewerBridge, case: OpenCase) -> None:
        self._bridge, self._viewer = bridge, bridge.viewer
        self._session = session = bridge.session
        header = case.series.header
        self._geometry = Geometry.of(header, case.row.case.name)
        self._closing = False
        self._moving = False
        self.loader = VolumeLoader(
            case.series,
            bridge.images,
            current=lambda: session.slice,
            on_progress=self._on_progress,
            on_error=bridge.report,
        )
        self.image = ImageLayer(
            session,
            self.loader.voxels,
            self._geometry,
            name=header.name,
            inverted=header.inverted,
        )
        label_set = session.job.project.label_set
        self.masks = {
            group: MaskLayer(session, group, self._geometry, on_error=bridge.report)
            for group in label_set.overlap_groups
        }
        self.boxes = (
            BoxLayer(session, self._geometry, on_error=bridge.report)
            if label_set.of(Method.DETECTION)
            else None
        )
        self._add_layers()
        self.text = ReadOut(self._viewer, session)
        self._progress: Any = None
        if header.shape[0] > 1:
            self._progress = cancelable_progress(
                total=header.shape[0],
                desc=f"Reading {case.row.case.name}",
                cancel_callback=self._cancel,
            )
        self.show_slice(session.slice)
        self.loader.start()

    @property
    def layers(self) -> list[Layer]:
        """Our layers, the image first."""
        found = [self.image.layer, *(mask.layer for mask in self.masks.values())]
        return found if self.boxes is None else [*found, self.boxes.layer]

    def _add_layers(self) -> None:
        viewer = self._viewer
        viewer.dims.ndisplay = 2
        for layer in self.layers:
            viewer.add_layer(layer)
            # Asked for deletion, napari's interface then says that it is locked.
            layer.locked = True
        viewer.layers.selection.active = self.image.layer
        viewer.reset_view()

    def _cancel(self) -> None:
        self.loader.cancel()
        show_info("Reading was cancelled: open the case again to see all slices.")
        self._end_progress()

    def _on_progress(self, done: int, total: int, came: frozenset[int]) -> None:
        if self._progress is not None:
            self._progress.update(done - self._progress.n)
        if self._session.slice in came or self._viewer.dims.ndisplay == 3:
            self.image.layer.refresh()
        if done == total:
            self._end_progress()

    def _end_progress(self) -> None:
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    # ------------------------------------------------------------- following
    def show_slice(self, index: int) -> None:
        """Move the viewer to a slice, unless it is shown already."""
        if self._shown() != index:
            self._moving = True
            try:
                self._geometry.show_slice(self._viewer, self.image.layer, index)
            finally:
                self._moving = False

    def _shown(self) -> int:
        return self._geometry.slice_of(self._viewer, self.image.layer)

    def slice_shown(self) -> None:
        """Follow the viewer's slider."""
        if not self._moving and not self._closing:
            self._session.slice = self._shown()

    def show_annotation(self, indices: tuple[int, ...]) -> None:
        """Show what the session says of these slices."""
        for mask in self.masks.values():
            mask.show(indices)
        if self.boxes is not None:
            self.boxes.show(indices)

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing."""
        for mask in self.masks.values():
            mask.set_editable(editable)
        if self.boxes is not None:
            self.boxes.set_editable(editable)

    def choose(self, label: Label | None) -> None:
        """Ready the layer and the tool that fit a label."""
        selection = self._viewer.layers.selection
        method = None if label is None else label.method
        chosen: Layer = self.image.layer
        for mask in self.masks.values():
            if method is Method.SEGMENTATION and mask.group == label.overlap_group:  # type: ignore[union-attr]
                chosen = mask.layer
            else:
                mask.layer.mode = "pan_zoom"
        if self.boxes is not None:
            if method is Method.DETECTION:
                chosen = self.boxes.layer
            else:
                self.boxes.layer.mode = "pan_zoom"
        selection.active = chosen
        if label is not None and method is Method.SEGMENTATION:
            self.masks[label.overlap_group].choose(label)
        elif label is not None and method is Method.DETECTION and self.boxes:
            self.boxes.choose(label)

    def stroke(self, began: bool) -> None:
        """Let the masks wait while a left drag goes on."""
        for mask in self.masks.values():
            if began:
                mask.stroke_began()
            else:
                mask.stroke_ended()

    def take(self) -> None:
        """Tell the session of everything that changed in the layers."""
        for mask in self.masks.values():
            mask.take(None)
        if self.boxes is not None:
            self.boxes.take()

    def layer_removed(self, layer: Layer) -> None:
        """Put a layer back that was taken away; nothing of it is lost.

        Not at once, since all layers may be about to go: then the case is closed.
        """
        if not self._closing and layer in self.layers:
            self._bridge.images.later(0, self._put_back)

    def _put_back(self) -> None:
        if self._closing:
            return
        if self.image.layer not in self._viewer.layers:
            self._session.close_case()
            return
        for layer in self.layers:
            if layer not in self._viewer.layers:
                self._viewer.add_layer(layer)
                show_info(
                    f"{layer.name} belongs to the open case and was put back. Hide "
                    "it with the eye, or close the case."
                )

    def close(self) -> None:
        """Take the layers out of the viewer."""
        self._closing = True
        self.loader.cancel()
        self._end_progress()
        self.text.close()
        self.image.close()
        for mask in self.masks.values():
            mask.close()
        if self.boxes is not None:
            self.boxes.close()
        for layer in self.layers:
            layer.locked = False
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
