"""What every store refuses, and what every store derives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from napari_annotate_jobs.errors import (
    ConflictError,
    InvalidValueError,
    NotFoundError,
    TransitionError,
)
from napari_annotate_jobs.model import (
    Annotation,
    Correction,
    Decision,
    Outcome,
    ThreadEntry,
    Verb,
    check_change,
    check_verb,
    document_json,
    make_submission,
    make_verdict,
    mask_size,
    now,
    review_status_of,
    standing_verdict,
    status_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from napari_annotate_jobs.model import (
        AnnotationChange,
        Case,
        CaseRow,
        Comment,
        Job,
        ReviewStatus,
        SeriesRef,
        Status,
        Submission,
        Thread,
        Verdict,
    )

__all__ = [
    "Said",
    "Standing",
    "changed",
    "check_page",
    "check_step",
    "check_work",
    "count_decided",
    "entry",
    "has_draft",
    "latest",
    "noted",
    "own_comments",
    "referenced",
    "series_of",
    "sized",
    "submitted",
]


def referenced(change: AnnotationChange) -> dict[str, str]:
    """Map the digest of each mask in a change to the key of a slice that has it."""
    return {
        mask.digest: key
        for key, content in change.slices.items()
        if content is not None
        for masks in (content.masks, content.proposals)
        for mask in masks.values()
    }


def changed(
    current: Annotation,
    change: AnnotationChange,
    blobs: Mapping[str, bytes],
    *,
    base: int,
    standing: Standing,
    job: Job,
    find_size: Callable[[str], tuple[int, int] | None],
    size: tuple[int, int] | None = None,
    of: str | None = None,
    last: AnnotationChange | None = None,
) -> Annotation:
    """Return the annotation after a change, or say why it cannot be saved.

    The masks that `blobs` lacks have the rows and columns that `find_size` returns,
    None for one that is not there. Of `current`, only the slices that change need be
    given. It is `current` itself if `last`, the change that led to it, was this very
    one on this very base: whoever saved it did not hear of it.

    Raises
    ------
    LockedError, ConflictError, InvalidValueError
        As :meth:`JobStore.save`.
    """
    where = current.case_id
    check_work(Verb.SAVE, current, standing=standing, job=job, of=of)
    source = change.corrects or current.corrects
    if of != (None if source is None else source.person):
        raise InvalidValueError(
            "a corrected copy, and nothing else, names the submission it is of",
            where=where,
            remedy="Begin a copy of what was submitted",
        )
    if base != current.revision:
        if base + 1 == current.revision and last is not None and _same(change, last):
            return current
        raise ConflictError(base=base, current=current.revision, where=where)
    check_change(change, job.project.label_set)
    for digest, key in referenced(change).items():
        data = blobs.get(digest)
        if data is None:
            known = find_size(digest)
            if known is None:
                raise InvalidValueError(
                    f"the mask {digest[:16]} of slice {key} is nowhere to be found",
                    where=where,
                    remedy="Give its encoded bytes with the change",
                )
            found = known
        elif hashlib.sha256(data).hexdigest() != digest:
            raise InvalidValueError(
                f"the bytes given for mask {digest[:16]} have another digest",
                where=where,
            )
        else:
            found = mask_size(data)
        if found != (size or found):
            assert size is not None
            raise InvalidValueError(
                f"the mask of slice {key} has {found[0]} x {found[1]} pixels, the "
                f"slice {size[0]} x {size[1]}",
                where=where,
                remedy="Masks have the rows and columns of the slice they are of",
            )
    try:
        return current.apply(change, revision=base + 1)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise InvalidValueError(
            message.removeprefix("Value error, "), where=where
        ) from error


def _same(one: AnnotationChange, other: AnnotationChange) -> bool:
    return bool(document_json(one) == document_json(other))


@dataclass(frozen=True)
class Standing:
    """Where one person's work on a case stands.

    Parameters
    ----------
    submissions : int
        How often it was submitted.
    verdicts : tuple of Verdict
        On the last submission, in their order.
    """

    submissions: int = 0
    verdicts: tuple[Verdict, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The verdict that holds, if there is one."""
        return standing_verdict(self.verdicts)

    @property
    def review(self) -> ReviewStatus | None:
        """Where it stands for its reviewer."""
        return review_status_of(self.submissions, self.verdicts)

    @property
    def status(self) -> Status:
        """Where it stands for its annotator."""
        return status_of(self.review)

    def check(
        self, verb: Verb, *, job: Job, person: str, author: str, where: object
    ) -> None:
        """Raise an error unless `person` may do that now; see `check_verb`."""
        check_verb(
            verb,
            job=job,
            person=person,
            author=author,
            review=self.review,
            verdict=self.verdict,
            where=where,
        )


