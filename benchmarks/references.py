"""Compare this reader with others, series by series, on an archive of your own.

    references.py [DIR...]

Opens every DICOM series below the folders (without any, the scanners' files of the
tests) with this reader, dcm2niix (PyPI, or on the PATH), SimpleITK and pydicom, and
prints one JSON line for each, and a summary.
Two readers agree on a series when

    shape    they have the same numbers of slices, rows, columns and volumes,
    place    the corners of the first volume lie at the same patient coordinates,
             to 0.01 mm, whichever end they count from,
    values   the voxels there are equal, to 1e-3 of a unit where slopes are applied
             in 32 bits.

pydicom has no notion of a volume: compared are the values of each frame by its name.
A reader that is not installed, or fails, says so in its column. Nothing of a patient
is printed: a series is named by the folder and the number of its files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pydicom

from napari_annotate_jobs.imaging import Series, find_series

_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_NEAR = 1e-2  # mm
_FILES = Path(__file__).parents[1] / "tests" / "data"


@dataclass
class Grid:
    """Volumes (volume, slice, row, column) and the affine of their indices to LPS."""

    volumes: np.ndarray
    affine: np.ndarray | None


def ours(series: Series) -> Grid:
    """Read all volumes of a series with this reader."""
    shape = series.header.shape
    return Grid(series.read_all().reshape(-1, *shape), series.header.affine)


def by_dcm2niix(files: list[Path]) -> list[Grid]:
    """Return what dcm2niix makes of the files, largest first."""
    program = shutil.which("dcm2niix")
    if program is None:
        try:
            import dcm2niix
        except ImportError as error:
            raise LookupError("not installed: pip install dcm2niix") from error
        program = dcm2niix.bin
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        out.mkdir()
        for number, file in enumerate(files):
            (source / f"{number:06d}.dcm").symlink_to(file)
        # -m y: merge what was acquired at several times; -z n: not packed
        command = [program, "-z", "n", "-b", "n", "-m", "y", "-f", "%s_%p"]
        done = subprocess.run(
            [*command, "-o", str(out), str(source)], capture_output=True, check=False
        )
        images = [nibabel.load(path) for path in sorted(out.glob("*.nii"))]
        if not images:
            raise ValueError(f"no image (exit {done.returncode})")
        grids = [_of_nifti(image) for image in images]
    return sorted(grids, key=lambda grid: -grid.volumes.size)


def _of_nifti(image: nibabel.Nifti1Image) -> Grid:
    data = np.asanyarray(image.dataobj)
    if data.dtype.names:
        data = np.stack([data[name] for name in "RGB"], axis=-1)
        return Grid(data.transpose(2, 1, 0, 3)[None], _of_ras(image.affine))
    data = data.reshape(*data.shape[:3], -1) if data.ndim > 2 else data[..., None, None]
    return Grid(data.transpose(3, 2, 1, 0), _of_ras(image.affine))


def _of_ras(affine: np.ndarray) -> np.ndarray:
    return (_TO_LPS @ affine)[:, [2, 1, 0, 3]]


def by_simpleitk(files: list[Path]) -> list[Grid]:
    """Return what SimpleITK makes of the files, in its own order of them."""
    try:
        import SimpleITK as sitk
    except ImportError as error:
        raise LookupError("not installed: pip install SimpleITK") from error
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if len(files) == 1:
        image = sitk.ReadImage(str(files[0]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            for number, file in enumerate(files):
                Path(folder, f"{number:06d}.dcm").symlink_to(file)
            (uid, *_) = sitk.ImageSeriesReader.GetGDCMSeriesIDs(folder) or ("",)
            names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder, uid)
            image = sitk.ReadImage(names)
    if image.GetDimension() != 3:
        raise ValueError(f"an image of {image.GetDimension()} axes")
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (direction * np.array(image.GetSpacing()))[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return [Grid(sitk.GetArrayFromImage(image)[None], affine)]


def compared(mine: Grid, other: Grid) -> dict[str, bool | None]:
    """Say where two readers agree; None where there is nothing to compare."""
    same = sorted(mine.volumes.shape[1:4]) == sorted(other.volumes.shape[1:4])
    same &= len(mine.volumes) == len(other.volumes)
    result: dict[str, bool | None] = {"shape": same, "place": None, "values": None}
    if not same or mine.affine is None or other.affine is None:
        return result
    moved = _laid_over(mine, other)
    result["place"] = moved is not None
    if moved is not None:
        a, b = mine.volumes.astype(np.float64), moved.astype(np.float64)
        near = 1e-3 + 1e-6 * np.abs(a)
        result["values"] = a.shape == b.shape and bool((np.abs(a - b) <= near).all())
    return result


def _laid_over(mine: Grid, other: Grid) -> np.ndarray | None:
    """Return the other's volumes with axes turned and flipped as mine lie."""
    assert mine.affine is not None
    assert other.affine is not None
    index = np.linalg.inv(other.affine) @ mine.affine
    shape = np.array(mine.volumes.shape[1:4])
    turn = np.rint(index[:3, :3]).astype(int)
    if (np.abs(turn).sum(axis=0) != 1).any() or (np.abs(turn).sum(axis=1) != 1).any():
        return None
    corners = np.array(np.meshgrid(*([0, n - 1] for n in shape))).reshape(3, -1)
    corners = np.vstack([corners, np.ones(corners.shape[1])])
    axes = [int(np.flatnonzero(turn[:, axis])[0]) for axis in range(3)]
    flips = [turn[axes[axis], axis] < 0 for axis in range(3)]
    wanted = np.zeros((4, corners.shape[1]))
    wanted[3] = 1
    sizes = np.array(other.volumes.shape[1:4])
    for axis in range(3):
        there = corners[axis]
        wanted[axes[axis]] = sizes[axes[axis]] - 1 - there if flips[axis] else there
    off = (other.affine @ wanted - mine.affine @ corners)[:3]
    if np.linalg.norm(off, axis=0).max() > _NEAR:
        return None
    rest = range(4, other.volumes.ndim)
    moved = other.volumes.transpose(0, *(axis + 1 for axis in axes), *rest)
    return moved[
        (slice(None), *(slice(None, None, -1 if flip else 1) for flip in flips))
    ]


