"""One reviewer at work: the list, what changed, verdicts, and taking them back."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.errors import (
    JudgedError,
    LockedError,
    RoleError,
    StoreAccessError,
    TransitionError,
)
from napari_annotate_jobs.metrics import Agreement
from napari_annotate_jobs.model import (
    AnnotationChange,
    Comment,
    ReviewStatus,
    SliceAnnotation,
    Status,
    Verb,
    mask_ref,
)
from napari_annotate_jobs.session import (
    AnnotationSession,
    FrozenStore,
    Recovery,
    ReviewFilter,
    ReviewSession,
    SaveKind,
    SynchronousExecutor,
)

WAITING, PASSED, FAILED, RETURNED, _ = ReviewStatus


class Reviewing:
    """A reviewer's session, and all that it said."""

    def __init__(self, desk, person="eve", executor=None):
        self.store = desk.other(person)
        self.session = ReviewSession(self.store, "job", executor=executor)
        self.told, self.failed, self.counts, self.compared = [], [], [], []
        self.session.told.connect(self.told.append)
        self.session.failed.connect(self.failed.append)
        self.session.counts_changed.connect(self.counts.append)
        self.session.compared.connect(self.compared.append)

    @property
    def here(self):
        return self.session.case and self.session.case.key


def submit(store, case, *slices, **fields):
    draft = store.load("job", case)
    ids = store.open_series("job", case).header.slices
    change = AnnotationChange(slices={ids[s.index].key: s for s in slices}, **fields)
    blobs = getattr(submit, "blobs", {})
    base = store.save("job", case, change, blobs, base=draft.annotation.revision)
    return store.submit("job", case, base=base)


def labelled(index=0, *labels):
    return SliceAnnotation(index=index, class_labels=labels or (1,))


@pytest.fixture
def waiting(desk):
    for case in ("one", "two", "three"):
        submit(desk.store, case, labelled())
    return desk


@pytest.fixture
def review(waiting):
    return Reviewing(waiting)


def test_a_case_is_judged_and_the_next_one_opens(review):
    session = review.session
    session.open_first()
    assert review.here == ("one", "ana")
    session.pass_case()
    assert review.here == ("two", "ana")
    session.fail("blurred")
    assert review.here == ("three", "ana")
    session.return_case("once more")
    assert review.here == ("three", "ana")  # none is left to go to
    assert review.told[-1] == "No case waits to be reviewed."
    counts = session.counts()
    assert (counts.passed, counts.failed, counts.returned) == (1, 1, 1)
    assert review.counts[-1] == counts
    assert session.rows(ReviewFilter(status=FAILED)).rows[0].comment == "blurred"
    assert not review.failed


def test_a_verdict_is_undone_until_the_next_one(review):
    session = review.session
    session.open_first()
    assert not session.can_undo
    session.pass_case()
    assert session.undo_text == "Undo passed"
    session.undo()
    assert review.here == ("one", "ana")
    assert session.counts().waiting == 3
    assert not session.can_undo
    session.pass_case()
    session.fail("blurred")
    session.undo()  # of the last one only
    assert review.here == ("two", "ana")
    session.undo()
    counts = session.counts()
    assert (counts.passed, counts.waiting) == (1, 2)
    session.pass_case()
    session.open("one", "ana")  # by hand: that is settled
    assert not session.can_undo


def test_a_verdict_that_cannot_be_undone_any_more_is_told_and_counted(review):
    session = review.session
    session.open_first()
    session.pass_case()
    review.store.judge("job", "one", Verb.WITHDRAW, person="ana")  # meanwhile
    review.counts.clear()
    session.undo()
    assert len(review.failed) == 1
    assert [counts.waiting for counts in review.counts] == [3]
    assert not session.can_undo


def test_a_case_that_cannot_be_opened_ends_the_opening(review, monkeypatch):
    session, busy = review.session, []
    session.busy.connect(busy.append)

    def fail(*args, **kwargs):
        raise StoreAccessError("the share is gone")

    monkeypatch.setattr(session, "_load", fail)
    session.open_first()
    assert [str(error) for error in review.failed] == ["the share is gone."]
    assert len(busy) == 2
    assert session.doing == busy[-1] != busy[0]
    monkeypatch.undo()
    session.open_first()
    assert review.here == ("one", "ana")


