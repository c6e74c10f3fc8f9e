"""Which store a location means."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_annotate_jobs.errors import NotFoundError, StoreError
from napari_annotate_jobs.stores import (
    FolderStore,
    MemoryStore,
    default_person,
    open_store,
)


def test_a_path_is_a_folder(job_folder, kit):
    for location in (job_folder, str(job_folder), f"{job_folder}/", job_folder.parent):
        with open_store(location, person="ana") as store:
            assert isinstance(store, FolderStore)
            assert store.person == "ana"
            assert Path(store.location) == Path(location)
            assert store.jobs()[0].job == kit.job()


def test_without_a_name_it_is_the_user_of_the_system(job_folder, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    assert default_person() == "ada"
    assert open_store(job_folder).person == "ada"
    for broken in ("", "a\tb"):
        monkeypatch.setattr("getpass.getuser", lambda name=broken: name)
        assert default_person() == "annotator"


def test_memories_of_a_name_are_one(kit):
    one = MemoryStore([(kit.job(), kit.cases())], person="ana")
    same = open_store(one.location, person="eve")
    assert same.jobs()[0].job == kit.job()
    assert open_store("memory:").jobs() == []
    location = one.location
    del one, same
    assert open_store(location).jobs() == []


@pytest.mark.parametrize(
    ("location", "match"),
    [
        ("https://example.org/jobs", "job servers are not supported"),
        ("HTTP://example.org", "job servers are not supported"),
        ("s3://bucket/jobs", "locations with s3: are not supported"),
    ],
)
def test_what_no_store_knows(location, match):
    with pytest.raises(StoreError, match=match):
        open_store(location)


@pytest.mark.parametrize("location", ["C:\\jobs\\liver", "c:/jobs", "missing", "a b"])
def test_drives_are_no_schemes(location, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="no such folder"):
        open_store(location)


def test_a_folder_may_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:").mkdir()
    assert open_store("http:").jobs() == []
