"""Three planes at once: one place, one window, one tool, and never another case."""

from __future__ import annotations

import gc
from weakref import ref

import numpy as np
import pytest
from napari.utils import interactions

from napari_annotate_jobs.model import Provenance
from napari_annotate_jobs.viewer import canvas_place

LIVER, TUMOUR, VESSEL = 6, 9, 8
ROWS, COLUMNS = 1, 2


@pytest.fixture
def planes(bench):
    bench.bridge.planes.show()
    return bench.bridge.planes


@pytest.fixture
def mouse_of(bench):
    """Return a function that gives a mouse in one of the other planes."""
    return lambda view: type(bench.mouse)(view.model, view.image)


def twin(view, layer):
    return view.model.layers[layer.name]


def names(view):
    return [layer.name for layer in view.model.layers]


# -------------------------------------------------------------------- what is shown
def test_the_other_planes_show_the_same_pixels_upright(bench, planes):
    assert [view.across for view in planes.views] == [ROWS, COLUMNS]
    for view, letters in zip(planes.views, ("RLHF", "APHF"), strict=True):
        assert view.image.data is bench.image.data
        np.testing.assert_allclose(view.image.scale, bench.image.scale)
        assert view.image.contrast_limits == bench.image.contrast_limits
        assert "".join(view.letters) == letters
        own = [
            bench.masks,
            bench.vessels,
            *(p.layer for p in bench.bridge._case.proposals),
        ]
        assert names(view) == [bench.image.name, *(layer.name for layer in own)]
        for layer in own:
            assert np.shares_memory(twin(view, layer).data, layer.data)
    coronal, sagittal = planes.views
    assert coronal.plane.text == "Coronal plane 16 / 32"
    assert sagittal.plane.text == "Sagittal plane 20 / 40"
    assert bench.viewer.dims.order == (0, 1, 2)


def test_an_image_without_geometry_has_them_too(make_bench):
    bench = make_bench(case="float.nii.gz")
    bench.bridge.planes.show()
    assert bench.bridge.planes.is_shown


def test_the_window_follows_everywhere_and_back(bench, planes):
    bench.session.window = bench.session.window.between(-10, 90)
    for view in planes.views:
        assert view.image.contrast_limits == bench.image.contrast_limits
    bench.session.inverted = True
    assert all(v.image.colormap is bench.image.colormap for v in planes.views)
    view = planes.views[0]
    before = bench.session.window
    mouse = type(bench.mouse)(view.model, view.image)
    mouse.drag((2, 3), (2, 9), button=2)
    assert bench.session.window != before
    assert view.image.contrast_limits == bench.image.contrast_limits


def test_hidden_annotation_is_hidden_in_all(bench, planes):
    bench.bridge.set_hidden(True)
    assert not any(twin(v, bench.masks).visible for v in planes.views)
    bench.bridge.set_hidden(False)
    assert all(twin(v, bench.masks).visible for v in planes.views)


def test_proposals_and_previews_are_shown_in_all(bench, planes):
    mask = np.full(bench.shape[1:], LIVER, np.uint8)
    proposals = {(3, ""): mask}
    bench.editor.propose_masks(proposals, provenance=Provenance.COPIED)
    for view in planes.views:
        layer = twin(view, bench.layer("Proposals"))
        assert layer.visible and not layer.editable
        assert layer.data[3].all()
    bench.bridge.preview.show(bench.image, {1: np.ones(bench.shape[1:], bool)})
    assert all(twin(v, bench.layer("Preview")).data[1].all() for v in planes.views)
    bench.bridge.preview.hide()
    assert all("Preview" not in names(view) for view in planes.views)


# ---------------------------------------------------------------------- one place
def test_a_step_moves_the_line_and_slices_nothing_anew(bench, planes):
    seen = []
    for view in planes.views:
        view.image.events.set_data.connect(lambda: seen.append("image"))
        twin(view, bench.masks).events.set_data.connect(lambda: seen.append("mask"))
    moves = []
    planes.moved.connect(lambda: moves.append(planes.place))
    bench.session.slice = 4
    assert planes.place[0] == 4 and len(moves) == 1
    assert not seen


