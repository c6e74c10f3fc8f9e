"""Order, spacing and affine of a stack of planes, and what is odd about it.

Directions are those of DICOM: the patient's Left, Posterior and Superior (LPS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._types import ImageWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Stack", "display_layout", "order_along_normal", "stack_geometry"]

POSITION_TOLERANCE = 1e-2
"""Planes closer than this, in mm, are at the same place."""


@dataclass(frozen=True)
class Stack:
    """The geometry of an ordered stack.

    Parameters
    ----------
    spacing : float
        Mean distance of neighbouring planes along the normal, mm; 1.0 for one.
    affine : numpy.ndarray
        Shape (4, 4): (slice, row, column, 1) to LPS in mm.
    origins : numpy.ndarray
        Shape (slices, 3): first voxel of each plane, LPS in mm.
    warnings : tuple of ImageWarning
        Missing slices, uneven gaps, gantry tilt.
    """

    spacing: float
    affine: NDArray[np.float64]
    origins: NDArray[np.float64]
    warnings: tuple[ImageWarning, ...]


def order_along_normal(
    positions: NDArray[np.float64], orientation: Sequence[float]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Sort planes along the normal of Image Orientation (Patient).

    Parameters
    ----------
    positions : numpy.ndarray
        Shape (n, 3): Image Position (Patient), mm.
    orientation : sequence of float
        The six cosines.

    Returns
    -------
    order : numpy.ndarray
        Shape (n,): indices in ascending order; stable.
    distances : numpy.ndarray
        Shape (n,): distance along the normal, mm, in the given order.

    Notes
    -----
    The normal is row cosines x column cosines, DICOM PS3.3 C.7.6.2.1.1.
    """
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    distances = positions @ normal
    return np.argsort(distances, kind="stable"), distances


def stack_geometry(
    positions: NDArray[np.float64],
    orientation: Sequence[float],
    spacing: tuple[float, float],
    depth: float = 1.0,
) -> Stack:
    """Derive the geometry of planes already in order.

    Parameters
    ----------
    positions : numpy.ndarray
        Shape (n, 3): Image Position (Patient), mm, ascending along the normal.
    orientation : sequence of float
        Image Orientation (Patient): direction of a row, then of a column.
    spacing : tuple of float
        Distance of rows and of columns, mm.
    depth : float
        Distance of slices, mm, where there is but one.

    Returns
    -------
    Stack
        With the affine of DICOM PS3.3 C.7.6.2.1.1, its slice column the mean
        step from plane to plane, so that a tilted gantry is kept as shear. Where
        slices are missing, the step is that between the neighbours that are there.
    """
    along_row = np.asarray(orientation[:3], float)
    along_column = np.asarray(orientation[3:], float)
    normal = np.cross(along_row, along_column)
    normal /= np.linalg.norm(normal)
    count = len(positions)
    step = normal * depth
    if count > 1:
        steps = np.diff(positions, axis=0)
        step = steps[~_holes(steps @ normal)].mean(axis=0)
    distance = float(step @ normal)
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = along_column * spacing[0]
    affine[:3, 2] = along_row * spacing[1]
    affine[:3, 3] = positions[0]
    notes: list[ImageWarning] = []
    if count > 1:
        notes += _tilt(step, normal, distance)
        off = np.linalg.norm(
            positions - positions[0] - np.arange(count)[:, None] * step, axis=1
        ).max()
        notes += _gaps(np.diff(positions @ normal), float(off))
    return Stack(distance, affine, positions, tuple(notes))


def _tilt(
    step: NDArray[np.float64], normal: NDArray[np.float64], distance: float
) -> list[ImageWarning]:
    sideways = float(np.linalg.norm(step - distance * normal))
    angle = float(np.degrees(np.arctan2(sideways, distance)))
    if angle < 0.5:
        return []
    return [
        ImageWarning(
            "gantry-tilt",
            f"The slices are sheared by {angle:.1f} degrees (gantry tilt): each is "
            "shown as it was acquired, distances across slices are those along "
            "the normal",
        )
    ]


