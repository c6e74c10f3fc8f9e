"""The Review dock: what it shows, and what it asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QToolButton, QWidget

from napari_annotate_jobs.model import (
    Case,
    Comment,
    HistoryEvent,
    ReviewRow,
    ReviewStatus,
    SeriesRef,
    Thread,
)
from napari_annotate_jobs.widgets import About, KeyMap, ReviewPanel, Writing
from napari_annotate_jobs.widgets.review._threads import place_text


def row(number=1, status=ReviewStatus.WAITING):
    return ReviewRow(
        case=Case(id="one", name="Case one", series=(SeriesRef(path="x"),)),
        ordinal=0,
        person="ana",
        number=number,
        time=datetime(2026, 1, 2, tzinfo=UTC),
        status=status,
    )


@pytest.fixture
def panel(qtbot):
    window = QWidget()
    panel = ReviewPanel(window, KeyMap())
    qtbot.addWidget(panel)
    panel.resize(300, 640)
    panel.show()
    panel.set_case(row())
    return panel


def test_the_keys_stand_on_the_buttons(panel):
    for button, key in (
        (panel.passes, "Shift+K"),
        (panel.fails, "Shift+F"),
        (panel.returns, "Shift+R"),
        (panel.undo, "Ctrl+Z"),
    ):
        assert button.key == key
        assert button.has_room(), key
    panel.set_keymap(KeyMap({"pass_case": "Shift+Y"}))
    assert panel.passes.key == "Shift+Y"


def test_a_written_line_says_what_it_is_for(panel, qtbot):
    said = []
    panel.written.connect(lambda *what: said.append(what))
    qtbot.keyClicks(panel.line, "Too large")
    qtbot.keyClick(panel.line, Qt.Key.Key_Return)
    panel.begin(Writing.FAIL)
    assert panel.about.isHidden()  # a reason is about the case
    qtbot.keyClick(panel.line, Qt.Key.Key_Return)  # no words yet
    qtbot.keyClicks(panel.line, "Blurred")
    qtbot.keyClick(panel.line, Qt.Key.Key_Return)
    assert [what[:2] for what in said] == [
        ("comment", "Too large"),
        ("fail", "Blurred"),
    ]
    assert panel.mode is Writing.COMMENT


def test_what_is_refused_says_why(panel):
    panel.set_case(row(), refused="eve has passed it already")
    assert panel.state.text() == "eve has passed it already"
    assert not any(b.isEnabled() for b in (panel.passes, panel.fails, panel.returns))
    assert panel.line.isEnabled()  # one can still write


def test_an_object_is_offered_first_while_one_is_selected(panel):
    panel.set_pins([About.SLICE, About.OBJECT, About.CASE])
    panel.about.setCurrentText(str(About.CASE))
    panel.set_pins([About.SLICE, About.CASE])
    assert panel.pin is About.CASE


def test_threads_have_a_place_and_can_be_settled(panel, qtbot):
    threads = [
        Thread(comments=(Comment(id="a", person="bob", text="<b>x", index=3),)),
        Thread(comments=(Comment(id="b", person="bob", text="y"),), resolved_by="ana"),
    ]
    panel.set_threads(threads)
    assert panel.thread_box.head.text() == "Threads (1 open)"
    assert "&lt;b&gt;x" in panel.threads.findChildren(QLabel)[0].text()
    settle = next(
        button
        for button in panel.threads.findChildren(QToolButton)
        if button.accessibleName() == "Resolve this thread"
    )
    with qtbot.waitSignal(panel.resolve_requested) as asked:
        settle.click()
    assert asked.args == ["a", True]


def test_what_a_comment_is_pinned_to_has_a_name():
    here = {"id": "a", "person": "bob", "text": "x", "slice_key": "k", "index": 3}
    at = {"at": (1.0, 2.0)}
    for more, text in (
        ({}, "slice 4"),
        (at, "place on slice 4"),
        ({**at, "label": 1}, "object on slice 4"),
        ({**at, "object": "o"}, "object on slice 4"),
    ):
        assert place_text(Comment(**here, **more)) == text
    assert place_text(Comment(id="a", person="bob", text="x")) == "case"


def test_a_differing_slice_is_gone_to(panel, qtbot):
    panel.set_differences([(4, "Dice 0.50"), (1, "Dice 0.90")], "2 slices differ")
    panel.set_current(1)
    assert panel.differences.currentRow() == 1
    with qtbot.waitSignal(panel.slice_requested) as asked:
        panel.differences.itemClicked.emit(panel.differences.item(0))
    assert asked.args == [4]


def test_what_is_new_or_may_be_deleted_is_marked(panel, qtbot):
    threads = [
        Thread(comments=(Comment(id=name, person="bob", text=name, index=i),))
        for i, name in enumerate("ab")
    ]
    shown = panel.threads
    shown.set_threads(threads, "b", new={"a"}, removable={"b"}, may_answer=False)
    first, second = (label.text() for label in shown.findChildren(QLabel)[:2])
    assert "(new)" in first and "(new)" not in second
    buttons = [button.accessibleName() for button in shown.findChildren(QToolButton)]
    assert buttons == ["Delete this comment"]
    with qtbot.waitSignal(shown.remove_requested) as asked:
        shown.findChildren(QToolButton)[0].click()
    assert asked.args == ["b"]


def test_all_rounds_of_a_case_are_told(panel):
    when = datetime(2026, 1, 2, 12, tzinfo=UTC)
    events = [
        HistoryEvent(time=when, person="ana", what="submitted", number=1),
        HistoryEvent(time=when, person="eve", what="returned", number=1, text="<more>"),
        HistoryEvent(time=when, person="ana", what="submitted", number=2),
        HistoryEvent(time=when, person="eve", what="passed", number=2, corrected=True),
    ]
    panel.set_case(row(), events)
    history = panel.history
    assert history.box.head.text() == "Rounds: corrected and passed by eve"
    text = history.text.text()
    assert text.count("<br>") == 3
    assert "returned by eve" in text and "&lt;more&gt;" in text
    panel.set_case(row(), ())
    assert history.isHidden()
