"""Proposals: kept apart, confirmed or rejected, never in the way."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.model import Decision, Provenance

LIVER, TUMOUR, VESSEL = 6, 700, 8


def propose(editor, index, mask, group="", **kwargs):
    kwargs.setdefault("provenance", Provenance.INTERPOLATED)
    return editor.propose_masks({(index, group): mask}, **kwargs)


def test_a_proposal_says_where_it_comes_from(kit, editor):
    propose(editor, 2, kit.mask(), keys=(0, 4))
    ref = editor.content(2).proposals[""]
    assert (ref.provenance, ref.keys) == (
        Provenance.INTERPOLATED,
        ("1.2.0", "1.2.4"),
    )
    assert editor.cell(2).proposals
    assert editor.undo() == 2
    assert editor.annotation.is_blank


def test_no_proposed_pixel_where_a_confirmed_one_is(kit, editor):
    confirmed = kit.mask(TUMOUR, rows=slice(2, 3))
    editor.set_masks({(2, ""): confirmed})
    propose(editor, 2, kit.mask(LIVER, rows=slice(1, 4)))
    proposed = editor.mask(2, proposal=True)
    assert not proposed[2].any()
    assert (proposed[[1, 3]] == LIVER).all()
    np.testing.assert_array_equal(editor.mask(2), confirmed)


def test_a_proposal_fully_covered_is_none(kit, editor):
    editor.set_masks({(2, ""): kit.mask()})
    assert not propose(editor, 2, kit.mask(TUMOUR))


def test_groups_may_overlap(kit, editor):
    editor.set_masks({(2, ""): kit.mask()})
    propose(editor, 2, kit.mask(VESSEL), "vessels")
    np.testing.assert_array_equal(
        editor.mask(2, "vessels", proposal=True), kit.mask(VESSEL)
    )


def test_painting_takes_the_pixels_from_the_proposal(kit, editor):
    propose(editor, 2, kit.mask(LIVER, rows=slice(1, 4)), keys=(0, 4))
    editor.set_masks({(2, ""): kit.mask(TUMOUR, rows=slice(3, 5))})
    np.testing.assert_array_equal(
        editor.mask(2, proposal=True), kit.mask(LIVER, rows=slice(1, 3))
    )
    assert editor.content(2).proposals[""].keys == editor.keys((0, 4))
    editor.set_masks({(2, ""): kit.mask(TUMOUR, rows=slice(0, 6))})
    assert not editor.content(2).has_proposals
    editor.undo()
    editor.undo()
    np.testing.assert_array_equal(
        editor.mask(2, proposal=True), kit.mask(LIVER, rows=slice(1, 4))
    )


@pytest.mark.parametrize("verb", ["set_excluded", "set_nothing_to_label"])
def test_settled_slices_are_left_alone(kit, editor, verb):
    getattr(editor, verb)([2])
    before = kit.said(editor.annotation)
    assert not propose(editor, 2, kit.mask())
    assert kit.said(editor.annotation) == before


def test_confirm_adds_without_overwriting(kit, editor):
    confirmed = kit.mask(TUMOUR, rows=slice(2, 3))
    editor.set_masks({(2, ""): confirmed})
    propose(editor, 2, kit.mask(LIVER, rows=slice(1, 4)), keys=(0, 4))
    propose(editor, 2, kit.mask(VESSEL), "vessels")
    editor.set_boxes({2: [kit.box(proposal=True)]})
    assert editor.confirm([1, 2])
    expected = kit.mask(LIVER, rows=slice(1, 4))
    expected[2] = TUMOUR
    np.testing.assert_array_equal(editor.mask(2), expected)
    np.testing.assert_array_equal(editor.mask(2, "vessels"), kit.mask(VESSEL))
    content = editor.content(2)
    assert not content.has_proposals
    assert content.masks[""].provenance is Provenance.INTERPOLATED
    assert content.masks[""].keys == editor.keys((0, 4))
    assert [box.proposal for box in content.boxes] == [False]
    assert not editor.confirm([2])


def test_confirming_on_a_negative_lifts_it(kit, editor):
    editor.set_nothing_to_label([2])
    editor.set_boxes({2: [kit.box(proposal=True)]})
    assert editor.decision(2) is Decision.NOTHING_TO_LABEL
    editor.confirm([2])
    assert editor.decision(2) is Decision.LABELLED


def test_reject_drops_proposals_only(kit, editor):
    editor.set_masks({(2, ""): kit.mask(rows=slice(0, 1))})
    kept = kit.box()
    editor.set_boxes({2: [kept, kit.box(at=3.0, proposal=True)]})
    propose(editor, 2, kit.mask(rows=slice(3, 4)))
    before = kit.said(editor.annotation)
    assert editor.reject([1, 2])
    content = editor.content(2)
    assert not content.has_proposals
    assert content.boxes == (kept,)
    np.testing.assert_array_equal(editor.mask(2), kit.mask(rows=slice(0, 1)))
    editor.undo()
    assert kit.said(editor.annotation) == before


def test_a_new_proposal_takes_the_place_of_the_old(kit, editor):
    propose(editor, 2, kit.mask(rows=slice(0, 1)))
    propose(editor, 2, kit.mask(rows=slice(4, 5)))
    np.testing.assert_array_equal(
        editor.mask(2, proposal=True), kit.mask(rows=slice(4, 5))
    )
