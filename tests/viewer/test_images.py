"""The reference image: read in the background, shown in the session's window."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_annotate_jobs.errors import (
    Cancelled,
    RoleError,
    StoreAccessError,
    UnreadableImageError,
)
from napari_annotate_jobs.model import PRESETS, VoiFunction, Window
from napari_annotate_jobs.viewer._images import CHUNK, VolumeLoader


@pytest.fixture
def bench(make_bench, labels_of):
    return make_bench(labels=labels_of("classification"))


# -------------------------------------------------------------------- window
@pytest.mark.parametrize("case", ["ct", "float.nii.gz"])
def test_the_window_and_the_contrast_limits_follow_each_other(make_bench, case):
    bench = make_bench(case=case)
    session, layer = bench.session, bench.image
    np.testing.assert_allclose(layer.contrast_limits, session.window.limits)
    told = []
    session.window_changed.connect(told.append)

    width = session.window.width
    session.window = Window(center=0.3 * width, width=width / 2)
    np.testing.assert_allclose(layer.contrast_limits, (0.05 * width, 0.55 * width))
    layer.contrast_limits = (0.1 * width, 0.2 * width)
    assert session.window.center == pytest.approx(0.15 * width)
    assert session.window.width == pytest.approx(0.1 * width)
    assert len(told) == 2  # no echo


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.explanation)
def test_presets_reach_beyond_the_data(bench, preset):
    """Windows far from the values of the image are shown as they are."""
    bench.session.window = preset
    np.testing.assert_allclose(bench.image.contrast_limits, preset.limits)
    assert bench.session.window == preset


def test_a_linear_window_stays_linear(bench):
    window = Window(center=40, width=80, function=VoiFunction.LINEAR)
    bench.session.window = window
    np.testing.assert_allclose(bench.image.contrast_limits, window.limits)
    bench.image.contrast_limits = (0, 99)
    new = bench.session.window
    assert new.function is VoiFunction.LINEAR
    assert (new.center, new.width) == (50, 100)


def test_tiny_and_huge_windows(bench):
    for width in (1e-3, 1e7, 2.0, 50_000.0):
        bench.session.window = Window(center=100, width=width)
        low, high = bench.image.contrast_limits
        assert high - low == pytest.approx(width, rel=1e-3)


def test_colour_images_have_no_window(make_bench):
    bench = make_bench(case="color.png")
    assert bench.image.rgb
    assert bench.errors == []
    bench.session.window = Window(center=10, width=20)
    bench.session.inverted = True
    assert "WW" not in bench.viewer.canvas.overlays.text.text


def test_inversion(bench):
    assert bench.image.colormap.name == "gray"
    bench.session.inverted = True
    assert bench.image.colormap.name == "gray_r"
    bench.session.inverted = False
    assert bench.image.colormap.name == "gray"


def test_curves_are_shown_and_stretched(bench):
    session, layer = bench.session, bench.image
    sigmoid = Window(center=100, width=50, function=VoiFunction.SIGMOID)
    session.window = sigmoid
    assert layer.contrast_limits == [50, 150]
    np.testing.assert_allclose(layer.colormap.colors[:, 0], sigmoid.greys, atol=1e-6)
    layer.contrast_limits = (0, 200)  # as napari's own slider does
    assert session.window.width == 100
    assert session.window.function is VoiFunction.SIGMOID
    session.inverted = True
    wanted = 1 - np.array(sigmoid.greys)
    np.testing.assert_allclose(layer.colormap.colors[:, 0], wanted, atol=1e-6)
    session.window = Window(center=100, width=50, curve=(0, 0.1, 1))
    np.testing.assert_allclose(layer.colormap.colors[:, 0], (1, 0.9, 0), atol=1e-6)
    session.window = Window(center=100, width=50)
    assert layer.colormap.name == "gray_r"


def lines(text):
    """Return the lines of a text; what must stand in one line is kept together."""
    assert "WL " not in text.text
    return text.text.replace("\N{NO-BREAK SPACE}", " ").splitlines()


def test_the_text_on_the_canvas_tells_the_truth(bench):
    text = bench.viewer.canvas.overlays.text
    assert text.visible
    assert lines(text) == ["ct", "3 / 6", "Undecided", "WW 400  WL 200"]
    bench.session.window = Window(center=-400, width=1500)
    assert lines(text)[-1] == "WW 1500  WL -400"
    bench.session.slice = 5
    bench.editor.set_class([5], 1, True)
    assert lines(text) == ["ct", "6 / 6", "lesion", "WW 1500  WL -400"]
    bench.session.submit()
    assert lines(text)[-1] == "Submitted: read-only"
    bench.editor.refused = RoleError("eve is not among the annotators of this job")
    bench.editor.changed.emit((5,))
    assert lines(text)[-1] == "Not for you to annotate: read-only"
    bench.session.close_case()
    assert not text.visible


# ------------------------------------------------------------------ geometry
def test_layers_carry_the_geometry_of_the_series(bench):
    for layer in bench.viewer.layers:
        np.testing.assert_allclose(layer.scale, bench.spacing)
        assert [str(unit) for unit in layer.units] == ["millimeter"] * 3
        assert layer.axis_labels == ("slice", "row", "column")
        affine = layer.metadata["affine_lps"]
        np.testing.assert_allclose(np.abs(affine[:3, :3]).sum(axis=0), bench.spacing)


def test_the_image_is_what_is_on_disk(bench):
    for index in range(6):
        assert (bench.image.data[index] == 100 * index).all()
    assert bench.image.data.dtype == np.int16


# -------------------------------------------------------------------- loader
class Pixels:
    """Stands in for a series; slices can be made to fail."""

    def __init__(self, n=40, broken=()):
        self.shape, self.dtype, self.nbytes = (n, 2, 3), np.dtype(np.int16), n * 12
        self.header = SimpleNamespace(shape=self.shape)
        self.volumes = (self,)
        self.broken = set(broken)
        self.asked = []

    def read(self, *, out, order, cancelled):
        for index in order:
            if cancelled():
                raise Cancelled("stopped")
            self.asked.append(index)
            if index in self.broken:
                raise UnreadableImageError("truncated", where=f"{index}.dcm")
            out[index] = index + 1


def load(series, executor, current=lambda: 20):
    log = SimpleNamespace(progress=[], errors=[])
    loader = VolumeLoader(
        series,
        executor,
        current=lambda: (0, current()),
        on_progress=lambda *args: log.progress.append(args),
        on_error=log.errors.append,
    )
    loader.start()
    return loader, log


def test_images_of_a_server_come_when_it_is_back(slow):
    class Away(Pixels):
        away = True

        def read(self, *args, **kwargs):
            if self.away:
                raise StoreAccessError("the images do not come")
            return super().read(*args, **kwargs)

    series = Away()
    loader, log = load(series, slow)
    slow.drain()
    slow.tick()
    slow.drain()
    assert len(log.errors) == 1 and not loader.broken
    series.away = False
    slow.tick()
    slow.drain()
    assert loader.is_done and len(log.errors) == 1


def test_the_nearest_slices_come_first(slow):
    series = Pixels()
    here = [20]
    loader, log = load(series, slow, lambda: here[0])
    slow.step()
    assert series.asked == [20]
    assert log.progress == [(1, 40, frozenset([(0, 20)]))]
    here[0] = 3  # the user scrolls away while the next slices are read
    slow.step()
    assert set(series.asked[1:]) == {*range(12, 20), *range(21, 29)}
    assert set(series.asked[1:3]) == {19, 21}
    slow.step()
    assert series.asked[CHUNK + 1] == 3
    assert set(series.asked[CHUNK + 1 :]) <= {*range(12), *range(29, 33)}
    assert not loader.is_done
    slow.drain()
    assert loader.is_done
    assert sorted(series.asked) == list(range(40))
    assert log.progress[-1][:2] == (40, 40)
    assert (loader.voxels[:, 0, 0] == np.arange(1, 41)).all()


def test_reading_can_be_cancelled(slow):
    series = Pixels()
    loader, log = load(series, slow)
    slow.step()
    loader.cancel()
    slow.drain()
    assert len(series.asked) == 1
    assert log.errors == []
    assert len(log.progress) == 1
    assert not loader.is_done


def test_a_broken_slice_leaves_the_others(slow):
    series = Pixels(broken=[5, 21, 39])
    loader, log = load(series, slow)
    slow.drain()
    good = [i for i in range(40) if i not in series.broken]
    assert (loader.voxels[good, 0, 0] == np.array(good) + 1).all()
    assert len(log.errors) == 3
    assert {str(error)[:6] for error in log.errors} == {"5.dcm:", "21.dcm", "39.dcm"}
    assert loader.is_done
    assert log.progress[-1][:2] == (40, 40)


def test_a_series_that_cannot_be_read_at_all_complains_once_in_a_while(slow):
    series = Pixels(broken=range(40))
    loader, log = load(series, slow)
    slow.drain()
    assert loader.is_done
    assert 1 <= len(log.errors) <= 4


def test_an_unexpected_error_is_told_too(slow):
    series = Pixels()
    series.read = lambda **kwargs: 1 / 0
    _, log = load(series, slow)
    slow.drain()
    assert isinstance(log.errors[0], ZeroDivisionError)
