"""What the strip shows of each slice, and what Submit has to say of a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.model import Decision

if TYPE_CHECKING:
    from napari_annotate_jobs.model import Label

__all__ = ["Cell", "SubmitCheck", "Unanswered"]


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
    answers : tuple of str
        What was answered of each of these labels, in one line; empty for nothing.
    """

    index: int
    decision: Decision = Decision.UNDECIDED
    colors: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    proposals: bool = False
    boxes: bool = False
    masks: bool = False
    comment: bool = False
    answers: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """What it is counted as."""
        return self.decision.value

    @property
    def text(self) -> str:
        """One line about the slice, numbered from 1."""
        parts = [f"Slice {self.index + 1}: {self.decision.value}"]
        if self.names:
            answers = self.answers or ("",) * len(self.names)
            pairs = zip(self.names, answers, strict=True)
            parts.append(", ".join(f"{n} ({a})" if a else n for n, a in pairs))
        if self.proposals:
            parts.append("proposals to confirm")
        if self.comment:
            parts.append("comment")
        return " · ".join(parts)


@dataclass(frozen=True)
class Unanswered:
    """An attribute that wants an answer before the case is submitted.

    Parameters
    ----------
    index : int or None
        The slice; None for what is asked once for the case.
    label : Label
        The label.
    attribute : str
        Its name.
    box : str
        Id of the box on this slice of whose object it is asked; empty if of none.
    single : bool
        The case is one image, which is nowhere called a slice.
    """

    index: int | None
    label: Label
    attribute: str
    box: str = ""
    single: bool = False

    @property
    def text(self) -> str:
        """Say what is missing where, slices numbered from 1."""
        where = " for the whole case"
        if self.index is not None:
            where = "" if self.single else f" on slice {self.index + 1}"
        return f"“{self.attribute}” is not answered for {self.label.name}{where}"


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
    unanswered : tuple of Unanswered
        What wants an answer: of the case first, then slice by slice.
    single : bool
        The case is one image, which is nowhere called a slice.
    """

    blank: bool
    undecided: tuple[int, ...]
    proposals: tuple[int, ...]
    every_slice: bool
    twins: tuple[tuple[int, int], ...] = ()
    unanswered: tuple[Unanswered, ...] = ()
    single: bool = False

    @property
    def open_text(self) -> str:
        """How many slices are undecided."""
        if self.single:
            return "The image is still undecided."
        n = len(self.undecided)
        return f"{n} slice{' is' if n == 1 else 's are'} still undecided."

    @property
    def refused(self) -> str | None:
        """Why it cannot be submitted as it stands; None if it can."""
        if self.blank:
            least = "Label it" if self.single else "Label at least one slice"
            return (
                f"Nothing was said of this case yet. {least}, or mark "
                "it Nothing to Label or excluded."
            )
        if self.proposals:
            what = "The image holds" if self.single else _slices(self.proposals)
            return (
                f"{what} proposals that nobody has confirmed. "
                "Confirm or reject them first."
            )
        if self.unanswered:
            first, more = self.unanswered[0], len(self.unanswered) - 1
            rest = f", and {more} more" if more else ""
            return f"{first.text}{rest}. Answer below the labels."
        if self.every_slice and self.undecided and self.single:
            return f"This project wants a decision. {self.open_text}"
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
