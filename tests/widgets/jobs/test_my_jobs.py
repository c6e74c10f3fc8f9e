from __future__ import annotations

import gc
import weakref
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QColor, QHelpEvent
from qtpy.QtWidgets import QApplication, QPushButton, QToolTip

from napari_annotate_jobs.model import (
    COLORS,
    Counts,
    Job,
    JobKind,
    JobSummary,
    Label,
    LabelSet,
    Method,
    News,
    Project,
    ReviewCounts,
)
from napari_annotate_jobs.widgets.jobs._cards import (
    begin_text,
    due_text,
    is_late,
    is_new,
    owners_text,
)
from napari_annotate_jobs.widgets.jobs._my_jobs import MyJobsView
from napari_annotate_jobs.widgets.jobs._paint import percent
from napari_annotate_jobs.widgets.parts._theme import Colors, paint_in

if TYPE_CHECKING:
    from collections.abc import Callable

TODAY = date(2025, 3, 14)


def make(
    name: str,
    *methods: Method,
    due: date | None = None,
    counts: tuple[int, int, int] = (3, 1, 0),
    day: int = 1,
    kind: JobKind = JobKind.ANNOTATION,
) -> JobSummary:
    methods = methods or (Method.CLASSIFICATION,)
    labels = tuple(
        Label(id=n, name=f"thing {n}", color=COLORS[n], method=method)
        for n, method in enumerate(methods, 1)
    )
    job = Job(
        id=f"id-{name}",
        project=Project(name=name, methods=methods, label_set=LabelSet(labels=labels)),
        kind=kind,
        published=datetime(2025, 3, day, 12, tzinfo=UTC),
        due=due,
    )
    remaining, finished, returned = counts
    return JobSummary(
        job=job,
        counts=Counts(remaining=remaining, finished=finished, returned=returned),
        location=f"/jobs/{name}",
    )


CHEST = make("Chest", due=TODAY + timedelta(6), day=2, counts=(12, 8, 1))
LEGS = make("Legs", Method.DETECTION, due=TODAY - timedelta(2), day=3, counts=(9, 0, 0))
BRAIN = make("Brain", *Method, day=4, counts=(0, 40, 0))
REVIEW = make("Zeta", Method.SEGMENTATION, kind=JobKind.REVIEW, day=5)
JOBS = [CHEST, LEGS, BRAIN, REVIEW]


@pytest.fixture
def view(qtbot) -> MyJobsView:
    made = MyJobsView(today=lambda: TODAY)
    qtbot.addWidget(made)
    made.resize(340, 700)
    made.show()
    qtbot.waitExposed(made)
    made.set_jobs(JOBS)
    return made


def names(view: MyJobsView) -> list[str]:
    model = view._cards.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def center(view: MyJobsView, name: str) -> QPoint:
    index = view._cards.model().index(names(view).index(name), 0)
    return view._cards.visualRect(index).center()


def press_button(view: MyJobsView, text: str, qtbot) -> None:
    found = [
        button
        for button in view.findChildren(QPushButton)
        if button.text().replace("&", "").startswith(text) and button.isVisible()
    ]
    assert len(found) == 1
    qtbot.mouseClick(found[0], Qt.MouseButton.LeftButton)


def test_the_card_of_a_review_job_tells_what_waits(view) -> None:
    reviews = ReviewCounts(waiting=7, passed=12, returned=1)
    view.set_jobs([CHEST, REVIEW.model_copy(update={"reviews": reviews})])
    model = view._cards.model()
    index = model.index(names(view).index("Zeta"), 0)
    text = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "7 waiting · 12 passed · 1 returned" in text
    view._order.setCurrentText("Most left")
    assert names(view) == ["Chest", "Zeta"]  # 13 cases left before 7 that wait
    view.set_jobs(
        [CHEST, REVIEW.model_copy(update={"reviews": ReviewCounts(waiting=50)})]
    )
    assert names(view) == ["Zeta", "Chest"]


# --- order, search and filter ------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Due first", ["Legs", "Chest", "Zeta", "Brain"]),
        ("Newest", ["Zeta", "Brain", "Legs", "Chest"]),
        ("Name", ["Brain", "Chest", "Legs", "Zeta"]),
        ("Most left", ["Chest", "Legs", "Zeta", "Brain"]),
    ],
)
def test_order(view, order, expected) -> None:
    view._order.setCurrentText(order)
    assert names(view) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("leg", ["Legs"]),
        ("DETEC", ["Legs", "Brain"]),
        ("review", ["Zeta"]),
        ("brain segm", ["Brain"]),
        ("brain review", []),
    ],
)
def test_search(view, qtbot, text, expected) -> None:
    qtbot.keyClicks(view._search, text)
    assert names(view) == expected


