"""The formats annotations come in from: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError

from ._incoming import Incoming
from ._loading import load_named

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from napari_annotate_jobs.imaging import SeriesHeader

    IncomingReader = Callable[..., Incoming | Iterable[Incoming]]

__all__ = ["IMPORT_FORMATS", "ImportFormat", "import_format"]


@dataclass(frozen=True)
class ImportFormat:
    """A row of the table of formats.

    Parameters
    ----------
    name : str
        As on the command line.
    title : str
        As shown to people.
    where : str
        ``module:function``, loaded when it is asked for. The function takes the path
        of a file (or of a folder, where `endings` is empty) and gives one
        :class:`Incoming`, or several of them, of one case each.
    summary : str
        What it is for, in one line.
    endings : tuple of str
        How the names of its files end, in lower case: of a folder these files are
        read one by one, and with ``""`` all files. Empty where a folder, or one file,
        is read as a whole.
    by_name : bool
        True if its files carry no UIDs: cases are found by the names of files.
    uids : str
        For a format that can only be read beside the images: ``module:function`` that
        takes a path and gives the UIDs of the series it was made on. The function of
        `where` then takes the header of the case's series too.
    passes : str
        ``module:function`` that says of a path whether it may be one of its files, for
        a format whose files are not known by their names.
    images : tuple of str
        Names of folders in which data sets of this format keep images, not labels.
    whole : bool
        True if its files say of every slice they cover what is on it: label volumes.
    """

    name: str
    title: str
    where: str
    summary: str
    endings: tuple[str, ...] = ()
    by_name: bool = False
    uids: str = ""
    passes: str = ""
    images: tuple[str, ...] = ()
    whole: bool = False

    @property
    def needs_images(self) -> bool:
        """Whether it is read beside the images it was made on."""
        return bool(self.uids)

    def read(self, path: Path, header: SeriesHeader | None = None) -> list[Incoming]:
        """Read a file or folder.

        Parameters
        ----------
        path : Path
            One of :meth:`files`.
        header : SeriesHeader, optional
            Of the images, for a format that needs them.
        """
        reader: IncomingReader = load_named(self.where)
        found = reader(path, header) if self.needs_images else reader(path)
        return [found] if isinstance(found, Incoming) else list(found)

    def series_uids(self, path: Path) -> list[str]:
        """Return the UIDs of the series that a file was made on."""
        return list(load_named(self.uids)(path)) if self.uids else []

    def files(self, path: str | os.PathLike[str]) -> list[Path]:
        """Return what is to be read one by one of a file or folder, sorted.

        Raises
        ------
        NotFoundError
            If there is nothing of the kind.
        """
        root = Path(path)
        if not root.exists():
            raise NotFoundError("there is no such file or folder", where=root)
        if root.is_file() or not self.endings:
            return [root]
        may_be = load_named(self.passes) if self.passes else bool
        found = sorted(
            each
            for each in root.rglob("*")
            if each.name.lower().endswith(self.endings)
            and not set(each.relative_to(root).parts[:-1]).intersection(self.images)
            and each.is_file()
            and may_be(each)
        )
        if not found:
            raise NotFoundError(
                f"there are no files of {self.title}"
                + ("" if self.passes else f" ({', '.join(self.endings)})"),
                where=root,
                remedy="Name another folder, or another format",
            )
        return found

    def stem(self, path: Path) -> str:
        """Return the name of a file without the ending of the format."""
        for ending in sorted(self.endings, key=len, reverse=True):
            if path.name.lower().endswith(ending):
                return path.name[: -len(ending)]
        return path.stem


_HERE = "napari_annotate_jobs.formats."

IMPORT_FORMATS: dict[str, ImportFormat] = {
    row.name: row
    for row in (
        ImportFormat(
            "nifti",
            "NIfTI label volumes",
            _HERE + "volumes._read_nifti:read_nifti_labels",
            "volumes of label values, as nnU-Net, MONAI, BIDS and ITK-SNAP write them",
            (".nii.gz", ".nii"),
            by_name=True,
            images=("imagesTr", "imagesTs"),
            whole=True,
        ),
        ImportFormat(
            "nrrd",
            "NRRD and .seg.nrrd",
            _HERE + "volumes._read_nrrd:read_nrrd_labels",
            "segmentations of 3D Slicer, overlap too, and plain label volumes",
            (".seg.nrrd", ".nrrd", ".nhdr"),
            by_name=True,
            whole=True,
        ),
        ImportFormat(
            "dicom-seg",
            "DICOM SEG",
            _HERE + "dicom._read_seg:read_seg",
            "segmentations, binary or label map, overlap too",
            ("",),
            passes=_HERE + "dicom._kind:may_be_seg",
        ),
        ImportFormat(
            "rtstruct",
            "RTSTRUCT",
            _HERE + "dicom._read_rtstruct:read_rtstruct",
            "outlines of structure sets, holes and islands kept",
            ("",),
            uids=_HERE + "dicom._read_rtstruct:rtstruct_series",
            passes=_HERE + "dicom._kind:may_be_rtstruct",
        ),
        ImportFormat(
            "coco",
            "COCO",
            _HERE + "planes._read_coco:read_coco",
            "boxes, polygons and masks; results with scores come as predicted",
        ),
        ImportFormat(
            "yolo",
            "YOLO",
            _HERE + "planes._read_yolo:read_yolo",
            "boxes and segments, one text file a picture",
        ),
        ImportFormat(
            "voc",
            "Pascal VOC",
            _HERE + "planes._read_voc:read_voc",
            "boxes, one XML file a picture",
        ),
        ImportFormat(
            "cvat",
            "CVAT for images",
            _HERE + "planes._read_cvat:read_cvat",
            "boxes, polygons, masks and tags of one XML file",
        ),
        ImportFormat(
            "labelme",
            "LabelMe",
            _HERE + "planes._read_labelme:read_labelme",
            "boxes, polygons and masks, one JSON file a picture",
        ),
        ImportFormat(
            "label-csv",
            "label.csv",
            _HERE + "planes._read_label_csv:read_label_csv",
            "classes or boxes by path, without a head line, in its four forms",
        ),
        ImportFormat(
            "class-folders",
            "Class folders",
            _HERE + "planes._read_label_csv:read_class_folders",
            "a folder of pictures for each class",
        ),
        ImportFormat(
            "csv",
            "Tables (CSV)",
            _HERE + "_read_tables:read_tables",
            "classes, decisions and boxes of slices.csv and boxes.csv",
        ),
        ImportFormat(
            "parquet",
            "Tables (Parquet)",
            _HERE + "_read_tables:read_parquet_tables",
            "the same of slices.parquet and boxes.parquet",
        ),
    )
}
"""By name."""


def import_format(name: str) -> ImportFormat:
    """Return the row of a format.

    Raises
    ------
    InvalidValueError
        If there is none of this name.
    """
    row = IMPORT_FORMATS.get(name)
    if row is None:
        raise InvalidValueError(
            f"annotations cannot come in as {name!r}",
            remedy=f"Choose one of {', '.join(IMPORT_FORMATS)}",
        )
    return row
