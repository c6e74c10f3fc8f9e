"""The slice strip: what it shows of a session, and whom its requests go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.strip._menu import EXCLUDE, NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.widgets import SliceStrip

    from ._slices import SliceController
    from ._workbench import Workbench

__all__ = ["StripController"]


class StripController:
    """Shows a session on a strip, and hands the strip's requests on.

    Parameters
    ----------
    strip : SliceStrip
        The view.
    bench : Workbench
        Whose session it follows.
    slices : SliceController
        Does what is asked for.
    go_change : callable, optional
        Goes to the next (1) or previous (-1) change; by default to the next slice
        that says something else.
    """

    def __init__(
        self,
        strip: SliceStrip,
        bench: Workbench,
        slices: SliceController,
        go_change: Callable[[int], object] | None = None,
    ) -> None:
        self.strip = strip
        self.session = session = bench.session
        self._bench, self._slices = bench, slices
        self._ranges: object = None
        self._walking = False
        self._connections = Connections(
            [
                (session.opened, self._opened),
                (session.closed, self._closed),
                (session.slices_changed, self._slices_changed),
                (session.slice_changed, self._slice_changed),
                (session.status_changed, self._status_changed),
                (session.busy, self._status_changed),
                (session.job_changed, self._on_job),
                (session.seen.changed, self._show_seen),
                (strip.slice_requested, self._go),
                (strip.undecided_requested, self._go_undecided),
                (strip.change_requested, go_change or self._go_change),
                (strip.range_resized, slices.resize_range),
                (strip.range_delete_requested, slices.delete_range),
                (strip.range_relabel_requested, slices.relabel_range),
                (strip.confirm_requested, self._confirm),
                (strip.reject_requested, self._reject),
                (strip.decide_requested, self._decide),
            ]
        )
        strip.menu_maker.state = self._is_on
        self._opened()

    def close(self) -> None:
        """Let go of both."""
        self._connections.release()
        self.strip.menu_maker.state = None
        self.strip.set_cells(())

    # --------------------------------------------------------------- showing
    def _opened(self, case: object = None) -> None:
        strip, session = self.strip, self.session
        strip.clear_selection()
        if not session.is_open:
            self._closed()
            return
        editor = session.editor
        strip.set_cells(editor.cell(i) for i in range(editor.n_slices))
        self._show_ranges()
        self._show_seen()
        strip.set_current(session.slice)
        strip.set_locked(session.locked)

    def _closed(self) -> None:
        self._ranges = None
        self.strip.set_cells(())
        self._show_seen()
        self.strip.set_ranges((), self.session.job.project.label_set)
        self.strip.set_locked(True)

    def _on_job(self, *_: object) -> None:
        """Show names and colours as they are now."""
        if not self.session.is_open:
            self.strip.set_ranges((), self.session.job.project.label_set)
            return
        editor = self.session.editor
        self.strip.update_cells([editor.cell(i) for i in range(editor.n_slices)])
        self.strip.set_ranges(editor.open_ranges(), editor.labels)

    def _slices_changed(self, indices: tuple[int, ...]) -> None:
        editor = self.session.editor
        self.strip.update_cells([editor.cell(i) for i in indices])
        self._show_ranges()

    def _show_seen(self, indices: object = None) -> None:
        self.strip.set_seen(self.session.seen.indices())

    def _show_ranges(self) -> None:
        editor = self.session.editor
        ranges = editor.annotation.ranges
        if ranges is not self._ranges:
            self._ranges = ranges
            self.strip.set_ranges(editor.open_ranges(), editor.labels)

    def _slice_changed(self, index: int) -> None:
        if not self._walking:
            # Whoever steps elsewhere looks at one slice again, and acts on that.
            self.strip.clear_selection()
        self.strip.set_current(index)

    def _status_changed(self, status: object) -> None:
        self.strip.set_locked(self.session.locked)

    # ----------------------------------------------------------------- doing
    def _go(self, index: int) -> None:
        # Its own steps may be what extends the selection.
        self._walking = True
        try:
            self.session.slice = index
        finally:
            self._walking = False

    def _go_undecided(self, step: int) -> None:
        self._bench.act(lambda: self.session.go_undecided(step))

    def _go_change(self, step: int) -> None:
        self._bench.act(lambda: self.session.go_change(step))

    def _confirm(self, start: int, stop: int) -> None:
        self._slices.confirm(range(start, stop + 1))

    def _reject(self, start: int, stop: int) -> None:
        self._slices.reject(range(start, stop + 1))

    def _decide(self, action: str, start: int, stop: int) -> None:
        indices = range(start, stop + 1)
        if action == NOTHING:
            self._slices.nothing_to_label(indices)
        elif action == EXCLUDE:
            self._slices.exclude(indices)
        else:
            label_id = int(action.partition(":")[2])
            self._slices.label(self.session.job.project.label_set[label_id], indices)

    def _is_on(self, action: str, start: int, stop: int) -> bool:
        if not self.session.is_open:
            return False
        contents = [self.session.editor.content(i) for i in range(start, stop + 1)]
        if action == NOTHING:
            return all(content.nothing_to_label for content in contents)
        if action == EXCLUDE:
            return all(content.excluded for content in contents)
        label_id = int(action.partition(":")[2])
        return all(label_id in content.class_labels for content in contents)
