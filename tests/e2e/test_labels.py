"""Labels, decisions and boxes by key, mouse and propagation, found in the store."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Decision, RangeAction

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def contents(annotation):
    return {content.index: content for content in annotation.slices.values()}


def test_label_by_key(open_case, stored):
    driver = open_case(BRAIN)
    here = driver.session.slice
    driver.press_label("Tumour")
    assert driver.session.editor.cell(here).names == ("Tumour",)
    driver.settle()
    (content,) = stored(BRAIN, "mr-brain").slices.values()
    assert (content.index, content.class_labels) == (here, (4,))
    assert content.decision is Decision.LABELLED
    driver.press_label("Tumour")
    driver.settle()
    assert not stored(BRAIN, "mr-brain").slices


def test_one_of_an_exclusive_group(open_case, stored):
    driver = open_case(BRAIN)
    driver.press_label("Face and skull base")
    driver.press_label("Above the ventricles")
    driver.press_label("Artefact")
    driver.press_label("Usable for training")
    driver.settle()
    found = stored(BRAIN, "mr-brain")
    assert [c.class_labels for c in found.slices.values()] == [(3, 5)]
    assert found.case_labels == (6,)


def test_box_by_drag(open_case, stored):
    driver = open_case(XRAYS)
    driver.press_label("Mass")
    drawn = (300, 550, 380, 620)
    driver.drag_pixels([drawn[:2], drawn[2:]])
    driver.settle()
    (content,) = stored(XRAYS, "xray-chest").slices.values()
    (box,) = content.boxes
    assert box.corners == pytest.approx(drawn, abs=1)
    assert (box.label, box.proposal) == (1, False)
    driver.press_action("undo")
    driver.settle()
    assert not stored(XRAYS, "xray-chest").slices
    layer = driver.viewer.layers["Detection"]
    assert layer.nshapes == 0


def test_nothing_in_the_whole_case_asks_before_its_labels_go(open_case, stored):
    driver = open_case(BRAIN)
    driver.press_label("Usable for training")
    driver.current_job.annotate.case_nothing_requested.emit()
    driver.answer("Cancel")
    assert driver.session.editor.annotation.case_labels == (6,)
    driver.current_job.annotate.case_nothing_requested.emit()
    driver.answer("Clear and mark")
    driver.settle()
    found = stored(BRAIN, "mr-brain")
    assert found.case_nothing_to_label and not found.case_labels
    driver.press_action("undo")
    driver.settle()
    assert stored(BRAIN, "mr-brain").case_labels == (6,)


def test_nothing_to_label_asks_before_labels_go(open_case, stored):
    driver = open_case(BRAIN)
    here, editor = driver.session.slice, driver.session.editor
    driver.press_action("nothing_to_label")
    assert driver.question is None
    assert editor.decision(here) is Decision.NOTHING_TO_LABEL
    driver.press_label("Tumour")  # lifts it
    assert editor.decision(here) is Decision.LABELLED
    driver.press_action("nothing_to_label")
    driver.answer("Cancel")
    assert editor.decision(here) is Decision.LABELLED
    driver.press_action("nothing_to_label")
    driver.answer("Clear")
    assert editor.decision(here) is Decision.NOTHING_TO_LABEL
    driver.press_action("undo")
    assert editor.content(here).class_labels == (4,)
    driver.press_action("redo")
    driver.settle()
    (content,) = stored(BRAIN, "mr-brain").slices.values()
    assert content.nothing_to_label


def test_exclude_keeps_the_content(open_case, stored):
    driver = open_case(BRAIN)
    driver.press_label("Tumour")
    driver.click(driver.current_job.annotate.exclude)
    driver.settle()
    (content,) = stored(BRAIN, "mr-brain").slices.values()
    assert content.excluded
    assert content.class_labels == (4,)
    driver.press_action("exclude")
    assert driver.session.editor.decision(driver.session.slice) is Decision.LABELLED


def test_propagate_and_undo(open_case, stored):
    driver = open_case(BRAIN)
    driver.go_to(2)
    driver.press_label("Tumour")
    driver.go_to(5)
    driver.press_label("Artefact")
    driver.go_to(2)
    driver.press_action("propagate")
    panel = driver.current_job.propagate
    driver.wait(panel.isVisible)
    driver.settle()
    strip = panel.range.strip
    driver.drag([strip.cell_rect(i).center() for i in (2, 9)], widget=strip)
    driver.click(panel.apply)
    driver.wait(lambda: not panel.isVisible())
    driver.settle()
    found = contents(stored(BRAIN, "mr-brain"))
    assert {i for i, c in found.items() if c.class_labels == (4,)} == {
        2,
        3,
        4,
        *range(6, 10),
    }
    assert found[5].class_labels == (5,)  # what was there is kept
    (span,) = stored(BRAIN, "mr-brain").ranges
    assert span.action is RangeAction.CLASS_LABELS
    driver.press_action("undo")
    driver.settle()
    found = stored(BRAIN, "mr-brain")
    assert set(contents(found)) == {2, 5}
    assert not found.ranges


def test_keys_go_to_all_selected_slices(open_case, stored):
    driver = open_case(BRAIN)
    driver.select(4, 8)
    driver.press_action("exclude")
    driver.settle()
    found = contents(stored(BRAIN, "mr-brain"))
    assert set(found) == set(range(4, 9))
    assert all(content.excluded for content in found.values())
    assert driver.session.editor.history.undo_text
    driver.press_action("undo")
    driver.settle()
    assert not stored(BRAIN, "mr-brain").slices


def test_no_key_acts_while_typing(open_case):
    driver = open_case(BRAIN)
    dock = driver.current_job.annotate
    driver.click(dock.comment_box.head)
    line = dock.comments.line
    driver.settle()
    QTest.mouseClick(line, Qt.MouseButton.LeftButton)
    driver.wait(line.hasFocus)
    QTest.keyClicks(line, "gnqk")
    assert line.text() == "gnqk"
    assert driver.session.editor.annotation.is_blank
    QTest.keyClick(line, Qt.Key.Key_Return)
    (comment,) = driver.session.editor.annotation.comments
    assert comment.text == "gnqk"
    driver.press_label("Tumour")  # the field has let go of the keyboard
    assert not driver.session.editor.annotation.is_blank
