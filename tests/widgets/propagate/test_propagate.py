from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QFocusEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_annotate_jobs.app.controllers import PropagateController, Workbench
from napari_annotate_jobs.editing import Mode
from napari_annotate_jobs.errors import LockedError
from napari_annotate_jobs.model import (
    COLORS,
    Box,
    Decision,
    Label,
    LabelSet,
    Method,
    RangeAction,
)
from napari_annotate_jobs.widgets.parts._theme import Colors, paint_in
from napari_annotate_jobs.widgets.propagate._panel import PropagatePanel

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def bound(qtbot, make_session, control):
    session = make_session()
    panel = PropagatePanel()
    qtbot.addWidget(panel)
    panel.resize(310, 700)
    panel.show()
    qtbot.waitExposed(panel)
    panel.bench = control(panel, session)
    return panel, session


def said(session):
    return {
        i: session.editor.cell(i).names or str(session.editor.decision(i))
        for i in range(30)
        if session.editor.decision(i) is not Decision.UNDECIDED
    }


def label(session, label_id, *indices):
    session.toggle(session.job.project.label_set[label_id], indices)


def choose(panel, text):
    panel.what.setCurrentIndex(panel.what.findText(text))
    panel.what.activated.emit(panel.what.currentIndex())


def tick(panel, name):
    (item,) = panel.labels.findItems(name, Qt.MatchFlag.MatchExactly)
    place = panel.labels.visualItemRect(item)
    QTest.mouseClick(
        panel.labels.viewport(),
        LEFT,
        Qt.KeyboardModifier.NoModifier,
        QPoint(place.left() + 10, place.center().y()),
    )


def test_it_starts_with_the_labels_of_the_slice_and_goes_to_the_last(bound):
    panel, session = bound
    session.slice = 10
    label(session, 1, 10)
    label(session, 2, 10)
    panel.begin()
    assert panel.labels.ids() == (1, 2)
    assert (panel.choice.start, panel.choice.stop) == (10, 29)
    assert panel.about.text() == "Slices 11–30: 19 change."
    panel.apply.click()
    assert said(session) == dict.fromkeys(range(10, 30), ("Head", "Chest"))
    session.undo()
    assert list(said(session)) == [10]


@pytest.mark.parametrize(
    ("prepare", "what"),
    [
        (lambda s: s.toggle_nothing_to_label(), RangeAction.NOTHING_TO_LABEL),
        (lambda s: s.toggle_excluded(), RangeAction.EXCLUDE),
        (lambda s: None, RangeAction.CLASS_LABELS),
    ],
)
def test_it_starts_with_what_the_slice_holds(bound, prepare, what):
    panel, session = bound
    prepare(session)
    panel.begin()
    assert panel.choice.action is what
    assert panel.labels.isVisible() == (what is RangeAction.CLASS_LABELS)


def test_an_empty_slice_offers_the_label_at_hand(bound):
    panel, session = bound
    session.label = session.job.project.label_set[4]
    panel.begin()
    assert panel.labels.ids() == (4,)
    session.label = session.job.project.label_set[6]
    panel.begin()
    assert panel.labels.ids() == ()
    assert panel.about.text() == "Choose at least one label."
    assert not panel.apply.isEnabled()


@pytest.mark.parametrize(
    ("drawn", "at_hand", "text"),
    [
        ("mask", None, "Follow"),
        ("box", None, "Extend"),
        ("mask box", 6, "Follow"),
        ("mask box", 7, "Extend"),
        ("mask", 4, "Class labels"),
        ("", 6, "Class labels"),
    ],
)
def test_what_is_drawn_is_carried_on(bound, drawn, at_hand, text):
    panel, session = bound
    panel.add_mask_actions([("interpolate", "Between", ""), ("follow", "Follow", "")])
    panel.add_box_actions([("extend", "Extend", "")])
    if "mask" in drawn:
        session.editor.set_masks({(0, ""): np.full((8, 8), 6, np.uint8)})
    if "box" in drawn:
        box = Box(label=7, top=1, left=1, bottom=5, right=5)
        session.editor.set_boxes({0: [box]})
    if at_hand is not None:
        session.label = session.job.project.label_set[at_hand]
    panel.begin()
    assert panel.what.currentText() == text


def test_it_starts_from_a_selection(bound):
    panel, session = bound
    label(session, 1, 0)
    panel.begin((4, 9))
    panel.apply.click()
    assert list(said(session)) == [0, *range(4, 10)]


@pytest.mark.parametrize(
    ("name", "start", "stop"),
    [("back", 0, 12), ("both", 0, 29), ("forward", 12, 29), ("all", 0, 29)],
)
def test_directions(bound, name, start, stop):
    panel, session = bound
    session.slice = 12
    panel.begin((3, 4))
    panel.range.buttons[name].click()
    assert (panel.choice.start, panel.choice.stop) == (start, stop)
    assert panel.range.slider.value() == (start, stop)
    assert (panel.range.first.value(), panel.range.last.value()) == (
        start + 1,
        stop + 1,
    )


