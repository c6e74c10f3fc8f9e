"""The formats of images, one row each: how files are known, and what opens them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError, UnreadableImageError
from napari_annotate_jobs.imaging.dicom._doubt import looks_like_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from ._header import SeriesHeader
    from ._reading import Reader

__all__ = [
    "DICOM",
    "IMAGE_FORMATS",
    "NIFTI",
    "ImageFormat",
    "format_by_name",
    "format_named",
    "format_of",
]


@dataclass(frozen=True)
class ImageFormat:
    """A row of the table of formats.

    Parameters
    ----------
    name : str
        As headers name it.
    titles : tuple of str
        What people call its files.
    endings : tuple of str
        What names of its files end with, in small letters.
    reader : str
        ``module:class`` of its :class:`Reader`, loaded when it is asked for.
    headers : str
        ``module:function`` that returns the headers of a file, given with the folder
        that is searched. Empty where only several files together are a series.
    """

    name: str
    titles: tuple[str, ...]
    endings: tuple[str, ...]
    reader: str
    headers: str = ""

    def has_ending(self, path: Path) -> bool:
        """Whether a file is called as those of this format."""
        return path.name.lower().endswith(self.endings)

    def headers_of(self, path: Path, root: Path) -> list[SeriesHeader]:
        """Return the headers of a file that is a series by itself."""
        found: list[SeriesHeader] = _load(self.headers)(path, root)
        return found

    def reader_of(self, header: SeriesHeader) -> Reader:
        """Return what reads the slices of a series."""
        reader: Reader = _load(self.reader)(header)
        return reader


_HERE = "napari_annotate_jobs.imaging."

DICOM = ImageFormat(
    "dicom",
    ("DICOM",),
    (".dcm", ".dic", ".dicom", ".ima"),
    _HERE + "dicom._pixels:DicomReader",
)
NIFTI = ImageFormat(
    "nifti",
    ("NIfTI",),
    (".nii", ".nii.gz", ".img", ".img.gz", ".hdr", ".hdr.gz"),
    _HERE + "grids._nifti:NiftiReader",
    _HERE + "grids._nifti:nifti_headers",
)
IMAGE_FORMATS = (
    DICOM,
    NIFTI,
    ImageFormat(
        "raster",
        ("PNG", "JPEG", "TIFF"),
        (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".gif", ".webp"),
        _HERE + "raster._raster:RasterReader",
        _HERE + "raster._raster:raster_headers",
    ),
    ImageFormat(
        "itk",
        ("NRRD", "MHA"),
        (".nrrd", ".nhdr", ".mha", ".mhd"),
        _HERE + "grids._itk:ItkReader",
        _HERE + "grids._itk:itk_headers",
    ),
)
_ENDINGS = tuple(ending for row in IMAGE_FORMATS for ending in row.endings)


def _load(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


def format_named(name: str) -> ImageFormat:
    """Return a format by the name that headers give it.

    Raises
    ------
    InvalidValueError
        If there is none of that name.
    """
    for row in IMAGE_FORMATS:
        if row.name == name:
            return row
    raise InvalidValueError(f"no reader of {name!r} images")


def format_of(path: Path) -> ImageFormat | None:
    """Return the format of a file, by its name, else by its first bytes.

    Raises
    ------
    UnreadableImageError
        If it has to be looked into and cannot be.
    """
    named = format_by_name(path)
    if named is not None:
        return named
    try:
        with open(path, "rb") as handle:
            head = handle.read(132)
    except OSError as error:
        raise UnreadableImageError(
            f"cannot be read ({error.strerror or error})",
            where=path,
            remedy="Check that the file is there and that you may read it",
        ) from error
    return DICOM if looks_like_dicom(head) else None


def format_by_name(path: Path) -> ImageFormat | None:
    """Return the format of a file that is named like those of one; else None."""
    # a folder may hold thousands of files without an ending
    name = path.name.lower()
    if name.endswith(_ENDINGS):
        for row in IMAGE_FORMATS:
            if name.endswith(row.endings) and (row is not NIFTI or _has_header(path)):
                return row
    return None


def _has_header(path: Path) -> bool:
    """Whether its header is there: an .img without one is no Analyze pair."""
    name = path.name.lower()
    if ".img" in name:
        path = path.with_name(path.name[: name.rindex(".img")] + ".hdr")
    return path.is_file() or path.with_name(path.name + ".gz").is_file()
