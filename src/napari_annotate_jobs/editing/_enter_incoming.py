"""What came from elsewhere, as it enters an open case."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Box, Method, Provenance, Scope

from . import _changes
from ._enter_proposals import enter_proposals
from ._interpolation import Proposed
from ._targets import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats import Fitted, Named
    from napari_annotate_jobs.model import Label, LabelSet, SliceAnnotation

    from ._editor import CaseEditor

__all__ = ["EnterAs", "Entered", "Source", "enter_incoming"]

IMPORT = "Import"
"""The undo entry."""


class EnterAs(StrEnum):
    """As what annotations from elsewhere enter a case."""

    DRAFT = "draft"
    PROPOSALS = "proposals"


@dataclass(frozen=True)
class Source:
    """How annotations came about.

    Parameters
    ----------
    provenance : Provenance
        Imported, or predicted.
    text : str
        The file's format and program, or the model's name and version.
    """

    provenance: Provenance
    text: str

    @property
    def short(self) -> str:
        """The text, as long as documents keep it."""
        return self.text[:200]


@dataclass(frozen=True, kw_only=True)
class Entered:
    """What became of annotations that entered a case: numbers of slices.

    Parameters
    ----------
    entered : int
        Slices that got something.
    kept : int
        Slices that held something already, and keep it.
    excluded : int
        Slices that are excluded and were left alone.
    masks, boxes : int
        How many of these came in.
    classes : int
        How many class labels, verified negatives and exclusions came in.
    left_out : int
        Class labels, verified negatives and exclusions left out, for they cannot be
        proposals.
    """

    entered: int = 0
    kept: int = 0
    excluded: int = 0
    masks: int = 0
    boxes: int = 0
    classes: int = 0
    left_out: int = 0

    def __add__(self, other: Entered) -> Entered:
        sums = {f.name: getattr(self, f.name) for f in fields(self)}
        return Entered(**{n: v + getattr(other, n) for n, v in sums.items()})


_Boxed = tuple["Label", tuple[float, float, float, float], dict[str, str]]


class _Slice:
    """All that files say of one slice, by label of the project."""

    def __init__(self) -> None:
        self.masks: dict[str, NDArray[np.uint16]] = {}
        self.boxes: list[_Boxed] = []
        self.classes: list[Label] = []
        self.answers: dict[int, dict[str, str]] = {}
        self.nothing = self.excluded = False

    @property
    def is_empty(self) -> bool:
        own = self.masks or self.boxes or self.classes
        return not (own or self.nothing or self.excluded)


def enter_incoming(
    editor: CaseEditor,
    found: Sequence[tuple[Fitted, Named]],
    source: Source,
    *,
    enter_as: EnterAs = EnterAs.PROPOSALS,
    mode: Mode = Mode.KEEP,
) -> Entered:
    """Let annotations from elsewhere enter a case, as one undo step.

    Nothing that is confirmed is overwritten unless `mode` says so; excluded slices
    are always left alone. Class labels, verified negatives and exclusions cannot be
    proposals: they enter drafts only.

    Parameters
    ----------
    editor : CaseEditor
        The open case.
    found : sequence of (Fitted, Named)
        What files say of the case, and which labels their classes are.
    source : Source
        How it came about.
    enter_as : EnterAs
        As part of the draft, or as proposals.
    mode : Mode
        What becomes of slices that hold something: they keep it, it is replaced, or
        what came in is added beside it, where no confirmed pixel is.

    Raises
    ------
    InvalidValueError
        If proposals are to replace what is confirmed, or masks in one overlap group
        cover one another.
    LockedError
        If the case is submitted.
    """
    editor.check_unlocked()
    check_mode(enter_as, mode)
    if enter_as is EnterAs.PROPOSALS:
        return _propose(editor, found, source, mode)
    return _draft(editor, found, source, mode)


def check_mode(enter_as: EnterAs, mode: Mode) -> None:
    """Raise InvalidValueError if proposals are to replace what is confirmed."""
    if enter_as is EnterAs.PROPOSALS and mode is Mode.REPLACE:
        raise InvalidValueError(
            "proposals never replace what is confirmed",
            remedy="Choose to keep what is there or to add to it, or import onto the "
            "draft",
        )


# --------------------------------------------------------------------- what there is
def _indices(found: Sequence[tuple[Fitted, Named]]) -> list[int]:
    return sorted({index for fitted, _ in found for index in fitted.slices})


def _collect(
    found: Sequence[tuple[Fitted, Named]], index: int, labels: LabelSet
) -> _Slice:
    """Put together what all files say of a slice."""
    out = _Slice()
    for fitted, named in found:
        make = fitted.slices.get(index)
        for each in [] if make is None else make():
            for name, mask in each.masks.items():
                label = named.labels.get((Method.SEGMENTATION, name))
                if label is not None:
                    _put(out, label, mask, index, labels, fitted.incoming.path)
            for name, boxes in each.boxes.items():
                label = named.labels.get((Method.DETECTION, name))
                if label is not None:
                    said = each.box_answers.get(name) or [{}] * len(boxes)
                    out.boxes += [
                        (label, corners, _asked(label, answers, None))
                        for corners, answers in zip(boxes, said, strict=True)
                    ]
            for name in each.classes:
                label = named.labels.get((Method.CLASSIFICATION, name))
                if label is not None and label.scope is Scope.SLICE:
                    out.classes.append(label)
            for key, answers in each.answers.items():
                label = named.labels.get(key)
                if label is not None and (own := _asked(label, answers, Scope.SLICE)):
                    out.answers[label.id] = {**own, **out.answers.get(label.id, {})}
            out.nothing |= each.nothing_to_label
            out.excluded |= each.excluded
    if not out.is_empty and (out.masks or out.boxes or out.classes):
        out.nothing = False
    return out


def _asked(
    label: Label, answers: Mapping[str, str], of: Scope | None
) -> dict[str, str]:
    """Return those of the answers that a label of the project asks for."""
    return {
        attribute.name: text
        for attribute in label.asked(of)
        if (text := answers.get(attribute.name)) and not attribute.refuses(text)
    }


def _case_answers(
    editor: CaseEditor, found: Sequence[tuple[Fitted, Named]], mode: Mode
) -> dict[int, dict[str, str]]:
    """Return what is answered once for the case, with what came in."""
    came: dict[int, dict[str, str]] = {}
    for fitted, named in found:
        said = [
            (label, fitted.incoming.case_answers[name])
            for (_, name), label in named.labels.items()
            if name in fitted.incoming.case_answers
        ]
        said += [
            (label, answers)
            for each in fitted.incoming.slices
            for key, answers in each.answers.items()
            if (label := named.labels.get(key)) is not None
        ]
        said += [
            (label, answers)
            for each in fitted.incoming.slices
            for name, several in each.box_answers.items()
            for answers in several
            if (label := named.labels.get((Method.DETECTION, name))) is not None
        ]
        for label, answers in said:
            if own := _asked(label, answers, Scope.CASE):
                came[label.id] = {**own, **came.get(label.id, {})}
    there = editor.annotation.case_attributes
    for label_id, own in came.items():
        old = there.get(label_id, {})
        came[label_id] = {**old, **own} if mode is Mode.REPLACE else {**own, **old}
    kept = {i: dict(a) for i, a in there.items() if i in editor.labels.by_id}
    return {**kept, **came}


def _put(
    out: _Slice,
    label: Label,
    mask: NDArray[np.bool_],
    index: int,
    labels: LabelSet,
    where: object,
) -> None:
    if not mask.any():
        return
    group = label.overlap_group
    ids = out.masks.setdefault(group, np.zeros(mask.shape, np.uint16))
    covered = np.unique(ids[mask & (ids != label.id)])
    for other in covered[covered > 0]:
        raise InvalidValueError(
            f"{labels[int(other)].name!r} and {label.name!r} cover one another on "
            f"slice {index + 1}, and the project keeps them in one mask",
            where=where,
            remedy="Give labels that may overlap overlap groups of their own, or "
            f'leave one out with --map "{label.name}="',
        )
    ids[mask] = label.id


def _case_labels(
    found: Sequence[tuple[Fitted, Named]],
) -> list[Label]:
    out = []
    for fitted, named in found:
        for name in fitted.incoming.case_labels:
            label = named.labels.get((Method.CLASSIFICATION, name))
            if label is not None and label.scope is Scope.CASE:
                out.append(label)
    return out


# ------------------------------------------------------------------------- proposals
def _propose(
    editor: CaseEditor,
    found: Sequence[tuple[Fitted, Named]],
    source: Source,
    mode: Mode,
) -> Entered:
    spoken = _spoken(found)
    proposed: dict[str, dict[int, Proposed]] = defaultdict(dict)
    boxes: dict[int, list[Box]] = {}
    count = Entered(left_out=len(_case_labels(found)))
    before = {
        i
        for i, content in editor.contents().items()
        if any(ref.source == source.short for ref in content.proposals.values())
        or any(box.source == source.short for box in content.boxes)
    }
    for index in sorted({*_indices(found), *before}):
        said = _collect(found, index, editor.labels)
        content = editor.content(index)
        count += Entered(left_out=len(said.classes) + said.nothing + said.excluded)
        earlier = _earlier(content, source)
        if content.excluded or content.nothing_to_label or _keeps(content, mode):
            held = bool(said.masks or said.boxes)
            count += Entered(
                kept=held and not content.excluded, excluded=held and content.excluded
            )
            continue
        for group in {*said.masks, *content.proposals}:
            old = content.proposals.get(group)
            labels = set(spoken[group])
            mask = said.masks.get(group)
            if old is not None and old.source == source.short:
                # What the same source proposed before and proposes no more, goes.
                labels |= set(old.pixels)
                if mask is None:
                    mask = np.zeros_like(editor.mask(index, group, proposal=True))
            if mask is not None:
                one = Proposed(mask, frozenset(labels), ())
                proposed[group][index] = one.encoded(source.provenance, source.short)
        fresh = _boxes(said, source, proposal=True, there=earlier.others)
        if fresh or earlier.own:
            boxes[index] = [*earlier.others, *fresh]
        if said.masks or fresh:
            count += Entered(entered=1, masks=len(said.masks), boxes=len(fresh))
    enter_proposals(
        editor,
        proposed,
        provenance=source.provenance,
        boxes=boxes,
        source=source.short,
        text=IMPORT,
    )
    return count


def _spoken(found: Sequence[tuple[Fitted, Named]]) -> dict[str, set[int]]:
    """Return the ids of labels that files speak of, by overlap group."""
    out: dict[str, set[int]] = defaultdict(set)
    for _, named in found:
        for (method, _name), label in named.labels.items():
            if method is Method.SEGMENTATION:
                out[label.overlap_group].add(label.id)
    return out


@dataclass(frozen=True)
class _Earlier:
    """The boxes of a slice: those the same source proposed before, and the others."""

    own: list[Box]
    others: list[Box]


def _earlier(content: SliceAnnotation, source: Source) -> _Earlier:
    own = [b for b in content.boxes if b.proposal and b.source == source.short]
    return _Earlier(own, [box for box in content.boxes if box not in own])


def _boxes(
    said: _Slice, source: Source, *, proposal: bool, there: Iterable[Box]
) -> list[Box]:
    """Return boxes that came in, but for those that are there."""
    known = {(box.label, box.corners) for box in there}
    return [
        Box(
            label=label.id,
            top=top,
            left=left,
            bottom=bottom,
            right=right,
            provenance=source.provenance,
            proposal=proposal,
            source=source.short,
            attributes=answers,
        )
        for label, (top, left, bottom, right), answers in said.boxes
        if (label.id, (top, left, bottom, right)) not in known
    ]


def _keeps(content: SliceAnnotation, mode: Mode) -> bool:
    return mode is Mode.KEEP and (content.has_labels or content.nothing_to_label)


# ----------------------------------------------------------------------------- draft
def _draft(
    editor: CaseEditor,
    found: Sequence[tuple[Fitted, Named]],
    source: Source,
    mode: Mode,
) -> Entered:
    contents: dict[int, SliceAnnotation] = {}
    count = Entered()
    for index in _indices(found):
        said = _collect(found, index, editor.labels)
        content = editor.content(index)
        if said.is_empty:
            continue
        if content.excluded:
            count += Entered(excluded=1)
            continue
        negative = content.nothing_to_label and mode is not Mode.REPLACE
        if negative or _keeps(content, mode):
            count += Entered(kept=1)
            continue
        if said.excluded:
            contents[index] = content.evolve(excluded=True)
            count += Entered(entered=1, classes=1)
            continue
        if said.nothing:
            if content.is_empty or mode is Mode.REPLACE:
                contents[index] = _changes.with_nothing(content)
                count += Entered(entered=1, classes=1)
            else:
                count += Entered(kept=1)
            continue
        new, own = _drawn(editor, index, content, said, source, mode)
        contents[index] = new
        count += own
    ids, kept = _chosen(editor, _case_labels(found), mode)
    count += Entered(classes=len(ids), kept=kept)
    answers = _case_answers(editor, found, mode)
    editor.bring_in(IMPORT, contents, case_labels=ids, case_attributes=answers)
    return count


def _drawn(
    editor: CaseEditor,
    index: int,
    content: SliceAnnotation,
    said: _Slice,
    source: Source,
    mode: Mode,
) -> tuple[SliceAnnotation, Entered]:
    """Return a slice with what came in, and the counts."""
    replace = mode is Mode.REPLACE
    masks, proposals = dict(content.masks), dict(content.proposals)
    for group, mask in said.masks.items():
        whole: NDArray[np.integer] = mask
        if not replace:
            whole = _changes.merged_mask(editor.mask(index, group), mask)
        masks = editor.put_mask(
            masks, group, whole, source.provenance, source=source.short
        )
        proposals = editor.uncovered(proposals, group, whole)
    there = content.boxes
    if replace and said.boxes:
        there = tuple(box for box in there if box.proposal)
    boxes = _boxes(said, source, proposal=False, there=there)
    new = content.evolve(
        masks=masks,
        proposals=proposals,
        boxes=(*there, *boxes),
        nothing_to_label=False,
        class_labels=() if replace and said.classes else content.class_labels,
    )
    classes = 0
    for label in said.classes:
        if not editor.labels.exclusive_with(label).intersection(new.class_labels):
            new = _changes.with_class(new, (label.id,), editor.labels)
            classes += 1
    answers = dict(new.attributes)
    for label_id, own in said.answers.items():
        old = answers.get(label_id, {})
        answers[label_id] = {**old, **own} if replace else {**own, **old}
    new = new.evolve(attributes=answers).settled()
    return new, Entered(
        entered=1, masks=len(said.masks), boxes=len(boxes), classes=classes
    )


def _chosen(
    editor: CaseEditor, labels: Sequence[Label], mode: Mode
) -> tuple[tuple[int, ...], int]:
    """Return the case labels to add, and how many give way to those there."""
    there = set(editor.annotation.case_labels)
    if editor.annotation.case_nothing_to_label and mode is not Mode.REPLACE:
        return (), len(labels)
    chosen: list[int] = []
    kept = 0
    for label in labels:
        rivals = editor.labels.exclusive_with(label).intersection({*there, *chosen})
        if label.id in there:
            continue
        if rivals and mode is not Mode.REPLACE:
            kept += 1
        else:
            chosen.append(label.id)
    return tuple(chosen), kept
