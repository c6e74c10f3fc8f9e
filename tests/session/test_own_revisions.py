"""One's own revisions are no conflict, and late work becomes a draft."""

from __future__ import annotations

import json
from unittest.mock import Mock

import pytest

from napari_annotate_jobs.errors import (
    ConflictError,
    DamagedJournalError,
    StoreAccessError,
)
from napari_annotate_jobs.model import (
    AnnotationChange,
    Comment,
    SliceAnnotation,
    Status,
)
from napari_annotate_jobs.session import SaveKind
from napari_annotate_jobs.session._trail import Trail, changed_parts

LESION, GOOD, BAD, LEFT = 1, 2, 3, 4


def label(session, index, label_id=LESION):
    session.editor.set_class([index], label_id, True)


def labelled(desk, case="one"):
    slices = desk.draft(case).slices.values()
    return sorted(content.index for content in slices if content.has_labels)


def run_task(slow):
    """Let the store do what is next in the row, and nobody hear of it."""
    task, _, _ = slow.tasks.pop(0)
    return task()


def save(desk, index, label_id, **fields):
    """Save a class label as somebody else would, on top of what is there."""
    store = desk.other()
    change = AnnotationChange(
        slices={f"1.2.{index}": SliceAnnotation(index=index, class_labels=(label_id,))},
        **fields,
    )
    store.save("job", "one", change, {}, base=desk.draft().revision)


# -------------------------------------------------------------------- killed
@pytest.fixture
def killed(desk, slow, kit):
    """Kill a session while the store has its first edit, and no word of it came."""
    session = desk.session()
    label(session, 0)
    session.editor.add_comment("first")
    session.close()
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    slow.tick()
    session.editor.set_masks({(2, ""): kit.mask()})
    session.editor.add_comment("second", 2)
    slow.tick()
    run_task(slow)
    assert labelled(desk) == [0, 1]
    return desk


def test_killed_during_slow_saves_is_no_conflict_with_oneself(killed, kit):
    again = killed.session()
    assert again.saving.state.kind is SaveKind.SAVED
    assert labelled(killed) == [0, 1, 2]
    assert (again.editor.mask(2) == kit.mask()).all()
    assert [c.text for c in killed.draft().comments] == ["first", "second"]
    assert killed.kept_files() == []
    assert killed.failed == []


def test_the_same_slice_twice_is_no_conflict_either(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1, GOOD)
    slow.tick()
    label(session, 1, BAD)
    slow.tick()
    run_task(slow)
    assert desk.draft().slices["1.2.1"].class_labels == (GOOD,)
    again = desk.session()
    assert again.saving.state.kind is SaveKind.SAVED
    assert desk.draft().slices["1.2.1"].class_labels == (BAD,)


@pytest.mark.parametrize("index", [1, 2, 5], ids=["saved", "unsaved", "other"])
def test_somebody_else_in_between_is_a_conflict(killed, index):
    save(killed, index, GOOD)
    again = killed.session()
    assert again.saving.state.kind is SaveKind.CONFLICT
    assert len(killed.kept_files()) == 1
    assert killed.draft().slices[f"1.2.{index}"].class_labels == (GOOD,)


def test_a_comment_in_between_is_a_conflict(killed):
    store, draft = killed.other(), killed.draft()
    comments = (*draft.comments, Comment(person="ana", text="elsewhere"))
    change = AnnotationChange(comments=comments)
    store.save("job", "one", change, {}, base=draft.revision)
    assert killed.session().saving.state.kind is SaveKind.CONFLICT


def test_what_an_older_version_kept_still_conflicts(killed):
    (path,) = killed.kept_files()
    document = json.loads(path.read_text())
    del document["trail"]
    path.write_text(json.dumps(document))
    assert killed.session().saving.state.kind is SaveKind.CONFLICT


