"""A .nii.gz of 300 x 512 x 512: the first slice, any slice, and the whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel
import numpy as np
from _bench import compare
from _read_files import write_file

from napari_annotate_jobs.imaging import Series, open_series, read_series

_COUNT, _SIZE = 300, 512


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "ct.nii.gz")
        write_file(path, _COUNT, _SIZE)

        def theirs() -> np.ndarray:
            return np.asanyarray(nibabel.load(path).dataobj)  # type: ignore[attr-defined]

        what = f"CT of {_COUNT} x {_SIZE} x {_SIZE} as .nii.gz"
        compare(
            f"{what}: whole, vs nibabel", lambda: read_series(path), theirs, goal=1.0
        )
        compare(
            f"{what}: first slice, vs nibabel's whole",
            lambda: open_series(path).read_slice(0),
            theirs,
            goal=0.1,
        )
        series: Series = open_series(path)
        series.read_slice(-1)
        rng = np.random.default_rng(0)
        compare(
            f"{what}: any slice, once it was reached, vs nibabel's slicer",
            lambda: series.read_slice(int(rng.integers(_COUNT))),
            lambda: np.asanyarray(
                nibabel.load(path).slicer[:, :, _any(rng)].dataobj  # type: ignore[attr-defined]
            ),
            goal=0.01,
        )


def _any(rng: np.random.Generator) -> slice:
    index = int(rng.integers(_COUNT))
    return slice(index, index + 1)


if __name__ == "__main__":
    main()
