"""One submits, another reviews, in one real window: with the keys people press."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton, QToolButton

from napari_annotate_jobs.app._settings import settings_model
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import (
    AnnotationChange,
    ReviewStatus,
    SliceAnnotation,
    Status,
    mask_ref,
)
from napari_annotate_jobs.stores import open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS


@pytest.fixture
def become(driver):
    """Return a function with which another person sits down at the window."""

    def become_(name):
        open_job = driver.station.current_job
        if open_job is not None:
            if open_job.session.is_open:
                driver.raise_tab("My Jobs")
            driver.click(driver.back)
        settings_model().person = name
        driver.settle()

    return become_


def button(dock, name):
    """Return the first button of the list of threads that is called so."""
    buttons = dock.comments.threads.findChildren(QToolButton)
    return next(b for b in buttons if b.isVisible() and b.accessibleName() == name)


@pytest.fixture
def rows(demo):
    """Return a function that reads what a reviewer's list says."""

    def read(job, *, people=False):
        with open_store(str(demo), person="bob") as store:
            found = store.reviews(job).rows
        more = [(row.person,) if people else () for row in found]
        rows = [(r.case.id, r.status, r.number) for r in found]
        return [(*row, *person) for row, person in zip(rows, more, strict=True)]

    return read


@pytest.fixture
def name_people(demo):
    """Return a function that writes into a job who does what."""

    def name(job, **people):
        for path in demo.glob("*/job.json"):
            found = json.loads(path.read_text())
            if found["job"]["id"] == job:
                found["job"] |= people
                path.write_text(json.dumps(found))

    return name


def write(driver, text):
    panel = driver.current_job.panel
    driver.wait(panel.line.hasFocus)
    QTest.keyClicks(panel.line, text)
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    driver.settle()


def test_who_does_not_annotate_reviews_or_only_looks(driver, become, name_people):
    name_people(BRAIN, annotators=["ana"], reviewers=["bob"])
    become("bob")
    driver.open_job(BRAIN)
    page = driver.my_jobs.page
    switch = page.findChild(QPushButton, "switch_review")
    assert not switch.isVisible()
    assert driver.current_job.review is not None
    assert page.findChild(QPushButton, "open_first").text() == "Nothing submitted yet"
    become("zoe")
    driver.open_job(BRAIN)
    assert not switch.isVisible()
    driver.annotate()
    driver.press_label("Artefact")
    dock = driver.current_job.annotate
    assert dock.notice.text().startswith("Read-only: zoe is not among the annotators")
    assert not dock.submit.isEnabled()
    assert not driver.session.editor.content(driver.session.slice).class_labels


