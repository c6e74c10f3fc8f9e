"""NRRD and MetaImage slice by slice: as SimpleITK reads them, or by SimpleITK."""

from __future__ import annotations

import gzip
import random
import sys
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_annotate_jobs.errors import AnnotateJobsError, UnreadableImageError
from napari_annotate_jobs.imaging import (
    LazyVoxels,
    Series,
    find_series,
    open_series,
    read_series,
)
from napari_annotate_jobs.imaging.grids import _itk as itk
from napari_annotate_jobs.imaging.grids._itk_place import itk_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

sitk = pytest.importorskip("SimpleITK")

_NRRD_NAMES = {
    "i1": "signed char",
    "u1": "uchar",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "uint32",
    "i8": "long long",
    "u8": "uint64_t",
    "f4": "float",
    "f8": "double",
}
_META_NAMES = {
    "i1": "MET_CHAR",
    "u1": "MET_UCHAR",
    "i2": "MET_SHORT",
    "u2": "MET_USHORT",
    "i4": "MET_INT",
    "u4": "MET_UINT",
    "i8": "MET_LONG_LONG",
    "u8": "MET_ULONG_LONG",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}
_SIZES = {"2D": (5, 4), "3D": (5, 4, 3), "4D": (5, 4, 3, 2), "RGB": (3, 5, 4, 3)}