def _holes(gaps: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell where slices are missing: gaps that are a multiple of the usual one."""
    # a median among few gaps may itself be a hole
    if len(gaps) < 3:
        return np.zeros(len(gaps), bool)
    ratio = gaps / float(np.median(gaps))
    steps = np.rint(ratio)
    return (steps >= 2) & (np.abs(ratio - steps) < 0.1)


def _gaps(gaps: NDArray[np.float64], off: float) -> list[ImageWarning]:
    """Tell missing slices from gaps that merely vary."""
    usual = float(np.median(gaps))
    steps = np.rint(gaps / usual)
    missing = _holes(gaps)
    notes = []
    if missing.any():
        after = [int(i) for i in np.flatnonzero(missing)]
        lost = int((steps[missing] - 1).sum())
        places = ", ".join(
            f"{int(steps[i]) - 1} after slice {i + 1}" for i in after[:8]
        )
        more = "" if len(after) <= 8 else f" and {len(after) - 8} places more"
        notes.append(
            ImageWarning(
                "missing-slices",
                f"{lost} slice{'s are' if lost > 1 else ' is'} missing: "
                f"{places}{more}. Copy or export the series again if it should "
                "be complete",
                tuple(after),
            )
        )
    rest = gaps[~missing]
    spread = float(rest.max() - rest.min())
    if spread > max(0.01 * usual, POSITION_TOLERANCE):
        odd = np.abs(gaps - usual) > max(0.005 * usual, POSITION_TOLERANCE / 2)
        notes.append(
            ImageWarning(
                "uneven-gaps",
                f"The distance between slices varies from {rest.min():.4g} to "
                f"{rest.max():.4g} mm: places and lengths are from the position of "
                f"each slice, and drawings take the mean, up to {off:.3g} mm off",
                tuple(int(i) for i in np.flatnonzero(odd & ~missing)),
            )
        )
    return notes


def display_layout(directions: NDArray[np.float64]) -> tuple[int, int, int]:
    """Choose rows and columns so that a plane looks as radiology shows it.

    The slice axis stays the file's third. Columns run to the patient's left
    (axial, coronal) or back (sagittal); rows run to the back (axial) or down
    (coronal, sagittal).

    Parameters
    ----------
    directions : numpy.ndarray
        Shape (3, 3): LPS direction of the file's three axes, one a column.

    Returns
    -------
    row_axis : int
        0 or 1: the file's axis that becomes rows; the other becomes columns.
    row_sign, column_sign : int
        1, or -1 where the axis is to be reversed.
    """
    lengths = np.linalg.norm(directions, axis=0)
    unit = directions / np.where(lengths > 0, lengths, 1.0)
    third = int(np.argmax(np.abs(unit[:, 2])))
    # LPS axis and sign that rows and columns are to follow, by the third axis
    (row_to, row_way), (column_to, column_way) = (
        ((2, -1), (1, 1)),
        ((2, -1), (0, 1)),
        ((1, 1), (0, 1)),
    )[third]
    straight = abs(unit[row_to, 1]) + abs(unit[column_to, 0])
    swapped = abs(unit[row_to, 0]) + abs(unit[column_to, 1])
    row_axis = 0 if swapped > straight + 1e-9 else 1
    row = row_way * unit[row_to, row_axis]
    column = column_way * unit[column_to, 1 - row_axis]
    return row_axis, -1 if row < 0 else 1, -1 if column < 0 else 1


def layout_affine(
    affine: NDArray[np.float64],
    layout: tuple[int, int, int],
    size: tuple[int, int],
) -> NDArray[np.float64]:
    """Return the (slice, row, column) affine of a file laid out for display.

    Parameters
    ----------
    affine : numpy.ndarray
        Shape (4, 4): the file's (i, j, k, 1) to LPS in mm.
    layout : tuple of int
        From :func:`display_layout`.
    size : tuple of int
        Length of the file's first two axes.
    """
    row_axis, row_sign, column_sign = layout
    to_file = np.zeros((4, 4))
    to_file[2, 0] = to_file[3, 3] = 1
    for axis, sign, column in (
        (row_axis, row_sign, 1),
        (1 - row_axis, column_sign, 2),
    ):
        to_file[axis, column] = sign
        if sign < 0:
            to_file[axis, 3] = size[axis] - 1
    return affine @ to_file
