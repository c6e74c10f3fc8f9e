from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_annotate_jobs.widgets.strip._scale import MAX_CELL, MIN_COLUMN, Scale

SCALES = st.builds(
    lambda n, width, zooms: _zoomed(Scale().resized(n, width), zooms),
    st.integers(1, 3000),
    st.integers(40, 2000),
    st.lists(st.tuples(st.floats(0.3, 4), st.floats(0, 1), st.floats(-900, 900))),
)


def _zoomed(scale, zooms):
    for factor, share, pan in zooms:
        scale = scale.zoomed(factor, share * scale.width).panned(pan)
    return scale


@given(SCALES)
def test_columns_cover_every_slice_in_sight_once(scale):
    columns = scale.columns()
    for one, two in pairwise(columns):
        assert one.stop == two.start
        assert one.left + one.width == two.left
    assert columns[0].start <= scale.index_at(0) < columns[0].stop
    right = columns[-1].left + columns[-1].width
    assert columns[-1].stop == scale.n or right >= scale.width
    assert all(c.stop - c.start == scale.per_column for c in columns[:-1])


@given(SCALES)
def test_columns_are_wide_enough_to_be_seen(scale):
    for column in scale.columns()[:-1]:
        assert column.width >= int(MIN_COLUMN)


@given(SCALES, st.floats(0, 1))
def test_a_pixel_lies_in_the_cell_of_its_slice(scale, share):
    x = share * (scale.width - 1)
    index = scale.index_at(x)
    if x < scale.left(scale.n):
        low, high = scale.span(index, index)
        assert low - 1e-6 <= x <= high + 1e-6


@given(SCALES, st.integers(0, 2999))
def test_showing_brings_a_slice_into_sight(scale, index):
    assert scale.showing(index % scale.n).is_visible(index % scale.n)


@given(SCALES)
def test_the_series_never_leaves_the_strip(scale):
    assert scale.first >= 0
    assert scale.n - scale.first >= min(scale.shown, scale.n) - 1e-6


def test_zooming_keeps_the_slice_under_the_mouse():
    scale = Scale().resized(1000, 500)
    assert scale.index_at(250) == scale.zoomed(5, 250).index_at(250)


def test_a_short_series_does_not_fill_the_strip():
    scale = Scale().resized(3, 900)
    assert scale.cell == MAX_CELL
    assert scale.index_at(899) == 2
    assert scale.max_zoom == 1


def test_an_empty_series_has_no_columns():
    assert Scale().resized(0, 500).columns() == []


@pytest.mark.parametrize(("n", "each"), [(100, 1), (500, 2), (2000, 7)])
def test_slices_share_columns_only_where_they_are_narrow(n, each):
    assert Scale().resized(n, 640).per_column == each
