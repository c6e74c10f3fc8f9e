from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.metrics import (
    distance,
    ellipse_inside,
    label_sums,
    region_numbers,
)


@pytest.mark.parametrize(
    ("end", "length"),
    [((0, 3, 0), 1.5), ((0, 0, 5), 4.0), ((0, 6, 5), 5.0), ((2, 0, 0), 6.0)],
)
def test_lengths_are_in_mm(end, length):
    assert distance((0, 0, 0), end, (3.0, 0.5, 0.8)) == pytest.approx(length)
    assert distance(end, (0, 0, 0), (3.0, 0.5, 0.8)) == pytest.approx(length)


def test_lengths_follow_a_tilted_gantry():
    affine = np.eye(4)
    affine[:3, 0] = (0, 4, 3)  # slices are shifted against each other
    assert distance((0, 0, 0), (1, 0, 0), (3.0, 1, 1), affine) == pytest.approx(5)
    assert distance((0, 0, 0), (0, 3, 4), (3.0, 1, 1), affine) == pytest.approx(5)


def test_an_ellipse_has_the_area_of_one():
    inside = ellipse_inside((200, 300), (20.5, 30.5), (120.5, 230.5))
    assert inside.sum() == pytest.approx(np.pi * 50 * 100, rel=0.01)
    assert not inside[:20].any() and not inside[:, 232:].any()
    assert ellipse_inside((9, 9), (4, 4), (4, 4)).sum() == 1
    assert not ellipse_inside((9, 9), (-20, -20), (-10, -10)).any()
    np.testing.assert_array_equal(
        ellipse_inside((9, 9), (1, 7), (6, 2)), ellipse_inside((9, 9), (6, 2), (1, 7))
    )


def test_a_region_has_a_mean_and_a_deviation():
    values = np.array([[1, 2], [3, 100]], np.int16)
    inside = np.array([[True, True], [True, False]])
    found = region_numbers(values, inside, 0.25)
    assert (found.pixels, found.area, found.mean) == (3, 0.75, 2)
    assert found.deviation == pytest.approx(np.sqrt(2 / 3))
    assert region_numbers(None, inside, None).mean is None
    empty = region_numbers(values, np.zeros((2, 2), bool), 1.0)
    assert (empty.pixels, empty.area, empty.mean) == (0, 0, None)


def test_labels_are_summed_up():
    mask = np.array([[0, 1, 1], [700, 0, 1]], np.uint16)
    values = np.array([[9, -5, 5], [-1000, 9, 30]], np.int16)
    assert label_sums(mask, values) == {1: (3, 30.0), 700: (1, -1000.0)}
    assert label_sums(mask, None) == {1: (3, 0.0), 700: (1, 0.0)}
    assert label_sums(np.zeros((2, 3), np.uint8), values) == {}
