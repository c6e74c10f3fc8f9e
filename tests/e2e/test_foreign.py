"""What is asked, and said, of layers that are not of the open case."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.demo._jobs import DEMO_JOBS

BRAIN, XRAYS, LUNGS = DEMO_JOBS


@pytest.fixture
def beside(driver):
    """Return a driver at a case of X-rays, with a layer that was there before."""
    driver.open_job(XRAYS)
    driver.viewer.add_image(np.full((64, 64), 200.0), name="other patient")
    driver.annotate()
    return driver


def go(driver, action):
    before = driver.session.case.row.case.id
    driver.press_action(action)
    driver.wait(lambda: driver.session.case.row.case.id != before)
    driver.settle()


def test_foreign_layers_are_asked_for_once_and_told_of_as_long_as_they_are_there(
    beside,
):
    driver, layer = beside, beside.viewer.layers["other patient"]
    line = driver.current_job.annotate.aside
    assert "“other patient” is not of this case" in driver.question.text()
    assert not layer.visible
    assert line.isVisible() and "hidden" in line.text.text()
    driver.answer("Keep them shown")
    assert layer.visible
    assert line.isVisible() and "shown" in line.text.text()
    go(driver, "next_case")
    assert driver.question is None
    assert layer.visible and line.isVisible()
    driver.click(line.button)
    driver.answer("Cancel")
    assert layer.visible
    driver.click(line.button)
    driver.answer("Hide them")
    assert not layer.visible
    assert "“other patient” hidden" in line.text.text()
    go(driver, "previous_case")
    assert driver.question is None
    assert not layer.visible
    driver.viewer.layers.remove(layer)
    assert not line.isVisible()


def test_esc_hides_and_another_job_of_the_same_session_asks_no_more(beside):
    driver, layer = beside, beside.viewer.layers["other patient"]
    QTest.keyClick(driver.question, Qt.Key.Key_Escape)
    driver.wait(lambda: driver.question is None)
    assert not layer.visible
    driver.click(driver.back)
    driver.open_job(BRAIN)
    assert layer.visible  # no case is open
    driver.annotate()
    assert driver.question is None
    assert not layer.visible
    assert driver.current_job.annotate.aside.isVisible()


def test_the_question_goes_with_the_last_layer_it_is_about(beside):
    driver = beside
    assert driver.question is not None
    driver.viewer.layers.remove("other patient")
    driver.wait(lambda: driver.question is None)
    assert not driver.current_job.annotate.aside.isVisible()
