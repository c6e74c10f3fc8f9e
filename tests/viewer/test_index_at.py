"""A place in the world is where napari says, also after a layer was moved."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_annotate_jobs.viewer._geometry import index_at


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
