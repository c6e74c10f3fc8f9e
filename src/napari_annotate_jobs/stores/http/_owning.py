"""What owners do with a job on a server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    LogInError,
    NotFoundError,
    StoreAccessError,
    StoreError,
)
from napari_annotate_jobs.model import Job, edited_job
from napari_annotate_jobs.stores._answers import JobContents

from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_annotate_jobs.model import JobEdit
    from napari_annotate_jobs.stores._contract import JobStore

    from ._at_hand import Answers
    from ._wire import Wire

__all__ = ["Ownership"]


class Ownership:
    """Changes jobs on a server.

    Parameters
    ----------
    store : JobStore
        Reads them.
    wire, answers : Wire, Answers
        Lead to the server.
    """

    def __init__(self, store: JobStore, wire: Wire, answers: Answers) -> None:
        self._store, self._wire, self._answers = store, wire, answers

    def may_edit(self, job_id: str) -> bool:
        """Return whether this person runs the job, or the whole server."""
        if self._store.job(job_id).is_owner(self._store.person):
            return True
        me: dict[str, Any] = self._answers.get("/me", dict[str, Any])
        return bool(me.get("admin"))

    def edit(self, job_id: str, edit: JobEdit) -> Job:
        """Change what an owner may; see :meth:`JobStore.edit_job`."""
        path = quoted("jobs", job_id)
        try:
            done: Job = self._wire.value(
                self._wire.request("PATCH", path, body=edit), Job
            )
        except LogInError:
            raise
        except StoreAccessError:
            # The answer may be what was lost, and not the question.
            found = None
            with suppress(AnnotateJobsError):
                found = self._edited(job_id, edit)
            if found is None:
                raise
            done = found
        with suppress(StoreError):
            self._store.job(job_id)
        return done

    def _edited(self, job_id: str, edit: JobEdit) -> Job | None:
        """Return the job if it is as an edit would have left it."""
        if edit.seen is None:
            return None
        wanted = edited_job(edit.seen, edit, used=lambda ids: {})
        now: Job = self._wire.get(quoted("jobs", job_id), Job)
        if sorted(now.owners) != sorted(wanted.owners):
            return None
        if now.model_copy(update={"owners": wanted.owners}) != wanted:
            return None
        names = {case.id: case.name for case in edit.add_cases}
        names |= {case.id: case.name for case in edit.rename_cases}
        for case_id, name in names.items():
            if self._store.case(job_id, case_id).case.name != name:
                return None
        for case_id in edit.remove_cases:
            with suppress(NotFoundError):
                self._store.case(job_id, case_id)
                return None
        return now

    def contents(self, job_id: str) -> JobContents:
        """Return what a job takes; see :meth:`JobStore.contents`."""
        path = quoted("jobs", job_id, "contents")
        found: JobContents = self._wire.get(path, JobContents)
        return found

    def used_labels(self, job_id: str) -> Mapping[int, str]:
        """Return which labels somebody has used, and where."""
        path = quoted("jobs", job_id, "used-labels")
        found: dict[int, str] = self._wire.get(path, dict[int, str])
        return found

    def delete(self, job_id: str) -> str:
        """Put a job into the trash of the server; its owners can restore it."""
        path = quoted("jobs", job_id)
        try:
            self._wire.request("DELETE", path, repeat=False)
        except LogInError:
            raise
        except StoreAccessError:
            try:
                self._wire.get(path, Job)
            except NotFoundError:
                pass  # the answer was lost, and not the question
            except StoreError:
                raise
            else:
                raise
        return (
            f"the trash of {self._wire.server}; to have it back, ask the owner of the "
            f"server for: napari-annotate-jobs server DIR restore-job {job_id}"
        )
