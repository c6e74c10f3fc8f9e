"""What lies between two key slices: moved, weighted, and the best one wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ._distance import REACH, field_of
from ._drift import drifts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ._distance import Box, Field
    from ._drift import Drift
    from ._stack import KeyStack

__all__ = ["Span", "blend"]

_MARGIN = 2
"""Pixels by which an object may reach out of the boxes of its two keys."""

_WEIGHT = 4096
"""Weights are whole 4096ths: with whole scores up to 1023 every weighted sum
is a whole number below 2 ** 24, hence exact in float32 and the same in any
order. Reversing the slices so reverses the result bit for bit."""

_TAPER = 0.45
"""Part of the way after which an object that the other key lacks is gone."""

_FULL = float(1023 * _WEIGHT)
"""The score of what is certain."""


@dataclass(frozen=True)
class Span:
    """Slices between two keys, and the four keys they are made of.

    Parameters
    ----------
    keys : tuple of 4 (int or None)
        The keys, as places among all keys: before, first, second, after.
        Either outer one may be missing.
    at : tuple of 4 int
        The slices of these keys; of no meaning where one is missing.
    slices : tuple of int
        The slices to be filled, between the inner two.
    """

    keys: tuple[int | None, int, int, int | None]
    at: tuple[int, int, int, int]
    slices: tuple[int, ...]

    @classmethod
    def between(
        cls,
        places: Sequence[int],
        first: int,
        second: int,
        without: int | None = None,
    ) -> Span:
        """Return the span between two of the keys that lie at `places`.

        With `without`, the span holds just the slice of that key, which is
        to be predicted.
        """
        before = first - 1 if first else None
        after = second + 1 if second + 1 < len(places) else None
        at = (
            places[first if before is None else before],
            places[first],
            places[second],
            places[second if after is None else after],
        )
        slices = range(at[1] + 1, at[2]) if without is None else (places[without],)
        return cls((before, first, second, after), at, tuple(slices))

    @property
    def length(self) -> int:
        """Slices from the first to the second key."""
        return self.at[2] - self.at[1]

    def weights(self) -> NDArray[np.float32]:
        """Return the weight of each key in each slice, in 4096ths.

        The cubic through the inner two keys whose slopes there are those of
        the chords to their other neighbours (Catmull and Rom 1974, for keys
        at unequal distances); where there is no outer key, the slope of the
        chord between the two.

        Returns
        -------
        ndarray of float32, shape (n, 4)
        """
        n = self.length
        t = np.array([s - self.at[1] for s in self.slices], dtype=np.float64)
        ahead = _hermite(self.at[1] - self.at[0], n, self.at[3] - self.at[2], t)
        back = _hermite(self.at[3] - self.at[2], n, self.at[1] - self.at[0], n - t)
        # Both ways round, so that rounding cannot tell them apart.
        both = (ahead + back[:, ::-1]) / 2
        return np.rint(_WEIGHT * both).astype(np.float32)


def _hermite(
    before: int, n: int, after: int, t: NDArray[np.float64]
) -> NDArray[np.float64]:
    u = t / n
    w = np.zeros((t.size, 4))
    w[:, 2] = 3 * u**2 - 2 * u**3
    w[:, 1] = 1 - w[:, 2]
    leave, arrive = u**3 - 2 * u**2 + u, u**3 - u**2
    if before:
        c = n / (before + n)
        w[:, 2] += c * leave
        w[:, 0] -= c * leave
    else:
        w[:, 2] += leave
        w[:, 1] -= leave
    if after:
        c = n / (after + n)
        w[:, 3] += c * arrive
        w[:, 1] -= c * arrive
    else:
        w[:, 2] += arrive
        w[:, 1] -= arrive
    return w


class Evidence(Protocol):
    """What the image has to say of where a label is."""

    def add(
        self,
        label: int,
        span: Span,
        place: tuple[slice, slice, slice],
        scores: NDArray[np.float32],
    ) -> None:
        """Add the evidence for `label` to its scores, in place."""
        ...


def blend(
    stack: KeyStack,
    fields: Mapping[tuple[int, int], Field],
    span: Span,
    guide: Evidence | None = None,
) -> NDArray[np.uint16]:
    """Fill the slices of a span.

    Labels that touch others are given a score in every pixel, and so is the
    background: the highest wins, the lower number where two are equal. A
    label by itself is wherever its own score is above zero.

    Parameters
    ----------
    stack : KeyStack
        The key slices.
    fields : mapping of (int, int) to Field
        Their signed distances by key and label.
    span : Span
        What to fill.
    guide : Evidence, optional
        What the image has to say.

    Returns
    -------
    ndarray of uint16, shape (n, h, w)
        Labels, as numbered in `stack`.
    """
    _, first, second, _ = span.keys
    best = np.zeros((len(span.slices), *stack.size), dtype=np.float32)
    found = np.zeros(best.shape, dtype=np.uint16)
    moved = drifts(
        stack.parts[first],
        stack.parts[second],
        span.length * stack.thickness,
        stack.sampling,
    )
    rest = _without(stack, moved, first, second)
    labels = sorted((stack.boxes[first].keys() | stack.boxes[second].keys()) - {0})
    touching = stack.touching[first] | stack.touching[second]
    rivals = [label for label in labels if label in touching]
    weights = span.weights()
    for label in [0, *rivals] if rivals else []:
        quad = _quad(fields, span, label, rest)
        if quad[1] is None and quad[2] is None:
            continue
        blended, place = _blended(quad, weights, stack.size)
        if label == 0:
            # Measured was all that is not background.
            best[:] = _FULL
            np.negative(blended, out=best[place])
            continue
        if guide is not None:
            guide.add(label, span, place, blended)
        known = best[place]
        wins = blended > known
        np.copyto(known, blended, where=wins)
        np.copyto(found[place], np.uint16(label), where=wins)
    # Those that touch nothing come after, each by itself: they keep their size, and
    # take from others only where they score higher.
    for label in labels:
        quad = _quad(fields, span, label, rest)
        if label in touching or (quad[1] is None and quad[2] is None):
            continue
        blended, place = _blended(quad, weights, stack.size)
        if guide is not None:
            guide.add(label, span, place, blended)
        _keep_area(quad, weights, blended, span)
        _lay(label, blended, best[place], found[place])
    for drift in moved:
        _carry(stack, drift, span, best, found)
    return found


_Quad = tuple["Field | None", "Field | None", "Field | None", "Field | None"]


def _quad(
    fields: Mapping[tuple[int, int], Field],
    span: Span,
    label: int,
    rest: Mapping[int, tuple[Field | None, Field | None]],
) -> _Quad:
    """Return the distances of a label on the four keys."""
    before, first, second, after = (
        None if key is None else fields.get((key, label)) for key in span.keys
    )
    if label in rest:
        first, second = rest[label]
    return before, first, second, after


def _blended(
    quad: _Quad, weights: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.float32], tuple[slice, slice, slice]]:
    """Return the scores (n, h, w) in each slice, and where they lie."""
    box = _reach(quad, size)
    scores = _scores(quad, box)
    blended = weights @ scores.reshape(4, -1)
    place = (
        slice(None),
        slice(box[0] - REACH, box[2] - REACH),
        slice(box[1] - REACH, box[3] - REACH),
    )
    return blended.reshape(-1, *scores.shape[1:]), place


def _keep_area(
    quad: _Quad,
    weights: NDArray[np.float32],
    blended: NDArray[np.float32],
    span: Span,
) -> None:
    """Raise scores until as many pixels are above zero as there should be.

    Outlines that lie beside one another blend into less than either. What
    should be is the same cubic of the areas; scores are never lowered.
    """
    wanted = (
        _areas_to_end(quad, span)
        if quad[1] is None or quad[2] is None
        else _areas_between(quad, weights)
    )
    for plane, count in zip(blended, wanted, strict=True):
        if np.count_nonzero(plane > 0) < count <= plane.size:
            least = np.partition(plane.ravel(), plane.size - count)
            plane += 1 - least[plane.size - count]


def _areas_between(quad: _Quad, weights: NDArray[np.float32]) -> list[int]:
    """Return the area of an object in each slice between two keys that hold it."""
    areas = [0 if field is None else field.area for field in quad]
    # An outer key without the object must not pull its area down: the slope is flat.
    if quad[0] is None:
        areas[0] = areas[1]
    if quad[3] is None:
        areas[3] = areas[2]
    wanted = (weights.astype(np.float64) @ np.array(areas)) // _WEIGHT
    found: list[int] = wanted.astype(int).tolist()
    return found


def _areas_to_end(quad: _Quad, span: Span) -> list[int]:
    """Return the area, in each slice, of an object that one of two keys lacks.

    Where it ends is not known, and may as well be here as there. An object whose
    area shrinks evenly until it ends at u of the way has 1 - t / u of it left at t;
    over all u from t to 1 the mean is 1 - t + t ln t.
    """
    area = max(field.area for field in quad[1:3] if field is not None)
    start = span.at[2] if quad[1] is None else span.at[1]
    way = np.array([abs(s - start) for s in span.slices]) / span.length
    left: list[int] = (area * (1 - way + way * np.log(way))).astype(int).tolist()
    return left


def _lay(
    label: int,
    scores: NDArray[np.float32],
    known: NDArray[np.float32],
    found: NDArray[np.uint16],
) -> None:
    """Put a label wherever its score is above zero and above other labels'."""
    wins = (scores > 0) & ((found == 0) | (scores > known))
    np.copyto(known, scores, where=wins)
    np.copyto(found, np.uint16(label), where=wins)


