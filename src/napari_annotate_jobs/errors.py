"""Every error the package raises on purpose.

::

    AnnotateJobsError
     +-- InvalidValueError (ValueError)         a value the model cannot hold
     +-- TransitionError (RuntimeError)         a step the rules do not allow
     |    +-- LockedError (PermissionError)     the case is submitted, hence read-only
     |    +-- RoleError (PermissionError)       it is for others to do
     |    +-- JudgedError                       there is a verdict already
     |    +-- UnsavedWorkError                  leaving would drop work saved nowhere
     +-- MissingExtraError (ImportError)        an optional package is not installed
     +-- ImagingError
     |    +-- UnreadableImageError (ValueError) not an image, or a broken one
     |    |    +-- UnsupportedImageError        intact, but of a kind not supported
     |    +-- GeometryError (ValueError)        sizes or positions that do not fit
     |    +-- NoImageError (LookupError)        nothing there that could be opened
     +-- Cancelled                              the user stopped a running task
     +-- StoreError
          +-- NotFoundError (LookupError)       no such job, case, or submission
          +-- ExistsError (FileExistsError)     it would overwrite what is there
          +-- ConflictError                     someone else saved in between
          +-- JobChangedError                   someone else changed the same of a job
          +-- CorruptError (ValueError)         a document or blob is damaged
          |    +-- DamagedJournalError          saves that are whole can be gone on with
          +-- DocumentVersionError              written by a newer version
          +-- StoreAccessError (OSError)        cannot be read, written or locked
               +-- LogInError                   the server wants to know who asks

An error's text says what is wrong, where, and what to do next.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MALFORMED",
    "AccessWords",
    "AnnotateJobsError",
    "Cancelled",
    "ConflictError",
    "CorruptError",
    "DamagedJournalError",
    "DocumentVersionError",
    "ExistsError",
    "GeometryError",
    "ImagingError",
    "InvalidValueError",
    "JobChangedError",
    "JudgedError",
    "LockedError",
    "LogInError",
    "MissingExtraError",
    "NoImageError",
    "NotFoundError",
    "RoleError",
    "StoreAccessError",
    "StoreError",
    "TransitionError",
    "UnreadableImageError",
    "UnsavedWorkError",
    "UnsupportedImageError",
    "access_words",
    "counted",
]


MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What it may raise to take apart a document that anybody may have written.

Infinity is no whole number, a date may be none, and lists may be in lists for ever.
"""


class AnnotateJobsError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence without a full stop.
    where : str or os.PathLike, optional
        The file, case or field it was found in.
    remedy : str, optional
        What the user can do about it, in one sentence without a full stop.
    """

    def __init__(
        self, what: str, *, where: object = None, remedy: str | None = None
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        if self.remedy:
            text = f"{text}. {self.remedy}"
        return text + "."


class InvalidValueError(AnnotateJobsError, ValueError):
    """A value the model cannot hold."""


class TransitionError(AnnotateJobsError, RuntimeError):
    """A step that the rules of annotation do not allow at this point."""


class LockedError(TransitionError, PermissionError):
    """The case was submitted and is read-only until it is returned."""


class RoleError(TransitionError, PermissionError):
    """It is for others to do: annotators, reviewers, or who submitted the case."""


class JudgedError(TransitionError):
    """Somebody else was first: there is a verdict on the submission already.

    Attributes
    ----------
    verdict : object
        The :class:`~napari_annotate_jobs.model.Verdict` that holds.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        remedy: str | None = None,
        verdict: object = None,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.verdict = verdict


