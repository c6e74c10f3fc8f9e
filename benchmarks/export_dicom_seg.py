"""DICOM SEG of 300 slices and 3 labels: written and proved, vs highdicom's writing."""

from __future__ import annotations

import tempfile
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from _bench import compare, processors, report
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from napari_annotate_jobs.formats import AnnotatedCase, CaseSummary, exporter
from napari_annotate_jobs.imaging import open_series
from napari_annotate_jobs.model import (
    Annotation,
    Case,
    Label,
    LabelSet,
    Method,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)

_COUNT, _SIZE, _LABELS = 300, 512, 3


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        images = _write_images(root / "images")
        volume = _masks()
        case = _case(images, volume)
        writer = exporter("dicom-seg")
        sources = [
            pydicom.dcmread(path, stop_before_pixels=True)
            for path in sorted(images.iterdir())
        ]
        out = root / "ours"
        out.mkdir()

        def ours() -> None:
            written = writer.write_case(case, out)
            writer.verify_case(case, out, written)

        def peer() -> None:
            _highdicom(sources, volume, root / "peer.dcm")

        what = f"DICOM SEG, {_COUNT} x {_SIZE} x {_SIZE}, {_LABELS} labels"
        compare(
            f"{what}: masks decoded, written and proved, vs highdicom's writing of a "
            "label map in memory onto headers in memory",
            ours,
            peer,
            goal=1.0,
        )
        compare(
            f"{what}: the same, time of processors",
            lambda: processors(ours),
            lambda: processors(peer),
            unit="processor s",
            goal=1.0,
        )
        tracemalloc.start()
        ours()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        report(
            f"{what}: peak memory, vs the volume of images",
            peak,
            case.header.nbytes,
            unit="bytes",
            goal=1.5,
        )


def _masks() -> np.ndarray:
    """Return label ids: three balls that change from slice to slice."""
    volume = np.zeros((_COUNT, _SIZE, _SIZE), np.uint8)
    rows, columns = np.ogrid[:_SIZE, :_SIZE]
    for label, (row, column) in enumerate(((130, 130), (256, 380), (400, 150)), 1):
        for index in range(_COUNT):
            radius = 40 + 60 * np.sin(np.pi * (index + 1) / (_COUNT + 1))
            near = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            volume[index][near] = label
    return volume


def _write_images(folder: Path) -> Path:
    folder.mkdir()
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    pixels = np.zeros((_SIZE, _SIZE), np.int16).tobytes()
    for index in range(_COUNT):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.SOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.FrameOfReferenceUID, ds.Modality = frame, "CT"
        for keyword in (
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "PatientSex",
            "AccessionNumber",
            "StudyID",
            "StudyDate",
            "StudyTime",
            "ReferringPhysicianName",
        ):
            setattr(ds, keyword, "")
        ds.InstanceNumber = index + 1
        ds.PixelSpacing, ds.SliceThickness = [0.7, 0.7], 1
        ds.ImagePositionPatient = [0, 0, index]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows = ds.Columns = _SIZE
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 1
        ds.PixelData = pixels
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)
    return folder


def _case(folder: Path, volume: np.ndarray) -> AnnotatedCase:
    labels = LabelSet(
        labels=tuple(
            Label(id=n, name=f"l{n}", color="#D55E00", method=Method.SEGMENTATION)
            for n in range(1, _LABELS + 1)
        )
    )
    series = open_series(folder)
    blobs: dict[str, bytes] = {}
    slices = {}
    for index, slice_id in enumerate(series.header.slices):
        found = mask_ref(volume[index])
        assert found is not None
        blobs[found[0].digest] = found[1]
        slices[slice_id.key] = SliceAnnotation(index=index, masks={"": found[0]})
    summary = CaseSummary(
        case=Case(id="c", name="c", series=(SeriesRef(path=str(folder)),)),
        person="ana",
        annotation=Annotation(case_id="c", person="ana", slices=slices),
        stem="c",
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return AnnotatedCase.of(summary, labels, series, blobs.__getitem__)


def _highdicom(sources: list[Dataset], volume: np.ndarray, path: Path) -> None:
    seg = hd.seg.Segmentation(
        sources,
        volume,
        "BINARY",
        [
            hd.seg.SegmentDescription(
                n, f"l{n}", codes.SCT.Tissue, codes.SCT.Tissue, "MANUAL"
            )
            for n in range(1, _LABELS + 1)
        ],
        generate_uid(),
        1,
        generate_uid(),
        1,
        "m",
        "m",
        "1",
        "1",
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    seg.save_as(path)


if __name__ == "__main__":
    main()
