"""How far one key slice is followed into its neighbours, against the outline copied.

The tumour of a lung CT, from its middle slice: the worst and the best Dice over the
slices that both the tumour and what was followed reach, `ours` being the mean over
them and `peer` that of the key's outline copied to the same slices.
"""

from __future__ import annotations

import numpy as np
from _bench import report
from _masks import load

from napari_annotate_jobs.propagation import track_masks


def main() -> None:
    truth, spacing = load("lung2_label.nrrd")
    image, _ = load("lung2_image.nrrd")
    truth = truth > 0
    held = np.flatnonzero(truth.any(axis=(1, 2)))
    key = int(held[held.size // 2])
    found = track_masks(truth[key].astype(np.uint8), image, key=key, spacing=spacing)
    first, last = int(found.first), int(found.last)
    planes = np.asarray(found.masks) > 0
    if planes.shape[0] != truth.shape[0]:
        raise SystemExit(f"{planes.shape[0]} slices of {truth.shape[0]}")
    followed = [s for s in range(first, last + 1) if s != key and s in set(held)]
    ours = [_dice(planes[s], truth[s]) for s in followed]
    copied = [_dice(truth[key], truth[s]) for s in followed]
    report(
        "follow a lung tumour from its middle slice",
        float(np.mean(ours)),
        float(np.mean(copied)),
        unit="Dice",
        slices=[first, last],
        true=[int(held[0]), int(held[-1])],
        range=[round(min(ours), 2), round(max(ours), 2)],
        range_copied=[round(min(copied), 2), round(max(copied), 2)],
    )


def _dice(one: np.ndarray, two: np.ndarray) -> float:
    return float(2 * np.count_nonzero(one & two) / (one.sum() + two.sum()))


if __name__ == "__main__":
    main()
