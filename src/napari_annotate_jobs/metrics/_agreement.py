"""How far two annotations of one slice agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import Box, SliceAnnotation

__all__ = [
    "EXACT",
    "READERS",
    "Agreement",
    "AnswerPair",
    "BoxPair",
    "MaskPair",
    "SliceAgreement",
    "Tolerance",
    "box_iou",
    "compare_slice",
    "dice",
    "hausdorff",
    "match_boxes",
]


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the Dice similarity coefficient of two masks.

    Twice the common pixels by the sum of both (Dice 1945). Two empty masks agree: 1;
    an empty one and another do not: 0.

    Parameters
    ----------
    first, second : ndarray of bool
        Of the same shape.

    Raises
    ------
    InvalidValueError
        If they differ in shape.
    """
    _check_shapes(first, second)
    sizes = np.count_nonzero(first) + np.count_nonzero(second)
    return 1.0 if not sizes else 2.0 * np.count_nonzero(first & second) / sizes


def hausdorff(
    first: NDArray[np.bool_], second: NDArray[np.bool_], spacing: Sequence[float]
) -> float:
    """Return the largest distance of a pixel of one mask to the nearest of the other.

    That is the Hausdorff distance of the sets of pixel centres. Two empty masks have
    the distance 0, an empty one and another an infinite one.

    Parameters
    ----------
    first, second : ndarray of bool
        Of the same shape.
    spacing : sequence of float
        Distance of neighbouring pixels along each axis, in mm.

    Returns
    -------
    float
        In mm.

    Raises
    ------
    InvalidValueError
        If they differ in shape.
    """
    from scipy import ndimage  # it loads longer than My Jobs, which needs this not

    _check_shapes(first, second)
    either = first | second
    if not either.any():
        return 0.0
    if not (first.any() and second.any()):
        return math.inf
    # What lies outside of both has no part in it.
    (box,) = ndimage.find_objects(either.astype(np.uint8))
    first, second = first[box], second[box]
    if np.array_equal(first, second):
        return 0.0
    far = (
        ndimage.distance_transform_edt(~there, sampling=spacing)[here].max()
        for here, there in ((first, second), (second, first))
    )
    return float(max(far))


