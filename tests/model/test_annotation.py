"""Annotations: decisions, changes, submissions, and what they refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Box,
    Comment,
    Decision,
    MaskRef,
    RangeAction,
    SliceAnnotation,
    SliceRange,
    Submission,
    ThreadEntry,
    Verdict,
    content_digest,
    document_json,
    make_submission,
)

TIME = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "0" * 64

# ------------------------------------------------------------------ strategies
label_ids = st.integers(1, 65_535)
finite = st.floats(-1e6, 1e6, allow_nan=False)
masks = st.builds(
    MaskRef,
    digest=st.integers(0, 2**256 - 1).map(lambda n: f"{n:064x}"),
    pixels=st.dictionaries(label_ids, st.integers(1, 10**6), min_size=1, max_size=3),
    keys=st.lists(st.integers(0, 99) | st.sampled_from(["1.2", "7"]), max_size=2).map(
        tuple
    ),
)
groups = st.dictionaries(st.sampled_from(["", "vessels"]), masks, max_size=2)
answers = st.dictionaries(
    label_ids, st.dictionaries(st.text(max_size=3), st.text(max_size=3)), max_size=2
)


@st.composite
def boxes(draw):
    top, left = draw(finite), draw(finite)
    return Box(
        label=draw(label_ids),
        top=top,
        left=left,
        bottom=top + draw(st.floats(0.5, 1e3)),
        right=left + draw(st.floats(0.5, 1e3)),
        proposal=draw(st.booleans()),
        attributes=draw(st.dictionaries(st.text(max_size=3), st.text(max_size=3))),
    )


@st.composite
def slices(draw):
    labelled = draw(st.booleans())
    fields = {
        "index": draw(st.integers(0, 500)),
        "excluded": draw(st.booleans()),
        "proposals": draw(groups),
    }
    if labelled:
        fields["attributes"] = draw(answers)
        fields |= {
            "class_labels": tuple(draw(st.lists(label_ids, max_size=3))),
            "boxes": tuple(draw(st.lists(boxes(), max_size=2))),
            "masks": draw(groups),
        }
    else:
        fields["nothing_to_label"] = draw(st.booleans())
    return SliceAnnotation(**fields)


keys = st.integers(0, 6).map(lambda i: f"index:{i}")
comments = st.builds(
    Comment, person=st.just("ana"), text=st.text(min_size=1, max_size=9)
)
changes = st.builds(
    AnnotationChange,
    slices=st.dictionaries(keys, st.none() | slices(), max_size=4),
    case_labels=st.none() | st.lists(label_ids, max_size=2).map(tuple),
    comments=st.none() | st.lists(comments, max_size=2).map(tuple),
    case_attributes=st.none() | answers,
)


# ------------------------------------------------------------------- decisions
@pytest.mark.slow
@given(slices())
def test_a_decision_follows_from_the_content(content):
    confirmed = bool(
        content.class_labels
        or content.masks
        or [box for box in content.boxes if not box.proposal]
    )
    expected = (
        Decision.EXCLUDED
        if content.excluded
        else Decision.LABELLED
        if confirmed
        else Decision.NOTHING_TO_LABEL
        if content.nothing_to_label
        else Decision.UNDECIDED
    )
    assert content.decision is expected
    assert content.has_labels is confirmed
    proposed = [box for box in content.boxes if box.proposal]
    assert content.has_proposals is bool(content.proposals or proposed)
    if content.is_empty:
        assert content.decision is Decision.UNDECIDED
        # Answers to what is asked of labels that are not there say nothing.
        assert content.settled() == SliceAnnotation(index=content.index)


@given(slices())
def test_excluding_keeps_the_content_and_lifting_brings_it_back(content):
    lifted = content.evolve(excluded=False)
    assert lifted.evolve(excluded=True).evolve(excluded=False) == lifted
    assert lifted.evolve(excluded=True).label_ids == content.label_ids


@pytest.mark.slow
@given(slices())
def test_a_verified_negative_never_stands_beside_labels(content):
    if content.has_labels:
        with pytest.raises(ValidationError, match="nothing to label"):
            content.evolve(nothing_to_label=True)
    else:
        assert content.evolve(nothing_to_label=True).nothing_to_label


@pytest.mark.slow
@given(slices())
def test_a_slice_survives_being_written(content):
    text = json.dumps(document_json(content))
    assert SliceAnnotation.model_validate_json(text) == content


def test_unknown_fields_are_carried_along():
    content = SliceAnnotation(index=0, class_labels=(2, 1, 2), certainty=0.5)
    assert content.class_labels == (1, 2)
    assert content.evolve(excluded=True).model_extra == {"certainty": 0.5}
    assert document_json(content)["certainty"] == 0.5


BAD = {
    "negative index": lambda: SliceAnnotation(index=-1),
    "label 0": lambda: SliceAnnotation(index=0, class_labels=(0,)),
    "box without area": lambda: Box(label=1, top=0, left=0, bottom=0, right=1),
    "box upside down": lambda: Box(label=1, top=2, left=0, bottom=1, right=1),
    "box of nan": lambda: Box(label=1, top=0, left=0, bottom=float("nan"), right=1),
    "boxless infinity": lambda: Box(label=1, top=0, left=0, bottom=1e999, right=1),
    "two boxes of an id": lambda: SliceAnnotation(
        index=0,
        boxes=[Box(id="b", label=1, top=0, left=0, bottom=1, right=1)] * 2,
    ),
    "short digest": lambda: MaskRef(digest="0", pixels={1: 1}),
    "empty mask": lambda: MaskRef(digest=DIGEST, pixels={}),
    "background": lambda: MaskRef(digest=DIGEST, pixels={0: 4}),
    "no pixels": lambda: MaskRef(digest=DIGEST, pixels={1: 0}),
    "range backwards": lambda: SliceRange(action="exclude", origin=0, start=2, stop=1),
    "range outside": lambda: SliceRange(
        action="exclude", origin=0, start=1, stop=2, applied=(0, 1)
    ),
    "range without labels": lambda: SliceRange(
        action="class labels", origin=0, start=0, stop=1
    ),
    "range with labels": lambda: SliceRange(
        action=RangeAction.EXCLUDE, labels=(1,), origin=0, start=0, stop=1
    ),
    "time without zone": lambda: Comment(
        person="a", text="b", time=datetime(2026, 1, 1)
    ),
    "empty comment": lambda: Comment(person="a", text=""),
    "negative revision": lambda: Annotation(case_id="c", person="p", revision=-1),
    "negative with case labels": lambda: Annotation(
        case_id="c", person="p", case_labels=(1,), case_nothing_to_label=True
    ),
    "object nowhere": lambda: Comment(person="p", text="x", label=1),
    "place on no slice": lambda: Comment(person="p", text="x", at=(1.0, 2.0)),
    "altered verdict": lambda: Verdict(
        submission=1, number=1, outcome="passed", person="r", digest="0" * 64
    ),
    "failed and corrected": lambda: Verdict.seal(
        submission=1,
        number=1,
        outcome="failed",
        person="r",
        correction={"person": "r", "number": 1, "digest": ""},
    ),
    "entry that says nothing": lambda: ThreadEntry.seal(
        number=1, thread="t", person="p"
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_nothing_invalid_can_be_built(name):
    with pytest.raises(ValidationError):
        BAD[name]()


# --------------------------------------------------------------------- changes
def blank():
    return Annotation(case_id="c", person="ana")


def untimed(annotation):
    return annotation.model_copy(update={"modified": None})


@pytest.mark.slow
@given(st.lists(changes, max_size=5))
def test_changes_one_by_one_are_the_changes_as_one(many):
    step, joined = blank(), AnnotationChange()
    for number, change in enumerate(many, 1):
        step = step.apply(change, revision=number)
        joined = joined.then(change)
    assert untimed(step) == untimed(blank().apply(joined, revision=len(many)))
    assert joined.is_empty == all(change.is_empty for change in many)


@pytest.mark.slow
@given(changes, changes, changes)
def test_joining_changes_is_associative(one, two, three):
    assert one.then(two).then(three) == one.then(two.then(three))
    assert AnnotationChange().then(one) == one.then(AnnotationChange()) == one


@pytest.mark.slow
@given(changes)
def test_slices_without_content_are_left_out(change):
    annotation = blank().apply(change, revision=1)
    for key, content in change.slices.items():
        kept = content is not None and not content.is_empty
        assert (key in annotation.slices) == kept
    assert annotation.blobs() == {
        mask.digest
        for content in annotation.slices.values()
        for mask in (*content.masks.values(), *content.proposals.values())
    }
    assert annotation.modified is not None


@pytest.mark.slow
@given(changes)
def test_an_annotation_survives_being_written(change):
    annotation = blank().apply(change, revision=7)
    again = Annotation.model_validate_json(json.dumps(document_json(annotation)))
    assert again == annotation
    assert content_digest(again) == content_digest(annotation)


def test_a_change_that_breaks_a_rule_is_refused():
    annotation = blank().apply(AnnotationChange(case_labels=(1,)), revision=1)
    with pytest.raises(ValidationError, match="nothing to label"):
        annotation.apply(AnnotationChange(case_nothing_to_label=True), revision=2)


def test_undecided_slices_are_those_of_which_nothing_is_said():
    content = SliceAnnotation(index=1, nothing_to_label=True)
    annotation = blank().apply(AnnotationChange(slices={"b": content}), revision=1)
    assert annotation.decided(["a", "b"]) == {
        "a": Decision.UNDECIDED,
        "b": Decision.NOTHING_TO_LABEL,
    }


# ------------------------------------------------------------------ transitions
def said(**fields):
    content = SliceAnnotation(index=4, **fields)
    return blank().apply(AnnotationChange(slices={"index:4": content}), revision=1)


def test_a_submission_is_numbered_and_sealed():
    submission = make_submission(said(class_labels=(1,)), previous=3, author="ana")
    assert (submission.number, submission.author) == (4, "ana")
    found = document_json(submission)
    assert Submission.model_validate(found) == submission
    found["annotation"]["slices"]["index:4"]["class_labels"] = [2]
    with pytest.raises(ValidationError, match="altered"):
        Submission.model_validate(found)


def test_an_unknown_field_of_a_submission_is_sealed_too():
    submission = make_submission(said(class_labels=(1,)), previous=0, author="ana")
    found = document_json(submission)
    found["annotation"]["added"] = "later"
    with pytest.raises(ValidationError, match="altered"):
        Submission.model_validate(found)


@pytest.mark.parametrize(
    ("annotation", "match"),
    [
        (blank(), "nothing was said"),
        (
            blank().apply(
                AnnotationChange(comments=(Comment(person="a", text="b"),)), revision=1
            ),
            "nothing was said",
        ),
        (
            said(
                class_labels=(1,), proposals={"": MaskRef(digest=DIGEST, pixels={1: 1})}
            ),
            "slice 5",
        ),
        (
            said(
                boxes=(Box(label=1, top=0, left=0, bottom=1, right=1, proposal=True),)
            ),
            "slice 5",
        ),
    ],
    ids=["blank", "a comment only", "proposed mask", "proposed box"],
)
def test_what_cannot_be_submitted(annotation, match):
    with pytest.raises(TransitionError, match=match):
        make_submission(annotation, previous=0, author="ana")


def test_an_excluded_case_can_be_submitted():
    assert make_submission(said(excluded=True), previous=0, author="ana")


# -------------------------------------------------------------------- attributes
def test_without_answers_documents_are_what_they_were():
    said = Annotation(
        case_id="case",
        person="ana",
        slices={"1.2": SliceAnnotation(index=1, class_labels=(1,))},
        case_labels=(4,),
    )
    assert document_json(said) == {
        "case_id": "case",
        "person": "ana",
        "slices": {"1.2": {"index": 1, "class_labels": [1]}},
        "case_labels": [4],
    }
    # Written by the version before answers were kept.
    known = "5dfd6829f58f6f5e"
    assert content_digest(said).startswith(known)


@given(slices())
def test_answers_stay_as_long_as_their_label(content):
    settled = content.settled()
    assert settled.evolve(attributes=content.attributes) == content
    kept = {*content.class_labels}
    for held in (*content.masks.values(), *content.proposals.values()):
        kept.update(held.pixels)
    assert settled.attributes == {
        label_id: found
        for label_id, found in content.attributes.items()
        if found and label_id in kept
    }
    assert settled.settled() is settled
    for label_id in content.attributes:
        assert bool(content.answers(label_id)) <= (label_id in content.label_ids)
