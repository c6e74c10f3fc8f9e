"""Answers to what labels ask on slices and of the case."""

from __future__ import annotations

import numpy as np
import pytest

from editing_kit import Log
from napari_annotate_jobs.editing import (
    CaseEditor,
    Mode,
    Propagation,
    answer,
    answered_text,
    copied_slice,
    delete_range,
    paste,
    plan_propagation,
    propagate,
    questions,
    relabel_tracks,
    take_boxes,
    tracks,
)
from napari_annotate_jobs.errors import (
    InvalidValueError,
    LockedError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Annotation,
    Attribute,
    Label,
    LabelSet,
    Provenance,
    RangeAction,
    Scope,
)

MARGIN = Attribute(name="margin", choices=("sharp", "blurred"))
GRADE = Attribute(name="grade", choices=("1", "2"), scope=Scope.CASE, required=True)
ASKED = {
    1: (MARGIN.model_copy(update={"required": True}), Attribute(name="remark")),
    2: (MARGIN,),
    5: (MARGIN,),
    6: (MARGIN, GRADE),
    10: (MARGIN,),
}


def asking(kit, *, locked=False, annotation=None):
    """Return an editor of a case whose labels are asked about."""
    labels = tuple(
        label.model_copy(update={"attributes": ASKED.get(label.id, ())})
        for label in kit.labels.labels
    )
    project = kit.project().model_copy(
        update={"label_set": LabelSet(labels=labels, groups=kit.labels.groups)}
    )
    annotation = annotation or Annotation(case_id="case", person="ana")
    log = Log(annotation)
    editor = CaseEditor(
        annotation,
        kit.slice_ids(),
        project,
        person="ana",
        read_blob=log.read_blob,
        on_change=log,
        locked=locked,
    )
    editor.log = log
    return editor


@pytest.fixture
def case(kit):
    return asking(kit)


def said(editor, index, label_id=1):
    return dict(editor.content(index).answers(label_id))


def asked(editor, *indices):
    return [
        (q.label.name, q.attribute.name, q.answer, q.differs)
        for q in questions(editor, indices)
    ]


# ------------------------------------------------------------------ where asked
def test_what_is_asked_follows_from_what_is_said_here(case, kit):
    assert asked(case, 0) == []
    case.set_class([0], 1, True)
    case.set_masks({(1, ""): kit.mask()})
    assert asked(case, 0) == [
        ("lesion", "margin", "", False),
        ("lesion", "remark", "", False),
        ("liver", "grade", "", False),  # once for the case, wherever one is
    ]
    assert [name for name, *_ in asked(case, 1)] == ["liver", "liver"]
    case.set_case_label(10, True)
    assert ("contrast", "margin", "", False) in asked(case, 2)


def test_proposed_masks_are_not_asked_about_yet(case, kit):
    case.propose_masks({(1, ""): kit.mask()}, provenance=Provenance.PREDICTED)
    assert asked(case, 1) == []
    with pytest.raises(TransitionError, match="no liver on this slice"):
        answer(case, 6, [1], "margin", "sharp")
    with pytest.raises(TransitionError, match="no liver in this case"):
        answer(case, 6, [1], "grade", "1")


# --------------------------------------------------------------- given, undone
def test_an_answer_is_one_step_and_undone_as_one(case):
    case.set_class([0, 1, 3], 1, True)
    assert answer(case, 1, [0, 1, 2], "margin", "sharp")
    assert said(case, 0) == said(case, 1) == {"margin": "sharp"}
    assert not said(case, 3)
    assert case.content(2).is_empty
    assert case.history.undo_text == "lesion, margin: sharp"
    assert not answer(case, 1, [0], "margin", "sharp"), "nothing changes"
    assert answer(case, 1, [1], "margin", "blurred")
    assert asked(case, 0, 1)[0] == ("lesion", "margin", "", True)
    assert answer(case, 1, [1], "margin", "")
    assert not case.content(1).attributes
    for _ in range(3):
        case.undo()
    assert not case.content(0).attributes
    case.redo()
    assert said(case, 0) == {"margin": "sharp"}
    assert case.log.annotation.slices == case.annotation.slices


def test_the_case_is_answered_for_once(case, kit):
    case.set_masks({(1, ""): kit.mask(), (2, ""): kit.mask()})
    assert answer(case, 6, [], "grade", "2")
    assert case.case_answers(6) == {"grade": "2"}
    assert case.log.annotation.case_attributes == {6: {"grade": "2"}}
    case.undo()
    assert case.log.annotation.case_attributes == {}
    case.redo()
    assert answer(case, 6, [], "grade", "")
    assert case.annotation.case_attributes == {}


