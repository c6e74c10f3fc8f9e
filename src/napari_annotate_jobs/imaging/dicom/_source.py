"""What files made from a DICOM series have to say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, UnreadableImageError
from napari_annotate_jobs.imaging._quiet import quiet

from ._scan import read_dataset, scan_file

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from napari_annotate_jobs.imaging._header import SeriesHeader

__all__ = ["DicomSource", "dicom_source"]

_GROUPS = (0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0040)


@dataclass(frozen=True)
class DicomSource:
    """The files of a DICOM series, as others refer to them.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Header of the first slice's file, with all tags that can be understood: the
        patient's too.
    sop_classes : tuple of str
        SOP Class UID of the image of each slice.
    """

    dataset: Dataset
    sop_classes: tuple[str, ...]


def dicom_source(header: SeriesHeader) -> DicomSource:
    """Read what a series' files say beside their pixels.

    Parameters
    ----------
    header : SeriesHeader
        Of a DICOM series.

    Raises
    ------
    InvalidValueError
        If it is not DICOM, or its slices have no UIDs.
    UnreadableImageError
        If a file is gone, or is not the one it was.
    """
    if header.format != "dicom" or not header.series_uid or not header.study_uid:
        raise InvalidValueError(
            "the images are no DICOM series with UIDs of its own, to which a DICOM "
            "file could refer",
            where=header.path,
            remedy="Choose nifti or seg-nrrd",
        )
    classes: dict[int, tuple[str, str]] = {}
    found = []
    for slice_id, frame in zip(header.slices, header.frames, strict=True):
        if frame.file not in classes:
            path = header.files[frame.file].path
            values = scan_file(path).values
            classes[frame.file] = (
                str(values.get("SOPInstanceUID")),
                str(values.get("SOPClassUID") or ""),
            )
        uid, sop_class = classes[frame.file]
        if slice_id.sop_instance_uid is None or not sop_class:
            raise InvalidValueError(
                f"slice {slice_id.index + 1} has no SOP Instance UID or SOP Class UID "
                "by which a DICOM file could refer to it",
                where=header.path,
                remedy="Choose nifti or seg-nrrd, or export the images again",
            )
        if uid != slice_id.sop_instance_uid:
            raise UnreadableImageError(
                "the file is not the one it was when the case was made",
                where=header.files[frame.file].path,
                remedy="Put the images back as they were",
            )
        found.append(sop_class)
    first = read_dataset(header.files[header.frames[0].file].path)
    return DicomSource(_understood(first), tuple(found))


def _understood(dataset: Dataset) -> Dataset:
    """Return the elements of the top level whose values can be read, as text."""
    from pydicom.dataset import Dataset

    found = Dataset()
    with quiet():
        for tag in dataset.keys():
            if tag.group not in _GROUPS:
                continue
            try:
                element = dataset[tag]
                if element.VR != "SQ":
                    element.value  # noqa: B018 - decoded when it is looked at
                    found.add(element)
            except Exception:
                continue
    return found
