"""One series on the grid of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_annotate_jobs.imaging import (
    FileRef,
    FrameSource,
    SeriesHeader,
)
from napari_annotate_jobs.imaging._onto_grid import OntoGrid
from napari_annotate_jobs.model import SliceId

AXIAL = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
"""In its columns, where slices, rows and columns run in the patient: z, y, x."""
SAGITTAL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)


def header(axes, shape, spacing, origin, frame="1.2", **more):
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
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
        **more,
    )


def places(of):
    """Return x, y, z of every voxel, shape (3, slices, rows, columns)."""
    index = np.indices(of.shape).reshape(3, -1)
    found = of.affine[:3, :3] @ index + of.affine[:3, 3:]
    return found.reshape(3, *of.shape)


def values(x, y, z):
    """Return what linear interpolation gives back exactly."""
    return 3 * x - 2 * y + 5 * z + 7


REFERENCE = header(AXIAL, (6, 20, 24), (4.0, 1.0, 1.0), (0, 0, 0))
COS, SIN = np.cos(0.3), np.sin(0.3)
OBLIQUE = np.array([[COS, -SIN, 0], [SIN, COS, 0], [0, 0, 1]]) @ AXIAL
OTHERS = {
    "sagittal": header(SAGITTAL, (40, 60, 60), (2.0, 1.5, 1.5), (-20, -20, 40)),
    "oblique": header(OBLIQUE, (30, 60, 60), (3.0, 1.5, 1.5), (-20, -20, -20)),
    "finer": header(AXIAL, (40, 60, 60), (1.0, 0.7, 0.7), (-5, -5, -5)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_values_stand_where_the_patient_has_them(name):
    other = OTHERS[name]
    voxels = values(*places(other)).astype(np.float32)
    onto = OntoGrid.between(REFERENCE, other)
    wanted = values(*places(REFERENCE))
    inside = 0
    for index in range(REFERENCE.shape[0]):
        plane = onto.plane(voxels, index)
        known = ~np.isnan(plane)
        inside += known.sum()
        np.testing.assert_allclose(plane[known], wanted[index][known], atol=1e-2)
    assert inside > 0.5 * wanted.size


def test_where_a_series_does_not_reach_there_is_nothing():
    small = header(SAGITTAL, (5, 8, 8), (1.0, 1.0, 1.0), (3, 5, 9))
    voxels = np.full(small.shape, 9, np.int16)
    onto = OntoGrid.between(REFERENCE, small)
    planes = [onto.plane(voxels, i) for i in range(6)]
    x, y, z = places(REFERENCE)
    reach = (x >= 3) & (x <= 7) & (y >= 5) & (y <= 12) & (z >= 2) & (z <= 9)
    assert np.array_equal(~np.isnan(planes), reach)
    assert np.nanmin(planes) == np.nanmax(planes) == 9
    assert planes[0].dtype == np.float32


@pytest.mark.parametrize(
    "other",
    [
        header(SAGITTAL, (4, 5, 6), (1.0, 1.0, 1.0), (0, 0, 0), frame="9"),
        header(
            SAGITTAL, (4, 5, 6), (5.0, 1.0, 1.0), (0, 0, 0),
            origins=[[x, 0, 0] for x in (0, 5, 10, 40)],
        ),
    ],
    ids=["another frame of reference", "uneven gaps"],
)  # fmt: skip
def test_what_lies_nobody_knows_where_is_not_resampled(other):
    assert OntoGrid.between(REFERENCE, other) is None
