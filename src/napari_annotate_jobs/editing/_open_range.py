"""Ranges of an open case: where they lie in its series, and how slices leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from napari_annotate_jobs.model import RangeAction, SliceRange

__all__ = ["OpenRange", "leave_ranges"]


@dataclass(frozen=True)
class OpenRange:
    """A range as it lies in the series of an open case; slices by index.

    Parameters
    ----------
    id : str
        Of the range.
    action : RangeAction
        What was applied.
    labels : tuple of int
        Label ids, for class labels.
    origin : int
        The slice it was propagated from.
    start, stop : int
        First and last slice, both included.
    applied : tuple of int
        The slices it changed and still rules, ascending.
    person : str
        Who did it.
    time : datetime
        When, with time zone.
    """

    id: str
    action: RangeAction
    labels: tuple[int, ...]
    origin: int
    start: int
    stop: int
    applied: tuple[int, ...]
    person: str
    time: datetime

    @classmethod
    def of(cls, span: SliceRange, places: Mapping[str, int]) -> OpenRange | None:
        """Lay a range into a series; None if no slice of it is there.

        Parameters
        ----------
        span : SliceRange
            The range, with keys.
        places : mapping of str to int
            The index of each slice of the series by its key.
        """
        ruled = (places.get(str(key)) for key in span.applied)
        applied = sorted(place for place in ruled if place is not None)
        # The series may have got another order, or lost an end of the range. What the
        # range rules lies in it in any case.
        ends = (places.get(str(key)) for key in (span.start, span.stop))
        held = [*(place for place in ends if place is not None), *applied]
        if not held:
            return None
        start, stop = min(held), max(held)
        origin = places.get(str(span.origin), start)
        return cls(
            id=span.id,
            action=span.action,
            labels=span.labels,
            origin=min(max(origin, start), stop),
            start=start,
            stop=stop,
            applied=tuple(applied),
            person=span.person,
            time=span.time,
        )


def leave_ranges(
    ranges: Sequence[SliceRange], keys: Collection[str]
) -> tuple[SliceRange, ...]:
    """Let slices leave the ranges that ruled them; one that rules none any more goes.

    Parameters
    ----------
    ranges : sequence of SliceRange
        The ranges.
    keys : collection of str
        The keys of the slices that leave.
    """
    gone = set(keys)
    kept = []
    for span in ranges:
        rest = tuple(key for key in span.applied if key not in gone)
        if rest == span.applied:
            kept.append(span)  # also one that rules nothing yet
        elif rest:
            kept.append(span.model_copy(update={"applied": rest}))
    return tuple(kept)