def test_wrong_answers_are_refused(case):
    case.set_class([0], 1, True)
    with pytest.raises(InvalidValueError, match="none of its answers"):
        answer(case, 1, [0], "margin", "round")
    with pytest.raises(InvalidValueError, match="no attribute 'size'"):
        answer(case, 1, [0], "size", "large")
    with pytest.raises(InvalidValueError, match="one line"):
        answer(case, 1, [0], "remark", "two\nlines")
    with pytest.raises(InvalidValueError, match="asked of each object"):
        answer(case, 5, [0], "margin", "sharp")
    assert not case.content(0).attributes


def test_a_locked_case_is_not_answered(kit):
    open_case = asking(kit)
    open_case.set_class([0], 1, True)
    case = asking(kit, locked=True, annotation=open_case.annotation)
    with pytest.raises(LockedError):
        answer(case, 1, [0], "margin", "sharp")
    assert case.log.changes == []


# ------------------------------------------------------------- gone with labels
@pytest.mark.parametrize(
    "take",
    [
        lambda case: case.set_class([0], 1, False),
        lambda case: case.set_nothing_to_label([0], True, clear=True),
    ],
    ids=["label taken away", "nothing to label"],
)
def test_answers_go_with_their_label_and_come_back(case, take):
    case.set_class([0], 1, True)
    answer(case, 1, [0], "margin", "sharp")
    take(case)
    assert not case.content(0).attributes
    case.undo()
    assert said(case, 0) == {"margin": "sharp"}


def test_answers_go_with_the_last_pixel(case, kit):
    case.set_masks({(0, ""): kit.mask()})
    answer(case, 6, [0], "margin", "sharp")
    case.set_masks({(0, ""): kit.mask(rows=slice(1, 2))})
    assert said(case, 0, 6) == {"margin": "sharp"}
    case.set_masks({(0, ""): np.zeros(kit.shape, np.uint16)})
    assert case.content(0).is_empty
    case.undo()
    assert said(case, 0, 6) == {"margin": "sharp"}


def test_a_protected_label_keeps_its_answers(case, kit):
    case.set_masks({(0, ""): kit.mask()})
    answer(case, 6, [0], "margin", "sharp")
    case.protected = frozenset({6})
    case.edit("Wipe", {0: case.content(0).evolve(masks={})})
    assert said(case, 0, 6) == {"margin": "sharp"}


def test_excluding_keeps_answers(case):
    case.set_class([0], 1, True)
    answer(case, 1, [0], "margin", "sharp")
    case.set_excluded([0], True)
    case.set_excluded([0], False)
    assert said(case, 0) == {"margin": "sharp"}


def test_an_exclusive_label_takes_the_answers_of_the_other(case):
    case.set_class([0], 2, True)
    answer(case, 2, [0], "margin", "sharp")
    case.set_class([0], 3, True)
    assert not case.content(0).attributes


def test_answers_of_a_case_label_go_with_it(case):
    case.set_case_label(10, True)
    answer(case, 10, [], "margin", "sharp")
    case.set_case_label(10, False)
    assert case.annotation.case_attributes == {}
    case.undo()
    assert case.case_answers(10) == {"margin": "sharp"}
    assert case.log.annotation.case_attributes == {10: {"margin": "sharp"}}


def test_a_box_of_another_label_keeps_what_that_asks_too(case, kit):
    take_boxes(case, {0: [kit.box(attributes={"margin": "sharp"})]}, text="Draw")
    relabel_tracks(case, [tracks(case)[0].id], 11)
    assert not case.content(0).boxes[0].attributes


# ------------------------------------------------------------------ propagation
def labels_to(*targets, **fields):
    return Propagation(RangeAction.CLASS_LABELS, targets, 0, (1,), **fields)


def test_propagated_labels_bring_their_answers(case):
    case.set_class([0], 1, True)
    answer(case, 1, [0], "margin", "sharp")
    span = propagate(case, labels_to(1, 2))
    assert said(case, 1) == said(case, 2) == {"margin": "sharp"}
    delete_range(case, span.id)
    assert not case.content(1).attributes
    case.undo()
    assert said(case, 1) == {"margin": "sharp"}


@pytest.mark.parametrize(
    ("mode", "bare", "other"),
    [
        ("keep", None, "blurred"),
        ("add", "sharp", "blurred"),
        ("replace", "sharp", "sharp"),
    ],
)
def test_what_others_answered_is_kept_unless_it_is_replaced(case, mode, bare, other):
    case.set_class([0, 1, 2], 1, True)
    answer(case, 1, [0], "margin", "sharp")
    answer(case, 1, [2], "margin", "blurred")
    plan = plan_propagation(case, labels_to(1, 2))
    assert plan.occupied.tolist() == [1, 2]
    assert plan.cleared["replace"].tolist() == [2]
    propagate(case, labels_to(1, 2, mode=Mode(mode)))
    assert said(case, 1).get("margin") == bare
    assert said(case, 2)["margin"] == other


