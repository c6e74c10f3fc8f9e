"""The functional groups of enhanced files, by a short loop or by pydicom.

Such a file describes thousands of frames in nested sequences, of which little is
needed. The loop knows the encoding of PS3.5 section 7.5, little endian; on anything
it does not expect pydicom reads them, and tests prove that both give the same.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from ._record import IMPLICIT, LONG_VRS, SHORT_VRS, UNDEFINED
from ._walk_file import skip_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataset import Dataset

    from ._record import Record

__all__ = ["Group", "groups_of", "quick_groups"]

Group = dict[str, Any]
"""Values by keyword: tuples of float, whole numbers, text, tuples of text."""

_SHARED, _OWN = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"

# sequence -> element -> kind: f decimal numbers, d doubles, u and l whole numbers,
# s text, m several texts
_WANTED: dict[str, dict[str, str]] = {
    "PixelValueTransformationSequence": {"RescaleSlope": "f", "RescaleIntercept": "f"},
    "PixelMeasuresSequence": {"PixelSpacing": "f"},
    "PlanePositionSequence": {"ImagePositionPatient": "f"},
    "PlaneOrientationSequence": {"ImageOrientationPatient": "f"},
    "FrameContentSequence": {
        "StackID": "s",
        "TemporalPositionIndex": "l",
        "FrameAcquisitionNumber": "u",
    },
    "MREchoSequence": {"EffectiveEchoTime": "d"},
    "MRDiffusionSequence": {"DiffusionBValue": "d"},
    "MRImageFrameTypeSequence": {"FrameType": "m"},
    "CTImageFrameTypeSequence": {"FrameType": "m"},
    "SegmentIdentificationSequence": {"ReferencedSegmentNumber": "u"},
}


def _by_tag() -> dict[int, dict[int, tuple[str, str]]]:
    from pydicom.datadict import tag_for_keyword

    def tag(keyword: str) -> int:
        number = tag_for_keyword(keyword)
        assert number is not None
        return (number & 0xFFFF) << 16 | number >> 16  # as the loop reads it

    return {
        tag(name): {tag(key): (key, kind) for key, kind in elements.items()}
        for name, elements in _WANTED.items()
    }


_BY_TAG = _by_tag()
_SHORT_HEAD = struct.Struct("<I2sH").unpack_from
_LONG_LENGTH = struct.Struct("<I").unpack_from
_IMPLICIT_HEAD = struct.Struct("<II").unpack_from
_ITEM, _ITEM_END, _END = 0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE


def groups_of(
    record: Record, count: int, read: Callable[[], Dataset]
) -> tuple[list[Group], Group] | None:
    """Return each frame's own groups, and those that all share.

    Parameters
    ----------
    record : Record
        The file.
    count : int
        Its frames.
    read : callable
        Returns the whole header, where it is needed.

    Returns
    -------
    own : list of Group
        One a frame.
    shared : Group
        What is not in its own.

        None where the file has no groups for each of its frames.
    """
    if _OWN in record.groups:
        explicit = record.transfer_syntax != IMPLICIT
        try:
            own = quick_groups(record.groups[_OWN], explicit)
            common = quick_groups(record.groups.get(_SHARED, b""), explicit)
        except (ValueError, IndexError, struct.error):
            own = []
        if own:
            record.groups.clear()
            return None if len(own) != count else (own, common[0] if common else {})
    dataset = read()
    items = dataset.get(_OWN)
    if items is None or len(items) != count:
        return None
    shared = dataset.get(_SHARED)
    return [_group(item) for item in items], _group(shared[0]) if shared else {}


def quick_groups(data: bytes, explicit: bool) -> list[Group]:
    """Read the items of a sequence of functional groups.

    Parameters
    ----------
    data : bytes
        Its value.
    explicit : bool
        Whether elements carry their value representation.

    Raises
    ------
    ValueError, IndexError, struct.error
        On anything that is not expected.
    """
    groups: list[Group] = []
    for start, end in _items(data, 0, len(data), explicit):
        group: Group = {}
        for tag, first, last in _elements(data, start, end, explicit):
            wanted = _BY_TAG.get(tag)
            if wanted is None:
                continue
            for inner in _items(data, first, last, explicit):
                for key, a, b in _elements(data, *inner, explicit):
                    if key in wanted:
                        name, kind = wanted[key]
                        value = _CONVERT[kind](data[a:b])
                        if value is not None:
                            group[name] = value
                break  # one item is all there may be
        groups.append(group)
    return groups


def _items(
    data: bytes, pos: int, end: int, explicit: bool
) -> Iterator[tuple[int, int]]:
    """Give where each item's content starts and ends."""
    while pos + 8 <= end:
        tag, length = _IMPLICIT_HEAD(data, pos)
        pos += 8
        if tag == _END:
            return
        if tag != _ITEM:
            raise ValueError("no item where one should be")
        start = pos
        if length != UNDEFINED:
            pos += length
            if pos > end:
                raise ValueError("an item is cut off")
            yield start, pos
            continue
        for _, _, behind in _elements(data, start, end, explicit):
            pos = behind
        if _IMPLICIT_HEAD(data, pos)[0] != _ITEM_END:
            raise ValueError("an item does not end")
        yield start, pos
        pos += 8


