"""Whatever the images are: each case that is made can be opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pydicom.data
import pytest

from napari_annotate_jobs.imaging import find_series
from napari_annotate_jobs.stores import FolderStore


def make(run, path, *images, options=()):
    code, _, err = run(
        "new", path, "--images", *images, "--labels", "detection:a", *options
    )
    assert code == 0, err
    store = FolderStore(path)
    job = store.jobs()[0].job
    cases = [row.case for row in store.cases(job.id, limit=1000).rows]
    return store, job.id, cases, err


def test_a_scout_of_the_same_series_can_be_opened(run, tmp_path, write_ct):
    write_ct(tmp_path / "ct", 3)
    write_ct(tmp_path / "ct", 1, size=4, name="scout.dcm")
    store, job, cases, _ = make(run, tmp_path / "job", tmp_path / "ct")
    assert sorted(case.n_slices for case in cases) == [1, 3]
    for case in cases:
        assert store.open_series(job, case.id).header.shape[0] == case.n_slices
        (ref,) = case.series
        if case.n_slices == 1:
            # A file that is a series by itself needs no key, which might change.
            assert (Path(ref.path).name, ref.series_uid) == ("scout.dcm", None)


@pytest.fixture(scope="module")
def messy(tmp_path_factory):
    """Throw the test files of pydicom into one folder, and into several."""
    root = tmp_path_factory.mktemp("messy")
    tests = Path(pydicom.data.__file__).parent / "test_files"
    every = (p for p in tests.rglob("*") if p.is_file())
    files = sorted(p for p in every if p.stat().st_size < 40_000)
    for number, file in enumerate(files):
        for place in (
            root / "flat",
            root / "mixed" / (str(number % 5) if number % 2 else ""),
        ):
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place / file.name)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("place", ["flat", "flat/*", "mixed"])
def test_every_case_of_a_messy_folder_can_be_opened(run, tmp_path, messy, place):
    images = messy.glob(place) if "*" in place else [messy / place]
    store, job, cases, err = make(run, tmp_path / "job", *sorted(images))
    seen = set()
    for case in cases:
        for number in range(len(case.series)):
            header = store.open_series(job, case.id, number).header
            seen.update(file.path for file in header.all_files)
            if number == case.reference:
                assert header.shape[0] == case.n_slices
    # No image is lost on the way, and what is no image is named.
    found = find_series(messy / place.removesuffix("/*"))
    assert len(found) > 30
    for header in found:
        assert {file.path for file in header.all_files} <= seen
    for fault in found.faults:
        assert fault.path.name in err


@pytest.mark.slow
def test_each_series_of_a_messy_folder_can_be_opened(run, tmp_path, messy):
    store, job, cases, _ = make(
        run, tmp_path / "job", messy / "mixed", options=["--case-per", "series"]
    )
    for case in cases:
        assert store.open_series(job, case.id).header.shape[0] == case.n_slices


def test_the_files_of_a_pair_are_one_case(run, tmp_path, write_ct):
    folder = tmp_path / "images"
    write_ct(folder / "ct")
    pair = nibabel.Nifti1Pair(np.zeros((4, 5, 6), np.int16), np.eye(4))
    nibabel.save(pair, folder / "brain.img")
    store, job, cases, _ = make(run, tmp_path / "job", folder)
    assert [(c.name, c.n_slices) for c in cases] == [("ct", 3), ("brain", 6)]
    for case in cases:
        store.open_series(job, case.id)


@pytest.mark.parametrize(("place", "files"), [("job", 6), (".", 3)])
def test_a_job_among_its_images_is_not_copied_into_itself(
    run, tmp_path, write_ct, place, files
):
    folder = tmp_path / "images"
    write_ct(folder, 3)
    store, job, (case,), _ = make(run, folder / place, folder, options=["--copy"])
    assert store.open_series(job, case.id).header.shape[0] == 3
    assert run("check", folder / place)[0] == 0
    assert len(list(folder.rglob("*.dcm"))) == files
