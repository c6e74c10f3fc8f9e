"""Whether a DICOM SEG that was read again is what was annotated."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._place import TOLERANCE_MM, ijk_to_lps, slice_origins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.formats._incoming import Incoming

__all__ = ["check_frame", "check_masks"]


def check_masks(
    wanted: Sequence[NDArray[np.integer]],
    found: Mapping[str, NDArray[np.bool_]],
    names: Mapping[int, str],
    path: Path,
) -> None:
    """Compare the masks of a slice, label by label, and nothing beside them."""
    left = set(found)
    for mask in wanted:
        labels = np.flatnonzero(np.bincount(mask.ravel(), minlength=1))
        for label in (int(n) for n in labels if n):
            name = names.get(label, "")
            if name not in found or not np.array_equal(found[name], mask == label):
                raise CorruptError(
                    "the mask read again is not the one written", where=path
                )
            left.discard(name)
    if any(found[name].any() for name in left):
        raise CorruptError("there are masks that were not written", where=path)


def check_frame(
    case: AnnotatedCase,
    index: int,
    found: Incoming,
    origin: tuple[float, float, float],
    path: Path,
) -> None:
    """Compare the corners of a frame with those of the slice, in patient mm."""
    assert found.affine is not None
    rows, columns = case.plane
    wanted = ijk_to_lps(case.header)
    for row, column in product((0, rows - 1), (0, columns - 1)):
        own = slice_origins(case.header)[index]
        own = own + wanted[:3, 0] * column + wanted[:3, 1] * row
        read = np.asarray(origin)
        read = read + found.affine[:3, 2] * column + found.affine[:3, 1] * row
        off = float(np.linalg.norm(own - read))
        if not off <= TOLERANCE_MM:
            raise CorruptError(
                f"slice {index + 1} lies {off:.4f} mm off its place", where=path
            )
