"""Open compressed series whole, on all cores: 60 slices in grey, 20 in colour."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from _bench import compare
from _read_series import pydicom_loop, write_ct
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from napari_annotate_jobs.imaging import read_series

_ROWS = (
    ("JPEG lossless", JPEGLosslessSV1, False, 0.55),
    ("JPEG-LS", JPEGLSLossless, False, 0.55),
    ("JPEG 2000 lossless", JPEG2000Lossless, False, 0.55),
    ("RLE", RLELossless, False, None),
    ("JPEG-LS colour", JPEGLSLossless, True, None),
    ("JPEG 2000 lossless colour", JPEG2000Lossless, True, None),
    ("RLE colour", RLELossless, True, None),
)


def main() -> None:
    for name, syntax, colour, goal in _ROWS:
        count = 20 if colour else 60
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_ct(folder, count=count, syntax=syntax, colour=colour)
            ours = read_series(folder).voxels
            theirs = pydicom_loop(folder)
            if not colour:
                theirs = theirs.astype(np.int16) - 1024
            assert np.array_equal(ours, theirs), "the values differ"
            for plugin in ("pylibjpeg", "gdcm"):
                if plugin not in get_decoder(syntax).available_plugins:
                    continue
                compare(
                    f"open {name} {'SC' if colour else 'CT'} {count} x 512 x 512, "
                    f"vs pydicom loop with {plugin}",
                    lambda folder=folder: read_series(folder),
                    partial(pydicom_loop, folder, plugin),
                    goal=goal if plugin == "pylibjpeg" else None,
                    cores=os.cpu_count(),
                )


if __name__ == "__main__":
    main()
