from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_annotate_jobs.model import COLORS, Label, LabelSet, Method
from napari_annotate_jobs.widgets.keys._gestures import GESTURES
from napari_annotate_jobs.widgets.keys._help import HelpPanel
from napari_annotate_jobs.widgets.keys._key_map import KeyMap
from napari_annotate_jobs.widgets.keys._keys import ACTIONS, key_text
from napari_annotate_jobs.widgets.parts._theme import Colors


@pytest.fixture
def panel(qtbot):
    widget = HelpPanel()
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def choose(panel, text):
    found = panel.tree.findItems(
        text, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
    )
    panel.tree.setCurrentItem(found[0])


def press(panel, key, modifiers=Qt.KeyboardModifier.NoModifier):
    panel.key.setFocus()
    QTest.keyClick(panel.key, key, modifiers)
    panel.key.editingFinished.emit()


def test_it_lists_every_key_and_gesture(panel):
    rows = panel.rows()
    assert [(t, k) for _, t, k in rows] == [
        *((a.text, key_text(a.key) or "–") for a in ACTIONS),
        *((g.text, g.how) for g in GESTURES),
    ]


def test_it_lists_the_labels_of_the_job(panel):
    label = Label(id=3, name="Lung", color=COLORS[0], method=Method.CLASSIFICATION)
    panel.set_labels(LabelSet(labels=(label,)))
    assert panel.rows()[0] == ("Labels of this job", "Lung", "G")


def test_it_filters_as_one_types(panel):
    QTest.keyClicks(panel.search, "undecided")
    assert [text for _, text, _ in panel.rows()] == [
        "Next undecided slice",
        "Previous undecided slice",
    ]
    panel.search.setText("alt+n")
    assert [text for _, text, _ in panel.rows()] == [
        "Nothing to Label, submit, next case"
    ]
    panel.search.setText("strip wheel")
    assert {heading for heading, _, _ in panel.rows()} == {"On the slice strip"}
    panel.search.clear()
    assert len(panel.rows()) == len(ACTIONS) + len(GESTURES)


def test_a_key_is_changed_by_pressing_it(panel, qtbot):
    choose(panel, "Exclude the image")
    with qtbot.waitSignal(panel.keymap_changed) as told:
        press(panel, Qt.Key.Key_Y, Qt.KeyboardModifier.ShiftModifier)
    assert told.args[0].to_dict() == {"exclude": "Shift+Y"}
    assert ("Decide", "Exclude the image", "Shift+Y") in panel.rows()
    assert panel.default.isEnabled(), "the row stays chosen"


@pytest.mark.parametrize(
    ("key", "reason"),
    [(Qt.Key.Key_N, "Nothing to Label"), (Qt.Key.Key_P, "belongs to napari")],
)
def test_a_clash_is_refused_and_named(panel, key, reason):
    told = []
    panel.keymap_changed.connect(told.append)
    choose(panel, "Exclude the image")
    press(panel, key)
    assert told == []
    assert reason in panel.about.text()
    assert panel.key.keySequence().toString() == "Q"


def test_a_key_can_be_switched_off_and_set_back(panel):
    told = []
    panel.keymap_changed.connect(told.append)
    choose(panel, "Exclude the image")
    panel.clear.click()
    assert ("Decide", "Exclude the image", "–") in panel.rows()
    panel.default.click()
    choose(panel, "Submit the case")
    panel.clear.click()
    panel.default_all.click()
    assert [keymap.to_dict() for keymap in told] == [
        {"exclude": ""},
        {},
        {"submit": ""},
        {},
    ]
    assert not panel.default_all.isEnabled()


def test_gestures_and_headings_have_no_key_to_change(panel):
    choose(panel, "Zoom the strip")
    assert not panel.key.isEnabled()
    choose(panel, "Decide")
    assert not panel.key.isEnabled()
    assert "Choose a row" in panel.about.text()


def test_setters_never_emit(panel):
    told = []
    panel.keymap_changed.connect(told.append)
    panel.set_keymap(KeyMap({"exclude": "Shift+Y"}))
    panel.set_colors(Colors.light())
    choose(panel, "Submit the case")
    assert told == []
    assert panel.keymap.key("exclude") == "Shift+Y"


