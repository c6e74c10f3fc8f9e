"""Only what is on the screen is selected, painted, or said to be shown."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers.labels import _labels_key_bindings as labels_keys
from napari.layers.shapes import _shapes_key_bindings as shapes_keys

from napari_annotate_jobs.viewer._plane import patient_axes

NODULE, MASS, LIVER = 5, 11, 6


@pytest.fixture
def bench(make_bench, labels_of):
    return make_bench(labels=labels_of("detection"))


def draw(bench, label=NODULE, first=(4, 4), last=(12, 14)):
    bench.choose(label)
    bench.mouse.drag(first, last)


def select(bench):
    bench.shapes.mode = "select"
    bench.shapes.selected_data = set(range(len(bench.shapes.data)))


# -------------------------------------------------------------------- boxes
def test_a_label_chosen_on_another_slice_draws_there(bench):
    draw(bench)
    select(bench)
    assert bench.shapes.selected_data == {0}
    bench.session.slice = 4
    draw(bench, MASS)
    found = {
        i: [box.label for box in boxes] for i, boxes in bench.saved_boxes().items()
    }
    assert found == {2: [NODULE], 4: [MASS]}


@pytest.mark.parametrize(
    "action",
    [
        shapes_keys.delete_selected_shapes,
        shapes_keys.move_shapes_selection_to_front,
        shapes_keys.move_shapes_selection_to_back,
        shapes_keys.copy_selected_shapes,
        lambda layer: (
            shapes_keys.copy_selected_shapes(layer),
            shapes_keys.paste_shape(layer),
        ),
        lambda layer: (
            shapes_keys.select_shapes_in_slice(layer),
            shapes_keys.delete_selected_shapes(layer),
        ),
        lambda layer: setattr(layer, "current_edge_color", "white"),
        lambda layer: setattr(layer, "current_face_color", "white"),
        lambda layer: setattr(layer, "current_edge_width", 9),
        lambda layer: (
            setattr(layer, "selected_data", {0}),
            layer.remove_selected(),
        ),
    ],
)
@pytest.mark.parametrize("away", ["slice", "plane", "3D"])
def test_napari_does_nothing_to_a_box_that_is_not_shown(bench, action, away):
    draw(bench)
    select(bench)
    looks = [np.array(c) for c in (bench.shapes.edge_color, bench.shapes.face_color)]
    width, order = list(bench.shapes.edge_width), list(bench.shapes.z_index)
    before = bench.saved_boxes()
    if away == "slice":
        bench.session.slice = 4
    elif away == "plane":
        bench.viewer.dims.roll()
    else:
        bench.viewer.dims.ndisplay = 3
    assert not bench.shapes.selected_data
    action(bench.shapes)
    assert bench.saved_boxes() == before
    np.testing.assert_array_equal(bench.shapes.edge_color, looks[0])
    np.testing.assert_array_equal(bench.shapes.face_color, looks[1])
    assert list(bench.shapes.edge_width) == width
    assert list(bench.shapes.z_index) == order


def test_what_is_shown_is_still_deleted(bench):
    draw(bench)
    bench.session.slice = 4
    draw(bench, MASS)
    bench.shapes.mode = "select"
    shapes_keys.select_shapes_in_slice(bench.shapes)
    shapes_keys.delete_selected_shapes(bench.shapes)
    assert list(bench.saved_boxes()) == [2]


def test_boxes_wait_until_a_slice_is_shown(bench):
    bench.choose(NODULE)
    assert bench.shapes.mode == "add_rectangle"
    bench.viewer.dims.roll()
    assert bench.shapes.mode == "pan_zoom"
    assert bench.bridge.boxes.current_box is None
    bench.session.slice = 3
    assert bench.bridge.plane.is_acquired
    assert bench.shapes.mode == "add_rectangle"
    draw(bench)
    assert list(bench.saved_boxes()) == [3]


def test_the_layer_of_the_boxes_is_removed_with_one_selected(bench):
    draw(bench)
    select(bench)
    layer = bench.shapes
    bench.viewer.layers.remove(layer)
    assert not layer.selected_data
    bench.executor.tick()
    assert layer in bench.viewer.layers
    assert not bench.errors
    bench.check()


# -------------------------------------------------------------------- masks
@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_undo_of_napari_shows_what_it_changes(make_bench, labels_of, verb):
    bench = make_bench(labels=labels_of("segmentation"))
    bench.choose(LIVER)
    bench.mouse.drag((10, 10), (10, 20))
    if verb == "redo":
        bench.session.undo()
    bench.session.slice = 5
    getattr(labels_keys, verb)(bench.masks)
    assert bench.session.slice == 2
    assert bench.saved(2).any() == (verb == "redo")
    bench.check()


# -------------------------------------------------------------------- planes
def test_each_plane_is_named_and_comes_in_turn(bench):
    lines = []
    bench.bridge.text_changed.connect(lambda text: lines.append(text.splitlines()))
    seen = []
    for _ in range(3):
        bench.viewer.dims.roll()
        bench.viewer.dims.set_point(bench.viewer.dims.not_displayed[0], 4.0)
        seen.append((bench.bridge.plane.text, lines[-1][1]))
    assert seen[0] == ("Sagittal plane 6 / 40", "Sagittal plane 6 / 40")
    assert seen[1] == ("Coronal plane 9 / 32", "Coronal plane 9 / 32")
    assert bench.bridge.plane.is_acquired
    assert lines[-1][1] == "2 / 6"
    assert "Undecided" in lines[-1]
    bench.viewer.dims.ndisplay = 3
    assert lines[-1][1:3] == ["3D view", "No slice is shown: decisions wait"]


def test_reformatted_planes_stand_upright(bench):
    """An axial series from the feet up: the head is up, the left is on the right."""
    dims, camera = bench.viewer.dims, bench.viewer.scene.camera
    before = camera.orientation2d
    dims.roll()
    assert dims.order == (2, 0, 1)  # sagittal: slices down the screen, rows across
    assert tuple(map(str, camera.orientation2d)) == ("up", "right")
    dims.roll()
    assert dims.order == (1, 0, 2)  # coronal
    assert tuple(map(str, camera.orientation2d)) == ("up", "right")
    dims.transpose()  # the user's own wish
    assert dims.order == (1, 2, 0)
    dims.transpose()
    dims.ndisplay = 3
    assert camera.orientation2d == before
    dims.ndisplay = 2
    dims.roll()
    assert dims.order == (0, 1, 2)
    assert camera.orientation2d == before


def test_a_volume_is_never_shown_as_its_mirror_image(bench):
    bench.viewer.dims.roll()
    bench.viewer.dims.roll()
    bench.viewer.dims.ndisplay = 3
    order = list(bench.viewer.dims.order)
    assert round(np.linalg.det(np.eye(3)[order])) == 1


def test_the_slices_are_shown_as_acquired_when_asked(bench):
    bench.viewer.dims.roll()
    bench.bridge.show_acquired()
    assert bench.viewer.dims.order == (0, 1, 2)
    assert bench.bridge.plane.is_acquired
    bench.session.close_case()
    bench.bridge.show_acquired()  # nothing is shown, and nothing happens
    assert bench.bridge.plane.is_acquired


def test_the_next_case_is_shown_as_acquired(bench):
    camera = bench.viewer.scene.camera
    before = camera.orientation2d
    bench.viewer.add_points(np.zeros((1, 3)))
    bench.viewer.dims.roll()
    bench.session.open_case("long")
    assert bench.viewer.dims.order == (0, 1, 2)
    assert bench.bridge.plane.is_acquired
    assert camera.orientation2d == before


def test_stepping_by_wheel_steps_through_the_plane_that_is_shown(make_bench):
    bench = make_bench(wheel_steps=True)
    bench.viewer.dims.roll()
    here = bench.bridge.plane.index
    bench.mouse.wheel(-1.0)
    assert bench.bridge.plane.index == here + 1
    assert bench.session.slice == 2


@pytest.mark.parametrize(
    ("columns", "axes", "signs"),
    [
        (((0, 0, 3), (0, 0.5, 0), (0.8, 0, 0)), (2, 1, 0), (1, 1, 1)),
        (((0, 0, -3), (0, 0.5, 0), (0.8, 0, 0)), (2, 1, 0), (-1, 1, 1)),
        (((3, 0, 0), (0, 0, -0.5), (0, 0.8, 0)), (0, 2, 1), (1, -1, 1)),
        (((0, 3, 0), (0.1, 0, -0.5), (0.8, 0, 0.1)), (1, 2, 0), (1, -1, 1)),
    ],
    ids=["axial", "axial from the head", "sagittal", "coronal, tilted"],
)
def test_the_axes_of_the_patient(columns, axes, signs):
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns).T
    assert patient_axes(affine) == (axes, signs)


# ------------------------------------------------------------------ selection
def test_the_canvas_says_on_how_many_slices_keys_act(bench):
    texts = []
    bench.bridge.text_changed.connect(texts.append)
    bench.bridge.set_selected((1, 4))
    assert "Slices 2–5 are selected: keys act on 4" in texts[-1].splitlines()
    bench.bridge.set_selected((2, 2))
    assert "Slice 3 is selected: keys act on it" in texts[-1].splitlines()
    bench.bridge.set_selected(None)
    assert "selected" not in texts[-1]


def test_a_press_in_the_image_is_told(bench):
    told = []
    bench.bridge.pressed.connect(lambda: told.append(True))
    bench.mouse.drag((4, 4), (4, 5), button=2)
    assert not told
    bench.mouse.drag((4, 4), (4, 5))
    assert told == [True]


# --------------------------------------------------------------------- undo
@pytest.mark.parametrize("verb", ["undo", "redo"])
@pytest.mark.parametrize("away", ["slice", "plane", "3D", "out of sight"])
def test_undo_shows_what_it_changes(bench, away, verb):
    draw(bench)
    session = bench.session
    if verb == "redo":
        session.undo()
    if away == "slice":
        session.slice = 4
    elif away == "plane":
        bench.viewer.dims.roll()
    elif away == "3D":
        bench.viewer.dims.ndisplay = 3
    else:
        bench.bridge.set_hidden(True)
    getattr(session, verb)()
    assert session.slice == 2
    assert bench.bridge.plane.is_acquired
    assert not bench.bridge.is_hidden


def test_undo_of_painting_stays_in_the_plane_it_was_painted_in(make_bench, labels_of):
    bench = make_bench(labels=labels_of("segmentation"))
    bench.session.editor.set_masks({(2, ""): np.full(bench.shape[1:], 6, np.uint16)})
    bench.viewer.dims.roll()
    bench.session.undo()
    assert not bench.bridge.plane.is_acquired
    assert not bench.session.editor.content(2).masks


def test_undo_of_what_is_said_of_the_case_moves_nothing(make_bench):
    bench = make_bench()
    bench.session.editor.add_comment("Hello")
    bench.session.slice = 4
    bench.viewer.dims.roll()
    bench.session.undo()
    assert bench.session.slice == 4
    assert not bench.bridge.plane.is_acquired


@pytest.mark.parametrize("how", ["eye of the layer", "all"])
def test_a_box_out_of_sight_is_neither_deleted_nor_relabelled(bench, how):
    draw(bench)
    select(bench)
    before = bench.saved_boxes()
    if how == "all":
        bench.bridge.set_hidden(True)
    else:
        bench.shapes.visible = False
    shapes_keys.delete_selected_shapes(bench.shapes)
    bench.choose(MASS)
    assert bench.saved_boxes() == before
    bench.shapes.visible = True
    assert not bench.shapes.selected_data
