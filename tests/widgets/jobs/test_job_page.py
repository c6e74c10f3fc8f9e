from __future__ import annotations

import gc
import weakref
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QHelpEvent
from qtpy.QtWidgets import QApplication, QPushButton, QToolTip, QWidget

from napari_annotate_jobs.app._qt_executor import QtExecutor
from napari_annotate_jobs.model import (
    COLORS,
    AnnotationChange,
    Attribute,
    Case,
    CaseOrder,
    CaseRow,
    Concept,
    Counts,
    Flag,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    ReviewCounts,
    Scope,
    SeriesRef,
    Status,
)
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.widgets.jobs._model import (
    PAGE,
    CaseQuery,
    case_text,
)
from napari_annotate_jobs.widgets.jobs._page import JobPageView
from napari_annotate_jobs.widgets.jobs._paint import to_image
from napari_annotate_jobs.widgets.parts._sections import Instructions
from napari_annotate_jobs.widgets.parts._theme import Colors, contrast_ratio, paint_in
from napari_annotate_jobs.widgets.parts._upright_area import UprightArea

if TYPE_CHECKING:
    from collections.abc import Callable

CLASS, BOX, MASK = Method.CLASSIFICATION, Method.DETECTION, Method.SEGMENTATION

LABELS = LabelSet(
    labels=(
        Label(id=1, name="Lung", color=COLORS[0], method=CLASS, key="G"),
        Label(id=2, name="Liver", color=COLORS[1], method=CLASS),
        Label(
            id=3,
            name="Good",
            color=COLORS[2],
            method=CLASS,
            scope=Scope.CASE,
            group="Quality",
        ),
        Label(
            id=4,
            name="Poor",
            color=COLORS[3],
            method=CLASS,
            scope=Scope.CASE,
            group="Quality",
        ),
        Label(
            id=5,
            name="Tumour",
            color=COLORS[4],
            method=MASK,
            concept=Concept(scheme="SCT", value="108369006", meaning="Neoplasm"),
            attributes=(Attribute(name="Margin"),),
        ),
    ),
    groups=(Group(name="Quality", exclusive=True),),
)


def make_job(instructions: str = "Look at **every** slice.", job_id: str = "j") -> Job:
    project = Project(
        name="Organs",
        methods=(CLASS, MASK),
        label_set=LABELS,
        instructions=instructions,
    )
    return Job(id=job_id, project=project, published=datetime(2025, 3, 1, tzinfo=UTC))


def make_row(n: int, status: Status | None = None, **fields: object) -> CaseRow:
    status = status or list(Status)[n % 3]
    case = Case(
        id=f"c{n}", name=f"case {n:05d}", series=(SeriesRef(path="x"),), n_slices=20
    )
    comment = "Look at the rim again" if status is Status.RETURNED else ""
    fields = {"returned_comment": comment, **fields}
    return CaseRow(case=case, ordinal=n, status=status, **fields)


@lru_cache
def make_rows(count: int) -> tuple[CaseRow, ...]:
    return tuple(make_row(n) for n in range(count))


class Source:
    """A case source that answers when it is told to."""

    def __init__(self, count: int = 0, *, at_once: bool = True) -> None:
        self.rows = list(make_rows(count))
        self.at_once = at_once
        self.fail = False
        self.waiting: list[Callable[[], None]] = []
        self.pages: list[tuple[object, str, int]] = []
        self.queries: list[CaseQuery] = []
        self.drawn: list[str] = []

    def fetch(self, query, offset, limit, reply) -> None:
        status, text = query.status, query.text
        self.pages.append((status, text, offset))
        self.queries.append(query)

        def answer() -> None:
            if self.fail:
                reply(None, 0)
                return
            found = [
                row
                for row in self.rows
                if status in (None, row.status) and text in row.case.name
            ]
            reply(found[offset : offset + limit], len(found))

        self._later(answer)

    def thumbnail(self, case_id, reply) -> None:
        self.drawn.append(case_id)
        n = int(case_id[1:])
        picture = np.full((30, 40), n % 256, np.uint8) if n % 2 == 0 else None
        self._later(lambda: reply(picture))

    def _later(self, answer: Callable[[], None]) -> None:
        if self.at_once:
            answer()
        else:
            self.waiting.append(answer)

    def answer(self) -> None:
        self.waiting.pop(0)()

    def answer_all(self) -> None:
        while self.waiting:
            self.answer()


@pytest.fixture
def view(qtbot) -> JobPageView:
    made = JobPageView()
    qtbot.addWidget(made)
    made.resize(340, 720)
    made.show()
    qtbot.waitExposed(made)
    made.set_job(make_job(), Counts(remaining=10, finished=5, returned=5))
    return made


def listed(view: JobPageView) -> list[str]:
    cases = view._table.cases
    return [cases.index(row, 0).data() for row in range(cases.rowCount())]


def place(view: JobPageView, row: int) -> QPoint:
    return view._table.visualRect(view._table.cases.index(row, 0)).center()


def choose(view: JobPageView, row: int) -> None:
    view._table.setCurrentIndex(view._table.cases.index(row, 0))


