"""A layer is not told back what it told; what else came of it still reaches it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from napari.layers import Labels, Shapes

from napari_annotate_jobs.errors import LockedError
from napari_annotate_jobs.model import Provenance

LIVER, TUMOUR, VESSEL, NODULE = 6, 9, 8, 5


@pytest.fixture
def bench(make_bench, labels_of):
    return make_bench(labels=labels_of("segmentation"))


@pytest.fixture
def boxed(make_bench, labels_of):
    return make_bench(labels=labels_of("detection"))


def counted(layer) -> Counter[str]:
    """Count what a layer draws anew."""
    counts: Counter[str] = Counter()
    for name in ("set_data", "refresh", "labels_update"):
        if hasattr(layer.events, name):
            emitter = getattr(layer.events, name)
            emitter.connect(lambda event, name=name: counts.update([name]))
    return counts


@pytest.fixture
def decodes(monkeypatch, bench):
    """Collect the references of masks that are decoded."""
    found: list[object] = []
    editor = type(bench.editor)
    real = editor.decoded

    def decoded(self, ref):
        found.append(ref)
        return real(self, ref)

    monkeypatch.setattr(editor, "decoded", decoded)
    return found


def strokes(bench, layer, mode):
    """Make eight strokes with a tool, two of them on another slice."""
    bench.session.slice = 2
    bench.viewer.layers.selection.active = layer
    layer.mode = mode
    counts = counted(layer)
    for row in range(2, 26, 4):
        bench.mouse.drag((row, 5), (row, 20), (row + 1, 24))
    bench.session.slice = 3
    for row in (6, 16):
        bench.mouse.drag((row, 5), (row, 20))
    return Counter(counts)


def block(bench, label=LIVER):
    mask = np.zeros(bench.shape[1:], np.uint8)
    mask[8:20, 10:30] = label
    return mask


# ---------------------------------------------------------------------- masks
@pytest.mark.parametrize("mode", ["paint", "fill", "erase"])
def test_a_stroke_costs_what_it_costs_napari(bench, decodes, mode):
    bench.masks.data[2:4] = TUMOUR
    bench.bridge.take()
    bench.choose(LIVER)
    other = counted(bench.vessels)
    edits = len(bench.editor.history.done)
    ours = strokes(bench, bench.masks, mode)
    assert len(bench.editor.history.done) > edits
    assert decodes == []
    assert other["set_data"] <= 1, "the step to the other slice"
    bench.check()
    alone = Labels(np.zeros(bench.shape, np.uint8), scale=bench.masks.scale)
    alone.data[2:4] = TUMOUR
    bench.viewer.add_layer(alone)
    alone.selected_label, alone.brush_size = LIVER, bench.masks.brush_size
    assert ours == strokes(bench, alone, mode)
    np.testing.assert_array_equal(alone.data, bench.masks.data)


def test_a_stroke_beside_ranges_and_other_groups_costs_no_more(bench, decodes):
    bench.choose(VESSEL)
    strokes(bench, bench.vessels, "paint")
    bench.choose(LIVER)
    vessels = counted(bench.vessels)
    strokes(bench, bench.masks, "paint")
    assert decodes == [] and vessels["set_data"] <= 2
    bench.check()


def test_what_else_an_edit_brings_about_is_shown(bench):
    """Whoever hears of the stroke edits the same slice, and another one."""
    done = []

    def meddle(indices):
        if not done:
            done.append(indices)
            mask = bench.editor.mask(2).copy()
            mask[0, :4] = TUMOUR
            bench.editor.set_masks({(2, ""): mask, (5, ""): block(bench)})

    bench.session.slices_changed.connect(meddle)
    bench.choose(LIVER)
    bench.mouse.drag((10, 10), (10, 20))
    assert done
    assert (bench.masks.data[2, 0, :4] == TUMOUR).all()
    assert bench.masks.data[2, 10, 15] == LIVER
    np.testing.assert_array_equal(bench.masks.data[5], block(bench))
    bench.check()


def test_a_stroke_takes_from_the_proposals_that_are_shown(bench, decodes):
    bench.editor.propose_masks(
        {(2, "vessels"): block(bench, VESSEL), (2, ""): block(bench)},
        provenance=Provenance.INTERPOLATED,
    )
    bench.choose(LIVER)
    decodes.clear()
    bench.mouse.drag((10, 10), (10, 20))
    assert len(decodes) == 1, "what is proposed, to be painted over"
    assert not bench.layer("Proposals").data.any()
    assert bench.layer("Proposals vessels").data.any()
    bench.check()


def test_a_stroke_that_is_refused_is_taken_back(bench, monkeypatch):
    bench.choose(LIVER)
    bench.mouse.drag((10, 10), (10, 20))
    before = bench.masks.data.copy()

    def refuse(*args, **kwargs):
        raise LockedError("the case is read-only")

    with monkeypatch.context() as patched:
        patched.setattr(bench.editor, "set_masks", refuse)
        bench.mouse.drag((20, 10), (20, 20))
    assert isinstance(bench.errors.pop(), LockedError)
    np.testing.assert_array_equal(bench.masks.data, before)
    bench.mouse.drag((20, 10), (20, 20))
    assert bench.masks.data[2, 20, 15] == LIVER
    bench.check()


# ---------------------------------------------------------------------- boxes
@pytest.fixture
def rewrites(monkeypatch):
    """Collect the calls that take shapes away and draw them anew."""
    found: list[str] = []
    for name in ("remove", "add_rectangles", "refresh"):
        real = getattr(Shapes, name)

        def call(self, *args, name=name, real=real, **kwargs):
            if name != "remove" or args[0]:
                found.append(name)
            return real(self, *args, **kwargs)

        monkeypatch.setattr(Shapes, name, call)
    return found


def test_a_drawn_box_is_not_drawn_again(boxed, rewrites):
    boxed.choose(NODULE)
    alone = Shapes(ndim=3, scale=boxed.shapes.scale)
    boxed.viewer.add_layer(alone)
    alone.mode = "add_rectangle"
    rewrites.clear()
    boxed.mouse.drag((5, 6), (10, 26), (15, 26))
    napari = list(rewrites)
    boxed.viewer.layers.selection.active = boxed.shapes
    boxed.choose(NODULE)
    rewrites.clear()
    for top in (2, 12, 22):
        boxed.mouse.drag((top, 6), (top + 4, 26), (top + 8, 26))
    assert rewrites == 3 * napari
    found = boxed.editor.content(2).boxes
    assert list(boxed.shapes.features["box"]) == [box.id for box in found]
    assert not boxed.shapes.selected_data
    boxed.check()


def test_a_moved_box_is_not_drawn_again(boxed, rewrites):
    boxed.choose(NODULE)
    boxed.mouse.drag((5, 6), (10, 26), (15, 26))
    (before,) = boxed.editor.content(2).boxes
    boxed.shapes.mode = "select"
    boxed.mouse.drag((10, 16), (10, 16))
    rewrites.clear()
    boxed.mouse.drag((10, 16), (12, 17), (14, 18))
    (after,) = boxed.editor.content(2).boxes
    assert after.id == before.id and after.corners != before.corners
    assert "remove" not in rewrites and "add_rectangles" not in rewrites
    assert boxed.bridge.boxes.selected == (after.id,)
    boxed.check()


@pytest.mark.parametrize("shape", ["ellipse", "polygon"])
def test_what_is_no_rectangle_becomes_one(boxed, shape):
    corners = [(2, 5, 6), (2, 5, 26), (2, 15, 26), (2, 15, 6)]
    boxed.choose(NODULE)
    boxed.shapes.add([corners], shape_type=shape)
    (box,) = boxed.editor.content(2).boxes
    assert box.corners == (5, 6, 15, 26)
    assert list(boxed.shapes.shape_type) == ["rectangle"]
    boxed.check()


def test_a_box_in_other_colours_gets_those_of_its_label(boxed):
    boxed.choose(NODULE)
    boxed.shapes.current_edge_color = "yellow"
    boxed.mouse.drag((5, 6), (10, 26), (15, 26))
    rgb = boxed.labels[NODULE].rgb
    np.testing.assert_allclose(boxed.shapes.edge_color[0][:3], rgb, atol=1e-6)
    boxed.check()
