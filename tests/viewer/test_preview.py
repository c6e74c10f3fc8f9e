"""The preview's outline, and picking a pixel with the mouse."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_annotate_jobs.viewer import PointPicker
from napari_annotate_jobs.viewer._preview import PreviewLayer


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_layer(
        Image(np.zeros((6, 40, 50)), name="CT", scale=(3, 1, 0.5), units="mm")
    )
    return viewer


def inside(top):
    mask = np.zeros((40, 50), bool)
    mask[top : top + 5, 10:20] = True
    return mask


def test_it_is_there_while_something_is_shown(viewer):
    preview = PreviewLayer(viewer)
    active = viewer.layers.selection.active
    preview.show(viewer.layers[0], {2: inside(4), 3: inside(8)})
    layer = preview.layer
    assert layer in viewer.layers
    assert viewer.layers.selection.active is active
    assert not layer.editable and layer.contour
    assert tuple(layer.scale) == (3, 1, 0.5)
    assert layer.data[2].sum() == 50
    preview.show(viewer.layers[0], {3: inside(9)})
    assert preview.layer is layer
    assert not layer.data[2].any() and np.array_equal(layer.data[3], inside(9))
    preview.hide()
    preview.hide()
    assert [x.name for x in viewer.layers] == ["CT"]


def test_it_comes_back_after_it_was_deleted(viewer):
    preview = PreviewLayer(viewer)
    preview.show(viewer.layers[0], {2: inside(4)})
    viewer.layers.remove("Preview")
    assert preview.layer is None
    preview.show(viewer.layers[0], {3: inside(4)})
    assert preview.layer in viewer.layers
    assert not preview.layer.data[2].any()


def test_it_fits_another_image(viewer):
    preview = PreviewLayer(viewer)
    preview.show(viewer.layers[0], {2: inside(4)})
    colour = Image(np.zeros((2, 8, 9, 3), np.uint8), rgb=True)
    preview.show(colour, {1: np.ones((8, 9), bool)})
    assert preview.layer.data.shape == (2, 8, 9)
    assert len(viewer.layers) == 2


def press(viewer, row, column, button=1, modifiers=()):
    """Press, move and release as napari tells it; return the event."""
    layer = viewer.layers[0]
    event = SimpleNamespace(
        button=button,
        modifiers=list(modifiers),
        position=tuple(layer.data_to_world((2, row, column))),
        type="mouse_press",
        handled=False,
    )
    steps = []
    for callback in list(viewer.mouse_drag_callbacks):
        step = callback(viewer, event)
        if step is not None:
            steps.append(step)
            next(step, None)
    drew = list(viewer.layers.selection.active.mouse_drag_callbacks)
    for kind in ("mouse_move", "mouse_release"):
        event.type = kind
        for step in steps:
            next(step, None)
    return event, drew


def test_a_click_names_a_pixel_and_draws_nothing(viewer):
    labels = viewer.add_layer(Labels(np.zeros((6, 40, 50), int), name="Mask"))
    labels.mode = "paint"
    tools = list(labels.mouse_drag_callbacks)
    picker = PointPicker(viewer, lambda: viewer.layers[0])
    picked = []
    picker.start(lambda *pixel: picked.append(pixel))
    event, drew = press(viewer, 11, 30)
    assert picked == [(2, 11, 30)]
    assert event.handled and drew == []
    assert labels.mouse_drag_callbacks == tools
    picker.stop()
    event, drew = press(viewer, 11, 30)
    assert len(picked) == 1 and not event.handled and drew == tools
    picker.close()
    assert picker._on_press not in viewer.mouse_drag_callbacks


@pytest.mark.parametrize(
    "how",
    [
        {"row": 60, "column": 3},
        {"row": 3, "column": 3, "button": 2},
        {"row": 3, "column": 3, "modifiers": ["Shift"]},
    ],
)
def test_other_clicks_name_none(viewer, how):
    picker = PointPicker(viewer, lambda: viewer.layers[0])
    picked = []
    picker.start(lambda *pixel: picked.append(pixel))
    press(viewer, **how)
    assert picked == []
    assert picker.is_on
    picker.close()


def test_without_an_image_a_click_is_left_alone(viewer):
    picker = PointPicker(viewer, lambda: None)
    picker.start(lambda *pixel: None)
    event, _ = press(viewer, 3, 3)
    assert not event.handled
    picker.close()
