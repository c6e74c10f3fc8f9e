"""One key slice followed into its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_annotate_jobs.errors import Cancelled, InvalidValueError
from napari_annotate_jobs.propagation import StopReason, track_masks

SHAPE = (64, 72)
rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]


def disc(center, radius):
    return np.hypot(rows - center[0], columns - center[1]) <= radius


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + b.sum(), 1)


def scene(truth, contrast=100.0, noise=12.0, seed=3):
    """Return an image of the objects on a textured ground that moves little."""
    rng = np.random.default_rng(seed)
    ground = 30 * np.sin(rows / 5) * np.cos(columns / 7)
    return ground + contrast * truth + rng.normal(0, noise, truth.shape)


def test_follows_what_moves_and_grows() -> None:
    truth = np.array([disc((30 + i, 34 - i), 6 + 0.5 * i) for i in range(11)])
    result = track_masks(truth[5], scene(truth), 5)
    assert np.array_equal(result.masks[5], truth[5])
    assert [round(dice(m, t), 1) for m, t in zip(result.masks, truth, strict=True)]
    assert min(dice(m, t) for m, t in zip(result.masks, truth, strict=True)) > 0.85
    assert (result.first, result.last) == (0, 10)
    assert result.backward[0].reason is StopReason.END
    assert result.forward[0].reason is StopReason.END


def test_stops_where_the_object_ends() -> None:
    truth = np.array([disc((30, 34), 8) & (2 < i < 9) for i in range(12)])
    result = track_masks(truth[5], scene(truth), 5)
    assert (result.first, result.last) == (3, 8)
    for end in (*result.backward, *result.forward):
        assert end.reason in (StopReason.VANISHED, StopReason.CHANGED)
    assert not result.masks[[0, 1, 2, 9, 10, 11]].any()


def test_does_not_leak() -> None:
    """Where the surroundings come to look like the object, it stops."""
    truth = np.array([disc((30, 34), 8)] * 10)
    shown = truth.copy()
    shown[6:] |= disc((30, 34), 30)
    result = track_masks(truth[3], scene(shown), 3)
    assert result.last == 5
    assert result.forward[0].reason in (
        StopReason.MERGED,
        StopReason.GREW,
        StopReason.CHANGED,
    )
    assert result.masks.sum(axis=(1, 2)).max() < 2 * truth[0].sum()


def test_another_image_stops_it() -> None:
    truth = np.array([disc((30, 34), 8)] * 6)
    image = scene(truth)
    image[4:] = np.random.default_rng(0).normal(0, 60, (2, *SHAPE))
    result = track_masks(truth[1], image, 1)
    assert result.last == 3


def test_range() -> None:
    truth = np.array([disc((30, 34), 8)] * 9)
    result = track_masks(truth[4], scene(truth), 4, start=3, stop=6)
    assert result.masks.any(axis=(1, 2)).tolist() == [3 <= i <= 6 for i in range(9)]
    only = track_masks(truth[4], scene(truth), 4, start=4, stop=4)
    assert (only.first, only.last) == (4, 4)


def test_labels_do_not_overwrite_each_other() -> None:
    left, right = disc((30, 25), 7), disc((30, 41), 7)
    mask = (left * 4 + right * 9).astype(np.uint16)
    truth = np.array([left | right] * 5)
    result = track_masks(mask, scene(truth), 2)
    assert {end.label for end in result.forward} == {4, 9}
    for plane in result.masks:
        assert dice(plane == 4, left) > 0.9
        assert dice(plane == 9, right) > 0.9


def test_without_contrast_it_is_copied_at_most() -> None:
    truth = np.array([disc((30, 34), 8)] * 5)
    result = track_masks(truth[2], np.zeros(truth.shape), 2)
    assert all(
        not m.any() or dice(m, t) > 0.9
        for m, t in zip(result.masks, truth, strict=True)
    )


@given(st.integers(-5, 70), st.integers(-5, 75), st.floats(0.5, 40), st.integers(0, 4))
@settings(deadline=None, max_examples=25)
def test_anything_anywhere(row, column, radius, key) -> None:
    """At the border, tiny, huge or not there at all: keys stay, ids stay."""
    mask = disc((row, column), radius).astype(np.uint8) * 3
    image = np.random.default_rng(row + 9).normal(size=(5, *SHAPE))
    result = track_masks(mask, image, key, spacing=(5.0, 0.7, 1.4))
    assert np.array_equal(result.masks[key], mask)
    assert set(np.unique(result.masks)) <= {0, 3}
    for end in result.backward:
        assert end.slice <= key
    again = track_masks(mask, image, key, spacing=(5.0, 0.7, 1.4))
    assert np.array_equal(again.masks, result.masks)


def test_both_ways_are_the_same_way() -> None:
    truth = np.array([disc((30, 34), 6 + 0.4 * i) for i in range(9)])
    image = scene(truth)
    result = track_masks(truth[4], image, 4)
    back = track_masks(truth[4], image[::-1], 4)
    assert np.array_equal(back.masks[::-1], result.masks)
    assert back.forward[0].reason is result.backward[0].reason


def test_cancelled() -> None:
    with pytest.raises(Cancelled):
        track_masks(disc((9, 9), 4), np.zeros((3, *SHAPE)), 1, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("mask", "image", "key", "options"),
    [
        (np.zeros((3, 4, 5), int), np.zeros((3, 4, 5)), 0, {}),
        (np.zeros((4, 5)), np.zeros((3, 4, 5)), 0, {}),
        (np.zeros((4, 5), int), np.zeros((3, 4, 6)), 0, {}),
        (np.zeros((4, 5), int), np.zeros((3, 4, 5, 3)), 0, {}),
        (np.zeros((4, 5), int), np.zeros((3, 4, 5)), 3, {}),
        (np.zeros((4, 5), int), np.zeros((3, 4, 5)), 0, {"start": 1}),
        (np.zeros((4, 5), int), np.zeros((3, 4, 5)), 0, {"spacing": (1, 2)}),
    ],
)
def test_refuses(mask, image, key, options) -> None:
    with pytest.raises(InvalidValueError) as caught:
        track_masks(mask, image, key, **options)
    assert caught.value.remedy
