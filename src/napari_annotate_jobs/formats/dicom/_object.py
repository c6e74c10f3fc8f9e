"""What the DICOM formats share: tags of the images, codes, names, UIDs, times."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError, MissingExtraError
from napari_annotate_jobs.formats._place import (
    TOLERANCE_MM,
    ijk_to_lps,
    slice_origins,
    uneven_by,
)
from napari_annotate_jobs.imaging import dicom_source, quiet
from napari_annotate_jobs.model import Code, Concept, Method

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._contract import ExportJob
    from napari_annotate_jobs.imaging import DicomSource, SeriesHeader
    from napari_annotate_jobs.model import Label

__all__ = [
    "PROGRAM",
    "category_of",
    "check_installed",
    "concept_of",
    "creator",
    "decimals",
    "derived_uid",
    "described",
    "even_gap",
    "frame_number",
    "highdicom_code",
    "images",
    "is_placed",
    "long_names",
    "moment",
    "no_dicom",
    "patient_template",
    "plane_sequences",
    "quietly_saved",
    "read_names",
    "refer",
    "settle",
    "source_of",
    "version",
    "whole_name",
]

PROGRAM = "napari-annotate-jobs"
PRIVATE = "99NAJ"
"""Coding scheme of labels without a coded concept."""
CT_IMAGE, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
OTHER = Code(scheme="SCT", value="309825002", meaning="Spatial and Relational Concept")
"""Category of what does not say what kind of thing it is."""
_CORE = {
    "PatientID": "LO",
    "PatientName": "PN",
    "PatientBirthDate": "DA",
    "PatientSex": "CS",
    "AccessionNumber": "SH",
    "StudyID": "SH",
    "StudyDate": "DA",
    "StudyTime": "TM",
    "ReferringPhysicianName": "PN",
}
_LOSSY = (
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
"""What a copy of the images must say of their pixels."""


def check_installed(purpose: str) -> None:
    """Raise MissingExtraError where highdicom is not installed."""
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("highdicom", extra="dicom", purpose=purpose) from error


def no_dicom(export: ExportJob, title: str) -> list[str]:
    """Say which cases cannot be written, for their images are not DICOM.

    From the names of their slices: no image is opened.
    """
    others = [
        str(summary)
        for summary in export.cases
        if any(key.startswith("index:") for key in summary.annotation.slices)
    ]
    if not others:
        return []
    return [
        f"{title} refers to DICOM images by their UIDs, and takes patient and study "
        f"from them; the images of {len(others)} cases ({', '.join(others[:3])}) are "
        "in another format: choose nifti or seg-nrrd, or leave these cases out"
    ]


def source_of(case: AnnotatedCase) -> DicomSource:
    """Read what the images of a case say beside their pixels.

    Raises
    ------
    InvalidValueError
        If they are not DICOM; names the case.
    """
    try:
        return dicom_source(case.header)
    except InvalidValueError as error:
        raise InvalidValueError(
            error.what, where=case.summary, remedy=error.remedy
        ) from error


def is_placed(case: AnnotatedCase, title: str) -> bool:
    """Return True if the slices have a place in the patient.

    Raises
    ------
    InvalidValueError
        If they have none, and there are several of them.
    """
    header = case.header
    missing = (
        "Frame of Reference UID"
        if not header.frame_of_reference
        else "position, orientation or pixel spacing"
    )
    if header.frame_of_reference and header.affine is not None:
        return True
    if header.shape[0] > 1:
        raise InvalidValueError(
            f"the images have no {missing}, without which {title} cannot say where "
            f"the {header.shape[0]} slices lie",
            where=case.summary,
            remedy="Choose nifti, seg-nrrd or dicom-sr, or export the images again "
            "with it",
        )
    return False


# ----------------------------------------------------------------- names and codes
def described(case: AnnotatedCase) -> list[Label]:
    """Return the labels of masks that a file tells of: those in use, or else all.

    A case in which there is nothing says so of every label.
    """
    used = {
        label
        for index in range(case.n_slices)
        for ref in case.said(index).masks.values()
        for label in ref.pixels
    }
    every = case.labels.of(Method.SEGMENTATION)
    return [label for label in every if label.id in used] or list(every)


def long_names(labels: Iterable[Label], room: int = 64) -> dict[int, str]:
    """Return the names of labels as short as DICOM has them, told apart.

    Parameters
    ----------
    labels : iterable of Label
        The labels.
    room : int
        Characters there are: 64 in LO, 16 in SH.
    """
    taken: set[str] = set()
    found: dict[int, str] = {}
    for label in labels:
        plain = " ".join(label.name.replace("\\", "/").split())
        name, count = plain[:room].strip(), 1
        while name.casefold() in taken:
            count += 1
            tail = f" ~{count}"
            name = plain[: room - len(tail)].strip() + tail
        taken.add(name.casefold())
        found[label.id] = name
    return found


def whole_name(short: str, whole: str, room: int = 64) -> str:
    """Return the name that :func:`long_names` made a short one of.

    Parameters
    ----------
    short : str
        As a file has it.
    whole : str
        The description beside it; what other programs write there is no name.
    room : int
        As for :func:`long_names`.
    """
    plain = " ".join(whole.replace("\\", "/").split())
    stem, told_apart, _ = short.rpartition(" ~")
    is_cut = bool(told_apart) and len(plain) > room and plain.startswith(stem)
    return " ".join(whole.split()) if is_cut or plain[:room].strip() == short else short


def read_names(labels: Iterable[Label]) -> dict[int, str]:
    """Return the names that are read again, where :func:`long_names` were written."""
    labels = list(labels)
    short = long_names(labels)
    return {label.id: whole_name(short[label.id], label.name) for label in labels}


def concept_of(label: Label) -> Concept:
    """Return the coded concept of a label, a private one where it has none.

    DICOM must have a code: the private one holds the label's id and its name.
    """
    if label.concept is not None:
        return label.concept
    meaning = label.name.replace("\\", "/")[:64].strip()
    return Concept(scheme=PRIVATE, value=f"label-{label.id}", meaning=meaning)


def category_of(concept: Concept) -> Code:
    """Return the category of a concept, a neutral one where it has none."""
    return concept.category or OTHER


def highdicom_code(code: Code) -> Any:
    """Return a code as highdicom has it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning.replace("\\", "/"))


