"""Saving without being asked: nothing is lost, and the truth is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from napari_annotate_jobs.errors import (
    ConflictError,
    CorruptError,
    InvalidValueError,
    StoreAccessError,
)
from napari_annotate_jobs.session import Recovery, SaveKind, SaveState

LESION, GOOD, LEFT = 1, 2, 4
OFFLINE = StoreAccessError("the share is not mounted")
TROUBLES = {
    "offline": (OFFLINE, SaveKind.OFFLINE),
    "unexpected": (KeyError("bug"), SaveKind.BLOCKED),
    "refused": (InvalidValueError("no such label"), SaveKind.FAILED),
    "damaged": (CorruptError("the document is damaged"), SaveKind.FAILED),
    "conflict": (ConflictError(base=0, current=3), SaveKind.CONFLICT),
}


def label(session, index, label_id=LESION):
    session.editor.set_class([index], label_id, True)


def labelled(desk, case="one"):
    """Return the indices of the slices that the store knows to be labelled."""
    slices = desk.draft(case).slices.values()
    return sorted(content.index for content in slices if content.has_labels)


# --------------------------------------------------------------- all is well
def test_each_edit_is_saved_at_once(desk, kit):
    session = desk.session()
    states = []
    session.saving.state_changed.connect(states.append)
    assert session.saving.state.text == "no changes yet"
    label(session, 1)
    session.editor.set_masks({(2, ""): kit.mask()})
    assert labelled(desk) == [1, 2]
    assert desk.draft().revision == 2
    assert [state.kind for state in states] == [SaveKind.SAVED] * 2
    assert session.saving.state.pending == 0
    assert session.saving.state.text.startswith("saved at ")
    assert desk.kept_files() == []


def test_what_waits_is_saved_as_one(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    for index in range(4):
        label(session, index)
    assert session.saving.state == SaveState(SaveKind.PENDING, 4)
    assert session.saving.state.text == "4 changes pending"
    slow.step()
    assert labelled(desk) == [0]
    assert session.saving.state.pending == 3
    slow.drain()
    assert desk.store.saves == 2
    assert labelled(desk) == [0, 1, 2, 3]
    assert session.saving.state.kind is SaveKind.SAVED


def test_undo_is_saved_too(desk, kit):
    session = desk.session()
    session.editor.set_masks({(2, ""): kit.mask()})
    session.undo()
    assert desk.draft().slices == {}
    session.redo()
    assert labelled(desk) == [2]


# ------------------------------------------------------------------- trouble
@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_is_told_once_and_kept(desk, name):
    fault, kind = TROUBLES[name]
    session = desk.session()
    desk.store.fault = fault
    label(session, 1)
    label(session, 2)
    label(session, 3)
    state = session.saving.state
    assert state.kind is kind
    assert state.pending == 3
    assert state.kept
    assert "3 changes" in state.text
    assert (fault.args[0] if name == "unexpected" else str(fault)) in state.message
    assert len(desk.failed) == 1
    assert str(fault.args[0]) in str(desk.failed[0])
    # Of a notification one line is seen: what is wrong comes first.
    assert str(desk.failed[0]).lower().startswith(f"{state.text.split(' · ')[0]} · 1 ")
    kept = desk.recovery().load(desk.store.location, "job", "one", "ana")
    assert sorted(kept.change.slices) == ["1.2.1", "1.2.2", "1.2.3"]
    assert kept.count == 3


@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.parametrize("way", ["go on", "close", "killed"])
def test_what_could_not_be_saved_is_there_the_next_time(desk, kit, name, way):
    session = desk.session()
    label(session, 0)
    desk.store.fault = TROUBLES[name][0]
    label(session, 1)
    session.editor.set_masks({(2, ""): kit.mask()})
    if way == "go on":
        session.open_case("two")
    elif way == "close":
        session.close()
    # killed: nothing is closed, nobody calls anything any more

    desk.store.fault = None
    again = desk.session()
    assert [i for i in range(8) if again.editor.content(i).has_labels] == [0, 1, 2]
    assert (again.editor.mask(2) == kit.mask()).all()
    assert labelled(desk) == [0, 1, 2]
    assert again.saving.state.kind is SaveKind.SAVED
    assert any("2 changes of the last time" in text for text in desk.told)
    assert desk.kept_files() == []


def test_what_is_recovered_while_still_offline_can_be_seen(desk, kit):
    session = desk.session()
    desk.store.fault = OFFLINE
    session.editor.set_masks({(2, ""): kit.mask()})
    session.close()
    again = desk.session()
    assert (again.editor.mask(2) == kit.mask()).all()
    assert again.saving.state.kind is SaveKind.OFFLINE
    label(again, 5)
    again.close()
    desk.store.fault = None
    third = desk.session()
    assert labelled(desk) == [2, 5]
    assert third.saving.state.kind is SaveKind.SAVED


def test_a_store_is_tried_again_until_it_answers(desk):
    session = desk.session()
    executor = session.executor
    desk.store.fault = OFFLINE
    label(session, 1)
    for _ in range(3):
        executor.tick()
        assert session.saving.state.kind is SaveKind.OFFLINE
    assert desk.store.saves == 4
    label(session, 2)
    desk.store.fault = None
    executor.tick()
    assert labelled(desk) == [1, 2]
    assert session.saving.state.kind is SaveKind.SAVED
    assert desk.kept_files() == []
    label(session, 3)
    assert labelled(desk) == [1, 2, 3]


def test_a_store_that_is_away_is_not_stormed(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    desk.store.fault = OFFLINE
    for index in range(8):
        label(session, index)
        slow.drain()
    assert desk.store.saves == 1
    for _ in range(5):
        slow.tick()
        slow.drain()
    assert desk.store.saves <= 6
    assert slow.waiting == 1


def test_the_user_may_try_again_at_once(desk):
    session = desk.session()
    desk.store.fault = OFFLINE
    label(session, 1)
    desk.store.fault = None
    session.saving.retry()
    assert labelled(desk) == [1]
    session.executor.tick()  # what was planned finds nothing to do
    assert desk.store.saves == 2


@pytest.mark.parametrize("name", ["refused", "damaged"])
def test_what_was_refused_waits_for_the_user(desk, name):
    session = desk.session()
    desk.store.fault = TROUBLES[name][0]
    label(session, 1)
    desk.store.fault = None
    session.executor.tick()
    assert labelled(desk) == []
    assert session.saving.state.kind is SaveKind.FAILED
    session.saving.retry()
    assert labelled(desk) == [1]


def test_trouble_is_told_again_when_it_comes_again(desk):
    session = desk.session()
    for index in (1, 2):
        desk.store.fault = OFFLINE
        label(session, index)
        desk.store.fault = None
        session.saving.retry()
    assert len(desk.failed) == 2


def test_a_full_disk_is_told(desk, monkeypatch):
    session = desk.session()
    desk.store.fault = OFFLINE

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recovery, "keep", full)
    label(session, 1)
    state = session.saving.state
    assert not state.kept
    assert "not saved" in state.text
    assert "No space left" in state.message
    assert "leave this window open" in state.message
    desk.store.fault = None
    session.executor.tick()
    assert labelled(desk) == [1]


def test_a_store_that_does_not_answer_loses_nothing(desk, slow, kit):
    """A save that hangs: the edits are on this computer half a second later."""
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    session.editor.set_masks({(2, ""): kit.mask()})
    assert desk.kept_files() == []
    slow.tick()
    assert len(desk.kept_files()) == 1
    label(session, 3)
    slow.tick()

    # Killed now; on the next start the store answers.
    again = desk.session()
    assert labelled(desk) == [1, 2, 3]
    assert again.saving.state.kind is SaveKind.SAVED


def test_what_was_kept_meanwhile_is_forgotten_once_saved(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    label(session, 2)
    slow.tick()
    slow.step()  # the first edit is saved, the second is on its way
    kept = desk.recovery().load(desk.store.location, "job", "one", "ana")
    assert kept.base == 1
    assert list(kept.change.slices) == ["1.2.2"]
    slow.drain()
    assert desk.kept_files() == []


def test_saved_although_nobody_heard_of_it(desk, slow):
    """Killed between the store's work and its answer: no conflict with oneself."""
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    slow.tick()
    task, _, _ = slow.tasks.pop()
    task()

    again = desk.session()
    assert again.saving.state.kind is SaveKind.SAVED
    assert desk.kept_files() == []
    assert desk.failed == []
    assert labelled(desk) == [1]


