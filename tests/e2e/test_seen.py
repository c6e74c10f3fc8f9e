"""Only what was on the screen for a while counts as seen; Submit and review say it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.app._settings import settings_model
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Status

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def seen(driver):
    return sorted(driver.session.seen.indices())


def look_at(driver, index):
    driver.go_to(index)
    driver.wait(lambda: index in driver.session.seen)


def test_a_slice_that_is_looked_at_is_seen(open_case):
    driver = open_case(BRAIN)
    first = driver.session.slice
    driver.wait(lambda: seen(driver) == [first])
    # Many steps without a pause, as with a key that is held down: they flit by.
    for _ in range(6):
        QTest.keyClick(driver.canvas, Qt.Key.Key_Right)
        driver.canvas.repaint()
    assert driver.session.slice == first + 6
    driver.wait(lambda: len(seen(driver)) == 2)
    assert seen(driver) == [first, first + 6]
    # Another plane, a hidden image: not this slice.
    driver.viewer.dims.roll()
    driver.session.slice = 1
    driver.viewer.dims.roll()
    driver.current_job.bridge.image_layer.visible = False
    driver.session.slice = 2
    QTest.qWait(250)
    assert 2 not in driver.session.seen
    driver.current_job.bridge.image_layer.visible = True
    driver.wait(lambda: 2 in driver.session.seen)
    assert "seen" in driver.current_job.strip.bar.text()
    # The next case begins anew; back again, all is as it was.
    before = seen(driver)
    driver.press_action("next_case")
    driver.settle()
    assert len(seen(driver)) <= 1
    driver.press_action("previous_case")
    driver.settle()
    assert set(before) <= set(seen(driver))


def test_submit_tells_of_it_once_and_asks_who_saw_all_nothing(open_case, stored):
    driver = open_case(LUNGS)
    settings_model().ask_seen = True
    n = driver.session.editor.n_slices
    driver.session.editor.set_case_nothing_to_label()
    driver.settle()
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    unseen = driver.session.seen.unseen()
    assert driver.question.text() == f"{len(unseen)} of {n} slices were never shown."
    driver.answer(f"Go to slice {unseen[0] + 1}")
    assert driver.session.slice == unseen[0]
    for index in unseen:
        look_at(driver, index)
    driver.press_action("submit")
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()
    assert driver.question is None
    assert len(stored(LUNGS, "ct-lung").seen) == n


def test_it_can_be_asked_no_more_and_the_reviewer_reads_it(driver):
    settings_model().person = "ana"
    driver.settle()
    driver.open_job(LUNGS)
    driver.annotate()
    settings_model().ask_seen = True
    driver.session.open_next = False
    driver.session.editor.set_case_nothing_to_label()
    driver.settle()
    driver.press_action("submit")
    driver.answer("Submit anyway, do not ask again")
    driver.wait(lambda: driver.session.status is Status.FINISHED)
    assert not settings_model().ask_seen
    driver.settle()
    driver.raise_tab("My Jobs")
    driver.click(driver.back)
    settings_model().person = "bob"
    driver.settle()
    driver.open_review(LUNGS)
    driver.annotate()
    n = driver.session.editor.n_slices
    assert (
        f"{n - 1} of {n} slices were never shown."
        in driver.current_job.panel.who.text()
    )
    assert driver.current_job.strip.bar.text().endswith("1 seen")
    QTest.qWait(250)
    assert len(seen(driver)) == 1
