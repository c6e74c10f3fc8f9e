from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_annotate_jobs.app._settings import keys_from_text, keys_to_text
from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import COLORS, Label, LabelSet, Method
from napari_annotate_jobs.widgets.keys._gestures import GESTURES
from napari_annotate_jobs.widgets.keys._key_map import KeyMap, label_keys
from napari_annotate_jobs.widgets.keys._key_sets import KEY_SETS
from napari_annotate_jobs.widgets.keys._keys import (
    ACTIONS,
    LABEL_KEYS,
    NAPARI_KEYS,
    SHARED_WITH_NAPARI,
    key_text,
    normal_key,
)
from napari_annotate_jobs.widgets.keys._text_focus import text_has_focus

DOCS = Path(__file__).parents[3] / "docs" / "keys.md"


def labels(*keys):
    return LabelSet(
        labels=tuple(
            Label(
                id=place + 1,
                name=f"Label {place}",
                color=COLORS[place % len(COLORS)],
                method=Method.CLASSIFICATION,
                key=key,
            )
            for place, key in enumerate(keys)
        )
    )


@pytest.fixture
def keys_of_napari(make_napari_viewer):
    """Every key that napari, its layers and its menus know by default."""
    from napari import layers
    from napari._app_model import get_app_model
    from napari.utils.shortcuts import default_shortcuts

    viewer = make_napari_viewer()
    found = {str(key) for keys in default_shortcuts.values() for key in keys}
    found |= {str(bound.keybinding) for bound in get_app_model().keybindings}
    kinds = (layers.Image, layers.Labels, layers.Points, layers.Shapes)
    kinds += (layers.Surface, layers.Tracks, layers.Vectors)
    for kind in (type(viewer), *kinds):
        found |= {str(key) for key in kind.class_keymap}
    window = viewer.window._qt_window
    for action in window.menuBar().actions():
        mnemonic = re.search(r"&(\w)", action.text())
        if mnemonic and action.isVisible():
            found.add(f"Alt+{mnemonic[1].upper()}")
    for action in window.findChildren(type(window.menuBar().actions()[0])):
        found |= {key.toString() for key in action.shortcuts()}
    return {_ours(key) for key in found if _ours(key)}


def _ours(key):
    words = {"Escape": "Esc", "Delete": "Del", "Meta": "", "Shift": ""}
    parts = re.split(r"(?<=[^+])\+", key)
    parts[-1] = words.get(parts[-1], parts[-1])
    return normal_key("+".join(parts)) if parts[-1] else ""


def test_no_default_key_is_napari_s(keys_of_napari):
    assert len(keys_of_napari) > 80
    assert keys_of_napari - NAPARI_KEYS == set()
    for action in ACTIONS:
        clashes = action.key in keys_of_napari
        assert clashes == (action.id in SHARED_WITH_NAPARI), action
    assert not NAPARI_KEYS.intersection(LABEL_KEYS)


def test_every_action_has_a_key_of_its_own():
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    keys = [action.key for action in ACTIONS if action.key] + list(LABEL_KEYS)
    assert len(set(keys)) == len(keys)
    assert all(normal_key(key) == key for key in keys)


@pytest.mark.parametrize(
    ("text", "normal", "shown"),
    [
        ("g", "G", "G"),
        ("shift+enter", "Shift+Return", "Shift+Enter"),
        ("Alt + Shift + s", "Alt+Shift+S", "Alt+Shift+S"),
        ("Shift+Alt+S", "Alt+Shift+S", "Alt+Shift+S"),
        ("Shift+PgUp", "Shift+PgUp", "Shift+Page Up"),
        ("Ctrl++", "Ctrl++", "Ctrl++"),
        ("+", "+", "+"),
    ],
)
def test_keys_are_written_in_one_way(text, normal, shown):
    assert normal_key(text) == normal
    assert key_text(normal) == shown


