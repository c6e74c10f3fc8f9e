"""How much of the patient a voxel stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["voxel_volumes"]


def voxel_volumes(
    n_slices: int,
    spacing: tuple[float, float, float],
    affine: NDArray[np.float64] | None = None,
    origins: NDArray[np.float64] | None = None,
) -> NDArray[np.float64] | None:
    """Return the volume of a voxel on each slice.

    A slice stands for half the way to each of its neighbours, the first and the last
    one for the whole way to their only neighbour: with even gaps that is the gap, and
    with uneven ones the sum is what lies between them. Ways are measured along the
    normal of the slices, so that a tilted gantry makes no larger voxels.

    Parameters
    ----------
    n_slices : int
        Number of slices.
    spacing : tuple of float
        (slice, row, column) in mm, used where there is no affine.
    affine : ndarray of float64, shape (4, 4), optional
        (slice, row, column, 1) to the patient in mm.
    origins : ndarray of float64, shape (slices, 3), optional
        Centre of the first voxel of each slice in mm.

    Returns
    -------
    ndarray of float64, shape (slices,), or None
        In ml. None for a single slice, which has an area and no volume.
    """
    if n_slices < 2:
        return None
    area, step = spacing[1] * spacing[2], spacing[0]
    gaps = np.full(n_slices - 1, step, dtype=np.float64)
    if affine is not None:
        normal = np.cross(affine[:3, 1], affine[:3, 2])
        size = float(np.linalg.norm(normal))
        if size > 0:
            area = size
            normal = normal / size
            gaps[:] = abs(float(normal @ affine[:3, 0]))
            if origins is not None:
                gaps = np.abs(np.diff(origins @ normal))
    wide = np.concatenate((gaps[:1], gaps, gaps[-1:]))
    return np.asarray(area * (wide[:-1] + wide[1:]) / 2 / 1000, dtype=np.float64)
