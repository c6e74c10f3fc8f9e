"""Which label is ready as a case opens."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_annotate_jobs.app._case_actions import CaseController
from napari_annotate_jobs.model import Label, LabelSet, Method
from napari_annotate_jobs.session import Habits

LABELS = LabelSet(
    labels=(
        Label(id=1, name="Seen", color="#112233", method=Method.CLASSIFICATION),
        Label(id=2, name="Liver", color="#112233", method=Method.SEGMENTATION),
        Label(id=3, name="Mass", color="#112233", method=Method.DETECTION),
    )
)


def controller(*, last=None, label=None, locked=False, labels=LABELS):
    habits = Habits()
    if last is not None:
        habits.keep("label", last)
    project = SimpleNamespace(label_set=labels)
    session = SimpleNamespace(
        job=SimpleNamespace(project=project), habits=habits, label=label, locked=locked
    )
    return CaseController(SimpleNamespace(session=session), None, None)


@pytest.mark.parametrize(
    ("how", "last", "expected"),
    [
        ("none", 3, None),
        ("first", 3, 2),
        ("last", 3, 3),
        ("last", None, 2),
        ("last", 99, 2),
        ("last", 1, 2),  # a class label is not drawn with
    ],
)
def test_the_label_that_is_ready(how, last, expected):
    actions = controller(last=last)
    actions.arm(how)
    found = actions.session.label
    assert (found and found.id) == expected


def test_what_is_chosen_or_read_only_or_without_drawing_stays():
    chosen = LABELS[3]
    actions = controller(label=chosen)
    actions.arm("first")
    assert actions.session.label is chosen
    actions = controller(locked=True)
    actions.arm("first")
    assert actions.session.label is None
    actions = controller(labels=LabelSet(labels=LABELS.labels[:1]))
    actions.arm("last")
    assert actions.session.label is None
