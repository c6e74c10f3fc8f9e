"""Structured reports, by our reader and highdicom's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats import exporter
from napari_annotate_jobs.model import (
    Box,
    Code,
    Concept,
    Label,
    LabelSet,
    Method,
    Scope,
)

if TYPE_CHECKING:
    from pathlib import Path

hd = pytest.importorskip("highdicom")

LABELS = LabelSet(
    labels=(
        Label(
            id=1,
            name="nodule",
            color="#112233",
            method=Method.DETECTION,
            concept=Concept(
                scheme="SCT",
                value="27925004",
                meaning="Nodule",
                region=Code(scheme="SCT", value="39607008", meaning="Lung"),
                region_modifier=Code(scheme="SCT", value="24028007", meaning="Right"),
            ),
        ),
        Label(id=2, name="Ж, \\ x", color="#112233", method=Method.DETECTION),
        Label(id=3, name="good", color="#112233", method=Method.CLASSIFICATION),
        Label(
            id=4,
            name="contrast",
            color="#112233",
            method=Method.CLASSIFICATION,
            scope=Scope.CASE,
        ),
    )
)
BOX = Box(id="a", label=1, top=3.0, left=4.5, bottom=9.25, right=12.0, track="t")


def some(kit: Any, folder: Path) -> Any:
    return kit.case(
        folder,
        {},
        LABELS,
        boxes={
            1: (BOX, Box(id="b", label=2, top=-0.5, left=-0.5, bottom=2, right=2)),
            2: (BOX.evolve(id="c"), BOX.evolve(id="d", proposal=True)),
            5: (BOX.evolve(id="e"),),
        },
        class_labels={2: (3,), 3: (3,)},
        nothing_to_label={4: True},
        excluded={5: True},
        case_labels=(4,),
    )


def write(case: Any, folder: Path) -> Path:
    writer = exporter("dicom-sr")
    folder.mkdir(exist_ok=True)
    done = writer.write_case(case, folder)
    writer.verify_case(case, folder, done)
    return folder / done.files[0]


def test_highdicom_reads_boxes_and_classes(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    path = write(case, tmp_path / "out")
    report = hd.sr.srread(path)
    rois = report.content.get_planar_roi_measurement_groups()
    # Proposals and excluded slices are left out.
    assert len(rois) == 3
    uids = [s.sop_instance_uid for s in case.header.slices]
    first = rois[0]
    assert first.finding_type.value == "27925004"
    assert first.finding_sites[0].value.value == "39607008"
    assert first.finding_sites[0].laterality.meaning == "Right"
    corners = first.roi.value
    assert corners.min(0).tolist() == [5.0, 3.5]
    assert corners.max(0).tolist() == [12.5, 9.75]
    assert rois[0].tracking_uid == rois[2].tracking_uid != rois[1].tracking_uid
    assert rois[1].finding_type.meaning == "Ж, / x"
    others = report.content.get_image_measurement_groups()
    said = {
        tuple(i.referenced_sop_instance_uid for i in g.source_images): [
            item.ConceptCodeSequence[0].CodeMeaning
            for item in g[0].ContentSequence
            if item.ConceptNameCodeSequence[0].CodeValue == "121071"
        ]
        for g in others
    }
    assert said == {
        (uids[2],): ["good"],
        (uids[3],): ["good"],
        (uids[4],): ["Nothing to label"],
        (): ["contrast"],
    }
    dataset = pydicom.dcmread(path)
    assert (dataset.PatientID, str(dataset.PatientName)) == ("4711", "Müller^Jörg")
    assert dataset.StudyInstanceUID == case.header.study_uid
    refs = dataset.CurrentRequestedProcedureEvidenceSequence[0]
    images = refs.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert {i.ReferencedSOPInstanceUID for i in images} <= set(uids)


def test_same_input_same_bytes(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    first = write(case, tmp_path / "a").read_bytes()
    assert first == write(case, tmp_path / "b").read_bytes()


@pytest.mark.parametrize("channels", [1, 3])
def test_projections_and_colour(kit: Any, tmp_path: Path, channels: int) -> None:
    tags = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR"}
    tags |= dict.fromkeys(
        ("FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient")
    )
    folder = kit.series(tmp_path / "images", heights=(0,), channels=channels, **tags)
    write(kit.case(folder, {}, LABELS, boxes={0: (BOX,)}), tmp_path / "out")


def test_a_box_that_moves_is_seen(kit: Any, tmp_path: Path) -> None:
    case = some(kit, kit.series(tmp_path / "images"))
    writer = exporter("dicom-sr")
    done = writer.write_case(case, tmp_path)
    path = tmp_path / done.files[0]
    data = path.read_bytes()
    old, new = (np.float32(v).tobytes() for v in (9.75, 9.5))
    assert data.count(old)
    path.write_bytes(data.replace(old, new))
    with pytest.raises(CorruptError, match="does not say what was annotated"):
        writer.verify_case(case, tmp_path, done)
