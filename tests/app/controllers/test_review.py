"""What a reviewer's requests do, without a window."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import QWidget

from napari_annotate_jobs.app._case_actions import CaseController
from napari_annotate_jobs.app.controllers import ReviewController
from napari_annotate_jobs.errors import LockedError, StoreAccessError
from napari_annotate_jobs.model import (
    COLORS,
    AnnotationChange,
    Case,
    Comment,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    ReviewStatus,
    SeriesRef,
    SliceAnnotation,
    SliceId,
    Verb,
    Window,
)
from napari_annotate_jobs.session import AnnotationSession, FrozenStore, ReviewSession
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.widgets import About, KeyMap, ReviewPanel, Writing

N = 6
LABEL = Label(id=1, name="Lung", color=COLORS[0], method=Method.CLASSIFICATION)


class Store(MemoryStore):
    """Opens cases with slices and no files."""

    def open_series(self, job_id, case_id, series=None):
        header = SimpleNamespace(
            slices=tuple(SliceId(index=i) for i in range(N)),
            shape=(N, 8, 8),
            spacing=(1.0, 1.0, 1.0),
            warnings=(),
            inverted=False,
        )
        window = Window(center=50, width=350)
        return SimpleNamespace(header=header, suggested_windows=lambda: (window,))


def another(store, person):
    """Return the same jobs, as another person opens them."""
    return Store(person=person, name=store.location.partition(":")[2])


def submit(store, case, *indices):
    draft = store.load("job", case)
    keys = store.open_series("job", case).header.slices
    change = AnnotationChange(
        slices={
            keys[i].key: SliceAnnotation(index=i, class_labels=(1,)) for i in indices
        }
    )
    base = store.save("job", case, change, {}, base=draft.annotation.revision)
    store.submit("job", case, base=base)


@pytest.fixture
def store():
    project = Project(
        name="Chest",
        methods=(Method.CLASSIFICATION,),
        label_set=LabelSet(labels=(LABEL,)),
    )
    cases = [Case(id=n, name=n, series=(SeriesRef(path=n),)) for n in ("one", "two")]
    store = Store([(Job(id="job", project=project), cases)], person="ana")
    for case in cases:
        submit(store, case.id, 2)
    return store


class Strip:
    def __init__(self):
        self.cells = {}

    def update_cells(self, cells):
        self.cells |= {cell.index: cell for cell in cells}


@pytest.fixture
def bob(store, qtbot):
    """Bob's panel, with all that he was told."""
    mine = another(store, "bob")
    review, frozen = ReviewSession(mine, "job"), FrozenStore(mine)
    reading = AnnotationSession(frozen, "job")
    window = QWidget()
    panel = ReviewPanel(window, KeyMap())
    qtbot.addWidget(panel)
    told, errors, seen, strip = [], [], [True], Strip()
    controller = ReviewController(
        panel,
        review,
        reading,
        frozen,
        show_error=errors.append,
        tell=told.append,
        strip=strip,
        is_seen=lambda: seen[0],
    )
    review.failed.connect(errors.append)
    review.open_first()
    yield SimpleNamespace(
        panel=panel,
        review=review,
        reading=reading,
        act=controller,
        told=told,
        errors=errors,
        seen=seen,
        strip=strip,
        store=mine,
    )
    assert not errors
    controller.close()
    reading.close()
    review.close()


def statuses(bob):
    return {row.case.id: row.status for row in bob.review.rows().rows}


def test_what_is_submitted_is_seen_and_not_edited(bob):
    assert bob.panel.case_name.text() == "one"
    assert bob.panel.who.text().startswith("ana · ")
    assert bob.panel.who.text().endswith(" · first")
    assert bob.reading.slice == 2  # where something is said
    assert bob.reading.locked
    with pytest.raises(LockedError):
        bob.reading.toggle(LABEL, [0])


