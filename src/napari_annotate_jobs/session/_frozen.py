"""What somebody submitted, as a case that can be looked at and not edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from napari_annotate_jobs.errors import LockedError, NotFoundError
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.stores import Draft

from ._delegating import DelegatingStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        AnnotationChange,
        CaseRow,
        Job,
        Submission,
        Thread,
        Verdict,
    )

    from ._correcting import CorrectionStore
    from ._review import OpenReview

__all__ = ["FrozenStore"]


class FrozenStore(DelegatingStore):
    """A store in which the annotation of a case is one that was submitted.

    An :class:`AnnotationSession` on it shows the submission as any finished case is
    shown; nothing is written, unless it is a copy that the reviewer corrects.

    Parameters
    ----------
    wrapped : JobStore
        Acts for the reviewer; it is not closed with this one.
    """

    held: OpenReview | None = None
    correction: CorrectionStore | None = None

    def hold(self, case: OpenReview | None) -> None:
        """Show this submission from now on."""
        self.held, self.correction = case, None

    def correct(self, correction: CorrectionStore | None) -> None:
        """Show the copy that is corrected in its place; None for the submission."""
        self.correction = correction

    def job(self, job_id: str) -> Job:
        """Return the job; whoever reviews may edit a copy."""
        return self.wrapped.job(job_id).model_copy(update={"annotators": ()})

    def _here(self, case_id: str) -> OpenReview:
        if self.held is None or self.held.row.case.id != case_id:
            raise NotFoundError(
                "no submission of the case is open",
                where=case_id,
                remedy="Open it from the list",
            )
        return self.held

    def case(self, job_id: str, case_id: str) -> CaseRow:
        """Return the case, with the status of what is shown."""
        if self.correction is not None:
            return self.correction.case(job_id, case_id)
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
        return super().open_series(job_id, case_id, series)

    def load(self, job_id: str, case_id: str, **_: Any) -> Draft:
        """Return what was submitted, read-only, or the copy."""
        if self.correction is not None:
            return self.correction.load(job_id, case_id)
        submission = self._here(case_id).submission
        return Draft(
            annotation=submission.annotation,
            status=Status.FINISHED,
            submissions=submission.number,
        )

    def submissions(self, job_id: str, case_id: str, **_: Any) -> Sequence[Submission]:
        """Return all that its annotator, or of a copy the reviewer, submitted."""
        if self.correction is not None:
            return self.correction.submissions(job_id, case_id)
        held = self._here(case_id)
        return held.submissions[held.row.person]

    def verdicts(self, job_id: str, case_id: str, **_: Any) -> Sequence[Verdict]:
        """Return the verdicts on what is reviewed; none on a copy."""
        return () if self.correction is not None else self._here(case_id).verdicts

    def threads(self, job_id: str, case_id: str, **_: Any) -> Sequence[Thread]:
        """Return the threads on what is reviewed."""
        person = self._here(case_id).row.person
        return self.wrapped.threads(job_id, case_id, person=person)

    def discuss(
        self, job_id: str, case_id: str, *, person: str | None = None, **said: Any
    ) -> Thread:
        """Say something of what is reviewed."""
        person = self._here(case_id).row.person
        return self.wrapped.discuss(job_id, case_id, person=person, **said)

    def mark_read(
        self, job_id: str, case_id: str, *, person: str | None = None, **which: Any
    ) -> None:
        """Mark threads on what is reviewed as read."""
        person = self._here(case_id).row.person
        self.wrapped.mark_read(job_id, case_id, person=person, **which)

    def save(
        self,
        job_id: str,
        case_id: str,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
        of: str | None = None,
    ) -> int:
        """Save a change of the copy; what was submitted is never changed."""
        if self.correction is None:
            self._refuse(case_id)
        return self.correction.save(job_id, case_id, change, blobs, base=base)

    def submit(
        self, job_id: str, case_id: str, *, base: int, of: str | None = None
    ) -> Submission:
        """Pass the case with the copy in the place of what was submitted."""
        if self.correction is None:
            self._refuse(case_id)
        return self.correction.submit(job_id, case_id, base=base)

    def _refuse(self, case_id: str) -> NoReturn:
        held = self._here(case_id)
        raise LockedError(
            f"this is what {held.row.person} submitted, and nobody edits it",
            where=held.row.case.name,
            remedy="Return the case, or correct a copy of it",
        )