def test_keys_lead_from_the_search_to_what_was_found(view, qtbot) -> None:
    asked = []
    view.begin_requested.connect(lambda summary: asked.append(summary.job.project.name))
    qtbot.keyClicks(view._search, "chest")
    qtbot.keyClick(view._search, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert asked == ["Chest"]
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    view._search.setFocus()
    qtbot.waitUntil(view._search.hasFocus)
    qtbot.keyClick(view._search, Qt.Key.Key_Down)
    assert view.focusWidget() is view._cards


@pytest.mark.parametrize(
    ("button", "expected"),
    [
        ("All 4", ["Legs", "Chest", "Zeta", "Brain"]),
        ("Left 3", ["Legs", "Chest", "Zeta"]),
        ("Finished 1", ["Brain"]),
    ],
)
def test_filter(view, qtbot, button, expected) -> None:
    press_button(view, button, qtbot)
    assert names(view) == expected


def test_nothing_found_offers_all(view, qtbot) -> None:
    qtbot.keyClicks(view._search, "nowhere")
    assert view._headline.text() == "No job matches"
    press_button(view, "Show all jobs", qtbot)
    assert len(names(view)) == len(JOBS)
    assert view._search.text() == ""


# --- what the user asks for --------------------------------------------------------


def test_one_line_tells_how_far_all_jobs_are(view) -> None:
    assert view._sum.text() == "49 of 74 cases finished · 25 left"
    view.set_jobs([CHEST])
    assert view._sum.isHidden()  # its card says it
    view.set_jobs([CHEST, LEGS])
    assert view._sum.text() == "8 of 30 cases finished · 22 left"
    assert not view._sum.isHidden()


def test_double_click_opens(view, qtbot) -> None:
    at = center(view, "Chest")
    qtbot.mouseClick(view._cards.viewport(), Qt.MouseButton.LeftButton, pos=at)
    with qtbot.waitSignal(view.job_requested) as asked:
        qtbot.mouseDClick(view._cards.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert asked.args == [CHEST]


def test_keys_open(view, qtbot) -> None:
    qtbot.keyClicks(view._search, "chest")
    qtbot.keyClick(view._search, Qt.Key.Key_Return)
    assert view.focusWidget() is view._cards
    with qtbot.waitSignal(view.job_requested) as asked:
        qtbot.keyClick(view._cards, Qt.Key.Key_Return)
    assert asked.args == [CHEST]


def test_arrows_choose(view, qtbot) -> None:
    assert view.selected() == LEGS
    qtbot.keyClick(view._cards, Qt.Key.Key_Down)
    with qtbot.waitSignal(view.job_requested) as asked:
        qtbot.mouseClick(view._open, Qt.MouseButton.LeftButton)
    assert asked.args == [CHEST]


def test_delete_asks_to_forget(view, qtbot) -> None:
    with qtbot.waitSignal(view.forget_requested) as asked:
        qtbot.keyClick(view._cards, Qt.Key.Key_Delete)
    assert asked.args == [LEGS]


def test_menu(view, qtbot) -> None:
    at = center(view, "Zeta")
    view._cards.setCurrentIndex(view._cards.indexAt(at))
    menu = view._make_menu(view._cards.indexAt(at))
    actions = {action.text(): action for action in menu.actions()}
    with qtbot.waitSignal(view.job_requested) as asked:
        actions["Open"].trigger()
    assert asked.args == [REVIEW]
    with qtbot.waitSignal(view.forget_requested) as asked:
        actions["Take off this list (its files stay)"].trigger()
    assert asked.args == [REVIEW]
    assert view._make_menu(view._cards.indexAt(QPoint(5, 690))) is None


def test_refresh_by_key_and_button(view, qtbot) -> None:
    with qtbot.waitSignal(view.refresh_requested):
        qtbot.keyClick(view._cards, Qt.Key.Key_F5)
    with qtbot.waitSignal(view.refresh_requested):
        press_button(view, "Refresh", qtbot)
    view.set_busy(True)
    with qtbot.assertNotEmitted(view.refresh_requested):
        qtbot.keyClick(view._cards, Qt.Key.Key_F5)


def test_empty_says_what_to_do(view, qtbot) -> None:
    view.set_jobs([])
    assert "No jobs yet" in view._headline.text()
    assert "demo" in view._hint.text()
    assert not view._search.isVisible()
    with qtbot.waitSignal(view.open_folder_requested):
        press_button(view, "Open a job folder", qtbot)
    with qtbot.waitSignal(view.demo_requested):
        press_button(view, "Try the demo", qtbot)
    view.set_busy(True)
    assert "Reading" in view._headline.text()
    assert not view._empty_open.isVisible()


def test_folder_can_be_opened_beside_jobs(view, qtbot) -> None:
    with qtbot.waitSignal(view.open_folder_requested):
        press_button(view, "Open a job folder", qtbot)


# --- setters ----------------------------------------------------------------------


def test_setters_are_silent_and_keep_the_choice(view, qtbot) -> None:
    view._cards.setCurrentIndex(view._cards.model().index(2, 0))
    assert view.selected() == REVIEW
    signals = [
        view.job_requested,
        view.refresh_requested,
        view.forget_requested,
        view.demo_requested,
    ]
    asked: list[object] = []
    for signal in signals:
        signal.connect(lambda *args: asked.append(args))
    done = REVIEW.model_copy(update={"counts": Counts(remaining=2, finished=2)})
    view.set_jobs([done, CHEST, make("Alpha", due=TODAY)])
    view.set_busy(True)
    view.set_busy(False)
    view.set_error("Oh")
    paint_in(view, Colors.light())
    assert view.selected() == done
    assert asked == []


def test_error_is_shown_and_hidden(view) -> None:
    view.set_error("/mnt/x: cannot be reached. Connect to the network.")
    assert view._error.isVisible()
    assert "cannot be reached" in view._error.text()
    view.set_error("")
    assert not view._error.isVisible()


# --- what a card says --------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "left", "text", "late"),
    [
        (0, 1, "due today", False),
        (1, 1, "due tomorrow", False),
        (6, 1, "due in 6 days", False),
        (13, 1, "due in 13 days", False),
        (14, 1, "due 28 Mar 2025", False),
        (-1, 1, "due 13 Mar 2025", True),
        (-1, 0, "due 13 Mar 2025", False),
        (0, 0, "due 14 Mar 2025", False),
    ],
)
def test_due(qapp, days, left, text, late) -> None:
    summary = make("x", due=TODAY + timedelta(days), counts=(left, 1, 0))
    assert due_text(summary, TODAY) == text
    assert is_late(summary, TODAY) is late


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0, "0 %"),
        (0.0001, "<1 %"),
        (0.29, "29 %"),
        (0.999, "99 %"),
        (1, "100 %"),
    ],
)
def test_percent(part, text) -> None:
    assert percent(part) == text


