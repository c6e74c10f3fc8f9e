"""Jobs with submitted cases, to be exported."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from napari_annotate_jobs.model import (
    Box,
    Case,
    Code,
    Concept,
    Group,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import StoreSource, create_job, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

LABELS = LabelSet(
    labels=(
        Label(
            id=1,
            name="Tumour",
            color="#D55E00",
            method=Method.SEGMENTATION,
            concept=Concept(scheme="SCT", value="108369006", meaning="Neoplasm"),
        ),
        Label(id=2, name="Lung, left", color="#0072B2", method=Method.SEGMENTATION),
        Label(
            id=300,
            name="Gefäß",
            color="#009E73",
            method=Method.SEGMENTATION,
            overlap_group="vessels",
        ),
        Label(id=4, name="nodule", color="#F0E442", method=Method.DETECTION),
        Label(
            id=5,
            name="good",
            color="#E69F00",
            method=Method.CLASSIFICATION,
            group="quality",
        ),
        Label(
            id=6,
            name="bad",
            color="#56B4E9",
            method=Method.CLASSIFICATION,
            group="quality",
        ),
        Label(id=7, name="contrast", color="#CC79A7", method=Method.CLASSIFICATION),
    ),
    groups=(Group(name="quality", exclusive=True),),
)


class Drawn(NamedTuple):
    """A job folder, and what was drawn into its cases, by case id."""

    folder: Path
    masks: dict[str, dict[tuple[int, str], NDArray[np.uint16]]]


def draw_job(
    folder: Path, *, overlap: bool = False, samples: tuple[str, ...] = ()
) -> Drawn:
    """Make a job of the sample images and submit its cases.

    Slice 1 (counted from 0) has nothing to label, 2 to 4 carry masks, a box and
    classes, 5 is excluded with a mask on it, the others are undecided.
    """
    paths = sample_paths()
    names = samples or ("ct-lung", "ct-lung-nodule")
    cases = [
        Case(id=name, name=name, series=(SeriesRef(path=str(paths[name])),))
        for name in names
    ]
    methods = (Method.SEGMENTATION, Method.DETECTION, Method.CLASSIFICATION)
    project = Project(name="Export", methods=methods, label_set=LABELS)
    create_job(folder, Job(id="export", project=project), cases).close()
    session = AnnotationSession(open_store(str(folder), person="ana"), "export")
    session.open_next = False
    masks: dict[str, dict[tuple[int, str], NDArray[np.uint16]]] = {}
    for number, name in enumerate(names):
        session.open_case(name)
        editor = session.editor
        assert session.case is not None
        rows, columns = session.case.series.header.shape[1:3]
        drawn: dict[tuple[int, str], NDArray[np.uint16]] = {}
        for index in (2, 3, 4, 5):
            mask = np.zeros((rows, columns), np.uint16)
            mask[8 + index : 30, 10 : 40 + number] = 1
            mask[12:16, 20:24] = 0  # a hole
            mask[50:60, 5 : 9 + index] = 2
            drawn[index, ""] = mask
            vessel = np.zeros_like(mask)
            top = 20 if overlap else 70
            vessel[top : top + 9, 30 : 50 + index] = 300
            drawn[index, "vessels"] = vessel
        editor.set_masks(drawn)
        box = Box(label=4, top=10.0, left=12.5, bottom=30.0, right=44.5)
        editor.set_boxes({3: (box,)})
        editor.set_class([2, 3], 5, True)
        editor.set_class([4], 7, True)
        editor.set_nothing_to_label([1])
        editor.set_excluded([5])
        session.submit()
        masks[name] = drawn
    session.close()
    return Drawn(folder, masks)


@pytest.fixture(scope="session")
def draw() -> Any:
    """What makes such a job."""
    return draw_job


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """A job of two submitted cases."""
    return draw_job(tmp_path_factory.mktemp("drawn") / "job")


@pytest.fixture(scope="session")
def overlapping(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """The same, with vessels painted over the tumour."""
    return draw_job(tmp_path_factory.mktemp("drawn") / "job", overlap=True)


@pytest.fixture
def source(drawn: Drawn) -> StoreSource:
    """What there is to export of the job without overlap."""
    return StoreSource(str(drawn.folder))


# ------------------------------------------------------- cases on DICOM made to order
def turned(*degrees: float) -> NDArray[np.float64]:
    """Return a rotation about the three axes in turn, shape (3, 3)."""
    result = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = (k for k in range(3) if k != axis)
        turn = np.eye(3)
        turn[[i, i, j, j], [i, j, i, j]] = (
            np.cos(angle),
            -np.sin(angle),
            np.sin(angle),
            np.cos(angle),
        )
        result = turn @ result
    return result


def dicom_series(
    folder: Path,
    *,
    turn: tuple[float, float, float] = (0, 0, 0),
    heights: tuple[float, ...] = (0, 2.5, 5, 7.5, 10, 12.5),
    shear: float = 0.0,
    plane: tuple[int, int] = (24, 30),
    channels: int = 1,
    **tags: Any,
) -> Path:
    """Write a CT series; `shear` moves each slice along the rows, as a tilt does."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True)
    axes = turned(*turn)
    study, series, frame = (generate_uid() for _ in range(3))
    for number, height in enumerate(heights):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.SOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.FrameOfReferenceUID = frame
        ds.Modality, ds.InstanceNumber = "CT", number + 1
        ds.SpecificCharacterSet = "ISO_IR 100"
        ds.PatientName, ds.PatientID = "Müller^Jörg", "4711"
        ds.PatientBirthDate, ds.PatientSex = "19500101", "M"
        ds.StudyDate, ds.StudyTime, ds.StudyID = "20240229", "101112", "S1"
        ds.AccessionNumber = "A1"
        ds.PixelSpacing, ds.SliceThickness = [0.7, 0.6], 2.5
        ds.ImageOrientationPatient = [f"{v:.12f}" for v in (*axes[:, 0], *axes[:, 1])]
        place = np.array([10.0, -20.0, 30.0]) + axes @ [0, shear * number, height]
        ds.ImagePositionPatient = [f"{v:.9f}" for v in place]
        ds.Rows, ds.Columns = plane
        ds.SamplesPerPixel = channels
        ds.PhotometricInterpretation = "RGB" if channels > 1 else "MONOCHROME2"
        if channels > 1:
            ds.PlanarConfiguration = 0
        ds.BitsAllocated = ds.BitsStored = 8 if channels > 1 else 16
        ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
        pixels = np.full((*plane, channels), number, f"u{ds.BitsStored // 8}")
        ds.PixelData = pixels.tobytes()
        for keyword, value in tags.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return folder


