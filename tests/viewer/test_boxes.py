"""Whatever is done to shapes, the boxes follow; whatever boxes say is shown."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_annotate_jobs.imaging import open_series
from napari_annotate_jobs.model import Box, Decision, LabelSet

from .conftest import Bench, write_dicom

NODULE, MASS = 5, 11


@pytest.fixture
def bench(make_bench, labels_of):
    return make_bench(labels=labels_of("detection"))


def draw(bench, start=(5, 6), stop=(15, 26), label=NODULE):
    bench.choose(label)
    bench.mouse.drag(start, ((start[0] + stop[0]) / 2, stop[1]), stop)


def boxes(bench, index=2):
    return list(bench.editor.content(index).boxes)


def put(bench, index=2, label=NODULE, at=5.0, size=10.0, **fields):
    box = Box(label=label, top=at, left=at, bottom=at + size, right=at + size, **fields)
    bench.editor.set_boxes({index: [*boxes(bench, index), box]})
    return box


# ------------------------------------------------------------------- drawing
def test_a_box_is_drawn_saved_undone(bench):
    draw(bench)
    assert bench.viewer.layers.selection.active is bench.shapes
    (box,) = boxes(bench)
    assert box.label == NODULE
    assert box.corners == (5, 6, 15, 26)
    assert not box.proposal
    assert bench.editor.decision(2) is Decision.LABELLED
    bench.check()
    bench.session.undo()
    assert len(bench.shapes.data) == 0
    assert bench.editor.history.undo_text is None
    bench.session.redo()
    assert boxes(bench) == [box]
    bench.check()


def test_edges_are_wider_on_larger_images(bench, tmp_path):
    assert bench.shapes.current_edge_width == 1
    write_dicom(tmp_path / "wide", (1, 500, 1000))
    wide = Bench(tmp_path, case="wide")
    assert wide.shapes.current_edge_width == 2
    wide.close()


def test_several_boxes_with_their_labels(bench):
    draw(bench)
    bench.session.slice = 4
    draw(bench, (3, 3), (9, 9), MASS)
    draw(bench, (20, 20), (28, 30), MASS)
    assert [box.label for box in boxes(bench, 2)] == [NODULE]
    assert [box.label for box in boxes(bench, 4)] == [MASS, MASS]
    assert len({box.id for i in (2, 4) for box in boxes(bench, i)}) == 3
    assert list(bench.shapes.features["label"]) == ["nodule", "mass", "mass"]
    edges = bench.shapes.edge_color
    np.testing.assert_allclose(edges[0][:3], bench.labels[NODULE].rgb, atol=1e-6)
    np.testing.assert_allclose(edges[1][:3], bench.labels[MASS].rgb, atol=1e-6)
    bench.check()


@pytest.mark.parametrize("zoom", [0.3, 1.0, 30.0])
def test_a_click_is_no_box(bench, zoom):
    bench.choose(NODULE, zoom)
    bench.mouse.drag((5, 5), (5.1, 5.1), (5.1, 5.1))
    assert boxes(bench) == []
    bench.mouse.drag((9, 9))
    assert boxes(bench) == []
    assert len(bench.shapes.data) == 0
    draw(bench)
    assert len(boxes(bench)) == 1
    bench.check()


def test_what_is_drawn_beyond_the_image_is_clipped(bench):
    draw(bench, (-8, -9), (100, 12))
    (box,) = boxes(bench)
    assert box.corners == (-0.5, -0.5, 31.5, 12)
    bench.check()


def test_what_is_drawn_outside_is_none(bench):
    draw(bench, (50, 50), (60, 60))
    assert boxes(bench) == []
    assert len(bench.shapes.data) == 0


def test_drawing_lifts_nothing_to_label(bench):
    bench.editor.set_nothing_to_label([2])
    draw(bench)
    assert bench.editor.decision(2) is Decision.LABELLED
    bench.session.undo()
    assert bench.editor.decision(2) is Decision.NOTHING_TO_LABEL
    assert len(bench.shapes.data) == 0


# ------------------------------------------------------------------ changing
def test_a_box_is_moved(bench):
    draw(bench)
    before = boxes(bench)[0]
    bench.shapes.mode = "select"
    bench.mouse.drag((10, 16), (10, 16))  # select it
    bench.mouse.drag((10, 16), (12, 17), (14, 18))
    (box,) = boxes(bench)
    assert box.id == before.id
    height, width = box.bottom - box.top, box.right - box.left
    assert (height, width) == (10, 20)
    assert box.corners != before.corners
    bench.check()
    while bench.editor.history.undo_text == "Change box":
        bench.session.undo()
    assert boxes(bench) == [before]
    bench.check()


def test_a_box_is_deleted(bench):
    draw(bench)
    draw(bench, (20, 5), (28, 15), MASS)
    kept = boxes(bench)[1]
    bench.shapes.selected_data = {0}
    bench.shapes.remove_selected()
    assert boxes(bench) == [kept]
    assert bench.editor.history.undo_text == "Delete box"
    bench.check()
    bench.session.undo()
    assert len(boxes(bench)) == 2
    assert sorted(bench.shapes.features["label"]) == ["mass", "nodule"]
    bench.check()


def test_all_boxes_are_deleted(bench):
    draw(bench)
    draw(bench, (20, 5), (28, 15), MASS)
    bench.shapes.data = []
    assert bench.editor.annotation.is_blank
    bench.session.undo()
    assert len(boxes(bench)) == 2
    bench.check()


def test_a_box_moved_out_of_the_image_comes_back(bench):
    box = put(bench)
    moved = bench.shapes.data[0] + [0, 100, 0]
    bench.shapes.data = [moved]
    assert boxes(bench) == [box]
    bench.check()


def test_a_box_shrunk_to_nothing_comes_back(bench):
    box = put(bench)
    bench.shapes.data = [np.array([[2, 5, 5], [2, 5, 5.2], [2, 5.2, 5.2], [2, 5.2, 5]])]
    assert boxes(bench) == [box]
    bench.check()


def test_a_box_moved_to_another_slice(bench):
    box = put(bench)
    bench.shapes.data = [bench.shapes.data[0] + [2, 0, 0]]
    assert boxes(bench, 2) == []
    (moved,) = boxes(bench, 4)
    assert moved.corners == box.corners
    bench.check()
    bench.session.undo()
    assert boxes(bench, 2) == [box]


def test_a_turned_box_is_upright(bench):
    put(bench, at=10.0)
    middle = np.array([15.0, 15.0])
    turned = bench.shapes.data[0].copy()
    relative = turned[:, 1:] - middle
    s = np.sqrt(0.5)
    turned[:, 1:] = relative @ np.array([[s, -s], [s, s]]) + middle
    bench.shapes.data = [turned]
    (box,) = boxes(bench)
    np.testing.assert_allclose(box.corners, (7.929, 7.929, 22.071, 22.071), atol=1e-3)
    bench.check()


@pytest.mark.parametrize("kind", ["ellipse", "polygon"])
def test_other_shapes_become_boxes(bench, kind):
    bench.choose(MASS)
    corners = [[2, 4, 5], [2, 4, 15], [2, 14, 15], [2, 14, 5]]
    bench.shapes.add([np.array(corners, float)], shape_type=kind)
    (box,) = boxes(bench)
    assert box.label == MASS
    np.testing.assert_allclose(box.corners, (4, 5, 14, 15), atol=0.51)
    assert list(bench.shapes.shape_type) == ["rectangle"]
    bench.check()


def test_shapes_added_from_code(bench):
    bench.choose(MASS)
    bench.shapes.add_rectangles([[[1, 3, 3], [1, 3, 9], [1, 9, 9], [1, 9, 3]]])
    (box,) = boxes(bench, 1)
    assert (box.label, box.corners) == (MASS, (3, 3, 9, 9))
    bench.check()


def test_a_pasted_copy_is_a_box_of_its_own(bench):
    box = put(bench)
    bench.shapes.selected_data = {0}
    bench.shapes._copy_data()
    bench.session.slice = 3
    bench.shapes._paste_data()
    (copy,) = boxes(bench, 3)
    assert copy.id != box.id
    assert copy.label == box.label
    assert [b.id for b in boxes(bench, 2)] == [box.id]
    bench.check()


def test_choosing_a_label_relabels_what_is_selected(bench):
    put(bench)
    bench.shapes.mode = "select"
    bench.shapes.selected_data = {0}
    bench.choose(MASS)
    (box,) = boxes(bench)
    assert box.label == MASS
    assert list(bench.shapes.features["label"]) == ["mass"]
    bench.check()
    bench.session.undo()
    assert boxes(bench)[0].label == NODULE


def test_changing_a_proposal_confirms_it(bench):
    put(bench, proposal=True)
    assert list(bench.shapes.features["label"]) == ["nodule ?"]
    bench.shapes.data = [bench.shapes.data[0] + [0, 2, 2]]
    (box,) = boxes(bench)
    assert not box.proposal
    assert box.key
    assert list(bench.shapes.features["label"]) == ["nodule"]


def test_what_is_not_touched_stays_as_it_is(bench):
    """Drawing one box must not turn proposals into the user's word."""
    proposed = put(bench, proposal=True, at=3.0, size=4.0)
    far = put(bench, index=5, proposal=True)
    draw(bench, (15, 15), (25, 30))
    assert boxes(bench)[0] == proposed
    assert boxes(bench, 5) == [far]
    assert len(boxes(bench)) == 2


