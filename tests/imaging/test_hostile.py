"""Files made to kill, to hang, or to take all memory are refused, and soon."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ImagingError,
    NoImageError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging import find_series, is_image, open_series
from napari_annotate_jobs.imaging.grids import _itk as itk

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def fault_of(path: Path) -> AnnotateJobsError:
    """Return why a file cannot be opened."""
    found = find_series(path)
    assert not found
    (fault,) = found.faults
    assert isinstance(fault.error, AnnotateJobsError)
    return fault.error


# ------------------------------------------------------------------ native readers
@pytest.mark.parametrize("dims", [-1, 0, 5, 9, 12, 100, 2**31])
@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_a_number_of_axes_that_kills_simpleitk(tmp_path, dims, ending):
    pytest.importorskip("SimpleITK")
    path = tmp_path / f"a{ending}"
    where = "LOCAL" if ending == ".mha" else "a.raw"
    (tmp_path / "a.raw").write_bytes(bytes(64))
    path.write_bytes(
        f"ObjectType = Image\nNDims = {dims}\nBinaryData = True\n"
        f"DimSize = 4 4 4\nElementSpacing = 1 1 1\nElementType = MET_UCHAR\n"
        f"ElementDataFile = {where}\n".encode()
        + bytes(64)
    )
    assert isinstance(fault_of(path), ImagingError)


def test_a_reader_that_crashed_is_there_for_the_next_file(tmp_path, monkeypatch):
    sitk = pytest.importorskip("SimpleITK")
    good = tmp_path / "good.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8)), str(good))
    crashing = tmp_path / "crash.py"
    crashing.write_text("import os, sys; sys.stdin.readline(); os.abort()")
    with monkeypatch.context() as patch:
        patch.setattr(itk.WORKERS, "program", crashing)
        patch.setattr(itk.WORKERS, "idle", [])
        assert "crashed" in str(fault_of(good))
    assert find_series(good)[0].shape == (2, 3, 4)


def test_a_reader_that_hangs_is_ended(tmp_path, monkeypatch):
    sitk = pytest.importorskip("SimpleITK")
    good = tmp_path / "good.mha"
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((2, 3, 4), np.uint8)), str(good))
    hanging = tmp_path / "hang.py"
    hanging.write_text("import time; time.sleep(600)")
    monkeypatch.setattr(itk.WORKERS, "program", hanging)
    monkeypatch.setattr(itk.WORKERS, "idle", [])
    monkeypatch.setattr(itk, "PATIENCE", 0.2)
    assert "no answer" in str(fault_of(good))
    assert itk.WORKERS.idle == []


NRRD = b"NRRD0004\ntype: uint8\ndimension: %b\nsizes: %b\nencoding: %b\n%b\n"


@pytest.mark.parametrize(
    "text",
    [
        NRRD % (b"3", b"100000 100000 100000", b"raw", b""),
        NRRD % (b"3", b"4000000000 4000000000 4000000000", b"gzip", b""),
        NRRD % (b"3", b"-4 4 4", b"raw", b""),
        NRRD % (b"3", b"0 4 4", b"raw", b""),
        NRRD % (b"17", b" ".join([b"2"] * 17), b"raw", b""),
        NRRD % (b"99999999", b"4 4 4", b"raw", b""),
        NRRD % (b"3", b"1 1 1048576", b"gzip", b""),
        NRRD % (b"3", b"4 4 4", b"bzip2", b""),
        NRRD % (b"3", b"4 4 4", b"hex", b""),
        NRRD % (b"3", b"4 4 4", b"raw", b"data file: /dev/zero\n"),
        NRRD % (b"3", b"4 4 4", b"raw", b"data file: LIST\n/dev/zero\n"),
        NRRD % (b"3", b"4 4 4", b"raw", b"data file: s%03d.raw 1 99999999 1\n"),
        NRRD % (b"3", b"4 4 4", b"raw", b"byte skip: 9999999999999\n"),
    ],
    ids=lambda text: text.split(b"\n", 2)[2][:50].decode().replace("\n", " "),
)
@pytest.mark.parametrize("ending", [".nrrd", ".nhdr"])
def test_nrrd_headers(tmp_path, text, ending):
    pytest.importorskip("SimpleITK")
    path = tmp_path / f"a{ending}"
    path.write_bytes(text + bytes(2048))
    found = find_series(path)
    if not found:
        assert isinstance(found.faults[0].error, ImagingError)
        return
    with pytest.raises(ImagingError):
        open_series(path, found=found).read()


@pipes
def test_data_in_a_pipe_is_not_waited_for(tmp_path):
    pytest.importorskip("SimpleITK")
    os.mkfifo(tmp_path / "p.raw")
    for ending in (".mhd", ".mha"):
        path = tmp_path / f"a{ending}"
        path.write_bytes(
            b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\n"
            b"ElementType = MET_UCHAR\nElementDataFile = p.raw\n"
        )
        assert "data file" in str(fault_of(path))


# ---------------------------------------------------------------------------- TIFF
def tiff_of(pages, *, big=False):
    """Return a TIFF whose pages lead to the given places in turn."""
    order = "<"
    if big:
        head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
        body = [struct.pack("<Q", 0) + struct.pack("<Q", to) for to in pages]
    else:
        head = struct.pack("<2sHI", b"II", 42, 8)
        body = [struct.pack(order + "HI", 0, to) for to in pages]
    return head + b"".join(body) + bytes(64)


@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
@pytest.mark.parametrize("pages", [(0,), (1, 0), (1, 2, 1)], ids=str)
def test_pages_that_lead_back(tmp_path, big, pages):
    start, step = (16, 16) if big else (8, 6)
    data = tiff_of([start + step * page for page in pages], big=big)
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    assert "earlier one" in str(fault_of(path))


def test_a_page_with_more_entries_than_the_file_has_bytes(tmp_path):
    path = tmp_path / "a.tif"
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
    path.write_bytes(head + struct.pack("<Q", 1 << 60) + bytes(64))
    assert "entries" in str(fault_of(path))


def test_honest_pages_are_followed_to_their_end(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    for big in (False, True):
        path = tmp_path / f"{big}.tif"
        pages = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)
        tifffile.imwrite(path, pages, bigtiff=big, photometric="minisblack")
        assert (open_series(path).read() == pages).all()


def test_a_picture_that_unpacks_to_much_is_refused(tmp_path):
    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
    assert isinstance(fault_of(path), ImagingError)


# --------------------------------------------------------------------------- NIfTI
def nifti(*, dims=(3, 4, 4, 4, 1, 1, 1, 1), offset=352.0, code=2, extra=bytes(4)):
    head = bytearray(348)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, *dims)
    struct.pack_into("<hh", head, 70, code, 8)
    struct.pack_into("<8f", head, 76, *[1.0] * 8)
    struct.pack_into("<f", head, 108, offset)
    head[344:348] = b"n+1\0"
    return bytes(head) + extra + bytes(64)


@pytest.mark.parametrize(
    "data",
    [
        nifti(dims=(3, -4, 4, 4, 1, 1, 1, 1)),
        nifti(dims=(3, 0, 4, 4, 1, 1, 1, 1)),
        nifti(dims=(-3, 4, 4, 4, 1, 1, 1, 1)),
        nifti(dims=(99, 4, 4, 4, 1, 1, 1, 1)),
        nifti(dims=(3, 32767, 32767, 32767, 1, 1, 1, 1)),
        nifti(dims=(4, 1, 1, 32767, 32767, 1, 1, 1)),
        nifti(dims=(7, 32767, 32767, 32767, 32767, 32767, 32767, 32767)),
        nifti(offset=2.0e9),
        nifti(offset=float("nan")),
        nifti(offset=float("inf")),
        nifti(offset=-352.0),
        nifti(offset=60e6, extra=b"\1\0\0\0" + struct.pack("<ii", 2**31 - 16, 4)),
        nifti(offset=60e6, extra=b"\1\0\0\0" + struct.pack("<ii", -16, 4)),
        nifti(offset=60e6, extra=b"\1\0\0\0" + struct.pack("<ii", 0, 4)),
        nifti(code=1792),
        nifti(code=-1),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_nifti_headers(tmp_path, data, packed):
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    path.write_bytes(gzip.compress(data) if packed else data)
    assert isinstance(fault_of(path), ImagingError)


def test_a_packed_header_that_unpacks_to_much_is_not_unpacked(tmp_path, monkeypatch):
    """A megabyte of zeros before the voxels is a thousand megabytes of them."""
    path = tmp_path / "a.nii.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(nifti(offset=1e9, extra=b"\1\0\0\0"))
        for _ in range(20):
            file.write(bytes(1 << 20))
    read = []
    original = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile,
        "read",
        lambda self, size=-1: read.append(size) or original(self, size),
    )
    assert "begin at byte" in str(fault_of(path))
    assert all(0 <= size < 1000 for size in read)


@pytest.mark.slow
def test_more_slices_than_anybody_has_are_not_described(tmp_path):
    path = tmp_path / "a.nii.gz"
    dims = (4, 1, 1, 32767, 3000, 1, 1, 1)
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(nifti(dims=dims))
        file.write(bytes(32767 * 3000))
    error = fault_of(path)
    assert isinstance(error, UnsupportedImageError)
    assert "3000 volumes of 32767 slices" in str(error)


# --------------------------------------------------------------- pipes and devices
@pipes
def test_a_pipe_among_images_is_passed_by(tmp_path, samples):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "a.dcm", "a.nii", "a.nii.gz", "a.png", "a.tif", "a.mha", "b.img"):
        os.mkfifo(folder / name)
    source = sorted(samples["xray-chest"].iterdir())[0]
    (folder / "x.dcm").write_bytes(source.read_bytes())
    found = find_series(folder)
    assert len(found) == 1 and found.faults == ()


@pipes
@pytest.mark.parametrize("ending", ["", ".dcm", ".nii", ".png", ".tif", ".mha"])
def test_a_pipe_that_is_named_is_refused(tmp_path, ending):
    pipe = tmp_path / f"a{ending}"
    os.mkfifo(pipe)
    assert not is_image(pipe)
    with pytest.raises(NoImageError, match="neither a file nor a folder"):
        find_series(pipe)


@pipes
@pytest.mark.parametrize("pipe", ["a.hdr", "a.img"])
def test_half_of_a_pair_that_is_a_pipe(tmp_path, pipe):
    data = nifti(extra=b"")[:348].replace(b"n+1", b"ni1")
    for name in ("a.hdr", "a.img"):
        (tmp_path / name).write_bytes(data)
    (tmp_path / pipe).unlink()
    os.mkfifo(tmp_path / pipe)
    assert not find_series(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_behind_a_link_is_passed_by(tmp_path):
    for name in ("a", "a.dcm", "a.nii.gz", "a.tif"):
        (tmp_path / name).symlink_to("/dev/zero")
    assert find_series(tmp_path) == []


# --------------------------------------------------------------------------- DICOM
@pytest.mark.parametrize(
    "values",
    [
        {"Rows": 65535, "Columns": 65535},
        {"NumberOfFrames": "2147483647"},
        {"NumberOfFrames": "99999999", "Rows": 1, "Columns": 1},
        {"BitsAllocated": 64, "Rows": 65535, "Columns": 65535},
        {"SamplesPerPixel": 65535},
    ],
    ids=str,
)
def test_dicom_that_claims_more_than_it_has(tmp_path, samples, values):
    from pydicom import dcmread

    dataset = dcmread(sorted(samples["xray-chest"].iterdir())[0])
    for name, value in values.items():
        setattr(dataset, name, value)
    path = tmp_path / "a.dcm"
    dataset.save_as(path)
    found = find_series(path)
    if not found:
        assert isinstance(found.faults[0].error, UnreadableImageError)
        return
    with pytest.raises(ImagingError):
        open_series(path, found=found).read()
