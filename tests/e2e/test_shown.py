"""What keys act on is on the screen, or said to be selected on the strip."""

from __future__ import annotations

from itertools import pairwise

from qtpy.QtCore import QAbstractAnimation, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton

from napari_annotate_jobs.app import _asks
from napari_annotate_jobs.app._open_job import SUBMITTED
from napari_annotate_jobs.demo._jobs import DEMO_JOBS
from napari_annotate_jobs.model import Decision

BRAIN, _, _ = DEMO_JOBS


def press(key):
    """Press a key where the focus is."""
    QTest.keyClick(QApplication.focusWidget(), key)
    QApplication.processEvents()


def test_a_selection_ends_by_esc_a_step_or_a_click_in_the_image(open_case):
    driver = open_case(BRAIN)
    strip = driver.current_job.strip
    driver.select(2, 5)
    driver.current_job.focus_canvas()
    assert "keys act on 4" in driver.current_job.around.read_out.text()
    press(Qt.Key.Key_Escape)
    assert strip.selection() is None
    assert "keys act on" not in driver.current_job.around.read_out.text()
    driver.select(2, 5)
    driver.current_job.focus_canvas()
    press(Qt.Key.Key_Right)
    assert strip.selection() is None
    driver.select(2, 5)
    driver.drag([driver.point(20, 20), driver.point(20, 21)])
    assert strip.selection() is None


def test_deciding_keys_wait_while_another_plane_is_shown(open_case, monkeypatch):
    driver = open_case(BRAIN)
    told = []
    monkeypatch.setattr(
        driver.current_job.bench, "show_error", lambda error: told.append(str(error))
    )
    editor, actions = driver.session.editor, driver.current_job.actions
    before = editor.annotation
    driver.viewer.dims.roll()
    for act in (
        actions.nothing_to_label,
        actions.exclude,
        actions.copy,
        actions.confirm,
    ):
        act()
    assert editor.annotation == before
    assert len(told) == 4
    assert all("plane is shown" in text for text in told)
    assert "plane" in driver.current_job.around.read_out.text()
    driver.select(2, 5)  # shown, and counted
    actions.exclude()
    assert editor.decision(2) is Decision.EXCLUDED
    driver.go_to(2)
    assert driver.current_job.bridge.plane.is_acquired


def test_what_is_told_does_not_pile_up_nor_outlast_its_time(open_case, monkeypatch):
    driver = open_case(BRAIN)
    actions = driver.current_job.actions

    def shown():
        return [notice.message.text() for notice in _asks.notifications()]

    driver.viewer.dims.roll()
    for _ in range(3):
        actions.exclude()
    assert len(shown()) == 1
    assert "plane is shown" in shown()[0]
    monkeypatch.setattr(_asks, "LIFE", 1)
    for text in ("one thing", "another"):
        driver.session.told.emit(text)
    driver.wait(lambda: len(shown()) == 1)
    assert "plane is shown" in shown()[0]  # told before, with time left
    driver.viewer.dims.order = (0, 1, 2)
    for notice in _asks.notifications():
        notice.close()
    monkeypatch.undo()
    # Of what was submitted the last is told, as long as its job is open.
    driver.press_action("nothing_to_label")
    driver.session.open_next = False
    driver.session.submit()
    told = "MR of the brain was submitted (number 1). 19 of 20 slices were never shown."
    driver.wait(lambda: told in shown())
    _asks.notify("Another was submitted.", about=SUBMITTED)
    assert shown() == ["Another was submitted."]
    driver.session.told.emit("one thing")
    driver.raise_tab("My Jobs")
    driver.click(driver.back)
    driver.station.close_job()
    assert shown() == ["one thing"]


def test_what_is_told_at_once_stands_one_above_the_other(open_case):
    driver = open_case(BRAIN)
    long = "A case whose name takes more than one line of a notice was submitted."
    _asks.offer(long, "Take back", lambda: None)
    _asks.notify("Another thing.")
    _asks.notify("All cases of this job are finished.")
    notices = sorted(_asks.notifications(), key=lambda notice: notice.y())
    assert [notice.message.text() for notice in notices][::2] == [
        long,
        "All cases of this job are finished.",
    ]
    stopped = QAbstractAnimation.State.Stopped
    driver.wait(lambda: all(n.geom_anim.state() == stopped for n in notices))
    for one, below in pairwise(notices):
        assert one.geometry().bottom() < below.geometry().top()
    (button,) = notices[0].row2_widget.findChildren(QPushButton)
    assert notices[0].rect().contains(button.mapTo(notices[0], button.rect().center()))
    assert notices[0].message.height() >= notices[0].message.sizeHint().height()
    for notice in notices:
        notice.close()


def test_who_types_keeps_the_keyboard_when_a_notice_goes(open_case):
    driver = open_case(BRAIN)
    dock = driver.current_job.annotate
    driver.click(dock.comment_box.head)
    driver.settle()
    line = dock.comments.line
    QTest.mouseClick(line, Qt.MouseButton.LeftButton)
    driver.session.told.emit("something")
    (notice,) = _asks.notifications()
    notice.close()
    assert line.hasFocus()
    driver.session.told.emit("something")
    driver.current_job.focus_canvas()
    assert driver.canvas.hasFocus()
    (notice,) = _asks.notifications()
    notice.close()
    assert driver.canvas.hasFocus()
