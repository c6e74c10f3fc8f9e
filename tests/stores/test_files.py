"""Files are whole and durable, in the order that makes them so."""

from __future__ import annotations

import errno
import os
import stat
import sys
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


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    files.write_durably(path, b"old")

    def fail(handle, data):
        os.pwrite(handle, b"n", os.lseek(handle, 0, os.SEEK_CUR))
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files.os, "write", fail)
    with pytest.raises(StoreAccessError, match=r"x\.json|tmp"):
        files.write_durably(path, b"new")
    with pytest.raises(StoreAccessError):
        files.append_durably(path, b"more", at=3)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.json"]


def test_short_writes_are_gone_on_with(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(files.os, "write", lambda h, data: write(h, bytes(data[:3])))
    path = tmp_path / "x"
    files.write_durably(path, b"0123456789")
    files.append_durably(path, b"abcdefgh", at=5)
    assert path.read_bytes() == b"01234abcdefgh"


@pytest.mark.skipif(sys.platform == "win32", reason="no such rights")
def test_others_on_a_share_may_read(tmp_path):
    mask = os.umask(0o002)
    try:
        files.write_durably(tmp_path / "x", b"")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o664


def test_folders_are_not_made_in_place_of_a_lost_share(tmp_path):
    root = tmp_path / "share" / "job"
    with pytest.raises(StoreAccessError, match="share is connected"):
        files.make_folders(root / "a" / "b", root=root)
    assert not root.parent.exists()
    root.mkdir(parents=True)
    files.make_folders(root / "a" / "b", root=root)
    assert (root / "a" / "b").is_dir()
    files.make_folders(root / "a" / "b", root=root)


def test_what_stands_in_the_way_is_named(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(StoreAccessError, match=r"file stands where|File exists"):
        files.make_folders(tmp_path / "a" / "b", root=tmp_path)
