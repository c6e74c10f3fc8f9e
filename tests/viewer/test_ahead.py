"""The next case is read ahead, and shown from there only if it is the same one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_annotate_jobs.viewer._prefetch import Prefetcher

from .conftest import Bench, write_dicom


@pytest.fixture
def taken(monkeypatch):
    """Note what there was of each case that was opened."""
    found = []
    real = Prefetcher.take

    def take(self, case_id, series):
        found.append(real(self, case_id, series))
        return found[-1]

    monkeypatch.setattr(Prefetcher, "take", take)
    return found


@pytest.fixture
def bench(images, tmp_path, slow):
    """Return a reader at one case, with the next one read."""
    for name in ("ct", "long"):
        shutil.copytree(images / name, tmp_path / name)
    bench = Bench(tmp_path, executor=slow)
    slow.drain()
    assert bench.bridge.prefetcher._loader.is_done
    yield bench
    bench.close()


def test_what_was_read_ahead_is_shown(bench, taken):
    bench.session.go(1)
    assert bench.session.case.row.case.id == "long"
    assert np.shares_memory(bench.image.data, taken[-1])
    assert [plane.max() for plane in bench.image.data] == [*range(0, 4000, 100)]
    assert bench.errors == []


@pytest.mark.slow
def test_another_case_is_not_shown_from_it(bench, taken):
    bench.session.open_case("ct")
    bench.session.close_case()
    bench.session.open_case("ct")
    assert all(voxels is None for voxels in taken)
    assert bench.image.data.shape == (6, 32, 40)


def test_images_that_changed_meanwhile_are_read_again(bench, taken, tmp_path):
    write_dicom(tmp_path / "long", (12, 8, 8))
    for index in range(12, 40):
        (tmp_path / "long" / f"{index}.dcm").unlink()
    bench.session.go(1)
    assert taken[-1] is None
    assert bench.image.data.shape == (12, 8, 8)
