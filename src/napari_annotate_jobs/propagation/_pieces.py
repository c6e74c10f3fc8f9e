"""The connected pieces of what is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["piece_at"]


def piece_at(
    mask: NDArray[np.bool_], row: int, column: int
) -> tuple[NDArray[np.bool_], int]:
    """Return the connected piece that holds a pixel, and how many pieces there are.

    Pixels that touch at a corner are connected, as strokes of a thin brush are.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        What is painted.
    row, column : int
        A pixel of it.

    Returns
    -------
    piece : ndarray of bool, shape (rows, columns)
        Empty if the pixel is not painted.
    pieces : int
        Number of pieces of the mask.
    """
    from scipy import ndimage

    numbers, pieces = ndimage.label(mask, np.ones((3, 3), bool))
    piece: NDArray[np.bool_] = (numbers == numbers[row, column]) & mask
    return piece, int(pieces)