def test_what_needs_words_says_so_and_nothing_happens(review):
    session = review.session
    session.open_first()
    session.return_case("  ")
    session.fail("")
    assert [type(e) for e in review.failed] == [TransitionError, TransitionError]
    assert review.here == ("one", "ana")
    assert session.counts().waiting == 3
    session.case.discussion.say("here", slice_key="1.2.3", index=3)
    session.return_case()
    assert session.counts().returned == 1


def test_whoever_comes_second_is_told_and_can_go_on(waiting, review):
    session = review.session
    session.open_first()
    waiting.other("eric").judge("job", "one", Verb.PASS, person="ana")
    session.fail("blurred")
    assert isinstance(review.failed[0], JudgedError)
    assert "eric has passed it already" in str(review.failed[0])
    assert review.counts[-1].passed == 1
    session.go(1)
    assert review.here == ("two", "ana")
    session.go(-1)
    assert session.case.row.status is PASSED


def test_what_was_submitted_again_since_is_not_judged_unseen(waiting, review):
    session = review.session
    session.open_first()
    waiting.store.reopen("job", "one")
    submit(waiting.store, "one", labelled(1))
    session.pass_case()
    assert "submitted the case again" in str(review.failed[0])
    session.open("one", "ana")
    assert session.case.row.revised
    assert [e.what for e in session.case.history] == [
        "submitted",
        "reopened",
        "submitted",
    ]


def test_all_of_a_filter_pass_and_are_undone(waiting, review):
    submit(review.store, "one", labelled())  # eve's own
    submit(waiting.other("ben"), "two", labelled())
    session = review.session
    assert session.count_waiting() == 4
    assert session.count_waiting(ReviewFilter(text="T")) == 3
    assert session.count_waiting(ReviewFilter(person="ben")) == 1
    found, seen = [], []
    session.passed_all.connect(found.append)
    session.pass_all(ReviewFilter(text="t"), progress=lambda *at: seen.append(at))
    assert [(r.case.id, r.person) for r in found[0].passed] == [
        ("two", "ana"),
        ("two", "ben"),
        ("three", "ana"),
    ]
    assert seen[-1] == (3, 3)
    assert session.undo_text == "Undo passed (3 cases)"
    session.undo()
    assert session.counts().waiting == 5


def test_passing_all_is_stopped_and_tells_what_it_could_not(waiting, review):
    session = review.session
    found, n = [], iter(range(9))
    session.passed_all.connect(found.append)

    def others(done, total):
        if done == 1:
            waiting.other("eric").judge("job", "two", Verb.PASS, person="ana")

    session.pass_all(progress=others, cancelled=lambda: next(n) == 2)
    assert [row.case.id for row in found[0].passed] == ["one"]
    assert found[0].text.startswith("1 case passed. 1 did not: Two: eric has passed")
    assert session.counts().waiting == 1


def test_what_came_too_late_is_dropped(waiting, slow):
    review = Reviewing(waiting, executor=slow)
    review.session.open("one", "ana")
    review.session.open("two", "ana")
    slow.drain()
    assert review.here == ("two", "ana")
    review.session.open("three", "ana")
    review.session.close_case()
    slow.drain()
    assert review.here is None


@pytest.mark.parametrize(
    ("steps", "case"),
    [((1, 1), "three"), ((1, 1, 1, 1), "three"), ((1, 1, -1), "two"), ((1, -1), "one")],
)
def test_steps_are_counted_from_the_case_that_is_being_opened(
    waiting, slow, steps, case
):
    """And none between is opened."""
    review = Reviewing(waiting, executor=slow)
    review.session.open("one", "ana")
    slow.drain()
    seen, busy = [], []
    review.session.opened.connect(lambda opened: seen.append(opened.key[0]))
    review.session.busy.connect(busy.append)
    for step in steps:
        review.session.go(step)
    slow.drain()
    assert review.here == (case, "ana")
    assert seen == ([] if case == "one" else [case])
    assert busy[-1] == ""
    review.session.go(-1)  # what was asked for before does not count any more
    slow.drain()
    assert review.here[0] == {"one": "one", "two": "one", "three": "two"}[case]


