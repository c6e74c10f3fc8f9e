"""Every error the package raises on purpose.

::

    AnnotateJobsError
     +-- InvalidValueError (ValueError)         a value the model cannot hold
     +-- TransitionError (RuntimeError)         a step the rules do not allow
     |    +-- LockedError (PermissionError)     the case is submitted, hence read-only
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
          +-- CorruptError (ValueError)         a document or blob is damaged
          +-- DocumentVersionError              written by a newer version
          +-- StoreAccessError (OSError)        cannot be read, written or locked

An error's text says what is wrong, where, and what to do next.
"""

from __future__ import annotations

__all__ = [
    "AnnotateJobsError",
    "Cancelled",
    "ConflictError",
    "CorruptError",
    "DocumentVersionError",
    "ExistsError",
    "GeometryError",
    "ImagingError",
    "InvalidValueError",
    "LockedError",
    "MissingExtraError",
    "NoImageError",
    "NotFoundError",
    "StoreAccessError",
    "StoreError",
    "TransitionError",
    "UnreadableImageError",
    "UnsupportedImageError",
]


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


class CorruptError(StoreError, ValueError):
    """A document or a blob is damaged."""


class DocumentVersionError(StoreError):
    """A document was written by a newer version of this package."""


class StoreAccessError(StoreError, OSError):
    """The store cannot be read, written or locked just now."""
