"""Gestures: window, zoom, wheel; and that napari's own do not join in."""

from __future__ import annotations

import numpy as np
import pytest

LIVER, NODULE = 6, 5


def camera(bench):
    return bench.viewer.scene.camera


# ---------------------------------------------------------------- right drag
@pytest.mark.parametrize("label", [None, LIVER, NODULE])
def test_right_drag_sets_the_window_and_nothing_else(bench, label):
    bench.choose(label)
    zoom, before = camera(bench).zoom, bench.session.window
    moves = camera(bench).mouse_pan, camera(bench).mouse_zoom
    callbacks = {
        layer: list(layer.mouse_drag_callbacks) for layer in bench.viewer.layers
    }
    bench.mouse.drag((5, 5), (5, 15), (5, 25), button=2)
    wider = bench.session.window
    assert wider.width > before.width
    assert wider.center == pytest.approx(before.center)
    bench.mouse.drag((5, 5), (15, 5), (25, 5), button=2)
    higher = bench.session.window
    assert higher.center > wider.center
    assert higher.width == pytest.approx(wider.width)
    np.testing.assert_allclose(bench.image.contrast_limits, higher.limits)

    assert camera(bench).zoom == zoom
    assert (camera(bench).mouse_pan, camera(bench).mouse_zoom) == moves
    assert bench.editor.annotation.is_blank
    assert not bench.masks.data.any()
    assert len(bench.shapes.data) == 0
    assert callbacks == {
        layer: list(layer.mouse_drag_callbacks) for layer in bench.viewer.layers
    }


def test_left_is_narrower_up_is_lower(bench):
    before = bench.session.window
    bench.mouse.drag((25, 25), (25, 5), button=2)
    assert bench.session.window.width < before.width
    bench.mouse.drag((25, 25), (5, 25), button=2)
    assert bench.session.window.center < before.center


def test_the_gesture_is_proportional_to_its_length(bench):
    before = bench.session.window
    bench.mouse.drag((5, 5), (5, 15), (5, 25), button=2)
    there = bench.session.window
    bench.mouse.drag((5, 25), (5, 5), button=2)
    assert bench.session.window.width == pytest.approx(before.width)
    assert there.width > before.width


def test_a_right_click_does_nothing(bench):
    bench.choose(LIVER)
    before = bench.session.window
    bench.mouse.drag((5, 5), button=2)
    assert bench.session.window == before
    assert not bench.masks.data.any()
    bench.mouse.drag((5, 5), (5, 9))  # and painting goes on
    assert bench.masks.data.any()


def test_painting_goes_on_after_a_right_drag(bench):
    bench.choose(LIVER)
    bench.mouse.drag((5, 5), (5, 9), button=2)
    bench.mouse.drag((5, 5), (5, 9))
    assert bench.saved(2)[5, 7] == LIVER


def test_a_colour_image_takes_no_harm(make_bench):
    bench = make_bench(case="color.png")
    bench.mouse.drag((5, 5), (5, 15), button=2)
    assert bench.errors == []


@pytest.mark.parametrize("modifiers", [("Shift",), ("Alt",)])
def test_other_right_drags_stay_naparis(bench, modifiers):
    before = bench.session.window
    bench.mouse.drag((5, 5), (5, 15), button=2, modifiers=modifiers)
    assert bench.session.window == before


# --------------------------------------------------------------------- zooming
def test_ctrl_right_drag_zooms(bench):
    bench.choose(LIVER)
    zoom, window = camera(bench).zoom, bench.session.window
    bench.mouse.drag((25, 5), (5, 5), button=2, modifiers=("Control",))
    assert camera(bench).zoom > zoom
    bench.mouse.drag((5, 5), (25, 5), button=2, modifiers=("Control",))
    assert camera(bench).zoom == pytest.approx(zoom)
    assert bench.session.window == window
    assert not bench.masks.data.any()


def test_the_zoom_tool_takes_the_left_button(bench):
    bench.choose(LIVER)
    bench.bridge.mouse.zoom_tool = True
    zoom = camera(bench).zoom
    bench.mouse.drag((25, 5), (5, 5))
    assert camera(bench).zoom > zoom
    assert not bench.masks.data.any()
    bench.bridge.mouse.zoom_tool = False
    bench.mouse.drag((5, 5), (5, 9))
    assert bench.masks.data.any()


# ----------------------------------------------------------------------- wheel
@pytest.mark.parametrize(("steps", "modifiers"), [(True, ()), (False, ("Alt",))])
def test_the_wheel_steps_through_the_slices(make_bench, steps, modifiers):
    bench = make_bench(wheel_steps=steps)
    zoom = camera(bench).zoom
    seen = []
    for ticks in (-1, -1, 1, -5):
        assert bench.mouse.wheel(ticks, *modifiers).handled
        seen.append(bench.session.slice)
    assert seen == [3, 4, 3, 5]
    assert camera(bench).zoom == zoom