def _values(sizes: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Values of all bytes, in the order of the file; floats without NaN."""
    raw = np.random.default_rng(7).integers(0, 256, (*sizes[::-1], dtype.itemsize))
    values = raw.astype(np.uint8).view(dtype)[..., 0]
    if dtype.kind == "f":
        values = np.nan_to_num(values.astype(dtype.newbyteorder("="))).astype(dtype)
    return values


def _write_nrrd(
    folder: Path,
    kind: str,
    dtype: np.dtype,
    encoding: str = "raw",
    detached: bool = False,
    extra: str = "",
) -> Path:
    sizes = _SIZES[kind]
    kinds = [
        "vector" if kind == "RGB" and not n else "domain" for n in range(len(sizes))
    ]
    lines = [
        "NRRD0004",
        "# a comment",
        f"type: {_NRRD_NAMES[dtype.str[1:]]}",
        f"dimension: {len(sizes)}",
        f"sizes: {' '.join(map(str, sizes))}",
        f"kinds: {' '.join(kinds)}",
        f"encoding: {encoding}",
    ]
    if dtype.itemsize > 1:
        lines.append(f"endian: {'big' if dtype.str[0] == '>' else 'little'}")
    if detached:
        lines.append("data file: Voxels.bin")
    text = "\n".join(lines) + "\n" + extra + "my key:=my value: of mine\n"
    data = _values(sizes, dtype).tobytes()
    data = gzip.compress(data) if encoding in ("gzip", "gz") else data
    return _put(folder, text + "\n", data, "x.nhdr" if detached else "x.nrrd", detached)


def _write_meta(
    folder: Path,
    kind: str,
    dtype: np.dtype,
    packed: bool = False,
    detached: bool = False,
    extra: str = "",
) -> Path:
    sizes = _SIZES[kind]
    values = _values(sizes, dtype).tobytes()
    data = zlib.compress(values) if packed else values
    own = sizes[1:] if kind == "RGB" else sizes
    lines = [
        "ObjectType = Image",
        f"NDims = {len(own)}",
        "BinaryData = True",
        f"BinaryDataByteOrderMSB = {dtype.str[0] == '>'}",
        f"CompressedData = {packed}",
        *([f"CompressedDataSize = {len(data)}"] if packed else []),
        f"DimSize = {' '.join(map(str, own))}",
        *(["ElementNumberOfChannels = 3"] if kind == "RGB" else []),
        f"ElementType = {_META_NAMES[dtype.str[1:]]}",
    ]
    text = "\n".join(lines) + "\n" + extra
    text += f"ElementDataFile = {'Voxels.bin' if detached else 'LOCAL'}\n"
    return _put(folder, text, data, "x.mhd" if detached else "x.mha", detached)


def _put(folder: Path, text: str, data: bytes, name: str, detached: bool) -> Path:
    path = folder / name
    path.write_bytes(text.encode() + (b"" if detached else data))
    if detached:
        (folder / "Voxels.bin").write_bytes(data)
    return path


def _assert_as_simpleitk(path: Path) -> None:
    array = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    (first,) = find_series(path)
    found = first.volumes
    channels = found[0].shape[3:]
    planes = array.reshape(-1, *array.shape[array.ndim - 2 - len(channels) :])
    voxels, slices = [], []
    for header in found:
        # geometry is another test's: turn the planes back as they are stored
        row_axis, row_sign, column_sign = header.layout
        for read, into in (
            (Series(header).read(), voxels),
            (np.stack([*LazyVoxels(Series(header))]), slices),
        ):
            back = read[:, ::row_sign, ::column_sign]
            into.extend(back if row_axis == 1 else back.swapaxes(1, 2))
    assert np.stack(voxels).dtype == array.dtype
    assert_array_equal(np.stack(voxels), planes)
    assert_array_equal(np.stack(slices), planes)


@pytest.fixture
def no_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid the reading of a file as a whole."""
    monkeypatch.setattr(itk, "_read_by_simpleitk", None)


_DTYPES = [f"{order}{code}" for code in _NRRD_NAMES for order in "<>"]


@pytest.mark.slow
@pytest.mark.usefixtures("no_whole")
@pytest.mark.parametrize("kind", list(_SIZES))
@pytest.mark.parametrize("detached", [False, True], ids=["attached", "detached"])
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gzip"])
@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_slices_are_simpleitks(
    tmp_path: Path, ending: str, packed: bool, detached: bool, kind: str
) -> None:
    for name in _DTYPES:
        dtype = np.dtype(name)
        # Its name tells of a failure which numbers they were.
        folder = tmp_path / f"{dtype.name}-{'big' if name[0] == '>' else 'little'}"
        folder.mkdir()
        if ending == "nrrd":
            encoding = "gzip" if packed else "raw"
            path = _write_nrrd(folder, kind, dtype, encoding, detached)
        else:
            path = _write_meta(folder, kind, dtype, packed, detached)
        _assert_as_simpleitk(path)


@pytest.mark.usefixtures("no_whole")
@pytest.mark.parametrize("ending", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", list(_SIZES))
def test_what_simpleitk_writes_is_read_by_slices(
    tmp_path: Path, ending: str, packed: bool, kind: str
) -> None:
    values = _values(_SIZES[kind], np.dtype("<u2"))
    image = sitk.GetImageFromArray(values, isVector=kind == "RGB")
    image.SetMetaData("Note", "something of mine")
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(image, str(path), packed)
    _assert_as_simpleitk(path)


@pytest.mark.usefixtures("no_whole")
@pytest.mark.parametrize(
    "name", ["<u1", f"{'<' if sys.byteorder == 'little' else '>'}i2"]
)
def test_without_an_order_of_bytes_it_is_that_of_the_machine(
    tmp_path: Path, name: str
) -> None:
    path = _write_meta(tmp_path, "3D", np.dtype(name))
    big = name[0] == ">"
    _assert_as_simpleitk(_edited(path, b"BinaryDataByteOrderMSB = %r\n" % big, b""))


def _edited(path: Path, old: bytes, new: bytes) -> Path:
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))
    return path


