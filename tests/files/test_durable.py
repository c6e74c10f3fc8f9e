"""Files that are written whole, or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys

import pytest

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.files import _durable as files


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


@pytest.mark.parametrize("durably", [False, True])
def test_what_is_private_is_whole_or_as_it_was(tmp_path, monkeypatch, durably):
    path = tmp_path / "kept.json"
    files.write_privately(path, b"old", durably=durably)
    assert path.stat().st_mode & 0o077 == 0 or os.name == "nt"

    def fail(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_privately(path, b"new", durably=durably)
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]
    assert path.read_bytes() == b"old"
