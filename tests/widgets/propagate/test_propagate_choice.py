from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.editing import Mode, lift, propagate
from napari_annotate_jobs.model import Box, Decision, Method, Provenance, RangeAction
from napari_annotate_jobs.widgets.propagate._words import (
    Choice,
    preview_of,
    preview_text,
    propagation_of,
)


def choice(start=5, stop=14, **changes):
    fields = {"n": 30, "origin": start, "start": start, "stop": stop, "labels": (1,)}
    return Choice(**(fields | changes))


@pytest.mark.parametrize(
    ("fields", "labelled", "targets"),
    [
        ({}, (), range(5, 15)),
        ({"every": 3}, (), (5, 8, 11, 14)),
        ({"origin": 10, "every": 3}, (), (7, 10, 13)),
        ({"until": True}, (3, 9, 20), (5, 6, 7, 8)),
        ({"origin": 10, "until": True}, (7, 10, 12), (8, 9, 10, 11)),
        ({"origin": 2, "until": True}, (9,), (5, 6, 7, 8)),
        ({"origin": 25, "until": True}, (9,), (10, 11, 12, 13, 14)),
        ({"origin": 25, "every": 4}, (), (6, 10, 14)),
    ],
)
def test_targets(fields, labelled, targets):
    assert choice(**fields).targets(labelled) == tuple(targets)


def test_a_range_stays_in_the_series_and_in_order():
    moved = choice().over(40, -3)
    assert (moved.start, moved.stop) == (0, 29)


@pytest.fixture
def editor(make_session):
    session = make_session()
    labels = session.job.project.label_set
    session.toggle(labels[2], range(10, 13))
    session.toggle(labels[3], [3])
    session.editor.set_nothing_to_label([20])
    session.editor.set_excluded([25])
    return session.editor


@pytest.fixture
def drawn(editor):
    """Return the case with boxes, masks, proposals of both, and comments."""
    kinds = {label.method: label.id for label in editor.labels.labels}
    box = Box(label=kinds[Method.DETECTION], top=1, left=1, bottom=5, right=5)
    mask = np.full(editor.shape, kinds[Method.SEGMENTATION], np.uint16)
    editor.set_boxes({2: [box], 11: [box], 15: [box.evolve(proposal=True)]})
    editor.set_masks({(2, ""): mask, (12, ""): mask})
    editor.propose_masks({(6, ""): mask}, provenance=Provenance.INTERPOLATED)
    for index in (2, 6, 20):
        editor.add_comment("Look again", index)
    return editor


CHOICES = [
    choice(0, 29, action=what, mode=mode, labels=ids, lift=lifts)
    for what, ids in [
        (RangeAction.CLASS_LABELS, (1,)),
        (RangeAction.CLASS_LABELS, (1, 4)),
        (RangeAction.CLASS_LABELS, (2,)),
        (RangeAction.NOTHING_TO_LABEL, ()),
        (RangeAction.EXCLUDE, ()),
    ]
    for mode in Mode
    for lifts in (False, True)
]


@pytest.mark.parametrize("wanted", CHOICES)
def test_what_is_previewed_is_what_happens(editor, wanted):
    preview = preview_of(editor, wanted)
    before = [editor.cell(i) for i in range(30)]
    asked = propagation_of(wanted, preview.targets)
    (lift if wanted.lift else propagate)(editor, asked)
    after = [editor.cell(i) for i in range(30)]
    changed = [i for i in range(30) if before[i] != after[i]]
    assert {cell.index for cell in preview.changed} >= set(changed)
    assert len(preview.changed) == preview.counts[wanted.mode]
    assert list(preview.changed) == [after[cell.index] for cell in preview.changed]


@pytest.mark.parametrize("wanted", CHOICES)
def test_the_marks_of_what_is_drawn_stay_in_the_preview(drawn, wanted):
    before = [drawn.cell(i) for i in range(30)]
    marks = ("boxes", "masks", "proposals", "comment")
    assert all(any(getattr(cell, mark) for cell in before) for mark in marks)
    test_what_is_previewed_is_what_happens(drawn, wanted)


def test_the_text_says_what_changes_is_lost_and_kept(editor):
    def text(**changes):
        wanted = choice(0, 29, **changes)
        return preview_text(wanted, preview_of(editor, wanted))

    assert text() == "Slices 1–30: 24 change, 6 keep what they hold."
    assert text(mode=Mode.REPLACE) == "Slices 1–30: 30 change, 6 lose what they held."
    assert text(labels=()) == "Choose at least one label."
    assert text(lift=True) == "Nothing to take away on slices 1–30."
    assert text(lift=True, labels=(3,)) == "Slices 1–30: 1 changes."
    alone = choice(11, 11, labels=(1,))
    assert preview_text(alone, preview_of(editor, alone)) == (
        "Nothing changes on slice 12. What they hold is kept: Replace or Add would "
        "change it."
    )


def test_a_preview_changes_nothing(editor):
    before = editor.annotation
    for wanted in CHOICES:
        preview_of(editor, wanted)
    assert editor.annotation is before
    assert editor.decision(25) is Decision.EXCLUDED