def test_it_fits_a_dock_300_pixels_wide(panel):
    assert panel.minimumSizeHint().width() <= 300


def lung(key=""):
    label = Label(
        id=3, name="Lung", color=COLORS[0], method=Method.CLASSIFICATION, key=key
    )
    return LabelSet(labels=(label,))


def test_it_says_that_nothing_was_found(panel):
    QTest.keyClicks(panel.search, "zebra")
    assert panel.nothing.isVisible() and not panel.tree.isVisible()
    panel.search.clear()
    assert panel.tree.isVisible() and not panel.nothing.isVisible()


def test_the_key_of_a_label_is_taken(panel):
    told = []
    panel.keymap_changed.connect(told.append)
    panel.set_labels(lung("Shift+Y"))
    choose(panel, "Nothing to Label")
    press(panel, Qt.Key.Key_Y, Qt.KeyboardModifier.ShiftModifier)
    assert "Shift+Y is the key of the label 'Lung'" in panel.about.text()
    assert told == []
    assert panel.key.keySequence().toString() == "N"


def test_only_keys_that_are_free_are_suggested(panel):
    panel.set_labels(lung())  # it has G
    choose(panel, "Exclude the image")
    press(panel, Qt.Key.Key_N)
    assert panel.about.text().endswith("Free are H, J, K.")


def test_what_went_wrong_is_forgotten_with_the_next_act(panel):
    choose(panel, "Exclude the image")
    press(panel, Qt.Key.Key_N)
    assert panel.about.text().startswith("N is already")
    QTest.keyClicks(panel.search, "exclude")
    assert panel.about.text() == "Press the new key in the field below."


@pytest.mark.parametrize("key", [Qt.Key.Key_F1, Qt.Key.Key_Escape])
def test_its_key_closes_it(panel, qtbot, key):
    panel.search.setFocus()
    with qtbot.waitSignal(panel.close_requested):
        QTest.keyClick(panel.search, key)


def test_rows_of_one_line_are_equally_high(panel):
    panel.resize(300, 500)
    line = panel.tree.fontMetrics().lineSpacing()
    heights = set()
    for i in range(panel.tree.topLevelItemCount()):
        top = panel.tree.topLevelItem(i)
        heights.update(
            top.child(j).sizeHint(0).height() for j in range(top.childCount())
        )
    assert {(height - 5) % line for height in heights} == {0}
    assert line + 5 in heights


def two_labels():
    return LabelSet(
        labels=tuple(
            Label(id=i, name=name, color=COLORS[i], method=Method.SEGMENTATION)
            for i, name in enumerate(("Lung", "Nodule"), 1)
        )
    )


def test_keys_of_labels_are_changed_by_pressing_them(panel, qtbot):
    panel.set_labels(two_labels())
    choose(panel, "Nodule")
    assert panel.key.keySequence().toString() == "H"
    with qtbot.waitSignal(panel.keymap_changed) as told:
        press(panel, Qt.Key.Key_J)
    assert told.args[0].to_dict() == {"label/segmentation/nodule": "J"}
    assert panel.rows()[:2] == [
        ("Labels of this job", "Lung", "G"),
        ("Labels of this job", "Nodule", "J"),
    ]
    panel.clear.click()
    assert panel.rows()[1] == ("Labels of this job", "Nodule", "–")
    panel.default.click()
    assert panel.keymap == KeyMap()


def test_two_labels_exchange_their_keys(panel):
    panel.set_labels(two_labels())
    choose(panel, "Nodule")
    press(panel, Qt.Key.Key_G)
    assert [key for _, _, key in panel.rows()[:2]] == ["H", "G"]
    assert "Lung had it, and has H now" in panel.about.text()


def test_a_label_is_not_given_what_is_taken(panel):
    panel.set_labels(two_labels())
    choose(panel, "Nodule")
    for key, reason in ((Qt.Key.Key_N, "Nothing to Label"), (Qt.Key.Key_P, "napari")):
        press(panel, key)
        assert reason in panel.about.text()
        assert panel.key.keySequence().toString() == "H"
    assert panel.keymap == KeyMap()
