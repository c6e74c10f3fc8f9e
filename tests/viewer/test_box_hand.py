"""Boxes are changed at once while a label for boxes is armed: by handles, by keys."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.editing import tracks

NODULE, MASS = 5, 11


@pytest.fixture
def bench(make_bench, labels_of):
    bench = make_bench(labels=labels_of("detection"))
    bench.choose(NODULE)
    bench.mouse.drag((5, 5), (15, 25))
    bench.check()
    return bench


def corners(bench, index=2):
    return [box.corners for box in bench.editor.content(index).boxes]


def keys(bench):
    return {str(key): call for key, call in bench.shapes.keymap.items()}


def test_a_box_has_handles_where_the_pointer_is_at_its_edge(bench):
    assert not bench.shapes.selected_data
    bench.mouse.move((5, 12))
    assert bench.shapes.selected_data == {0}
    assert bench.shapes.mode == "select"
    bench.mouse.move((10, 15))  # inside, another one can be drawn
    assert bench.shapes.mode == "add_rectangle"
    assert not bench.shapes.selected_data
    bench.mouse.drag((8, 10), (12, 20))
    assert corners(bench)[1] == (8, 10, 12, 20)
    bench.check()


def test_dragging_an_edge_moves_and_a_corner_resizes(bench):
    bench.mouse.move((5, 12))
    bench.mouse.drag((5, 12), (7, 13), (8, 14))
    assert corners(bench) == [pytest.approx((8, 7, 18, 27))]
    assert bench.editor.history.undo_text == "Change box"
    bench.mouse.move((18, 27))
    bench.mouse.drag((18, 27), (20, 28), (22, 30))
    top, left, bottom, right = corners(bench)[0]
    assert (top, left) == pytest.approx((8, 7), abs=0.1)
    assert (bottom, right) == pytest.approx((22, 30), abs=0.6)
    bench.check()
    bench.mouse.move((30, 5))
    assert bench.shapes.mode == "add_rectangle"
    bench.mouse.drag((25, 2), (30, 8))  # and drawing goes on, in its own colour
    assert [b.label for b in bench.editor.content(2).boxes] == [NODULE, NODULE]
    bench.session.undo()
    bench.session.undo()
    bench.session.undo()
    assert corners(bench) == [(5, 5, 15, 25)]


def test_another_label_is_not_given_to_the_box_under_the_pointer(bench):
    bench.mouse.move((5, 12))
    bench.choose(MASS)
    assert bench.editor.content(2).boxes[0].label == NODULE
    assert bench.shapes.mode == "add_rectangle"
    bench.mouse.drag((20, 5), (28, 15))
    assert bench.editor.content(2).boxes[1].label == MASS


def test_selecting_with_naparis_tool_is_left_alone(bench):
    bench.shapes.mode = "select"
    bench.shapes.selected_data = {0}
    bench.mouse.move((30, 30))
    assert bench.shapes.mode == "select"
    assert bench.shapes.selected_data == {0}


def test_delete_acts_on_the_box_that_the_dock_names(bench):
    bench.mouse.drag((20, 5), (28, 15))
    named = bench.bridge.boxes.current_box
    assert corners(bench)[1] == (20, 5, 28, 15)
    assert bench.editor.content(2).boxes[1].id == named
    assert keys(bench)["Delete"](bench.shapes) is None
    assert corners(bench) == [(5, 5, 15, 25)]
    bench.mouse.move((5, 12))
    keys(bench)["Backspace"](bench.shapes)
    assert not corners(bench)
    assert bench.shapes.mode == "add_rectangle"
    bench.check()


def test_arrows_move_what_has_handles_and_else_step_through_slices(bench):
    assert "Up" not in keys(bench)
    bench.mouse.move((5, 12))
    assert "Up" in keys(bench)
    keys(bench)["Down"](bench.shapes)
    keys(bench)["Right"](bench.shapes)
    assert corners(bench) == [(6, 6, 16, 26)]
    assert bench.shapes.selected_data == {0}  # it keeps its handles
    keys(bench)["Shift+Down"](bench.shapes)
    assert corners(bench) == [(16, 6, 26, 26)]
    keys(bench)["Shift+Down"](bench.shapes)
    assert corners(bench) == [(21.5, 6, 31.5, 26)]  # no farther than the image
    bench.check()
    bench.mouse.move((3, 35))
    assert "Up" not in keys(bench)


def test_escape_takes_the_handles_and_gives_the_arrows_back(bench):
    """Whether the pointer gave them, or napari's tool to select."""
    before = corners(bench)
    bench.mouse.move((5, 12))
    keys(bench)["Escape"](bench.shapes)
    assert bench.shapes.selected_data == set()
    assert bench.shapes.mode == "add_rectangle"
    assert not {"Up", "Shift+Up", "Escape"} & set(keys(bench))
    bench.shapes.mode = "select"
    bench.shapes.selected_data = {0}
    keys(bench)["Escape"](bench.shapes)
    assert bench.shapes.selected_data == set()
    assert bench.shapes.mode == "select"
    assert not {"Up", "Shift+Up", "Escape"} & set(keys(bench))
    assert corners(bench) == before
    bench.check()


def test_a_proposal_that_is_moved_by_key_is_confirmed(bench):
    bench.mouse.drag((5, 5), (5, 5))
    bench.session.slice = 4
    bench.mouse.drag((5, 6), (15, 26))
    bench.session.slice = 3
    assert bench.editor.content(3).boxes[0].proposal
    bench.mouse.move((5, 12))
    keys(bench)["Up"](bench.shapes)
    assert not bench.editor.content(3).boxes[0].proposal
    (track,) = tracks(bench.editor)
    assert track.keys == (2, 3, 4)


def test_a_locked_case_gives_no_handles(bench):
    bench.session.editor.locked = True
    bench.bridge._on_status_changed()
    bench.mouse.move((5, 12))
    assert not bench.shapes.selected_data
    keys(bench)["Delete"](bench.shapes)
    assert corners(bench) == [(5, 5, 15, 25)]


@pytest.mark.parametrize(
    ("mode", "drag"),
    [
        ("direct", ((5, 5), (7, 8), (9, 9))),
        ("direct", ((5, 5), (3, 3), (2, 1))),
        ("vertex_insert", ((5, 12),)),
        ("vertex_remove", ((5, 5),)),
        ("transform", ((10, 10), (12, 13), (20, 20))),
    ],
)
def test_a_box_stays_a_rectangle_whatever_tool_touched_it(bench, mode, drag):
    bench.shapes.selected_data = {0}
    bench.shapes.mode = mode
    bench.mouse.drag(*drag)
    (shape,) = bench.shapes.data
    assert list(bench.shapes.shape_type) == ["rectangle"]
    low, high = shape.min(axis=0), shape.max(axis=0)
    assert np.isclose(shape[:, :, None], np.stack([low, high], 1)).any(axis=2).all()
    assert np.allclose(
        bench.shapes.data_to_world((2, 5, 5)), bench.image.data_to_world((2, 5, 5))
    )
    bench.check()


def test_a_box_pasted_by_napari_on_itself_moves_aside(bench):
    bench.shapes.mode = "select"
    bench.shapes.selected_data = {0}
    bench.shapes._copy_data()
    bench.shapes._paste_data()
    one, two = corners(bench)
    assert one == (5, 5, 15, 25)
    assert two == (6, 6, 16, 26)
    bench.check()
