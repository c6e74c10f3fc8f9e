"""Attributes of labels on slices and of the case, answered through real keys."""

from __future__ import annotations

import json

import pytest
from qtpy.QtWidgets import QWidget

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Status

BRAIN, XRAYS, LUNGS = DEMO_JOBS
MARGIN = {"name": "Margin", "choices": ["sharp", "blurred"], "required": True}


@pytest.fixture
def asking(demo):
    """Let labels of two jobs ask for their margin."""
    for job in (BRAIN, XRAYS):
        path = demo / job / "job.json"
        document = json.loads(path.read_text("utf-8"))
        labels = document["job"]["project"]["label_set"]["labels"]
        for label in labels:
            if label["name"] in ("Tumour", "Usable for training", "Mass"):
                label["attributes"] = [MARGIN]
        path.write_text(json.dumps(document), "utf-8")


def test_attributes_are_answered_by_key_and_wanted_at_submit(asking, open_case, stored):
    driver = open_case(BRAIN)
    job = driver.current_job
    driver.go_to(3)
    driver.press_label("Tumour")
    shown = job.annotate.questions
    driver.wait(lambda: len(shown.fields) == 1)
    driver.press_label("Usable for training")
    driver.wait(lambda: len(shown.fields) == 2)

    # The one at hand goes round; then all by digits.
    driver.press_action("answer")
    driver.press_action("answer")
    driver.settle()
    (content,) = stored(BRAIN, "mr-brain").slices.values()
    assert content.attributes == {4: {"Margin": "blurred"}}
    driver.press_action("undo")
    driver.press_action("undo")
    driver.settle()
    (content,) = stored(BRAIN, "mr-brain").slices.values()
    assert not content.attributes

    driver.press_action("answer_by_digit")
    driver.wait(shown.hasFocus)
    driver.key("1", shown)
    driver.key("2", shown)
    driver.wait(lambda: not shown.hasFocus())
    driver.settle()
    found = stored(BRAIN, "mr-brain")
    assert [c.attributes for c in found.slices.values()] == [{4: {"Margin": "sharp"}}]
    assert found.case_attributes == {6: {"Margin": "blurred"}}

    # Without one, Submit says what is missing where, and leads there.
    driver.press_action("answer_by_digit")
    driver.wait(shown.hasFocus)
    driver.key("Up", shown)
    driver.key("0", shown)
    driver.go_to(0)
    driver.wait(lambda: job.on_screen.is_seen)
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    assert "“Margin” is not answered for Tumour on slice 4." in driver.question.text()
    driver.answer("Go to slice 4")
    driver.wait(shown.hasFocus)
    assert driver.session.slice == 3
    driver.key("1", shown)
    driver.settle()
    assert driver.session.status is Status.REMAINING
    assert driver.session.editor.submit_check().refused is None


def look_away(driver):
    """Go to another window and come back."""
    other = QWidget()
    other.show()
    other.activateWindow()
    driver.wait(other.isActiveWindow)
    other.close()
    window = driver.current_job.main_window
    window.activateWindow()
    driver.wait(window.isActiveWindow)
    other.deleteLater()


def test_one_answer_missing_leads_to_the_next(asking, open_case):
    driver = open_case(BRAIN)
    shown = driver.current_job.annotate.questions
    for index in (2, 5, 7):
        driver.go_to(index)
        driver.press_label("Tumour")
    driver.wait(lambda: driver.current_job.on_screen.is_seen)
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    driver.answer("Go to slice 3")
    for index in (2, 5):
        driver.wait(lambda i=index: shown.hasFocus() and driver.session.slice == i)
        look_away(driver)
        driver.key("1", shown)
    driver.wait(lambda: shown.hasFocus() and driver.session.slice == 7)
    driver.key("Escape", shown)  # left without an answer: it leads nowhere
    driver.wait(lambda: not shown.hasFocus())
    assert len(driver.session.editor.submit_check().unanswered) == 1
    assert driver.session.slice == 7
    driver.wait(lambda: driver.current_job.on_screen.is_seen)  # since the last press
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    driver.answer("Go to slice 8")
    driver.wait(shown.hasFocus)
    driver.key("2", shown)
    driver.wait(lambda: not shown.hasFocus())
    assert driver.session.editor.submit_check().refused is None


def test_answers_missing_at_boxes_are_given_by_digits(asking, open_case, stored):
    driver = open_case(XRAYS)
    shown = driver.current_job.annotate.questions
    driver.press_label("Mass")
    for left in (300, 600):
        driver.drag_pixels([(300, left), (380, left + 80)])
    driver.wait(lambda: driver.current_job.on_screen.is_seen)
    driver.press_action("submit")
    driver.wait(lambda: driver.question is not None)
    assert "slice" not in driver.question.text()  # an X-ray has none
    driver.answer("Answer it")
    editor = driver.session.editor
    for left in (1, 0):
        driver.wait(shown.hasFocus)
        driver.key("2", shown)
        driver.wait(lambda n=left: len(editor.submit_check().unanswered) == n)
    driver.wait(lambda: not shown.hasFocus())
    driver.settle()
    assert editor.submit_check().refused is None
    (content,) = stored(XRAYS, "xray-chest").slices.values()
    assert [box.attributes for box in content.boxes] == [{"Margin": "blurred"}] * 2
