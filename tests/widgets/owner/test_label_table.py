"""Labels as they are typed, pasted, coloured, ordered and retired."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QLineEdit

from napari_annotate_jobs.app.controllers import LabelController
from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    COLORS,
    Attribute,
    Group,
    Label,
    LabelSet,
    Method,
    Scope,
)
from napari_annotate_jobs.widgets import LabelTable
from napari_annotate_jobs.widgets.owner._attribute_dialog import AttributeDialog
from napari_annotate_jobs.widgets.owner._label_rows import CHOICES, Column

MASK, BOX, CLASS = Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION


@pytest.fixture
def table(qtbot):
    table = LabelTable()
    qtbot.addWidget(table)
    table.controller = LabelController(table, choose_file=lambda title, chosen: None)
    table.resize(640, 400)
    table.show()
    qtbot.waitExposed(table)
    return table


def editor(table, qtbot):
    """Return the line that is being typed into."""
    qtbot.waitUntil(lambda: isinstance(table.table.cells.editor, QLineEdit))
    return table.table.cells.editor


def type_names(table, qtbot, *names):
    table.begin()
    for place, name in enumerate(names):
        qtbot.waitUntil(lambda p=place: table.table.currentIndex().row() == p)
        line = editor(table, qtbot)
        qtbot.keyClicks(line, name)
        qtbot.keyClick(line, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda line=line: table.table.cells.editor not in (line, None))


def test_attributes_are_written_and_kept(table, qtbot):
    kept = Attribute(name="Side", choices=("left, upper", "right"), scope=Scope.CASE)
    table.set_labels(
        LabelSet(
            labels=(
                Label(id=3, name="liver", color=COLORS[0], method=MASK),
                Label(
                    id=4,
                    name="cyst",
                    color=COLORS[1],
                    method=MASK,
                    attributes=(kept,),
                ),
            )
        ),
        in_use=(3,),
    )
    assert table.label_set()[4].attributes == (kept,)
    table.table.selectRow(1)
    table.asked.click()
    dialog = table.findChild(AttributeDialog)
    dialog.add.click()
    name, answers, _, needed = dialog.lines[1]
    name.setText("side")
    dialog.buttons.accepted.emit()
    assert "Two attributes are named" in dialog.error.text()
    name.setText("Margin")
    answers.setText("sharp, blurred,")
    needed.setChecked(True)
    dialog.buttons.accepted.emit()
    margin = Attribute(name="Margin", choices=("sharp", "blurred"), required=True)
    assert table.label_set()[4].attributes == (kept, margin)
    # What is annotated keeps its meaning.
    table.table.clearSelection()  # a key held elsewhere would add the row to it
    table.table.selectRow(0)
    table.asked.click()
    (used,) = (d for d in table.findChildren(AttributeDialog) if d.isVisible())
    assert not used.add.isEnabled()
    assert not used.lines[0][0].isEnabled()
    used.buttons.accepted.emit()
    assert table.label_set()[3].attributes == ()


def test_a_label_for_boxes_asks_of_objects(table):
    of_slice = Attribute(name="Margin", scope=Scope.SLICE)
    label = Label(
        id=3, name="cyst", color=COLORS[0], method=MASK, attributes=(of_slice,)
    )
    table.set_labels(LabelSet(labels=(label,)))
    table.rows.write_choice(0, next(c for c in CHOICES if c.method is BOX))
    assert table.label_set()[3].asked(None)[0].name == "Margin"


def names(table):
    return [row.fields["name"] for row in table.rows.rows]


def cell_at(table, place, column):
    return table.table.visualRect(table.rows.index(place, column)).center()


def click(table, qtbot, place, column):
    view = table.table.viewport()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=cell_at(table, place, column))


def test_names_are_typed_one_after_the_other(table, qtbot):
    type_names(table, qtbot, "liver", "spleen", "left kidney")
    editor(table, qtbot)  # the next could be typed
    labels = table.label_set().labels
    assert [label.name for label in labels] == ["liver", "spleen", "left kidney"]
    assert [label.id for label in labels] == [1, 2, 3]
    assert [label.color for label in labels] == list(COLORS[:3])
    assert {label.method for label in labels} == {MASK}
    assert [table.rows.key(place) for place in range(3)] == ["G", "H", "J"]


def test_what_is_being_typed_counts(table, qtbot):
    table.begin()
    qtbot.keyClicks(editor(table, qtbot), "liver")
    assert [label.name for label in table.label_set().labels] == ["liver"]
    # No key press goes astray: the row is named, and not twice.
    assert names(table) == ["liver"]


def test_enter_in_an_empty_row_adds_nothing(table, qtbot):
    table.begin()
    qtbot.keyClick(editor(table, qtbot), Qt.Key.Key_Return)
    assert names(table) == []
    with pytest.raises(InvalidValueError, match="no label yet"):
        table.label_set()


def test_a_new_label_is_for_the_method_of_the_one_above(table, qtbot):
    table.set_methods([BOX, CLASS])
    type_names(table, qtbot, "nodule")
    table.rows.write_choice(0, CHOICES[3])
    table.rows.write_name(1, "healthy")
    first, second = table.label_set().labels
    assert first.method is second.method is CLASS
    assert first.scope is second.scope is Scope.CASE
    assert table.methods() == (CLASS,)


def test_faults_stand_in_the_row_and_are_refused(table):
    table.rows.write_name(0, "liver")
    table.rows.write_name(1, "Liver")
    assert "Another label" in table.rows.said(0)
    assert "Another label" in table.rows.said(1)
    with pytest.raises(InvalidValueError, match="Another label"):
        table.label_set()
    high = table.table.rowHeight(1)
    table.rows.write_name(1, "spleen")
    assert not table.rows.said(0) and not table.rows.said(1)
    assert table.table.rowHeight(1) < high
    table.rows.write_name(0, "  ")
    assert "no name" in table.rows.said(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("segmntation:liver", "no method"),
        ("liver=rot", "not a colour"),
        ("totalsegmentator:livre", "no label 'livre'"),
        ("liver\tnonsense", "not a colour"),
    ],
)
def test_a_pasted_line_that_is_not_understood_stands_there_to_be_mended(
    table, text, said
):
    table.text_pasted.emit(f"spleen\n{text}\n")
    assert table.rows.said(0) == ""
    assert said in table.rows.said(1)
    with pytest.raises(InvalidValueError, match="label"):
        table.label_set()
    table.rows.write_name(1, "liver")
    assert [label.name for label in table.label_set().labels] == ["spleen", "liver"]


def test_lists_are_pasted_as_people_have_them(table):
    table.text_pasted.emit(
        "1. liver\n- spleen=red\n\n• detection:nodule\n"
        "tumour\t#00ff00\nabsent\tclassification\torange\n"
        "totalsegmentator:kidney_*\n"
    )
    found = {label.name: label for label in table.label_set().labels}
    assert list(found) == [
        *("liver", "spleen", "nodule", "tumour", "absent"),
        *("kidney_left", "kidney_right", "kidney_cyst_left", "kidney_cyst_right"),
    ]
    assert found["spleen"].color == "#FF0000"
    assert found["tumour"].color.lower() == "#00ff00"
    assert (found["nodule"].method, found["absent"].method) == (BOX, CLASS)
    assert found["kidney_left"].concept.meaning == "Kidney"


def test_lines_pasted_where_a_name_is_typed_are_labels(table, qtbot):
    QGuiApplication.clipboard().setText("liver\nspleen\n")
    table.begin()
    qtbot.keyClick(
        editor(table, qtbot), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier
    )
    assert names(table) == ["liver", "spleen"]


def test_pasting_again_adds_nothing_twice(table):
    for _ in range(2):
        table.text_pasted.emit("liver\nspleen")
    assert names(table) == ["liver", "spleen"]


def test_a_file_is_loaded_and_what_is_wrong_with_it_told(table, tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(
        "name,method,group,exclusive,id\n"
        "good,classification,quality,yes,7\nbad,classification,quality,yes,\n"
    )
    table.controller.load(str(file))
    labels = table.label_set()
    assert [label.id for label in labels.labels] == [7, 1]
    assert labels.exclusive_with(labels.labels[0]) == {1}
    file.write_text("nonsense")
    table.controller.load(str(file))
    assert "no column called name" in table.error.text()
    assert table.error.isVisible()
    assert len(table.rows.rows) == 2


def test_ready_made_labels_are_searched_and_ticked(table, qtbot):
    qtbot.mouseClick(table.ready, Qt.MouseButton.LeftButton)
    dialog = table.findChild(type(table)._show_ready.__globals__["ReadyLabels"])
    assert not dialog.add.isEnabled()
    dialog.search.setText("kidney left")
    qtbot.mouseClick(dialog.all, Qt.MouseButton.LeftButton)
    assert dialog.add.text() == "Add 2 labels"
    qtbot.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    assert names(table) == ["kidney_left", "kidney_cyst_left"]
    assert table.label_set().labels[0].concept.modifier.meaning == "Left"


def test_a_click_recolours(table, qtbot):
    type_names(table, qtbot, "liver")
    click(table, qtbot, 0, Column.COLOR)
    from napari_annotate_jobs.widgets.owner._label_cells import ColorBox

    box = table.findChild(ColorBox)
    qtbot.mouseClick(box.patches[4], Qt.MouseButton.LeftButton)
    assert table.label_set().labels[0].color == COLORS[4]


def test_another_colour_than_the_default_ones(table, qtbot):
    from qtpy.QtGui import QColor
    from qtpy.QtWidgets import QColorDialog

    from napari_annotate_jobs.widgets.owner._label_cells import ColorBox

    type_names(table, qtbot, "liver")
    click(table, qtbot, 0, Column.COLOR)
    box = table.findChild(ColorBox)
    qtbot.mouseClick(box.other, Qt.MouseButton.LeftButton)
    dialog = table.findChild(QColorDialog)
    dialog.setCurrentColor(QColor("#123456"))
    dialog.accept()
    assert table.label_set().labels[0].color == "#123456"


@pytest.mark.parametrize(
    ("key", "modifier", "own", "said"),
    [
        (Qt.Key.Key_K, Qt.KeyboardModifier.NoModifier, "K", ""),
        (Qt.Key.Key_W, Qt.KeyboardModifier.AltModifier, None, "belongs to napari"),
        (Qt.Key.Key_N, Qt.KeyboardModifier.NoModifier, None, "Nothing to Label"),
        (Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier, None, ""),
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier, None, ""),
    ],
)
def test_a_key_is_pressed_to_be_given(table, qtbot, key, modifier, own, said):
    type_names(table, qtbot, "liver")
    click(table, qtbot, 0, Column.KEY)
    qtbot.keyClick(table.table.cells.editor, key, modifier)
    qtbot.waitUntil(lambda: table.table.cells.editor is None)
    assert table.rows.rows[0].fields.get("key") == own
    assert said in table.rows.said(0)
    # What was refused is no reason to refuse the labels.
    assert table.label_set().labels[0].key == own


def test_two_labels_never_get_one_key(table):
    for place, name in enumerate(("a", "b")):
        table.rows.write_name(place, name)
    table.rows.write_key(0, "K")
    table.rows.write_key(1, "K")
    assert "belongs to 'a'" in table.rows.said(1)
    assert [table.rows.key(place) for place in (0, 1)] == ["K", "G"]
    table.table.setCurrentIndex(table.rows.index(0, Column.KEY))
    table.rows.write_key(0, "")
    assert table.rows.key(0) == "G"


def test_order_by_buttons_keys_and_drag(table, qtbot):
    table.text_pasted.emit("a\nb\nc\nd")
    table.table._choose([2])
    qtbot.mouseClick(table.up, Qt.MouseButton.LeftButton)
    assert names(table) == ["a", "c", "b", "d"]
    qtbot.keyClick(table.table, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert names(table) == ["c", "a", "b", "d"]
    assert not table.up.isEnabled() and table.down.isEnabled()
    # A drag of two rows that do not lie side by side keeps their order.
    assert table.rows.move([1, 3], 0) == [0, 1]
    assert names(table) == ["a", "d", "c", "b"]
    assert [label.name for label in table.label_set().labels] == list("adcb")


def test_removing_and_retiring(table, qtbot):
    labels = LabelSet(
        labels=(
            Label(id=3, name="liver", color="#112233", method=MASK, overlap_group="x"),
            Label(id=9, name="spleen", color="#445566", method=MASK),
        )
    )
    table.set_labels(labels, in_use=[3])
    table.table._choose([0])
    assert table.remove.text() == "Retire"
    qtbot.mouseClick(table.remove, Qt.MouseButton.LeftButton)
    assert names(table) == ["liver", "spleen"]
    assert table.rows.rows[0].is_retired
    assert table.rows.key(0) == ""  # not offered: it takes no key away
    assert table.remove.text() == "Bring back"
    table.table._choose([1])
    qtbot.keyClick(table.table, Qt.Key.Key_Delete)
    assert names(table) == ["liver"]
    # What is new takes no id that was another label's.
    table.rows.write_name(1, "kidney")
    liver, kidney = table.label_set().labels
    assert (liver.id, liver.overlap_group, kidney.id) == (3, "x", 1)
    assert liver.model_dump()["retired"] is True
    table.rows.remove([0])
    assert not table.rows.rows[0].is_retired


def test_the_method_of_a_label_in_use_stays(table):
    labels = LabelSet(labels=(Label(id=1, name="a", color="#112233", method=MASK),))
    table.set_labels(labels, in_use=[1])
    table.rows.write_choice(0, CHOICES[1])
    assert "stays" in table.rows.said(0)
    assert table.label_set().labels[0].method is MASK


def test_unknown_fields_survive(table):
    label = Label(id=1, name="a", color="#112233", method=MASK, newer="kept")
    table.set_labels(LabelSet(labels=(label,)))
    table.rows.write_name(0, "b")
    assert table.label_set().labels[0].model_dump()["newer"] == "kept"


def test_single_choice_is_offered_where_it_means_something(table, qtbot):
    assert not table.rules.isVisible()
    table.text_pasted.emit("classification:quality/good\nclassification:quality/bad")
    assert table.rules.isVisible()
    from qtpy.QtWidgets import QCheckBox

    (box,) = table.rules.findChildren(QCheckBox)
    assert box.text() == "quality"
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    qtbot.waitUntil(lambda: table.rows.groups.get("quality") is True)
    assert table.label_set().groups == (Group(name="quality", exclusive=True),)


def test_a_method_column_is_shown_only_where_there_is_a_choice(table):
    assert table.table.isColumnHidden(Column.METHOD)
    table.set_methods([MASK, BOX])
    assert not table.table.isColumnHidden(Column.METHOD)
    assert table.table.isColumnHidden(Column.GROUP)
    table.set_methods([CLASS])
    assert not table.table.isColumnHidden(Column.GROUP)


def test_labels_of_another_job_come_without_their_ids(table, tmp_path):
    from types import SimpleNamespace

    labels = LabelSet(
        labels=(
            Label(id=5, name="a", color="#112233", method=CLASS, group="q"),
            Label(id=6, name="b", color="#112244", method=CLASS, group="q"),
        ),
        groups=(Group(name="q", exclusive=True),),
    )
    project = SimpleNamespace(name="Other", label_set=labels)
    summary = SimpleNamespace(job=SimpleNamespace(project=project))
    table.controller.set_jobs([summary])
    (action,) = table.job.menu().actions()
    assert action.text() == "Other"
    action.trigger()
    found = table.label_set()
    assert [(x.id, x.name, x.color) for x in found.labels] == [
        (1, "a", "#112233"),
        (2, "b", "#112244"),
    ]
    assert found.exclusive_with(found.labels[0]) == {2}


def test_the_keyboard_alone_is_enough(table, qtbot):
    type_names(table, qtbot, "a")
    qtbot.keyClick(editor(table, qtbot), Qt.Key.Key_Escape)
    view = table.table
    view.setCurrentIndex(table.rows.index(0, Column.COLOR))
    qtbot.keyClick(view, Qt.Key.Key_Space)
    from napari_annotate_jobs.widgets.owner._label_cells import ColorBox

    box = table.findChild(ColorBox)
    qtbot.keyClick(box.patches[2], Qt.Key.Key_Space)
    assert table.rows.rows[0].fields["color"] == COLORS[2]
    view.setCurrentIndex(table.rows.index(0, Column.NAME))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.keyClicks(editor(table, qtbot), "x")
    assert table.label_set().labels[0].name in ("x", "ax")


def test_a_hundred_labels_are_no_burden(table, qtbot):
    table.text_pasted.emit("totalsegmentator:*")
    assert len(table.label_set().labels) > 100
    assert len({table.rows.key(place) for place in range(17)}) == 17
