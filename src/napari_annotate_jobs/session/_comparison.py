"""Two annotations of one case, slice by slice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import answers_text
from napari_annotate_jobs.errors import Cancelled
from napari_annotate_jobs.metrics import (
    EXACT,
    Agreement,
    SliceAgreement,
    Tolerance,
    compare_slice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.editing import CaseView
    from napari_annotate_jobs.model import LabelSet, SliceAnnotation

__all__ = ["Comparison", "compare_views"]


@dataclass(frozen=True)
class Comparison:
    """Where two annotations of a case agree and differ.

    Parameters
    ----------
    first, second : CaseView
        The two annotations.
    names : (str, str)
        What to call them.
    slices : dict of int to SliceAgreement
        By index; slices of which neither says anything are left out.
    case_first, case_second : tuple of str
        Labels of the case that one of them chose, and what one answered of the case.
    """

    first: CaseView
    second: CaseView
    names: tuple[str, str]
    slices: dict[int, SliceAgreement]
    case_first: tuple[str, ...]
    case_second: tuple[str, ...]

    def agreement(self, index: int) -> Agreement | None:
        """Return how a slice is to be coloured; None for nothing said."""
        found = self.slices.get(index)
        return None if found is None else found.agreement

    def worst(self) -> tuple[SliceAgreement, ...]:
        """Return the slices that differ, the worst first."""
        different = (
            s for s in self.slices.values() if s.agreement is not Agreement.AGREE
        )
        return tuple(sorted(different, key=lambda found: found.badness))

    def next_difference(self, start: int, step: int = 1) -> int | None:
        """Return the next slice that differs, going on at the other end."""
        order = sorted(found.index for found in self.worst())[::step]
        beyond = (i for i in order if (i - start) * step > 0)
        return next(beyond, order[0] if order else None)

    def text(self, found: SliceAgreement) -> str:
        """Say in one line in what a slice differs."""
        labels, (first, second) = self.first.labels, self.names
        if found.agreement is Agreement.AGREE:
            return "the same"
        if found.agreement is Agreement.ONLY_FIRST:
            return f"only {first}: {_said(self.first.content(found.index), labels)}"
        if found.agreement is Agreement.ONLY_SECOND:
            return f"only {second}: {_said(self.second.content(found.index), labels)}"
        parts = []
        if found.decisions[0] is not found.decisions[1]:
            parts.append(
                f"{first}: {found.decisions[0]}, {second}: {found.decisions[1]}"
            )
        for who, ids in ((first, found.only_first), (second, found.only_second)):
            parts += [f"only {who}: {_name(i, labels)}" for i in ids]
        for pair in found.masks:
            if pair.dice < 1:
                far = f", {pair.distance:.1f} mm" if pair.distance < math.inf else ""
                parts.append(f"{_name(pair.label, labels)} Dice {pair.dice:.2f}{far}")
        for boxes in found.boxes:
            if boxes.first is None or boxes.second is None:
                who = second if boxes.first is None else first
                parts.append(f"only {who}: box {_name(boxes.label, labels)}")
            elif boxes.iou < 1:
                parts.append(f"box {_name(boxes.label, labels)} IoU {boxes.iou:.2f}")
        for said in found.answers:
            parts.append(
                f"{_name(said.label, labels)} {said.name}: {first} "
                f"{said.first or 'no answer'}, {second} {said.second or 'no answer'}"
            )
        return " · ".join(parts)


def _name(label_id: int, labels: LabelSet) -> str:
    names = {label.id: label.name for label in labels.labels}
    return names.get(label_id, f"label {label_id}")


def _said(content: SliceAnnotation, labels: LabelSet) -> str:
    names = [
        _name(label_id, labels) + _of(content.answers(label_id))
        for label_id in content.label_ids
    ]
    return ", ".join(names) or str(content.decision)


def _of(answers: Mapping[str, str]) -> str:
    text = answers_text(answers)
    return f" ({text})" if text else ""


def compare_views(
    first: CaseView,
    second: CaseView,
    *,
    spacing: Sequence[float],
    names: tuple[str, str] = ("first", "second"),
    tolerance: Tolerance = EXACT,
    cancelled: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Compare two annotations of one case; masks that are the same are not read.

    Parameters
    ----------
    first, second : CaseView
        On the same slices.
    spacing : (float, float)
        Distance of rows and of columns, in mm.
    names : (str, str)
        What to call them.
    tolerance : Tolerance
        From where on masks and boxes count as the same.
    cancelled : callable
        Asked before each slice; True stops it.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    CorruptError, NotFoundError
        If a mask cannot be read.
    """
    ones, others = first.contents(), second.contents()
    slices = {}
    for index in sorted({*ones, *others}):
        if cancelled():
            raise Cancelled("the comparison was stopped")
        here, there = first.content(index), second.content(index)
        found = compare_slice(
            here,
            there,
            _masks(first, here, there),
            _masks(second, there, here),
            spacing=spacing,
            tolerance=tolerance,
        )
        if found is not None:
            slices[index] = found
    mine, theirs = _case_labels(first), _case_labels(second)
    return Comparison(
        first,
        second,
        names,
        slices,
        tuple(sorted(mine - theirs)),
        tuple(sorted(theirs - mine)),
    )


def _masks(
    view: CaseView, mine: SliceAnnotation, theirs: SliceAnnotation
) -> dict[str, NDArray[np.integer]]:
    """Decode the masks of a slice that both have, and that are not the same."""
    return {
        group: view.decoded(mask)
        for group, mask in mine.masks.items()
        if group in theirs.masks and theirs.masks[group].digest != mask.digest
    }


def _case_labels(view: CaseView) -> set[str]:
    said = view.annotation
    names = {
        _name(label_id, view.labels) + _of(view.case_answers(label_id))
        for label_id in said.case_labels
    }
    names |= {
        _name(label_id, view.labels) + _of(said.case_attributes[label_id])
        for label_id in view.label_ids().intersection(said.case_attributes)
        if label_id not in said.case_labels
    }
    return names | ({"nothing to label"} if said.case_nothing_to_label else set())
