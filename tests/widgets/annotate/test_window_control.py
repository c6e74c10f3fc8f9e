from __future__ import annotations

import gc
import weakref

import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QFocusEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.model import PRESETS, VoiFunction, Window
from napari_annotate_jobs.widgets.annotate._window import WindowControl
from napari_annotate_jobs.widgets.keys._key_map import KeyMap
from napari_annotate_jobs.widgets.parts._theme import Colors

OWN = (
    Window(center=40, width=400, function="LINEAR", explanation="Soft"),
    Window(center=500, width=2000, explanation="Hard"),
)


@pytest.fixture
def control(qtbot):
    widget = WindowControl()
    qtbot.addWidget(widget)
    widget.set_presets(OWN)
    widget.set_unit("HU")
    widget.set_window(OWN[0])
    widget.resize(300, 70)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def told(control):
    found = []
    control.window_changed.connect(found.append)
    return found


def enter(box, text, key=Qt.Key.Key_Return):
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    if key is not None:
        QTest.keyClick(box, key)


def test_setters_never_emit(control, told):
    inverted = []
    control.invert_changed.connect(inverted.append)
    control.set_window(OWN[1])
    control.set_presets(OWN[:1])
    control.set_unit("")
    control.set_inverted(True)
    control.set_colors(Colors.light())
    assert told == inverted == []
    assert control.invert.isChecked()


def test_it_shows_the_window_and_its_preset(control):
    assert (control.level.value(), control.width_.value()) == (40, 400)
    assert control.presets.currentText().startswith("Soft")
    control.set_window(PRESETS[2])
    assert control.presets.currentText().startswith("Bone")
    control.set_window(Window(center=1, width=3))
    assert control.presets.currentIndex() == -1
    assert control.presets.placeholderText() == "Custom"


def test_a_number_is_told_when_entered_not_while_typed(control, told):
    enter(control.level, "120", key=None)
    assert told == []
    QTest.keyClick(control.level, Qt.Key.Key_Return)
    (window,) = told
    assert (window.center, window.width) == (120, 400)
    assert window.function is VoiFunction.LINEAR
    assert window.explanation == ""


def test_leaving_the_field_enters_the_number(control, told):
    enter(control.width_, "900", key=None)
    QApplication.sendEvent(control.width_, QFocusEvent(QEvent.Type.FocusOut))
    assert [w.width for w in told] == [900]


def test_arrows_step_by_what_fits_the_width(control, told):
    control.level.setFocus()
    QTest.keyClick(control.level, Qt.Key.Key_Up)
    assert told[-1].center == 50
    control.set_window(Window(center=0.01, width=0.04))
    QTest.keyClick(control.level, Qt.Key.Key_Up)
    assert told[-1].center == pytest.approx(0.011)


@pytest.mark.parametrize(
    ("center", "width", "level", "wide"),
    [
        (-400, 1500, "-400", "1500"),
        (19.5, 80.21, "19.5", "80"),
        (596.7, 1204.4, "597", "1204"),
        (0.00123, 0.004, "0.00123", "0.004"),
        (-32767.6, 65535, "-32768", "65535"),
    ],
)
def test_numbers_are_written_without_needless_digits(
    control, center, width, level, wide
):
    control.set_window(Window(center=center, width=width))
    point = control.level.locale().decimalPoint()
    assert control.level.text() == level.replace(".", point)
    assert control.width_.text() == wide.replace(".", point)


def test_a_number_shown_whole_stays_what_it_is(control, told):
    control.set_window(Window(center=596.7, width=1204.4))
    assert control.level.text() == "597"
    enter(control.level, "597")
    control.width_.setFocus()
    assert (control.level.value(), told) == (596.7, [])
    enter(control.level, "598.4")
    assert told[-1].center == 598.4


def test_esc_forgets_what_was_typed(control, told):
    enter(control.level, "7", key=Qt.Key.Key_Escape)
    control.width_.setFocus()
    assert told == []
    assert control.level.text() == "40"


