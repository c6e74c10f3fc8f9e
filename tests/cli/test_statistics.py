"""The verb statistics, as a person types it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from napari_annotate_jobs.model import (
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.session import AnnotationSession
from napari_annotate_jobs.stores import create_job, open_store


@pytest.fixture
def counted(tmp_path):
    """A job of two cases: Ana submitted one, Bo has a draft of it."""
    labels = LabelSet(
        labels=(
            Label(id=1, name="Leber", color="#D55E00", method=Method.SEGMENTATION),
            Label(id=2, name="Läsion", color="#0072B2", method=Method.DETECTION),
        )
    )
    methods = (Method.SEGMENTATION, Method.DETECTION)
    project = Project(name="Job", methods=methods, label_set=labels)
    path = str(sample_paths()["ct-lung-nodule"])
    cases = [
        Case(id=name, name=name.title(), series=(SeriesRef(path=path),))
        for name in ("one", "two")
    ]
    create_job(tmp_path / "job", Job(id="job", project=project), cases).close()
    for person, submit in (("ana", True), ("bo", False)):
        store = open_store(str(tmp_path / "job"), person=person)
        session = AnnotationSession(store, "job")
        session.open_next = False
        session.open_case("one")
        mask = np.zeros(session.case.series.header.shape[1:3], np.uint16)
        mask[0, :7] = mask[5, :3] = 1
        session.editor.set_masks({(1, ""): mask, (2, ""): mask})
        if submit:
            session.submit()
        session.close()
    return tmp_path / "job"


def test_table(run, counted):
    code, out, _ = run("statistics", counted, "--objects")
    assert code == 0
    assert "1 of 2 cases annotated" in out
    blocks = out.split("\n\n")
    assert [block.split()[0] for block in blocks[2:]] == ["all", "ana", "bo"]
    liver = next(line for line in blocks[3].splitlines() if line.startswith("Leber"))
    assert liver.split()[1:5] == ["1", "2", "100.0%", "2"]
    assert "2 manual" in liver


def test_json_csv_and_what_is_chosen(run, counted, tmp_path):
    folder = tmp_path / "numbers"
    code, out, _ = run("statistics", counted, "--json", "--csv", folder)
    assert code == 0
    found = json.loads(out)
    assert (found["cases"], found["annotated"]) == (2, 1)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows[:2]] == ["Leber", "Läsion"]
    header = open_store(str(counted)).open_series("job", "one").header
    voxel = np.prod(header.spacing) / 1000
    assert float(rows[0]["volume_ml"]) == pytest.approx(40 * voxel, rel=1e-4)
    _, out, _ = run("statistics", counted, "--json", "--only", "finished")
    assert [p["person"] for p in json.loads(out)["people"]] == ["", "ana"]
    _, out, _ = run("statistics", counted, "--json", "--person", "bo")
    assert [p["person"] for p in json.loads(out)["people"]] == ["", "bo"]
    code, _, err = run("statistics", counted, "--csv", folder)
    assert code == 2
    assert "already" in err
    code, _, err = run("statistics", counted, "--cases", "three")
    assert code == 2
    assert "no case 'three'" in err


def test_images_that_are_away_take_the_volume_only(run, counted, tmp_path):
    job = json.loads((counted / "job.json").read_text(encoding="utf-8"))
    text = json.dumps(job).replace(str(sample_paths()["ct-lung-nodule"]), "away")
    (counted / "job.json").write_text(text, encoding="utf-8")
    for path in counted.rglob("*.jsonl"):
        old = path.read_text(encoding="utf-8")
        path.write_text(
            old.replace(str(sample_paths()["ct-lung-nodule"]), "away"), encoding="utf-8"
        )
    code, out, err = run("statistics", counted)
    assert code == 0, err
    assert "size of voxels is not known" in out