_I2 = np.dtype("<i2")
_UNUSUAL: dict[str, Callable[[Path], Path]] = {
    "nrrd byte skip": lambda p: _edited(
        _write_nrrd(p, "3D", _I2, extra="byte skip: 2\n"), b"mine\n\n", b"mine\n\n??"
    ),
    "nrrd byte skip from the end": lambda p: _edited(
        _write_nrrd(p, "3D", _I2, extra="byte skip: -1\n"), b"mine\n\n", b"mine\n\n????"
    ),
    "nrrd line skip": lambda p: _edited(
        _write_nrrd(p, "3D", _I2, extra="line skip: 1\n"), b"mine\n\n", b"mine\n\n??\n"
    ),
    "nrrd channels behind": lambda p: _edited(
        _write_nrrd(p, "RGB", _I2),
        b"sizes: 3 5 4 3\nkinds: vector domain domain domain",
        b"sizes: 5 4 3 3\nkinds: domain domain domain vector",
    ),
    "nrrd with the line ends of Windows": lambda p: _windows(
        _write_nrrd(p, "3D", _I2), b"mine\n\n"
    ),
    "nrrd as text": lambda p: _as_text(_write_nrrd(p, "3D", _I2, "ascii")),
    "mha header size": lambda p: _edited(
        _write_meta(p, "3D", _I2, extra="HeaderSize = -1\n"), b"LOCAL\n", b"LOCAL\n??"
    ),
    "mha with the line ends of Windows": lambda p: _windows(
        _write_meta(p, "3D", _I2), b"LOCAL\n"
    ),
    "mha MET_LONG": lambda p: _edited(
        _write_meta(p, "3D", np.dtype("<i4")), b"MET_INT", b"MET_LONG"
    ),
    "mha intensity function": lambda p: _write_meta(
        p, "3D", _I2, extra="ElementToIntensityFunctionSlope = 2\n"
    ),
}


def _windows(path: Path, last: bytes) -> Path:
    raw = path.read_bytes()
    end = raw.index(last) + len(last)
    path.write_bytes(raw[:end].replace(b"\n", b"\r\n") + raw[end:])
    return path


def _as_text(path: Path) -> Path:
    raw = path.read_bytes()
    end = raw.index(b"mine\n\n") + 6
    values = np.frombuffer(raw[end:], "<i2")
    path.write_bytes(raw[:end] + " ".join(map(str, values)).encode())
    return path


_CHANGED: dict[str, tuple[str, bytes, bytes]] = {
    "another type": ("nrrd", b"type: short", b"type: ushort"),
    "no byte order": ("nrrd", b"endian: little\n", b""),
    "a byte order of its own": ("nrrd", b"endian: little", b"endian: middle"),
    "channels that are none": ("nrrd", b"kinds: domain domain", b"kinds: domain list"),
    "fewer kinds than axes": ("nrrd", b"kinds: domain domain", b"kinds: domain"),
    "one axis": (
        "nrrd",
        b"sizes: 5 4 3\nkinds: domain domain domain",
        b"sizes: 5\nkinds: domain",
    ),
    "two files of voxels": (
        "nrrd",
        b"my key:",
        b"data file: a.raw\ndatafile: b.raw\nmy key:",
    ),
    "another file of voxels": ("nrrd", b"my key:", b"data file: b.raw\nmy key:"),
    "a header without an end": ("nrrd", b"mine\n\n", b"mine\n"),
    "longer rows": ("nrrd", b"sizes: 5 4", b"sizes: 4 5"),
    "fewer planes": ("nrrd", b"sizes: 5 4 3", b"sizes: 5 4 2"),
    "more planes than there are bytes": ("nrrd", b"sizes: 5 4 3", b"sizes: 5 4 4"),
    "a kind of object": ("meta", b"ObjectType = Image", b"ObjectType = Tube"),
    "voxels as text": ("meta", b"BinaryData = True", b"BinaryData = False"),
    "channels": ("meta", b"DimSize", b"ElementNumberOfChannels = 3\nDimSize"),
    "a number of axes that is not theirs": ("meta", b"NDims = 3", b"NDims = 2"),
    "the same field twice": ("meta", b"NDims = 3", b"NDims = 3\nNDims = 3"),
    "a list of files": ("meta", b"= LOCAL", b"= LIST"),
}


@pytest.mark.parametrize("name", _CHANGED)
def test_a_header_that_is_not_the_one_simpleitk_read_is_left_to_it(
    tmp_path: Path, name: str
) -> None:
    """As when the file changed since, or means what only SimpleITK knows."""
    kind, old, new = _CHANGED[name]
    path = (_write_nrrd if kind == "nrrd" else _write_meta)(tmp_path, "3D", _I2)
    header = open_series(path).header
    assert itk_place(header) is not None
    _edited(path, old, new)
    assert itk_place(header) is None


