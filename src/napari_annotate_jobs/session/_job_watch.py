"""Hears what owners change of the job while somebody works in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Job, Label, LabelSet
    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor

__all__ = ["JobWatch", "retired_text", "still_chosen"]


class JobWatch:
    """Looks whether a job was edited, and tells of it.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job : Job
        As it was seen.
    executor : Executor
        Looks in its turn, after what is being saved.
    changed : callable
        Takes the job once it was edited.
    failed : callable
        Takes what went wrong; the store's own trouble is told by what is saved.
    """

    def __init__(
        self,
        store: JobStore,
        job: Job,
        executor: Executor,
        changed: Callable[[Job], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._store, self._job, self._executor = store, job, executor
        self._changed, self._failed = changed, failed
        self._looking = False

    def look(self) -> None:
        """Look once; what cannot be read is looked for again the next time."""
        if self._looking:
            return
        self._looking = True
        job_id = self._job.id
        self._executor.run_after_paint(
            lambda: self._store.job(job_id), self._on_seen, self._on_failed
        )

    def _on_seen(self, job: Job) -> None:
        self._looking = False
        if job != self._job:
            self._job = job
            self._changed(job)

    def _on_failed(self, error: Exception) -> None:
        self._looking = False
        if not isinstance(error, AnnotateJobsError):
            self._failed(error)


def retired_text(label: Label) -> str:
    """Say that a label is retired, and what that means."""
    return (
        f"{label.name} is retired: it stays where it is used, and is not offered for "
        "anything new."
    )


def still_chosen(label: Label | None, labels: LabelSet) -> tuple[Label | None, str]:
    """Return what is chosen once the label set has changed, and what to tell.

    Parameters
    ----------
    label : Label, optional
        What was chosen.
    labels : LabelSet
        As it is now.
    """
    if label is None:
        return None, ""
    now = labels.by_id.get(label.id)
    if now is None:
        return None, f"{label.name} is not among the labels of the job any more."
    return (None, retired_text(now)) if now.retired else (now, "")
