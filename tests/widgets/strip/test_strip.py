from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QContextMenuEvent, QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget

from napari_annotate_jobs.app.controllers import (
    SliceController,
    StripController,
    Workbench,
)
from napari_annotate_jobs.editing import Cell, Mode, Propagation, propagate
from napari_annotate_jobs.errors import LockedError
from napari_annotate_jobs.model import COLORS, Decision, RangeAction
from napari_annotate_jobs.widgets.keys._key_map import KeyMap
from napari_annotate_jobs.widgets.parts._theme import Colors, paint_in
from napari_annotate_jobs.widgets.strip._bar import count_cells, counts_text
from napari_annotate_jobs.widgets.strip._strip import SliceStrip

LEFT, SHIFT, CTRL = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def strip(qtbot):
    widget = SliceStrip()
    qtbot.addWidget(widget)
    widget.resize(700, 84)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def bound(strip, make_session, control):
    session = make_session()
    strip.bench = control(strip, session)
    return strip, session


def centre(strip, index):
    return strip.track.cell_rect(index).center()


def click(strip, index, modifiers=NONE, button=LEFT):
    QTest.mouseClick(strip.track, button, modifiers, centre(strip, index))


def drag(strip, start, stop, *, button=LEFT):
    track = strip.track
    QTest.mousePress(track, button, NONE, start)
    QTest.mouseMove(track, (start + stop) / 2)
    QTest.mouseMove(track, stop)
    QTest.mouseRelease(track, button, NONE, stop)


def drag_cells(strip, first, last):
    drag(strip, centre(strip, first), centre(strip, last))


def hover(strip, index):
    place = QPointF(centre(strip, index))
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        QPointF(strip.track.mapToGlobal(place.toPoint())),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        NONE,
    )
    QApplication.sendEvent(strip.track, event)