# --- what the page says ------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "text", "enabled"),
    [
        ((10, 0, 0), "Annotate first case", True),
        ((10, 5, 0), "Continue with next case", True),
        ((10, 5, 1), "Continue with returned case", True),
        ((0, 0, 1), "Continue with returned case", True),
        ((0, 5, 0), "All finished", False),
        ((0, 0, 0), "No cases", False),
    ],
)
def test_annotate_button(view, qtbot, counts, text, enabled) -> None:
    remaining, finished, returned = counts
    view.set_counts(Counts(remaining=remaining, finished=finished, returned=returned))
    assert view._annotate.text() == text
    assert view._annotate.isEnabled() is enabled
    asked: list[bool] = []
    view.annotate_requested.connect(lambda: asked.append(True))
    qtbot.mouseClick(view._annotate, Qt.MouseButton.LeftButton)
    assert asked == [True] * enabled


def test_progress(view) -> None:
    assert ">15<" in view._left.text()
    assert view._progress.text() == "25 % · 5 of 20 finished"
    assert [button.text() for button in view._filters.buttons()] == [
        "All\n20",
        "Remaining\n10",
        "Finished\n5",
        "Returned\n5",
    ]
    assert view._bar.accessibleName() == "25 % finished"


def test_name_and_kind(view) -> None:
    assert view._name.text() == "Organs"
    assert view._badge.text == "Annotation"


def test_instructions(view, qtbot) -> None:
    assert "every slice" in view._instructions.toPlainText()
    view.set_job(make_job("", "k"), Counts(remaining=1))
    assert not view._instructions_section.isVisible()


def test_instructions_fold_when_begun_and_stay_as_put(view, qtbot) -> None:
    section = view._instructions_section
    assert section.is_folded
    qtbot.mouseClick(section._head, Qt.MouseButton.LeftButton)
    assert view._instructions.isVisible()
    view.set_job(make_job(), Counts(remaining=10, finished=6, returned=4))
    assert not section.is_folded, "the same job is as the user left it"
    view.set_job(make_job(job_id="other"), Counts(remaining=10))
    assert not section.is_folded, "who begins reads them"
    view.set_job(make_job(job_id="third"), Counts(finished=10))
    assert section.is_folded


def test_folding_gives_room_to_the_cases(view, qtbot) -> None:
    view._instructions_section.set_folded(False)
    QApplication.processEvents()
    before = view._table.height()
    with qtbot.waitSignal(view._instructions_section.folded):
        view._instructions_section._head.click()
    qtbot.waitUntil(lambda: view._table.height() > before)


def test_no_picture_is_fetched_for_instructions(qtbot) -> None:
    text = Instructions(100)
    qtbot.addWidget(text)
    asked: list[str] = []
    text.loadResource = lambda kind, name: asked.append(name.toString())
    text.set_markdown("![x](file:///etc/hostname) ![y](//server/share/y.png) text")
    assert Instructions.loadResource(text, 2, None) is None
    assert "text" in text.toPlainText()


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()], ids=["dark", "lit"])
def test_links_can_be_read(view, colors) -> None:
    view.set_job(make_job("See the [guide](https://example.org) first."), Counts())
    paint_in(view, colors)
    block = view._instructions.document().begin()
    found = [
        part.charFormat().foreground().color().name()
        for fmt in block.textFormats()
        for part in [_Piece(fmt.format)]
        if fmt.format.isAnchor()
    ]
    assert found
    assert all(contrast_ratio(color, colors.foreground) >= 4.5 for color in found)


class _Piece:
    def __init__(self, fmt) -> None:
        self._fmt = fmt

    def charFormat(self):
        return self._fmt


# --- labels ------------------------------------------------------------------------


def test_labels_by_method_and_group(view) -> None:
    texts = [part.text for part in view._labels._parts]
    assert texts == [
        "Classification",
        "Lung",
        "Liver",
        "Quality (choose one)",
        "Good (case)",
        "Poor (case)",
        "Segmentation",
        "Tumour",
    ]
    assert [part.key for part in view._labels._parts if part.label][:2] == ["G", ""]
    assert "Tumour" in view._labels.accessibleDescription()


def test_keys_of_labels_can_be_given(view) -> None:
    view.set_job(make_job(), Counts(), {2: "8", 1: "H"})
    keys = {part.text: part.key for part in view._labels._parts if part.label}
    assert keys["Lung"] == "H"
    assert keys["Liver"] == "8"


@pytest.mark.parametrize("width", [150, 300, 700])
def test_chips_flow_into_the_width(view, width) -> None:
    parts = view._labels._arranged(width)
    assert all(part.rect.right() < width for part in parts)
    for n, part in enumerate(parts):
        assert not any(part.rect.intersects(other.rect) for other in parts[n + 1 :])
    assert view._labels.heightForWidth(width) > parts[-1].rect.bottom()


def test_narrow_is_higher(view) -> None:
    assert view._labels.heightForWidth(150) > view._labels.heightForWidth(700)


