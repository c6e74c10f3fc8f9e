"""Checks and writes that the tools on masks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "assigned",
    "checked_labels",
    "checked_pair",
    "checked_sizes",
    "place_of",
    "reshaped",
]


def checked_labels(mask: ArrayLike) -> NDArray[np.generic]:
    """Return `mask` as an array of whole numbers in two or three axes."""
    labels = np.asarray(mask)
    if labels.ndim not in (2, 3) or labels.dtype.kind not in "biu":
        raise InvalidValueError(
            f"a mask of type {labels.dtype} with {labels.ndim} axes",
            remedy="Give whole numbers with two or three axes",
        )
    return labels


def checked_pair(
    mask: ArrayLike, image: ArrayLike
) -> tuple[NDArray[np.generic], NDArray[Any]]:
    """Return mask and image as arrays of the same shape."""
    labels, values = checked_labels(mask), np.asarray(image)
    if values.shape != labels.shape:
        raise InvalidValueError(
            f"an image of {values.shape} for a mask of {labels.shape}",
            remedy="Give the grey values the mask was drawn on",
        )
    return labels, values


def checked_sizes(spacing: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    """Return the distance of pixels along each axis; 1 each if not given."""
    sizes = (1.0,) * ndim if spacing is None else tuple(float(s) for s in spacing)
    if len(sizes) != ndim or not all(np.isfinite(s) and s > 0 for s in sizes):
        raise InvalidValueError(
            f"a spacing of {sizes} for {ndim} axes",
            remedy="Give one distance in mm for each axis, all greater than 0",
        )
    return sizes


def place_of(shape: tuple[int, ...], box: Sequence[int] | None) -> tuple[slice, ...]:
    """Return the box as slices, cut to the mask."""
    if box is None:
        return tuple(slice(0, n) for n in shape)
    ends = [int(i) for i in box]
    n = len(shape)
    if len(ends) != 2 * n:
        raise InvalidValueError(
            f"a box of {len(ends)} numbers for {n} axes",
            remedy="Give the starts along each axis, then the ends",
        )
    place = tuple(
        slice(max(a, 0), min(b, size))
        for a, b, size in zip(ends[:n], ends[n:], shape, strict=True)
    )
    if any(axis.start >= axis.stop for axis in place):
        raise InvalidValueError(
            f"the box {tuple(ends)} holds no pixel of the image",
            remedy="Draw it inside the image",
        )
    return place


def assigned(
    labels: NDArray[np.generic], label: int, chosen: NDArray[np.bool_], protect: bool
) -> NDArray[np.generic]:
    """Add the chosen pixels to the label."""
    result = labels.copy()
    result[chosen & (labels == 0) if protect else chosen] = label
    return result


def reshaped(
    labels: NDArray[np.generic], label: int, inside: NDArray[np.bool_], protect: bool
) -> NDArray[np.generic]:
    """Make the label just what is inside."""
    result = assigned(labels, label, inside, protect)
    result[(labels == label) & ~inside] = 0
    return result
