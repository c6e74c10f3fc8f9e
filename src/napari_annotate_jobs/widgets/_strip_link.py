"""Between the slice strip and a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.session import delete_range, relabel_range, resize_range

from ._strip_menu import EXCLUDE, NOTHING, ask_clear

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.session import AnnotationSession

    from ._strip import SliceStrip

__all__ = ["StripLink"]


class StripLink:
    """Shows a session on a strip, and the strip's requests to the session.

    Parameters
    ----------
    strip : SliceStrip
        The view.
    session : AnnotationSession
        What it follows.
    """

    def __init__(self, strip: SliceStrip, session: AnnotationSession) -> None:
        self.strip = strip
        self.session = session
        self._ranges: object = None
        self._walking = False
        self._followed = [
            (session.opened, self._opened),
            (session.closed, self._closed),
            (session.slices_changed, self._slices_changed),
            (session.slice_changed, self._slice_changed),
            (session.status_changed, self._status_changed),
            (session.busy, self._status_changed),
        ]
        self._obeyed = [
            (strip.slice_requested, self._go),
            (strip.undecided_requested, self._go_undecided),
            (strip.change_requested, self._go_change),
            (strip.range_resized, self._resize),
            (strip.range_delete_requested, self._delete),
            (strip.range_relabel_requested, self._relabel),
            (strip.confirm_requested, self._confirm),
            (strip.reject_requested, self._reject),
            (strip.decide_requested, self._decide),
        ]
        for signal, slot in self._followed + self._obeyed:
            signal.connect(slot)
        strip.menu_maker.state = self._is_on
        self._opened()

    def close(self) -> None:
        """Let go of both."""
        for signal, slot in self._followed + self._obeyed:
            signal.disconnect(slot)
        self._followed, self._obeyed = [], []

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
        strip.set_current(session.slice)
        strip.set_locked(session.locked)

    def _closed(self) -> None:
        self._ranges = None
        self.strip.set_cells(())
        self.strip.set_ranges((), self.session.job.project.label_set)
        self.strip.set_locked(True)

    def _slices_changed(self, indices: tuple[int, ...]) -> None:
        editor = self.session.editor
        self.strip.update_cells([editor.cell(i) for i in indices])
        self._show_ranges()

    def _show_ranges(self) -> None:
        editor = self.session.editor
        ranges = editor.annotation.ranges
        if ranges is not self._ranges:
            self._ranges = ranges
            self.strip.set_ranges(ranges, editor.labels)

    def _slice_changed(self, index: int) -> None:
        if not self._walking:
            # Whoever steps elsewhere looks at one slice again, and acts on that.
            self.strip.clear_selection()
        self.strip.set_current(index)

    def _status_changed(self, status: object) -> None:
        self.strip.set_locked(self.session.locked)

    # ----------------------------------------------------------------- doing
    def _do(self, call: Callable[[], object]) -> None:
        try:
            call()
        except AnnotateJobsError as error:
            self.strip.failed.emit(error)

    def _go(self, index: int) -> None:
        # Its own steps may be what extends the selection.
        self._walking = True
        try:
            self.session.slice = index
        finally:
            self._walking = False

    def _go_undecided(self, step: int) -> None:
        self._do(lambda: self.session.go_undecided(step))

    def _go_change(self, step: int) -> None:
        self._do(lambda: self.session.go_change(step))

    def _resize(self, range_id: str, start: int, stop: int) -> None:
        self._do(lambda: resize_range(self.session.editor, range_id, start, stop))

    def _delete(self, range_id: str) -> None:
        self._do(lambda: delete_range(self.session.editor, range_id))

    def _relabel(self, range_id: str, label_id: int) -> None:
        self._do(lambda: relabel_range(self.session.editor, range_id, (label_id,)))

    def _confirm(self, start: int, stop: int) -> None:
        self._do(lambda: self.session.editor.confirm(range(start, stop + 1)))

    def _reject(self, start: int, stop: int) -> None:
        self._do(lambda: self.session.editor.reject(range(start, stop + 1)))

    def _decide(self, action: str, start: int, stop: int) -> None:
        indices = range(start, stop + 1)
        if action == NOTHING:
            self._nothing(start, stop)
        elif action == EXCLUDE:
            self._do(lambda: self.session.toggle_excluded(indices))
        else:
            label_id = int(action.partition(":")[2])
            label = self.session.job.project.label_set[label_id]
            self._do(lambda: self.session.toggle(label, indices))

    def _nothing(self, start: int, stop: int) -> None:
        session, indices = self.session, range(start, stop + 1)
        on = not self._is_on(NOTHING, start, stop)
        busy = session.editor.with_labels(indices) if on else []
        if busy and not session.locked:
            ask_clear(
                self.strip,
                len(busy),
                lambda: self._do(
                    lambda: session.toggle_nothing_to_label(indices, clear=True)
                ),
            )
            return
        self._do(lambda: session.toggle_nothing_to_label(indices))

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