def _reach(quad: _Quad, size: tuple[int, int]) -> Box:
    """Return where, in the padded slice, an object can be between its keys."""
    boxes = [field.box for field in quad[1:3] if field is not None]
    return (
        max(min(b[0] for b in boxes) - _MARGIN, REACH),
        max(min(b[1] for b in boxes) - _MARGIN, REACH),
        min(max(b[2] for b in boxes) + _MARGIN, size[0] + REACH),
        min(max(b[3] for b in boxes) + _MARGIN, size[1] + REACH),
    )


def _scores(quad: _Quad, box: Box) -> NDArray[np.float32]:
    """Return the scores (4, h, w) of an object on the four keys.

    Where one of the inner keys lacks the object, it is the other's sunk so
    deep that half-way nothing is left of it.
    """
    before, first, second, after = quad

    def sunk(field: Field) -> tuple[Field, float]:
        return field, field.depth / _TAPER

    if first is not None and second is not None:
        ends = [(first, 0.0), (second, 0.0)]
    elif first is not None:
        ends = [(first, 0.0), sunk(first)]
    else:
        assert second is not None
        ends = [sunk(second), (second, 0.0)]
    if before is not None:
        outer = (before, 0.0)
    else:
        outer = ends[1] if first is None else sunk(first)
    if after is not None:
        last = (after, 0.0)
    else:
        last = ends[0] if second is None else sunk(second)
    scores = np.empty((4, box[2] - box[0], box[3] - box[1]), dtype=np.float32)
    for target, (field, depth) in zip(scores, [outer, *ends, last], strict=True):
        field.paint(target, box, depth)
    return scores


