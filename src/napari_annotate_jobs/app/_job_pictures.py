"""Pictures of a few cases of each job, for the cards of My Jobs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError

from ._asks import tell_error
from ._servers import is_server
from ._settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import JobSummary
    from napari_annotate_jobs.session import Executor
    from napari_annotate_jobs.stores import JobStore

    Pictures = Sequence[NDArray[np.uint8]]

__all__ = ["JobPictures", "draw_job"]

SIZE = 96
"""Pixels of the longest side: sharp on dense screens, too."""
LOOKED_THROUGH = 24
"""Cases among which those with an annotation are looked for."""


class JobPictures:
    """Draws up to three cases of a job, off the interface thread.

    Jobs of servers have none: their images would travel for a look at a list.

    Parameters
    ----------
    executor : Executor
        Draws them.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def draw(self, summary: JobSummary, reply: Callable[[Pictures], None]) -> None:
        """Draw cases of a job; no picture where images or drafts cannot be read."""
        if is_server(summary.location):
            reply(())
            return
        person = read_settings().person or None

        def failed(error: Exception) -> None:
            if not isinstance(error, AnnotateJobsError | OSError):
                tell_error(error)
            reply(())

        self._executor.run(lambda: draw_job(summary, person), reply, failed)


def draw_job(summary: JobSummary, person: str | None, number: int = 3) -> Pictures:
    """Draw the first cases of a job that hold an annotation, else its first ones.

    Parameters
    ----------
    summary : JobSummary
        The job, in a folder.
    person : str, optional
        Whose annotations are drawn in; the system's user by default.
    number : int
        How many at most.

    Raises
    ------
    StoreError
        If the job cannot be read.
    """
    from napari_annotate_jobs.stores import open_store

    store = open_store(summary.location, person=person)
    try:
        return _draw(store, summary, number)
    finally:
        store.close()


def _draw(store: JobStore, summary: JobSummary, number: int) -> Pictures:
    from napari_annotate_jobs.model import Status

    from ._pictures import case_picture  # not before My Jobs is shown

    job = summary.job
    rows = list(store.cases(job.id, limit=LOOKED_THROUGH).rows)
    rows.sort(key=lambda row: not (row.draft or row.status is not Status.REMAINING))
    found: list[NDArray[np.uint8]] = []
    for row in rows:
        if len(found) == number:
            break
        with suppress(AnnotateJobsError):  # what cannot be read is told on its page
            picture, _ = case_picture(store, job.project, job.id, row.case.id, SIZE)
            found.append(picture)
    return found
