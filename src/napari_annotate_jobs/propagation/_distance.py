"""Truncated signed distances of many small objects at once.

An atlas of a hundred structures has thousands of little outlines in its key
slices. A distance transform each costs more in calls than in work, so that the
outlines are laid side by side in strips and transformed together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "REACH",
    "Box",
    "Field",
    "Ruler",
    "Shape",
    "distance_fields",
    "field_of",
    "pixel_of",
    "score_table",
]

REACH = 11
"""How far the distances of small objects are followed, in pixels.

The square, signed, must fit into one byte: 2 * 11 ** 2 + 1 = 243 values.
"""

_STRIP = 1 << 18
"""Pixels in a strip: what stays in the cache of one core."""

_FINE = 8
"""Steps a pixel in the distances of large objects."""

_SCORE = 1023.0
"""Scores are whole numbers up to this, so that sums of them are exact."""

Box = tuple[int, int, int, int]
"""Rows and columns of a rectangle: top, left, bottom, right; ends excluded."""


@dataclass(frozen=True, eq=False)
class Ruler:
    """The distance in pixels that each code stands for.

    Positive inside, and zero half-way between the last pixel inside and the
    first one outside.
    """

    distances: NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """One object on one key slice, still to be measured.

    Parameters
    ----------
    key, label : int
        What names it: the place among the keys, and the label.
    box : Box
        Its bounding box in the padded slice.
    width : float
        Softness of its scores, in pixels.
    """

    key: int
    label: int
    box: Box
    width: float


@dataclass(frozen=True, eq=False)
class Field:
    """Signed distances of one object on one key slice.

    Parameters
    ----------
    code : ndarray of uint8 or int16, shape (h, w)
        Codes of the distances.
    top, left : int
        Place of ``code[0, 0]`` in the padded slice.
    box : Box
        Bounding box of the object in the padded slice.
    ruler : Ruler
        What the codes stand for.
    width : float
        Softness of the scores, in pixels.
    """

    code: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int16]
    top: int
    left: int
    box: Box
    ruler: Ruler
    width: float

    @cached_property
    def depth(self) -> float:
        """Largest distance inside the object, in pixels."""
        return float(self.ruler.distances[self.code.max()])

    @cached_property
    def area(self) -> int:
        """Pixels inside the object."""
        # Codes are symmetric about zero distance.
        return int(np.count_nonzero(self.code > self.ruler.distances.size // 2))

    def paint(self, target: NDArray[np.float32], box: Box, sunk: float = 0.0) -> None:
        """Write the scores of the rectangle `box` into `target`.

        Parameters
        ----------
        target : ndarray of float32, shape (h, w)
            Where to write; of the size of `box`.
        box : Box
            The rectangle in the padded slice.
        sunk : float
            Taken from every distance first, in pixels.
        """
        table = score_table(self.ruler, self.width, sunk)
        h, w = self.code.shape
        top, left = max(box[0], self.top), max(box[1], self.left)
        bottom, right = min(box[2], self.top + h), min(box[3], self.left + w)
        if top >= bottom or left >= right:
            target[:] = table[0]
            return
        inner = target[top - box[0] : bottom - box[0], left - box[1] : right - box[1]]
        if inner.shape != target.shape:
            target[:] = table[0]
        part = self.code[
            top - self.top : bottom - self.top, left - self.left : right - self.left
        ]
        inner[:] = table[part]


@lru_cache(maxsize=4096)
def score_table(ruler: Ruler, width: float, sunk: float = 0.0) -> NDArray[np.float32]:
    """Return the score of each code: a whole number from -1023 to 1023.

    Scores grow like ``tanh(distance / width)``: near an outline they are the
    signed distance, while far from it they say no more than in or out, so
    that what an object does there cannot outweigh its outline elsewhere.
    """
    scores = np.tanh((ruler.distances - sunk) / width)
    return np.rint(_SCORE * scores).astype(np.float32)


def pixel_of(spacing: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Return the size of a pixel in mm, and its height and width in such sizes.

    The size is the root of the area, so that height times width is 1. Pixels
    more than 16 times as long as wide are taken to be no longer than that.
    """
    size = float(np.sqrt(spacing[1] * spacing[2]))
    height = float(np.clip(round(spacing[1] / size, 6), 0.25, 4.0))
    return size, (height, round(1 / height, 6))


