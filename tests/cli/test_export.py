"""The verb export, as a person types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from napari_annotate_jobs.cli import main
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

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    labels = LabelSet(
        labels=(
            Label(id=1, name="a", color="#D55E00", method=Method.SEGMENTATION),
            Label(id=2, name="b", color="#0072B2", method=Method.SEGMENTATION),
        )
    )
    project = Project(name="Job", methods=(Method.SEGMENTATION,), label_set=labels)
    path = str(sample_paths()["ct-lung-nodule"])
    case = Case(id="one", name="One", series=(SeriesRef(path=path),))
    create_job(folder, Job(id="job", project=project), [case]).close()
    return folder


@pytest.fixture
def submitted(job: Path) -> Path:
    session = AnnotationSession(open_store(str(job), person="ana"), "job")
    session.open_next = False
    session.open_case("one")
    session.editor.set_nothing_to_label([0])
    assert session.case is not None
    mask = session.case.series.read_slice(1) > 0
    session.editor.set_masks({(1, ""): mask * 1, (2, ""): mask * 2})
    session.submit()
    session.close()
    return job


def test_export_and_preview(
    submitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(submitted), "--format", "nifti"]
    assert main([*command, "--preview"]) == 0
    told = capsys.readouterr().out
    assert "1 case" in told
    assert "uneven=False" in told
    assert "Few images to learn from: a (1), b (1)." in told
    assert main([*command, "--preview", "--warn-below", "1"]) == 0
    assert "Few images" not in capsys.readouterr().out
    combine = tmp_path / "combine.yaml"
    combine.write_text("combine: {both: [a, b]}\n")
    out = tmp_path / "out"
    done = main(
        [*command, "--out", str(out), "--combine", str(combine), "--workers", "1"]
    )
    assert done == 0
    told = capsys.readouterr()
    assert "read again and found the same" in told.out
    assert "Few images to learn from: both (2)." in told.err
    manifest = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert [label["name"] for label in manifest["labels"]["labels"]] == ["both"]
    assert list(manifest["cases"][0]["counts"]["voxels"]) == ["both"]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--format", "word"], "Choose one of nifti"),
        (["--format", "nifti", "--set", "x"], "Write OPTION=VALUE"),
        (["--format", "nifti", "--convert", "x"], "components-to-boxes"),
        (["--format", "nifti", "--cases", "two"], "no case 'two'"),
        (["--format", "nifti", "--priority", "c"], "no label is named 'c'"),
        (
            ["--format", "nifti", "--convert", "masks-to-classes"],
            "holds segmentation, and the job has only labels for classification",
        ),
    ],
)
def test_what_cannot_be_done_says_why(
    submitted: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    text: str,
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(submitted), "--out", str(out), *more]) == 2
    assert text in capsys.readouterr().err
    assert not out.exists()


def test_nothing_submitted(
    job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["export", str(job), "--format", "nifti", "--out", out]) == 2
    assert "nothing to export" in capsys.readouterr().err
