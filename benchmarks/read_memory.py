"""Peak memory of reading a CT of 300 x 512 x 512, in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
from pathlib import Path

from _bench import report
from _read_series import peak_bytes, pydicom_loop, write_ct


def _ours(folder: Path, result: object) -> None:
    from napari_annotate_jobs.imaging import read_series

    before = _warm(folder)
    read_series(folder)
    result.put(peak_bytes() - before)  # type: ignore[attr-defined]


def _peer(folder: Path, result: object) -> None:
    before = _warm(folder)
    pydicom_loop(folder)
    result.put(peak_bytes() - before)  # type: ignore[attr-defined]


def _warm(folder: Path) -> int:
    """Import everything, read one slice, and return the peak until now."""
    from napari_annotate_jobs.imaging import open_series

    open_series(next(folder.iterdir())).read_slice(0)
    return peak_bytes()


def _measured(target: object, folder: Path) -> int:
    context = multiprocessing.get_context("spawn")
    result = context.Queue()
    process = context.Process(target=target, args=(folder, result))
    process.start()
    figure: int = result.get()
    process.join()
    return figure


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voxels = write_ct(folder)
        loop = _measured(_peer, folder)
        report(
            "open CT 300 x 512 x 512: peak memory, vs the voxels' bytes",
            _measured(_ours, folder),
            voxels,
            unit="bytes",
            goal=1.2,
            pydicom_loop=round(loop / voxels, 2),
        )


if __name__ == "__main__":
    main()