class UnsavedWorkError(TransitionError):
    """Leaving the case would drop work that is saved nowhere.

    Attributes
    ----------
    unsaved : object
        What would be lost (see :class:`~napari_annotate_jobs.session.Unsaved`).
    go_on : callable or None
        Leaves as was asked for, once the work was saved elsewhere or given up.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        remedy: str | None = None,
        unsaved: object = None,
        go_on: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.unsaved = unsaved
        self.go_on = go_on


class MissingExtraError(AnnotateJobsError, ImportError):
    """An optional package is not installed.

    Parameters
    ----------
    package : str
        What could not be imported.
    extra : str
        The extra of this package that brings it.
    purpose : str
        What it is needed for.
    """

    def __init__(
        self, package: str, *, extra: str, purpose: str, where: object = None
    ) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed",
            where=where,
            remedy=f'Install it with: pip install "napari-annotate-jobs[{extra}]"',
        )
        self.package = package
        self.extra = extra


class ImagingError(AnnotateJobsError):
    """An image cannot be opened."""


class UnreadableImageError(ImagingError, ValueError):
    """The file is not an image, or is a damaged one."""


class UnsupportedImageError(UnreadableImageError):
    """The file is intact, but of a kind that is not supported."""


class GeometryError(ImagingError, ValueError):
    """Sizes, positions or orientations that do not make a volume."""


class NoImageError(ImagingError, LookupError):
    """There is nothing at that place that could be opened as an image."""


class Cancelled(AnnotateJobsError):
    """The user stopped a running task; nothing was changed by it."""


class StoreError(AnnotateJobsError):
    """A job store could not do what was asked."""


class NotFoundError(StoreError, LookupError):
    """No such job, case, blob or submission."""


class ExistsError(StoreError, FileExistsError):
    """It would overwrite what is already there."""


class ConflictError(StoreError):
    """Someone else saved the same annotation in between.

    Parameters
    ----------
    base, current : int
        The revision the change was made on, and the one now in the store.
    """

    def __init__(self, *, base: int, current: int, where: object = None) -> None:
        super().__init__(
            f"the annotation was changed elsewhere (revision {current}, "
            f"your changes were made on {base})",
            where=where,
            remedy="Your changes are kept here: reload to see the other version, "
            "or save yours on top of it",
        )
        self.base = base
        self.current = current


class JobChangedError(StoreError):
    """Somebody else changed the same of a job since it was looked at.

    Nothing was written: what they changed is still there.
    """


class CorruptError(StoreError, ValueError):
    """A document or a blob is damaged."""


class DamagedJournalError(CorruptError):
    """Some saves of a draft are damaged; those that are whole can be gone on with.

    Attributes
    ----------
    go_on : callable or None
        Does so and opens the case; the damaged journal is kept.
    """

    go_on: Callable[[], None] | None = None


class DocumentVersionError(StoreError):
    """A document was written by a newer version of this package."""


class StoreAccessError(StoreError, OSError):
    """The store cannot be read, written or locked just now.

    Attributes
    ----------
    retry_after : float or None
        Seconds until it makes sense to try again, where the store says so.
    words : AccessWords or None
        What to say of it, where the store knows better than the system does.
    """

    retry_after: float | None = None
    words: AccessWords | None = None


class LogInError(StoreAccessError):
    """Nobody is logged in on the server, or no longer: log in, and try again."""


class AccessWords(NamedTuple):
    """What to say of a disk, or share, that does not do what it is asked.

    Parameters
    ----------
    short : str
        What is wrong, in a few words, as ``"disk full"``; empty if not known.
    remedy : str
        What to do, in one sentence without a full stop.
    away : bool
        It cannot be reached, rather than refuses.
    """

    short: str
    remedy: str
    away: bool = False


_SHARE_AWAY = AccessWords(
    "share not connected", "Connect the network share, or the disk, again", away=True
)
_DENIED = AccessWords(
    "access denied", "Ask the owner of the folder for the right to do that"
)
_IN_USE = AccessWords(
    "in use by another program",
    "Another program is writing there: wait for it, or close it",
)
_MANY_FILES = AccessWords("too many open files", "Close programs that are not needed")
_WORDS = {
    "ENOSPC": AccessWords("disk full", "Free some space there"),
    "EDQUOT": AccessWords("quota used up", "Delete files of yours there"),
    "EFBIG": AccessWords("file too large for that disk", "Use another disk"),
    "EROFS": AccessWords(
        "disk is read-only", "Make it writable, or copy the job to where you may write"
    ),
    "EACCES": _DENIED,
    "EPERM": _DENIED,
    "ENOENT": AccessWords(
        "folder not found",
        "Check that the folder is still there and the share is connected",
        away=True,
    ),
    "ENOTDIR": AccessWords(
        "a file is where a folder should be", "Move that file away, or rename it"
    ),
    "EIO": AccessWords("disk reports errors", "Check the disk or network share"),
    "EBUSY": _IN_USE,
    "EAGAIN": _IN_USE,
    "EDEADLK": _IN_USE,
    "ETXTBSY": _IN_USE,
    "EMFILE": _MANY_FILES,
    "ENFILE": _MANY_FILES,
    "ENOMEM": AccessWords("out of memory", "Close programs that are not needed"),
    "ENAMETOOLONG": AccessWords("path too long", "Use a folder with a shorter path"),
    "ENOLCK": AccessWords(
        "locks are not available", "Keep the job on a disk or share that can lock files"
    ),
    **dict.fromkeys(
        (
            *("ESTALE", "ENODEV", "ENXIO", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH"),
            *("ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNRESET", "ECONNABORTED"),
            *("ECONNREFUSED", "ETIMEDOUT", "EREMOTEIO", "EPIPE", "ESHUTDOWN"),
        ),
        _SHARE_AWAY,
    ),
}
_BY_NUMBER = {
    getattr(errno, name): words
    for name, words in _WORDS.items()
    if hasattr(errno, name)
}
# What Windows says of shares; Python has no errno for these.
_BY_WINDOWS = dict.fromkeys((53, 59, 64, 67, 121, 1231, 1232), _SHARE_AWAY)


def access_words(error: BaseException) -> AccessWords:
    """Return what to say of an error of a disk or share.

    Parameters
    ----------
    error : BaseException
        An OSError, or an error of ours that was raised from one.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StoreAccessError) and cause.words is not None:
            return cause.words
        if isinstance(cause, OSError):
            number = getattr(cause, "winerror", None)
            found = _BY_WINDOWS.get(number or 0) or _BY_NUMBER.get(cause.errno or 0)
            if found is not None:
                return found
            if isinstance(cause, TimeoutError):  # a lock that is not let go
                return _IN_USE
        cause = cause.__cause__
    return AccessWords("", "Check the disk or network share", away=True)


def counted(number: int, one: str, several: str = "") -> str:
    """Return ``1 case``, ``2 cases``: a number of things, for a sentence.

    Parameters
    ----------
    number : int
        How many.
    one, several : str
        What one is called, and more; by default with an s.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