def _check_shapes(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> None:
    if first.shape != second.shape:
        raise InvalidValueError(
            f"masks of {first.shape} and {second.shape} pixels cannot be compared"
        )


def box_iou(first: Box, second: Box) -> float:
    """Return the common area of two boxes by the area that either covers."""
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    width = min(first.right, second.right) - max(first.left, second.left)
    common = max(height, 0.0) * max(width, 0.0)
    return common / (_area(first) + _area(second) - common)


def _area(box: Box) -> float:
    return (box.bottom - box.top) * (box.right - box.left)


@dataclass(frozen=True)
class BoxPair:
    """Two boxes taken for the same object, or one that has no partner.

    Parameters
    ----------
    label : int
        Label id.
    first, second : Box or None
        None where there is only one.
    iou : float
        0 where there is only one.
    """

    label: int
    first: Box | None
    second: Box | None
    iou: float


def match_boxes(first: Sequence[Box], second: Sequence[Box]) -> tuple[BoxPair, ...]:
    """Pair the boxes of each label so that the sum of their IoU is largest.

    Boxes that have nothing in common are not paired. Proposals are left out.
    """
    from scipy.optimize import linear_sum_assignment

    pairs: list[BoxPair] = []
    ones = [box for box in first if not box.proposal]
    others = [box for box in second if not box.proposal]
    for label in sorted({box.label for box in (*ones, *others)}):
        mine = [box for box in ones if box.label == label]
        theirs = [box for box in others if box.label == label]
        values = np.array([[box_iou(a, b) for b in theirs] for a in mine])
        values = values.reshape(len(mine), len(theirs))
        rows, columns = linear_sum_assignment(values, maximize=True)
        found = {
            (int(row), int(column)): float(values[row, column])
            for row, column in zip(rows, columns, strict=True)
            if values[row, column] > 0
        }
        pairs += [BoxPair(label, mine[r], theirs[c], v) for (r, c), v in found.items()]
        left, right = {r for r, _ in found}, {c for _, c in found}
        pairs += [
            BoxPair(label, box, None, 0.0)
            for row, box in enumerate(mine)
            if row not in left
        ]
        pairs += [
            BoxPair(label, None, box, 0.0)
            for column, box in enumerate(theirs)
            if column not in right
        ]
    return tuple(pairs)


class Agreement(StrEnum):
    """What two annotations say of a slice."""

    AGREE = "agree"
    DIFFER = "differ"
    ONLY_FIRST = "only the first"
    ONLY_SECOND = "only the second"


@dataclass(frozen=True)
class Tolerance:
    """From where on masks and boxes count as the same.

    Parameters
    ----------
    dice, iou : float
        0 to 1; 1 for nothing but the same.
    """

    dice: float = 1.0
    iou: float = 1.0


EXACT = Tolerance()
"""To see all that was changed."""

READERS = Tolerance(dice=0.9, iou=0.75)
"""To compare two readers, who never draw the same line."""


@dataclass(frozen=True)
class MaskPair:
    """The masks of one label on a slice.

    Parameters
    ----------
    label : int
        Label id.
    dice : float
        See :func:`dice`.
    distance : float
        In mm; see :func:`hausdorff`.
    """

    label: int
    dice: float
    distance: float


@dataclass(frozen=True)
class AnswerPair:
    """An attribute of a label on a slice that two annotations answer differently.

    Parameters
    ----------
    label : int
        Label id.
    name : str
        The attribute.
    first, second : str
        The answers; empty for none.
    """

    label: int
    name: str
    first: str
    second: str


@dataclass(frozen=True)
class SliceAgreement:
    """How far two annotations of a slice agree.

    Parameters
    ----------
    index : int
        Place of the slice.
    agreement : Agreement
        In one word.
    masks : tuple of MaskPair
        For each label that either painted.
    boxes : tuple of BoxPair
        For each object that either boxed.
    only_first, only_second : tuple of int
        Class labels that one of them chose.
    decisions : (Decision, Decision)
        What each says of the slice.
    answers : tuple of AnswerPair
        What they answer differently, of labels and objects that both have.
    """

    index: int
    agreement: Agreement
    masks: tuple[MaskPair, ...]
    boxes: tuple[BoxPair, ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]
    decisions: tuple[Decision, Decision]
    answers: tuple[AnswerPair, ...] = ()

    @property
    def left_out(self) -> bool:
        """True if either took the slice out of counts and agreement."""
        return Decision.EXCLUDED in self.decisions

    @property
    def score(self) -> float:
        """The worst of Dice and IoU; 0 where labels, answers or decisions differ."""
        if self.agreement in (Agreement.ONLY_FIRST, Agreement.ONLY_SECOND):
            return 0.0
        differing = self.only_first or self.only_second or self.answers
        if differing or len(set(self.decisions)) > 1:
            return 0.0
        values = [pair.dice for pair in self.masks] + [pair.iou for pair in self.boxes]
        return min(values, default=1.0)

    @property
    def distance(self) -> float:
        """The largest distance of two masks in mm; 0 without masks."""
        return max((pair.distance for pair in self.masks), default=0.0)

    @property
    def badness(self) -> tuple[float, float, int]:
        """To sort by: the worst slice comes first."""
        return self.score, -self.distance, self.index


def compare_slice(
    first: SliceAnnotation,
    second: SliceAnnotation,
    first_masks: Mapping[str, NDArray[np.integer]],
    second_masks: Mapping[str, NDArray[np.integer]],
    *,
    spacing: Sequence[float],
    tolerance: Tolerance = EXACT,
) -> SliceAgreement | None:
    """Compare what two annotations say of one slice; proposals count for nothing.

    Parameters
    ----------
    first, second : SliceAnnotation
        What each says.
    first_masks, second_masks : mapping of str to ndarray of int
        Label images of the slice by overlap group, of the same shape (rows, columns),
        of those groups whose digests differ. Those that are the same need not be given.
    spacing : (float, float)
        Distance of rows and of columns, in mm.
    tolerance : Tolerance
        From where on masks and boxes count as the same.

    Returns
    -------
    SliceAgreement or None
        None if neither says anything of the slice.
    """
    decisions = first.decision, second.decision
    if set(decisions) == {Decision.UNDECIDED}:
        return None
    masks = tuple(_mask_pairs(first, second, first_masks, second_masks, spacing))
    boxes = match_boxes(first.boxes, second.boxes)
    here, there = set(first.class_labels), set(second.class_labels)
    answers = tuple(_answer_pairs(first, second, boxes))
    if decisions[1] is Decision.UNDECIDED:
        agreement = Agreement.ONLY_FIRST
    elif decisions[0] is Decision.UNDECIDED:
        agreement = Agreement.ONLY_SECOND
    elif (
        decisions[0] is decisions[1]
        and here == there
        and not answers
        and all(pair.dice >= tolerance.dice for pair in masks)
        and all(pair.iou >= tolerance.iou for pair in boxes)
    ):
        agreement = Agreement.AGREE
    else:
        agreement = Agreement.DIFFER
    return SliceAgreement(
        index=first.index,
        agreement=agreement,
        masks=masks,
        boxes=boxes,
        only_first=tuple(sorted(here - there)),
        only_second=tuple(sorted(there - here)),
        decisions=decisions,
        answers=answers,
    )


def _answer_pairs(
    first: SliceAnnotation, second: SliceAnnotation, boxes: Iterable[BoxPair]
) -> Iterator[AnswerPair]:
    """Return what is answered differently of labels, and objects, that both have."""
    said: list[tuple[int, Mapping[str, str], Mapping[str, str]]] = []
    if first.attributes or second.attributes:
        both = set(first.label_ids).intersection(second.label_ids)
        said += [(i, first.answers(i), second.answers(i)) for i in sorted(both)]
    said += [
        (pair.label, pair.first.attributes, pair.second.attributes)
        for pair in boxes
        if pair.first is not None and pair.second is not None
    ]
    for label_id, one, other in said:
        for name in sorted({*one, *other}):
            here, there = one.get(name, ""), other.get(name, "")
            if here != there:
                yield AnswerPair(label_id, name, here, there)


def _mask_pairs(
    first: SliceAnnotation,
    second: SliceAnnotation,
    first_masks: Mapping[str, NDArray[np.integer]],
    second_masks: Mapping[str, NDArray[np.integer]],
    spacing: Sequence[float],
) -> list[MaskPair]:
    pairs = []
    for group in sorted({*first.masks, *second.masks}):
        mine, theirs = first.masks.get(group), second.masks.get(group)
        labels = sorted(
            {*(mine.pixels if mine else ()), *(theirs.pixels if theirs else ())}
        )
        if mine and theirs and mine.digest == theirs.digest:
            pairs += [MaskPair(label, 1.0, 0.0) for label in labels]
            continue
        if mine and theirs:
            a, b = first_masks[group], second_masks[group]
            pairs += [
                MaskPair(
                    label,
                    dice(a == label, b == label),
                    hausdorff(a == label, b == label, spacing),
                )
                for label in labels
            ]
        else:
            pairs += [MaskPair(label, 0.0, math.inf) for label in labels]
    return pairs
