"""One submits, another reviews, in one real window: with the keys people press."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton

from napari_annotate_jobs.app._settings import settings_model
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import ReviewStatus, Status
from napari_annotate_jobs.stores import open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS


@pytest.fixture
def become(driver):
    """Return a function with which another person sits down at the window."""

    def become_(name):
        if driver.station.desk is not None:
            driver.raise_tab("My Jobs")
            driver.click(driver.back)
        settings_model().person = name
        driver.settle()

    yield become_
    settings_model().person = ""


@pytest.fixture
def rows(demo):
    """Return a function that reads what a reviewer's list says."""

    def read(job):
        with open_store(str(demo), person="bob") as store:
            return [(r.case.id, r.status, r.number) for r in store.reviews(job).rows]

    return read


def review(driver, job):
    driver.open_job(job)
    before = driver.station.desk
    driver.click(driver.my_jobs.page.findChild(QPushButton, "review"))
    driver.wait(lambda: driver.station.desk not in (None, before))
    driver.settle()
    assert driver.desk.review is not None


def write(driver, text):
    panel = driver.desk.panel
    driver.wait(panel.line.hasFocus)
    QTest.keyClicks(panel.line, text)
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    driver.settle()


def test_submitted_returned_fixed_and_passed(driver, become, rows, demo):
    become("ana")
    driver.open_job(LUNGS)
    driver.annotate()
    driver.negate_and_submit()
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()

    become("bob")
    review(driver, LUNGS)
    driver.annotate()
    panel = driver.desk.panel
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
    driver.go_to(6)
    driver.press_action("return_case")
    write(driver, "There is a tumour")
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.RETURNED, 1)]

    become("ana")
    driver.open_job(LUNGS)
    driver.annotate()
    assert driver.session.status is Status.RETURNED
    assert driver.session.slice == 6
    driver.press_label("Tumour")
    driver.drag_pixels([(180, 170), (190, 180)])
    driver.press_action("submit")
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()

    become("bob")
    review(driver, LUNGS)
    driver.annotate()
    panel = driver.desk.panel
    assert "revised" in panel.who.text()
    driver.wait(lambda: panel.differences.count() > 0)
    assert panel.differences.item(0).text().startswith("Slice 7: ")
    driver.go_to(0)
    driver.press_action("next_change")
    assert driver.session.slice == 6
    driver.wait(lambda: driver.desk.on_screen.is_seen)
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
    assert not driver.desk.annotate.take_back.isVisible()
    driver.negate_and_submit()
    driver.wait(lambda: driver.session.locked)
    driver.settle()
    assert rows(LUNGS) == [("ct-lung", ReviewStatus.WAITING, 1)]
    driver.click(driver.desk.annotate.take_back)
    driver.wait(lambda: not driver.session.locked)
    driver.settle()
    assert rows(LUNGS) == []
    assert driver.session.status is Status.REMAINING
    assert not driver.desk.annotate.take_back.isVisible()
