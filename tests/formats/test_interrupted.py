"""Exports that are killed, and disks that are full: nothing is lost or half written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.formats import EXPORT_FORMATS, export, exporter
from napari_annotate_jobs.formats._manifest import digest_of
from napari_annotate_jobs.stores import StoreSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

KILLED = """
import os, signal, sys
from napari_annotate_jobs.formats import export, exporter
from napari_annotate_jobs.formats.volumes._nnunet import NnunetExporter
from napari_annotate_jobs.stores import StoreSource

def kill(self, case, folder, written):
    if case.stem == "ct-lung-nodule":
        files = [folder / name for name in written.files]
        files[-1].write_bytes(files[-1].read_bytes()[:100])
        os.kill(os.getpid(), signal.SIGKILL)

NnunetExporter.verify_case = kill
export(StoreSource(sys.argv[1]), exporter("nnunet"), sys.argv[2], workers=1)
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_while_a_case_is_written_it_goes_on(
    drawn: Any, tmp_path: Path, outside_env: dict[str, str]
) -> None:
    source = StoreSource(str(drawn.folder))
    whole = export(source, exporter("nnunet"), tmp_path / "whole", workers=1)
    out = tmp_path / "killed" / "out"
    out.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(drawn.folder), str(out)],
        env=outside_env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    assert not out.exists()
    again = export(source, exporter("nnunet"), out, workers=1)
    assert (again.cases, again.resumed) == (2, 1)
    assert tree(again.folder) == tree(whole.folder)
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_workers_in_processes_of_their_own_write_the_same_bytes(
    source: StoreSource, tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    whole = export(source, exporter("nnunet"), tmp_path / "whole", workers=1)
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        with distributed.Client(cluster) as client:
            client.wait_for_workers(2)
            pids = set(client.run(os.getpid).values())
        assert len(pids) == 2
        assert os.getpid() not in pids
        address = cluster.scheduler_address
        done = export(source, exporter("nnunet"), tmp_path / "out", scheduler=address)
    assert tree(done.folder) == tree(whole.folder)


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let writing fail in the middle of a file, as where a disk is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_disk_that_is_full_leaves_nothing_half_written(
    name: str, source: StoreSource, mixed_options: dict[str, Any], tmp_path: Path
) -> None:
    writer = exporter(name, mixed_options.get(name, {}))
    whole = export(source, writer, tmp_path / "whole", workers=1).folder
    wanted = tree(whole)
    own = {n: len(data) for n, data in wanted.items() if n not in OURS}
    with (
        no_file_larger_than(max(own.values()) * 2 // 3),
        pytest.raises(StoreAccessError, match=r"cannot be written.*goes on where"),
    ):
        export(source, writer, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    for staging in tmp_path.glob(".out*"):
        noted: dict[str, str] = {}
        for note in (staging / ".cases").iterdir():
            noted |= json.loads(note.read_text("utf-8"))["result"]["files"]
        left = {n for n in tree(staging) if not n.startswith(".cases/")}
        assert left == set(noted)
        assert all(digest_of(staging / n) == digest for n, digest in noted.items())
    done = export(source, writer, tmp_path / "out", workers=1)
    assert tree(done.folder) == wanted


OURS = ("export.json", "decisions.csv")
