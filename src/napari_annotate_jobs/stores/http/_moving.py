"""A job of a folder becomes one of a server, and back, with all that was done in it."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import (
    CorruptError,
    ExistsError,
    ImagingError,
    InvalidValueError,
    NotFoundError,
    StoreError,
    counted,
)
from napari_annotate_jobs.files import accessing
from napari_annotate_jobs.model import CaseRow, Value, document_json
from napari_annotate_jobs.stores._registry import only_job
from napari_annotate_jobs.stores.folder._create import create_job
from napari_annotate_jobs.stores.folder._store import FolderStore
from napari_annotate_jobs.stores.wire import SeriesIndex

from ._wire import quoted, server_and_job

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.model import Case, Job
    from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord

    from ._store import HttpStore

    Place = FolderStore | HttpStore
    Progress = Callable[[str, int, int], None]

__all__ = ["Moved", "pull_job", "push_job"]


class Moved(Value):
    """What was brought to another place.

    Parameters
    ----------
    job : str
        Id of the job.
    name : str
        Its name.
    cases : int
        How many it has.
    works : int
        How many people's work on how many cases, copies that correct it included.
    submissions : int
        How many submissions are among it; each has the digest that it had.
    images : str
        Why a server does not give out the images; empty if it does.
    """

    job: str
    name: str
    cases: int
    works: int
    submissions: int
    images: str = ""


def push_job(
    source: FolderStore,
    target: HttpStore,
    *,
    images: str | None = None,
    how: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Bring a folder's job to a server, where it is made if it is not there.

    The folder is only read. Again after it was interrupted, it goes on where it was.

    Parameters
    ----------
    source : FolderStore
        Of one job.
    target : HttpStore
        Of an owner of the server, or of the job if it is there already.
    images : str, optional
        The job's folder as the server sees it; the same path by default.
    how : mapping, optional
        How a new job is given out: `blind`, `assignment`, `annotators_per_case`.
    progress : callable, optional
        Called with the name of the job, what is done, and how much there is.

    Raises
    ------
    RoleError
        If this person may not make the job, or is no owner of it.
    ExistsError
        If there is another job of this id, or something else was done in it.
    """
    job = only_job(source)
    named = server_and_job(target.location)[1]
    if named not in {None, job.id}:
        raise InvalidValueError(
            f"the job has the id {job.id!r}, the address names {named!r}",
            where=target.location,
            remedy="Give the address of the server",
        )
    rows = _rows(source, job.id)
    base = images if images is not None else source.location
    cases = [_based(row.case, base) for row in rows]
    try:
        there = target.job(job.id)
    except NotFoundError:
        body = {
            "job": document_json(job),
            "cases": [document_json(case) for case in cases],
            **(how or {}),
        }
        target.wire.request("POST", "/jobs", body=body)
        there = target.job(job.id)
    moved = _bring(source, target, job, there, rows, progress)
    told = ""
    if rows:
        first = quoted("jobs", job.id, "cases", rows[0].case.id, "series")
        try:
            target.wire.get(first, SeriesIndex)
        except (ImagingError, StoreError) as error:
            told = str(error)
    return moved.model_copy(update={"images": told})


