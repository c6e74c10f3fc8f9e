"""Whatever is painted on a Labels layer, by whatever means, is saved and undone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_annotate_jobs.app._asks import brief
from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Decision, LabelSet, Provenance
from napari_annotate_jobs.viewer._masks import MaskLayer

LIVER, TUMOUR, VESSEL = 6, 9, 8


@pytest.fixture
def bench(make_bench, labels_of):
    return make_bench(labels=labels_of("segmentation"))


def stroke(bench, *points):
    bench.mouse.drag(*points)


def paint(bench, label=LIVER, at=((10, 10), (10, 20))):
    bench.choose(label)
    stroke(bench, *at)


# -------------------------------------------------------------- by the mouse
def test_a_stroke_is_one_saved_undoable_edit(bench):
    bench.choose(LIVER)
    assert bench.viewer.layers.selection.active is bench.masks
    assert bench.masks.mode == "paint"
    stroke(bench, (10, 10), (10, 20), (12, 22))
    saved = bench.saved(2)
    assert saved[10, 15] == LIVER
    assert bench.editor.history.undo_text == "Paint"
    assert bench.editor.decision(2) is Decision.LABELLED
    bench.check()
    bench.session.undo()
    assert not bench.masks.data.any()
    assert bench.editor.history.undo_text is None
    bench.check()
    bench.session.redo()
    np.testing.assert_array_equal(bench.masks.data[2], saved)
    bench.check()


def test_strokes_are_undone_one_by_one(bench):
    paint(bench, LIVER)
    first = bench.masks.data.copy()
    paint(bench, TUMOUR, ((10, 12), (10, 30)))
    second = bench.masks.data.copy()
    assert (first[2, 10, 12:15] == LIVER).all()
    assert (second[2, 10, 12:15] == TUMOUR).all()
    bench.session.undo()
    np.testing.assert_array_equal(bench.masks.data, first)
    bench.session.undo()
    assert not bench.masks.data.any()
    bench.session.redo()
    bench.session.redo()
    np.testing.assert_array_equal(bench.masks.data, second)
    bench.check()


def quick(bench, *points):
    """Draw, and do the next thing before the end of the stroke has been painted."""
    bench.quick_mouse.drag(*points)


def test_a_stroke_is_told_when_its_end_has_been_painted(bench):
    bench.choose(LIVER)
    quick(bench, (10, 10), (10, 20))
    assert not bench.saved(2).any()
    bench.executor.tick()
    assert bench.saved(2)[10, 15] == LIVER
    bench.check()
    bench.executor.tick()
    bench.session.undo()
    assert not bench.masks.data.any()
    assert bench.editor.history.undo_text is None


@pytest.mark.parametrize(
    "look",
    [
        lambda bench: bench.editor.mask(2, ""),
        lambda bench: bench.editor.decision(2),
        lambda bench: bench.editor.history.undo_text,
        lambda bench: bench.editor.submit_check(),
        lambda bench: bench.session.closing.emit(),
        lambda bench: bench.session.saving.saver.meeting.emit(),
        lambda bench: bench.bridge.take(),
        lambda bench: bench.masks.refresh(),
    ],
    ids="mask decision undo submit leave others take refresh".split(),
)
def test_whoever_looks_before_finds_the_stroke(bench, look):
    bench.choose(LIVER)
    quick(bench, (10, 10), (10, 20))
    look(bench)
    assert bench.saved(2)[10, 15] == LIVER
    bench.check()


def test_the_next_key_undoes_the_stroke(bench):
    paint(bench, TUMOUR, ((20, 5), (20, 9)))
    before = bench.masks.data.copy()
    quick(bench, (10, 10), (10, 20))
    bench.session.undo()
    np.testing.assert_array_equal(bench.masks.data, before)
    bench.check()
    bench.session.redo()
    assert bench.saved(2)[10, 15] == TUMOUR
    bench.check()


def test_quick_strokes_are_steps_of_their_own(bench):
    bench.choose(LIVER)
    bench.masks.brush_size = 1
    for row in (5, 10, 15):
        quick(bench, (row, 10), (row, 20))
    for row in (15, 10, 5):
        assert bench.masks.data[2, row, 15] == LIVER
        bench.session.undo()
        assert bench.masks.data[2, row, 15] == 0
    assert not bench.masks.data.any()
    bench.check()


def test_what_is_edited_at_once_comes_after_the_stroke(bench):
    bench.choose(LIVER)
    quick(bench, (10, 10), (10, 20))
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[3, 3] = TUMOUR
    bench.editor.set_masks({(2, ""): mask})
    assert bench.saved(2)[3, 3] == TUMOUR
    assert not bench.saved(2)[10, 15]
    bench.session.undo()
    assert bench.saved(2)[10, 15] == LIVER
    bench.check()


def test_a_step_after_a_stroke_leaves_the_other_slice_alone(bench):
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[2:8, 2:30] = LIVER
    proposed = {(i, ""): mask for i in (2, 3)}
    bench.editor.propose_masks(proposed, provenance=Provenance.INTERPOLATED)
    bench.choose(LIVER)
    quick(bench, (20, 10), (20, 20))
    bench.session.slice = 3
    bench.executor.tick()
    assert not bench.editor.content(2).has_proposals
    assert bench.saved(2)[4, 10] == bench.saved(2)[20, 15] == LIVER
    assert bench.editor.content(3).has_proposals
    bench.check()


def test_a_stroke_just_before_the_case_is_left_is_in_that_case(bench):
    bench.choose(LIVER)
    quick(bench, (10, 10), (10, 20))
    case = bench.session.case.row.case.id
    bench.session.open_case("long")
    assert bench.session.case.row.case.id == "long"
    bench.executor.tick()
    assert bench.editor.annotation.is_blank
    assert not bench.masks.data.any()
    assert bench.store.load("job", case).annotation.slices
    assert not bench.errors


def test_another_thread_finds_what_has_been_told(bench):
    bench.choose(LIVER)
    quick(bench, (10, 10), (10, 20))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: bench.editor.annotation.is_blank).result()
    assert not bench.editor.annotation.is_blank


def test_painting_goes_on_after_undo(bench):
    paint(bench)
    bench.session.undo()
    paint(bench, TUMOUR, ((20, 5), (20, 9)))
    assert set(np.unique(bench.masks.data)) == {0, TUMOUR}
    bench.check()


def test_erasing(bench):
    paint(bench)
    bench.masks.mode = "erase"
    bench.masks.brush_size = 40
    stroke(bench, (10, 10), (10, 25))
    assert not bench.masks.data.any()
    assert bench.editor.annotation.is_blank
    bench.check()


def test_fill(bench):
    bench.choose(TUMOUR)
    bench.masks.mode = "fill"
    stroke(bench, (5, 5))
    assert (bench.saved(2) == TUMOUR).all()
    assert not bench.saved(1).any()
    bench.session.undo()
    assert not bench.masks.data.any()
    bench.check()


def test_polygon(bench):
    corners = ((5, 5), (5, 25), (20, 25), (20, 5))
    bench.masks.paint_polygon([(2, *corner) for corner in corners], LIVER)
    saved = bench.saved(2)
    assert (saved[7:18, 7:23] == LIVER).all()
    assert bench.editor.history.undo_text == "Paint"
    bench.session.undo()
    assert not bench.masks.data.any()


@pytest.mark.parametrize("mode", ["paint", "fill", "erase"])
def test_no_tool_reaches_through_the_slices(bench, mode):
    bench.masks.data[:] = 9
    bench.bridge.take()
    told = []
    bench.session.told.connect(told.append)
    bench.choose(LIVER)
    bench.masks.mode = mode
    bench.masks.n_edit_dimensions = 3
    bench.masks.brush_size = 16
    stroke(bench, (10, 10), (10, 20))
    assert [i for i in range(6) if (bench.saved(i) != 9).any()] == [2]
    assert bench.masks.n_edit_dimensions == 2
    assert len(told) == 1
    bench.check()


def test_nothing_is_painted_in_3d(bench):
    bench.choose(LIVER)
    bench.viewer.dims.ndisplay = 3
    assert not bench.masks.editable
    bench.masks.mode = "paint"
    assert bench.masks.mode == "pan_zoom"
    bench.viewer.dims.ndisplay = 2
    assert bench.masks.mode == "paint"
    stroke(bench, (10, 10), (10, 20))
    assert bench.saved(2).any()


def test_a_stroke_in_another_plane_confirms_no_proposal_that_is_not_seen(bench):
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[2:8, 2:30] = LIVER
    proposed = {(i, ""): mask for i in range(6)}
    bench.editor.propose_masks(proposed, provenance=Provenance.INTERPOLATED)
    bench.choose(LIVER)
    bench.viewer.dims.order = (1, 0, 2)
    bench.viewer.dims.set_point(1, 4 * bench.spacing[1])
    bench.masks.brush_size = 1
    stroke(bench, (0, 10), (5, 10))
    for index in range(6):
        content = bench.editor.content(index)
        assert content.has_proposals
        assert bench.saved(index).sum() == LIVER  # the pixel of the stroke


def test_a_wrong_id_names_the_slice_and_what_can_be_painted(bench):
    bench.masks.data[4, 3, 3] = 8  # vessel, of another group
    bench.bridge.take()
    bench.masks.data[4, 3, 3] = 77
    bench.bridge.take()
    told = [brief(error) for error in bench.errors]
    assert [text.partition(":")[0] for text in told] == ["Slice 5", "Slice 5"]
    for text in told:
        assert "6 (liver), 9 (tumour)" in text
        assert "vessel" not in text
        assert "lesion" not in text
    assert not bench.masks.data.any()


def test_groups_have_layers_of_their_own(bench):
    paint(bench, LIVER)
    bench.choose(VESSEL)
    assert bench.viewer.layers.selection.active is bench.vessels
    assert bench.masks.mode == "pan_zoom"
    stroke(bench, (10, 10), (10, 20))
    assert bench.saved(2)[10, 15] == LIVER
    assert bench.saved(2, "vessels")[10, 15] == VESSEL
    bench.check()


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_painting_in_another_plane(bench, order):
    """The dims rolled: the pixels of a stroke lie on several slices."""
    bench.choose(LIVER)
    bench.viewer.dims.order = order
    bench.viewer.dims.set_point(order[0], 2 * bench.spacing[order[0]])
    bench.masks.brush_size = 1
    stroke(bench, (1, 1), (4, 4))
    painted = np.argwhere(bench.masks.data == LIVER)
    assert len(painted) >= 4
    assert (painted[:, order[0]] == 2).all()
    bench.check()
    bench.session.undo()
    assert not bench.masks.data.any()
    bench.check()


# ------------------------------------------------------------- by other means
def test_painting_from_code(bench):
    bench.session.slice = 4
    bench.masks.selected_label = TUMOUR
    bench.masks.paint((4, 10, 10), TUMOUR)
    assert bench.saved(4)[10, 10] == TUMOUR
    bench.masks.fill((1, 5, 5), LIVER)
    assert (bench.saved(1) == LIVER).all()
    bench.masks.data_setitem((np.array([3]), np.array([2]), np.array([2])), LIVER)
    assert bench.saved(3)[2, 2] == LIVER
    bench.check()


def test_what_another_plugin_writes_is_saved_with_its_refresh(bench):
    bench.masks.data[2, 5:9, 5:9] = TUMOUR
    bench.masks.refresh()
    assert (bench.saved(2)[5:9, 5:9] == TUMOUR).all()
    bench.session.undo()
    assert not bench.masks.data.any()
    bench.check()


def test_what_another_plugin_writes_on_all_slices_is_saved(bench):
    """Plugins that segment in 3D write the whole array and refresh once."""
    bench.masks.data[1:5, 5:9, 5:9] = TUMOUR
    bench.masks.refresh()
    bench.session.executor.tick()
    bench.executor.tick()
    assert all((bench.saved(i)[5:9, 5:9] == TUMOUR).all() for i in range(1, 5))
    bench.check()


def test_a_refresh_looks_at_the_slice_shown_and_at_others_once_it_is_quiet(bench):
    """To compare all of a long series for each refresh would hold up every step."""
    bench.masks.data[4, 5:9, 5:9] = TUMOUR
    bench.masks.refresh()
    assert not bench.saved(4).any()
    bench.executor.tick()
    assert (bench.saved(4)[5:9, 5:9] == TUMOUR).all()
    bench.check()


def test_stepping_makes_no_look_at_all_slices(bench, monkeypatch):
    looks = []
    monkeypatch.setattr(MaskLayer, "_look", lambda layer: looks.append(layer))
    for index in (3, 4, 5, 1):
        bench.session.slice = index
        bench.executor.tick()
    assert not looks
    bench.masks.refresh()
    bench.masks.refresh()
    bench.executor.tick()
    assert len(looks) == 1  # for both


def test_what_was_written_without_a_word_is_taken_before_the_case_closes(bench):
    bench.masks.data[4, 5:9, 5:9] = TUMOUR
    bench.session.open_case("long")
    bench.session.open_case("ct")
    assert (bench.saved(4)[5:9, 5:9] == TUMOUR).all()
    bench.masks.data[0, 0, 0] = LIVER
    bench.bridge.take()
    assert bench.saved(0)[0, 0] == LIVER
    bench.check()


def test_data_replaced_as_a_whole(bench):
    paint(bench)
    data = np.zeros(bench.shape, np.int64)
    data[1, 3:6, 3:6] = TUMOUR
    bench.masks.data = data
    assert not bench.saved(2).any()
    assert (bench.saved(1)[3:6, 3:6] == TUMOUR).all()
    bench.session.undo()
    assert bench.saved(2)[10, 15] == LIVER
    assert not bench.saved(1).any()
    bench.check()


def test_data_of_another_shape_are_put_back(bench):
    paint(bench)
    before = bench.masks.data.copy()
    bench.masks.data = np.zeros((3, 4, 5), np.uint8)
    np.testing.assert_array_equal(bench.masks.data, before)
    assert "another shape" in str(bench.errors[0])
    assert bench.saved(2)[10, 15] == LIVER
    paint(bench, TUMOUR, ((20, 5), (20, 9)))
    bench.check()


@pytest.mark.parametrize("value", [7, VESSEL, 200])
def test_undeclared_ids_are_taken_back(bench, value):
    paint(bench)
    before = bench.masks.data.copy()
    bench.masks.data[2, 5:9, 5:9] = value
    bench.masks.refresh()
    np.testing.assert_array_equal(bench.masks.data, before)
    assert len(bench.errors) == 1
    data = bench.masks.data.astype(np.int32)
    data[3, 0, 0] = value
    bench.masks.data = data
    np.testing.assert_array_equal(bench.masks.data, before)
    bench.check()
    paint(bench, TUMOUR, ((20, 5), (20, 9)))
    bench.check()


def test_only_declared_labels_can_be_chosen(bench):
    layer = bench.masks
    bench.choose(LIVER)
    for asked, got in ((TUMOUR, TUMOUR), (10, TUMOUR), (8, LIVER), (7, TUMOUR), (0, 0)):
        layer.selected_label = asked
        assert layer.selected_label == got
    layer.selected_label = 77
    assert layer.selected_label == TUMOUR
    bench.vessels.selected_label = LIVER
    assert bench.vessels.selected_label == VESSEL


def test_colours_and_names_are_the_label_sets(bench):
    colors = bench.masks.colormap.color_dict
    np.testing.assert_allclose(colors[LIVER][:3], bench.labels[LIVER].rgb, atol=1e-6)
    assert colors[None][3] == 0
    features = bench.masks.features
    assert dict(zip(features["index"], features["label"], strict=True)) == {
        0: "",
        LIVER: "liver",
        TUMOUR: "tumour",
    }


# ------------------------------------------------------------------- showing
def test_a_saved_mask_is_shown(bench):
    paint(bench)
    expected = bench.masks.data.copy()
    bench.session.open_case("long")
    bench.session.open_case("ct")
    np.testing.assert_array_equal(bench.masks.data, expected)
    assert bench.editor.history.undo_text is None


def test_edits_of_the_session_are_shown(bench):
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[3, 3] = TUMOUR
    bench.editor.set_masks({(1, ""): mask})
    assert bench.masks.data[1, 3, 3] == TUMOUR
    bench.editor.set_nothing_to_label([1], clear=True)
    assert not bench.masks.data.any()
    bench.session.undo()
    assert bench.masks.data[1, 3, 3] == TUMOUR
    bench.check()


def test_painting_lifts_nothing_to_label(bench):
    bench.editor.set_nothing_to_label([2])
    paint(bench)
    assert bench.editor.decision(2) is Decision.LABELLED
    bench.session.undo()
    assert bench.editor.decision(2) is Decision.NOTHING_TO_LABEL


def test_a_submitted_case_is_not_painted(bench):
    paint(bench)
    before = bench.masks.data.copy()
    bench.session.submit()
    assert not bench.masks.editable
    stroke(bench, (25, 5), (25, 20))
    bench.masks.paint((2, 20, 20), TUMOUR)
    bench.masks.data[1] = LIVER
    bench.masks.refresh()
    bench.masks.data = np.zeros_like(before)
    np.testing.assert_array_equal(bench.masks.data[2], before[2])
    assert not bench.masks.editable
    bench.session.open_case("ct")
    np.testing.assert_array_equal(bench.masks.data, before)
    bench.choose(LIVER)
    assert bench.masks.mode == "pan_zoom"


def test_a_mask_of_another_size_is_refused_and_the_case_goes_on(bench):
    small = np.full((4, 5), LIVER, np.uint8)
    with pytest.raises(InvalidValueError, match="a mask of 4 x 5 pixels"):
        bench.editor.set_masks({(2, ""): small})
    assert not bench.masks.data.any()
    assert bench.editor.mask(2) is None
    bench.session.slice = 3
    paint(bench)
    assert bench.saved(3)[10, 15] == LIVER


def test_a_damaged_mask_leaves_the_case_usable(bench, make_bench, monkeypatch):
    paint(bench)
    digest = bench.editor.content(2).masks[""].digest
    bench.session.slice = 4
    paint(bench, TUMOUR, ((20, 5), (20, 9)))
    store = bench.store
    data = store._shelf("job").blobs
    data["ct", digest] = b"damaged"
    other = make_bench(store=store)
    assert other.session.is_open
    assert "slice 3" in str(other.errors[0])
    assert other.masks.data[4].any()
    assert not other.masks.data[2].any()
    other.choose(LIVER)
    stroke(other, (20, 5), (20, 9))
    assert not other.masks.data[2].any()
    assert other.editor.content(2).masks[""].digest == digest


def test_ids_the_project_no_longer_has_are_kept(bench, make_bench):
    bench.editor.set_masks({(2, ""): np.full(bench.shape[1:], TUMOUR, np.uint8)})
    fewer = LabelSet(labels=tuple(x for x in bench.labels.labels if x.id != TUMOUR))
    shelf = bench.store._shelf("job")
    project = shelf.job.project.model_copy(update={"label_set": fewer})
    shelf.job = shelf.job.model_copy(update={"project": project})
    other = make_bench(store=bench.store)
    assert other.session.is_open
    other.choose(LIVER)
    stroke(other, (20, 5), (20, 9))
    assert (other.saved(2) == TUMOUR).all()
    other.session.slice = 3
    stroke(other, (20, 5), (20, 9))
    assert other.saved(3).any()


def test_the_same_stroke_twice_is_one_edit(bench):
    paint(bench)
    n = len(bench.editor.history._done)
    stroke(bench, (10, 10), (10, 20))
    assert len(bench.editor.history._done) == n


def test_a_stroke_goes_on_while_refreshes_come(bench):
    """The loader refreshes while the button is down: still one edit."""
    bench.choose(LIVER)
    before = len(bench.editor.history._done)
    move = bench.mouse._send

    from napari.utils import interactions as napari_mouse

    move(napari_mouse.mouse_press_callbacks, "mouse_press", (10, 10), button=1)
    for column in (12, 14, 16):
        move(napari_mouse.mouse_move_callbacks, "mouse_move", (10, column), button=1)
        bench.masks.refresh()
        bench.image.refresh()
    move(napari_mouse.mouse_release_callbacks, "mouse_release", (10, 16), button=1)
    assert len(bench.editor.history._done) == before + 1
    assert bench.saved(2)[10, 16] == LIVER


def test_a_label_chosen_in_naparis_controls_is_the_sessions(bench):
    bench.choose(LIVER)
    bench.masks.selected_label = TUMOUR
    assert bench.session.label.id == TUMOUR
    bench.masks.mode = "pick"
    bench.masks.selected_label = LIVER
    assert bench.session.label.id == LIVER
    assert bench.masks.mode == "paint"
    bench.choose(VESSEL)
    bench.masks.selected_label = TUMOUR  # of a layer that is not at hand
    assert bench.session.label.id == VESSEL
    bench.choose(None)
    bench.masks.selected_label = LIVER
    assert bench.session.label is None


# ----------------------------------------------------------------- protected
@pytest.mark.parametrize("mode", ["paint", "erase", "fill"])
def test_what_is_protected_is_shown_again_at_once(bench, mode):
    told = []
    bench.session.told.connect(told.append)
    paint(bench, LIVER)
    before = bench.saved(2)
    bench.session.protection.toggle(bench.session.label)
    bench.choose(TUMOUR)
    bench.masks.mode = mode
    bench.masks.brush_size = 6
    bench.mouse.drag((10, 12), (10, 20), (14, 20))
    bench.mouse.drag((10, 15), (10, 16))
    assert (bench.masks.data[2][before == LIVER] == LIVER).all()
    assert (bench.masks.data[2] == TUMOUR).any() == (mode == "paint")
    bench.check()
    assert len(told) == 1
    assert told[0].startswith("liver is protected and stays as it is")
    if mode == "paint":
        bench.session.undo()  # the second stroke changed nothing, and is no step
        np.testing.assert_array_equal(bench.masks.data[2], before)
    bench.check()


def test_what_others_write_into_the_array_leaves_it_alone(bench):
    paint(bench, LIVER)
    bench.session.protection.toggle(bench.session.label)
    bench.masks.data[2] = TUMOUR
    bench.bridge.take()
    assert set(np.unique(bench.masks.data[2])) == {LIVER, TUMOUR}
    bench.check()


# ---------------------------------------------------------------- the brush
RING = ((8, 8), (8, 16), (16, 16), (16, 8), (9, 8))


@pytest.mark.parametrize("size", [1, 9])
def test_an_outline_is_closed_and_filled(bench, size):
    bench.choose(LIVER)
    bench.masks.brush_size = size
    bench.bridge.brush.set(trace=True)
    stroke(bench, *RING)
    saved = bench.saved(2)
    assert (saved[8:17, 8:17] == LIVER).all()
    assert (saved > 0).sum() == 81
    assert bench.masks.brush_size == size
    bench.check()
    bench.mouse.drag((10, 10), (10, 14), (14, 14), (14, 10), modifiers=("Shift",))
    left = bench.saved(2)
    assert not left[10:15, 10:15].any()
    assert (left > 0).sum() == 81 - 25
    assert bench.masks.mode == "paint"
    bench.check()
    bench.session.undo()
    assert (bench.saved(2) > 0).sum() == 81  # one step each
    bench.session.undo()
    assert bench.editor.annotation.is_blank
    bench.bridge.brush.set(trace=False)
    stroke(bench, (10, 10), (10, 20))
    assert (bench.saved(2) > 0).any()


def test_tracing_over_a_protected_label_leaves_it_alone(bench):
    bench.masks.brush_size = 1
    paint(bench, TUMOUR, ((12, 10), (12, 14)))
    before = bench.saved(2) == TUMOUR
    bench.session.protection.toggle(bench.session.label)
    bench.choose(LIVER)
    bench.bridge.brush.set(trace=True)
    stroke(bench, *RING)
    assert ((bench.saved(2) == TUMOUR) == before).all()
    assert (bench.saved(2) == LIVER).any()
    bench.check()


@pytest.mark.parametrize("trace", [False, True])
def test_the_brush_keeps_within_a_range(bench, trace):
    values = bench.bridge.voxels[2]
    values[:, :14] = 1000
    bench.choose(LIVER)
    bench.masks.brush_size = 5
    bench.bridge.brush.set(limits=(150.0, 250.0), trace=trace)
    stroke(bench, *RING)
    saved = bench.saved(2)
    assert not saved[:, :14].any()
    assert saved[8, 15] == LIVER
    if trace:
        assert (saved[12, 14:16] == LIVER).all()
    bench.check()
    stroke(bench, (30, 2), (30, 8))  # nothing there is within it
    assert bench.editor.history.undo_text == "Paint"
    bench.session.undo()
    assert bench.editor.annotation.is_blank
    bench.bridge.brush.set(limits=None, trace=False)
    stroke(bench, (30, 2), (30, 8))
    assert bench.saved(2)[30, 5] == LIVER


def test_the_range_is_that_of_another_slice_on_another_slice(bench):
    bench.choose(LIVER)
    bench.bridge.brush.set(limits=(150.0, 250.0))
    bench.session.slice = 4  # its values are 400
    stroke(bench, (10, 10), (10, 20))
    assert bench.editor.annotation.is_blank
    assert not bench.masks.data.any()


def test_a_stroke_over_a_proposal_with_a_range_keeps_the_proposal(bench):
    proposed = np.zeros(bench.shape[1:], np.uint16)
    proposed[5, 5:9] = TUMOUR
    bench.editor.propose_masks({(2, ""): proposed}, provenance=Provenance.TRACKED)
    bench.bridge.voxels[2][:, :20] = 1000
    bench.choose(LIVER)
    bench.bridge.brush.set(limits=(150.0, 250.0))
    stroke(bench, (10, 15), (10, 30))
    saved = bench.saved(2)
    assert (saved[5, 5:9] == TUMOUR).all()
    assert not saved[10, :20].any()
    assert saved[10, 25] == LIVER
    bench.check()


def test_the_eraser_takes_the_chosen_label_alone(bench):
    paint(bench, LIVER, ((10, 5), (10, 15)))
    paint(bench, TUMOUR, ((20, 5), (20, 15)))
    bench.bridge.brush.set(erase_chosen=True)
    bench.masks.mode = "erase"
    bench.masks.brush_size = 40
    stroke(bench, (15, 10), (15, 12))
    assert set(np.unique(bench.saved(2))) == {0, LIVER}
    bench.masks.mode = "paint"
    assert not bench.masks.preserve_labels
    bench.check()