def test_a_pass_opens_the_next_case_and_is_undone(bob):
    bob.act.pass_case()
    assert statuses(bob)["one"] is ReviewStatus.PASSED
    assert bob.panel.case_name.text() == "two"
    assert bob.panel.undo.text() == "Undo passed"
    bob.act.undo()
    assert statuses(bob)["one"] is ReviewStatus.WAITING
    assert bob.panel.case_name.text() == "one"
    assert not bob.panel.undo.isEnabled()


def test_what_was_not_looked_at_does_not_pass(bob):
    bob.seen[0] = False
    bob.act.pass_case()
    assert statuses(bob)["one"] is ReviewStatus.WAITING
    assert "only just been opened" in bob.told[0]


def test_what_has_a_verdict_gets_no_other(bob, store):
    another(store, "eve").judge("job", "one", Verb.PASS, person="ana", number=1)
    bob.review.open("one", "ana")
    assert "eve has passed it already" in bob.panel.state.text()
    assert not bob.panel.passes.isEnabled()
    bob.act.fail_case()
    assert bob.panel.mode is Writing.COMMENT
    assert "eve has passed it already" in bob.told[0]
    bob.review.open("two", "ana")
    bob.act.pass_case()
    bob.review.open("two", "ana")
    assert bob.panel.state.text().startswith("You have passed it already")


def test_a_fail_asks_for_its_reason(bob):
    bob.act.fail_case()
    assert bob.panel.mode is Writing.FAIL
    assert statuses(bob)["one"] is ReviewStatus.WAITING
    bob.panel.written.emit("fail", "Blurred", str(About.CASE))
    assert statuses(bob)["one"] is ReviewStatus.FAILED


def written(bob, text):
    bob.panel.line.setText(text)
    bob.panel.line.returnPressed.emit()


def fill_the_disk(monkeypatch, store):
    def full(*_, **__):
        raise StoreAccessError("the disk is full", remedy="Make room")

    monkeypatch.setattr(store, "judge", full)
    monkeypatch.setattr(store, "discuss", full)


@pytest.mark.parametrize("how", ["fail", "return", "comment", "reply"])
def test_words_that_could_not_be_kept_come_back(bob, monkeypatch, how):
    if how == "reply":
        bob.review.case.discussion.say("Look here")
        (thread,) = bob.review.case.discussion.threads
    fill_the_disk(monkeypatch, bob.store)
    if how == "reply":
        bob.panel.reply_requested.emit(thread.id)
    elif how != "comment":
        bob.panel.begin(Writing(how))
    written(bob, "The vessel is missing")
    assert bob.panel.line.text() == "The vessel is missing"
    assert "full" in str(bob.errors.pop())
    bob.panel.begin(Writing.COMMENT)
    bob.act.return_case()  # by the button, with what is written
    assert bob.panel.line.text() == "The vessel is missing"
    bob.errors.clear()


def test_words_belong_to_the_case_they_were_written_of(bob, monkeypatch):
    bob.panel.line.setText("Half a sent")
    bob.act.go(1)
    assert bob.panel.case_name.text() == "two"
    assert bob.panel.line.text() == ""
    fill_the_disk(monkeypatch, bob.store)
    one = bob.review.rows().rows[0].case.id
    bob.review.unsaid.emit((one, "ana"), "The vessel")  # told after it was left
    bob.act.go(-1)
    assert bob.panel.case_name.text() == "one"
    assert bob.panel.line.text() == "The vessel Half a sent"


def test_nothing_that_is_written_is_left_behind_by_a_pass(bob):
    bob.panel.line.setText("Look at slice 4 too")
    bob.act.pass_case()
    assert bob.panel.case_name.text() == "two"
    assert bob.panel.line.text() == ""
    (said,) = bob.store.threads("job", "one", person="ana")
    assert said.first.text == "Look at slice 4 too"


def test_words_wait_while_a_case_is_opened(bob):
    bob.review.busy.emit("Opening")
    written(bob, "The vessel is missing")
    assert bob.panel.line.text() == "The vessel is missing"


