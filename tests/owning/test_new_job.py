"""A job made of what was found: the whole of it, or nothing."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from napari_annotate_jobs.errors import (
    Cancelled,
    ExistsError,
    InvalidValueError,
    NoImageError,
    StoreAccessError,
)
from napari_annotate_jobs.model import (
    Job,
    Label,
    LabelSet,
    Method,
    Project,
)
from napari_annotate_jobs.owning import (
    FoundCases,
    check_methods,
    find_cases,
    make_job,
    name_cases,
)
from napari_annotate_jobs.samples import sample_paths
from napari_annotate_jobs.stores import FolderStore

MASK = Method.SEGMENTATION
LABELS = LabelSet(labels=(Label(id=1, name="a", color="#112233", method=MASK),))


@pytest.fixture
def images(tmp_path):
    """Return a folder with two studies."""
    folder = tmp_path / "studies"
    for name in ("ct-lung", "mr-brain"):
        shutil.copytree(sample_paths()[name], folder / name)
    return folder


@pytest.fixture
def job():
    project = Project(name="p", methods=(MASK,), label_set=LABELS)
    return Job(id="j", project=project)


def everything(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_what_was_scanned_is_not_read_again(images, tmp_path, job, monkeypatch):
    found = find_cases([images])
    make_job(tmp_path / "job", job, found)
    from napari_annotate_jobs.imaging import _find

    def again(*_):
        raise AssertionError("the headers are read again")

    monkeypatch.setattr(_find, "find_series", again)
    with FolderStore(tmp_path / "job") as store:
        for case in found.cases:
            series = store.open_series("j", case.id)
            assert series.header.shape == found.headers[case.id].shape
            assert series.read_slice(0).shape == series.header.shape[1:3]


def test_images_that_changed_since_are_read_again(images, tmp_path, job):
    found = find_cases([images])
    make_job(tmp_path / "job", job, found)
    file = sorted((images / "ct-lung").iterdir())[0]
    file.unlink()
    with FolderStore(tmp_path / "job") as store:
        n = store.open_series("j", "ct-lung").header.shape[0]
    assert n == found.headers["ct-lung"].shape[0] - 1


@pytest.mark.parametrize("there", [False, True])
def test_a_copy_that_fails_leaves_nothing(images, tmp_path, job, there, monkeypatch):
    found = find_cases([images])
    target = tmp_path / "new" / "job"
    if there:
        target.mkdir(parents=True)
        (target / "mine.txt").write_text("stays")
    before = everything(tmp_path)
    copied = []

    def copyfile(source, copy):
        if len(copied) == 5:
            raise OSError(28, "No space left on device")
        copied.append(copy)
        Path(copy).touch()

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with pytest.raises(StoreAccessError, match="No space left"):
        make_job(target, job, found, copy=True)
    assert len(copied) == 5
    assert everything(tmp_path) == before


def test_copying_is_stopped_and_leaves_nothing(images, tmp_path, job):
    found = find_cases([images])
    before, told = everything(tmp_path), []
    with pytest.raises(Cancelled):
        make_job(
            tmp_path / "job",
            job,
            found,
            copy=True,
            progress=lambda *step: told.append(step),
            cancelled=lambda: len(told) == 3,
        )
    assert everything(tmp_path) == before
    assert told[-1][:2] == ("ct-lung", 3)


def test_copies_are_complete_and_open(images, tmp_path, job):
    found = find_cases([images])
    make_job(tmp_path / "job", job, found, copy=True)
    shutil.rmtree(images)
    with FolderStore(tmp_path / "job") as store:
        for case in found.cases:
            assert store.open_series("j", case.id).header.shape[0] == case.n_slices


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links there")
def test_hostile_folders_are_looked_through_and_copied(images, tmp_path, job):
    os.mkfifo(images / "ct-lung" / "pipe")
    os.mkfifo(images / "pipe")
    (images / "loop").symlink_to(images)
    (images / "ct-lung" / "up").symlink_to(images)
    (images / "dangling").symlink_to(tmp_path / "nowhere")
    secret = images / "unreadable"
    secret.mkdir()
    (secret / "a.dcm").write_bytes(b"DICM")
    secret.chmod(0)
    try:
        found = find_cases([images])
        names = [case.name for case in found.cases]
        assert names == ["ct-lung", "mr-brain"]
        make_job(tmp_path / "job", job, found, copy=True)
    finally:
        secret.chmod(0o700)
    assert not (tmp_path / "job" / "images" / "ct-lung" / "up").exists()
    assert not (tmp_path / "job" / "images" / "ct-lung" / "pipe").exists()


def test_a_search_is_stopped(images):
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        find_cases([images], cancelled=cancelled)


def test_a_job_that_is_there_is_left_alone(images, tmp_path, job):
    found = find_cases([images])
    make_job(tmp_path / "job", job, found)
    before = (tmp_path / "job" / "job.json").read_bytes()
    with pytest.raises(ExistsError, match="job already"):
        make_job(tmp_path / "job", job, found)
    with pytest.raises(ExistsError, match="is a file"):
        make_job(sorted((images / "ct-lung").iterdir())[0], job, found)
    assert (tmp_path / "job" / "job.json").read_bytes() == before


def test_nothing_found_makes_no_job(tmp_path, job):
    with pytest.raises(NoImageError, match="no images"):
        make_job(tmp_path / "job", job, FoundCases())
    assert not (tmp_path / "job").exists()


@pytest.mark.slow
def test_what_is_found_in_two_goes_is_put_together(images):
    first, second = find_cases([images / "ct-lung"]), find_cases([images])
    other = find_cases([images / "mr-brain"])
    assert [case.name for case in first.cases] == ["ct-lung"]
    assert first.add(other) == ["mr-brain"]
    assert first.add(other) == []
    assert set(first.headers) == {"ct-lung", "mr-brain"}
    # The same images, found as a study of a larger folder, are the same case.
    assert second.add(find_cases([images])) == []


def test_cases_of_one_name_from_two_places_are_told_apart(images, tmp_path):
    shutil.copytree(images, tmp_path / "other")
    found = find_cases([images])
    assert found.add(find_cases([tmp_path / "other"])) == [
        "ct-lung (2)",
        "mr-brain (2)",
    ]
    name_cases(found, None)
    assert [case.id for case in found.cases] == [f"Case {n}" for n in (1, 2, 3, 4)]
    assert set(found.headers) == {case.id for case in found.cases}


def test_a_method_without_labels_is_refused():
    check_methods([MASK], LABELS)
    with pytest.raises(InvalidValueError, match="detection has no label"):
        check_methods([MASK, Method.DETECTION], LABELS)
    with pytest.raises(InvalidValueError, match="nothing says"):
        check_methods([], LABELS)
