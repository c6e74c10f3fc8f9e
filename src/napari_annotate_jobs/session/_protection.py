"""The labels that a person protects in a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Method

if TYPE_CHECKING:
    from napari_annotate_jobs.editing import CaseEditor
    from napari_annotate_jobs.model import Label, LabelSet

    from ._habits import Habits

__all__ = ["Protection"]


class Protection:
    """Which labels for masks and boxes are protected, and that it is said once.

    Parameters
    ----------
    labels : LabelSet
        The labels of the job.
    habits : Habits
        Remembers which, for this person in this job.
    """

    changed = Signal(frozenset)
    """Ids of the labels that are protected now."""
    told = Signal(str)
    """Something was left alone; told once until another label or lock is chosen."""

    def __init__(self, labels: LabelSet, habits: Habits) -> None:
        self._labels, self._habits = labels, habits
        drawn = {x.id for x in labels.labels if self.fits(x)}
        self._ids = drawn.intersection(habits.numbers("protected"))
        self._said: set[int] = set()
        self._editor: CaseEditor | None = None

    @staticmethod
    def fits(label: Label | None) -> bool:
        """Return True if a label has pixels or boxes to protect."""
        return label is not None and label.method is not Method.CLASSIFICATION

    @property
    def ids(self) -> frozenset[int]:
        """Ids of the protected labels."""
        return frozenset(self._ids)

    def use_labels(self, labels: LabelSet) -> None:
        """Name labels as their owners have them now."""
        self._labels = labels

    def toggle(self, label: Label | None) -> None:
        """Protect a label, or let it be changed again.

        Raises
        ------
        TransitionError
            If there is nothing of the label to protect.
        """
        if label is None or not self.fits(label):
            raise TransitionError(
                "no label for masks or boxes is chosen",
                remedy="Choose the label to protect in the list first",
            )
        self._ids ^= {label.id}
        self._habits.keep("protected", sorted(self._ids))
        self._said.clear()
        if self._editor is not None:
            self._editor.protected = self.ids
        self.changed.emit(self.ids)

    def follow(self, editor: CaseEditor | None) -> None:
        """Protect the labels in what an editor changes from now on; None in nothing."""
        if self._editor is not None:
            self._editor.spared.disconnect(self._on_spared)
        self._editor = editor
        self._said.clear()
        if editor is not None:
            editor.protected = self.ids
            editor.spared.connect(self._on_spared)

    def begin(self, label: Label | None) -> None:
        """Say it anew from now on, and at once if a protected label was taken up."""
        self._said.clear()
        if label is not None and label.id in self._ids:
            self._on_spared(frozenset({label.id}))

    def _on_spared(self, ids: frozenset[int]) -> None:
        new = sorted(ids - self._said)
        if not new:
            return
        self._said.update(new)
        names = ", ".join(self._labels[i].name for i in new)
        one = len(new) == 1
        self.told.emit(
            f"{names} {'is' if one else 'are'} protected and "
            f"{'stays as it is' if one else 'stay as they are'}: open the lock in the "
            "list of labels to change that."
        )
