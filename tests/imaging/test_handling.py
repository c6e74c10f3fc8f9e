"""What the viewer and the store build on: caches, lazy arrays, layers, reports."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import napari_annotate_jobs.imaging as imaging
from napari_annotate_jobs.errors import (
    GeometryError,
    InvalidValueError,
    NoImageError,
    UnreadableImageError,
)
from napari_annotate_jobs.imaging import (
    LazyVoxels,
    Series,
    SeriesHeader,
    Volume,
    default_budget,
    find_series,
    inspect,
    layer_data,
    open_series,
    read_series,
)
from napari_annotate_jobs.model import Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]


def test_exports_are_sorted_and_there() -> None:
    assert list(imaging.__all__) == sorted(imaging.__all__)
    assert all(hasattr(imaging, name) for name in imaging.__all__)


def test_headers_survive_json_and_pickle(samples: dict[str, Path]) -> None:
    for folder in samples.values():
        for header in find_series(folder):
            text = header.to_json()
            again = SeriesHeader.from_json(text)
            assert again == header
            assert again.slices == header.slices
            assert pickle.loads(pickle.dumps(header)) == header
            assert hash(again) == hash(header)
            assert_array_equal(
                Series(again).read_slice(0), Series(header).read_slice(0)
            )


def test_a_header_carries_no_patient(write_slice: Write) -> None:
    path = write_slice(
        "x",
        None,
        PatientName="Secret^Name",
        PatientID="S3CRET",
        PatientBirthDate="19010203",
    )
    header = open_series(path).header
    text = header.to_json() + json.dumps(inspect(path)) + repr(header)
    text += repr(layer_data(open_series(path))[1])
    for word in ("Secret", "S3CRET", "19010203"):
        assert word not in text


def test_a_header_moves_with_its_folder(write_stack: Write, tmp_path: Path) -> None:
    folder = write_stack([0, 1])
    text = open_series(folder).header.to_json()
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    shutil.rmtree(folder)
    header = SeriesHeader.from_json(text, path=moved)
    assert Series(header).read().shape == (2, 4, 5)
    with pytest.raises(UnreadableImageError, match="cannot be read"):
        Series(SeriesHeader.from_json(text)).read()


def test_a_cached_header_is_used_without_reading_headers(
    write_stack: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_stack([0, 1, 2])
    header = SeriesHeader.from_json(open_series(folder).header.to_json())
    expected = read_series(folder).voxels
    from napari_annotate_jobs.imaging import _find

    monkeypatch.setattr(_find, "Scanner", None)
    assert_array_equal(open_series(folder, cached=header).read(), expected)


@pytest.mark.parametrize("change", ["touch", "grow", "remove", "add", "folder"])
def test_a_stale_header_is_noticed(
    write_stack: Write, write_slice: Write, change: str
) -> None:
    folder = write_stack([0, 1, 2])
    header = open_series(folder).header
    assert header.is_current()
    file = header.files[0].path
    if change == "touch":
        os.utime(file, ns=(0, 0))
    elif change == "grow":
        stat = file.stat()
        file.write_bytes(file.read_bytes() + bytes(2))
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "remove":
        file.unlink()
    elif change == "add":
        write_slice("study/new", ImagePositionPatient=[0, 0, 3])
    else:
        shutil.rmtree(folder)
    assert not header.is_current()
    if change == "add":
        assert open_series(folder, cached=header).header.shape[0] == 4
    elif change == "folder":
        with pytest.raises(NoImageError):
            open_series(folder, cached=header)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 9}', '{"version": 1}'])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="Open the images again"):
        SeriesHeader.from_json(text)


def test_no_invalid_header_or_volume_can_be_built(write_stack: Write) -> None:
    header = open_series(write_stack([0, 1])).header
    for change in (
        {"shape": (3, 4, 5)},
        {"shape": (2, 0, 5)},
        {"spacing": (0.0, 1.0, 1.0)},
        {"slices": header.slices[:1]},
    ):
        with pytest.raises(GeometryError):
            dataclasses.replace(header, **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError):
        dataclasses.replace(header, affine=np.full((4, 4), np.nan))
    with pytest.raises(GeometryError):
        Volume(header, np.zeros((2, 4, 4)))
    assert header.affine is not None
    with pytest.raises(ValueError, match="read-only"):
        header.affine[0, 0] = 7


def test_lazy_voxels_are_the_voxels(write_stack: Write) -> None:
    folder = write_stack([0, 1, 2, 3, 4])
    whole = read_series(folder).voxels
    lazy = LazyVoxels(open_series(folder))
    assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.size, lazy.nbytes, len(lazy)) == (
        whole.shape,
        whole.dtype,
        3,
        whole.size,
        whole.nbytes,
        5,
    )
    keys: list[Any] = [
        0,
        -1,
        np.int64(2),
        slice(None),
        slice(1, 4, 2),
        slice(None, None, -1),
        slice(3, 3),
        (2, 1),
        (2, slice(1, 3), 4),
        (slice(1, 3), 2),
        (slice(None), slice(0, 2), slice(None, None, 2)),
        (Ellipsis, 3),
        (Ellipsis,),
        (1, Ellipsis),
        (slice(0, 2), Ellipsis, 0),
        [0, 3],
        np.array([4, 1]),
        np.array([True, False, True, False, False]),
        (None, 1),
        (),
    ]
    for key in keys:
        assert_array_equal(lazy[key], whole[key], err_msg=repr(key))
    assert_array_equal(np.asarray(lazy), whole)
    assert np.asarray(lazy, dtype=np.float32).dtype == np.float32
    with pytest.raises(IndexError):
        lazy[5]
    with pytest.raises(ValueError, match="on disk"):
        np.array(lazy, copy=False)


def test_lazy_voxels_stay_within_their_budget(write_stack: Write) -> None:
    series = open_series(write_stack([0.0, 1, 2, 3, 4, 5]))
    plane = 4 * 5 * 2
    lazy = LazyVoxels(series, budget=3 * plane)
    for index in (0, 1, 2, 0, 3, 4):
        lazy[index]
        assert lazy.held <= 3 * plane
    assert [i for i in range(6) if lazy.is_held(i)] == [0, 3, 4]
    tiny = LazyVoxels(series, budget=0)
    assert tiny[5][0, 0] == tiny[5][0, 0]
    assert tiny.held == plane


def test_lazy_voxels_read_a_slice_once_for_many_threads(write_stack: Write) -> None:
    series = open_series(write_stack([0, 1]))
    reads: list[int] = []
    gate = threading.Barrier(8)
    original = series.read_slice

    def counted(index: int) -> np.ndarray:
        reads.append(index)
        return original(index)

    series.read_slice = counted  # type: ignore[method-assign]
    lazy = LazyVoxels(series)
    seen: list[int] = []

    def look() -> None:
        gate.wait()
        seen.append(int(lazy[1][0, 0]))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads == [1]
    assert len(set(seen)) == 1


def test_default_budget_is_part_of_the_memory() -> None:
    assert 1 << 20 < default_budget() < 1 << 50


def test_layer_data(samples: dict[str, Path]) -> None:
    volume = read_series(samples["mr-brain"])
    data, kwargs, kind = layer_data(volume)
    assert kind == "image"
    assert data is volume.voxels
    assert kwargs["scale"] == volume.spacing
    assert kwargs["units"] == ("mm",) * 3
    assert kwargs["axis_labels"] == ("slice", "row", "column")
    assert kwargs["colormap"] == "gray"
    low, high = kwargs["contrast_limits"]
    assert low < high
    assert kwargs["metadata"]["slices"] == tuple(s.key for s in volume.slices)
    assert_array_equal(kwargs["metadata"]["affine"], volume.affine)
    series = open_series(samples["mr-brain"])
    lazy = LazyVoxels(series)
    window = Window(center=50, width=100)
    data, kwargs, _ = layer_data(series, data=lazy, window=window)
    assert data is lazy
    assert kwargs["contrast_limits"] == (0, 100)


def test_layer_data_of_inverted_and_of_deep_colour(write_slice: Write) -> None:
    path = write_slice("x", None, PhotometricInterpretation="MONOCHROME1")
    assert layer_data(read_series(path))[1]["colormap"] == "gray_r"
    deep = np.array([[[0, 32768, 65535]]], np.uint16)
    path = write_slice(
        "y",
        deep,
        Rows=1,
        Columns=1,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
    )
    data, kwargs, _ = layer_data(read_series(path))
    assert kwargs["rgb"]
    assert data.dtype == np.uint8
    assert data.ravel().tolist() == [0, 128, 255]
    assert "contrast_limits" not in kwargs


def test_napari_takes_the_layer(samples: dict[str, Path]) -> None:
    from napari.layers import Image

    series = open_series(samples["mr-brain"])
    data, kwargs, _ = layer_data(series, data=LazyVoxels(series))
    layer = Image(data, **kwargs)
    assert layer.data.shape == series.header.shape
    assert tuple(layer.scale) == pytest.approx(series.header.spacing)
    assert layer.contrast_limits == list(kwargs["contrast_limits"])


def test_inspect_is_plain_data(write_stack: Write, tmp_path: Path) -> None:
    folder = write_stack([0, 1, 2, 4], WindowCenter=40, WindowWidth=400)
    (folder / "broken.png").write_bytes(b"x")
    report = json.loads(json.dumps(inspect(folder)))
    (series,) = report["series"]
    assert series["shape"] == [4, 4, 5]
    assert series["spacing"] == [1.0, 0.5, 0.25]
    assert series["transfer_syntax"].startswith("Explicit VR Little Endian")
    assert series["orientation"] == "axial"
    assert series["windows"][0]["width"] == 400
    assert series["warnings"][0]["code"] == "missing-slices"
    assert report["faults"][0]["file"].endswith("broken.png")
    assert report["faults"][0]["remedy"]
    with pytest.raises(NoImageError):
        inspect(tmp_path / "gone")
