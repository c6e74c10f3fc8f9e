"""Smart fill on the open case: the panel, the preview, and the work behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from superqt.utils import QSignalDebouncer

from napari_annotate_jobs.editing import (
    BOX_TOOLS,
    IMAGE_TOOLS,
    CaseView,
    Fill,
    FillTool,
    apply_fill,
    find_fill,
    prepare_fill,
)
from napari_annotate_jobs.errors import AnnotateJobsError, Cancelled
from napari_annotate_jobs.model import Method
from napari_annotate_jobs.session import Connections, Work
from napari_annotate_jobs.viewer import PointPicker
from napari_annotate_jobs.widgets import FillPanel, Where, outcome_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.window import Window
    from qtpy.QtWidgets import QDockWidget

    from napari_annotate_jobs.editing import FillResult
    from napari_annotate_jobs.session import Worker
    from napari_annotate_jobs.viewer import ViewerBridge

    from ._workbench import Workbench

__all__ = ["FillController"]

PAUSE = 120
"""Milliseconds without a change before a preview is made."""
MANY = 8
"""From so many slices on, the work is shown in the activity dock."""


class FillController:
    """Lets the user fill and clean masks in the open case.

    Parameters
    ----------
    bench : Workbench
        Whose session is acted on.
    bridge : ViewerBridge
        Shows the case, and has its voxels.
    worker : Worker
        Does the slow things.
    window : napari.window.Window
        Where the panel is docked.
    left : callable
        Called when the panel goes away: shows the labels again.
    """

    def __init__(
        self,
        bench: Workbench,
        bridge: ViewerBridge,
        worker: Worker,
        window: Window,
        left: Callable[[], object] = lambda: None,
    ) -> None:
        self._bench, self._window, self._left = bench, window, left
        self._session, self._bridge = bench.session, bridge
        self._worker = worker
        self.panel = FillPanel()
        self.preview = bridge.preview
        self.picker = PointPicker(bridge.viewer, lambda: self._bridge.image_layer)
        self._dock: QDockWidget | None = None
        self._work: Work | None = None
        self._result: FillResult | None = None
        self._then_apply = False
        self._seed_slice = 0
        self._pause = QSignalDebouncer(parent=self.panel)
        self._pause.setTimeout(PAUSE)
        self._pause.triggered.connect(self._start)
        self._offer_labels()
        session = self._session
        self._connections = Connections(
            [
                (bridge.planes.changed, self._on_planes),
                (session.opened, self._on_opened),
                (session.closed, self.hide),
                (session.status_changed, self._on_status),
                (session.slice_changed, self._on_slice),
                (session.slices_changed, self._on_masks),
                (session.label_changed, self._on_label),
                (session.job_changed, self._offer_labels),
                (self._bridge.box_changed, self._on_box),
            ]
        )
        panel = self.panel
        panel.changed.connect(self._renew)
        panel.apply_requested.connect(self.apply)
        panel.finished.connect(self.hide)
        panel.seen.connect(self._on_seen)
        panel.pick_requested.connect(self._on_pick)
        panel.values_requested.connect(self._take_values)

    def _offer_labels(self, *_: object) -> None:
        labels = self._session.job.project.label_set
        self._labels = labels.offered(Method.SEGMENTATION)
        self.panel.set_labels(self._labels, labels.offered(Method.DETECTION))

    def by_id(self) -> dict[str, Callable[[], None]]:
        """Return the actions that have keys, by their id."""
        return {"smart_fill": self.show} if self._labels else {}

    def close(self) -> None:
        """Let go of the session and of the viewer."""
        self._pause.cancel()
        self._drop()
        self._connections.release()
        self.picker.close()
        self.preview.hide()
        if self._dock is not None and self.panel.parent() is not None:
            self._window.remove_dock_widget(self.panel)
        self.panel.deleteLater()

    # ---------------------------------------------------------------- panel
    def show(self) -> None:
        """Show the panel."""
        if self._session.locked or not self._labels:
            return
        if self._dock is None or self.panel.parent() is None:
            self._dock = self._window.add_dock_widget(
                self.panel,
                name="Smart fill",
                area="right",
                tabify=True,
                add_vertical_stretch=False,
            )
        self._on_label(self._session.label)
        self._dock.show()
        self._dock.raise_()
        self.panel.setFocus()

    def hide(self) -> None:
        """Take the panel away, and what it shows; go back to the labels."""
        if self._dock is not None and self.panel.parent() is not None:
            shown = self._dock.isVisible()
            self._dock.hide()
            self._left()
            if shown:
                self._bench.release_keyboard()
        self._on_seen(False)

    def _on_seen(self, seen: bool) -> None:
        if seen and self._session.is_open:
            self._say_where()
            self._say_range()
            self._renew()
            return
        self._pause.cancel()
        self._drop()
        self.picker.stop()
        self.panel.set_picking(False)
        self.preview.hide()

    def _on_opened(self, case: Any) -> None:
        header = case.series.header
        self.panel.set_unit(header.unit)
        rows, columns = header.shape[1:3]
        self.panel.set_shape(rows, columns)
        self.panel.set_seed(rows // 2, columns // 2)
        if self._session.window is not None:
            low, high = self._session.window.limits
            self.panel.set_range(low, high)
            self.panel.set_limits(low, high)
        if self.panel.isVisible():
            self._on_seen(True)

    def _on_status(self, status: object) -> None:
        if self._session.locked:
            self.hide()

    def _on_label(self, label: Any) -> None:
        if label is not None and label.method is Method.SEGMENTATION:
            self.panel.set_label(label.id)
            self._renew()

    def _on_slice(self, index: int) -> None:
        self._say_where()
        if self.panel.choice.where is Where.SLICE:
            self._renew()

    def show_selection(self) -> None:
        """Say which slices are selected, and what would be filled there."""
        self._say_where()
        self._renew()

    def _on_masks(self, indices: tuple[int, ...]) -> None:
        self._renew()

    def _on_box(self) -> None:
        if self.panel.choice.tool in BOX_TOOLS:
            self._renew()

    def _say_where(self) -> None:
        if self._session.is_open and self.panel.isVisible():
            selection = self._bench.selection()
            n = self._session.editor.n_slices
            self.panel.set_place(self._session.slice, selection, n)

    def _say_range(self) -> None:
        """Let the limits reach as far as the values of the slice."""
        series, voxels = self._bridge.series, self._bridge.voxels
        if series is None or series.header.is_color or self._bridge.is_loading:
            return
        plane = np.asarray(voxels[self._session.slice])
        low, high = float(np.nanmin(plane)), float(np.nanmax(plane))
        if np.isfinite((low, high)).all():
            limits = self.panel.choice.low, self.panel.choice.high
            self.panel.set_range(low, high)
            self.panel.set_limits(*limits)

    def _on_planes(self) -> None:
        self.picker.hear_also(view.model for view in self._bridge.planes.views)

    def _on_pick(self, on: bool) -> None:
        self.panel.set_picking(on)
        if on:
            self.picker.start(self._picked)
        else:
            self.picker.stop()

    def _picked(self, index: int, row: int, column: int) -> None:
        self.picker.stop()
        self.panel.set_picking(False)
        self._seed_slice = index
        self.panel.set_seed(row, column)
        self._renew()

    def _take_values(self, source: str) -> None:
        session = self._session
        if not session.is_open:
            return
        if source == "window":
            if session.window is not None:
                self.panel.set_limits(*session.window.limits)
        else:
            label = session.job.project.label_set[self.panel.choice.label]
            mask = session.editor.mask(session.slice, label.overlap_group)
            inside = None if mask is None else mask == label.id
            if inside is None or not inside.any():
                session.told.emit(f"{label.name} covers nothing on this slice.")
                return
            values = self._image(session.slice, session.slice)()[0]
            if values.ndim == 3:
                session.told.emit("Colours have no limits to take.")
                return
            low, high = np.percentile(values[inside], (2, 98))
            self.panel.set_limits(float(low), float(high))
        self._renew()

    # --------------------------------------------------------------- preview
    def _fill(self) -> Fill:
        """Return what is chosen."""
        choice, session = self.panel.choice, self._session
        start = stop = session.slice
        if choice.where is Where.ALL:
            start, stop = 0, session.editor.n_slices - 1
        elif choice.where is Where.SELECTION:
            start, stop = self._bench.selection() or (start, stop)
        seed_slice = self._seed_slice if choice.volume else start
        if not start <= seed_slice <= stop:
            seed_slice = min(max(session.slice, start), stop)
        boxes: tuple[tuple[int, tuple[float, float, float, float]], ...] = ()
        if choice.tool in BOX_TOOLS and self._bridge.boxes is not None:
            track = self._bridge.boxes.current_track
            if track is not None:
                boxes = tuple((i, box.corners) for i, box in track.boxes.items())
        return Fill(
            tool=choice.tool,
            label=choice.label,
            start=start,
            stop=stop,
            volume=choice.volume,
            low=choice.low,
            high=max(choice.low, choice.high),
            seed=(seed_slice, choice.row, choice.column),
            tolerance=choice.tolerance,
            radius=choice.radius,
            islands=choice.islands,
            margin=choice.margin,
            boxes=boxes,
            box_label=choice.box_label or None,
        )

    def _image(self, start: int, stop: int) -> Callable[[], Any]:
        """Return what reads the voxels of slices, on any thread."""
        series, voxels = self._bridge.series, self._bridge.voxels
        assert series is not None
        if self._bridge.is_loading:
            return lambda: np.stack(
                [series.read_slice(i) for i in range(start, stop + 1)]
            )
        return lambda: np.asarray(voxels[start : stop + 1])

    def _renew(self) -> None:
        """Make the preview anew, when the user pauses."""
        self._drop()
        if self.panel.isVisible() and self._session.is_open:
            self._pause.throttle()

    def _drop(self) -> None:
        """Forget what was found, or is being looked for."""
        self._result, self._then_apply = None, False
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _start(self) -> None:
        session = self._session
        if not session.is_open or session.locked or session.case is None:
            return
        self._pause.cancel()
        fill = self._fill()
        n = fill.stop - fill.start + 1
        heavy = n > MANY or fill.tool is FillTool.BOX_WALKER
        work = self._work = Work(f"Smart fill: {fill.tool.value}", quiet=not heavy)
        header, editor = session.case.series.header, session.editor
        # The case may be edited meanwhile: look at it as it is now.
        view = CaseView(
            editor.annotation,
            editor.slices,
            editor.project,
            read_blob=editor.blob,
            shape=editor.shape,
        )
        read = self._image(fill.start, fill.stop)

        rows, columns = header.shape[1:3]

        def report(done: int, total: int) -> None:
            work.report(done, total)
            if work.cancelled():
                raise Cancelled("the fill was stopped")

        def task(work: Work) -> FillResult:
            report(0, 0)
            prepared = prepare_fill(view, fill, (rows, columns), header.spacing)
            image = read() if fill.tool in IMAGE_TOOLS else None
            return find_fill(prepared, image, report=report)

        def done(result: FillResult) -> None:
            if work is self._work:
                self._work = None
                self._found(result)

        def failed(error: Exception) -> None:
            if work is self._work:
                self._work, self._then_apply = None, False
                self.preview.hide()
                self.panel.set_outcome(_sentence(error), can_apply=False)

        self.panel.set_outcome("Looking…", can_apply=True)
        self._worker.run(work, task, done, failed)

    def _found(self, result: FillResult) -> None:
        self._result = result
        self.panel.set_outcome(outcome_text(result), can_apply=not result.is_empty)
        image = self._bridge.image_layer
        if image is None or result.is_empty:
            self.preview.hide()
        else:
            self.preview.show(image, result.outlines())
        if self._then_apply:
            self.apply()

    def apply(self) -> None:
        """Do what the preview shows; if it is not there yet, once it is."""
        if not self._session.is_open:
            return
        if self._result is None:
            if self._work is None:
                self._start()
            self._then_apply = True
            return
        try:
            if self.panel.choice.where is Where.SLICE:
                self._bench.check_shown()
        except AnnotateJobsError as error:
            self._bench.show_error(error)
            return
        self._bridge.take()
        result: FillResult | None = self._result
        if result is None:  # what was just taken from the layers made it old
            self._start()
            self._then_apply = True
            return
        self._then_apply = False
        try:
            apply_fill(self._session.editor, result)
        except AnnotateJobsError as error:
            self._bench.show_error(error)
        self._renew()


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
