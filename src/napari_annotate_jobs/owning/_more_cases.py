"""Bringing cases that were found into a job that exists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError

from ._case_names import unique
from ._found_notes import note_found
from ._place_images import ImageCopies, place_images

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.model import Case, Job, JobEdit
    from napari_annotate_jobs.stores import JobStore

    from ._cases import FoundCases

__all__ = ["add_found", "more_cases"]


def more_cases(
    store: JobStore, job_id: str, found: FoundCases, *, anonymous: bool = False
) -> FoundCases:
    """Return what was found but for cases that a job has, with names that are free.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    found : FoundCases
        Of :func:`find_cases`.
    anonymous : bool
        Name them ``Case 8``, ``Case 9`` ... behind those that are there.
    """
    there = [row.case for row in store.every_case(job_id)]
    base = _folder_of(store, job_id)
    known = {_place(case, base) for case in there}
    ids = {case.id.casefold() for case in there}
    kept = replace(found, cases=[], warnings={}, headers={})
    for case in found.cases:
        if _place(case, base) in known:
            continue
        number = len(there) + len(kept.cases) + 1
        name, case_id = unique(f"Case {number}" if anonymous else case.name, ids)
        kept.cases.append(case.model_copy(update={"id": case_id, "name": name}))
        if case.id in found.warnings:
            kept.warnings[case_id] = found.warnings[case.id]
        if case.id in found.headers:
            kept.headers[case_id] = found.headers[case.id]
    return kept


def _folder_of(store: JobStore, job_id: str) -> Path:
    """Return what relative paths of a job start at; on a server only it knows."""
    if store.is_remote:
        return Path()
    # Of a store of several jobs, only the job itself says where it is.
    return Path(next(s.location for s in store.jobs() if s.job.id == job_id))


def _place(case: Case, base: Path) -> tuple[str, str | None]:
    """Name the series that is annotated in a case, wherever the job is."""
    ref = case.series[case.reference]
    return str((base / ref.path).resolve()), ref.series_uid


def add_found(
    store: JobStore,
    job_id: str,
    edit: JobEdit,
    found: FoundCases,
    *,
    copy: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Job:
    """Edit a job, with cases that were found: the whole of it, or nothing.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    edit : JobEdit
        What is to be changed besides.
    found : FoundCases
        Of :func:`more_cases`.
    copy : bool
        Copy the images to ``images/`` in the job folder, unless they lie in it.
    progress : callable, optional
        Called with a name, files copied and files in all.
    cancelled : callable, optional
        Asked between files that are copied.

    Raises
    ------
    AnnotateJobsError
        As :meth:`JobStore.edit_job`, or if something cannot be copied.
    Cancelled
        If `cancelled` returned True.
    """
    copies, cases = None, found.cases
    if store.is_remote and copy:
        raise InvalidValueError(
            "images cannot be copied to a server",
            where=store.location,
            remedy="Put them where the server sees them under the same path",
        )
    try:
        if cases and not store.is_remote:
            folder = _folder_of(store, job_id)
            copies = ImageCopies(folder, progress, cancelled) if copy else None
            cases = place_images(cases, folder, copies=copies)
        given: dict[str, Any] = {n: getattr(edit, n) for n in edit.model_fields_set}
        given["add_cases"] = (*edit.add_cases, *cases)
        job = store.edit_job(job_id, type(edit)(**given))
    except BaseException:
        if copies is not None:
            copies.take_back()
        raise
    note_found(store, job_id, cases, found)
    return job
