"""One series on the grid of another, slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._header import SeriesHeader

__all__ = ["grid_matrix", "resampled_slice"]


def grid_matrix(
    reference: SeriesHeader, other: SeriesHeader
) -> NDArray[np.float64] | None:
    """Return where the voxels of a series lie in the grid of another.

    Parameters
    ----------
    reference, other : SeriesHeader
        The series whose grid is filled, and the one that is read.

    Returns
    -------
    ndarray of float64, shape (4, 4), or None
        From indices (slice, row, column, 1) of the reference to those of the other.
        None if they have no frame of reference in common, or where the gaps of either
        are so uneven that slices would lie beside their place.
    """
    if reference.affine is None or other.affine is None:
        return None
    if reference.frame_of_reference != other.frame_of_reference:
        return None
    if any(each.unevenness > each.spacing[0] / 2 for each in (reference, other)):
        return None
    return np.asarray(np.linalg.inv(other.affine) @ reference.affine, float)


def resampled_slice(
    voxels: NDArray[Any],
    matrix: NDArray[np.float64],
    index: int,
    shape: tuple[int, int],
) -> NDArray[np.float32]:
    """Resample a series onto one slice of another, linearly.

    Parameters
    ----------
    voxels : ndarray
        (slices, rows, columns) of the series that is read.
    matrix : ndarray of float64, shape (4, 4)
        As :func:`grid_matrix` gives it.
    index : int
        The slice of the reference.
    shape : (int, int)
        Its rows and columns.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Not a number where the series does not reach.
    """
    from scipy.ndimage import affine_transform

    found = affine_transform(
        voxels,
        matrix[:3, :3],
        offset=matrix[:3, :3] @ (index, 0, 0) + matrix[:3, 3],
        output_shape=(1, *shape),
        output=np.float32,
        order=1,
        cval=np.nan,
    )
    return np.asarray(found[0], np.float32)
