"""Affines agree with nibabel, SimpleITK and highdicom, on oblique data as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.testing import assert_allclose, assert_array_equal

from napari_annotate_jobs.errors import (
    ImagingError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging import (
    Volume,
    find_series,
    open_series,
    read_series,
)
from napari_annotate_jobs.imaging._geometry import display_layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _turned(*degrees: float) -> np.ndarray:
    """Return a rotation about the three axes in turn, shape (3, 3)."""
    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
        result = turn @ result
    return result


_TURNS = [
    pytest.param((0, 0, 0), id="straight"),
    pytest.param((12, -7, 20), id="oblique"),
    pytest.param((90, 0, 0), id="coronal"),
    pytest.param((90, 5, 85), id="oblique-sagittal"),
    pytest.param((180, 0, 180), id="flipped"),
    pytest.param((44, 44, 44), id="between"),
]


def _cosines(turn: tuple[float, ...]) -> list[float]:
    rotation = _turned(*turn)
    return [float(v) for v in (*rotation[:, 0], *rotation[:, 1])]


@pytest.mark.parametrize("turn", _TURNS)
def test_dicom_agrees_with_simpleitk_and_highdicom(
    write_stack: Write, turn: tuple[float, ...]
) -> None:
    cosines = _cosines(turn)
    normal = np.cross(cosines[:3], cosines[3:])
    positions = tuple(
        [float(v) for v in np.array([10.0, -20.0, 30.0]) + 2.5 * k * normal]
        for k in (3, 0, 2, 1)
    )
    folder = write_stack(
        [0.0] * 4, ImageOrientationPatient=cosines, ImagePositionPatient=positions
    )
    volume = read_series(folder)
    assert volume.affine is not None
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    assert_array_equal(volume.voxels, sitk.GetArrayFromImage(image))
    for index in ((0, 0, 0), (3, 0, 0), (1, 2, 3), (3, 3, 4)):
        point = image.TransformIndexToPhysicalPoint([int(i) for i in index[::-1]])
        assert_allclose((volume.affine @ (*index, 1))[:3], point, atol=1e-4)
    assert_allclose(volume.spacing, image.GetSpacing()[::-1], rtol=1e-4)
    files = [pydicom.dcmread(p) for p in folder.iterdir()]
    theirs = highdicom.get_volume_from_series(files)
    # highdicom counts slices from the other end, for a right-handed volume
    assert_array_equal(theirs.array[::-1], volume.voxels)
    for k, r, c in ((0, 0, 0), (2, 3, 1)):
        assert_allclose(volume.affine @ (k, r, c, 1), theirs.affine @ (3 - k, r, c, 1))
    assert_allclose(theirs.spacing, volume.spacing)


def test_the_brain_series_is_placed_as_its_tags_say(samples: dict[str, Path]) -> None:
    volume = read_series(samples["mr-brain"])
    assert volume.affine is not None
    origins = volume.header.origins
    assert origins is not None
    files = {
        ds.SOPInstanceUID: ds
        for ds in map(pydicom.dcmread, samples["mr-brain"].iterdir())
    }
    assert volume.shape[0] == len(files) == 20
    for k, item in enumerate(volume.slices):
        ds = files[item.key]
        assert_allclose(origins[k], ds.ImagePositionPatient)
        # the mean step misses uneven gaps by little
        assert_allclose((volume.affine @ (k, 0, 0, 1))[:3], origins[k], atol=0.25)
        assert_array_equal(volume.voxels[k], ds.pixel_array)
    assert volume.header.orientation == "oblique axial"
    assert "uneven-gaps" in {w.code for w in volume.warnings}


def _ijk_of(volume: Volume, size: tuple[int, ...]) -> np.ndarray:
    """Return the file index of every voxel, found by the layout."""
    assert volume.header.layout is not None
    row_axis, row_sign, column_sign = volume.header.layout
    grid = np.stack(np.meshgrid(*map(np.arange, size[:2]), indexing="ij"))
    if row_axis == 1:
        grid = grid.swapaxes(1, 2)
    return grid[:, ::row_sign, ::column_sign]


@pytest.mark.parametrize("turn", _TURNS)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_nifti_agrees_with_nibabel(
    tmp_path: Path, turn: tuple[float, ...], ending: str, mirrored: bool
) -> None:
    data = np.random.default_rng(0).integers(-500, 500, (5, 6, 7)).astype(np.int16)
    affine = np.eye(4)
    affine[:3, :3] = _turned(*turn) * [-1.5 if mirrored else 1.5, 2.0, 3.0]
    affine[:3, 3] = [11, -22, 33]
    path = tmp_path / f"image{ending}"
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    volume = read_series(path)
    assert volume.voxels.dtype == np.int16
    assert volume.shape[0] == 7
    assert volume.spacing[0] == pytest.approx(3.0)
    assert [item.key for item in volume.slices] == [f"index:{k}" for k in range(7)]
    assert volume.affine is not None
    i, j = _ijk_of(volume, data.shape)
    for k in range(7):
        assert_array_equal(volume.voxels[k], data[i, j, k])
    theirs = nibabel.load(path).affine
    for index in ((0, 0, 0), (6, 3, 2), (2, 0, 4)):
        _, r, c = index
        file_index = (i[r, c], j[r, c], index[0], 1)
        ours = np.diag([-1, -1, 1, 1]) @ volume.affine @ (*index, 1)
        assert_allclose(ours, theirs @ file_index, atol=1e-4)
    _assert_as_radiology_shows_it(volume)


def _assert_as_radiology_shows_it(volume: Volume) -> None:
    """The plane's axes run left, back or down, as far as they can."""
    assert volume.affine is not None
    rows, columns = volume.affine[:3, 1], volume.affine[:3, 2]
    for direction in (rows, columns):
        axis = int(np.argmax(np.abs(direction)))
        downwards = (1, 1, -1)[axis]
        # in a plane halfway between two, either way may be the nearer one
        if np.abs(direction)[axis] > 0.8 * np.linalg.norm(direction):
            assert direction[axis] * downwards > 0


