"""Scroll through more voxels than 256 MiB within 256 MiB.

2,000 x 1024 x 1024 (4.2 GB) of DICOM, and a quarter of that in one file each of
NIfTI, NRRD and MetaImage.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from _bench import report
from _read_files import in_a_process, write_file
from _read_series import peak_bytes, write_sparse

_BUDGET = 1 << 28
_SIZE = 1024
_FILES = ("ct.nii.gz", "ct.nrrd", "ct.gz.nrrd", "ct.mha", "ct.z.mha")


def _scroll(path: Path, small: Path, result: object) -> None:
    from napari_annotate_jobs.imaging import LazyVoxels, open_series

    open_series(small).read_slice(0)
    series = open_series(path)
    before = peak_bytes()
    start = time.perf_counter()
    voxels = LazyVoxels(series, budget=_BUDGET)
    count = len(voxels)
    assert voxels[0].shape == (_SIZE, _SIZE)
    first = time.perf_counter() - start
    for index in [*range(0, count, 3), *range(count - 1, 0, -7)]:
        assert voxels[index].shape == (_SIZE, _SIZE)
    took = time.perf_counter() - start
    figures = (peak_bytes() - before, round(first, 3), round(took, 1))
    result.put(figures)  # type: ignore[attr-defined]


def _row(name: str, path: Path, small: Path, voxels: int) -> None:
    peak, first, took = in_a_process(_scroll, path, small)
    report(
        f"scroll {name}: peak memory, vs the budget",
        peak,
        _BUDGET,
        unit="bytes",
        goal=1.2,
        voxels=voxels,
        first_slice_s=first,
        all_s=took,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voxels = write_sparse(folder, 2000, _SIZE)
        small = next(folder.iterdir())
        _row("2,000 x 1024 x 1024 voxels", folder, small, voxels)
    for file in _FILES:
        with tempfile.TemporaryDirectory() as name:
            path, small = Path(name, file), Path(name, f"small-{file}")
            voxels = write_file(path, 500, _SIZE)
            write_file(small, 4, 64)
            _row(f"{file[2:]} of 500 x 1024 x 1024 voxels", path, small, voxels)


if __name__ == "__main__":
    main()
