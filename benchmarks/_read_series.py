"""Series for the reading benchmarks, written by them; nothing is downloaded."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    generate_uid,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "peak_bytes",
    "phantom",
    "plain_reads",
    "pydicom_loop",
    "simpleitk",
    "write_ct",
    "write_enhanced",
    "write_sparse",
]

_SEED = 20


def _slice(series: str, number: int, size: int) -> Dataset:
    """Return a CT slice such as scanners write it, without pixels."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"{series}.{number + 1}"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.StudyDate = ds.SeriesDate = "20200101"
    ds.StudyTime = ds.SeriesTime = "120000"
    ds.Modality, ds.Manufacturer = "CT", "Bench"
    ds.StudyDescription, ds.SeriesDescription = "Chest", "Thin slices"
    ds.PatientName, ds.PatientID = "Bench", "0"
    ds.SliceThickness, ds.KVP = 1.0, 120
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{series}.0", series
    ds.FrameOfReferenceUID = f"{series}.0.1"
    ds.InstanceNumber = number + 1
    ds.ImagePositionPatient = [-180.0, -175.5, 1.25 * number - 400]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = size
    ds.PixelSpacing = [0.703125, 0.703125]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.WindowCenter, ds.WindowWidth = [40, -400], [400, 1500]
    ds.WindowCenterWidthExplanation = ["SOFT", "LUNG"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
    return ds


def phantom(size: int, number: int, noise: np.ndarray) -> np.ndarray:
    """Draw a body with lungs and noise, in stored values."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image = np.full((size, size), 24.0)
    image[(x / 0.85) ** 2 + (y / 0.6) ** 2 < 1] = 1070
    wide = 0.3 + 0.05 * np.sin(number / 20)
    for side in (-0.4, 0.4):
        image[((x - side) / wide) ** 2 + (y / 0.4) ** 2 < 1] = 180
    image[x**2 + (y - 0.35) ** 2 < 0.01] = 1600
    image += np.roll(noise, 37 * number)
    return np.clip(image, 0, 4095).astype(np.uint16)


def _compress(ds: Dataset, pixels: np.ndarray, syntax: UID) -> None:
    """Encode the pixels of a slice; pydicom has no encoder of lossless JPEG."""
    if syntax != JPEGLosslessSV1:
        ds.compress(syntax, pixels, generate_instance_uid=False)
        return
    import imagecodecs

    data = imagecodecs.ljpeg_encode(pixels, bitspersample=ds.BitsStored)
    ds.PixelData = encapsulate([bytes(data)])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = syntax


def _coloured(ds: Dataset, grey: np.ndarray) -> np.ndarray:
    """Make of a slice a picture such as a secondary capture of it."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"
    ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    del ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType
    channel = (grey >> 4).astype(np.uint8)
    return np.stack([channel, np.roll(channel, 3, 0), 255 - channel], axis=-1)


def write_ct(
    folder: Path,
    count: int = 300,
    size: int = 512,
    syntax: UID | None = None,
    *,
    colour: bool = False,
) -> int:
    """Write a CT series, one file a slice, in an order unlike its names.

    Parameters
    ----------
    folder : Path
        An empty folder.
    count, size : int
        Slices, and their rows and columns.
    syntax : UID, optional
        The transfer syntax to compress them by.
    colour : bool
        Make RGB of 8 bits of them.

    Returns
    -------
    int
        Bytes of its voxels.
    """
    rng = np.random.default_rng(_SEED)
    noise = rng.normal(0, 12, (size, size))
    names = rng.permutation(count)
    series = generate_uid(entropy_srcs=["bench", str(count), str(size), str(syntax)])
    series = series[:50].rstrip(".")
    for number in range(count):
        ds = _slice(series, number, size)
        pixels = phantom(size, number, noise)
        if colour:
            pixels = _coloured(ds, pixels)
        if syntax is None:
            ds.PixelData = pixels.tobytes()
            ds["PixelData"].VR = "OB" if colour else "OW"
        else:
            _compress(ds, pixels, syntax)
        ds.save_as(folder / f"IM{names[number]:05d}", enforce_file_format=True)
    return count * size * size * (3 if colour else 2)


def write_enhanced(folder: Path, files: int, frames: int, size: int = 32) -> None:
    """Write Enhanced MR files, each a volume at a time of its own."""
    series = generate_uid(entropy_srcs=["enhanced", str(files)])[:50].rstrip(".")
    for number in range(files):
        ds = _slice(series, number, size)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
        ds.Modality, ds.NumberOfFrames = "MR", frames
        del ds.ImagePositionPatient, ds.ImageOrientationPatient, ds.PixelSpacing
        ds.SharedFunctionalGroupsSequence = [
            _item(
                PlaneOrientationSequence=[
                    _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
                ],
                PixelMeasuresSequence=[_item(PixelSpacing=[1, 1], SliceThickness=2)],
                PixelValueTransformationSequence=[
                    _item(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")
                ],
            )
        ]
        ds.PerFrameFunctionalGroupsSequence = [
            _frame_groups(frame, number + 1) for frame in range(frames)
        ]
        ds.PixelData = bytes(frames * size * size * 2)
        ds["PixelData"].VR = "OW"
        ds.save_as(folder / f"IM{number:05d}", enforce_file_format=True)


def _frame_groups(frame: int, time: int) -> Dataset:
    content = _item(
        FrameAcquisitionNumber=time,
        FrameAcquisitionDateTime="20260101120000",
        StackID="1",
        InStackPositionNumber=frame + 1,
        TemporalPositionIndex=time,
        DimensionIndexValues=[1, frame + 1, time],
    )
    return _item(
        FrameContentSequence=[content],
        PlanePositionSequence=[_item(ImagePositionPatient=[0, 0, 2.0 * frame])],
        FrameVOILUTSequence=[_item(WindowCenter=40, WindowWidth=400)],
        MRImageFrameTypeSequence=[_item(FrameType=["ORIGINAL", "PRIMARY", "M"])],
        MREchoSequence=[_item(EffectiveEchoTime=30.0)],
    )


def _item(**elements: Any) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def write_sparse(folder: Path, count: int, size: int) -> int:
    """Write a series of black slices that takes hardly any room on disk."""
    series = generate_uid(entropy_srcs=["sparse", str(count)])[:50].rstrip(".")
    for number in range(count):
        ds = _slice(series, number, size)
        ds.PixelData = b"\0\0"
        ds["PixelData"].VR = "OW"
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        length = size * size * 2
        head = buffer.getvalue()[:-6] + length.to_bytes(4, "little")
        with open(folder / f"IM{number:05d}", "wb") as handle:
            handle.write(head)
            handle.truncate(len(head) + length)
    return count * size * size * 2


def simpleitk(folder: Path) -> Any:
    """Read a series as SimpleITK's users do."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return sitk.GetArrayFromImage(reader.Execute())


def plain_reads(folder: Path) -> np.ndarray:
    """Read the bytes of all files into one array, by two threads, and nothing more."""
    files = sorted(folder.iterdir())
    ends = np.cumsum([0, *(path.stat().st_size for path in files)])
    out = np.empty(ends[-1], np.uint8)

    def read(share: slice) -> None:
        places = zip(files[share], ends[:-1][share], ends[1:][share], strict=True)
        for path, start, end in places:
            with open(path, "rb", buffering=0) as handle:
                handle.readinto(memoryview(out[start:end]))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, (slice(0, None, 2), slice(1, None, 2))))
    return out


def pydicom_loop(folder: Path, plugin: str = "pylibjpeg") -> np.ndarray:
    """Read a series as pydicom's users do; a plugin decodes what is compressed."""
    datasets = [pydicom.dcmread(path) for path in folder.iterdir()]
    for ds in datasets:
        if ds.file_meta.TransferSyntaxUID.is_encapsulated:
            ds.pixel_array_options(decoding_plugin=plugin)
    datasets.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    return np.stack([ds.pixel_array for ds in datasets])


def peak_bytes() -> int:
    """Return the most memory this process ever had (Linux: not shared files)."""
    with open("/proc/self/status", encoding="ascii") as handle:
        for line in handle:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not tell the peak memory of a process")
