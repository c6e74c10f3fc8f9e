"""The panel that combines labels, as a view, with drags and clicks."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QColorDialog

from napari_annotate_jobs.formats import ClassCount
from napari_annotate_jobs.model import Label, LabelSet, Method
from napari_annotate_jobs.widgets import Colors, CombinePanel, NewClass

LABELS = LabelSet(
    labels=tuple(
        Label(id=i, name=f"A{i}", color=f"#0000{i:02x}", method=Method.SEGMENTATION)
        for i in (1, 2, 3, 4)
    )
)
MADE = NewClass("A", "#123456", (1, 2))


@pytest.fixture
def panel(qtbot):
    panel = CombinePanel()
    qtbot.addWidget(panel)
    panel.resize(440, 640)
    panel.set_job("Job", LABELS)
    panel.set_classes([MADE])
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def drop(tree, item):
    """Drop what is selected onto an item, or onto the ground."""
    place = tree.viewport().rect().bottomLeft()
    if item is not None:
        place = tree.visualItemRect(item).center()
    event = QDropEvent(
        QPointF(place),
        Qt.DropAction.MoveAction,
        QMimeData(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    tree.dropEvent(event)
    return event


def names(tree):
    top = [tree.topLevelItem(i) for i in range(tree.topLevelItemCount())]
    return [
        (x.text(0), [x.child(i).text(0) for i in range(x.childCount())]) for x in top
    ]


def test_classes_stand_above_their_sources_and_what_stays(panel):
    assert names(panel.tree) == [("A", ["A1", "A2"]), ("A3", []), ("A4", [])]


def test_ticked_labels_are_combined_or_fed(panel, qtbot):
    assert not panel.combine.isEnabled()
    for i in (1, 2):
        panel.tree.topLevelItem(i).setCheckState(0, Qt.CheckState.Checked)
    with qtbot.waitSignal(panel.combine_requested) as told:
        qtbot.mouseClick(panel.combine, Qt.MouseButton.LeftButton)
    assert told.args == [(3, 4)]
    panel.tree.setCurrentItem(panel.tree.topLevelItem(0))
    with qtbot.waitSignal(panel.feed_requested) as told:
        qtbot.mouseClick(panel.feed, Qt.MouseButton.LeftButton)
    assert told.args == [(3, 4), 0]


def test_a_drag_asks_and_moves_nothing_by_itself(panel, qtbot):
    tree = panel.tree
    shown = names(tree)
    tree.topLevelItem(1).setSelected(True)
    with qtbot.waitSignal(panel.feed_requested) as told:
        event = drop(tree, tree.topLevelItem(0).child(1))  # onto a source is into it
    assert told.args == [(3,), 0]
    assert event.dropAction() == Qt.DropAction.IgnoreAction
    with qtbot.waitSignal(panel.combine_requested) as told:
        drop(tree, tree.topLevelItem(2))
    assert told.args == [(4, 3)]
    tree.clearSelection()
    tree.topLevelItem(0).child(0).setSelected(True)
    with qtbot.waitSignal(panel.take_out_requested) as told:
        drop(tree, None)
    assert told.args == [(1,)]
    assert names(tree) == shown


def test_the_chosen_class_is_renamed_coloured_kept_and_dissolved(panel, qtbot):
    tree = panel.tree
    item = tree.topLevelItem(0)
    tree.setCurrentItem(item)
    with qtbot.waitSignal(panel.rename_requested) as told:
        item.setText(0, "B")
    assert told.args == [0, "B"]
    assert item.text(0) == "A"  # until it is given anew
    with qtbot.waitSignal(panel.keep_requested) as told:
        panel.keep.click()
    assert told.args == [0, True]
    panel.set_classes([NewClass("A", "#123456", (1, 2), keep=True)])
    assert panel.keep.isChecked()
    panel.color.click()
    dialog = panel.findChild(QColorDialog)
    with qtbot.waitSignal(panel.recolor_requested) as told:
        dialog.setCurrentColor(Qt.GlobalColor.red)
        dialog.accept()
    assert told.args == [0, "#ff0000"]
    with qtbot.waitSignal(panel.dissolve_requested) as told:
        qtbot.mouseClick(panel.out, Qt.MouseButton.LeftButton)
    tree.setCurrentItem(tree.topLevelItem(0).child(0))
    with qtbot.waitSignal(panel.take_out_requested) as told:
        qtbot.keyClick(tree, Qt.Key.Key_Delete)
    assert told.args == [(1,)]


def test_undo_by_key_and_button(panel, qtbot):
    panel.set_history(True, False)
    panel.tree.setFocus()
    with qtbot.waitSignal(panel.undo_requested):
        qtbot.keyClick(panel.tree, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not panel.redo.isEnabled()


def test_numbers_before_and_after(panel):
    before = [ClassCount(label=x, slices=x.id, cases=1) for x in LABELS.labels]
    made = LABELS.labels[0].model_copy(update={"name": "A"})
    after = [ClassCount(label=made, slices=3, cases=2), *before[2:]]
    panel.set_counts(before, after, ["3 slices carry several"])
    assert [row.name for row in panel.plot.rows] == [
        "Before", "A1", "A2", "A3", "A4", "After", "A", "A3", "A4",
    ]  # fmt: skip
    assert panel.tree.topLevelItem(0).text(1) == "3"
    assert panel.tree.topLevelItem(0).child(1).text(1) == "2"
    assert panel.after.texts()[0] == ["A", "3", "2", "", ""]
    assert panel.remarks.text() == "3 slices carry several."
    panel.quantity.setCurrentText("Cases")
    assert panel.plot.rows[6].length == 2


def test_what_is_kept(panel, qtbot):
    panel.set_saved(["coarse", "fine"], "fine")
    assert panel.saved.currentText() == "fine"
    with qtbot.waitSignal(panel.delete_requested) as told:
        panel.delete.click()
    assert told.args == ["fine"]
    assert not panel.save.isEnabled()
    qtbot.keyClicks(panel.name, "  my  own ")
    with qtbot.waitSignal(panel.save_requested) as told:
        qtbot.keyClick(panel.name, Qt.Key.Key_Return)
    assert told.args == ["my own"]
    panel.set_classes([])
    assert not panel.save.isEnabled()
    panel.set_colors(Colors.light())
    panel.set_job("", None)
    assert not panel.saved.isEnabled()
