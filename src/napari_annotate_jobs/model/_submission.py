"""Submissions: frozen, numbered copies of an annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, Field, model_validator

from napari_annotate_jobs.errors import TransitionError

from ._annotation import Annotation
from ._base import Document, canonical_digest, now

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Submission",
    "content_digest",
    "make_submission",
]


def content_digest(annotation: Annotation) -> str:
    """SHA-256 of an annotation's canonical JSON; masks count by their digest."""
    return canonical_digest(annotation)


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


def make_submission(
    annotation: Annotation, *, previous: int, author: str
) -> Submission:
    """Freeze a draft that may be submitted into the next submission.

    Raises
    ------
    TransitionError
        If nothing at all was said of the case, or proposals are unconfirmed.
    """
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
