"""Open compressed CT series of 60 x 512 x 512 whole, on all cores."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from _bench import compare
from _read_series import pydicom_loop, write_ct
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from napari_annotate_jobs.imaging import read_series

_SYNTAXES = {
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000 lossless": JPEG2000Lossless,
    "RLE": RLELossless,
}


def main() -> None:
    for name, syntax in _SYNTAXES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_ct(folder, count=60, syntax=syntax)
            ours = read_series(folder).voxels
            theirs = pydicom_loop(folder).astype(np.int16) - 1024
            assert np.array_equal(ours, theirs), "the values differ"
            compare(
                f"open {name} CT 60 x 512 x 512, vs pydicom loop",
                lambda folder=folder: read_series(folder),
                lambda folder=folder: pydicom_loop(folder),
                goal=None if name == "RLE" else 0.55,
                cores=os.cpu_count(),
            )


if __name__ == "__main__":
    main()