@pytest.mark.parametrize("kind", ["nrrd", "meta"])
def test_a_header_without_end_is_left_to_simpleitk(tmp_path: Path, kind: str) -> None:
    path = (_write_nrrd if kind == "nrrd" else _write_meta)(tmp_path, "3D", _I2)
    header = open_series(path).header
    path.write_bytes(b"NRRD0004\n" * (kind == "nrrd") + b"# x\n" * (1 << 17))
    assert itk_place(header) is None


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_voxels_that_would_lie_in_a_cut_header_are_left_to_simpleitk(
    tmp_path: Path, ending: str
) -> None:
    if ending == "nrrd":
        path, end = _write_nrrd(tmp_path, "3D", _I2, "gzip"), b"\n\n"
    else:
        path, end = _write_meta(tmp_path, "3D", _I2, True), b"LOCAL\n"
    header, raw = open_series(path).header, path.read_bytes()
    assert itk_place(header) is not None
    path.write_bytes(raw[: raw.index(end) + len(end) - 1])
    assert itk_place(header) is None


@pytest.mark.parametrize("case", _UNUSUAL)
def test_what_is_unusual_is_left_to_simpleitk(tmp_path: Path, case: str) -> None:
    path = _UNUSUAL[case](tmp_path)
    try:
        sitk.ReadImage(str(path))
    except RuntimeError:
        with pytest.raises(AnnotateJobsError):
            read_series(path)
        return
    assert itk_place(open_series(path).header) is None
    _assert_as_simpleitk(path)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("cut", [1, 20, 100])
def test_what_is_cut_off_is_told(
    tmp_path: Path, ending: str, packed: bool, cut: int
) -> None:
    if ending == "nrrd":
        path = _write_nrrd(tmp_path, "3D", _I2, "gzip" if packed else "raw")
    else:
        path = _write_meta(tmp_path, "3D", _I2, packed)
    path.write_bytes(path.read_bytes()[:-cut])
    for read in (read_series, lambda path: open_series(path).read_slice(-1)):
        with pytest.raises(UnreadableImageError, match=path.name):
            read(path)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_wrong_sum_is_told(tmp_path: Path, ending: str) -> None:
    if ending == "nrrd":
        path, at = _write_nrrd(tmp_path, "3D", _I2, "gzip"), -8
    else:
        path, at = _write_meta(tmp_path, "3D", _I2, packed=True), -1
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)
    for read in (read_series, lambda path: open_series(path).read_slice(0)):
        with pytest.raises(UnreadableImageError, match=path.name):
            read(path)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
