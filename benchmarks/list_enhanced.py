"""List enhanced files, frame by frame against a classic series of as many slices."""

from __future__ import annotations

import tempfile
from pathlib import Path

from _bench import compare
from _read_series import write_ct, write_enhanced

from napari_annotate_jobs.imaging import find_series

_FRAMES = 600


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        classic = Path(name, "classic")
        classic.mkdir()
        write_ct(classic, count=_FRAMES, size=32)
        for files in (40, 2):
            folder = Path(name, str(files))
            folder.mkdir()
            write_enhanced(folder, files, _FRAMES // files)
            found = find_series(folder)
            volumes = [volume for header in found for volume in header.volumes]
            assert sum(volume.shape[0] for volume in volumes) == _FRAMES
            compare(
                f"list {files} enhanced files of {_FRAMES // files} frames, "
                f"vs {_FRAMES} classic files",
                lambda folder=folder: find_series(folder),
                lambda: find_series(classic),
                goal=2.0,
            )


if __name__ == "__main__":
    main()
