"""Headers that are compared with earlier ones give what a walk of each gives."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_annotate_jobs.imaging._types import FileRef
from napari_annotate_jobs.imaging.dicom import _alike
from napari_annotate_jobs.imaging.dicom._alike import HeaderWalker
from napari_annotate_jobs.imaging.dicom._record import (
    EXPLICIT,
    IMPLICIT,
    LONG_VRS,
    Record,
)
from napari_annotate_jobs.imaging.dicom._walk_file import FIRST_READ, walk_file

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Path]
    Element = tuple[int, bytes, bytes, int | None]
    """Tag, type, value, and a length that is claimed instead of the true one."""

_OPEN = 0xFFFFFFFF
_FILLER = b"*"
"""Stands for more than is read of a file at first."""
_SEQUENCE = b"\xfe\xff\x00\xe0\x04\x00\x00\x00abcd" + b"\xfe\xff\xdd\xe0" + bytes(4)
_JPEG2000 = b"1.2.840.10008.1.2.4.90"
_META: list[Element] = [
    (0x00020000, b"UL", b"\xc0\0\0\0", None),
    (0x00020001, b"OB", b"\0\1", None),
    (0x00020003, b"UI", b"1.2.3.1\0", None),
    (0x00020010, b"UI", EXPLICIT.encode() + b"\0", None),
]
_BODY: list[Element] = [
    (0x00080008, b"CS", b"ORIGINAL\\PRIMARY\\AXIAL ", None),
    (0x00080018, b"UI", b"1.2.3.1\0", None),
    (0x00080032, b"TM", b"101112", None),
    (0x00081140, b"SQ", _SEQUENCE, _OPEN),
    (0x00091001, b"UN", b"private", None),
    (0x00100020, b"LO", b"name", None),
    (0x00180081, b"DS", b"30.5", None),
    (0x00189087, b"FD", struct.pack("<d", 1000), None),
    (0x0020000E, b"UI", b"1.2.3\0", None),
    (0x00200013, b"IS", b"9 ", None),
    (0x00200032, b"DS", b"-180\\-175.5\\-9.5", None),
    (0x00200037, b"DS", b"1\\0\\0\\0\\1\\0 ", None),
    (0x00280010, b"US", b"\4\0", None),
    (0x00280011, b"US", b"\5\0", None),
    (0x00283000, b"SQ", _SEQUENCE, _OPEN),
    (0x7FE00010, b"OW", bytes(40), None),
]
_VALUES = st.one_of(
    st.binary(max_size=12),
    st.text("0123456789.\\- eInaf", max_size=20).map(str.encode),
    st.sampled_from([b"", b"10", b"12 ", b"1.2.3.10", b"-9.75\\0\\1e1", b"\0\0"]),
    st.just(_FILLER),
)
_LENGTHS = st.sampled_from([0, 1, 7, 40, 0x7FFF, 0xFFFF, 0x7FFFFFFF, _OPEN])
_TAGS = st.sampled_from(
    [e[0] for e in _META + _BODY] + [0x00020012, 0x00090010, 0x52009230, 0x60000010]
)
_TYPES = st.sampled_from([b"UI", b"DS", b"US", b"OB", b"SQ", b"UN", b"zz"])


def _encoded(elements: list[Element]) -> bytes:
    syntax = next((e[2] for e in elements if e[0] == 0x00020010), b"")
    implicit = syntax.rstrip(b"\0") == IMPLICIT.encode()
    parts = [bytes(128), b"DICM"]
    for tag, kind, value, claimed in elements:
        if value == _FILLER:
            value = bytes(FIRST_READ)
        length = len(value) if claimed is None else claimed
        parts.append(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
        if implicit and tag >> 16 != 2:
            parts.append(struct.pack("<I", length))
        elif kind in LONG_VRS:
            parts.append(kind + bytes(2) + struct.pack("<I", length))
        else:
            parts.append(kind + struct.pack("<H", length & 0xFFFF))
        parts.append(value)
    return b"".join(parts)


@st.composite
def _changed(draw: st.DrawFn, elements: list[Element]) -> list[Element]:
    """Change a header as one file of a series differs from another, or as no file."""
    elements = list(elements)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(elements) - 1))
        tag, kind, value, claimed = elements[place]
        what = draw(
            st.sampled_from(
                ["value", "value", "value", "length", "type", "out", "in", "swap"]
            )
        )
        if what == "value":
            elements[place] = (tag, kind, draw(_VALUES), claimed)
        elif what == "length":
            elements[place] = (tag, kind, value, draw(_LENGTHS))
        elif what == "type":
            elements[place] = (tag, draw(_TYPES), value, claimed)
        elif what == "out" and len(elements) > 1:
            del elements[place]
        elif what == "in":
            elements.insert(place, (draw(_TAGS), draw(_TYPES), draw(_VALUES), None))
        elif what == "swap":
            other = draw(st.integers(0, len(elements) - 1))
            elements[place], elements[other] = elements[other], elements[place]
    return elements


@st.composite
def _files(draw: st.DrawFn) -> list[bytes]:
    """Files of which each is one of the earlier ones with changes."""
    syntax = draw(st.sampled_from([EXPLICIT.encode(), IMPLICIT.encode(), _JPEG2000]))
    meta = [*_META[:3], (0x00020010, b"UI", syntax, None)]
    body = _BODY
    if syntax == _JPEG2000:
        item = b"\xfe\xff\x00\xe0" + bytes(4)
        body = [*_BODY[:-1], (0x7FE00010, b"OB", item + bytes(40), _OPEN)]
    headers = [meta + body]
    files = [_encoded(headers[0])]
    for _ in range(draw(st.integers(1, 8))):
        elements = draw(_changed(draw(st.sampled_from(headers))))
        headers.append(elements)
        data = _encoded(elements)
        if draw(st.integers(0, 5)) == 0:
            data = data[: draw(st.integers(0, len(data)))]
        if data and draw(st.integers(0, 5)) == 0:
            place = draw(st.integers(0, min(len(data), 600) - 1))
            data = data[:place] + draw(st.binary(min_size=1, max_size=2)) + data[place:]
        files.append(data)
    return files


def _walked(walk: Callable[..., Record | None], data: bytes) -> Any:
    file = FileRef(Path("a"), len(data), 0)
    with tempfile.TemporaryFile() as handle:
        handle.write(data)
        handle.seek(FIRST_READ)
        record = walk(handle.fileno(), file, data[:FIRST_READ])
    if record is None:
        return None
    found = {name: getattr(record, name) for name in Record.__slots__}
    # not compared as they are, for a value may be no number
    found["values"] = sorted(map(repr, record.values.items()))
    return found


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_files())
def test_any_header(files: list[bytes]) -> None:
    walker = HeaderWalker()
    for data in files:
        assert _walked(walker.walk, data) == _walked(walk_file, data)


@pytest.mark.slow
@given(st.lists(st.tuples(_VALUES, _VALUES, _VALUES), min_size=2, max_size=6))
def test_headers_that_differ_as_those_of_a_series(
    values: list[tuple[bytes, bytes, bytes]],
) -> None:
    walker = HeaderWalker()
    for triple in values:
        elements = _META + _BODY
        for place, value in zip((2, 9, 13), triple, strict=True):
            tag, kind, _, _ = elements[place]
            elements[place] = (tag, kind, value, None)
        data = _encoded(elements)
        assert _walked(walker.walk, data) == _walked(walk_file, data)


def test_real_headers() -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files"
    files = [path.read_bytes() for path in sorted(folder.glob("*.dcm"))]
    assert len(files) > 50
    walker = HeaderWalker()
    for data in [data for data in files for _ in range(2)]:
        assert _walked(walker.walk, data) == _walked(walk_file, data)


def test_few_headers_of_a_series_are_walked(
    write_stack: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_stack([float(height) for height in range(-7, 7)])
    full = []
    walk = _alike.walk_header
    monkeypatch.setattr(
        _alike, "walk_header", lambda *given: full.append(1) or walk(*given)
    )
    walker = HeaderWalker()
    records = [_walked(walker.walk, path.read_bytes()) for path in folder.iterdir()]
    assert len({tuple(record["values"]) for record in records}) == 14
    assert len(full) <= 4
