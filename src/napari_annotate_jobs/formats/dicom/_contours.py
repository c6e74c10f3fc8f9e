"""Outlines of masks in one plane, and masks of outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["fill_outlines", "outlines_of"]

_ON = 0.01
"""How near to an outline, in pixels, a pixel's centre counts as on it."""


def outlines_of(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the outlines of a mask, of its islands and of its holes.

    They run half-way between the centres of pixels inside and outside, so that every
    centre is clearly on one side, and a rule of even and odd gives the mask back.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)

    Returns
    -------
    list of ndarray of float64, shape (points, 2)
        (row, column) in pixels; closed, the first point is not repeated.
    """
    from skimage import measure

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    padded = np.pad(part, 1).astype(np.float32)
    find: Any = measure.find_contours
    found = find(padded, 0.5, fully_connected="high")
    return [_corners(line[:-1]) + np.array([top - 1, left - 1]) for line in found]


def _corners(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out points on a straight line between their neighbours."""
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    turn = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return points[np.abs(turn) > 1e-9]


def fill_outlines(
    outlines: Iterable[Sequence[Sequence[float]] | NDArray[np.float64]],
    plane: tuple[int, int],
) -> NDArray[np.bool_]:
    """Return the mask that outlines enclose, by the rule of even and odd.

    Parameters
    ----------
    outlines : iterable of array of float, shape (points, 2)
        (row, column) in pixels; closed by their first point. Those inside others are
        holes, those inside holes are islands.
    plane : tuple of int
        (rows, columns) of the mask.

    Returns
    -------
    ndarray of bool, shape `plane`
        Pixels whose centres are inside, or on an outline.
    """
    starts = [np.asarray(line, np.float64).reshape(-1, 2) for line in outlines]
    starts = [line for line in starts if len(line)]
    out = np.zeros(plane, np.bool_)
    if not starts:
        return out
    a = np.concatenate(starts)
    b = np.concatenate([np.roll(line, -1, axis=0) for line in starts])
    _toggle(out, a, b)
    np.logical_xor.accumulate(out, axis=1, out=out)
    _mark(out, a, b)
    return out


def _toggle(
    out: NDArray[np.bool_], a: NDArray[np.float64], b: NDArray[np.float64]
) -> None:
    """Change the first pixel right of each crossing of an edge with a row."""
    edge, row = _crossed(a[:, 0], b[:, 0], out.shape[0])
    column = np.ceil(_at(a, b, edge, row, 0)).astype(np.int64)
    column = np.maximum(column, 0)
    inside = column < out.shape[1]
    np.logical_xor.at(out, (row[inside], column[inside]), True)


def _mark(
    out: NDArray[np.bool_], a: NDArray[np.float64], b: NDArray[np.float64]
) -> None:
    """Take in pixels whose centres lie on an edge."""
    for axis in (0, 1):
        # A little longer, so that the ends of an edge count as on it.
        low, high = (
            np.minimum(a[:, axis], b[:, axis]),
            np.maximum(a[:, axis], b[:, axis]),
        )
        edge, line = _crossed(low - _ON, high + _ON, out.shape[axis])
        other = _at(a, b, edge, line, axis)
        near = np.rint(other).astype(np.int64)
        on = (np.abs(other - near) < _ON) & (near >= 0) & (near < out.shape[1 - axis])
        place = (line[on], near[on]) if axis == 0 else (near[on], line[on])
        out[place] = True


def _crossed(
    first: NDArray[np.float64], last: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of edge and line where low <= line < high, for whole lines."""
    low = np.clip(np.ceil(np.minimum(first, last)), 0, count).astype(np.int64)
    high = np.clip(np.ceil(np.maximum(first, last)), 0, count).astype(np.int64)
    many = high - low
    edge = np.repeat(np.arange(len(low)), many)
    begin = np.repeat(np.cumsum(many) - many, many)
    return edge, np.arange(len(edge)) - begin + low[edge]


def _at(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    edge: NDArray[np.int64],
    line: NDArray[np.int64],
    axis: int,
) -> NDArray[np.float64]:
    """Return where edges cross lines along `axis`, on the other axis."""
    from_, to = a[edge], b[edge]
    length = to[:, axis] - from_[:, axis]
    part = np.divide(
        line - from_[:, axis], length, out=np.zeros(len(edge)), where=length != 0
    )
    part = np.clip(part, 0.0, 1.0)
    other = 1 - axis
    return np.asarray(from_[:, other] + part * (to[:, other] - from_[:, other]))
