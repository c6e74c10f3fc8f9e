"""Files of real scanners: values and places are those of other readers.

tests/data/NOTICE says where they are from, and whose the expected values are.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from napari_annotate_jobs.imaging import (
    SeriesHeader,
    find_series,
    inspect,
    open_series,
    read_series,
)

_DATA = Path(__file__).parents[2] / "data"
_EXPECTED = json.loads((_DATA / "expected.json").read_text())
_MOSAICS = [name for name in _EXPECTED if name.startswith("mosaic")]


def _digest(values: np.ndarray) -> str:
    plain = np.ascontiguousarray(np.round(values.astype(np.float64), 3) + 0.0)
    return hashlib.sha256(plain.tobytes()).hexdigest()


@pytest.mark.parametrize("name", _EXPECTED)
def test_values_at_their_places(name: str) -> None:
    wanted: dict[str, Any] = _EXPECTED[name]
    series = open_series(_DATA / name)
    assert len(series.volumes) == len(wanted["volumes"])
    for volume, expected in zip(series.volumes, wanted["volumes"], strict=True):
        values, affine = volume.read(), volume.header.affine
        assert list(values.shape) == expected["shape"]
        if wanted["affine"] is not None:
            assert affine is not None
            there = np.array(wanted["affine"])
            if affine[:3, 0] @ there[:3, 0] < 0:  # the same places, from the other end
                values, affine = values[::-1], np.array(affine)
                affine[:3, 3] += affine[:3, 0] * (len(values) - 1)
                affine[:3, 0] *= -1
            np.testing.assert_allclose(affine, there, atol=1e-3)
        assert values.sum(dtype=np.float64) == pytest.approx(expected["sum"])
        if values.dtype.kind != "f":
            assert _digest(values) == expected["sha256"]


@pytest.mark.parametrize("name", _MOSAICS)
def test_each_tile_is_a_slice_with_a_name(name: str) -> None:
    header = open_series(_DATA / name).header
    keys = [item.key for volume in header.volumes for item in volume.slices]
    assert len(set(keys)) == len(keys)
    assert all("#" in key for key in keys)
    assert any("sheet" in reason for reason in header.reasons)
    assert SeriesHeader.from_json(header.to_json()) == header


def test_only_the_mosaic_without_csa_header_is_warned_of() -> None:
    warned = {
        name: [w.code for w in open_series(_DATA / name).header.warnings]
        for name in _MOSAICS
    }
    assert warned.pop("mosaic_siemens_fmri_d2n") == ["mosaic-direction"]
    assert set(map(tuple, warned.values())) == {()}


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_mosaic(tmp_path: Path, syntax: str) -> None:
    source = next((_DATA / "mosaic_siemens_epi_ap").iterdir())
    dataset = pydicom.dcmread(source)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(tmp_path / "a.dcm")
    np.testing.assert_array_equal(
        read_series(tmp_path / "a.dcm").voxels, read_series(source).voxels
    )


def _changed(tmp_path: Path, name: str, *tags: tuple[int, int]) -> Path:
    dataset = pydicom.dcmread(next(iter(sorted((_DATA / name).iterdir()))))
    for tag in tags:
        del dataset[tag]
    dataset.save_as(tmp_path / "a.dcm")
    return tmp_path / "a.dcm"


def test_number_of_tiles_from_the_csa_header(tmp_path: Path) -> None:
    path = _changed(tmp_path, "mosaic_siemens_sagittal", (0x0019, 0x100A))
    header = open_series(path).header
    assert header.shape == (36, 64, 64)
    assert "CSA" in header.reasons[0]


def test_number_of_tiles_and_direction_from_the_protocol(tmp_path: Path) -> None:
    whole = open_series(_DATA / "mosaic_siemens_sagittal").header
    path = _changed(
        tmp_path, "mosaic_siemens_sagittal", (0x0019, 0x100A), (0x0029, 0x1010)
    )
    header = open_series(path).header
    assert header.shape == (36, 64, 64)
    assert "sSliceArray.lSize" in header.reasons[0]
    assert header.affine is not None
    np.testing.assert_allclose(header.affine, whole.affine, atol=1e-3)
    assert not header.warnings  # the sheet lies on one end of the planned slices


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        # the same plan, told from the other end
        ([("[0]", "[a]"), ("[35]", "[0]"), ("[a]", "[35]")], []),
        # no plan: sagittal slices are numbered from right to left
        ([("asSlice", "noSlice")], ["mosaic-direction"]),
        # nor does a plan of slices at one place say more
        ([("dSag", "dTra")], ["mosaic-direction"]),
    ],
    ids=["other end", "no plan", "one place"],
)
def test_direction_without_csa_header(
    tmp_path: Path, changes: list[tuple[str, str]], warned: list[str]
) -> None:
    source = next(iter(sorted((_DATA / "mosaic_siemens_sagittal").iterdir())))
    dataset = pydicom.dcmread(source)
    del dataset[0x0029, 0x1010]
    text = dataset[0x0029, 0x1020].value.decode("latin-1")
    for old, new in changes:
        if "Slice" not in old and "[" in old + new:
            old, new = f"asSlice{old}", f"asSlice{new}"
        text = text.replace(old, new)
    dataset[0x0029, 0x1020].value = text.encode("latin-1")
    dataset.save_as(tmp_path / "a.dcm")
    header = open_series(tmp_path / "a.dcm").header
    whole = open_series(source).header
    assert [w.code for w in header.warnings] == warned
    assert header.affine is not None
    np.testing.assert_allclose(header.affine, whole.affine, atol=1e-3)


def test_a_reversed_sheet_tells_how_far_off_its_plan_it_lies() -> None:
    header = open_series(_DATA / "mosaic_siemens_fmri_d2n").header
    (warning,) = header.warnings
    assert "has the same slices 151 mm further back" in warning.text


def test_distance_from_the_protocol_where_none_is_stated(tmp_path: Path) -> None:
    path = _changed(tmp_path, "mosaic_siemens_sagittal", (0x0018, 0x0088))
    assert open_series(path).header.spacing[0] == pytest.approx(3.6, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        (
            "mosaic_siemens_sagittal",
            [(0x0019, 0x100A), (0x0029, 0x1010), (0x0029, 0x1020)],
        ),
        ("mosaic_uih", [(0x0065, 0x1050), (0x0065, 0x1051)]),
    ],
)
def test_what_cannot_be_taken_apart_has_no_place(
    tmp_path: Path, name: str, tags: list[tuple[int, int]]
) -> None:
    header = open_series(_changed(tmp_path, name, *tags)).header
    assert header.affine is None
    assert header.shape[0] == 1
    assert [w.code for w in header.warnings] == ["mosaic-whole"]


def test_uih_without_places_of_its_tiles(tmp_path: Path) -> None:
    header = open_series(_changed(tmp_path, "mosaic_uih", (0x0065, 0x1051))).header
    assert header.shape == (20, 64, 64)
    assert header.affine is None
    assert "mosaic-unplaced" in {w.code for w in header.warnings}


def test_overlapping_segments_are_told_apart() -> None:
    found = find_series(_DATA / "seg_partial_overlaps" / "seg.dcm")
    volumes = {v.split.value: v for header in found for v in header.volumes if v.split}
    assert {name: v.shape[0] for name, v in volumes.items()} == dict(
        zip("12345", (1, 1, 3, 1, 1), strict=True)
    )
    assert not any(w.code == "same-place" for h in found for w in h.warnings)


def test_results_are_not_images_of_their_study(tmp_path: Path) -> None:
    for name in ("fragments_no_bot/ct.dcm", "seg_partial_overlaps/seg.dcm"):
        (tmp_path / Path(name).name).symlink_to(_DATA / name)
    report = pydicom.dcmread(_DATA / "fragments_no_bot/ct.dcm", stop_before_pixels=True)
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    del report.Rows
    report.save_as(tmp_path / "sr.dcm")
    found = find_series(tmp_path)
    assert [header.modality for header in found] == ["CT"]
    kinds = {result.path.name: result.kind for result in found.results}
    assert set(kinds.values()) == {"segmentation", "structured report"}
    told = inspect(tmp_path)["results"]
    assert {Path(item["file"]).name for item in told} == {"seg.dcm", "sr.dcm"}
    segment = next(r.header for r in found.results if r.header is not None)
    assert open_series(tmp_path, series_uid=segment.key).header.modality == "SEG"


def test_every_file_has_its_source_and_licence() -> None:
    folders = {path.name for path in _DATA.iterdir() if path.is_dir()}
    for text in ("NOTICE", "LICENCES"):
        words = set((_DATA / text).read_text().replace(",", " ").split())
        assert folders <= words, text
