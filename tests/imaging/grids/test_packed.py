"""Compressed volumes: unpacked once, out of memory, and proved intact."""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import threading
import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_annotate_jobs.errors import Cancelled, ImagingError, UnreadableImageError
from napari_annotate_jobs.imaging import (
    LazyVoxels,
    Series,
    default_window,
    open_series,
    read_series,
)
from napari_annotate_jobs.imaging.grids import _planes as planes_module
from napari_annotate_jobs.imaging.grids import _unpack as unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_RADIOLOGICAL = np.diag([-1.0, -1.0, 1.0, 1.0])
_SHAPE = (64, 48, 200)


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Unpack into a folder of the test's, which nothing may be left in."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(unpack, "_PIECE", 1 << 12)
    yield folder
    assert not list(folder.iterdir())


def _values(shape: tuple[int, ...] = _SHAPE) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 4096, shape).astype(np.int16)


def _write(path: Path, data: np.ndarray) -> np.ndarray:
    """Write a file; return its voxels as (slice, row, column)."""
    nibabel.save(nibabel.Nifti1Image(data, _RADIOLOGICAL), path)
    return data.T


def _peak(function: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        result = function()
        _, peak = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return peak


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Count how often a stream is unpacked from its start."""
    starts: list[Any] = []
    original = unpack._opened

    def counted(place: Any) -> Any:
        starts.append(place)
        return original(place)

    monkeypatch.setattr(unpack, "_opened", counted)
    return starts


# --- values -----------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".img", ".img.gz"])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4", "|u1", ">f8"])
def test_every_way_of_reading_gives_the_values(
    tmp_path: Path, ending: str, dtype: str
) -> None:
    path = tmp_path / f"x{ending}"
    data = _values((5, 6, 70)).astype(dtype)
    header = nibabel.Nifti1Header(endianness=">" if dtype[0] == ">" else "<")
    header.set_data_dtype(np.dtype(dtype).newbyteorder("="))
    kind = nibabel.Nifti1Pair if ".img" in ending else nibabel.Nifti1Image
    nibabel.save(kind(data, _RADIOLOGICAL, header), path)
    expected = data.astype(np.dtype(dtype).newbyteorder("=")).T
    if ".img" in ending:
        path = tmp_path / f"x{ending.replace('img', 'hdr')}"
    assert_array_equal(read_series(path).voxels, expected)
    series = open_series(path)
    for index in (41, 3, 69, 40):
        assert_array_equal(series.read_slice(index), expected[index])
    assert_array_equal(series.read(), expected)
    assert_array_equal(series.read(order=reversed(range(70))), expected)
    assert_array_equal(LazyVoxels(series, budget=0)[10:20], expected[10:20])


def test_gzip_of_several_members_and_padding(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    raw = gzip.decompress(path.read_bytes())
    cuts = [0, 300, 352, 100_000, len(raw)]
    members = [gzip.compress(raw[a:b]) for a, b in itertools.pairwise(cuts)]
    path.write_bytes(bytes(9).join([*members, b""]))
    assert_array_equal(read_series(path).voxels, expected)
    assert_array_equal(open_series(path).read_slice(-1), expected[-1])


def test_voxels_that_do_not_fit_are_read_again_wider(tmp_path: Path) -> None:
    data = _values()
    data[3, 4, 150] = 32767
    image = nibabel.Nifti1Image(data, _RADIOLOGICAL)
    image.header.set_slope_inter(1, 1000)
    path = tmp_path / "x.nii.gz"
    nibabel.save(image, path)
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[352:] = data.tobytes("F")
    path.write_bytes(gzip.compress(bytes(raw)))
    voxels = read_series(path).voxels
    assert voxels.dtype == np.int32
    assert_array_equal(voxels, data.T.astype(np.int32) + 1000)


# --- memory -----------------------------------------------------------------------


@pytest.mark.slow
def test_reading_the_whole_keeps_no_copy(tmp_path: Path, unpacked: list[Any]) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values((128, 128, 200)))
    series = open_series(path)
    assert _peak(series.read) < 1.2 * expected.nbytes
    assert len(unpacked) == 1
    assert _peak(lambda: read_series(path)) < 1.2 * expected.nbytes


@pytest.mark.slow
def test_reading_in_the_users_order_keeps_no_copy(
    tmp_path: Path, unpacked: list[Any]
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values((128, 128, 200)))
    series = open_series(path)

    def as_the_viewer_does() -> np.ndarray:
        out = np.zeros(expected.shape, np.int16)
        for first in range(0, 200, 16):
            chosen = [(first + i + 90) % 200 for i in range(min(16, 200 - first))]
            series.read(out, chosen, cancelled=lambda: False)
        return out

    assert _peak(as_the_viewer_does) < 1.2 * expected.nbytes
    assert len(unpacked) == 1
    assert_array_equal(as_the_viewer_does(), expected)
    assert_array_equal(series.read(), expected)
    assert len(unpacked) == 1


def test_lazy_reading_stays_within_its_budget(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values((128, 128, 200)))
    lazy = LazyVoxels(open_series(path), budget=expected.nbytes // 8)

    def scroll() -> None:
        for index in [*range(0, 200, 3), *range(199, 0, -7)]:
            assert lazy[index].shape == (128, 128)

    # a few planes and pieces of the stream are on their way
    assert _peak(scroll) < 1.2 * lazy.budget + (1 << 20)


def test_the_first_slice_does_not_wait_for_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    taken = 0
    original = unpack._some

    def counted(stream: Any, most: int) -> bytes:
        nonlocal taken
        piece = original(stream, most)
        taken += len(piece)
        return piece

    monkeypatch.setattr(unpack, "_some", counted)
    assert_array_equal(open_series(path).read_slice(2), expected[2])
    assert taken < expected.nbytes / 10


def test_time_points_share_what_was_unpacked(
    tmp_path: Path, unpacked: list[Any]
) -> None:
    data = _values((6, 5, 8, 4))
    path = tmp_path / "x.nii.gz"
    _write(path, data)
    parts = list(open_series(path).volumes)
    for part, series in enumerate(parts):
        assert_array_equal(series.read(), data[..., part].T)
    assert len(unpacked) == 1
    del parts, series
    open_series(path).read_slice(0)
    assert len(unpacked) == 2


def test_a_changed_file_is_unpacked_again(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    old = open_series(path)
    before = old.read_slice(0)
    expected = _write(path, _values() + 1)
    os.utime(path, ns=(0, 0))
    assert_array_equal(open_series(path).read_slice(0), expected[0])
    assert_array_equal(old.read_slice(0), before)


# --- threads, and giving up -------------------------------------------------------


def test_many_threads_unpack_once(tmp_path: Path, unpacked: list[Any]) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    series = open_series(path)
    gate = threading.Barrier(8)
    wrong: list[int] = []

    def look(seed: int) -> None:
        gate.wait()
        for index in np.random.default_rng(seed).permutation(200)[:40]:
            if not np.array_equal(series.read_slice(int(index)), expected[index]):
                wrong.append(int(index))

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(unpacked) == 1


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("order", [None, [199]])
def test_reading_can_be_stopped_and_taken_up_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    order: list[int] | None,
    workers: int,
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    series = open_series(path)
    pieces = 0
    original = unpack._some
    begun = threading.Event()

    def counted(stream: Any, most: int) -> bytes:
        nonlocal pieces
        pieces += 1
        if pieces > 20:
            begun.set()
            stopped.wait(10)
        return original(stream, most)

    stopped = threading.Event()

    def cancelled() -> bool:
        # asked from the thread that unpacks, or from the one that waits for it
        if begun.wait(0 if order is None or workers == 1 else 0.01):
            stopped.set()
        return pieces > 20

    if order is None or workers == 1:
        stopped.set()
    monkeypatch.setattr(unpack, "_some", counted)
    with pytest.raises(Cancelled):
        series.read(order=order, cancelled=cancelled, workers=workers)
    assert pieces < 100
    monkeypatch.setattr(unpack, "_some", original)
    assert_array_equal(series.read_slice(199), expected[199])


# --- damage -----------------------------------------------------------------------

_WAYS: dict[str, Callable[[Series], object]] = {
    "whole": lambda series: series.read(),
    "into": lambda series: series.read(
        np.empty(series.header.shape, np.int16), progress=lambda done, total: None
    ),
    "ordered": lambda series: series.read(order=range(series.header.shape[0])),
    "one worker": lambda series: series.read(order=[0, 199], workers=1),
    "last slice": lambda series: series.read_slice(-1),
    "lazy": lambda series: [LazyVoxels(series)[i] for i in (0, 199)],
    "lazy array": lambda series: np.asarray(LazyVoxels(series)),
}


def _cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def _without_sum(raw: bytes) -> bytes:
    return raw[:-8]


def _wrong_sum(raw: bytes) -> bytes:
    return raw[:-8] + bytes([raw[-8] ^ 1]) + raw[-7:]


def _garbled(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes(64) + raw[middle + 64 :]


@pytest.mark.slow
@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("damage", [_cut, _without_sum, _wrong_sum, _garbled])
def test_damage_is_told_in_every_way_of_reading(
    tmp_path: Path, damage: Callable[[bytes], bytes], way: str
) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    path.write_bytes(damage(path.read_bytes()))
    series = open_series(path)
    for _ in range(2):
        with pytest.raises(UnreadableImageError, match=r"x\.nii\.gz: its voxels"):
            _WAYS[way](series)


def test_after_damage_no_slice_is_given(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    path.write_bytes(_wrong_sum(path.read_bytes()))
    series = open_series(path)
    series.read_slice(0)  # the sum stands at the end: nobody can know yet
    for index in (199, 0):
        with pytest.raises(UnreadableImageError):
            series.read_slice(index)


def test_small_files_are_proved_before_the_first_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "_PIECE", 1 << 20)
    path = tmp_path / "x.nii.gz"
    _write(path, _values((16, 16, 16)))
    path.write_bytes(_wrong_sum(path.read_bytes()))
    with pytest.raises(UnreadableImageError):
        open_series(path).read_slice(0)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    whole, sliced = open_series(path), open_series(path)
    path.unlink()
    for function in (whole.read, lambda: sliced.read_slice(0)):
        with pytest.raises(UnreadableImageError, match=r"x\.nii\.gz"):
            function()


# --- the disk ---------------------------------------------------------------------


def test_no_room_is_told_before_it_is_taken(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    series = open_series(path)
    usage = shutil.disk_usage(spool)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3 << 20))
    # what is small is kept in memory then
    assert_array_equal(open_series(path).read_slice(7), expected[7])
    monkeypatch.setattr(unpack, "_IN_MEMORY", 1 << 10)
    with pytest.raises(ImagingError, match=r"needs 65 MiB.*3 MiB left.*TMPDIR") as info:
        series.read_slice(0)
    assert str(path) in str(info.value)
    assert str(spool) in str(info.value)
    assert not isinstance(info.value, UnreadableImageError)
    # reading the whole needs no disk, and room may be made
    assert_array_equal(series.read(), expected)
    monkeypatch.undo()
    assert_array_equal(series.read_slice(7), expected[7])


def test_a_disk_that_fills_up_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    series = open_series(path)
    series.read_slice(3)
    planes = series._reader._planes  # type: ignore[union-attr]
    handle = planes._spool

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(handle, name)

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    planes._spool = Full()
    with pytest.raises(ImagingError, match="MiB left"):
        series.read_slice(199)
    planes._spool = handle
    for index in (199, 3):
        assert_array_equal(series.read_slice(index), expected[index])


def test_the_file_goes_with_the_series(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    series = open_series(path)
    series.read_slice(100)
    planes = series._reader._planes  # type: ignore[union-attr]
    handles = [planes._stream._file, planes._spool]
    assert not any(handle.closed for handle in handles)
    if os.name == "posix":
        assert not list(spool.iterdir())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del planes, series
    assert all(handle.closed for handle in handles)


def test_the_packed_file_is_let_go_when_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    series = open_series(path)
    series.read_slice(-1)
    assert series._reader._planes._stream._file.closed  # type: ignore[union-attr]


def test_large_temporary_files_do_not_go_to_memory(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    assert unpack.spool_folder() == spool
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) == "/var/tmp")
    assert str(unpack.spool_folder()) == "/var/tmp"


def test_what_follows_the_voxels_is_not_unpacked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values((8, 8, 8)))
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw + bytes(1 << 24)))
    monkeypatch.setattr(unpack, "_TAIL", 1 << 16)
    read = 0
    original = unpack._Inflating.read

    def counted(self: Any, most: int) -> bytes:
        nonlocal read
        piece = original(self, most)
        read += len(piece)
        return piece

    monkeypatch.setattr(unpack._Inflating, "read", counted)
    assert_array_equal(read_series(path).voxels, expected)
    assert read < 1 << 18


def test_windows_of_what_was_read_need_no_second_reading(
    tmp_path: Path, unpacked: list[Any]
) -> None:
    path = tmp_path / "x.nii.gz"
    _write(path, _values())
    series = open_series(path)
    windows = series.suggested_windows(series.read())
    assert len(unpacked) == 1
    assert windows[0].limits == pytest.approx(
        series.suggested_windows()[0].limits, abs=200
    )


def test_windows_do_not_wait_for_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.nii.gz"
    expected = _write(path, _values())
    monkeypatch.setattr(planes_module, "_SOON", 40 * expected[0].nbytes)
    series = open_series(path)
    assert series.soon() == 40
    default_window(series)
    planes = series._reader._planes  # type: ignore[union-attr]
    assert planes.done < 40 * expected[0].nbytes
    series.read_slice(-1)
    assert series.soon() == 200
    plain = tmp_path / "x.nii"
    _write(plain, _values())
    assert open_series(plain).soon() == 200