def test_submitted_returned_fixed_and_passed(driver, become, rows, demo):
    become("ana")
    driver.open_job(LUNGS)
    driver.annotate()
    driver.negate_and_submit()
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()

    become("bob")
    driver.open_review(LUNGS)
    driver.annotate()
    panel = driver.current_job.panel
    assert panel.case_name.text() == driver.session.case.row.case.name
    assert panel.who.text().startswith("ana · ")
    layer = driver.viewer.layers["Segmentation"]
    driver.key("2")  # napari's key for painting
    driver.drag_pixels([(100, 100), (120, 120)])
    driver.press_action("nothing_to_label")
    assert not layer.data.any() and not layer.editable
    driver.go_to(6)
    driver.press_action("return_case")
    write(driver, "There is a tumour")
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.RETURNED, 1)]
    assert "returned" in panel.state.text()
    driver.press_action("undo")
    driver.wait(lambda: not panel.state.text())
    driver.settle()
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.WAITING, 1)]
    assert not driver.current_job.threads.threads  # what was taken back is said no more
    assert panel.line.text() == "There is a tumour"  # but need not be typed again
    QTest.mouseClick(panel.line, Qt.MouseButton.LeftButton)
    QTest.keyClick(panel.line, Qt.Key.Key_Escape)
    panel.line.clear()
    for index in (8, 6, 7):
        driver.go_to(index)
        driver.click_pixel(180, 170 + index)
        driver.write_comment(f"A tumour on slice {index}")
    driver.press_action("return_case")
    driver.settle()
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.RETURNED, 1)]

    become("ana")
    driver.open_job(LUNGS)
    driver.annotate()
    dock, threads = driver.current_job.annotate, driver.current_job.threads
    assert driver.session.status is Status.RETURNED
    assert driver.session.slice == 6
    assert threads.find(threads.current).first.text == "A tumour on slice 6"
    assert dock.comment_box.head.text() == "Comments (3, 3 open)"
    pins = driver.current_job.bridge.pins.layer
    assert sorted(pins.data[:, 0].tolist()) == [6, 7, 8]
    assert pins.data[-1].round().tolist() == [6, 180, 176]  # the one at hand
    assert pins.size[-1] > pins.size[0]
    assert dock.history.box.head.text() == "Rounds: returned by bob"
    driver.press_action("next_thread")
    assert driver.session.slice == 7
    QTest.mouseClick(button(dock, "Reply"), Qt.MouseButton.LeftButton)
    driver.wait(dock.comments.line.hasFocus)
    QTest.keyClicks(dock.comments.line, "It is a vessel")
    QTest.keyClick(dock.comments.line, Qt.Key.Key_Return)
    driver.settle()
    first = min(threads.threads, key=lambda t: t.first.index)
    assert [c.text for c in first.comments][1:] == ["It is a vessel"]
    driver.press_action("resolve_thread")
    driver.settle()
    assert driver.session.slice == 8
    driver.go_to(6)
    driver.press_label("Tumour")
    driver.drag_pixels([(180, 170), (190, 180)])
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    assert driver.question.text() == "2 threads are still open."
    driver.answer("Submit anyway")
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()

    become("bob")
    driver.open_review(LUNGS)
    driver.annotate()
    panel = driver.current_job.panel
    assert "revised" in panel.who.text()
    driver.wait(lambda: panel.differences.count() > 0)
    assert panel.differences.item(0).text().startswith("Slice 7: ")
    assert driver.current_job.strip.bar.text().startswith("15 agree · 1 differ")
    compared = driver.current_job.bridge.compared.layer
    assert set(np.unique(compared.data[6])) == {0, 1}  # there was nothing before
    driver.go_to(0)
    driver.press_action("next_change")
    assert driver.session.slice == 6
    driver.wait(lambda: driver.current_job.on_screen.is_seen)
    driver.press_action("pass_case")
    driver.settle()
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.PASSED, 2)]
    with open_store(str(demo)) as store:
        assert not store.check()


def test_a_submission_is_taken_back_on_its_case(driver, become, rows):
    become("ana")
    driver.open_job(LUNGS)
    driver.session.open_next = False
    driver.annotate()
    assert not driver.current_job.annotate.take_back.isVisible()
    driver.negate_and_submit()
    driver.wait(lambda: driver.session.locked)
    driver.settle()
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.WAITING, 1)]
    driver.click(driver.current_job.annotate.take_back)
    driver.wait(lambda: not driver.session.locked)
    driver.settle()
    assert rows(LUNGS) == []
    assert driver.session.status is Status.REMAINING
    assert not driver.current_job.annotate.take_back.isVisible()


def test_boxes_are_pinned_and_all_that_waits_passes(driver, become, rows):
    become("ana")
    driver.open_job(XRAYS)
    driver.annotate()
    driver.press_label("Mass")
    for corners in ([(300, 550), (380, 620)], [(430, 540), (510, 630)]):
        driver.drag_pixels(corners)
    driver.press_action("submit")
    driver.wait(lambda: driver.session.case.row.case.id == "xray-leg")
    driver.settle()
    driver.press_action("nothing_submit_next")
    driver.wait(lambda: driver.session.locked)
    driver.settle()

    become("bob")
    driver.open_review(XRAYS)
    driver.annotate()
    panel, open_job = driver.current_job.panel, driver.current_job
    second = driver.session.editor.content(0).boxes[1]
    driver.click_pixel(100, 100)
    assert panel.about.currentText() == "at place"
    driver.click_pixel(470, 600)
    assert panel.about.currentText() == "on object"
    driver.write_comment("Too large")
    (thread,) = open_job.threads.threads
    assert thread.first.object == second.id
    assert thread.first.label == second.label
    assert len(open_job.bridge.pins.layer.data) == 2  # it, and what is clicked
    driver.raise_tab("My Jobs")
    page = driver.my_jobs.page
    page.setFocus()
    driver.key("Alt+A", page)
    driver.answer("Pass 2")
    driver.settle()
    assert {row[1] for row in rows(XRAYS)} == {ReviewStatus.PASSED}
    driver.raise_tab("Review")
    driver.press_action("undo")
    driver.settle()
    assert {row[1] for row in rows(XRAYS)} == {ReviewStatus.WAITING}


