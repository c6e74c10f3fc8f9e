"""One window, four ways to set it, all in step."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Window
from napari_annotate_jobs.testing._drive import RIGHT

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def in_step(driver):
    window, control = driver.session.window, driver.current_job.window_control
    layer = driver.current_job.bridge.image_layer
    assert layer.contrast_limits == pytest.approx(window.limits)
    assert control.level.value() == pytest.approx(window.center, abs=0.06)
    assert control.width_.value() == pytest.approx(window.width, abs=0.06)
    return window


def test_drag_preset_fields_and_slider_in_step(open_case):
    driver = open_case(LUNGS)
    start = in_step(driver)
    middle = driver.canvas.rect().center()
    driver.drag([middle, middle + QPoint(60, 40)], RIGHT)
    dragged = in_step(driver)
    assert dragged.width > start.width  # right is wider
    assert dragged.center > start.center  # down is a higher level, so darker
    driver.press_action("preset_5")
    assert (in_step(driver).center, in_step(driver).width) == (40, 80)
    control = driver.current_job.window_control
    for box, text in ((control.level, "50"), (control.width_, "350")):
        box.selectAll()
        driver.type_text(text, box)
    driver.canvas.setFocus()
    assert (in_step(driver).center, in_step(driver).width) == (50, 350)
    driver.current_job.bridge.image_layer.contrast_limits = (
        -160,
        240,
    )  # napari's slider
    low_high = Window(center=40, width=400, function="LINEAR_EXACT").limits
    assert in_step(driver).limits == pytest.approx(low_high)
    driver.click(control.reset)
    assert in_step(driver).limits == start.limits


def test_invert_and_read_out(open_case):
    driver = open_case(BRAIN)
    label = driver.current_job.around.read_out
    assert label.isVisible()
    assert "11 / 20" in label.text()
    assert not driver.viewer.canvas.overlays.text.visible
    layer = driver.current_job.bridge.image_layer
    driver.click(driver.current_job.window_control.invert)
    assert layer.colormap.name == "gray_r"
    driver.click(driver.current_job.window_control.reset)
    assert layer.colormap.name == "gray"


def test_sliders_of_napari_and_ours_move_together(open_case):
    driver = open_case(BRAIN)
    driver.go_to(3)
    assert driver.viewer.dims.current_step[0] == 3
    driver.key("Right")
    assert driver.session.slice == 4
    assert driver.current_job.strip.track.current == 4