# ------------------------------------------------------------- what is deterministic
def derived_uid(*parts: object) -> str:
    """Return a UID that is the same whenever its parts are (PS3.5 B.2)."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return f"2.25.{UUID(bytes=digest[:16], version=5).int}"


def moment(case: AnnotatedCase) -> datetime:
    """Return when the annotation was finished: the same for the same annotation."""
    summary = case.summary
    found = summary.time or summary.annotation.modified
    return (found or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC)


def creator(case: AnnotatedCase) -> str:
    """Return the annotator as a person's name in DICOM."""
    name = case.summary.person.replace("\\", "/").replace("=", "-")
    return name[:64] or "unknown"


def version() -> str:
    """Return this program's version."""
    from napari_annotate_jobs import __version__

    return __version__


def settle(dataset: Dataset, case: AnnotatedCase, *digests: object) -> None:
    """Replace what depends on the clock or on chance; changes `dataset`."""
    from pydicom.uid import UID

    when = moment(case)
    date, time = f"{when:%Y%m%d}", f"{when:%H%M%S.%f}"
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.TimezoneOffsetFromUTC = "+0000"
    for item in dataset.get("ContributingEquipmentSequence") or ():
        if "ContributionDateTime" in item:
            item.ContributionDateTime = date + time
    if "DimensionOrganizationSequence" in dataset:
        uid = UID(derived_uid("dimensions", *digests))
        dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = uid
        for item in dataset.DimensionIndexSequence:
            item.DimensionOrganizationUID = uid


# ------------------------------------------------------------------ from the images
def patient_template(
    case: AnnotatedCase, source: DicomSource, *, placed: bool, anonymous: bool
) -> Dataset:
    """Return an image header that highdicom takes patient and study from.

    Damaged optional tags are left out, required ones that are missing are empty. An
    anonymous one has the name of the case, and nothing of the patient but UIDs.
    """
    header = case.header
    found = _nobody(case, source) if anonymous else _patient(source)
    found.SpecificCharacterSet = "ISO_IR 192"
    found.SOPClassUID = CT_IMAGE if placed else SECONDARY_CAPTURE
    found.SOPInstanceUID = header.slices[0].sop_instance_uid
    found.StudyInstanceUID = header.study_uid
    found.SeriesInstanceUID = header.series_uid
    found.Modality = header.modality or "OT"
    found.Rows, found.Columns = case.plane
    for keyword in ("FrameOfReferenceUID", "NumberOfFrames", "ImagePositionPatient"):
        found.pop(keyword, None)
    if placed:
        found.FrameOfReferenceUID = header.frame_of_reference
        affine = ijk_to_lps(header)
        columns, rows = header.spacing[2], header.spacing[1]
        cosines = [*(affine[:3, 0] / columns), *(affine[:3, 1] / rows)]
        found.ImagePositionPatient = decimals(slice_origins(header)[0])
        found.ImageOrientationPatient = decimals(cosines)
        found.PixelSpacing = decimals([rows, columns])
        found.SliceThickness = decimals([_thickness(header, source)])[0]
        found.pop("SpacingBetweenSlices", None)
    return found