def test_an_answer_that_was_lost_is_no_conflict(desk, monkeypatch):
    """The share goes right after the store has written."""
    session = desk.session()
    store, save = desk.store, desk.store.save

    def save_and_lose(*args, **kwargs):
        save(*args, **kwargs)
        raise StoreAccessError("the share is gone")

    monkeypatch.setattr(store, "save", save_and_lose)
    label(session, 1)
    assert session.saving.state.kind is SaveKind.OFFLINE
    label(session, 2)
    monkeypatch.undo()
    session.saving.retry()
    assert session.saving.state.kind is SaveKind.SAVED
    assert labelled(desk) == [1, 2]
    assert desk.kept_files() == []


def lose_answers(store, monkeypatch):
    """Let each save fail once the store has written it."""
    save = store.save

    def save_and_lose(*args, **kwargs):
        save(*args, **kwargs)
        raise StoreAccessError("the disk cannot say whether it is safe")

    monkeypatch.setattr(store, "save", save_and_lose)


@pytest.mark.parametrize("again", ["restarted", "retried"])
@pytest.mark.parametrize("then", ["changed", "undone", "changed twice"])
def test_what_was_changed_after_a_lost_answer_is_no_conflict(
    desk, monkeypatch, again, then
):
    """The store has what was told to have failed, and that is replaced since."""
    session = desk.session()
    lose_answers(desk.store, monkeypatch)
    label(session, 1, GOOD)
    if then == "undone":
        session.undo()
    else:
        label(session, 1, BAD)
    if then == "changed twice":
        session.saving.retry()  # in vain: the store says another revision
        label(session, 1, LESION)
    monkeypatch.undo()
    assert desk.draft().slices["1.2.1"].class_labels[0] != LESION
    if again == "retried":
        session.saving.retry()
    else:
        session = desk.session()
    assert session.saving.state.kind is SaveKind.SAVED
    expected = {"changed": (BAD,), "undone": (), "changed twice": (LESION, BAD)}[then]
    content = desk.draft().slices.get("1.2.1")
    assert sorted(content.class_labels if content else ()) == sorted(expected)
    assert desk.kept_files() == []


def test_somebody_else_after_a_lost_answer_is_a_conflict(desk, monkeypatch):
    session = desk.session()
    lose_answers(desk.store, monkeypatch)
    label(session, 1, GOOD)
    label(session, 1, BAD)
    monkeypatch.undo()
    save(desk, 1, LESION)
    assert desk.session().saving.state.kind is SaveKind.CONFLICT


def test_what_is_found_in_the_store_is_saved_before_the_kept_copy_goes(
    desk, monkeypatch
):
    """What can be read there may be in the memory of the system only."""
    session = desk.session()
    lose_answers(desk.store, monkeypatch)
    label(session, 1, GOOD)
    monkeypatch.undo()
    refused = StoreAccessError("the disk is broken")
    with monkeypatch.context() as patch:
        patch.setattr(type(desk.store), "save", Mock(side_effect=refused))
        again = desk.session()
        assert again.saving.state.kind is not SaveKind.SAVED
        assert len(desk.kept_files()) == 1
    again.saving.retry()
    assert again.saving.state.kind is SaveKind.SAVED
    assert desk.kept_files() == []


def test_leftovers_of_killed_keeps_are_cleared_away(desk):
    folder = desk.path / "unsaved"
    folder.mkdir()
    (folder / "tmpabc123.tmp").write_text("{")
    desk.session()
    assert desk.kept_files() == []


def test_a_keep_whose_file_is_cleared_away_is_made_again(desk, monkeypatch):
    import os

    replace, calls = os.replace, []

    def meddled(source, target):
        calls.append(source)
        if len(calls) == 1:
            os.unlink(source)
        replace(source, target)

    session = desk.session()
    desk.store.fault = StoreAccessError("away")
    monkeypatch.setattr(os, "replace", meddled)
    label(session, 1)
    assert session.saving.state.kept
    assert len(calls) == 2


