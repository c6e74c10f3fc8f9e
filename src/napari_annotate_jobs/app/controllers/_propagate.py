"""The Propagate panel: what it shows of a case, and what it applies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import lift, propagate
from napari_annotate_jobs.model import Method, RangeAction, Scope
from napari_annotate_jobs.session import Connections
from napari_annotate_jobs.widgets.propagate._words import (
    Choice,
    preview_of,
    propagation_of,
)

if TYPE_CHECKING:
    from napari_annotate_jobs.model import SliceAnnotation
    from napari_annotate_jobs.widgets import PropagatePanel

    from ._workbench import Workbench

__all__ = ["PropagateController"]

GOES_ON = {Method.SEGMENTATION: "follow", Method.DETECTION: "extend"}
"""What carries masks and boxes on from one slice, by its kind."""


class PropagateController:
    """Shows a case in the panel, and does what it is asked for.

    Parameters
    ----------
    panel : PropagatePanel
        The view.
    bench : Workbench
        Whose session it works on.
    """

    def __init__(self, panel: PropagatePanel, bench: Workbench) -> None:
        self.panel = panel
        self.session = session = bench.session
        self._bench = bench
        self._connections = Connections(
            [
                (session.opened, self._opened),
                (session.closed, self._closed),
                (session.slices_changed, self._slices_changed),
                (session.status_changed, self._status_changed),
                (session.busy, self._status_changed),
                (session.job_changed, self._on_job),
                (panel.choice_changed, self._preview),
                (panel.apply_requested, self._apply),
                (panel.begin_requested, self.begin),
                (panel.shown, self.refresh),
            ]
        )
        panel.set_label_set(session.job.project.label_set)
        self.begin(None)

    def _on_job(self, *_: object) -> None:
        self.panel.set_label_set(self.session.job.project.label_set)
        self.refresh()

    def close(self) -> None:
        """Let go of both."""
        self._connections.release()
        self.panel.set_choice(None)

    def begin(self, selection: tuple[int, int] | None) -> None:
        """Start from the current slice, or from selected ones.

        What the current slice holds is preselected: its labels, else nothing to
        label, else exclude, else its masks or boxes, those of the label at hand
        before others; if it holds nothing, the label at hand.
        """
        session, panel = self.session, self.panel
        if not session.is_open:
            panel.set_choice(None)
            return
        editor = session.editor
        content = editor.content(session.slice)
        what, labels = RangeAction.CLASS_LABELS, content.class_labels
        if not labels and content.nothing_to_label:
            what = RangeAction.NOTHING_TO_LABEL
        elif not labels and content.excluded:
            what = RangeAction.EXCLUDE
        elif not labels and session.label is not None:
            label = session.label
            if (label.method, label.scope) == (Method.CLASSIFICATION, Scope.SLICE):
                labels = (label.id,)
        last = editor.n_slices - 1
        start, stop = (session.slice, last) if selection is None else selection
        panel.set_locked(session.locked)
        panel.set_choice(
            Choice(
                n=editor.n_slices,
                origin=session.slice,
                start=start,
                stop=stop,
                action=what,
                labels=labels,
            )
        )
        if what is RangeAction.CLASS_LABELS and not labels:
            self._begin_with_drawn(content)
        self._preview(panel.choice)

    def _begin_with_drawn(self, content: SliceAnnotation) -> None:
        """Choose what goes on with masks or boxes, where the slice has them alone."""
        label = self.session.label
        drawn = {
            Method.SEGMENTATION: bool(content.masks),
            Method.DETECTION: bool(content.boxes),
        }
        order = sorted(drawn, key=lambda m: label is None or m is not label.method)
        method = next((each for each in order if drawn[each]), None)
        if method is not None:
            self.panel.choose_extra(method, GOES_ON[method])

    def _opened(self, case: object) -> None:
        self.panel.ends.pictures.forget()
        self.begin(None)

    def _closed(self) -> None:
        self.panel.set_choice(None)

    def _slices_changed(self, indices: tuple[int, ...]) -> None:
        self.panel.ends.pictures.forget(indices)
        self._preview(self.panel.choice)

    def _status_changed(self, status: object) -> None:
        self.panel.set_locked(self.session.locked)

    def _preview(self, choice: Choice | None) -> None:
        if choice is None or not self.session.is_open:
            return
        # A panel nobody sees must not slow down every stroke.
        if not self.panel.isVisible():
            return
        editor = self.session.editor
        cells = [editor.cell(i) for i in range(editor.n_slices)]
        self.panel.show_preview(preview_of(editor, choice), cells)

    def refresh(self) -> None:
        """Show what was not shown while nobody saw it."""
        self._preview(self.panel.choice)

    def _apply(self) -> None:
        choice = self.panel.choice
        if choice is not None:
            self._bench.act(lambda: self._propagate(choice))

    def _propagate(self, choice: Choice) -> None:
        editor = self.session.editor
        wanted = propagation_of(choice, preview_of(editor, choice).targets)
        if choice.lift:
            lift(editor, wanted)
            span = None
        else:
            span = propagate(editor, wanted)
        self.panel.applied.emit(span)
        self.panel.finished.emit()