def test_sliders_wheels_and_clicks_move_one_place(bench, planes, mouse_of):
    coronal, sagittal = planes.views
    coronal.model.dims.set_current_step(ROWS, 5)
    assert planes.place == (2, 5, 19)
    bench.bridge.mouse.wheel_steps = True
    mouse_of(sagittal).wheel(-1)
    assert planes.place == (2, 5, 20)
    sagittal.model.cursor.position = (4 * 3.0, 9 * 0.5, 20 * 0.8)
    mouse_of(sagittal).drag((4, 9))
    assert planes.place == (4, 9, 20)
    assert bench.session.slice == 4 and coronal.index == 9
    bench.viewer.cursor.position = (4 * 3.0, 11 * 0.5, 30 * 0.8)
    bench.mouse.drag((11, 30))
    assert planes.place == (4, 11, 30)
    assert (coronal.index, sagittal.index) == (11, 30)


def test_with_a_tool_in_hand_a_click_is_the_tools(bench, planes, mouse_of):
    bench.choose(LIVER)
    coronal = planes.views[0]
    before = planes.place
    coronal.model.cursor.position = (4 * 3.0, before[1] * 0.5, 20 * 0.8)
    mouse_of(coronal).drag((4, 20))
    assert planes.place == before
    assert bench.saved(4).any()


def test_where_a_place_lies_on_a_canvas(bench, planes):
    coronal = planes.views[0]
    camera = coronal.model.scene.camera
    camera.center, camera.zoom = (0, 0, 0), 2.0
    x, y = canvas_place(coronal.model, coronal.image, (4, 0, 10))
    assert (x, y) == pytest.approx((2 * 10 * 0.8, -2 * 4 * 3.0))  # the head is up
    coronal.model.dims.ndisplay = 3
    assert canvas_place(coronal.model, coronal.image, (4, 0, 10)) is None


# ------------------------------------------------------------------------ painting
def test_a_stroke_is_one_edit_and_one_undo(bench, planes, mouse_of):
    bench.choose(LIVER)
    coronal = planes.views[0]
    layer = twin(coronal, bench.masks)
    assert coronal.model.layers.selection.active is layer
    assert layer.mode == "paint" and layer.selected_label == LIVER
    bench.masks.brush_size = 1
    assert layer.brush_size == 1
    told = []
    bench.session.slices_changed.connect(told.append)
    mouse_of(coronal).drag((1, 5), (4, 5))
    assert told == [(1, 2, 3, 4)]
    row = coronal.index
    for index in (1, 2, 3, 4):
        assert bench.saved(index)[row, 5] == LIVER
    assert bench.editor.history.done[-1].text == "Paint on 4 slices"
    bench.check()
    layer.undo()
    assert not any(bench.saved(index).any() for index in range(6))
    assert not layer.data.any()
    layer.redo()
    assert bench.saved(4)[row, 5] == LIVER
    bench.check()
    assert not bench.errors


def test_fill_and_erase_in_another_plane(bench, planes, mouse_of):
    bench.choose(LIVER)
    sagittal = planes.views[1]
    layer = twin(sagittal, bench.masks)
    layer.mode = "fill"
    assert bench.masks.mode == "fill"
    mouse_of(sagittal).drag((2, 2))
    column = sagittal.index
    assert all((bench.saved(i)[:, column] == LIVER).all() for i in range(6))
    layer.mode = "erase"
    bench.masks.brush_size = 1
    mouse_of(sagittal).drag((3, 7))
    assert bench.saved(3)[7, column] == 0
    bench.check()


def test_strokes_in_all_planes_meet_in_one_mask(bench, planes, mouse_of):
    bench.choose(TUMOUR)
    bench.masks.brush_size = 1
    bench.mouse.drag((3, 3), (3, 6))
    for view in planes.views:
        mouse_of(view).drag((2, 4), (4, 4))
    bench.choose(VESSEL)
    assert planes.views[0].model.layers.selection.active.name == bench.vessels.name
    mouse_of(planes.views[0]).drag((1, 1), (1, 4))
    bench.check()
    assert len(bench.editor.history.done) == 4


def test_what_nobody_sees_is_not_confirmed_by_a_stroke(bench, planes, mouse_of):
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[:, :3] = LIVER
    proposals = {(3, ""): mask}
    bench.editor.propose_masks(proposals, provenance=Provenance.COPIED)
    bench.session.slice = 3
    bench.choose(LIVER)
    bench.masks.brush_size = 1
    mouse_of(planes.views[0]).drag((3, 20))
    assert bench.editor.content(3).proposals
    assert bench.saved(3).any()


