"""Windows: WW/WL and contrast limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_annotate_jobs.model import PRESETS, VoiFunction, Window

centers = st.floats(-1e5, 1e5, allow_nan=False)
widths = st.floats(2, 1e5, allow_nan=False)


@given(centers, widths, st.sampled_from(VoiFunction))
def test_limits_give_the_window_back(center, width, function):
    window = Window(center=center, width=width, function=function)
    low, high = window.limits
    assert low < high
    again = Window.from_limits(low, high, function)
    assert again.center == pytest.approx(center, abs=1e-6)
    assert again.width == pytest.approx(width, rel=1e-6)


@pytest.mark.parametrize(
    ("function", "center", "width", "limits"),
    [
        # DICOM PS3.3 C.11.2.1.2.1, the note on -Window Width of 1- and its examples:
        # c=2048, w=4096 is 0 to 4095; c=2048, w=1 a step between 2047 and 2048.
        ("LINEAR", 2048, 4096, (0, 4095)),
        ("LINEAR", 2048, 1, (2047.5 - 5e-4, 2047.5 + 5e-4)),
        ("LINEAR", 0, 100, (-50, 49)),
        ("LINEAR_EXACT", 2048, 4096, (0, 4096)),
        ("LINEAR_EXACT", 2048, 1, (2047.5, 2048.5)),
        ("LINEAR_EXACT", 0, 100, (-50, 50)),
        ("SIGMOID", 0, 100, (-100, 100)),
    ],
)
def test_limits_of_the_standard(function, center, width, limits):
    window = Window(center=center, width=width, function=function)
    assert window.limits == pytest.approx(limits)


@pytest.mark.parametrize(
    "fields", [{"width": 0}, {"width": -1}, {"width": 1e999}, {"center": float("nan")}]
)
def test_no_window_without_a_width(fields):
    with pytest.raises(ValidationError):
        Window(**{"center": 0, "width": 1, **fields})


@given(centers, st.floats(1e-3, 1e5), st.floats(-2e3, 2e3), st.floats(-2e3, 2e3))
def test_dragging_right_widens_and_down_raises(center, width, right, down):
    window = Window(center=center, width=width, explanation="x")
    dragged = window.dragged(right, down)
    assert (dragged.width > width) == (right > 0) or right == pytest.approx(0, abs=1e-9)
    assert (dragged.center >= center) if down >= 0 else (dragged.center <= center)
    assert dragged.explanation == ""


def test_the_greys_of_a_sigmoid_are_those_of_the_standard():
    window = Window(center=10, width=50, function=VoiFunction.SIGMOID)
    greys, (low, high) = window.greys, window.limits
    for place, grey in enumerate(greys):
        value = low + (high - low) * place / (len(greys) - 1)
        assert grey == pytest.approx(1 / (1 + math.exp(-4 * (value - 10) / 50)))
    assert Window(center=1, width=2).greys == ()


def test_a_curve_stays_with_the_window_that_is_moved():
    window = Window(center=10, width=50, curve=(0, 0.2, 1))
    assert window.between(0, 7).limits == pytest.approx((0, 7))
    assert window.between(0, 7).curve == window.dragged(9, 9).curve == (0, 0.2, 1)
    for bad in ((0.5,), (0, 2), (0, float("nan"))):
        with pytest.raises(ValidationError):
            Window(center=10, width=50, curve=bad)


def test_presets_are_those_of_the_readers():
    found = {w.explanation: (w.center, w.width) for w in PRESETS}
    assert found == {
        "Abdomen": (60, 400),
        "Angio": (300, 600),
        "Bone": (300, 1500),
        "Brain": (40, 80),
        "Chest": (40, 400),
        "Lungs": (-400, 1500),
    }


@pytest.mark.parametrize("start", [(40, 400), (0.5, 1), (300_000, 6_000_000)])
def test_no_drag_is_without_end(start):
    window = Window(center=start[0], width=start[1], function=VoiFunction.LINEAR_EXACT)
    for _ in range(50):
        window = window.dragged(900, 900)
    assert window.width == max(1e6, start[1])
    assert window.center == max(1e6, start[0])
    for _ in range(50):
        window = window.dragged(-900, -900)
    assert 0 < window.width < 1
    assert abs(window.center) <= max(1e6, start[0])
