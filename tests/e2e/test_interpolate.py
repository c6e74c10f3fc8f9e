"""Masks between key slices, as a person makes them: paint, interpolate, confirm."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Decision, Provenance, Status

BRAIN, XRAYS, LUNGS = DEMO_JOBS
KEYS = (3, 7, 12)
ALT = Qt.KeyboardModifier.AltModifier


def turn_to(driver, index):
    """Turn the wheel until a slice is shown."""
    while driver.session.slice != index:
        before = driver.session.slice
        driver.wheel(1 if index < before else -1, ALT)
        assert driver.session.slice != before, "the wheel did nothing"


def paint(driver, index, radius=12, label="Tumour"):
    """Paint one dab of the brush on a slice."""
    turn_to(driver, index)
    driver.press_label(label)
    driver.viewer.layers["Segmentation"].brush_size = 2 * radius
    driver.drag_pixels([(190, 180), (191, 180)])


def proposed(driver):
    contents = driver.session.editor.contents()
    return [i for i, content in sorted(contents.items()) if content.proposals]


@pytest.fixture
def lung(open_case):
    """Return a driver at the CT with three key slices painted."""
    driver = open_case(LUNGS)
    for index, radius in zip(KEYS, (8, 16, 10), strict=True):
        paint(driver, index, radius)
    driver.settle()
    return driver


def test_from_key_slices_to_a_submitted_case(lung, stored, demo):
    driver, session = lung, lung.session
    driver.press_action("interpolate")
    driver.settle()
    assert proposed(driver) == [4, 5, 6, 8, 9, 10, 11]
    assert session.editor.history.undo_text == "Interpolate"

    seen = []
    turn_to(driver, 0)
    for action in ("next_proposal", "next_proposal", "previous_proposal"):
        driver.press_action(action)
        seen.append(session.slice)
    assert seen == [4, 5, 4]

    # Outlines, in a layer of their own, that nobody takes for confirmed pixels.
    turn_to(driver, 5)
    outlines = driver.viewer.layers["Proposals"]
    masks = driver.viewer.layers["Segmentation"]
    assert outlines.data[5].any() and not masks.data[5].any()
    assert outlines.contour >= 1
    assert "Proposals to confirm" in driver.viewer.canvas.overlays.text.text
    assert driver.current_job.strip.track.cells[5].proposals
    assert session.editor.decision(5) is Decision.UNDECIDED

    # One by one.
    outline = np.array(outlines.data[5])
    driver.press_action("confirm")
    driver.settle()
    assert session.editor.decision(5) is Decision.LABELLED
    assert np.array_equal(masks.data[5], outline) and not outlines.data[5].any()
    assert 5 not in proposed(driver)

    # A key slice that changes takes its neighbours along, with one undo.
    before = np.array(outlines.data[9])
    steps = len(session.editor.history.done)
    paint(driver, 12, 18)
    driver.settle()
    assert np.count_nonzero(outlines.data[9]) > np.count_nonzero(before)
    assert len(session.editor.history.done) == steps + 1
    assert np.array_equal(masks.data[5], outline), "confirmed is confirmed"
    driver.press_action("undo")
    driver.settle()
    assert np.array_equal(outlines.data[9], before)
    driver.press_action("redo")
    driver.settle()
    assert not np.array_equal(outlines.data[9], before)

    # Submit leads to what is not confirmed.
    turn_to(driver, 0)
    driver.press_action("submit")
    driver.answer("Go to slice 5")
    assert session.slice == 4
    driver.press_action("confirm_all")
    driver.settle()
    assert not proposed(driver)
    session.open_next = False
    driver.negate_and_submit()
    driver.settle()
    assert session.status is Status.FINISHED

    annotation = stored(LUNGS, "ct-lung")
    by_index = {content.index: content for content in annotation.slices.values()}
    assert all(not content.proposals for content in by_index.values())
    assert sorted(i for i, c in by_index.items() if c.masks) == list(range(3, 13))
    for index in range(3, 13):
        ref = by_index[index].masks[""]
        manual = ref.provenance is Provenance.MANUAL
        assert manual == (index in KEYS)
        found = demo.glob(
            f"{LUNGS}/annotations/ct-lung/*/masks/*-{ref.digest[:16]}.png"
        )
        path, *_ = found  # slices with the same mask have a file each
        with Image.open(path) as picture:
            assert np.array_equal(np.asarray(picture), masks.data[index])


def test_painting_confirms_and_erasing_takes_away(lung):
    driver, session = lung, lung.session
    driver.press_action("interpolate")
    driver.settle()
    turn_to(driver, 9)
    layers = driver.viewer.layers
    outline = np.array(layers["Proposals"].data[9])
    layers["Segmentation"].mode = "erase"
    layers["Segmentation"].brush_size = 8
    driver.drag_pixels([(190, 180), (190, 182)])
    driver.settle()
    mask = session.editor.mask(9)
    assert mask[190, 180] == 0 and 0 < np.count_nonzero(mask) < np.count_nonzero(
        outline
    )
    assert not layers["Proposals"].data[9].any()
    driver.press_action("undo")
    assert session.editor.mask(9) is None
    assert np.array_equal(layers["Proposals"].data[9], outline)


def test_with_the_mouse_only(lung):
    driver, session = lung, lung.session
    section = driver.current_job.annotate.masks
    assert not section.confirm.isEnabled() and not section.confirm_all.isEnabled()
    driver.select(5, 9)
    driver.click(section.interpolate)
    driver.settle()
    assert proposed(driver) == [5, 6, 8, 9], "only the selected slices"
    assert section.confirm.text() == "Confirm on 4"
    assert not section.confirm_all.isEnabled(), "it would do the same"
    driver.click(driver.current_job.annotate.undo)

    driver.click(driver.current_job.annotate.propagate)
    panel = driver.current_job.propagate
    place = panel.what.findText("Interpolate")
    panel.what.setCurrentIndex(place)
    panel.what.activated.emit(place)
    driver.click(panel.range.buttons["all"])
    driver.click(panel.apply)
    driver.settle()
    assert proposed(driver) == [4, 5, 6, 8, 9, 10, 11]
    assert section.confirm_all.text() == "Confirm all 7"

    driver.select(8, 10)
    driver.click(section.reject)
    assert proposed(driver) == [4, 5, 6, 11]
    driver.click(section.reject_all)
    assert not proposed(driver) and not section.reject_all.isEnabled()
    driver.click(driver.current_job.annotate.undo)
    assert proposed(driver) == [4, 5, 6, 11]
    assert session.editor.history.redo_text == "Reject"


def test_following_the_image(open_case):
    driver = open_case(LUNGS)
    paint(driver, 7, 10)
    told = []
    driver.session.told.connect(told.append)
    driver.press_action("follow")
    driver.settle()
    found = proposed(driver)
    assert {6, 8} <= set(found) and 7 not in found
    assert f"back to slice {min(found) + 1} (" in told[-1]
    assert f"on to slice {max(found) + 1} (" in told[-1]
    ref = driver.session.editor.content(6).proposals[""]
    assert (ref.provenance, ref.keys) == (
        Provenance.TRACKED,
        driver.session.editor.keys((7,)),
    )
    driver.press_action("undo")
    assert not proposed(driver)
    turn_to(driver, 7)
    actions = driver.current_job.annotate.masks.follow.menu().findChildren(QAction)
    texts = {action.text().split("\t")[0]: action for action in actions}
    texts["To later slices"].trigger()
    driver.settle()
    assert min(proposed(driver)) == 8


def test_what_cannot_be_done_is_told(open_case, stored):
    driver = open_case(LUNGS)
    paint(driver, 7)
    driver.press_action("interpolate")
    assert not proposed(driver)
    driver.press_action("confirm_all")
    driver.press_action("next_proposal")
    assert driver.session.slice == 7
    assert len(driver.session.editor.history.done) == 1
    # A case that is closed meanwhile gets nothing.
    paint(driver, 3)
    gate = threading.Event()
    driver.station.images.run(lambda: gate.wait(20), print, print)
    driver.press_action("interpolate")
    driver.session.close_case()
    gate.set()
    driver.settle()
    assert all(
        not content.proposals for content in stored(LUNGS, "ct-lung").slices.values()
    )