def test_closing_while_a_save_is_under_way(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    session.close_case()
    assert len(desk.kept_files()) == 1
    slow.drain()
    assert labelled(desk) == [1]
    assert desk.kept_files() == []


def test_ending_the_session_waits_for_what_is_under_way(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    session.close()
    assert labelled(desk) == [1]
    assert desk.store.closed
    assert not session.is_open


def test_ending_the_session_with_a_store_that_hangs(desk, slow, monkeypatch):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    monkeypatch.setattr(type(slow), "drain", lambda self: None)
    session.close()
    monkeypatch.undo()
    desk.session()
    assert labelled(desk) == [1]


# ------------------------------------------------------------------ conflict
@pytest.fixture
def conflict(desk, kit):
    """Return a session that was edited while its case was edited elsewhere too."""
    first = desk.session()
    label(first, 1)
    first.editor.add_comment("first")
    first.close()
    mine = desk.session()
    theirs = desk.session(store=desk.other())
    theirs.editor.set_masks({(4, ""): kit.mask()})
    label(theirs, 2, GOOD)
    theirs.editor.add_comment("theirs", 4)
    label(mine, 2, LESION)
    mine.editor.set_masks({(5, ""): kit.mask(700)})
    mine.editor.add_comment("mine", 5)
    assert mine.saving.state.kind is SaveKind.CONFLICT
    assert mine.saving.state.text == "conflict · 3 changes not saved"
    return mine


def test_the_loser_of_a_conflict_overwrites_nothing(desk, conflict):
    assert labelled(desk) == [1, 2, 4]
    assert desk.draft().slices["1.2.2"].class_labels == (GOOD,)
    conflict.saving.retry()
    assert desk.draft().slices["1.2.2"].class_labels == (GOOD,)


def test_keep_mine(desk, kit, conflict):
    heard = []
    conflict.slices_changed.connect(heard.append)
    conflict.saving.resolve_conflict(keep_mine=True)
    assert labelled(desk) == [1, 2, 4, 5]
    draft = desk.draft()
    assert draft.slices["1.2.2"].class_labels == (LESION,)
    assert [c.text for c in draft.comments] == ["first", "theirs", "mine"]
    assert kit.said(conflict.editor.annotation) == kit.said(draft)
    assert (conflict.editor.mask(4) == kit.mask()).all()
    assert (conflict.editor.mask(5) == kit.mask(700)).all()
    assert conflict.saving.state.kind is SaveKind.SAVED
    assert heard[-1] == tuple(range(8))
    assert desk.kept_files() == []
    label(conflict, 7)
    assert labelled(desk) == [1, 2, 4, 5, 7]


def test_take_theirs_sets_mine_aside(desk, kit, conflict):
    conflict.saving.resolve_conflict(keep_mine=False)
    assert labelled(desk) == [1, 2, 4]
    assert kit.said(conflict.editor.annotation) == kit.said(desk.draft())
    assert conflict.saving.state.kind is SaveKind.CLEAN
    (aside,) = desk.kept_files()
    assert "theirs-taken" in aside.name
    assert "mine" in aside.read_text(encoding="utf-8")
    label(conflict, 7)
    assert labelled(desk) == [1, 2, 4, 7]
    conflict.open_case("one")
    assert len(desk.kept_files()) == 1


def test_theirs_is_not_taken_if_mine_cannot_be_kept(desk, conflict, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recovery, "keep", full)
    conflict.saving.resolve_conflict(keep_mine=False)
    assert conflict.saving.state.kind is SaveKind.CONFLICT
    assert conflict.editor.content(5).has_labels
    conflict.saving.resolve_conflict(keep_mine=True)
    assert labelled(desk) == [1, 2, 4, 5]


def test_leaving_a_conflict_keeps_it(desk, conflict):
    conflict.open_case("two")
    assert conflict.saving.state.kind is SaveKind.CLEAN
    conflict.open_case("one")
    assert conflict.saving.state.kind is SaveKind.CONFLICT
    assert conflict.editor.content(5).has_labels
    assert conflict.editor.content(4).has_labels
    conflict.saving.resolve_conflict(keep_mine=True)
    assert labelled(desk) == [1, 2, 4, 5]
    assert [c.text for c in desk.draft().comments] == ["first", "theirs", "mine"]


def test_case_labels_against_nothing_to_label(desk):
    mine, theirs = desk.session(), desk.session(store=desk.other())
    theirs.editor.set_case_nothing_to_label()
    mine.editor.set_case_label(LEFT)
    assert mine.saving.state.kind is SaveKind.CONFLICT
    mine.saving.resolve_conflict(keep_mine=True)
    assert desk.draft().case_labels == (LEFT,)
    assert not desk.draft().case_nothing_to_label
    mine.close()
    theirs.editor.set_case_nothing_to_label(False)
    assert theirs.saving.state.kind is SaveKind.CONFLICT


def test_ranges_of_both_are_kept(desk):
    from napari_annotate_jobs.editing import Mode, Propagation, propagate
    from napari_annotate_jobs.model import RangeAction

    def spread(session, label_id, targets):
        asked = Propagation(
            RangeAction.CLASS_LABELS, targets, targets[0], (label_id,), Mode.REPLACE
        )
        return propagate(session.editor, asked)

    mine, theirs = desk.session(), desk.session(store=desk.other())
    one = spread(theirs, LESION, (0, 1, 2, 3))
    two = spread(mine, GOOD, (3, 4, 5))
    mine.saving.resolve_conflict(keep_mine=True)
    spans = {span.id: span.applied for span in desk.draft().ranges}
    assert spans == {
        one.id: ("1.2.0", "1.2.1", "1.2.2"),
        two.id: ("1.2.3", "1.2.4", "1.2.5"),
    }


def test_a_conflict_met_by_submitting_can_be_settled(desk):
    mine = desk.session()
    label(mine, 1)
    theirs = desk.session(store=desk.other())
    label(theirs, 2)
    mine.submit()
    assert mine.saving.state.kind is SaveKind.CONFLICT
    assert len(desk.failed) == 1
    assert not mine.locked
    mine.saving.resolve_conflict(keep_mine=True)
    assert mine.editor.content(2).has_labels
    mine.submit()
    assert mine.locked


def test_a_conflict_that_is_settled_too_late_changes_nothing(desk, slow, conflict):
    conflict.saving.executor = slow
    conflict.saving.resolve_conflict(keep_mine=True)
    conflict.close_case()
    slow.drain()
    assert not conflict.is_open
    assert labelled(desk) == [1, 2, 4]
    assert len(desk.kept_files()) == 1


def test_edits_made_while_a_conflict_is_settled_are_kept(desk, slow, conflict):
    conflict.saving.executor = slow
    conflict.saving.resolve_conflict(keep_mine=True)
    label(conflict, 7)
    slow.drain()
    assert labelled(desk) == [1, 2, 4, 5, 7]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (SaveState(SaveKind.PENDING, 1), "1 change pending"),
        (SaveState(SaveKind.OFFLINE, 2), "offline · 2 changes not saved"),
        (
            SaveState(SaveKind.OFFLINE, 2, kept=True),
            "offline · 2 changes kept on this computer",
        ),
        (
            SaveState(SaveKind.BLOCKED, 2, reason="disk full"),
            "disk full · 2 changes not saved",
        ),
        (
            SaveState(SaveKind.BLOCKED, 2, kept=True, reason="disk full"),
            "disk full · 2 changes kept on this computer",
        ),
        (SaveState(SaveKind.FAILED, 1), "not saved · 1 change"),
        (SaveState(), "no changes yet"),
        (SaveState(time=datetime(2024, 3, 5, 12, tzinfo=UTC)), "saved on 05 Mar 2024"),
        (SaveState(SaveKind.SAVED, submitted=2), "submitted, number 2"),
    ],
)
def test_the_words_for_it(state, text):
    assert state.text == text