def test_small_steps_of_a_touchpad_add_up(make_bench):
    bench = make_bench(wheel_steps=True)
    for _ in range(8):
        bench.mouse.wheel(-0.25)
    assert bench.session.slice == 4


def test_alt_and_the_wheel_zoom_where_the_wheel_steps(make_bench):
    bench = make_bench(wheel_steps=True)
    zoom, active = camera(bench).zoom, bench.viewer.layers.selection.active
    assert bench.mouse.wheel(1, "Alt").handled
    assert camera(bench).zoom > zoom
    assert bench.session.slice == 2
    assert bench.viewer.layers.selection.active is active


def test_the_wheel_is_naparis_otherwise(bench):
    assert not bench.mouse.wheel(1).handled
    assert bench.session.slice == 2


@pytest.mark.parametrize("modifiers", [("Control",), ("Shift",), ("Alt", "Shift")])
def test_other_modifiers_stay_naparis(make_bench, modifiers):
    bench = make_bench(wheel_steps=True)
    assert bench.session.slice == 2
    bench.bridge.mouse._on_wheel(
        bench.viewer, type("E", (), {"modifiers": modifiers, "delta": (0, 1)})
    )
    assert bench.session.slice == 2


def test_gestures_end_with_the_case(bench):
    window = bench.session.window
    bench.session.close_case()
    bench.mouse.drag((5, 5), (5, 15), button=2)
    bench.mouse.wheel(1, "Alt")
    assert bench.session.window == window


def test_napari_gets_its_callbacks_back(make_bench):
    from napari.components import ViewerModel

    viewer = ViewerModel()
    before = [list(viewer.mouse_drag_callbacks), list(viewer.mouse_wheel_callbacks)]
    before.append(list(viewer.mouse_move_callbacks))
    bench = make_bench(viewer)
    bench.close()
    after = [list(viewer.mouse_drag_callbacks), list(viewer.mouse_wheel_callbacks)]
    after.append(list(viewer.mouse_move_callbacks))
    assert after == before


def test_a_case_closed_in_the_middle_of_a_drag(bench):
    from napari.utils import interactions

    bench.choose(LIVER)
    mouse = bench.mouse
    send = mouse._send
    send(interactions.mouse_press_callbacks, "mouse_press", (5, 5), button=2)
    send(interactions.mouse_move_callbacks, "mouse_move", (5, 9), button=2)
    bench.session.close_case()
    mouse.reference = None
    send(interactions.mouse_move_callbacks, "mouse_move", (5, 12), button=2)
    send(interactions.mouse_release_callbacks, "mouse_release", (5, 12), button=2)
    assert camera(bench).mouse_pan
    assert camera(bench).mouse_zoom


def test_a_right_click_asks_what_is_there_and_a_drag_does_not(bench):
    asked = []
    bench.bridge.asked.connect(lambda found, pos: asked.append((found, pos)))
    bench.choose(NODULE)
    bench.mouse.drag((5, 5), (15, 20))
    bench.choose(LIVER)
    bench.mouse.drag((25, 5), (25, 9))
    bench.mouse.drag((10, 10), button=2)
    bench.mouse.drag((25, 7), (25, 8), button=2)  # a hand that trembles
    bench.mouse.drag((30, 35), button=2)
    assert [found and found.label.id for found, _ in asked] == [NODULE, LIVER, None]
    assert asked[0][1] == (10.0, 10.0)
    window = bench.session.window
    bench.mouse.drag((10, 10), (10, 30), button=2)
    assert len(asked) == 3
    assert bench.session.window != window
    bench.bridge.set_hidden(True)
    bench.mouse.drag((10, 10), button=2)
    assert asked[-1][0] is None


def test_alt_wheel_can_go_to_other_cases(bench):
    went = []
    bench.bridge.mouse.wheel_steps = True
    bench.bridge.mouse.go_case = went.append
    zoom = camera(bench).zoom
    bench.mouse.wheel(-0.5, "Alt")
    assert not went  # half a notch
    bench.mouse.wheel(-0.5, "Alt")
    bench.mouse.wheel(1, "Alt")
    assert went == [1, -1]
    assert camera(bench).zoom == zoom
    bench.mouse.wheel(-1)
    assert bench.session.slice == 3
    bench.bridge.mouse.go_case = None
    bench.mouse.wheel(1, "Alt")
    assert camera(bench).zoom > zoom
