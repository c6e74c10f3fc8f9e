"""Damaged files give right values or our errors, in bounded memory and time."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import data_store
import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    MissingExtraError,
    UnreadableImageError,
)
from napari_annotate_jobs.imaging import (
    Series,
    SeriesHeader,
    default_window,
    find_series,
    inspect,
    read_series,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]

_TESTS = Path(pydicom.data.__file__).parent / "test_files"
_DATA = Path(data_store.__file__).parent / "data"
_VICTIMS = [
    _TESTS / "CT_small.dcm",
    _TESTS / "MR_small_bigendian.dcm",
    _TESTS / "MR_small_implicit.dcm",
    _TESTS / "MR_small_jp2klossless.dcm",
    _TESTS / "MR_small_jpeg_ls_lossless.dcm",
    _TESTS / "MR_small_RLE.dcm",
    _TESTS / "JPGExtended.dcm",
    _TESTS / "SC_rgb_jpeg_dcmtk.dcm",
    _TESTS / "SC_rgb_jls_lossy_sample.dcm",
    _TESTS / "SC_rgb_rle_16bit_2frame.dcm",
    _TESTS / "SC_rgb_jpeg_gdcm.dcm",
    _TESTS / "image_dfl.dcm",
    _TESTS / "liver_1frame.dcm",
    _TESTS / "rtdose.dcm",
    _DATA / "emri_small.dcm",
    _DATA / "emri_small_jpeg_ls_lossless.dcm",
    _DATA / "emri_small_RLE.dcm",
    _DATA / "OT-PAL-8-face.dcm",
    _DATA / "OBXXXX1A_rle.dcm",
    _DATA / "SC_rgb_32bit_2frame.dcm",
]
_MOST_MEMORY = 1 << 29


def _open_everything(path: Path) -> int:
    """Do what the application does with a file; return how many series opened."""
    found = find_series(path)
    for fault in found.faults:
        assert isinstance(fault.error, AnnotateJobsError)
    opened = 0
    for header in found:
        try:
            voxels = Series(header).read()
        except AnnotateJobsError as error:
            assert str(error)
            continue
        assert voxels.shape == header.shape
        assert np.isfinite(default_window(voxels, header).limits).all()
        assert SeriesHeader.from_json(header.to_json()) == header
        opened += 1
    inspect(path)
    return opened


def _damaged(raw: bytes, rng: random.Random) -> bytes:
    data = bytearray(raw)
    if rng.random() < 0.3:
        return bytes(data[: rng.randrange(len(data))])
    # what describes the pixels stands near the start
    reach = min(len(data), 4000) if rng.random() < 0.6 else len(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        data[rng.randrange(reach)] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("victim", _VICTIMS, ids=lambda path: path.name)
def test_random_damage(tmp_path: Path, victim: Path) -> None:
    rng = random.Random(victim.name)
    raw = victim.read_bytes()
    path = tmp_path / victim.name
    path.write_bytes(raw)
    try:
        read_series(path)
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert _open_everything(path)
    tracemalloc.start()
    try:
        for _ in range(12):
            path.write_bytes(_damaged(raw, rng))
            _open_everything(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _MOST_MEMORY


@pytest.mark.slow
@pytest.mark.parametrize(
    "ending",
    [".nii", ".nii.gz", ".png", ".tif", ".nrrd", ".mha", "-packed.nrrd", "-packed.mha"],
)
def test_random_damage_of_other_formats(tmp_path: Path, ending: str) -> None:
    rng = random.Random(ending)
    path = tmp_path / f"x{ending}"
    data = np.random.default_rng(0).integers(0, 99, (12, 13, 14)).astype(np.uint8)
    if ending.startswith(".nii"):
        nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)
    elif ending in (".png", ".tif"):
        Image.fromarray(data[0]).save(path)
    else:
        sitk = pytest.importorskip("SimpleITK")
        image = sitk.GetImageFromArray(data)
        sitk.WriteImage(image, str(path), ending.startswith("-packed"))
    raw = path.read_bytes()
    assert _open_everything(path)
    for _ in range(30):
        path.write_bytes(_damaged(raw, rng))
        _open_everything(path)


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_jp2_box_that_never_ends(tmp_path: Path, length: int) -> None:
    raw = bytearray((_TESTS / "GDCMJ2K_TextGBR.dcm").read_bytes())
    # the first box has a fixed size, the second is the one to step over
    box = raw.index(b"jP  \r\n\x87\n") + 8
    raw[box : box + 4] = length.to_bytes(4, "big")
    path = tmp_path / "jp2.dcm"
    path.write_bytes(raw)
    with pytest.raises(UnreadableImageError, match=r"jp2\.dcm"):
        read_series(path)


@pytest.mark.parametrize("size", [0, 1, 127, 131, 132, 140, 300])
def test_every_short_beginning_of_a_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "short.dcm"
    path.write_bytes((_TESTS / "CT_small.dcm").read_bytes()[:size])
    with pytest.raises(AnnotateJobsError, match=r"short\.dcm"):
        read_series(path)


@pytest.mark.parametrize("syntax", ["native", "compressed"])
def test_huge_claims_take_no_memory(
    write_slice: Write, syntax: str, tmp_path: Path
) -> None:
    if syntax == "native":
        path = write_slice("x", None, Rows=65535, Columns=65535, NumberOfFrames=10000)
    else:
        dataset = pydicom.dcmread(_TESTS / "MR_small_jp2klossless.dcm")
        dataset.Rows = dataset.Columns = 65535
        dataset.NumberOfFrames = 10000
        path = tmp_path / "y"
        dataset.save_as(path)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImageError):
            read_series(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 23


@pytest.mark.slow
def test_a_deflated_bomb_is_not_inflated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_annotate_jobs.imaging.dicom import _doubt

    monkeypatch.setattr(_doubt, "_MOST_INFLATED", 1 << 26)
    path = tmp_path / "bomb"
    raw = (_TESTS / "image_dfl.dcm").read_bytes()
    start = 144 + int.from_bytes(raw[140:144], "little")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    black = packer.compress(bytes(1 << 27))
    path.write_bytes(raw[:start] + black + packer.flush())
    assert pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID == (
        DeflatedExplicitVRLittleEndian
    )
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImageError, match="inflates to more"):
            read_series(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 26