def test_accessible_text(view) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    index = view._cards.model().index(0, 0)
    assert index.data(role) == (
        "Legs · annotation · detection · published 3 Mar 2025 · late · "
        "due 12 Mar 2025 · 0 % finished · 9 left · 0 finished"
    )
    assert "1 returned" in view._cards.model().index(1, 0).data(role)


def red_pixels(view: MyJobsView, name: str, colors: Colors) -> int:
    index = view._cards.model().index(names(view).index(name), 0)
    image = view._cards.viewport().grab(view._cards.visualRect(index)).toImage()
    wanted = QColor(colors.error).rgb()
    return sum(
        image.pixel(x, y) == wanted
        for x in range(image.width())
        for y in range(image.height())
    )


@pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()], ids=str)
def test_late_is_painted_in_the_error_colour(view, colors) -> None:
    paint_in(view, colors)
    view._cards.setCurrentIndex(view._cards.model().index(2, 0))
    assert red_pixels(view, "Legs", colors) > 50
    assert red_pixels(view, "Chest", colors) == 0


def test_tool_tips(view, qtbot) -> None:
    index = view._cards.model().index(names(view).index("Brain"), 0)
    rect = view._cards.visualRect(index)
    at = view._delegate._layout(rect, BRAIN)
    tip = view._delegate.tool_tip(at.methods[1].center(), rect, index)
    assert tip == "Detection: thing 2"
    assert view._delegate.tool_tip(at.badge.center(), rect, index) == "Annotation job"
    assert "/jobs/Brain" in view._delegate.tool_tip(at.name.center(), rect, index)
    place = at.methods[0].center()
    event = QHelpEvent(
        QEvent.Type.ToolTip, place, view._cards.viewport().mapToGlobal(place)
    )
    QApplication.sendEvent(view._cards.viewport(), event)
    assert QToolTip.text() == "Classification: thing 1"
    QToolTip.hideText()


