"""Locks of labels: whose they are, and how often they are spoken of."""

from __future__ import annotations

import pytest

from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.session import AnnotationSession, Habits

LESION, LIVER, TUMOUR = 1, 6, 700


@pytest.fixture
def at_work(desk, tmp_path):
    def make(person="ana", job="job"):
        habits = Habits(tmp_path / "habits.json", "there", job, person)
        session = AnnotationSession(desk.store, "job", habits=habits)
        session.open_case("one")
        session.said = []
        session.told.connect(session.said.append)
        return session

    return make


def test_locks_are_of_a_person_in_a_job(at_work, desk):
    labels = desk.store.job("job").project.label_set
    session = at_work()
    session.protection.toggle(labels[LIVER])
    assert session.editor.protected == {LIVER}
    session.open_case("two")
    assert session.editor.protected == {LIVER}
    assert at_work().editor.protected == {LIVER}
    assert not at_work("ben").editor.protected
    assert not at_work(job="other").editor.protected
    session.protection.toggle(labels[LIVER])
    assert not session.editor.protected
    assert not at_work().editor.protected


def test_it_is_said_once_for_each_series_of_strokes(at_work, kit):
    session = at_work()
    labels = session.job.project.label_set
    session.editor.set_masks({(0, ""): kit.mask(LIVER)})
    session.protection.toggle(labels[LIVER])
    session.label = labels[TUMOUR]
    for _ in range(3):
        session.editor.set_masks({(0, ""): kit.mask(0)})
    assert len(session.said) == 1
    session.label = labels[LIVER]  # said at once: it cannot be painted
    assert len(session.said) == 2
    session.editor.set_masks({(0, ""): kit.mask(0)})
    assert len(session.said) == 2
    session.label = labels[TUMOUR]
    session.editor.set_masks({(0, ""): kit.mask(0)})
    assert len(session.said) == 3


@pytest.mark.parametrize("label", [None, LESION])
def test_there_must_be_something_to_protect(at_work, label):
    session = at_work()
    chosen = None if label is None else session.job.project.label_set[label]
    with pytest.raises(TransitionError, match="no label for masks or boxes"):
        session.protection.toggle(chosen)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', "null"])
def test_a_damaged_file_protects_nothing(tmp_path, text):
    path = tmp_path / "habits.json"
    path.write_text(text)
    habits = Habits(path, "there", "job", "ana")
    assert habits.numbers("protected") == ()
    habits.keep("protected", [3])
    habits.keep("label", 4)
    again = Habits(path, "there", "job", "ana")
    assert again.numbers("protected") == (3,)
    assert again.number("label") == 4
    assert again.number("protected") is None


def test_the_label_used_last_is_remembered(at_work):
    session = at_work()
    session.label = session.job.project.label_set[TUMOUR]
    session.close_case()
    assert at_work().habits.number("label") == TUMOUR
    assert at_work("ben").habits.number("label") is None