@pytest.mark.parametrize("text", ["", "Foo", "Ctrl+", "Ctrl+K, Ctrl+L", "Shift"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InvalidValueError, match="is not a key"):
        normal_key(text)


# --------------------------------------------------------------------- key map
def test_a_key_can_be_changed_and_switched_off():
    keys = KeyMap().with_key("exclude", "shift+q").with_key("submit", "")
    assert keys.key("exclude") == "Shift+Q"
    assert keys.hint("exclude") == " (Shift+Q)"
    assert keys.hint("submit") == ""
    assert keys.to_dict() == {"exclude": "Shift+Q", "submit": ""}
    assert KeyMap.from_dict(keys.to_dict()) == keys
    assert hash(KeyMap.from_dict(keys.to_dict())) == hash(keys)


def test_going_back_to_the_default_is_no_change():
    keys = KeyMap({"exclude": "Shift+Q"}).with_key("exclude", "Q")
    assert keys == KeyMap()


def test_a_clash_names_the_other_action():
    with pytest.raises(InvalidValueError, match="key of 'Nothing to Label'"):
        KeyMap().with_key("exclude", "N")
    with pytest.raises(InvalidValueError, match="already the key of 'Exclude"):
        KeyMap().with_key("nothing_to_label", "Q")


@pytest.mark.parametrize("key", ["P", "Ctrl+S", "1", "Alt+F"])
def test_napari_s_keys_stay_napari_s(key):
    with pytest.raises(InvalidValueError, match="belongs to napari"):
        KeyMap().with_key("exclude", key)


@pytest.mark.parametrize("name", KEY_SETS)
def test_each_set_of_keys_is_whole(name, keys_of_napari):
    keymap = KeyMap(key_set=name)  # no key twice: that would be refused
    assert set(keymap.ways.keys) <= {action.id for action in ACTIONS}
    for action_id, key in keymap.ways.keys.items():
        assert normal_key(key) == key
        assert key not in keys_of_napari, action_id
    assert set(keymap.ways.gestures) <= {g.how for g in GESTURES}


def test_another_set_of_keys_leaves_what_was_changed():
    keys = KeyMap({"exclude": "Shift+Q", "submit": "Shift+Y"}, "DeepCap")
    assert keys.key("next_case") == "Alt+Right"
    assert keys.key("submit") == "Shift+Y"
    assert keys.key("exclude") == "Shift+Q"
    assert keys.with_defaults("submit").key("submit") == "Ctrl+Return"
    assert keys.with_defaults().to_dict() == {}
    assert keys.with_key("submit", "Ctrl+Return").to_dict() == {"exclude": "Shift+Q"}
    assert KeyMap.from_dict(keys.to_dict(), "DeepCap") == keys
    assert KeyMap.from_dict({}, "of another day").key("submit") == "Shift+Return"
    # What was changed to a key that another set needs is left out there.
    assert KeyMap.from_dict({"exclude": "Alt+Right"}, "DeepCap").to_dict() == {}
    wheel = {g.how: g.text for g in keys.gestures() if g.group == "In the image"}
    assert wheel["Alt + wheel"].startswith("Next or previous case")


def test_keys_can_be_swapped_at_once():
    keys = KeyMap({"exclude": "N", "nothing_to_label": "Q"})
    assert (keys.key("exclude"), keys.key("nothing_to_label")) == ("N", "Q")
    assert KeyMap.from_dict(keys.to_dict()) == keys


def test_an_unknown_action_is_refused_but_left_out_of_settings():
    with pytest.raises(InvalidValueError, match="there is no action"):
        KeyMap({"fly": "G"})
    read = KeyMap.from_dict({"fly": "G", "exclude": "P", "submit": "Shift+Y"})
    assert read.to_dict() == {"submit": "Shift+Y"}


def test_a_map_cannot_be_changed_in_place():
    keys = KeyMap()
    with pytest.raises(TypeError):
        keys.overrides["exclude"] = "G"


# ------------------------------------------------------------------ label keys
def test_labels_get_free_keys_in_order():
    keys = label_keys(labels(*[None] * 20))
    assert [keys[i] for i in range(1, 18)] == list(LABEL_KEYS)
    assert 18 not in keys


def test_a_label_s_own_key_is_honoured_unless_taken():
    keys = label_keys(labels("J", None, "Shift+Y", "P", "N", "nonsense", "h"))
    assert keys == {1: "J", 2: "G", 3: "Shift+Y", 4: "K", 5: "W", 6: "8", 7: "H"}


def test_labels_make_way_for_a_changed_action():
    keymap = KeyMap({"exclude": "G"})
    assert label_keys(labels(None, None), keymap) == {1: "H", 2: "J"}


def test_a_person_s_keys_of_labels_leave_the_others_where_they_were():
    names = ("label/classification/label 0", "label/classification/label 2")
    keymap = KeyMap().with_label_keys({names[0]: "shift+q", names[1]: ""})
    assert label_keys(labels(None, None, None, None), keymap) == {
        1: "Shift+Q",
        2: "H",
        4: "K",
    }
    taken = KeyMap().with_label_keys({names[1]: "G"})
    assert label_keys(labels(None, None, None), taken) == {3: "G", 2: "H", 1: "K"}
    # It goes before the key that the job gives, in the label's own job or another.
    assert label_keys(labels("Shift+Y", None, "Shift+W"), taken)[3] == "G"
    assert taken.of_the_job() == KeyMap()
    assert taken.with_defaults(names[1]) == KeyMap() == taken.with_defaults()


def test_a_person_s_keys_of_labels_are_kept():
    keymap = KeyMap({"exclude": "Shift+Q"}).with_label_keys(
        {"label/segmentation/a=b; 50 %25": "Alt+5", "label/detection/ü/x": ""}
    )
    text = keys_to_text(keymap.to_dict())
    assert KeyMap.from_dict(keys_from_text(text)) == keymap
    assert hash(KeyMap.from_dict(keys_from_text(text))) == hash(keymap)
    read = KeyMap.from_dict({"label/x/y": "P", "label/x/z": "Foo", "label/x/k": "G"})
    assert read.to_dict() == {"label/x/k": "G"}


@pytest.mark.parametrize(
    ("key", "reason"), [("P", "belongs to napari"), ("N", "key of 'Nothing to Label'")]
)
def test_a_label_takes_no_key_of_napari_or_an_action(key, reason):
    with pytest.raises(InvalidValueError, match=reason):
        KeyMap().with_label_keys({"label/segmentation/lung": key})


def test_an_action_that_is_given_the_key_of_a_label_elsewhere_has_it():
    keymap = KeyMap().with_label_keys({"label/classification/label 0": "Shift+Q"})
    keymap = keymap.with_key("exclude", "Shift+Q")
    assert label_keys(labels(None, None), keymap) == {1: "G", 2: "H"}


@given(st.lists(st.sampled_from(["G", "8", "N", "P", "Alt+3", "Shift+Q", None])))
def test_no_key_is_given_twice(wanted):
    seen = set()
    unique = [k for k in wanted if k is None or not (k in seen or seen.add(k))]
    keys = label_keys(labels(*unique))
    taken = NAPARI_KEYS.union(KeyMap().keys().values())
    assert len(set(keys.values())) == len(keys)
    assert not taken.intersection(keys.values())


# ----------------------------------------------------------------------- focus
def _inside(widget):
    outer = QWidget()
    QVBoxLayout(outer).addWidget(widget)
    return outer


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (QLineEdit, True),
        (QSpinBox, True),
        (QTextEdit, True),
        (QPlainTextEdit, True),
        (QKeySequenceEdit, True),
        (QComboBox, False),
        (QTextBrowser, False),
        (QPushButton, False),
        (QListWidget, False),
        (QLabel, False),
    ],
)
def test_what_takes_text(qtbot, make, text):
    widget = make()
    outer = _inside(widget)
    qtbot.addWidget(outer)
    assert text_has_focus(widget) is text