# ------------------------------------------------------------------- what changed
def painted(rows, label=6, index=2):
    import numpy as np

    mask = np.zeros((6, 7), np.uint16)
    mask[rows] = label
    ref, data = mask_ref(mask)
    submit.blobs = {**getattr(submit, "blobs", {}), ref.digest: data}
    return SliceAnnotation(index=index, masks={"": ref})


def test_what_changed_since_the_former_submission(desk):
    submit(desk.store, "one", labelled(0), labelled(1), painted(slice(0, 2)))
    review = Reviewing(desk)
    session = review.session
    session.open_first()
    with pytest.raises(TransitionError, match="no former submission"):
        session.compare()
    session.return_case("more")
    submit(desk.store, "one", labelled(1, 3), painted(slice(0, 3)), labelled(5))
    session.open("one", "ana")
    session.compare()
    (found,) = review.compared
    assert {i: s.agreement for i, s in found.slices.items()} == {
        0: Agreement.AGREE,
        1: Agreement.DIFFER,
        2: Agreement.DIFFER,
        5: Agreement.ONLY_FIRST,
    }
    assert [s.index for s in found.worst()] == [1, 5, 2]
    texts = [found.text(s) for s in found.worst()]
    assert texts == [
        "only ana: bad · only submission 1: lesion",
        "only ana: lesion",
        "liver Dice 0.80, 0.5 mm",
    ]
    assert found.next_difference(2) == 5
    assert found.next_difference(5) == 1
    assert found.next_difference(1, -1) == 5
    assert found.agreement(7) is None


def test_two_annotators_side_by_side(desk):
    submit(desk.store, "one", painted(slice(0, 5)), case_labels=(4,))
    submit(desk.other("ben"), "one", painted(slice(0, 5)), case_labels=(9,))
    submit(desk.other("cara"), "one", painted(slice(0, 4)))
    review = Reviewing(desk)
    review.session.open("one", "ben")
    case = review.session.case
    assert case.people == ("ben", "ana", "cara")
    assert case.view("cara").annotation.person == "cara"
    assert case.view() is case.view("ben")
    review.session.compare("ana")
    review.session.compare("cara")
    ana, cara = review.compared
    assert (ana.case_first, ana.case_second) == (("right",), ("left",))
    assert not ana.worst()
    # Two readers never draw the same line: 0.89 is not enough, though.
    assert [s.masks[0].dice for s in cara.worst()] == [pytest.approx(8 / 9)]


# -------------------------------------------------------------- correct and pass
def test_a_copy_is_corrected_and_passes(waiting, review):
    session = review.session
    session.open_first()
    sent = session.case.submission
    copy = session.begin_correction()
    editing = AnnotationSession(copy, "job", executor=SynchronousExecutor())
    editing.open_next = False
    editing.open_case("one")
    assert editing.editor.annotation.slices == sent.annotation.slices
    editing.editor.set_class([3], 1, True)
    editing.submit()
    session.corrected()
    verdict = waiting.store.load("job", "one").verdict
    assert verdict.outcome == "passed"
    (mine,) = waiting.store.submissions("job", "one", person="eve", of="ana")
    assert verdict.correction.digest == mine.digest
    assert len(mine.annotation.slices) == 2
    assert list(waiting.store.submissions("job", "one")) == [sent]
    assert review.told[-1] == "One was corrected and passed."
    assert review.here == ("two", "ana")
    session.undo()
    assert waiting.store.load("job", "one").review is WAITING


def test_what_is_shown_of_a_submission_is_its_copy_while_one_is_corrected(
    waiting, review
):
    review.session.open_first()
    frozen = FrozenStore(review.store)
    frozen.hold(review.session.case)
    sent = review.session.case.submission
    change = AnnotationChange(slices=sent.annotation.slices)
    for write in (
        lambda: frozen.save("job", "one", change, {}, base=1),
        lambda: frozen.submit("job", "one", base=1),
    ):
        with pytest.raises(LockedError, match="what ana submitted"):
            write()
    assert frozen.load("job", "one").annotation == sent.annotation
    assert frozen.case("job", "one").status is Status.FINISHED
    assert list(frozen.submissions("job", "one")) == [sent]

    frozen.correct(review.session.begin_correction())
    begun = frozen.load("job", "one")
    assert begun.annotation.slices == sent.annotation.slices
    base = frozen.save("job", "one", change, {}, base=begun.annotation.revision)
    assert list(frozen.submissions("job", "one")) == []
    mine = frozen.submit("job", "one", base=base)
    assert mine.author == "eve"
    assert list(frozen.submissions("job", "one")) == [mine]
    frozen.correct(None)
    assert list(frozen.submissions("job", "one")) == [sent]
    assert frozen.load("job", "one").annotation == sent.annotation


