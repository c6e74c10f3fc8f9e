"""The slice, label and window at hand, and what a key or a button does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.editing._changes import with_class, with_nothing
from napari_annotate_jobs.editing._ranges import apply_to_range
from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import (
    Decision,
    Job,
    Label,
    RangeAction,
    Scope,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.editing._editor import CaseEditor
    from napari_annotate_jobs.model import SliceAnnotation

__all__ = ["SliceActions"]


class SliceActions:
    """What is at hand in the open case, and actions on it.

    Parameters
    ----------
    job : Job
        The job whose cases are opened.
    """

    slice_changed = Signal(int)
    """The current slice."""
    label_changed = Signal(object)
    """The chosen label, or None."""
    window_changed = Signal(Window)
    """The window the image is shown in."""
    inverted_changed = Signal(bool)
    """Whether high values are shown dark."""
    told = Signal(str)
    """Something the user should know."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._editor: CaseEditor | None = None
        self._slice = 0
        self._label: Label | None = None
        self._window: Window | None = None
        self._inverted = False
        self._copied: SliceAnnotation | None = None

    def silence(self) -> None:
        """Emit nothing any more: those who listened are gone."""
        for kind in type(self).__mro__:
            for name, value in vars(kind).items():
                if isinstance(value, Signal):
                    getattr(self, name).block()

    @property
    def editor(self) -> CaseEditor:
        """The open case's annotation.

        Raises
        ------
        TransitionError
            If no case is open.
        """
        if self._editor is None:
            raise TransitionError(
                "no case is open", remedy="Open one from the job's page first"
            )
        return self._editor

    @property
    def is_open(self) -> bool:
        """True if a case is open."""
        return self._editor is not None

    @property
    def locked(self) -> bool:
        """True if the open case cannot be edited now, or none is open."""
        return self._editor is None or self._editor.is_fixed

    @property
    def slice(self) -> int:
        """Index of the current slice; clipped to the series when set."""
        return self._slice

    @slice.setter
    def slice(self, index: int) -> None:
        last = 0 if self._editor is None else self._editor.n_slices - 1
        index = min(max(int(index), 0), last)
        if index != self._slice:
            self._slice = index
            self.slice_changed.emit(index)

    @property
    def label(self) -> Label | None:
        """The chosen label."""
        return self._label

    @label.setter
    def label(self, label: Label | None) -> None:
        self._label = None if label is None else self.job.project.label_set[label.id]
        self.label_changed.emit(self._label)

    @property
    def window(self) -> Window | None:
        """The window the image is shown in; None before a case is open."""
        return self._window

    @window.setter
    def window(self, window: Window) -> None:
        if window != self._window:
            self._window = window
            self.window_changed.emit(window)

    @property
    def inverted(self) -> bool:
        """Whether high values are shown dark."""
        return self._inverted

    @inverted.setter
    def inverted(self, inverted: bool) -> None:
        if inverted != self._inverted:
            self._inverted = inverted
            self.inverted_changed.emit(inverted)

    # --------------------------------------------------------------- actions
    def toggle(self, label: Label, indices: Sequence[int] | None = None) -> bool:
        """Put a class label on the slices (the current one), or take it away.

        It is taken away if all of the slices carry it. A label of scope case is
        toggled for the case. Put on several slices, it leaves a range behind.
        """
        editor = self.editor
        if label.scope is Scope.CASE:
            on = label.id not in editor.annotation.case_labels
            return editor.set_case_label(label.id, on)
        chosen = self._chosen(indices)
        on = not all(label.id in editor.content(i).class_labels for i in chosen)
        if on and len(chosen) > 1:
            contents = {
                i: with_class(editor.content(i), (label.id,), editor.labels)
                for i in chosen
            }
            action = RangeAction.CLASS_LABELS
            return apply_to_range(editor, action, contents, labels=(label.id,))
        return editor.set_class(chosen, label.id, on)

    def toggle_nothing_to_label(
        self, indices: Sequence[int] | None = None, *, clear: bool = False
    ) -> bool:
        """Mark the slices (the current one) as verified negatives, or lift that."""
        chosen = self._chosen(indices)
        editor = self.editor
        on = not all(editor.content(i).nothing_to_label for i in chosen)
        if on and len(chosen) > 1 and (clear or not editor.with_labels(chosen)):
            contents = {i: with_nothing(editor.content(i)) for i in chosen}
            return apply_to_range(editor, RangeAction.NOTHING_TO_LABEL, contents)
        return editor.set_nothing_to_label(chosen, on, clear=clear)

    def toggle_excluded(self, indices: Sequence[int] | None = None) -> bool:
        """Exclude the slices (the current one), or bring them back."""
        chosen = self._chosen(indices)
        editor = self.editor
        on = not all(editor.content(i).excluded for i in chosen)
        if on and len(chosen) > 1:
            contents = {i: editor.content(i).evolve(excluded=True) for i in chosen}
            return apply_to_range(editor, RangeAction.EXCLUDE, contents)
        return editor.set_excluded(chosen, on)

    def _chosen(self, indices: Sequence[int] | None) -> list[int]:
        return [self._slice] if indices is None else list(indices)

    def copy_slice(self) -> None:
        """Remember what the current slice holds, to paste it elsewhere."""
        self._copied = self.editor.content(self._slice)
        self.told.emit(f"Slice {self._slice + 1} was copied.")

    def paste_slice(self, indices: Sequence[int] | None = None) -> bool:
        """Add what was copied to the slices (the current one).

        On the current slice it is the user's word at once; on others, boxes and
        masks wait as proposals.

        Raises
        ------
        TransitionError
            If nothing was copied.
        """
        if self._copied is None:
            raise TransitionError("nothing was copied yet", remedy="Copy a slice first")
        chosen = self._chosen(indices)
        return self.editor.paste(
            self._copied, chosen, confirmed=chosen == [self._slice]
        )

    def undo(self) -> None:
        """Take back the last edit and show its slice."""
        self._focus(self.editor.undo(self.slice))

    def redo(self) -> None:
        """Do again what was undone and show its slice."""
        self._focus(self.editor.redo(self.slice))

    def _focus(self, index: int | None) -> None:
        if index is not None:
            self.slice = index

    def go_undecided(self, step: int = 1) -> None:
        """Go to the next (1) or previous (-1) undecided slice."""
        editor = self.editor
        index = editor.next_where(
            self._slice, step, lambda i: editor.decision(i) is Decision.UNDECIDED
        )
        if index < 0:
            self.told.emit("Every slice of this case is decided.")
        else:
            self.slice = index

    def go_change(self, step: int = 1) -> None:
        """Go to the next (1) or previous (-1) slice that says something else."""
        editor = self.editor

        def said(index: int) -> tuple[object, ...]:
            cell = editor.cell(index)
            return cell.decision, cell.names, cell.proposals

        here = said(self._slice)
        index = editor.next_where(self._slice, step, lambda i: said(i) != here)
        if index >= 0:
            self.slice = index
