"""Which job comes after one that is finished."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import JobSummary

__all__ = ["next_job"]


def next_job(
    summaries: Sequence[JobSummary], done: JobSummary | None
) -> JobSummary | None:
    """Return the job to go on with: the one that is due first, in its order.

    Parameters
    ----------
    summaries : sequence of JobSummary
        All that are listed.
    done : JobSummary, optional
        The one that is finished.

    Returns
    -------
    JobSummary or None
        None if no other one has cases left for this person to annotate.
    """
    here = None if done is None else (done.location, done.job.id)
    waiting = [
        summary
        for summary in summaries
        if (summary.location, summary.job.id) != here
        and summary.reviews is None
        and summary.counts.left
        and not summary.job.archived
    ]
    return min(waiting, key=lambda s: s.job.due or date.max, default=None)
