"""One answer for several slices: put on those that lack it, or taken off all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.model import RangeAction, Scope

from ._changes import with_class, with_nothing
from ._ranges import apply_to_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Label

    from ._editor import CaseEditor

__all__ = ["toggle_class", "toggle_excluded", "toggle_nothing_to_label"]


def toggle_class(editor: CaseEditor, label: Label, indices: Sequence[int]) -> bool:
    """Put a class label on slices, or take it away if all of them carry it.

    A label of scope case is toggled for the case. Put on several slices, it leaves a
    range behind.

    Returns
    -------
    bool
        True if anything changed.
    """
    if label.scope is Scope.CASE:
        on = label.id not in editor.annotation.case_labels
        return editor.set_case_label(label.id, on)
    on = not all(label.id in editor.content(i).class_labels for i in indices)
    if on and len(indices) > 1:
        contents = {
            i: with_class(editor.content(i), (label.id,), editor.labels)
            for i in indices
        }
        action = RangeAction.CLASS_LABELS
        return apply_to_range(editor, action, contents, labels=(label.id,))
    return editor.set_class(indices, label.id, on)


def toggle_nothing_to_label(
    editor: CaseEditor, indices: Sequence[int], *, clear: bool = False
) -> bool:
    """Mark slices as verified negatives, or lift that if all of them are.

    Returns
    -------
    bool
        True if anything changed.
    """
    on = not all(editor.content(i).nothing_to_label for i in indices)
    if on and len(indices) > 1 and (clear or not editor.with_labels(indices)):
        contents = {i: with_nothing(editor.content(i)) for i in indices}
        return apply_to_range(editor, RangeAction.NOTHING_TO_LABEL, contents)
    return editor.set_nothing_to_label(indices, on, clear=clear)


def toggle_excluded(editor: CaseEditor, indices: Sequence[int]) -> bool:
    """Exclude slices, or bring them back if all of them are.

    Returns
    -------
    bool
        True if anything changed.
    """
    on = not all(editor.content(i).excluded for i in indices)
    if on and len(indices) > 1:
        contents = {i: editor.content(i).evolve(excluded=True) for i in indices}
        return apply_to_range(editor, RangeAction.EXCLUDE, contents)
    return editor.set_excluded(indices, on)