def test_tool_tips_of_labels(view) -> None:
    parts = {part.text: part.rect.center() for part in view._labels._parts}
    assert view._labels.tool_tip(parts["Good (case)"]) == (
        "Good\nSaid once of the whole case"
    )
    assert view._labels.tool_tip(parts["Tumour"]) == (
        "Tumour\nNeoplasm (SCT 108369006)\nAsks for: Margin"
    )
    at = parts["Lung"]
    event = QHelpEvent(QEvent.Type.ToolTip, at, view._labels.mapToGlobal(at))
    QApplication.sendEvent(view._labels, event)
    assert QToolTip.text() == "Lung\nKey: G"
    QToolTip.hideText()
    assert view._labels.tool_tip(parts["Classification"]) == ""


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()], ids=["dark", "lit"])
def test_chips_show_the_colours(view, colors) -> None:
    paint_in(view, colors)
    view._labels.resize(300, view._labels.heightForWidth(300))
    image = view._labels.grab().toImage()
    for part in view._labels._parts:
        if part.label is not None:
            spot = QPoint(part.rect.left() + 9, part.rect.center().y())
            assert image.pixelColor(spot) == QColor(part.label.color)


# --- going elsewhere ----------------------------------------------------------------


def test_back_by_button_and_key(view, qtbot) -> None:
    with qtbot.waitSignal(view.back_requested):
        qtbot.mouseClick(view._back, Qt.MouseButton.LeftButton)
    for part in (view._search, view._table, view._instructions):
        with qtbot.waitSignal(view.back_requested):
            qtbot.keyClick(part, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)


