"""Ranges of slices, and what applying something to them would touch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_annotate_jobs.editing import Direction, Mode, plan, target_slices
from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import RangeAction

CASES = {
    "forward": ({"direction": "forward"}, [4, 5, 6, 7, 8, 9]),
    "backward": ({"direction": "backward"}, [0, 1, 2, 3, 4]),
    "both": ({"direction": "both"}, list(range(10))),
    "all": ({"direction": "all"}, list(range(10))),
    "forward to 6": ({"direction": "forward", "stop": 6}, [4, 5, 6]),
    "backward to 3": ({"direction": "backward", "stop": 3}, [3, 4]),
    "stop here": ({"direction": "forward", "stop": 4}, [4]),
    "both, one end below": ({"direction": "both", "stop": 2}, list(range(2, 10))),
    "both, one end above": ({"direction": "both", "stop": 6}, list(range(7))),
    "both, two ends": ({"direction": "both", "stop": (3, 5)}, [3, 4, 5]),
    "ends outside": ({"direction": "both", "stop": (-3, 50)}, list(range(10))),
    "every 3rd": ({"direction": "both", "every": 3}, [1, 4, 7]),
    "every 3rd forward": ({"direction": "forward", "every": 3}, [4, 7]),
    "until": ({"direction": "both", "until": [0, 1, 7, 9]}, [2, 3, 4, 5, 6]),
    "until, self ignored": ({"direction": "forward", "until": [4, 6]}, [4, 5]),
    "until before stop": ({"direction": "forward", "until": [6], "stop": 8}, [4, 5]),
    "stop before until": ({"direction": "forward", "until": [8], "stop": 5}, [4, 5]),
    "without current": (
        {"direction": "both", "stop": (3, 5), "include_current": False},
        [3, 5],
    ),
    "neighbour occupied": (
        {"direction": "forward", "until": [5], "include_current": False},
        [],
    ),
}


@pytest.mark.parametrize(("options", "expected"), CASES.values(), ids=CASES)
def test_target_slices(options: dict[str, object], expected: list[int]) -> None:
    """Each way of choosing slices gives just those."""
    assert target_slices(10, 4, **options).tolist() == expected


@pytest.mark.parametrize(
    "options",
    [
        {"n": 0, "current": 0},
        {"n": 5, "current": 5},
        {"n": 5, "current": -1},
        {"n": 5, "current": 2, "every": 0},
        {"n": 5, "current": 2, "direction": "sideways"},
        {"n": 5, "current": 2, "direction": "forward", "stop": 1},
        {"n": 5, "current": 2, "direction": "backward", "stop": 3},
        {"n": 5, "current": 2, "direction": "both", "stop": (3, 4)},
        {"n": 5, "current": 2, "direction": "all", "stop": 3},
    ],
)
def test_target_slices_refuses(options: dict[str, object]) -> None:
    """What makes no range is refused with a remedy."""
    with pytest.raises(InvalidValueError) as caught:
        target_slices(**options)
    assert caught.value.remedy


@given(
    n=st.integers(1, 40),
    data=st.data(),
    every=st.integers(1, 6),
    until=st.none() | st.lists(st.integers(0, 39)),
)
def test_reversing_the_series_reverses_the_range(
    n: int, data: st.DataObject, every: int, until: list[int] | None
) -> None:
    """Forward in the reversed series is backward in the series."""
    current = data.draw(st.integers(0, n - 1))
    flipped = None if until is None else [n - 1 - i for i in until]
    one = target_slices(n, current, "forward", every=every, until=until)
    two = target_slices(n, n - 1 - current, "backward", every=every, until=flipped)
    assert one.tolist() == (n - 1 - two)[::-1].tolist()
    both = target_slices(n, current, Direction.BOTH, every=every, until=until)
    back = target_slices(n, current, Direction.BACKWARD, every=every, until=until)
    assert set(both) == set(one) | set(back)


STATES = {
    #         free label drawn negative excluded same same+other clash label+out
    "labelled": [0, 1, 0, 0, 0, 1, 1, 1, 1],
    "drawn": [0, 0, 1, 0, 0, 0, 0, 0, 0],
    "nothing": [0, 0, 0, 1, 0, 0, 0, 0, 0],
    "excluded": [0, 0, 0, 0, 1, 0, 0, 0, 1],
    "same": [0, 0, 0, 0, 0, 1, 1, 0, 0],
    "other": [0, 1, 0, 0, 0, 0, 1, 1, 1],
    "conflict": [0, 0, 0, 0, 0, 0, 0, 1, 0],
}

PLANS = {
    (RangeAction.CLASS_LABELS, False): {
        "unchanged": [5],
        "keep": ([0], []),
        "replace": ([0, 1, 2, 3, 4, 6, 7, 8], [1, 3, 4, 6, 7, 8]),
        "add": ([0, 1, 2, 3, 4, 8], [3]),
    },
    (RangeAction.NOTHING_TO_LABEL, False): {
        "unchanged": [3],
        "keep": ([0], []),
        "replace": ([0, 1, 2, 4, 5, 6, 7, 8], [1, 2, 4, 5, 6, 7, 8]),
        "add": ([0], []),
    },
    (RangeAction.EXCLUDE, False): {
        "unchanged": [4, 8],
        "keep": ([0], []),
        "replace": ([0, 1, 2, 3, 5, 6, 7], []),
        "add": ([0, 1, 2, 3, 5, 6, 7], []),
    },
    (RangeAction.CLASS_LABELS, True): {
        "unchanged": [0, 1, 2, 3, 4, 7, 8],
        "keep": ([5, 6], [5, 6]),
        "replace": ([5, 6], [5, 6]),
        "add": ([5, 6], [5, 6]),
    },
    (RangeAction.NOTHING_TO_LABEL, True): {
        "unchanged": [0, 1, 2, 4, 5, 6, 7, 8],
        "keep": ([3], [3]),
        "replace": ([3], [3]),
        "add": ([3], [3]),
    },
    (RangeAction.EXCLUDE, True): {
        "unchanged": [0, 1, 2, 3, 5, 6, 7],
        "keep": ([4, 8], [4, 8]),
        "replace": ([4, 8], [4, 8]),
        "add": ([4, 8], [4, 8]),
    },
}


@pytest.mark.parametrize(("action", "lifts"), PLANS)
def test_plan(action: RangeAction, lifts: bool) -> None:
    """Every action touches and clears just the slices the rules say."""
    expected = PLANS[action, lifts]
    result = plan(np.arange(9), action, lifts=lifts, **STATES)
    assert result.unchanged.tolist() == expected["unchanged"]
    for mode in Mode:
        touched, cleared = expected[mode.value]
        assert result.touched[mode].tolist() == touched, mode
        assert result.cleared[mode].tolist() == cleared, mode
        assert result.count(mode) == len(touched)
        assert result.count_cleared(str(mode)) == len(cleared)


def test_plan_counts_only_targets() -> None:
    """Slices outside the range are in no count."""
    result = plan([0, 2], RangeAction.CLASS_LABELS, **STATES)
    assert result.free.tolist() == [0]
    assert result.occupied.tolist() == [2]
    assert result.touched[Mode.REPLACE].tolist() == [0, 2]


def test_plan_refuses() -> None:
    """Targets outside the series and flags of the wrong length are refused."""
    with pytest.raises(InvalidValueError):
        plan([3], RangeAction.CLASS_LABELS, labelled=[0, 0, 0])
    with pytest.raises(InvalidValueError):
        plan([-1], RangeAction.CLASS_LABELS, labelled=[0, 0, 0])
    with pytest.raises(InvalidValueError):
        plan([0], RangeAction.CLASS_LABELS, labelled=[0, 0, 0], nothing=[0])


@given(
    data=st.data(),
    n=st.integers(1, 12),
    action=st.sampled_from(RangeAction),
    lifts=st.booleans(),
)
def test_plan_properties(
    data: st.DataObject, n: int, action: RangeAction, lifts: bool
) -> None:
    """Keep loses nothing when applying; the parts make up the targets."""
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    state = {k: data.draw(flags) for k in STATES}
    targets = data.draw(st.sets(st.integers(0, n - 1)))
    result = plan(sorted(targets), action, lifts=lifts, **state)
    parts = [*result.unchanged, *result.free, *result.occupied]
    assert sorted(parts) == sorted(targets)
    for mode in Mode:
        assert set(result.cleared[mode]) <= set(result.touched[mode])
        assert not set(result.touched[mode]) & set(result.unchanged)
        assert set(result.free) <= set(result.touched[mode])
    if not lifts:
        assert not result.cleared[Mode.KEEP].size
