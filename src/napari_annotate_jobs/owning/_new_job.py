"""Making a job of what was found: the whole of it, or nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import ExistsError, InvalidValueError, NoImageError
from napari_annotate_jobs.files import accessing
from napari_annotate_jobs.stores import create_job

from ._found_notes import note_found
from ._place_images import ImageCopies, place_images

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import Job, LabelSet, Method

    from ._cases import FoundCases

__all__ = ["check_free", "check_methods", "make_job"]


def check_free(folder: str | os.PathLike[str]) -> Path:
    """Return a folder as an absolute path, if a job can be made in it.

    Raises
    ------
    ExistsError
        If there is a job in it already, or it is a file.
    """
    path = Path(folder).expanduser().absolute()
    if os.path.lexists(path / "job.json"):
        raise ExistsError(
            "there is a job already", where=path, remedy="Choose another folder"
        )
    if path.is_file():
        raise ExistsError("is a file", where=path, remedy="Choose another folder")
    return path


def check_methods(
    methods: Sequence[Method], labels: LabelSet, where: str = "the methods"
) -> None:
    """Refuse a job in which nothing could be annotated.

    Raises
    ------
    InvalidValueError
        If there is no method, or one has no label.
    """
    for method in methods:
        if not labels.of(method):
            raise InvalidValueError(
                f"the method {method} has no label",
                where=where,
                remedy=f"Name one for {method}, or leave the method out",
            )
    if not methods:
        raise InvalidValueError(
            "nothing says what is to be annotated",
            where=where,
            remedy="Choose a method, and name labels for it",
        )


def make_job(
    folder: str | os.PathLike[str],
    job: Job,
    found: FoundCases,
    *,
    copy: bool = False,
    relative: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Make a job folder of cases that were found.

    What was read of the images is kept with the job, and not read again when a case
    is opened. If anything fails, or it is stopped, what was there before is there
    afterwards, and nothing else.

    Parameters
    ----------
    folder : path-like
        Where; it is made if it does not exist.
    job : Job
        What is to be done.
    found : FoundCases
        Of :func:`find_cases`.
    copy : bool
        Copy the images to ``images/`` in the job folder, unless they lie in it.
    relative : bool
        Write relative paths even to images that lie elsewhere.
    progress : callable, optional
        Called with a name, files copied and files in all.
    cancelled : callable, optional
        Asked between files that are copied.

    Returns
    -------
    Path
        The job folder.

    Raises
    ------
    ExistsError
        If there is a job already.
    NoImageError
        If there are no cases.
    StoreAccessError
        If something cannot be written or copied.
    Cancelled
        If `cancelled` returned True.
    """
    path = check_free(folder)
    if not found.cases:
        raise NoImageError(
            "there are no images to make cases of",
            remedy="Choose a folder that holds DICOM, NIfTI or pictures",
        )
    missing = _missing(path)
    copies = ImageCopies(path, progress, cancelled) if copy else None
    try:
        with accessing(path, "made"):
            path.mkdir(parents=True, exist_ok=True)
        cases = place_images(found.cases, path, copies=copies, relative=relative)
        # The document comes last, whole: until it is there, there is no job.
        store = create_job(path, job, cases)
    except BaseException:
        if copies is not None:
            copies.take_back()
        _take_back(path, missing)
        raise
    with store:
        note_found(store, job.id, cases, found)
    return path


def _missing(path: Path) -> list[Path]:
    """Return the folders that are to be made, the innermost first."""
    found = []
    while not path.exists() and path != path.parent:
        found.append(path)
        path = path.parent
    return found


def _take_back(path: Path, made: Sequence[Path]) -> None:
    """Remove the folders that were made, as far as they are empty."""
    if not made:
        return
    with suppress(OSError):
        (path / ".lock").unlink()
    for folder in made:
        with suppress(OSError):
            folder.rmdir()