def test_an_old_draft_says_when_it_was_saved(desk):
    session = desk.session()
    assert session.saving.state.text == "no changes yet"
    label(session, 1)
    session.open_case("two")
    session.open_case("one")
    assert session.saving.state.text.startswith("saved at ")


def test_a_submitted_case_says_so(desk):
    session = desk.session()
    states = []
    session.saving.state_changed.connect(states.append)
    label(session, 1)
    session.submit()
    assert states[-1].text == session.saving.state.text == "submitted, number 1"
    session.open_case("two")
    session.open_case("one")
    assert session.saving.state.text == "submitted, number 1"


@pytest.fixture
def several(desk):
    """Two versions of slices 2 and 3, and a slice that only one changed."""
    mine, theirs = desk.session(), desk.session(store=desk.other())
    for index in (2, 3, 4):
        label(theirs, index, GOOD)
    for index in (2, 3, 5):
        label(mine, index, LESION)
    assert mine.saving.state.kind is SaveKind.CONFLICT
    return mine, theirs


def said_of(annotation):
    found = {int(k.rpartition(".")[2]): v for k, v in annotation.slices.items()}
    return {index: content.class_labels for index, content in sorted(found.items())}


def test_one_version_is_chosen_for_each_slice(desk, several):
    mine, _ = several
    conflict = mine.saving.conflict
    assert [d.index for d in conflict.differences] == [2, 3, 5]
    mine.saving.resolve_conflict(keep_mine=True, but=[3], seen=conflict)
    settled = {2: (LESION,), 3: (GOOD,), 4: (GOOD,), 5: (LESION,)}
    assert said_of(desk.draft()) == settled
    assert said_of(mine.editor.annotation) == settled
    assert mine.saving.state.kind is SaveKind.SAVED
    # What was given up is still on this computer.
    (aside,) = desk.kept_files()
    assert "1.2.3" in aside.read_text(encoding="utf-8")
    label(mine, 7)
    assert mine.saving.state.kind is SaveKind.SAVED


