"""A place in the world is where napari says, also after a layer was moved."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_annotate_jobs.viewer._geometry import Geometry, index_at


@pytest.mark.parametrize("axes", [3, 4])
def test_it_follows_the_layer(axes):
    layer = Image(np.zeros((2, 3, 4, 5)[-axes:]), scale=(1, 2.5, 0.5, 0.7)[-axes:])
    place = np.array([9.0, 1.0, 2.0, 4.0, 3.0])
    turn = np.eye(axes)
    turn[-2:, -2:] = [[0.6, -0.8], [0.8, 0.6]]
    moves = [
        {},
        {"scale": (1, 3, 2, 2)[-axes:]},
        {"translate": (0, 1, 5, 2)[-axes:]},
        {"rotate": turn},
        {"affine": np.diag((*(2.0,) * axes, 1.0))},
    ]
    for move in moves:
        for name, value in move.items():
            setattr(layer, name, value)
        expected = layer.world_to_data(place)[-3:]
        assert index_at(layer, place) == pytest.approx(tuple(expected))
        expected = layer.world_to_data(place[-2:])[-3:]
        assert index_at(layer, place[-2:]) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(
    ("place", "index"),
    [(-7.0, 0), (-0.1, 0), (0.0, 0), (6.0, 2), (6.1, 2), (9.0, 3), (10.4, 3), (99, 3)],
)
def test_beyond_the_ends_is_the_first_or_last_slice(place, index):
    """As where another layer makes the slider longer than the case is."""
    geometry = Geometry((4, 5, 6), (3.0, 1.0, 1.0), "mm", {})
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(geometry.shape), **geometry.layer_kwargs)
    other = {"scale": (1.0, 1.0, 1.0), "translate": (-20.0, 0.0, 0.0)}
    other |= {key: geometry.layer_kwargs[key] for key in ("units", "axis_labels")}
    viewer.add_image(np.zeros((200, 5, 6)), **other)
    viewer.dims.set_point(0, place)
    assert geometry.slice_of(viewer, layer) == index
    geometry.show_slice(viewer, layer, index)
    assert viewer.dims.point[0] == index * 3.0
    assert geometry.slice_of(viewer, layer) == index


@pytest.mark.parametrize(
    ("place", "volume"), [(-3, 0), (0, 0), (1, 1), (2, 2), (3, 2), (40, 2)]
)
def test_beyond_the_ends_is_the_first_or_last_volume(place, volume):
    geometry = Geometry(
        (4, 5, 6), (3.0, 1.0, 1.0), "mm", {}, volumes=3, volume=1, axis="time"
    )
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((3, 4, 5, 6)), **geometry.image_kwargs)
    kwargs = {**geometry.image_kwargs, "translate": (-10.0, 0, 0, 0)}
    viewer.add_image(np.zeros((60, 4, 5, 6)), **kwargs)
    viewer.dims.set_point(0, place)
    assert geometry.volume_of(viewer, layer) == volume
    geometry.show_volume(viewer, layer, volume)
    assert viewer.dims.point[0] == volume
    assert viewer.dims.last_used == 1