def test_both_stops_at_labelled_slices_and_all_does_not(bound):
    panel, session = bound
    session.slice = 12
    label(session, 1, 12)
    label(session, 2, 5, 20)
    panel.begin()
    panel.until.click()
    panel.range.buttons["both"].click()
    panel.apply.click()
    assert [i for i, names in said(session).items() if names == ("Head",)] == list(
        range(6, 20)
    )
    panel.range.buttons["all"].click()
    assert not panel.until.isChecked()
    assert panel.about.text().startswith("Slices 1–30")


def test_the_range_is_typed_slid_and_dragged_on_the_strip(bound):
    panel, _ = bound
    panel.begin()
    for box, number in ((panel.range.first, "4"), (panel.range.last, "8")):
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, number)
        QApplication.sendEvent(box, QFocusEvent(QEvent.Type.FocusOut))
    assert (panel.choice.start, panel.choice.stop) == (3, 7)
    panel.range.slider.setValue((6, 20))
    assert (panel.choice.start, panel.choice.stop) == (6, 20)
    strip = panel.range.strip
    start, stop = strip.cell_rect(2).center(), strip.cell_rect(11).center()
    QTest.mousePress(strip, LEFT, Qt.KeyboardModifier.NoModifier, start)
    QTest.mouseMove(strip, (start + stop) / 2)
    QTest.mouseMove(strip, stop)
    QTest.mouseRelease(strip, LEFT, Qt.KeyboardModifier.NoModifier, stop)
    assert (panel.choice.start, panel.choice.stop) == (2, 11)
    QTest.mouseClick(
        strip, LEFT, Qt.KeyboardModifier.NoModifier, strip.cell_rect(13).center()
    )
    assert (panel.choice.start, panel.choice.stop) == (2, 13), "the nearer end moves"


def test_every_other_slice(bound):
    panel, session = bound
    label(session, 1, 0)
    panel.begin()
    panel.every.setValue(5)
    panel.apply.click()
    assert list(said(session)) == [0, 5, 10, 15, 20, 25]


def test_what_is_there_is_kept_replaced_or_added_to_with_counts(bound):
    panel, session = bound
    label(session, 1, 0)
    label(session, 2, *range(10, 15))
    panel.begin()
    assert panel.modes.isVisible()
    assert panel.modes.head.text() == "5 slices hold something already:"
    texts = [button.text() for button in panel.modes.buttons.values()]
    assert texts == [
        "Keep theirs: 24 change",
        "Replace: 29 change, 5 lose Chest",
        "Add: 29 change",
    ]
    panel.modes.buttons[Mode.ADD].click()
    panel.apply.click()
    assert said(session)[12] == ("Head", "Chest")
    session.undo()
    panel.modes.buttons[Mode.REPLACE].click()
    panel.apply.click()
    assert said(session)[12] == ("Head",)


def test_modes_show_only_where_they_matter(bound):
    panel, session = bound
    label(session, 1, 0)
    panel.begin()
    assert not panel.modes.isVisible()
    label(session, 2, 8)
    assert panel.modes.isVisible()
    panel.lift.click()
    assert not panel.modes.isVisible()


def test_other_labels_nothing_and_exclude(bound):
    panel, session = bound
    panel.begin((0, 4))
    tick(panel, "Chest")
    panel.apply.click()
    panel.begin((5, 6))
    choose(panel, "Nothing to Label")
    panel.apply.click()
    panel.begin((7, 8))
    choose(panel, "Exclude")
    panel.apply.click()
    assert said(session) == {
        **dict.fromkeys(range(5), ("Chest",)),
        5: "nothing to label",
        6: "nothing to label",
        7: "excluded",
        8: "excluded",
    }


def test_it_can_be_taken_away_instead(bound):
    panel, session = bound
    label(session, 1, *range(10))
    label(session, 2, *range(10))
    panel.begin((3, 20))
    tick(panel, "Chest")
    panel.lift.click()
    assert panel.apply.text() == "Take away"
    assert panel.about.text() == "Slices 4–21: 7 change."
    panel.apply.click()
    assert said(session)[2] == ("Head", "Chest")
    assert said(session)[5] == ("Chest",)


def test_the_strip_previews_what_will_be(bound):
    panel, session = bound
    label(session, 1, 0)
    panel.begin((0, 5))
    names = [cell.names for cell in panel.range.strip.cells]
    assert names == [("Head",)] * 6 + [()] * 24
    assert list(said(session)) == [0]