@pytest.mark.parametrize("packed", [False, True])
def test_memory_is_that_of_the_voxels_or_the_budget(
    tmp_path: Path, ending: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_annotate_jobs.imaging.grids import _unpack

    monkeypatch.setattr(_unpack, "_PIECE", 1 << 14)
    monkeypatch.setattr(itk, "_read_by_simpleitk", None)
    data = np.random.default_rng(0).integers(0, 9, (200, 128, 128)).astype(np.int16)
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(data), str(path), packed)
    series = open_series(path)
    lazy = LazyVoxels(open_series(path), budget=data.nbytes // 8)
    tracemalloc.start()
    try:
        voxels = series.read()
        _, whole = tracemalloc.get_traced_memory()
        del voxels
        tracemalloc.reset_peak()
        for index in [*range(0, 200, 3), *range(199, 0, -7)]:
            lazy[index]
        _, scrolled = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert whole < 1.2 * data.nbytes
    assert scrolled < 1.2 * lazy.budget + (1 << 20)


def test_the_whole_is_let_go_when_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    original = itk._read_by_simpleitk

    def counted(path: Path, channels: tuple[int, ...]) -> object:
        reads.append(path)
        return original(path, channels)

    monkeypatch.setattr(itk, "_read_by_simpleitk", counted)
    path = _UNUSUAL["nrrd as text"](tmp_path)
    series = open_series(path)
    series.read_slice(0)
    series.read_slice(1)
    assert len(reads) == 1
    series.read()
    assert len(reads) == 1
    assert series._reader._planes is None  # type: ignore[union-attr]


def test_time_points_share_what_simpleitk_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _as_text(_write_nrrd(tmp_path, "4D", _I2, "ascii"))
    reads: list[Path] = []
    original = itk._read_by_simpleitk

    def counted(path: Path, channels: tuple[int, ...]) -> object:
        reads.append(path)
        return original(path, channels)

    monkeypatch.setattr(itk, "_read_by_simpleitk", counted)
    parts = open_series(path).volumes
    assert [part.read().shape[0] for part in parts] == [3, 3]
    assert len(reads) == 1


@pytest.mark.usefixtures("no_whole")
@pytest.mark.parametrize("size", [None, b"1", b"99999"])
def test_a_wrong_packed_size_does_no_harm(tmp_path: Path, size: bytes | None) -> None:
    path = _write_meta(tmp_path, "3D", _I2, packed=True)
    expected = read_series(path).voxels
    raw = path.read_bytes()
    start = raw.index(b"CompressedDataSize")
    line = raw[start : raw.index(b"\n", start) + 1]
    new = b"" if size is None else b"CompressedDataSize = " + size + b"\n"
    _edited(path, line, new)
    assert_array_equal(read_series(path).voxels, expected)


_STRANGE = """
NRRD0001|dimension: 3|sizes: 4 5 3|endian: big|endian: little|type: ushort|kinds:
kinds: space space space|kinds: list domain domain|kinds: domain domain vector|
byte skip: 4|byteskip: 4|line skip: 1|block size: 2|encoding: hex|data file: x.nrrd|
space: scanner-xyz|old min: 3|HeaderSize = 4|ElementByteOrderMSB = True|NDims = 2|
BinaryDataByteOrderMSB = True|BinaryDataByteOrderMSB : True|DimSize = 4 5 3|
ElementNumberOfChannels = 2|ElementType = MET_USHORT_ARRAY|ElementType = MET_USHORT|
BinaryData = False|Comment = ElementDataFile = LOCAL|ElementDataFile = x.mha|
""".replace("\n", "").split("|")


@pytest.mark.slow
@pytest.mark.parametrize("write", [_write_nrrd, _write_meta])
@pytest.mark.parametrize("kind", list(_SIZES))
def test_strange_headers_never_give_other_values(
    tmp_path: Path, write: Callable[..., Path], kind: str
) -> None:
    """Lines put in, twice, in another order or left out: SimpleITK's, or an error."""
    rng = random.Random(kind)
    for _ in range(60):
        path = write(tmp_path, kind, np.dtype(rng.choice(["<i2", ">i2", "|u1"])))
        raw = path.read_bytes()
        mark = b"mine\n" if path.suffix == ".nrrd" else b"MSB"
        end = raw.index(mark) + len(mark)
        lines = raw[:end].split(b"\n")
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(len(lines))
            what = rng.choice(("in", "in", "in", "twice", "out", "swap"))
            if what == "in":
                lines.insert(at, rng.choice(_STRANGE).encode())
            elif what == "twice":
                lines.insert(at, rng.choice(lines))
            elif what == "out":
                lines.pop(at)
            else:
                lines.insert(at, lines.pop(rng.randrange(len(lines))))
        path.write_bytes(b"\n".join(lines) + raw[end:])
        found = [volume for header in find_series(path) for volume in header.volumes]
        try:
            places = [itk_place(header) for header in found]
            for header in found:
                Series(header).read_slice(-1)
            sitk.ReadImage(str(path))
        except (AnnotateJobsError, RuntimeError):
            continue
        if places and None not in places:
            _assert_as_simpleitk(path)


def test_huge_claims_take_no_memory(tmp_path: Path) -> None:
    path = _edited(
        _write_nrrd(tmp_path, "3D", _I2, "gzip"),
        b"sizes: 5 4 3",
        b"sizes: 50000 40000 30000",
    )
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImageError):
            read_series(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 23
