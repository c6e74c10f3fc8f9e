"""Cases that are named one by one, as the job's page lists them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.app import _case_source
from napari_annotate_jobs.app._case_source import StoreCaseSource, StoreReviewSource
from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
    Status,
)
from napari_annotate_jobs.session import SynchronousExecutor
from napari_annotate_jobs.stores import MemoryStore
from napari_annotate_jobs.widgets import CaseQuery

LABEL = Label(id=1, name="lesion", color="#E69F00", method=Method.CLASSIFICATION)
PROJECT = Project(
    name="P", methods=(Method.CLASSIFICATION,), label_set=LabelSet(labels=(LABEL,))
)
JOB = Job(id="j", project=PROJECT)


@pytest.fixture
def store():
    cases = [Case(id=n, name=n, series=(SeriesRef(path=n),)) for n in "abcdef"]
    made = MemoryStore([(JOB, cases)], person="ana")
    for case in "bd":
        said = SliceAnnotation(index=0, class_labels=(1,))
        change = AnnotationChange(slices={"index:0": said})
        made.submit("j", case, base=made.save("j", case, change, {}, base=0))
    return made


def ask(kind, store, query, offset=0, limit=10):
    executor, found = SynchronousExecutor(), []

    def refuse(error):
        raise error

    source = kind(store, JOB, executor, executor, refuse)
    source.fetch(query, offset, limit, lambda *answer: found.append(answer))
    ((rows, total),) = found
    return [row.case.id for row in rows], total


def test_named_cases_come_in_their_order_and_by_pages(store):
    query = CaseQuery(only=("e", "b", "gone", "a"))
    assert ask(StoreCaseSource, store, query) == (["e", "b", "a"], 3)
    assert ask(StoreCaseSource, store, query, 1, 1) == (["b"], 3)
    assert ask(StoreCaseSource, store, CaseQuery())[1] == 6


def test_named_submissions_are_those_of_their_person(store):
    query = CaseQuery(only=("d\nana", "b\nbo", "b\nana"))
    assert ask(StoreReviewSource, store, query) == (["d", "b"], 2)


def test_cases_with_a_label_come_in_the_order_asked_for(store):
    case = store.load("j", "a").annotation
    other = AnnotationChange(
        slices={"index:0": SliceAnnotation(index=0, nothing_to_label=True)}
    )
    store.save("j", "a", other, {}, base=case.revision)
    assert ask(StoreCaseSource, store, CaseQuery(label=1)) == (["b", "d"], 2)
    assert ask(StoreCaseSource, store, CaseQuery(label=1, backwards=True), 1, 1) == (
        ["b"],
        2,
    )
    assert ask(StoreCaseSource, store, CaseQuery(label=1, text="D")) == (["d"], 1)
    assert ask(StoreCaseSource, store, CaseQuery(label=2)) == ([], 0)
    assert ask(StoreReviewSource, store, CaseQuery(label=1)) == (["b", "d"], 2)


def test_only_what_was_annotated_is_read_and_once(store, monkeypatch):
    executor, read = SynchronousExecutor(), []
    load = store.load
    monkeypatch.setattr(
        store, "load", lambda job, case, **more: read.append(case) or load(job, case)
    )
    source = StoreCaseSource(store, JOB, executor, executor, print)
    answers = []
    for _ in range(2):
        source.fetch(CaseQuery(label=1), 0, 10, lambda *found: answers.append(found))
    assert sorted(read) == ["b", "d"]
    assert [total for _, total in answers] == [2, 2]
    keys = source.listed(CaseQuery(label=1), 0).beyond("b", 1)
    assert list(keys) == ["d"]


def test_what_is_asked_for_next_ends_the_search(store, monkeypatch):
    monkeypatch.setattr(_case_source, "CHUNK", 1)
    tasks, answers = [], []
    slow = SimpleNamespace(run=lambda *task: tasks.append(task))
    source = StoreCaseSource(store, JOB, SynchronousExecutor(), slow, print)
    source.fetch(CaseQuery(label=1), 0, 10, lambda *found: answers.append(found))
    source.fetch(CaseQuery(), 0, 10, lambda rows, total: answers.append(total))
    task, done, _ = tasks.pop()
    done(task())
    assert not tasks and answers == [6, ((), 0)]


@pytest.mark.parametrize(
    ("query", "case", "place"),
    [
        (CaseQuery(text="b"), "b", (1, 1, 0)),
        (CaseQuery(backwards=True), "e", (2, 6, 4)),
        (CaseQuery(status=Status.REMAINING), "e", (3, 4, 4)),
        (CaseQuery(status=Status.FINISHED), "d", (2, 2, 0)),
        (CaseQuery(label=1), "d", (2, 2, 0)),
        (CaseQuery(only=("c", "b")), "b", (2, 2, 1)),
    ],
    ids=lambda value: "",
)
def test_a_case_stands_in_the_list_that_was_asked_for(store, query, case, place):
    executor = SynchronousExecutor()
    source = StoreCaseSource(store, JOB, executor, executor, print)
    assert source.listed(CaseQuery(), 0) is None
    listed = source.listed(query, place[0] - 1)
    listed.note()
    assert listed.place(case) == place


def test_what_waits_is_left_of_a_list_of_submissions(store):
    executor = SynchronousExecutor()
    source = StoreReviewSource(store, JOB, executor, executor, print)
    listed = source.listed(CaseQuery(backwards=True), 0)
    listed.note()
    assert listed.place(("d", "ana")) == (1, 2, 2)
