"""Masks between key slices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi

from napari_annotate_jobs.errors import Cancelled, InvalidValueError
from napari_annotate_jobs.propagation import interpolate_masks
from napari_annotate_jobs.propagation._guide import _strengths


def disc(shape, center, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(rows - center[0], columns - center[1]) <= radius


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + b.sum(), 1)


def stack(n, *planes):
    """Return a volume of n slices with the planes at equal distances."""
    keys = np.linspace(0, n - 1, len(planes)).astype(int)
    volume = np.zeros((n, *planes[0].shape), dtype=np.uint8)
    volume[keys] = planes
    return volume, keys


# Blobs rather than noise: each label a few discs, so that every path is taken.
@st.composite
def masked(draw):
    shape = (draw(st.integers(8, 40)), draw(st.integers(8, 40)))
    n = draw(st.integers(2, 9))
    keys = sorted(draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=4)))
    volume = np.zeros((n, *shape), dtype=np.uint16)
    for key in keys:
        for _ in range(draw(st.integers(0, 4))):
            center = draw(st.integers(0, shape[0])), draw(st.integers(0, shape[1]))
            label = draw(st.sampled_from([1, 2, 7, 300]))
            volume[key][disc(shape, center, draw(st.floats(0, 9)))] = label
    return volume, keys


spacings = st.none() | st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3)


@given(masked(), spacings)
@settings(deadline=None, max_examples=60)
def test_keys_stay_and_no_ids_are_made(case, spacing) -> None:
    volume, keys = case
    given_volume = volume.copy()
    result = interpolate_masks(volume, keys, spacing=spacing)
    assert result.dtype == volume.dtype
    assert np.array_equal(volume, given_volume)
    assert np.array_equal(result[keys], volume[keys])
    assert not result[: keys[0]].any()
    assert not result[keys[-1] + 1 :].any()
    # Between two keys only the labels of either.
    for a, b in itertools.pairwise(keys):
        known = {0, *np.unique(volume[a]), *np.unique(volume[b])}
        assert set(np.unique(result[a : b + 1])) <= known


@pytest.mark.slow
@given(masked(), spacings)
@settings(deadline=None, max_examples=80)
def test_reversed_slices_give_the_reversed_result(case, spacing) -> None:
    volume, keys = case
    result = interpolate_masks(volume, keys, spacing=spacing)
    back = [volume.shape[0] - 1 - k for k in keys]
    assert np.array_equal(
        interpolate_masks(volume[::-1], back, spacing=spacing)[::-1], result
    )


@pytest.mark.slow
@given(masked(), st.integers(0, 5), st.integers(0, 5), spacings)
@settings(deadline=None, max_examples=60)
def test_moves_with_the_masks(case, dy, dx, spacing) -> None:
    volume, keys = case
    # Away from the border, where an object is taken to go on.
    room = np.pad(volume, ((0, 0), (30, 30), (30, 30)))
    moved = np.roll(room, (dy, dx), axis=(1, 2))
    expected = np.roll(
        interpolate_masks(room, keys, spacing=spacing), (dy, dx), axis=(1, 2)
    )
    assert np.array_equal(interpolate_masks(moved, keys, spacing=spacing), expected)


@given(
    arrays(np.uint8, (3, 12, 12), elements=st.integers(0, 3)),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=40)
def test_any_pixels(volume, workers) -> None:
    """Noise, with no shape at all, breaks nothing; threads change nothing."""
    result = interpolate_masks(volume, [0, 2], workers=workers)
    assert np.array_equal(result, interpolate_masks(volume, [0, 2], workers=1))
    assert np.array_equal(result[[0, 2]], volume[[0, 2]])


@given(masked(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=25)
def test_image_keeps_the_same_promises(case, seed) -> None:
    volume, keys = case
    rng = np.random.default_rng(seed)
    image = rng.normal(size=volume.shape) + 3 * (volume > 0)
    result = interpolate_masks(volume, keys, image)
    assert np.array_equal(result[keys], volume[keys])
    assert set(np.unique(result)) <= {0, *np.unique(volume[keys])}
    back = [volume.shape[0] - 1 - k for k in keys]
    again = interpolate_masks(volume[::-1], back, image[::-1])[::-1]
    assert np.array_equal(again, result)


SHAPE = (48, 64)


def test_the_same_outline_stays() -> None:
    plane = disc(SHAPE, (20, 30), 9) ^ disc(SHAPE, (20, 30), 4)
    volume, keys = stack(7, plane, plane)
    assert (interpolate_masks(volume, keys).astype(bool) == plane).all()


def test_ring_keeps_its_hole() -> None:
    small = disc(SHAPE, (24, 30), 11) & ~disc(SHAPE, (24, 30), 4)
    large = disc(SHAPE, (24, 30), 17) & ~disc(SHAPE, (24, 30), 8)
    volume, keys = stack(9, small, large)
    result = interpolate_masks(volume, keys)
    expected = disc(SHAPE, (24, 30), 14) & ~disc(SHAPE, (24, 30), 6)
    assert dice(result[4] > 0, expected) > 0.85
    for plane in result:
        background, parts = ndi.label(plane == 0)
        assert parts == 2
        assert background[24, 30] != background[0, 0]


def test_two_merge() -> None:
    two = disc(SHAPE, (24, 18), 8) | disc(SHAPE, (24, 46), 8)
    one = two | np.pad(np.ones((16, 28), bool), ((16, 16), (18, 18)))
    volume, keys = stack(7, two, one)
    areas = (interpolate_masks(volume, keys) > 0).sum(axis=(1, 2))
    assert (np.diff(areas) >= 0).all()
    parts = [ndi.label(p)[1] for p in interpolate_masks(volume, keys)]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == 2
    assert parts[-1] == 1


def test_one_splits() -> None:
    one = np.pad(np.ones((16, 44), bool), ((16, 16), (10, 10)))
    two = one.copy()
    two[:, 26:38] = False
    volume, keys = stack(7, one, two)
    parts = [ndi.label(p)[1] for p in interpolate_masks(volume, keys)]
    assert parts == sorted(parts)
    assert parts[-1] == 2


def test_one_of_two_vanishes() -> None:
    plane = disc(SHAPE, (24, 16), 8).astype(np.uint8)
    other = disc(SHAPE, (24, 48), 6)
    volume, keys = stack(9, plane + 2 * other, plane)
    result = interpolate_masks(volume, keys)
    areas = (result == 2).sum(axis=(1, 2))
    assert (np.diff(areas) <= 0).all()
    assert 0 < areas[3] < areas[0]
    assert (result == 1).sum(axis=(1, 2)).min() > 0.9 * plane.sum()


def test_line_of_one_pixel_that_moves() -> None:
    first, second = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    first[10:40, 20] = True
    second[10:40, 28] = True
    volume, keys = stack(9, first, second)
    result = interpolate_masks(volume, keys) > 0
    for i, plane in enumerate(result):
        assert plane.sum() == 30
        assert plane[10:40, 20 + i].all()


def test_thin_vessel_that_runs_obliquely() -> None:
    volume, keys = stack(5, disc(SHAPE, (20, 20), 2), disc(SHAPE, (24, 26), 2.3))
    result = interpolate_masks(volume, keys)
    middle = ndi.center_of_mass(result[2])
    assert np.allclose(middle, (22, 23), atol=0.5)
    assert dice(result[2] > 0, disc(SHAPE, (22, 23), 2.2)) > 0.7


def test_what_lies_far_away_is_another_object() -> None:
    volume, keys = stack(5, disc(SHAPE, (10, 8), 3), disc(SHAPE, (40, 56), 3))
    result = interpolate_masks(volume, keys) > 0
    between = disc(SHAPE, (25, 32), 8)
    assert not (result & between).any()


def test_thick_slices_do_not_make_one_of_two_foci() -> None:
    shape = (80, 120)
    foci = disc(shape, (40, 30), 11), disc(shape, (40, 72), 13)
    volume, keys = stack(4, *foci)
    result = interpolate_masks(volume, keys, spacing=(13, 0.8, 0.8)) > 0
    assert not (result & disc(shape, (40, 51), 5)).any()
    assert dice(result[1], foci[0]) > 0.7
    assert dice(result[3], foci[1]) > 0.7


def test_border_is_no_outline() -> None:
    plane = np.zeros(SHAPE, bool)
    plane[:, :20] = True
    other = np.zeros(SHAPE, bool)
    other[:, :30] = True
    volume, keys = stack(11, plane, other)
    result = interpolate_masks(volume, keys)
    for i, found in enumerate(result):
        assert found[:, : 20 + i - 1].all()
        assert not found[:, 20 + i + 1 :].any()


def test_full_slices() -> None:
    plane = np.ones(SHAPE, bool)
    volume, keys = stack(4, plane, plane)
    assert interpolate_masks(volume, keys).all()
    plane = np.where(np.arange(SHAPE[1]) < 30, 1, 2) * np.ones(SHAPE, int)
    volume, keys = stack(5, plane, np.roll(plane, 4, axis=1) * 0 + plane)
    assert (interpolate_masks(volume, keys) == plane).all()


def test_neighbours_leave_no_gap() -> None:
    first = np.zeros(SHAPE, int)
    first[10:40, 10:30], first[10:40, 30:50] = 1, 2
    second = np.zeros(SHAPE, int)
    second[10:40, 10:24], second[10:40, 24:50] = 1, 2
    volume, keys = stack(5, first, second)
    result = interpolate_masks(volume, keys)
    # But for the corners where the moving edge meets the background.
    assert np.count_nonzero(result[:, 10:40, 10:50] == 0) <= 5 * 4
    assert (result[:, 12:38, 10:50] > 0).all()
    expected = np.where(np.arange(SHAPE[1]) < 27, 1, 2)
    assert (result[2, 12:38, 10:50] == expected[10:50]).all()


def test_rows_further_apart_than_columns() -> None:
    """A disc in mm, on pixels twice as high as wide, grows as a disc in mm."""
    rows, columns = np.ogrid[:30, :60]

    def round_in_mm(radius):
        return np.hypot(2.0 * (rows - 15), columns - 30.0) <= radius

    volume, keys = stack(7, round_in_mm(6), round_in_mm(18))
    result = interpolate_masks(volume, keys, spacing=(3.0, 2.0, 1.0))
    # Its area is midway between the two.
    expected = round_in_mm(np.sqrt((6**2 + 18**2) / 2))
    assert dice(result[3] > 0, expected) > 0.96


def test_three_keys_curve() -> None:
    """With more keys the outlines are curves, not chords."""
    true = [disc(SHAPE, (24, 32), np.sqrt(400 - (4 * (i - 4)) ** 2)) for i in range(9)]
    volume = np.array(true, dtype=np.uint8)
    keys = [0, 2, 4, 6, 8]
    result = interpolate_masks(volume, keys)
    chord = interpolate_masks(volume[4:7], [0, 2])[1]
    assert dice(result[5] > 0, true[5]) > dice(chord > 0, true[5])


def test_key_without_label_ends_the_object() -> None:
    plane = disc(SHAPE, (24, 30), 9)
    volume, keys = stack(9, plane, np.zeros_like(plane), plane)
    result = interpolate_masks(volume, keys)
    areas = (result > 0).sum(axis=(1, 2))
    assert areas[4] == 0
    assert (np.diff(areas[:5]) <= 0).all()
    assert areas[1] > 0


def test_an_object_that_ends_between_keys_may_end_anywhere() -> None:
    """Half-way little is left: the mean over all places where it may end."""
    plane = disc(SHAPE, (24, 30), 9)
    volume, keys = stack(11, plane, np.zeros_like(plane))
    areas = (interpolate_masks(volume, keys) > 0).sum(axis=(1, 2))
    assert (np.diff(areas[:9]) < 0).all()
    way = np.arange(1, 10) / 10
    expected = plane.sum() * (1 - way + way * np.log(way))
    # pixels that lie equally deep come and go together
    np.testing.assert_allclose(areas[5:10], expected[4:], atol=12)
    assert (areas[1:5] >= expected[:4].astype(int)).all()


def test_single_key() -> None:
    volume, _ = stack(5, disc(SHAPE, (24, 30), 9))
    result = interpolate_masks(volume, [0])
    assert np.array_equal(result, volume)


@pytest.mark.parametrize("keys", [[], [0, 4]])
def test_nothing_to_fill(keys) -> None:
    assert not interpolate_masks(np.zeros((5, 8, 9), np.int16), keys).any()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.uint16, np.int64])
def test_types(dtype) -> None:
    plane = disc(SHAPE, (24, 30), 9)
    volume, keys = stack(5, plane, plane)
    result = interpolate_masks(volume.astype(dtype), keys)
    assert result.dtype == dtype
    assert (result.astype(bool) == plane).all()


def test_large_ids() -> None:
    volume, keys = stack(5, disc(SHAPE, (9, 9), 5), disc(SHAPE, (9, 9), 5))
    result = interpolate_masks(volume.astype(np.int64) * 3_000_000_000, keys)
    assert set(np.unique(result)) == {0, 3_000_000_000}


def test_image_moves_the_outline() -> None:
    """Where the outline wanders between the keys, the image shows it."""
    rng = np.random.default_rng(5)
    true = np.array(
        [
            disc(SHAPE, rng.uniform((22, 30), (26, 34)), r)
            for r in rng.uniform(8, 12, 21)
        ]
    )
    image = 100.0 * true + rng.normal(0, 10, true.shape)
    keys = np.arange(0, 21, 2)
    between = np.arange(1, 21, 2)
    plain = interpolate_masks(true, keys)[between]
    guided = interpolate_masks(true, keys, image)[between]
    assert dice(guided, true[between]) > dice(plain, true[between]) + 0.03


@pytest.mark.parametrize(
    ("dice", "weight"),
    [
        # more and more of it: all of it, halved
        ([0.52, 0.60, 0.66, 0.73], 0.3),
        # the last doubling brings little: the image has said what it has to say
        ([0.844, 0.890, 0.910, 0.914], 0.15),
        ([0.60, 0.68, 0.69, 0.66], 0.075),
        # it hardly helps, or harms
        ([0.937, 0.944, 0.949, 0.950], 0.0),
        ([0.80, 0.79, 0.80, 0.78], 0.0),
    ],
)
def test_the_least_weight_of_the_image_that_is_enough(dice, weight) -> None:
    assert _strengths(np.array(dice)[:, np.newaxis]).tolist() == [weight]


def test_image_without_contrast_changes_nothing() -> None:
    volume = np.array([disc(SHAPE, (24, 32), 8 + i) for i in range(7)])
    keys = [0, 2, 4, 6]
    plain = interpolate_masks(volume, keys)
    for image in (np.zeros(volume.shape), np.full(volume.shape, np.nan)):
        assert np.array_equal(interpolate_masks(volume, keys, image), plain)


def test_progress_and_cancel() -> None:
    plane = disc(SHAPE, (24, 30), 9)
    volume, keys = stack(9, plane, plane, plane)
    steps = []
    interpolate_masks(volume, keys, progress=lambda *step: steps.append(step))
    assert sorted(steps) == [(1, 2), (2, 2)]
    with pytest.raises(Cancelled):
        interpolate_masks(volume, keys, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("masks", "keys", "options"),
    [
        (np.zeros((4, 5), int), [0], {}),
        (np.zeros((4, 5, 6)), [0], {}),
        (np.zeros((4, 5, 6), int), [4], {}),
        (np.zeros((4, 5, 6), int), [-1], {}),
        (np.zeros((4, 5, 6), int), [0.5], {}),
        (np.full((4, 5, 6), -1), [0], {}),
        (np.zeros((4, 5, 6), int), [0], {"spacing": (1, 1)}),
        (np.zeros((4, 5, 6), int), [0], {"spacing": (1, 0, 1)}),
        (np.zeros((4, 5, 6), int), [0], {"image": np.zeros((4, 5, 7))}),
    ],
)
def test_refuses(masks, keys, options) -> None:
    with pytest.raises(InvalidValueError) as caught:
        interpolate_masks(masks, keys, **options)
    assert caught.value.remedy


def _disc(rows: int, columns: int, y: float, x: float, radius: float) -> np.ndarray:
    grid = np.mgrid[:rows, :columns]
    return (grid[0] - y) ** 2 + (grid[1] - x) ** 2 <= radius**2


@pytest.mark.parametrize("gap", [4, 12, 60])
def test_what_appears_beside_an_object_does_not_swell_it(gap: int) -> None:
    radii = {2: 20, 6: 24, 8: 23, 12: 20}
    masks = np.zeros((15, 200, 200), np.uint8)
    for key, radius in radii.items():
        masks[key] = _disc(200, 200, 60, 60, radius)
    alone = interpolate_masks(masks, list(radii), spacing=(3, 1, 1))
    masks[8] |= _disc(200, 200, 60, 60 + 23 + gap + 18, 18).astype(np.uint8)
    both = interpolate_masks(masks, list(radii), spacing=(3, 1, 1))
    mine = np.zeros((200, 200), bool)
    mine[:, : 60 + 23 + gap // 2] = True
    np.testing.assert_array_equal(both * mine, alone * mine)
    assert (both[7] > alone[7]).any() and (both[9] > alone[9]).any()


@given(
    far=st.lists(st.sampled_from([2, 6, 8, 12]), max_size=4, unique=True),
    radius=st.integers(2, 14),
    label=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_an_object_far_from_all_others_changes_nothing_about_them(
    far: list[int], radius: int, label: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    keys = [2, 6, 8, 12]
    masks = np.zeros((15, 160, 300), np.uint8)
    for key in keys:
        if rng.random() < 0.8:
            y, x = rng.uniform(40, 60, 2)
            masks[key][_disc(160, 300, y, x, rng.uniform(3, 20))] = 1
        if rng.random() < 0.4:
            y, x = rng.uniform(50, 110, 2)
            masks[key][_disc(160, 300, y, x, rng.uniform(3, 12))] = 2
    alone = interpolate_masks(masks, keys, spacing=(3, 1, 1))
    for key in far:
        masks[key][_disc(160, 300, 100, 270, radius)] = label
    both = interpolate_masks(masks, keys, spacing=(3, 1, 1))
    # Single pixels of an edge lie as near to either side, and are rounded either way.
    assert np.count_nonzero(both[..., :200] != alone[..., :200]) <= 8