def test_what_cannot_be_saved_of_a_copy_is_kept_apart_and_found_again(
    waiting, review, tmp_path, monkeypatch
):
    recovery = Recovery(tmp_path / "unsaved")

    def edit(store):
        made = AnnotationSession(
            store, "job", executor=SynchronousExecutor(), recovery=recovery
        )
        made.open_next = False
        made.open_case("one")
        return made

    review.session.open_first()
    copy = review.session.begin_correction()
    editing = edit(copy)
    with monkeypatch.context() as patch:

        def fail(*_, **__):
            raise StoreAccessError("the disk is full")

        patch.setattr(copy.wrapped, "save", fail)
        editing.editor.set_class([3], 1, True)
        assert editing.saving.state.kept
        editing.close_case()
    # The reviewer's own annotation of the case is another one.
    own = edit(copy.wrapped)
    assert not own.editor.annotation.slices
    own.close_case()
    again = edit(review.session.begin_correction())
    assert again.editor.content(3).class_labels == (1,)
    assert again.saving.state.kind is SaveKind.SAVED


def test_a_copy_that_was_begun_is_gone_on_with(waiting, review):
    session = review.session
    session.open_first()
    copy = session.begin_correction()
    key = copy.open_series("job", "one").header.slices[4].key
    change = AnnotationChange(slices={key: labelled(4)})
    base = copy.load("job", "one").annotation.revision
    copy.save("job", "one", change, {}, base=base)
    again = session.begin_correction().load("job", "one").annotation
    assert key in again.slices
    # But not once there is another submission.
    waiting.store.reopen("job", "one")
    submit(waiting.store, "one", labelled(2))
    session.open("one", "ana")
    anew = session.begin_correction().load("job", "one").annotation
    assert key not in anew.slices
    assert anew.corrects.number == 2
    session.pass_case()
    session.open("one", "ana")
    with pytest.raises(JudgedError):
        session.begin_correction()


def test_nobody_reviews_their_own(waiting):
    review = Reviewing(waiting, "ana")
    review.session.open_first()
    assert review.here is None
    review.session.open("one", "ana")  # to look at
    review.session.pass_case()
    assert isinstance(review.failed[0], RoleError)
    assert review.session.count_waiting() == 0
    review.session.pass_all()
    assert review.session.counts().waiting == 3


# ------------------------------------------------------------------------ threads
def test_open_threads_come_one_after_the_other(waiting, review):
    session = review.session
    session.open_first()
    talk = session.case.discussion
    heard = []
    talk.changed.connect(lambda: heard.append(len(talk.threads)))
    talk.say("third", slice_key="1.2.5", index=5, at=(1, 2), label=6)
    talk.say("second", slice_key="1.2.3", index=3)
    talk.say("first")
    assert heard == [1, 2, 3]
    first = talk.next_open()
    assert first.first.text == "first"
    second = talk.next_open(first.id)
    third = talk.next_open(second.id)
    assert [second.first.text, third.first.text] == ["second", "third"]
    assert talk.next_open(third.id) == first
    assert talk.next_open(first.id, -1) == third
    talk.resolve(second.id)
    assert talk.next_open(first.id) == third
    assert [t.first.text for t in talk.open_threads] == ["first", "third"]
    assert [t.first.text for t in talk.at("1.2.3")] == ["second"]
    assert [t.first.text for t in talk.at(None)] == ["first"]
    assert talk.unread == 0


# -------------------------------------------------------------------- the annotator
def test_a_returned_case_opens_at_its_first_open_thread(waiting, review):
    review.session.open_first()
    pins = [
        Comment(person="eve", text=f"{i}", slice_key=f"1.2.{i}", index=i)
        for i in (6, 4)
    ]
    review.session.return_case(comments=pins)
    mine = waiting.session(None)
    mine.open_case("one")
    assert mine.status is Status.RETURNED
    assert mine.slice == 4
    assert [t.first.text for t in mine.discussion.open_threads] == ["4", "6"]
    assert mine.discussion.unread == 2
    mine.discussion.resolve(mine.discussion.open_threads[0].id)
    mine.open_case("one")
    assert mine.slice == 6
    mine.discussion.say("done", thread=pins[0].id, resolved=True)
    mine.discussion.mark_read()
    assert (mine.discussion.unread, mine.discussion.open_threads) == (0, ())


