"""What ``check`` finds out about the images of a job."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def scans(run, tmp_path, write_ct):
    """Return a job of two CT series, and the folder of its images."""
    images = tmp_path / "scans"
    for name in ("a", "b"):
        write_ct(images / name, 3, uid=f"1.2.{ord(name)}")
    code, _, err = run(
        "new", tmp_path / "job", "--images", images, "--labels", "segmentation:a"
    )
    assert code == 0, err
    return tmp_path / "job", images


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def test_files_that_were_cut_off(run, scans):
    job, images = scans
    assert run("check", job)[:2] == (0, "All is well.\n")
    for path in (images / "b").iterdir():
        truncate(path)
    code, out, _ = run("check", job)
    assert code == 1
    assert "case 'b'" in out
    assert str(images / "b") in out
    assert "its pixel data is cut off" in out
    assert out.endswith("\n1 fault.\n")


def test_a_slice_that_is_gone(run, scans):
    job, images = scans
    (images / "a" / "01.dcm").unlink()
    code, out, _ = run("check", job)
    assert code == 1
    assert "case 'a' have 2 slices, not 3" in out
    code, out, _ = run("check", job, "--json")
    assert code == 1
    (fault,) = json.loads(out)
    assert set(fault) == {"where", "what", "remedy"}
    assert fault["where"] == str(images / "a")
    assert fault["remedy"]


def test_a_series_that_is_no_longer_there(run, scans):
    job, _ = scans
    document = json.loads((job / "job.json").read_text())
    document["cases"][1]["series"][0]["series_uid"] = "1.2.98#size=4x4"
    (job / "job.json").write_text(json.dumps(document))
    code, out, _ = run("check", job)
    assert code == 1
    assert "case 'b'" in out
    assert "1.2.98#size=4x4" in out


def test_damage_in_compressed_pixels(run, tmp_path):
    path = tmp_path / "x.jpg"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(path)
    job = tmp_path / "job"
    assert run("new", job, "--images", path, "--labels", "detection:a")[0] == 0
    truncate(path)
    assert run("check", job)[0] == 0
    code, out, _ = run("check", job, "--pixels")
    assert code == 1
    assert str(path) in out
    assert "case 'x'" in out
    _, out, _ = run("check", "--help")
    assert "--pixels finds" in " ".join(out.split())


def test_a_folder_without_jobs_is_not_well(run, tmp_path):
    code, out, err = run("check", tmp_path)
    assert (code, out) == (2, "")
    assert "there is no job here" in err


def test_faults_are_printed_over_the_progress(run, scans, monkeypatch):
    job, images = scans
    (images / "a" / "01.dcm").unlink()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    code, out, err = run("check", job)
    assert code == 1
    assert len(out.splitlines()) == 2
    assert "checking job: 1 of 2\r" in err
    assert err.endswith("\r\x1b[K")