def test_only_declared_labels_are_painted(bench, planes):
    bench.choose(LIVER)
    layer = twin(planes.views[0], bench.masks)
    layer.selected_label = 7
    assert layer.selected_label == bench.masks.selected_label == TUMOUR
    assert bench.session.label.id == TUMOUR


def test_a_submitted_case_is_read_only_in_all(bench, planes, mouse_of):
    bench.choose(LIVER)
    bench.mouse.drag((3, 3))
    bench.session.submit()
    assert bench.session.locked
    before = bench.masks.data.copy()
    for view in planes.views:
        layer = twin(view, bench.masks)
        assert not layer.editable
        layer.mode = "paint"
        mouse_of(view).drag((1, 1), (3, 3))
        assert layer.mode == "pan_zoom" == bench.masks.mode
    np.testing.assert_array_equal(bench.masks.data, before)


# ------------------------------------------------------------------ from case to case
def test_another_case_leaves_nothing_of_the_former(bench, planes):
    bench.choose(LIVER)
    gone = []
    for view in planes.views:
        gone += [ref(layer) for layer in view.model.layers]
    bench.session.open_case("long", slice=0)
    for view in planes.views:
        assert view.image.data is bench.image.data
        assert view.image.data.shape == (40, 8, 8)
        for layer in view.model.layers:
            assert layer.data.shape == (40, 8, 8)
    gc.collect()
    assert gone and not [layer for layer in gone if layer() is not None]
    bench.session.close_case()
    assert all(not view.model.layers for view in planes.views)
    assert not planes.is_shown and planes.is_wanted


def test_a_stroke_under_way_ends_with_its_case(bench, planes, mouse_of):
    bench.choose(LIVER)
    view = planes.views[0]
    mouse, layer = mouse_of(view), twin(view, bench.masks)
    send = mouse._send
    kwargs = {"button": 1, "modifiers": ()}
    send(interactions.mouse_press_callbacks, "mouse_press", (1, 1), **kwargs)
    bench.session.open_case("long", slice=0)
    layer.data[:] = LIVER
    layer.refresh()
    send(
        interactions.mouse_move_callbacks,
        "mouse_move",
        (2, 2),
        is_dragging=True,
        **kwargs,
    )
    send(interactions.mouse_release_callbacks, "mouse_release", (2, 2), **kwargs)
    assert not bench.masks.data.any()
    bench.session.open_case("ct", slice=0)
    # What was drawn while the case was there is its own; what came later is nobody's.
    assert not any(bench.saved(index).all() for index in range(6))


def test_a_case_of_one_slice_has_no_other_planes(bench, planes):
    bench.session.open_case("color.png")
    assert not planes.is_shown
    assert "one slice" in planes.refusal
    bench.session.open_case("ct")
    assert planes.is_shown and not planes.refusal


def test_a_series_too_large_for_memory_says_so(make_bench):
    bench = make_bench(budget=1000)
    planes = bench.bridge.planes
    planes.show()
    assert not planes.is_shown
    assert "too large" in planes.refusal


def test_slices_that_come_are_drawn(new_bench, slow):
    bench = new_bench(executor=slow)
    bench.bridge.planes.show()
    view = bench.bridge.planes.views[0]
    slow.drain()
    assert view.image.data[5].all()
    bench.close()


def test_hidden_again_they_leave_nothing(bench, planes):
    view = planes.views[0]
    planes.hide()
    assert not planes.is_wanted
    assert not view.model.layers
    bench.choose(LIVER)
    bench.session.slice = 1
    bench.session.open_case("long")
    planes.show()
    assert planes.is_shown


def test_what_is_propagated_is_drawn_in_all(bench, planes):
    bench.choose(LIVER)
    bench.mouse.drag((3, 3), (8, 9))
    refreshed = []
    twin(planes.views[0], bench.masks).events.set_data.connect(
        lambda: refreshed.append(1)
    )
    bench.editor.set_masks({(1, ""): np.full(bench.shape[1:], LIVER, np.uint8)})
    assert refreshed
