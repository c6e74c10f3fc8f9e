"""Which slices were on the screen: kept, saved with the work, and handed in."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.model import Annotation, AnnotationChange
from napari_annotate_jobs.session import AnnotationSession, SeenMemory

LESION = 1


@pytest.fixture
def look(desk, tmp_path):
    """Return a function that opens a case in front of a screen."""

    def open_(case="one", *, store=None, memory=tmp_path / "seen"):
        kept = None if memory is None else SeenMemory(memory)
        session = AnnotationSession(store or desk.store, "job", seen=kept)
        session.open_next = False
        session.told.connect(desk.told.append)
        session.failed.connect(desk.failed.append)
        session.seen.watch(True)
        if case is not None:
            session.open_case(case, slice=0)
        return session

    return open_


def seen(session):
    return sorted(session.seen.indices() or ())


def test_changes_add_to_what_was_seen():
    one = AnnotationChange(seen=("a", "b"))
    both = one.then(AnnotationChange(seen=("b", "c")))
    assert both.seen == ("a", "b", "c")
    assert not one.is_empty
    after = Annotation(case_id="x", person="ana", seen=("z",)).apply(both, revision=1)
    assert after.seen == ("z", "a", "b", "c")
    assert after.is_blank
    assert after.unseen(["a", "d", "z", "e"]) == (1, 3)
    assert Annotation(case_id="x", person="ana").unseen(["a"]) is None


def test_looking_alone_makes_no_draft(look, desk):
    session = look()
    for index in range(4):
        session.seen.add(index)
    session.go(1)
    assert desk.store.saves == 0
    assert not desk.store.case("job", "one").draft
    session.open_case("one")
    assert seen(session) == [0, 1, 2, 3]


def test_it_survives_that_all_is_closed(look):
    session = look()
    session.seen.add(2)
    session.close()
    assert seen(look()) == [2]
    assert seen(look("two")) == []


def test_what_this_computer_keeps_names_nothing(look, tmp_path):
    session = look()
    session.seen.add(2)
    key = session.editor.key(2)
    session.close()
    (file,) = (tmp_path / "seen").iterdir()
    assert key not in file.read_text() and "one" not in file.name


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, null]", "\x00" * 9])
def test_a_broken_memory_costs_the_memory_alone(look, tmp_path, text):
    session = look()
    session.seen.add(2)
    session.close()
    (file,) = (tmp_path / "seen").iterdir()
    file.write_text(text)
    session = look()
    assert seen(session) == []
    session.seen.add(1)
    session.close()
    assert seen(look()) == [1]


def test_it_goes_with_the_next_edit_to_other_computers(look, desk):
    session = look()
    session.seen.add(0)
    session.seen.add(3)
    session.editor.set_class([3], LESION, True)
    keys = session.editor.keys([0, 3])
    assert desk.draft().seen == keys
    saves = desk.store.saves
    session.seen.add(4)
    assert desk.store.saves == saves
    other = look(store=desk.other(), memory=None)
    assert seen(other) == [0, 3]
    session.editor.undo(0)
    assert desk.draft().seen == (*keys, session.editor.key(4))


def test_a_submission_says_it_and_its_digest_covers_it(look, desk):
    session = look()
    n = session.editor.n_slices
    for index in range(n - 2):
        session.seen.add(index)
    session.editor.set_case_nothing_to_label()
    session.seen.add(n - 1)
    session.submit()
    (submission,) = desk.store.submissions("job", "one")
    keys = session.editor.keys(range(n))
    assert submission.annotation.unseen(keys) == (n - 2,)
    altered = submission.annotation.model_copy(update={"seen": keys})
    with pytest.raises(ValueError, match="altered"):
        type(submission)(**{**dict(submission), "annotation": altered})
    assert desk.told[-1].endswith(f"1 of {n} slices was never shown.")


def test_nothing_is_told_of_who_saw_all(look, desk):
    session = look()
    for index in range(session.editor.n_slices):
        session.seen.add(index)
    session.editor.set_case_nothing_to_label()
    session.submit()
    assert desk.told[-1] == "One was submitted (number 1)."


def test_a_script_without_a_screen_says_nothing_of_it(desk):
    session = desk.session("one")
    session.editor.set_case_nothing_to_label()
    session.submit()
    (submission,) = desk.store.submissions("job", "one")
    assert submission.annotation.seen == ()
    assert session.seen.text == "" and session.seen.indices() is None


def test_nothing_is_added_to_what_is_submitted(look, desk):
    session = look()
    session.seen.add(1)
    session.editor.set_case_nothing_to_label()
    session.submit()
    session.seen.add(2)
    assert seen(session) == [1]
    session.go(1)
    session.open_case("one")
    session.seen.add(2)
    assert seen(session) == [1]
    session.reopen()
    session.seen.add(2)
    assert seen(session) == [1, 2]


def test_seen_elsewhere_meanwhile_is_no_conflict(look, desk):
    session = look()
    other = look(store=desk.other(), memory=None)
    other.seen.add(5)
    other.editor.set_class([5], LESION, True)
    other.close()
    session.seen.add(1)
    session.editor.set_class([1], LESION, True)
    assert session.saving.conflict is not None  # of slices, as before
    session.saving.resolve_conflict(keep_mine=True)
    assert desk.draft().seen == session.editor.keys([5, 1])
    assert seen(session) == [1, 5]


def test_a_submission_waits_for_no_save_that_failed(look, desk):
    session = look()
    session.editor.set_case_nothing_to_label()
    session.seen.add(1)
    desk.store.fault = OSError("no disk")
    session.submit()
    assert not desk.store.submissions("job", "one")
    assert desk.failed
    desk.store.fault = None
    session.saving.retry()
    session.submit()
    (submission,) = desk.store.submissions("job", "one")
    assert submission.annotation.seen == session.editor.keys([1])
