"""From My Jobs to Submit with every dock: the part that runs under each Qt binding."""

from __future__ import annotations

import os

import numpy as np
import pytest
import qtpy
from qtpy.QtTest import QTest

from napari_annotate_jobs.editing import FillTool
from napari_annotate_jobs.model import (
    COLORS,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    Status,
    decode_mask,
)
from napari_annotate_jobs.stores import create_job, open_store


@pytest.fixture
def folder(tmp_path, samples):
    """Return a job of all three methods on a CT."""
    labels = tuple(
        Label(id=n, name=method.value, color=COLORS[n], method=method)
        for n, method in enumerate(Method, 1)
    )
    project = Project(
        name="All", methods=tuple(Method), label_set=LabelSet(labels=labels)
    )
    case = Case(id="ct", name="CT", series=(SeriesRef(path=str(samples["ct-lung"])),))
    create_job(tmp_path / "all", Job(id="all", project=project), [case]).close()
    return tmp_path / "all"


@pytest.mark.slow
def test_from_my_jobs_to_submit_with_every_dock(
    make_napari_viewer, make_driver, folder
):
    asked = os.environ.get("QT_API")
    assert asked is None or qtpy.API_NAME.lower() == asked
    viewer = make_napari_viewer(show=True)
    driver = make_driver(folder, size=(1280, 640), viewer=viewer)
    driver.open_job("all")
    driver.annotate()
    driver.activate()
    # 1920 x 1080 at 150 %, less the bars of window and desktop.
    least = driver.window.minimumSizeHint()
    assert least.width() <= 1280 and least.height() <= 640
    for action in ("propagate", "smart_fill", "help"):
        driver.press_action(action)
        driver.settle()
        least = driver.window.minimumSizeHint()
        assert least.width() <= 1280 and least.height() <= 640, action
        if action == "smart_fill":
            panel = driver.current_job.fill.panel
            for tool in FillTool:
                panel.set_tool(tool)
                assert panel.choice.tool is tool
                QTest.qWait(0)
        driver.press_action(action)
    driver.raise_tab("Annotate")
    driver.session.slice = 8
    driver.press_label("segmentation")
    driver.drag_pixels([(100, 100), (100, 140)])
    driver.press_label("detection")
    driver.drag_pixels([(200, 60), (240, 120)])
    driver.press_label("classification")
    driver.settle()
    driver.press_action("undo")
    driver.press_action("redo")
    driver.settle()
    driver.press_action("submit")
    driver.answer("Submit anyway")
    driver.wait(lambda: driver.session.status is Status.FINISHED)
    driver.settle()
    store = open_store(str(folder))
    try:
        (content,) = store.load("all", "ct").annotation.slices.values()
        assert content.index == 8
        assert list(content.class_labels) and len(content.boxes) == 1
        mask = decode_mask(store.read_blob("all", "ct", content.masks[""].digest))
    finally:
        store.close()
    assert set(np.unique(mask)) == {0, list(Method).index(Method.SEGMENTATION) + 1}
