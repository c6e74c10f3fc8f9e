"""Small parts of the docks: the save line, buttons with keys, boxes that are short."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_annotate_jobs.model import (
    COLORS,
    Code,
    Concept,
    Group,
    Label,
    LabelSet,
    Method,
    Project,
)
from napari_annotate_jobs.session import SaveKind, SaveState
from napari_annotate_jobs.widgets import (
    AsideLine,
    FillPanel,
    KeyMap,
    ReadOutLabel,
    ZoomBar,
    listed,
)
from napari_annotate_jobs.widgets.annotate._dock import AnnotateDock
from napari_annotate_jobs.widgets.annotate._label_list import LabelList, swatch
from napari_annotate_jobs.widgets.annotate._save_line import SaveLine
from napari_annotate_jobs.widgets.annotate._window import WindowControl
from napari_annotate_jobs.widgets.fill._choice import TOOLS
from napari_annotate_jobs.widgets.jobs._labels import LabelOverview
from napari_annotate_jobs.widgets.parts._key_button import KeyButton
from napari_annotate_jobs.widgets.parts._theme import Colors, contrast_ratio

LEFT = Qt.MouseButton.LeftButton
LONG = "Consolidation of the left lower lobe, old"
TROUBLE = [
    SaveState(SaveKind.OFFLINE, pending=12, kept=True, message="No route to it."),
    SaveState(SaveKind.OFFLINE, pending=1, message="No route to it."),
    SaveState(SaveKind.LOG_IN, pending=128, kept=True, reason="log in again"),
    SaveState(SaveKind.CONFLICT, pending=128, message="Ben changed it."),
    SaveState(SaveKind.FAILED, pending=12, message="The disk is full."),
]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "“a”"),
        (["a", "b"], "“a” and “b”"),
        (["a", "b", "c"], "“a”, “b” and “c”"),
        (["a", "b", "c", "d", "e"], "“a”, “b” and 3 more"),
        (["long_name_of_a_volume_1.nii.gz"], "“long_name_of_a_volume_1…”"),
    ],
)
def test_layers_are_listed_in_a_sentence(names, text):
    assert listed(names) == text


def test_the_line_of_foreign_layers_says_what_is_hidden_and_what_is_shown(qtbot):
    line = AsideLine()
    qtbot.addWidget(line)
    assert line.isHidden()
    line.set_layers(["a", "b"], ["c"])
    assert not line.isHidden()
    assert line.text.text() == "Not of this case: “a” and “b” hidden; “c” shown"
    assert line.text.toolTip() == "a\nb\nc"
    with qtbot.waitSignal(line.change_requested):
        line.button.click()
    line.set_layers([], [])
    assert line.isHidden()


@pytest.fixture
def line(qtbot):
    widget = SaveLine()
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize("state", TROUBLE)
@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])
def test_trouble_can_be_read_and_is_clicked(line, qtbot, state, colors):
    line.set_colors(colors)
    line.set_state(state)
    line.show()
    first, second = line.text().split("\n")
    assert str(state.pending) in first and second.startswith("Click to ")
    # Beside four tools in a dock 300 pixels wide.
    assert line.sizeHint().width() <= 300 - 12 - 4 * 28
    assert state.message in line.toolTip() and state.text in line.toolTip()
    assert colors.error_text in line.styleSheet()
    assert contrast_ratio(colors.error_text, colors.background) >= 4.5
    assert line.cursor().shape() == Qt.CursorShape.PointingHandCursor
    with qtbot.waitSignal(line.clicked):
        QTest.mouseClick(line, LEFT)


def test_a_full_disk_is_named_with_what_to_do(line):
    full = {"reason": "disk full", "remedy": "Free some space there"}
    line.set_state(SaveState(SaveKind.BLOCKED, pending=3, kept=True, **full))
    assert line.text().split("\n") == [
        "Disk full · 3 kept here",
        "Free some space there",
        "Click to try again",
    ]
    line.set_state(SaveState(SaveKind.BLOCKED, pending=128, **full))
    assert line.text().split("\n") == [
        "Disk full",
        "128 saved nowhere",
        "Free some space there",
        "Click to save elsewhere",
    ]
    assert line.sizeHint().width() <= 300 - 12 - 4 * 28


def test_what_is_saved_needs_no_click(line):
    line.set_state(SaveState(SaveKind.PENDING, pending=2))
    assert line.text() == "2 changes pending"
    assert not line.isEnabled()
    time = datetime.now(UTC)
    line.set_state(SaveState(SaveKind.SAVED, time=time, server=True))
    assert line.text().startswith("saved on the server\nat ")
    line.set_state(None)
    assert line.text() == line.toolTip() == ""


def test_a_key_stands_on_its_button_where_there_is_room(qtbot):
    button = KeyButton("Nothing to Label", "nothing_to_label")
    qtbot.addWidget(button)
    button.resize(160, 26)
    button.show()
    plain = button.grab().toImage()
    button.set_key("N")
    assert button.has_room()
    assert button.grab().toImage() != plain
    button.set_key("Ctrl+Alt+Shift+N")
    assert not button.has_room()
    assert button.grab().toImage() == plain


def test_the_fill_panel_is_not_wider_than_its_dock(qtbot):
    panel = FillPanel()
    qtbot.addWidget(panel)
    panel.set_labels(
        [Label(id=1, name=LONG, color=COLORS[0], method=Method.SEGMENTATION)],
        [Label(id=2, name=LONG, color=COLORS[1], method=Method.DETECTION)],
    )
    panel.set_place(3, (100, 2000), 3000)
    panel.resize(300, 600)
    panel.show()
    for tool, _, _ in TOOLS:
        panel.set_tool(tool)
        area = panel.tool.parentWidget()
        assert area.minimumSizeHint().width() <= 290, tool
    assert panel.label.shown_text().endswith("…")
    place = panel.label.rect().center()
    ask = QHelpEvent(QEvent.Type.ToolTip, place, panel.label.mapToGlobal(place))
    QApplication.sendEvent(panel.label, ask)
    assert panel.label.toolTip() == LONG


@pytest.mark.parametrize("on", [True, False])
def test_a_colour_stays_in_a_list_that_is_off(qapp, on):
    icon = swatch("#F0E442", on=on)
    images = [
        icon.pixmap(16, mode).toImage()
        for mode in (icon.Mode.Normal, icon.Mode.Disabled)
    ]
    assert images[0] == images[1]


def test_labels_of_no_group_do_not_stand_under_a_groups_caption(qtbot):
    overview = LabelOverview()
    qtbot.addWidget(overview)
    names = {"good": "Quality", "bad": "Quality", "odd": ""}
    labels = LabelSet(
        labels=tuple(
            Label(
                id=i,
                name=name,
                color=COLORS[i],
                method=Method.CLASSIFICATION,
                group=group,
            )
            for i, (name, group) in enumerate(names.items(), 1)
        ),
        groups=(Group(name="Quality", exclusive=True),),
    )
    project = Project(name="P", methods=(Method.CLASSIFICATION,), label_set=labels)
    overview.set_project(project, {})
    assert [part.text for part in overview._parts] == [
        "Classification",
        "odd",
        "Quality (choose one)",
        "good",
        "bad",
    ]


def test_the_list_of_labels_shows_codes(qtbot):
    concept = Concept(
        scheme="SCT",
        value="64033007",
        meaning="Kidney",
        modifier=Code(scheme="SCT", value="7771000", meaning="Left"),
    )
    labels = (
        Label(id=1, name="k", color=COLORS[0], method=Method.SEGMENTATION),
        Label(
            id=2,
            name="kl",
            color=COLORS[1],
            method=Method.SEGMENTATION,
            concept=concept,
        ),
    )
    widget = LabelList()
    qtbot.addWidget(widget)
    project = Project(
        name="p", methods=(Method.SEGMENTATION,), label_set=LabelSet(labels=labels)
    )
    widget.set_project(project, {2: "G"})
    group = widget.tree.topLevelItem(0)
    tips = [group.child(i).toolTip(0) for i in range(2)]
    assert "SCT" not in tips[0]
    assert tips[1].splitlines()[1:] == ["Kidney, left (SCT 64033007)"]


def test_a_half_written_comment_stays_with_its_case(make_session, qtbot):
    window = WindowControl()
    dock = AnnotateDock(window, KeyMap())
    qtbot.addWidget(dock)
    session = make_session(3)
    dock.bind(session, {})
    line = dock.comments.line
    line.setText("A second nod")
    session.open_case("two")
    assert line.text() == ""
    line.setText("Clear")
    line.give_back("Blurred", "one")  # what was sent there could not be kept
    session.open_case("one")
    assert line.text() == "Blurred A second nod"
    session.slice = 1
    line.returnPressed.emit()
    assert line.text() == ""
    session.open_case("two")
    assert line.text() == "Clear"
    dock.unbind()


def test_the_lock_of_a_label_is_clicked_without_choosing_it(qtbot):
    labels = (
        Label(id=1, name="Seen", color=COLORS[0], method=Method.CLASSIFICATION),
        Label(id=2, name="Liver", color=COLORS[1], method=Method.SEGMENTATION),
        Label(id=3, name="Mass", color=COLORS[2], method=Method.SEGMENTATION),
    )
    widget = LabelList()
    qtbot.addWidget(widget)
    methods = (Method.CLASSIFICATION, Method.SEGMENTATION)
    widget.set_project(
        Project(name="p", methods=methods, label_set=LabelSet(labels=labels)), {}
    )
    widget.resize(250, 300)
    widget.show()
    chosen, locked = [], []
    widget.label_requested.connect(chosen.append)
    widget.protect_requested.connect(locked.append)
    widget.set_current(labels[2])
    tree = widget.tree

    def click(text, column):
        (item,) = tree.findItems(text, Qt.MatchFlag.MatchRecursive)
        left = tree.columnViewportPosition(column) + 4
        place = QPoint(left, tree.visualItemRect(item).center().y())
        qtbot.mouseClick(tree.viewport(), LEFT, pos=place)
        return item

    item = click("Liver", 2)
    assert locked == [labels[1]]
    assert not chosen
    assert tree.currentItem().text(0) == "Mass"
    before = item.icon(2).pixmap(16).toImage()
    widget.set_protected({2})
    assert item.icon(2).pixmap(16).toImage() != before
    assert "is protected" in item.toolTip(2)
    click("Seen", 2)  # nothing is drawn of it: there is no lock
    assert click("Liver", 0).icon(2).pixmap(16).toImage() != before
    assert chosen == [labels[0], labels[1]]
    assert locked == [labels[1]]


# ----------------------------------------------------------------- over the canvas
@pytest.fixture
def window(qtbot):
    """Return a window whose central widget is a canvas."""
    window, canvas = QMainWindow(), QWidget()
    window.setCentralWidget(canvas)
    qtbot.addWidget(window)
    window.resize(900, 500)
    window.show()
    return window


def test_what_is_shown_of_the_slice_leaves_the_middle_to_the_patients_side(window):
    canvas, label = window.centralWidget(), ReadOutLabel()
    label.lay_over(window, canvas)
    text = "CT of the lung with a large tumour\n9 / 16\nUndecided\nWW 400  WL 40"
    label.set_text(text)
    wide = label.size()
    for width in (900, 320, 200, 900):
        window.resize(width, 500)
        QApplication.processEvents()
        assert label.text() == text
        assert label.geometry().right() < max(canvas.width() / 2, 150)
    assert label.size() == wide
    window.resize(320, 500)
    QApplication.processEvents()
    assert label.height() > wide.height()  # wrapped, and nothing cut off
    label.setParent(None)
    label.deleteLater()


def test_the_zoom_leaves_the_middle_to_the_patients_side(window):
    canvas = window.centralWidget()
    bar = ZoomBar(canvas)
    bar.set_zoom(195, None)
    assert all(part.isVisible() for part in (bar.percent, bar.fit, bar.full))
    window.resize(250, 500)
    QApplication.processEvents()
    parts = (bar.percent, bar.fit, bar.full)
    shown = [part for part in parts if part.isVisible()]
    assert bar.percent in shown
    assert bar.full not in shown
    assert all(part.geometry().right() < canvas.width() / 2 for part in shown)
    window.resize(900, 500)
    QApplication.processEvents()
    assert all(part.isVisible() for part in parts)
    bar.set_zoom(None, None)
    assert not any(part.isVisible() for part in parts)
    bar.close()
