"""Boxes between key boxes, and boxes of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.propagation import (
    boxes_of_mask,
    boxes_of_objects,
    interpolate_boxes,
)

A, B = (0.0, 0.0, 4.0, 4.0), (4.0, 8.0, 12.0, 16.0)

CASES = {
    "nothing": ({}, {}, {}),
    "one": ({3: A}, {}, {3: A}),
    "between": ({0: A, 2: B}, {}, {0: A, 1: (2.0, 4.0, 8.0, 10.0), 2: B}),
    "only hidden": ({3: None}, {"start": 0, "stop": 9}, {}),
    "leaves": ({0: A, 2: None}, {"stop": 5}, {0: A, 1: A}),
    "comes back": ({0: A, 1: None, 4: B}, {}, {0: A, 4: B}),
    "carried": ({2: A}, {"start": 1, "stop": 3}, {1: A, 2: A, 3: A}),
    "cut": ({0: A, 2: B}, {"start": 1, "stop": 1}, {1: (2.0, 4.0, 8.0, 10.0)}),
    "hidden first": ({0: None, 2: A}, {"start": 0}, {2: A}),
}


@pytest.mark.parametrize(("keys", "options", "expected"), CASES.values(), ids=CASES)
def test_interpolate_boxes(keys, options, expected) -> None:
    assert interpolate_boxes(keys, **options) == expected


coordinate = st.floats(-1e4, 1e4)
boxes = st.tuples(coordinate, coordinate, coordinate, coordinate).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@given(st.dictionaries(st.integers(0, 30), boxes, min_size=1, max_size=5))
def test_properties(keys) -> None:
    """Keys stay, nothing is missing, and backwards is the same."""
    track = interpolate_boxes(keys)
    assert {k: track[k] for k in keys} == keys
    assert list(track) == list(range(min(keys), max(keys) + 1))
    assert all(t <= b and lt <= r for t, lt, b, r in track.values())
    back = interpolate_boxes({-k: box for k, box in keys.items()})
    assert {-k: box for k, box in back.items()} == track


@pytest.mark.parametrize(
    "box",
    [(4, 0, 0, 4), (0, 4, 4, 0), (0, 0, float("nan"), 1), (0, 0, float("inf"), 1)],
)
def test_refuses(box) -> None:
    with pytest.raises(InvalidValueError, match="slice 3"):
        interpolate_boxes({3: box})


def test_boxes_of_mask() -> None:
    mask = np.zeros((10, 12), np.uint8)
    mask[1:3, 2:5] = 1
    mask[3, 5] = 1  # meets the first at a corner
    mask[7:9, 8:12] = 1
    mask[5, 5] = 2
    assert boxes_of_mask(mask, 1) == [(1, 2, 4, 6), (7, 8, 9, 12)]
    assert boxes_of_mask(mask, 1, whole=True) == [(1, 2, 9, 12)]
    assert boxes_of_mask(mask, 2) == [(5, 5, 6, 6)]
    assert boxes_of_mask(mask, 3) == []
    assert boxes_of_mask(np.stack([mask, mask * 0, mask]), 2, whole=True) == [
        (0, 5, 5, 3, 6, 6)
    ]


def test_boxes_of_objects_follow_each_object_through_the_slices():
    mask = np.zeros((4, 9, 9), np.uint8)
    mask[1, 1:4, 2:5] = 5
    mask[2, 3:6, 3:6] = 5
    mask[2, 7, 8] = 5
    mask[3, 1, 1] = 4
    assert boxes_of_objects(mask, 5) == [
        {1: (1, 2, 4, 5), 2: (3, 3, 6, 6)},
        {2: (7, 8, 8, 9)},
    ]
    assert boxes_of_objects(mask, 6) == []
