"""One key slice, followed into its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_annotate_jobs.errors import Cancelled, InvalidValueError

from ._arrays import checked_sizes
from ._distance import Shape, distance_fields, pixel_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["StopReason", "TrackEnd", "Tracked", "track_masks"]

_REACH = 12
"""Pixels round an object that are looked at."""

_SHIFT = 6
"""Pixels that an object may move from one slice to the next."""

_SOFT = 4.0
"""Softness of the outline of the slice before, in pixels."""

_STRENGTH = 0.6
"""Weight of the image against that outline; less than 1, so that the outline
moves by a few pixels at most, however sure the image is."""

_CERTAIN = 3.0
"""Log likelihood ratio beyond which more does not count."""

_LEVELS = 48
"""Levels that intensities are sorted into."""

_ALIKE = 0.35
"""Correlation with the slice before, below which the image has changed."""

_JUMP = 1.8
"""Factor by which the area may change from one slice to the next."""

_TOTAL = 4.0
"""Factor by which the area may grow over all."""

_FAINT = 0.45
"""Part of the object that must look like it rather than its surroundings."""

_BLURRED = 0.4
"""Part of the rim that may look like the object, beyond what it was on the key."""


class StopReason(StrEnum):
    """Why an object was followed no further."""

    END = "reached the last slice asked for"
    VANISHED = "the object is not there any more"
    GREW = "the object grew too fast, as if it leaked"
    MERGED = "what lies round the object looks like it"
    CHANGED = "the image changed too much"


@dataclass(frozen=True)
class TrackEnd:
    """Where one object was last seen in one direction.

    Parameters
    ----------
    label : int
        The label.
    slice : int
        The last slice that holds it.
    reason : StopReason
        Why it was followed no further.
    """

    label: int
    slice: int
    reason: StopReason


@dataclass(frozen=True, eq=False)
class Tracked:
    """What following a key slice brought.

    Parameters
    ----------
    masks : ndarray, shape (slices, rows, columns)
        The key slice and what was found beside it; 0 elsewhere.
    backward, forward : tuple of TrackEnd
        Where every label ended towards lower and towards higher slices.
    """

    masks: NDArray[np.generic]
    backward: tuple[TrackEnd, ...]
    forward: tuple[TrackEnd, ...]

    @property
    def first(self) -> int:
        """The lowest slice with anything on it."""
        return min((end.slice for end in self.backward), default=0)

    @property
    def last(self) -> int:
        """The highest slice with anything on it."""
        return max((end.slice for end in self.forward), default=0)


def track_masks(
    mask: ArrayLike,
    image: ArrayLike,
    key: int,
    *,
    start: int = 0,
    stop: int | None = None,
    spacing: Sequence[float] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Tracked:
    """Follow the objects of one key slice into its neighbours.

    Parameters
    ----------
    mask : array of int, shape (rows, columns)
        Label ids on the key slice, 0 for background.
    image : array, shape (slices, rows, columns)
        The image.
    key : int
        The slice that `mask` belongs to.
    start, stop : int
        First and last slice to go to, inclusive; by default all.
    spacing : sequence of 3 float, optional
        Distance of slices, rows and columns in mm; 1 each if not given.
    cancelled : callable, optional
        Asked before every slice; once it returns true, the work stops.

    Returns
    -------
    Tracked
        The masks, and where and why each label ended.

    Raises
    ------
    InvalidValueError
        If an argument has the wrong shape, type or range.
    Cancelled
        If `cancelled` returned true.

    Notes
    -----
    From slice to slice, every label is moved as the image about it moves
    (best normalised correlation within 6 pixels) and then adapted: its
    signed distance, compressed by a hyperbolic tangent, plus the smoothed log
    likelihood ratio of the intensities inside and around it, learned on the
    key. The second is bounded to less than the first can be, so that an
    outline cannot run away. A label ends where its area jumps or falls away,
    where it no longer looks like itself, or where the image about it no
    longer resembles the slice before. Where two labels meet, the one with
    the higher score takes the pixel, the lower id if they are equal.
    """
    labels, voxels = np.asarray(mask), np.asarray(image)
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        raise InvalidValueError(
            f"a mask of type {labels.dtype} with {labels.ndim} axes",
            remedy="Give the whole numbers of one slice",
        )
    if voxels.ndim != 3 or voxels.shape[1:] != labels.shape:
        raise InvalidValueError(
            f"an image of {voxels.shape} for a mask of {labels.shape}",
            remedy="Give the series the mask was drawn on, one channel",
        )
    n = voxels.shape[0]
    low, high = max(start, 0), n - 1 if stop is None else min(stop, n - 1)
    if not low <= key <= high:
        raise InvalidValueError(
            f"key slice {key} is not between {low} and {high}",
            remedy="Start from a slice inside the range",
        )
    sizes = checked_sizes(spacing, 3)
    _, sampling = pixel_of(sizes)
    result = np.zeros(voxels.shape, dtype=labels.dtype)
    result[key] = labels
    ids = [int(i) for i in np.unique(labels) if i != 0]
    ends = []
    for last, step in ((low, -1), (high, 1)):
        objects = [_Object(i, labels == i, voxels[key], sampling) for i in ids]
        found: dict[int, TrackEnd] = {}
        for s in range(key + step, last + step, step):
            if cancelled is not None and cancelled():
                raise Cancelled("following was stopped", remedy="Nothing was changed")
            best = np.zeros(labels.shape, dtype=np.float32)
            for one in list(objects):
                reason = one.follow(voxels[s - step], voxels[s])
                if reason is None:
                    one.paint(result[s], best)
                else:
                    found[one.label] = TrackEnd(one.label, s - step, reason)
                    objects.remove(one)
            if not objects:
                break
        for one in objects:
            found[one.label] = TrackEnd(one.label, last, StopReason.END)
        ends.append(tuple(found[i] for i in ids))
    return Tracked(result, *ends)


class _Object:
    """One label on its way through the slices."""

    def __init__(
        self,
        label: int,
        inside: NDArray[np.bool_],
        plane: NDArray[np.generic],
        sampling: tuple[float, float],
    ) -> None:
        self.label = label
        self.sampling = sampling
        self.shape = inside.shape
        rows, columns = ndi.find_objects(inside.view(np.uint8))[0]
        self.corner = (rows.start, columns.start)
        self.mask = inside[rows, columns]
        self.area = self.key_area = int(np.count_nonzero(self.mask))
        self.scores = np.zeros((0, 0), dtype=np.float32)
        self._learn(plane)

    def _window(self) -> tuple[slice, slice]:
        (top, left), (h, w) = self.corner, self.mask.shape
        return (
            slice(max(top - _REACH, 0), min(top + h + _REACH, self.shape[0])),
            slice(max(left - _REACH, 0), min(left + w + _REACH, self.shape[1])),
        )

    def _in(self, window: tuple[slice, slice]) -> NDArray[np.bool_]:
        """Return the mask in a window that holds all of it that is visible."""
        result = np.zeros(
            (window[0].stop - window[0].start, window[1].stop - window[1].start), bool
        )
        y, x = self.corner[0] - window[0].start, self.corner[1] - window[1].start
        part = self.mask[max(-y, 0) :, max(-x, 0) :]
        target = result[max(y, 0) :, max(x, 0) :]
        h, w = min(part.shape[0], target.shape[0]), min(part.shape[1], target.shape[1])
        target[:h, :w] = part[:h, :w]
        return result

    def _learn(self, plane: NDArray[np.generic]) -> None:
        """Learn from the key slice what the object and its surroundings look like."""
        window = self._window()
        inside = self._in(window)
        values = _finite(plane[window])
        edges = np.quantile(values, np.arange(1, _LEVELS) / _LEVELS)
        self.edges = np.unique(edges)
        levels = np.searchsorted(self.edges, values, side="right")

        def share(where: NDArray[np.bool_]) -> NDArray[np.float64]:
            counts = np.bincount(levels[where], minlength=_LEVELS).astype(np.float64)
            soft = ndi.gaussian_filter1d(counts, 1.5, mode="nearest")
            shares: NDArray[np.float64] = soft / max(counts.sum(), 1.0)
            return shares

        few = 0.25 / _LEVELS
        ratio = np.log((share(inside) + few) / (share(~inside) + few))
        self.ratio = np.clip(ratio, -_CERTAIN, _CERTAIN).astype(np.float32)
        # What looks the same inside and outside cannot tell that it vanished.
        self.telling = float((self.ratio[levels] > 0)[inside].mean()) > 0.75

        self.blurred = min(self._blur(levels, inside) + _BLURRED, 0.75)

    def _blur(self, levels: NDArray[np.intp], inside: NDArray[np.bool_]) -> float:
        """Return how much of the object's rim looks like the object."""
        rim = ndi.binary_dilation(inside, iterations=2) & ~inside
        if not rim.any():
            return 0.0
        return float((self.ratio[levels] > 0)[rim].mean())

    def follow(
        self, before: NDArray[np.generic], plane: NDArray[np.generic]
    ) -> StopReason | None:
        """Move on to the next slice, or say why not."""
        window = self._window()
        (dy, dx), alike = _motion(before, plane, window)
        if alike < _ALIKE:
            return StopReason.CHANGED
        self.corner = (self.corner[0] + dy, self.corner[1] + dx)
        if not self._in(self._whole()).any():
            return StopReason.VANISHED
        window = self._window()
        levels = np.searchsorted(self.edges, _finite(plane[window]), side="right")
        evidence = ndi.gaussian_filter(
            self.ratio[levels], [0.8 / s for s in self.sampling], truncate=3.0
        )
        evidence *= _STRENGTH / _CERTAIN
        inside = self._in(window)
        for _ in range(2):
            score = self._prior(inside) + evidence
            inside = _touching(score > 0, inside)
            if not inside.any():
                return StopReason.VANISHED
        area = int(np.count_nonzero(inside))
        if area > _JUMP * self.area + 8 or area > _TOTAL * self.key_area + 8:
            return StopReason.GREW
        if area * _JUMP < self.area - 8:
            return StopReason.VANISHED
        if self.telling and float((self.ratio[levels] > 0)[inside].mean()) < _FAINT:
            return StopReason.VANISHED
        if self._blur(levels, inside) > self.blurred:
            return StopReason.MERGED
        rows, columns = ndi.find_objects(inside.view(np.uint8))[0]
        self.mask = inside[rows, columns]
        self.corner = (window[0].start + rows.start, window[1].start + columns.start)
        self.scores = score[rows, columns]
        self.area = area
        return None

    def _prior(self, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the compressed signed distance of an outline, from -1 to 1."""
        plane = inside.view(np.uint8)
        rows, columns = ndi.find_objects(plane)[0]
        box = (rows.start, columns.start, rows.stop, columns.stop)
        shape = Shape(0, 1, box, _SOFT)
        fields = distance_fields(plane[np.newaxis], [shape], self.sampling, _in_turn)
        score = np.empty(inside.shape, dtype=np.float32)
        fields[0, 1].paint(score, (0, 0, *inside.shape))
        score /= 1023
        return score

    def _whole(self) -> tuple[slice, slice]:
        return slice(0, self.shape[0]), slice(0, self.shape[1])

    def paint(self, result: NDArray[np.generic], best: NDArray[np.float32]) -> None:
        """Write the label where it has the best score."""
        (top, left), (h, w) = self.corner, self.mask.shape
        place = (slice(top, top + h), slice(left, left + w))
        wins = self.mask & (self.scores > best[place])
        result[place][wins] = self.label
        best[place][wins] = self.scores[wins]


def _in_turn(tasks: list[Callable[[], None]]) -> None:
    for task in tasks:
        task()


def _finite(values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)


def _touching(grown: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the parts of `grown` that meet what was there."""
    parts, _ = ndi.label(grown)
    keep = np.unique(parts[inside & grown])
    result: NDArray[np.bool_] = np.isin(parts, keep[keep > 0])
    return result


def _motion(
    before: NDArray[np.generic],
    plane: NDArray[np.generic],
    window: tuple[slice, slice],
) -> tuple[tuple[int, int], float]:
    """Return the step by which a window correlates best, and how well.

    A step is taken only where it explains the image clearly better than
    standing still.
    """
    patch = _finite(before[window])
    h, w = patch.shape
    wide = tuple(
        slice(max(axis.start - _SHIFT, 0), min(axis.stop + _SHIFT, size))
        for axis, size in zip(window, plane.shape, strict=True)
    )
    other = _finite(plane[wide])
    here = (window[0].start - wide[0].start, window[1].start - wide[1].start)
    patch = patch - patch.mean()
    size = float(np.sqrt((patch**2).sum()))
    best, still = (-1.0, (0, 0)), -1.0
    # Products of Fourier transforms correlate all steps at once.
    shape = other.shape
    product = np.fft.irfft2(
        np.fft.rfft2(other) * np.conj(np.fft.rfft2(patch, s=shape)), s=shape
    )
    sums, squares = (_box_sums(x, h, w) for x in (other, other**2))
    spread = np.sqrt(np.maximum(squares - sums**2 / (h * w), 0.0))
    steps = product[: spread.shape[0], : spread.shape[1]]
    flat = size * spread <= 1e-6
    ncc = np.where(
        flat, 1.0 if size <= 1e-6 else 0.0, steps / np.maximum(size * spread, 1e-6)
    )
    still = float(ncc[here])
    y, x = np.unravel_index(int(ncc.argmax()), ncc.shape)
    best = (float(ncc[y, x]), (int(y) - here[0], int(x) - here[1]))
    if best[0] < still + 0.02:
        return (0, 0), still
    return best[1], best[0]


def _box_sums(values: NDArray[np.float64], h: int, w: int) -> NDArray[np.float64]:
    """Return the sums over all h x w windows."""
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums: NDArray[np.float64] = (
        total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
    )
    return sums