def test_pictures_of_both_ends(bound):
    panel, _ = bound
    asked = []

    def source(index, reply):
        asked.append(index)
        reply(np.full((10, 20), index, np.uint8))

    panel.set_picture_source(source)
    panel.begin((4, 9))
    assert asked[-2:] == [4, 9]
    assert [caption.text() for caption in panel.ends.captions] == [
        "Slice 5",
        "Slice 10",
    ]
    assert panel.ends.frames[1].pixmap().width() == panel.ends.SIDE
    panel.range.slider.setValue((4, 12))
    assert asked[-1] == 12
    assert len(asked) == len(set(asked))


def test_enter_applies_and_escape_does_not(bound, qtbot):
    panel, session = bound
    label(session, 1, 0)
    panel.begin((0, 4))
    with qtbot.waitSignal(panel.finished):
        QTest.keyClick(panel.until, Qt.Key.Key_Escape)
    assert list(said(session)) == [0]
    with qtbot.waitSignals([panel.applied, panel.finished]):
        QTest.keyClick(panel.until, Qt.Key.Key_Return)
    assert list(said(session)) == [0, 1, 2, 3, 4]
    (span,) = session.editor.open_ranges()
    assert (span.start, span.stop, span.labels) == (0, 4, (1,))


def test_a_submitted_case_cannot_be_changed(bound):
    panel, session = bound
    label(session, 1, 0)
    session.open_next = False
    session.submit()
    panel.begin()
    assert not panel.apply.isEnabled()
    assert "read-only" in panel.about.text()
    QTest.keyClick(panel, Qt.Key.Key_Return)
    assert list(said(session)) == [0]


def test_a_refusal_is_told(bound):
    panel, session = bound
    label(session, 1, 0)
    panel.begin()
    session.editor.locked = True
    panel.apply.click()
    assert isinstance(panel.bench.errors[0], LockedError)


def test_masks_and_boxes_are_offered_where_the_job_has_them(bound, qtbot):
    panel, _ = bound
    panel.add_mask_actions([("interpolate", "Masks between key slices", "Proposes.")])
    panel.add_box_actions([("track", "Boxes of a track", "Fills in.")])
    panel.begin((3, 9))
    choose(panel, "Masks between key slices")
    assert panel.about.text() == "Slices 4–10. Proposes."
    assert not panel.labels.isVisible()
    with qtbot.waitSignal(panel.masks_requested) as told:
        panel.apply.click()
    assert told.args == [3, 9, "interpolate"]
    choose(panel, "Boxes of a track")
    with qtbot.waitSignal(panel.boxes_requested) as told:
        panel.apply.click()
    assert told.args == [3, 9, "track"]
    choose(panel, "Class labels")
    assert panel.labels.isVisible()


def test_a_job_without_masks_or_class_labels_does_not_offer_them(
    qtbot, make_session, control
):
    only = Label(id=1, name="Nodule", color=COLORS[0], method=Method.DETECTION)
    session = make_session(labels=LabelSet(labels=(only,)))
    panel = PropagatePanel()
    qtbot.addWidget(panel)
    panel.add_mask_actions([("interpolate", "Masks between key slices", "Proposes.")])
    control(panel, session)
    panel.begin()
    texts = [panel.what.itemText(i) for i in range(panel.what.count())]
    assert texts == ["Nothing to Label", "Exclude"]
    assert panel.choice.action is RangeAction.NOTHING_TO_LABEL


def test_hidden_it_costs_nothing_and_shown_it_is_up_to_date(bound):
    panel, session = bound
    label(session, 1, 0)
    panel.begin()
    panel.hide()
    session.editor.set_excluded(range(10, 20))
    said = "10 slices hold something already:"
    assert panel.modes.head.text() != said
    panel.show()
    assert panel.modes.head.text() == said


def test_it_follows_the_session_from_case_to_case(bound):
    panel, session = bound
    session.close_case()
    assert not panel.isEnabled()
    assert "Open a case" in panel.about.text()
    session.open_case("two", slice=5)
    assert panel.isEnabled()
    assert panel.choice.origin == 5


def test_it_fits_a_dock_300_pixels_wide(bound):
    panel, session = bound
    label(session, 1, 0)
    label(session, 2, *range(10, 15))
    panel.begin()
    paint_in(panel, Colors.light())
    assert panel.minimumSizeHint().width() <= 300
    inner = panel.apply.parentWidget()
    assert inner.minimumSizeHint().width() <= 300


def test_nothing_keeps_it_alive(qtbot, make_session):
    session = make_session()
    panel = PropagatePanel()
    bench = Workbench(session, window=QWidget, show_error=print)
    controller = PropagateController(panel, bench)
    panel.show()
    panel.begin()
    controller.close()
    del controller, bench
    panel.close()
    panel.deleteLater()
    dead = weakref.ref(panel)
    del panel
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    assert dead() is None
    assert len(session.slices_changed) == 0
