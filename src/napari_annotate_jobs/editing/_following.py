"""From one key slice into its neighbours, as the image leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import TransitionError
from napari_annotate_jobs.model import Provenance, decode_mask

from ._interpolation import Proposed, grey, only

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.propagation import Tracked, TrackEnd

    from ._view import CaseView

__all__ = ["FollowPlan", "Followed", "Limit", "plan_following"]

FOLLOW = "Follow the image"
"""The undo entry."""


@dataclass(frozen=True)
class Limit:
    """How far a label may be followed in one direction.

    Parameters
    ----------
    slice : int
        The last slice it may be proposed on.
    reason : str
        Why not further; empty if no more was asked for.
    """

    slice: int
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Followed:
    """What following brought.

    Parameters
    ----------
    found : dict of int to Proposed
        What is proposed, by slice.
    text : str
        Where it stopped and why, for the user.
    """

    found: dict[int, Proposed]
    text: str


@dataclass(frozen=True, eq=False)
class FollowPlan:
    """What is to be followed, and how far.

    Parameters
    ----------
    group : str
        The overlap group.
    origin : int
        The key slice.
    blob : bytes
        Its encoded mask.
    names : mapping of int to str
        Names of the labels to follow, by id.
    limits : mapping of int to (Limit, Limit)
        How far each may go towards lower and towards higher slices.
    skipped : frozenset of int
        Slices to follow through without proposing anything on them.
    """

    group: str
    origin: int
    blob: bytes
    names: Mapping[int, str]
    limits: Mapping[int, tuple[Limit, Limit]]
    skipped: frozenset[int]

    def run(
        self,
        image: Any,
        spacing: Sequence[float] | None = None,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> Followed:
        """Follow the labels; touches nothing but its own arrays.

        Parameters
        ----------
        image : array, shape (slices, rows, columns[, channels])
            The voxels of the whole series.
        spacing : sequence of 3 float, optional
            Distance of slices, rows and columns in mm.
        cancelled : callable, optional
            Asked whether to stop.

        Raises
        ------
        Cancelled
            If `cancelled` returned true.
        InvalidValueError
            If mask and image do not fit.
        """
        from napari_annotate_jobs.propagation import track_masks

        first = min(low.slice for low, _ in self.limits.values())
        last = max(high.slice for _, high in self.limits.values())
        mask = decode_mask(self.blob, shape=image.shape[1:3])
        tracked = track_masks(
            only(mask, self.names),
            grey(image[first : last + 1]),
            self.origin - first,
            spacing=spacing,
            cancelled=cancelled,
        )
        found = {}
        for index in range(first, last + 1):
            if index == self.origin or index in self.skipped:
                continue
            labels = frozenset(
                label_id
                for label_id, (low, high) in self.limits.items()
                if low.slice <= index <= high.slice
            )
            plane = only(tracked.masks[index - first], labels)
            if plane.any():
                seen = frozenset(int(i) for i in np.unique(plane) if i)
                proposed = Proposed(plane, seen, (self.origin,))
                found[index] = proposed.encoded(Provenance.TRACKED)
        return Followed(found, self._text(tracked, first))

    def _text(self, tracked: Tracked, first: int) -> str:
        lines = []
        for label_id, name in self.names.items():
            low, high = self.limits[label_id]
            ways = [
                _way(word, limit, _end(ends, label_id), first)
                for word, limit, ends in (
                    ("back", low, tracked.backward),
                    ("on", high, tracked.forward),
                )
                if limit.slice != self.origin or limit.reason
            ]
            lines.append(f"{name} was followed {' and '.join(ways)}.")
        return "\n".join(lines)


def _end(ends: Sequence[TrackEnd], label_id: int) -> TrackEnd:
    return next(end for end in ends if end.label == label_id)


def _way(word: str, limit: Limit, end: TrackEnd, first: int) -> str:
    place, reason = end.slice + first, str(end.reason)
    backward = word == "back"
    if (place <= limit.slice) if backward else (place >= limit.slice):
        place = limit.slice
        reason = limit.reason or reason
    return f"{word} to slice {place + 1} ({reason})"


def plan_following(
    view: CaseView,
    group: str,
    origin: int,
    *,
    start: int = 0,
    stop: int | None = None,
    label_id: int | None = None,
) -> FollowPlan:
    """Say what is to be followed from a slice, and how far.

    A label ends before the next slice that carries it already, or that is marked
    nothing to label. Excluded slices are passed over.

    Parameters
    ----------
    view : CaseView
        The case.
    group : str
        The overlap group.
    origin : int
        The slice to start from.
    start, stop : int
        First and last slice to go to; by default all.
    label_id : int, optional
        The label to follow, if the slice carries it; else all that it carries.

    Raises
    ------
    TransitionError
        If there is nothing to follow.
    """
    content = view.content(origin)
    ref = content.masks.get(group)
    if ref is None or content.excluded:
        waits = group in content.proposals
        raise TransitionError(
            "there is no mask to follow",
            where=f"slice {origin + 1}",
            remedy="Confirm what is proposed here first"
            if waits
            else "Paint one on this slice first",
        )
    last = view.n_slices - 1 if stop is None else min(stop, view.n_slices - 1)
    ids = [label_id] if label_id in ref.pixels else sorted(ref.pixels)
    limits = {}
    for each in ids:
        if each is not None:
            back = _limit(view, group, each, range(origin - 1, max(start, 0) - 1, -1))
            on = _limit(view, group, each, range(origin + 1, last + 1))
            limits[each] = (back or Limit(origin), on or Limit(origin))
    if all(low.slice == high.slice == origin for low, high in limits.values()):
        reason = next(
            (x.reason for pair in limits.values() for x in pair if x.reason), ""
        )
        raise TransitionError(
            "there is no slice to follow it to" + (f": {reason}" if reason else ""),
            where=f"slice {origin + 1}",
            remedy="Go to the outermost slice that carries it",
        )
    skipped = (i for i, c in view.contents().items() if c.excluded)
    return FollowPlan(
        group,
        origin,
        view.blob(ref.digest),
        {each: view.labels[each].name for each in limits},
        limits,
        frozenset(skipped),
    )


def _limit(view: CaseView, group: str, label_id: int, places: range) -> Limit | None:
    """Return how far a label may be followed along `places`."""
    contents = view.contents()
    reached = None
    for index in places:
        content = contents.get(index)
        if content is not None and not content.excluded:
            ref = content.masks.get(group)
            before = index - places.step
            if ref is not None and label_id in ref.pixels:
                return Limit(before, f"slice {index + 1} carries it already")
            if content.nothing_to_label:
                return Limit(before, f"there is nothing to label on slice {index + 1}")
        reached = index
    return None if reached is None else Limit(reached)
