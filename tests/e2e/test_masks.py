"""What is painted is what is in the slice's file."""

from __future__ import annotations

import numpy as np
from PIL import Image

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.testing._drive import RIGHT

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def mask_files(demo):
    return sorted((demo / LUNGS).glob("annotations/ct-lung/*/masks/*.png"))


def test_paint_and_read_the_slice_file(open_case, stored, demo):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    layer = driver.viewer.layers["Segmentation"]
    assert driver.viewer.layers.selection.active is layer
    assert str(layer.mode) == "paint"
    here = driver.session.slice
    driver.drag_pixels([(180, 170), (190, 180), (180, 185)])
    driver.settle()
    painted = np.asarray(layer.data[here])
    assert set(np.unique(painted)) == {0, 1}
    (path,) = mask_files(demo)
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), painted)
    (content,) = stored(LUNGS, "ct-lung").slices.values()
    assert content.index == here
    assert content.masks[""].pixels == {1: int((painted == 1).sum())}
    others = [i for i in range(len(layer.data)) if i != here]
    assert not np.asarray(layer.data)[others].any()


def test_undo_of_painting_is_one_step_for_both(open_case, stored):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    here = driver.session.slice
    layer = driver.viewer.layers["Segmentation"]
    driver.drag_pixels([(100, 100), (110, 110)])
    first = np.array(layer.data[here])
    driver.press_label("Lung")
    driver.drag_pixels([(60, 60), (70, 60)])
    driver.press_action("undo")
    assert np.array_equal(layer.data[here], first)
    driver.press_action("undo")
    assert not layer.data[here].any()
    driver.settle()
    assert not stored(LUNGS, "ct-lung").slices
    driver.press_action("redo")
    assert np.array_equal(layer.data[here], first)


def test_only_declared_ids_can_be_painted(open_case, stored):
    driver = open_case(LUNGS)
    driver.press_label("Lung")
    layer = driver.viewer.layers["Segmentation"]
    driver.key("M")  # napari's key for a new label
    assert layer.selected_label in (1, 2)
    driver.drag_pixels([(100, 100), (110, 110)])
    driver.settle()
    (content,) = stored(LUNGS, "ct-lung").slices.values()
    assert set(content.masks[""].pixels) <= {1, 2}


def test_right_drag_on_the_mask_paints_nothing(open_case):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    before = driver.session.window
    middle = driver.canvas.rect().center()
    driver.drag([middle, middle + type(middle)(50, 20)], RIGHT)
    assert driver.session.window != before
    assert driver.session.editor.annotation.is_blank