# ------------------------------------------------------------------- showing
def test_saved_boxes_are_shown(bench):
    put(bench)
    put(bench, 4, MASS)
    bench.session.open_case("long")
    bench.session.open_case("ct")
    assert len(bench.shapes.data) == 2
    bench.check()


def test_edits_of_the_session_are_shown(bench):
    put(bench)
    bench.editor.set_excluded([2])
    assert len(bench.shapes.data) == 1
    bench.editor.set_nothing_to_label([2], clear=True)
    assert len(bench.shapes.data) == 0
    bench.session.undo()
    assert len(bench.shapes.data) == 1
    bench.check()


# napari says so of the outlines of proposals.
@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")
def test_a_submitted_case_is_not_drawn_on(bench):
    box = put(bench)
    bench.choose(NODULE)
    bench.session.submit()
    assert not bench.shapes.editable
    assert bench.shapes.mode == "pan_zoom"
    bench.shapes.data = []
    bench.shapes.add_rectangles([[[1, 3, 3], [1, 3, 9], [1, 9, 9], [1, 9, 3]]])
    assert boxes(bench) == [box]
    assert len(bench.shapes.data) == 1
    bench.viewer.dims.ndisplay = 3
    bench.viewer.dims.ndisplay = 2
    assert not bench.shapes.editable
    bench.shapes.selected_data = set()
    bench.choose(MASS)
    assert bench.shapes.mode == "pan_zoom"


