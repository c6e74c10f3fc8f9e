"""Proposals are outlines; painting over them settles them with the stroke."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from napari_annotate_jobs.model import Provenance
from napari_annotate_jobs.session import SynchronousExecutor, Work, Worker
from napari_annotate_jobs.viewer import WorkProgress

LIVER, TUMOUR, VESSEL = 6, 9, 8
BLOCK = (slice(8, 20), slice(10, 30))


def block(bench, label=LIVER, place=BLOCK):
    mask = np.zeros(bench.shape[1:], np.uint16)
    mask[place] = label
    return mask


def names(bench):
    return [layer.name for layer in bench.viewer.layers]


def propose(bench, index=2, mask=None, group=""):
    mask = block(bench) if mask is None else mask
    bench.editor.propose_masks(
        {(index, group): mask}, provenance=Provenance.INTERPOLATED, keys=(0, 5)
    )
    return mask


def shown(bench, index=2, group=""):
    return bench.layer(f"Proposals {group}".strip()).data[index]


# --------------------------------------------------------------------- drawing
def test_they_have_a_layer_of_outlines(bench):
    mask = propose(bench)
    layer = bench.layer("Proposals")
    np.testing.assert_array_equal(layer.data[2], mask)
    assert not bench.masks.data.any()
    assert layer.contour >= 1 and bench.masks.contour == 0
    assert not layer.editable and layer.locked
    assert layer.opacity > bench.masks.opacity
    np.testing.assert_allclose(layer.get_color(LIVER), bench.masks.get_color(LIVER))
    np.testing.assert_array_equal(layer.scale, bench.masks.scale)
    assert layer.units == bench.masks.units


def test_only_the_outline_is_drawn(bench):
    propose(bench)
    view = bench.layer("Proposals")._slice.image.view
    assert view[8, 15] == LIVER and view[14, 20] == 0


def test_each_group_has_its_own_once_it_has_something_to_show(bench):
    masks = ["Segmentation", "Segmentation vessels"]
    assert names(bench)[1:] == [*masks, "Detection"]
    bench.choose(LIVER)
    bench.masks.mode = "erase"
    propose(bench, mask=block(bench, VESSEL), group="vessels")
    assert names(bench)[1:] == [*masks, "Proposals vessels", "Detection"]
    assert (shown(bench, group="vessels")[BLOCK] == VESSEL).all()
    propose(bench)
    assert names(bench)[1:] == [*masks, "Proposals", "Proposals vessels", "Detection"]
    assert bench.viewer.layers.selection.active is bench.masks
    assert bench.masks.mode == "erase", "the tool at hand"
    layer = bench.layer("Proposals")
    layer.affine = np.diag((1, 2, 1, 1))
    np.testing.assert_array_equal(layer.affine.affine_matrix, np.eye(4))


def test_what_is_proposed_while_all_is_hidden_stays_hidden(bench):
    propose(bench, mask=block(bench, VESSEL), group="vessels")
    bench.editor.reject([2])
    bench.bridge.set_hidden(True)
    propose(bench)
    propose(bench, mask=block(bench, VESSEL), group="vessels")
    layers = [bench.layer("Proposals"), bench.layer("Proposals vessels")]
    assert not any(layer.visible for layer in layers)
    bench.bridge.set_hidden(False)
    assert all(layer.visible for layer in layers)


def test_they_follow_the_session(bench):
    mask = propose(bench)
    bench.editor.undo()
    assert not shown(bench).any()
    bench.editor.redo()
    np.testing.assert_array_equal(shown(bench), mask)
    bench.editor.confirm([2])
    assert not shown(bench).any()
    np.testing.assert_array_equal(bench.masks.data[2], mask)
    bench.editor.undo()
    np.testing.assert_array_equal(shown(bench), mask)
    assert not bench.masks.data.any()
    bench.editor.reject([2])
    assert not shown(bench).any()


def test_what_is_shown_is_not_written_again(bench):
    propose(bench)
    refreshed = []
    bench.layer("Proposals").events.refresh.connect(refreshed.append)
    bench.layer("Proposals").events.set_data.connect(refreshed.append)
    bench.editor.set_class([2, 3], 1, True)
    bench.editor.set_masks({(3, ""): block(bench)})
    assert not refreshed
    propose(bench, 4)
    assert refreshed


def test_they_are_there_when_the_case_is_opened_again(bench):
    mask = propose(bench)
    bench.session.open_case("float.nii.gz")
    assert "Proposals" not in bench.viewer.layers
    bench.session.open_case("ct")
    np.testing.assert_array_equal(shown(bench), mask)


def test_the_read_out_says_so(bench):
    overlay = bench.viewer.canvas.overlays.text
    assert "Proposals" not in overlay.text
    propose(bench)
    assert "Proposals to confirm" in overlay.text
    bench.session.slice = 3
    assert "Proposals" not in overlay.text


def test_writing_into_the_layer_changes_nothing(bench):
    mask = propose(bench)
    bench.layer("Proposals").data[2] = 0
    bench.layer("Proposals").refresh()
    bench.bridge.take()
    np.testing.assert_array_equal(bench.editor.mask(2, proposal=True), mask)


# --------------------------------------------------------------------- strokes
def test_a_stroke_confirms_the_rest_of_the_slice(bench):
    mask = propose(bench)
    propose(bench, 3)
    bench.choose(TUMOUR)
    bench.mouse.drag((14, 20), (14, 26))
    painted = bench.masks.data[2] == TUMOUR
    assert painted.any()
    np.testing.assert_array_equal(bench.saved(2), np.where(painted, TUMOUR, mask))
    assert not bench.editor.content(2).proposals and not shown(bench).any()
    assert bench.editor.content(3).proposals, "only this slice"
    bench.check()
    assert bench.editor.history.undo_text == "Paint"
    bench.session.undo()
    assert not bench.masks.data.any()
    np.testing.assert_array_equal(shown(bench), mask)
    bench.session.redo()
    bench.check()


def test_erasing_takes_from_the_proposal(bench):
    mask = propose(bench)
    bench.choose(LIVER)
    bench.masks.mode = "erase"
    bench.masks.brush_size = 6
    bench.mouse.drag((14, 10), (14, 14))
    saved = bench.saved(2)
    assert saved[14, 12] == 0 and saved[9, 25] == LIVER
    assert np.count_nonzero(saved) < np.count_nonzero(mask)
    assert not bench.editor.content(2).proposals
    bench.check()


def test_all_of_it_can_be_erased(bench):
    propose(bench)
    bench.choose(LIVER)
    bench.masks.mode = "erase"
    bench.masks.brush_size = 80
    bench.mouse.drag((14, 20), (14, 22))
    assert not bench.editor.content(2).proposals
    assert not bench.editor.content(2).masks
    assert len(bench.editor.history.done) == 2
    bench.session.undo()
    assert bench.editor.content(2).proposals
    bench.check()


def test_a_stroke_beside_the_image_confirms_nothing(bench):
    mask = propose(bench)
    bench.choose(LIVER)
    bench.masks.mode = "erase"
    bench.mouse.drag((2, 2), (2, 4))
    np.testing.assert_array_equal(bench.editor.mask(2, proposal=True), mask)
    assert not bench.masks.data.any()
    assert len(bench.editor.history.done) == 1


def test_filling_inside_the_outline(bench):
    mask = propose(bench)
    bench.choose(TUMOUR)
    bench.masks.mode = "fill"
    bench.mouse.drag((14, 20))
    np.testing.assert_array_equal(bench.saved(2), np.where(mask, TUMOUR, 0))
    bench.check()


@pytest.mark.parametrize("how", ["pan", "image", "zoom"])
def test_looking_around_confirms_nothing(bench, how):
    propose(bench)
    bench.choose(LIVER)
    if how == "pan":
        bench.masks.mode = "pan_zoom"
    elif how == "image":
        bench.viewer.layers.selection.active = bench.image
    else:
        bench.bridge.mouse.zoom_tool = True
    bench.mouse.drag((14, 20), (16, 26))
    assert bench.editor.content(2).proposals
    assert not bench.masks.data.any()


def test_other_plugins_confirm_by_writing(bench):
    mask = propose(bench)
    bench.masks.data[2, 0, :5] = TUMOUR
    bench.masks.refresh()
    wanted = mask.copy()
    wanted[0, :5] = TUMOUR
    np.testing.assert_array_equal(bench.saved(2), wanted)
    assert not bench.editor.content(2).proposals
    bench.check()


def test_confirmed_pixels_outlive_the_stroke(bench):
    bench.editor.set_masks({(2, ""): block(bench, TUMOUR, (slice(8, 10), BLOCK[1]))})
    propose(bench)
    bench.choose(LIVER)
    bench.mouse.drag((25, 5), (25, 8))
    saved = bench.saved(2)
    assert (saved[8:10, BLOCK[1]] == TUMOUR).all()
    assert (saved[10:20, BLOCK[1]] == LIVER).all()
    bench.check()


def test_a_group_leaves_the_other_alone(bench):
    propose(bench)
    propose(bench, mask=block(bench, VESSEL), group="vessels")
    bench.choose(VESSEL)
    bench.mouse.drag((25, 5), (25, 8))
    assert bench.editor.content(2).proposals.keys() == {""}
    bench.check()


def test_a_submitted_case_is_left_alone(bench):
    bench.editor.set_class([0], 1, True)
    propose(bench)
    bench.choose(LIVER)
    bench.editor.locked = True
    bench.mouse.drag((14, 20), (14, 26))
    assert bench.editor.content(2).proposals
    bench.editor.locked = False


# -------------------------------------------------------------------- progress
class Later(SynchronousExecutor):
    """Runs tasks when told to."""

    def __init__(self):
        super().__init__()
        self.tasks = []

    def run(self, task, done, failed):
        self.tasks.append((task, done, failed))

    def step(self):
        super().run(*self.tasks.pop(0))


@pytest.fixture
def bars(monkeypatch):
    """Collect the progress bars that are made."""
    from napari_annotate_jobs.viewer import _progress

    made = []
    real = _progress.cancelable_progress

    def make(*args, **kwargs):
        made.append(real(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(_progress, "cancelable_progress", make)
    return made


def test_work_has_a_bar_until_it_ends(bars):
    executor, ended = Later(), []
    worker = Worker(executor)
    progress = WorkProgress(worker)
    work = Work("Counting")
    worker.run(work, lambda work: work.report(2, 5), ended.append, ended.append)
    assert not worker.is_idle
    assert not bars  # napari lets keys act while it makes one
    executor.tick()
    (bar,) = bars
    assert bar.desc.startswith("Counting")
    work.report(1, 5)
    executor.tick()
    assert (bar.n, bar.total) == (1, 5)
    bar.cancel()
    executor.tick()
    assert work.cancelled()
    executor.step()
    assert worker.is_idle and ended == [None]
    executor.tick()
    assert bar.disable
    assert not executor._waiting
    progress.close()


def test_reading_has_a_bar_until_all_is_read(bars, make_bench, slow):
    make_bench(case="long", executor=slow)
    slow.step()
    slow.tick()
    (bar,) = bars
    assert not bar.disable
    slow.drain()
    slow.tick()
    assert bar.disable


def test_reading_is_cancelled_at_its_bar(bars, make_bench, slow):
    told = []
    bench = make_bench(case="long", executor=slow)
    bench.session.told.connect(told.append)
    slow.step()
    slow.tick()
    (bar,) = bars
    bar.cancel()
    slow.tick()
    slow.drain()
    slow.tick()
    assert bar.disable
    assert told == ["Reading was cancelled: open the case again to see all slices."]
    assert bench.bridge.is_shown
    bench.session.slice = 39
    assert not bench.bridge.is_shown


def test_quiet_work_has_none(bars):
    executor = SynchronousExecutor()
    worker = Worker(executor)
    progress = WorkProgress(worker)
    failures = []
    worker.run(Work("Quiet", quiet=True), lambda work: 1 / 0, print, failures.append)
    assert not bars and isinstance(failures[0], ZeroDivisionError)
    progress.close()
    worker.run(Work("After"), lambda work: None, lambda _: None, print)
    assert not bars


def test_nothing_of_a_closed_case_stays(make_bench):
    bench = make_bench()
    propose(bench)
    layer = weakref.ref(bench.layer("Proposals"))
    bench.session.close_case()
    bench.viewer.layers.clear()
    gc.collect()
    assert layer() is None
