"""The slow and sure way to a DICOM file's header: pydicom."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import UnreadableImageError, UnsupportedImageError
from napari_annotate_jobs.imaging._quiet import BoundedFile, quiet

from ._doubt import check_inflated, looks_like_dicom, reason, uid_name
from ._record import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    LONG_VRS,
    PIXELS,
    UNDEFINED,
    WANTED,
    Record,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from napari_annotate_jobs.imaging._types import FileRef

__all__ = ["scan_with_pydicom"]


def scan_with_pydicom(file: FileRef) -> Record:
    """Read a header with pydicom; see :func:`scan_file` for the errors."""
    with open(file.path, "rb") as handle:
        head = handle.read(132)
    if not looks_like_dicom(head):
        raise UnreadableImageError(
            "is not a DICOM file",
            where=file.path,
            remedy="Leave it out, or choose a file of a supported format",
        )
    dataset, offset, length, element = _parse(file.path)
    values: dict[str, Any] = {}
    for name, (tag, kind) in WANTED.items():
        value = _value(dataset, tag, kind, file.path)
        if value is not None:
            values[name] = value
    if not element:
        raise UnsupportedImageError(
            f"is a DICOM {_class_name(dataset)} without pixel data",
            where=file.path,
            remedy="Choose the images themselves",
        )
    syntax = _syntax(dataset)
    fragments = _behind_table(file.path, offset) if length < 0 else 0
    return Record(file, values, syntax, element, offset, length, dataset, fragments)


def _behind_table(path: Path, offset: int) -> int:
    with open(path, "rb") as handle:
        handle.seek(offset)
        head = handle.read(8)
    if head[:4] != b"\xfe\xff\x00\xe0" or len(head) < 8:
        raise UnreadableImageError(
            "its compressed pixel data does not start with an offset table",
            where=path,
            remedy="Copy or export the file again",
        )
    return offset + 8 + int(struct.unpack_from("<I", head, 4)[0])


def _parse(path: Path) -> tuple[Dataset, int, int, str]:
    """Return the header and where the pixel data's value starts."""
    from pydicom.filereader import read_partial

    place: list[tuple[int, str, int]] = []

    def at_pixels(tag: int, vr: str | None, length: int) -> bool:
        if int(tag) in PIXELS:
            place.append((int(tag), vr or "", length))
            return True
        return False

    check_inflated(path)
    try:
        with BoundedFile(path) as handle, quiet():
            dataset: Dataset = read_partial(handle, at_pixels, force=True)
            # pydicom leaves the file at the start of the element it stopped at
            here = handle.tell()
    except Exception as error:
        raise UnreadableImageError(
            f"is not a readable DICOM file ({reason(error)})",
            where=path,
            remedy="Export the image again, or leave the file out",
        ) from error
    if not place:
        return dataset, 0, 0, ""
    tag, vr, length = place[0]
    implicit, _ = dataset.original_encoding
    long_head = not implicit and vr.encode() in LONG_VRS
    start = here + (12 if long_head else 8)
    length = -1 if length == UNDEFINED else length
    return dataset, start, length, PIXELS[tag]


def _syntax(dataset: Dataset) -> str:
    """Return the transfer syntax; what the encoding shows where none is named."""
    meta = getattr(dataset, "file_meta", None)
    syntax = str(getattr(meta, "TransferSyntaxUID", "") or "")
    if syntax:
        return syntax
    implicit, little = dataset.original_encoding
    if implicit:
        return IMPLICIT
    return EXPLICIT if little else BIG_ENDIAN


def _class_name(dataset: Dataset) -> str:
    try:
        uid = str(dataset.get("SOPClassUID") or "")
    except Exception:
        uid = ""
    name = uid_name(uid) if uid else ""
    return name if name != uid else "file"


def _value(dataset: Dataset, tag: int, kind: str, path: Path) -> Any:
    if tag not in dataset:
        return None
    if kind == "t":
        return True
    try:
        with quiet():
            return _plain(dataset[tag].value, kind)
    except Exception as error:
        if tag >> 16 != 0x0028 and tag != 0x00200032:
            # damage in what merely describes an image does not make it useless
            return None
        from pydicom.datadict import keyword_for_tag

        raise UnreadableImageError(
            f"its {keyword_for_tag(tag)} is damaged ({reason(error)})",
            where=path,
            remedy="Export the image again, or leave the file out",
        ) from error


def _plain(value: Any, kind: str) -> Any:
    if value is None or value == "" or value == b"":
        return None
    if kind == "b":
        return bytes(value)
    several = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
    items = list(value) if several else [value]
    if not items:
        return None
    if kind == "m":
        return tuple(str(item).strip() for item in items)
    if kind == "f":
        numbers = tuple(float(item) for item in items)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("not a finite number")
        return numbers
    if kind == "s":
        return "\\".join(str(i) for i in items).strip("\0 ") or None
    first = items[0]
    if kind == "d":
        if isinstance(first, bytes):
            return float(struct.unpack("<d", first[:8])[0])
        return float(first)
    if isinstance(first, bytes):
        raise ValueError("an unknown value representation")
    return int(first)
