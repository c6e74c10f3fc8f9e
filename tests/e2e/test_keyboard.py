"""Where the keys go: to the image, whatever was clicked or answered before."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_annotate_jobs.app._titles import dock_of
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Decision, Method
from napari_annotate_jobs.testing._drive import LEFT

BRAIN, XRAYS, LUNGS = DEMO_JOBS


def has_keyboard(driver):
    return QApplication.focusWidget() is driver.canvas


def press(key):
    """Press a key where the focus is, wherever that is."""
    QTest.keyClick(QApplication.focusWidget(), key)
    QApplication.processEvents()


def tab_to(driver, widget):
    """Press Tab until a widget has the focus."""
    for _ in range(80):
        if QApplication.focusWidget() is widget:
            return
        press(Qt.Key.Key_Tab)
    raise AssertionError(f"{widget} is not reached by Tab")


def test_an_opened_case_has_the_keyboard(open_case):
    driver = open_case(BRAIN)
    assert has_keyboard(driver)
    here = driver.session.slice
    press(Qt.Key.Key_Right)
    assert driver.session.slice == here + 1


def test_keys_after_a_click_are_those_of_the_image(open_case):
    driver = open_case(BRAIN)
    dock, session = driver.current_job.annotate, driver.session
    here = session.slice
    driver.click(dock.nothing)
    assert has_keyboard(driver)
    press(Qt.Key.Key_Right)
    assert session.slice == here + 1
    press(Qt.Key.Key_Space)
    assert driver.current_job.player.is_on
    press(Qt.Key.Key_Space)
    assert not driver.current_job.player.is_on
    decisions = [session.editor.decision(i) for i in range(session.editor.n_slices)]
    assert decisions.count(Decision.NOTHING_TO_LABEL) == 1
    assert Decision.EXCLUDED not in decisions


def test_no_click_in_the_docks_takes_the_keyboard(open_case):
    driver = open_case(LUNGS)
    dock, strip = driver.current_job.annotate, driver.current_job.strip
    control = driver.current_job.window_control
    for button in (
        dock.zoom,
        dock.zoom,
        control.invert,
        control.reset,
        strip._buttons["next-change"],
        strip._buttons["next-undecided"],
        dock.exclude,
        dock.undo,  # and so does this one
        dock.comment_box.head,
        dock.next,
    ):
        driver.click(button)
        driver.settle()
        assert has_keyboard(driver), button.accessibleName() or button.text()
    tree = dock.labels.tree
    item = dock.labels._items[driver.session.job.project.label_set.labels[0].id]
    QTest.mouseClick(tree.viewport(), LEFT, pos=tree.visualItemRect(item).center())
    assert has_keyboard(driver)


def test_confirming_by_mouse_leaves_confirm_all_alone(open_case):
    driver = open_case(LUNGS)
    session, section = driver.session, driver.current_job.annotate.masks
    label = session.job.project.label_set.of(Method.SEGMENTATION)[0]
    driver.press_label(label.name)
    for index in (3, 9):
        driver.go_to(index)
        driver.drag_pixels([(100, 100), (120, 120)])
    driver.press_action("interpolate")
    driver.settle()
    driver.go_to(5)
    driver.click(section.confirm)
    driver.settle()
    waiting = [i for i in range(16) if session.editor.cell(i).proposals]
    assert waiting == [4, 6, 7, 8]
    assert has_keyboard(driver)
    press(Qt.Key.Key_Space)
    driver.settle()
    assert [i for i in range(16) if session.editor.cell(i).proposals] == waiting


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_a_button_by_tab_acts_once(open_case, key):
    driver = open_case(BRAIN)
    session, dock = driver.session, driver.current_job.annotate
    tab_to(driver, dock.nothing)
    press(key)
    assert session.editor.decision(session.slice) is Decision.NOTHING_TO_LABEL
    assert has_keyboard(driver)
    tab_to(driver, dock.undo)
    press(key)
    assert session.editor.decision(session.slice) is Decision.UNDECIDED
    assert has_keyboard(driver)


def test_a_label_by_tab_and_enter(open_case):
    driver = open_case(BRAIN)
    session, dock = driver.session, driver.current_job.annotate
    tree = dock.labels.tree
    tab_to(driver, tree)
    label = session.job.project.label_set.named("Tumour")
    tree.setCurrentItem(dock.labels._items[label.id])
    press(Qt.Key.Key_Return)
    assert label.id in session.editor.content(session.slice).class_labels
    assert has_keyboard(driver)


def test_a_panel_by_tab_keeps_the_keyboard_until_it_closes(open_case):
    driver = open_case(BRAIN)
    panel = driver.current_job.propagate
    tab_to(driver, driver.current_job.annotate.propagate)
    press(Qt.Key.Key_Space)
    driver.wait(panel.isVisible)
    assert panel.isAncestorOf(QApplication.focusWidget())
    driver.click(panel.range.buttons["all"])
    assert panel.isAncestorOf(QApplication.focusWidget())
    press(Qt.Key.Key_Escape)
    assert not panel.isVisible()
    assert has_keyboard(driver)


def test_smart_fill_gives_the_keyboard_back(open_case):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    driver.click(driver.current_job.annotate.fill)
    panel = driver.current_job.fill.panel
    assert panel.isAncestorOf(QApplication.focusWidget())
    driver.click(panel.from_window)
    assert panel.isAncestorOf(QApplication.focusWidget())
    driver.click(panel.close_)
    assert has_keyboard(driver)


def test_after_an_answer_keys_act(open_case):
    driver = open_case(BRAIN)
    driver.press_label("Tumour")
    tab_to(driver, driver.current_job.annotate.submit)
    press(Qt.Key.Key_Space)
    driver.answer("Cancel")
    driver.wait(lambda: has_keyboard(driver))


def test_another_case_has_the_keyboard(open_case):
    driver = open_case(XRAYS)
    tab_to(driver, driver.current_job.annotate.next)
    before = driver.session.case
    press(Qt.Key.Key_Space)
    driver.wait(lambda: driver.session.case not in (None, before))
    driver.settle()
    assert has_keyboard(driver)


@pytest.mark.parametrize(
    ("key", "level"), [(Qt.Key.Key_Return, 50), (Qt.Key.Key_Escape, None)]
)
def test_a_number_entered_or_given_up_frees_the_keys(open_case, key, level):
    driver = open_case(LUNGS)
    session, box = driver.session, driver.current_job.window_control.level
    before = session.window
    QTest.mouseDClick(box.lineEdit(), LEFT)
    box.selectAll()
    QTest.keyClicks(box, "50")
    press(key)
    assert has_keyboard(driver)
    assert session.window.center == (before.center if level is None else level)
    press(Qt.Key.Key_N)
    assert session.editor.decision(session.slice) is Decision.NOTHING_TO_LABEL


def test_a_field_is_left_by_a_click_on_a_button(open_case):
    driver = open_case(LUNGS)
    QTest.mouseClick(driver.current_job.window_control.level.lineEdit(), LEFT)
    assert not has_keyboard(driver)
    driver.click(driver.current_job.annotate.exclude)
    assert has_keyboard(driver)


def test_space_does_not_apply_twice(open_case):
    driver = open_case(LUNGS)
    driver.press_label("Tumour")
    driver.click(driver.current_job.annotate.fill)
    panel, session = driver.current_job.fill.panel, driver.session
    driver.click(panel.apply)
    driver.settle()
    driver.wait(lambda: session.editor.history.undo_text is not None)
    assert QApplication.focusWidget() is panel
    driver.settle()
    here = session.slice
    press(Qt.Key.Key_Right)
    assert session.slice == here + 1
    press(Qt.Key.Key_Escape)
    assert not panel.isVisible() and has_keyboard(driver)


def test_keys_and_wheel_with_alt_leave_the_menus_alone(open_case):
    """Qt goes into the menu bar where Alt goes up and nothing was pressed with it."""
    driver = open_case(BRAIN)
    session, bar = driver.session, driver.window.menuBar()
    canvas, alt = driver.canvas, Qt.KeyboardModifier.AltModifier

    def with_alt(act):
        QTest.keyPress(canvas, Qt.Key.Key_Alt, alt)
        act()
        QTest.keyRelease(canvas, Qt.Key.Key_Alt)
        QApplication.processEvents()
        assert bar.activeAction() is None
        assert has_keyboard(driver)

    # Alt is up before the key is, as hands do it.
    with_alt(lambda: QTest.keyPress(canvas, Qt.Key.Key_Z, alt))
    QTest.keyRelease(canvas, Qt.Key.Key_Z)
    assert driver.current_job.annotate.zoom.isChecked()
    here = session.slice
    with_alt(lambda: driver.wheel(-1, alt))
    assert session.slice == here + 1
    press(Qt.Key.Key_Right)
    assert session.slice == here + 2
    # Alt by itself still leads there.
    QTest.keyClick(canvas, Qt.Key.Key_Alt, alt)
    assert bar.activeAction() is not None
    QTest.keyClick(canvas, Qt.Key.Key_Alt, alt)
    assert bar.activeAction() is None


def test_the_image_has_the_keyboard_when_the_strip_is_closed(open_case):
    """Closed by its cross, which has the keyboard: Qt gave it to napari's slider."""
    driver = open_case(BRAIN)
    strip, here = driver.current_job.strip, driver.session.slice
    cross = dock_of(strip).titleBarWidget().close_button
    cross.setFocus(Qt.FocusReason.MouseFocusReason)
    driver.click(cross)
    driver.wait(lambda: not strip.isVisible())
    assert has_keyboard(driver)
    press(Qt.Key.Key_N)
    assert driver.session.editor.decision(here) is Decision.NOTHING_TO_LABEL
