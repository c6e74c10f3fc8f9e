"""Smart fill in the real window: previewed, applied, undone, found in the store."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_annotate_jobs.editing import FillTool, tracks
from napari_annotate_jobs.model import (
    COLORS,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    decode_mask,
)
from napari_annotate_jobs.stores import create_job, open_store
from napari_annotate_jobs.widgets import Where

TUMOUR, LUNG = 3, 4
SPOT = (182, 175)
"""A pixel of the tumour on slice 8."""


@pytest.fixture
def folder(tmp_path, samples):
    """Return a job of masks and boxes on the slices of a CT."""
    labels = (
        Label(id=1, name="Nodule", color=COLORS[0], method=Method.DETECTION),
        Label(id=TUMOUR, name="Tumour", color=COLORS[5], method=Method.SEGMENTATION),
        Label(id=LUNG, name="Lung", color=COLORS[1], method=Method.SEGMENTATION),
    )
    project = Project(
        name="Tumours",
        methods=(Method.DETECTION, Method.SEGMENTATION),
        label_set=LabelSet(labels=labels),
    )
    case = Case(id="ct", name="CT", series=(SeriesRef(path=str(samples["ct-lung"])),))
    folder = tmp_path / "tumours"
    create_job(folder, Job(id="tumours", project=project), [case]).close()
    return folder


@pytest.fixture
def driver(make_driver, folder):
    driver = make_driver(folder)
    driver.open_job("tumours")
    driver.annotate()
    driver.activate()
    driver.session.slice = 8
    driver.press_label("Tumour")
    driver.press_action("smart_fill")
    found(driver)
    return driver


def found(driver):
    """Wait until the preview is there, and return what the panel says."""
    fill = driver.current_job.fill
    driver.wait(lambda: not fill._pause._hasPendingEmission and fill._work is None)
    driver.settle()
    return fill.panel.outcome.text()


def choose(driver, tool):
    panel = driver.current_job.fill.panel
    place = panel.tool.findData(tool)
    panel.tool.setCurrentIndex(place)
    panel.tool.activated.emit(place)
    return found(driver)


def flood(driver):
    """Fill the tumour from a pixel that is clicked on."""
    choose(driver, FillTool.FLOOD)
    driver.click(driver.current_job.fill.panel.pick)
    driver.drag_pixels([SPOT, SPOT])
    return found(driver)


def test_a_flood_from_a_click(driver, folder):
    text = flood(driver)
    assert text.startswith("Adds ") and text.endswith("pixels on 1 slice.")
    editor, preview = driver.session.editor, driver.current_job.fill.preview
    assert editor.mask(8) is None  # the click drew nothing
    shown = preview.layer.data[8].astype(bool)
    assert shown[SPOT]
    driver.click(driver.current_job.fill.panel.apply)
    assert np.array_equal(editor.mask(8) == TUMOUR, shown)
    assert found(driver) == "Nothing would change."
    assert preview.layer is None
    store = open_store(str(folder))
    try:
        (content,) = store.load("tumours", "ct").annotation.slices.values()
        blob = store.read_blob("tumours", "ct", content.masks[""].digest)
    finally:
        store.close()
    assert np.array_equal(decode_mask(blob) == TUMOUR, shown)
    layer = driver.viewer.layers["Segmentation"]
    assert np.array_equal(layer.data[8] == TUMOUR, shown)
    driver.press_action("undo")
    assert editor.mask(8) is None
    assert not layer.data[8].any()


def test_a_flood_over_several_slices_runs_through_them_from_its_click(driver):
    panel = driver.current_job.fill.panel
    choose(driver, FillTool.FLOOD)
    driver.select(4, 12)
    flood(driver)
    assert panel.choice.where is Where.SELECTION
    assert panel.choice.volume
    driver.click(panel.apply)
    editor = driver.session.editor
    masks = {i: editor.mask(i) for i in range(16) if editor.mask(i) is not None}
    assert len(masks) > 1 and set(masks) <= set(range(4, 13))
    filled = np.zeros((16, *masks[8].shape), bool)
    for i, mask in masks.items():
        filled[i] = mask == TUMOUR
    # all of it hangs together with the pixel that was clicked on
    numbers, parts = ndimage.label(filled)
    assert parts == 1 and numbers[(8, *SPOT)] == 1


def test_a_threshold_over_selected_slices_leaves_other_labels(driver):
    flood(driver)
    driver.click(driver.current_job.fill.panel.apply)
    tumour = driver.session.editor.mask(8) == TUMOUR
    panel = driver.current_job.fill.panel
    choose(driver, FillTool.THRESHOLD)
    panel.set_label(LUNG)
    driver.select(7, 9)
    panel.set_limits(-1000, -600)
    panel.changed.emit()
    assert found(driver).endswith("on 3 slices.")
    assert panel.choice.where is Where.SELECTION
    driver.click(panel.apply)
    editor = driver.session.editor
    assert [i for i in range(16) if editor.mask(i) is not None] == [7, 8, 9]
    assert np.array_equal(editor.mask(8) == TUMOUR, tumour)
    values = driver.current_job.bridge.voxels[8][editor.mask(8) == LUNG]
    assert values.min() >= -1000 and values.max() <= -600
    driver.press_action("undo")
    assert [i for i in range(16) if editor.mask(i) is not None] == [8]


def test_a_margin_in_3d_and_boxes_of_it(driver):
    flood(driver)
    panel, editor = driver.current_job.fill.panel, driver.session.editor
    driver.click(panel.apply)
    found(driver)
    panel.margin.setValue(6)
    choose(driver, FillTool.MARGIN)
    driver.select(6, 10)
    driver.click(panel.volume)
    assert "on 3 slices" in found(driver)
    driver.click(panel.apply)
    assert editor.mask(7).any() and editor.mask(9).any()
    found(driver)
    assert choose(driver, FillTool.BOXES) == "3 boxes of 1 object on 3 slices."
    driver.click(panel.apply)
    (track,) = tracks(editor)
    rows, columns = np.nonzero(editor.mask(8))
    assert track.boxes[8].corners == (
        rows.min() - 0.5,
        columns.min() - 0.5,
        rows.max() + 0.5,
        columns.max() + 0.5,
    )


def test_inside_the_box_at_hand(driver):
    assert "Draw a box" in choose(driver, FillTool.BOX_WALKER)
    driver.press_label("Nodule")
    driver.drag_pixels([(155, 150), (205, 200)])
    assert found(driver).startswith("Adds ")
    driver.click(driver.current_job.fill.panel.apply)
    mask = driver.session.editor.mask(8) == TUMOUR
    assert mask[SPOT]
    assert not mask[:155].any() and not mask[:, :150].any()


def test_closing_takes_the_preview_away_and_keys_open_it(driver):
    fill = driver.current_job.fill
    assert fill.preview.layer is not None
    driver.click(fill.panel.close_)
    assert fill.preview.layer is None
    assert not fill.panel.isVisible()
    assert driver.current_job.annotate.isVisible()
    driver.click(driver.current_job.annotate.fill)
    found(driver)
    assert fill.preview.layer is not None
    driver.session.close_case()
    assert fill.preview.layer is None
    assert not fill.panel.isVisible()


def test_apply_pressed_before_the_preview_is_there_applies_it(driver):
    panel = driver.current_job.fill.panel
    panel.set_limits(100, 2000)
    panel.changed.emit()
    driver.click(panel.apply)
    assert driver.session.editor.mask(8) is None
    found(driver)
    mask = driver.session.editor.mask(8) == TUMOUR
    assert np.array_equal(mask, driver.current_job.bridge.voxels[8] >= 100)


def test_the_limits_of_what_is_painted(driver):
    flood(driver)
    panel = driver.current_job.fill.panel
    driver.click(panel.apply)
    choose(driver, FillTool.THRESHOLD)
    driver.click(panel.from_label)
    mask = driver.session.editor.mask(8) == TUMOUR
    values = driver.current_job.bridge.voxels[8][mask]
    low, high = np.percentile(values, (2, 98))
    assert (panel.choice.low, panel.choice.high) == pytest.approx((low, high), abs=1)


def test_an_edit_by_hand_renews_the_preview(driver):
    panel = driver.current_job.fill.panel
    flood(driver)
    driver.click(panel.apply)
    assert choose(driver, FillTool.KEEP_LARGEST) == "Nothing would change."
    driver.drag_pixels([(30, 30), (30, 40)])
    driver.wait(lambda: found(driver).startswith("Removes "))
