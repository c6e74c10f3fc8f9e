"""Labels that are left out of an export, and what that makes of slices."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_annotate_jobs.errors import Cancelled, InvalidValueError
from napari_annotate_jobs.formats import (
    LabelChoice,
    ListedSource,
    count_classes,
    export,
    exporter,
    plan_export,
)
from napari_annotate_jobs.model import Decision, Method


@pytest.fixture
def case(source):
    summary = next(iter(source.summaries()))
    return source.open(summary)


def test_what_stays_and_what_becomes_a_negative(case):
    tumour = LabelChoice(ids=(1,)).case(case)
    assert [label.id for label in tumour.labels.labels] == [1]
    assert not tumour.labels.groups
    mask = case.mask(2, "")
    assert np.array_equal(tumour.mask(2, ""), np.where(mask == 1, 1, 0))
    assert tumour.said(2).label_ids == (1,)
    assert tumour.mask(2, "vessels") is None
    bad = LabelChoice(ids=(6,)).case(case)
    # It was labelled, with nothing that is asked for: somebody looked at it.
    assert bad.decision(2) is Decision.NOTHING_TO_LABEL
    assert bad.decision(1) is Decision.NOTHING_TO_LABEL
    assert bad.decision(5) is Decision.EXCLUDED
    assert bad.decision(0) is Decision.UNDECIDED
    # In a single-choice group that is no class to learn.
    assert bad.truth(2, Method.CLASSIFICATION, "quality") == "unknown"


def test_counts_agree_with_what_is_written(source, tmp_path):
    choice = LabelChoice(ids=(1, 4))
    summaries = list(source.summaries())
    labels = source.job.project.label_set
    counted = {c.label.id: c for c in count_classes(summaries, labels, [choice])}
    assert sorted(counted) == [1, 4]
    whole = {c.label.id: c for c in count_classes(summaries, labels)}
    assert counted[1] == whole[1]
    out = tmp_path / "out"
    export(source, exporter("coco"), out, transforms=[choice], workers=1)
    found = json.loads((out / "annotations" / "instances_default.json").read_text())
    assert [c["name"] for c in found["categories"]] == ["Tumour", "nodule"]
    manifest = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert {"labels": [1, 4]} in manifest["transforms"]


@pytest.mark.parametrize("ids", [(), (99,)])
def test_nothing_or_what_is_not_there(source, ids):
    with pytest.raises(InvalidValueError):
        plan_export(source, exporter("coco"), [LabelChoice(ids=ids)])


def test_what_was_looked_up_is_looked_through_again(source):
    listed = ListedSource(source, list(source.summaries()))
    plan = plan_export(listed, exporter("nifti"))
    assert [str(s) for s in plan.cases] == [str(s) for s in source.summaries()]


def test_an_export_stops_before_it_begins(source, tmp_path):
    with pytest.raises(Cancelled):
        plan_export(source, exporter("nifti"), cancelled=lambda: True)
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        export(source, exporter("nifti"), out, cancelled=lambda: True)
    assert not list(tmp_path.iterdir())