def _without(
    stack: KeyStack, moved: list[Drift], first: int, second: int
) -> dict[int, tuple[Field | None, Field | None]]:
    """Measure what is left of the labels some parts of which have moved."""

    def left(key: int, label: int, gone: list[int]) -> Field | None:
        top, left, bottom, right = stack.boxes[key][label]
        part = (slice(top, bottom), slice(left, right))
        mask = stack.slices[key][part] == label
        mask &= ~np.isin(stack.parts[key].number[part], gone)
        if not mask.any():
            return None
        width = float(stack.widths[label])
        return field_of(mask, (top, left), width, stack.sampling)

    rest = {}
    for label in {drift.label for drift in moved}:
        parts = [drift.parts for drift in moved if drift.label == label]
        rest[label] = (
            left(first, label, [p for p, _ in parts]),
            left(second, label, [q for _, q in parts]),
        )
    return rest


def _carry(
    stack: KeyStack,
    drift: Drift,
    span: Span,
    best: NDArray[np.float32],
    found: NDArray[np.uint16],
) -> None:
    """Lay a moved part over its two places and carry it from one to the other.

    Where thin parts do not quite fit one another nothing of their blend may
    be left above zero; so that the part keeps its size, as many pixels are
    taken as lie, in proportion, between its two areas.
    """
    n = span.length
    (dy, dx), label = drift.way, drift.label
    width = float(stack.widths[label])
    a = field_of(drift.first, drift.corner, width, stack.sampling)
    b = field_of(drift.second, drift.other, width, stack.sampling)
    box = (
        min(a.box[0], b.box[0] - dy) - 1,
        min(a.box[1], b.box[1] - dx) - 1,
        max(a.box[2], b.box[2] - dy) + 1,
        max(a.box[3], b.box[3] - dx) + 1,
    )
    laid = np.empty((2, box[2] - box[0], box[3] - box[1]), dtype=np.float32)
    a.paint(laid[0], box)
    b.paint(laid[1], (box[0] + dy, box[1] + dx, box[2] + dy, box[3] + dx))
    areas = int(drift.first.sum()), int(drift.second.sum())
    for plane, s in enumerate(span.slices):
        i = s - span.at[1]
        score = (n - i) * laid[0] + i * laid[1]
        count = (2 * ((n - i) * areas[0] + i * areas[1]) + n) // (2 * n)
        flat = np.partition(score.ravel(), score.size - count)
        score = (score - min(flat[score.size - count], 1.0)) * (_WEIGHT / n) + 1
        # Half steps go up in either direction, so that both ends agree.
        top = box[0] + (2 * i * dy + n) // (2 * n) - REACH
        left = box[1] + (2 * i * dx + n) // (2 * n) - REACH
        y, x = max(top, 0), max(left, 0)
        score = score[y - top : stack.size[0] - top, x - left : stack.size[1] - left]
        if not score.size:
            continue
        place = (plane, slice(y, y + score.shape[0]), slice(x, x + score.shape[1]))
        _lay(label, score, best[place], found[place])
