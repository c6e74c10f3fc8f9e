"""Label volumes and rival methods for the benchmark of interpolation.

The volumes come from two public packages, found below the folder named by
``NAPARI_ANNOTATE_JOBS_BENCH_DATA`` or else fetched once into the user's cache,
by the packages' own clients::

    apt-get download mricron-data && dpkg-deb -x mricron-data_*.deb .
    pip download --no-deps --no-binary :all: pyradiomics==3.0.1
"""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import platformdirs
from scipy import ndimage as ndi

__all__ = ["dice", "itk", "keyed", "load", "signed_distance"]

_ENV = "NAPARI_ANNOTATE_JOBS_BENCH_DATA"


@functools.cache
def _folders() -> tuple[Path, ...]:
    cache = platformdirs.user_cache_path("napari-annotate-jobs") / "benchmarks"
    named = os.environ.get(_ENV)
    return (Path(named), cache) if named else (cache,)


@functools.cache
def _find(name: str) -> Path:
    for folder in _folders():
        for found in sorted(folder.rglob(name)):
            return found
    folder = _folders()[-1]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _fetch(folder, atlas=name.endswith(".nii.gz"))
        return next(folder.rglob(name))
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        raise SystemExit(
            f"{name} could not be had ({error}). Put it below a folder and name "
            f"that in {_ENV}; benchmarks/_masks.py says where it comes from."
        ) from error


def _fetch(folder: Path, *, atlas: bool) -> None:
    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)

    if atlas:
        run("apt-get", "download", "mricron-data")
        run("dpkg-deb", "-x", str(next(folder.glob("mricron-data_*.deb"))), ".")
        return
    # Its build needs these to tell its version, and is never carried out.
    needs = ["setuptools<81", "wheel", "numpy", "cython", "versioneer"]
    with tempfile.TemporaryDirectory() as name:
        run(sys.executable, "-m", "venv", name)
        pip = (str(Path(name) / "bin" / "python"), "-m", "pip", "--quiet")
        run(*pip, "install", *needs)
        run(
            *(*pip, "download", "--no-deps", "--no-build-isolation"),
            *("--no-binary", ":all:", "pyradiomics==3.0.1"),
        )
    with tarfile.open(next(folder.glob("pyradiomics-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")


@functools.cache
def load(name: str, axis: int = 0) -> tuple[np.ndarray, tuple[float, ...]]:
    """Return a volume, `axis` first, and its spacing in mm in that order.

    Axes of NIfTI files are counted as they are stored last to first (slice,
    row, column), as those of NRRD files read by SimpleITK are.
    """
    if name.endswith((".nii", ".nii.gz")):
        image = nib.load(_find(name))
        values = np.squeeze(np.asanyarray(image.dataobj)).T
        spacing = [float(s) for s in image.header.get_zooms()[:3]][::-1]
    else:
        import SimpleITK as sitk

        read = sitk.ReadImage(str(_find(name)))
        values, spacing = sitk.GetArrayFromImage(read), list(read.GetSpacing())[::-1]
    spacing.insert(0, spacing.pop(axis))
    return np.ascontiguousarray(np.moveaxis(values, axis, 0)), tuple(spacing)


def keyed(truth: np.ndarray, every: int, *, ends: bool) -> tuple[np.ndarray, list[int]]:
    """Return the volume with nothing but its key slices, and these.

    Every n-th slice from the first; or, with `ends`, from the first that
    holds anything to the last that does, which are keys themselves.
    """
    first, last = 0, len(truth)
    if ends:
        held = np.flatnonzero(truth.any(axis=(1, 2)))
        first, last = int(held[0]), int(held[-1]) + 1
    keys = list(range(first, last, every))
    if ends and keys[-1] != last - 1:
        keys.append(last - 1)
    volume = np.zeros_like(truth)
    volume[keys] = truth[keys]
    return volume, keys


def dice(
    truth: np.ndarray, result: np.ndarray, keys: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids on slices that are no keys, and the Dice of each there."""
    rest = np.setdiff1d(np.arange(len(truth)), keys)
    a, b = truth[rest].ravel(), result[rest].ravel()
    n = int(max(a.max(), b.max())) + 1
    size = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    common = np.bincount(a[a == b], minlength=n)
    ids = np.unique(a)
    ids = ids[ids > 0]
    return ids, 2 * common[ids] / size[ids]


def signed_distance(
    volume: np.ndarray, keys: list[int], spacing: tuple[float, ...] = (1, 1, 1)
) -> np.ndarray:
    """Interpolate the signed distance of each label, in mm; the largest wins.

    A label that one of two keys lacks has there no distance to speak of: it
    is left out between them.
    """
    result = volume.copy()
    for a, b in itertools.pairwise(keys):
        labels = np.intersect1d(volume[a], volume[b])
        best = np.zeros((b - a - 1, *volume.shape[1:]))
        for label in labels[labels > 0]:
            pair = volume[[a, b]] == label
            rows, columns = ndi.find_objects(pair.any(axis=0).astype(int))[0]
            place = (
                slice(max(rows.start - 1, 0), rows.stop + 1),
                slice(max(columns.start - 1, 0), columns.stop + 1),
            )
            first, second = (
                ndi.distance_transform_edt(mask, sampling=spacing[1:])
                - ndi.distance_transform_edt(~mask, sampling=spacing[1:])
                for mask in pair[(slice(None), *place)]
            )
            for i in range(1, b - a):
                t = i / (b - a)
                score = (1 - t) * first + t * second
                known = best[i - 1][place]
                wins = score > known
                known[wins] = score[wins]
                result[a + i][place][wins] = label
    return result


_helper: subprocess.Popen[str] | None = None


def itk(
    volume: np.ndarray, spacing: tuple[float, ...] = (1, 1, 1)
) -> tuple[np.ndarray, float]:
    """Run ITK's MorphologicalContourInterpolator; return result and seconds.

    The filter (2.1.2) takes no notice of the spacing that its image carries.

    It runs in a process of its own, for it now and then corrupts its memory:
    what crashes is run again. The time is its own, taken there, after a first
    run on the same volume.
    """
    global _helper
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "in.npy", Path(name) / "out.npy"
        np.save(source, volume.astype(np.uint16))
        for _ in range(5):
            if _helper is None:
                pipe = subprocess.PIPE
                command = [sys.executable, __file__]
                _helper = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
            assert _helper.stdin is not None
            assert _helper.stdout is not None
            try:
                line = (source, target, *spacing)
                print(*line, sep="\t", file=_helper.stdin, flush=True)
                answer = _helper.stdout.readline()
            except BrokenPipeError:
                answer = ""
            if answer:
                return np.load(target).astype(volume.dtype), float(answer)
            _helper.wait()
            _helper = None
    raise SystemExit("ITK's interpolator crashed five times in a row")


def _serve() -> None:
    import gc
    import time

    import itk as toolkit

    known = b""
    for line in sys.stdin:
        source, target, *spacing = line.rstrip("\n").split("\t")
        volume = np.load(source)
        again = volume.tobytes() == known
        known = volume.tobytes()
        image = toolkit.image_from_array(volume)
        image.SetSpacing([float(size) for size in reversed(spacing)])
        for _ in range(1 if again else 2):
            gc.collect()
            start = time.perf_counter()
            interpolate = toolkit.MorphologicalContourInterpolator.New(image, axis=2)
            interpolate.Update()
            elapsed = time.perf_counter() - start
        np.save(target, toolkit.array_from_image(interpolate.GetOutput()))
        print(elapsed, flush=True)


if __name__ == "__main__":
    _serve()