def distance_fields(
    slices: NDArray[np.integer],
    shapes: Iterable[Shape],
    sampling: tuple[float, float],
    run: Callable[[list[Callable[[], None]]], None],
) -> dict[tuple[int, int], Field]:
    """Measure every shape.

    Parameters
    ----------
    slices : ndarray of int, shape (keys, rows, columns)
        The padded key slices, of labels; label 0 in `shapes` stands for
        everything that is not 0.
    shapes : iterable of Shape
        What to measure.
    sampling : (float, float)
        Height and width of a pixel; their product is 1.
    run : callable
        Runs a list of tasks, in any order, perhaps at the same time.

    Returns
    -------
    dict of (int, int) to Field
        The distances by key and label.
    """
    fields: dict[tuple[int, int], Field] = {}
    small: list[Shape] = []
    tasks: list[Callable[[], None]] = []
    for shape in shapes:
        if shape.width > SOFT:
            tasks.append(partial(_measure_large, slices, shape, sampling, fields))
        else:
            small.append(shape)
    steps = _steps(sampling)
    small.sort(key=lambda s: (s.box[2] - s.box[0], s.key, s.label))
    for strip in _strips(small, steps):
        tasks.append(partial(_measure_strip, slices, strip, steps, fields))
    run(tasks)
    return fields


SOFT = 8.0
"""Objects softer than this, in pixels, are followed further than `REACH`."""


@dataclass(frozen=True)
class _Steps:
    """The squared distances of whole pixels along either axis."""

    dtype: type[np.uint8] | type[np.uint16]
    down: tuple[int, ...]
    across: NDArray[np.uint8] | NDArray[np.uint16]
    limit: int
    ruler: Ruler


@lru_cache(maxsize=16)
def _steps(sampling: tuple[float, float]) -> _Steps:
    """Return the squared distances for pixels of that size.

    Square pixels need one byte; others are counted in 64ths of a pixel.
    """
    height, width = sampling
    square = abs(height - width) < 1e-3
    dtype, scale = (np.uint8, 1) if square else (np.uint16, 64)
    limit = scale * REACH**2

    def squares(size: float) -> list[int]:
        count = int(REACH / size) + 2
        return [min(limit, round(scale * (k * size) ** 2)) for k in range(count)]

    code = np.arange(2 * limit + 1) - limit
    root = np.sqrt(np.abs(code) / scale)
    if square:
        height = width = 1.0
    half = min(height, width) / 2
    distances = np.where(code > 0, root - half, half - root)
    down = tuple(v for v in squares(height) if v < limit)
    squared = np.array(squares(width))
    across = squared.astype(np.uint8) if square else squared.astype(np.uint16)
    return _Steps(dtype, down, across, limit, Ruler(distances))


@lru_cache(maxsize=64)
def _large_ruler(reach: int) -> Ruler:
    """Return the ruler of large objects: equal steps."""
    return Ruler(np.arange(-reach * _FINE, reach * _FINE + 1) / _FINE)


def _strips(shapes: list[Shape], steps: _Steps) -> list[list[Shape]]:
    """Group shapes of like height until a strip is full."""
    strips: list[list[Shape]] = []
    size = 0
    for shape in shapes:
        height = shape.box[2] - shape.box[0] + 2 * len(steps.down)
        width = shape.box[3] - shape.box[1] + 2 * len(steps.across)
        if not strips or size + height * width > _STRIP:
            strips.append([])
            size = 0
        strips[-1].append(shape)
        size += height * width
    return strips


