"""Open an uncompressed 300 x 512 x 512 CT: first slice, whole, opened again."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _bench import compare
from _read_series import plain_reads, simpleitk, write_ct

from napari_annotate_jobs.imaging import (
    Series,
    SeriesHeader,
    apply_window,
    default_window,
    open_series,
    read_series,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _first(folder: Path) -> np.ndarray:
    """Put the first slice on screen: in its place, in its window."""
    return _shown(open_series(folder))


def _shown(series: Series) -> np.ndarray:
    plane = series.read_slice(0)
    return apply_window(plane, default_window(plane, series.header))


def _spent(function: Callable[[], object]) -> float:
    """Return the time of processors, finer than the system counts it."""
    before = time.process_time()
    function()
    return time.process_time() - before


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_ct(folder)
        ours = read_series(folder).voxels
        assert np.array_equal(ours, simpleitk(folder)), "the values differ"
        document = open_series(folder).header.to_json()

        def again() -> np.ndarray:
            header = SeriesHeader.from_json(document)
            return _shown(open_series(folder, cached=header))

        compare(
            "open CT 300 x 512 x 512: whole volume, vs SimpleITK",
            lambda: read_series(folder),
            lambda: simpleitk(folder),
            goal=0.25,
        )
        compare(
            "open CT 300 x 512 x 512: whole volume, vs plain reads by two threads",
            lambda: read_series(folder),
            lambda: plain_reads(folder),
            goal=1.5,
            repeats=9,
        )
        compare(
            "open CT 300 x 512 x 512: whole volume, vs the same, of processors",
            lambda: _spent(lambda: read_series(folder)),
            lambda: _spent(lambda: plain_reads(folder)),
            goal=1.5,
            repeats=15,
            unit="s of processors",
        )
        compare(
            "open CT 300 x 512 x 512: first slice, vs SimpleITK's whole",
            lambda: _first(folder),
            lambda: simpleitk(folder),
            goal=0.08,
        )
        compare(
            "open CT 300 x 512 x 512 again: first slice, vs SimpleITK's whole",
            again,
            lambda: simpleitk(folder),
            goal=0.02,
        )


if __name__ == "__main__":
    main()
