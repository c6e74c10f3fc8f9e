"""Everyday images: values, orientation, pages, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image

from napari_annotate_jobs.errors import UnreadableImageError, UnsupportedImageError
from napari_annotate_jobs.imaging import find_series, open_series, read_series

if TYPE_CHECKING:
    from pathlib import Path

_GREY = np.arange(30, dtype=np.uint8).reshape(5, 6)
_RGB = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize("ending", [".png", ".tif", ".bmp"])
@pytest.mark.parametrize("image", [_GREY, _RGB], ids=["grey", "colour"])
def test_values(tmp_path: Path, ending: str, image: np.ndarray) -> None:
    path = tmp_path / f"x{ending}"
    Image.fromarray(image).save(path)
    volume = read_series(path)
    assert_array_equal(volume.voxels[0], image)
    assert volume.voxels.dtype == np.uint8
    assert volume.affine is None
    assert not volume.header.has_spacing
    assert volume.slices[0].key == "index:0"


def test_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    Image.fromarray(_RGB).save(path)
    assert_array_equal(read_series(path).voxels[0], np.asarray(Image.open(path)))


@pytest.mark.parametrize(
    ("mode", "shape", "dtype"),
    [
        ("I;16", (1, 5, 6), "uint16"),
        ("1", (1, 5, 6), "uint8"),
        ("P", (1, 5, 6, 3), "uint8"),
        ("RGBA", (1, 5, 6, 3), "uint8"),
        ("LA", (1, 5, 6), "uint8"),
    ],
)
def test_modes(tmp_path: Path, mode: str, shape: tuple[int, ...], dtype: str) -> None:
    path = tmp_path / "x.png"
    grey = Image.fromarray(_GREY)
    if mode == "I;16":
        grey = Image.fromarray(_GREY.astype(np.uint16) * 2000)
    elif mode == "P":
        grey = Image.fromarray(_RGB).convert("P")
    else:
        grey = grey.convert(mode)
    grey.save(path)
    volume = read_series(path)
    assert volume.shape == shape
    assert volume.voxels.dtype == np.dtype(dtype)
    if mode == "I;16":
        assert volume.voxels.max() == 58000
    if mode in ("RGBA", "LA"):
        assert_array_equal(volume.voxels[0].reshape(5, 6, -1)[..., 0], _GREY)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_exif_orientation(tmp_path: Path, turn: int, ending: str) -> None:
    from PIL import ImageOps

    path = tmp_path / f"x{ending}"
    image = Image.fromarray(_GREY)
    exif = image.getexif()
    exif[0x0112] = turn
    if ending == ".tif":
        image.save(path, tiffinfo={274: turn})
    else:
        image.save(path, exif=exif)
    upright = Image.fromarray(_GREY)
    upright.getexif()[0x0112] = turn
    expected = np.asarray(ImageOps.exif_transpose(upright))
    assert_array_equal(read_series(path).voxels[0], expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_pages_are_slices(
    tmp_path: Path, dtype: str, compression: str | None
) -> None:
    stack = np.random.default_rng(0).integers(0, 99, (4, 5, 6)).astype(dtype)
    path = tmp_path / "x.tiff"
    tifffile.imwrite(path, stack, photometric="minisblack", compression=compression)
    volume = read_series(path)
    assert volume.voxels.dtype == np.dtype(dtype)
    assert_array_equal(volume.voxels, stack)


@pytest.mark.parametrize(
    "more",
    [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"byteorder": ">"}],
    ids=["plain", "packed", "tiled", "big-endian"],
)
def test_bigtiff(tmp_path: Path, more: dict[str, Any]) -> None:
    path = tmp_path / "a.tif"
    stack = np.arange(3 * 40 * 50, dtype=np.uint16).reshape(3, 40, 50) * 10
    tifffile.imwrite(path, stack, photometric="minisblack", bigtiff=True, **more)
    assert_array_equal(read_series(path).voxels, stack)
    assert_array_equal(open_series(path).read_slice(2), stack[2])


def test_tiff_of_planes_and_white_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "planar.tif"
    tifffile.imwrite(
        path, _RGB.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"
    )
    assert_array_equal(read_series(path).voxels[0], _RGB)
    path = tmp_path / "white.tif"
    tifffile.imwrite(path, _GREY, photometric="miniswhite")
    volume = read_series(path)
    assert volume.inverted
    assert_array_equal(volume.voxels[0], _GREY)


def test_tiff_palette(tmp_path: Path) -> None:
    path = tmp_path / "palette.tif"
    Image.fromarray(_RGB).convert("P").save(path)
    expected = np.asarray(Image.open(path).convert("RGB"))
    assert_array_equal(read_series(path).voxels[0], expected)


def test_tiff_spacing_of_imagej(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    stack = np.zeros((3, 5, 6), np.uint8)
    tifffile.imwrite(
        path,
        stack,
        imagej=True,
        resolution=(2, 4),
        metadata={"unit": "mm", "spacing": 1.5, "axes": "ZYX"},
    )
    header = open_series(path).header
    assert header.spacing == (1.5, 0.25, 0.5)
    assert header.has_spacing


def test_pages_of_different_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(_GREY)
        writer.write(_GREY[:3])
    with pytest.raises(UnsupportedImageError, match="page 2 differs"):
        read_series(path)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif"])
def test_cut_off_and_not_an_image(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    raw = path.read_bytes()
    for content in (raw[: len(raw) // 2], b"nothing", b""):
        path.write_bytes(content)
        with pytest.raises(UnreadableImageError, match=f"x{ending}"):
            read_series(path)


def test_a_folder_of_pictures_is_as_many_series(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "sub/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(_GREY).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "broken.png").write_bytes(b"x")
    found = find_series(tmp_path)
    assert sorted(h.key for h in found) == ["a.png", "b.png", "sub/c.png"]
    assert [f.path.name for f in found.faults] == ["broken.png"]
    assert read_series(tmp_path, series_uid="sub/c.png").shape == (1, 5, 6)
