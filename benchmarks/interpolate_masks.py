"""Masks between key slices, against ITK's interpolator and signed distance.

Without arguments, the rows: time and error (1 - mean Dice over the structures,
on the slices between the keys) on the AAL atlas and on a lung tumour.

    interpolate_masks.py --table [V..] markdown rows of all volumes, or of those named
    interpolate_masks.py --structures  markdown table of the atlas's structures
    interpolate_masks.py --pictures D  pictures of good and bad cases into D
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from _bench import report
from _masks import dice, itk, keyed, load, signed_distance

from napari_annotate_jobs.propagation import interpolate_masks

ATLASES = {
    "AAL": "aal.nii.gz",
    "Brodmann": "brodmann.nii.gz",
    "AICHA": "AICHAmc.nii.gz",
    "Harvard-Oxford cortical": "HarvardOxford-cort-maxprob-thr0-1mm.nii.gz",
    "JHU white matter": "JHU-WhiteMatter-labels-1mm.nii.gz",
    "JHU 189": "jhu189.nii.gz",
    "NatBrainLab tracts": "natbrainlab.nii.gz",
    "INIA19 (macaque)": "inia19-NeuroMaps.nii.gz",
}
TUMOURS = {
    name: f"{name}_label.nrrd" for name in ("lung1", "lung2", "brain1", "brain2")
}


def _timed(function, repeats=5):
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return result, times


def rows() -> None:
    truth, _ = load("aal.nii.gz")
    for every in (5, 10):
        volume, keys = keyed(truth, every, ends=False)
        ours, peer = [], []
        # In turn: one of ours, one of theirs.
        for _ in range(5):
            result, times = _timed(lambda v=volume, k=keys: interpolate_masks(v, k), 1)
            ours += times
            theirs, elapsed = itk(volume)
            peer.append(elapsed)
        plain, plain_times = _timed(lambda v=volume, k=keys: signed_distance(v, k), 1)
        found = [float(dice(truth, r, keys)[1].mean()) for r in (result, theirs, plain)]
        scores = dict(zip(("dice", "dice_itk", "dice_distance"), found, strict=True))
        more = {k: round(v, 4) for k, v in scores.items()}
        name = f"interpolate 116 labels between every {every}th slice"
        report(
            f"{name}: time, vs ITK",
            statistics.median(ours),
            statistics.median(peer),
            unit="s",
            goal=1.0,
            signed_distance=round(plain_times[0], 3),
            **more,
        )
        best = 1 - max(found[1:])
        goal = round((best - 0.01) / best, 3)
        report(f"{name}: error", 1 - found[0], best, unit="1 - Dice", goal=goal, **more)
    truth, spacing = load("lung2_label.nrrd")
    image, _ = load("lung2_image.nrrd")
    for every in (2, 3, 4):
        volume, keys = keyed(truth, every, ends=True)
        results = (
            interpolate_masks(volume, keys, spacing=spacing),
            interpolate_masks(volume, keys, image, spacing),
            itk(volume, spacing)[0],
            signed_distance(volume, keys, spacing),
        )
        found = [float(dice(truth, r, keys)[1].mean()) for r in results]
        names = ("dice", "dice_with_image", "dice_itk", "dice_distance")
        report(
            f"interpolate a lung tumour between every {every} slices: error",
            1 - found[0],
            1 - max(found[2:]),
            unit="1 - Dice",
            goal=1.0,
            **{n: round(f, 4) for n, f in zip(names, found, strict=True)},
        )


def table(titles: list[str]) -> None:
    """Print a row for each volume, axis and distance of keys, and what they count.

    Volumes whose keys are the same for several distances have one row for them.
    """
    counted: list[tuple[str, list[float]]] = []
    chosen = {**ATLASES, **TUMOURS}
    for title in titles or chosen:
        file = chosen[title]
        tumour = title in TUMOURS
        for axis in range(3):
            truth, spacing = load(file, axis)
            truth = np.rint(truth).astype(np.int32)
            image = load(file.replace("label", "image"), axis)[0] if tumour else None
            rows: dict[tuple[int, ...], list[int]] = {}
            for every in (2, 3, 4) if tumour and axis == 0 else (5, 10):
                keys = tuple(keyed(truth, every, ends=tumour)[1])
                if len(keys) < np.count_nonzero(truth.any(axis=(1, 2))):
                    rows.setdefault(keys, []).append(every)
            for distances in rows.values():
                counted.append(_line(title, axis, distances, truth, spacing, image))
        load.cache_clear()
    for name, place in (("without the image", 0), ("with it", 1)):
        fair = [(n, f) for n, f in counted if f[-2] and len(f) > place + 2]
        behind = [n for n, f in fair if round(f[place], 3) < round(max(f[-2:]), 3)]
        print(f"{name}: {len(fair)} rows, behind in {len(behind)}: {behind}")


def _line(
    title: str,
    axis: int,
    distances: list[int],
    truth: np.ndarray,
    spacing: tuple[float, ...],
    image: np.ndarray | None,
) -> tuple[str, list[float]]:
    volume, keys = keyed(truth, distances[0], ends=image is not None)
    results = [interpolate_masks(volume, keys, spacing=spacing)]
    if image is not None:
        results.append(interpolate_masks(volume, keys, image, spacing))
    results += [itk(volume, spacing)[0], signed_distance(volume, keys, spacing)]
    found = [float(dice(truth, r, keys)[1].mean()) for r in results]
    figures = [f"{f:.3f}" for f in found]
    if not found[-2]:
        figures[-2] += " †"
    every = " or ".join(map(str, distances))
    labels = [str(np.unique(truth).size - 1)] if image is None else []
    print(
        "|", " | ".join([title, *labels, str(axis), every, *figures]), "|", flush=True
    )
    return f"{title} axis {axis} every {every}", found


def structures() -> None:
    truth, _ = load("aal.nii.gz")
    methods = "ours | ITK | distance"
    print(f"| id | voxels | every 5: {methods} | every 10: {methods} |")
    print("|" + "--:|" * 8)
    columns = []
    for every in (5, 10):
        volume, keys = keyed(truth, every, ends=False)
        for result in (
            interpolate_masks(volume, keys),
            itk(volume)[0],
            signed_distance(volume, keys),
        ):
            columns.append(dict(zip(*dice(truth, result, keys), strict=True)))
    sizes = np.bincount(truth.ravel())
    for label in np.flatnonzero(sizes)[1:]:
        cells = [f"{c[label]:.3f}" if label in c else "" for c in columns]
        print("|", " | ".join([str(label), str(sizes[label]), *cells]), "|")


PICTURES = (
    ("good-atlas", "aal.nii.gz", 0, 5, 73, None),
    ("good-tumour", "lung2_label.nrrd", 0, 4, 21, "lung2_image.nrrd"),
    ("bad-new-structures", "aal.nii.gz", 0, 10, 46, None),
    ("bad-two-foci", "brain1_label.nrrd", 0, 3, 12, "brain1_image.nrrd"),
)


def pictures(folder: Path) -> None:
    """Draw key, truth, ours, ITK, key side by side."""
    from PIL import Image

    colours = np.random.default_rng(7).integers(60, 255, (2000, 3)).astype(np.uint8)
    colours[0] = 0
    folder.mkdir(parents=True, exist_ok=True)
    for name, file, axis, every, at, behind in PICTURES:
        truth, spacing = load(file, axis)
        volume, keys = keyed(truth, every, ends=behind is not None)
        image = None if behind is None else load(behind, axis)[0]
        ours = interpolate_masks(volume, keys, image, spacing)
        before = max(k for k in keys if k <= at)
        after = min(k for k in keys if k > at)
        held = truth[before : after + 1].any(axis=0)
        box = tuple(
            slice(max(int(i[0]) - 12, 0), int(i[-1]) + 13)
            for i in (
                np.flatnonzero(held.any(axis=1)),
                np.flatnonzero(held.any(axis=0)),
            )
        )
        tiles = []
        planes = (truth[before], truth[at], ours[at], itk(volume)[0][at], truth[after])
        slices = (before, at, at, at, after)
        for plane, s in zip(planes, slices, strict=True):
            tile = colours[plane[box].astype(int)]
            if image is not None:
                grey = image[s][box].astype(float)
                low, high = np.percentile(grey, (1, 99))
                grey = np.clip((grey - low) / max(high - low, 1), 0, 1) * 255
                inside = plane[box] > 0
                rim = inside & ~_eroded(inside)
                tile = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
                tile[rim] = (255, 200, 0)
            tiles.append(np.pad(tile, ((2, 2), (2, 2), (0, 0)), constant_values=90))
        sheet = np.concatenate(tiles, axis=1)[:: 1 if axis == 0 else -1]
        factor = max(1, round(1200 / sheet.shape[1]))
        picture = Image.fromarray(sheet).resize(
            (sheet.shape[1] * factor, sheet.shape[0] * factor), Image.Resampling.NEAREST
        )
        picture.save(folder / f"{name}.png", optimize=True)


def _eroded(inside: np.ndarray) -> np.ndarray:
    from scipy import ndimage as ndi

    return ndi.binary_erosion(inside)


if __name__ == "__main__":
    if "--table" in sys.argv:
        table(sys.argv[sys.argv.index("--table") + 1 :])
    elif "--structures" in sys.argv:
        structures()
    elif "--pictures" in sys.argv:
        pictures(Path(sys.argv[sys.argv.index("--pictures") + 1]))
    else:
        rows()
