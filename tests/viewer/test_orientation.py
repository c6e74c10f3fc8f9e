"""Sides of the patient at the edges of the canvas."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.viewer._orientation import edge_letters

RIGHT_WAY = ("down", "right")
AXIAL, CORONAL, SAGITTAL = (1, 2), (0, 2), (0, 1)


def affine(slices, rows, columns):
    """Return the affine of a series whose axes point there, in mm of LPS."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([slices, rows, columns], float).T
    return matrix


STRAIGHT = affine((0, 0, 3), (0, 0.5, 0), (0.8, 0, 0))


@pytest.mark.parametrize(
    ("plane", "orientation", "left", "right", "top", "bottom"),
    [
        (AXIAL, ("down", "right"), "R", "L", "A", "P"),
        (AXIAL, ("up", "right"), "R", "L", "P", "A"),
        (AXIAL, ("down", "left"), "L", "R", "A", "P"),
        (CORONAL, ("up", "right"), "R", "L", "H", "F"),
        (SAGITTAL, ("up", "right"), "A", "P", "H", "F"),
        (SAGITTAL[::-1], ("down", "right"), "F", "H", "A", "P"),
    ],
)
def test_letters_of_a_straight_series(plane, orientation, left, right, top, bottom):
    found = edge_letters(STRAIGHT, plane, orientation)
    assert found == (left, right, top, bottom)


def test_an_oblique_plane_has_two_letters_the_nearer_first():
    tilted = np.deg2rad(20)
    rows = (0, np.cos(tilted), -np.sin(tilted))  # to the back, and down
    found = edge_letters(affine((0, 0.3, 0.9), rows, (1, 0, 0)), AXIAL, RIGHT_WAY)
    assert found == ("R", "L", "AH", "PF")


def test_a_slight_tilt_is_not_told():
    tilted = np.deg2rad(5)
    rows = (0, np.cos(tilted), -np.sin(tilted))
    assert edge_letters(affine((0, 0, 1), rows, (1, 0, 0)), AXIAL, RIGHT_WAY) == (
        "R",
        "L",
        "A",
        "P",
    )


@pytest.mark.parametrize("seed", range(5))
def test_opposite_edges_have_opposite_letters(seed):
    random = np.random.default_rng(seed)
    turned, _ = np.linalg.qr(random.normal(size=(3, 3)))
    found = edge_letters(affine(*turned), AXIAL, RIGHT_WAY)
    other = str.maketrans("LRPAHF", "RLAPFH")
    assert found.left.translate(other) == found.right
    assert found.top.translate(other) == found.bottom


# ------------------------------------------------------------- of an open case
@pytest.fixture
def bench(make_bench):
    return make_bench()


def test_letters_follow_the_plane_and_how_it_stands(bench):
    assert bench.bridge.letters == ("R", "L", "A", "P")
    heard = []
    bench.bridge.letters_changed.connect(heard.append)
    bench.viewer.dims.roll()
    assert bench.bridge.plane.name == "sagittal plane"
    assert bench.bridge.letters == ("A", "P", "H", "F") == heard[-1]
    bench.bridge.show_acquired()
    bench.viewer.scene.camera.orientation2d = ("up", "right")  # napari's own button
    assert heard[-1] == ("R", "L", "P", "A")
    bench.viewer.dims.ndisplay = 3
    assert heard[-1] is None


def test_without_a_case_there_are_none(bench):
    heard = []
    bench.bridge.letters_changed.connect(heard.append)
    bench.session.close_case()
    assert bench.bridge.letters is None
    assert heard[-1] is None


# -------------------------------------------------------------------- peeking
def seen(bench):
    return {layer.name for layer in bench.viewer.layers if layer.visible}


def test_hidden_annotation_comes_back_as_it_was(bench, labels_of):
    before = seen(bench)
    masks = next(n for n in before if n != bench.bridge.image_layer.name)
    bench.viewer.layers[masks].visible = True
    heard = []
    bench.bridge.hidden_changed.connect(heard.append)
    bench.bridge.set_hidden(True)
    assert seen(bench) == {bench.bridge.image_layer.name}
    assert bench.bridge.is_hidden
    bench.bridge.set_hidden(False)
    assert seen(bench) == before
    assert heard == [True, False]


def test_what_the_user_had_hidden_stays_hidden(bench):
    name = next(iter(seen(bench) - {bench.bridge.image_layer.name}))
    bench.viewer.layers[name].visible = False
    bench.bridge.set_hidden(True)
    bench.bridge.set_hidden(False)
    assert not bench.viewer.layers[name].visible


def test_choosing_a_label_shows_the_annotation(bench):
    bench.bridge.set_hidden(True)
    bench.choose(6)
    assert not bench.bridge.is_hidden
    assert bench.viewer.layers.selection.active.visible
    assert bench.viewer.layers.selection.active.mode == "paint"


def test_nothing_is_drawn_while_it_is_hidden(bench):
    bench.choose(6)
    bench.bridge.set_hidden(True)
    bench.mouse.drag((4, 4), (12, 14))
    bench.bridge.take()
    assert not bench.session.editor.annotation.slices
    bench.bridge.set_hidden(False)
    assert bench.viewer.layers.selection.active.mode == "paint"


def test_another_case_comes_with_its_annotation_shown(bench):
    bench.bridge.set_hidden(True)
    bench.session.close_case()
    assert not bench.bridge.is_hidden
