"""Which job is offered after one that is finished."""

from __future__ import annotations

from datetime import date

import pytest

from napari_annotate_jobs.app._next_job import next_job
from napari_annotate_jobs.model import (
    COLORS,
    Counts,
    Job,
    JobSummary,
    Label,
    LabelSet,
    Method,
    Project,
    ReviewCounts,
)


def make(name, left=3, *, due=None, archived=False, reviews=None):
    label = Label(id=1, name="a", color=COLORS[0], method=Method.CLASSIFICATION)
    project = Project(
        name=name, methods=(label.method,), label_set=LabelSet(labels=(label,))
    )
    return JobSummary(
        job=Job(id=name, project=project, due=due, archived=archived),
        counts=Counts(remaining=left, finished=2),
        location=f"/jobs/{name}",
        reviews=reviews,
    )


DONE = make("done", 0)
SOON, LATER = make("soon", due=date(2030, 1, 2)), make("later", due=date(2030, 3, 4))


@pytest.mark.parametrize(
    ("listed", "following"),
    [
        ([DONE], None),
        ([], None),
        ([DONE, make("open"), LATER, SOON], "soon"),
        ([make("b"), DONE, make("a")], "b"),
        ([make("other done", 0), DONE, make("gone", archived=True)], None),
        ([make("to review", reviews=ReviewCounts(waiting=4)), DONE], None),
    ],
)
def test_what_is_due_first_comes_next(listed, following):
    found = next_job(listed, DONE)
    assert (found and found.job.name) == following


def test_the_job_itself_is_not_offered_though_its_counts_are_old():
    assert next_job([SOON.model_copy(), LATER], SOON) is LATER
    assert next_job([SOON], None) is SOON
