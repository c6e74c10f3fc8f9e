"""The formats annotations can be exported in: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_annotate_jobs.errors import InvalidValueError

from ._loading import load_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._contract import Exporter

__all__ = ["EXPORT_FORMATS", "ExportFormat", "exporter"]


@dataclass(frozen=True)
class ExportFormat:
    """A row of the table of formats.

    Parameters
    ----------
    name : str
        As on the command line.
    title : str
        As shown to people.
    where : str
        ``module:class`` of its :class:`Exporter`, loaded when it is asked for.
    summary : str
        What it is for, in one line.
    """

    name: str
    title: str
    where: str
    summary: str

    def load(self) -> type[Exporter]:
        """Import the exporter's class."""
        found: type[Exporter] = load_named(self.where)
        return found


_HERE = "napari_annotate_jobs.formats."

EXPORT_FORMATS: dict[str, ExportFormat] = {
    row.name: row
    for row in (
        ExportFormat(
            "nifti",
            "NIfTI label volumes",
            _HERE + "volumes._nifti:NiftiExporter",
            "one .nii.gz of label values a case, and a table of the labels",
        ),
        ExportFormat(
            "seg-nrrd",
            "3D Slicer segmentation",
            _HERE + "volumes._seg_nrrd:SegNrrdExporter",
            "one .seg.nrrd a case: names, colours, codes, overlap as layers",
        ),
        ExportFormat(
            "nnunet",
            "nnU-Net v2 data set",
            _HERE + "volumes._nnunet:NnunetExporter",
            "imagesTr, labelsTr, dataset.json; undecided and excluded are ignored",
        ),
        ExportFormat(
            "decathlon",
            "Decathlon / MONAI data set",
            _HERE + "volumes._decathlon:DecathlonExporter",
            "imagesTr, labelsTr and the list of both that MONAI reads",
        ),
        ExportFormat(
            "bids",
            "BIDS derivative",
            _HERE + "volumes._bids:BidsExporter",
            "a _dseg.nii.gz a case with its table of labels",
        ),
        ExportFormat(
            "dicom-seg",
            "DICOM SEG",
            _HERE + "dicom._seg:DicomSegExporter",
            "one DICOM segmentation a case, coded, overlap kept; binary or label map",
        ),
        ExportFormat(
            "rtstruct",
            "RTSTRUCT",
            _HERE + "dicom._rtstruct:RtStructExporter",
            "one DICOM structure set a case: outlines, holes, islands and overlap kept",
        ),
        ExportFormat(
            "dicom-sr",
            "DICOM SR",
            _HERE + "dicom._sr:DicomSrExporter",
            "one measurement report (TID 1500) a case: boxes and class labels, coded",
        ),
        ExportFormat(
            "csv",
            "Tables (CSV)",
            _HERE + "_tables:CsvExporter",
            "a row a slice and a row a box: decisions, classes, places, authors",
        ),
        ExportFormat(
            "parquet",
            "Tables (Parquet)",
            _HERE + "_tables:ParquetExporter",
            "the same tables with types, for pandas, polars and DuckDB",
        ),
        ExportFormat(
            "coco",
            "COCO",
            _HERE + "planes._coco:CocoExporter",
            "images, and one JSON of boxes, polygons and run lengths",
        ),
        ExportFormat(
            "yolo",
            "YOLO boxes",
            _HERE + "planes._yolo:YoloExporter",
            "images, each with a text file of boxes, for Ultralytics",
        ),
        ExportFormat(
            "yolo-seg",
            "YOLO segments",
            _HERE + "planes._yolo:YoloSegExporter",
            "images, each with a text file of outlines",
        ),
        ExportFormat(
            "voc",
            "Pascal VOC",
            _HERE + "planes._voc:VocExporter",
            "images, each with an XML file of boxes",
        ),
        ExportFormat(
            "cvat",
            "CVAT for images",
            _HERE + "planes._cvat:CvatExporter",
            "images, and one XML of boxes, masks, tags and attributes",
        ),
        ExportFormat(
            "labelme",
            "LabelMe",
            _HERE + "planes._labelme:LabelMeExporter",
            "images, each with a JSON of shapes and flags",
        ),
        ExportFormat(
            "label-csv",
            "label.csv",
            _HERE + "planes._label_csv:LabelCsvExporter",
            "images, and a headerless label.csv of classes or boxes",
        ),
        ExportFormat(
            "class-folders",
            "Class folders",
            _HERE + "planes._label_csv:ClassFolderExporter",
            "images in a folder for each class",
        ),
    )
}
"""By name."""


def exporter(
    name: str, options: Mapping[str, Any] | None = None, *, priority: Sequence[int] = ()
) -> Exporter:
    """Return the exporter of a format.

    Parameters
    ----------
    name : str
        One of :data:`EXPORT_FORMATS`.
    options : mapping, optional
        Its choices by name; text is converted.
    priority : sequence of int
        Ids of labels, the one that wins where masks overlap first.

    Raises
    ------
    InvalidValueError
        If there is no such format, or it has no such choice.
    MissingExtraError
        If a package it needs is not installed.
    """
    row = EXPORT_FORMATS.get(name)
    if row is None:
        raise InvalidValueError(
            f"there is no format {name!r}",
            remedy=f"Choose one of {', '.join(EXPORT_FORMATS)}",
        )
    kind = row.load()
    try:
        chosen = kind.Options.model_validate(dict(options or {}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidValueError(
            f"{row.title}: {field}: {first['msg'].removeprefix('Value error, ')}",
            remedy=f"Its options are {', '.join(kind.Options.model_fields) or 'none'}",
        ) from error
    return kind(chosen, priority=priority)