def test_theirs_of_every_slice_leaves_nothing_to_save(desk, several):
    mine, _ = several
    mine.saving.resolve_conflict(keep_mine=True, but=[2, 3, 5])
    assert said_of(desk.draft()) == {2: (GOOD,), 3: (GOOD,), 4: (GOOD,)}
    assert mine.saving.state.kind is SaveKind.CLEAN
    assert said_of(mine.editor.annotation) == said_of(desk.draft())


def test_theirs_of_the_whole_case_is_chosen_apart(desk):
    mine, theirs = desk.session(), desk.session(store=desk.other())
    theirs.editor.set_case_label(LEFT)
    label(theirs, 1, GOOD)
    mine.editor.set_case_nothing_to_label()
    conflict = mine.saving.conflict
    assert conflict.differences[0].index is None
    wanted = [d.index for d in conflict.differences if d.index is not None]
    mine.saving.resolve_conflict(keep_mine=True, but=[None, 1], seen=conflict)
    draft = desk.draft()
    assert draft.case_labels == (LEFT,)
    assert not draft.case_nothing_to_label
    assert draft.slices["1.2.1"].class_labels == (GOOD,)
    assert 1 in wanted


def test_a_choice_that_was_made_of_something_else_is_asked_for_again(desk, several):
    mine, theirs = several
    asked = []
    mine.saving.conflict_moved.connect(lambda: asked.append(1))
    conflict = mine.saving.conflict
    label(theirs, 3, LEFT if LEFT == GOOD else LESION)
    before = said_of(desk.draft())
    mine.saving.resolve_conflict(keep_mine=True, but=[2], seen=conflict)
    assert (asked, said_of(desk.draft())) == ([1], before)
    assert mine.saving.state.kind is SaveKind.CONFLICT
    # The other slices of theirs are no matter: nothing was asked of them.
    conflict = mine.saving.conflict
    label(theirs, 6, GOOD)
    mine.saving.resolve_conflict(keep_mine=True, but=[2], seen=conflict)
    assert asked == [1]
    assert said_of(desk.draft())[2] == (GOOD,)
    assert said_of(desk.draft())[6] == (GOOD,)