@pytest.mark.parametrize(
    ("name", "plane"), [("axial", 2), ("coronal", 1), ("sagittal", 0)]
)
def test_layouts_of_the_three_planes(name: str, plane: int) -> None:
    # RAS files whose third axis runs along each of the patient's axes
    order = [k for k in range(3) if k != plane] + [plane]
    ras = np.eye(3)[:, order]
    row_axis, row_sign, column_sign = display_layout(np.diag([-1, -1, 1]) @ ras)
    assert row_axis == 1
    # from the patient's right, front and top
    assert {
        "axial": (-1, -1),
        "coronal": (-1, -1),
        "sagittal": (-1, -1),
    }[name] == (row_sign, column_sign)


def test_nifti_units_and_scale(tmp_path: Path) -> None:
    data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    image = nibabel.Nifti1Image(data, np.diag([0.001, 0.001, 0.002, 1]))
    image.header.set_xyzt_units("meter")
    image.header["cal_min"], image.header["cal_max"] = 2, 20
    path = tmp_path / "x.nii"
    nibabel.save(image, path)
    volume = read_series(path)
    assert_allclose(volume.spacing, (2, 1, 1), rtol=1e-6)
    assert volume.windows[0].limits == (2, 20)
    for slope, inter, dtype in ((2, -5, np.int32), (0.5, 1, np.float32)):
        image.header.set_slope_inter(slope, inter)
        nibabel.save(image, path)
        volume = read_series(path)
        theirs = nibabel.load(path).get_fdata()
        assert volume.voxels.dtype == dtype
        assert_array_equal(np.sort(volume.voxels.ravel()), np.sort(theirs.ravel()))


