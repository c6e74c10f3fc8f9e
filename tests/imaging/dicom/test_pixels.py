"""Stored bits become values: types, rescale, colour, windows, units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from napari_annotate_jobs.errors import (
    GeometryError,
    InvalidValueError,
    MissingExtraError,
    UnreadableImageError,
)
from napari_annotate_jobs.imaging import (
    Series,
    apply_window,
    default_window,
    open_series,
    read_series,
    thumbnail,
)
from napari_annotate_jobs.model import VoiFunction, Window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

_CT = np.array([[0, 1024, 4095, 24], [7, 8, 9, 10]], np.uint16)


@pytest.mark.parametrize(
    ("pixels", "elements", "dtype", "value"),
    [
        pytest.param(_CT, {}, "uint16", 4095, id="plain"),
        pytest.param(
            _CT,
            {"RescaleSlope": 1, "RescaleIntercept": -1024, "BitsStored": 12},
            "int16",
            3071,
            id="ct",
        ),
        pytest.param(
            _CT,
            {"RescaleSlope": 1, "RescaleIntercept": -1024},
            "int16",
            3071,
            id="ct16",
        ),
        pytest.param(
            _CT, {"RescaleSlope": 20, "RescaleIntercept": 0}, "int32", 81900, id="steep"
        ),
        pytest.param(
            _CT,
            {"RescaleSlope": 0.5, "RescaleIntercept": 1},
            "float32",
            2048.5,
            id="half",
        ),
        pytest.param(
            _CT,
            {"RescaleSlope": 1, "RescaleIntercept": -1024.5},
            "float32",
            3070.5,
            id="whole slope, half intercept",
        ),
        pytest.param(
            _CT.astype(np.uint8),
            {"RescaleSlope": 2, "RescaleIntercept": 0},
            "int16",
            510,
            id="8-bit",
        ),
        pytest.param(_CT.astype(np.float32), {}, "float32", 4095.0, id="float"),
        pytest.param(
            _CT.astype(np.uint32),
            {"RescaleSlope": 1, "RescaleIntercept": -1},
            "int64",
            4094,
            id="32-bit",
        ),
    ],
)
def test_rescale_in_the_narrowest_type(
    write_slice: Write,
    pixels: np.ndarray,
    elements: dict[str, Any],
    dtype: str,
    value: float,
) -> None:
    volume = read_series(write_slice("x", pixels, **elements))
    assert volume.voxels.dtype == volume.header.dtype == np.dtype(dtype)
    assert volume.voxels[0, 0, 2] == value
    expected = pixels * float(elements.get("RescaleSlope", 1))
    expected += float(elements.get("RescaleIntercept", 0))
    assert_array_equal(volume.voxels[0], expected)


def test_a_value_that_does_not_fit_widens_the_whole_volume(write_stack: Write) -> None:
    lowest = np.full((4, 5), -32768, np.int16)
    folder = write_stack(
        [0, 1, 2], RescaleSlope=1, RescaleIntercept=-1024, PixelRepresentation=1
    )
    header = open_series(folder).header
    assert header.dtype == np.int16
    assert read_series(folder).voxels.dtype == np.int16
    victim = next(folder.iterdir())
    dataset = pydicom.dcmread(victim)
    dataset.PixelData = lowest.tobytes()
    dataset.save_as(victim)
    volume = read_series(folder)
    assert volume.voxels.dtype == volume.header.dtype == np.int32
    assert volume.voxels.min() == -33792
    clipped = open_series(folder).read(np.empty(header.shape, np.int16))
    assert clipped.min() == -32768
    slices = [open_series(folder).read_slice(i) for i in range(3)]
    assert min(int(plane.min()) for plane in slices) == -33792


def test_slices_of_different_slope(write_stack: Write) -> None:
    slopes = (1.0, 0.25, 2.0)
    volume = read_series(
        write_stack([0, 1, 2], RescaleSlope=slopes, RescaleIntercept=(0, 1, 2))
    )
    assert volume.rescale is None
    assert volume.voxels.dtype == np.float32
    assert volume.voxels[:, 0, 0].tolist() == [0.0, 26.0, 402.0]


@pytest.mark.parametrize("signed", [0, 1])
def test_what_lies_above_the_stored_bits_is_dropped(
    write_slice: Write, signed: int
) -> None:
    pixels = np.array([[0xF001, 0x0800], [0x1FFF, 0x0005]], np.uint16)
    path = write_slice("x", pixels, BitsStored=12, PixelRepresentation=signed)
    expected = [[1, -2048], [-1, 5]] if signed else [[1, 2048], [4095, 5]]
    assert read_series(path).voxels[0].tolist() == expected


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("signed", [0, 1])
def test_compressed_values_are_the_same(
    write_slice: Write, syntax: str, bits: int, signed: int
) -> None:
    rng = np.random.default_rng(bits)
    low = -(1 << (bits - 1)) if signed else 0
    kind = f"{'int' if signed else 'uint'}{8 if bits == 8 else 16}"
    pixels = rng.integers(low, low + (1 << bits), (40, 33)).astype(kind)
    path = write_slice("x", pixels, BitsStored=bits, HighBit=bits - 1, syntax=syntax)
    assert_array_equal(read_series(path).voxels[0], pixels)


def test_without_imagecodecs_the_values_are_the_same(
    write_slice: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_annotate_jobs.imaging.codecs import _imagecodecs as _fast_codecs

    pixels = np.random.default_rng(0).integers(0, 4096, (40, 33)).astype(np.uint16)
    path = write_slice("x", pixels, BitsStored=12, syntax=JPEG2000Lossless)
    monkeypatch.setattr(_fast_codecs, "_imagecodecs", lambda: None)
    assert_array_equal(read_series(path).voxels[0], pixels)


def test_a_missing_decoder_names_the_extra(
    write_slice: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pydicom.pixels.decoders import JPEG2000LosslessDecoder

    from napari_annotate_jobs.imaging.codecs import _imagecodecs as _fast_codecs

    path = write_slice(
        "x", np.tile(_CT, (20, 10)), BitsStored=12, syntax=JPEG2000Lossless
    )
    monkeypatch.setattr(_fast_codecs, "_imagecodecs", lambda: None)
    monkeypatch.setattr(JPEG2000LosslessDecoder, "_available", {})
    with pytest.raises(MissingExtraError, match=r"napari-annotate-jobs\[jpeg\]"):
        read_series(path)


def test_a_lying_codestream_is_refused_before_it_is_decoded(write_slice: Write) -> None:
    path = write_slice(
        "x", np.tile(_CT, (20, 10)), BitsStored=12, syntax=JPEG2000Lossless
    )
    raw = bytearray(path.read_bytes())
    start = raw.index(b"\xff\x4f\xff\x51")
    raw[start + 8 : start + 16] = b"\x00\x0f\xff\xff" * 2
    path.write_bytes(raw)
    with pytest.raises(UnreadableImageError, match="1048575 x 1048575"):
        read_series(path)


def test_compressed_data_cut_off(write_slice: Write) -> None:
    path = write_slice(
        "x", np.tile(_CT, (20, 10)), BitsStored=12, syntax=JPEG2000Lossless
    )
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UnreadableImageError, match="cut off"):
        read_series(path)


@pytest.mark.parametrize("planar", [0, 1])
def test_colour(write_slice: Write, planar: int) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    stored = rgb.transpose(2, 0, 1) if planar else rgb
    path = write_slice(
        "x",
        np.ascontiguousarray(stored),
        Rows=4,
        Columns=5,
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=planar,
    )
    volume = read_series(path)
    assert volume.shape == (1, 4, 5, 3)
    assert_array_equal(volume.voxels[0], rgb)
    assert default_window(volume).limits == (0, 255)


def test_monochrome1_keeps_its_values_and_says_so(write_slice: Write) -> None:
    path = write_slice("x", _CT, PhotometricInterpretation="MONOCHROME1")
    volume = read_series(path)
    assert volume.inverted
    assert_array_equal(volume.voxels[0], _CT)
    picture = thumbnail(volume, 4, window=Window.from_limits(0, 4095))
    assert picture[0, 0] > picture[0, -2]
    assert open_series(
        write_slice("y", _CT, PresentationLUTShape="INVERSE")
    ).header.inverted


def test_windows_of_the_image(write_slice: Write) -> None:
    header = open_series(
        write_slice(
            "x",
            _CT,
            WindowCenter=[40, -400, 7, 40],
            WindowWidth=[400, 1500, 0, 400],
            WindowCenterWidthExplanation=["SOFT", "LUNG", "NONE", "SOFT"],
            VOILUTFunction="LINEAR_EXACT",
        )
    ).header
    assert [(w.center, w.width, w.explanation) for w in header.windows] == [
        (40, 400, "SOFT"),
        (-400, 1500, "LUNG"),
    ]
    assert {w.function for w in header.windows} == {VoiFunction.LINEAR_EXACT}


def test_voi_lut_becomes_a_window_with_a_curve(write_slice: Write) -> None:
    item = Dataset()
    item.LUTDescriptor = [8, 100, 16]
    item.LUTData = [0, 0, 0, 1000, 4000, 9000, 65535, 65535]
    item.LUTExplanation = "NORMAL"
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "US"
    header = open_series(write_slice("x", _CT, VOILUTSequence=Sequence([item]))).header
    (window,) = header.windows
    assert window.explanation == "NORMAL"
    assert window.limits == (102, 106)
    np.testing.assert_allclose(
        window.curve, np.array([0, 1000, 4000, 9000, 65535]) / 65535, atol=1e-5
    )
    values = np.arange(98, 110)
    looked_up = np.interp(values, np.arange(100, 108), item.LUTData)
    np.testing.assert_array_equal(
        apply_window(values, window), np.rint(looked_up / 257)
    )


def test_a_long_voi_lut_is_kept_as_fine_as_a_screen(write_slice: Write) -> None:
    table = np.rint(65535 * np.linspace(0, 1, 4096) ** 2).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 16]
    item.LUTData = table.tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    (window,) = open_series(
        write_slice("x", _CT, VOILUTSequence=Sequence([item]))
    ).header.windows
    assert len(window.curve) == 256
    shown = apply_window(np.arange(4096), window).astype(int)
    assert np.abs(shown - table / 257).max() <= 1


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        pytest.param({"RescaleSlope": 1, "RescaleIntercept": -1024}, "HU", id="ct"),
        pytest.param({}, "", id="ct-unscaled"),
        pytest.param({"Modality": "MR"}, "", id="mr"),
        pytest.param({"Modality": "PT", "Units": "BQML"}, "BQML", id="pet"),
        pytest.param(
            {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US"},
            "",
            id="none",
        ),
        pytest.param(
            {
                "RescaleSlope": 1,
                "RescaleIntercept": 0,
                "RescaleType": "OD",
                "Modality": "OT",
            },
            "OD",
            id="od",
        ),
    ],
)
def test_unit(write_slice: Write, elements: dict[str, Any], unit: str) -> None:
    assert open_series(write_slice("x", _CT, **elements)).header.unit == unit


def _window_of(write_slice: Write, pixels: np.ndarray, **elements: Any) -> Window:
    return default_window(
        Series(open_series(write_slice("x", pixels, **elements)).header)
    )


def test_default_windows(write_slice: Write) -> None:
    rng = np.random.default_rng(0)
    hu = {"RescaleSlope": 1, "RescaleIntercept": 0}
    body = rng.normal(40, 30, (64, 64)).astype(np.int16)
    body[:20] = -1000
    assert _window_of(write_slice, body, **hu).explanation == "Soft tissue"
    lungs = rng.normal(-800, 30, (64, 64)).astype(np.int16)
    assert _window_of(write_slice, lungs, **hu).explanation == "Lungs"
    bone = rng.normal(900, 100, (64, 64)).astype(np.int16)
    assert _window_of(write_slice, bone, **hu).explanation == "Bone"
    mr = rng.normal(500, 10, (64, 64)).astype(np.int16)
    mr[:30], mr[40, 40] = 0, 32767
    low, high = _window_of(write_slice, mr, Modality="MR").limits
    assert 400 < low < 490
    assert 510 < high < 600
    padded = np.where(mr == 0, -2000, mr).astype(np.int16)
    low, _ = _window_of(
        write_slice, padded, Modality="MR", PixelPaddingValue=-2000
    ).limits
    assert 400 < low < 490
    flat = _window_of(write_slice, np.full((8, 8), 7, np.int16), Modality="MR")
    assert flat.width > 0
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    nowhere = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    assert _window_of(write_slice, ramp, **nowhere).limits == (0, 255)
    scan = _window_of(write_slice, ramp // 2, Modality="MR")
    assert scan.explanation == "Automatic"
    assert scan.limits[1] < 128
    real = np.array([[np.nan, np.inf], [0.25, 0.75]], np.float32)
    low, high = _window_of(write_slice, real, Modality="MR").limits
    assert 0.0 <= low < high <= 0.75


def test_apply_window() -> None:
    values = np.array([-100.0, 0, 50, 100, 1000, np.nan])
    exact = Window(center=50, width=100)
    assert apply_window(values, exact).tolist() == [0, 0, 128, 255, 255, 0]
    assert apply_window(values[:5], exact, inverted=True).tolist() == [
        255,
        255,
        128,
        0,
        0,
    ]
    curve = Window(center=50, width=100, function=VoiFunction.SIGMOID)
    grey = apply_window(values[:5], curve)
    assert grey[2] == 128
    # PS3.3 C.11.2.1.3.1: 255 / (1 + exp(-4 (0 - 50) / 100))
    assert grey[1] == round(255 / (1 + np.exp(2)))


def test_thumbnail_keeps_the_patients_proportions(write_slice: Write) -> None:
    path = write_slice("x", np.zeros((100, 50), np.int16), PixelSpacing=[1, 4])
    assert thumbnail(open_series(path), 96).shape == (48, 96)


def test_bad_requests(write_stack: Write) -> None:
    series = open_series(write_stack([0, 1]))
    with pytest.raises(IndexError, match="slice 2 of 2"):
        series.read_slice(2)
    assert_array_equal(series.read_slice(-1), series.read_slice(1))
    with pytest.raises(GeometryError, match="room of shape"):
        series.read(np.empty((1, 2, 3)))
    with pytest.raises(InvalidValueError, match="budget"):
        from napari_annotate_jobs.imaging import LazyVoxels

        LazyVoxels(series, budget=-1)