def test_claims_its_keys_from_the_window(view) -> None:
    from qtpy.QtGui import QKeyEvent

    def claimed(key: Qt.Key, modifier: Qt.KeyboardModifier) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, modifier)
        event.ignore()
        QApplication.sendEvent(view._table, event)
        return event.isAccepted()

    assert claimed(Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert claimed(Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert not claimed(Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)


def test_open_by_double_click_and_enter(view, qtbot) -> None:
    view.set_source(Source(10))
    at = place(view, 2)
    qtbot.mouseClick(view._table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    with qtbot.waitSignal(view.case_requested) as asked:
        qtbot.mouseDClick(view._table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert asked.args == ["c2"]
    qtbot.keyClick(view._table, Qt.Key.Key_Down)
    with qtbot.waitSignal(view.case_requested) as asked:
        qtbot.keyClick(view._table, Qt.Key.Key_Return)
    assert asked.args == ["c3"]


def test_enter_starts_where_no_case_is_chosen(view, qtbot) -> None:
    view.set_source(Source(1))
    table = view._table
    below = table.viewport().rect().bottomLeft()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=below)
    assert table.chosen() is None
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        with qtbot.waitSignal(view.annotate_requested):
            qtbot.keyClick(table, key)


def test_enter_starts_nothing_else_while_the_chosen_case_is_read(
    view, qtbot, monkeypatch
) -> None:
    view.set_source(Source(10))
    choose(view, 2)
    monkeypatch.setattr(type(view._table), "_row", staticmethod(lambda index: None))
    with qtbot.assertNotEmitted(view.annotate_requested):
        qtbot.keyClick(view._table, Qt.Key.Key_Return)


def test_details(view, qtbot) -> None:
    source = Source(10)
    source.rows[1] = make_row(1, warnings=("slice 41 is missing",))
    view.set_source(source)
    choose(view, 2)
    with qtbot.waitSignal(view.details_requested) as asked:
        qtbot.keyClick(view._table, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    assert asked.args == ["c2"]
    rect = view._table.visualRect(view._table.cases.index(1, 0))
    at = view._table._delegate._layout(rect, source.rows[1]).warning.center()
    with qtbot.waitSignal(view.details_requested) as asked:
        qtbot.mouseClick(view._table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert asked.args == ["c1"]
    with qtbot.assertNotEmitted(view.details_requested):
        qtbot.mouseClick(
            view._table.viewport(), Qt.MouseButton.LeftButton, pos=place(view, 1)
        )


def test_menu(view, qtbot) -> None:
    view.set_source(Source(3))
    menu = view._table._make_menu(view._table.cases.index(1, 0))
    opened, details, flag = menu.actions()
    with qtbot.waitSignal(view.case_requested) as asked:
        opened.trigger()
    assert asked.args == ["c1"]
    with qtbot.waitSignal(view.details_requested) as asked:
        details.trigger()
    assert asked.args == ["c1"]
    with qtbot.waitSignal(view.flag_requested) as asked:
        flag.trigger()
    assert asked.args == ["c1"]
    assert view._table._make_menu(view._table.indexAt(QPoint(5, 5000))) is None


# --- flags and orders ---------------------------------------------------------------


def test_flagged_cases_are_listed_alone_and_say_why(view, qtbot) -> None:
    flag = Flag(person="ana", reason="mirrored")
    source = Source(9)
    source.rows[4] = source.rows[4].model_copy(update={"flags": (flag,)})
    view.set_counts(Counts(remaining=3, finished=3, returned=3))
    view.set_source(source)
    assert not view._flagged.isVisible()
    view.set_counts(Counts(remaining=3, finished=3, returned=3, flagged=1))
    assert view._flagged.isVisible()
    assert view._flagged.text() == "\u2691 1"
    assert view._flagged.accessibleName() == "Flagged: 1 cases"
    row = view._table.cases.index(4, 0)
    assert "flagged: mirrored (ana)" in row.data(Qt.ItemDataRole.ToolTipRole)
    rect = view._table.visualRect(row)
    place = view._table._delegate._layout(rect, source.rows[4]).flag
    tip = view._table._delegate.tool_tip(place.center(), rect, row)
    assert tip == "Flagged: mirrored (ana)"

    qtbot.mouseClick(view._flagged, Qt.MouseButton.LeftButton)
    assert source.queries[-1] == CaseQuery(flagged=True)
    # Though none is left, what was chosen can be undone.
    view.set_counts(Counts(remaining=3, finished=3, returned=3))
    assert view._flagged.isVisible()
    qtbot.mouseClick(view._flagged, Qt.MouseButton.LeftButton)
    assert source.queries[-1] == CaseQuery()


def test_some_cases_are_listed_until_another_list_is_chosen(view, qtbot) -> None:
    source = Source(30)
    view.set_source(source)
    view._search.setText("case 0000")
    view._query()
    view.list_only("Since your last visit: 1 returned", [("c5", None), ("c2", None)])
    assert source.queries[-1].only == ("c5", "c2")
    assert source.queries[-1].text == "" and view._search.text() == ""
    assert view._only_text.text() == "Since your last visit: 1 returned"
    assert view._only_line.isVisible()
    qtbot.mouseClick(view._every, Qt.MouseButton.LeftButton)
    assert not source.queries[-1].only and not view._only_line.isVisible()
    view.list_only("again", [("c5", "ana")])
    assert source.queries[-1].only == ("c5\nana",)
    view._filters.button(1).click()
    assert source.queries[-1].status is Status.REMAINING
    assert not source.queries[-1].only and not view._only_line.isVisible()
    view.list_only("again", [("c5", None)])
    view.set_source(Source(3))
    assert not view._only_line.isVisible() and len(listed(view)) == 3


def test_cases_are_sorted_by_what_the_menu_says(view, qtbot) -> None:
    source = Source(9)
    view.set_source(source)
    asked = []
    view.order_chosen.connect(lambda order, back: asked.append((order, back)))
    texts = {action.text(): action for action in view._order.menu().actions()}
    assert view._order.text() == "Order \u2193"
    texts["Last touched first"].trigger()
    assert source.queries[-1] == CaseQuery(order=CaseOrder.TOUCHED)
    assert view._order.text() == "Touched \u2193"
    texts["The other way round"].trigger()
    assert source.queries[-1] == CaseQuery(order=CaseOrder.TOUCHED, backwards=True)
    assert asked == [(CaseOrder.TOUCHED, False), (CaseOrder.TOUCHED, True)]
    assert "last touched first, the other way round" in view._order.toolTip()

    view.set_order(CaseOrder.NAME, backwards=False)
    assert source.queries[-1] == CaseQuery(order=CaseOrder.NAME)
    assert len(asked) == 2  # nobody chose that


# --- filter and search --------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "status"),
    [(0, None), (1, Status.REMAINING), (2, Status.FINISHED), (3, Status.RETURNED)],
)
def test_filters(view, qtbot, place, status) -> None:
    source = Source(9)
    view.set_source(source)
    other = view._filters.button(1 if place == 0 else 0)
    qtbot.mouseClick(other, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(view._filters.button(place), Qt.MouseButton.LeftButton)
    expected = [row.case.name for row in source.rows if status in (None, row.status)]
    assert listed(view) == expected
    assert [b.isChecked() for b in view._filters.buttons()].count(True) == 1


def test_search_waits_for_a_pause(view, qtbot) -> None:
    source = Source(120)
    view.set_source(source)
    asked = len(source.pages)
    qtbot.keyClick(view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(view._search, "0010")
    assert len(source.pages) == asked
    qtbot.waitUntil(lambda: len(source.pages) > asked)
    assert source.pages[asked:] == [(None, "0010", 0)]
    assert listed(view)[:2] == ["case 00010", "case 00100"]
    assert len(listed(view)) == 11


def test_enter_in_the_search_goes_to_the_first_row(view, qtbot) -> None:
    view.set_source(Source(120))
    qtbot.keyClicks(view._search, "00011")
    qtbot.keyClick(view._search, Qt.Key.Key_Return)
    assert listed(view) == ["case 00011"]
    assert view._table.chosen() == "c11"
    with qtbot.waitSignal(view.case_requested) as asked:
        qtbot.keyClick(view._table, Qt.Key.Key_Return)
    assert asked.args == ["c11"]


def test_nothing_found_is_said(view, qtbot) -> None:
    source = Source(5)
    view.set_source(source)
    qtbot.keyClicks(view._search, "zzz")
    qtbot.keyClick(view._search, Qt.Key.Key_Return)
    assert listed(view) == []
    assert "No case matches" in view._table._message()


def test_old_rows_stay_until_the_new_are_there(view, qtbot) -> None:
    source = Source(9)
    view.set_source(source)
    source.at_once = False
    qtbot.mouseClick(view._filters.button(3), Qt.MouseButton.LeftButton)
    assert len(listed(view)) == 9
    source.answer_all()
    assert len(listed(view)) == 3


def test_late_answers_are_ignored(view, qtbot) -> None:
    source = Source(9, at_once=False)
    view.set_source(source)
    qtbot.mouseClick(view._filters.button(3), Qt.MouseButton.LeftButton)
    first, second = source.waiting
    source.waiting = []
    second()
    assert len(listed(view)) == 3
    first()
    assert len(listed(view)) == 3


def test_a_new_source_starts_anew(view, qtbot) -> None:
    view.set_source(Source(9))
    qtbot.mouseClick(view._filters.button(3), Qt.MouseButton.LeftButton)
    qtbot.keyClicks(view._search, "1")
    view.set_source(Source(5))
    assert len(listed(view)) == 5
    assert view._search.text() == ""
    assert view._filters.checkedId() == 0
    view.set_source(None)
    assert listed(view) == []


# --- pages --------------------------------------------------------------------------


def test_only_what_is_visible_is_read(view) -> None:
    source = Source(100_000)
    view.set_source(source)
    view.grab()
    assert view._table.cases.rowCount() == 100_000
    assert source.pages == [(None, "", 0)]
    assert len(source.drawn) < 20
    view._table.scrollToBottom()
    assert source.pages[-1] == (None, "", 99_900)
    assert len(source.pages) == 2
    last = view._table.cases.index(99_999, 0)
    assert last.data() == "case 99999"
    assert "c99999" in source.drawn


def test_scrolling_past_pages_skips_them(view) -> None:
    source = Source(10_000, at_once=False)
    view.set_source(source)
    source.answer_all()
    view.grab()
    bar = view._table.verticalScrollBar()
    for value in range(0, bar.maximum(), bar.maximum() // 50):
        bar.setValue(value)
    bar.setValue(bar.maximum())
    source.answer_all()
    # The page that was asked for first, and those at the end; none between.
    assert len(source.pages) <= 4
    assert view._table.cases.case_row(9_999) is not None


def test_as_fast_for_many(view) -> None:
    """The work does not grow with the number of cases."""
    asked: list[int] = []
    cases = view._table.cases
    data = type(cases).data

    def counted(self, index, role=Qt.ItemDataRole.DisplayRole):
        asked.append(index.row())
        return data(self, index, role)

    type(cases).data = counted
    try:
        work = []
        for count in (1_000, 100_000):
            asked.clear()
            view.set_source(Source(count))
            view.grab()
            work.append(len(asked))
    finally:
        type(cases).data = data
    assert work[1] <= work[0] * 1.5


def test_typing_does_not_search_all_rows(view, qtbot) -> None:
    source = Source(100_000)
    view.set_source(source)
    asked = len(source.pages)
    qtbot.keyClicks(view._table, "zz")
    assert len(source.pages) == asked


def test_pictures_come_in_order_and_once(view) -> None:
    source = Source(300)
    view.set_source(source)
    view.grab()
    first, last = view._table._visible_rows()
    assert source.drawn == [f"c{n}" for n in range(first, last + 1)]
    view.grab()
    view.refresh()
    assert len(source.drawn) == last - first + 1
    assert view._table.cases.picture("c0") is not None
    assert view._table.cases.picture("c1") is None, "there is none"


def test_pictures_of_rows_that_are_gone_are_not_drawn(view) -> None:
    source = Source(300, at_once=False)
    view.set_source(source)
    source.answer()  # the rows
    view._table.scrollToBottom()
    source.answer_all()
    first, last = view._table._visible_rows()
    assert source.drawn[0] == "c0"
    assert source.drawn[1:] == [f"c{n}" for n in range(first, last + 1)]


# --- refreshing ----------------------------------------------------------------------


def test_refresh_keeps_scroll_and_choice(view, qtbot) -> None:
    source = Source(1_000)
    view.set_source(source)
    view.grab()
    choose(view, 500)
    bar = view._table.verticalScrollBar()
    bar.setValue(bar.value() + 7)
    offset = bar.value()
    source.rows[500] = make_row(500, Status.FINISHED, draft=True)
    qtbot.keyClick(view._table, Qt.Key.Key_F5)
    assert bar.value() == offset
    assert view._table.chosen() == "c500"
    assert view._table.cases.case_row(500).draft


def test_home_and_end(view, qtbot) -> None:
    source = Source(1_000)
    view.set_source(source)
    view.grab()
    qtbot.keyClick(view._table, Qt.Key.Key_End)
    assert view._table.chosen() == "c999"
    del source.rows[0]
    view.refresh()
    assert view._table.chosen() == "c999"
    assert view._table.currentIndex().row() == 998
    qtbot.keyClick(view._table, Qt.Key.Key_Home)
    assert view._table.chosen() == "c1"


def test_choice_follows_rows_that_move(view, qtbot) -> None:
    source = Source(30)
    view.set_source(source)
    choose(view, 5)
    del source.rows[2]
    view.refresh()
    assert view._table.chosen() == "c5"
    assert view._table.currentIndex().row() == 4
    assert len(listed(view)) == 29


def test_choice_moves_on_when_its_case_is_gone(view, qtbot) -> None:
    source = Source(30)
    view.set_source(source)
    choose(view, 5)
    del source.rows[5]
    view.refresh()
    assert view._table.chosen() == "c6"
    assert view._table.currentIndex().row() == 5


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 3 * PAGE])
def test_rows_come_and_go(view, count) -> None:
    source = Source(2 * PAGE + 5)
    view.set_source(source)
    source.rows = [make_row(n) for n in range(count)]
    view.refresh()
    assert view._table.cases.rowCount() == count
    view._table.scrollToBottom()
    view.grab()
    assert len([name for name in listed(view) if name]) >= min(count, PAGE)
    source.rows = [make_row(n) for n in range(7)]
    view.refresh()
    assert listed(view) == [f"case {n:05d}" for n in range(7)]


def test_refresh_case(view) -> None:
    source = Source(30)
    view.set_source(source)
    source.drawn.clear()
    source.rows[3] = make_row(3, Status.FINISHED, decided=20)
    view.refresh_case("c3")
    assert view._table.cases.case_row(3).status is Status.FINISHED
    assert source.drawn == ["c3"]
    view.refresh_case("unknown")
    assert source.drawn == ["c3"]


def test_changed_rows_get_new_pictures(view) -> None:
    source = Source(30)
    view.set_source(source)
    source.drawn.clear()
    source.rows[2] = make_row(2, draft=True, decided=4)
    view.refresh()
    assert source.drawn == ["c2"]


def test_failure_is_said_and_can_be_retried(view, qtbot) -> None:
    source = Source(30)
    source.fail = True
    view.set_source(source)
    assert view._failure.isVisible()
    assert view._table._message() == "The cases could not be read."
    assert len(source.pages) == 1, "it is not tried over and over"
    source.fail = False
    qtbot.mouseClick(view._retry, Qt.MouseButton.LeftButton)
    assert not view._failure.isVisible()
    assert len(listed(view)) == 30


def test_reading_is_said(view) -> None:
    source = Source(3, at_once=False)
    view.set_source(source)
    assert view._table._message() == "Reading the cases…"
    source.answer_all()
    assert view._table._message() == ""


# --- rows ----------------------------------------------------------------------------


def test_text_of_a_row() -> None:
    row = make_row(
        2, Status.RETURNED, draft=True, decided=5, warnings=("slice 41 is missing",)
    )
    assert case_text(row) == (
        "case 00002 · returned · 20 slices · draft: 5 of 20 decided · "
        "returned: Look at the rim again · slice 41 is missing"
    )
    view_of_new = CaseRow(
        case=Case(id="x", name="new", series=(SeriesRef(path="x"),)), ordinal=0
    )
    assert case_text(view_of_new) == "new · remaining"


def test_tool_tips_of_rows(view) -> None:
    source = Source(3)
    row = make_row(2, Status.RETURNED, warnings=("slice 41 is missing",))
    source.rows[2] = row
    view.set_source(source)
    table = view._table
    index = table.cases.index(2, 0)
    rect = table.visualRect(index)
    at = table._delegate._layout(rect, row)
    tip = table._delegate.tool_tip(at.warning.center(), rect, index)
    assert "slice 41 is missing" in tip
    tip = table._delegate.tool_tip(at.comment.center(), rect, index)
    assert tip == "Returned: Look at the rim again"
    assert table._delegate.tool_tip(at.name.center(), rect, index) == case_text(row)
    spot = at.comment.center()
    event = QHelpEvent(QEvent.Type.ToolTip, spot, table.viewport().mapToGlobal(spot))
    QApplication.sendEvent(table.viewport(), event)
    assert QToolTip.text() == "Returned: Look at the rim again"
    QToolTip.hideText()


@pytest.mark.parametrize("width", [280, 340, 559, 560, 900])
def test_parts_of_a_row_do_not_overlap(view, width) -> None:
    from qtpy.QtCore import QRect

    row = make_row(2, Status.RETURNED, draft=True, decided=5, warnings=("tilt",))
    rect = QRect(0, 0, width, view._table._delegate.row_height())
    at = view._table._delegate._layout(rect, row)
    parts = [at.picture, at.name, at.facts, at.comment, at.warning, at.symbol]
    parts.append(at.status)
    for n, part in enumerate(parts):
        assert rect.contains(part)
        assert part.width() > 10
        assert not any(part.intersects(other) for other in parts[n + 1 :])


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()], ids=["dark", "lit"])
def test_rows_differ_by_status_and_show_pictures(view, colors) -> None:
    paint_in(view, colors)
    source = Source(3)
    source.rows = [make_row(200, s, returned_comment="") for s in Status]
    source.rows = [
        row.model_copy(update={"case": row.case.model_copy(update={"id": f"c{n}"})})
        for n, row in zip((200, 202, 204), source.rows, strict=True)
    ]
    view.set_source(source)
    table = view._table
    symbols = []
    for n, row in enumerate(source.rows):
        rect = table.visualRect(table.cases.index(n, 0))
        at = table._delegate._layout(rect, row)
        picture = table.viewport().grab(at.picture).toImage()
        gray = picture.pixelColor(picture.width() // 2, picture.height() // 2)
        assert gray.red() == gray.green() == int(row.case.id[1:])
        symbol = table.viewport().grab(at.symbol).toImage()
        symbol = symbol.convertToFormat(symbol.Format.Format_Mono)
        symbols.append(bytes(symbol.constBits().asarray(symbol.sizeInBytes())))
    assert len(set(symbols)) == 3, "told apart without colour"


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3), (64, 33, 3)])
def test_pictures_keep_their_pixels(qapp, shape) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    # Views whose lines do not lie one after the other.
    for view in (picture, picture[::-1], picture[:, ::2]):
        image = to_image(view)
        assert (image.height(), image.width()) == view.shape[:2]
        for y, x in ((0, 0), (view.shape[0] - 1, view.shape[1] - 1), (1, 2)):
            color = image.pixelColor(x, y)
            expected = np.broadcast_to(view[y, x], 3)
            assert (color.red(), color.green(), color.blue()) == tuple(expected)


# --- with a store --------------------------------------------------------------------


class StoreSource:
    """Cases of a store, read by an executor, as in the plugin."""

    def __init__(self, store: MemoryStore, executor: QtExecutor) -> None:
        self.store, self.executor = store, executor
        self.errors: list[Exception] = []

    def fetch(self, query, offset, limit, reply) -> None:
        def failed(error: Exception) -> None:
            self.errors.append(error)
            reply(None, 0)

        asked = {**vars(query)}
        del asked["only"], asked["label"]
        self.executor.run(
            lambda: self.store.cases("j", **asked, offset=offset, limit=limit),
            lambda page: reply(page.rows, page.total),
            failed,
        )

    def thumbnail(self, case_id, reply) -> None:
        picture = np.zeros((48, 64), np.uint8)
        self.executor.run(lambda: picture, reply, self.errors.append)


def test_with_a_store_and_a_worker(view, qtbot) -> None:
    cases = [row.case for row in make_rows(250)]
    store = MemoryStore([(make_job(), cases)], person="ann")
    executor = QtExecutor(view)
    source = StoreSource(store, executor)
    view.set_source(source)
    qtbot.waitUntil(lambda: view._table.cases.picture("c0") is not None)
    assert view._table.cases.total == 250
    qtbot.keyClick(view._table, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: view._table.chosen() == "c249")
    with qtbot.waitSignal(view.case_requested) as asked:
        qtbot.keyClick(view._table, Qt.Key.Key_Return)
    assert asked.args == ["c249"]
    change = AnnotationChange(case_nothing_to_label=True)
    store.save("j", "c249", change, {}, base=0)
    store.submit("j", "c249", base=1)
    view.refresh_case("c249")
    executor.drain()
    assert view._table.cases.case_row(249).status is Status.FINISHED
    view.set_counts(store.counts("j"))
    qtbot.mouseClick(view._filters.button(2), Qt.MouseButton.LeftButton)
    executor.drain()
    assert listed(view) == ["case 00249"]
    assert source.errors == []
    executor.close()


# --- size and lifetime ----------------------------------------------------------------


def test_fits_a_small_window(view) -> None:
    view.set_counts(Counts(remaining=99_990, finished=100_000, returned=10_000))
    hint = view.minimumSizeHint()
    assert hint.width() <= 320
    assert hint.height() <= 600
    view.resize(hint)
    view.grab()


def test_tab_reaches_everything(view, qtbot) -> None:
    view.set_source(Source(3))
    wanted = {view._back, view._annotate, view._search, view._table}
    wanted |= set(view._filters.buttons())
    reached: set[QWidget] = set()
    widget: QWidget = view._back
    for _ in range(60):
        reached.add(widget)
        widget = widget.nextInFocusChain()
    assert wanted <= reached
    assert all(part.focusPolicy() & Qt.FocusPolicy.TabFocus for part in wanted)


def test_every_button_says_what_it_does(view) -> None:
    for button in view.findChildren(QPushButton):
        assert button.toolTip(), button.text()


def test_hover_is_painted(view, qtbot) -> None:
    view.set_source(Source(5))
    before = view._table.viewport().grab().toImage()
    qtbot.mouseMove(view._table.viewport(), place(view, 1))
    at = QPointF(place(view, 1))
    QApplication.sendEvent(view._table.viewport(), _hover(at, view._table.viewport()))
    after = view._table.viewport().grab().toImage()
    assert before != after


def _hover(at: QPointF, widget: QWidget):
    from qtpy.QtGui import QHoverEvent

    return QHoverEvent(
        QEvent.Type.HoverMove, at, widget.mapToGlobal(at), QPointF(-1, -1)
    )


def test_dies_when_deleted_and_late_answers_do_no_harm(qtbot) -> None:
    view = JobPageView()
    source = Source(30, at_once=False)
    view.set_job(make_job(), Counts(remaining=30))
    view.set_source(source)
    view.show()
    source.answer()
    view.refresh()
    assert source.waiting
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    alive = weakref.ref(view)
    model = weakref.ref(view._table.cases)
    source.answer_all()
    del view
    gc.collect()
    assert alive() is None
    assert model() is None
    source.answer_all()


def test_panels_about_the_job_are_asked_for_by_name(view, qtbot):
    for button in view.findChildren(QPushButton):
        if button.text() in ("Export…", "Import…", "Statistics…"):
            with qtbot.waitSignal(view.panel_requested) as told:
                qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
            assert told.args == [button.text().removesuffix("…")]
            assert button.toolTip()


def test_who_did_how_much(view):
    assert view._people_section.isHidden()
    view.set_people(
        [
            ("ana", ReviewCounts(waiting=2, passed=3, returned=1), ReviewCounts()),
            ("eve", ReviewCounts(), ReviewCounts(passed=3, returned=1)),
            ("zoe", ReviewCounts(), ReviewCounts()),
        ]
    )
    assert not view._people_section.isHidden()
    assert view._people_section.head.text() == "By person (2)"
    assert view._people.text().splitlines() == [
        "ana: 6 submitted (2 waiting · 3 passed · 1 returned)",
        "eve: 4 reviewed (3 passed · 1 returned)",
    ]


def test_a_low_screen_scrolls_the_page(view) -> None:
    assert view.minimumSizeHint().height() < 200
    area = view.findChild(UprightArea)
    view.resize(340, 300)
    assert area.verticalScrollBar().maximum() > 100
    assert area.widget().width() >= area.widget().minimumSizeHint().width()
    view.resize(340, 900)
    assert area.verticalScrollBar().maximum() == 0
    # The list of cases gives way before the page scrolls.
    least = area.widget().layout().minimumHeightForWidth(340)
    assert least < area.widget().sizeHint().height()
    view.resize(340, least + 2)
    assert area.verticalScrollBar().maximum() == 0


def test_a_former_list_is_not_asked_for_statuses_that_it_does_not_know(view) -> None:
    source = Source(10)
    view.set_source(source)
    asked = len(source.queries)
    view.set_reviews(ReviewCounts(waiting=2))
    view.set_order(CaseOrder.NAME, backwards=True)
    assert len(source.queries) == asked


def test_cases_with_a_label_are_listed_until_another_job_comes(view) -> None:
    source = Source(10)
    view.set_source(source)
    box = view._label_filter
    offered = [box.itemText(n) for n in range(box.count())]
    assert offered == ["All labels", *(label.name for label in LABELS.labels)]
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert source.queries[-1].label == 2
    view.set_job(make_job(), Counts(remaining=9), {2: "H"})  # a key was changed
    assert box.label == 2
    view._filters.button(1).click()
    assert source.queries[-1] == CaseQuery(Status.REMAINING, label=2)
    view.set_source(source)
    assert box.label is None and source.queries[-1].label is None


def test_another_label_hides_what_does_not_carry_it_while_it_is_looked_for(view):
    source = Source(10, at_once=False)
    view.set_source(source)
    source.answer_all()
    view._label_filter.setCurrentIndex(1)
    view._label_filter.activated.emit(1)
    assert listed(view) == []
    assert view._table._message() == "Looking through what was annotated…"
    source.answer_all()
    assert len(listed(view)) == 10


def test_what_is_not_listed_is_not_passed(view) -> None:
    view.set_reviews(ReviewCounts(waiting=2, flagged=1))
    view.set_source(Source())
    assert view._pass_all.isEnabled()
    view._flagged.click()
    assert not view._pass_all.isEnabled()
    view._flagged.click()
    assert view._pass_all.isEnabled()
    view._label_filter.setCurrentIndex(1)
    view._label_filter.activated.emit(1)
    assert not view._pass_all.isEnabled()
    view.set_review_counts(ReviewCounts(waiting=1))
    assert not view._pass_all.isEnabled()


def test_a_wide_page_shows_pictures_unless_a_list_is_wanted(view, qtbot) -> None:
    source = Source(300)
    view.set_source(source)
    tiles, table, button = view._tiles, view._table, view._as_pictures
    choose(view, 7)
    table.setFocus()
    view.resize(900, 900)
    assert tiles.isVisible() and button.isChecked()
    assert tiles.model().columnCount() >= 5
    assert tiles.chosen() == "c7" and view.focusWidget() is tiles
    assert view.where() == (CaseQuery(), 7)
    with qtbot.waitSignal(view.case_requested) as opened:
        qtbot.keyClick(tiles, Qt.Key.Key_Return)
    assert opened.args == ["c7"]
    with qtbot.waitSignal(view.details_requested) as asked:
        qtbot.keyClick(tiles, Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    assert asked.args == ["c7"]
    qtbot.keyClick(tiles, Qt.Key.Key_End)
    assert tiles.chosen() == "c299"
    first, last = tiles._visible_rows()
    assert {f"c{n}" for n in range(first, min(last, 299) + 1)} <= set(source.drawn)
    view.resize(340, 720)
    assert table.isVisible() and table.chosen() == "c299"
    button.click()
    assert tiles.isVisible() and tiles.model().columnCount() >= 2
    view.resize(900, 900)
    button.click()
    view.resize(1000, 900)
    assert table.isVisible()


def test_pictures_offer_what_the_list_offers(view, qtbot) -> None:
    view.set_source(Source(10))
    view._as_pictures.click()
    tiles, offered = view._tiles, []
    view.menu_offered.connect(lambda menu, row: offered.append(row.case.id))
    menu = tiles._make_menu(tiles.index_of(3))
    assert offered == ["c3"]
    with qtbot.waitSignal(view.flag_requested) as asked:
        next(a for a in menu.actions() if a.text() == "Flag…").trigger()
    assert asked.args == ["c3"]
    assert tiles._make_menu(tiles.model().index(3, 5)) is None
    columns = tiles.model().columnCount()
    assert tiles.verticalScrollBar().isVisible()
    assert columns * tiles.columnWidth(0) <= tiles.viewport().width()


def test_the_place_of_the_chosen_picture_is_kept_when_cases_go(view) -> None:
    source = Source(10)
    view.set_source(source)
    view._as_pictures.click()
    view._tiles.choose(5)
    del source.rows[2]
    view.refresh()
    assert view._tiles.chosen() == "c6" and view.where()[1] == 5
    del source.rows[3:]
    view.refresh()
    assert view._tiles.chosen_place() == 2
