"""The verbs import and propose, as a person types them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
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
from napari_annotate_jobs.stores import create_job, open_store

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (9, 8, 6)
AFFINE = np.diag([-0.7, -0.8, 2.5, 1])


@pytest.fixture
def job(tmp_path: Path) -> Path:
    labels = LabelSet(
        labels=(
            Label(id=1, name="liver", color="#D55E00", method=Method.SEGMENTATION),
            Label(id=2, name="tumour", color="#0072B2", method=Method.SEGMENTATION),
        )
    )
    project = Project(name="Job", methods=(Method.SEGMENTATION,), label_set=labels)
    image = tmp_path / "image.nii.gz"
    nib.save(nib.Nifti1Image(np.ones(SHAPE, np.int16), AFFINE), image)
    case = Case(id="one", name="One", series=(SeriesRef(path=str(image)),))
    create_job(tmp_path / "job", Job(id="job", project=project), [case]).close()
    return tmp_path / "job"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    array = np.zeros(SHAPE, np.uint8)
    array[2:5, 2:5, 2:4] = 5
    folder = tmp_path / "masks"
    folder.mkdir()
    nib.save(nib.Nifti1Image(array, AFFINE), folder / "pred_one.nii.gz")
    return folder


def test_import_says_what_is_missing_and_what_came_in(
    job: Path, masks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["import", str(job), "--from", str(masks), "--format", "nifti"]
    assert main(command) == 2
    told = capsys.readouterr()
    assert "pred_one.nii.gz" in told.out
    assert "--match" in told.err
    command += ["--match", "pred_{case}.nii.gz", "--person", "ana"]
    assert main(command) == 2
    assert "no label for '5'" in capsys.readouterr().err
    command += ["--map", "5=tumour"]
    assert main([*command, "--preview"]) == 0
    assert "2 masks on 2 slices would come in as draft" in capsys.readouterr().out
    assert main(command) == 0
    assert "1 case: 2 masks on 2 slices came in as draft" in capsys.readouterr().out
    assert main(command) == 0
    assert "2 slices held something and keep it" in capsys.readouterr().out
    with open_store(str(job), person="ana") as store:
        found = store.load("job", "one").annotation.slices["index:2"]
    assert found.masks[""].pixels == {2: 9}
    assert found.masks[""].source == "NIfTI"


def test_propose_from_a_folder_as_json(
    job: Path, masks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["propose", str(job), "--from", str(masks), "--map", "5=liver"]
    command += ["--match", "pred_{case}.nii.gz", "--person", "ana", "--json"]
    assert main([*command, "--model", "net", "--model-version", "1.2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"]["masks"] == 2
    assert told["cases"][0]["error"] is None
    with open_store(str(job), person="ana") as store:
        found = store.load("job", "one").annotation.slices["index:2"]
    assert found.proposals[""].source == "net 1.2"
    assert not found.masks


@pytest.mark.slow
def test_propose_by_a_command(
    job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "model.py"
    script.write_text(
        "import sys, nibabel as nib\n"
        "image = nib.load(sys.argv[1])\n"
        "nib.save(nib.Nifti1Image(image.dataobj[...].astype('u1'), image.affine),\n"
        "         sys.argv[2])\n"
    )
    command = ["propose", str(job), "--person", "ana", "--command"]
    command += [f'"{sys.executable}" "{script}" {{image}} {{out}}']
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "6 masks on 6 slices came in as proposals" in told
    assert "1 = liver" in told
    assert main(command) == 0
    assert "done before by the same command" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--format", "word"], "Choose one of nifti"),
        (["--match", "x"], "Write {case}"),
        (["--map", "5"], "NAME=LABEL"),
        (["--cases", "two"], "no case 'two'"),
        (["--model-version", "2"], "Give --model too"),
        (["--as", "proposals", "--mode", "replace"], "never replace"),
        (["--from", "/no/such"], "no such file or folder"),
    ],
)
def test_what_cannot_be_done_says_why(
    job: Path,
    masks: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    text: str,
) -> None:
    command = ["import", str(job), "--from", str(masks), "--format", "nifti"]
    command += ["--person", "ana"]
    if "--match" not in more:
        command += ["--match", "pred_{case}.nii.gz"]
    assert main([*command, *more]) == 2
    assert text in capsys.readouterr().err
    with open_store(str(job), person="ana") as store:
        assert store.load("job", "one").annotation.is_blank
