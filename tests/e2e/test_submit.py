"""Submit: what it asks, what it locks, and what comes back from a reviewer."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton

from napari_annotate_jobs.app._asks import notifications
from napari_annotate_jobs.app._settings import settings_model
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Comment, Status
from napari_annotate_jobs.stores import open_store

BRAIN, XRAYS, LUNGS = DEMO_JOBS


@pytest.fixture
def give_back(demo):
    """Return a function with which a reviewer returns a case."""

    def return_(job, case, index, text):
        mine = open_store(str(demo))
        review = open_store(str(demo), person="reviewer")
        try:
            comment = Comment(person="reviewer", text=text, index=index)
            review.return_case(job, case, [comment], person=mine.person)
        finally:
            mine.close()
            review.close()

    return return_


def test_refused_when_nothing_was_said(open_case):
    driver = open_case(BRAIN)
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    assert "nothing" in driver.question.text().lower()
    driver.answer("OK")
    assert driver.session.status is Status.REMAINING


def test_undecided_slices_are_asked_about(open_case, stored):
    driver = open_case(BRAIN)
    driver.go_to(0)
    driver.press_label("Tumour")
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    assert driver.question.text() == "19 slices are still undecided."
    driver.answer("Go to slice 2")
    assert driver.session.slice == 1
    assert driver.session.status is Status.REMAINING
    driver.wait(lambda: driver.current_job.on_screen.is_seen)  # no key that rattles
    driver.press_action("submit")
    driver.answer("Mark them")
    driver.wait(lambda: driver.session.case.row.case.id == "mr-brain-tumour")
    driver.settle()
    found = stored(BRAIN, "mr-brain")
    assert sum(c.nothing_to_label for c in found.slices.values()) == 19


def test_enter_at_a_question_about_one_image_changes_nothing(open_case):
    """It has no slice to go to, which is the first answer elsewhere."""
    driver = open_case(XRAYS)
    editor = driver.session.editor
    driver.press_label("Mass")
    driver.drag_pixels([(300, 300), (380, 380)])
    driver.settle()
    (mass,) = editor.content(0).boxes
    editor.set_boxes({0: [mass, mass.evolve(id="twin", track="twin")]})
    driver.wait(lambda: driver.current_job.on_screen.is_seen)
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    box = driver.question
    assert box.text() == "Two boxes Mass lie exactly on top of each other."
    assert [button.text() for button in box.buttons()] == [
        "Back to the image",
        "Delete the upper ones, and submit",
        "Submit all",
    ]
    driver.key("Return", box)
    driver.wait(lambda: driver.question is None)
    assert driver.session.status is Status.REMAINING
    assert len(editor.content(0).boxes) == 2


def test_submit_anyway_leaves_them_undecided(open_case, stored):
    driver = open_case(BRAIN)
    driver.press_label("Tumour")
    driver.press_action("submit")
    driver.answer("Submit anyway")
    driver.wait(lambda: driver.session.case.row.case.id == "mr-brain-tumour")
    driver.settle()
    assert len(stored(BRAIN, "mr-brain").slices) == 1


def test_submitted_case_is_locked(open_case, stored):
    driver = open_case(LUNGS)
    driver.session.open_next = False
    driver.negate_and_submit()
    driver.wait(lambda: driver.session.locked)
    driver.settle()
    before = stored(LUNGS, "ct-lung")
    layer = driver.viewer.layers["Segmentation"]
    for name in ("Tumour", "Motion artefact"):
        driver.press_label(name)
    driver.key("2")  # napari's key for painting
    driver.drag_pixels([(100, 100), (120, 120)])
    for action in ("nothing_to_label", "exclude", "undo", "propagate", "submit"):
        driver.press_action(action)
    driver.settle()
    assert driver.question is None
    assert not np.asarray(layer.data).any()
    assert not layer.editable
    assert stored(LUNGS, "ct-lung") == before
    dock = driver.current_job.annotate
    assert not dock.submit.isEnabled()
    assert "read-only" in dock.notice.text()


def test_one_key_negates_submits_and_goes_on(open_case, demo):
    driver = open_case(XRAYS)
    driver.press_action("nothing_submit_next")
    driver.wait(lambda: driver.session.case.row.case.id == "xray-leg")
    driver.settle()
    driver.press_action("nothing_submit_next")
    driver.wait(lambda: driver.session.locked)
    driver.settle()
    store = open_store(str(demo))
    try:
        assert store.counts(XRAYS).finished == 2
        assert not store.check()
    finally:
        store.close()
    # All jobs of the demo are due on one day: the first one listed comes next.
    jobs = [summary.job for summary in driver.station.summaries]
    following = next(job for job in jobs if job.id != XRAYS)
    told = f"All cases of this job are finished. {following.name} has 2 cases left."
    (notice,) = (n for n in notifications() if n.message.text() == told)
    (button,) = notice.row2_widget.findChildren(QPushButton)
    assert button.text() == "Open it"
    driver.click(button)
    driver.wait(lambda: driver.session.job.id == following.id)
    driver.settle()
    assert told not in [n.message.text() for n in notifications()]
    assert driver.my_jobs.page.isVisible()


def test_one_key_asks_before_it_decides_what_is_not_shown(open_case):
    driver = open_case(LUNGS)
    driver.press_label("Motion artefact")
    driver.press_action("nothing_submit_next")
    driver.wait(lambda: driver.question is not None)
    assert "15 undecided slices" in driver.question.text()
    driver.answer("Cancel")
    driver.settle()
    assert not driver.session.locked
    assert len(driver.session.editor.undecided()) == 15
    try:
        driver.press_action("nothing_submit_next")
        driver.answer("Mark and submit, do not ask again")
        driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
        driver.settle()
        driver.press_action("nothing_submit_next")
        driver.wait(lambda: driver.session.locked)
        driver.settle()
        assert not settings_model().ask_rest
    finally:
        settings_model().ask_rest = True


def test_returned_case_is_shown_and_submitted_again(open_case, give_back, demo):
    driver = open_case(LUNGS)
    driver.negate_and_submit()
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()
    give_back(LUNGS, "ct-lung", 5, "There is a tumour here")
    driver.raise_tab("My Jobs")
    driver.click(driver.back)
    driver.settle()
    driver.open_job(LUNGS)
    driver.annotate()
    session, dock = driver.session, driver.current_job.annotate
    assert session.case.row.case.id == "ct-lung"
    assert session.status is Status.RETURNED
    assert session.slice == 5
    assert "reviewer" in dock.notice.text()
    assert not dock.comment_box.is_folded
    driver.press_label("Tumour")
    driver.drag_pixels([(180, 170), (190, 180)])
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    assert driver.question.text() == "1 thread is still open."
    driver.answer("Go to the first")
    driver.press_action("resolve_thread")
    driver.settle()
    driver.press_action("submit")
    driver.wait(lambda: driver.session.case.row.case.id == "ct-lung-nodule")
    driver.settle()
    store = open_store(str(demo))
    try:
        assert [s.number for s in store.submissions(LUNGS, "ct-lung")] == [1, 2]
        assert store.case(LUNGS, "ct-lung").status is Status.FINISHED
        assert not store.check()
    finally:
        store.close()
