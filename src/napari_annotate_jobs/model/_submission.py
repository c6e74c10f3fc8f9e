"""Submissions, returns, and the status that follows from them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, Field, model_validator

from napari_annotate_jobs.errors import LockedError, TransitionError

from ._annotation import Annotation, Comment
from ._base import Document, document_json, now
from ._project import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Return",
    "Submission",
    "check_editable",
    "content_digest",
    "make_submission",
    "status_of",
]


def content_digest(annotation: Annotation) -> str:
    """SHA-256 of an annotation's canonical JSON; masks count by their digest.

    Canonical is :func:`document_json` with sorted keys and no blanks, in UTF-8.
    """
    text = json.dumps(
        document_json(annotation),
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()


class Submission(Document):
    """A frozen, numbered copy of an annotation.

    Parameters
    ----------
    number : int
        From 1, without gaps, for each case and person.
    author : str
        Who submitted it.
    time : datetime
        When, with time zone.
    annotation : Annotation
        The content.
    digest : str
        :func:`content_digest` of the content.
    """

    number: int = Field(ge=1)
    author: str
    time: AwareDatetime
    annotation: Annotation
    digest: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.digest != content_digest(self.annotation):
            raise ValueError("the digest does not fit the content: it was altered")
        return self


class Return(Document):
    """A reviewer's word that a submission is to be worked over.

    Parameters
    ----------
    number : int
        The submission it answers.
    reviewer : str
        Who returned it.
    comments : tuple of Comment
        At least one: what to change, on the case or pinned to slices.
    time : datetime
        When, with time zone.
    """

    number: int = Field(ge=1)
    reviewer: str
    comments: tuple[Comment, ...] = Field(min_length=1)
    time: AwareDatetime = Field(default_factory=now)


def status_of(submissions: int, returned: Return | None) -> Status:
    """Status of a case with so many submissions, and the last return, if any."""
    if not submissions:
        return Status.REMAINING
    if returned is not None and returned.number == submissions:
        return Status.RETURNED
    return Status.FINISHED


def check_editable(status: Status, *, where: object = None) -> None:
    """Raise LockedError unless a case with this status may be edited."""
    if status is Status.FINISHED:
        raise LockedError(
            "the case is submitted and therefore read-only",
            where=where,
            remedy="A reviewer can return it to make it editable again",
        )


def make_submission(
    annotation: Annotation, *, status: Status, previous: int, author: str
) -> Submission:
    """Freeze a draft into the next submission.

    Raises
    ------
    LockedError
        If the case is already submitted and was not returned.
    TransitionError
        If nothing at all was said of the case, or proposals are unconfirmed.
    """
    check_editable(status, where=annotation.case_id)
    if annotation.is_blank:
        raise TransitionError(
            "nothing was said of this case yet",
            where=annotation.case_id,
            remedy="Label at least one slice, or mark it Nothing to Label or excluded",
        )
    open_slices: Sequence[int] = [
        content.index for content in annotation.slices.values() if content.has_proposals
    ]
    if open_slices:
        raise TransitionError(
            f"{len(open_slices)} slices hold proposals that nobody has confirmed, the "
            f"first is slice {min(open_slices) + 1}",
            where=annotation.case_id,
            remedy="Confirm or reject them first",
        )
    return Submission(
        number=previous + 1,
        author=author,
        time=now(),
        annotation=annotation,
        digest=content_digest(annotation),
    )
