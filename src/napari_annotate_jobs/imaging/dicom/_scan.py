"""Read what sorts and places a DICOM file's slices, from its header alone."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._quiet import BoundedFile, quiet
from napari_annotate_jobs.imaging._types import FileRef

from ._record import DEFLATED, LONG_VRS, NATIVE, SHORT_VRS, Record
from ._walk import walk_file

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "check_inflated",
    "frame_bits",
    "looks_like_dicom",
    "read_dataset",
    "reason",
    "scan_file",
    "uid_name",
]

_MOST_INFLATED = 1 << 30


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a DICOM file.

    Parameters
    ----------
    head : bytes
        At least the first 132 bytes, where the file has so many.

    Returns
    -------
    bool
        True with the prefix of PS3.10, or, for files without preamble, when
        they start with an element of group 2 or 8.
    """
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16:
        return False
    for order in ("<", ">"):
        group, element = struct.unpack_from(order + "HH", head)
        if group not in (0x0002, 0x0008) or element > 0x3000:
            continue
        if head[4:6] in SHORT_VRS or head[4:6] in LONG_VRS:
            return True
        if order == "<" and struct.unpack_from("<I", head, 4)[0] <= 256:
            return True
    return False


def scan_file(path: str | os.PathLike[str]) -> Record:
    """Read the header of one DICOM file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    Record
        Its values.

    Raises
    ------
    UnreadableImageError
        If it is not a DICOM file, is damaged, or its pixels are cut off.
    UnsupportedImageError
        If it is an intact DICOM file that holds no image.
    """
    path = Path(path)
    try:
        with open(path, "rb", buffering=0) as handle:
            stat = os.fstat(handle.fileno())
            file = FileRef(path, stat.st_size, stat.st_mtime_ns)
            record = walk_file(handle, file) or _scan_slowly(file)
    except OSError as error:
        raise UnreadableImageError(
            f"cannot be read ({error.strerror or error})",
            where=path,
            remedy="Check that the file is there and that you may read it",
        ) from error
    _check_size(record)
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


def check_inflated(path: Path) -> None:
    """Refuse a deflated file that would take more than 1 GiB.

    pydicom inflates such a file as a whole, whatever comes out of it.

    Raises
    ------
    UnreadableImageError
        If it inflates to more, or cannot be inflated.
    """
    with open(path, "rb") as handle:
        head = handle.read(1024)
        if DEFLATED.encode() not in head or head[128:132] != b"DICM":
            return
        # the first element of the meta header is its length, in 4 bytes
        handle.seek(144 + int.from_bytes(head[140:144], "little"))
        unpack, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        try:
            while chunk := handle.read(1 << 16):
                while chunk and size <= _MOST_INFLATED:
                    size += len(unpack.decompress(chunk, 1 << 22))
                    chunk = unpack.unconsumed_tail
        except zlib.error as error:
            raise UnreadableImageError(
                f"cannot be inflated ({error})",
                where=path,
                remedy="Copy or export the file again",
            ) from error
    if size > _MOST_INFLATED:
        raise UnreadableImageError(
            f"inflates to more than {_MOST_INFLATED} bytes",
            where=path,
            remedy="Export it with another transfer syntax",
        )


def reason(error: BaseException) -> str:
    """Return an error's text in one line of at most 160 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."


def uid_name(uid: str) -> str:
    """Return what the standard calls a UID, or the UID itself."""
    from pydicom.uid import UID

    with quiet():
        return str(UID(uid).name)


def _scan_slowly(file: FileRef) -> Record:
    from ._scan_pydicom import scan_with_pydicom

    return scan_with_pydicom(file)


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
