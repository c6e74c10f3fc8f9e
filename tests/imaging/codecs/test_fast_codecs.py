"""What imagecodecs decodes has the values that pydicom's plug-ins give."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_array_equal
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging import open_series, read_series
from napari_annotate_jobs.imaging.codecs import _decode as codecs
from napari_annotate_jobs.imaging.codecs._imagecodecs import fast_decoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

imagecodecs: Any = pytest.importorskip("imagecodecs")


def _smooth(shape: tuple[int, ...], bits: int, *, seed: int = 0) -> np.ndarray:
    """Draw values of all sizes whose neighbours resemble one another."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-(1 << (bits - 4)), 1 << (bits - 4), shape)
    values = np.cumsum(steps, axis=1) + (1 << (bits - 1))
    values = np.clip(values, 0, (1 << bits) - 1)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def _encapsulated(path: Path, data: bytes, syntax: UID) -> Path:
    """Put a codestream in place of a file's native pixels."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([data])
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)
    return path


def _frame(path: Path) -> tuple[Any, bytes]:
    """Return what is said of the pixels, and the codestream."""
    raw = get_frame(pydicom.dcmread(path).PixelData, 0, number_of_frames=1)
    pixel = open_series(path).header.pixel
    assert pixel is not None
    return pixel, raw


def _fast(path: Path, size: tuple[int, int]) -> np.ndarray | None:
    pixel, raw = _frame(path)
    decode = fast_decoder(pixel, raw, size)
    return None if decode is None else decode(raw)


_SIZE = (37, 50)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg(
    write_slice: Write, predictor: int, bits: int, signed: int
) -> None:
    pixels = _smooth(_SIZE, bits)
    data = imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=predictor, bitspersample=bits
    )
    path = write_slice(
        "x", pixels, BitsStored=bits, HighBit=bits - 1, PixelRepresentation=signed
    )
    native = read_series(path).voxels[0]
    syntax = JPEGLosslessSV1 if predictor == 1 else JPEGLossless
    _encapsulated(path, data, syntax)
    expected = pydicom.dcmread(path).pixel_array
    assert_array_equal(expected, native)
    assert_array_equal(_fast(path, _SIZE), expected)
    assert_array_equal(read_series(path).voxels[0], expected)


@pytest.mark.parametrize("fits", [True, False])
def test_lossless_jpeg_of_more_bits_than_stored(write_slice: Write, fits: bool) -> None:
    pixels = _smooth(_SIZE, 12).astype(np.uint16)
    if not fits:
        pixels[3, 4] = 0x1000
    path = write_slice("x", pixels, BitsStored=12, HighBit=11)
    data = imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=16)
    _encapsulated(path, data, JPEGLosslessSV1)
    expected = pydicom.dcmread(path).pixel_array
    assert (_fast(path, _SIZE) is not None) == fits
    assert_array_equal(read_series(path).voxels[0], expected)


def _cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _without_its_end(data: bytes) -> bytes:
    return data[:-2] + b"\0\0"


def _shifted(data: bytes) -> bytes:
    """Let the scan say that a bit was shifted out."""
    at = data.index(b"\xff\xda") + 9
    return data[:at] + b"\1" + data[at + 1 :]


def _baseline(data: bytes) -> bytes:
    grey = imagecodecs.jpeg8_decode(data).astype(np.uint8)
    encoded: bytes = imagecodecs.jpeg8_encode(grey)
    return encoded


@pytest.mark.parametrize("change", [_cut_off, _without_its_end, _shifted, _baseline])
def test_jpeg_that_is_left_to_pydicom(
    write_slice: Write, change: Callable[[bytes], bytes]
) -> None:
    pixels = _smooth(_SIZE, 12)
    data = bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=12))
    path = write_slice("x", pixels, BitsStored=12, HighBit=11)
    _encapsulated(path, data, JPEGLosslessSV1)
    assert _fast(path, _SIZE) is not None
    pixel, _ = _frame(path)
    assert fast_decoder(pixel, change(data), _SIZE) is None


def _jpegls(pixels: np.ndarray, bits: int, *, lossy: int, interleave: int) -> bytes:
    from jpeg_ls import encode_buffer

    if interleave == 0:
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return bytes(
        encode_buffer(
            pixels.tobytes(),
            rows=_SIZE[0],
            columns=_SIZE[1],
            samples_per_pixel=3,
            bits_stored=bits,
            lossy_error=lossy,
            interleave_mode=interleave,
        )
    )


def _jpeg2000(pixels: np.ndarray, bits: int, *, mct: bool, lossy: bool) -> bytes:
    from openjpeg.utils import encode_array

    more = {"compression_ratios": [6, 3]} if lossy else {}
    return bytes(
        encode_array(
            pixels,
            bits_stored=bits,
            photometric_interpretation=1,
            use_mct=mct,
            **more,
        )
    )


@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize(
    ("syntax", "photometric", "encode"),
    [
        pytest.param(
            JPEG2000Lossless,
            "RGB",
            partial(_jpeg2000, mct=False, lossy=False),
            id="jpeg2000-rgb",
        ),
        pytest.param(
            JPEG2000Lossless,
            "YBR_RCT",
            partial(_jpeg2000, mct=True, lossy=False),
            id="jpeg2000-rct",
        ),
        pytest.param(
            JPEG2000,
            "YBR_ICT",
            partial(_jpeg2000, mct=True, lossy=True),
            id="jpeg2000-ict",
        ),
        pytest.param(
            JPEGLSLossless,
            "RGB",
            partial(_jpegls, lossy=0, interleave=0),
            id="jpegls-plane",
        ),
        pytest.param(
            JPEGLSLossless,
            "RGB",
            partial(_jpegls, lossy=0, interleave=1),
            id="jpegls-line",
        ),
        pytest.param(
            JPEGLSNearLossless,
            "RGB",
            partial(_jpegls, lossy=2, interleave=2),
            id="jpegls-near",
        ),
        pytest.param(RLELossless, "RGB", None, id="rle"),
    ],
)
def test_colour(
    write_slice: Write,
    syntax: UID,
    photometric: str,
    encode: Callable[[np.ndarray, int], bytes] | None,
    bits: int,
) -> None:
    pixels = np.stack([_smooth(_SIZE, bits, seed=seed) for seed in range(3)], axis=-1)
    elements: dict[str, Any] = {
        "Rows": _SIZE[0],
        "Columns": _SIZE[1],
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": photometric,
        "BitsStored": bits,
        "HighBit": bits - 1,
    }
    if encode is None:
        path = write_slice("x", pixels, syntax=syntax, **elements)
    else:
        path = write_slice("x", pixels, **elements)
        _encapsulated(path, encode(pixels, bits), syntax)
    expected = pydicom.dcmread(path).pixel_array
    if syntax not in (JPEG2000, JPEGLSNearLossless):
        assert_array_equal(expected, pixels)
    assert_array_equal(_fast(path, _SIZE), expected)
    assert_array_equal(read_series(path).voxels[0], expected)


@pytest.mark.parametrize(
    "photometric", [pytest.param("YBR_FULL", id="ybr"), pytest.param("RGB", id="rgb")]
)
def test_colour_that_pydicom_converts_is_left_to_it(
    write_slice: Write, photometric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.stack([_smooth(_SIZE, 8, seed=seed) for seed in range(3)], axis=-1)
    path = write_slice(
        "x",
        pixels,
        Rows=_SIZE[0],
        Columns=_SIZE[1],
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation=photometric,
        syntax=RLELossless,
    )
    assert (_fast(path, _SIZE) is None) == (photometric == "YBR_FULL")
    voxels = read_series(path).voxels[0]
    monkeypatch.setattr(codecs, "fast_decoder", lambda *_: None)
    assert_array_equal(voxels, read_series(path).voxels[0])


@pytest.mark.parametrize("fast", [True, False])
def test_damaged_rle_prints_nothing(
    write_slice: Write,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fast: bool,
) -> None:
    path = write_slice("x", _smooth(_SIZE, 12), syntax=RLELossless)
    raw = path.read_bytes()
    start = raw.rindex(b"\xfe\xff\x00\xe0") + 8 + 64  # behind the frame's head
    if not fast:
        monkeypatch.setattr(codecs, "fast_decoder", lambda *_: None)
    told = 0
    for place in range(40):
        damaged = bytearray(raw)
        damaged[start + 3 * place] ^= 0x95
        path.write_bytes(damaged)
        try:
            read_series(path)
        except UnreadableImageError:
            told += 1
    assert told
    assert capfd.readouterr() == ("", "")