def test_a_case_that_was_submitted_before_opens_read_only(bench, make_bench):
    box = put(bench)
    bench.session.submit()
    other = make_bench(store=bench.store)
    assert other.session.locked
    assert not other.shapes.editable
    assert other.shapes.mode == "pan_zoom"
    other.choose(MASS)
    assert other.shapes.mode == "pan_zoom"
    assert boxes(other) == [box]


def test_boxes_of_labels_the_project_no_longer_has(bench, make_bench):
    kept = put(bench, label=MASS)
    put(bench, index=3, label=NODULE)
    fewer = LabelSet(labels=tuple(x for x in bench.labels.labels if x.id != MASS))
    shelf = bench.store._shelf("job")
    project = shelf.job.project.model_copy(update={"label_set": fewer})
    shelf.job = shelf.job.model_copy(update={"project": project})
    other = make_bench(store=bench.store)
    assert other.session.is_open
    assert len(other.shapes.data) == 2
    draw(other, (20, 5), (28, 15))
    assert kept in boxes(other)
    other.session.slice = 4
    draw(other, (20, 5), (28, 15))
    assert len(boxes(other, 4)) == 1
    # It can be taken away.
    assert list(other.shapes.features["label"]).count("11 (not in the project)") == 1
    other.editor.set_boxes({2: [b for b in boxes(other) if b.id != kept.id]})
    assert kept not in boxes(other)


def test_boxes_on_slices_that_moved_or_went(bench, make_bench, images, monkeypatch):
    one = put(bench, index=1)
    put(bench, index=5, label=MASS)
    keys = [slice_id.key for slice_id in bench.editor.slices]
    fewer = images.parent / "fewer"
    fewer.mkdir(exist_ok=True)
    for i in range(1, 5):
        shutil.copy(images / "ct" / f"{i}.dcm", fewer)
    store = bench.store
    monkeypatch.setattr(store, "open_series", lambda *args: open_series(fewer))
    other = make_bench(store=store)
    assert other.errors == []
    assert other.editor.n_slices == 4
    assert boxes(other, 0) == [one]
    assert [round(float(v[0][0])) for v in other.shapes.data] == [0]
    draw(other, (20, 5), (28, 15))
    draft = store.load("job", "ct").annotation
    assert draft.slices[keys[1]].boxes == (one,)
    assert len(draft.slices[keys[5]].boxes) == 1
    assert len(draft.slices[keys[3]].boxes) == 1
    assert set(draft.slices) == {keys[1], keys[3], keys[5]}


def test_a_protected_box_goes_back_to_its_place(make_bench, labels_of):
    bench = make_bench(labels=labels_of("detection"))
    bench.choose(5)
    bench.mouse.drag((5, 5), (15, 20))
    before = bench.shapes.data[0].copy()
    bench.session.protection.toggle(bench.session.label)
    bench.shapes.mode = "select"
    bench.mouse.drag((10, 12), (14, 18))
    np.testing.assert_allclose(bench.shapes.data[0], before)
    bench.shapes.remove([0])
    bench.check()
    assert len(bench.shapes.data) == 1
