"""Tools that clean and reshape one label of a mask.

All of them take a mask in two or three dimensions and return a new one. With
``protect``, the default, pixels of other labels are never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_annotate_jobs.errors import InvalidValueError

from ._arrays import assigned, checked_labels, checked_sizes, reshaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["fill_holes", "grow", "keep_largest", "remove_islands", "smooth"]


def smooth(
    mask: ArrayLike,
    label: int,
    radius: float,
    *,
    spacing: Sequence[float] | None = None,
    slicewise: bool = False,
    protect: bool = True,
) -> NDArray[np.generic]:
    """Smooth the outline of a label, its size kept.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    radius : float
        Standard deviation of the Gaussian in mm (in pixels without
        `spacing`), > 0. Details smaller than it go.
    spacing : sequence of float, optional
        Distance of pixels in mm along each axis.
    slicewise : bool
        Treat every slice of a 3D mask by itself.
    protect : bool
        Leave pixels of other labels as they are.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask. What the label leaves becomes background.

    Raises
    ------
    InvalidValueError
        If `radius` or `spacing` is not valid.
    """
    labels = checked_labels(mask)
    sizes = checked_sizes(spacing, labels.ndim)
    if not radius > 0:
        raise InvalidValueError(
            f"a radius of {radius}", remedy="Give a number greater than 0"
        )
    inside = labels == label

    def softened(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
        count = np.count_nonzero(part)
        if not count:
            return part
        sigma = [radius / s for s in sizes[-part.ndim :]]
        soft = ndi.gaussian_filter(part.astype(np.float32), sigma, mode="nearest")
        # As many pixels as before; but none where hardly any were near.
        least = np.partition(soft.ravel(), soft.size - count)[soft.size - count]
        result: NDArray[np.bool_] = soft >= max(float(least), 0.25)
        return result

    return reshaped(labels, label, _each(softened, inside, slicewise), protect)


def fill_holes(
    mask: ArrayLike, label: int, *, slicewise: bool = False, protect: bool = True
) -> NDArray[np.generic]:
    """Fill the holes of a label.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    slicewise : bool
        Treat every slice of a 3D mask by itself; a hole is then closed in
        its slice only, else in all directions.
    protect : bool
        Leave pixels of other labels as they are.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask.
    """
    labels = checked_labels(mask)
    filled = _each(ndi.binary_fill_holes, labels == label, slicewise)
    return assigned(labels, label, filled, protect)


def remove_islands(
    mask: ArrayLike,
    label: int,
    smaller_than: int,
    *,
    slicewise: bool = False,
) -> NDArray[np.generic]:
    """Remove the small parts of a label.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    smaller_than : int
        Parts with fewer pixels go; pixels that meet at a corner are one part.
    slicewise : bool
        Treat every slice of a 3D mask by itself.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask.
    """
    labels = checked_labels(mask)

    def large(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
        parts, sizes = _parts(part)
        keep = sizes >= smaller_than
        keep[0] = False
        return keep[parts]

    return reshaped(labels, label, _each(large, labels == label, slicewise), True)


def keep_largest(
    mask: ArrayLike, label: int, *, slicewise: bool = False
) -> NDArray[np.generic]:
    """Remove all but the largest part of a label.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    slicewise : bool
        Keep the largest part of every slice of a 3D mask.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask; of parts of equal size the first stays.
    """
    labels = checked_labels(mask)

    def largest(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
        parts, sizes = _parts(part)
        kept: NDArray[np.bool_] = parts == sizes[1:].argmax() + 1
        return kept if sizes.size > 1 else part

    def guarded(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return largest(part) if part.any() else part

    return reshaped(labels, label, _each(guarded, labels == label, slicewise), True)


def grow(
    mask: ArrayLike,
    label: int,
    margin: float,
    *,
    spacing: Sequence[float] | None = None,
    slicewise: bool = False,
    protect: bool = True,
) -> NDArray[np.generic]:
    """Grow or shrink a label by a margin.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    margin : float
        In mm (in pixels without `spacing`); negative to shrink. Measured
        between pixel centres; what touches the border of the image is taken
        to go on beyond it.
    spacing : sequence of float, optional
        Distance of pixels in mm along each axis.
    slicewise : bool
        Treat every slice of a 3D mask by itself.
    protect : bool
        Leave pixels of other labels as they are.

    Returns
    -------
    ndarray, shape and type of `mask`
        The new mask. What the label leaves becomes background.

    Raises
    ------
    InvalidValueError
        If `margin` or `spacing` is not valid.
    """
    labels = checked_labels(mask)
    sizes = checked_sizes(spacing, labels.ndim)
    if not np.isfinite(margin):
        raise InvalidValueError(f"a margin of {margin}", remedy="Give a number")

    def moved(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if not part.any() or part.all() or margin == 0:
            return part
        sampling = sizes[-part.ndim :]
        near: NDArray[np.bool_]
        if margin > 0:
            near = ndi.distance_transform_edt(~part, sampling=sampling) <= margin
        else:
            near = ndi.distance_transform_edt(part, sampling=sampling) > -margin
        return near

    return reshaped(labels, label, _each(moved, labels == label, slicewise), protect)


def _each(
    change: Callable[[NDArray[np.bool_]], NDArray[np.bool_]],
    inside: NDArray[np.bool_],
    slicewise: bool,
) -> NDArray[np.bool_]:
    if slicewise and inside.ndim == 3:
        return np.stack([change(part) for part in inside])
    return change(inside)


def _parts(part: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    parts, n = ndi.label(part, structure=np.ones((3,) * part.ndim, dtype=bool))
    return parts, np.bincount(parts.ravel(), minlength=n + 1)
