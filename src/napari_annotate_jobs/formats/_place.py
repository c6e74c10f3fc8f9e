"""Where voxels lie, in the axes that other formats use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import CorruptError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = [
    "TOLERANCE_MM",
    "check_place",
    "ijk_to_lps",
    "lps_to_ras",
    "slice_origins",
    "uneven_by",
]

TOLERANCE_MM = 1e-3
"""How far a voxel may lie from its place after it was written and read again."""


def ijk_to_lps(header: SeriesHeader) -> NDArray[np.float64]:
    """Return the affine of (column, row, slice, 1) to patient LPS in mm.

    That is the order in which ITK and NIfTI count axes. Images without a place in
    the patient begin at 0 and have their spacing, 1 mm where that is unknown.

    Returns
    -------
    ndarray of float64, shape (4, 4)
    """
    if header.affine is None:
        slices, rows, columns = header.spacing
        return np.diag([columns, rows, slices, 1.0])
    return np.asarray(header.affine)[:, [2, 1, 0, 3]]


def lps_to_ras(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an affine to patient RAS, as NIfTI has it, from one to LPS."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def slice_origins(header: SeriesHeader) -> NDArray[np.float64]:
    """Return the centre of each slice's first voxel in LPS, shape (slices, 3), mm."""
    if header.origins is not None:
        return np.asarray(header.origins)
    affine = ijk_to_lps(header)
    steps = np.arange(header.shape[0])[:, None]
    return np.asarray(affine[:3, 3] + steps * affine[:3, 2])


def uneven_by(header: SeriesHeader) -> float:
    """Return how far, in mm, a slice lies from where one even step puts it at most."""
    origins = slice_origins(header)
    affine = ijk_to_lps(header)
    even = affine[:3, 3] + np.arange(len(origins))[:, None] * affine[:3, 2]
    return float(np.linalg.norm(origins - even, axis=1).max())


def check_place(
    header: SeriesHeader,
    affine: NDArray[np.float64],
    *,
    where: object,
    even: bool = False,
) -> None:
    """Compare an affine that was read, of (column, row, slice, 1) to LPS.

    Parameters
    ----------
    header : SeriesHeader
        Where the slices lie.
    affine : ndarray of float64, shape (4, 4)
        Where they lie as they were read.
    where : path-like
        What was read.
    even : bool
        Compare with the places of an even step, where uneven gaps were accepted.

    Raises
    ------
    CorruptError
        If a corner of any slice lies more than :data:`TOLERANCE_MM` off.
    """
    slices, rows, columns = header.shape[:3]
    wanted = ijk_to_lps(header)
    origins = slice_origins(header)
    if even:
        origins = wanted[:3, 3] + np.arange(slices)[:, None] * wanted[:3, 2]
    worst = 0.0
    for i in (0, columns - 1):
        for j in (0, rows - 1):
            own = origins + wanted[:3, 0] * i + wanted[:3, 1] * j
            k = np.arange(slices)
            ijk = np.stack([np.full(slices, i), np.full(slices, j), k, np.ones(slices)])
            read = (affine @ ijk)[:3].T
            worst = max(worst, float(np.linalg.norm(own - read, axis=1).max()))
    if not worst <= TOLERANCE_MM:
        raise CorruptError(
            f"what was written lies {worst:.4f} mm off its place when it is read again",
            where=where,
            remedy="Choose a format that keeps the place of each slice, as dicom-seg",
        )