def by_pydicom(series: Series) -> dict[str, bool | None]:
    """Compare the values of each slice with pydicom's, by the name of the slice."""
    from pydicom.pixels import apply_rescale, pixel_array

    header = series.header
    equal = True
    for index, source in enumerate(header.frames):
        dataset = pydicom.dcmread(header.files[source.file].path)
        values = pixel_array(dataset, index=source.frame)
        if source.tile is not None:
            top, left = source.tile[:2]
            values = values[top:, left:][: header.shape[1], : header.shape[2]]
        if "PerFrameFunctionalGroupsSequence" in dataset or header.is_color:
            return {"values": None}  # pydicom leaves the rescale of frames to its user
        values = np.asarray(apply_rescale(values, dataset), np.float64)
        mine = series.read_slice(index).astype(np.float64)
        equal &= bool((np.abs(mine - values) <= 1e-3 + 1e-6 * np.abs(values)).all())
    return {"values": equal}


def _told(work: object) -> object:
    """Return what a reader says, or its error as text without any path."""
    try:
        return work()  # type: ignore[operator]
    except Exception as error:
        text = (str(error).splitlines() or [""])[0][:80]
        return f"{type(error).__name__}: {text}"


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    totals: dict[str, Counter[str]] = {}
    for root in parser.parse_args().folders or [_FILES]:
        found = find_series(root)
        for fault in found.faults:
            print(
                json.dumps(
                    {"file": fault.path.name, "refused": type(fault.error).__name__}
                )
            )
        for number, header in enumerate(found, 1):
            if header.format != "dicom":
                continue
            row = _row(Series(header), f"{root.name} {number}")
            print(json.dumps(row), flush=True)
            for name in ("dcm2niix", "SimpleITK", "pydicom"):
                totals.setdefault(name, Counter()).update(_verdicts(row[name]))
    print(json.dumps({"total": {name: dict(c) for name, c in totals.items()}}))


def _verdicts(told: object) -> list[str]:
    if isinstance(told, str):
        return ["not compared"]
    assert isinstance(told, dict)
    return [
        f"{what} {'agrees' if same else 'differs'}"
        for what, same in told.items()
        if same is not None
    ]


def _row(series: Series, name: str) -> dict[str, object]:
    header = series.header
    files = [file.path for file in header.all_files]
    row: dict[str, object] = {
        "series": name,
        "files": len(files),
        "modality": header.modality,
        "shape": list(series.shape),
        "warnings": sorted({w.code for w in header.warnings}),
    }
    mine = _told(lambda: ours(series))
    if not isinstance(mine, Grid):
        return {
            **row,
            "refused": mine,
            **dict.fromkeys(("dcm2niix", "SimpleITK", "pydicom"), ""),
        }

    def best(read: object) -> object:
        def run() -> dict[str, bool | None]:
            verdicts = [compared(mine, other) for other in read(files)]  # type: ignore[operator]
            return max(verdicts, key=lambda v: [v[k] is True for k in v])

        return _told(run)

    row["dcm2niix"] = best(by_dcm2niix)
    row["SimpleITK"] = best(by_simpleitk)
    row["pydicom"] = _told(lambda: by_pydicom(series))
    return row


if __name__ == "__main__":
    sys.exit(main())
