"""RTSTRUCT: masks as outlines in the patient, for radiotherapy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from napari_annotate_jobs.errors import CorruptError, InvalidValueError
from napari_annotate_jobs.formats._contract import CaseFiles, FormatOptions
from napari_annotate_jobs.formats._place import TOLERANCE_MM, ijk_to_lps, slice_origins
from napari_annotate_jobs.imaging import quiet
from napari_annotate_jobs.model import Method, Provenance

from ._contours import outlines_of
from ._exporter import DicomExporter, DicomOptions
from ._object import (
    PROGRAM,
    concept_of,
    creator,
    derived_uid,
    described,
    images,
    is_placed,
    long_names,
    moment,
    quietly_saved,
    read_names,
    refer,
    settle,
    source_of,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.imaging import DicomSource
    from napari_annotate_jobs.model import Code, Label

__all__ = ["RtStructExporter", "RtStructOptions"]

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
STUDY = "1.2.840.10008.3.1.2.3.1"
"""The class that studies are referred to by, which is retired for all else."""


class RtStructOptions(DicomOptions):
    """Choices of the RTSTRUCT export."""

    holes: Literal["inner", "xor"] = Field(
        default="inner",
        description="inner: holes are closed outlines within others, which planning "
        "systems read; xor: they are marked as such too (CLOSEDPLANAR_XOR), as the "
        "standard has it, which older readers leave out",
    )


class RtStructExporter(DicomExporter):
    """One RTSTRUCT a case, outlines by scikit-image."""

    title = "RTSTRUCT"
    methods = frozenset({Method.SEGMENTATION})
    keeps_overlap = True
    Options: ClassVar[type[FormatOptions]] = RtStructOptions

    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write ``<case>.rtstruct.dcm``."""
        if not is_placed(case, self.title):
            raise InvalidValueError(
                "the image has no place in the patient (Frame of Reference, position, "
                "orientation, pixel spacing), and RTSTRUCT has nothing but places",
                where=case.summary,
                remedy="Choose dicom-seg, which needs none for a single image",
            )
        source = source_of(case)
        name = f"{case.stem}.rtstruct.dcm"
        with quiet():
            template = self.template(case, source, placed=True)
            dataset = _dataset(case, source, template, self.options.holes == "xor")
            quietly_saved(dataset, folder / name)
        return CaseFiles(files=(name,))

    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Fill the outlines again by other means, and compare masks and planes."""
        from ._read_rtstruct import read_rtstruct

        path = folder / written.files[0]
        found = read_rtstruct(path, case.header)
        names = read_names(described(case))
        seen: dict[int, Mapping[str, NDArray[np.bool_]]] = {}
        origins = slice_origins(case.header)
        for each in found.slices:
            assert each.index is not None
            assert each.origin is not None
            seen[each.index] = each.masks
            off = float(np.linalg.norm(np.array(each.origin) - origins[each.index]))
            if not off <= TOLERANCE_MM:
                raise CorruptError(
                    f"the outlines of slice {each.index + 1} lie {off:.4f} mm off "
                    "their plane",
                    where=path,
                )
        wanted = {
            (index, names[label]): (group, label)
            for index in range(case.n_slices)
            for group, ref in case.said(index).masks.items()
            for label in ref.pixels
        }
        got = {(index, name) for index, masks in seen.items() for name in masks}
        if got != set(wanted):
            raise CorruptError("outlines are missing, or are too many", where=path)
        for (index, name), (group, label) in wanted.items():
            mask = case.mask(index, group)
            if mask is None or not np.array_equal(seen[index][name], mask == label):
                raise CorruptError(
                    f"the mask of slice {index + 1} read again is not the one written",
                    where=path,
                )


def _dataset(
    case: AnnotatedCase, source: DicomSource, template: Dataset, xor: bool
) -> Dataset:
    from highdicom.base import SOPClass
    from pydicom.uid import ImplicitVRLittleEndian

    header, summary = case.header, case.summary
    labels = described(case)
    names = long_names(labels)
    numbers = {label.id: number for number, label in enumerate(labels, 1)}
    outlines = _outlines(case, source, xor)
    about = (header.key, summary.case.id, summary.person)
    content = [str(label.model_dump_json()) for label in labels]
    content += [str(item.ContourData) for items in outlines.values() for item in items]
    when = moment(case)
    # Implicit: an outline may have more bytes than an explicit element holds.
    dataset = SOPClass(
        study_instance_uid=str(header.study_uid),
        series_instance_uid=derived_uid("rtstruct-series", *about),
        series_number=301,
        sop_instance_uid=derived_uid("rtstruct", *about, summary.digest, xor, *content),
        sop_class_uid=RTSTRUCT,
        instance_number=1,
        modality="RTSTRUCT",
        manufacturer=PROGRAM,
        manufacturer_model_name=PROGRAM,
        software_versions=version(),
        transfer_syntax_uid=ImplicitVRLittleEndian,
        patient_id=template.PatientID,
        patient_name=template.PatientName,
        patient_birth_date=template.PatientBirthDate,
        patient_sex=template.PatientSex,
        accession_number=template.AccessionNumber,
        study_id=template.StudyID,
        study_date=template.StudyDate,
        study_time=template.StudyTime,
        referring_physician_name=template.ReferringPhysicianName,
        series_description="Structures",
        specific_character_set="ISO_IR 192",
    )
    dataset.copy_patient_and_study_information(template)
    dataset.FrameOfReferenceUID = header.frame_of_reference
    dataset.PositionReferenceIndicator = ""
    dataset.StructureSetLabel = "Annotation"
    dataset.StructureSetDate = f"{when:%Y%m%d}"
    dataset.StructureSetTime = f"{when:%H%M%S}"
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.OperatorsName = creator(case)
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(case, source)]
    dataset.StructureSetROISequence = [
        _roi(case, label, numbers[label.id], names[label.id]) for label in labels
    ]
    dataset.ROIContourSequence = [
        _contours(label, numbers[label.id], outlines.get(label.id, []))
        for label in labels
    ]
    dataset.RTROIObservationsSequence = [
        _observation(label, numbers[label.id], creator(case)) for label in labels
    ]
    settle(dataset, case)
    return dataset


def _outlines(
    case: AnnotatedCase, source: DicomSource, xor: bool
) -> dict[int, list[Dataset]]:
    """Return the outlines of each label id, slice by slice."""
    from pydicom.dataset import Dataset

    header = case.header
    affine, origins = ijk_to_lps(header), slice_origins(header)
    found: dict[int, list[Dataset]] = {}
    for index in range(case.n_slices):
        for group, ref in case.said(index).masks.items():
            mask = case.mask(index, group)
            if mask is None:
                continue
            for label in ref.pixels:
                for line in outlines_of(np.equal(mask, label)):
                    points = origins[index] + line[:, [1]] * affine[:3, 0]
                    points = points + line[:, [0]] * affine[:3, 1]
                    item = Dataset()
                    item.ContourImageSequence = [refer(header, source, index)]
                    item.ContourGeometricType = "CLOSED_PLANAR"
                    item.NumberOfContourPoints = len(line)
                    item.ContourData = [_decimal(v) for v in points.ravel()]
                    found.setdefault(label, []).append(item)
    for items in found.values():
        for number, item in enumerate(items, 1):
            item.ContourNumber = number
            if xor:
                item.ContourGeometricType = "CLOSEDPLANAR_XOR"
    return found


def _decimal(value: float) -> str:
    """Write a place to a hundredth of a micrometre, which 16 characters hold."""
    return f"{value:.5f}".rstrip("0").rstrip(".")


def _frame_of_reference(case: AnnotatedCase, source: DicomSource) -> Dataset:
    from pydicom.dataset import Dataset

    header = case.header
    series, study, frame = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = header.series_uid
    series.ContourImageSequence = images(header, source)
    study.ReferencedSOPClassUID = STUDY
    study.ReferencedSOPInstanceUID = header.study_uid
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID = header.frame_of_reference
    frame.RTReferencedStudySequence = [study]
    return frame


def _roi(case: AnnotatedCase, label: Label, number: int, name: str) -> Dataset:
    from pydicom.dataset import Dataset

    made = {
        ref.provenance
        for index in range(case.n_slices)
        for ref in case.said(index).masks.values()
        if label.id in ref.pixels
    }
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = case.header.frame_of_reference
    item.ROIName = name
    item.ROIDescription = label.name
    by_hand = made <= {Provenance.MANUAL}
    item.ROIGenerationAlgorithm = "MANUAL" if by_hand else "SEMIAUTOMATIC"
    return item


def _contours(label: Label, number: int, outlines: list[Dataset]) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ROIDisplayColor = [round(255 * part) for part in label.rgb]
    if outlines:
        item.ContourSequence = outlines
    item.ReferencedROINumber = number
    return item


def _observation(label: Label, number: int, person: str) -> Dataset:
    from pydicom.dataset import Dataset

    concept = concept_of(label)
    code = _code(concept)
    if concept.modifier is not None:
        code.SegmentedPropertyTypeModifierCodeSequence = [_code(concept.modifier)]
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIIdentificationCodeSequence = [code]
    if concept.region is not None:
        region = _code(concept.region)
        if concept.region_modifier is not None:
            region.AnatomicRegionModifierSequence = [_code(concept.region_modifier)]
        item.AnatomicRegionSequence = [region]
    item.RTROIInterpretedType = ""
    item.ROIInterpreter = person
    return item


def _code(code: Code) -> Dataset:
    from ._object import highdicom_code

    found: Dataset = highdicom_code(code)
    return found