def test_copied_slices_bring_their_answers(case, kit):
    case.set_class([0], 1, True)
    case.set_masks({(0, ""): kit.mask()})
    answer(case, 1, [0], "margin", "sharp")
    answer(case, 6, [0], "margin", "blurred")
    paste(case, copied_slice(case, 0), [1], confirmed=True)
    assert case.content(1).attributes == case.content(0).attributes
    paste(case, copied_slice(case, 0), [2], confirmed=False)
    assert not said(case, 2, 6), "a proposal says nothing yet"
    case.confirm([2])
    assert said(case, 2, 6) == {"margin": "blurred"}
    paste(case, copied_slice(case, 0), [3], confirmed=False)
    case.reject([3])
    assert set(case.content(3).attributes) == {1}


@pytest.mark.parametrize(
    ("second", "expected"), [("sharp", {"margin": "sharp"}), ("blurred", {})]
)
def test_confirmed_masks_say_what_their_key_slices_agree_in(
    case, kit, second, expected
):
    case.set_masks({(0, ""): kit.mask(), (4, ""): kit.mask()})
    answer(case, 6, [0], "margin", "sharp")
    answer(case, 6, [4], "margin", second)
    case.propose_masks(
        {(2, ""): kit.mask()}, provenance=Provenance.INTERPOLATED, keys=(0, 4)
    )
    case.confirm([2])
    assert said(case, 2, 6) == expected


# ----------------------------------------------------------------------- submit
def test_submit_wants_required_answers_of_slices_and_case(case, kit):
    case.set_class([2], 1, True)
    case.set_masks({(4, ""): kit.mask()})
    found = case.submit_check()
    assert [(u.index, u.label.name, u.attribute, u.box) for u in found.unanswered] == [
        (None, "liver", "grade", ""),
        (2, "lesion", "margin", ""),
    ]
    assert found.refused == (
        "“grade” is not answered for liver for the whole case, and 1 more. "
        "Answer below the labels."
    )
    answer(case, 6, [], "grade", "1")
    assert "“margin” is not answered for lesion on slice 3." in (
        case.submit_check().refused
    )
    case.set_excluded([2], True)
    assert case.submit_check().refused is None
    case.set_excluded([2], False)
    answer(case, 1, [2], "margin", "sharp")
    assert case.submit_check().refused is None


def test_the_strip_says_what_was_answered(case):
    case.set_class([0, 1], 1, True)
    answer(case, 1, [0], "margin", "sharp")
    assert case.cell(0).text == "Slice 1: labelled · lesion (margin: sharp)"
    assert case.cell(1).text == "Slice 2: labelled · lesion"
    assert case.next_change(0, 1) == 1


def test_a_conflict_names_the_answers(case, kit):
    from napari_annotate_jobs.session._difference import differences, slice_text

    case.set_class([0], 1, True)
    case.set_masks({(0, ""): kit.mask()})
    before = asking(kit, annotation=case.annotation)
    answer(case, 1, [0], "margin", "sharp")
    answer(case, 6, [], "grade", "2")
    take_boxes(case, {0: [kit.box(attributes={"margin": "blurred"})]}, text="Draw")
    text = slice_text(case, case.content(0))
    assert text.startswith("lesion (margin: sharp), 1 box nodule (margin: blurred), ")
    change = case.log.changes[-3].then(case.log.changes[-2])
    whole, one = differences(case, before, change)
    assert (whole.name, whole.mine) == ("Whole case", "liver (grade: 2)")
    assert whole.theirs == "nothing said"
    assert (one.index, one.theirs) == (0, "lesion, liver 14 px")
    assert answered_text(case, 0) == (
        "lesion · margin: sharp; liver · grade: 2; nodule · margin: blurred"
    )


# ------------------------------------------------------------------- the labels
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"method": "detection"}, "asked of the object"),
        ({"method": "classification", "scope": "case"}, "asked of the whole case"),
    ],
)
def test_a_question_of_slices_needs_a_label_of_slices(fields, text):
    of_slice = Attribute(name="margin", scope=Scope.SLICE)
    with pytest.raises(ValueError, match=text):
        Label(id=1, name="a", color="#112233", attributes=(of_slice,), **fields)


def test_attributes_of_a_label_have_names_of_their_own():
    with pytest.raises(ValueError, match="the same name"):
        Label(
            id=1,
            name="a",
            color="#112233",
            method="segmentation",
            attributes=(MARGIN, Attribute(name="Margin")),
        )
