"""Tools that fill a label into a mask after the image.

All of them take a mask in two or three dimensions and return a new one. With
``protect``, the default, pixels of other labels are never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage as ndi

from napari_annotate_jobs.errors import InvalidValueError

from ._arrays import assigned, checked_pair, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["fill_box", "fill_threshold", "flood_fill"]

_BETA = 90.0
"""How strongly the random walker is held back by edges, of intensities
scaled to 1 (scikit-image's default is 130)."""


def fill_threshold(
    mask: ArrayLike,
    label: int,
    image: ArrayLike,
    low: float,
    high: float,
    *,
    box: Sequence[int] | None = None,
    protect: bool = True,
) -> NDArray[np.generic]:
    """Give a label to all pixels whose value lies in a range.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    image : array, shape of `mask`
        Values, for CT in HU.
    low, high : float
        The range, both ends included.
    box : sequence of int, optional
        Starts, then ends (excluded) along each axis: only there.
    protect : bool
        Leave pixels of other labels as they are.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask.

    Raises
    ------
    InvalidValueError
        If shapes differ, the range is empty or the box lies outside.
    """
    labels, values = checked_pair(mask, image)
    if not low <= high:
        raise InvalidValueError(
            f"no value lies between {low} and {high}",
            remedy="Give the lower end first",
        )
    place = place_of(labels.shape, box)
    chosen = np.zeros(labels.shape, dtype=bool)
    chosen[place] = (values[place] >= low) & (values[place] <= high)
    return assigned(labels, label, chosen, protect)


def flood_fill(
    mask: ArrayLike,
    label: int,
    image: ArrayLike,
    seed: Sequence[int],
    tolerance: float,
    *,
    box: Sequence[int] | None = None,
    protect: bool = True,
) -> NDArray[np.generic]:
    """Give a label to the pixels about a seed that look like it.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    image : array, shape of `mask`
        Values.
    seed : sequence of int
        Index of the pixel to start from.
    tolerance : float
        Largest difference from the seed's value, >= 0.
    box : sequence of int, optional
        Starts, then ends (excluded) along each axis: the fill stays inside.
    protect : bool
        Leave pixels of other labels as they are; they stop the fill, too.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask.

    Raises
    ------
    InvalidValueError
        If shapes differ or the seed lies outside.
    """
    labels, values = checked_pair(mask, image)
    place = place_of(labels.shape, box)
    start = tuple(int(i) for i in seed)
    inside = len(start) == labels.ndim and all(
        axis.start <= i < axis.stop for i, axis in zip(start, place, strict=True)
    )
    if not inside:
        raise InvalidValueError(
            f"the seed {start} lies outside", remedy="Start from a pixel inside"
        )
    if not tolerance >= 0:
        raise InvalidValueError(
            f"a tolerance of {tolerance}", remedy="Give 0 or a greater number"
        )
    open_to = np.zeros(labels.shape, dtype=bool)
    part = values[place].astype(np.float64)
    open_to[place] = np.abs(part - float(values[start])) <= tolerance
    if protect:
        open_to &= (labels == 0) | (labels == label)
    parts, _ = ndi.label(open_to)
    here = parts[start]
    chosen = parts == here if here else np.zeros(labels.shape, dtype=bool)
    return assigned(labels, label, chosen, protect)


def fill_box(
    mask: ArrayLike,
    label: int,
    image: ArrayLike,
    box: Sequence[int],
    method: Literal["threshold", "random walker"] = "threshold",
    *,
    protect: bool = True,
) -> NDArray[np.generic]:
    """Find the object inside a box.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    image : array, shape of `mask`
        Values.
    box : sequence of int
        Starts, then ends (excluded) along each axis.
    method : {"threshold", "random walker"}
        Threshold: the side of Otsu's threshold that the middle of the box
        is on, and of it the largest part, holes filled. Random walker: the
        middle against the rim of the box and what lies next to it, and the
        image decides about the rest (Grady 2006).
    protect : bool
        Leave pixels of other labels as they are.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask. Unchanged where the box holds a single value.

    Raises
    ------
    InvalidValueError
        If shapes differ, the box lies outside or is smaller than 3 pixels
        in rows or columns, or there is no such method.
    """
    labels, values = checked_pair(mask, image)
    place = place_of(labels.shape, box)
    sizes = [axis.stop - axis.start for axis in place]
    if min(sizes[-2:]) < 3:
        raise InvalidValueError(
            f"a box of {sizes} pixels holds no object and its surroundings",
            remedy="Draw a box of at least 3 x 3 pixels",
        )
    if method not in ("threshold", "random walker"):
        raise InvalidValueError(
            f"{method!r} does not fill a box",
            remedy="Use 'threshold' or 'random walker'",
        )
    part = values[place].astype(np.float64)
    if not np.isfinite(part).all() or part.min() == part.max():
        return labels.copy()
    find = _by_threshold if method == "threshold" else _by_walker
    chosen = np.zeros(labels.shape, dtype=bool)
    chosen[place] = find(part)
    return assigned(labels, label, chosen, protect)


def _core(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the middle of a box: an ellipse half as wide."""
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    distance = sum(
        ((axis - (n - 1) / 2) / max(n / 4, 0.5)) ** 2
        for axis, n in zip(axes, shape, strict=True)
    )
    core: NDArray[np.bool_] = np.asarray(distance <= 1)
    return core


def _by_threshold(part: NDArray[np.float64]) -> NDArray[np.bool_]:
    from skimage.filters import threshold_otsu

    above = part > threshold_otsu(part)  # type: ignore[no-untyped-call]
    core = _core(part.shape)
    chosen = above if 2 * np.count_nonzero(above & core) >= core.sum() else ~above
    parts, n = ndi.label(chosen)
    if n > 1:
        chosen = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    filled: NDArray[np.bool_] = ndi.binary_fill_holes(chosen)
    return filled


def _by_walker(part: NDArray[np.float64]) -> NDArray[np.bool_]:
    from skimage.segmentation import random_walker

    seeds = np.zeros(part.shape, dtype=np.int32)
    seeds[_core(part.shape)] = 1
    for axis in range(part.ndim - 2, part.ndim):
        for end in (0, -1):
            seeds[(slice(None),) * axis + (end,)] = 2
    low, high = np.percentile(part, (1, 99))
    scaled = np.clip((part - low) / max(high - low, 1e-12), 0, 1)
    found: NDArray[np.bool_] = (
        random_walker(scaled, seeds, beta=_BETA, mode="cg_j", tol=1e-6) == 1
    )
    return found
