"""Make a job folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import ExistsError, InvalidValueError
from napari_annotate_jobs.files import accessing, confine, locked, place_new_durably
from napari_annotate_jobs.model import document_json
from napari_annotate_jobs.stores._names import case_folder, fold

from ._documents import Envelope, document_bytes
from ._store import FolderStore

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Case, Job

__all__ = ["create_job"]


def create_job(
    folder: str | os.PathLike[str],
    job: Job,
    cases: Sequence[Case],
    *,
    person: str | None = None,
) -> FolderStore:
    """Make a job folder and open it.

    Parameters
    ----------
    folder : path-like
        Where; it is made if it does not exist, and may hold the images already.
    job : Job
        What is to be done.
    cases : sequence of Case
        In the order they are worked through; paths relative to `folder`, or
        absolute.
    person : str, optional
        Whose annotations the store reads and writes.

    Returns
    -------
    FolderStore
        The new job.

    Raises
    ------
    ExistsError
        If there is a job already.
    InvalidValueError
        If two cases would share a folder, or the same paths mean other files
        on other systems.
    """
    path = Path(folder).expanduser().absolute()
    seen: dict[str, str] = {}
    for case in cases:
        name = fold(case_folder(case.id))
        if name in seen:
            raise InvalidValueError(
                f"the case ids {seen[name]!r} and {case.id!r} are the same on some "
                "systems",
                where=path,
                remedy="Give each case an id of its own, not only by case of letters",
            )
        seen[name] = case.id
    with accessing(path, "made"):
        path.mkdir(parents=True, exist_ok=True)
    confine(path)
    document = path / "job.json"
    with locked(path / ".lock", 10.0):
        body = {
            "job": document_json(job),
            "cases": [document_json(case) for case in cases],
        }
        try:
            place_new_durably(document, document_bytes(Envelope("job"), body))
        except ExistsError as error:
            raise ExistsError(
                "there is a job already",
                where=document,
                remedy="Choose another folder",
            ) from error
    return FolderStore(path, person)
