from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QRectF
from qtpy.QtGui import QImage, QPainter

from napari_annotate_jobs.editing import Cell
from napari_annotate_jobs.model import COLORS, Decision
from napari_annotate_jobs.widgets.parts._theme import Colors
from napari_annotate_jobs.widgets.strip._paint import Look, Tiles, look_of, paint_look

pytestmark = pytest.mark.usefixtures("qapp")
BOTH = pytest.mark.parametrize("colors", [Colors.dark(), Colors.light()])


def pixels(look, colors, width=24, height=24):
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    paint_look(painter, QRectF(0, 0, width, height), look, colors)
    painter.end()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return np.frombuffer(bits, np.uint8).reshape(height, width, 4)[..., 2::-1].copy()


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def test_one_slice_looks_like_its_cell():
    cell = Cell(3, Decision.LABELLED, (COLORS[0],), ("Lung",), boxes=True)
    assert look_of([cell]) == Look(Decision.LABELLED, (COLORS[0],), boxes=True)


def test_no_undecided_slice_gets_lost_among_its_neighbours():
    labelled = [Cell(i, Decision.LABELLED, (COLORS[0],)) for i in range(9)]
    look = look_of([*labelled, Cell(9)])
    assert look.undecided
    assert look.decision is Decision.LABELLED
    assert not look_of(labelled).undecided


def test_several_slices_show_labels_first_then_negatives_then_excluded():
    labelled = Cell(0, Decision.LABELLED, (COLORS[0],))
    other = Cell(1, Decision.LABELLED, (COLORS[1], COLORS[0]))
    nothing = Cell(2, Decision.NOTHING_TO_LABEL)
    excluded = Cell(3, Decision.EXCLUDED, (COLORS[4],))
    assert look_of([excluded, nothing, other, labelled]).colors == (
        COLORS[1],
        COLORS[0],
    )
    assert look_of([excluded, nothing]).decision is Decision.NOTHING_TO_LABEL
    assert look_of([excluded, excluded]).decision is Decision.EXCLUDED
    assert look_of([Cell(0), Cell(1)]).decision is Decision.UNDECIDED


def test_a_proposal_is_seen_among_its_neighbours():
    assert look_of([Cell(0), Cell(1, proposals=True), Cell(2)]).proposals


@BOTH
@pytest.mark.parametrize("width", [2, 3, 6, 24])
def test_decisions_differ_without_colour(colors, width):
    """As grey pictures, compared with brightness taken out."""
    looks = [
        Look(),
        Look(Decision.LABELLED, (COLORS[1],)),
        Look(Decision.NOTHING_TO_LABEL),
        Look(Decision.EXCLUDED),
        Look(proposals=True),
    ]
    shapes = set()
    for look in looks:
        grey = pixels(look, colors, width).astype(int).mean(axis=2)
        inner = grey[:, : max(width - 1, 1)]
        shapes.add((np.abs(inner - inner[12, 0]) > 12).tobytes())
    assert len(shapes) == len(looks)


@BOTH
def test_labels_are_stacked_in_their_order(colors):
    seen = pixels(Look(Decision.LABELLED, COLORS[:3]), colors)
    for place, color in enumerate(COLORS[:3]):
        assert seen[4 + 8 * place, 2].tolist() == rgb(color)


def test_more_labels_than_there_is_room_for_end_in_one_band():
    seen = pixels(Look(Decision.LABELLED, COLORS), Colors.dark(), height=12)
    assert seen[-1, 2].tolist() == rgb(Colors.dark().text)
    assert seen[0, 2].tolist() == rgb(COLORS[0])


@BOTH
def test_an_undecided_slice_in_a_narrow_column_is_seen(colors):
    look = Look(Decision.LABELLED, (COLORS[0],), undecided=True)
    full = Look(Decision.LABELLED, (COLORS[0],))
    here = pixels(look, colors, width=2).astype(int)
    there = pixels(full, colors, width=2).astype(int)
    differs = np.abs(here - there).max(axis=2) > 40
    assert differs[:8].all()
    assert not differs[12:].any()


def test_marks_for_boxes_and_masks_differ():
    plain = Look(Decision.LABELLED, (COLORS[1],))
    boxes = Look(Decision.LABELLED, (COLORS[1],), boxes=True)
    masks = Look(Decision.LABELLED, (COLORS[1],), masks=True)
    pictures = [pixels(look, Colors.dark()) for look in (plain, boxes, masks)]
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[1] != pictures[2]).any()
    narrow = [pixels(look, Colors.dark(), width=6) for look in (plain, boxes)]
    assert (narrow[0] == narrow[1]).all()


def test_tiles_are_painted_once():
    tiles = Tiles(Colors.dark())
    look = Look(Decision.LABELLED, (COLORS[0],))
    first = tiles.tile(look, 0, 4, 20, 1.0)
    assert tiles.tile(look, 40, 4, 20, 1.0) is first
    hatched = Look(proposals=True)
    assert tiles.tile(hatched, 0, 4, 20, 1.0) is not tiles.tile(hatched, 4, 4, 20, 1.0)
