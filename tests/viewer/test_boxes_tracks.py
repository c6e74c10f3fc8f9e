"""Boxes of objects on the Shapes layer: drawn, followed, told apart, at hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_annotate_jobs.editing import delete_track, tracks
from napari_annotate_jobs.model import (
    COLORS,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceId,
    Window,
)
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.viewer._boxes import BoxLayer
from napari_annotate_jobs.viewer._geometry import Geometry

N, SHAPE = 40, (40, 100, 120)
LABELS = LabelSet(
    labels=(
        Label(id=1, name="Nodule", color=COLORS[0], method=Method.DETECTION),
        Label(id=2, name="Mass", color=COLORS[5], method=Method.DETECTION),
    )
)


class Store(MemoryStore):
    def open_series(self, job_id, case_id, **options):
        header = SimpleNamespace(
            slices=tuple(SliceId(index=i) for i in range(N)),
            shape=SHAPE,
            warnings=(),
            unit="HU",
            inverted=False,
            is_color=False,
        )
        windows = (Window(center=50, width=350),)
        return SimpleNamespace(header=header, suggested_windows=lambda: windows)


@pytest.fixture
def session():
    project = Project(name="p", methods=(Method.DETECTION,), label_set=LABELS)
    case = Case(id="one", name="One", series=(SeriesRef(path="one"),))
    store = Store([(Job(id="job", project=project), [case])], person="ann")
    session = AnnotationSession(store, "job")
    session.open_case("one", slice=10)
    yield session
    session.close()


@pytest.fixture
def boxes(session):
    errors = []
    geometry = Geometry(SHAPE, (2.0, 1.0, 1.0), "mm", {})
    boxes = BoxLayer(session, geometry, on_error=errors.append)
    session.slices_changed.connect(boxes.show)
    yield boxes
    boxes.close()
    assert not errors


def draw(boxes, index, top, left=20.0, size=20.0):
    """Draw a rectangle, as napari's tool does."""
    bottom, right = top + size, left + size
    corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
    boxes.layer.add_rectangles(np.array([(index, *c) for c in corners]))


def shapes(boxes):
    """Return what the layer shows: text, edge width, whether tinted; by slice."""
    layer = boxes.layer
    return {
        int(data[0, 0]): (text, width, bool(face[3]))
        for data, text, width, face in zip(
            layer.data,
            layer.features["label"],
            layer.edge_width,
            layer.face_color,
            strict=True,
        )
    }


def test_a_second_box_brings_proposals_that_look_otherwise(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 14, 34)
    assert len(tracks(session.editor)) == 1
    shown = shapes(boxes)
    assert sorted(shown) == [10, 11, 12, 13, 14]
    assert shown[10][0] == "Nodule" and shown[12][0] == "Nodule ?"
    assert shown[12][1] < shown[10][1]
    assert shown[12][2] and not shown[10][2]


def test_only_what_changed_is_drawn_anew(session, boxes, monkeypatch):
    draw(boxes, 10, 30)
    draw(boxes, 20, 34)
    draw(boxes, 10, 70, 70)
    added = []
    add = boxes.layer.add_rectangles
    monkeypatch.setattr(
        boxes.layer,
        "add_rectangles",
        lambda data, **kw: (added.extend(data), add(data, **kw)),
    )
    session.editor.confirm([15])
    assert [int(corners[0][0]) for corners in added] == [15]
    assert len(boxes.layer.data) == 12


def test_dragging_a_proposal_makes_it_a_key(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 14, 30)
    data = [np.array(d) for d in boxes.layer.data]
    place = next(i for i, d in enumerate(data) if d[0, 0] == 12)
    data[place][:, 1] += 6
    boxes.layer.data = data
    (track,) = tracks(session.editor)
    assert track.keys == (10, 12, 14)
    assert track.boxes[11].top == pytest.approx(33)
    assert shapes(boxes)[12][0] == "Nodule"
    assert {int(d[0, 0]): d[0, 1] for d in boxes.layer.data}[13] == pytest.approx(33)


def test_undo_shows_what_was_before(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 14, 30)
    session.undo()
    assert sorted(shapes(boxes)) == [10]
    session.redo()
    assert sorted(shapes(boxes)) == [10, 11, 12, 13, 14]
    assert session.editor.history.undo_text == "Draw box"


def test_deleting_in_the_layer(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 14, 30)
    ids = [int(d[0, 0]) for d in boxes.layer.data]
    session.slice = 14
    boxes.layer.selected_data = {ids.index(14)}
    boxes.layer.remove_selected()
    assert sorted(shapes(boxes)) == [10]
    assert session.editor.history.undo_text == "Delete box"


def test_the_selection_survives_a_redraw(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 14, 30)
    ids = [int(d[0, 0]) for d in boxes.layer.data]
    session.slice = 14
    boxes.layer.selected_data = {ids.index(14)}
    (chosen,) = boxes.selected
    session.editor.confirm(range(N))
    assert boxes.selected == (chosen,)


def test_a_label_chosen_for_a_selected_box_reaches_the_whole_object(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 14, 30)
    boxes.layer.selected_data = {0}
    boxes.choose(LABELS[2])
    assert {b.label for b in tracks(session.editor)[0].boxes.values()} == {2}
    assert {text for text, *_ in shapes(boxes).values()} == {"Mass", "Mass ?"}
    assert session.editor.history.undo_text == "Relabel to Mass"


def test_the_label_written_is_that_of_the_next_box_whatever_is_selected(session, boxes):
    draw(boxes, 10, 30)
    boxes.choose(LABELS[2])
    boxes.layer.selected_data = {0}
    boxes.layer.selected_data = set()
    draw(boxes, 10, 70, 70)
    assert [b.label for b in session.editor.content(10).boxes] == [1, 2]


def test_the_object_at_hand(session, boxes):
    told = []
    boxes.current_changed.connect(lambda: told.append(boxes.current_box))
    assert boxes.current_box is None and boxes.current_track is None
    draw(boxes, 10, 30)
    assert told and told[-1] == session.editor.content(10).boxes[0].id
    draw(boxes, 10, 70, 70)
    first, second = (b.id for b in session.editor.content(10).boxes)
    assert boxes.current_box == second
    boxes.layer.selected_data = {0}
    assert boxes.current_box == first
    session.slice = 20
    assert boxes.current_box is None
    assert boxes.current_track.id == first
    delete_track(session.editor, first)
    assert boxes.current_track is None


def test_of_several_boxes_none_is_at_hand_before_one_was_touched(session, boxes):
    draw(boxes, 10, 30)
    draw(boxes, 10, 70, 70)
    boxes._object = None
    assert boxes.current_box is None and boxes.current_track is None


def test_a_click_is_no_box(session, boxes):
    draw(boxes, 10, 30, size=0.4)
    assert len(boxes.layer.data) == 0
    assert not session.editor.content(10).boxes


def test_a_box_that_reaches_out_of_the_image_is_cut(session, boxes):
    draw(boxes, 10, -30, 90, 60)
    (box,) = session.editor.content(10).boxes
    assert box.corners == (-0.5, 90, 30, 119.5)
    assert boxes.layer.data[0][:, 1].min() == -0.5
