"""What two versions of a case say of its slices, side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import answers_text
from napari_annotate_jobs.errors import counted
from napari_annotate_jobs.model import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from napari_annotate_jobs.editing._view import CaseView
    from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation

    from ._trail import Trail

__all__ = [
    "Conflict",
    "Difference",
    "LateWork",
    "differences",
    "only_there",
    "slice_text",
]


@dataclass(frozen=True)
class Difference:
    """Where two versions say different things.

    Parameters
    ----------
    index : int or None
        The slice; None for the case as a whole.
    mine, theirs : str
        What each version says.
    both : bool
        It was changed on both sides, so that one of the two is given up.
    """

    index: int | None
    mine: str
    theirs: str
    both: bool

    @property
    def name(self) -> str:
        """What it is about, slices numbered from 1."""
        return "Whole case" if self.index is None else f"Slice {self.index + 1}"


@dataclass(frozen=True)
class Conflict:
    """Two versions of one annotation, of which the person has to choose.

    Parameters
    ----------
    person : str
        Under whose name both were made.
    time : datetime or None
        When the other one was saved.
    differences : tuple of Difference
        Where they differ, as far as it was changed here.
    others : tuple of int
        Indices of slices that were changed there only: they stay in any case.
    theirs : CaseView
        The other version, to be drawn.
    parts : frozenset of str
        What was changed here by then, as :func:`changed_parts` names it.
    """

    person: str
    time: datetime | None
    differences: tuple[Difference, ...]
    others: tuple[int, ...]
    theirs: CaseView
    parts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LateWork:
    """What was drawn on a case after it had been submitted elsewhere.

    Parameters
    ----------
    count : int
        Number of changes.
    time : datetime or None
        When it was submitted; None for a draft that is offered later.
    number : int
        Of the submission.
    differences : tuple of Difference
        What was drawn (`mine`), and what the case says (`theirs`).
    mine : CaseView
        The case as it would be with what was drawn.
    kept : bool
        It is kept on this computer as a draft.
    """

    count: int
    time: datetime | None
    number: int
    differences: tuple[Difference, ...]
    mine: CaseView
    kept: bool


def differences(
    mine: CaseView,
    theirs: CaseView,
    change: AnnotationChange,
    trail: Trail | None = None,
    *,
    late: bool = False,
) -> tuple[Difference, ...]:
    """Return where two versions differ, of the parts that were changed here.

    Parameters
    ----------
    mine, theirs : CaseView
        The two versions of one case.
    change : AnnotationChange
        What was changed here.
    trail : Trail, optional
        Tells what was changed on both sides; without, all counts as such.
    late : bool
        Nothing was changed on both sides at a time: mine came later.
    """
    found = []
    for key in change.slices:
        index = next((i for i in range(mine.n_slices) if mine.key(i) == key), None)
        if index is None or mine.content(index) == theirs.content(index):
            continue
        part = f"slices/{key}"
        own = trail is not None and trail.holds(part, theirs.annotation)
        found.append(
            Difference(
                index,
                slice_text(mine, mine.content(index)),
                slice_text(theirs, theirs.content(index)),
                not (late or own),
            )
        )
    found.sort(key=lambda difference: difference.index or 0)
    case_mine, case_theirs = _case_text(mine), _case_text(theirs)
    if case_mine != case_theirs:
        found.insert(
            0, Difference(None, case_mine, case_theirs, not late and trail is None)
        )
    return tuple(found)


def slice_text(view: CaseView, content: SliceAnnotation) -> str:
    """Say in one line what a slice holds."""
    names = {label.id: label.name for label in view.labels.labels}

    def name(label_id: int) -> str:
        return names.get(label_id, f"label {label_id}")

    def of(*answers: Mapping[str, str]) -> str:
        said = "; ".join(filter(None, map(answers_text, answers)))
        return f" ({said})" if said else ""

    parts = [name(i) + of(content.answers(i)) for i in content.class_labels]
    boxes: dict[int, list[Mapping[str, str]]] = {}
    for box in content.boxes:
        if not box.proposal:
            boxes.setdefault(box.label, []).append(box.attributes)
    parts += [
        f"{counted(len(said), 'box', 'boxes')} {name(label_id)}{of(*said)}"
        for label_id, said in boxes.items()
    ]
    pixels: Counter[int] = Counter()
    for mask in content.masks.values():
        pixels.update(mask.pixels)
    parts += [
        f"{name(label_id)} {n} px{of(content.answers(label_id))}"
        for label_id, n in sorted(pixels.items())
    ]
    if content.has_proposals:
        parts.append("proposals")
    if content.excluded or not parts:
        word = content.decision
        if word is not Decision.LABELLED:
            parts.insert(0, str(word.value))
    return ", ".join(parts)


def _case_text(view: CaseView) -> str:
    said = view.annotation
    names = {label.id: label.name for label in view.labels.labels}
    ids = dict.fromkeys((*said.case_labels, *said.case_attributes))
    answers = {i: answers_text(view.case_answers(i)) for i in ids}
    parts = [
        names.get(i, f"label {i}") + (f" ({answers[i]})" if answers[i] else "")
        for i in ids
        if answers[i] or i in said.case_labels
    ]
    if said.case_nothing_to_label:
        parts.append("nothing to label")
    n = len(said.comments)
    if n:
        parts.append(f"{n} comment{'' if n == 1 else 's'}")
    return ", ".join(parts) or "nothing said"


def only_there(
    mine: Iterable[str], base: CaseView, theirs: CaseView
) -> tuple[int, ...]:
    """Return the slices that differ from `base` in `theirs`, but were not mine."""
    left = set(mine)
    return tuple(
        index
        for index in range(base.n_slices)
        if base.key(index) not in left and base.content(index) != theirs.content(index)
    )
