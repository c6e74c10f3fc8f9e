"""A store that shows another one in its own light."""

from __future__ import annotations

from typing import Any

from napari_annotate_jobs.stores import JobStore

__all__ = ["DelegatingStore"]


def _delegated(name: str) -> Any:
    def call(self: DelegatingStore, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.wrapped, name)(*args, **kwargs)

    call.__name__, call.__doc__ = name, getattr(JobStore, name).__doc__
    return call


class DelegatingStore(JobStore):
    """A store that asks another one, for all that is not said otherwise.

    Parameters
    ----------
    wrapped : JobStore
        Is asked; it is not closed with this one.
    """

    def __init__(self, wrapped: JobStore) -> None:
        self.wrapped = wrapped
        self.location, self.person = wrapped.location, wrapped.person

    jobs = _delegated("jobs")
    job = _delegated("job")
    counts = _delegated("counts")
    cases = _delegated("cases")
    open_series = _delegated("open_series")
    read_blob = _delegated("read_blob")
    judge = _delegated("judge")
    verdicts = _delegated("verdicts")
    discuss = _delegated("discuss")
    mark_read = _delegated("mark_read")
    review_counts = _delegated("review_counts")
    review_progress = _delegated("review_progress")
    reviews = _delegated("reviews")
    review = _delegated("review")
    next_review = _delegated("next_review")
    people = _delegated("people")
    note_case = _delegated("note_case")
    check = _delegated("check")
