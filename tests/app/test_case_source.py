"""Cases that are named one by one, as the job's page lists them."""

from __future__ import annotations

import pytest

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
