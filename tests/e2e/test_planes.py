"""Three planes in a real window: shown, painted in, and gone with the case."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from napari.qt import QtViewer
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.app._asks import notifications
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.stores import create_job

BRAIN, XRAYS, LUNGS = DEMO_JOBS


@pytest.fixture
def planes(open_case):
    """Return a driver with three planes of the brain on the screen."""
    driver = open_case(BRAIN)
    driver.press_action("three_planes")
    driver.settle()
    assert driver.current_job.planes.is_on
    return driver


def canvases(driver):
    return [canvas.canvas for canvas in driver.current_job.planes._canvases]


def test_they_come_and_go(planes):
    driver = planes
    edges = driver.current_job.around.surroundings.edges
    assert edges.planes.isChecked()
    assert all(canvas.isVisible() for canvas in canvases(driver))
    titles = [c._marks.title.text() for c in driver.current_job.planes._canvases]
    assert [title.split()[0] for title in titles] == ["Coronal", "Sagittal"]
    assert driver.canvas not in canvases(driver)
    for image in [canvas.grabFramebuffer() for canvas in canvases(driver)]:
        middle, width = image.height() // 2, image.width()
        line = [image.pixelColor(x, middle).lightness() for x in range(0, width, 3)]
        assert len(set(line)) > 5, "nothing was drawn"
    driver.click(edges.planes)
    driver.settle()
    assert not driver.current_job.planes.is_on and not edges.planes.isChecked()
    for _ in range(2):  # again, and quickly
        driver.press_action("three_planes")
    assert not driver.current_job.planes.is_on
    driver.press_action("three_planes")
    driver.settle()
    driver.viewer.theme = "light"
    driver.settle()
    views = driver.current_job.bridge.planes.views
    assert all(view.model.theme == "light" for view in views)
    # by napari's key in another plane
    driver.key("Ctrl+Shift+T", canvases(driver)[0])
    driver.settle()
    assert driver.viewer.theme != "light"
    assert all(view.model.theme == driver.viewer.theme for view in views)


def test_a_stroke_in_another_plane_is_saved_and_undone(open_case, stored):
    driver = open_case(LUNGS)
    driver.press_action("three_planes")
    driver.settle()
    driver.press_label("Tumour")
    canvas = canvases(driver)[0]
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    driver.drag([middle, middle + QPoint(0, 30)], widget=canvas)
    driver.settle()
    name = driver.session.case.row.case.id
    painted = [c for c in stored(LUNGS, name).slices.values() if c.masks]
    assert len(painted) > 1
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driver.settle()
    assert not [c for c in stored(LUNGS, name).slices.values() if c.masks]


def test_another_case_is_covered_until_it_is_drawn(planes):
    """A canvas shows what was drawn on it last, until it is drawn anew."""
    driver = planes
    before, drawn_on = driver.current_job.bridge.planes.views, canvases(driver)
    former = [view.image for view in before]
    covered = []

    def look(*_):
        covered.append(
            [each.is_covered for each in driver.current_job.planes._canvases]
        )

    driver.session.opened.connect(look)
    driver.press_action("next_case")
    driver.settle()
    assert covered == [[True, True]], "before anything can have been drawn"
    for each in driver.current_job.planes._canvases:
        driver.wait(lambda each=each: not each.is_covered)
        assert each._drawn is each.view.image
    assert driver.current_job.planes.is_on
    assert driver.current_job.around.surroundings.edges.planes.isChecked()
    assert list(map(id, drawn_on)) == list(map(id, canvases(driver)))
    image = driver.current_job.bridge.image_layer
    for view in driver.current_job.bridge.planes.views:
        assert not set(map(id, former)) & set(map(id, view.model.layers))
        assert np.shares_memory(view.image.data, image.data)
    driver.session.opened.disconnect(look)
    driver.session.close_case()
    driver.settle()
    assert not driver.current_job.planes.is_on
    assert not [layer for view in before for layer in view.model.layers]


def test_they_wait_while_a_case_has_none(make_driver, tmp_path):
    volume = np.random.default_rng(0).integers(0, 200, (24, 20, 6), np.int16)
    for name in ("a.nii", "c.nii"):
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / name)
    Image.fromarray(np.uint8(volume[..., 0])).save(tmp_path / "b.png")
    label = Label(id=1, name="organ", color="#E69F00", method=Method.SEGMENTATION)
    project = Project(
        name="Mixed", methods=(label.method,), label_set=LabelSet(labels=(label,))
    )
    cases = [
        Case(id=name, name=name, series=(SeriesRef(path=str(tmp_path / name)),))
        for name in ("a.nii", "b.png", "c.nii")
    ]
    folder = tmp_path / "mixed"
    create_job(folder, Job(id="mixed", project=project), cases).close()
    driver = make_driver(folder)
    driver.open_job("mixed")
    driver.annotate()
    driver.press_action("three_planes")
    driver.settle()
    shown = []
    for _ in range(2):
        shown.append(driver.current_job.planes.is_on)
        driver.press_action("next_case")
        driver.settle()
    shown.append(driver.current_job.planes.is_on)
    assert shown == [True, False, True]
    for each in driver.current_job.planes._canvases:
        driver.wait(lambda each=each: not each.is_covered)


def test_a_radiograph_has_none_and_says_so(open_case):
    driver = open_case(XRAYS)
    driver.click(driver.current_job.around.surroundings.edges.planes)
    assert any("one slice" in each.message.text() for each in notifications())
    assert not driver.current_job.around.surroundings.edges.planes.isChecked()
    assert not driver.current_job.planes.is_on


def test_they_go_with_the_window(make_driver, demo, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    driver = make_driver(demo, viewer=viewer)
    driver.open_job(BRAIN)
    driver.annotate()
    driver.press_action("three_planes")
    driver.settle()
    assert len(QtViewer._instances) == 3
    viewer.close()
    QApplication.processEvents()
