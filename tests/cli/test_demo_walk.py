"""The demo's walk through the real window, and the proof that its files are right."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from napari_annotate_jobs.demo._proof import Stroke, WalkRecord, faults_of
from napari_annotate_jobs.demo._run import run_headless
from napari_annotate_jobs.model import (
    AnnotationChange,
    Box,
    Case,
    Comment,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)
from napari_annotate_jobs.stores import create_job

SHAPE = (40, 50)
STROKE = Stroke("tumour", ((10.0, 10.0), (10.0, 30.0), (25.0, 30.0)), 8.0)
BOX = (3.0, 4.0, 20.0, 30.0)


@pytest.mark.slow
@pytest.mark.window
@pytest.mark.skipif(sys.platform != "linux", reason="needs Xvfb, or a screen to itself")
def test_the_walk_through_the_demo_is_in_its_files(tmp_path, capfd):
    """All three jobs, with mouse and keys, in a process and a window of its own."""
    assert run_headless(tmp_path / "demo") == 0, capfd.readouterr()
    assert "0 faults" not in (out := capfd.readouterr().out)
    assert "all as they were drawn" in out
    assert len(list((tmp_path / "demo" / "pictures").glob("*.png"))) >= 20


# --------------------------------------------- the proof finds what is not right
def painted(stroke=STROKE, label=3):
    return np.where(stroke.distances(SHAPE) <= stroke.width / 2, label, 0)


@pytest.fixture
def prove(tmp_path):
    """Return what the proof finds in a job with this mask, and these changes."""

    def prove(mask=None, record=None, *, submit=True, **content):
        labels = [
            Label(id=1, name="good", color="#E69F00", method=Method.CLASSIFICATION),
            Label(id=2, name="mass", color="#0072B2", method=Method.DETECTION),
            Label(id=3, name="tumour", color="#D55E00", method=Method.SEGMENTATION),
            Label(id=4, name="liver", color="#CC79A7", method=Method.SEGMENTATION),
        ]
        project = Project(
            name="Demo", methods=tuple(Method), label_set=LabelSet(labels=tuple(labels))
        )
        case = Case(id="c", name="C", series=(SeriesRef(path="x"),))
        store = create_job(tmp_path, Job(id="j", project=project), [case], person="ana")
        fields = {
            "class_labels": (1,),
            "boxes": (Box(label=2, **dict(zip(SIDES, BOX, strict=True))),),
        }
        blobs = {}
        mask = painted() if mask is None else mask
        if mask.any():
            ref, data = mask_ref(mask.astype(np.uint16))
            fields["masks"] = {"": ref}
            blobs[ref.digest] = data
        change = AnnotationChange(
            slices={"index:2": SliceAnnotation(index=2, **(fields | content))},
            comments=(Comment(person="ana", text="seen"),),
        )
        store.save("j", "c", change, blobs, base=0)
        if submit:
            store.submit("j", "c", base=1)
        store.close()
        return faults_of(tmp_path, "c", record or recorded())

    return prove


SIDES = ("top", "left", "bottom", "right")


def recorded():
    record = WalkRecord(comments=["seen"], submitted=1)
    slice = record.on(2)
    slice.labels.add("good")
    slice.boxes.append(("mass", BOX))
    slice.strokes.append(STROKE)
    return record


def test_what_is_as_it_was_driven_has_no_faults(prove):
    assert prove() == []


def test_the_edge_of_a_stroke_may_be_a_pixel_off(prove):
    assert prove(np.where(STROKE.distances(SHAPE) <= 3, 3, 0)) == []


WRONG = {
    "a pixel is missing": (10, 20, 0),
    "the end is missing": (slice(20, 40), slice(None), 0),
    "another label": (slice(None), slice(None, 20), 4),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mask_that_is_not_the_stroke(prove, name):
    rows, columns, value = WRONG[name]
    mask = painted()
    part = mask[rows, columns]
    mask[rows, columns] = np.where(part > 0, value, 0)
    assert any("under the brush are not tumour" in fault for fault in prove(mask))


@pytest.mark.parametrize("place", [(35, 5), (16, 30 - 7), (0, 0)])
def test_pixels_beside_the_stroke(prove, place):
    mask = painted()
    mask[place] = 3
    faults = prove(mask)
    assert any("1 pixels are painted beside the strokes" in fault for fault in faults)


@pytest.mark.parametrize("swapped", [False, True])
def test_strokes_that_changed_places(prove, swapped):
    """Each is there, but as the other: with its label, at its place."""
    other = Stroke("liver", ((35.0, 8.0), (35.0, 40.0)), 6.0)
    record = recorded()
    record.on(2).strokes.append(other)
    first, second = (4, 3) if swapped else (3, 4)
    faults = prove(painted(label=first) + painted(other, second), record)
    assert sum("under the brush are not" in fault for fault in faults) == 4 * swapped


def test_a_mask_that_is_farther_off_than_a_brush_is_wide(prove):
    """All that the files say of themselves agrees: only the mouse knows better."""
    faults = prove(np.roll(painted(), 4, axis=1))
    assert any("under the brush" in fault for fault in faults)
    assert any("beside the strokes" in fault for fault in faults)


def test_no_mask_and_a_mask_too_many(prove):
    assert any("0 masks, not 1" in fault for fault in prove(np.zeros(SHAPE, int)))


def test_a_mask_where_nothing_was_painted(prove):
    record = recorded()
    record.on(2).strokes.clear()
    faults = prove(record=record)
    assert any("1 masks where nothing was painted" in fault for fault in faults)


OTHERWISE = {
    "class labels": lambda r: r.on(2).labels.clear(),
    "nothing": lambda r: setattr(r.on(2), "nothing", True),
    "excluded": lambda r: setattr(r.on(2), "excluded", True),
    "another slice": lambda r: r.on(5).labels.add("good"),
    "case labels": lambda r: r.case_labels.add("good"),
    "comments": lambda r: r.comments.append("more"),
    "submissions": lambda r: setattr(r, "submitted", 2),
    "box gone": lambda r: r.on(2).boxes.clear(),
    "box elsewhere": lambda r: r.on(2).boxes.__setitem__(0, ("mass", (5.0, *BOX[1:]))),
    "box of another label": lambda r: r.on(2).boxes.__setitem__(0, ("cyst", BOX)),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_whatever_else_is_not_as_it_was_done(prove, name):
    record = recorded()
    OTHERWISE[name](record)
    assert prove(record=record) != []


def test_what_is_only_in_the_draft_is_not_submitted(prove, tmp_path):
    """The frozen copy is compared by itself."""
    assert prove() == []
    path = next(tmp_path.glob("annotations/c/*/submissions/0001.json"))
    found = json.loads(path.read_text())
    found["submission"]["annotation"]["slices"]["index:2"]["class_labels"] = []
    path.write_text(json.dumps(found))
    faults = faults_of(tmp_path, "c", recorded())
    assert faults
    assert all("last submission" in fault for fault in faults)
