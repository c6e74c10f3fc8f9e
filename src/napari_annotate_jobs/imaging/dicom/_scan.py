"""Read what sorts and places a DICOM file's slices, from its header alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._quiet import BoundedFile, quiet
from napari_annotate_jobs.imaging._types import FileRef

from ._alike import HeaderWalker
from ._doubt import check_inflated, looks_like_dicom, reason
from ._record import DEFLATED, NATIVE, Record
from ._scan_pydicom import scan_with_pydicom
from ._walk_file import FIRST_READ

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Scanner", "frame_bits", "read_dataset", "scan_file"]

_READ_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0)


class Scanner:
    """Reads the headers of many DICOM files, one after the other.

    What a file has in common with one before is not read again.
    """

    def __init__(self) -> None:
        self._walker = HeaderWalker()

    def scan(self, path: Path, *, doubted: bool = False) -> Record | None:
        """Read the header of one DICOM file.

        Parameters
        ----------
        path : Path
            The file.
        doubted : bool
            Whether it may be no DICOM file.

        Returns
        -------
        Record or None
            Its values; None if it is `doubted` and does not look like one.

        Raises
        ------
        UnreadableImageError
            If it is not a DICOM file, is damaged, or its pixels are cut off.
        UnsupportedImageError
            If it is an intact DICOM file that holds no image.
        """
        try:
            # not by `open`, which asks the system twice as much
            descriptor = os.open(path, _READ_ONLY)
            try:
                data = os.read(descriptor, FIRST_READ)
                if doubted and not looks_like_dicom(data[:132]):
                    return None
                stat = os.fstat(descriptor)
                file = FileRef(path, stat.st_size, stat.st_mtime_ns)
                record = self._walker.walk(descriptor, file, data)
            finally:
                os.close(descriptor)
            record = record or scan_with_pydicom(file)
        except OSError as error:
            raise UnreadableImageError(
                f"cannot be read ({error.strerror or error})",
                where=path,
                remedy="Check that the file is there and that you may read it",
            ) from error
        _check_size(record)
        return record


def scan_file(path: str | os.PathLike[str]) -> Record:
    """Read the header of one DICOM file; see :meth:`Scanner.scan`."""
    record = Scanner().scan(Path(path))
    assert record is not None
    return record


def read_dataset(path: Path, *, pixels: bool = False) -> Dataset:
    """Parse a file with pydicom, with its errors turned into ours.

    Parameters
    ----------
    path : Path
        A DICOM file, with or without preamble and meta header.
    pixels : bool
        Whether to read the pixel data as well.

    Raises
    ------
    UnreadableImageError
        If pydicom cannot read it.
    """
    import pydicom

    check_inflated(path)
    try:
        with BoundedFile(path) as handle, quiet():
            dataset = pydicom.dcmread(
                handle, stop_before_pixels=not pixels, force=True, defer_size=None
            )
            # a damaged element shows itself only when it is looked at
            len(dataset)
        return dataset
    except Exception as error:
        raise UnreadableImageError(
            f"is not a readable DICOM file ({reason(error)})",
            where=path,
            remedy="Export the image again, or leave the file out",
        ) from error


def _check_size(record: Record) -> None:
    """Compare what the header claims with the bytes that are there."""
    values, where = record.values, record.file.path
    rows, columns = values.get("Rows", 0), values.get("Columns", 0)
    if not rows or not columns:
        raise UnsupportedImageError(
            "is a DICOM file without an image",
            where=where,
            remedy="Choose the images themselves",
        )
    if record.transfer_syntax == DEFLATED:
        return
    packed = record.length < 0
    if packed == (record.transfer_syntax in NATIVE):
        raise UnreadableImageError(
            "its pixel data does not fit its transfer syntax "
            f"({record.transfer_syntax})",
            where=where,
            remedy="Export the image again",
        )
    if packed:
        return
    needed = frame_bits(values) * values.get("NumberOfFrames", 1) // 8
    there = min(record.length, record.file.size - record.offset)
    if there < needed:
        raise UnreadableImageError(
            f"its pixel data is cut off: {max(there, 0)} bytes of {needed}",
            where=where,
            remedy="Copy or export the file again",
        )


def frame_bits(values: dict[str, Any]) -> int:
    """Bits of one uncompressed frame."""
    samples = values.get("SamplesPerPixel", 1)
    bits: int = (
        values["Rows"] * values["Columns"] * samples * values.get("BitsAllocated", 0)
    )
    if values.get("PhotometricInterpretation") == "YBR_FULL_422":
        bits = bits // 3 * 2
    return bits
