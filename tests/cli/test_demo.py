"""Where the demo may put its jobs."""

from __future__ import annotations

import json

import pytest

from napari_annotate_jobs import _manifest
from napari_annotate_jobs.samples import SAMPLES


@pytest.fixture
def opened(monkeypatch):
    """Return the places that napari was opened with; it is not."""
    places = []
    monkeypatch.setattr(_manifest, "open_napari", places.append)
    return places


@pytest.mark.slow
def test_a_new_or_empty_folder(run, tmp_path, opened):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").touch()
    for name in ("empty", "new"):
        assert run("demo", tmp_path / name)[0] == 0
    # The demo can be gone on with.
    assert run("demo", tmp_path / "new")[0] == 0
    assert opened == [str(tmp_path / name) for name in ("empty", "new", "new")]


@pytest.mark.parametrize("option", [[], ["--headless"]])
def test_a_folder_that_is_in_use(run, job, tmp_path, opened, option):
    before = sorted(tmp_path.rglob("*"))
    for place in (job, tmp_path):
        code, _, err = run("demo", *option, place)
        assert code == 2
        assert f"{place}: the folder is not empty" in err
        assert "Name a folder" in err
    assert opened == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_no_folder(run, tmp_path, opened):
    (tmp_path / "file").touch()
    code, _, err = run("demo", tmp_path / "file")
    assert code == 2
    assert "Name a folder" in err


@pytest.mark.slow
def test_the_numbers_of_slices_are_in_the_jobs(run, tmp_path, opened):
    run("demo", tmp_path / "demo")
    found = {}
    for path in (tmp_path / "demo").glob("*/job.json"):
        for case in json.loads(path.read_text())["cases"]:
            found[case["id"]] = case["n_slices"]
    assert found == {sample.name: sample.n_slices for sample in SAMPLES}
    code, out, _ = run("check", tmp_path / "demo")
    assert (code, out) == (0, "All is well.\n")
