"""The Smart fill panel: what it offers, tells and asks for."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QComboBox

from napari_annotate_jobs.editing import Fill, FillResult, FillTool, PreparedFill
from napari_annotate_jobs.model import COLORS, Label, Method
from napari_annotate_jobs.widgets import (
    Colors,
    FillChoice,
    FillPanel,
    Where,
    outcome_text,
)

MASKS = (
    Label(id=3, name="Tumour", color=COLORS[5], method=Method.SEGMENTATION),
    Label(id=4, name="Lung", color=COLORS[1], method=Method.SEGMENTATION),
)
BOXES = (Label(id=1, name="Nodule", color=COLORS[0], method=Method.DETECTION),)


@pytest.fixture
def panel(qtbot):
    panel = FillPanel()
    qtbot.addWidget(panel)
    panel.set_labels(MASKS, BOXES)
    panel.set_place(4, None, 20)
    panel.set_shape(100, 120)
    panel.set_range(-1000, 500)
    panel.set_limits(-100, 200)
    panel.resize(300, 600)
    panel.show()
    return panel


@pytest.fixture
def told(panel):
    told = []
    panel.changed.connect(lambda: told.append(panel.choice))
    return told


def choose(panel, tool):
    place = panel.tool.findData(tool)
    panel.tool.setCurrentIndex(place)
    panel.tool.activated.emit(place)


def test_it_begins_with_a_threshold_on_this_slice(panel):
    chosen = panel.choice
    assert (chosen.tool, chosen.label) == (FillTool.THRESHOLD, 3)
    assert (chosen.where, chosen.volume) == (Where.SLICE, False)
    assert (chosen.low, chosen.high) == (-100, 200)


def test_setters_tell_nobody(panel, told):
    panel.set_label(4)
    panel.set_tool(FillTool.SMOOTH)
    panel.set_place(5, (2, 6), 20)
    panel.set_limits(0, 10)
    panel.set_range(-5, 30)
    panel.set_seed(3, 4)
    panel.set_picking(True)
    panel.set_outcome("Nothing", can_apply=False)
    assert told == []
    assert panel.choice.label == 4
    assert panel.choice.where is Where.SELECTION


@pytest.mark.parametrize("tool", [FillTool.FLOOD, FillTool.SMOOTH])
def test_a_tool_that_qt_hands_back_as_plain_text_is_the_tool(
    monkeypatch, qtbot, panel, tool
):
    """PySide6 keeps no enumeration in a list; this does the same with any binding."""
    real = QComboBox.currentData

    def plain(box, *role):
        value = real(box, *role)
        return str.__str__(value) if isinstance(value, str) else value

    monkeypatch.setattr(QComboBox, "currentData", plain)
    panel.set_tool(tool)
    assert panel.choice.tool is tool
    fresh = FillPanel()
    qtbot.addWidget(fresh)
    assert fresh.choice.tool is FillTool.THRESHOLD


VISIBLE = {
    FillTool.THRESHOLD: "low",
    FillTool.FLOOD: "pick",
    FillTool.SMOOTH: "radius",
    FillTool.REMOVE_ISLANDS: "islands",
    FillTool.MARGIN: "margin",
    FillTool.BOXES: "box_label",
}


@pytest.mark.parametrize("tool", FillTool)
def test_a_tool_shows_what_it_needs(panel, told, tool):
    choose(panel, tool)
    assert told[-1].tool is tool
    shown = {name for name in VISIBLE.values() if getattr(panel, name).isVisible()}
    assert shown == ({VISIBLE[tool]} if tool in VISIBLE else set())
    assert panel.help.text()


def test_without_boxes_in_the_job_none_are_offered(panel):
    panel.set_labels(MASKS, ())
    offered = {panel.tool.itemData(i) for i in range(panel.tool.count())}
    assert not offered & {
        FillTool.BOXES,
        FillTool.BOX_THRESHOLD,
        FillTool.BOX_WALKER,
    }


def test_limits_are_entered_or_dragged(panel, told, qtbot):
    panel.low.setFocus()
    panel.low.selectAll()
    qtbot.keyClicks(panel.low, "-50")
    with qtbot.assertNotEmitted(panel.apply_requested):
        qtbot.keyClick(panel.low, Qt.Key.Key_Return)
    assert told[-1].low == -50
    assert panel.slider.value()[0] == pytest.approx(-50)
    panel.slider.setValue((0, 100))
    assert (told[-1].low, told[-1].high) == (0, 100)


def test_limits_beyond_the_slider_widen_it(panel):
    panel.set_limits(-2000, 3000)
    assert panel.choice.low == -2000 and panel.choice.high == 3000
    assert panel.slider.value() == pytest.approx((-2000, 3000))


def test_limits_are_taken_from_elsewhere(panel, qtbot):
    for button, name in ((panel.from_window, "window"), (panel.from_label, "label")):
        with qtbot.waitSignal(panel.values_requested) as asked:
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == [name]


def test_picking(panel, qtbot):
    choose(panel, FillTool.FLOOD)
    with qtbot.waitSignal(panel.pick_requested) as asked:
        qtbot.mouseClick(panel.pick, Qt.MouseButton.LeftButton)
    assert asked.args == [True]
    panel.set_picking(True)
    assert "Click" in panel.pick.text()
    panel.set_picking(False)
    panel.set_seed(7, 9)
    assert (panel.choice.row, panel.choice.column) == (7, 9)


def test_a_flood_is_in_3d_unless_told_otherwise(panel, qtbot):
    panel.set_place(4, (2, 6), 20)
    assert not panel.choice.volume
    choose(panel, FillTool.FLOOD)
    assert panel.choice.volume
    qtbot.mouseClick(panel.volume, Qt.MouseButton.LeftButton)
    choose(panel, FillTool.SMOOTH)
    assert not panel.choice.volume
    choose(panel, FillTool.FLOOD)
    assert not panel.choice.volume


def test_where(panel, told, qtbot):
    assert not panel.where[Where.SELECTION].isEnabled()
    assert not panel.volume.isEnabled()
    panel.set_place(4, (2, 6), 20)
    assert panel.where[Where.SELECTION].text() == "Selected: slices 3–7"
    qtbot.mouseClick(panel.volume, Qt.MouseButton.LeftButton)
    assert told[-1].volume

    def click(button):
        on_text = QPoint(30, button.height() // 2)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=on_text)

    click(panel.where[Where.SLICE])
    assert not panel.choice.volume
    click(panel.where[Where.SELECTION])
    assert panel.choice.volume
    panel.set_place(4, None, 20)
    assert panel.choice.where is Where.SLICE
    panel.set_place(0, None, 1)
    assert not panel.volume.isVisible()


@pytest.mark.parametrize(
    ("key", "signal"),
    [(Qt.Key.Key_Return, "apply_requested"), (Qt.Key.Key_Escape, "finished")],
)
def test_keys(panel, qtbot, key, signal):
    with qtbot.waitSignal(getattr(panel, signal)):
        qtbot.keyClick(panel.tool, key)


def test_what_cannot_be_applied_is_not(panel, qtbot):
    panel.set_outcome("There is no box.", can_apply=False)
    with qtbot.assertNotEmitted(panel.apply_requested):
        qtbot.mouseClick(panel.apply, Qt.MouseButton.LeftButton)
        qtbot.keyClick(panel.tool, Qt.Key.Key_Return)
    assert panel.outcome.text() == "There is no box."


def test_it_says_when_it_is_seen(panel, qtbot):
    said = []
    panel.seen.connect(said.append)
    panel.hide()
    panel.show()
    assert said == [False, True]


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])
@pytest.mark.parametrize("tool", FillTool)
def test_it_fits_a_narrow_dock(panel, colors, tool):
    panel.set_colors(colors)
    panel.set_tool(tool)
    assert panel.minimumSizeHint().width() <= 300


def result(masks=(), objects=(), **counts):
    prepared = PreparedFill(
        Fill(FillTool.SMOOTH, 3, 0, 9), "", np.zeros((10, 4, 4)), (), (), (1, 1, 1)
    )
    found = {i: np.zeros((4, 4)) for i in masks}
    return FillResult(prepared, found, objects=objects, **counts)


A = (0.0, 0.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (result(), "Nothing would change."),
        (result([1], added=1234), "Adds 1,234 pixels on 1 slice."),
        (
            result([1, 2], added=3, removed=5),
            "Adds 3 and removes 5 pixels on 2 slices.",
        ),
        (
            result(skipped=1),
            "Nothing would change. 1 slice is excluded or nothing to label, and stays.",
        ),
        (
            result([1], removed=2, skipped=3),
            "Removes 2 pixels on 1 slice. 3 slices are excluded or nothing to label, "
            "and stay.",
        ),
        (result(objects=({1: A},)), "1 box on 1 slice."),
        (result(objects=({1: A}, {1: A})), "2 boxes on 1 slice."),
        (result(objects=({1: A, 2: A},)), "2 boxes of 1 object on 2 slices."),
    ],
)
def test_what_it_says_of_an_outcome(found, text):
    assert outcome_text(found) == text


def test_a_choice_is_a_value():
    assert FillChoice() == FillChoice()