def submitted(
    current: Annotation,
    *,
    base: int,
    standing: Standing,
    case: Case,
    job: Job,
    of: str | None = None,
) -> Submission:
    """Return the next submission, or say why there cannot be one.

    Raises
    ------
    LockedError, ConflictError, TransitionError
        As :meth:`JobStore.submit`.
    """
    check_work(Verb.SUBMIT, current, standing=standing, job=job, of=of)
    if base != current.revision:
        raise ConflictError(base=base, current=current.revision, where=case.id)
    submission = make_submission(
        current, previous=standing.submissions, author=current.person
    )
    undecided = (case.n_slices or 0) - count_decided(current)
    if job.project.options.every_slice and undecided > 0:
        raise TransitionError(
            f"{undecided} of {case.n_slices} slices are undecided, and this project "
            "demands every slice",
            where=case.id,
            remedy="Label them, or mark them Nothing to Label or excluded",
        )
    return submission


def check_work(
    verb: Verb,
    current: Annotation,
    *,
    standing: Standing,
    job: Job,
    of: str | None = None,
) -> None:
    """Raise an error unless who made an annotation may save or submit it.

    A copy that corrects a submission of somebody else (`of`) is never locked: what
    was submitted of it is frozen, and whether it may be is asked when it is.

    Raises
    ------
    RoleError, LockedError
        As :func:`~napari_annotate_jobs.model.check_verb` says.
    """
    if of is None:
        standing.check(
            verb,
            job=job,
            person=current.person,
            author=current.person,
            where=current.case_id,
        )


@dataclass(frozen=True)
class Said:
    """What somebody wants to say of a submission.

    Parameters
    ----------
    verb : Verb
        One that ends in a verdict.
    person, author : str
        Who says it, and who submitted it.
    number : int, optional
        The submission that was looked at; None for the last one.
    comments : tuple of Comment
        What is to be changed, or the reason.
    corrected : bool
        True if the reviewer's copy is to take its place.
    copy : Submission, optional
        The last copy that the reviewer submitted.
    """

    verb: Verb
    person: str
    author: str
    number: int | None = None
    comments: tuple[Comment, ...] = ()
    corrected: bool = False
    copy: Submission | None = None

    def check(self, standing: Standing, *, job: Job, where: str) -> None:
        """Raise an error unless it may be said now."""
        standing.check(
            self.verb, job=job, person=self.person, author=self.author, where=where
        )
        last = standing.submissions
        if self.number is not None and self.number != last:
            raise TransitionError(
                f"{self.author} has submitted the case again since (number {last})",
                where=where,
                remedy="Open it again, to see what is submitted now",
            )

    def verdict(
        self,
        standing: Standing,
        last: Submission,
        current: Annotation,
        entries: Sequence[ThreadEntry],
        *,
        job: Job,
        where: str,
    ) -> Verdict:
        """Return the verdict, or say why it cannot be given.

        Raises
        ------
        RoleError, JudgedError, TransitionError
            As :meth:`JobStore.judge`.
        """
        self.check(standing, job=job, where=where)
        holds = standing.verdict
        if (
            self.verb is Verb.WITHDRAW
            and holds is not None
            and holds.outcome is Outcome.RETURNED
            and has_draft(current.revision, last)
        ):
            raise TransitionError(
                f"{self.author} has begun to work on it again",
                where=where,
                remedy="Wait for the next submission",
            )
        correction = self._correction(last, where) if self.corrected else None
        commented = any(
            entry.person == self.person and entry.comment is not None
            for entry in entries
            if entry.submission == standing.submissions
        )
        return make_verdict(
            self.verb,
            self.comments,
            person=self.person,
            submission=last,
            number=standing.verdicts[-1].number + 1 if standing.verdicts else 1,
            commented=commented,
            correction=correction,
            where=where,
        )

    def _correction(self, last: Submission, where: str) -> Correction:
        copy = self.copy
        of = None if copy is None else copy.annotation.corrects
        if copy is None or of is None:
            raise TransitionError(
                "there is no corrected copy",
                where=where,
                remedy="Correct the case, or pass it as it was submitted",
            )
        if (of.person, of.digest) != (self.author, last.digest):
            raise TransitionError(
                "the corrected copy is of another submission",
                where=where,
                remedy="Correct what is submitted now",
            )
        return Correction(person=self.person, number=copy.number, digest=copy.digest)

    def check_copy(self, standing: Standing, copy: Annotation, *, job: Job) -> None:
        """Raise an error unless a corrected copy may be submitted now."""
        where = copy.case_id
        if copy.corrects is None:
            raise TransitionError(
                "there is no corrected copy",
                where=where,
                remedy="Begin one of what was submitted",
            )
        replace(self, number=copy.corrects.number).check(standing, job=job, where=where)


