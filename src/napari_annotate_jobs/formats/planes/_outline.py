"""Masks as polygons along the edges of their pixels, and as runs of COCO's kind."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Point = tuple[int, int]
    Ring = list[Point]

__all__ = [
    "MaskPart",
    "components",
    "outlines",
    "rle_string",
    "row_runs",
    "whole",
    "with_slits",
]

_RIGHT_OF = {(1, 0): (0, 1), (0, 1): (-1, 0), (-1, 0): (0, -1), (0, -1): (1, 0)}
"""The way to the right of a way, as (x, y) with y downwards."""


class MaskPart(NamedTuple):
    """A part of a mask, cut out.

    Parameters
    ----------
    pixels : ndarray of bool, shape (height, width)
        The part within its own bounds.
    top, left : int
        Its first row and column.
    """

    pixels: NDArray[np.bool_]
    top: int
    left: int


def components(mask: NDArray[np.bool_]) -> Iterator[MaskPart]:
    """Give each part whose pixels touch, by sides or corners."""
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    for number, place in enumerate(ndimage.find_objects(parts, count), 1):
        rows, columns = place
        yield MaskPart(parts[place] == number, rows.start, columns.start)


def whole(mask: NDArray[np.bool_]) -> MaskPart:
    """Return all of a mask as one part; it has pixels."""
    ((rows, columns),) = ndimage.find_objects(mask.astype(np.uint8))
    return MaskPart(mask[rows, columns], rows.start, columns.start)


def outlines(
    mask: NDArray[np.bool_], top: int = 0, left: int = 0
) -> list[tuple[Ring, list[Ring]]]:
    """Return polygons that hold exactly the pixels of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        What is outlined.
    top, left : int
        Where it lies in the image.

    Returns
    -------
    list of (outline, holes)
        One for each part whose pixels touch by their sides. Points are (x, y) with
        (0, 0) the outer corner of the first pixel; outlines run clockwise, holes the
        other way round.
    """
    parts, count = ndimage.label(mask)
    found: list[tuple[Ring, list[Ring]]] = []
    for number, place in enumerate(ndimage.find_objects(parts, count), 1):
        rows, columns = place
        rings = _rings(parts[place] == number)
        right, down = columns.start + left, rows.start + top
        moved = [[(x + right, y + down) for x, y in ring] for ring in rings]
        # Of the rings around one part the outer one alone runs clockwise.
        outer = next(r for r in moved if _area(r) > 0)
        found.append((outer, [r for r in moved if r is not outer]))
    return found


def _rings(part: NDArray[np.bool_]) -> list[Ring]:
    """Follow the edges between inside and outside, with the inside to the right."""
    wide = np.pad(part, 1).astype(np.int8)
    down = np.diff(wide, axis=0)[:, 1:-1]
    along = np.diff(wide, axis=1)[1:-1]
    edges: dict[tuple[Point, Point], Point] = {}
    for value, way in ((1, (1, 0)), (-1, (-1, 0))):
        for y, first, last in row_runs(down == value):
            start, end = ((first, y), (last, y))[:: way[0]]
            edges[start, way] = end
    for value, way in ((-1, (0, 1)), (1, (0, -1))):
        for x, first, last in row_runs((along == value).T):
            start, end = ((x, first), (x, last))[:: way[1]]
            edges[start, way] = end
    rings = []
    while edges:
        (start, way), point = next(iter(edges.items()))
        del edges[start, way]
        ring = [start]
        while point != start or (point, _RIGHT_OF[way]) in edges:
            ring.append(point)
            # Where two parts touch at a corner, turning right stays with its own.
            right = _RIGHT_OF[way]
            way = right if (point, right) in edges else (-right[0], -right[1])
            point = edges.pop((point, way))
        rings.append(ring)
    return rings


def row_runs(mask: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Return (row, first column, column behind the last) of every run of a mask."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))


def _area(ring: Ring) -> float:
    x, y = np.array(ring, dtype=np.int64).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def with_slits(outer: Ring, holes: list[Ring]) -> Ring:
    """Join holes to their outline by slits of no width, so that one ring is left."""
    ring = list(outer)
    for hole in sorted(holes, key=min):
        # Straight to the left of its leftmost point something of the ring is met:
        # holes further left were joined before.
        first = hole.index(min(hole))
        x, y = hole[first]
        at, point = _met(ring, x, y)
        turned = [*hole[first:], *hole[: first + 1]]
        ring[at + 1 : at + 1] = [point, *turned, point]
    return ring


def _met(ring: Ring, x: int, y: int) -> tuple[int, Point]:
    """Return the edge met first to the left of a point, and where it is met."""
    best = (-1, -1)
    for at, (x0, y0) in enumerate(ring):
        x1, y1 = ring[(at + 1) % len(ring)]
        if x0 == x1 and x0 <= x and min(y0, y1) <= y <= max(y0, y1):
            best = max(best, (x0, at))
    return best[1], (best[0], y)


def rle_string(
    mask: NDArray[np.bool_],
    top: int = 0,
    left: int = 0,
    plane: tuple[int, int] | None = None,
) -> str:
    """Return a mask as COCO's compressed run lengths.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        The mask, or a part of it.
    top, left : int
        Where the part lies in the image.
    plane : (int, int), optional
        Rows and columns of the image; those of `mask` by default.

    Notes
    -----
    Runs go down the columns, background first. From the fourth on each is written
    as its difference from the one before the last, in digits of five bits.
    """
    rows, columns = plane or mask.shape
    edges: list[int] = []
    for column, first, last in row_runs(mask.T):
        start = (column + left) * rows + top
        if edges and edges[-1] == start + first:
            edges[-1] = start + last  # it goes on in the next column
        else:
            edges += [start + first, start + last]
    counts = [b - a for a, b in pairwise([0, *edges, rows * columns])]
    # A run of nothing at the end is left out, as one within is never there.
    counts = counts[:-1] if len(counts) > 1 and not counts[-1] else counts
    out = bytearray()
    for at, count in enumerate(counts):
        value = count - counts[at - 2] if at > 2 else count
        while True:
            digit, value = value & 31, value >> 5
            more = value != (-1 if digit & 16 else 0)
            out.append(digit + 48 + (32 if more else 0))
            if not more:
                break
    return out.decode("ascii")
