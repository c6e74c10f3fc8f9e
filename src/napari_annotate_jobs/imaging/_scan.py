"""Read what sorts and places a DICOM file's slices, from its header alone.

pydicom is the parser of record. Uncompromising files, little endian and in
ascending tag order, are walked by a short loop that knows only the encoding
of PS3.5 section 7 and picks the elements of `WANTED`; on anything it does not
expect it hands over to pydicom. Tests prove that both give the same values.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from napari_annotate_jobs.errors import (
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._types import FileRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

__all__ = ["Record", "looks_like_dicom", "read_dataset", "scan_file"]

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

# name -> (tag, kind): s text, f decimal numbers, i integer string, u unsigned
# short, t whether the element is there at all
WANTED: dict[str, tuple[int, str]] = {
    "ImageType": (0x00080008, "m"),
    "SOPClassUID": (0x00080016, "s"),
    "SOPInstanceUID": (0x00080018, "s"),
    "AcquisitionTime": (0x00080032, "s"),
    "ContentTime": (0x00080033, "s"),
    "Modality": (0x00080060, "s"),
    "EchoTime": (0x00180081, "f"),
    "InversionTime": (0x00180082, "f"),
    "EchoNumbers": (0x00180086, "i"),
    "TriggerTime": (0x00181060, "f"),
    "ImagerPixelSpacing": (0x00181164, "f"),
    "NominalScannedPixelSpacing": (0x00182010, "f"),
    "DiffusionBValue": (0x00189087, "d"),
    "StudyInstanceUID": (0x0020000D, "s"),
    "SeriesInstanceUID": (0x0020000E, "s"),
    "AcquisitionNumber": (0x00200012, "i"),
    "InstanceNumber": (0x00200013, "i"),
    "ImagePositionPatient": (0x00200032, "f"),
    "ImageOrientationPatient": (0x00200037, "f"),
    "FrameOfReferenceUID": (0x00200052, "s"),
    "TemporalPositionIdentifier": (0x00200100, "i"),
    "SamplesPerPixel": (0x00280002, "u"),
    "PhotometricInterpretation": (0x00280004, "s"),
    "PlanarConfiguration": (0x00280006, "u"),
    "NumberOfFrames": (0x00280008, "i"),
    "Rows": (0x00280010, "u"),
    "Columns": (0x00280011, "u"),
    "PixelSpacing": (0x00280030, "f"),
    "BitsAllocated": (0x00280100, "u"),
    "BitsStored": (0x00280101, "u"),
    "HighBit": (0x00280102, "u"),
    "PixelRepresentation": (0x00280103, "u"),
    "RescaleIntercept": (0x00281052, "f"),
    "RescaleSlope": (0x00281053, "f"),
    "ModalityLUTSequence": (0x00283000, "t"),
    "SharedFunctionalGroupsSequence": (0x52009229, "t"),
    "PerFrameFunctionalGroupsSequence": (0x52009230, "t"),
}
_PIXELS = {
    0x7FE00008: "FloatPixelData",
    0x7FE00009: "DoubleFloatPixelData",
    0x7FE00010: "PixelData",
}
_UNDEFINED = 0xFFFFFFFF
_FIRST_READ = 8192
_LAST_READ = 1 << 22


def _swapped(tag: int) -> int:
    """Return `tag` as one little-endian 32-bit read of (group, element) gives it."""
    return (tag & 0xFFFF) << 16 | tag >> 16


_BY_TAG = {_swapped(tag): (name, kind) for name, (tag, kind) in WANTED.items()}
_PIXEL_TAGS = {_swapped(tag): name for tag, name in _PIXELS.items()}
_LONG = frozenset(
    name.encode() for name in "OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
)
_SHORT = frozenset(
    name.encode()
    for name in "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
)
_SHORT_HEAD = struct.Struct("<I2sH").unpack_from
_LONG_LENGTH = struct.Struct("<I").unpack_from
_IMPLICIT_HEAD = struct.Struct("<II").unpack_from
_US = struct.Struct("<H").unpack_from
_FD = struct.Struct("<d").unpack_from


class _HandOver(Exception):
    """Something the short loop does not expect; pydicom is to read the file."""


class _NeedMore(Exception):
    """The header goes on behind the bytes read so far."""


class Record:
    """What the header of one DICOM file says, or why it cannot be used.

    Parameters
    ----------
    file : FileRef
        The file.
    values : dict
        By the names of `WANTED`; what is absent or empty is not in it.
    transfer_syntax : str
        Transfer Syntax UID.
    element : str
        Which pixel data element there is.
    offset, length : int
        Where its value is; a length of -1 means undefined (encapsulated).
    fragments : int
        Where the first item of compressed data is, behind the offset table.
    dataset : pydicom.Dataset, optional
        The whole header without pixels, where pydicom read it.
    """

    __slots__ = (
        "dataset",
        "element",
        "file",
        "fragments",
        "length",
        "offset",
        "transfer_syntax",
        "values",
    )

    def __init__(
        self,
        file: FileRef,
        values: dict[str, Any],
        transfer_syntax: str,
        element: str,
        offset: int,
        length: int,
        dataset: Dataset | None = None,
        fragments: int = 0,
    ) -> None:
        self.file = file
        self.values = values
        self.transfer_syntax = transfer_syntax
        self.element = element
        self.offset = offset
        self.length = length
        self.dataset = dataset
        self.fragments = fragments


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
        if head[4:6] in _SHORT or head[4:6] in _LONG:
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
            record = _walk_file(handle, file) or _scan_slowly(file)
    except OSError as error:
        raise UnreadableImageError(
            f"cannot be read ({error.strerror or error})",
            where=path,
            remedy="Check that the file is there and that you may read it",
        ) from error
    _check_size(record)
    return record


def _walk_file(handle: BinaryIO, file: FileRef) -> Record | None:
    size = _FIRST_READ
    data = handle.read(size)
    if data[128:132] != b"DICM":
        return None
    while True:
        try:
            return _walk(data, file)
        except _NeedMore:
            if len(data) >= min(file.size, _LAST_READ):
                return None
            size *= 8
            handle.seek(0)
            data = handle.read(size)
        except (_HandOver, struct.error, ValueError):
            return None


def _walk(data: bytes, file: FileRef) -> Record:
    syntax, pos = _walk_meta(data)
    explicit = syntax != IMPLICIT
    values: dict[str, Any] = {}
    last = 0
    end = len(data)
    while True:
        if pos + 12 > end:
            raise _NeedMore
        if explicit:
            tag, vr, length = _SHORT_HEAD(data, pos)
            if vr in _SHORT:
                start = pos + 8
            elif vr in _LONG:
                (length,) = _LONG_LENGTH(data, pos + 8)
                start = pos + 12
            else:
                raise _HandOver
        else:
            tag, length = _IMPLICIT_HEAD(data, pos)
            start = pos + 8
            vr = b""
        order = (tag & 0xFFFF) << 16 | tag >> 16
        if order <= last:
            raise _HandOver
        last = order
        element = _PIXEL_TAGS.get(tag)
        if element is not None:
            return _finish(data, file, values, syntax, element, start, length)
        if order > 0x7FE00010:
            raise _HandOver
        wanted = _BY_TAG.get(tag)
        if length == _UNDEFINED:
            if wanted is not None and wanted[1] == "t":
                values[wanted[0]] = True
            if vr not in (b"SQ", b""):
                raise _HandOver
            pos = _skip_items(data, start, explicit, 0)
            continue
        pos = start + length
        if wanted is not None and length:
            if pos > end:
                raise _NeedMore
            name, kind = wanted
            value = _CONVERT[kind](data[start:pos])
            if value is not None:
                values[name] = value


def _walk_meta(data: bytes) -> tuple[str, int]:
    """Read the meta header; return the transfer syntax and where it ends."""
    pos, syntax = 132, ""
    while True:
        if pos + 12 > len(data):
            raise _NeedMore
        tag, vr, length = _SHORT_HEAD(data, pos)
        if tag & 0xFFFF != 2:
            break
        if vr in _SHORT:
            start = pos + 8
        elif vr in _LONG:
            (length,) = _LONG_LENGTH(data, pos + 8)
            start = pos + 12
        else:
            raise _HandOver
        if tag >> 16 == 0x0010:
            syntax = data[start : start + length].rstrip(b"\0 ").decode("ascii")
        pos = start + length
    if not syntax or syntax in (BIG_ENDIAN, DEFLATED):
        raise _HandOver
    return syntax, pos


def _skip_items(data: bytes, pos: int, explicit: bool, depth: int) -> int:
    """Return the place behind a sequence of undefined length."""
    if depth > 16:
        raise _HandOver
    while True:
        if pos + 8 > len(data):
            raise _NeedMore
        tag, length = _IMPLICIT_HEAD(data, pos)
        pos += 8
        if tag == 0xE0DDFFFE:
            return pos
        if tag != 0xE000FFFE:
            raise _HandOver
        if length != _UNDEFINED:
            pos += length
            continue
        pos = _skip_elements(data, pos, explicit, depth)


def _skip_elements(data: bytes, pos: int, explicit: bool, depth: int) -> int:
    """Return the place behind an item of undefined length."""
    while True:
        if pos + 12 > len(data):
            raise _NeedMore
        tag, length = _IMPLICIT_HEAD(data, pos)
        if tag == 0xE00DFFFE:
            return pos + 8
        head, vr = 8, b""
        if explicit:
            _, vr, length = _SHORT_HEAD(data, pos)
            if vr in _LONG:
                (length,) = _LONG_LENGTH(data, pos + 8)
                head = 12
            elif vr not in _SHORT:
                raise _HandOver
        if length != _UNDEFINED:
            pos += head + length
        elif vr in (b"SQ", b""):
            pos = _skip_items(data, pos + head, explicit, depth + 1)
        else:
            raise _HandOver


def _finish(
    data: bytes,
    file: FileRef,
    values: dict[str, Any],
    syntax: str,
    element: str,
    start: int,
    length: int,
) -> Record:
    if length != _UNDEFINED:
        return Record(file, values, syntax, element, start, length)
    if start + 8 > len(data):
        raise _NeedMore
    tag, table = _IMPLICIT_HEAD(data, start)
    if tag != 0xE000FFFE:
        raise _HandOver
    behind = start + 8 + table
    return Record(file, values, syntax, element, start, -1, fragments=behind)


def _text(raw: bytes) -> str | None:
    return raw.rstrip(b"\0 ").lstrip(b" ").decode("ascii") or None


def _floats(raw: bytes) -> tuple[float, ...] | None:
    text = raw.strip(b"\0 ")
    if not text:
        return None
    numbers = tuple(map(float, text.split(b"\\")))
    if not all(map(math.isfinite, numbers)):
        raise _HandOver
    return numbers


def _integer(raw: bytes) -> int | None:
    text = raw.strip(b"\0 ")
    if not text:
        return None
    return int(text.split(b"\\")[0])


def _multi(raw: bytes) -> tuple[str, ...] | None:
    text = _text(raw)
    return None if text is None else tuple(p.strip() for p in text.split("\\"))


_CONVERT: dict[str, Callable[[bytes], Any]] = {
    "s": _text,
    "m": _multi,
    "f": _floats,
    "i": _integer,
    "u": lambda raw: int(_US(raw)[0]),
    "d": lambda raw: float(_FD(raw)[0]),
    "t": lambda raw: True,
}


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

    try:
        with quiet():
            dataset = pydicom.dcmread(
                path, stop_before_pixels=not pixels, force=True, defer_size=None
            )
            # a damaged element shows itself only when it is looked at
            len(dataset)
        return dataset
    except Exception as error:
        raise UnreadableImageError(
            f"is not a readable DICOM file ({_reason(error)})",
            where=path,
            remedy="Export the image again, or leave the file out",
        ) from error


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "..."


def _scan_slowly(file: FileRef) -> Record:
    from napari_annotate_jobs.imaging._scan_pydicom import scan_with_pydicom

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
    if record.length < 0 or record.transfer_syntax == DEFLATED:
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