def _measure_strip(
    slices: NDArray[np.integer],
    shapes: list[Shape],
    steps: _Steps,
    fields: dict[tuple[int, int], Field],
) -> None:
    """Measure shapes laid side by side.

    Round each shape lies a margin as wide as the distances reach, so that
    neighbours in the strip do not see one another.
    """
    ry, rx = len(steps.down) - 1, len(steps.across) - 1
    height = max(s.box[2] - s.box[0] for s in shapes) + 2 * ry
    widths = [s.box[3] - s.box[1] + 2 * rx for s in shapes]
    inside = np.zeros((height, sum(widths)), dtype=bool)
    x = 0
    for shape, width in zip(shapes, widths, strict=True):
        top, left, bottom, right = shape.box
        part = slices[shape.key][top:bottom, left:right]
        target = inside[ry : ry + bottom - top, x + rx : x + width - rx]
        if shape.label:
            np.equal(part, shape.label, out=target)
        else:
            np.not_equal(part, 0, out=target)
        x += width
    code = _squared(~inside, steps)
    code += steps.dtype(steps.limit)
    code -= _squared(inside, steps)
    x = 0
    for shape, width in zip(shapes, widths, strict=True):
        top, left, bottom, _ = shape.box
        fields[shape.key, shape.label] = Field(
            code[: bottom - top + 2 * ry, x : x + width],
            top - ry,
            left - rx,
            shape.box,
            steps.ruler,
            shape.width,
        )
        x += width


def _squared(
    goal: NDArray[np.bool_], steps: _Steps
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the squared distance to the nearest pixel of `goal`, truncated.

    The exact two-pass scheme of Felzenszwalb and Huttenlocher (2012),
    *Distance transforms of sampled functions*, with the lower envelope taken
    by trying every row in reach: there are few, and each try is one
    instruction for many pixels.
    """
    far = len(steps.across) - 1
    run = np.where(goal, np.uint8(0), np.uint8(far))
    done = 0
    step = 1
    while done < far:
        step = min(step, far - done)
        moved = run[:, step:] + np.uint8(step)
        other = run[:, :-step] + np.uint8(step)
        np.minimum(run[:, :-step], moved, out=run[:, :-step])
        np.minimum(run[:, step:], other, out=run[:, step:])
        done += step
        step *= 2
    across = steps.across[run] if steps.dtype is not np.uint8 else run * run
    np.minimum(across, steps.limit, out=across)
    best = across.copy()
    shifted = np.empty_like(across)
    for k, cost in enumerate(steps.down[1:], start=1):
        # What lies further than the limit is left there, without overflow.
        np.minimum(across, steps.limit - cost, out=shifted)
        shifted += steps.dtype(cost)
        np.minimum(best[:-k], shifted[k:], out=best[:-k])
        np.minimum(best[k:], shifted[:-k], out=best[k:])
    return best


def _measure_large(
    slices: NDArray[np.integer],
    shape: Shape,
    sampling: tuple[float, float],
    fields: dict[tuple[int, int], Field],
) -> None:
    """Measure one shape as far as its softness asks for."""
    top, left, bottom, right = shape.box
    part = slices[shape.key][top:bottom, left:right]
    mask = part == shape.label if shape.label else part != 0
    fields[shape.key, shape.label] = field_of(mask, (top, left), shape.width, sampling)


def field_of(
    mask: NDArray[np.bool_],
    corner: tuple[int, int],
    width: float,
    sampling: tuple[float, float],
) -> Field:
    """Measure one object, exactly, as far as its softness asks for.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
        The object, cut out.
    corner : (int, int)
        Place of the cut-out in the padded slice.
    width : float
        Softness of its scores, in pixels.
    sampling : (float, float)
        Height and width of a pixel.

    Returns
    -------
    Field
        Its signed distances.
    """
    reach = int(4 * width)
    ry, rx = int(reach / sampling[0]) + 1, int(reach / sampling[1]) + 1
    inside = np.pad(mask, ((ry, ry), (rx, rx)))
    distance = ndi.distance_transform_edt(inside, sampling=sampling)
    distance -= ndi.distance_transform_edt(~inside, sampling=sampling)
    half = min(sampling) / 2
    distance -= np.where(inside, half, -half)
    np.clip(distance, -reach, reach, out=distance)
    code = np.rint(distance * _FINE).astype(np.int16)
    code += reach * _FINE
    (top, left), (h, w) = corner, mask.shape
    box = (top, left, top + h, left + w)
    return Field(code, top - ry, left - rx, box, _large_ruler(reach), width)
