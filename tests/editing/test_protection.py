"""What is drawn of a protected label stays as it is, whatever is done."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.editing import (
    confirm_boxes,
    copied_mask,
    copied_slice,
    delete_boxes,
    paste,
    relabel_tracks,
    take_boxes,
)
from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Provenance

LIVER, TUMOUR, VESSEL, NODULE, MASS = 6, 700, 8, 5, 11


@pytest.fixture
def spared(editor):
    """Return the labels that were left alone, edit by edit."""
    found = []
    editor.spared.connect(lambda ids: found.append(set(ids)))
    return found


def shut(editor, *ids):
    editor.protected = frozenset(ids)


def test_other_labels_do_not_cover_it(kit, editor, spared):
    editor.set_masks({(1, ""): kit.mask(LIVER, slice(1, 3))})
    shut(editor, LIVER)
    drawn = kit.mask(TUMOUR, slice(2, 5))
    drawn[1] = LIVER
    assert editor.set_masks({(1, ""): drawn})
    mask = editor.mask(1)
    assert (mask[1:3] == LIVER).all()
    assert (mask[3:5] == TUMOUR).all()
    assert spared == [{LIVER}]
    editor.undo()
    np.testing.assert_array_equal(editor.mask(1), kit.mask(LIVER, slice(1, 3)))


def test_it_is_neither_erased_nor_painted(kit, editor, spared):
    editor.set_masks({(1, ""): kit.mask(LIVER, slice(1, 3))})
    before = editor.history.undo_text
    shut(editor, LIVER)
    assert not editor.set_masks({(1, ""): kit.mask(0)})
    assert not editor.set_masks({(1, ""): kit.mask(LIVER, slice(1, 5))})
    assert spared == [{LIVER}, {LIVER}]
    assert editor.history.undo_text == before
    editor.undo()  # what was done before it was protected can still be undone
    assert editor.mask(1) is None
    editor.redo()
    assert (editor.mask(1)[1:3] == LIVER).all()


def test_a_label_of_another_group_is_no_matter(kit, editor, spared):
    editor.set_masks({(1, "vessels"): kit.mask(VESSEL)})
    shut(editor, LIVER)
    assert editor.set_masks({(1, "vessels"): kit.mask(0)})
    assert not spared


@pytest.mark.parametrize("confirmed", [True, False])
def test_pasting_leaves_it_alone(kit, editor, spared, confirmed):
    editor.set_masks({(1, ""): kit.mask(LIVER, slice(1, 3))})
    editor.set_masks({(2, ""): kit.mask(TUMOUR, slice(2, 4))})
    shut(editor, TUMOUR)
    paste(editor, copied_slice(editor, 1), [2], confirmed=confirmed)
    assert (editor.mask(2)[2:4] == TUMOUR).all()
    shut(editor, LIVER)
    copied = copied_mask(editor, LIVER, 1)
    assert not paste(editor, copied, [4], confirmed=True)
    assert spared == [{LIVER}]


def test_a_proposal_of_it_is_still_confirmed(kit, editor, spared):
    shut(editor, LIVER)
    editor.propose_masks(
        {(1, ""): kit.mask(LIVER, slice(1, 3))}, provenance=Provenance.TRACKED
    )
    assert editor.confirm([1])
    assert (editor.mask(1)[1:3] == LIVER).all()
    editor.propose_masks(
        {(2, ""): kit.mask(LIVER, slice(1, 3))}, provenance=Provenance.TRACKED
    )
    whole = kit.mask(LIVER, slice(1, 3))
    whole[4] = TUMOUR  # a stroke takes what is proposed on the slice for right
    assert editor.set_masks({(2, ""): whole}, settle=[2])
    np.testing.assert_array_equal(editor.mask(2), whole)
    assert not spared


def test_nothing_to_label_is_refused_where_it_stands(kit, editor):
    editor.set_masks({(1, ""): kit.mask(LIVER)})
    shut(editor, LIVER)
    with pytest.raises(TransitionError, match="liver, which is protected"):
        editor.set_nothing_to_label([1], clear=True)
    assert (editor.mask(1) == kit.mask(LIVER)).all()
    assert editor.set_nothing_to_label([2])


def test_boxes_stay_in_number_and_place(kit, editor, spared):
    nodule, mass = kit.box(NODULE), kit.box(MASS, at=3.0)
    editor.set_boxes({1: [nodule, mass]})
    shut(editor, NODULE)
    moved = nodule.evolve(top=nodule.top + 1, bottom=nodule.bottom + 1)
    take_boxes(editor, {1: [moved, mass]}, text="Change")
    delete_boxes(editor, [nodule.id])
    relabel_tracks(editor, [nodule.id], MASS)
    take_boxes(editor, {1: [nodule, mass, kit.box(NODULE, at=0.0)]}, text="Draw")
    assert [box.corners for box in editor.content(1).boxes] == [
        nodule.corners,
        mass.corners,
    ]
    assert len(spared) == 4
    relabel_tracks(editor, [mass.id], NODULE)
    assert [box.label for box in editor.content(1).boxes] == [NODULE, MASS]
    delete_boxes(editor, [mass.id])
    assert [box.id for box in editor.content(1).boxes] == [nodule.id]


def test_a_proposed_box_of_it_is_still_confirmed(kit, editor):
    box = kit.box(NODULE, proposal=True)
    editor.set_boxes({1: [box]})
    shut(editor, NODULE)
    confirm_boxes(editor, [box.id])
    assert not editor.content(1).boxes[0].proposal


def test_only_masks_that_are_said_are_saved(kit, editor):
    editor.set_masks({(1, ""): kit.mask(LIVER, slice(1, 3))})
    shut(editor, LIVER)
    editor.set_masks({(1, ""): kit.mask(TUMOUR, slice(1, 5))})
    said = {r.digest for c in editor.contents().values() for r in c.masks.values()}
    assert said <= set(editor.log.blobs)
    assert len(editor.log.blobs) == 2
