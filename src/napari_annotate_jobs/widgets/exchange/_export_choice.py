"""What is chosen of an export, and what would become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.formats import ClassCount

__all__ = ["ExportChoice", "ExportPreview", "OptionField"]


@dataclass(frozen=True, kw_only=True)
class ExportChoice:
    """What a person wants to be exported.

    Parameters
    ----------
    format : str
        Name of the format.
    only : str
        Which annotations, as :class:`~napari_annotate_jobs.stores.StoreSource` has it.
    person : str
        Whose; empty for everybody's.
    cases : tuple of str
        Ids of the cases that are ticked; None if all are.
    labels : tuple of int
        Ids of the labels that are ticked; None if all are.
    convert : str
        What becomes of what; empty for nothing.
    combine : str
        Name of a combination that is kept with the job; empty for none.
    priority : tuple of int
        Ids of labels, the one that wins where masks overlap first.
    options : mapping of str to str
        Choices of the format that are not its default.
    folder : str
        Where to.
    """

    format: str = ""
    only: str = "finished"
    person: str = ""
    cases: tuple[str, ...] | None = None
    labels: tuple[int, ...] | None = None
    convert: str = ""
    combine: str = ""
    priority: tuple[int, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class ExportPreview:
    """What would be exported, and what would not.

    Parameters
    ----------
    finished : int
        Submitted annotations there are, of which it is made.
    cases : sequence of (str, str)
        Id and name of every case that could go in.
    going : int
        How many annotations of cases go in.
    left_out : mapping of str to sequence of str
        Names of cases by the reason why they stay out.
    before : sequence of ClassCount
        The job's labels over all these cases.
    after : sequence of ClassCount
        The classes of what would be written.
    refused : sequence of str
        Why the format cannot hold it; empty if it can.
    lost : sequence of str
        What the format leaves out.
    remarks : sequence of str
        What people should know of the files.
    overlaps : bool
        Whether masks cover one another and the format wants an order.
    few : callable
        Says which classes have fewer images than so many.
    """

    finished: int = 0
    cases: Sequence[tuple[str, str]] = ()
    going: int = 0
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    before: Sequence[ClassCount] = ()
    after: Sequence[ClassCount] = ()
    refused: Sequence[str] = ()
    lost: Sequence[str] = ()
    remarks: Sequence[str] = ()
    overlaps: bool = False
    few: Callable[[int], str] = lambda least: ""


@dataclass(frozen=True, kw_only=True)
class OptionField:
    """A choice that a format offers.

    Parameters
    ----------
    name : str
        As on the command line.
    description : str
        What it does.
    default : str
        As text.
    choices : tuple of str
        What can be chosen; ``("false", "true")`` for yes or no; empty for any text.
    """

    name: str
    description: str
    default: str
    choices: tuple[str, ...] = ()
