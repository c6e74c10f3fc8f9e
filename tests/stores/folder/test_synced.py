"""Files are whole and durable, in the order that makes them so."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.files import _durable as files
from napari_annotate_jobs.stores import FolderStore


@pytest.fixture
def synced(monkeypatch):
    """Record what is synced and put in place, in order."""
    done = []
    fsync, replace, link = os.fsync, os.replace, os.link

    def record(handle):
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        temporary = path.name.startswith(files.TEMPORARY)
        done.append("data" if temporary else f"sync {path.name}")
        fsync(handle)

    def place(source, target):
        done.append(f"place {Path(target).suffix}")
        replace(source, target)

    monkeypatch.setattr(files.os, "fsync", record)

    def place_once(source, target):
        done.append(f"place once {Path(target).suffix}")
        link(source, target)

    monkeypatch.setattr(files.os, "replace", place)
    monkeypatch.setattr(files.os, "link", place_once)
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_save_syncs_masks_before_the_line_that_refers_to_them(
    job_folder, kit, synced
):
    store = FolderStore(job_folder, "ana")
    for revision, seed in enumerate((1, 2)):
        synced.clear()
        change, blobs = kit.painted(0, seed=seed)
        store.save("job-1", "case-0", change, blobs, base=revision)
    assert synced == ["data", "place .png", "sync masks", "sync changes.jsonl"]
    synced.clear()
    store.submit("job-1", "case-0", base=2)
    document = ["data", "place .json"]
    assert synced == [
        *document,
        "sync ana",
        "sync changes.jsonl",
        "sync ana",
        "data",
        "place once .json",
        "sync submissions",
        "sync events.jsonl",
    ]
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_a_journal_that_is_begun_anew_has_its_name_synced(job_folder, kit, synced):
    """After it went into the snapshot, the next save makes the file again."""
    store = FolderStore(job_folder, "ana")
    store.save("job-1", "case-0", kit.labelled(0, 1), {}, base=0)
    store._folder("job-1").work("case-0").compact()
    synced.clear()
    store.save("job-1", "case-0", kit.labelled(1, 1), {}, base=1)
    assert synced[-2:] == ["sync ana", "sync changes.jsonl"]
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_what_is_set_aside_has_its_new_name_on_the_disk(tmp_path, synced):
    (tmp_path / "x.jsonl").write_bytes(b"damaged")
    aside = files.set_aside(tmp_path / "x.jsonl")
    assert synced == ["place .jsonl", f"sync {tmp_path.name}"]
    assert aside.read_bytes() == b"damaged"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("write", "wanted"),
    [
        (lambda f: files.write_durably(f / "a.json", b"1"), ["data", "place .json"]),
        (
            lambda f: files.place_new_durably(f / "a.json", b"1"),
            ["data", "place once .json"],
        ),
        (
            lambda f: files.write_many_durably({f / "a.png": b"1"}),
            ["data", "place .png"],
        ),
        (
            lambda f: files.write_many_durably({f / "a.png": b"1", f / "b.png": b"2"}),
            ["data", "data", "place .png", "place .png"],
        ),
    ],
    ids=["write", "place new", "many of one", "many"],
)
def test_the_name_of_what_was_placed_is_synced_last(tmp_path, synced, write, wanted):
    write(tmp_path)
    assert sorted(synced[:-1]) == wanted
    assert synced[-1] == f"sync {tmp_path.name}"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_what_is_appended_is_synced_before_it_counts(tmp_path, synced):
    path = tmp_path / "log"
    files.append_durably(path, b"one", at=0)
    files.append_durably(path, b"two", at=3)
    assert [s for s in synced if s == "sync log"] == ["sync log"] * 2
    assert f"sync {tmp_path.name}" in synced


def test_a_combination_that_is_there_is_not_told_to_have_failed(
    job_folder, monkeypatch
):
    """A disk that takes nothing any more would not let it be taken back."""
    store = FolderStore(job_folder, "ana")
    store.save_combination("job-1", "first", "classes: []")
    fsync = os.fsync

    def fail(handle):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", fail)
    store.save_combination("job-1", "second", "classes: []")
    assert set(store.combinations("job-1")) == {"first", "second"}
    with pytest.raises(StoreAccessError):  # what others build on is told of
        files.write_durably(job_folder / "other", b"")
    store.close()
