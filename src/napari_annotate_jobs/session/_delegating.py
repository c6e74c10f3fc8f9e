"""A store that shows another one in its own light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.stores import Checker, ImageSource, JobStore

if TYPE_CHECKING:
    from napari_annotate_jobs.imaging import Series

__all__ = ["DelegatingStore"]


def _delegated(name: str) -> Any:
    def call(self: DelegatingStore, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.wrapped, name)(*args, **kwargs)

    call.__name__, call.__doc__ = name, getattr(JobStore, name).__doc__
    return call


class DelegatingStore(JobStore, ImageSource):
    """A store that asks another one, for all that is not said otherwise.

    Parameters
    ----------
    wrapped : JobStore
        Is asked; it is not closed with this one.
    """

    def __init__(self, wrapped: JobStore) -> None:
        self.wrapped = wrapped
        self.location, self.person = wrapped.location, wrapped.person
        self.is_remote = wrapped.is_remote

    @property
    def images(self) -> ImageSource:
        """The store itself: it may have some of them open already."""
        return self

    @property
    def checker(self) -> Checker | None:
        """Who verifies the store that is asked."""
        return self.wrapped.checker

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        """Open a series of a case, by the store that is asked."""
        return self.wrapped.images.open_series(job_id, case_id, series=series)

    jobs = _delegated("jobs")
    job = _delegated("job")
    counts = _delegated("counts")
    find_cases = _delegated("find_cases")
    read_blob = _delegated("read_blob")
    judge = _delegated("judge")
    verdicts = _delegated("verdicts")
    discuss = _delegated("discuss")
    mark_read = _delegated("mark_read")
    flag = _delegated("flag")
    review_counts = _delegated("review_counts")
    review_progress = _delegated("review_progress")
    find_reviews = _delegated("find_reviews")
    review = _delegated("review")
    next_review = _delegated("next_review")
    people = _delegated("people")
    note_case = _delegated("note_case")
    may_edit = _delegated("may_edit")
    edit_job = _delegated("edit_job")
    contents = _delegated("contents")
    used_labels = _delegated("used_labels")
    delete_job = _delegated("delete_job")
