"""Numbers of agreement, against those of scipy and scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import dice as scipy_dissimilarity
from scipy.spatial.distance import directed_hausdorff
from skimage.metrics import hausdorff_distance

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.metrics import (
    EXACT,
    READERS,
    Agreement,
    box_iou,
    compare_slice,
    dice,
    hausdorff,
    match_boxes,
)
from napari_annotate_jobs.model import (
    Box,
    Decision,
    SliceAnnotation,
    decode_mask,
    mask_ref,
)

masks = arrays(bool, (7, 9))
spacings = st.tuples(*[st.sampled_from([0.4, 1.0, 2.5])] * 2)


@given(masks, masks)
def test_dice_is_that_of_scipy(first, second):
    if first.any() or second.any():
        expected = 1 - scipy_dissimilarity(first.ravel(), second.ravel())
        assert dice(first, second) == pytest.approx(expected)
    assert dice(first, second) == dice(second, first)


@settings(max_examples=60)
@given(masks, masks, spacings)
def test_distance_is_that_of_scipy_and_skimage(first, second, spacing):
    found = hausdorff(first, second, spacing)
    assert found == hausdorff(second, first, spacing)
    if not (first.any() and second.any()):
        return
    points = [np.argwhere(mask) * spacing for mask in (first, second)]
    expected = max(
        directed_hausdorff(points[0], points[1])[0],
        directed_hausdorff(points[1], points[0])[0],
    )
    assert found == pytest.approx(expected)
    assert hausdorff(first, second, (1, 1)) == pytest.approx(
        hausdorff_distance(first, second)
    )


def test_empty_masks():
    empty, full = np.zeros((3, 4), bool), np.ones((3, 4), bool)
    assert (dice(empty, empty), hausdorff(empty, empty, (1, 1))) == (1.0, 0.0)
    assert (dice(empty, full), hausdorff(empty, full, (1, 1))) == (0.0, math.inf)
    assert hausdorff(full, empty, (1, 1)) == math.inf
    for measure in (dice, lambda a, b: hausdorff(a, b, (1, 1))):
        with pytest.raises(InvalidValueError, match="cannot be compared"):
            measure(empty, empty.T)


def test_distance_is_in_mm():
    first, second = np.zeros((2, 9, 9), bool)
    first[2, 2] = second[6, 2] = True
    assert hausdorff(first, second, (0.5, 3)) == 2.0
    assert hausdorff(first.T, second.T, (0.5, 3)) == 12.0


def box(label, top, left, size=10.0, **fields):
    return Box(
        label=label, top=top, left=left, bottom=top + size, right=left + size, **fields
    )


def test_boxes_are_compared_by_area():
    assert box_iou(box(1, 0, 0), box(1, 0, 0)) == 1
    assert box_iou(box(1, 0, 0), box(1, 0, 5)) == pytest.approx(1 / 3)
    assert box_iou(box(1, 0, 0), box(1, 0, 10)) == 0
    assert box_iou(box(1, 0, 0), box(1, 50, 50)) == 0


def test_boxes_are_paired_as_well_as_can_be():
    # Taken one after the other, the first would take the partner of the second.
    first = [box(1, 0, 0), box(1, 0, 4), box(2, 0, 0)]
    second = [box(1, 0, 5), box(1, 90, 90), box(1, 0, -3, proposal=True)]
    pairs = match_boxes(first, second)
    assert [(p.label, p.first, p.second) for p in pairs] == [
        (1, first[1], second[0]),
        (1, first[0], None),
        (1, None, second[1]),
        (2, first[2], None),
    ]
    assert [p.iou > 0 for p in pairs] == [True, False, False, False]
    assert match_boxes([], []) == ()


def painted(pixels, label=6, index=3, **fields):
    image = np.zeros((12, 12), np.uint8)
    for row, column in pixels:
        image[row, column] = label
    ref, data = mask_ref(image)
    content = SliceAnnotation(index=index, masks={"": ref}, **fields)
    return content, {"": decode_mask(data)}


def compare(first, second, tolerance=EXACT, spacing=(1, 1)):
    first_masks = second_masks = {}
    if isinstance(first, tuple):
        first, first_masks = first
    if isinstance(second, tuple):
        second, second_masks = second
    return compare_slice(
        first,
        second,
        first_masks,
        second_masks,
        spacing=spacing,
        tolerance=tolerance,
    )


BLOCK = [(r, c) for r in range(4) for c in range(4)]


def test_what_is_the_same_agrees_and_is_not_decoded():
    content, _ = painted(BLOCK, class_labels=(1, 2))
    found = compare(content, content)
    assert (found.agreement, found.score, found.distance) == (Agreement.AGREE, 1.0, 0.0)
    assert found.index == 3


def test_masks_that_differ():
    first, second = painted(BLOCK), painted([*BLOCK, (4, 0)])
    found = compare(first, second, spacing=(2.5, 1))
    assert found.agreement is Agreement.DIFFER
    (pair,) = found.masks
    assert (pair.label, pair.distance) == (6, 2.5)
    assert pair.dice == found.score == pytest.approx(32 / 33)
    assert compare(first, second, READERS).agreement is Agreement.AGREE
    other = compare(first, painted(BLOCK, label=7))
    assert [(p.label, p.dice, p.distance) for p in other.masks] == [
        (6, 0.0, math.inf),
        (7, 0.0, math.inf),
    ]


NOTHING = SliceAnnotation(index=0, nothing_to_label=True)
BLANK = SliceAnnotation(index=0)
GOOD = SliceAnnotation(index=0, class_labels=(1,))
BAD = SliceAnnotation(index=0, class_labels=(2,))
OUT = GOOD.evolve(excluded=True)
PROPOSED = SliceAnnotation(index=0, boxes=(box(5, 0, 0, proposal=True),))


@pytest.mark.parametrize(
    ("first", "second", "expected", "score"),
    [
        (GOOD, GOOD, Agreement.AGREE, 1),
        (GOOD, BAD, Agreement.DIFFER, 0),
        (GOOD, NOTHING, Agreement.DIFFER, 0),
        (NOTHING, NOTHING, Agreement.AGREE, 1),
        (GOOD, BLANK, Agreement.ONLY_FIRST, 0),
        (PROPOSED, GOOD, Agreement.ONLY_SECOND, 0),
        (OUT, OUT, Agreement.AGREE, 1),
        (OUT, GOOD, Agreement.DIFFER, 0),
    ],
)
def test_labels_and_decisions(first, second, expected, score):
    found = compare(first, second)
    assert (found.agreement, found.score) == (expected, score)
    assert found.left_out is (Decision.EXCLUDED in found.decisions)


def test_of_what_nobody_spoke_there_is_nothing_to_say():
    assert compare(BLANK, PROPOSED) is None


def test_class_labels_are_named():
    found = compare(GOOD, BAD)
    assert (found.only_first, found.only_second) == ((1,), (2,))


def test_answers_that_differ_are_told():
    one, masks = painted(BLOCK, class_labels=(1,), attributes={1: {"margin": "sharp"}})
    other = one.evolve(attributes={1: {"margin": "blurred", "size": "2"}})
    found = compare((one, masks), (other, masks))
    assert found.agreement is Agreement.DIFFER
    assert found.score == 0
    assert [(a.label, a.name, a.first, a.second) for a in found.answers] == [
        (1, "margin", "sharp", "blurred"),
        (1, "size", "", "2"),
    ]
    # Of a label that only one has, the label is what differs.
    without = other.evolve(class_labels=())
    assert compare((one, masks), (without, masks)).answers == ()
    first = SliceAnnotation(index=3, boxes=(box(1, 0, 0, attributes={"edge": "a"}),))
    second = SliceAnnotation(index=3, boxes=(box(1, 0, 0),))
    (pair,) = compare(first, second).answers
    assert (pair.label, pair.first, pair.second) == (1, "a", "")
    assert compare(first, first).agreement is Agreement.AGREE


def test_the_worst_comes_first():
    near = compare(painted(BLOCK), painted([*BLOCK, (4, 0)]))
    far = compare(painted(BLOCK), painted([*BLOCK, (9, 0)]))
    none = compare(GOOD, BAD)
    assert sorted([near, far, none], key=lambda s: s.badness) == [none, far, near]
