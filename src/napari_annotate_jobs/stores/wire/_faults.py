"""Errors as they go over the wire, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ConflictError,
    CorruptError,
    DamagedJournalError,
    DocumentVersionError,
    ExistsError,
    GeometryError,
    ImagingError,
    InvalidValueError,
    JobChangedError,
    JudgedError,
    LockedError,
    LogInError,
    MissingExtraError,
    NoImageError,
    NotFoundError,
    RoleError,
    StoreAccessError,
    StoreError,
    TransitionError,
    UnreadableImageError,
    UnsupportedImageError,
)
from napari_annotate_jobs.model import Verdict, document_json

from ._forms import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAULTS", "error_from", "problem_of", "status_code"]

_STATUS: dict[str, tuple[type[AnnotateJobsError], int]] = {
    "invalid": (InvalidValueError, 422),
    "transition": (TransitionError, 409),
    "locked": (LockedError, 423),
    "role": (RoleError, 403),
    "judged": (JudgedError, 409),
    "not_found": (NotFoundError, 404),
    "exists": (ExistsError, 409),
    "conflict": (ConflictError, 409),
    "job_changed": (JobChangedError, 409),
    "corrupt": (CorruptError, 500),
    "damaged_journal": (DamagedJournalError, 500),
    "version": (DocumentVersionError, 409),
    "access": (StoreAccessError, 503),
    "log_in": (LogInError, 401),
    "store": (StoreError, 500),
    "unreadable_image": (UnreadableImageError, 409),
    "unsupported_image": (UnsupportedImageError, 409),
    "geometry": (GeometryError, 409),
    "no_image": (NoImageError, 404),
    "imaging": (ImagingError, 409),
    "missing_extra": (MissingExtraError, 409),
}

FAULTS: Mapping[str, type[AnnotateJobsError]] = {
    code: kind for code, (kind, _) in _STATUS.items()
}
"""The class of the error by its code."""

_CODES = {kind: code for code, kind in FAULTS.items()}


def problem_of(error: AnnotateJobsError) -> tuple[int, Trouble]:
    """Return the status and the body of the answer that tells of an error.

    A class that has no code of its own goes by that of its nearest base.
    """
    code = next((_CODES[k] for k in type(error).__mro__ if k in _CODES), "store")
    more: dict[str, Any] = {}
    if isinstance(error, ConflictError):
        more = {"base": error.base, "current": error.current}
    elif isinstance(error, JudgedError) and isinstance(error.verdict, Verdict):
        more = {"verdict": document_json(error.verdict)}
    elif isinstance(error, StoreAccessError) and error.retry_after is not None:
        more = {"retry_after": error.retry_after}
    trouble = Trouble(
        code=code, what=error.what, where=error.where, remedy=error.remedy, more=more
    )
    status = status_code(code)
    if code == "access" and "retry_after" in more:
        status = 429
    return status, trouble


def status_code(code: str) -> int:
    """Return the HTTP status that goes with a code."""
    return _STATUS[code][1]


def error_from(body: object) -> AnnotateJobsError | None:
    """Return the error that an answer tells of; None if it is no such answer."""
    try:
        told = Trouble.model_validate(body)
    except ValidationError:
        return None
    kind = FAULTS.get(told.code)
    if kind is None:
        return None
    more, where, remedy = told.more, told.where, told.remedy
    if kind is ConflictError:
        base, current = int(more.get("base", 0)), int(more.get("current", 0))
        return ConflictError(base=base, current=current, where=where)
    if kind is JudgedError:
        try:
            found = more.get("verdict")
            verdict = None if found is None else Verdict.model_validate(found)
        except ValidationError:
            return None
        return JudgedError(told.what, where=where, remedy=remedy, verdict=verdict)
    if kind is MissingExtraError:
        # What the server lacks; its own text would ask for it here.
        return StoreError(told.what, where=where, remedy=remedy)
    error = kind(told.what, where=where, remedy=remedy)
    if isinstance(error, StoreAccessError):
        wait = more.get("retry_after")
        error.retry_after = float(wait) if isinstance(wait, int | float) else None
    return error
