"""One series on the grid of another, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._header import SeriesHeader

__all__ = ["OntoGrid"]


@dataclass(frozen=True)
class OntoGrid:
    """Resamples a series onto the slices of another, linearly.

    Parameters
    ----------
    matrix : ndarray of float64, shape (4, 4)
        From indices (slice, row, column, 1) of the other series to those of this one.
    shape : (int, int)
        Rows and columns of the other series.
    """

    matrix: NDArray[np.float64]
    shape: tuple[int, int]

    @classmethod
    def between(cls, reference: SeriesHeader, other: SeriesHeader) -> OntoGrid | None:
        """Return what resamples a series onto another one.

        Parameters
        ----------
        reference, other : SeriesHeader
            The series whose grid is filled, and the one that is read.

        Returns
        -------
        OntoGrid or None
            None if it is in colour, if they have no frame of reference in common, or
            where the gaps of either are so uneven that slices would lie beside their
            place.
        """
        if reference.affine is None or other.affine is None or other.is_color:
            return None
        if reference.frame_of_reference != other.frame_of_reference:
            return None
        if any(each.unevenness > each.spacing[0] / 2 for each in (reference, other)):
            return None
        matrix = np.linalg.inv(other.affine) @ reference.affine
        rows, columns = reference.shape[1:3]
        return cls(np.asarray(matrix, float), (rows, columns))

    def plane(self, voxels: NDArray[Any], index: int) -> NDArray[np.float32]:
        """Return what the series holds where a slice of the other one lies.

        Parameters
        ----------
        voxels : ndarray
            (slices, rows, columns) of the series.
        index : int
            The slice of the other one.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
            Not a number where the series does not reach.
        """
        from scipy.ndimage import affine_transform

        linear, origin = self.matrix[:3, :3], self.matrix[:3, 3]
        found = affine_transform(
            voxels,
            linear,
            offset=linear @ (index, 0, 0) + origin,
            output_shape=(1, *self.shape),
            output=np.float32,
            order=1,
            cval=np.nan,
        )
        return np.asarray(found[0], np.float32)