def _elements(
    data: bytes, pos: int, end: int, explicit: bool
) -> Iterator[tuple[int, int, int]]:
    """Give the tag of each element, and where its value starts and ends."""
    while pos + 8 <= end:
        tag, length = _IMPLICIT_HEAD(data, pos)
        if tag == _ITEM_END:
            return
        start, vr = pos + 8, b""
        if explicit:
            _, vr, length = _SHORT_HEAD(data, pos)
            if vr in LONG_VRS:
                (length,) = _LONG_LENGTH(data, pos + 8)
                start = pos + 12
            elif vr not in SHORT_VRS:
                raise ValueError("an unknown value representation")
        if length == UNDEFINED:
            if vr not in (b"SQ", b""):
                raise ValueError("an undefined length")
            pos = skip_items(data, start, explicit, 0)
        else:
            pos = start + length
        if pos > end:
            raise ValueError("an element is cut off")
        yield tag, start, pos


def _floats(raw: bytes) -> tuple[float, ...] | None:
    text = raw.strip(b"\0 ")
    if not text:
        return None
    numbers = tuple(map(float, text.split(b"\\")))
    if not all(map(math.isfinite, numbers)):
        raise ValueError("not a finite number")
    return numbers


def _doubles(raw: bytes) -> tuple[float, ...] | None:
    return struct.unpack(f"<{len(raw) // 8}d", raw) if raw else None


def _whole(raw: bytes) -> int | None:
    return int.from_bytes(raw, "little") if len(raw) in (2, 4) else None


def _text(raw: bytes) -> str | None:
    return raw.strip(b"\0 ").decode("ascii") or None


def _texts(raw: bytes) -> tuple[str, ...] | None:
    text = _text(raw)
    return None if text is None else tuple(p.strip() for p in text.split("\\"))


_CONVERT: dict[str, Callable[[bytes], Any]] = {
    "f": _floats,
    "d": _doubles,
    "u": _whole,
    "l": _whole,
    "s": _text,
    "m": _texts,
}


def _group(item: Dataset) -> Group:
    """Read the same with pydicom."""
    group: Group = {}
    for name, elements in _WANTED.items():
        sequence = item.get(name)
        if not sequence:
            continue
        for key, kind in elements.items():
            value = sequence[0].get(key)
            if value is None or value == "":
                continue
            several = hasattr(value, "__iter__") and not isinstance(value, str)
            items = list(value) if several else [value]
            if not items:
                continue
            if kind in "fd":
                group[key] = tuple(float(v) for v in items)
            elif kind == "m":
                group[key] = tuple(str(v).strip() for v in items)
            else:
                group[key] = int(items[0]) if kind in "ul" else str(value).strip()
    return group
