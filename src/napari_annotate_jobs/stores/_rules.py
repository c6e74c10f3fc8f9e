"""What every store refuses, and what every store derives."""

from __future__ import annotations

import hashlib
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
    Decision,
    Return,
    Status,
    Submission,
    check_change,
    check_editable,
    document_json,
    make_submission,
    mask_size,
    status_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.model import (
        AnnotationChange,
        Case,
        CaseRow,
        Comment,
        Job,
        LabelSet,
        SeriesRef,
    )

__all__ = [
    "changed",
    "check_page",
    "comment_text",
    "count_decided",
    "has_draft",
    "noted",
    "referenced",
    "returned",
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
    status: Status,
    labels: LabelSet,
    find_blob: Callable[[str], bytes | None],
    size: tuple[int, int] | None = None,
    last: AnnotationChange | None = None,
) -> Annotation:
    """Return the annotation after a change, or say why it cannot be saved.

    It is `current` itself if `last`, the change that led to it, was this very one on
    this very base: whoever saved it did not hear of it.

    Raises
    ------
    LockedError, ConflictError, InvalidValueError
        As :meth:`JobStore.save`.
    """
    where = current.case_id
    check_editable(status, where=where)
    if base != current.revision:
        if base + 1 == current.revision and last is not None and _same(change, last):
            return current
        raise ConflictError(base=base, current=current.revision, where=where)
    check_change(change, labels)
    for digest, key in referenced(change).items():
        data = blobs.get(digest)
        if data is None:
            data = find_blob(digest)
            if data is None:
                raise InvalidValueError(
                    f"the mask {digest[:16]} of slice {key} is nowhere to be found",
                    where=where,
                    remedy="Give its encoded bytes with the change",
                )
        elif hashlib.sha256(data).hexdigest() != digest:
            raise InvalidValueError(
                f"the bytes given for mask {digest[:16]} have another digest",
                where=where,
            )
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


def submitted(
    current: Annotation,
    *,
    base: int,
    previous: int,
    last_return: Return | None,
    case: Case,
    job: Job,
) -> Submission:
    """Return the next submission, or say why there cannot be one.

    Raises
    ------
    LockedError, ConflictError, TransitionError
        As :meth:`JobStore.submit`.
    """
    status = status_of(previous, last_return)
    check_editable(status, where=case.id)
    if base != current.revision:
        raise ConflictError(base=base, current=current.revision, where=case.id)
    submission = make_submission(
        current, status=status, previous=previous, author=current.person
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


def returned(
    status: Status,
    comments: Sequence[Comment],
    *,
    number: int,
    reviewer: str,
    where: str,
) -> Return:
    """Return the word of a reviewer, or say why the case cannot be returned.

    Raises
    ------
    TransitionError
        As :meth:`JobStore.return_case`.
    """
    if status is not Status.FINISHED:
        raise TransitionError(
            f"a {status} case cannot be returned",
            where=where,
            remedy="Only a submitted case can be returned to its annotator",
        )
    if not comments:
        raise TransitionError(
            "a return without a comment does not say what to change",
            where=where,
            remedy="Write at least one comment, on the case or on a slice",
        )
    return Return(number=number, reviewer=reviewer, comments=tuple(comments))


def count_decided(annotation: Annotation) -> int:
    """Return how many slices have a decision."""
    return sum(
        content.decision is not Decision.UNDECIDED
        for content in annotation.slices.values()
    )


def has_draft(revision: int, last: Submission | None) -> bool:
    """Return True if something was saved since the last submission."""
    return revision > (0 if last is None else last.annotation.revision)


def comment_text(last_return: Return | None) -> str:
    """Return what the reviewer wrote, one comment a line."""
    return "\n".join(c.text for c in last_return.comments) if last_return else ""


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


def sized(row: CaseRow, size: tuple[int, int] | None) -> CaseRow:
    """Return a row with the rows and columns that its images were found to have."""
    if size is None or row.case.size is not None:
        return row
    case = row.case.model_copy(update={"size": size})
    return row.model_copy(update={"case": case})
