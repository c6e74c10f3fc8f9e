"""What stands around the image: sides of the patient, scale bar, frame, and room."""

from __future__ import annotations

import pytest
from qtpy.compat import isalive
from qtpy.QtCore import QSize
from qtpy.QtWidgets import QDockWidget

from napari_annotate_jobs.app import _around_image
from napari_annotate_jobs.app._settings import settings_model
from napari_annotate_jobs.app.controllers._surroundings import PEEK, SUBMITTED
from napari_annotate_jobs.demo._jobs import DEMO_JOBS

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def edges(driver):
    return driver.current_job.around.surroundings.edges


def written(driver):
    return [label.text() for label in edges(driver).letters if label.isVisible()]


def napari_docks(driver):
    return {
        dock.objectName(): dock.isVisible()
        for dock in driver.window.findChildren(QDockWidget)
        if dock.objectName() in ("layer list", "layer controls")
    }


def test_a_small_screen_gives_the_image_the_room(open_case, monkeypatch):
    """As 1920 x 1080 at 200 %: the window would be larger than the screen."""
    monkeypatch.setattr(_around_image, "LEAST", QSize(5000, 500))
    driver = open_case(BRAIN)
    assert not any(napari_docks(driver).values())
    assert edges(driver).room.isChecked()
    assert not settings_model().room  # not what the person chose
    driver.click(edges(driver).room)
    driver.settle()
    assert all(napari_docks(driver).values())
    assert not edges(driver).room.isChecked()
    driver.press_action("next_case")
    driver.settle()
    assert all(napari_docks(driver).values())


def test_sides_scale_room_and_frame(open_case):
    driver = open_case(BRAIN)
    bar = driver.current_job.around.surroundings.bar
    assert written(driver) == ["R", "L", "A", "P"]
    assert bar.isVisible()
    zoom = driver.viewer.scene.camera.zoom
    assert bar.length == pytest.approx(zoom * float(bar.text().removesuffix(" mm")))
    left, right, top, bottom = edges(driver).letters
    assert left.x() < top.x() < right.x()
    assert top.y() < left.y() < bottom.y()
    driver.viewer.dims.roll()
    driver.settle()
    assert written(driver) == ["A", "P", "H", "F"]
    driver.current_job.bridge.show_acquired()

    for action, is_seen in (
        ("letters", lambda: bool(written(driver))),
        ("scale_bar", lambda: bar.isVisible()),
    ):
        driver.press_action(action)
        assert not is_seen()
        assert not getattr(settings_model(), action)
        driver.press_action(action)
        assert is_seen()

    before = driver.canvas.width()
    driver.press_action("room")
    driver.settle()
    assert not any(napari_docks(driver).values())
    assert driver.canvas.width() > before
    assert settings_model().room
    assert edges(driver).room.isChecked()
    driver.click(edges(driver).room)
    assert all(napari_docks(driver).values())

    assert driver.current_job.annotate.place.text() == "1 / 2 · 2 left"
    assert not any(part.isVisible() for part in edges(driver).frame)
    driver.negate_and_submit()
    driver.settle()
    driver.press_action("previous_case")
    driver.settle()
    assert driver.session.locked
    assert all(part.isVisible() for part in edges(driver).frame)
    assert driver.current_job.annotate.place.text() == "1 / 2 · 1 left"
    driver.click(driver.current_job.annotate.place)
    assert driver.table.isVisible()
    assert SUBMITTED in edges(driver).frame[0].styleSheet()
    driver.current_job.close()
    assert not (isalive(bar) and bar.isVisible())


def test_peeking_lasts_as_long_as_the_key_is_held(open_case, monkeypatch, qtbot):
    driver = open_case(BRAIN)
    open_job = driver.current_job
    driver.press_action("peek")  # pressed and let go of at once: it stays hidden
    qtbot.waitUntil(lambda: open_job.around.peek.is_over)
    assert open_job.bridge.is_hidden
    assert "hidden" in open_job.around.read_out.text()
    assert edges(driver).peek.isChecked()
    driver.click(edges(driver).peek)
    assert not open_job.bridge.is_hidden
    monkeypatch.setattr(open_job.around.peek, "held_for", lambda: PEEK + 1)
    driver.press_action("peek")
    qtbot.waitUntil(lambda: open_job.around.peek.is_over)
    assert not open_job.bridge.is_hidden
