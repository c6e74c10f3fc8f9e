"""Each decoder gives the values it gives to pydicom; what GDCM does wrong is kept out.

The rows of GDCM are skipped where it is not installed: it comes with the extra `test`.
"""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
import pydicom.data
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import UID

from napari_annotate_jobs.errors import MissingExtraError, UnreadableImageError
from napari_annotate_jobs.imaging import open_series, read_series
from napari_annotate_jobs.imaging.codecs import _decode as codecs

_TESTS = Path(pydicom.data.__file__).parent / "test_files"
_DATA = Path(data_store.__file__).parent / "data"
_FILES = {
    "jpeg-grey-12": _TESTS / "JPGExtended.dcm",
    "jpeg-rgb": _TESTS / "SC_rgb_dcmtk_+eb+cr.dcm",
    "jpeg-rgb-app14": _TESTS / "SC_rgb_jpeg_app14_dcmd.dcm",
    "jpeg-ybr-444": _TESTS / "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "jpeg-ybr-422": _TESTS / "SC_rgb_dcmtk_+eb+cy+s2.dcm",
    "jpeg-ybr-422-frames": _TESTS / "examples_ybr_color.dcm",
    "jpeg-ybr-411": _TESTS / "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "jpeg-odd-size": _TESTS / "SC_rgb_small_odd_jpeg.dcm",
    "jpeg-lossless-8": _DATA / "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "jpeg-lossless-12": _DATA / "bad_sequence.dcm",
    "jpeg-lossless-16": _DATA / "JPEG-LL.dcm",
    "jpeg-lossless-rgb": _TESTS / "SC_rgb_jpeg_gdcm.dcm",
    "jpeg-ls-16": _TESTS / "MR_small_jpeg_ls_lossless.dcm",
    "jpeg-ls-12-frames": _DATA / "emri_small_jpeg_ls_lossless.dcm",
    "jpeg-ls-near-8": _TESTS / "JPEGLSNearLossless_08.dcm",
    "jpeg-ls-near-16": _TESTS / "JPEGLSNearLossless_16.dcm",
    "jpeg-ls-rgb-line": _TESTS / "SC_rgb_jls_lossy_line.dcm",
    "jpeg-ls-rgb-sample": _TESTS / "SC_rgb_jls_lossy_sample.dcm",
    "jpeg-2000-16": _TESTS / "MR_small_jp2klossless.dcm",
    "jpeg-2000-13-sign-differs": _TESTS / "J2K_pixelrep_mismatch.dcm",
    "jpeg-2000-14-lossy": _TESTS / "693_J2KI.dcm",
    "jpeg-2000-10": _DATA / "RG3_J2KR.dcm",
    "jpeg-2000-rct": _TESTS / "examples_jpeg2k.dcm",
    "jpeg-2000-ict": _DATA / "US1_J2KI.dcm",
    "jpeg-2000-rgb": _TESTS / "SC_rgb_gdcm_KY.dcm",
    "jpeg-2000-jp2": _TESTS / "GDCMJ2K_TextGBR.dcm",
}


def _stored(path: Path) -> np.ndarray:
    """Read the first frame, before any rescale."""
    series = open_series(path)
    reader = series._ready()
    return reader._decoded(series.header.frames[0], path)  # type: ignore[attr-defined]


