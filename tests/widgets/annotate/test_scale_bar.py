"""The scale bar is as long as it says, whatever the zoom."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QWidget

from napari_annotate_jobs.widgets import ScaleBar
from napari_annotate_jobs.widgets.annotate._scale_bar import LONGEST, nice_length


@pytest.mark.parametrize(
    ("per_mm", "length"),
    [(1, 100), (1.5, 100), (3, 50), (8, 10), (0.5, 200), (300, 0.5), (0.01, 10_000)],
)
def test_nice_lengths(per_mm, length):
    assert nice_length(per_mm) == length


@pytest.mark.parametrize("per_mm", [1e-4, 0.0317, 0.999, 7, 15, 149.99, 1e5])
def test_it_is_as_long_as_it_says(qtbot, per_mm):
    canvas = QWidget()
    qtbot.addWidget(canvas)
    canvas.resize(600, 400)
    canvas.show()
    bar = ScaleBar(canvas)
    bar.set_scale(per_mm)
    assert bar.isVisible()
    mm = float(bar.text().removesuffix(" mm"))
    assert bar.length == pytest.approx(mm * per_mm)
    assert LONGEST / 2.5 - 1e-6 <= bar.length <= LONGEST + 1e-6
    assert bar.geometry().right() < 600 and bar.geometry().bottom() < 400
    canvas.resize(300, 200)
    qtbot.waitUntil(lambda: bar.geometry().right() < 300)


@pytest.mark.parametrize("per_mm", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_it_is_away_where_nothing_is_known(qtbot, per_mm):
    canvas = QWidget()
    qtbot.addWidget(canvas)
    canvas.show()
    bar = ScaleBar(canvas)
    bar.set_scale(2.0)
    bar.set_scale(per_mm)
    assert not bar.isVisible() and bar.text() == ""
