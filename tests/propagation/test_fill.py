"""Tools that fill and reshape one label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.propagation import (
    fill_box,
    fill_holes,
    fill_threshold,
    flood_fill,
    grow,
    keep_largest,
    remove_islands,
    smooth,
)

rows, columns = np.ogrid[:40, :50]


def disc(row, column, radius):
    return np.hypot(rows - row, columns - column) <= radius


IMAGE = np.where(disc(20, 25, 9), 60.0, -20.0)
EMPTY = np.zeros((40, 50), np.uint16)

TOOLS = {
    "threshold": lambda m, i, p: fill_threshold(m, 1, i, 0, 3, protect=p),
    "flood": lambda m, i, p: flood_fill(m, 1, i, (0,) * m.ndim, 2, protect=p),
    "box": lambda m, i, p: fill_box(
        m, 1, i, (0,) * m.ndim + m.shape, "threshold", protect=p
    ),
    "smooth": lambda m, _, p: smooth(m, 1, 1.2, protect=p),
    "holes": lambda m, _, p: fill_holes(m, 1, protect=p),
    "islands": lambda m, _, __: remove_islands(m, 1, 4),
    "largest": lambda m, _, __: keep_largest(m, 1),
    "grow": lambda m, _, p: grow(m, 1, 1.5, protect=p),
    "shrink": lambda m, _, p: grow(m, 1, -1.5, protect=p),
}

shapes = st.sampled_from([(9, 8), (4, 6, 7), (3, 3), (1, 5, 5)])
pairs = shapes.flatmap(
    lambda shape: st.tuples(
        arrays(np.uint16, shape, elements=st.integers(0, 3)),
        arrays(np.int16, shape, elements=st.integers(-5, 5)),
    )
)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
@given(case=pairs)
@settings(deadline=None, max_examples=25)
def test_other_labels_are_protected(tool, case) -> None:
    mask, image = case
    before = mask.copy()
    result = TOOLS[tool](mask, image, True)
    assert np.array_equal(mask, before)
    assert result.dtype == mask.dtype
    others = mask > 1
    assert np.array_equal(result[others], mask[others])
    assert set(np.unique(result[~others])) <= {0, 1}


@pytest.mark.parametrize("tool", ["threshold", "box", "holes", "grow"])
def test_unprotected_labels_are_overwritten(tool) -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[2:7, 2:7] = 1
    mask[4, 4] = 2
    image = np.where(disc(4, 4, 3)[:9, :9], 2, -9)
    assert TOOLS[tool](mask, image, True)[4, 4] == 2
    assert TOOLS[tool](mask, image, False)[4, 4] == 1


def test_fill_threshold() -> None:
    result = fill_threshold(EMPTY, 3, IMAGE, 0, 100)
    assert np.array_equal(result == 3, disc(20, 25, 9))
    half = fill_threshold(EMPTY, 3, IMAGE, 60, 60, box=(0, 0, 20, 50))
    assert np.array_equal(half == 3, disc(20, 25, 9) & (rows < 20))


def test_flood_fill() -> None:
    image = IMAGE.copy()
    image[5:8, 5:8] = 60
    result = flood_fill(EMPTY, 1, image, (20, 25), 10)
    assert np.array_equal(result == 1, disc(20, 25, 9))
    wall = np.where(columns == 25, 2, EMPTY).astype(np.uint16)
    result = flood_fill(wall, 1, image, (20, 20), 10)
    assert np.array_equal(result == 1, disc(20, 25, 9) & (columns < 25))
    assert not (flood_fill(wall, 1, image, (20, 25), 10) == 1).any()


def test_flood_fill_of_unsigned_values() -> None:
    """Differences do not wrap round."""
    image = np.array([[10, 12, 250], [9, 8, 1]], np.uint8)
    result = flood_fill(np.zeros((2, 3), np.uint8), 1, image, (0, 0), 3)
    assert result.tolist() == [[1, 1, 0], [1, 1, 0]]


@pytest.mark.parametrize("method", ["threshold", "random walker"])
@pytest.mark.parametrize("sign", [1, -1])
def test_fill_box(method, sign) -> None:
    rng = np.random.default_rng(1)
    image = sign * IMAGE + rng.normal(0, 8, IMAGE.shape)
    result = fill_box(EMPTY, 2, image, (8, 13, 33, 38), method)
    true = disc(20, 25, 9)
    found = result == 2
    assert 2 * np.count_nonzero(found & true) / (found.sum() + true.sum()) > 0.95
    assert not found[
        ~((rows >= 8) & (rows < 33) & (columns >= 13) & (columns < 38))
    ].any()


def test_fill_box_in_3d() -> None:
    image = np.stack([IMAGE] * 5)
    for method in ("threshold", "random walker"):
        box = (1, 8, 13, 4, 33, 38)
        result = fill_box(np.zeros(image.shape, np.uint8), 1, image, box, method)
        assert not result[[0, 4]].any()
        assert (result[2] == disc(20, 25, 9)).mean() > 0.98


def test_fill_box_of_one_value() -> None:
    for method in ("threshold", "random walker"):
        assert not fill_box(EMPTY, 1, EMPTY, (5, 5, 15, 15), method).any()


def test_smooth_keeps_the_size() -> None:
    rng = np.random.default_rng(2)
    ragged = np.hypot(rows - 20, columns - 25) <= 11 + rng.normal(0, 1.5, (40, 50))
    result = smooth(ragged.astype(np.uint8), 1, 1.5) == 1
    assert abs(int(result.sum()) - int(ragged.sum())) <= 4
    true = disc(20, 25, 11)
    assert np.count_nonzero(result ^ true) < np.count_nonzero(ragged ^ true) / 2


def test_holes_in_a_slice_and_in_space() -> None:
    plane = (disc(20, 25, 9) & ~disc(20, 25, 3)).astype(np.uint8)
    tube = np.stack([plane] * 3)
    assert np.array_equal(fill_holes(plane, 1) == 1, disc(20, 25, 9))
    assert np.array_equal(fill_holes(tube, 1), tube)
    assert (fill_holes(tube, 1, slicewise=True) == disc(20, 25, 9)).all()


def test_islands() -> None:
    mask = (disc(10, 10, 5) | disc(30, 40, 2)).astype(np.uint8)
    mask[0, 49] = 1
    assert np.array_equal(
        remove_islands(mask, 1, 2) == 1, disc(10, 10, 5) | disc(30, 40, 2)
    )
    assert np.array_equal(keep_largest(mask, 1) == 1, disc(10, 10, 5))
    both = np.stack([mask, disc(30, 40, 2).astype(np.uint8)])
    assert keep_largest(both, 1, slicewise=True)[1].any()
    assert np.array_equal(keep_largest(EMPTY, 1), EMPTY)


def test_grow_in_mm() -> None:
    mask = np.zeros((11, 21, 21), np.uint8)
    mask[5, 10, 10] = 1
    result = grow(mask, 1, 3.0, spacing=(3.0, 1.0, 1.5))
    z, y, x = np.indices(mask.shape)
    far = np.sqrt((3 * (z - 5)) ** 2 + (y - 10) ** 2 + (1.5 * (x - 10)) ** 2)
    assert np.array_equal(result == 1, far <= 3)
    back = grow(result, 1, -2.0, spacing=(3.0, 1.0, 1.5))
    assert back[5, 10, 10] == 1
    assert back.sum() < result.sum()
    flat = grow(mask, 1, 3.0, spacing=(3.0, 1.0, 1.5), slicewise=True)
    assert flat.any(axis=(1, 2)).tolist() == [i == 5 for i in range(11)]


def test_shrinking_leaves_the_border() -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[:, :5] = 1
    assert np.array_equal(grow(mask, 1, -1) == 1, np.arange(10) < np.full((10, 1), 4))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: fill_threshold(EMPTY, 1, IMAGE, 5, 1),
        lambda: fill_threshold(EMPTY, 1, IMAGE, float("nan"), 1),
        lambda: fill_threshold(EMPTY, 1, IMAGE[:5], 0, 1),
        lambda: fill_threshold(EMPTY * 1.0, 1, IMAGE, 0, 1),
        lambda: fill_threshold(EMPTY, 1, IMAGE, 0, 1, box=(0, 0, 5)),
        lambda: fill_threshold(EMPTY, 1, IMAGE, 0, 1, box=(60, 0, 70, 5)),
        lambda: flood_fill(EMPTY, 1, IMAGE, (40, 0), 1),
        lambda: flood_fill(EMPTY, 1, IMAGE, (0,), 1),
        lambda: flood_fill(EMPTY, 1, IMAGE, (0, 0), -1),
        lambda: fill_box(EMPTY, 1, IMAGE, (5, 5, 7, 20)),
        lambda: fill_box(EMPTY, 1, IMAGE, (5, 5, 17, 20), "magic"),
        lambda: smooth(EMPTY, 1, 0),
        lambda: smooth(EMPTY, 1, 1, spacing=(1, 1, 1)),
        lambda: grow(EMPTY, 1, float("nan")),
        lambda: grow(EMPTY, 1, 1, spacing=(0, 1)),
        lambda: keep_largest(EMPTY[0], 1),
    ],
)
def test_refuses(wrong) -> None:
    with pytest.raises(InvalidValueError) as caught:
        wrong()
    assert caught.value.remedy