def _pairs() -> list[Any]:
    """Every file with every decoder that is there for it, and with GDCM."""
    pairs = []
    for name, path in _FILES.items():
        syntax = pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID
        for plugin in sorted({*get_decoder(syntax).available_plugins, "gdcm"}):
            pairs.append(pytest.param(name, plugin, id=f"{name}-{plugin}"))
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize(("name", "plugin"), _pairs())
def test_values_are_those_pydicom_gets_of_the_same_decoder(
    name: str, plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plugin == "gdcm":
        pytest.importorskip("gdcm")
    path = _FILES[name]
    dataset = pydicom.dcmread(path)
    offered = codecs.check_decoder

    def only(syntax: str, where: Path) -> list[tuple[Any, str]]:
        return [entry for entry in offered(syntax, where) if entry[1] == plugin]

    monkeypatch.setattr(codecs, "check_decoder", only)
    monkeypatch.setattr(codecs, "fast_decoder", lambda *_: None)
    if (name, plugin) == ("jpeg-grey-12", "gdcm"):
        # pydicom's own plug-in refuses, from the days when GDCM was wrong
        assert np.ptp(_stored(path)) > 0
        return
    try:
        expected = pixel_array(dataset, index=0, decoding_plugin=plugin)
    except RuntimeError:
        with pytest.raises((MissingExtraError, UnreadableImageError)):
            _stored(path)
        return
    np.testing.assert_array_equal(_stored(path), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", _FILES)
def test_values_are_those_pydicom_gets_by_itself(name: str) -> None:
    dataset = pydicom.dcmread(_FILES[name])
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    if not decoder.is_available:
        pytest.skip("no decoder of it is installed")
    try:
        expected = pixel_array(dataset, index=0)
    except RuntimeError:
        pytest.skip("what is installed cannot decode it")
    # of 12 bits pylibjpeg rounds otherwise than GDCM and imagecodecs
    most = 1 if name == "jpeg-grey-12" else 0
    np.testing.assert_allclose(
        _stored(_FILES[name]).astype(int), expected.astype(int), rtol=0, atol=most
    )


def test_gdcm_and_imagecodecs_agree_on_12_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gdcm")
    fast = _stored(_FILES["jpeg-grey-12"])
    monkeypatch.setattr(codecs, "fast_decoder", lambda *_: None)
    _only_gdcm(monkeypatch)
    np.testing.assert_array_equal(_stored(_FILES["jpeg-grey-12"]), fast)


@pytest.mark.parametrize("process", range(52, 57))
def test_retired_jpeg_syntaxes(tmp_path: Path, process: int) -> None:
    """Several scans a picture, as full progression has them."""
    grey = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8) * 3
    kept = BytesIO()
    Image.fromarray(grey).save(kept, "JPEG", progressive=True, quality=90)
    dataset = pydicom.dcmread(_TESTS / "SC_rgb_small_odd_jpeg.dcm")
    dataset.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2.4.{process}")
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 32, 40, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = encapsulate([kept.getvalue()])
    dataset.save_as(tmp_path / "a.dcm")
    np.testing.assert_array_equal(
        _stored(tmp_path / "a.dcm").astype(int), np.asarray(Image.open(kept))
    )


def test_what_nothing_decodes_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "fast_decoder", lambda *_: None)
    monkeypatch.setattr(codecs, "check_decoder", lambda *_: [])
    with pytest.raises(MissingExtraError, match=r"JPGExtended.*jobs\[jpeg\]"):
        read_series(_FILES["jpeg-grey-12"])


@pytest.mark.parametrize(
    "does",
    [
        pytest.param("os.kill(os.getpid(), signal.SIGABRT)", id="before-it-answers"),
        pytest.param("os.write(1, b'{\"length\": 9}\\n123')", id="half-way"),
        pytest.param("os.write(1, b'Segmentation fault')", id="nonsense"),
    ],
)
def test_gdcm_may_crash(
    does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gdcm")
    from napari_annotate_jobs.imaging.codecs import _gdcm

    _only_gdcm(monkeypatch)
    path = _FILES["jpeg-lossless-16"]
    voxels = read_series(path).voxels
    with monkeypatch.context() as patch:
        crashing = tmp_path / "crashing.py"
        crashing.write_text(
            f"import os, signal, sys\nsys.stdin.buffer.readline()\n{does}\n"
        )
        patch.setattr(_gdcm.WORKERS, "program", crashing)
        patch.setattr(_gdcm.WORKERS, "idle", [])
        with pytest.raises(UnreadableImageError, match=r"JPEG-LL\.dcm.*GDCM crashed"):
            read_series(path)
        assert not _gdcm.WORKERS.idle
    np.testing.assert_array_equal(read_series(path).voxels, voxels)


@pytest.mark.slow
def test_a_worker_that_is_gone_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gdcm")
    from napari_annotate_jobs.imaging.codecs import _gdcm

    _only_gdcm(monkeypatch)
    path = _FILES["jpeg-lossless-16"]
    voxels = read_series(path).voxels
    assert _gdcm.WORKERS.idle
    for worker in _gdcm.WORKERS.idle:
        worker.kill()
        worker.wait()
    np.testing.assert_array_equal(read_series(path).voxels, voxels)


@pytest.mark.slow
def test_gdcm_prints_nothing_and_ends_with_us(tmp_path: Path) -> None:
    pytest.importorskip("gdcm")
    path = tmp_path / "damaged.dcm"
    raw = bytearray(_FILES["jpeg-lossless-16"].read_bytes())
    raw[-20000:-8] = bytes(19992)
    path.write_bytes(raw)
    script = (
        "import sys, pydicom, os\n"
        "from napari_annotate_jobs.errors import AnnotateJobsError\n"
        "from napari_annotate_jobs.imaging import read_series\n"
        "from napari_annotate_jobs.imaging.codecs import _decode as _codecs\n"
        "offered = _codecs.check_decoder\n"
        "_codecs.fast_decoder = lambda *_: None\n"
        "_codecs.check_decoder = lambda *a: offered(*a)[-1:]\n"
        "try: read_series(sys.argv[1])\n"
        "except AnnotateJobsError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("", "")


def _only_gdcm(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = codecs.check_decoder
    monkeypatch.setattr(codecs, "check_decoder", lambda *args: offered(*args)[-1:])
    monkeypatch.setattr(codecs, "fast_decoder", lambda *_: None)