def test_a_slice_that_is_drawn_on_meanwhile_is_asked_about_too(desk, several):
    mine, _ = several
    asked = []
    mine.saving.conflict_moved.connect(lambda: asked.append(1))
    conflict = mine.saving.conflict
    label(mine, 4, LESION)  # which they changed, and nobody was asked about
    mine.saving.resolve_conflict(keep_mine=True, seen=conflict)
    assert asked == [1]
    assert said_of(desk.draft())[4] == (GOOD,)
    assert [d.index for d in mine.saving.conflict.differences] == [2, 3, 4, 5]


def test_nothing_is_given_up_that_cannot_be_kept(desk, several, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    mine, _ = several
    monkeypatch.setattr(Recovery, "keep", full)
    mine.saving.resolve_conflict(keep_mine=True, but=[3])
    assert mine.saving.state.kind is SaveKind.CONFLICT
    assert mine.editor.content(3).class_labels == (LESION,)


def test_all_that_is_under_way_is_finished_once_it_is_settled(desk):
    from .conftest import SlowExecutor

    slow = SlowExecutor()
    session = desk.session(None, executor=slow)
    session.open_first()
    slow.drain()
    session.editor.set_class([1], 1, True)
    session.go(1)
    assert slow.tasks
    session.settle()
    assert not slow.tasks
    assert session.case.row.case.id == "one"
    assert desk.store.load("job", "one").annotation.revision == 1