# ------------------------------------------------------------------ conflict
def test_a_conflict_says_who_when_and_what(desk, kit):
    first = desk.session()
    label(first, 1)
    first.close()
    mine = desk.session()
    theirs = desk.session(store=desk.other())
    label(theirs, 2, GOOD)
    theirs.editor.set_masks({(4, ""): kit.mask()})
    label(mine, 2, LESION)
    mine.editor.set_masks({(5, ""): kit.mask(700)})
    mine.editor.set_case_label(LEFT)
    conflict = mine.saving.conflict
    assert conflict.person == "ana"
    assert conflict.time == desk.draft().modified
    assert conflict.others == (4,)
    rows = [(d.name, d.mine, d.theirs, d.both) for d in conflict.differences]
    assert rows == [
        ("Whole case", "left", "nothing said", False),
        ("Slice 3", "lesion", "good", True),
        ("Slice 6", "tumour 14 px", "undecided", False),
    ]
    assert (conflict.theirs.mask(4) == kit.mask()).all()
    mine.saving.resolve_conflict(keep_mine=True)
    assert mine.saving.conflict is None


def test_a_conflict_that_cannot_be_looked_at_is_still_one(desk, monkeypatch):
    mine = desk.session()
    save(desk, 2, GOOD)

    def load(*args, **kwargs):
        raise StoreAccessError("away")

    monkeypatch.setattr(desk.store, "load", load)
    label(mine, 1)
    assert mine.saving.state.kind is SaveKind.CONFLICT
    assert mine.saving.conflict is None
    assert len(desk.kept_files()) == 1


def test_a_store_that_insists_is_not_asked_for_ever(desk):
    session = desk.session()
    desk.store.fault = ConflictError(base=0, current=3)
    label(session, 1)
    assert session.saving.state.kind is SaveKind.CONFLICT
    assert desk.store.saves == 1


# ------------------------------------------------------- submitted elsewhere
@pytest.fixture
def late(desk):
    """Return a session that drew on a case which was submitted meanwhile."""
    mine, theirs = desk.session(), desk.session(store=desk.other())
    mine.heard = []
    mine.saving.late_work.connect(mine.heard.append)
    label(theirs, 2, GOOD)
    theirs.submit()
    label(mine, 1)
    return mine


def returned(desk):
    comment = Comment(person="eve", text="again, please")
    desk.other("eve").return_case("job", "one", [comment], person="ana")


def test_a_case_submitted_elsewhere_is_read_only_at_once(desk, late):
    assert late.locked
    assert late.status is Status.FINISHED
    assert not late.editor.content(1).has_labels
    assert late.editor.content(2).class_labels == (GOOD,)
    assert late.saving.state.text == "submitted, number 1"
    (work,) = late.heard
    assert (work.count, work.number, work.kept) == (1, 1, True)
    (frozen,) = desk.store.submissions("job", "one")
    assert work.time == frozen.time
    (row,) = [d for d in work.differences if d.index == 1]
    assert (row.mine, row.theirs, row.both) == ("lesion", "undecided", False)
    (path,) = desk.kept_files()
    assert "draft" in path.name
    assert labelled(desk) == [2]
    late.go(1)  # nothing keeps one
    assert late.case.row.case.id == "two"


def test_what_was_drawn_too_late_was_not_drawn_at_the_same_time(desk):
    """Not even on a slice of what was submitted: nobody contradicts anybody."""
    mine, theirs = desk.session(), desk.session(store=desk.other())
    heard = []
    mine.saving.late_work.connect(heard.append)
    label(theirs, 2, GOOD)
    theirs.submit()
    label(mine, 2)
    (work,) = heard
    assert [(d.index, d.both) for d in work.differences] == [(2, False)]


def test_submitting_what_was_submitted_elsewhere(desk):
    mine, theirs = desk.session(), desk.session(store=desk.other())
    label(theirs, 2, GOOD)
    heard = []
    mine.saving.late_work.connect(heard.append)
    mine.open_case("one")
    theirs.submit()
    mine.submit()
    assert mine.locked
    assert [work.count for work in heard] == [0]
    assert desk.kept_files() == []


def test_the_draft_is_offered_when_the_case_is_returned(desk, late):
    late.close()
    again = desk.session()
    offered = []
    again.saving.draft_found.connect(offered.append)
    assert again.locked and offered == []
    returned(desk)
    again.open_case("one")
    (work,) = offered
    assert work.count == 1
    assert [d.mine for d in work.differences if d.index == 1] == ["lesion"]
    assert not again.editor.content(1).has_labels
    again.saving.take_draft()
    assert labelled(desk) == [1, 2]
    again.undo()
    assert labelled(desk) == [2]
    assert desk.kept_files() == []


