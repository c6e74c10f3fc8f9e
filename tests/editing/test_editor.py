"""Each edit of a case, and each rule it must keep."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.editing import SubmitCheck, Unanswered, copied_slice, paste
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    LockedError,
    TransitionError,
)
from napari_annotate_jobs.model import Decision, Provenance, mask_ref

LESION, GOOD, BAD, LEFT, RIGHT, CONTRAST = 1, 2, 3, 4, 9, 10
NODULE, LIVER, TUMOUR, VESSEL = 5, 6, 700, 8

# What is done to slice 2, and the decision that follows from it.
DECISIONS = {
    "nothing": (lambda e, kit: None, Decision.UNDECIDED),
    "class label": (lambda e, kit: e.set_class([2], LESION, True), Decision.LABELLED),
    "box": (lambda e, kit: e.set_boxes({2: [kit.box()]}), Decision.LABELLED),
    "mask": (lambda e, kit: e.set_masks({(2, ""): kit.mask()}), Decision.LABELLED),
    "empty mask": (
        lambda e, kit: e.set_masks({(2, ""): kit.mask(0)}),
        Decision.UNDECIDED,
    ),
    "proposed box": (
        lambda e, kit: e.set_boxes({2: [kit.box(proposal=True)]}),
        Decision.UNDECIDED,
    ),
    "proposed mask": (
        lambda e, kit: e.propose_masks(
            {(2, ""): kit.mask()}, provenance=Provenance.INTERPOLATED
        ),
        Decision.UNDECIDED,
    ),
    "nothing to label": (
        lambda e, kit: e.set_nothing_to_label([2]),
        Decision.NOTHING_TO_LABEL,
    ),
    "excluded": (lambda e, kit: e.set_excluded([2]), Decision.EXCLUDED),
    "comment": (lambda e, kit: e.add_comment("look", 2), Decision.UNDECIDED),
    "case label": (lambda e, kit: e.set_case_label(LEFT), Decision.UNDECIDED),
    "case without labels": (
        lambda e, kit: e.set_case_nothing_to_label(),
        Decision.NOTHING_TO_LABEL,
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_follows_from_the_content(name, kit, editor):
    act, decision = DECISIONS[name]
    act(editor, kit)
    assert editor.decision(2) is decision
    assert (2 in editor.undecided()) == (decision is Decision.UNDECIDED)
    assert editor.cell(2).decision is decision


# ------------------------------------------------------------- class labels
def test_labels_of_a_multi_choice_group_stand_together(editor):
    editor.set_class([1], LESION, True)
    editor.set_class([1], GOOD, True)
    assert editor.content(1).class_labels == (LESION, GOOD)


def test_a_single_choice_group_holds_one(editor):
    editor.set_class([1, 2], GOOD, True)
    editor.set_class([1], BAD, True)
    assert editor.content(1).class_labels == (BAD,)
    assert editor.content(2).class_labels == (GOOD,)


def test_taking_a_label_away_leaves_nothing_behind(editor):
    editor.set_class([1], LESION, True)
    editor.set_class([1], LESION, False)
    assert editor.annotation.slices == {}
    assert editor.annotation.is_blank


def test_a_class_label_lifts_nothing_to_label(editor):
    editor.set_nothing_to_label([1])
    editor.set_class([1], LESION, True)
    assert editor.decision(1) is Decision.LABELLED
    assert not editor.content(1).nothing_to_label


@pytest.mark.parametrize("label", [LEFT, NODULE, LIVER, 12, 0, -1])
def test_only_declared_slice_classes_are_taken(editor, label):
    with pytest.raises(InvalidValueError):
        editor.set_class([1], label, True)
    assert editor.annotation.is_blank
    assert editor.history.undo_text is None


def test_what_changes_nothing_is_no_step(editor):
    assert editor.set_class([1], LESION, True)
    assert not editor.set_class([1], LESION, True)
    assert not editor.set_class([2], LESION, False)
    assert not editor.set_excluded([2], False)
    assert not editor.set_boxes({})
    assert len(editor.log.changes) == 1


@pytest.mark.parametrize("index", [-1, 8, 100])
def test_a_slice_that_is_not_there_is_refused(editor, kit, index):
    for act in (
        lambda: editor.content(index),
        lambda: editor.set_class([index], LESION, True),
        lambda: editor.set_nothing_to_label([index]),
        lambda: editor.set_excluded([index]),
        lambda: editor.set_masks({(index, ""): kit.mask()}),
        lambda: editor.set_boxes({index: [kit.box()]}),
        lambda: editor.add_comment("here", index),
        lambda: editor.confirm([index]),
    ):
        with pytest.raises(InvalidValueError):
            act()
    assert editor.annotation.is_blank
    assert not editor.annotation.comments


# --------------------------------------------------------- nothing to label
@pytest.mark.parametrize("what", ["class label", "box", "mask", "proposed mask"])
def test_nothing_to_label_asks_before_it_clears(kit, editor, what):
    DECISIONS[what][0](editor, kit)
    before = kit.said(editor.annotation)
    with pytest.raises(TransitionError, match="clear"):
        editor.set_nothing_to_label([1, 2, 3])
    assert kit.said(editor.annotation) == before

    assert editor.set_nothing_to_label([1, 2, 3], clear=True)
    for index in (1, 2, 3):
        content = editor.content(index)
        assert content.decision is Decision.NOTHING_TO_LABEL
        assert not content.has_labels
        assert not content.has_proposals
    editor.undo()
    assert kit.said(editor.annotation) == before


def test_nothing_to_label_can_be_lifted(editor):
    editor.set_nothing_to_label([1])
    assert editor.set_nothing_to_label([1], False)
    assert editor.annotation.is_blank


def test_drawing_lifts_nothing_to_label(kit, editor):
    editor.set_nothing_to_label([1, 2, 3, 4])
    editor.set_masks({(1, "vessels"): kit.mask(VESSEL)})
    editor.set_boxes({2: [kit.box()]})
    editor.set_masks({(3, ""): kit.mask(0)})  # erasing nothing draws nothing
    editor.set_boxes({4: [kit.box(proposal=True)]})  # nor does a proposal
    assert [editor.decision(i) for i in (1, 2)] == [Decision.LABELLED] * 2
    assert [editor.decision(i) for i in (3, 4)] == [Decision.NOTHING_TO_LABEL] * 2


# ---------------------------------------------------------------- exclusion
def test_exclusion_keeps_the_content(kit, editor):
    editor.set_class([1], LESION, True)
    editor.set_masks({(1, ""): kit.mask()})
    editor.set_boxes({1: [kit.box()]})
    before = editor.content(1)
    editor.set_excluded([1, 2])
    assert editor.decision(1) is Decision.EXCLUDED
    assert editor.content(1).label_ids == before.label_ids
    editor.set_excluded([1, 2], False)
    assert editor.content(1) == before
    assert editor.decision(2) is Decision.UNDECIDED


def test_an_excluded_negative_stays_negative(editor):
    editor.set_nothing_to_label([1])
    editor.set_excluded([1])
    editor.set_excluded([1], False)
    assert editor.decision(1) is Decision.NOTHING_TO_LABEL


# --------------------------------------------------------------- case level
def test_case_labels_follow_their_groups(editor):
    editor.set_case_label(LEFT)
    editor.set_case_label(CONTRAST)
    editor.set_case_label(RIGHT)
    assert editor.annotation.case_labels == (RIGHT, CONTRAST)
    editor.set_case_label(RIGHT, False)
    assert editor.annotation.case_labels == (CONTRAST,)


def test_a_slice_label_is_not_for_the_case(editor):
    with pytest.raises(InvalidValueError, match="scope"):
        editor.set_case_label(LESION)


def test_case_nothing_marks_the_undecided_in_one_step(kit, editor):
    editor.set_class([1], LESION, True)
    editor.set_excluded([2])
    before = kit.said(editor.annotation)
    assert editor.set_case_nothing_to_label()
    assert editor.annotation.case_nothing_to_label
    assert editor.decision(1) is Decision.LABELLED
    assert editor.decision(2) is Decision.EXCLUDED
    rest = [i for i in range(kit.n_slices) if i not in (1, 2)]
    assert {editor.decision(i) for i in rest} == {Decision.NOTHING_TO_LABEL}
    editor.undo()
    assert kit.said(editor.annotation) == before


def test_lifting_case_nothing_leaves_the_slices(kit, editor):
    editor.set_case_nothing_to_label()
    editor.set_case_nothing_to_label(False)
    assert not editor.annotation.case_nothing_to_label
    assert len(editor.annotation.slices) == kit.n_slices


def test_case_nothing_asks_before_case_labels_go(kit, editor):
    editor.set_case_label(LEFT)
    before = kit.said(editor.annotation)
    with pytest.raises(TransitionError, match="left"):
        editor.set_case_nothing_to_label()
    assert kit.said(editor.annotation) == before
    assert editor.set_case_nothing_to_label(clear=True)
    assert editor.annotation.case_labels == ()
    assert editor.annotation.case_nothing_to_label
    editor.undo()
    assert kit.said(editor.annotation) == before
    editor.redo()
    assert editor.annotation.case_nothing_to_label


def test_case_nothing_asks_before_proposals_go(kit, editor):
    editor.propose_masks({(3, ""): kit.mask()}, provenance=Provenance.PREDICTED)
    with pytest.raises(TransitionError, match="slice 4"):
        editor.set_case_nothing_to_label()
    assert editor.content(3).has_proposals
    assert editor.set_case_nothing_to_label(clear=True)
    assert not editor.content(3).has_proposals


def test_a_case_label_lifts_case_nothing(editor):
    editor.set_case_nothing_to_label()
    editor.set_case_label(LEFT)
    assert editor.annotation.case_labels == (LEFT,)
    assert not editor.annotation.case_nothing_to_label
    editor.undo()
    assert editor.annotation.case_nothing_to_label


def test_taking_away_a_case_label_that_is_not_there_lifts_nothing(editor):
    editor.set_case_nothing_to_label()
    assert not editor.set_case_label(LEFT, False)
    assert editor.annotation.case_nothing_to_label


def test_a_label_on_a_slice_lifts_case_nothing(kit, editor):
    editor.set_case_nothing_to_label()
    editor.set_masks({(3, ""): kit.mask()})
    assert not editor.annotation.case_nothing_to_label
    assert editor.decision(4) is Decision.NOTHING_TO_LABEL
    editor.undo()
    assert editor.annotation.case_nothing_to_label
    assert editor.decision(3) is Decision.NOTHING_TO_LABEL


def test_each_change_holds_on_any_other_annotation(kit, editor):
    """So that it can be saved on top of what was said on another computer."""
    editor.set_case_label(LEFT)
    labelled = editor.log.changes[-1]
    other = kit.editor()
    other.set_case_nothing_to_label()
    merged = other.annotation.apply(labelled, revision=1)
    assert merged.case_labels == (LEFT,)
    assert not merged.case_nothing_to_label
    negative = other.log.changes[-1]
    merged = editor.annotation.apply(negative, revision=1)
    assert merged.case_labels == ()
    assert merged.case_nothing_to_label


# ------------------------------------------------------------ masks, boxes
def test_a_mask_is_what_was_painted(kit, editor):
    mask = kit.mask(TUMOUR)
    mask[0, 0] = LIVER
    editor.set_masks({(1, ""): mask, (1, "vessels"): kit.mask(VESSEL)})
    np.testing.assert_array_equal(editor.mask(1), mask)
    np.testing.assert_array_equal(editor.mask(1, "vessels"), kit.mask(VESSEL))
    assert editor.mask(2) is None
    assert editor.content(1).label_ids == (LIVER, VESSEL, TUMOUR)
    assert editor.content(1).masks[""].pixels == {LIVER: 1, TUMOUR: 14}


def test_erasing_all_leaves_nothing(kit, editor):
    editor.set_masks({(1, ""): kit.mask(), (1, "vessels"): kit.mask(VESSEL)})
    editor.set_masks({(1, ""): kit.mask(0)})
    assert set(editor.content(1).masks) == {"vessels"}
    editor.set_masks({(1, "vessels"): kit.mask(0)})
    assert editor.annotation.is_blank


@pytest.mark.parametrize(
    ("label", "group"),
    [(7, ""), (LESION, ""), (NODULE, ""), (VESSEL, ""), (LIVER, "vessels"), (6, "no")],
)
def test_only_declared_pixels_are_taken(kit, editor, label, group):
    with pytest.raises(InvalidValueError):
        editor.set_masks({(1, group): kit.mask(label)})
    with pytest.raises(InvalidValueError):
        editor.propose_masks(
            {(1, group): kit.mask(label)}, provenance=Provenance.PREDICTED
        )
    assert editor.annotation.is_blank
    assert not editor.log.changes
    # What was refused is not sent along with the next edit either.
    editor.set_masks({(2, ""): kit.mask()})
    assert set(editor.log.blobs) == {editor.content(2).masks[""].digest}


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((2, 3, 4), np.uint8),
        np.full((2, 3), -1),
        np.full((2, 3), 70_000),
        np.ones((2, 3)),
        np.zeros((0, 3), int),
    ],
    ids=["3D", "negative", "large", "float", "empty"],
)
def test_what_is_no_mask_is_refused(editor, mask):
    with pytest.raises(InvalidValueError):
        editor.set_masks({(1, ""): mask})


def test_a_mask_that_did_not_change_keeps_its_origin(kit, editor):
    editor.propose_masks(
        {(1, ""): kit.mask()}, provenance=Provenance.INTERPOLATED, keys=(0, 3)
    )
    editor.confirm([1])
    assert not editor.set_masks({(1, ""): kit.mask()})
    assert editor.content(1).masks[""].provenance is Provenance.INTERPOLATED
    editor.set_masks({(1, ""): kit.mask(TUMOUR)})
    assert editor.content(1).masks[""].provenance is Provenance.MANUAL


def test_boxes_are_kept_as_drawn(kit, editor):
    boxes = [kit.box(), kit.box(11, 3.0)]
    editor.set_boxes({1: boxes, 2: []})
    assert list(editor.content(1).boxes) == boxes
    assert editor.content(1).label_ids == (NODULE, 11)
    editor.set_boxes({1: boxes[:1]})
    assert list(editor.content(1).boxes) == boxes[:1]


@pytest.mark.parametrize("label", [LESION, LIVER, 77])
def test_only_declared_boxes_are_taken(kit, editor, label):
    with pytest.raises(InvalidValueError):
        editor.set_boxes({1: [kit.box(label)]})
    assert editor.annotation.is_blank


# ----------------------------------------------------------------- comments
def test_comments_are_pinned_and_taken_away(editor):
    editor.add_comment("  motion  ", 3)
    editor.add_comment("all of it")
    first, second = editor.annotation.comments
    assert (first.text, first.index, first.slice_key) == ("motion", 3, "1.2.3")
    assert first.person == "ana"
    assert (second.index, second.slice_key) == (None, None)
    assert editor.cell(3).comment
    assert not editor.cell(2).comment
    assert editor.annotation.is_blank  # a comment is no annotation
    assert editor.remove_comment(first.id)
    assert editor.annotation.comments == (second,)
    assert not editor.remove_comment(first.id)
    assert editor.undo() == 3
    assert editor.annotation.comments == (first, second)
    # One that is pinned to nothing is taken away, too, and shows no slice.
    assert editor.remove_comment(second.id)
    assert editor.annotation.comments == (first,)
    assert editor.undo(5) is None
    assert editor.annotation.comments == (first, second)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_comment_is_refused(editor, text):
    with pytest.raises(InvalidValueError, match="comment"):
        editor.add_comment(text)


# --------------------------------------------------------------- copy, paste
def test_paste_confirmed_adds_labels_boxes_and_masks(kit, editor):
    editor.set_class([1], LESION, True)
    editor.set_boxes({1: [kit.box()]})
    editor.set_masks({(1, ""): kit.mask(rows=slice(1, 3))})
    editor.set_masks({(2, ""): kit.mask(TUMOUR, rows=slice(2, 4))})
    editor.set_nothing_to_label([3])
    assert paste(editor, copied_slice(editor, 1), [2, 3], confirmed=True)
    for index in (2, 3):
        content = editor.content(index)
        assert content.class_labels == (LESION,)
        assert [box.corners for box in content.boxes] == [kit.box().corners]
        assert content.boxes[0].provenance is Provenance.COPIED
        assert content.boxes[0].id != editor.content(1).boxes[0].id
        assert not content.has_proposals
    expected = kit.mask(rows=slice(1, 3))
    expected[2:4] = TUMOUR  # what stood there stays
    np.testing.assert_array_equal(editor.mask(2), expected)
    np.testing.assert_array_equal(editor.mask(3), kit.mask(rows=slice(1, 3)))
    assert editor.undo() == 2
    assert editor.decision(3) is Decision.NOTHING_TO_LABEL


def test_paste_elsewhere_proposes(kit, editor):
    editor.set_boxes({1: [kit.box()]})
    editor.set_masks({(1, ""): kit.mask(rows=slice(1, 3))})
    editor.set_masks({(2, ""): kit.mask(TUMOUR, rows=slice(2, 4))})
    paste(editor, copied_slice(editor, 1), [2], confirmed=False)
    np.testing.assert_array_equal(editor.mask(2), kit.mask(TUMOUR, rows=slice(2, 4)))
    # No proposed pixel where a confirmed one is.
    np.testing.assert_array_equal(
        editor.mask(2, proposal=True), kit.mask(rows=slice(1, 2))
    )
    assert [box.proposal for box in editor.content(2).boxes] == [True]


def test_what_nobody_confirmed_is_not_copied(kit, editor):
    editor.set_boxes({1: [kit.box(), kit.box(at=3.0, proposal=True)]})
    editor.propose_masks({(1, ""): kit.mask()}, provenance=Provenance.TRACKED)
    paste(editor, copied_slice(editor, 1), [2], confirmed=True)
    assert [box.corners for box in editor.content(2).boxes] == [kit.box().corners]
    assert not editor.content(2).masks


def test_pasting_twice_adds_once(kit, editor):
    editor.set_boxes({1: [kit.box()]})
    editor.set_masks({(1, ""): kit.mask()})
    copied = copied_slice(editor, 1)
    assert paste(editor, copied, [2], confirmed=True)
    assert not paste(editor, copied, [1, 2], confirmed=True)


# ------------------------------------------------------------------- locked
def test_a_submitted_case_cannot_be_edited(kit):
    first = kit.editor()
    first.set_masks({(1, ""): kit.mask()})
    first.add_comment("look")
    editor = kit.editor(first.annotation, locked=True, log=first.log)
    other = kit.editor()
    other.propose_masks({(2, ""): kit.mask()}, provenance=Provenance.TRACKED)
    proposed = other.content(2)
    assert proposed.proposals
    n_changes = len(first.log.changes)
    acts = [
        lambda: editor.set_class([1], LESION, True),
        lambda: editor.set_nothing_to_label([1], clear=True),
        lambda: editor.set_excluded([1]),
        lambda: editor.set_case_label(LEFT),
        lambda: editor.set_case_nothing_to_label(),
        lambda: editor.set_masks({(1, ""): kit.mask(TUMOUR)}),
        lambda: editor.set_boxes({1: [kit.box()]}),
        lambda: editor.propose_masks(
            {(2, ""): kit.mask()}, provenance=Provenance.TRACKED
        ),
        lambda: editor.amend({2: proposed}),
        lambda: editor.propose_masks(
            {(2, ""): kit.mask()}, provenance=Provenance.TRACKED, amend=True
        ),
        lambda: editor.confirm([1]),
        lambda: editor.reject([1]),
        lambda: paste(editor, copied_slice(editor, 1), [2], confirmed=True),
        lambda: editor.add_comment("more"),
        lambda: editor.remove_comment(first.annotation.comments[0].id),
    ]
    for act in acts:
        with pytest.raises(LockedError):
            act()
    assert editor.undo() is None
    assert editor.redo() is None
    assert len(first.log.changes) == n_changes
    assert editor.annotation == first.annotation


def test_no_undo_once_submitted(editor):
    editor.set_class([1], LESION, True)
    editor.locked = True
    assert editor.undo() is None
    assert editor.content(1).class_labels == (LESION,)
    editor.locked = False
    assert editor.undo() == 1


def test_only_proposals_can_be_amended(kit, editor):
    editor.set_masks({(2, ""): kit.mask()})
    proposed = {(2, ""): kit.mask(rows=slice(4, 6))}
    editor.propose_masks(proposed, provenance=Provenance.TRACKED)
    content = editor.content(2)
    for other in (
        content.evolve(masks={}),
        content.evolve(class_labels=(LESION,)),
        content.evolve(masks={}, proposals={}),
    ):
        with pytest.raises(InvalidValueError, match="only proposals") as caught:
            editor.amend({2: other})
        assert caught.value.where == "slice 3"
        assert editor.content(2) == content
    unknown, _ = mask_ref(kit.mask(77))
    with pytest.raises(InvalidValueError, match="77"):
        editor.amend({2: content.evolve(proposals={"": unknown})})
    assert editor.content(2) == content
    assert editor.amend({2: content.evolve(proposals={})})
    assert editor.content(2) == content.evolve(proposals={})
    assert not editor.amend({2: editor.content(2)})


# --------------------------------------------------------------- submission
def test_one_image_is_not_called_a_slice(kit):
    label = kit.editor().labels[LESION]
    missing = Unanswered(0, label, "margin", single=True)
    for check in (
        SubmitCheck(True, (0,), (), True, single=True),
        SubmitCheck(False, (0,), (0,), True, single=True),
        SubmitCheck(False, (0,), (), True, single=True),
        SubmitCheck(False, (), (), True, unanswered=(missing,), single=True),
    ):
        assert check.refused
        assert "slice" not in check.refused.lower()
    assert SubmitCheck(False, (0,), (), False, single=True).open_text == (
        "The image is still undecided."
    )


def test_submit_check(kit):
    editor = kit.editor(every_slice=True)
    assert "Nothing was said" in editor.submit_check().refused
    editor.set_class([1], LESION, True)
    check = editor.submit_check()
    assert check.undecided == (0, 2, 3, 4, 5, 6, 7)
    assert "7 are still undecided" in check.refused
    editor.set_nothing_to_label(check.undecided)
    assert editor.submit_check().refused is None
    editor.propose_masks({(1, ""): kit.mask()}, provenance=Provenance.TRACKED)
    assert "Slice 2 holds proposals" in editor.submit_check().refused
    editor = kit.editor()
    editor.set_class([0], LESION, True)
    masks = {(index, ""): kit.mask() for index in (1, 4, 6)}
    editor.propose_masks(masks, provenance=Provenance.TRACKED)
    told = editor.submit_check().refused
    assert "3 slices, the first is 2, hold proposals" in told


def test_undecided_slices_are_told_but_not_refused(editor):
    editor.set_class([1], LESION, True)
    check = editor.submit_check()
    assert len(check.undecided) == 7
    assert check.refused is None


@pytest.mark.parametrize(
    "act",
    [
        lambda e: e.set_excluded([0]),
        lambda e: e.set_nothing_to_label([0]),
        lambda e: e.set_case_label(LEFT),
        lambda e: e.set_case_nothing_to_label(),
    ],
)
def test_any_word_is_enough_to_submit(editor, act):
    act(editor)
    assert not editor.submit_check().blank


def test_errors_are_ours_and_say_what_to_do(kit, editor):
    with pytest.raises(AnnotateJobsError) as caught:
        editor.set_masks({(1, ""): kit.mask(7)})
    assert "liver" in str(caught.value)


# ------------------------------------------------------------------ looking
def test_next_where_goes_round(editor):
    editor.set_class([2, 3], LESION, True)

    def labelled(index: int) -> bool:
        return editor.decision(index) is Decision.LABELLED

    assert editor.next_where(0, 1, labelled) == 2
    assert editor.next_where(3, 1, labelled) == 2
    assert editor.next_where(2, -1, labelled) == 3
    assert editor.next_where(5, 1, lambda i: i == 5) == 5
    assert editor.next_where(0, 1, lambda i: False) == -1


def test_a_cell_tells_what_a_slice_holds(kit, editor):
    editor.set_masks({(1, ""): kit.mask(TUMOUR)})
    editor.set_class([1], LESION, True)
    editor.set_boxes({1: [kit.box(proposal=True)]})
    editor.add_comment("look", 1)
    cell = editor.cell(1)
    assert cell.names == ("lesion", "tumour")
    assert cell.colors == ("#E69F00", "#CC79A7")
    assert cell.masks
    assert cell.boxes
    assert cell.proposals
    assert cell.comment
    assert cell.text == (
        "Slice 2: labelled · lesion, tumour · proposals to confirm · comment"
    )


def test_listeners_hear_which_slices_changed(kit, editor):
    editor.set_class([1, 3], LESION, True)
    editor.set_class([1, 4], LESION, True)
    editor.set_case_label(LEFT)
    editor.undo()
    editor.undo()
    assert editor.log.told == [(1, 3), (4,), (), (), (4,)]
