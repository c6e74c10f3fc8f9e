"""A nodule boxed across slices in the real window, by mouse and keys."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_annotate_jobs.editing import tracks
from napari_annotate_jobs.model import (
    COLORS,
    Case,
    Decision,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.stores import create_job, open_store


@pytest.fixture
def folder(tmp_path, samples):
    """Return a job of boxes on the slices of a CT."""
    labels = (
        Label(id=1, name="Nodule", color=COLORS[0], method=Method.DETECTION),
        Label(id=2, name="Lymph node", color=COLORS[2], method=Method.DETECTION),
    )
    project = Project(
        name="Nodules", methods=(Method.DETECTION,), label_set=LabelSet(labels=labels)
    )
    case = Case(id="ct", name="CT", series=(SeriesRef(path=str(samples["ct-lung"])),))
    folder = tmp_path / "nodules"
    create_job(folder, Job(id="nodules", project=project), [case]).close()
    return folder


@pytest.fixture
def driver(make_driver, folder):
    driver = make_driver(folder)
    driver.open_job("nodules")
    driver.annotate()
    driver.activate()
    return driver


@pytest.fixture
def boxed(driver):
    """Key boxes on slices 2, 8 and 12 of one nodule."""
    driver.press_label("Nodule")
    for index, place in ((2, 90), (8, 96), (12, 104)):
        driver.session.slice = index
        driver.drag_pixels([(place, 60), (place + 30, 100)])
    return driver


def only(driver):
    (track,) = tracks(driver.session.editor)
    return track


def test_boxed_and_confirmed_and_found_in_the_store(boxed, folder):
    assert only(boxed).keys == (2, 8, 12)
    assert only(boxed).proposals == (3, 4, 5, 6, 7, 9, 10, 11)
    section = boxed.current_job.annotate.boxes
    assert section.isVisible()
    assert section.about.text() == "Nodule · slices 3–13 · 3 keys · 8 to confirm"
    boxed.click(section.buttons["confirm_object"])
    assert not only(boxed).proposals
    boxed.settle()
    with_store = open_store(str(folder))
    try:
        contents = with_store.load("nodules", "ct").annotation.slices.values()
    finally:
        with_store.close()
    found = {c.index: c for c in contents}
    assert sorted(found) == list(range(2, 13))
    assert {c.decision for c in found.values()} == {Decision.LABELLED}
    assert len({c.boxes[0].track for c in found.values()}) == 1
    assert found[5].boxes[0].top == pytest.approx(
        (found[2].boxes[0].top + found[8].boxes[0].top) / 2, abs=0.01
    )


def test_a_proposal_dragged_with_the_mouse_is_a_key(boxed):
    driver, session = boxed, boxed.session
    session.slice = 5
    before = only(driver).boxes
    driver.current_job.bridge.boxes.layer.mode = "select"
    row, column = before[5].top + 15, 80
    driver.drag_pixels([(row, column), (row + 20, column)])
    after = only(driver).boxes
    assert only(driver).keys == (2, 5, 8, 12)
    moved = after[5].top - before[5].top
    assert moved == pytest.approx(20, abs=2)
    assert after[4].top - before[4].top == pytest.approx(moved * 2 / 3, abs=0.1)
    assert after[10].corners == before[10].corners
    driver.press_action("undo")
    assert only(driver).boxes == before
    assert session.slice == 5


def test_the_object_leaves_and_is_extended_from_the_strip(boxed):
    boxed.session.slice = 10
    boxed.press_action("object_leaves")
    assert list(only(boxed).boxes) == [*range(2, 10), 12]
    boxed.press_action("undo")
    boxed.session.slice = 12
    boxed.select(13, 15)
    boxed.press_action("extend_object")
    assert list(only(boxed).boxes) == list(range(2, 16))
    assert boxed.session.editor.cell(15).proposals


def test_extended_from_the_propagate_panel(boxed):
    boxed.press_action("propagate")
    boxed.settle()
    panel = boxed.current_job.propagate
    entries = [panel.what.itemText(i) for i in range(panel.what.count())]
    place = entries.index("Extend the object")
    panel.what.setCurrentIndex(place)
    panel.what.activated.emit(place)
    boxed.settle()
    boxed.click(panel.apply)
    assert list(only(boxed).boxes) == list(range(2, 16))


def test_cut_and_joined_by_key(boxed):
    boxed.session.slice = 8
    boxed.press_action("cut_object")
    assert [list(t.boxes) for t in tracks(boxed.session.editor)] == [
        list(range(2, 8)),
        list(range(8, 13)),
    ]
    boxed.press_action("join_object")
    assert list(only(boxed).boxes) == list(range(2, 13))


def test_a_box_of_its_own_and_another_label(boxed):
    boxed.session.slice = 12
    boxed.press_action("separate_box")
    first, second = tracks(boxed.session.editor)
    assert (first.stop, list(second.boxes)) == (8, [12])
    boxed.current_job.annotate.boxes.label.menu().actions()[1].trigger()
    assert tracks(boxed.session.editor)[1].label == 2
    assert boxed.current_job.annotate.boxes.about.text() == "Lymph node · slice 13"


def test_deleting_an_object_and_nothing_at_hand(boxed):
    boxed.press_action("delete_object")
    assert not tracks(boxed.session.editor)
    assert not boxed.current_job.annotate.boxes.buttons["delete_object"].isEnabled()
    boxed.key("Ctrl+Z")
    assert only(boxed).keys == (2, 8, 12)


def test_a_submitted_case_offers_nothing(boxed):
    boxed.session.open_next = False
    boxed.press_action("confirm_object")
    boxed.press_action("submit")
    boxed.answer("Mark them")
    boxed.settle()
    assert boxed.session.locked
    assert not boxed.current_job.annotate.boxes.isVisible()
    before = only(boxed)
    boxed.press_action("delete_object")
    assert only(boxed) == before


def test_the_menu_can_be_reached_by_key(boxed, qtbot):
    more = boxed.current_job.annotate.boxes.more
    more.setFocus()
    qtbot.waitUntil(more.hasFocus)
    qtbot.keyClick(more, Qt.Key.Key_Tab)
    assert not more.hasFocus()