def wheel(strip, turn, modifiers=NONE, at=None):
    place = QPointF(at or strip.track.rect().center())
    event = QWheelEvent(
        place,
        QPointF(strip.track.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, turn),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(strip.track, event)


def entry(menu, *path):
    for name in path[:-1]:
        menu = entry(menu, name).menu()
    texts = {action.text().partition("\t")[0]: action for action in menu.actions()}
    assert path[-1] in texts, list(texts)
    return texts[path[-1]]


# ------------------------------------------------------------------------ view
def test_setters_never_emit(strip):
    told = []
    for name in ("slice_requested", "range_selected", "range_resized"):
        getattr(strip, name).connect(lambda *args: told.append(args))
    strip.set_cells(Cell(i) for i in range(10))
    strip.set_current(4)
    strip.update_cells([Cell(2, Decision.EXCLUDED)])
    paint_in(strip, Colors.light())
    assert told == []


def test_counts_are_told_and_zeros_left_out(strip):
    strip.set_cells(
        [Cell(0, Decision.LABELLED), Cell(1), Cell(2), Cell(3, Decision.EXCLUDED)]
    )
    assert strip.bar.text() == "1 labelled · 1 excluded · 2 undecided"
    strip.update_cells([Cell(1, Decision.NOTHING_TO_LABEL), Cell(2, proposals=True)])
    assert strip.bar.text() == (
        "1 labelled · 1 nothing to label · 1 excluded · 1 undecided · 1 to confirm"
    )
    assert counts_text(count_cells([])) == "no slices"


def test_no_case_says_what_to_do(strip):
    assert "Open a case" in strip.bar.text()


def test_click_asks_for_the_slice(strip, qtbot):
    strip.set_cells(Cell(i) for i in range(30))
    with qtbot.waitSignal(strip.slice_requested) as told:
        click(strip, 17)
    assert told.args == [17]
    assert strip.track.current == 0, "the view waits to be told"


def test_drag_selects_slices(strip, qtbot):
    strip.set_cells(Cell(i) for i in range(30))
    with qtbot.waitSignal(strip.range_selected) as told:
        drag_cells(strip, 20, 5)
    assert told.args == [5, 20]
    assert strip.selection() == (5, 20)
    assert "Slices 6–21 selected (16)" in strip.bar.text()


def test_click_and_escape_clear_the_selection(strip):
    strip.set_cells(Cell(i) for i in range(30))
    drag_cells(strip, 5, 20)
    click(strip, 2)
    assert strip.selection() is None
    drag_cells(strip, 5, 20)
    QTest.keyClick(strip.track, Qt.Key.Key_Escape)
    assert strip.selection() is None


def test_shift_click_extends_from_the_current_slice(strip, qtbot):
    strip.set_cells(Cell(i) for i in range(30))
    strip.set_current(10)
    with qtbot.waitSignal(strip.range_selected) as told:
        click(strip, 14, SHIFT)
    assert told.args == [10, 14]
    click(strip, 3, SHIFT)
    assert strip.selection() == (3, 10)


def test_a_right_click_does_not_move(strip):
    strip.set_cells(Cell(i) for i in range(30))
    told = []
    strip.slice_requested.connect(told.append)
    click(strip, 5, button=Qt.MouseButton.RightButton)
    assert told == []


def test_keys_walk_and_select(strip):
    strip.set_cells(Cell(i) for i in range(30))
    asked = []
    strip.slice_requested.connect(asked.append)
    strip.slice_requested.connect(strip.set_current)
    strip.set_current(10)
    for key in ("Left", "Right", "PageDown", "PageUp", "End", "Right", "Home"):
        QTest.keyClick(strip.track, getattr(Qt.Key, f"Key_{key}"))
    assert asked == [9, 10, 20, 10, 29, 29, 0]
    for _ in range(3):
        QTest.keyClick(strip.track, Qt.Key.Key_Right, SHIFT)
    assert strip.selection() == (0, 3)
    QTest.keyClick(strip.track, Qt.Key.Key_Left, SHIFT)
    assert strip.selection() == (0, 2)
    QTest.keyClick(strip.track, Qt.Key.Key_End, SHIFT)
    assert strip.selection() == (0, 29)
    QTest.keyClick(strip.track, Qt.Key.Key_Left)
    assert strip.selection() is None


def test_enter_propagates_the_selection(strip, qtbot):
    strip.set_cells(Cell(i) for i in range(30))
    drag_cells(strip, 5, 9)
    with qtbot.waitSignal(strip.propagate_requested) as told:
        QTest.keyClick(strip.track, Qt.Key.Key_Return)
    assert told.args == [5, 9]


def test_the_wheel_steps_and_small_turns_add_up(strip):
    strip.set_cells(Cell(i) for i in range(30))
    strip.set_current(10)
    asked = []
    strip.slice_requested.connect(asked.append)
    wheel(strip, -120)
    wheel(strip, 240)
    assert asked == [11, 8]
    for _ in range(4):
        wheel(strip, 40)
    assert asked == [11, 8, 9]


def test_ctrl_wheel_zooms_about_the_mouse_and_shift_wheel_pans(strip):
    strip.set_cells(Cell(i) for i in range(2000))
    place = QPoint(strip.track.width() // 2, 20)
    under = strip.track.scale.index_at(place.x())
    for _ in range(6):
        wheel(strip, 120, CTRL, place)
    assert strip.track.scale.index_at(place.x()) == under
    assert strip.track.scale.shown < 700
    first = strip.track.scale.first
    wheel(strip, -240, SHIFT)
    assert strip.track.scale.first > first
    strip.findChild(object, "fit").click()
    assert strip.track.scale.first == 0
    assert not strip.track.scale.is_zoomed
    assert not strip.findChild(object, "fit").isEnabled()


def test_middle_drag_pans(strip):
    strip.set_cells(Cell(i) for i in range(2000))
    strip.track.zoom(10)
    first = strip.track.scale.first
    middle = Qt.MouseButton.MiddleButton
    drag(strip, QPoint(500, 20), QPoint(300, 20), button=middle)
    moved = (strip.track.scale.first - first) * strip.track.scale.cell
    assert moved == pytest.approx(200, abs=1)
    assert strip.selection() is None


def test_the_current_slice_is_brought_into_sight(strip):
    strip.set_cells(Cell(i) for i in range(2000))
    strip.track.zoom(20)
    for index in (1500, 3, 1999):
        strip.set_current(index)
        assert strip.track.scale.is_visible(index)


def test_only_changed_columns_are_painted_anew(strip, monkeypatch):
    strip.set_cells(Cell(i) for i in range(2000))
    strip.track.grab()
    painted = []
    paint = type(strip.track)._paint_columns
    monkeypatch.setattr(
        type(strip.track),
        "_paint_columns",
        lambda self, picture, columns, *rest: (
            painted.append(len(columns)),
            paint(self, picture, columns, *rest),
        ),
    )
    strip.update_cells([Cell(1000, Decision.LABELLED, (COLORS[0],))])
    strip.track.grab()
    strip.set_current(1500)
    strip.track.grab()
    assert painted == [1]


def test_what_changed_is_seen(strip):
    strip.set_cells(Cell(i) for i in range(20))
    at = centre(strip, 11)

    def color():
        return strip.track.grab().toImage().pixelColor(at).name().upper()

    assert color() != COLORS[1]
    strip.update_cells([Cell(11, Decision.LABELLED, (COLORS[1],))])
    assert color() == COLORS[1]


def test_the_keyboard_s_place_is_marked_and_hides_nothing(strip, monkeypatch):
    strip.set_cells(Cell(i, Decision.LABELLED, (COLORS[1],)) for i in range(20))
    track = strip.track
    shown = []
    for focus in (False, True):
        monkeypatch.setattr(track, "hasFocus", lambda focus=focus: focus)
        shown.append(track.grab().toImage())
    assert shown[0] != shown[1]
    for index in (3, 11):
        color = shown[1].pixelColor(centre(strip, index)).name().upper()
        assert color == COLORS[1]


def test_hover_shows_the_slice_and_its_picture(strip, qtbot):
    strip.set_cells(
        [*(Cell(i) for i in range(9)), Cell(9, Decision.LABELLED, (COLORS[0],), ("A",))]
    )
    asked = []

    def source(index, reply):
        asked.append(index)
        reply(np.full((40, 60), 99, np.uint8))

    strip.set_picture_source(source)
    hover(strip, 9)
    qtbot.waitUntil(strip.card.isVisible)
    assert strip.card.text.text() == "Slice 10: labelled · A"
    assert strip.card.picture.pixmap().width() == strip.card.SIDE
    hover(strip, 4)
    assert strip.card.text.text() == "Slice 5: undecided"
    hover(strip, 9)
    assert asked == [9, 4], "a picture is asked for once"
    strip.update_cells([Cell(9)])
    hover(strip, 4)
    hover(strip, 9)
    assert asked == [9, 4, 9], "and again when the slice changed"
    strip.track.left.emit()
    assert not strip.card.isVisible()


def test_a_picture_that_comes_late_is_shown_only_for_its_slice(strip, qtbot):
    strip.set_cells(Cell(i) for i in range(10))
    replies = {}
    strip.set_picture_source(replies.__setitem__)
    hover(strip, 3)
    qtbot.waitUntil(strip.card.isVisible)
    hover(strip, 4)
    replies[3](np.zeros((8, 8), np.uint8))
    assert not strip.card.picture.isVisible()
    replies[4](np.zeros((8, 8, 3), np.uint8))
    assert strip.card.picture.isVisible()


def test_tooltips_name_the_keys(strip):
    button = strip.findChild(object, "next-undecided")
    assert button.toolTip() == "Next undecided slice (U)"
    strip.set_keymap(KeyMap({"next_undecided": "Alt+1"}))
    assert button.toolTip() == "Next undecided slice (Alt+1)"


def test_it_fits_a_narrow_window(strip):
    strip.set_cells(Cell(i, Decision(d)) for i, d in enumerate([*Decision] * 100))
    assert strip.minimumSizeHint().width() <= 560
    assert strip.minimumSizeHint().height() <= 90


# -------------------------------------------------------------------- session
def test_it_follows_a_session(bound):
    strip, session = bound
    assert len(strip.track.cells) == 30
    session.toggle(session.job.project.label_set[1], range(5))
    assert strip.track.cells[4].names == ("Head",)
    session.slice = 12
    assert strip.track.current == 12
    session.undo()
    assert strip.track.cells[4].decision is Decision.UNDECIDED
    session.close_case()
    assert strip.track.cells == ()


def test_click_and_buttons_move_the_session(bound):
    strip, session = bound
    click(strip, 9)
    assert session.slice == 9
    session.editor.set_excluded(range(10, 14))
    strip.findChild(object, "next-undecided").click()
    assert session.slice == 14
    strip.findChild(object, "previous-change").click()
    assert session.slice == 13
    strip.findChild(object, "previous-undecided").click()
    assert session.slice == 9
    strip.findChild(object, "next-change").click()
    assert session.slice == 10


def spread(session, *labels, targets=range(5, 15), action=RangeAction.CLASS_LABELS):
    return propagate(
        session.editor,
        Propagation(action, tuple(targets), targets[0], labels, Mode.KEEP),
    )


@pytest.mark.parametrize(
    ("part", "to", "start", "stop"),
    [("start", 2, 2, 14), ("start", 9, 9, 14), ("stop", 20, 5, 20), ("stop", 7, 5, 7)],
)
def test_dragging_an_end_resizes_the_range_as_one_undo(bound, part, to, start, stop):
    strip, session = bound
    span = spread(session, 1)
    before = session.editor.annotation.slices
    track = strip.track
    end = track.segment_end(span.id, part)
    target = QPoint(centre(strip, to).x(), end.y())
    drag(strip, end, target)
    (resized,) = session.editor.open_ranges()
    assert (resized.start, resized.stop) == (start, stop)
    labelled = [i for i, cell in enumerate(track.cells) if cell.names == ("Head",)]
    assert labelled == list(range(start, stop + 1))
    session.undo()
    assert session.editor.annotation.slices == before
    assert (track.segments[0].start, track.segments[0].stop) == (5, 14)


def test_a_drag_shows_the_range_to_be_and_escape_gives_it_up(bound):
    strip, session = bound
    span = spread(session, 1)
    track = strip.track
    end = track.segment_end(span.id, "stop")
    still = track.grab().toImage()
    QTest.mousePress(track, LEFT, NONE, end)
    QTest.mouseMove(track, QPoint(centre(strip, 25).x(), end.y()))
    assert track.grab().toImage() != still
    QTest.keyClick(track, Qt.Key.Key_Escape)
    QTest.mouseRelease(track, LEFT, NONE, QPoint(centre(strip, 25).x(), end.y()))
    assert session.editor.open_ranges() == (span,)


def test_delete_removes_the_chosen_range(bound):
    strip, session = bound
    span = spread(session, 1)
    track = strip.track
    QTest.mouseClick(track, LEFT, NONE, track.segment_end(span.id, "body"))
    assert session.slice == 0, "choosing a range does not move"
    QTest.keyClick(track, Qt.Key.Key_Delete)
    assert session.editor.open_ranges() == ()
    assert session.editor.annotation.is_blank


def test_a_range_says_what_left_it(bound):
    strip, session = bound
    spread(session, 1)
    session.editor.set_excluded([7])
    (segment,) = strip.track.segments
    assert "9 of 10 follow it" in segment.text
    assert segment.text.startswith("Head: slices 6–15")
    assert "by ann" in segment.text


def test_the_menu_relabels_cuts_and_deletes_a_range(bound):
    strip, session = bound
    spread(session, 1)
    title = "Range Head: slices 6–15"
    entry(strip.make_menu(9), title, "Change its label to", "Chest").trigger()
    assert strip.track.cells[9].names == ("Chest",)
    title = "Range Chest: slices 6–15"
    entry(strip.make_menu(9), title, "Let it end at slice 10").trigger()
    assert strip.track.segments[0].stop == 9
    title = "Range Chest: slices 6–10"
    entry(strip.make_menu(7), title, "Let it start at slice 8").trigger()
    assert strip.track.segments[0].start == 7
    title = "Range Chest: slices 8–10"
    entry(strip.make_menu(7), title, "Select its slices").trigger()
    assert strip.selection() == (7, 9)
    entry(strip.make_menu(7), title, "Delete the range").trigger()
    assert session.editor.annotation.is_blank
    for _ in range(4):
        session.undo()
    assert [r.labels for r in session.editor.open_ranges()] == [(1,)]


def test_the_menu_decides_about_the_selection(bound):
    strip, session = bound
    drag_cells(strip, 3, 6)
    menu = strip.make_menu(4)
    assert not entry(menu, "Head").isChecked()
    entry(menu, "Head").trigger()
    assert [i for i, c in enumerate(strip.track.cells) if c.names] == [3, 4, 5, 6]
    assert entry(strip.make_menu(4), "Head").isChecked()
    entry(strip.make_menu(4), "Exclude").trigger()
    assert strip.track.cells[5].decision is Decision.EXCLUDED
    entry(strip.make_menu(12), "Nothing to Label").trigger()
    assert strip.track.cells[12].decision is Decision.NOTHING_TO_LABEL
    assert session.editor.history.undo_text == "Nothing to Label"
    labels = {a.text().partition("\t")[0] for a in menu.actions()}
    assert not labels & {"Healthy", "Tumour", "Nodule"}, "class labels of slices only"


@pytest.mark.parametrize("answer", ["Clear and mark", "Cancel"])
def test_nothing_to_label_asks_once_before_it_clears(bound, answer, qtbot):
    strip, session = bound
    session.toggle(session.job.project.label_set[1], range(3, 5))
    drag_cells(strip, 3, 8)
    entry(strip.make_menu(4), "Nothing to Label").trigger()
    box = strip.findChild(QMessageBox)
    assert box.text().startswith("2 of the slices carry labels.")
    (button,) = [b for b in box.findChildren(QPushButton) if answer in b.text()]
    qtbot.mouseClick(button, LEFT)
    decisions = {session.editor.decision(i) for i in range(3, 9)}
    if answer == "Cancel":
        assert decisions == {Decision.LABELLED, Decision.UNDECIDED}
    else:
        assert decisions == {Decision.NOTHING_TO_LABEL}
        session.undo()
        assert session.editor.content(3).class_labels == (1,)


def test_proposals_are_confirmed_and_rejected_from_the_menu(bound):
    strip, session = bound
    mask = np.zeros((8, 8), np.uint16)
    mask[2:4, 2:4] = 6
    session.editor.propose_masks(
        {(i, ""): mask for i in range(4, 8)}, provenance="interpolated"
    )
    drag_cells(strip, 4, 5)
    entry(strip.make_menu(4), "Confirm proposals").trigger()
    assert strip.track.cells[5].masks
    assert strip.track.cells[6].proposals
    entry(strip.make_menu(6), "Reject proposals").trigger()
    assert not strip.track.cells[6].proposals
    texts = [a.text() for a in strip.make_menu(20).actions()]
    assert not any("proposals" in text for text in texts)


def test_a_submitted_case_is_read_only(bound):
    strip, session = bound
    span = spread(session, 1, targets=range(30))
    session.open_next = False
    session.submit()
    assert strip.track.locked
    menu = strip.make_menu(3)
    assert not entry(menu, "Head").isEnabled()
    assert not entry(menu, "Propagate…").isEnabled()
    track = strip.track
    end = track.segment_end(span.id, "stop")
    drag(strip, end, QPoint(centre(strip, 3).x(), end.y()))
    QTest.keyClick(track, Qt.Key.Key_Delete)
    assert session.editor.open_ranges() == (span,)
    click(strip, 8)
    assert session.slice == 8


def test_a_refusal_is_told(bound, qtbot):
    strip, session = bound
    session.editor.locked = True
    strip.decide_requested.emit("exclude", 1, 2)
    assert isinstance(strip.bench.errors[0], LockedError)


def test_the_context_menu_key_opens_the_menu_of_the_current_slice(bound, qtbot):
    strip, session = bound
    session.slice = 6
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(strip.track, event)
    assert strip._menu.actions()[0].text() == "Slice 7"
    strip._menu.close()


def test_another_session_takes_the_place_of_the_first(bound, make_session, control):
    strip, session = bound
    other = make_session(12)
    strip.bench.close()
    control(strip, other)
    assert len(strip.track.cells) == 12
    session.slice = 5
    assert strip.track.current == 0
    click(strip, 4)
    assert (session.slice, other.slice) == (5, 4)


def test_nothing_keeps_the_strip_or_the_session_alive(qtbot, make_session):
    session = make_session()
    strip = SliceStrip()
    bench = Workbench(session, window=QWidget, show_error=print)
    controller = StripController(strip, bench, SliceController(bench))
    strip.show()
    strip.make_menu(3)
    controller.close()
    del controller, bench
    strip.close()
    strip.deleteLater()
    dead = weakref.ref(strip)
    del strip
    QApplication.sendPostedEvents(None, 52)  # DeferredDelete
    gc.collect()
    assert dead() is None
    for signal in (session.slice_changed, session.slices_changed, session.opened):
        assert len(signal) == 0


def test_stepping_elsewhere_ends_the_selection(bound):
    strip, session = bound
    strip.track.select(1, 3)
    session.slice += 1
    assert strip.selection() is None


def test_steps_of_its_own_keys_extend_the_selection(bound):
    strip, session = bound
    session.slice = 1
    QTest.keyClick(strip.track, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(strip.track, Qt.Key.Key_Right, SHIFT)
    assert strip.selection() == (1, 3)
    assert session.slice == 3


def test_the_menu_of_a_slice_shows_it_first(bound):
    strip, session = bound
    strip.track.select(0, 1)
    strip._offer(strip.mapToGlobal(centre(strip, 4)), 4, "")
    strip._menu.close()
    assert session.slice == 4
    assert strip.selection() is None


# ------------------------------------------------------------------------- seen
def test_a_line_runs_over_what_was_seen(bound):
    strip, session = bound
    track, bar = strip.track, strip.bar
    assert "seen" not in bar.text() and "shown" not in track.text(2)
    session.seen.watch(True)
    n = session.editor.n_slices
    assert track.seen_lines() == []
    for index in (0, 1, 3):
        session.seen.add(index)
    columns = track.scale.columns()
    edges = [(column.left, column.left + column.width) for column in columns]
    assert track.seen_lines() == [(edges[0][0], edges[1][1]), edges[3]]
    assert bar.text().endswith("3 seen")
    assert track.text(2).endswith("never shown") and "shown" not in track.text(3)
    session.close_case()
    assert "seen" not in bar.text() and n


def test_a_column_is_seen_when_all_of_its_slices_are(strip):
    strip.resize(160, 84)
    strip.set_cells([Cell(index) for index in range(900)])
    (first, *_) = strip.track.scale.columns()
    assert first.stop > 1
    strip.set_seen(frozenset(range(first.stop - 1)))
    assert strip.track.seen_lines() == []
    strip.set_seen(frozenset(range(first.stop)))
    assert strip.track.seen_lines() == [(first.left, first.left + first.width)]
    strip.grab()