def enhanced(folder: Path, path: Path) -> None:
    """Write a series as one enhanced multi-frame image."""
    import pydicom
    from pydicom.dataset import Dataset

    slices = [pydicom.dcmread(p) for p in sorted(folder.iterdir())]
    first = slices[0]
    ds = pydicom.dcmread(sorted(folder.iterdir())[0])
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = (
        "1.2.840.10008.5.1.4.1.1.2.1"
    )
    ds.NumberOfFrames = len(slices)
    ds.PixelData = b"".join(s.PixelData for s in slices)
    shared, plane, measures = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = first.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = first.PixelSpacing, 2.5
    shared.PlaneOrientationSequence = [plane]
    shared.PixelMeasuresSequence = [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = []
    for each in slices:
        item, place = Dataset(), Dataset()
        place.ImagePositionPatient = each.ImagePositionPatient
        item.PlanePositionSequence = [place]
        ds.PerFrameFunctionalGroupsSequence.append(item)
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"):
        delattr(ds, keyword)
    path.parent.mkdir(parents=True)
    ds.save_as(path)


def shapes(plane: tuple[int, int] = (24, 30)) -> dict[int, dict[int, Any]]:
    """Return masks by slice and label id: ring, island, single pixels, overlap."""
    ring = np.zeros(plane, bool)
    ring[3:15, 4:20] = True
    ring[6:12, 8:16] = False
    ring[8:10, 10:13] = True  # an island in the hole
    corners = np.zeros(plane, bool)
    corners[[0, -1, 0, -1], [0, 0, -1, -1]] = True
    corners[20, 5] = corners[21, 6] = True  # they touch at a corner
    over = np.zeros(plane, bool)
    over[10:18, 10:25] = True
    return {0: {2: corners}, 2: {1: ring, 3: over}, 3: {1: ring.copy()}, 5: {3: over}}


def annotated_case(
    folder: Path,
    masks: dict[int, dict[int, Any]],
    labels: LabelSet = LABELS,
    **content: Any,
) -> Any:
    """Return a case on a folder of images, with masks by slice and label id.

    `content` holds further fields of slices by keyword, then by index.
    """
    from datetime import UTC, datetime

    from napari_annotate_jobs.formats import AnnotatedCase, CaseSummary
    from napari_annotate_jobs.imaging import open_series
    from napari_annotate_jobs.model import (
        Annotation,
        Provenance,
        SliceAnnotation,
        content_digest,
        mask_ref,
    )

    series = open_series(folder)
    header = series.header
    blobs: dict[str, bytes] = {}
    slices = {}
    made = content.pop("provenance", Provenance.MANUAL)
    whole = {k: content.pop(k) for k in ("case_labels",) if k in content}
    for index in sorted({*masks, *(i for by in content.values() for i in by)}):
        refs = {}
        for label, mask in masks.get(index, {}).items():
            group = labels[label].overlap_group
            found = mask_ref(mask.astype(np.uint16) * label, provenance=made)
            assert found is not None
            refs[group], blobs[found[0].digest] = found[0], found[1]
        own = {key: by[index] for key, by in content.items() if index in by}
        key = header.slices[index].key
        slices[key] = SliceAnnotation(index=index, masks=refs, **own)
    annotation = Annotation(case_id="c1", person="ana", slices=slices, **whole)
    summary = CaseSummary(
        case=Case(id="c1", name="c1", series=(SeriesRef(path=str(folder)),)),
        person="Ana Ñandú",
        annotation=annotation,
        stem="c1",
        submission=1,
        digest=content_digest(annotation),
        time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    return AnnotatedCase.of(summary, labels, series, blobs.__getitem__)


THREE = LabelSet(
    labels=(
        Label(
            id=1,
            name="Left kidney",
            color="#D55E00",
            method=Method.SEGMENTATION,
            concept=Concept(
                scheme="SCT",
                value="64033007",
                meaning="Kidney",
                category=Code(
                    scheme="SCT", value="123037004", meaning="Anatomical Structure"
                ),
                modifier=Code(scheme="SCT", value="7771000", meaning="Left"),
            ),
        ),
        Label(id=2, name="Gefäß, 血管", color="#0072B2", method=Method.SEGMENTATION),
        Label(
            id=300,
            name="over",
            color="#009E73",
            method=Method.SEGMENTATION,
            overlap_group="o",
        ),
    )
)


def three(masks: dict[int, dict[int, Any]]) -> dict[int, dict[int, Any]]:
    """Give the labels of :func:`shapes` their ids in THREE."""
    names = {1: 1, 2: 2, 3: 300}
    return {i: {names[k]: m for k, m in by.items()} for i, by in masks.items()}


@pytest.fixture(scope="session")
def kit() -> Any:
    """What makes cases on DICOM series of every kind."""
    from types import SimpleNamespace

    return SimpleNamespace(
        series=dicom_series,
        enhanced=enhanced,
        geometries=GEOMETRIES,
        shapes=lambda *a: three(shapes(*a)),
        case=annotated_case,
        labels=THREE,
    )


GEOMETRIES = {
    "axial": {},
    "oblique": {"turn": (12, -7, 20)},
    "sagittal": {"turn": (90, 5, 85)},
    "flipped": {"turn": (180, 0, 180)},
    "tilted": {"shear": 0.4},
    "uneven": {"heights": (0, 2.5, 4.0, 9.0, 11.5, 11.9)},
    "odd-plane": {"plane": (23, 31)},
    "one-slice": {"heights": (3.0,)},
}


@pytest.fixture(params=list(GEOMETRIES))
def geometry(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A series of each geometry."""
    return dicom_series(tmp_path / "images", **GEOMETRIES[request.param])


@pytest.fixture(scope="session")
def tool(
    tmp_path_factory: pytest.TempPathFactory, outside_env: dict[str, str]
) -> Callable[..., Any]:
    """What makes a venv with packages, and runs a script in it that prints JSON."""

    def make(*packages: str, alone: tuple[str, ...] = ()) -> Any:
        home = tmp_path_factory.mktemp("venv")
        python = home / (
            "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
        )
        uv = [sys.executable, "-m", "uv"]
        install = [*uv, "pip", "install", "-q", "--python", str(python)]
        steps = [[*uv, "venv", "-q", "--clear", "-p", sys.executable, str(home)]]
        steps += [[*install, *packages]] if packages else []
        steps += [[*install, "--no-deps", *alone]] if alone else []
        for step in steps:
            done = subprocess.run(
                step, env=outside_env, capture_output=True, text=True, check=False
            )
            if done.returncode:
                pytest.skip(f"{packages or alone} cannot be had: {done.stderr[-200:]}")

        def run(script: str, *args: object) -> Any:
            done = subprocess.run(
                [str(python), "-W", "ignore", "-c", script, *map(str, args)],
                env=outside_env,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return json.loads(done.stdout.splitlines()[-1])

        run.bin = python.parent  # type: ignore[attr-defined]

        return run

    return make


@pytest.fixture(scope="session")
def foreign(tool: Callable[..., Any]) -> Path:
    """Programs that read DICOM, in an environment of their own: its bin folder."""
    found: Path = tool("dcmqi==1.5.7", "dcmrtstruct2nii==5").bin
    return found


EVEN = tuple(name for name in GEOMETRIES if name != "uneven")


@pytest.fixture(scope="session")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Everywhere:
    """A job with a case of each geometry, and one in an enhanced image; no overlap."""
    folder = tmp_path_factory.mktemp("everywhere")
    for name in EVEN:
        dicom_series(folder / name, **GEOMETRIES[name])
    turned = dicom_series(folder / "apart", turn=(12, -7, 20))
    enhanced(turned, folder / "multi-frame" / "image.dcm")
    names = (*EVEN, "multi-frame")
    cases = [
        Case(id=name, name=name, series=(SeriesRef(path=str(folder / name)),))
        for name in names
    ]
    project = Project(name="x", methods=(Method.SEGMENTATION,), label_set=THREE)
    create_job(folder / "job", Job(id="job", project=project), cases).close()
    session = AnnotationSession(open_store(str(folder / "job"), person="ana"), "job")
    session.open_next = False
    truth: dict[str, Any] = {}
    for name in names:
        session.open_case(name)
        assert session.case is not None
        slices, rows, columns = session.case.series.header.shape[:3]
        truth[name] = np.zeros((slices, rows, columns), np.uint16)
        drawn: dict[tuple[int, str], Any] = {}
        for index, masks in three(shapes((rows, columns))).items():
            if index >= slices:
                continue
            for label, mask in masks.items():
                plain = mask & (truth[name][index] == 0)
                truth[name][index][plain] = label
                group = THREE[label].overlap_group
                found = drawn.setdefault(
                    (index, group), np.zeros((rows, columns), np.uint16)
                )
                found[plain] = label
        session.editor.set_masks(drawn)
        session.editor.set_nothing_to_label(session.editor.undecided())
        session.submit()
    session.close()
    return Everywhere(folder / "job", truth)


class Everywhere(NamedTuple):
    """A job folder, and the label ids of its cases, shape (slices, rows, columns)."""

    folder: Path
    truth: dict[str, NDArray[np.uint16]]


@pytest.fixture(scope="session")
def mixed_options() -> dict[str, dict[str, Any]]:
    """The choices without which a format refuses the jobs above."""
    return {
        "decathlon": {"unknown": "ignore"},
        "yolo-seg": {"holes": "slit"},
        "label-csv": {"kind": "detection"},
        "class-folders": {"group": "quality"},
    }
