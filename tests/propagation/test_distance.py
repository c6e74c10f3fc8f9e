"""Distances measured in strips are those of a distance transform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi

from napari_annotate_jobs.propagation._blend import Span
from napari_annotate_jobs.propagation._distance import (
    REACH,
    Shape,
    distance_fields,
    field_of,
)


def run(tasks):
    for task in tasks:
        task()


@pytest.mark.slow
@given(
    arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))),
    arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))),
    st.sampled_from([(1.0, 1.0), (2.0, 0.5), (0.4, 2.5), (0.25, 4.0)]),
)
@settings(deadline=None, max_examples=60)
def test_same_as_distance_transform(one, two, sampling) -> None:
    """Two shapes share a strip and still do not see each other."""
    wide = 40 + 2 * REACH
    planes = np.zeros((2, wide, wide), np.uint16)
    shapes = []
    for k, mask in enumerate((one, two)):
        if not mask.any():
            continue
        h, w = mask.shape
        planes[k, REACH : REACH + h, REACH : REACH + w] = mask
        rows, columns = ndi.find_objects(planes[k])[0]
        box = (rows.start, columns.start, rows.stop, columns.stop)
        shapes.append(Shape(k, 1, box, 6.0))
    fields = distance_fields(planes, shapes, sampling, run)
    for shape in shapes:
        field = fields[shape.key, 1]
        top, left, bottom, right = shape.box
        mask = planes[shape.key, top:bottom, left:right] == 1
        exact = field_of(mask, (top, left), 6.0, sampling)
        assert field.area == exact.area == mask.sum()
        canvas = np.empty((2, wide, wide))
        for target, source in zip(canvas, (field, exact), strict=True):
            target[:] = source.ruler.distances[0]
            h, w = source.code.shape
            y, x = max(source.top, 0), max(source.left, 0)
            part = source.code[y - source.top :, x - source.left :]
            place = target[y : source.top + h, x : source.left + w]
            part = part[: place.shape[0], : place.shape[1]]
            place[:] = source.ruler.distances[part]
        canvas = np.clip(canvas, -REACH + 0.5, REACH - 0.5)
        # Rounding: an eighth of a pixel, and of the squares a 64th.
        assert np.abs(canvas[0] - canvas[1]).max() < 0.2


@pytest.mark.parametrize("places", [[0, 4], [0, 2, 7, 8], [0, 1, 6, 9], [0, 5, 6]])
def test_weights(places) -> None:
    """They sum to one, are mirrored, and repeat straight lines and parabolas."""
    for first in range(len(places) - 1):
        span = Span.between(places, first, first + 1)
        if not span.slices:
            continue
        w = span.weights() / 4096
        assert np.allclose(w.sum(axis=1), 1, atol=2e-3)
        at = np.array(span.at, dtype=float)
        assert np.allclose(w @ at, span.slices, atol=0.02)
        last = places[-1]
        back = Span.between(
            [last - p for p in places[::-1]],
            len(places) - 2 - first,
            len(places) - 1 - first,
        )
        assert np.array_equal(back.weights(), span.weights()[::-1, ::-1])
