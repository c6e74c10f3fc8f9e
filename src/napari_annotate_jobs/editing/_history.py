"""One undo for everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation

__all__ = ["Edit", "History"]


@dataclass(frozen=True)
class Edit:
    """One thing the user did.

    Parameters
    ----------
    text : str
        What it was, as the undo entry names it.
    before, after : AnnotationChange
        The same parts of the annotation, as they were and as they became.
    focus : int or None
        The slice to show when it is undone.
    """

    text: str
    before: AnnotationChange
    after: AnnotationChange
    focus: int | None = None

    @property
    def is_painting(self) -> bool:
        """True if nothing but masks changed, which are seen in every plane."""
        change = self.before
        others = (
            change.case_labels,
            change.case_nothing_to_label,
            change.case_attributes,
            change.ranges,
            change.comments,
        )
        return all(part is None for part in others) and all(
            _without_masks(old) == _without_masks(self.after.slices[key])
            for key, old in change.slices.items()
        )


def _without_masks(content: SliceAnnotation | None) -> SliceAnnotation | None:
    if content is None:
        return None
    rest = content.evolve(masks={}, proposals={})
    return None if rest.is_empty and not rest.attributes else rest


class History:
    """Edits that can be undone and redone, the latest last."""

    def __init__(self, limit: int = 1000) -> None:
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._limit = limit

    @property
    def done(self) -> tuple[Edit, ...]:
        """What can be undone, the latest last."""
        return tuple(self._done)

    @property
    def undo_text(self) -> str | None:
        """What undo would take back; None if nothing."""
        return self._done[-1].text if self._done else None

    @property
    def redo_text(self) -> str | None:
        """What redo would do again; None if nothing."""
        return self._undone[-1].text if self._undone else None

    def push(self, edit: Edit) -> None:
        """Add an edit; what was undone before cannot be redone any more."""
        self._done.append(edit)
        del self._done[: -self._limit]
        self._undone.clear()

    def undo(self) -> Edit | None:
        """Move back by one edit and return it."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def redo(self) -> Edit | None:
        """Move forward by one edit and return it."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()
