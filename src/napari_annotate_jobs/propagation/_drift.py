"""Objects that move further than they are wide from one key to the next.

Blending distances joins what overlaps. A vessel that runs obliquely through
the slices does not overlap itself: it has to be moved before it is blended.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drift", "Parts", "drifts", "parts_of"]

_OVERLAP = 0.15
"""Parts whose Dice overlap is less than this are taken to have moved."""

_GROWTH = 4.0
"""Parts whose areas differ by more than this factor are not the same."""

_LIKENESS = 0.5
"""Dice overlap that the two outlines must reach once laid over one another."""

_MANY = 256
"""Parts of one label on one key beyond which they are specks, not objects."""

_STRIDE = 1.0
"""How far a part may move, in its own radii (both keys' added)."""

_LEAP = 1.25
"""The same for the only part of its label on either key."""

_STEEP = 2.0
"""How far such a part may move however small it is, in distances of the keys."""

_FAR = 12.0
"""The most that this may be, in pixels."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The connected parts of one slice.

    Parameters
    ----------
    number : ndarray of int32, shape (h, w)
        Part of each pixel, from 1; 0 where there is no label.
    label, area, row, column : ndarray of int64, shape (n + 1,)
        For each part: its label, its pixels, and the sums of their rows and
        columns.
    """

    number: NDArray[np.int32]
    label: NDArray[np.int64]
    area: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    @cached_property
    def boxes(self) -> list[tuple[slice, slice]]:
        """Bounding box of each part, from the first."""
        return list(ndi.find_objects(self.number))


@dataclass(frozen=True, eq=False)
class Drift:
    """One part that moved from one key to the next.

    Parameters
    ----------
    label : int
        Its label.
    first, second : ndarray of bool, shape (h, w)
        The part on either key, cut out.
    corner, other : (int, int)
        Place of the cut-outs in the slice.
    way : (int, int)
        Rows and columns it moves.
    parts : (int, int)
        Its numbers on either key.
    """

    label: int
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    corner: tuple[int, int]
    other: tuple[int, int]
    way: tuple[int, int]
    parts: tuple[int, int]


def parts_of(plane: NDArray[np.integer]) -> Parts:
    """Return the 8-connected parts of equal label of a slice."""
    from skimage.measure import label as connected

    number = connected(  # type: ignore[no-untyped-call]
        plane, background=0, connectivity=2
    ).astype(np.int32)
    n = int(number.max()) + 1
    inside = np.flatnonzero(number)
    which = number.ravel()[inside]
    rows, columns = np.divmod(inside, plane.shape[1])
    label = np.zeros(n, dtype=np.int64)
    label[which] = plane.ravel()[inside]

    def summed(weights: NDArray[np.integer] | None) -> NDArray[np.int64]:
        # Sums of whole numbers far below 2 ** 53 are exact.
        return np.bincount(which, weights, minlength=n).astype(np.int64)

    return Parts(number, label, summed(None), summed(rows), summed(columns))


def drifts(
    first: Parts, second: Parts, slack: float, sampling: tuple[float, float]
) -> list[Drift]:
    """Return the parts that moved away from where they were.

    Parameters
    ----------
    first, second : Parts
        The parts of two key slices of the same size.
    slack : float
        Pixels that any part may move, however small it is.
    sampling : (float, float)
        Height and width of a pixel; their product is 1.

    Returns
    -------
    list of Drift
        In an order that does not depend on which key is named first.
    """
    both = np.flatnonzero((first.number.ravel() > 0) & (second.number.ravel() > 0))
    p, q = first.number.ravel()[both], second.number.ravel()[both]
    same = first.label[p] == second.label[q]
    pairs, counts = np.unique(
        p[same].astype(np.int64) * second.area.size + q[same], return_counts=True
    )
    p, q = np.divmod(pairs, second.area.size)
    degree_p = np.bincount(p, minlength=first.area.size)
    degree_q = np.bincount(q, minlength=second.area.size)
    dice = 2 * counts / (first.area[p] + second.area[q])
    # Two parts that touch but little, and nothing else, have moved too.
    barely = (degree_p[p] == 1) & (degree_q[q] == 1) & (dice < _OVERLAP)
    degree_p[p[barely]] = 0
    degree_q[q[barely]] = 0
    found = []
    lost = np.flatnonzero((degree_p == 0) & (first.area > 0))
    new = np.flatnonzero((degree_q == 0) & (second.area > 0))
    for label in np.intersect1d(first.label[lost], second.label[new]).tolist():
        mine = lost[first.label[lost] == label]
        other = new[second.label[new] == label]
        for i, j in _match(first, second, mine, other, slack, sampling):
            drift, fit = _drift(first, second, i, j)
            if fit >= _LIKENESS:
                found.append(drift)
    return found


def _match(
    first: Parts,
    second: Parts,
    mine: NDArray[np.intp],
    other: NDArray[np.intp],
    slack: float,
    sampling: tuple[float, float],
) -> list[tuple[int, int]]:
    """Pair the parts of one label, nearest first."""
    candidates = []
    here = np.flatnonzero(first.label == first.label[mine[0]])
    there = np.flatnonzero(second.label == first.label[mine[0]])
    mine, other = _largest(first, mine), _largest(second, other)
    # An object alone of its label on both keys is the same one further away, if it
    # looks it, but thick slices are no excuse. What lies far from both does not count.
    near = set(_near(first, second, mine, other, slack, _STRIDE, sampling))
    steep = min(_STEEP * slack, _FAR)
    leaps = set(_near(first, second, mine, other, steep, _LEAP, sampling))
    fitting = [
        (i, j)
        for i, j in sorted(near | leaps)
        if (i, j) in near & leaps
        or _is_alone(first, i, here, second, j, there, sampling) == ((i, j) in leaps)
    ]
    for i, j in fitting:
        n, m = int(first.area[i]), int(second.area[j])
        # Centroids over a common denominator: exact, hence independent of
        # where the slice lies and of which key comes first.
        dy = int(second.row[j]) * n - int(first.row[i]) * m
        dx = int(second.column[j]) * n - int(first.column[i]) * m
        far = float(np.hypot(dy * sampling[0], dx * sampling[1]) / (n * m))
        radii = (np.sqrt(n) + np.sqrt(m)) / np.sqrt(np.pi)
        cost = far / radii + abs(np.log(n / m))
        middle = (
            (int(first.row[i]) * m + int(second.row[j]) * n) / (n * m),
            (int(first.column[i]) * m + int(second.column[j]) * n) / (n * m),
        )
        candidates.append(((round(cost, 9), *middle, dy * dx), i, j))
    chosen: list[tuple[int, int]] = []
    left, right = set(mine.tolist()), set(other.tolist())
    for _, i, j in sorted(candidates):
        if i in left and j in right:
            chosen.append((i, j))
            left.remove(i)
            right.remove(j)
    return chosen


def _is_alone(
    first: Parts,
    i: int,
    here: NDArray[np.intp],
    second: Parts,
    j: int,
    there: NDArray[np.intp],
    sampling: tuple[float, float],
) -> bool:
    """Whether neither of two parts has another of its label round it.

    Round it is as far as a part of that size may move, and the two are apart.
    """
    n, m = float(first.area[i]), float(second.area[j])
    y, x = first.row[i] / n, first.column[i] / n
    v, u = second.row[j] / m, second.column[j] / m
    reach = 2 * (
        _LEAP * (np.sqrt(n) + np.sqrt(m)) / np.sqrt(np.pi)
        + np.hypot((v - y) * sampling[0], (u - x) * sampling[1])
        + _FAR
    )
    for parts, own, which in ((first, i, here), (second, j, there)):
        area = parts.area[which]
        down = parts.row[which] / area - (y + v) / 2
        across = parts.column[which] / area - (x + u) / 2
        # as far as the outline of a round one of that size
        far = np.hypot(down * sampling[0], across * sampling[1])
        far -= np.sqrt(area / np.pi)
        if np.any((which != own) & (far < reach)):
            return False
    return True


def _largest(parts: Parts, which: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the largest of some parts, as many as can be objects."""
    if which.size <= _MANY:
        return which
    order = np.lexsort((parts.column[which], parts.row[which], -parts.area[which]))
    return np.sort(which[order[:_MANY]])


def _near(
    first: Parts,
    second: Parts,
    mine: NDArray[np.intp],
    other: NDArray[np.intp],
    slack: float,
    stride: float,
    sampling: tuple[float, float],
) -> list[tuple[int, int]]:
    """Return the pairs of parts that are near and alike enough."""
    n, m = first.area[mine][:, np.newaxis], second.area[other]
    down = second.row[other] / m - first.row[mine][:, np.newaxis] / n
    across = second.column[other] / m - first.column[mine][:, np.newaxis] / n
    far = np.hypot(down * sampling[0], across * sampling[1])
    radii = (np.sqrt(n) + np.sqrt(m)) / np.sqrt(np.pi)
    alike = np.maximum(n, m) <= _GROWTH * np.minimum(n, m)
    near = far <= np.maximum(slack, stride * radii) + 1e-9
    i, j = np.nonzero(alike & near)
    return list(zip(mine[i].tolist(), other[j].tolist(), strict=True))


def _drift(first: Parts, second: Parts, i: int, j: int) -> tuple[Drift, float]:
    a, corner = _cut(first, i)
    b, other = _cut(second, j)
    n, m = int(first.area[i]), int(second.area[j])
    dy = int(second.row[j]) * n - int(first.row[i]) * m
    dx = int(second.column[j]) * n - int(first.column[i]) * m
    # The refinement looks from the same key whichever is named first.
    if (dy, dx) >= (0, 0):
        way, shared = _fit(a, corner, b, other, dy / (n * m), dx / (n * m))
    else:
        back, shared = _fit(b, other, a, corner, -dy / (n * m), -dx / (n * m))
        way = (-back[0], -back[1])
    drift = Drift(int(first.label[i]), a, b, corner, other, way, (i, j))
    return drift, 2 * shared / (n + m)


def _cut(parts: Parts, i: int) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    rows, columns = parts.boxes[i - 1]
    return parts.number[rows, columns] == i, (rows.start, columns.start)


def _fit(
    a: NDArray[np.bool_],
    corner: tuple[int, int],
    b: NDArray[np.bool_],
    other: tuple[int, int],
    dy: float,
    dx: float,
) -> tuple[tuple[int, int], float]:
    """Return the whole step near (dy, dx) that overlaps best, and how much."""
    cy, cx = int(np.floor(dy + 0.5)), int(np.floor(dx + 0.5))
    best = (0.0, -np.inf, (cy, cx))
    for sy in range(cy - 1, cy + 2):
        for sx in range(cx - 1, cx + 2):
            # Where a lies in the frame of b once it has moved.
            y, x = corner[0] + sy - other[0], corner[1] + sx - other[1]
            top, left = max(y, 0), max(x, 0)
            bottom = min(y + a.shape[0], b.shape[0])
            right = min(x + a.shape[1], b.shape[1])
            if top >= bottom or left >= right:
                continue
            common = a[top - y : bottom - y, left - x : right - x]
            shared = float(np.count_nonzero(common & b[top:bottom, left:right]))
            off = -round(np.hypot(sy - dy, sx - dx), 6)
            best = max(best, (shared, off, (sy, sx)))
    return best[2], best[0]
