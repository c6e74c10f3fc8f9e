"""DICOM files made to order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_encoder
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def write_slice(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes one CT slice; keywords are its elements."""
    series = generate_uid()

    def write(name: str, pixels: np.ndarray | None = None, /, **elements: Any) -> Path:
        if pixels is None:
            pixels = np.arange(20, dtype=np.int16).reshape(4, 5)
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        syntax = elements.pop("syntax", ExplicitVRLittleEndian)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = CTImageStorage
        ds.SOPInstanceUID = generate_uid()
        ds.Modality = "CT"
        ds.SeriesInstanceUID = series
        ds.FrameOfReferenceUID = "1.2.3"
        ds.InstanceNumber = 1
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [0, 0, 0]
        ds.PixelSpacing = [0.5, 0.25]
        ds.SliceThickness = 9
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns = pixels.shape[-2:]
        ds.BitsAllocated = ds.BitsStored = pixels.dtype.itemsize * 8
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        if pixels.dtype.kind == "f":
            ds.FloatPixelData = pixels.tobytes()
        else:
            ds.PixelData = pixels.tobytes()
            ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
        for keyword, value in elements.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
        if syntax != ExplicitVRLittleEndian:
            if not get_encoder(syntax).is_available:
                pytest.skip(f"nothing installed writes {syntax.name}")
            ds.compress(syntax, generate_instance_uid=False)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def write_stack(write_slice: Callable[..., Path]) -> Callable[..., Path]:
    """Return a function that writes a series with slices at the given heights."""

    def write(heights: list[float], /, folder: str = "study", **elements: Any) -> Path:
        names = np.random.default_rng(1).permutation(len(heights))
        path = None
        for i, height in enumerate(heights):
            pixels = elements.pop("pixels", None)
            if pixels is None:
                pixels = np.full((4, 5), 100 * i, np.int16)
            own = {
                key: value[i] if isinstance(value, tuple) else value
                for key, value in elements.items()
            }
            own.setdefault("ImagePositionPatient", [0, 0, height])
            own.setdefault("InstanceNumber", i + 1)
            path = write_slice(f"{folder}/{names[i]:03d}", pixels, **own)
        assert path is not None
        return path.parent

    return write
