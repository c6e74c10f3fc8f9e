"""Keeps a napari viewer and an annotation session in step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.session import Connections

from ._box_names import BoxName, names_on_canvas
from ._brush import BrushOptions
from ._case_layers import CaseLayers
from ._compared import BesideLayers, ComparisonLayer
from ._foreign import ForeignLayers
from ._measuring import Measuring
from ._mouse import MouseTools
from ._orientation import edge_letters
from ._pins import PinLayer
from ._plane import ACQUIRED
from ._prefetch import Prefetcher
from ._preview import PreviewLayer
from ._progress import Bars
from ._zoom import ZoomGuide
from .planes import ThreePlanes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.editing import CaseView, Edit
    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.session import AnnotationSession, Executor, OpenCase

    from ._boxes import BoxLayer
    from ._orientation import EdgeLetters
    from ._plane import Plane

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
    budget : int
        Bytes that images may take: larger series are read slice by slice, and the
        next case is read ahead in what is left.
    draw_text : bool
        Draw the read-out on the canvas; False leaves that to whoever listens to
        :attr:`text_changed`, since napari's text costs a fifth of each step.
    """

    text_changed = Signal(str)
    """The read-out of slice, decision and window; empty when no case is open."""
    box_changed = Signal()
    """Another box, or object, is at hand; see :attr:`boxes`."""

    volume_changed = Signal()
    """Another volume of the series is shown, such as another time point."""
    pressed = Signal()
    """The image was clicked, or is being drawn on."""
    clicked = Signal(int, float, float)
    """Slice, row and column of a place of the image that was clicked, in pixels."""
    asked = Signal(object, tuple)
    """What was clicked with the right button, a Pointed or None, and where on the
    canvas, in pixels of the screen."""
    plane_changed = Signal()
    """Another plane of the volume is shown; see :attr:`plane`."""
    letters_changed = Signal(object)
    """Sides of the patient at the edges, an EdgeLetters; None where none are known."""
    hidden_changed = Signal(bool)
    """The annotation went out of sight, or came back."""
    offered = Signal(str, str, object)
    """What the user should know, what can be done about it, and what does it."""

    def __init__(
        self,
        viewer: ViewerModel,
        session: AnnotationSession,
        images: Executor,
        *,
        on_error: Callable[[Exception], None],
        wheel_steps: bool = False,
        budget: int = 2**31,
        draw_text: bool = True,
    ) -> None:
        self.viewer = viewer
        self.draw_text = draw_text
        self.session = session
        self.budget = budget
        self.prefetcher = Prefetcher(session, images)
        self._images = images
        self._on_error = on_error
        self._connections = Connections()
        self._case: CaseLayers | None = None
        self._left: CaseLayers | None = None
        self._selected: tuple[int, int] | None = None
        self.bars = Bars(images.later)
        self.brush = BrushOptions()
        self.zoom = ZoomGuide(viewer, lambda: self._case)
        self.foreign = ForeignLayers(viewer, session)
        self.preview = PreviewLayer(viewer, claim=self.foreign.claim)
        self.pins = PinLayer(viewer, claim=self.foreign.claim)
        self.compared = ComparisonLayer(viewer, claim=self.foreign.claim)
        self.beside = BesideLayers(viewer, claim=self.foreign.claim)
        self._readings: tuple[CaseView, CaseView] | None = None
        self._pressed_at: object = None
        self.mouse = MouseTools(
            viewer,
            session,
            wheel_steps=wheel_steps,
            on_stroke=self._on_stroke,
            on_menu=self._on_menu,
        )
        self.measuring = Measuring(
            viewer, lambda: self.image_layer, claim=self.foreign.claim
        )
        self.planes = ThreePlanes(viewer, session, self.mouse, self.preview)
        connect = self._connections.connect
        connect(self.planes.pressed, self._on_pressed)
        connect(session.opened, self._on_opened)
        connect(session.closing, self.take)
        connect(session.closed, self._on_closed)
        connect(session.busy, self._on_busy)
        connect(session.slice_changed, self._on_slice_changed)
        connect(session.slices_changed, self._on_slices_changed)
        connect(session.replayed, self._on_replayed)
        connect(self.foreign.changed, self._update_text)
        connect(session.label_changed, self._on_label_changed)
        connect(session.window_changed, self._update_text)
        connect(session.status_changed, self._on_status_changed)
        connect(session.job_changed, self._on_job)
        # Steps are those of the finest layer; between them, only the point moves.
        connect(viewer.dims.events.point, self._on_dims)
        connect(viewer.layers.events.removed, self._on_layer_removed)
        connect(viewer.scene.camera.events.orientation, self._tell_letters)
        connect(viewer.dims.events.order, self._tell_letters)
        connect(viewer.dims.events.ndisplay, self._tell_letters)
        if session.is_open and session.case is not None:
            self._on_opened(session.case)

    @property
    def image_layer(self) -> Layer | None:
        """The Image layer of the open case's reference series."""
        return None if self._case is None else self._case.image.layer

    @property
    def boxes(self) -> BoxLayer | None:
        """The boxes of the open case; None in jobs without detection."""
        return None if self._case is None else self._case.boxes

    @property
    def is_loading(self) -> bool:
        """True while slices of the open case are still being read."""
        return self._case is not None and not self._case.loader.is_done

    @property
    def voxels(self) -> Any:
        """Voxels of the volume that is shown, or None.

        (slices, rows, columns[, channels]).
        """
        if self._case is None:
            return None
        return self._case.loader.volume(self._case.shown_volume)

    @property
    def series(self) -> Series | None:
        """The volume that is shown: the reference series, or one of its siblings."""
        if self._case is None or self.session.case is None:
            return None
        return self.session.case.series.volumes[self._case.shown_volume]

    def values(self, index: int) -> Any:
        """Return the values of a slice of the volume that is shown.

        (rows, columns[, channels]); None while it is not read.
        """
        return None if self._case is None else self._case.values(index)

    @property
    def is_shown(self) -> bool:
        """True if the slice at hand has been read, so that it is what is drawn."""
        case = self._case
        if case is None or self.session.is_moving:
            return False
        return bool(case.loader.filled[case.shown_volume, self.session.slice])

    @property
    def is_lazy(self) -> bool:
        """True if the open case is too large to be read as a whole."""
        return self._case is not None and self._case.loader.is_lazy

    # ---------------------------------------------------- session -> viewer
    def _on_opened(self, case: OpenCase) -> None:
        self._leave()
        self._left = None
        self.foreign.set_aside()
        try:
            self._case = CaseLayers(self, case)
        except Exception as error:
            # The case stays open in the session only if it can be shown.
            self.planes.end()
            self._clear()
            self.session.close_case()
            self._on_error(error)
            return
        self._on_label_changed(self.session.label)
        self._update_text()
        self._tell_letters()

    def _clear(self) -> None:
        """Take away every layer of ours that is left."""
        theirs = self.foreign.layers
        for layer in list(self.viewer.layers):
            if layer not in theirs:
                layer.locked = False
                self.viewer.layers.remove(layer)

    def _on_closed(self) -> None:
        try:
            self._leave()
        finally:
            # Unless another case takes its place: that one takes the layers out, and
            # sets those aside that are not ours.
            self.session.when_shown(self._remove_left)
            self.session.when_shown(self.foreign.set_aside)

    def _leave(self) -> None:
        if self._case is not None:
            case, self._case = self._case, None
            self._left, self._readings = case, None
            case.leave()
            self.text_changed.emit("")
            self._tell_letters()
            self.hidden_changed.emit(False)

    def _remove_left(self) -> None:
        left, self._left = self._left, None
        if left is not None:
            try:
                left.remove()
            finally:
                self._clear()

    def _on_busy(self) -> None:
        if self._case is not None:
            self._case.set_editable(not self.session.locked)

    def _on_slice_changed(self, index: int) -> None:
        if self._case is not None:
            self._case.show_slice(index)
            if self._case.boxes is not None:
                self._case.boxes.drop_hidden()
            self._draw_compared()
            self._update_text()

    def _on_slices_changed(self, indices: tuple[int, ...]) -> None:
        if self._case is not None:
            self._case.show_annotation(indices)
            self._update_text()

    def _on_replayed(self, edit: Edit) -> None:
        """Let it be seen what was undone: masks are in every plane, all else is not."""
        self.set_hidden(False)
        if not edit.is_painting:
            self.show_acquired()

    def _on_status_changed(self) -> None:
        if self._case is not None:
            self._case.set_editable(not self.session.locked)
            self._update_text()

    def _on_job(self) -> None:
        """Show the open case with the labels as its owners have changed them."""
        if self._case is not None:
            self._case.follow_labels()
            self._update_text()

    def _on_label_changed(self, label: Label | None) -> None:
        if self._case is not None:
            was_hidden = self._case.is_hidden
            self._case.choose(label)
            if was_hidden and not self._case.is_hidden:
                self._tell_hidden()

    def _update_text(self) -> None:
        if self._case is not None:
            volume = self.series
            stranger = self.foreign.drawn_on
            text = self._case.text.update(
                None if volume is None else volume.header,
                plane=self._case.plane,
                selected=self._selected,
                stranger="" if stranger is None else stranger.name,
                resampled=self._case.others.at_hand,
                hidden=self._case.is_hidden,
            )
            self.text_changed.emit(text)

    # ------------------------------------------------------------- comparing
    def compare(
        self, first: CaseView, second: CaseView, names: tuple[str, str], *, beside: bool
    ) -> None:
        """Show two readings of the open case until another one is opened.

        Parameters
        ----------
        first, second : CaseView
            What is open, and the other.
        names : (str, str)
            What to call them.
        beside : bool
            The other one stands beside it; else the outlines of both lie over the
            image, and what is painted is faint.
        """
        self.show_one()
        case = self._case
        if case is None:
            return
        self._readings = first, second
        try:
            if beside:
                case.others.make_room()
                self.beside.show(case.image.layer, self.session.slice, second, names)
                case.fit()
            else:
                case.set_faint(True)
                self._draw_compared()
        except AnnotateJobsError as error:
            self.show_one()
            self._on_error(error)

    def show_one(self) -> None:
        """Show what is open alone."""
        self._readings = None
        self.compared.hide()
        if self.beside.is_shown:
            self.beside.hide()
            if self._case is not None:
                self._case.fit()
        if self._case is not None:
            self._case.set_faint(False)

    def _draw_compared(self) -> None:
        if self._readings is None or self._case is None:
            return
        index = self.session.slice
        try:
            if self.beside.is_shown:
                self.beside.show_slice(index)
            else:
                self.compared.show(self._case.image.layer, index, *self._readings)
        except AnnotateJobsError as error:
            self.show_one()
            self._on_error(error)

    # ---------------------------------------------------- viewer -> session
    def _on_dims(self) -> None:
        if self._case is not None:
            self._case.slice_shown()

    def _on_stroke(self, began: bool) -> None:
        if self._case is None:
            return
        self._case.stroke(began)
        here = self._case.pointed_at(), tuple(self.viewer.scene.camera.center)
        if began:
            self._pressed_at = here
            self.pressed.emit()
        else:
            if here == self._pressed_at and here[0] is not None:
                self._clicked(*here[0])
            self._look_at_stroke()

    def _on_pressed(self) -> None:
        self.pressed.emit()

    def _clicked(self, row: float, column: float) -> None:
        index, active = self.session.slice, self.viewer.layers.selection.active
        self.clicked.emit(index, row, column)
        # With a tool in hand a click is the tool's.
        if self.planes.is_shown and getattr(active, "mode", "") in ("", "pan_zoom"):
            self.planes.go(index, row, column)

    def _on_menu(self, position: Sequence[float], pos: Sequence[float]) -> None:
        """Tell which object was clicked with the right button."""
        case = self._case
        if case is None or not self.plane.is_acquired:
            return
        try:
            found = case.pointed(position)
        except AnnotateJobsError as error:
            self._on_error(error)
            return
        self.asked.emit(found, tuple(pos))

    def _look_at_stroke(self) -> None:
        """Say of the first stroke in a layer that nobody saves that it is lost."""
        layer, label = self.foreign.drawn_on, self.foreign.right_label
        if layer is None or not self.foreign.is_first_stroke(layer):
            return
        text = f"“{layer.name}” is not of this case: what is drawn in it is not saved"
        if label is None:
            self.session.told.emit(f"{text}.")
            return

        def draw_right() -> None:
            if self.session.is_open:
                self.session.label = label

        self.offered.emit(
            f"{text}. Draw {label.name} in the layer of the case instead.",
            f"Draw {label.name}",
            draw_right,
        )

    def _on_layer_removed(self, event: Any) -> None:
        if self._case is not None:
            self._case.layer_removed(event.value)

    def owns(self, layer: Layer | None) -> bool:
        """Return True if a layer is one of the open case's."""
        return self._case is not None and layer in self._case.layers

    @property
    def plane(self) -> Plane:
        """Which plane of the volume is shown."""
        return ACQUIRED if self._case is None else self._case.plane

    def show_acquired(self) -> None:
        """Show the slices as they were acquired, instead of another plane."""
        if self._case is not None:
            self._case.show_acquired()

    def set_selected(self, selected: tuple[int, int] | None) -> None:
        """Say in the read-out which slices keys act on; None for the current one."""
        if selected != self._selected:
            self._selected = selected
            self._update_text()

    def tell_at_hand(self) -> None:
        """Tell that another series may be at hand."""
        self._update_text()

    def tell_plane(self) -> None:
        """Tell that another plane is shown."""
        self._update_text()
        self.plane_changed.emit()

    def box_names(self) -> list[BoxName]:
        """Return the names of the boxes on the screen, and where they stand."""
        case = self._case
        if case is None or case.boxes is None or case.is_hidden:
            return []
        if not case.plane.is_acquired:
            return []
        return list(names_on_canvas(self.viewer, case.boxes, self.session.slice))

    @property
    def letters(self) -> EdgeLetters | None:
        """Sides of the patient at the edges of the canvas; None if not known."""
        case, dims = self.session.case, self.viewer.dims
        if self._case is None or case is None or dims.ndisplay != 2:
            return None
        affine = case.series.header.affine
        shown = [axis - (dims.ndim - 3) for axis in dims.displayed]
        if affine is None or min(shown) < 0:
            return None
        return edge_letters(affine, shown, self.viewer.scene.camera.orientation2d)

    def _tell_letters(self) -> None:
        self.letters_changed.emit(self.letters)

    @property
    def is_hidden(self) -> bool:
        """True while the annotation is kept out of sight."""
        return self._case is not None and self._case.is_hidden

    def set_hidden(self, hidden: bool) -> None:
        """Take the annotation of the case out of sight, or bring it back."""
        if self._case is not None and hidden != self._case.is_hidden:
            self._case.set_hidden(hidden)
            self._tell_hidden()

    def _tell_hidden(self) -> None:
        self._update_text()
        self.hidden_changed.emit(self.is_hidden)

    @property
    def is_cleared(self) -> bool:
        """True if a case is open, but none of its layers is in the viewer."""
        case = self._case
        return case is not None and not any(
            layer in self.viewer.layers for layer in case.layers
        )

    def pointed_at(self) -> tuple[float, float] | None:
        """Return row and column of the pixel under the mouse; None if there is none."""
        return None if self._case is None else self._case.pointed_at()

    def take(self) -> None:
        """Tell the session of everything that changed in the layers.

        Edits by mouse arrive by themselves; this is for what other plugins wrote
        into the arrays without a word.
        """
        if self._case is not None and not self.session.locked:
            self._case.take()

    def tell_volume(self) -> None:
        """Tell that another volume is shown, such as another time point."""
        self.planes.show_volume()
        self._update_text()
        self.volume_changed.emit()

    def tell_box(self) -> None:
        """Tell that another box is at hand."""
        self.box_changed.emit()

    def report(self, error: Exception) -> None:
        """Show an error to the user."""
        self._on_error(error)

    @property
    def images(self) -> Executor:
        """Reads pixels."""
        return self._images

    def close(self) -> None:
        """Take our layers away and release every connection."""
        self.take()
        self._leave()
        self._remove_left()
        self.planes.close()
        self.measuring.close()
        self.prefetcher.cancel()
        self.foreign.close()
        self.mouse.close()
        self.zoom.close()
        self._connections.release()
        self.bars.close()
