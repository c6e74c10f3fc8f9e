"""What the strip shows of each slice, and what Submit has to say of a case."""

from __future__ import annotations

from dataclasses import dataclass

from napari_annotate_jobs.model import Decision

__all__ = ["Cell", "SubmitCheck"]


@dataclass(frozen=True)
class Cell:
    """What the slice strip shows of one slice.

    Parameters
    ----------
    index : int
        The slice.
    decision : Decision
        What was said of it.
    colors : tuple of str
        Colours of its confirmed labels, in the label set's order.
    names : tuple of str
        Names of the same labels.
    proposals : bool
        Something on it waits to be confirmed.
    boxes, masks, comment : bool
        What it carries.
    """

    index: int
    decision: Decision = Decision.UNDECIDED
    colors: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    proposals: bool = False
    boxes: bool = False
    masks: bool = False
    comment: bool = False

    @property
    def word(self) -> str:
        """What it is counted as."""
        return self.decision.value

    @property
    def text(self) -> str:
        """One line about the slice, numbered from 1."""
        parts = [f"Slice {self.index + 1}: {self.decision.value}"]
        if self.names:
            parts.append(", ".join(self.names))
        if self.proposals:
            parts.append("proposals to confirm")
        if self.comment:
            parts.append("comment")
        return " · ".join(parts)


@dataclass(frozen=True)
class SubmitCheck:
    """What stands between the case and its submission.

    Parameters
    ----------
    blank : bool
        Nothing at all was said of the case.
    undecided : tuple of int
        Indices of the slices without a decision.
    proposals : tuple of int
        Indices of the slices with unconfirmed proposals.
    every_slice : bool
        The project demands a decision on every slice.
    twins : tuple of (int, int)
        Slice and label of confirmed boxes that lie exactly on another one.
    unanswered : tuple of (int, str, str)
        Slice, label and attribute of confirmed boxes that want an answer.
    """

    blank: bool
    undecided: tuple[int, ...]
    proposals: tuple[int, ...]
    every_slice: bool
    twins: tuple[tuple[int, int], ...] = ()
    unanswered: tuple[tuple[int, str, str], ...] = ()

    @property
    def refused(self) -> str | None:
        """Why it cannot be submitted as it stands; None if it can."""
        if self.blank:
            return (
                "Nothing was said of this case yet. Label at least one slice, or mark "
                "it Nothing to Label or excluded."
            )
        if self.proposals:
            return (
                f"{_slices(self.proposals)} proposals that nobody has confirmed. "
                "Confirm or reject them first."
            )
        if self.unanswered:
            index, label, name = self.unanswered[0]
            more = len(self.unanswered) - 1
            rest = f", and {more} more" if more else ""
            return (
                f"“{name}” is not answered for {label} on slice {index + 1}{rest}. "
                "Select the box, and answer below the labels."
            )
        if self.every_slice and self.undecided:
            n = len(self.undecided)
            return (
                f"This project wants a decision on every slice: {n} "
                f"{'is' if n == 1 else 'are'} still undecided."
            )
        return None


def _slices(indices: tuple[int, ...]) -> str:
    if len(indices) == 1:
        return f"Slice {indices[0] + 1} holds"
    return f"{len(indices)} slices, the first is {indices[0] + 1}, hold"
