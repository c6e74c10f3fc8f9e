"""Which slices a propagation reaches, and what it would do to each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import RangeAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Direction", "Mode", "RangePlan", "plan", "target_slices"]


class Direction(StrEnum):
    """Which way a propagation goes from the current slice."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"
    ALL = "all"


class Mode(StrEnum):
    """What becomes of target slices that already hold something."""

    KEEP = "keep"
    REPLACE = "replace"
    ADD = "add"


def target_slices(
    n: int,
    current: int,
    direction: Direction | str = Direction.FORWARD,
    *,
    stop: int | tuple[int, int] | None = None,
    every: int = 1,
    until: Iterable[int] | None = None,
    include_current: bool = True,
) -> NDArray[np.intp]:
    """Return the slices that a propagation from `current` reaches.

    Parameters
    ----------
    n : int
        Number of slices, at least 1.
    current : int
        The slice it starts from, in ``[0, n)``.
    direction : Direction or str
        Forward is towards higher indices. Both and all reach both ends; all
        takes no `stop`.
    stop : int or (int, int), optional
        Last slice reached, inclusive; for both, the lowest and the highest
        one (one number bounds the side it lies on). Ends outside the series
        are moved to its first or last slice.
    every : int
        Take every n-th slice, counted from `current` to either side.
    until : iterable of int, optional
        Occupied slices: on either side the range ends before the nearest of
        them. `current` itself does not count.
    include_current : bool
        Whether `current` is one of the targets.

    Returns
    -------
    ndarray of intp, shape (m,)
        Ascending slice indices; empty if there is none.

    Raises
    ------
    InvalidValueError
        If a number is out of range, or `stop` lies on the wrong side.

    Examples
    --------
    >>> target_slices(10, 4, "forward", stop=7).tolist()
    [4, 5, 6, 7]
    >>> target_slices(10, 4, "both", until=[0, 1, 7]).tolist()
    [2, 3, 4, 5, 6]
    """
    try:
        way = Direction(direction)
    except ValueError:
        raise InvalidValueError(
            f"{direction!r} is not a direction of propagation",
            remedy=f"Use one of {', '.join(Direction)}",
        ) from None
    if n < 1 or not 0 <= current < n:
        raise InvalidValueError(
            f"slice {current} is not in a series of {n} slices",
            remedy="Start from a slice between the first and the last one",
        )
    if every < 1:
        raise InvalidValueError(
            f"cannot take every {every}-th slice", remedy="Use 1 or more"
        )
    low, high = _ends(n, current, way, stop)
    if until is not None:
        occupied = np.unique(np.asarray(list(until), dtype=np.intp))
        below = occupied[occupied < current]
        above = occupied[occupied > current]
        if below.size:
            low = max(low, int(below[-1]) + 1)
        if above.size:
            high = min(high, int(above[0]) - 1)
    first = current - (current - low) // every * every
    chosen = np.arange(first, high + 1, every, dtype=np.intp)
    return chosen if include_current else chosen[chosen != current]


def _ends(
    n: int, current: int, way: Direction, stop: int | tuple[int, int] | None
) -> tuple[int, int]:
    """Return the first and the last slice reached, both inclusive."""
    low = current if way is Direction.FORWARD else 0
    high = current if way is Direction.BACKWARD else n - 1
    if stop is None:
        return low, high
    if way is Direction.ALL:
        raise InvalidValueError(
            "a propagation to all slices cannot stop at one",
            remedy="Choose forward, backward or both",
        )
    lowest, highest = low, high
    if isinstance(stop, tuple):
        lowest, highest = int(stop[0]), int(stop[1])
    elif way is Direction.BACKWARD or (way is Direction.BOTH and stop < current):
        lowest = int(stop)
    else:
        highest = int(stop)
    if lowest > current or highest < current:
        raise InvalidValueError(
            f"the range {lowest} to {highest} does not hold the slice "
            f"{current} it starts from",
            remedy="Choose an end on the side the propagation goes to",
        )
    return max(low, lowest), min(high, highest)


@dataclass(frozen=True)
class RangePlan:
    """What applying one action to a range would do, for each choice of mode.

    Parameters
    ----------
    targets : ndarray of intp, shape (m,)
        Slices asked for, ascending.
    unchanged : ndarray of intp
        Targets where every mode leaves all as it is: they hold just what is
        applied already, or there is nothing to lift.
    free : ndarray of intp
        Targets that hold nothing; changed whatever the mode.
    occupied : ndarray of intp
        Targets that hold something else; the mode decides about them.
    touched : mapping of Mode to ndarray of intp
        Slices that change under each mode, ascending.
    cleared : mapping of Mode to ndarray of intp
        Those of `touched` that lose something (a label, a box, mask pixels,
        a verified negative or an exclusion) under each mode.
    """

    targets: NDArray[np.intp]
    unchanged: NDArray[np.intp]
    free: NDArray[np.intp]
    occupied: NDArray[np.intp]
    touched: Mapping[Mode, NDArray[np.intp]] = field(repr=False)
    cleared: Mapping[Mode, NDArray[np.intp]] = field(repr=False)

    def count(self, mode: Mode | str) -> int:
        """Return how many slices change under `mode`."""
        return int(self.touched[Mode(mode)].size)

    def count_cleared(self, mode: Mode | str) -> int:
        """Return how many slices lose something under `mode`."""
        return int(self.cleared[Mode(mode)].size)