@pytest.mark.parametrize("is_new", [False, True])
def test_parts_of_a_card_do_not_overlap(view, is_new) -> None:
    if is_new:
        news = News(returned=2000, comments=1000, more=True)
        view.set_news({(CHEST.location, CHEST.job.id): news})
    view.resize(290, 700)
    for row, name in enumerate(names(view)):
        summary = view._model.summary(row)
        at = view._delegate._layout(
            view._cards.visualRect(view._model.index(row)), summary
        )
        parts = [at.name, at.late, *at.methods, at.words, at.badge, at.dates]
        parts += [at.bar, at.percent, at.counts, *at.pictures, at.button, at.owner]
        parts.append(at.news)
        parts = [part for part in parts if not part.isEmpty()]
        for n, part in enumerate(parts):
            assert at.card.contains(part), name
            assert not any(part.intersects(other) for other in parts[n + 1 :]), name


def test_new_is_what_came_and_was_not_begun(qapp) -> None:
    assert is_new(make("x", day=8, counts=(3, 0, 0)), TODAY)
    assert not is_new(make("x", day=7, counts=(3, 0, 0)), TODAY)
    assert not is_new(make("x", day=14, counts=(3, 0, 1)), TODAY)
    assert not is_new(make("x", day=14, counts=(3, 1, 0)), TODAY)
    assert not is_new(make("x", day=14, counts=(0, 0, 0)), TODAY)


def test_start_and_owner_are_told(qapp) -> None:
    job = make("x").job
    assert begin_text(job, TODAY) == "published 1 Mar 2025"
    late = job.model_copy(update={"start": TODAY + timedelta(2), "owners": ("Ana",)})
    assert begin_text(late, TODAY) == "starts 16 Mar 2025"
    early = late.model_copy(update={"start": TODAY, "owners": ("Ana", "Bo")})
    assert begin_text(early, TODAY) == "since 14 Mar 2025"
    assert [owners_text(j) for j in (job, late, early)] == [
        "",
        "owner Ana",
        "owner Ana +1",
    ]


# --- pictures and the button --------------------------------------------------------


def color_at(view: MyJobsView, summary: JobSummary) -> tuple[str, ...]:
    """Return the colours in the middle of the pictures of a card."""
    index = view._model.index(view._model.row_of(summary))
    at = view._delegate._layout(view._cards.visualRect(index), summary)
    image = view._cards.viewport().grab().toImage()
    return tuple(image.pixelColor(r.center()).name() for r in at.pictures)


def colored(*values: int) -> list[np.ndarray]:
    return [np.full((8, 8, 3), value, np.uint8) for value in values]


def test_pictures_come_one_job_after_the_other(view) -> None:
    asked: list[tuple[str, Callable]] = []
    view.pictures.set_source(lambda job, reply: asked.append((job.job.name, reply)))
    assert [name for name, _ in asked] == ["Legs"]
    frames = color_at(view, LEGS)
    asked[0][1](colored(10, 20, 30))
    assert [name for name, _ in asked] == ["Legs", "Chest"]
    assert color_at(view, LEGS) == ("#0a0a0a", "#141414", "#1e1e1e") != frames
    assert color_at(view, CHEST) == frames, "no picture of another job's cases"
    asked[0][1](colored(99, 99, 99))  # a second answer to what was answered
    assert color_at(view, LEGS)[0] == "#0a0a0a"
    asked[1][1](())
    assert "#0a0a0a" not in color_at(view, CHEST)


def test_pictures_are_drawn_anew_where_something_changed(view) -> None:
    asked: list[tuple[str, Callable]] = []
    view.pictures.set_source(lambda job, reply: asked.append((job.job.name, reply)))
    while asked:
        asked.pop()[1](colored(10, 10, 10))
    view.set_jobs(JOBS)
    assert not asked
    legs = LEGS.model_copy(update={"counts": Counts(remaining=8, finished=1)})
    view.set_jobs([CHEST, legs])
    assert [name for name, _ in asked] == ["Legs"]
    assert color_at(view, legs)[0] == "#0a0a0a", "shown as they were meanwhile"
    asked.pop()[1](colored(50, 50, 50))
    assert color_at(view, legs)[0] == "#323232"
    view.pictures.drop(CHEST.job.id)
    view.set_jobs([CHEST, legs])
    assert [name for name, _ in asked] == ["Chest"]


def test_only_what_is_seen_is_drawn(view) -> None:
    asked: list[str] = []

    def draw(job, reply):
        asked.append(job.job.name)
        reply(colored(1))

    view.pictures.set_source(draw)
    asked.clear()
    jobs = [make(f"job {n:03}", due=TODAY) for n in range(300)]
    view.set_jobs(jobs)
    assert 1 < len(asked) < 12
    view._cards.scrollToBottom()
    assert "job 299" in asked and len(asked) < 24
    view.hide()
    asked.clear()
    view._cards.scrollToTop()
    view.set_jobs([make("hidden")])
    assert not asked
    view.show()
    assert asked == ["hidden"]


