"""DICOM structured reports (TID 1500): boxes and class labels with codes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._contract import CaseFiles
from napari_annotate_jobs.imaging import quiet, read_dataset
from napari_annotate_jobs.model import Code, Decision, Method

from ._exporter import DicomExporter
from ._object import (
    PROGRAM,
    category_of,
    concept_of,
    creator,
    derived_uid,
    frame_number,
    highdicom_code,
    moment,
    quietly_saved,
    settle,
    source_of,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.imaging import DicomSource
    from napari_annotate_jobs.model import Box, Label

    Said = tuple[str, int | None, str, tuple[float, ...]]

__all__ = ["DicomSrExporter"]

_IMAGING = Code(scheme="SCT", value="363679005", meaning="Imaging procedure")
_NOTHING = Code(scheme="99NAJ", value="nothing", meaning="Nothing to label")
_NEAR = 1e-3
"""Pixels; coordinates are written as 32-bit floats."""


class DicomSrExporter(DicomExporter):
    """One report a case, by highdicom."""

    title = "DICOM SR"
    methods = frozenset({Method.DETECTION, Method.CLASSIFICATION})
    keeps_overlap = True

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write ``<case>.sr.dcm``."""
        source = source_of(case)
        name = f"{case.stem}.sr.dcm"
        with quiet():
            template = self.template(case, source, placed=False)
            quietly_saved(_report(case, source, template), folder / name)
        return CaseFiles(files=(name,))

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Walk the report without highdicom, and compare what it says of each image."""
        path = folder / written.files[0]
        with quiet():
            read = list(_read(read_dataset(path)))
        wanted = list(_said(case))
        if Counter(map(_rounded, read)) != Counter(map(_rounded, wanted)):
            raise CorruptError(
                "the report read again does not say what was annotated", where=path
            )


def _said(case: AnnotatedCase) -> Iterator[Said]:
    """Give what the report should say: image, frame, code, and corners of a box."""
    slices = case.header.slices
    for index in range(case.n_slices):
        image = str(slices[index].sop_instance_uid), frame_number(case.header, index)
        for box in case.boxes(index):
            yield *image, concept_of(case.labels[box.label]).value, _corners(box)
        for label in case.said(index).class_labels:
            yield *image, concept_of(case.labels[label]).value, ()
        if case.decision(index) is Decision.NOTHING_TO_LABEL:
            yield *image, _NOTHING.value, ()
    for label in case.annotation.case_labels:
        yield "", None, concept_of(case.labels[label]).value, ()
    if case.annotation.case_nothing_to_label:
        yield "", None, _NOTHING.value, ()


def _rounded(said: Said) -> tuple[object, ...]:
    *what, corners = said
    return (
        *what,
        tuple(round(v / _NEAR) for v in np.asarray(corners, np.float32).tolist()),
    )


def _corners(box: Box) -> tuple[float, ...]:
    """Return left, top, right, bottom where DICOM counts: from the image's corner.

    The centre of the first pixel, 0 with us, is 0.5 there (PS3.3 C.18.6.1.1).
    """
    return box.left + 0.5, box.top + 0.5, box.right + 0.5, box.bottom + 0.5


# ----------------------------------------------------------------------- writing
def _report(case: AnnotatedCase, source: DicomSource, first: Dataset) -> Dataset:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    summary = case.summary
    about = (case.header.key, summary.case.id, summary.person)
    labels = case.labels.model_dump_json()
    groups = list(_groups(case, source, about))
    context = hd.sr.ObservationContext(
        observer_person_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(
                name=creator(case)
            ),
        )
    )
    content = hd.sr.MeasurementReport(
        observation_context=context,
        procedure_reported=highdicom_code(_IMAGING),
        imaging_measurements=groups or None,
        title=codes.DCM.ImagingMeasurementReport,
    )
    when = moment(case)
    said = [repr(each) for each in _said(case)]
    report = hd.sr.ComprehensiveSR(
        evidence=_evidence(case, source, first),
        content=content[0],
        series_instance_uid=derived_uid("sr-series", *about),
        series_number=302,
        sop_instance_uid=derived_uid("sr", *about, summary.digest, labels, *said),
        instance_number=1,
        manufacturer=PROGRAM,
        manufacturer_model_name=PROGRAM,
        software_versions=version(),
        is_complete=True,
        record_evidence=True,
        series_description="Annotation",
        content_date=when.date(),
        content_time=when.time(),
        specific_character_set="ISO_IR 192",
    )
    settle(report, case, *about)
    return report


def _evidence(
    case: AnnotatedCase, source: DicomSource, first: Dataset
) -> list[Dataset]:
    """Return the headers that highdicom takes evidence and patient from."""
    from pydicom.dataset import Dataset

    first.SOPClassUID = source.sop_classes[0]
    found = {str(first.SOPInstanceUID): first}
    for slice_id, sop_class in zip(case.header.slices, source.sop_classes, strict=True):
        uid = str(slice_id.sop_instance_uid)
        if uid not in found:
            item = found[uid] = Dataset()
            item.SOPClassUID, item.SOPInstanceUID = sop_class, uid
            item.StudyInstanceUID = first.StudyInstanceUID
            item.SeriesInstanceUID = first.SeriesInstanceUID
            for keyword in ("PatientID", "PatientName", "AccessionNumber"):
                setattr(item, keyword, first.get(keyword))
    return list(found.values())


def _groups(
    case: AnnotatedCase, source: DicomSource, about: tuple[object, ...]
) -> Iterator[Any]:
    """Give the measurement groups: one a box, one for the classes of a slice."""
    import highdicom as hd

    def tracking(name: str, *parts: object) -> Any:
        return hd.sr.TrackingIdentifier(
            uid=derived_uid("track", *about, *parts), identifier=name
        )

    for index in range(case.n_slices):
        image = _image_arguments(case, source, index)
        for number, box in enumerate(case.boxes(index)):
            label = case.labels[box.label]
            left, top, right, bottom = _corners(box)
            outline = [left, top], [right, top], [right, bottom], [left, bottom]
            yield hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                # The boxes of one object on several slices have one identifier.
                tracking_identifier=tracking(
                    label.name, *(("t", box.track) if box.track else (index, number))
                ),
                referenced_region=hd.sr.ImageRegion(
                    hd.sr.GraphicTypeValues.POLYLINE,
                    np.array([*outline, outline[0]]),
                    hd.sr.SourceImageForRegion(*image),
                ),
                **_finding(label),
            )
        said = case.said(index)
        found = [concept_of(case.labels[i]) for i in said.class_labels]
        if case.decision(index) is Decision.NOTHING_TO_LABEL:
            found = [_NOTHING]  # type: ignore[list-item]
        if found:
            yield hd.sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=tracking(f"slice {index + 1}", "slice", index),
                qualitative_evaluations=_evaluations(found),
                source_images=[hd.sr.SourceImageForMeasurementGroup(*image)],
            )
    whole: list[Any] = [concept_of(case.labels[i]) for i in case.annotation.case_labels]
    if case.annotation.case_nothing_to_label:
        whole = [_NOTHING]
    if whole:
        yield hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking("whole case", "case"),
            qualitative_evaluations=_evaluations(whole),
        )


def _evaluations(codes_: Sequence[Code]) -> list[Any]:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return [
        hd.sr.QualitativeEvaluation(name=codes.DCM.Finding, value=highdicom_code(code))
        for code in codes_
    ]


def _finding(label: Label) -> dict[str, Any]:
    """Return what a group says of its finding: type, category, site and side."""
    import highdicom as hd

    concept = concept_of(label)
    found: dict[str, Any] = {
        "finding_type": highdicom_code(concept),
        "finding_category": highdicom_code(category_of(concept)),
    }
    site, side = concept.region, concept.region_modifier
    if site is None and concept.modifier is not None:
        # A finding has no modifier; the side of what it is, is that of its site.
        site, side = Code(**_plain(concept)), concept.modifier
    if site is not None:
        found["finding_sites"] = [
            hd.sr.FindingSite(
                highdicom_code(site),
                laterality=None if side is None else highdicom_code(side),
            )
        ]
    return found


def _plain(code: Code) -> dict[str, str]:
    return {"scheme": code.scheme, "value": code.value, "meaning": code.meaning}


def _image_arguments(
    case: AnnotatedCase, source: DicomSource, index: int
) -> tuple[str, str, list[int] | None]:
    number = frame_number(case.header, index)
    uid = str(case.header.slices[index].sop_instance_uid)
    return source.sop_classes[index], uid, None if number is None else [number]


# ----------------------------------------------------------------------- reading
def _read(dataset: Dataset) -> Iterator[Said]:
    """Give what a report says, from its content tree alone."""
    for container in _children(dataset, "126010"):  # Imaging Measurements
        for group in _children(container, "125007"):  # Measurement Group
            region = next(_children(group, "111030"), None)  # Image Region
            if region is not None:
                values = np.array(region.GraphicData, dtype=float).reshape(-1, 2)
                corners = (*values.min(0).tolist(), *values.max(0).tolist())
                image = _image(region.ContentSequence[0])
                for finding in _children(group, "121071"):
                    yield *image, _value(finding), corners
                continue
            source = next(
                (c for c in group.ContentSequence if c.ValueType == "IMAGE"), None
            )
            image = ("", None) if source is None else _image(source)
            for finding in _children(group, "121071"):
                yield *image, _value(finding), ()


def _children(item: Dataset, code: str) -> Iterator[Dataset]:
    for child in item.get("ContentSequence") or ():
        name = child.get("ConceptNameCodeSequence")
        if name and name[0].CodeValue == code:
            yield child


def _value(item: Dataset) -> str:
    code = item.ConceptCodeSequence[0]
    return str(code.get("CodeValue") or code.get("LongCodeValue"))


def _image(item: Dataset) -> tuple[str, int | None]:
    reference = item.ReferencedSOPSequence[0]
    number = reference.get("ReferencedFrameNumber")
    uid = str(reference.ReferencedSOPInstanceUID)
    return uid, None if number in (None, "") else int(number)