def test_nifti_of_four_axes_is_a_series_along_time(tmp_path: Path) -> None:
    data = np.random.default_rng(1).integers(0, 99, (3, 4, 5, 6)).astype(np.uint8)
    path = tmp_path / "x.nii.gz"
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-2.0, -2, 2, 1])), path)
    (header,) = find_series(path)
    assert [(h.split.by, h.split.index) for h in header.volumes if h.split] == [
        ("time", i) for i in range(6)
    ]
    for part, volume in enumerate(header.volumes):
        chosen = open_series(path, series_uid=volume.key)
        assert_array_equal(chosen.read(), data[..., part].transpose(2, 1, 0))
        assert chosen.shape == (6, 5, 4, 3)
        assert_array_equal(np.asarray(chosen.stack()), data.transpose(3, 2, 1, 0))
    assert open_series(path).header == header


def test_nifti_without_orientation(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.uint8), None)
    image.header.set_zooms((1, 2, 3))
    path = tmp_path / "x.nii"
    nibabel.save(image, path)
    header = open_series(path).header
    assert header.affine is None
    assert header.spacing == (3.0, 2.0, 1.0)
    assert {w.code for w in header.warnings} == {"no-orientation"}


@pytest.mark.parametrize(
    ("dtype", "error"),
    [("complex64", UnsupportedImageError), ("RGB", None)],
)
def test_nifti_of_other_values(
    tmp_path: Path, dtype: str, error: type[Exception] | None
) -> None:
    path = tmp_path / "x.nii"
    if dtype == "RGB":
        kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
        data = np.arange(72, dtype=np.uint8).view(kind).reshape(2, 3, 4)
        nibabel.save(nibabel.Nifti1Image(data, np.diag([-1.0, -1, 1, 1])), path)
        volume = read_series(path)
        assert volume.shape == (4, 3, 2, 3)
        assert volume.voxels[1, 2, 1].tolist() == list(data[1, 2, 1])
        return
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), dtype), np.eye(4)), path)
    assert error is not None
    with pytest.raises(error, match="complex"):
        read_series(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("keep", [0.05, 0.5, 0.97])
def test_nifti_cut_off(tmp_path: Path, ending: str, keep: float) -> None:
    data = np.random.default_rng(2).integers(0, 999, (16, 16, 16)).astype(np.int16)
    path = tmp_path / f"x{ending}"
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * keep)])
    with pytest.raises(UnreadableImageError, match=r"x\.nii"):
        read_series(path)


def test_nifti_of_huge_claims_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header["dim"][1:4] = 32767
    with nibabel.openers.ImageOpener(path, "wb") as handle:
        handle.write(image.header.binaryblock + bytes(100))
    with pytest.raises(UnreadableImageError, match="cut off"):
        open_series(path)


@pytest.mark.parametrize("turn", _TURNS)
@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nhdr", ".mhd"])
def test_nrrd_and_mha_agree_with_simpleitk(
    tmp_path: Path, turn: tuple[float, ...], ending: str
) -> None:
    data = np.random.default_rng(3).integers(-9, 9, (4, 5, 6)).astype(np.int16)
    image = sitk.GetImageFromArray(data)
    image.SetSpacing((1.5, 2.5, 4.0))
    image.SetOrigin((7, 8, 9))
    image.SetDirection(_turned(*turn).ravel().tolist())
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(image, str(path))
    volume = read_series(path)
    assert volume.affine is not None
    assert volume.spacing[0] == pytest.approx(4.0)
    i, j = _ijk_of(volume, image.GetSize())
    for k in range(4):
        assert_array_equal(volume.voxels[k], data[k, j, i])
    for index in ((0, 0, 0), (3, 4, 3), (1, 2, 0)):
        _, r, c = index
        if r >= volume.shape[1] or c >= volume.shape[2]:
            continue
        point = image.TransformIndexToPhysicalPoint(
            [int(i[r, c]), int(j[r, c]), index[0]]
        )
        assert_allclose((volume.affine @ (*index, 1))[:3], point, atol=1e-6)


def test_detached_data_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.mhd"
    sitk.WriteImage(sitk.Image(4, 4, 4, sitk.sitkInt16), str(path))
    (tmp_path / "x.raw").unlink()
    with pytest.raises(ImagingError, match=r"x\.raw"):
        read_series(path)


def test_vectors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mha"
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 5), str(path))
    with pytest.raises(UnsupportedImageError, match="5 values"):
        read_series(path)