def test_a_comment_that_may_not_be_written_now_comes_back():
    given = []
    bench = SimpleNamespace(session=SimpleNamespace(slice=1), act=lambda call: None)
    CaseController(bench, None, None, unsaid=given.append).comment("Blurred", True)
    assert given == ["Blurred"]


def test_a_return_is_pinned_to_the_slice_that_is_seen(bob, store):
    bob.act.go_slice(4)
    bob.act.return_case()
    assert bob.panel.mode is Writing.RETURN
    bob.panel.written.emit("return", "And here?", str(About.SLICE))
    assert statuses(bob)["one"] is ReviewStatus.RETURNED
    (thread,) = store.threads("job", "one")
    assert (thread.first.text, thread.first.index) == ("And here?", 4)


def test_a_return_needs_no_more_words_than_the_comments(bob):
    bob.panel.written.emit("comment", "Too large", str(About.SLICE))
    assert "1 open" in bob.panel.thread_box.head.text()
    bob.act.return_case()
    assert statuses(bob)["one"] is ReviewStatus.RETURNED


def test_threads_are_walked_and_settled(bob):
    for index, text in ((5, "last"), (0, "first")):
        bob.act.go_slice(index)
        bob.panel.written.emit("comment", text, str(About.SLICE))
    seen = []
    for _ in range(3):
        bob.act.threads.next()
        seen.append(bob.reading.slice)
    assert seen == [0, 5, 0]
    for thread in bob.review.case.discussion.threads:
        bob.panel.resolve_requested.emit(thread.id, True)
    assert "0 open" in bob.panel.thread_box.head.text()
    bob.act.threads.next()
    assert bob.told == ["No thread is open."]


def test_a_revised_case_shows_at_once_what_changed(bob, store):
    said = Comment(person="bob", text="More")
    bob.store.judge("job", "one", Verb.RETURN, person="ana", number=1, comments=[said])
    submit(store, "one", 5)
    bob.review.open("one", "ana")
    assert "revised (2)" in bob.panel.who.text()
    assert bob.panel.differences.count() == 1
    assert bob.reading.slice == 5  # it is shown at once
    assert bob.panel.differences.item(0).text().startswith("Slice 6: only ana")
    assert bob.strip.cells[5].text.startswith("Slice 6: only what is reviewed")
    assert bob.strip.cells[2].names == ("agree",)
    bob.act.go_slice(0)
    bob.act.go_difference(1)
    assert bob.reading.slice == 5
    bob.act.toggle_compare()
    assert bob.panel.differences.count() == 0
    assert bob.strip.cells[2].names == ("Lung",)


def test_two_submissions_of_one_case_are_not_mixed_up(bob, store):
    ben = another(store, "ben")
    submit(ben, "one", 0, 1, 3)
    bob.review.open("one", "ben")
    assert bob.panel.who.text().startswith("ben · ")
    assert bob.reading.editor.annotation.person == "ben"
    bob.review.open("one", "ana")
    assert bob.reading.editor.annotation.person == "ana"
    bob.panel.compare_requested.emit(0)
    assert bob.panel.against.currentText() == "Against ben"
    assert bob.panel.differences.count() == 4


def test_what_was_written_with_a_verdict_comes_back_with_undo(bob, store):
    bob.act.go_slice(4)
    bob.panel.written.emit("return", "And here?", str(About.SLICE))
    assert bob.panel.case_name.text() == "two"
    bob.act.undo()
    assert bob.panel.case_name.text() == "one"
    assert bob.panel.line.text() == "And here?"
    assert bob.reading.slice == 4
    assert not store.threads("job", "one")
    assert bob.panel.mode is Writing.RETURN
    bob.act.return_case()  # with the same words, at the same place
    (thread,) = store.threads("job", "one")
    assert (thread.first.text, thread.first.index) == ("And here?", 4)
    assert bob.panel.line.text() == ""
