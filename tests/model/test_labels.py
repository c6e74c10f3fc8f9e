"""The label set: what can be built, and what is found in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import (
    COLORS,
    AnnotationChange,
    Case,
    Concept,
    Counts,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    Scope,
    SeriesRef,
    SliceAnnotation,
    SliceId,
    Status,
    check_change,
    document_json,
    new_id,
    now,
    validated,
)


def label(label_id=1, name="a", method=Method.CLASSIFICATION, **fields):
    return Label(id=label_id, name=name, color="#112233", method=method, **fields)


SEGMENTATION = {"method": Method.SEGMENTATION}

BAD_LABELS = {
    "id 0": lambda: label(0),
    "id too large": lambda: label(65_536),
    "no name": lambda: label(name=""),
    "blank name": lambda: label(name=" a"),
    "line break": lambda: label(name="a\nb"),
    "long name": lambda: label(name="a" * 251),
    "no colour": lambda: Label(id=1, name="a", color="red", method="detection"),
    "no method": lambda: label(method="painting"),
    "case scope": lambda: label(scope=Scope.CASE, **SEGMENTATION),
    "group": lambda: label(group="g", **SEGMENTATION),
    "overlap group": lambda: label(overlap_group="g"),
    "odd overlap group": lambda: label(overlap_group="../g", **SEGMENTATION),
    "empty concept": lambda: Concept(scheme="SCT", value="", meaning="Liver"),
    "id twice": lambda: LabelSet(labels=(label(), label(name="b"))),
    "name twice": lambda: LabelSet(labels=(label(), label(2, "A"))),
    "key twice": lambda: LabelSet(
        labels=(label(key="G"), label(2, "b", key="g")),
    ),
    "group of two scopes": lambda: LabelSet(
        labels=(label(group="g"), label(2, "b", group="g", scope=Scope.CASE))
    ),
    "two groups of a name": lambda: LabelSet(groups=(Group(), Group(exclusive=True))),
    "two methods": lambda: Project(name="p", methods=("detection", "detection")),
    "no methods": lambda: Project(name="p", methods=()),
    "method without a label": lambda: Project(name="p", methods=("detection",)),
    "label without its method": lambda: Project(
        name="p",
        methods=("detection",),
        label_set=LabelSet(labels=(label(), label(2, "b", Method.DETECTION))),
    ),
    "project without a name": lambda: Project(name="", methods=("detection",)),
    "case without series": lambda: Case(id="c", name="c", series=()),
    "reference out of range": lambda: Case(
        id="c", name="c", series=(SeriesRef(path="x"),), reference=1
    ),
    "no slices": lambda: Case(
        id="c", name="c", series=(SeriesRef(path="x"),), n_slices=0
    ),
    "negative counts": lambda: Counts(remaining=-1),
    "unknown field of a value": lambda: Counts(unknown=1),
    "not a uid": lambda: SliceId(index=0, sop_instance_uid="1.2.x"),
    "frame without uid": lambda: SliceId(index=0, frame=1),
    "frame 0": lambda: SliceId(index=0, sop_instance_uid="1.2", frame=0),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_nothing_invalid_can_be_built(name):
    with pytest.raises(ValidationError):
        BAD_LABELS[name]()


@pytest.mark.parametrize(
    "text",
    ["", " x", "x ", ".", "..", "a/b", "a\\b", "a:b", "a\nb", "a*", "a?", "x" * 121],
)
def test_ids_of_cases_are_safe_names_of_folders(text):
    with pytest.raises(ValidationError):
        Case(id=text, name="c", series=(SeriesRef(path="x"),))


def test_the_same_name_may_stand_for_two_methods():
    labels = LabelSet(labels=(label(), label(2, "a", **SEGMENTATION)))
    assert labels.named("A", Method.SEGMENTATION).id == 2
    with pytest.raises(InvalidValueError, match="more than one"):
        labels.named("a")
    with pytest.raises(InvalidValueError, match="no label"):
        labels.named("c")


def test_labels_are_found_by_id_method_and_scope():
    labels = LabelSet(
        labels=(
            label(),
            label(2, "b", scope=Scope.CASE),
            label(3, "c", overlap_group="x", **SEGMENTATION),
            label(4, "d", **SEGMENTATION),
        )
    )
    assert labels[3].name == "c"
    with pytest.raises(InvalidValueError, match=r"1 \(a\)"):
        labels[9]
    assert [x.id for x in labels.of(Method.CLASSIFICATION)] == [1, 2]
    assert [x.id for x in labels.of(Method.CLASSIFICATION, Scope.CASE)] == [2]
    assert labels.overlap_groups == ("x", "")


def test_exclusive_labels_are_of_one_group_and_scope():
    labels = LabelSet(
        labels=(
            label(),
            label(2, "b"),
            label(3, "c", scope=Scope.CASE),
            label(4, "d", group="g"),
            label(5, "e", group="g"),
        ),
        groups=(Group(exclusive=True), Group(name="g")),
    )
    assert labels.exclusive_with(labels[1]) == {2}
    assert labels.exclusive_with(labels[3]) == frozenset()
    assert labels.exclusive_with(labels[4]) == frozenset()
    bad = AnnotationChange(slices={"k": SliceAnnotation(index=0, class_labels=(1, 2))})
    with pytest.raises(InvalidValueError, match="'a' and 'b' exclude"):
        check_change(bad, labels)
    good = SliceAnnotation(index=0, class_labels=(1, 4, 5))
    check_change(AnnotationChange(slices={"k": good}), labels)


def test_colours_are_twelve_and_all_different():
    assert len(set(COLORS)) == len(COLORS) == 12
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in COLORS)
    assert label().rgb == pytest.approx((0x11 / 255, 0x22 / 255, 0x33 / 255))


def test_values_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        label().name = "b"


def test_names_of_slices():
    assert SliceId(index=3).key == "index:3"
    assert SliceId(index=3, sop_instance_uid="1.2.3").key == "1.2.3"
    assert SliceId(index=3, sop_instance_uid="1.2.3", frame=4).key == "1.2.3#4"


def test_counts():
    counts = Counts(remaining=3, finished=4, returned=1)
    assert (counts.total, counts.left, counts.progress) == (8, 4, 0.5)
    assert [counts.of(s) for s in (None, *Status)] == [8, 3, 4, 1]
    assert Counts().progress == 1.0


def test_unfit_data_is_explained():
    with pytest.raises(InvalidValueError, match=r"where: .*name.*color") as info:
        validated(Label, {"id": 1, "method": "detection"}, where="where")
    assert "Traceback" not in str(info.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"id": 0}, "id must be at least 1, not 0"),
        ({"id": 70_000}, "id must be at most 65535, not 70000"),
        ({"id": "one"}, "id must be a whole number"),
        ({"name": 3}, "name must be text, not 3"),
        ({"name": ""}, "name must not be empty"),
        ({"color": "#12345"}, "color: must be written as #RRGGBB"),
        ({"scope": "week"}, "scope must be 'slice' or 'case', not 'week'"),
        ({"concept": 1}, "concept must hold fields with names, not 1"),
        ({"concept": {"scheme": "SCT"}}, "concept.value is missing"),
        ({"attributes": "x"}, "attributes must be a list"),
        ({"group": "g"}, "only class labels can be in a group"),
    ],
)
def test_faults_are_told_in_our_own_words(change, text):
    fields = {"id": 1, "name": "a", "color": "#112233", "method": "detection"}
    with pytest.raises(InvalidValueError) as info:
        validated(Label, {**fields, **change}, where="x")
    assert text in str(info.value)


def test_a_rule_brings_its_remedy():
    label = {"id": 1, "name": "a", "color": "#112233", "method": "detection"}
    with pytest.raises(InvalidValueError) as info:
        validated(LabelSet, {"labels": [label, label]}, where="x")
    assert str(info.value) == (
        "x: id 1 is given to 'a' and 'a'. Give each label an id of its own."
    )


def test_ids_and_times_are_fresh():
    assert len({new_id() for _ in range(100)}) == 100
    assert now().tzinfo is UTC
    assert now().microsecond % 1000 == 0


def test_documents_leave_out_defaults_but_never_times_or_ids():
    job = Job(
        id="j",
        project=Project(
            name="p", methods=("detection",), label_set=LabelSet(labels=(
                label(1, "a", Method.DETECTION),
            )),
        ),
        published=datetime(2026, 1, 1, tzinfo=UTC),
        unknown={"kept": None},
    )  # fmt: skip
    found = document_json(job)
    assert found == {
        "id": "j",
        "project": {
            "name": "p",
            "methods": ["detection"],
            "label_set": {
                "labels": [
                    {"id": 1, "name": "a", "color": "#112233", "method": "detection"}
                ]
            },
        },
        "published": "2026-01-01T00:00:00Z",
        "unknown": {"kept": None},
    }
    assert Job.model_validate(found) == job
    # A time that happens to be the default of this very moment is written too.
    for _ in range(200):
        assert "published" in document_json(job.model_copy(update={"published": now()}))


def test_what_is_derived_is_not_written():
    labels = LabelSet(labels=(label(),), groups=(Group(exclusive=True),))
    before = document_json(labels)
    assert labels.by_id[1] == labels[1]
    assert labels.exclusive_with(labels[1]) == frozenset()
    assert document_json(labels) == before
    assert set(before) == {"labels", "groups"}


def test_what_is_done_follows_the_chosen_label():
    mask = Label(id=1, name="a", color="#FF0000", method=Method.SEGMENTATION)
    box = Label(id=2, name="b", color="#00FF00", method=Method.DETECTION)
    both, one = LabelSet(labels=(mask, box)), LabelSet(labels=(mask,))
    assert both.method_at(box) is Method.DETECTION
    assert both.method_at(None) is None
    assert one.method_at(None) is Method.SEGMENTATION
    assert LabelSet().method_at(None) is None
