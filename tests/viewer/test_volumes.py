"""A series with an axis more: time points on one grid."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from napari_annotate_jobs.imaging import LazyVolumes, open_series
from napari_annotate_jobs.model import Decision, SeriesRef, Window
from napari_annotate_jobs.viewer._images import CHUNK, VolumeLoader
from napari_annotate_jobs.viewer._other_series import OtherSeries

from .conftest import Bench, write_dicom

pytestmark = pytest.mark.slow  # each makes napari's layers anew

TIMES, SLICES = 5, 6


@pytest.fixture
def times(tmp_path):
    """Return a series of five time points; voxels hold 100 t + k."""
    t, k = np.ogrid[:TIMES, :SLICES]
    values = np.broadcast_to(
        (100 * t + k)[..., None, None], (TIMES, SLICES, 8, 10)
    ).astype(np.int16)
    affine = np.diag([-0.5, -0.5, 3.0, 1.0])
    path = tmp_path / "images" / "perfusion.nii"
    path.parent.mkdir()
    nibabel.save(nibabel.Nifti1Image(values.transpose(3, 2, 1, 0), affine), path)
    return path


@pytest.fixture
def open_bench(times):
    made = []

    def make(**kwargs):
        made.append(Bench(times.parent, case=times.name, **kwargs))
        return made[-1]

    yield make
    for bench in made:
        assert bench.errors == []
        bench.close()


@pytest.fixture
def bench(open_bench):
    return open_bench()


def test_time_is_a_slider_and_the_slices_are_annotated(bench):
    viewer, session = bench.viewer, bench.session
    assert bench.image.data.shape == (TIMES, SLICES, 8, 10)
    assert bench.image.axis_labels == ("time", "slice", "row", "column")
    assert viewer.dims.axis_labels == ("time", "slice", "row", "column")
    assert bench.masks.data.shape == (SLICES, 8, 10)
    np.testing.assert_allclose(bench.masks.scale, bench.image.scale[1:])
    assert session.editor.n_slices == SLICES
    for time in range(TIMES):
        assert (bench.image.data[time, 4] == 100 * time + 4).all()


def test_the_sliders_move_slices_and_volumes_apart(bench):
    viewer, session = bench.viewer, bench.session
    assert viewer.dims.last_used == 1  # the arrow keys step through slices
    session.slice = 5
    assert viewer.dims.current_step[:2] == (0, 5)
    told = []
    bench.bridge.volume_changed.connect(lambda: told.append(1))
    viewer.dims.set_current_step(0, 3)
    assert session.slice == 5
    assert told == [1]
    assert "Time 4 / 5" in viewer.canvas.overlays.text.text
    viewer.dims.set_current_step(1, 2)
    assert session.slice == 2
    assert told == [1]
    assert (np.asarray(bench.bridge.voxels)[:, 0, 0] == 300 + np.arange(SLICES)).all()
    assert bench.bridge.series.header.split.index == 3


def test_drawing_at_any_time_is_drawing_on_the_slice(bench):
    bench.choose(6)
    bench.viewer.dims.set_current_step(0, 2)
    bench.session.slice = 3
    bench.mouse.drag((4, 4), (4, 6))
    assert (bench.saved(3) == 6).any()
    assert bench.editor.decision(3) is Decision.LABELLED
    assert [bench.editor.decision(i) for i in (0, 1, 2, 4)] == [Decision.UNDECIDED] * 4
    bench.choose(5)
    bench.viewer.dims.set_current_step(0, 4)
    bench.mouse.drag((1, 1), (5, 6))
    assert list(bench.saved_boxes()) == [3]


def test_the_status_bar_tells_the_value_of_the_volume_shown(bench):
    bench.viewer.dims.set_current_step(0, 2)
    bench.session.slice = 1
    bench.viewer.cursor.position = (0, 0, 1.5, 1.5)
    assert bench.viewer.status.startswith("201  ·  ")
    bench.viewer.dims.set_current_step(0, 3)
    assert bench.viewer.status.startswith("301  ·  ")


def test_the_volume_in_sight_is_read_first(times, slow):
    seen = [(3, 2)]
    series = open_series(times)
    came = []
    loader = VolumeLoader(
        series,
        slow,
        current=lambda: seen[0],
        on_progress=lambda done, total, new: came.append((done, total, new)),
        on_error=lambda error: pytest.fail(str(error)),
    )
    loader.start()
    slow.step()
    assert came == [(1, TIMES * SLICES, frozenset([(3, 2)]))]
    slow.step()
    volumes = [volume for volume, _ in came[-1][2]]
    assert len(volumes) == CHUNK
    assert volumes.count(3) == SLICES - 1
    slow.drain()
    assert loader.is_done
    np.testing.assert_array_equal(loader.voxels, np.asarray(series.stack()))


def test_too_many_volumes_are_read_when_looked_at(open_bench):
    one = 8 * 10 * 2
    bench = open_bench(budget=3 * one)
    data = bench.image.data
    assert isinstance(data, LazyVolumes)
    for time in range(TIMES):
        bench.viewer.dims.set_current_step(0, time)
        for index in range(SLICES):
            bench.session.slice = index
            assert (data[time, index] == 100 * time + index).all()
            assert data.held <= 3 * one
    np.testing.assert_array_equal(data[1:3, 2], np.asarray(data)[1:3, 2])
    np.testing.assert_array_equal(data[..., 0, 0], np.asarray(data)[..., 0, 0])


def test_a_part_of_a_series_without_siblings_is_an_ordinary_case(tmp_path):
    folder = tmp_path / "ct"
    write_dicom(folder)
    scout = pydicom.dcmread(folder / "0.dcm")
    scout.SOPInstanceUID = scout.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    scout.save_as(folder / "-1.dcm")
    bench = Bench(tmp_path)
    split = bench.session.case.series.header.split
    assert (split.index, split.count) == (1, 2)
    assert bench.errors == []
    assert bench.image.data.shape[0] == 6
    assert "time" not in bench.viewer.canvas.overlays.text.text.lower()
    assert bench.bridge.series.header.shape[0] == 6
    bench.close()


def test_arrow_keys_step_slices_when_another_series_has_an_axis_more(tmp_path, times):
    write_dicom(tmp_path / "base" / "ct")
    bench = Bench(tmp_path / "base")
    dims = bench.viewer.dims
    assert (dims.ndim, dims.last_used) == (3, 0)
    others = OtherSeries(
        bench.viewer,
        bench.session,
        bench.executor,
        on_error=bench.errors.append,
        budget=None,
        bars=bench.bridge.bars,
    )
    others._read(SeriesRef(path="perfusion.nii"), open_series(times))
    assert others.layers[0].data.shape == (TIMES, SLICES, 8, 10)
    assert (dims.ndim, dims.last_used) == (4, 1)
    others.close()
    assert bench.errors == []
    bench.close()


def test_a_series_with_an_axis_more_lies_where_the_patient_has_it(tmp_path, times):
    write_dicom(tmp_path / "base" / "ct")
    bench = Bench(tmp_path / "base")
    reference = bench.session.case.series.header
    series = open_series(times)
    other = replace(
        series.header,
        frame_of_reference=reference.frame_of_reference,
        affine=reference.affine @ np.diag([2.0, 2.0, 2.0, 1.0]),
        spacing=tuple(2 * side for side in reference.spacing),
    )
    others = OtherSeries(
        bench.viewer,
        bench.session,
        bench.executor,
        on_error=print,
        budget=None,
        bars=bench.bridge.bars,
    )
    voxels, window = np.zeros((TIMES, SLICES, 8, 10)), Window(center=0, width=2)
    others._show(SeriesRef(path="p"), other, voxels, (window,))
    (layer,) = others.layers
    here = layer.data_to_world((3, 1, 2, 4))
    spacing = np.array(reference.spacing)
    np.testing.assert_allclose(here, (3, *(2 * spacing * (1, 2, 4))))
    others.close()
    bench.close()


def test_a_series_that_cannot_be_read_is_told(tmp_path, times):
    write_dicom(tmp_path / "base" / "ct")
    bench = Bench(tmp_path / "base")
    told = []
    others = OtherSeries(
        bench.viewer,
        bench.session,
        bench.executor,
        on_error=told.append,
        budget=None,
        bars=bench.bridge.bars,
    )
    series = open_series(times)
    times.write_bytes(times.read_bytes()[:400])
    others._read(SeriesRef(path="perfusion.nii"), series)
    assert len(told) == 1
    assert times.name in str(told[0])
    assert others.layers == []
    others.close()
    bench.close()


def test_a_plane_across_the_volumes_is_said_to_be_one(bench):
    bench.viewer.dims.order = (2, 0, 1, 3)
    bench.viewer.dims.order = (1, 2, 0, 3)
    assert bench.bridge.plane.text == "Plane of another axis"


def test_other_series_are_not_read_for_a_case_that_is_closed(tmp_path, times, slow):
    write_dicom(tmp_path / "base" / "ct")
    bench = Bench(tmp_path / "base")
    series = open_series(times)
    others = OtherSeries(
        bench.viewer,
        bench.session,
        slow,
        on_error=bench.errors.append,
        budget=None,
        bars=bench.bridge.bars,
    )
    others._read(SeriesRef(path="perfusion.nii"), series)
    others.close()
    slow.drain()
    assert others.layers == []
    assert bench.errors == []
    bench.close()
