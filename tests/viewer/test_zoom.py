"""The zoom in per cent, and which part of the image is seen."""

from __future__ import annotations

import pytest


@pytest.fixture
def guide(bench):
    bench.viewer.canvas.size = (320, 400)
    bench.bridge.zoom.fit()
    return bench.bridge.zoom


def test_a_hundred_per_cent_is_pixel_on_pixel(bench, guide):
    guide.set_percent(100)
    assert bench.viewer.scene.camera.zoom == pytest.approx(1 / bench.spacing[2])
    assert guide.percent == pytest.approx(100)
    guide.ratio = 2.0  # the screen has two pixels where the canvas counts one
    assert guide.percent == pytest.approx(200)
    guide.set_percent(100)
    assert bench.viewer.scene.camera.zoom == pytest.approx(0.5 / bench.spacing[2])


def test_the_part_that_is_seen(bench, guide):
    assert guide.part is None  # all of it
    told = []
    guide.changed.connect(lambda: told.append(guide.part))
    guide.set_percent(guide.percent * 4)
    top, left, bottom, right = guide.part
    assert told
    assert (top + bottom) / 2 == pytest.approx(0.5, abs=0.01)
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.01)
    assert 0 < bottom - top < 0.7
    guide.look_at(0.75, 0.25)
    top, left, bottom, right = guide.part
    assert (top + bottom) / 2 == pytest.approx(0.75, abs=0.01)
    assert (left + right) / 2 == pytest.approx(0.25, abs=0.01)
    guide.fit()
    assert guide.part is None
    bench.viewer.dims.roll()
    assert guide.part is None
    assert guide.percent is not None
    bench.viewer.dims.ndisplay = 3
    assert guide.percent is None


def test_without_a_case_there_is_no_zoom(make_bench):
    bench = make_bench(case=None)
    assert bench.bridge.zoom.percent is None
    assert bench.bridge.zoom.part is None
    bench.bridge.zoom.set_percent(100)
    bench.bridge.zoom.look_at(0.5, 0.5)


def test_names_stand_at_the_upper_left_corner_of_boxes(make_bench, labels_of):
    bench = make_bench(labels=labels_of("detection"), draw_text=False)
    bench.viewer.canvas.size = (320, 400)
    bench.bridge.zoom.fit()
    bench.choose(5)
    bench.mouse.drag((4, 10), (12, 30))
    (name,) = bench.bridge.box_names()
    assert (name.text, name.color) == ("nodule", "#0072B2")
    camera = bench.viewer.scene.camera
    zoom, (row, column) = camera.zoom, camera.center[-2:]
    room = bench.viewer.canvas.viewbox_size(bench.viewer.layers)
    assert name.x == pytest.approx(room[1] / 2 + (10 * 0.8 - column) * zoom)
    assert name.y == pytest.approx(room[0] / 2 + (4 * 0.5 - row) * zoom)
    assert not bench.shapes.text.color.constant.any()  # napari writes none beside it
    bench.session.slice = 3
    assert not bench.bridge.box_names()
    bench.session.slice = 2
    bench.shapes.text.visible = False
    assert not bench.bridge.box_names()
    bench.shapes.text.visible = True
    bench.bridge.set_hidden(True)
    assert not bench.bridge.box_names()
    bench.bridge.set_hidden(False)
    bench.viewer.dims.roll()
    assert not bench.bridge.box_names()
