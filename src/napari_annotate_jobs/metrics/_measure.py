"""Lengths, areas, volumes and grey values of what is drawn on images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RegionNumbers",
    "distance",
    "ellipse_inside",
    "label_sums",
    "region_numbers",
]


def distance(
    first: Sequence[float],
    second: Sequence[float],
    spacing: Sequence[float],
    affine: NDArray[np.float64] | None = None,
) -> float:
    """Return how far two places are from each other.

    Parameters
    ----------
    first, second : sequence of float
        Slice, row and column.
    spacing : sequence of float
        (slice, row, column) in mm, used where there is no affine.
    affine : ndarray of float64, shape (4, 4), optional
        (slice, row, column, 1) to the patient in mm.

    Returns
    -------
    float
        In mm.
    """
    way = np.subtract(second, first).astype(np.float64)
    steps = np.diag(np.asarray(spacing, float)) if affine is None else affine[:3, :3]
    return float(np.linalg.norm(steps @ way))


def ellipse_inside(
    shape: tuple[int, int], first: Sequence[float], second: Sequence[float]
) -> NDArray[np.bool_]:
    """Return which pixels have their centre in an ellipse.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the image.
    first, second : (float, float)
        Row and column of opposite corners of the box it fills.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    middle = np.add(first, second) / 2
    radii = np.maximum(np.abs(np.subtract(second, first)) / 2, 1e-9)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    across = ((rows - middle[0]) / radii[0]) ** 2
    inside: NDArray[np.bool_] = across + ((columns - middle[1]) / radii[1]) ** 2 <= 1
    return inside


@dataclass(frozen=True)
class RegionNumbers:
    """What a region of an image measures.

    Parameters
    ----------
    pixels : int
        How many it has.
    area : float or None
        In mm²; None where the size of a pixel is not known.
    mean, deviation : float or None
        Of the values, the deviation with ``n`` in its denominator; None where there
        are no grey values.
    """

    pixels: int
    area: float | None
    mean: float | None
    deviation: float | None


def region_numbers(
    values: ArrayLike | None, inside: NDArray[np.bool_], pixel_area: float | None
) -> RegionNumbers:
    """Measure a region.

    Parameters
    ----------
    values : array_like, optional
        Of the image, shape (rows, columns); None if there are none, as in colour.
    inside : ndarray of bool, shape (rows, columns)
        The region.
    pixel_area : float, optional
        Of a pixel, in mm².
    """
    pixels = int(np.count_nonzero(inside))
    area = None if pixel_area is None else pixels * pixel_area
    if values is None or not pixels:
        return RegionNumbers(pixels, area, None, None)
    chosen = np.asarray(values)[inside].astype(np.float64)
    return RegionNumbers(pixels, area, float(chosen.mean()), float(chosen.std()))


def label_sums(
    mask: NDArray[np.integer], values: ArrayLike | None
) -> dict[int, tuple[int, float]]:
    """Return the number of pixels of each label, and the sum of their values.

    Parameters
    ----------
    mask : ndarray of int
        Label ids, 0 for background; any shape.
    values : array_like, optional
        Of the same shape; without, the sums are 0.
    """
    flat = np.asarray(mask).ravel()
    painted = np.flatnonzero(flat)
    ids = flat[painted]
    counts = np.bincount(ids)
    sums: NDArray[np.float64] = np.zeros(len(counts))
    if values is not None and len(ids):
        weights = np.asarray(values).ravel()[painted].astype(np.float64)
        sums = np.asarray(np.bincount(ids, weights=weights), np.float64)
    return {int(i): (int(counts[i]), float(sums[i])) for i in np.flatnonzero(counts)}
