"""Polygons and run lengths as masks, many at a time.

Masks are painted into columns one after the other, as COCO counts pixels, so that a
mask is a set of spans of one long line. Spans of many objects are found together:
that is what makes reading fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = [
    "Spans",
    "counts_of",
    "paint",
    "part_spans",
    "polygon_points",
    "polygon_spans",
    "run_spans",
    "string_spans",
]

_FINER = 5.0
"""Into how many parts a pixel is divided where a polygon's edge is followed."""


class Spans(NamedTuple):
    """Pixels by their number down the columns: from each start to before its end."""

    starts: Ints
    ends: Ints


def paint(spans: Sequence[Spans], plane: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels of all spans as a mask.

    Parameters
    ----------
    spans : sequence of Spans
        They may overlap, and reach behind the last pixel.
    plane : (int, int)
        Rows and columns.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    rows, columns = plane
    flat = np.zeros(rows * columns, dtype=bool)
    starts = np.concatenate([each.starts for each in spans] or [np.empty(0, int)])
    ends = np.concatenate([each.ends for each in spans] or [np.empty(0, int)])
    full = ends > starts
    starts, ends = starts[full], np.minimum(ends[full], flat.size)
    if starts.size:
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], np.maximum.accumulate(ends[order])
        apart = np.flatnonzero(starts[1:] > ends[:-1]) + 1
        starts = starts[np.concatenate(([0], apart))]
        ends = ends[np.concatenate((apart - 1, [-1]))]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            flat[start:end] = True
    return flat.reshape(columns, rows).T


def run_spans(counts: Ints) -> Spans:
    """Return the spans of run lengths, background first."""
    edges = np.cumsum(counts)
    return Spans(edges[:-1:2], edges[1::2])


def string_spans(texts: Sequence[bytes], pixels: int) -> Spans:
    """Return the spans of COCO's compressed run lengths, of several masks at once.

    Parameters
    ----------
    texts : sequence of bytes
        One a mask.
    pixels : int
        Of an image.

    Raises
    ------
    ValueError
        If they are no run lengths of so many pixels.
    """
    values, sizes = _numbers(b"".join(texts), [len(text) for text in texts])
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    place = np.arange(values.size) - np.repeat(first, sizes)
    # From the fourth on a run is told by its difference from the one before the
    # last: runs of one colour are summed up, the very first stands alone.
    chain = np.where(place == 0, 0, 2 - (place & 1))
    mask = np.repeat(np.arange(sizes.size), sizes)
    order = np.lexsort((place, chain, mask))
    sums = np.cumsum(values[order])
    group = (mask * 3 + chain)[order]
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    before = np.where(begins > 0, sums[begins - 1], 0)
    lengths = np.diff(np.concatenate((begins, [group.size])))
    counts = np.empty_like(values)
    counts[order] = sums - np.repeat(before, lengths)
    if counts.size and int(counts.min()) < 0:
        raise ValueError("a run of less than no pixels")
    edges = np.cumsum(counts)
    total = edges[np.cumsum(sizes) - 1]
    base = np.concatenate(([0], total[:-1]))
    if not np.array_equal(total - base, np.full(sizes.size, pixels)):
        raise ValueError(f"its runs do not add up to {pixels} pixels")
    edges -= np.repeat(base, sizes)
    ends = place % 2 == 1
    starts = np.flatnonzero(ends) - 1
    return Spans(edges[starts], edges[starts + 1])


def _numbers(data: bytes, lengths: list[int]) -> tuple[Ints, Ints]:
    """Return the numbers in texts of digits of five bits, and how many each has."""
    digits = np.frombuffer(data, dtype=np.uint8).astype(np.int64) - 48
    if not digits.size or min(lengths) == 0:
        raise ValueError("it is empty")
    if int(digits.min()) < 0 or int(digits.max()) > 63:
        raise ValueError("it holds a character that stands for no digit")
    last = (digits & 32) == 0
    ends = np.flatnonzero(last)
    text_ends = np.cumsum(lengths)
    if not last[text_ends - 1].all():
        raise ValueError("it ends within a number")
    starts = np.concatenate(([0], ends[:-1] + 1))
    width = ends - starts + 1
    if int(width.max()) > 8:
        raise ValueError("it holds a number that is too large")
    power = np.arange(digits.size) - np.repeat(starts, width)
    values = np.add.reduceat((digits & 31) << (5 * power), starts)
    values -= np.where(digits[ends] & 16, np.int64(1) << (5 * width), 0)
    sizes = np.diff(np.searchsorted(ends, text_ends), prepend=0)
    return values, sizes