def _patient(source: DicomSource) -> Dataset:
    """Return what the images say of patient and study."""
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    found = Dataset()
    for element in source.dataset:
        try:
            found.add(DataElement(element.tag, element.VR, element.value, None, False))
            _check(element)
        except Exception:
            found.pop(element.tag, None)
    for keyword, kind in _CORE.items():
        value = source.dataset.get(keyword)
        if keyword not in found:
            # Names and ids that are too long still tell who it is.
            keep = kind in {"LO", "PN", "SH"} and value is not None
            setattr(found, keyword, value if keep else "")
    if found.PatientSex not in ("M", "F", "O", ""):
        found.PatientSex = ""
    return found


def _nobody(case: AnnotatedCase, source: DicomSource) -> Dataset:
    """Return the same of a patient who has the name of the case (PS3.3 C.7.1.1)."""
    from pydicom.dataset import Dataset

    found = Dataset()
    for keyword in _CORE:
        setattr(found, keyword, "")
    plain = " ".join(re.sub(r"[\\^=]", " ", case.case.name).split())
    found.PatientName = found.PatientID = plain[:64]
    found.PatientIdentityRemoved = "YES"
    found.DeidentificationMethod = f"{PROGRAM}: patient and study tags replaced"
    for keyword in _LOSSY:
        value = source.dataset.get(keyword)
        if value is not None:
            setattr(found, keyword, value)
    return found


def decimals(values: Iterable[float]) -> list[str]:
    """Return numbers as decimal strings, as exact as 16 characters hold."""
    from pydicom.valuerep import format_number_as_ds

    return [format_number_as_ds(float(value)) for value in values]


def _check(element: Any) -> None:
    from pydicom.config import RAISE
    from pydicom.valuerep import validate_value

    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        if value not in (None, ""):
            text = isinstance(value, str) or element.VR == "PN"
            validate_value(element.VR, str(value) if text else value, RAISE)


def plane_sequences(case: AnnotatedCase, source: DicomSource) -> tuple[Any, Any, Any]:
    """Return the position of the first slice, its orientation, and pixel measures.

    Returns
    -------
    position : highdicom.PlanePositionSequence
    orientation : highdicom.PlaneOrientationSequence
    measures : highdicom.PixelMeasuresSequence
    """
    import highdicom as hd

    header = case.header
    affine = ijk_to_lps(header)
    _, rows, columns = header.spacing
    cosines = [*(affine[:3, 0] / columns), *(affine[:3, 1] / rows)]
    patient = hd.CoordinateSystemNames.PATIENT
    origin = slice_origins(header)[0]
    position = hd.PlanePositionSequence(patient, [float(v) for v in origin])
    orientation = hd.PlaneOrientationSequence(patient, [float(v) for v in cosines])
    measures = hd.PixelMeasuresSequence(
        pixel_spacing=[float(rows), float(columns)],
        slice_thickness=_thickness(header, source),
        spacing_between_slices=even_gap(header),
    )
    return position, orientation, measures


def even_gap(header: SeriesHeader) -> float | None:
    """Return the one distance of all neighbouring planes, mm; None if there is none."""
    if header.shape[0] < 2 or uneven_by(header) > TOLERANCE_MM:
        return None
    affine = ijk_to_lps(header)
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    return float(abs(affine[:3, 2] @ normal) / np.linalg.norm(normal))


def _thickness(header: SeriesHeader, source: DicomSource) -> float:
    try:
        found = float(source.dataset.get("SliceThickness") or 0)
    except (TypeError, ValueError):
        found = 0.0
    return found if found > 0 else float(header.spacing[0])


def frame_number(header: SeriesHeader, index: int) -> int | None:
    """Return the number of a slice's frame in its image; None in a single frame."""
    return header.slices[index].frame


def quietly_saved(dataset: Dataset, path: Any) -> None:
    """Write a data set as a DICOM file."""
    with quiet():
        dataset.save_as(path, enforce_file_format=True)


def refer(header: SeriesHeader, source: DicomSource, index: int) -> Dataset:
    """Return a reference to the image of a slice."""
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = source.sop_classes[index]
    item.ReferencedSOPInstanceUID = header.slices[index].sop_instance_uid
    number = frame_number(header, index)
    if number is not None:
        item.ReferencedFrameNumber = number
    return item


def images(header: SeriesHeader, source: DicomSource) -> list[Dataset]:
    """Return references to the images of all slices, each image once."""
    from pydicom.dataset import Dataset

    found: dict[str, Dataset] = {}
    for slice_id, sop_class in zip(header.slices, source.sop_classes, strict=True):
        uid = str(slice_id.sop_instance_uid)
        if uid not in found:
            item = found[uid] = Dataset()
            item.ReferencedSOPClassUID = sop_class
            item.ReferencedSOPInstanceUID = uid
    return list(found.values())