def entry(
    entries: Sequence[ThreadEntry],
    threads: Sequence[Thread],
    *,
    person: str,
    author: str,
    comment: Comment | None,
    thread: str | None,
    resolved: bool | None,
    standing: Standing,
    job: Job,
    where: str,
) -> ThreadEntry:
    """Return the next entry of the threads on an annotation.

    Raises
    ------
    NotFoundError
        If there is no such thread.
    RoleError, TransitionError, InvalidValueError
        As :meth:`JobStore.discuss`.
    """
    standing.check(Verb.COMMENT, job=job, person=person, author=author, where=where)
    if not standing.submissions:
        raise TransitionError(
            "the case was never submitted: there is nothing to discuss yet",
            where=where,
            remedy="Write comments into the annotation, they are submitted with it",
        )
    if comment is not None and comment.person != person:
        raise InvalidValueError(
            f"{person} cannot comment as {comment.person}", where=where
        )
    if thread is not None and all(found.id != thread for found in threads):
        raise NotFoundError(
            f"there is no thread {thread!r}",
            where=where,
            remedy="Open the case again to see its threads",
        )
    begins = thread or (comment.id if comment is not None else "")
    if comment is not None and any(
        comment.id == known.id for found in threads for known in found.comments
    ):
        raise InvalidValueError(
            f"there is a comment {comment.id!r} already", where=where
        )
    try:
        return ThreadEntry.seal(
            number=entries[-1].number + 1 if entries else 1,
            thread=begins,
            person=person,
            time=now(),
            submission=standing.submissions,
            comment=comment,
            resolved=resolved,
        )
    except ValidationError:
        raise InvalidValueError(
            "nothing was said, and nothing resolved",
            where=where,
            remedy="Give a comment, or say whether the thread is resolved",
        ) from None


def own_comments(
    draft: Annotation, last: Submission | None, *, reader: str
) -> tuple[Comment, ...]:
    """Return the annotator's comments that a person may see: others see no draft."""
    if reader == draft.person:
        return draft.comments
    return () if last is None else last.annotation.comments


def count_decided(annotation: Annotation) -> int:
    """Return how many slices have a decision."""
    return sum(
        content.decision is not Decision.UNDECIDED
        for content in annotation.slices.values()
    )


def has_draft(revision: int, last: Submission | None) -> bool:
    """Return True if something was saved since the last submission."""
    return revision > (0 if last is None else last.annotation.revision)


def latest(*times: datetime | None) -> datetime | None:
    """Return the last of those times that are known; None if none is."""
    return max((time for time in times if time is not None), default=None)


def series_of(case: Case, series: int | None) -> SeriesRef:
    """Return one of the series of a case; None means the reference.

    Raises
    ------
    NotFoundError
        If the case has no such series.
    """
    number = case.reference if series is None else series
    if not 0 <= number < len(case.series):
        raise NotFoundError(
            f"series {number} of {len(case.series)} does not exist",
            where=case.id,
            remedy="Series are counted from 0",
        )
    return case.series[number]


def noted(case: Case, n_slices: int | None) -> Case:
    """Return the case with its number of slices.

    Raises
    ------
    InvalidValueError
        If there is not at least one.
    """
    if n_slices is None:
        return case
    if n_slices < 1:
        raise InvalidValueError(
            f"a series cannot have {n_slices} slices", where=case.id
        )
    return case.model_copy(update={"n_slices": n_slices})


def check_page(offset: int, limit: int) -> None:
    """Raise InvalidValueError unless both are numbers of rows."""
    if offset < 0 or limit < 0:
        raise InvalidValueError(
            f"a page cannot start at row {offset} with {limit} rows",
            remedy="Use 0 or more for both",
        )


def check_step(step: int) -> None:
    """Raise InvalidValueError unless it is one on or one back."""
    if step not in (1, -1):
        raise InvalidValueError(f"a step is 1 or -1, not {step}")


def sized(row: CaseRow, size: tuple[int, int] | None) -> CaseRow:
    """Return a row with the rows and columns that its images were found to have."""
    if size is None or row.case.size is not None:
        return row
    case = row.case.model_copy(update={"size": size})
    return row.model_copy(update={"case": case})
