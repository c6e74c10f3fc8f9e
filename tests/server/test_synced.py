"""What the server keeps in files is on the disk before it counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_annotate_jobs.server._blobs import _FolderShelf


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux says it there")
def test_a_large_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, Path.replace

    def synced(handle):
        place = Path(os.readlink(f"/proc/self/fd/{handle}"))
        done.append("name" if place.is_dir() else place.stat().st_size)
        sync(handle)

    def replaced(path, target):
        done.append("replace")
        return replace(path, target)

    large = tmp_path / "large"
    large.write_bytes(b"x" * 3_000_000)
    shelf = _FolderShelf(tmp_path / "shelf")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    shelf.put_file("exports/large.zip", large)
    assert done[-3:] == [3_000_000, "replace", "name"]
    assert shelf.read_part("exports/large.zip", 0, 2) == b"xx"
