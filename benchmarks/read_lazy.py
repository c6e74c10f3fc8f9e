"""Scroll through 2,000 x 1024 x 1024 voxels (4.2 GB) within 256 MiB."""

from __future__ import annotations

import tempfile
from pathlib import Path

from _bench import report
from _read_series import peak_bytes, write_sparse

from napari_annotate_jobs.imaging import LazyVoxels, open_series

_BUDGET = 1 << 28


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sparse(folder, 2000, 1024)
        series = open_series(folder)
        series.read_slice(0)
        before = peak_bytes()
        voxels = LazyVoxels(series, budget=_BUDGET)
        for index in [*range(0, 2000, 3), *range(1999, 0, -7)]:
            assert voxels[index].shape == (1024, 1024)
        report(
            "scroll 2,000 x 1024 x 1024 voxels: peak memory, vs the budget",
            peak_bytes() - before,
            _BUDGET,
            unit="bytes",
            goal=1.2,
            voxels=voxels.nbytes,
        )


if __name__ == "__main__":
    main()