def pull_job(
    source: Place,
    folder: str | os.PathLike[str],
    *,
    images: str | None = None,
    progress: Progress | None = None,
) -> Moved:
    """Bring a job into a folder, which is there when all of it is.

    Again after it was interrupted, it goes on where it was. Into a folder that holds
    the job it brings what is missing there.

    Parameters
    ----------
    source : HttpStore or FolderStore
        Of one job, and of an owner of it.
    folder : path-like
        A new or empty one, or that of the job.
    images : str, optional
        The folder that images lie in, where cases do not say it themselves; by
        default that is `folder`.
    progress : callable, optional
        As for :func:`push_job`.

    Raises
    ------
    RoleError
        If this person is no owner of the job.
    ExistsError
        If there is something else, or something else was done in the job there.
    """
    job = only_job(source)
    path = Path(folder).expanduser().absolute()
    with accessing(path, "read"):
        known = (path / "job.json").exists()
        if not known and path.exists() and (path.is_file() or any(path.iterdir())):
            raise ExistsError(
                "there is something else",
                where=path,
                remedy="Name a new folder, an empty one, or that of the job",
            )
    place = path if known else path.with_name(f".{path.name}.pulling")
    rows = _rows(source, job.id)
    resumed = place != path and (place / "job.json").exists()
    if not (place / "job.json").exists():
        cases = [
            row.case if images is None else _based(row.case, images) for row in rows
        ]
        create_job(place, job, cases).close()
    try:
        with FolderStore(place) as target:
            moved = _bring(source, target, job, only_job(target), rows, progress)
    except ExistsError:
        if not resumed:
            raise
        # Work went on since it was interrupted: nobody has worked in this copy.
        with accessing(place, "removed"):
            shutil.rmtree(place)
        return pull_job(source, folder, images=images, progress=progress)
    if place != path:
        with accessing(path, "made"):
            if path.exists():
                path.rmdir()
            place.rename(path)
    return moved


def _rows(store: Place, job_id: str) -> list[CaseRow]:
    return [store.case(job_id, row.case.id) for row in store.every_case(job_id)]


def _based(case: Case, base: str) -> Case:
    """Return a case with absolute paths, as the computer of `base` writes them."""
    kind = PureWindowsPath if PureWindowsPath(base).drive else PurePosixPath
    series = tuple(
        ref
        if PurePosixPath(ref.path).is_absolute() or PureWindowsPath(ref.path).drive
        else ref.model_copy(update={"path": (kind(base) / ref.path).as_posix()})
        for ref in case.series
    )
    return case.model_copy(update={"series": series})


def _bring(
    source: Place,
    target: Place,
    job: Job,
    there: Job,
    rows: Sequence[CaseRow],
    progress: Progress | None,
) -> Moved:
    where = target.location
    if there.id != job.id or document_json(there.project) != document_json(job.project):
        raise ExistsError(
            f"the job there ({there.name}) is another one, or has other labels",
            where=where,
            remedy="Nothing was changed there. Bring the job to another place",
        )
    known = {row.case.id: row for row in _rows(target, job.id)}
    if lacking := [row.case.id for row in rows if row.case.id not in known]:
        raise ExistsError(
            f"the job there lacks {counted(len(lacking), 'case')}, the first is "
            f"{lacking[0]!r}",
            where=where,
            remedy="Nothing was changed there. Bring the job to another place",
        )
    for row in rows:
        if row.warnings and row.warnings != known[row.case.id].warnings:
            case = row.case
            target.note_case(
                job.id,
                case.id,
                n_slices=case.n_slices,
                size=case.size,
                warnings=row.warnings,
            )
    # A copy after what it corrects.
    names = sorted(source.records(job.id), key=lambda name: name.of is not None)
    works = submissions = 0
    for done, name in enumerate(names):
        if progress is not None:
            progress(job.name, done, len(names))
        record = source.record(job.id, name)
        if not record.is_blank:
            _bring_one(source, target, job.id, name, record)
            works += 1
            submissions += len(record.submissions)
    kept = target.combinations(job.id)
    for title, text in source.combinations(job.id).items():
        if kept.get(title, text) != text:
            raise ExistsError(
                f"there are other combined classes named {title!r}",
                where=where,
                remedy="Rename one of them",
            )
        if title not in kept:
            target.save_combination(job.id, title, text)
    if progress is not None:
        progress(job.name, len(names), len(names))
    return Moved(
        job=job.id,
        name=job.name,
        cases=len(rows),
        works=works,
        submissions=submissions,
    )


def _bring_one(
    source: Place, target: Place, job_id: str, name: RecordName, record: WorkRecord
) -> None:
    record.check(name)
    digests = sorted(record.blobs())
    blobs = {digest: source.read_blob(job_id, name.case, digest) for digest in digests}
    target.bring(job_id, name, record, blobs)
    left = record.missing_from(target.record(job_id, name), name)
    if not left.is_blank:
        raise CorruptError(
            f"not all of what {name.person} did is there",
            where=name.case,
            remedy="Do it again",
        )
