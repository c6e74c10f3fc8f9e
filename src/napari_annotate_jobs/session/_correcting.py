"""A reviewer's copy of what somebody submitted, to be corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import AnnotationChange, Correction, Verb

from ._delegating import DelegatingStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_annotate_jobs.model import CaseRow, Job, Submission
    from napari_annotate_jobs.stores import Draft, JobStore

__all__ = ["CorrectionStore", "begin_correction"]


def begin_correction(
    store: JobStore, job_id: str, case_id: str, person: str
) -> CorrectionStore:
    """Make a copy of a person's last submission, and return the store to edit it in.

    A copy of the same submission that was begun before is gone on with.

    Parameters
    ----------
    store : JobStore
        Acts for the reviewer.
    job_id, case_id : str
        The case.
    person : str
        Who submitted it.

    Raises
    ------
    RoleError, JudgedError, TransitionError
        If it does not wait for a verdict of this reviewer.
    """
    draft = store.load(job_id, case_id, person=person)
    draft.check(Verb.CORRECT, job=store.job(job_id), person=store.person)
    last = store.submissions(job_id, case_id, person=person)[-1]
    corrects = Correction(person=person, number=last.number, digest=last.digest)
    mine = store.load(job_id, case_id, of=person).annotation
    if mine.corrects != corrects:
        said = last.annotation
        change = AnnotationChange(
            slices={**dict.fromkeys(mine.slices), **said.slices},
            case_labels=said.case_labels,
            case_nothing_to_label=said.case_nothing_to_label,
            case_attributes=said.case_attributes,
            ranges=said.ranges,
            comments=(),
            corrects=corrects,
        )
        store.save(job_id, case_id, change, {}, base=mine.revision, of=person)
    return CorrectionStore(store, person)


class CorrectionStore(DelegatingStore):
    """A store in which every annotation is a copy that corrects a submission.

    An :class:`AnnotationSession` on it edits the copy as it would edit a draft.

    Parameters
    ----------
    wrapped : JobStore
        Acts for the reviewer; it is not closed with this one.
    of : str
        Whose submissions are corrected.
    """

    def __init__(self, wrapped: JobStore, of: str) -> None:
        super().__init__(wrapped)
        self.of = of

    def job(self, job_id: str) -> Job:
        """Return the job; who may review may edit the copy."""
        return self.wrapped.job(job_id).model_copy(update={"annotators": ()})

    def case(self, job_id: str, case_id: str) -> CaseRow:
        """Return the case, with the status of the copy."""
        row = self.wrapped.case(job_id, case_id)
        status = self.load(job_id, case_id).status
        return row.model_copy(update={"status": status, "review": None})

    def neighbour(self, *_: object, **__: object) -> None:
        """Return no other case: the copy is of this one."""

    def load(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Draft:
        """Return the copy as it stands."""
        return self.wrapped.load(job_id, case_id, person=person, of=of or self.of)

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
        """Save a change of the copy."""
        return self.wrapped.save(
            job_id, case_id, change, blobs, base=base, of=of or self.of
        )

    def submit(
        self, job_id: str, case_id: str, *, base: int, of: str | None = None
    ) -> Submission:
        """Freeze the copy, and pass the case with it in the place of what it is of."""
        of = of or self.of
        submission = self.wrapped.submit(job_id, case_id, base=base, of=of)
        source = submission.annotation.corrects
        if source is None:
            raise NotFoundError("the copy does not say what it is of", where=case_id)
        self.wrapped.judge(
            job_id,
            case_id,
            Verb.PASS,
            person=of,
            number=source.number,
            corrected=True,
        )
        return submission

    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        """Return the copies that were submitted."""
        return self.wrapped.submissions(
            job_id, case_id, person=person, of=of or self.of
        )

    def threads(self, job_id: str, case_id: str, *, person: str | None = None) -> Any:
        """Return the threads on what is corrected."""
        return self.wrapped.threads(job_id, case_id, person=self.of)

    def discuss(
        self, job_id: str, case_id: str, *, person: str | None = None, **said: Any
    ) -> Any:
        """Say something of what is corrected."""
        return self.wrapped.discuss(job_id, case_id, person=self.of, **said)

    def mark_read(
        self, job_id: str, case_id: str, *, person: str | None = None, **which: Any
    ) -> None:
        """Mark threads on what is corrected as read."""
        self.wrapped.mark_read(job_id, case_id, person=self.of, **which)
