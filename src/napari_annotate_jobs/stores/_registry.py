"""Which store a location means."""

from __future__ import annotations

import os
import re
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from napari_annotate_jobs.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import Job, JobSummary

    from ._contract import JobStore

__all__ = ["only_job", "open_store"]

_STORES: dict[str, tuple[str, str]] = {
    "": ("napari_annotate_jobs.stores._registry", "_open_folder"),
    "memory": ("napari_annotate_jobs.stores._registry", "_open_memory"),
    "http": ("napari_annotate_jobs.stores._registry", "_open_server"),
    "https": ("napari_annotate_jobs.stores._registry", "_open_server"),
}
"""Module and function by the scheme of the location; imported when it is needed."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
"""At least two letters: one is a drive."""


def open_store(
    location: str | os.PathLike[str], *, person: str | None = None
) -> JobStore:
    """Open the store that a location means.

    Parameters
    ----------
    location : str or path-like
        The path of a job folder or of a folder of job folders, the address of a
        server or of a job on it, or ``memory:`` (with a name to share it inside this
        program).
    person : str, optional
        Whose annotations it reads and writes; the system's user by default, on a
        server who logged in there last.

    Raises
    ------
    StoreError
        If no store of this version knows the location; NotFoundError if there
        is no such folder.
    """
    text = os.fspath(location)
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found and not os.path.exists(text) else ""
    if scheme not in _STORES:
        raise StoreError(
            f"locations with {scheme}: are not supported by this version",
            where=text,
            remedy="Give the path of a job folder, or the address of a server",
        )
    module, name = _STORES[scheme]
    opener: Callable[[str, str | None], JobStore] = getattr(import_module(module), name)
    return opener(text, person)


class HasJobs(Protocol):
    """What has jobs, as every store does."""

    @property
    def location(self) -> str:
        """Names it."""

    def jobs(self) -> Sequence[JobSummary]:
        """Return the jobs."""


def only_job(store: HasJobs) -> Job:
    """Return the job of a store that has one.

    Raises
    ------
    NotFoundError
        If it has none, or several.
    """
    jobs = store.jobs()
    if len(jobs) != 1:
        raise NotFoundError(
            f"there are {len(jobs)} jobs",
            where=store.location,
            remedy="Name one job's folder",
        )
    return jobs[0].job


def _open_folder(location: str, person: str | None) -> JobStore:
    from napari_annotate_jobs.stores.folder._store import FolderStore

    return FolderStore(location, person)


def _open_memory(location: str, person: str | None) -> JobStore:
    from ._memory import MemoryStore

    return MemoryStore(person=person, name=location.partition(":")[2] or None)


def _open_server(location: str, person: str | None) -> JobStore:
    from napari_annotate_jobs.stores.http._store import HttpStore

    return HttpStore(location, person)