def test_the_field_of_an_editable_list_takes_text(qtbot):
    widget = QComboBox()
    widget.setEditable(True)
    outer = _inside(widget)
    qtbot.addWidget(outer)
    assert text_has_focus(widget)
    assert text_has_focus(widget.lineEdit())


def test_a_console_takes_text(qtbot):
    class QtConsole(QWidget):
        pass

    inner = QLabel()
    console = QtConsole()
    QVBoxLayout(console).addWidget(inner)
    qtbot.addWidget(console)
    assert text_has_focus(inner)


def test_a_read_only_field_takes_no_text(qtbot):
    widget = QLineEdit()
    widget.setReadOnly(True)
    qtbot.addWidget(widget)
    assert not text_has_focus(widget)


def test_without_an_argument_the_focus_is_asked(qtbot):
    outer = QWidget()
    field, button = QLineEdit(), QPushButton()
    layout = QVBoxLayout(outer)
    layout.addWidget(field)
    layout.addWidget(button)
    qtbot.addWidget(outer)
    with qtbot.waitActive(outer):
        outer.show()
        outer.activateWindow()
    field.setFocus(Qt.FocusReason.OtherFocusReason)
    qtbot.waitUntil(field.hasFocus)
    assert text_has_focus()
    button.setFocus(Qt.FocusReason.OtherFocusReason)
    qtbot.waitUntil(button.hasFocus)
    assert not text_has_focus()


# ------------------------------------------------------------------------ docs
def test_the_documentation_lists_the_same_keys():
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    listed = {(a, b) for a, b in rows if "---" not in a} - {
        ("what it does", "key"),
        ("how", "what it does"),
    }
    expected = {(a.text, f"`{key_text(a.key)}`" if a.key else "none") for a in ACTIONS}
    expected |= {(g.how, g.text) for g in GESTURES}
    assert listed == expected
    for key in LABEL_KEYS[:8]:
        assert f"`{key}`" in DOCS.read_text("utf-8")
