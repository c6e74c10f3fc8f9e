"""The section of the dock that shows the object at hand."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_annotate_jobs.editing import Track
from napari_annotate_jobs.model import COLORS, Box, Label, Method
from napari_annotate_jobs.widgets import BoxSection, Colors, KeyMap, ObjectAtHand

LABELS = (
    Label(id=1, name="Nodule", color=COLORS[0], method=Method.DETECTION),
    Label(id=2, name="Fat & water", color=COLORS[1], method=Method.DETECTION),
)


def track(first=2, last=9, *, keys=(2, 9), label=1, name="t", waiting=True):
    return Track(
        name,
        label,
        {
            i: Box(
                label=label,
                top=0,
                left=0,
                bottom=4,
                right=4,
                track=name,
                key=i in keys,
                proposal=waiting and i not in keys,
            )
            for i in range(first, last + 1)
        },
    )


@pytest.fixture
def section(qtbot):
    widget = BoxSection(KeyMap())
    widget.set_labels(LABELS)
    qtbot.addWidget(widget)
    widget.resize(280, 120)
    return widget


def entries(section):
    return {a.text().split("\t")[0]: a for a in section.more.menu().actions()}


def test_the_buttons_keep_their_places(section):
    section.show()
    section.set_object(ObjectAtHand(track(), here=True))
    places = {name: b.geometry() for name, b in section.buttons.items()}
    height = section.sizeHint().height()
    section.set_object(None)
    assert section.about.text() == "No box here"
    assert not any(button.isEnabled() for button in section.buttons.values())
    assert {name: b.geometry() for name, b in section.buttons.items()} == places
    assert section.sizeHint().height() == height


def test_a_single_image_has_nothing_to_extend_over(section):
    section.set_several(False)
    section.set_object(ObjectAtHand(track(4, 4, keys=(4,)), here=True))
    shown = {n for n, b in section.buttons.items() if b.isVisibleTo(section)}
    assert shown == {"confirm_object", "delete_object"}
    section.set_object(ObjectAtHand(track(4, 4, keys=(4,)), here=True, number=2))
    assert section.about.text() == "Nodule 2"  # and not its slice
    section.set_several(True)
    assert all(b.isVisibleTo(section) for b in section.buttons.values())


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (track(), "Nodule · slices 3–10 · 2 keys · 6 to confirm"),
        (track(waiting=False), "Nodule · slices 3–10 · 2 keys"),
        (track(4, 4, keys=(4,)), "Nodule · slice 5"),
        (track(4, 5, keys=(4,)), "Nodule · slices 5–6 · 1 key · 1 to confirm"),
        (track(4, 4, keys=(4,), label=2), "Fat & water · slice 5"),
    ],
)
def test_what_it_says_of_an_object(section, found, text):
    section.set_object(ObjectAtHand(found, here=True))
    assert section.about.text() == text
    assert section.buttons["confirm_object"].isEnabled() == bool(found.proposals)


def test_several_boxes_ask_for_a_choice(section):
    section.set_object(ObjectAtHand())
    assert section.about.text() == "Select a box to change its object"
    assert not section.buttons["delete_object"].isEnabled()


@pytest.mark.parametrize(
    "action",
    [
        "confirm_object",
        "extend_object",
        "object_leaves",
        "cut_object",
        "delete_object",
    ],
)
def test_every_button_asks_for_its_action(section, qtbot, action):
    section.set_object(ObjectAtHand(track(), here=True))
    section.show()
    button = section.buttons[action]
    with qtbot.waitSignal(section.requested) as told:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert told.args == [action]
    assert section._keymap.hint(action).strip(" ()") in button.toolTip()


def test_the_menu(section, qtbot):
    other = track(14, 15, name="o")
    section.set_object(ObjectAtHand(track(), here=True, others=(other,)))
    found = entries(section)
    with qtbot.waitSignal(section.requested) as told:
        found["Delete this box only"].trigger()
    assert told.args == ["delete_box"]
    with qtbot.waitSignal(section.join_requested) as joined:
        found["Join with the one on slices 15–16"].trigger()
    assert joined.args == ["o"]
    section.set_object(ObjectAtHand(track(), here=False))
    found = entries(section)
    assert not found["Confirm this box"].isEnabled()
    assert not found["Join with the likeliest object"].isEnabled()


def test_another_label(section, qtbot):
    section.set_object(ObjectAtHand(track(), here=True))
    action = section.label.menu().actions()[1]
    assert action.text() == "Fat && water"
    with qtbot.waitSignal(section.relabel_requested) as told:
        action.trigger()
    assert told.args == [2]


def test_other_keys_are_named(section):
    section.set_keymap(KeyMap({"cut_object": "Shift+Y"}))
    section.set_object(ObjectAtHand(track(), here=True))
    assert "(Shift+Y)" in section.buttons["cut_object"].toolTip()


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])
def test_it_fits_a_narrow_dock(section, colors):
    section.set_colors(colors)
    section.set_object(ObjectAtHand(track(), here=True))
    assert section.minimumSizeHint().width() <= 280
