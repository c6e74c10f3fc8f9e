"""Small pictures of slices: what one of two versions alone says of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_annotate_jobs.app._pictures import draw_difference, said_text
from napari_annotate_jobs.editing import CaseView
from napari_annotate_jobs.model import (
    Annotation,
    Box,
    Label,
    LabelSet,
    Method,
    Project,
    SliceAnnotation,
    SliceId,
    Window,
    mask_ref,
)

PROJECT = Project(
    name="P",
    methods=(Method.SEGMENTATION, Method.DETECTION),
    label_set=LabelSet(
        labels=(
            Label(id=1, name="liver", color="#009E73", method=Method.SEGMENTATION),
            Label(id=2, name="cyst", color="#CC79A7", method=Method.SEGMENTATION),
            Label(id=3, name="node", color="#F0E442", method=Method.DETECTION),
        )
    ),
)
BLUE, ORANGE = 2, 0
"""The channel that is brightest where only mine, or only theirs, is."""


@pytest.fixture
def series():
    header = SimpleNamespace(is_color=False, inverted=False, spacing=(1.0, 1.0, 1.0))
    return SimpleNamespace(header=header)


def view(mask=None, boxes=()):
    blobs, masks = {}, {}
    if mask is not None and mask.any():
        ref, data = mask_ref(mask.astype(np.uint16))
        blobs[ref.digest], masks = data, {"": ref}
    content = SliceAnnotation(index=0, masks=masks, boxes=boxes)
    said = Annotation(case_id="c", person="p", slices={"index:0": content})
    return CaseView(said, [SliceId(index=0)], PROJECT, read_blob=blobs.__getitem__)


def draw(series, mine, theirs):
    plane = np.full((40, 40), 50.0)
    window = Window(center=50, width=100)
    return draw_difference(plane, series, mine, theirs, 0, window, 40).astype(int)


def brightest(picture):
    return np.where(np.ptp(picture, axis=2) > 20, picture.argmax(axis=2), -1)


def test_only_what_differs_is_coloured(series):
    one, other = np.zeros((40, 40)), np.zeros((40, 40))
    one[:, :20] = 1
    other[:, 10:30] = 1
    other[30:, 10:20] = 2  # both, but of another label
    found = brightest(draw(series, view(one), view(other)))
    assert (found[:, :10] == BLUE).all()
    assert (found[:30, 10:20] == -1).all()
    assert (found[30:, 10:20] == ORANGE).all()
    assert (found[:, 20:30] == ORANGE).all()
    assert (found[:, 30:] == -1).all()
    assert (brightest(draw(series, view(one), view(one))) == -1).all()


def test_boxes_that_both_have_are_left_out(series):
    same = Box(label=3, top=2, left=2, bottom=8, right=8)
    gone = Box(label=3, top=20, left=2, bottom=30, right=12)
    moved = gone.evolve(left=22.0, right=32.0)
    found = brightest(draw(series, view(boxes=(same, gone)), view(boxes=(same, moved))))
    assert (found[:15] == -1).all()
    assert BLUE in found[18:33, :15]
    assert ORANGE in found[18:33, 20:]
    assert ORANGE not in found[18:33, :15]


def said(*contents, case_labels=(), nothing=False, slices=3):
    annotation = Annotation(
        case_id="c",
        person="p",
        slices={f"index:{c.index}": c for c in contents},
        case_labels=case_labels,
        case_nothing_to_label=nothing,
    )
    ids = [SliceId(index=i) for i in range(slices)]
    return said_text(CaseView(annotation, ids, PROJECT, read_blob={}.__getitem__))


def test_what_was_said_of_a_case_goes_into_few_words():
    box = Box(label=3, top=1, left=1, bottom=5, right=5)
    proposed = box.evolve(id="p", proposal=True, label=2)
    mask = {"": mask_ref(np.ones((4, 4), np.uint16))[0]}
    assert said() == ""
    assert said(nothing=True) == "nothing to label"
    one = SliceAnnotation(index=0, boxes=(box, proposed), masks=mask)
    assert said(one) == "liver, node, 1 box, 1 mask"
    two = SliceAnnotation(index=1, boxes=(box.evolve(id="b"),), masks=mask)
    assert said(one, two) == "liver, node, 2 boxes, 2 masks"
    empty = SliceAnnotation(index=0, nothing_to_label=True)
    assert said(empty) == "nothing to label"
    assert said(empty, two) == "liver, node, 1 box, 1 mask"
    gone = SliceAnnotation(index=2, excluded=True)
    assert said(two, gone) == "liver, node, 1 box, 1 mask, 1 excluded"
    assert said(gone.evolve(index=0), slices=1) == "excluded"
