"""Where other series lie in the world of the reference, and what the cursor is on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_annotate_jobs.imaging import FileRef, FrameSource, SeriesHeader
from napari_annotate_jobs.model import SliceId
from napari_annotate_jobs.viewer._other_series import world_affine
from napari_annotate_jobs.viewer._status import cursor_text


def header(
    *,
    spacing=(5.0, 1.0, 1.0),
    origin=(0.0, 0.0, 0.0),
    turn=0.0,
    frame="1.2",
    shape=(4, 6, 8),
    unit="HU",
    **more,
):
    """Axial slices, turned about the patient's long axis."""
    cos, sin = np.cos(turn), np.sin(turn)
    affine = np.eye(4)
    affine[:3, 0] = np.array([0, 0, 1]) * spacing[0]
    affine[:3, 1] = np.array([-sin, cos, 0]) * spacing[1]
    affine[:3, 2] = np.array([cos, sin, 0]) * spacing[2]
    affine[:3, 3] = origin
    return SeriesHeader(
        path=Path("s"),
        format="dicom",
        key="1",
        files=(FileRef(Path("s"), 1, 1),),
        frames=tuple(FrameSource(0, i) for i in range(shape[0])),
        shape=shape,
        dtype=np.dtype("int16"),
        slices=tuple(SliceId(index=i) for i in range(shape[0])),
        spacing=spacing,
        has_spacing=True,
        affine=affine,
        frame_of_reference=frame,
        unit=unit,
        **more,
    )


def test_the_reference_lies_on_itself():
    one = header()
    assert np.allclose(world_affine(one, one), np.diag([5, 1, 1, 1]))


def test_a_shifted_finer_series_lies_where_the_patient_has_it():
    other = header(spacing=(2.5, 0.5, 0.5), origin=(3.0, -2.0, 10.0))
    matrix = world_affine(header(), other)
    # columns run along x, rows along y, slices along z
    assert np.allclose(matrix @ [0, 0, 0, 1], [10, -2, 3, 1])
    assert np.allclose(matrix @ [2, 4, 6, 1], [15, 0, 6, 1])


def test_both_turned_alike_stay_parallel():
    one, other = header(turn=0.4), header(turn=0.4, origin=(10.0, 0.0, 0.0))
    assert world_affine(one, other) is not None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(header(turn=0.2), id="turned"),
        pytest.param(header(frame="9.9"), id="another frame of reference"),
        pytest.param(
            header(origins=[[0, 0, z] for z in (0, 5, 10, 40)]), id="uneven gaps"
        ),
    ],
)
def test_what_cannot_be_shown_together_is_not(other):
    assert world_affine(header(), other) is None


def test_the_cursor_tells_value_unit_and_place():
    voxels = np.full((4, 6, 8), -100, np.int16)
    voxels[2, 3, 4] = 57
    one = header(origin=(-10.0, 20.0, 0.0))
    assert (
        cursor_text(one, voxels.__getitem__, (2, 3, 4))
        == "57 HU  ·  R 6.0  P 23.0  S 10.0 mm"
    )


def test_uneven_slices_are_told_where_they_are():
    origins = np.array([[0, 0, z] for z in (0.0, 4.0, 11.0, 15.0)])
    one = header(origins=origins)
    text = cursor_text(one, np.zeros((4, 6, 8), np.int16).__getitem__, (2, 0, 0))
    assert text.endswith("S 11.0 mm")


@pytest.mark.parametrize("index", [(-1, 0, 0), (0, 6, 0), (0, 0, 8.6), (4, 0, 0)])
def test_outside_the_image_nothing_is_told(index):
    assert cursor_text(header(), np.zeros((4, 6, 8)).__getitem__, index) == ""


def test_colour_and_float_values_are_told_too():
    color = header(shape=(4, 6, 8, 3), unit="")
    voxels = np.zeros((4, 6, 8, 3), np.uint8)
    voxels[0, 0, 0] = (1, 2, 3)
    assert cursor_text(color, voxels.__getitem__, (0, 0, 0)).startswith("1, 2, 3  ·")
    floats = np.full((4, 6, 8), 0.25, np.float32)
    assert cursor_text(header(unit=""), floats.__getitem__, (0, 0, 0)).startswith(
        "0.25  ·"
    )


def test_uptake_is_told_before_the_stored_value():
    voxels = np.full((4, 6, 8), 5000, np.int16)
    pet = header(unit="BQML", suv=0.0005)
    text = cursor_text(pet, voxels.__getitem__, (0, 0, 0))
    assert text.startswith("SUVbw 2.50 (5000 BQML)  ·")
    stored = header(unit="GML", suv=1.0)
    text = cursor_text(stored, np.full((4, 6, 8), 2.5).__getitem__, (0, 0, 0))
    assert text.startswith("SUVbw 2.50  ·")


def test_nothing_is_told_of_a_slice_that_is_not_read():
    assert cursor_text(header(), lambda index: None, (2, 3, 4)) == ""


def test_the_status_bar_keeps_what_napari_says(bench):
    viewer = bench.viewer
    viewer.cursor.position = (6.0, 2.0, 4.0)  # slice 2, row 4, column 5
    assert viewer.status.startswith("200  ·  ")
    napari_says = {
        "layer_name": "Segmentation",
        "layer_base": "Segmentation",
        "coordinates": " [2 4 5]: 6; liver",
    }
    viewer.status = dict(napari_says)
    shown = viewer.status["coordinates"]
    assert shown.startswith("200")
    assert shown.endswith("[2 4 5]: 6; liver")
    bench.session.slice = 4
    assert viewer.status["coordinates"].startswith("400")
    viewer.cursor.position = (6.0, -50.0, 4.0)
    assert viewer.status == napari_says
    viewer.cursor.position = (6.0, 2.0, 4.0)
    bench.session.close_case()
    assert viewer.status == napari_says
