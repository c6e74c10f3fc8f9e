"""Rulers and regions: drawn in the image, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from napari_annotate_jobs.app.controllers import (
    LabelNumbers,
    MeasureController,
    Workbench,
)
from napari_annotate_jobs.viewer import MeasureKind
from napari_annotate_jobs.widgets import LabelList

LIVER = 6


@pytest.fixture
def measuring(bench):
    found = bench.bridge.measuring
    found.drawn.connect(lambda: found.label("text"))
    return found


def names(bench):
    return [layer.name for layer in bench.viewer.layers]


def test_a_drag_measures_and_edits_nothing(bench, measuring):
    bench.choose(LIVER)
    active = bench.viewer.layers.selection.active
    measuring.kind = MeasureKind.RULER
    center = bench.viewer.scene.camera.center
    bench.mouse.drag((3, 4), (6, 4), (10, 20))
    (found,) = measuring.measures
    assert found.start == pytest.approx((2, 3, 4))
    assert found.end == pytest.approx((2, 10, 20))
    layer = bench.layer("Measures")
    assert not layer.editable and list(layer.features["text"]) == ["text"]
    np.testing.assert_allclose(layer.data[0], [found.start, found.end])
    assert bench.viewer.layers.selection.active is active
    assert bench.viewer.scene.camera.center == center
    assert not bench.masks.data.any() and not bench.editor.history.done
    measuring.kind = None
    bench.mouse.drag((3, 4), (3, 8))
    assert bench.masks.data.any() and len(measuring.measures) == 1


def test_a_click_is_no_measure(bench, measuring):
    measuring.kind = MeasureKind.REGION
    bench.mouse.drag((3, 4))
    bench.mouse.drag((3, 4), (3.2, 4.1))
    assert not measuring.measures and "Measures" not in names(bench)
    bench.mouse.drag((3, 4), (9, 9))
    assert bench.layer("Measures").shape_type == ["ellipse"]


def test_they_go_with_the_case(bench, measuring):
    measuring.kind = MeasureKind.RULER
    bench.mouse.drag((3, 4), (10, 20))
    bench.session.open_case("long")
    assert not measuring.measures and "Measures" not in names(bench)
    bench.mouse.drag((1, 1), (5, 5))
    assert len(measuring.measures) == 1
    measuring.clear()
    assert "Measures" not in names(bench)


# ------------------------------------------------------------- what acts on them
@pytest.fixture
def control(bench, qtbot):
    """Return a controller of measures, and the list of labels it writes into."""
    labels = LabelList()
    qtbot.addWidget(labels)
    labels.set_project(bench.session.job.project, {})
    desk = Workbench(
        bench.session,
        window=lambda: labels,
        show_error=bench.errors.append,
        take=bench.bridge.take,
    )
    controller = MeasureController(desk, bench.bridge, bench.executor, labels)
    yield controller, labels
    controller.close()


def shown(labels, label_id):
    return labels._items[label_id].text(3)


def test_a_ruler_says_mm_and_can_be_kept_as_a_comment(bench, control):
    controller, _ = control
    controller.by_id()["pin_measure"]()
    assert "nothing was measured" in str(bench.errors.pop())
    controller.use(MeasureKind.RULER)
    bench.mouse.drag((2, 4), (2, 14))
    (measure,) = bench.bridge.measuring.measures
    assert measure.text == "8.0 mm"
    assert not bench.store.load("job", "ct").annotation.comments
    controller.by_id()["pin_measure"]()
    (comment,) = bench.store.load("job", "ct").annotation.comments
    assert (comment.text, comment.index, comment.at) == ("8.0 mm", 2, (2.0, 9.0))
    bench.session.undo()
    assert not bench.editor.annotation.comments
    controller.use(MeasureKind.RULER)
    assert not controller.is_on
    assert not bench.errors


def test_a_region_says_area_mean_and_deviation(bench, control):
    controller, _ = control
    bench.image.data[2, :, 20:] += 100
    controller.use(MeasureKind.REGION)
    bench.mouse.drag((4, 4), (10, 12))
    area, mean = bench.bridge.measuring.measures[-1].text.split("\n")
    assert area.startswith("Area ") and area.endswith(" mm²")
    assert mean == "Mean 200, SD 0"
    bench.mouse.drag((4, 10), (24, 29.5))
    deviation = float(bench.bridge.measuring.measures[-1].text.split("SD ")[1])
    assert deviation == pytest.approx(50, abs=1)
    bench.session.label = bench.session.job.project.label_set[LIVER]
    assert not controller.is_on  # another tool was taken in hand


@pytest.mark.parametrize(
    ("case", "ruler", "region"),
    [("color.png", "pixels (no spacing)", "pixels (no spacing)")],
)
def test_without_spacing_pixels_are_said(bench, control, case, ruler, region):
    controller, _ = control
    bench.session.open_case(case)
    for kind, text in ((MeasureKind.RULER, ruler), (MeasureKind.REGION, region)):
        controller.use(kind)
        bench.mouse.drag((4, 4), (10, 12))
        assert bench.bridge.measuring.measures[-1].text.endswith(text)


def test_labels_say_their_volume_and_mean_as_masks_change(bench, control):
    controller, labels = control
    assert labels.tree.columnCount() == 3
    bench.choose(LIVER)
    bench.masks.brush_size = 1
    bench.mouse.drag((3, 3), (3, 12))
    controller.by_id()["label_numbers"]()
    ml = 10 * 3.0 * 0.5 * 0.8 / 1000
    assert shown(labels, LIVER) == f"{ml:.3g} ml · 200"
    assert shown(labels, 9) == ""
    bench.editor.set_masks({(4, ""): bench.masks.data[2]})
    assert shown(labels, LIVER) == f"{2 * ml:.3g} ml · 300"
    bench.editor.set_excluded([4], True)
    assert shown(labels, LIVER) == f"{ml:.3g} ml · 200"
    bench.session.undo()
    assert shown(labels, LIVER).endswith(" 300")
    bench.session.open_case("long")
    assert shown(labels, LIVER) == ""
    controller.by_id()["label_numbers"]()
    assert labels.tree.columnCount() == 3


def test_masks_that_change_meanwhile_are_summed_up_again(new_bench, slow, qtbot):
    bench = new_bench(executor=slow)
    slow.drain()
    labels = LabelList()
    qtbot.addWidget(labels)
    labels.set_project(bench.session.job.project, {})
    failed = bench.errors.append
    desk = Workbench(bench.session, window=lambda: labels, show_error=failed)
    numbers = LabelNumbers(desk, bench.bridge, slow, labels)
    bench.editor.set_masks({(1, ""): np.full(bench.shape[1:], LIVER, np.uint8)})
    numbers.toggle()
    bench.editor.set_masks({(1, ""): np.full(bench.shape[1:], 9, np.uint8)})
    bench.session.open_case("long")
    bench.session.open_case("ct")
    slow.drain()
    assert shown(labels, LIVER) == ""
    assert shown(labels, 9).endswith(" 100")
    assert not bench.errors
    numbers.close()
    bench.close()