def counts_of(values: Sequence[object], pixels: int) -> Ints:
    """Return uncompressed run lengths.

    Raises
    ------
    ValueError
        If they are no run lengths of so many pixels.
    """
    counts = np.array(values)
    if counts.ndim != 1 or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError("its runs are not whole numbers")
    if int(counts.sum()) != pixels:
        raise ValueError(f"its runs do not add up to {pixels} pixels")
    return counts.astype(np.int64)


def part_spans(
    part: NDArray[np.bool_], left: int, top: int, plane: tuple[int, int]
) -> Spans:
    """Return the spans of a mask that covers a part of an image.

    Raises
    ------
    ValueError
        If it reaches beyond the image.
    """
    (height, width), (rows, columns) = part.shape, plane
    if left < 0 or top < 0 or left + width > columns or top + height > rows:
        raise ValueError("a mask that reaches beyond the image")
    lines = np.zeros((columns, rows), dtype=np.int8)
    lines[left : left + width, top : top + height] = part.T
    steps = np.diff(lines.ravel(), prepend=np.int8(0), append=np.int8(0))
    return Spans(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1))


def polygon_points(
    values: Sequence[object], plane: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the points of a polygon, given as x, y, x, y ...

    Returns
    -------
    ndarray of float64, shape (points, 2)

    Raises
    ------
    ValueError
        If they are no three points or more, at the image or not far from it.
    """
    try:
        points = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a polygon that is no list of numbers") from error
    if points.ndim != 1 or points.size < 6 or points.size % 2:
        raise ValueError("a polygon needs x and y of three points or more")
    reach = 2 * max(plane)
    # Written so that what is no number fails too.
    if not (points.min() >= -reach and points.max() <= 2 * reach):
        raise ValueError("a polygon that lies far outside of the image")
    return points.reshape(-1, 2)


def polygon_spans(
    polygons: Sequence[NDArray[np.float64]], plane: tuple[int, int]
) -> Spans:
    """Return the spans of polygons, the same pixels that COCO's own tools find.

    Polygons along the edges of pixels give exactly these pixels; of others the edge
    is followed in fifths of a pixel.

    Parameters
    ----------
    polygons : sequence of ndarray of float64, shape (points, 2)
        (x, y), (0, 0) the outer corner of the first pixel.
    plane : (int, int)
        Rows and columns.
    """
    rows, columns = plane
    if not polygons:
        return Spans(np.empty(0, np.int64), np.empty(0, np.int64))
    sizes = np.array([len(polygon) for polygon in polygons])
    points = (np.concatenate(polygons) * _FINER + 0.5).astype(np.int64)
    last = np.cumsum(sizes) - 1
    following = np.arange(1, len(points) + 1)
    following[last] = last - sizes + 1
    polygon = np.repeat(np.arange(len(polygons)), sizes)
    ends = points[following]
    # An edge is walked along its longer side, always the same way round.
    step = np.abs(ends - points)
    flat = step[:, 0] >= step[:, 1]
    length = np.where(flat, step[:, 0], step[:, 1])
    flip = np.where(flat, points[:, 0] > ends[:, 0], points[:, 1] > ends[:, 1])
    low = np.where(flip[:, None], ends, points)
    high = np.where(flip[:, None], points, ends)
    rise = np.where(flat, high[:, 1] - low[:, 1], high[:, 0] - low[:, 0])
    slope = rise / np.maximum(length, 1)
    edge = np.repeat(np.arange(len(points)), length + 1)
    behind = np.cumsum(length + 1) - (length + 1)
    t = np.arange(edge.size) - behind[edge]
    t = np.where(flip[edge], length[edge] - t, t)
    other = np.where(flat, low[:, 1], low[:, 0])[edge] + slope[edge] * t + 0.5
    other = other.astype(np.int64)
    main = np.where(flat, low[:, 0], low[:, 1])[edge] + t
    u = np.where(flat[edge], main, other)
    v = np.where(flat[edge], other, main)
    # Where the walk steps into another column of fifths, in the middle of a pixel's,
    # the inside begins or ends.
    of = polygon[edge]
    at = np.flatnonzero((u[1:] != u[:-1]) & (of[1:] == of[:-1])) + 1
    column = np.where(u[at] < u[at - 1], u[at], u[at] - 1)
    middle = (column % 5 == 2) & (column >= 0) & (column < _FINER * columns)
    at, column = at[middle], column[middle] // 5
    row = np.minimum(v[at], v[at - 1])
    row = np.clip(np.ceil((row + 0.5) / _FINER - 0.5), 0, rows).astype(np.int64)
    place = column * rows + row
    order = np.lexsort((place, of[at]))
    place = place[order]
    return Spans(place[::2], place[1::2])
