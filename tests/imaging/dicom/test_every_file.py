"""Every image file at hand opens right, or fails with one of our errors."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import ImplicitVRLittleEndian

from napari_annotate_jobs import samples
from napari_annotate_jobs.errors import ImagingError, MissingExtraError
from napari_annotate_jobs.imaging import Series, find_series, read_series
from napari_annotate_jobs.imaging._types import FileRef
from napari_annotate_jobs.imaging.dicom._doubt import looks_like_dicom
from napari_annotate_jobs.imaging.dicom._groups import groups_of
from napari_annotate_jobs.imaging.dicom._scan import read_dataset, scan_file
from napari_annotate_jobs.imaging.dicom._scan_pydicom import scan_with_pydicom
from napari_annotate_jobs.imaging.dicom._walk_file import FIRST_READ, walk_file

_ROOTS = {
    "pydicom": Path(pydicom.data.__file__).parent / "test_files",
    "pydicom-data": Path(data_store.__file__).parent / "data",
    "samples": Path(samples.__file__).parent / "images",
}
# what pydicom itself cannot decode, and what is no image at all: these are to fail
# pydicom's decoders refuse it; GDCM reads values of this sum
_MORE = {"JPEG-lossy.dcm": 3767007}
_BROKEN = {
    "JPEG2000-embedded-sequence-delimiter.dcm",
    "MR_truncated.dcm",
    "badVR.dcm",
    "no_meta.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
}
# a hundred frames, and large planes that pydicom's decoders take seconds for
_LONG = {"color3d_jpeg_baseline.dcm", "RG1_J2KI.dcm", "RG1_J2KR.dcm", "RG3_J2KR.dcm"}


def _files() -> list[Any]:
    found = []
    for name, root in _ROOTS.items():
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                marks = [pytest.mark.slow] if path.name in _LONG else []
                label = f"{name}/{path.relative_to(root)}"
                found.append(pytest.param(path, id=label, marks=marks))
    return found


def _expected(path: Path) -> np.ndarray | None:
    """What pydicom makes of it, (frame, row, column[, channel]), or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        try:
            if "Rows" not in dataset:
                return None
            if "TransferSyntaxUID" not in dataset.file_meta:
                dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            array = dataset.pixel_array
        except Exception:
            return None
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            array = apply_color_lut(array, dataset)[..., :3]
        else:
            array = apply_modality_lut(array, dataset)
        if "DoseGridScaling" in dataset:
            array = array * float(dataset.DoseGridScaling)
        if int(dataset.get("NumberOfFrames") or 1) == 1:
            array = array[None]
        return _functional_rescale(array, dataset)


def _functional_rescale(array: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    """Apply the rescale of functional groups, which pydicom leaves to its user."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if not groups or len(groups) != len(array):
        return array
    shared = dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    frames = []
    for plane, group in zip(array, groups, strict=True):
        name = "PixelValueTransformationSequence"
        item = (group.get(name) or shared[0].get(name) or [None])[0]
        if item is not None:
            plane = plane * float(item.RescaleSlope) + float(item.RescaleIntercept)
        frames.append(plane)
    return np.stack(frames)


@pytest.mark.slow
@pytest.mark.parametrize("path", _files())
def test_values_are_pydicoms_or_the_error_is_ours(path: Path) -> None:
    expected = _expected(path)
    found = find_series(path)
    if path.name.startswith("DICOMDIR"):
        # opens what it lists: those files have rows of their own
        assert all(isinstance(fault.error, ImagingError) for fault in found.faults)
        return
    if expected is None and path.name in _MORE:
        total = read_series(path).voxels.sum(dtype=np.int64)
        assert total == _MORE[path.name]
        return
    if expected is None:
        assert all(isinstance(f.error, ImagingError) for f in found.faults)
        for header in found:
            with pytest.raises(
                (ImagingError, MissingExtraError), match=re.escape(path.name)
            ) as caught:
                Series(header).read()
            if isinstance(caught.value, MissingExtraError):
                return
        assert path.name in _BROKEN or "Rows" not in pydicom.dcmread(path, force=True)
        return
    assert not found.faults
    seen = []
    for header in found:
        voxels = Series(header).read()
        assert voxels.shape == header.shape
        for index, source in enumerate(header.frames):
            seen.append(source.frame)
            _assert_same(voxels[index], expected[source.frame], path.name)
            one = Series(header).read_slice(index) if index == 0 else voxels[index]
            np.testing.assert_array_equal(one, voxels[index])
    assert sorted(seen) == list(range(len(expected)))


_ROUNDED = {"JPGExtended.dcm"}
"""Lossy JPEG of 12 bits, where pylibjpeg rounds otherwise than GDCM."""


def _assert_same(ours: np.ndarray, theirs: np.ndarray, name: str) -> None:
    if name in _ROUNDED:
        np.testing.assert_allclose(ours.astype(int), theirs.astype(int), atol=1)
    elif ours.dtype.kind == "f":
        # a slope that is no whole number: float32 holds 24 bits of the product
        np.testing.assert_allclose(ours, theirs, rtol=2.0**-24, atol=0)
    else:
        np.testing.assert_array_equal(ours, theirs)


def test_the_table_is_not_empty() -> None:
    opened = [p.values[0] for p in _files() if _looks(p.values[0])]
    assert len(opened) > 150


def _looks(path: Path) -> bool:
    with open(path, "rb") as handle:
        return looks_like_dicom(handle.read(132))


@pytest.mark.parametrize("path", _files())
def test_the_short_loop_agrees_with_pydicom(path: Path) -> None:
    stat = path.stat()
    file = FileRef(path, stat.st_size, stat.st_mtime_ns)
    with open(path, "rb", buffering=0) as handle:
        data = handle.read(FIRST_READ)
        quick = walk_file(handle.fileno(), file, data)
    if quick is None:
        return
    slow = scan_with_pydicom(file)
    for name in slow.__slots__:
        if name not in ("dataset", "groups"):
            assert getattr(quick, name) == getattr(slow, name), name
    own = "PerFrameFunctionalGroupsSequence"
    if own in quick.groups:
        count = quick.values.get("NumberOfFrames", 1)
        assert groups_of(quick, count, pytest.fail) == groups_of(
            slow, count, lambda: read_dataset(path)
        )


def test_the_short_loop_reads_most_files() -> None:
    quick = 0
    for param in _files():
        path = param.values[0]
        try:
            quick += scan_file(path).dataset is None
        except (ImagingError, MissingExtraError):
            continue
    assert quick > 100