def test_a_draft_can_be_given_up(desk, late):
    late.saving.drop_draft()
    assert desk.kept_files() == []
    returned(desk)
    again = desk.session(None)
    offered = []
    again.saving.draft_found.connect(offered.append)
    again.open_case("one")
    assert offered == []


def test_killed_before_a_submission_elsewhere(desk, slow):
    session = desk.session(executor=slow)
    slow.drain()
    label(session, 1)
    slow.tick()  # kept here, and killed
    theirs = desk.session(store=desk.other(), recovery=False)
    label(theirs, 2, GOOD)
    theirs.submit()
    again = desk.session()
    assert again.locked
    assert any("draft" in text for text in desk.told)
    (path,) = desk.kept_files()
    assert "draft" in path.name
    returned(desk)
    offered = []
    again.saving.draft_found.connect(offered.append)
    again.open_case("one")
    assert len(offered) == 1


def test_late_work_that_cannot_be_kept_is_not_dropped(desk, monkeypatch):
    from napari_annotate_jobs.errors import UnsavedWorkError
    from napari_annotate_jobs.session import Recovery

    mine, theirs = desk.session(), desk.session(store=desk.other())
    label(theirs, 2, GOOD)
    theirs.submit()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recovery, "keep", full)
    heard = []
    mine.saving.late_work.connect(heard.append)
    label(mine, 1)
    assert mine.locked
    assert [work.kept for work in heard] == [False]
    assert "submitted elsewhere" in mine.saving.state.text
    mine.go(1)
    assert mine.case.row.case.id == "one"
    assert isinstance(desk.failed[-1], UnsavedWorkError)
    monkeypatch.undo()
    mine.saving.retry()
    assert [work.kept for work in heard] == [False, True]
    mine.go(1)
    assert mine.case.row.case.id == "two"


# -------------------------------------------------------------------- damaged
def test_a_damaged_journal_can_be_gone_on_with(desk, monkeypatch, tmp_path):
    load, damaged, mended = desk.store.load, ["one"], []

    def load_or_refuse(job_id, case_id, **options):
        if case_id in damaged:
            raise DamagedJournalError("line 3 of the journal is damaged")
        return load(job_id, case_id, **options)

    def mend_case(job_id, case_id):
        mended.append(case_id)
        damaged.remove(case_id)
        return tmp_path / "changes.aside-1.jsonl"

    monkeypatch.setattr(desk.store, "load", load_or_refuse)
    monkeypatch.setattr(desk.store, "mend_case", mend_case)
    session = desk.session()
    (error,) = desk.failed
    assert not session.is_open
    assert not mended  # nobody was asked
    error.__cause__.go_on()
    assert mended == ["one"]
    assert session.case.row.case.id == "one"
    assert "changes.aside-1.jsonl" in desk.told[-1]


def test_where_there_is_no_draft_none_is_taken(desk):
    session = desk.session()
    assert not session.saving.take_draft()
    session.close_case()
    assert not session.saving.take_draft()
    assert desk.told == []


def test_own_changes_are_known_in_every_part(desk):
    """Not only slices: comments and labels of the case as well."""
    session = desk.session()
    label(session, 0)
    base = desk.draft()
    change = AnnotationChange(
        comments=(Comment(person="ana", text="look"),), case_labels=(LEFT,)
    )
    trail = Trail.of(base, change)
    mine = base.apply(change, revision=base.revision + 1)
    assert changed_parts(change) == {"comments", "case_labels"}
    assert trail.leads_to(base)
    assert trail.leads_to(mine)
    for other in (
        AnnotationChange(case_nothing_to_label=True, case_labels=()),
        AnnotationChange(slices={"1.2.7": SliceAnnotation(index=7, excluded=True)}),
        AnnotationChange(comments=(Comment(person="eve", text="mine"),)),
    ):
        assert not trail.leads_to(mine.apply(other, revision=mine.revision + 1))
