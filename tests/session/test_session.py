"""A person at work: opening, going on, submitting, coming back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_annotate_jobs.errors import (
    ImagingError,
    LockedError,
    NotFoundError,
    StoreAccessError,
    TransitionError,
    UnreadableImageError,
)
from napari_annotate_jobs.model import (
    Case,
    Comment,
    Decision,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    Status,
)
from napari_annotate_jobs.session import (
    AnnotationSession,
    SaveKind,
    SaveState,
    Work,
    Worker,
    peek_next,
)
from napari_annotate_jobs.stores import FolderStore, MemoryStore, create_job

LESION, LEFT = 1, 4


def here(session):
    return session.case.row.case.id


def heard(session):
    """Return a list that grows with everything that the session says."""
    log = []
    for name in ("opened", "closed", "busy", "status_changed", "counts_changed"):

        def note(*args, name=name):
            log.append((name, *args))

        getattr(session, name).connect(note)
    return log


# -------------------------------------------------------------- opening, going
def test_before_a_case_is_open(desk):
    session = desk.session(None)
    assert not session.is_open
    assert session.locked
    assert session.window is None
    assert session.saving.state.kind is SaveKind.CLEAN
    with pytest.raises(TransitionError, match="no case is open"):
        session.undo()
    session.slice = 3
    assert session.slice == 0
    session.saving.retry()
    session.saving.resolve_conflict(keep_mine=True)
    session.close_case()
    session.close()


def test_open_first_is_the_first_returned_else_remaining(desk):
    session = desk.session(None)
    session.open_first()
    assert here(session) == "one"
    session.toggle(session.job.project.label_set[LESION])
    session.submit()
    session.open_first()
    assert here(session) == "two"
    session.toggle(session.job.project.label_set[LESION])
    session.submit()
    desk.other("rev").return_case(
        "job", "two", [Comment(person="rev", text="again")], person="ana"
    )
    session.open_first()
    assert here(session) == "two"
    assert session.status is Status.RETURNED


def test_open_first_opens_a_finished_one_if_nothing_is_left(desk):
    session = desk.session(None)
    for case in ("one", "two", "three"):
        session.open_case(case)
        session.editor.set_case_nothing_to_label()
        session.submit()
    session.close_case()
    session.open_first()
    assert here(session) == "one"
    assert session.locked


def test_go_stops_at_the_ends(desk):
    session = desk.session("one")
    session.go(-1)
    assert here(session) == "one"
    assert "first case" in desk.told[-1]
    session.go(1)
    session.go(1)
    assert here(session) == "three"
    session.go(1)
    assert here(session) == "three"
    assert "last case" in desk.told[-1]


def test_what_was_copied_is_told(desk):
    session = desk.session()
    session.open_first()
    session.editor.set_class([1], 1, True)
    session.clipboard.copy_slice(session.editor, 1)
    assert desk.told[-1] == f"{session.clipboard.what} was copied."


def test_going_on_keeps_the_draft(desk):
    session = desk.session("one")
    session.editor.set_class([2], LESION, True)
    session.go(1)
    assert session.editor.annotation.is_blank
    assert session.editor.history.undo_text is None
    session.go(-1)
    assert session.editor.content(2).class_labels == (LESION,)
    assert session.status is Status.REMAINING


def test_an_empty_job_says_so(tmp_path, kit):
    told = []
    store = MemoryStore([(Job(id="job", project=kit.project()), [])], person="ana")
    session = AnnotationSession(store, "job")
    session.told.connect(told.append)
    session.open_first()
    assert told == ["This job has no cases."]
    assert session.cases() == []


def test_signals_of_a_visit(desk):
    session = desk.session(None)
    log = heard(session)
    session.open_case("one")
    case = session.case
    session.close_case()
    assert log == [
        ("busy", "Opening"),
        ("opened", case),
        ("busy", ""),
        ("closed",),
    ]


@pytest.mark.parametrize(
    ("error", "wrapped"),
    [(UnreadableImageError("no image"), True), (ValueError("bug"), False)],
)
def test_a_case_that_cannot_be_opened_leaves_the_open_one(
    desk, monkeypatch, error, wrapped
):
    session = desk.session("one")
    log = heard(session)

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(desk.store, "open_series", fail)
    session.open_case("two")
    (told,) = desk.failed
    assert (told.__cause__ if wrapped else told) is error
    assert here(session) == "one"
    assert log == [("busy", "Opening"), ("busy", "")]
    session.editor.set_class([2], LESION, True)
    assert session.saving.state.kind is SaveKind.SAVED


def test_an_unknown_case(desk):
    session = desk.session("one")
    session.open_case("nine")
    assert isinstance(desk.failed[0], NotFoundError)
    assert here(session) == "one"


def test_a_listener_may_close_what_it_cannot_show(desk):
    session = desk.session(None)
    session.opened.connect(lambda case: session.close_case())
    session.open_case("one")
    assert not session.is_open
    session.open_case("two")
    assert not session.is_open
    assert desk.failed == []


def raising(error):
    def fail(*args, **kwargs):
        raise error

    return fail


# ------------------------------------------------------- what comes too late
def test_only_the_last_case_asked_for_is_opened(desk, slow):
    session = desk.session(None, executor=slow)
    opened = []
    session.opened.connect(lambda case: opened.append(case.row.case.id))
    session.open_case("one")
    session.open_case("two")
    session.open_case("three")
    slow.drain()
    assert opened == ["three"]
    assert here(session) == "three"


def test_an_error_of_what_is_not_wanted_any_more_is_not_told(desk, slow):
    session = desk.session(None, executor=slow)
    session.open_case("nine")
    session.open_case("two")
    slow.drain()
    assert desk.failed == []
    assert here(session) == "two"


def test_nothing_opens_after_the_session_was_closed(desk, slow):
    session = desk.session("one", executor=slow)
    session.close()
    assert not session.is_open
    session = desk.session("one", executor=slow)
    session.close_case()
    slow.drain()
    assert not session.is_open


def test_busy_ends_when_opening_is_given_up(desk, slow):
    session = desk.session(None, executor=slow)
    busy = []
    session.busy.connect(busy.append)
    session.open_case("one")
    session.close_case()
    slow.drain()
    assert busy[-1] == ""


def test_nothing_is_edited_while_a_case_is_opened(desk, slow):
    session = desk.session("one", executor=slow)
    slow.drain()
    session.editor.set_class([3], LESION, True)
    session.open_case("two")
    assert session.locked
    assert session.is_moving
    with pytest.raises(LockedError, match=r"opening.*Wait"):
        session.editor.set_class([4], LESION, True)
    session.undo()
    with pytest.raises(TransitionError, match=r"cannot be submitted now \(opening\)"):
        session.submit()
    slow.drain()
    assert here(session) == "two"
    assert not session.is_moving
    assert [*desk.draft("one").slices] == ["1.2.3"]
    assert desk.draft("two").is_blank
    assert desk.kept_files() == []
    session.editor.set_class([4], LESION, True)


def test_what_was_held_can_be_edited_again_when_nothing_opens(desk, slow):
    session = desk.session("one", executor=slow)
    slow.drain()
    for leave in (
        lambda: session.open_case("nine"),
        lambda: session.go(-1),
        lambda: (session.go(1), session.go(-1)),
        lambda: (session.open_case("two"), session.stay()),
    ):
        leave()
        slow.drain()
        assert here(session) == "one"
        assert session.editor.set_class([3], LESION, True)
        session.undo()
        slow.drain()


def test_what_is_told_while_the_same_case_is_opened_again(desk, slow):
    """It is loaded anew, so that it is not on an old revision."""
    session = desk.session("one", executor=slow)
    slow.drain()
    session.open_case("one")

    def tell():
        session.editor.set_class([3], LESION, True)

    session.closing.connect(tell)
    slow.drain()
    assert session.editor.content(3).class_labels == (LESION,)
    session.editor.set_class([4], LESION, True)
    slow.drain()
    assert session.saving.state.kind is SaveKind.SAVED
    assert len(desk.draft().slices) == 2


@pytest.mark.parametrize(
    ("steps", "end"),
    [
        ([1, 1], "three"),
        ([1, -1], "two"),
        ([-1, 1, 1], "three"),
        ([1, 1, 1, 1, -1], "three"),  # the way ends, the steps do not
        ([-1] * 5, "one"),
    ],
)
def test_steps_while_a_case_is_opened_are_one_wish(desk, slow, steps, end):
    session = desk.session("two", executor=slow)
    slow.drain()
    opened = []
    session.opened.connect(lambda case: opened.append(case.row.case.id))
    for step in steps:
        session.go(step)
    slow.drain()
    assert here(session) == end
    assert opened == ([] if end == "two" else [end])
    assert not session.is_moving


def test_steps_count_from_a_case_that_is_being_opened(desk, slow):
    session = desk.session(None, executor=slow)
    session.open_first()
    session.go(1)
    slow.drain()
    assert here(session) == "two"
    session.open_case("three")
    session.go(-1)
    session.go(-1)
    slow.drain()
    assert here(session) == "one"


def test_cases_that_cannot_be_opened_are_no_steps(desk, slow, monkeypatch):
    session = desk.session("one", executor=slow)
    slow.drain()
    whole = desk.store.open_series

    def some(job_id, case_id, *args):
        if case_id == "two":
            raise UnreadableImageError("no image")
        return whole(job_id, case_id, *args)

    monkeypatch.setattr(desk.store, "open_series", some)
    for end in ("three", "one", "three"):
        session.go(1 if end == "three" else -1)
        slow.drain()
        assert here(session) == end
    session.go(-1)
    session.go(-1)  # there is but one more that can be opened
    slow.drain()
    assert here(session) == "one"


def test_the_same_wish_twice_is_one(desk, slow):
    session = desk.session(None, executor=slow)
    reads = []
    session.opened.connect(lambda case: reads.append(case.row.case.id))
    session.open_case("two")
    session.open_case("two")
    slow.drain()
    assert reads == ["two"]


def test_wishes_of_those_who_are_just_told_of_a_case_wait(desk):
    """As of keys, if showing a case lets the event loop run."""
    session = desk.session(None)
    log = []

    def first(case):
        log.append(("begin", case.row.case.id))
        if case.row.case.id == "one":
            session.go(1)
            session.go(1)
            session.go(-1)
            assert here(session) == "one"
            with pytest.raises(TransitionError, match="cannot be submitted now"):
                session.submit()

    session.opened.connect(first)
    session.opened.connect(lambda case: log.append(("end", case.row.case.id)))
    session.open_case("one")
    assert log == [("begin", "one"), ("end", "one"), ("begin", "two"), ("end", "two")]
    assert not session.locked


def test_closing_what_is_just_shown_waits_until_it_stands(desk):
    session = desk.session(None)
    log = []
    session.opened.connect(lambda case: session.close())
    session.opened.connect(lambda case: log.append(session.is_open))
    session.closed.connect(lambda: log.append("closed"))
    session.open_case("one")
    assert log == [True, "closed"]
    assert desk.store.closed


def test_settling_goes_nowhere(desk, slow):
    session = desk.session("one", executor=slow)
    slow.drain()
    session.open_next = True
    session.editor.set_class([3], LESION, True)
    session.submit()
    session.settle()
    assert (here(session), session.status) == ("one", Status.FINISHED)
    session.go(1)
    session.settle()
    assert here(session) == "one"
    session.go(1)
    slow.drain()
    assert here(session) == "two"


def test_going_on_while_a_case_is_submitted_waits_for_that(desk, slow):
    session = desk.session("two", executor=slow)
    session.open_next = True
    slow.drain()
    session.editor.set_class([3], LESION, True)
    session.submit()
    with pytest.raises(LockedError, match="submitting"):
        session.editor.set_class([4], LESION, True)
    session.go(-1)
    slow.drain()
    assert here(session) == "one"
    (submission,) = desk.store.submissions("job", "two")
    assert [*submission.annotation.slices] == ["1.2.3"]


def test_a_refused_submission_stays_whatever_was_wished(desk, slow, monkeypatch):
    session = desk.session("one", executor=slow)
    slow.drain()
    session.editor.set_class([3], LESION, True)
    monkeypatch.setattr(desk.store, "submit", raising(StoreAccessError("gone")))
    session.submit()
    session.go(1)
    slow.drain()
    assert here(session) == "one"
    assert isinstance(desk.failed[0], StoreAccessError)
    assert session.editor.set_class([4], LESION, True)


def test_edits_on_their_way_are_saved_before_the_next_case_is_read(desk, slow):
    session = desk.session("one", executor=slow)
    slow.drain()
    session.editor.set_class([3], LESION, True)
    session.editor.set_class([4], LESION, True)
    session.open_case("one")
    slow.drain()
    assert session.editor.content(4).class_labels == (LESION,)
    assert session.saving.state.kind is SaveKind.CLEAN
    assert desk.failed == []


def test_what_is_told_while_closing_is_saved(desk, slow):
    """As of layers that another plugin wrote into without a word."""
    session = desk.session("one", executor=slow)
    slow.drain()

    def tell():
        session.editor.set_class([3], LESION, True)

    session.closing.connect(tell)
    session.open_case("two")
    slow.drain()
    session.closing.disconnect(tell)
    assert desk.draft("one").slices["1.2.3"].class_labels == (LESION,)
    session.closing.connect(tell)
    session.close()
    assert desk.draft("two").slices["1.2.3"].class_labels == (LESION,)
    assert desk.kept_files() == []


# ---------------------------------------------------------------------- submit
def test_submit_locks_and_goes_on(desk):
    session = desk.session("one")
    session.open_next = True
    log = heard(session)
    session.editor.set_class([1], LESION, True)
    editor = session.editor
    session.submit()
    assert editor.locked
    assert here(session) == "two"
    assert not session.locked
    assert ("status_changed", Status.FINISHED) in log
    counts = [entry[1] for entry in log if entry[0] == "counts_changed"]
    assert (counts[-1].finished, counts[-1].left) == (1, 2)
    assert "One was submitted (number 1)." in desk.told
    (submission,) = desk.store.submissions("job", "one")
    assert submission.annotation.slices["1.2.1"].class_labels == (LESION,)


def test_submit_goes_round_and_says_when_all_is_done(desk):
    session = desk.session("two")
    session.open_next = True
    for expected in ("three", "one", "one"):
        session.editor.set_case_nothing_to_label()
        session.submit()
        assert here(session) == expected
    assert desk.told[-1] == "All cases of this job are finished."
    assert session.locked


def test_submit_can_stay(desk):
    session = desk.session("one")
    session.editor.set_class([1], LESION, True)
    session.submit()
    assert here(session) == "one"
    assert session.locked
    assert session.status is Status.FINISHED
    with pytest.raises(LockedError):
        session.editor.set_class([1], LESION, False)
    with pytest.raises(TransitionError, match="already submitted"):
        session.submit()
    session.open_case("one")
    assert session.locked


@pytest.mark.parametrize("what", ["blank", "proposals", "undecided"])
def test_submit_refuses(make_desk, kit, what):
    desk = make_desk(every_slice=True)
    session = desk.session("one")
    if what == "proposals":
        session.editor.set_boxes({2: [kit.box(proposal=True)]})
    elif what == "undecided":
        session.editor.set_class([1], LESION, True)
    with pytest.raises(TransitionError) as caught:
        session.submit()
    assert str(caught.value).startswith("One: ")
    assert not str(caught.value).endswith("..")
    assert desk.store.submissions("job", "one") == []
    assert not session.locked


def test_submit_waits_for_what_is_under_way(desk, slow):
    session = desk.session("one", executor=slow)
    slow.drain()
    session.editor.set_class([1], LESION, True)
    session.editor.set_class([2], LESION, True)
    session.submit()
    slow.drain()
    (submission,) = desk.store.submissions("job", "one")
    assert len(submission.annotation.slices) == 2


def test_nothing_is_submitted_that_is_not_saved(desk):
    session = desk.session("one")
    log = heard(session)
    desk.store.fault = StoreAccessError("away")
    session.editor.set_class([1], LESION, True)
    desk.failed.clear()
    session.submit()
    assert "not saved yet" in str(desk.failed[0])
    assert log[-1] == ("busy", "")
    assert not session.locked
    assert desk.store.submissions("job", "one") == []
    desk.store.fault = None
    session.executor.tick()
    session.submit()
    assert session.locked


def test_a_store_that_refuses_a_submission(desk, monkeypatch):
    session = desk.session("one")
    session.editor.set_class([1], LESION, True)

    def fail(*args, **kwargs):
        raise StoreAccessError("away")

    monkeypatch.setattr(desk.store, "submit", fail)
    log = heard(session)
    session.submit()
    assert isinstance(desk.failed[0], StoreAccessError)
    assert log == [("busy", "Submitting"), ("busy", "")]
    assert not session.locked


def test_a_submission_that_ends_after_its_case_was_left(desk, slow):
    session = desk.session("one", executor=slow)
    session.open_next = True
    slow.drain()
    session.editor.set_class([1], LESION, True)
    slow.drain()
    log = heard(session)
    session.submit()
    session.open_case("three")
    slow.drain()
    assert here(session) == "three"
    assert not session.locked
    assert "One was submitted (number 1)." in desk.told
    assert any(entry[0] == "counts_changed" for entry in log)
    assert log[-1] != ("busy", "Submitting")


# -------------------------------------------------------------------- returned
def test_a_returned_case_starts_where_the_reviewer_pointed(desk):
    session = desk.session("one")
    session.editor.set_class([1], LESION, True)
    session.submit()
    comments = [
        Comment(person="rev", text="in general"),
        Comment(person="rev", text="here", index=6, slice_key="1.2.6"),
        Comment(person="rev", text="and here", index=2, slice_key="1.2.2"),
    ]
    desk.other("rev").return_case("job", "one", comments, person="ana")
    session.open_first()
    assert here(session) == "one"
    assert session.status is Status.RETURNED
    assert session.slice == 2  # the first in the stack
    assert not session.locked
    assert session.case.draft.returned.comments == tuple(comments)
    session.editor.set_class([6], LESION, True)
    session.submit()
    assert [s.number for s in desk.store.submissions("job", "one")] == [1, 2]


def test_a_comment_follows_its_slice(desk, kit):
    session = desk.session("one")
    session.editor.set_class([1], LESION, True)
    session.submit()
    comment = Comment(person="rev", text="here", index=3, slice_key="1.2.6")
    desk.other("rev").return_case("job", "one", [comment], person="ana")
    session.open_case("one")
    assert session.slice == 6


@pytest.mark.parametrize(
    ("begun", "first"), [([], 4), ([0, 1, 3], 2), (list(range(8)), 4)]
)
def test_the_first_slice_shown(desk, begun, first):
    session = desk.session("one")
    session.editor.set_class(begun, LESION, True)
    session.open_case("one")
    assert session.slice == first


@pytest.mark.parametrize(("asked", "shown"), [(3, 3), (0, 0), (99, 7), (-4, 0)])
def test_a_slice_asked_for(desk, asked, shown):
    session = desk.session(None)
    session.open_case("one", slice=asked)
    assert session.slice == shown


# --------------------------------------------------------------- at the slice
def test_slices_are_clipped_and_told_once(desk):
    session = desk.session("one")
    told = []
    session.slice_changed.connect(told.append)
    for index in (3, 3, 100, -2):
        session.slice = index
    assert told == [3, 7, 0]


def test_toggling(desk):
    session = desk.session("one")
    label = session.job.project.label_set[LESION]
    session.toggle(label)
    session.toggle(label, [0, 1, 2])
    assert [session.editor.content(i).class_labels for i in range(3)] == [(1,)] * 3
    session.toggle(label, [0, 1])
    assert [session.editor.content(i).class_labels for i in range(3)] == [(), (), (1,)]
    session.toggle(session.job.project.label_set[LEFT])
    assert session.editor.annotation.case_labels == (LEFT,)
    session.toggle(session.job.project.label_set[LEFT])
    assert session.editor.annotation.case_labels == ()
    session.toggle_excluded([4, 5])
    session.toggle_nothing_to_label([6, 7])
    session.toggle_nothing_to_label([6])
    session.toggle_excluded([4])
    assert [session.editor.decision(i) for i in range(4, 8)] == [
        Decision.UNDECIDED,
        Decision.EXCLUDED,
        Decision.UNDECIDED,
        Decision.NOTHING_TO_LABEL,
    ]


def test_undo_shows_its_slice(desk):
    session = desk.session("one")
    session.editor.set_class([5], LESION, True)
    session.slice = 1
    session.undo()
    assert session.slice == 5
    session.slice = 1
    session.redo()
    assert session.slice == 5
    session.redo()  # nothing left


def test_going_to_what_is_undecided(desk):
    session = desk.session("one")
    session.editor.set_class([1, 2, 3], LESION, True)
    session.slice = 1
    session.go_undecided()
    assert session.slice == 4
    session.go_undecided(-1)
    assert session.slice == 0
    session.editor.set_nothing_to_label(session.editor.undecided())
    session.go_undecided()
    assert desk.told[-1] == "Every slice of this case is decided."


def test_going_to_what_changes(desk):
    session = desk.session("one")
    session.editor.set_class([2, 3], LESION, True)
    session.slice = 0
    seen = []
    for _ in range(3):
        session.go_change()
        seen.append(session.slice)
    assert seen == [2, 4, 2]
    session.editor.set_class([0], LESION, True)
    session.slice = 1
    session.go_change(-1)
    assert session.slice == 0


def test_copy_and_paste(desk, kit):
    session = desk.session("one")
    with pytest.raises(TransitionError, match="nothing was copied"):
        session.paste_slice()
    session.editor.set_masks({(0, ""): kit.mask()})
    session.copy_slice()
    assert session.paste_slice([1, 2])
    assert session.editor.content(1).has_proposals
    session.slice = 3
    assert session.paste_slice()
    assert session.editor.decision(3) is Decision.LABELLED
    session.open_case("two")
    with pytest.raises(TransitionError, match="nothing was copied"):
        session.paste_slice()


def test_the_label_must_be_one_of_the_project(desk):
    session = desk.session("one")
    told = []
    session.label_changed.connect(told.append)
    session.label = session.job.project.label_set[6]
    session.label = None
    assert [label and label.name for label in told] == ["liver", None]
    stranger = Label(id=99, name="x", color="#000000", method=Method.SEGMENTATION)
    with pytest.raises(ValueError, match="99"):
        session.label = stranger


# ------------------------------------------------------- a series that changed
def test_slices_added_to_a_series_lose_nothing(desk, kit):
    session = desk.session("one")
    box = kit.box()
    session.editor.set_masks({(3, ""): kit.mask()})
    session.editor.set_boxes({5: [box]})
    session.editor.add_comment("here", 5)
    session.close()

    old = kit.slice_ids()
    new = kit.slice_ids(2, prefix="9.9.")
    names = [*new, *old]
    desk.store.slices = tuple(
        slice_id.model_copy(update={"index": i}) for i, slice_id in enumerate(names)
    )
    again = desk.session("one")
    assert again.editor.n_slices == 10
    assert again.editor.decision(3) is Decision.UNDECIDED
    assert (again.editor.mask(5) == kit.mask()).all()
    assert again.editor.content(7).boxes == (box,)
    assert again.editor.content(7).index == 7
    assert again.editor.cell(7).comment
    assert not again.editor.cell(5).comment
    again.editor.set_class([7], LESION, True)
    draft = desk.draft()
    assert draft.slices["1.2.5"].index == 7
    assert draft.slices["1.2.5"].boxes == (box,)


def test_slices_gone_from_a_series_lose_nothing(desk, kit):
    session = desk.session("one")
    session.editor.set_masks({(3, ""): kit.mask(), (6, ""): kit.mask(700)})
    session.editor.set_boxes({7: [kit.box(proposal=False)]})
    session.editor.add_comment("here", 7)
    gone = {key: desk.draft().slices[key] for key in ("1.2.6", "1.2.7")}
    session.close()

    desk.store.slices = kit.slice_ids()[:5]
    again = desk.session("one")
    assert again.editor.n_slices == 5
    again.editor.set_class([1], LESION, True)
    again.editor.set_case_nothing_to_label()
    again.editor.add_comment("more", 2)
    again.undo()
    again.undo()
    draft = desk.draft()
    assert {key: draft.slices[key] for key in gone} == gone
    assert [c.text for c in draft.comments] == ["here"]
    again.submit()
    assert desk.failed == []
    (submission,) = desk.store.submissions("job", "one")
    assert {key: submission.annotation.slices[key] for key in gone} == gone
    desk.store.slices = None
    assert (desk.session("one").editor.mask(6) == kit.mask(700)).all()


def test_a_range_over_slices_that_are_gone(desk, kit):
    from napari_annotate_jobs.editing import Propagation, delete_range, propagate
    from napari_annotate_jobs.model import RangeAction

    session = desk.session("one")
    asked = Propagation(RangeAction.CLASS_LABELS, tuple(range(8)), 0, (LESION,))
    span = propagate(session.editor, asked)
    session.close()
    desk.store.slices = kit.slice_ids()[:5]
    again = desk.session("one")
    assert delete_range(again.editor, span.id)
    assert not any(again.editor.content(i).has_labels for i in range(5))


def test_labels_the_project_no_longer_has(desk, kit, monkeypatch):
    session = desk.session("one")
    session.editor.set_boxes({2: [kit.box(11)]})
    session.editor.set_masks({(3, ""): kit.mask(700)})
    session.close()
    fewer = LabelSet(
        labels=tuple(x for x in kit.labels.labels if x.id not in (11, 700)),
        groups=kit.labels.groups,
    )
    project = kit.project().model_copy(update={"label_set": fewer})
    shelf = desk.store._shelf("job")
    shelf.job = shelf.job.model_copy(update={"project": project})
    again = desk.session("one")
    assert again.editor.cell(2).decision is Decision.LABELLED
    assert again.editor.cell(2).names == ()
    assert len(again.editor.content(2).boxes) == 1
    again.editor.set_class([4], LESION, True)
    assert again.saving.state.kind is SaveKind.SAVED
    assert len(desk.draft().slices["1.2.2"].boxes) == 1
    # What is not declared can still be taken away.
    again.editor.set_boxes({2: []})
    again.editor.set_masks({(3, ""): kit.mask(0)})
    assert again.saving.state.kind is SaveKind.SAVED
    assert set(desk.draft().slices) == {"1.2.4"}


# ------------------------------------------------------- on the real images
PROJECT = Project(
    name="Heads",
    methods=tuple(Method),
    label_set=LabelSet(
        labels=(
            Label(id=1, name="motion", color="#E69F00", method=Method.CLASSIFICATION),
            Label(id=2, name="lesion", color="#0072B2", method=Method.DETECTION),
            Label(id=3, name="tumour", color="#D55E00", method=Method.SEGMENTATION),
        )
    ),
)
CASES = [
    Case(id=name, name=name, series=(SeriesRef(path=name),))
    for name in ("mr-brain", "xray-chest", "ct-lung-nodule")
]


@pytest.fixture(params=["memory", "folder"])
def real(request, tmp_path, samples):
    """Return a function that opens a store on the sample images."""
    base = samples["mr-brain"].parent
    job = Job(id="heads", project=PROJECT)
    cases = [
        case.model_copy(
            update={"series": (SeriesRef(path=str(base / case.series[0].path)),)}
        )
        for case in CASES
    ]
    if request.param == "memory":
        first = MemoryStore([(job, cases)], person="ana")
        name = first.location.partition(":")[2]
        yield SimpleNamespace(
            open=lambda person="ana": MemoryStore(person=person, name=name), first=first
        )
        return
    folder = tmp_path / "job"
    create_job(folder, job, cases).close()
    yield SimpleNamespace(open=lambda person="ana": FolderStore(folder, person))


def test_a_job_from_open_to_returned(real, kit):
    session = AnnotationSession(real.open(), "heads")
    failed = []
    session.failed.connect(failed.append)
    session.open_first()
    header = session.case.series.header
    assert here(session) == "mr-brain"
    assert session.editor.n_slices == header.shape[0] == 20
    assert session.window == session.case.windows[0]
    mask = np.zeros(header.shape[1:3], np.uint8)
    mask[100:140, 90:120] = 3
    session.editor.set_masks({(9, ""): mask})
    session.editor.set_boxes({10: [kit.box(2, at=50.0)]})
    session.editor.set_class([0, 1, 2], 1, True)
    session.editor.set_nothing_to_label(session.editor.undecided())
    session.submit()
    assert here(session) == "xray-chest"
    assert session.editor.n_slices == 1
    session.go(-1)
    assert session.locked
    session.close()

    reviewer = real.open("rev")
    key = header.slices[9].key
    reviewer.return_case(
        "heads",
        "mr-brain",
        [Comment(person="rev", text="too small", index=9, slice_key=key)],
        person="ana",
    )
    reviewer.close()

    again = AnnotationSession(real.open(), "heads")
    again.failed.connect(failed.append)
    again.open_first()
    assert here(again) == "mr-brain"
    assert again.slice == 9
    np.testing.assert_array_equal(again.editor.mask(9), mask)
    assert again.editor.content(10).boxes[0].corners == kit.box(2, at=50.0).corners
    mask[90:150, 80:130] = 3
    again.editor.set_masks({(9, ""): mask})
    again.submit()
    store = again.store
    assert [s.number for s in store.submissions("heads", "mr-brain")] == [1, 2]
    assert store.check() == []
    assert failed == []
    again.close()


def test_a_broken_image_leaves_the_other_cases(tmp_path, samples):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "DOE_JOHN.dcm").write_bytes(b"no image at all")
    cases = [
        Case(id="bad", name="Bad", series=(SeriesRef(path="broken"),)),
        Case(id="xray", name="X", series=(SeriesRef(path=str(samples["xray-leg"])),)),
    ]
    job = Job(id="job", project=PROJECT)
    store = MemoryStore([(job, cases)], base=tmp_path, person="ana")
    session = AnnotationSession(store, "job")
    failed, marked = [], []
    session.failed.connect(failed.append)
    session.marked.connect(marked.append)
    session.open_first()
    assert here(session) == "xray"
    assert isinstance(failed[0], ImagingError)
    assert str(failed[0]).startswith("Bad: cannot be opened: DOE_JOHN.dcm: ")
    assert str(tmp_path) not in str(failed[0])
    assert marked == ["bad"]
    (warning,) = store.case("job", "bad").warnings
    assert warning.startswith("It cannot be opened: ")
    assert "DOE" not in warning
    assert str(tmp_path) not in warning
    session.go(-1)
    assert here(session) == "xray"
    assert marked == ["bad", "bad"]
    session.open_case("bad")
    assert here(session) == "xray"
    assert len(failed) == 3
    session.close()


def test_many_broken_cases_do_not_hide_the_good_one(tmp_path, samples):
    cases = [
        Case(id=f"c{i}", name=f"C{i}", series=(SeriesRef(path=f"gone-{i}"),))
        for i in range(7)
    ]
    leg = SeriesRef(path=str(samples["xray-leg"]))
    cases.append(Case(id="xray", name="X", series=(leg,)))
    store = MemoryStore([(Job(id="job", project=PROJECT), cases)], base=tmp_path)
    session = AnnotationSession(store, "job")
    failed = []
    session.failed.connect(failed.append)
    session.open_first()  # it may be the drive: nothing more is tried
    assert not session.is_open
    (error,) = failed
    assert "5 cases cannot be opened (C0, C1, C2, C3, C4). The first: gone-0: " in str(
        error
    )
    # what may be this computer's trouble is told to nobody else
    assert store.case("job", "c0").warnings == ()
    session.open_first()
    assert here(session) == "xray"
    assert "C5, C6" in str(failed[1])
    session.close()


def test_nothing_is_told_once_it_is_silenced(desk):
    session = desk.session("one")
    log = heard(session)
    slices = []
    session.slice_changed.connect(slices.append)
    session.silence()
    session.slice = 3
    session.go(1)
    assert slices == log == []
    assert here(session) == "two"


def test_the_next_case_is_opened_ahead(desk, slow):
    session = desk.session("one", executor=slow)
    slow.drain()
    found = []

    def reply(row, series):
        found.append((row.case.id, series.header.shape[0] > 0))

    peek_next(session, reply)
    slow.drain()
    assert found == [("two", True)]
    peek_next(session, reply)
    session.open_case("three")
    slow.drain()
    assert found == [("two", True)]  # that was of a case that was left meanwhile
    session.close_case()
    peek_next(session, reply)
    slow.drain()
    assert found == [("two", True)]


def test_after_the_last_case_that_is_left_comes_the_first(desk):
    session = desk.session("three")
    found = []
    peek_next(session, lambda row, series: found.append(row.case.id))
    assert found == ["one"]
    for case in ("one", "two"):
        session.open_case(case)
        session.editor.set_class([1], LESION, True)
        session.submit()
    session.open_case("three")
    peek_next(session, lambda row, series: found.append(row.case.id))
    assert found == ["one"]


def test_work_that_is_under_way_is_asked_to_stop(slow):
    worker = Worker(slow)
    first, second = Work("first"), Work("second")
    for work in (first, second):
        worker.run(work, lambda work: None, print, print)
    worker.cancel()
    assert first.cancelled() and second.cancelled()


@pytest.mark.parametrize("kind", SaveKind)
def test_what_is_neither_saved_nor_kept_is_lost(kind):
    in_trouble = kind in {
        SaveKind.OFFLINE,
        SaveKind.LOG_IN,
        SaveKind.BLOCKED,
        SaveKind.CONFLICT,
        SaveKind.FAILED,
    }
    assert SaveState(kind, pending=2).is_lost == in_trouble
    assert not SaveState(kind, pending=2, kept=True).is_lost
    assert not SaveState(kind).is_lost
