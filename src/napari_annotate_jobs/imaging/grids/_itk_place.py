"""Where the voxels of a NRRD or MetaImage file lie, if its header proves it.

SimpleITK remains the reader of record: it says what the image is, and reads
whatever is unusual. Of the two formats' headers only those few fields count here
that could put the voxels elsewhere or in another form; any doubt gives None.

Its own streaming (SetExtractIndex), measured on 300 x 512 x 512, takes little memory
for MetaImage only, and for each slice of a packed one unpacks from the start (0.8 s);
of a NRRD file it reads everything for each slice (0.3 to 1 s, all of its memory).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from ._voxel_place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from napari_annotate_jobs.imaging._header import SeriesHeader

__all__ = ["itk_place"]

_LONGEST = 1 << 18

_NRRD_TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_META_TYPES = {
    "i1": "met_char",
    "u1": "met_uchar",
    "i2": "met_short",
    "u2": "met_ushort",
    "i4": "met_int",
    "u4": "met_uint",
    "i8": "met_long_long",
    "u8": "met_ulong_long",
    "f4": "met_float",
    "f8": "met_double",
}
_DOMAIN_KINDS = {"domain", "space", "time"}
_COLOUR_KINDS = {"vector", "rgb-color"}


class _Unusual(Exception):
    """Something that is left to SimpleITK."""


def itk_place(header: SeriesHeader) -> Place | None:
    """Find the voxels of a NRRD or MetaImage file.

    Parameters
    ----------
    header : SeriesHeader
        From :func:`itk_headers`.

    Returns
    -------
    Place, optional
        None if SimpleITK is to read the file as a whole.
    """
    path = header.files[0].path
    try:
        fields, end = _fields(path)
        nrrd = fields.pop("", "").startswith("nrrd000")
        found = (_nrrd if nrrd else _meta)(fields, header)
        dtype, sizes, packed, data = found
        where = path if data is None else path.parent / data
        if where != header.files[-1].path:
            raise _Unusual
        if data is None and not end:
            raise _Unusual
        place = Place(
            named=path,
            path=where,
            dtype=dtype,
            plane=_plane(header),
            count=int(np.prod(sizes[2:], dtype=object)) if len(sizes) > 2 else 1,
            offset=end if data is None else 0,
            packed=packed,
        )
        size = where.stat().st_size
    except (_Unusual, OSError, ValueError, KeyError):
        return None
    last = max(frame.frame for frame in header.frames)
    if tuple(sizes[:2]) != place.plane[1::-1] or last >= place.count:
        return None
    if not packed and place.offset + place.count * place.plane_bytes > size:
        return None
    return place


_Found = tuple[np.dtype[Any], list[int], bool, str | None]


def _plane(header: SeriesHeader) -> tuple[int, ...]:
    """Shape of the file's planes, (j, i[, channel])."""
    rows, columns = header.shape[1:3]
    along_j = header.layout is None or header.layout[0] == 1
    sides = (rows, columns) if along_j else (columns, rows)
    return (*sides, *header.shape[3:])


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Return the header's fields, all in lower case, and where the data begins.

    The first line of a NRRD file goes by the name of ``""``; a file's name keeps
    its case.
    """
    with open(path, "rb") as handle:
        head = handle.read(_LONGEST)
    nrrd = head.startswith(b"NRRD000")
    if nrrd:  # a blank line stands before the voxels
        end = _behind(head, b"\n\n", 0)
    else:  # the line that names their file does
        end = _behind(head, b"\n", head.find(b"\nElementDataFile") + 1)
    if not end and len(head) == _LONGEST:
        raise _Unusual
    text = head[:end] if end else head
    if b"\r" in text:
        raise _Unusual
    fields: dict[str, str] = {}
    for line in text.decode("ascii").split("\n"):
        if nrrd and not fields:
            fields[""] = line.lower()
            continue
        if not line or (nrrd and (line.startswith("#") or ":=" in line)):
            continue
        name, sign, value = line.partition(":" if nrrd else "=")
        name = name.strip().lower()
        # MetaImage takes a colon for the sign as well
        if not sign or name in fields or (not nrrd and set(name) & set(": \t")):
            raise _Unusual
        value = value.strip()
        is_file = name in ("data file", "datafile", "elementdatafile")
        fields[name] = value if is_file else value.lower()
    return fields, end


def _behind(head: bytes, what: bytes, start: int) -> int:
    """Return the place behind `what`, 0 if it is not there."""
    at = head.find(what, start)
    return at + len(what) if at >= 0 else 0


def _dtype(
    name: str, types: dict[str, str], header: SeriesHeader, big: bool
) -> np.dtype[Any]:
    """Return the stored type; it must be the one SimpleITK found."""
    code = header.dtype.str[1:]
    if name not in types[code].split("|"):
        raise _Unusual
    return np.dtype((">" if big else "<") + code)


def _nrrd(fields: dict[str, str], header: SeriesHeader) -> _Found:
    """Fields of the format: teem.sourceforge.net/nrrd/format.html."""
    for name in ("byte skip", "byteskip", "line skip", "lineskip"):
        if fields.get(name, "0") != "0":
            raise _Unusual
    endian = fields.get("endian", "little" if header.dtype.itemsize == 1 else "")
    packed = {"raw": False, "gzip": True, "gz": True}[fields["encoding"]]
    sizes = [int(n) for n in fields["sizes"].split()]
    kinds = fields["kinds"].split() if "kinds" in fields else ["domain"] * len(sizes)
    if header.shape[3:]:
        if kinds[0] not in _COLOUR_KINDS or sizes[0] != header.shape[3]:
            raise _Unusual
        sizes, kinds = sizes[1:], kinds[1:]
    if len(kinds) != len(sizes) or set(kinds) - _DOMAIN_KINDS or len(sizes) < 2:
        raise _Unusual
    if endian not in ("big", "little"):
        raise _Unusual
    if "data file" in fields and "datafile" in fields:
        raise _Unusual
    data = fields.get("data file", fields.get("datafile"))
    dtype = _dtype(fields["type"], _NRRD_TYPES, header, endian == "big")
    return dtype, sizes, packed, data


def _meta(fields: dict[str, str], header: SeriesHeader) -> _Found:
    """Fields of the format: itk.org/Wiki/MetaIO/Documentation."""
    unusual = {
        "headersize",
        "headersizeperslice",
        "elementtointensityfunctionslope",
        "elementtointensityfunctionoffset",
        "elementbyteordermsb" if "binarydatabyteordermsb" in fields else "",
    }
    if unusual & set(fields) or fields["objecttype"] != "image":
        raise _Unusual
    if fields["binarydata"] != "true":
        raise _Unusual
    order = fields.get("binarydatabyteordermsb", fields.get("elementbyteordermsb"))
    if order is None:
        order = str(sys.byteorder == "big").lower()
    flags = {"true": True, "false": False}
    # CompressedDataSize does not count: the stream knows its end and proves itself,
    # while SimpleITK shows anything, without an error, where that size is wrong
    packed = flags[fields.get("compresseddata", "false")]
    if int(fields.get("elementnumberofchannels", "1")) != (*header.shape, 1)[3]:
        raise _Unusual
    sizes = [int(n) for n in fields["dimsize"].split()]
    if len(sizes) != int(fields["ndims"]) or len(sizes) < 2:
        raise _Unusual
    data = None if fields["elementdatafile"] == "LOCAL" else fields["elementdatafile"]
    dtype = _dtype(fields["elementtype"], _META_TYPES, header, flags[order])
    return dtype, sizes, packed, data