def read_by(demo, person, rows):
    """Let somebody submit the first CT: a square on slice 6, so many rows high."""
    with open_store(str(demo), person=person) as store:
        header = store.open_series(LUNGS, "ct-lung").header
        mask = np.zeros(header.shape[1:3], np.uint8)
        mask[100 : 100 + rows, 100:120] = 1
        ref, data = mask_ref(mask)
        content = SliceAnnotation(index=6, masks={"": ref})
        said = AnnotationChange(slices={header.slices[6].key: content})
        base = store.save(LUNGS, "ct-lung", said, {ref.digest: data}, base=0)
        store.submit(LUNGS, "ct-lung", base=base)


def test_two_readings_side_by_side_and_a_copy_corrected(driver, become, rows, demo):
    read_by(demo, "ana", 20)
    read_by(demo, "ben", 30)
    become("bob")
    driver.open_review(LUNGS)
    driver.annotate()
    open_job, viewer = driver.current_job, driver.viewer
    bridge, grid = open_job.bridge, viewer.canvas.grid
    driver.press_action("side_by_side")
    driver.settle()
    driver.wait(lambda: bridge.beside.is_shown)
    assert grid.enabled and open_job.panel.beside.isChecked()
    assert bridge.beside.layers[0].name == "ben"
    assert (bridge.beside.layers[1].data[6] == 1).sum() == 30 * 20
    driver.press_action("side_by_side")
    driver.settle()
    assert not grid.enabled
    assert set(np.unique(bridge.compared.layer.data[6])) == {0, 1, 2}
    assert "ben" in open_job.panel.legend.text()
    driver.press_action("compare")
    assert bridge.compared.layer is None
    assert viewer.layers["Segmentation"].opacity == pytest.approx(0.55)

    driver.press_action("correct_case")
    driver.wait(lambda: open_job.is_correcting and driver.session.is_open)
    driver.settle()
    assert open_job.annotate.isVisible() and not open_job.panel.isVisible()
    driver.press_label("Tumour")
    driver.drag_pixels([(140, 110), (150, 112)])
    driver.settle()
    driver.press_action("correct_case")  # and back: the copy is kept
    driver.wait(lambda: not open_job.is_correcting and driver.session.is_open)
    driver.settle()
    assert driver.session.locked and open_job.panel.isVisible()
    assert (driver.session.editor.mask(6) == 1).sum() == 20 * 20
    driver.press_action("correct_case")
    driver.wait(lambda: open_job.is_correcting and driver.session.is_open)
    driver.settle()
    assert (driver.session.editor.mask(6) == 1).sum() > 20 * 20
    driver.press_action("submit")
    driver.answer("Submit anyway")
    driver.wait(lambda: open_job.panel.who.text().startswith("ben"))
    driver.settle()
    assert not open_job.is_correcting and open_job.panel.isVisible()
    states = {(person, status) for _, status, _, person in rows(LUNGS, people=True)}
    assert states == {("ana", ReviewStatus.PASSED), ("ben", ReviewStatus.WAITING)}
    with open_store(str(demo), person="bob") as store:
        (copy,) = store.submissions(LUNGS, "ct-lung", of="ana")
        assert (copy.author, copy.annotation.corrects.person) == ("bob", "ana")
        assert not store.check()
    driver.press_action("undo")
    driver.settle()
    assert {row[1] for row in rows(LUNGS)} == {ReviewStatus.WAITING}
