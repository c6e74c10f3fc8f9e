"""Which store a location means."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_annotate_jobs.errors import LogInError, NotFoundError, StoreError
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
        ("s3://bucket/jobs", "locations with s3: are not supported"),
    ],
)
def test_what_no_store_knows(location, match):
    with pytest.raises(StoreError, match=match):
        open_store(location)


@pytest.fixture
def no_tokens(tmp_path, monkeypatch):
    """Keep tokens in an empty folder, and no keyring."""
    from napari_annotate_jobs.stores.http import _tokens

    monkeypatch.delenv("NAPARI_ANNOTATE_JOBS_TOKEN", raising=False)
    monkeypatch.setattr(_tokens, "user_config_path", lambda *_, **__: tmp_path / "c")
    monkeypatch.setattr(_tokens, "_keyring", lambda: None)


@pytest.mark.parametrize("location", ["https://example.org/x", "HTTP://example.org/"])
def test_a_server_wants_to_know_who_asks(location, no_tokens):
    with pytest.raises(LogInError, match="nobody is logged in") as caught:
        open_store(location)
    assert "login http" in caught.value.remedy


def test_tokens_are_kept_for_this_user_alone(tmp_path, no_tokens):
    from napari_annotate_jobs.stores.http import forget_token, keep_token, kept_token

    server = "https://example.org"
    assert not keep_token(server, "ana", "one")
    assert not keep_token(server, "ben", "two")
    assert kept_token(server, "ana") == "one"
    assert kept_token(server) == "two"
    assert kept_token("https://example.com", "ana") is None
    assert (tmp_path / "c" / "servers.json").stat().st_mode & 0o077 == 0
    forget_token(server, "ben")
    assert (kept_token(server), kept_token(server, "ben")) == (None, None)
    assert kept_token(server, "ana") == "one"


@pytest.mark.parametrize("location", ["C:\\jobs\\liver", "c:/jobs", "missing", "a b"])
def test_drives_are_no_schemes(location, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="no such folder"):
        open_store(location)


def test_a_folder_may_have_a_colon_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:").mkdir()
    assert open_store("http:").jobs() == []
