"""What somebody submitted, as a case that can be looked at and not edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from napari_annotate_jobs.errors import LockedError, NotFoundError
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.stores import Draft

from ._delegating import DelegatingStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import CaseRow, Submission, Thread

    from ._review import OpenReview

__all__ = ["FrozenStore"]


class FrozenStore(DelegatingStore):
    """A store in which the annotation of a case is one that was submitted.

    An :class:`AnnotationSession` on it shows the submission as any finished case is
    shown; nothing is ever written.

    Parameters
    ----------
    wrapped : JobStore
        Acts for the reviewer; it is not closed with this one.
    """

    held: OpenReview | None = None

    def hold(self, case: OpenReview | None) -> None:
        """Show this submission from now on."""
        self.held = case

    def _here(self, case_id: str) -> OpenReview:
        if self.held is None or self.held.row.case.id != case_id:
            raise NotFoundError(
                "no submission of the case is open",
                where=case_id,
                remedy="Open it from the list",
            )
        return self.held

    def case(self, job_id: str, case_id: str) -> CaseRow:
        """Return the case, with the status of what is submitted."""
        row = self.wrapped.case(job_id, case_id)
        done: dict[str, Any] = {"status": Status.FINISHED, "draft": False}
        return row.model_copy(update={**done, "returned_comment": ""})

    def neighbour(self, *_: object, **__: object) -> None:
        """Return no other case: the reviewer's list says which comes next."""

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        """Return the images; those of the reference series are open already."""
        if series is None:
            return self._here(case_id).series
        return self.wrapped.open_series(job_id, case_id, series)

    def load(self, job_id: str, case_id: str, **_: Any) -> Draft:
        """Return what was submitted, read-only."""
        submission = self._here(case_id).submission
        return Draft(
            annotation=submission.annotation,
            status=Status.FINISHED,
            submissions=submission.number,
        )

    def submissions(self, job_id: str, case_id: str, **_: Any) -> Sequence[Submission]:
        """Return all that its annotator submitted of the case."""
        held = self._here(case_id)
        return held.submissions[held.row.person]

    def threads(self, job_id: str, case_id: str, **_: Any) -> Sequence[Thread]:
        """Return the threads on what is reviewed."""
        return self._here(case_id).discussion.threads

    def _refuse(self, job_id: str, case_id: str, *_: Any, **__: Any) -> NoReturn:
        held = self._here(case_id)
        raise LockedError(
            f"this is what {held.row.person} submitted, and nobody edits it",
            where=held.row.case.name,
            remedy="Return the case, and say what is to be changed",
        )

    save = _refuse
    submit = _refuse
