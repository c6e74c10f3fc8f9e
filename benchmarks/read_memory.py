"""Peak memory of reading a CT of 300 x 512 x 512, in a process of its own.

As a folder of DICOM files, and as one file of NIfTI, NRRD and MetaImage.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from _bench import report
from _read_files import in_a_process, write_file
from _read_series import peak_bytes, pydicom_loop, write_ct

_COUNT, _SIZE = 300, 512
_FILES = ("ct.nii.gz", "ct.nrrd", "ct.gz.nrrd", "ct.mha", "ct.z.mha")


def _ours(path: Path, small: Path, result: object) -> None:
    from napari_annotate_jobs.imaging import read_series

    before = _warm(small)
    read_series(path)
    result.put(peak_bytes() - before)  # type: ignore[attr-defined]


def _loop(path: Path, small: Path, result: object) -> None:
    before = _warm(small)
    pydicom_loop(path)
    result.put(peak_bytes() - before)  # type: ignore[attr-defined]


def _nibabel(path: Path, small: Path, result: object) -> None:
    import nibabel
    import numpy as np

    before = _warm(small)
    np.asanyarray(nibabel.load(path).dataobj)  # type: ignore[attr-defined]
    result.put(peak_bytes() - before)  # type: ignore[attr-defined]


def _simpleitk(path: Path, small: Path, result: object) -> None:
    import SimpleITK as sitk

    before = _warm(small)
    sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    result.put(peak_bytes() - before)  # type: ignore[attr-defined]


def _warm(path: Path) -> int:
    """Import everything, read one slice, and return the peak until now."""
    from napari_annotate_jobs.imaging import open_series

    open_series(path).read_slice(0)
    return peak_bytes()


def _dicom() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        voxels = write_ct(folder, _COUNT, _SIZE)
        small = next(folder.iterdir())
        loop = in_a_process(_loop, folder, small)
        report(
            "open CT 300 x 512 x 512: peak memory, vs the voxels' bytes",
            in_a_process(_ours, folder, small),
            voxels,
            unit="bytes",
            goal=1.2,
            pydicom_loop=round(loop / voxels, 2),
        )


def _one_file(file: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, small = Path(name, file), Path(name, f"small-{file}")
        voxels = write_file(path, _COUNT, _SIZE)
        write_file(small, 4, 64)
        peer = _nibabel if file.endswith(".nii.gz") else _simpleitk
        theirs = in_a_process(peer, path, small)
        report(
            f"open {file[2:]} of 300 x 512 x 512: peak memory, vs the voxels' bytes",
            in_a_process(_ours, path, small),
            voxels,
            unit="bytes",
            goal=1.2,
            **{peer.__name__.strip("_"): round(theirs / voxels, 2)},
        )


def main() -> None:
    _dicom()
    for file in _FILES:
        _one_file(file)


if __name__ == "__main__":
    main()