def test_comments_of_the_draft_are_threads_at_once(waiting, review):
    review.session.open_first()
    review.session.return_case("More")
    mine = waiting.session(None)
    mine.open_case("one")
    talk = mine.discussion
    (asked,) = talk.threads
    assert talk.new == {asked.id}
    talk.mark_read()
    assert talk.unread == 0 and talk.new == {asked.id}  # until one goes there
    talk.visit(asked.id)
    assert not talk.new
    mine.editor.add_comment("Here?", 3)
    assert [t.first.text for t in talk.open_threads] == ["More", "Here?"]
    # What only the annotator said is nothing to be settled.
    assert [t.first.text for t in talk.unsettled] == ["More"]
    mine.undo()
    assert [t.first.text for t in talk.threads] == ["More"]
    mine.redo()
    mine.editor.remove_comment(talk.threads[-1].id)
    assert [t.first.text for t in talk.threads] == ["More"]
    assert [e.what for e in mine.rounds] == ["submitted", "returned"]
    mine.editor.set_class([2], 1, True)
    mine.submit()
    assert [e.what for e in mine.rounds] == ["submitted", "returned", "submitted"]


def test_who_submitted_takes_it_back_and_edits_it(desk):
    mine = desk.session("one")
    mine.editor.set_class([2], 1, True)
    mine.submit()
    assert mine.editor.locked
    mine.reopen()
    assert mine.status is Status.REMAINING
    assert not mine.editor.locked
    assert len(mine.editor.annotation.slices) == 1
    mine.editor.set_class([3], 1, True)
    mine.submit()
    assert len(desk.store.submissions("job", "one")) == 2
    assert not desk.failed


def test_what_was_just_submitted_is_taken_back_from_the_next_case(desk):
    mine = desk.session("one")
    mine.open_next = True
    mine.editor.set_class([2], 1, True)
    mine.submit()
    assert mine.case.row.case.id == "two"
    mine.reopen("one")
    assert mine.case.row.case.id == "one"
    assert mine.status is Status.REMAINING
    assert not mine.editor.locked


def test_what_has_a_verdict_stays_where_it_is(waiting):
    waiting.other("eve").judge("job", "one", Verb.PASS, person="ana")
    mine = waiting.session("one")
    mine.reopen()
    assert isinstance(waiting.failed[0], JudgedError)
    assert mine.editor.locked


def test_who_is_no_annotator_can_look_only(tmp_path, desk):
    from napari_annotate_jobs.stores import MemoryStore

    job = desk.store.job("job").model_copy(update={"annotators": ("ben",)})
    store = type(desk.store)(
        [(job, [desk.store.case("job", "one").case])], person="ana"
    )
    assert isinstance(store, MemoryStore)
    session = AnnotationSession(store, "job")
    session.open_case("one")
    assert session.editor.locked
    session.reopen()
    session.close()


def test_a_case_that_is_closed_while_it_opens_leaves_nothing_under_way(waiting, slow):
    review = Reviewing(waiting, executor=slow)
    busy = []
    review.session.busy.connect(busy.append)
    review.session.open("one", "ana")
    assert busy == ["Opening"] and review.session.doing
    review.session.close_case()
    assert busy == ["Opening", ""] and not review.session.doing
    slow.drain()
    assert review.here is None
    assert busy == ["Opening", ""]


def test_passing_all_goes_on_while_a_case_is_opened_and_closed(waiting, slow):
    review = Reviewing(waiting, executor=slow)
    busy = []
    review.session.busy.connect(busy.append)
    review.session.pass_all(ReviewFilter())
    review.session.open("one", "ana")
    review.session.close_case()
    assert busy == ["Passing", "Opening", "Passing"]
    slow.drain()
    assert busy[-1] == ""
    assert len(review.store.reviews("job", status=PASSED).rows) == 3
