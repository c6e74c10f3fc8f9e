"""What a place belongs to, and what is done with that alone."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.editing import (
    copied_box,
    copied_mask,
    copy_pointed,
    delete_pointed,
    object_at,
    paste,
    relabel_pointed,
)
from napari_annotate_jobs.errors import TransitionError

LIVER, TUMOUR, VESSEL, NODULE, MASS = 6, 700, 8, 5, 11


@pytest.fixture
def painted(kit, editor):
    """Two pieces of liver, one of tumour, a vessel over one of the former."""
    mask = kit.mask(LIVER, (slice(0, 2), slice(0, 2)))
    mask[4:6, 4:6] = LIVER
    mask[2, 2] = LIVER  # touches the first at a corner
    mask[0, 5] = TUMOUR
    editor.set_masks(
        {
            (1, ""): mask,
            (1, "vessels"): kit.mask(VESSEL, (slice(5, 6), slice(5, 6))),
        }
    )
    return editor


@pytest.mark.parametrize(
    ("place", "label", "pixels", "pieces"),
    [
        ((0, 0), LIVER, 5, 2),
        ((2.3, 1.8), LIVER, 5, 2),
        ((4, 4), LIVER, 4, 2),
        ((5, 5), VESSEL, 1, 1),
        ((0, 5), TUMOUR, 1, 1),
        ((3, 3), None, 0, 0),
        ((-3, 90), None, 0, 0),
    ],
)
def test_the_piece_under_the_pointer(painted, place, label, pixels, pieces):
    found = object_at(painted, 1, *place)
    if label is None:
        assert found is None
        return
    assert found.label.id == label
    assert int(found.piece.sum()) == pixels
    assert found.pieces == pieces
    assert found.pin == {"label": label, "object": None, "at": place}


def test_only_what_is_seen_is_pointed_at(painted, kit):
    assert object_at(painted, 1, 5, 5, groups=[""]).label.id == LIVER
    painted.set_boxes({2: [kit.box()]})
    assert object_at(painted, 2, 2, 2, boxes=False) is None


def test_edges_come_before_masks_and_these_before_insides(kit, editor):
    large, small = kit.box(at=0.0), kit.box(MASS, at=1.0)
    large = large.evolve(bottom=5.0, right=6.0)
    editor.set_boxes({1: [large, small]})
    editor.set_masks({(1, ""): kit.mask(LIVER, (slice(2, 5), slice(2, 5)))})

    def at(row, column):
        found = object_at(editor, 1, row, column, reach=0.3)
        return found.box.id if found.box else found.label.id

    assert at(2, 2) == LIVER
    assert at(1.1, 2) == small.id  # its edge
    assert at(1.4, 1.4) == small.id  # the smaller of the two around it
    assert at(4.9, 2) == large.id
    assert at(5.2, 2) == large.id
    assert object_at(editor, 1, 5.4, 2, reach=0.3) is None


def test_a_piece_gets_another_label_in_one_step(painted):
    piece = object_at(painted, 1, 4, 4)
    assert relabel_pointed(painted, piece, TUMOUR)
    assert (painted.mask(1)[4:6, 4:6] == TUMOUR).all()
    assert (painted.mask(1)[0:2, 0:2] == LIVER).all()
    assert painted.history.undo_text == "Change to tumour"
    painted.undo()
    assert (painted.mask(1)[4:6, 4:6] == LIVER).all()


def test_a_piece_goes_into_another_overlap_group(painted):
    assert relabel_pointed(painted, object_at(painted, 1, 4, 4), VESSEL)
    assert not painted.mask(1)[4:6, 4:6].any()
    assert (painted.mask(1, "vessels")[4:6, 4:6] == VESSEL).all()
    painted.undo()
    assert painted.mask(1, "vessels").sum() == VESSEL


def test_a_piece_is_deleted_or_all_of_them(painted):
    piece = object_at(painted, 1, 4, 4)
    assert delete_pointed(painted, piece)
    assert not painted.mask(1)[4:6].any()
    assert (painted.mask(1)[0:2, 0:2] == LIVER).all()
    painted.undo()
    assert delete_pointed(painted, piece, every=True)
    assert set(np.unique(painted.mask(1))) == {0, TUMOUR}


def test_what_is_gone_is_said_to_be(painted):
    piece = object_at(painted, 1, 0, 5)
    painted.set_masks({(1, ""): np.zeros(painted.mask(1).shape, int)})
    with pytest.raises(TransitionError, match="not there any more"):
        relabel_pointed(painted, piece, LIVER)


def test_a_box_gets_another_label_on_all_its_slices(kit, editor):
    one = kit.box(track="t")
    editor.set_boxes({1: [one], 2: [kit.box(track="t")]})
    found = object_at(editor, 1, 2, 2)
    assert (found.box.id, found.slices) == (one.id, 2)
    assert relabel_pointed(editor, found, MASS)
    assert [editor.content(i).boxes[0].label for i in (1, 2)] == [MASS, MASS]
    assert delete_pointed(editor, object_at(editor, 1, 2, 2))
    assert not editor.content(1).boxes
    assert editor.content(2).boxes


def test_one_label_is_copied_alone(painted):
    copied = copied_mask(painted, LIVER, 1)
    assert paste(painted, copied, [3], confirmed=True)
    assert (painted.mask(3) == np.where(painted.mask(1) == LIVER, LIVER, 0)).all()
    assert painted.mask(3, "vessels") is None
    assert copied_mask(painted, TUMOUR, 2) is None
    piece = copy_pointed(painted, object_at(painted, 1, 4, 4))
    assert paste(painted, piece, [4], confirmed=True)
    assert int((painted.mask(4) > 0).sum()) == 4


def test_a_box_pasted_on_itself_moves_aside(kit, editor):
    box = kit.box(at=0.0)
    editor.set_boxes({1: [box]})
    copied = copied_box(editor, box)
    editor.shape = (6, 7)
    for _ in range(2):
        assert paste(editor, copied, [1], confirmed=True)
    corners = [b.corners for b in editor.content(1).boxes]
    assert corners == [
        (0.0, 0.0, 2.0, 2.5),
        (1.0, 1.0, 3.0, 3.5),
        (2.0, 2.0, 4.0, 4.5),
    ]
    assert paste(editor, copied, [2], confirmed=True)
    assert editor.content(2).boxes[0].corners == box.corners
    corner = box.evolve(top=3.0, left=4.0, bottom=5.4, right=6.4)
    editor.set_boxes({3: [corner]})
    paste(editor, copied_box(editor, corner), [3], confirmed=True)
    assert editor.content(3).boxes[1].corners == (2.0, 3.0, 4.4, 5.4)
