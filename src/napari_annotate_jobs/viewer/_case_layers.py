"""All layers of one open case, made and taken away together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from napari.layers import Image

from napari_annotate_jobs.editing import object_at
from napari_annotate_jobs.errors import UnsavedWorkError
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Work

from ._axes import CaseAxes
from ._box_hand import BoxHand
from ._boxes import BoxLayer
from ._brush import BrushTool
from ._fitted_view import FittedView
from ._geometry import Geometry, HeldPlace, index_at
from ._images import ImageLayer, Place, VolumeLoader
from ._masks import MaskLayer
from ._other_series import OtherSeries
from ._own_case import OwnCase
from ._plane import ACQUIRED, Plane, PlaneGuide
from ._proposals import ProposalLayer
from ._readout import ReadOut
from ._status import StatusLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.editing import Pointed
    from napari_annotate_jobs.model import Label, SliceAnnotation
    from napari_annotate_jobs.session import AnnotationSession, Executor, OpenCase

    from ._brush import BrushOptions
    from ._compared import BesideLayers, ComparisonLayer
    from ._foreign import ForeignLayers
    from ._measuring import Measuring
    from ._mirror import MirrorLayer
    from ._mouse import MouseTools
    from ._pins import PinLayer
    from ._prefetch import Prefetcher
    from ._preview import PreviewLayer
    from ._progress import Bars
    from .planes import ThreePlanes

__all__ = ["CaseLayers"]

REACH = 5.0
"""How near the edge of a box a click has to be, in pixels of the screen."""
FAINT = 0.3
"""Part of its opacity that a layer keeps below outlines."""


class CaseHost(Protocol):
    """What the layers of a case are shown in, and whom they tell."""

    viewer: ViewerModel
    session: AnnotationSession
    budget: int
    draw_text: bool
    prefetcher: Prefetcher
    bars: Bars
    brush: BrushOptions
    mouse: MouseTools
    foreign: ForeignLayers
    preview: PreviewLayer
    pins: PinLayer
    compared: ComparisonLayer
    beside: BesideLayers
    planes: ThreePlanes
    measuring: Measuring

    @property
    def images(self) -> Executor:
        """Reads pixels."""
        ...

    def report(self, error: Exception) -> None:
        """Show an error to the user."""
        ...

    def tell_box(self) -> None:
        """Tell that another box is at hand."""
        ...

    def tell_at_hand(self) -> None:
        """Tell that another series may be at hand."""
        ...

    def tell_plane(self) -> None:
        """Tell that another plane is shown."""
        ...

    def tell_volume(self) -> None:
        """Tell that another volume is shown."""
        ...


class CaseLayers:
    """The layers of one open case.

    They go in and out of the viewer without anything between that lets the event loop
    run: no key is then pressed while two cases' layers are there, or half of one's.

    Each case has layers of its own, that die with it: what another plugin is about to
    write into a layer, having begun in one case, is never found in another one's.

    Parameters
    ----------
    host : CaseHost
        Whose viewer and session it is.
    case : OpenCase
        The case.
    """

    def __init__(self, host: CaseHost, case: OpenCase) -> None:
        self._host, self._viewer = host, host.viewer
        self._session = session = OwnCase(host.session)
        header = case.series.header
        self._geometry = Geometry.of(header, case.row.case.name, case.row.case.id)
        self._closing = False
        self._moving = False
        self._guide: PlaneGuide | None = None
        self._fit: FittedView | None = None
        self._opacities: dict[Layer, float] = {}
        self._axes: CaseAxes | None = None
        self._editable = not session.locked
        self._in_stroke = self._labels_behind = False
        self._hidden: list[Layer] | None = None
        self._volume = self._geometry.volume
        self.loader = VolumeLoader(
            case.series,
            host.images,
            current=lambda: (self.shown_volume, session.slice),
            on_progress=self._on_progress,
            on_error=host.report,
            budget=host.budget,
            ready=host.prefetcher.take(case.row.case.id, case.series),
        )
        self.image = ImageLayer(
            session,
            self.loader.voxels,
            self._geometry,
            name=header.name,
        )
        label_set = session.job.project.label_set
        self.masks = {
            group: self._make_mask(group) for group in label_set.overlap_groups
        }
        self.proposals: list[ProposalLayer] = []
        self._make_proposals(session.editor.contents().values())
        self.boxes = self._make_boxes() if label_set.of(Method.DETECTION) else None
        self.hand = self._make_hand()
        self.brush = BrushTool(
            self._viewer,
            self.masks,
            host.brush,
            plane=self.values,
            is_busy=lambda: host.mouse.zoom_tool or host.measuring.kind is not None,
        )
        self._places: list[HeldPlace] = []
        self._add_layers()
        self._fit = FittedView(self._viewer, self.image.layer)
        self._guide = PlaneGuide(self._viewer, self.image.layer, header, self._fit)
        self._guide.changed.connect(self._on_plane)
        self._axes = CaseAxes(self._viewer, self.image.layer, self._axes_changed)
        self._fit.fit()
        self.text = ReadOut(self._viewer, host.session, draw=host.draw_text)
        self.status = StatusLine(
            self._viewer,
            self.image.layer,
            header,
            self.values,
        )
        self.others = OtherSeries(
            self._viewer,
            host.session,
            host.images,
            on_error=host.report,
            budget=host.budget,
            bars=host.bars,
            tell=host.tell_at_hand,
            fit=self.fit,
            claim=host.foreign.claim,
        )
        self._work = Work(f"Reading {case.row.case.name}")
        self._work.report(0, self.loader.filled.size)
        self._moving = True
        self._geometry.show_volume(self._viewer, self.image.layer, self._volume)
        self._moving = False
        self.show_slice(session.slice)
        host.planes.begin(self)
        if self.loader.is_done:
            self._all_read()
        else:
            host.bars.add(self._work)
            self.loader.start()

    def _make_mask(self, group: str) -> MaskLayer:
        return MaskLayer(
            self._session,
            group,
            self._geometry,
            on_error=self._host.report,
            later=self._host.images.later,
            view=self._view,
            shown=self.shown_slice,
            flat=self._is_flat,
        )

    def _make_proposals(self, contents: Iterable[SliceAnnotation]) -> bool:
        """Make the layers of what is proposed that are not there yet.

        Each costs as much as the image when it is put into the viewer: most cases
        have nothing to show on any.
        """
        proposed = {group for content in contents for group in content.proposals}
        there = {proposals.group for proposals in self.proposals}
        report = self._host.report
        new = [
            ProposalLayer(self._session, group, self._geometry, on_error=report)
            for group in self.masks
            if group in proposed - there
        ]
        self.proposals += new
        order = list(self.masks)
        self.proposals.sort(key=lambda proposals: order.index(proposals.group))
        return bool(new)

    def _make_boxes(self) -> BoxLayer:
        boxes = BoxLayer(
            self._session,
            self._geometry,
            on_error=self._host.report,
            shown=self.shown_slice,
            draws_names=self._host.draw_text,
        )
        boxes.current_changed.connect(self._host.tell_box)
        return boxes

    def _tell(self, text: str) -> None:
        self._host.session.told.emit(text)

    def _make_hand(self) -> BoxHand | None:
        if self.boxes is None:
            return None
        report = self._host.report
        return BoxHand(self._viewer, self.boxes, self._session, on_error=report)

    @property
    def layers(self) -> list[Layer]:
        """Our layers, the image first."""
        return [self.image.layer, *(mirror.layer for mirror in self._mirrors)]

    @property
    def _mirrors(self) -> list[MirrorLayer[Any]]:
        """What shows the annotation, from the bottom to the top."""
        boxes = [] if self.boxes is None else [self.boxes]
        return [*self.masks.values(), *self.proposals, *boxes]

    @property
    def _drawn(self) -> list[MaskLayer | BoxLayer]:
        """Those of them that are drawn on."""
        boxes = [] if self.boxes is None else [self.boxes]
        return [*self.masks.values(), *boxes]

    def _add_layers(self) -> None:
        """Put the layers into the viewer, in the place of those of the former case."""
        layers, image = self._viewer.layers, self.image.layer
        theirs = self._host.foreign.layers
        left = [layer for layer in layers if layer not in theirs]
        # Were the viewer empty in between, napari would make its sliders anew, for
        # which the window is laid out, and the canvas gets another size, twice.
        between = [
            layer
            for layer in left
            if isinstance(layer, Image)
            and (layer.ndim, layer.units) == (image.ndim, image.units)
        ][:1]
        # In one go: napari puts its scene together once then, and not for each layer.
        with layers.batched_update():
            self._take_out([layer for layer in left if layer not in between])
            for layer in between:
                if layer.name == image.name:  # which napari would number
                    layer.name = f"{layer.name} (closed)"
            place = len(layers)
            for layer in reversed(self.layers):  # the last one is at hand then
                self._add(layer, place)
            self._take_out(between)
        # As napari does where one layer comes alone: who turns the image, or shows
        # three planes, begins in the middle.
        dims = self._viewer.dims
        for axis in dims.displayed:
            dims.set_current_step(axis, dims.nsteps[axis] // 2)

    def _take_out(self, gone: Iterable[Layer]) -> None:
        layers = self._viewer.layers
        for layer in gone:
            layer.locked = False
            if layer in layers:
                layers.remove(layer)

    def _add(self, layer: Layer, place: int) -> None:
        self._host.foreign.claim(layer)
        self._places.append(HeldPlace(layer, self._tell))
        self._viewer.layers.insert(place, layer)
        # Asked for deletion, napari's interface then says that it is locked.
        layer.locked = True

    def _add_new(self) -> None:
        """Put those layers into the viewer that are new; what is at hand stays so."""
        layers = self._viewer.layers
        active, place = layers.selection.active, 0
        for layer in self.layers:
            if layer not in layers:
                self._add(layer, place)
            place = layers.index(layer) + 1
        layers.selection.active = active

    def _cancel(self) -> None:
        self.loader.cancel()
        self._host.bars.remove(self._work)
        self._host.session.told.emit(
            "Reading was cancelled: open the case again to see all slices."
        )

    def _on_progress(self, done: int, total: int, came: frozenset[Place]) -> None:
        self._work.report(done, total)
        if self._work.cancelled() and done < total:
            self._cancel()
        here = (self.shown_volume, self._session.slice)
        if here in came or self._viewer.dims.ndisplay == 3:
            self.image.layer.refresh()
            self._host.beside.refresh()
            self.status.update()
        self._host.planes.image_came()
        if done == total:
            self._host.bars.remove(self._work)
            self._all_read()

    def _all_read(self) -> None:
        """Go on to what can wait: the other series, and the next case."""
        self.others.start()
        budget = self._host.budget
        self._host.prefetcher.start(
            budget - (0 if self.loader.is_lazy else self.loader.voxels.nbytes)
        )

    # ------------------------------------------------------------- following
    def show_slice(self, index: int) -> None:
        """Move the viewer to a slice, as it was acquired."""
        self.show_acquired()
        self._move_to(index)

    def show_acquired(self) -> None:
        """Show the slices as they were acquired."""
        if self._guide is not None and not self.plane.is_acquired:
            self._guide.show_acquired()

    def _move_to(self, index: int) -> None:
        if self._shown() != index:
            self._moving = True
            try:
                self._geometry.show_slice(self._viewer, self.image.layer, index)
            finally:
                self._moving = False

    def _shown(self) -> int:
        return self._geometry.slice_of(self._viewer, self.image.layer)

    @property
    def plane(self) -> Plane:
        """Which plane of the volume is shown."""
        return ACQUIRED if self._guide is None else self._guide.plane

    def shown_slice(self) -> int | None:
        """Return the slice that is on the screen; None if another plane is."""
        return self._session.slice if self.plane.is_acquired else None

    def _is_flat(self) -> bool:
        return bool(self._viewer.dims.ndisplay == 2)

    def _on_plane(self) -> None:
        """Let go of the tools that need what is not shown any more."""
        if self._closing:
            return
        self.set_editable(not self._session.locked)
        label = self._session.label
        active = self._viewer.layers.selection.active
        if label is not None and active in self.layers:
            self.choose(label)
        self._host.tell_plane()

    def _axes_changed(self) -> None:
        """Show the slice that was shown before another layer came or went."""
        if not self._closing and self.plane.is_acquired:
            self._move_to(self._session.slice)

    @property
    def image_layer(self) -> Image:
        """The image."""
        return self.image.layer

    @property
    def shown_voxels(self) -> Any:
        """The volume that is shown, (slices, rows, columns[, channels])."""
        return self.loader.volume(self.shown_volume)

    @property
    def is_measured(self) -> bool:
        """True if the size of a pixel is known in mm."""
        return self._geometry.units == "mm"

    @property
    def is_whole(self) -> bool:
        """False if the series is read slice by slice, as it is looked at."""
        return not self.loader.is_lazy

    @property
    def shown_volume(self) -> int:
        """Index of the volume that is shown, such as a time point."""
        return 0 if self._closing else self._volume

    def values(self, index: int) -> Any:
        """Return the values of a slice as it is shown; None while it is not read."""
        if not self.loader.filled[self.shown_volume, index]:
            return None
        return self.loader.volume(self.shown_volume)[index]

    def _view(self) -> object:
        dims = self._viewer.dims
        return dims.point, dims.order, dims.ndisplay

    def slice_shown(self) -> None:
        """Follow the viewer's slider."""
        if self._moving or self._closing:
            return
        if self._axes is not None and not self._axes.is_held:
            return
        if self.plane.is_acquired:
            self._session.slice = self._shown()
        else:
            self._host.tell_plane()
        volume = self._geometry.volume_of(self._viewer, self.image.layer)
        if volume != self._volume:
            self._volume = volume
            self._host.tell_volume()
        self.status.update()

    def show_annotation(self, indices: tuple[int, ...]) -> None:
        """Show what the session says of these slices."""
        seen = [each.layer for each in self.proposals if each.layer.visible]
        for mirror in self._mirrors:
            mirror.show(indices)
        contents = self._session.editor.contents()
        if self._make_proposals(contents[i] for i in indices if i in contents):
            self._add_new()
        if self._hidden is not None:
            came = [p.layer for p in self.proposals if p.layer.visible]
            for layer in came:
                if layer not in seen:
                    self._hidden.append(layer)
                    layer.visible = False
        self._host.planes.refresh()

    def follow_labels(self) -> None:
        """Take up the labels of the job as they are now; what is drawn stays.

        Not before a stroke that goes on has ended.
        """
        self._labels_behind = self._in_stroke
        if self._in_stroke or self._closing:
            return
        if not self._session.locked:
            self.take()
        labels = self._session.job.project.label_set
        gone = {g for g, mask in self.masks.items() if not mask.follow_labels()}
        kept = [p for p in self.proposals if p.group not in gone]
        leaving: list[MirrorLayer[Any]] = [self.masks.pop(group) for group in gone]
        leaving += [each for each in self.proposals if each not in kept]
        for proposals in kept:
            proposals.follow_labels()
        for group in labels.overlap_groups:
            if group not in self.masks:
                self.masks[group] = self._make_mask(group)
        self.proposals = kept
        self._make_proposals(self._session.editor.contents().values())
        if self.boxes is not None and not self.boxes.follow_labels():
            leaving.append(self.boxes)
            self.boxes = None
        elif self.boxes is None and labels.of(Method.DETECTION):
            self.boxes = self._make_boxes()
        self._exchange([mirror.layer for mirror in leaving])
        for mirror in leaving:
            mirror.close()

    def _exchange(self, gone: Sequence[Layer]) -> None:
        """Take layers out of the viewer, and put those in that are new."""
        layers = self._viewer.layers
        new = [layer for layer in self.layers if layer not in layers]
        if not gone and not new:
            return
        if layers.selection.active in gone:
            layers.selection.active = self.image.layer
        for layer in gone:
            layer.mode = "pan_zoom"
        self._take_out(gone)
        self._add_new()
        self.set_editable(self._editable)
        self.choose(self._session.label)

    def set_editable(self, editable: bool) -> None:
        """Allow or forbid drawing; allowed again, the tool of the label comes back."""
        came_back, self._editable = editable and not self._editable, editable
        for mask in self.masks.values():
            mask.set_editable(editable and self._is_flat())
        if self.boxes is not None:
            self.boxes.set_editable(editable and self.plane.is_acquired)
            self.boxes.drop_hidden()
        if editable and came_back:
            self.choose(self._session.label)

    def pointed_at(self) -> tuple[float, float] | None:
        """Return row and column of the pixel under the mouse, as it was acquired.

        None outside the image, and while another plane is shown.
        """
        if not self.plane.is_acquired:
            return None
        _, row, column = index_at(self.image.layer, self._viewer.cursor.position)
        rows, columns = self._geometry.shape[1:]
        inside = -0.5 <= row < rows - 0.5 and -0.5 <= column < columns - 0.5
        return (row, column) if inside else None

    def pointed(self, position: Sequence[float]) -> Pointed | None:
        """Return what is drawn at a place in the world, of what is seen.

        Raises
        ------
        AnnotateJobsError
            If a mask cannot be read.
        """
        if self.is_hidden:
            return None
        _, row, column = index_at(self.image.layer, position)
        reach = (
            REACH * self.image.layer.scale_factor / float(self.image.layer.scale[-1])
        )
        session = self._session
        return object_at(session.editor, session.slice, row, column, reach=reach)

    def set_faint(self, faint: bool) -> None:
        """Let outlines be read over what is painted and drawn, or show it as it was."""
        if faint == bool(self._opacities):
            return
        if faint:
            for drawn in self._drawn:
                self._opacities[drawn.layer] = drawn.layer.opacity
                drawn.layer.opacity *= FAINT
        else:
            for layer, opacity in self._opacities.items():
                layer.opacity = opacity
            self._opacities = {}

    def fit(self) -> None:
        """Show the image as a whole."""
        if self._fit is not None:
            self._fit.fit()

    def choose(self, label: Label | None) -> None:
        """Ready the layer and the tool that fit a label; what was hidden comes back."""
        if self._hidden is not None and label is not None:
            self.set_hidden(False)
            return
        selection = self._viewer.layers.selection
        drawn: MaskLayer | BoxLayer | None = None
        if label is not None and label.method is Method.SEGMENTATION:
            drawn = self.masks.get(label.overlap_group)
        elif label is not None and label.method is Method.DETECTION:
            drawn = self.boxes
        for other in self._drawn:
            if other is not drawn:
                other.layer.mode = "pan_zoom"
        if label is None or drawn is None:
            selection.active = self.image.layer
        else:
            selection.active = drawn.layer
            drawn.choose(label)

    @property
    def is_hidden(self) -> bool:
        """True while the annotation is kept out of sight."""
        return self._hidden is not None

    def set_hidden(self, hidden: bool) -> None:
        """Take the annotation out of sight, or show again what was seen before.

        Nothing is drawn meanwhile: what is not shown is not edited.
        """
        if hidden and self._hidden is None:
            self._hidden = [m.layer for m in self._mirrors if m.layer.visible]
            for drawn in self._drawn:
                drawn.layer.mode = "pan_zoom"
            self._viewer.layers.selection.active = self.image.layer
            for layer in self._hidden:
                layer.visible = False
        elif not hidden and self._hidden is not None:
            seen, self._hidden = self._hidden, None
            for layer in seen:
                layer.visible = True
            self.choose(self._session.label)

    def stroke(self, began: bool) -> None:
        """Let the masks wait while a left drag goes on."""
        self._in_stroke = began
        active = self._viewer.layers.selection.active
        for mask in self.masks.values():
            if began:
                mask.stroke_began(draws=active is mask.layer)
            else:
                mask.stroke_ended()
        if self._labels_behind and not began:
            self.follow_labels()

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
            if self.boxes is not None and layer is self.boxes.layer:
                # napari would go on to draw what is selected in a layer that is gone.
                self.boxes.let_go()
            self._host.images.later(0, self._put_back)

    def _put_back(self) -> None:
        if self._closing:
            return
        layers = self._viewer.layers
        if not any(layer in layers for layer in self.layers):
            try:
                self._session.close_case()
                return
            except UnsavedWorkError as error:
                self._host.report(error)
        below = 0
        for layer in self.layers:
            if layer not in layers:
                self._viewer.add_layer(layer)
                layers.move(layers.index(layer), below)
                self._host.session.told.emit(
                    f"{layer.name} belongs to the open case and was put back. Hide "
                    "it with the eye, or close the case."
                )
            below = layers.index(layer) + 1

    def leave(self) -> None:
        """Let go of the layers; they are to be taken out of the viewer next."""
        self._closing = True
        self._host.planes.end()
        self.loader.cancel()
        self._host.bars.remove(self._work)
        self.text.close()
        self.status.close()
        if self._fit is not None:
            self._fit.close()
        if self._guide is not None:
            self._guide.close()
        if self._axes is not None:
            self._axes.close()
        self.brush.close()
        for place in self._places:
            place.close()
        if self.hand is not None:
            self.hand.close()
        self.image.close()
        for mirror in self._mirrors:
            mirror.close()
        self._host.preview.hide()
        self._host.pins.hide()
        self._host.measuring.clear()
        self._host.compared.hide()
        self._host.beside.hide()
        # The tools go first: napari must not draw a brush whose layer is gone.
        if self.image.layer in self._viewer.layers:
            self._viewer.layers.selection.active = self.image.layer
        for layer in self.layers[1:]:
            if layer in self._viewer.layers:
                layer.mode = "pan_zoom"
        self.others.stop()

    def remove(self) -> None:
        """Take the layers out of the viewer, when no other case takes their place."""
        # In one go: napari collects garbage after every one that goes by itself.
        with self._viewer.layers.batched_update():
            self.others.close()
            self._take_out(self.layers)