def test_one_field_leaves_the_other_number_exact(control, told):
    control.set_window(Window(center=1.23456789, width=333.333333))
    enter(control.level, "5")
    assert told[-1].width == 333.333333


@pytest.mark.parametrize("text", ["0", "-5"])
def test_no_width_below_the_smallest_can_be_entered(control, told, text):
    enter(control.width_, text)
    assert all(window.width > 0 for window in told)
    assert control.width_.value() > 0


def test_the_wheel_changes_only_a_field_with_the_focus(control, told):
    control.presets.setFocus()
    place = QPointF(control.level.rect().center())
    event = QWheelEvent(
        place,
        QPointF(control.level.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(control.level, event)
    assert told == []


def test_presets_are_chosen_from_the_list(control, told):
    texts = [control.presets.itemText(i) for i in range(control.presets.count())]
    assert [text.split("  ")[0] for text in texts if text] == [
        "Soft",
        "Hard",
        *(preset.explanation for preset in PRESETS),
    ]
    control.presets.setFocus()
    control.presets.setCurrentIndex(texts.index(next(t for t in texts if "Bone" in t)))
    control.presets.activated.emit(control.presets.currentIndex())
    assert told == [PRESETS[2]]


def test_keys_choose_the_images_own_first_then_those_for_ct(control, told):
    for number in range(1, 9):
        control.choose_preset(number)
    assert told == [OWN[0], *PRESETS]
    assert "Shift+1" in control.presets.itemText(0)
    assert "Shift" not in control.presets.itemText(1)
    control.set_keymap(KeyMap({"preset_1": "Alt+0"}))
    assert "Alt+0" in control.presets.itemText(0)


def test_other_images_are_offered_no_presets_for_ct(control, told):
    control.set_unit("")
    assert control.all_presets() == OWN
    control.choose_preset(2)
    control.choose_preset(3)
    assert told == [OWN[1]]


def test_invert_and_reset_are_told(control, qtbot):
    with qtbot.waitSignal(control.invert_changed) as inverted:
        control.invert.click()
    assert inverted.args == [True]
    with qtbot.waitSignal(control.reset_requested):
        control.reset.click()


def test_without_an_image_nothing_can_be_changed(control, told):
    control.set_window(None)
    assert not control.isEnabled()
    control.choose_preset(1)
    assert told == []


def test_it_fits_a_dock_300_pixels_wide(control):
    assert control.minimumSizeHint().width() <= 300
    assert control.sizeHint().height() <= 3 * 32


def test_it_follows_and_sets_the_window_of_a_session(control, make_session):
    session = make_session()
    seen = []
    session.window_changed.connect(seen.append)
    control.bind(session)
    assert control.window_ == session.window
    assert control.presets.currentText().startswith("Soft tissue")
    enter(control.level, "77")
    assert session.window.center == 77
    session.window = PRESETS[5]
    assert control.level.value() == -400
    control.reset.click()
    assert session.window.explanation == "Soft tissue"
    assert len(seen) == 3, "one event a change: no loop"
    session.close_case()
    assert not control.isEnabled()
    session.open_case("two")
    assert control.isEnabled()
    control.unbind()
    assert len(session.window_changed) == 1


def test_inversion_is_the_sessions(control, make_session):
    session = make_session()
    control.bind(session)
    control.invert.click()
    assert session.inverted
    session.inverted = False
    assert not control.invert.isChecked()
    control.invert.click()
    control.reset.click()
    assert not session.inverted
    assert not control.invert.isChecked()


def test_colours_have_no_window(control, make_session):
    session = make_session()
    session.case.series.header.is_color = True
    control.bind(session)
    assert not control.isEnabled()
    session.window = PRESETS[5]
    assert not control.isEnabled()


def test_nothing_keeps_it_alive(qtbot, make_session):
    session = make_session()
    control = WindowControl()
    control.bind(session)
    control.show()
    control.unbind()
    control.close()
    control.deleteLater()
    dead = weakref.ref(control)
    del control
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    assert dead() is None
