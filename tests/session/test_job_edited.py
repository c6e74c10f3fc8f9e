"""What happens to an open draft when an owner edits the job."""

from __future__ import annotations

import numpy as np
import pytest

from editing_kit import SHAPE
from napari_annotate_jobs.errors import InvalidValueError, StoreAccessError
from napari_annotate_jobs.model import JobEdit, Label, LabelChange, Method


def change(desk, *changes, **fields):
    labels = tuple(LabelChange(**each) for each in changes)
    return desk.other("olga").edit_job("job", JobEdit(change_labels=labels, **fields))


def paint(session, index=0, label=6):
    mask = np.zeros(SHAPE, np.uint16)
    mask[1:3, 1:3] = label
    return session.editor.set_masks({(index, ""): mask})


@pytest.fixture
def session(desk):
    return desk.session()


def label(name, method=Method.SEGMENTATION, **fields):
    return Label(id=1, name=name, color="#123456", method=method, **fields)


def test_an_open_case_follows_at_the_next_look(desk, session):
    heard = []
    session.job_changed.connect(heard.append)
    session.label = session.job.project.label_set[6]
    paint(session)
    editor, draft = session.editor, session.editor.annotation
    job = change(
        desk,
        {"id": 6, "name": "hepar", "color": "#010203"},
        add_labels=(label("spleen"),),
        name="New",
    )
    assert heard == []
    session.watch.look()
    assert heard == [job]
    assert session.job == session.saving.job == job
    # The same editor, with all that was drawn and all that can be undone.
    assert session.editor is editor
    assert editor.annotation == draft
    assert editor.labels.named("spleen").id in editor.labels.by_id
    assert editor.cell(0).names == ("hepar",)
    assert editor.cell(0).colors == ("#010203",)
    assert session.label.name == "hepar"
    assert paint(session, 1, editor.labels.named("spleen").id)
    session.undo()
    session.undo()
    assert session.editor.annotation.slices == {}
    session.watch.look()
    assert heard == [job]
    assert desk.failed == []


def test_opening_a_case_looks(desk, session):
    change(desk, {"id": 6, "name": "hepar"})
    session.open_case("two")
    assert session.job.project.label_set[6].name == "hepar"
    assert session.editor.labels[6].name == "hepar"


def test_a_label_that_is_retired_is_let_go_of_and_says_so(desk, session):
    session.label = session.job.project.label_set[6]
    change(desk, {"id": 6, "retired": True})
    session.watch.look()
    assert session.label is None
    assert "liver is retired" in desk.told[-1]
    desk.told.clear()
    session.label = session.job.project.label_set[6]
    assert session.label is None
    assert "liver is retired" in desk.told[-1]
    session.label = session.job.project.label_set[700]
    assert session.label.id == 700


def test_what_is_drawn_with_a_retired_label_can_be_edited_where_it_is(desk, session):
    paint(session)
    session.toggle(session.job.project.label_set[1], [0])
    change(desk, {"id": 6, "retired": True}, {"id": 1, "retired": True})
    session.watch.look()
    lesion = session.job.project.label_set[1]
    mask = np.zeros(SHAPE, np.uint16)
    mask[1:4, 1:4] = 6
    assert session.editor.set_masks({(0, ""): mask})
    with pytest.raises(InvalidValueError, match="liver is retired"):
        paint(session, 1)
    with pytest.raises(InvalidValueError, match="lesion is retired"):
        session.toggle(lesion, [1])
    assert list(session.editor.contents()) == [0]
    # Taken away, and brought back by undo.
    session.toggle(lesion, [0])
    assert session.editor.content(0).class_labels == ()
    session.undo()
    assert session.editor.content(0).class_labels == (1,)


def test_what_waits_to_be_saved_is_saved_with_the_labels_of_then(desk, session):
    """Drawn without a connection, with a label that is retired meanwhile."""
    desk.store.fault = StoreAccessError("away", where="x")
    paint(session)
    change(desk, {"id": 6, "retired": True})
    session.watch.look()
    desk.store.fault = None
    session.saving.retry()
    assert desk.draft().slices
    session.submit()
    assert [s.number for s in desk.store.submissions("job", "one")] == [1]


def test_a_store_that_cannot_be_asked_is_asked_again(desk, session, monkeypatch):
    def fail(job_id):
        raise StoreAccessError("away", where="x")

    change(desk, {"id": 6, "name": "hepar"})
    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "job", fail)
        session.watch.look()
        assert session.job.project.label_set[6].name == "liver"
    session.watch.look()
    assert session.job.project.label_set[6].name == "hepar"
    assert desk.failed == []


def test_a_look_waits_for_the_one_before(desk):
    from .conftest import SlowExecutor

    slow = SlowExecutor()
    session = desk.session(None, executor=slow)
    session.watch.look()
    session.watch.look()
    assert len(slow.tasks) == 1
    slow.drain()
    session.watch.look()
    assert len(slow.tasks) == 1
    slow.drain()