def plan(
    targets: ArrayLike,
    action: RangeAction,
    *,
    lifts: bool = False,
    labelled: ArrayLike,
    nothing: ArrayLike | None = None,
    excluded: ArrayLike | None = None,
    drawn: ArrayLike | None = None,
    same: ArrayLike | None = None,
    other: ArrayLike | None = None,
    conflict: ArrayLike | None = None,
) -> RangePlan:
    """Say how many slices each choice of mode would touch.

    Parameters
    ----------
    targets : array of int, shape (m,)
        Slices the action is applied to (see :func:`target_slices`).
    action : RangeAction
        What is applied.
    lifts : bool
        True if it is taken away instead.
    labelled, nothing, excluded, drawn : array of bool, shape (n,)
        For each slice of the series: carries a class label, is marked
        nothing to label, is excluded, carries a box or mask pixels.
    same : array of bool, shape (n,), optional
        For class labels: the slice holds every label that is applied or, if they
        are taken away, at least one of them (default: `labelled`).
    other : array of bool, shape (n,), optional
        The slice holds class labels beside those that are applied (default:
        `labelled` where not `same`).
    conflict : array of bool, shape (n,), optional
        The slice holds another choice of a single-choice group, so that the
        label cannot be added beside it.

    Returns
    -------
    RangePlan
        Slices touched, and slices losing something, for each mode.

    Raises
    ------
    InvalidValueError
        If the arrays differ in length or a target is not a slice.

    Notes
    -----
    *Label*: keep leaves slices that hold anything as they are; replace puts
    the label in place of other class labels, lifts nothing-to-label and
    exclusion, and leaves boxes and masks alone; add puts the label beside
    what is there (lifting nothing-to-label, which cannot stand beside a
    label; an exclusion stays), except where a single-choice group forbids it.

    *Nothing to label*: only replace changes slices that hold something, and
    clears them. *Exclude* never clears anything: replace and add exclude
    slices with content too. Lifting is the same for every mode.
    """
    has_label = np.asarray(labelled, dtype=bool)
    n = has_label.size

    def flags(values: ArrayLike | None) -> NDArray[np.bool_]:
        if values is None:
            return np.zeros(n, dtype=bool)
        array = np.asarray(values, dtype=bool)
        if array.shape != (n,):
            raise InvalidValueError(
                f"{array.size} flags for a series of {n} slices",
                remedy="Give one flag for each slice",
            )
        return array

    negative, out, marks = flags(nothing), flags(excluded), flags(drawn)
    clash = flags(conflict)
    where = np.zeros(n, dtype=bool)
    index = np.unique(np.asarray(targets, dtype=np.intp))
    if index.size and (index[0] < 0 or index[-1] >= n):
        raise InvalidValueError(
            f"the range reaches slice {index[-1] if index[-1] >= n else index[0]} "
            f"of a series of {n} slices",
            remedy="Keep the range between the first and the last slice",
        )
    where[index] = True
    content = has_label | marks | negative
    nowhere = np.zeros(n, dtype=bool)

    if lifts:
        held = {
            RangeAction.CLASS_LABELS: has_label
            if same is None
            else flags(same) & has_label,
            RangeAction.NOTHING_TO_LABEL: negative,
            RangeAction.EXCLUDE: out,
        }[action]
        done, busy = ~held, nowhere
        replaced, added = held, held
        loses = dict.fromkeys(Mode, held)
    elif action is RangeAction.CLASS_LABELS:
        has_all = flags(same) & has_label
        more = (has_label & ~has_all if other is None else flags(other)) | clash
        done = has_all & ~more & ~negative & ~out
        busy = (content | out) & ~done
        replaced = busy
        added = busy & ~clash & (~has_all | negative)
        loses = {
            Mode.KEEP: nowhere,
            Mode.REPLACE: busy & (more | negative | out),
            Mode.ADD: added & negative,
        }
    elif action is RangeAction.NOTHING_TO_LABEL:
        done = negative & ~out
        busy = (content | out) & ~done
        replaced, added = busy, nowhere
        loses = {Mode.KEEP: nowhere, Mode.REPLACE: busy, Mode.ADD: nowhere}
    else:
        done = out
        busy = content & ~out
        replaced = added = busy
        loses = dict.fromkeys(Mode, nowhere)

    free = where & ~done & ~busy
    changes = {Mode.KEEP: free, Mode.REPLACE: free | replaced, Mode.ADD: free | added}
    return RangePlan(
        targets=index,
        unchanged=np.flatnonzero(where & done),
        free=np.flatnonzero(free),
        occupied=np.flatnonzero(where & busy),
        touched={m: np.flatnonzero(where & c) for m, c in changes.items()},
        cleared={m: np.flatnonzero(where & c) for m, c in loses.items()},
    )
