"""Three planes of the open case at once, with one place in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from psygnal import Signal

from napari_annotate_jobs.session import Connections

from ._plane_view import PlaneView

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.viewer._masks import MaskLayer
    from napari_annotate_jobs.viewer._mouse import MouseTools
    from napari_annotate_jobs.viewer._preview import PreviewLayer
    from napari_annotate_jobs.viewer._proposals import ProposalLayer

__all__ = ["PLANE_COLORS", "ThreePlanes"]

PLANE_COLORS = ("#e3b617", "#4fc3d9", "#e377c2")
"""Of the planes across slices, rows and columns: each one's line in the others."""


class ShownCase(Protocol):
    """The layers of the open case."""

    masks: dict[str, MaskLayer]
    proposals: list[ProposalLayer]

    @property
    def image_layer(self) -> Image:
        """The reference series."""
        ...

    @property
    def shown_voxels(self) -> Any:
        """The volume that is shown, (slices, rows, columns[, channels])."""
        ...

    @property
    def is_whole(self) -> bool:
        """False if the series is read slice by slice."""
        ...


class ThreePlanes:
    """The two planes that the main canvas does not show, while they are wanted.

    All three have a place in common, where their lines cross. It moves with the slice,
    with the sliders and wheels of the other planes, and to where one clicks.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer; shows the slices as they were acquired.
    session : AnnotationSession
        The job.
    mouse : MouseTools
        The gestures of its canvas.
    preview : PreviewLayer
        Its outlines are shown in all planes.
    """

    changed = Signal()
    """The planes came or went, or cannot be shown of this case."""
    moved = Signal()
    """Their lines cross elsewhere, or a canvas was zoomed or moved."""
    pressed = Signal()
    """One of the planes was clicked, or is being drawn on."""

    def __init__(
        self,
        viewer: ViewerModel,
        session: AnnotationSession,
        mouse: MouseTools,
        preview: PreviewLayer,
    ) -> None:
        self._viewer, self._session = viewer, session
        self._mouse, self._preview = mouse, preview
        self._case: ShownCase | None = None
        self.views: tuple[PlaneView, ...] = ()
        self._place = [0.0, 0.0, 0.0]
        self._connections = Connections()
        self._going = False

    # ----------------------------------------------------------------- asking
    @property
    def is_wanted(self) -> bool:
        """True between :meth:`show` and :meth:`hide`."""
        return bool(self.views)

    @property
    def is_shown(self) -> bool:
        """True if there are planes, and a case in them."""
        return any(view.image is not None for view in self.views)

    @property
    def refusal(self) -> str:
        """Why the open case has no other planes; empty if it has."""
        case, opened = self._case, self._session.case
        if case is None or opened is None:
            return "Open a case first."
        if len(opened.series.header.slices) < 2:
            return f"{opened.row.case.name} has one slice, and no other planes."
        if not case.is_whole:
            return (
                f"{opened.row.case.name} is too large to be held in memory, which "
                "other planes need. Give images more memory in napari's preferences."
            )
        return ""

    @property
    def place(self) -> tuple[float, float, float]:
        """Slice, row and column where the planes cross."""
        return self._place[0], self._place[1], self._place[2]

    # ---------------------------------------------------------------- showing
    def show(self) -> None:
        """Show the other planes, of this case and of those that follow."""
        if self.views:
            return
        self.views = tuple(
            PlaneView(across, self._session, self._mouse, self._on_stroke)
            for across in (1, 2)
        )
        connect, viewer = self._connections.connect, self._viewer
        for view in self.views:
            view.model.theme = viewer.theme
            connect(view.moved, self._on_moved)
            connect(view.clicked, self.go)
            connect(view.view_changed, self._on_view)
            connect(view.model.events.theme, self._on_own_theme)
        camera = viewer.scene.camera
        for signal in (
            camera.events.zoom,
            camera.events.center,
            camera.events.orientation,
            viewer.canvas.events.size,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
        ):
            connect(signal, self._on_view)
        connect(viewer.events.theme, self._on_theme)
        connect(viewer.layers.selection.events.active, self._on_active)
        connect(viewer.layers.events.inserted, self._on_inserted)
        connect(viewer.layers.events.removed, self._on_removed)
        connect(self._session.slice_changed, self._on_slice)
        connect(self._preview.changed, self.refresh)
        self._fill()
        self.changed.emit()

    def hide(self) -> None:
        """Show them no more."""
        if not self.views:
            return
        self._connections.release()
        views, self.views = self.views, ()
        for view in views:
            view.close()
        self.changed.emit()

    def begin(self, case: ShownCase) -> None:
        """Turn to the case that is opened."""
        self._case = case
        opened = self._session.case
        assert opened is not None
        rows, columns = opened.series.header.shape[1:3]
        self._place = [self._session.slice, (rows - 1) // 2, (columns - 1) // 2]
        if self.views:
            self._fill()
            self.changed.emit()

    def end(self) -> None:
        """Take all of the case out of every plane."""
        self._case = None
        for view in self.views:
            view.end()
        if self.views:
            self.changed.emit()

    def _fill(self) -> None:
        case, opened = self._case, self._session.case
        if case is None or opened is None or self.refusal:
            return
        labels, header = self._labels(case), opened.series.header
        for view in self.views:
            view.begin(case.image_layer, case.shown_voxels, header, labels)
            view.go(round(self._place[view.across]))
        self._on_active()

    def _labels(self, case: ShownCase) -> dict[Labels, Callable[[Any], object] | None]:
        """Return what is shown over the image, and what takes strokes drawn there."""
        labels: dict[Labels, Callable[[Any], object] | None] = {
            mask.layer: mask.take_aside for mask in case.masks.values()
        }
        labels |= {proposal.layer: None for proposal in case.proposals}
        if self._preview.layer is not None:
            labels[self._preview.layer] = None
        return labels

    # --------------------------------------------------------------- following
    def refresh(self) -> None:
        """Draw masks and proposals that changed."""
        for view in self.views:
            view.refresh()

    def image_came(self) -> None:
        """Draw the slices that were read."""
        for view in self.views:
            view.refresh(image=True)

    def show_volume(self) -> None:
        """Show the volume that the main canvas shows."""
        if self._case is not None:
            for view in self.views:
                view.set_voxels(self._case.shown_voxels)

    def _on_theme(self) -> None:
        for view in self.views:
            view.model.theme = self._viewer.theme

    def _on_own_theme(self, event: Any) -> None:
        # napari's key for it reaches the plane that has the keyboard alone
        self._viewer.theme = event.source.theme

    def _on_active(self) -> None:
        for view in self.views:
            view.activate(self._viewer.layers.selection.active)

    def _on_inserted(self, event: Any) -> None:
        if self._case is None or not self.is_shown:
            return
        labels = self._labels(self._case)
        if event.value in labels:
            for view in self.views:
                view.add(event.value, labels[event.value])

    def _on_removed(self, event: Any) -> None:
        for view in self.views:
            view.remove(event.value)

    # ------------------------------------------------------------------ going
    def go(self, index: float, row: float, column: float) -> None:
        """Let the planes cross at a place; all show it."""
        place = [float(round(part)) for part in (index, row, column)]
        if place == self._place:
            return
        self._going = True
        try:
            self._place = place
            self._session.slice = round(place[0])
            for view in self.views:
                view.go(round(place[view.across]))
        finally:
            self._going = False
        self.moved.emit()

    def _on_slice(self, index: int) -> None:
        self._place[0] = float(index)
        self._tell_moved()

    def _on_moved(self, across: int, index: int) -> None:
        self._place[across] = float(index)
        self._tell_moved()

    def _on_view(self) -> None:
        self._tell_moved()

    def _tell_moved(self) -> None:
        if not self._going:
            self.moved.emit()

    def _on_stroke(self, began: bool) -> None:
        case = self._case
        if case is None:
            return
        for mask in case.masks.values():
            if began:
                mask.stroke_began(draws=False)
            else:
                mask.stroke_ended()
        if began:
            self.pressed.emit()

    def close(self) -> None:
        """Release everything."""
        self.hide()
        self._case = None