def press(view: MyJobsView, summary: JobSummary, *, button: bool) -> QPoint:
    index = view._model.index(view._model.row_of(summary))
    at = view._delegate._layout(view._cards.visualRect(index), summary)
    return (at.button if button else at.name).center()


def test_annotate_on_the_card_begins_at_once(view, qtbot) -> None:
    begun, opened = [], []
    view.begin_requested.connect(begun.append)
    view.job_requested.connect(opened.append)
    port, left = view._cards.viewport(), Qt.MouseButton.LeftButton
    qtbot.mouseClick(port, left, pos=press(view, LEGS, button=False))
    assert not begun
    place = press(view, CHEST, button=True)
    qtbot.mouseClick(port, left, pos=place)
    qtbot.mouseDClick(port, left, pos=place)
    assert begun == [CHEST] and not opened
    qtbot.mousePress(port, left, pos=place)
    qtbot.mouseRelease(port, left, pos=press(view, LEGS, button=True))
    assert begun == [CHEST]
    view._cards.setFocus()
    qtbot.keyClick(view._cards, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(begun) == 2 and not opened


def test_what_is_new_stands_on_its_card_and_leads_to_the_cases(view, qtbot) -> None:
    asked, opened = [], []
    view.news_requested.connect(asked.append)
    view.job_requested.connect(opened.append)
    assert "show_news" not in view.by_id()
    height = view._delegate.sizeHint(None, view._model.index(0)).height()
    place = press(view, CHEST, button=False)
    qtbot.mouseClick(view._cards.viewport(), Qt.MouseButton.LeftButton, pos=place)
    news = News(returned=2, comments=1, cases=(("a", None), ("b", None), ("c", None)))
    view.set_news({(CHEST.location, CHEST.job.id): news})
    assert view.selected() == CHEST
    index = view._model.index(view._model.row_of(CHEST))
    said = "2 returned, 1 new comment since your last visit"
    assert said in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert view._delegate.sizeHint(None, index).height() > height
    rect = view._cards.visualRect(index)
    at = view._delegate._layout(rect, CHEST)
    assert view._delegate.tool_tip(at.news.center(), rect, index).startswith(said)
    port, left = view._cards.viewport(), Qt.MouseButton.LeftButton
    qtbot.mouseClick(port, left, pos=at.news.center())
    assert asked == [CHEST] and not opened
    view.by_id()["show_news"]()
    menu = view._make_menu(index)
    (entry,) = (a for a in menu.actions() if a.text() == "List what is new")
    entry.trigger()
    menu.deleteLater()
    assert asked == [CHEST] * 3
    other = view._model.index(view._model.row_of(LEGS))
    other_at = view._delegate._layout(view._cards.visualRect(other), LEGS)
    assert other_at.news.width() <= 0
    view.set_news({})
    assert "show_news" not in view.by_id()
    assert view._delegate.sizeHint(None, view._model.index(0)).height() == height


def test_nothing_left_has_no_button(view) -> None:
    done = make("done", counts=(0, 3, 0))
    view.set_jobs([done])
    index = view._model.index(0)
    at = view._delegate._layout(view._cards.visualRect(index), done)
    assert at.button.isEmpty()
    assert not view._delegate.is_button(
        at.owner.center(), view._cards.visualRect(index), done
    )


# --- size and lifetime --------------------------------------------------------------


def test_fits_a_narrow_dock(view) -> None:
    assert view.minimumSizeHint().width() <= 300
    view.set_jobs([])
    assert view.minimumSizeHint().width() <= 300


def test_many_jobs_are_measured_once(view, monkeypatch) -> None:
    asked: list[int] = []
    hint = type(view._delegate).sizeHint
    monkeypatch.setattr(
        type(view._delegate),
        "sizeHint",
        lambda self, option, index: (
            asked.append(index.row()) or hint(self, option, index)
        ),
    )
    view.set_jobs([make(f"job {n}", due=TODAY) for n in range(200)])
    view.grab()
    assert len(names(view)) == 200
    assert len(asked) < 20


def test_dies_when_deleted(qtbot) -> None:
    view = MyJobsView(today=lambda: TODAY)
    view.set_jobs(JOBS)
    alive = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    del view
    gc.collect()
    assert alive() is None
