"""Tables of slices and boxes."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_annotate_jobs.formats import export, exporter
from napari_annotate_jobs.stores import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from napari_annotate_jobs.stores import StoreSource


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_slice_has_a_row(source: StoreSource, tmp_path: Path) -> None:
    folder = export(source, exporter("csv"), tmp_path / "out", workers=1).folder
    rows = read(folder / "slices.csv")
    cases = [source.open(summary) for summary in source.summaries()]
    assert len(rows) == sum(case.n_slices for case in cases)
    assert [row["decision"] for row in rows[:6]] == [
        "undecided",
        "nothing to label",
        "labelled",
        "labelled",
        "labelled",
        "excluded",
    ]
    assert json.loads(rows[2]["classes"]) == ["good"]
    pixels = json.loads(rows[2]["mask_pixels"])
    mask = cases[0].mask(2, "")
    assert mask is not None
    assert pixels["Tumour"] == int((mask == 1).sum())
    assert json.loads(rows[5]["mask_pixels"]) == {}, "excluded"
    assert {row["author"] for row in rows} == {"ana"}
    assert {row["submission"] for row in rows} == {"1"}


def test_why_a_case_is_flagged_is_in_each_of_its_rows(
    source: StoreSource, tmp_path: Path
) -> None:
    summary = next(iter(source.summaries()))
    out = tmp_path / "out"
    export(source, exporter("csv"), out, workers=1)
    assert {row["flags"] for row in read(out / "slices.csv")} == {""}
    store = open_store(source._location, person="eve")
    store.flag(source.job.id, summary.case.id, "motion, left")
    store.close()
    folder = export(source, exporter("csv"), tmp_path / "again", workers=1).folder
    for row in read(folder / "slices.csv"):
        flagged = row["case_id"] == summary.case.id
        assert row["flags"] == ("motion, left (eve)" if flagged else "")
    assert next(iter(source.summaries())).digest == summary.digest


def test_boxes_have_their_place_in_the_patient(
    source: StoreSource, tmp_path: Path
) -> None:
    folder = export(source, exporter("csv"), tmp_path / "out", workers=1).folder
    row = read(folder / "boxes.csv")[0]
    case = source.open(next(iter(source.summaries())))
    affine = case.header.affine
    assert affine is not None
    assert (row["label"], row["slice"]) == ("nodule", "4")
    wanted = (affine @ [3, 10.0, 12.5, 1])[:3]
    found = [float(row[f"left_top_{axis}_mm"]) for axis in "xyz"]
    assert np.allclose(found, wanted, atol=1e-3)


def test_a_field_may_be_longer_than_python_reads_by_itself(
    source: StoreSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what others may hand over as a field is as long as it was."""
    from napari_annotate_jobs.formats import _tables

    real, long = _tables._box_rows, "\n".join(["x" * 100] * 2000)
    monkeypatch.setattr(
        _tables,
        "_box_rows",
        lambda case: [{**row, "attributes": {"remark": long}} for row in real(case)],
    )
    limit = csv.field_size_limit()
    folder = export(source, exporter("csv"), tmp_path / "out", workers=1).folder
    assert csv.field_size_limit() == limit
    with pytest.raises(csv.Error):
        read(folder / "boxes.csv")
    rows = list(_tables.own_rows(folder / "boxes.csv"))
    assert json.loads(rows[1][list(_tables.BOX).index("attributes")])["remark"] == long


def test_parquet_holds_the_same(source: StoreSource, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    plain = export(source, exporter("csv"), tmp_path / "csv", workers=1).folder
    typed = export(source, exporter("parquet"), tmp_path / "pq", workers=1).folder
    for name in ("slices", "boxes"):
        rows = read(plain / f"{name}.csv")
        found = parquet.read_table(typed / f"{name}.parquet").to_pylist()
        text = [
            {k: "" if v is None else str(v) for k, v in row.items()} for row in found
        ]
        assert text == rows
