"""Two readings over one image, and the places of comments."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Points

from napari_annotate_jobs.editing import CaseView
from napari_annotate_jobs.model import (
    COLORS,
    Annotation,
    Box,
    Label,
    LabelSet,
    Method,
    Project,
    SliceAnnotation,
    SliceId,
    mask_ref,
)
from napari_annotate_jobs.viewer._compared import (
    BesideLayers,
    ComparisonLayer,
    outlines,
)
from napari_annotate_jobs.viewer._pins import PinLayer

SHAPE = (6, 40, 50)


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_layer(Image(np.zeros(SHAPE), name="CT", scale=(3, 1, 0.5), units="mm"))
    return viewer


def view(top=10, box=None):
    """Return a reading: a square on slice 2, and maybe a box."""
    labels = (
        Label(id=1, name="liver", color=COLORS[0], method=Method.SEGMENTATION),
        Label(id=2, name="mass", color=COLORS[1], method=Method.DETECTION),
    )
    project = Project(
        name="x",
        methods=(Method.SEGMENTATION, Method.DETECTION),
        label_set=LabelSet(labels=labels),
    )
    mask = np.zeros(SHAPE[1:], np.uint8)
    mask[top : top + 10, 10:20] = 1
    ref, data = mask_ref(mask)
    slices = [SliceId(index=i) for i in range(SHAPE[0])]
    content = SliceAnnotation(
        index=2, masks={"": ref}, boxes=() if box is None else (box,)
    )
    said = Annotation(case_id="c", person="ana", slices={slices[2].key: content})
    return CaseView(
        said, slices, project, read_blob={ref.digest: data}.__getitem__, shape=SHAPE[1:]
    )


def test_an_outline_lies_within_what_it_outlines():
    found = outlines(view(), 2, SHAPE[1:])
    assert (found > 0).sum() == 36  # of 10 x 10 pixels
    assert not found[11:19, 11:19].any()
    thick = outlines(view(), 2, SHAPE[1:], 2)
    assert (thick > 0).sum() == 36 + 28
    assert not outlines(view(), 3, SHAPE[1:]).any()


def test_boxes_are_outlined_as_far_as_they_lie_in_the_image():
    box = Box(label=2, top=30, left=40, bottom=44, right=60)
    found = outlines(view(box=box), 2, SHAPE[1:])
    assert set(np.unique(found)) == {0, 1, 2}
    assert found[30, 40] == found[39, 49] == 2
    assert not found[31:39, 41:49].any()


def test_outlines_of_both_are_drawn_of_the_slice_that_is_seen(viewer):
    shown = ComparisonLayer(viewer)
    shown.show(viewer.layers[0], 2, view(), view(top=14))
    layer = shown.layer
    assert not layer.editable
    assert tuple(layer.scale) == (3, 1, 0.5)
    first, second = (layer.data[2] == 1, layer.data[2] == 2)
    assert first.any() and second.any()
    # Dashed: a part of it, but one on each side.
    whole = outlines(view(top=14), 2, SHAPE[1:]) > 0
    assert 0.3 * whole.sum() < second.sum() < 0.7 * whole.sum()
    for side in (
        np.s_[14, 10:20],
        np.s_[23, 10:20],
        np.s_[14:24, 10],
        np.s_[14:24, 19],
    ):
        assert layer.data[2][side].tolist().count(2) > 0
    shown.show(viewer.layers[0], 3, view(), view(top=14))
    assert not layer.data.any()
    shown.hide()
    assert [x.name for x in viewer.layers] == ["CT"]


def test_another_reading_stands_beside_the_first(viewer):
    image = viewer.layers[0]
    viewer.add_layer(Labels(np.zeros(SHAPE, np.uint8), name="Segmentation"))
    before = viewer.canvas.grid.stride, viewer.canvas.grid.shape
    beside = BesideLayers(viewer)
    box = Box(label=2, top=2, left=3, bottom=8, right=9)
    beside.show(image, 2, view(box=box), ("ana", "ben"))
    grid, layers = viewer.canvas.grid, viewer.layers
    assert grid.enabled and grid.actual_shape(layers) == (1, 2)
    places = {x.name: grid.position(i, layers) for i, x in enumerate(layers)}
    assert {places[name] for name in ("CT", "Segmentation", "ana")} == {(0, 0)}
    assert {places[x.name] for x in beside.layers} == {(0, 1)}
    copy, masks, boxes = beside.layers
    assert copy.data is image.data
    assert (masks.data[2] == 1).sum() == 100
    assert (boxes.data[2] == 2).any()
    # What comes later stands with the first, and both are shown in one window.
    viewer.add_layer(Points(np.zeros((0, 3)), ndim=3, name="later"))
    assert grid.position(layers.index("later"), layers) == (0, 0)
    assert grid.position(layers.index(copy), layers) == (0, 1)
    image.contrast_limits = (0.2, 0.7)
    assert copy.contrast_limits == [0.2, 0.7]
    beside.show_slice(4)
    assert not masks.data.any() and not boxes.data.any()
    beside.hide()
    assert [x.name for x in layers] == ["CT", "Segmentation", "later"]
    assert (grid.enabled, grid.stride, grid.shape) == (False, *before)


def test_places_of_comments_are_ringed(viewer):
    pins = PinLayer(viewer)
    image = viewer.layers[0]
    pins.show(image, [])
    assert pins.layer is None
    pins.show(image, [(2, 5.0, 6.0), (3, 7.0, 8.0)], (3, 7.0, 8.0))
    layer = pins.layer
    assert layer.data.tolist() == [[2, 5, 6], [3, 7, 8]]
    assert layer.size[1] > layer.size[0]
    assert not layer.editable
    viewer.layers.remove(layer)
    pins.show(image, [(2, 5.0, 6.0)])
    assert pins.layer.data.tolist() == [[2, 5, 6]]
    pins.show(image, ())
    assert [x.name for x in viewer.layers] == ["CT"]
