"""A job folder, or a folder of job folders, as a store."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import (
    CorruptError,
    DocumentVersionError,
    NotFoundError,
    StoreError,
)
from napari_annotate_jobs.files import accessing, list_folder
from napari_annotate_jobs.model import JobKind, JobSummary, Status, Verb
from napari_annotate_jobs.stores import _rules
from napari_annotate_jobs.stores._contract import (
    CasePage,
    Checker,
    Draft,
    Fault,
    ImageSource,
    JobContents,
    JobStore,
    PersonProgress,
    ReviewPage,
)
from napari_annotate_jobs.stores._names import case_folder, check_person, default_person

from ._check import check_job
from ._headers import open_remembered, remember
from ._job import JobFolder
from ._owning import JobOwning

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from napari_annotate_jobs.imaging import Series, SeriesHeader
    from napari_annotate_jobs.model import (
        AnnotationChange,
        Case,
        CaseRow,
        Comment,
        Counts,
        Flag,
        Job,
        JobEdit,
        ReviewCounts,
        ReviewRow,
        ReviewStatus,
        Submission,
        Thread,
        Verdict,
    )
    from napari_annotate_jobs.stores._case_query import Asked, AskedReviews
    from napari_annotate_jobs.stores._contract import Progress
    from napari_annotate_jobs.stores._moved_work import RecordName, WorkRecord

__all__ = ["FolderStore"]


class FolderStore(JobStore, ImageSource, Checker):
    """Jobs as plain files, described in ``docs/job-folder.md``.

    Several stores, in several programs, may use the same folder, on a network
    share too.

    Parameters
    ----------
    location : path-like
        A job folder (it holds ``job.json``), or a folder whose direct
        sub-folders are job folders.
    person : str, optional
        Whose annotations it reads and writes; the system's user by default.
    timeout : float
        Seconds to wait for another program that is writing.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    """

    def __init__(
        self,
        location: str | os.PathLike[str],
        person: str | None = None,
        *,
        timeout: float = 10.0,
    ) -> None:
        self.person = check_person(person or default_person())
        self._path = Path(location).expanduser().absolute()
        self.location = str(self._path)
        self._timeout = timeout
        self._guard = threading.RLock()
        self._folders: dict[Path, JobFolder] = {}
        self._by_id: dict[str, JobFolder] = {}
        self._faults: tuple[Fault, ...] = ()
        with accessing(self._path, "read"):
            if not self._path.is_dir():
                raise NotFoundError(
                    "there is no such folder",
                    where=self._path,
                    remedy="Check the path, and that the share is connected",
                )

    @property
    def images(self) -> FolderStore:
        """The store itself."""
        return self

    @property
    def checker(self) -> FolderStore:
        """The store itself."""
        return self

    # ------------------------------------------------------------- jobs, cases
    def jobs(self) -> Sequence[JobSummary]:
        """Return all jobs; those that cannot be read are left out.

        :attr:`faults` says which, and why. A store of one job raises instead.
        """
        summaries, faults = [], []
        for folder in self._scan():
            try:
                summaries.append(_summary(folder, self.person))
            except Exception as error:
                told = _told(error, folder)
                if folder.path == self._path:
                    raise told from error
                faults.append(_fault(told, folder))
        self._faults = tuple(faults)
        return summaries

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Job folders that :meth:`jobs` could not read the last time."""
        return self._faults

    def job(self, job_id: str) -> Job:
        return self._folder(job_id).job()

    def counts(self, job_id: str) -> Counts:
        return self._folder(job_id).catalogue.counts()

    def find_cases(
        self, job_id: str, asked: Asked, offset: int, limit: int
    ) -> CasePage:
        rows, total = self._folder(job_id).catalogue.page(asked, offset, limit)
        return CasePage(rows=tuple(rows), total=total)

    def case(self, job_id: str, case_id: str) -> CaseRow:
        folder = self._folder(job_id)
        row = folder.catalogue.row(case_id)
        return _rules.sized(row, folder.size_of(case_id))

    def neighbour(
        self,
        job_id: str,
        case_id: str | None = None,
        *,
        step: int = 1,
        statuses: Sequence[Status] = (),
        wrap: bool = False,
    ) -> CaseRow | None:
        _rules.check_step(step)
        return self._folder(job_id).catalogue.neighbour(case_id, step, statuses, wrap)

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        folder = self._folder(job_id)
        case = folder.catalogue.row(case_id).case
        ref = _rules.series_of(case, series)
        place = case.series.index(ref)
        note = _header_note(folder.path, case_id, place)
        return open_remembered(folder.path / ref.path, ref.series_uid, note)

    # ------------------------------------------------------------------ owning
    def edit_job(self, job_id: str, edit: JobEdit) -> Job:
        return self._owning(job_id).edit(edit)

    def contents(self, job_id: str) -> JobContents:
        return self._owning(job_id).contents()

    def used_labels(self, job_id: str) -> Mapping[int, str]:
        ids = self.job(job_id).project.label_set.by_id
        return self._owning(job_id).used(ids)

    def delete_job(self, job_id: str) -> str:
        """Put a job into the folder *Deleted jobs* beside it; images stay."""
        folder = self._folder(job_id)
        place = self._owning(job_id).delete()
        with self._guard:
            self._by_id.pop(job_id, None)
            self._folders.pop(folder.path, None)
        folder.close()
        return place

    def _owning(self, job_id: str) -> JobOwning:
        return JobOwning(self._folder(job_id), self._timeout)

    def keep_header(self, job_id: str, case_id: str, header: SeriesHeader) -> None:
        """Note what was read of a case's images, so that it is not read again.

        Parameters
        ----------
        job_id, case_id : str
            Which case; its reference series is meant.
        header : SeriesHeader
            As it was read. One that was read from elsewhere than the case says, as
            from where the images were copied from, is not kept.
        """
        folder = self._folder(job_id)
        case = folder.catalogue.row(case_id).case
        path = Path(os.path.abspath(folder.path / case.series[case.reference].path))
        if path == header.path:
            remember(header, _header_note(folder.path, case_id, case.reference))

    # ------------------------------------------------------------ combinations
    def combinations(self, job_id: str) -> Mapping[str, str]:
        return self._folder(job_id).combinations()

    def save_combination(self, job_id: str, name: str, text: str | None) -> None:
        self._folder(job_id).save_combination(name, text)

    # ------------------------------------------------------------- annotations
    def load(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Draft:
        folder = self._folder(job_id)
        work = folder.work(case_id, person, of)
        annotation = work.annotation()
        standing = work.standing()
        draft = Draft(
            annotation=annotation,
            status=Status.REMAINING if of else standing.status,
            submissions=standing.submissions,
            verdict=standing.verdict,
        )
        if work.person == self.person and of is None:
            # The index follows the truth, whatever it had heard.
            folder.catalogue.mark(case_id, self.person)
        return draft

    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        return self._folder(job_id).read_mask(case_id, digest)

    def save(
        self,
        job_id: str,
        case_id: str,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
        of: str | None = None,
    ) -> int:
        folder = self._folder(job_id)
        work = folder.work(case_id, of=of)
        return work.save(
            change,
            blobs,
            base=base,
            job=folder.job(),
            size=folder.size_of(case_id),
            written=lambda: None if of else folder.changed(work),
        ).revision

    def submit(
        self, job_id: str, case_id: str, *, base: int, of: str | None = None
    ) -> Submission:
        folder = self._folder(job_id)
        work = folder.work(case_id, of=of)
        if of is not None:
            said = _rules.Said(Verb.CORRECT, self.person, of)
            said.check_copy(
                folder.work(case_id, of).standing(),
                work.annotation(),
                job=folder.job(),
            )

        def written() -> None:
            if of is None:
                folder.changed(work, always=True, sync=True)

        return work.submit(
            base=base,
            job=folder.job(),
            case=folder.catalogue.row(case_id).case,
            size=folder.size_of(case_id),
            written=written,
        )

    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        return self._folder(job_id).work(case_id, person, of).submitted.read_all()

    # ------------------------------------------------------------------ reviewing
    def judge(
        self,
        job_id: str,
        case_id: str,
        verb: Verb,
        *,
        person: str | None = None,
        number: int | None = None,
        comments: Sequence[Comment] = (),
        corrected: bool = False,
    ) -> Verdict:
        folder = self._folder(job_id)
        work = folder.work(case_id, person)
        copies = []
        if corrected:
            copies = folder.work(case_id, of=work.person).submitted.read_all()
        said = _rules.Said(
            verb,
            self.person,
            work.person,
            number,
            tuple(comments),
            corrected=corrected,
            copy=copies[-1] if copies else None,
        )
        return work.judge(
            said,
            job=folder.job(),
            written=lambda: folder.changed(work, always=True, sync=True),
        )

    def verdicts(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Verdict]:
        return self._folder(job_id).work(case_id, person).submitted.verdicts()

    def threads(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Thread]:
        return self._folder(job_id).work(case_id, person).threads(self.person)

    def discuss(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        comment: Comment | None = None,
        thread: str | None = None,
        resolved: bool | None = None,
    ) -> Thread:
        folder = self._folder(job_id)
        work = folder.work(case_id, person)
        return work.discuss(
            job=folder.job(),
            person=self.person,
            comment=comment,
            thread=thread,
            resolved=resolved,
            written=lambda: folder.changed(work, always=True),
        )

    def mark_read(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        threads: Collection[str] | None = None,
    ) -> None:
        self._folder(job_id).work(case_id, person).mark_read(self.person, threads)

    def review_counts(self, job_id: str) -> ReviewCounts:
        return self._folder(job_id).catalogue.review_counts()

    def review_progress(self, job_id: str) -> Sequence[PersonProgress]:
        return self._folder(job_id).catalogue.review_progress()

    def find_reviews(
        self, job_id: str, asked: AskedReviews, offset: int, limit: int
    ) -> ReviewPage:
        rows, total = self._folder(job_id).catalogue.reviews(asked, offset, limit)
        return ReviewPage(rows=tuple(rows), total=total)

    def review(self, job_id: str, case_id: str, *, person: str) -> ReviewRow:
        return self._folder(job_id).catalogue.review(case_id, person)

    def next_review(
        self,
        job_id: str,
        after: tuple[str, str] | None = None,
        *,
        step: int = 1,
        statuses: Sequence[ReviewStatus] = (),
        wrap: bool = False,
    ) -> ReviewRow | None:
        _rules.check_step(step)
        folder = self._folder(job_id)
        job = folder.job()
        if not job.may_review(self.person):
            return None
        leave_out = "" if job.project.options.review_own else self.person
        return folder.catalogue.next_review(after, step, statuses, wrap, leave_out)

    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        return self._folder(job_id).people(case_id)

    def flag(
        self,
        job_id: str,
        case_id: str,
        reason: str | None,
        *,
        person: str | None = None,
    ) -> tuple[Flag, ...]:
        return self._folder(job_id).flag(case_id, reason, person)

    # ------------------------------------------------------------------ moving
    def records(self, job_id: str) -> Sequence[RecordName]:
        """Return whose work on which case is kept."""
        return list(self._folder(job_id).records())

    def record(self, job_id: str, name: RecordName) -> WorkRecord:
        """Return all that is kept of somebody's work on a case."""
        folder = self._folder(job_id)
        record = folder.work(name.case, name.person, name.of).record()
        flag = None if name.of else folder.flag_of(name.case, name.person)
        return record if flag is None else record.model_copy(update={"flag": flag})

    def bring(
        self,
        job_id: str,
        name: RecordName,
        record: WorkRecord,
        blobs: Mapping[str, bytes],
    ) -> None:
        """Keep what another store kept, as it is; what is there already is left.

        Raises
        ------
        ExistsError
            If what is there is anything else; then nothing is written.
        """
        folder = self._folder(job_id)
        work = folder.work(name.case, name.person, name.of)

        def written() -> None:
            if name.of is None:
                folder.changed(work, always=True, sync=True)

        flag = record.missing_from(self.record(job_id, name), name).flag
        work.bring(record.model_copy(update={"flag": None}), blobs, written=written)
        if flag is not None:
            record.check(name)
            folder.keep_flag(name.case, name.person, flag)

    # ------------------------------------------------------------------- other
    def note_case(
        self,
        job_id: str,
        case_id: str,
        *,
        n_slices: int | None,
        size: tuple[int, int] | None = None,
        warnings: Sequence[str] = (),
    ) -> Case:
        return self._folder(job_id).note(case_id, n_slices, warnings, size)

    def mend_case(self, job_id: str, case_id: str) -> Path | None:
        return self._folder(job_id).work(case_id).mend()

    def mend(self) -> Sequence[Path]:
        """Go on with what is whole, wherever a journal is damaged.

        Returns
        -------
        sequence of Path
            The damaged journals, each kept beside the one that takes its place.
        """
        kept = []
        for folder in self._scan():
            begun = set(list_folder(folder.path / "annotations"))
            for case_id in folder.catalogue.case_ids():
                if case_folder(case_id) not in begun:
                    continue
                # What is damaged in another way is told by a check.
                with suppress(CorruptError, DocumentVersionError):
                    for person in folder.names(case_id):
                        path = folder.work_of(case_id, person).mend()
                        if path is not None:
                            kept.append(path)
        return kept

    def check(
        self,
        *,
        pixels: bool = False,
        progress: Progress | None = None,
        found: Callable[[Fault], object] | None = None,
    ) -> Sequence[Fault]:
        """Verify every document, mask and image, and make the indexes anew."""
        faults = []
        for folder in self._scan():
            for fault in _faults(folder, pixels, progress):
                faults.append(fault)
                if found is not None:
                    found(fault)
        return faults

    def close(self) -> None:
        with self._guard:
            folders = list(self._folders.values())
            self._folders.clear()
            self._by_id.clear()
        for folder in folders:
            folder.close()

    # ----------------------------------------------------------------- private
    def _scan(self) -> list[JobFolder]:
        """Return the job folders that are there now, in the order of their names."""
        with self._guard:
            with accessing(self._path, "read"):
                if _holds_job(self._path):
                    paths = [self._path]
                else:
                    paths = sorted(filter(_holds_job, self._path.iterdir()))
            for path in paths:
                if path not in self._folders:
                    self._folders[path] = JobFolder(path, self.person, self._timeout)
            return [self._folders[path] for path in paths]

    def _folder(self, job_id: str) -> JobFolder:
        with self._guard:
            folder = self._by_id.get(job_id)
            if folder is not None:
                return folder
            found = []
            for candidate in self._scan():
                try:
                    if candidate.job().id == job_id:
                        found.append(candidate)
                except Exception as error:
                    if candidate.path == self._path:
                        raise _told(error, candidate) from error
            if not found:
                raise NotFoundError(
                    f"there is no job {job_id!r}",
                    where=self._path,
                    remedy="Check that its folder is still there",
                )
            if len(found) > 1:
                raise CorruptError(
                    f"{found[0].path.name} and {found[1].path.name} hold the same job",
                    where=self._path,
                    remedy="Keep one of them here: the other is a copy",
                )
            self._by_id[job_id] = found[0]
            return found[0]


def _summary(folder: JobFolder, person: str) -> JobSummary:
    job = folder.job()
    return JobSummary(
        job=job,
        counts=folder.catalogue.counts(),
        location=str(folder.path),
        reviews=folder.catalogue.review_counts()
        if job.kind_for(person) is JobKind.REVIEW
        else None,
    )


def _faults(
    folder: JobFolder, pixels: bool, progress: Progress | None
) -> Iterator[Fault]:
    try:
        yield from check_job(folder, pixels=pixels, progress=progress)
        folder.catalogue.rebuild()
    except Exception as error:
        yield _fault(_told(error, folder), folder)


def _fault(error: StoreError, folder: JobFolder) -> Fault:
    where = str(folder.path) if error.where is None else error.where
    return Fault(where=where, what=error.what, remedy=error.remedy or "")


def _holds_job(folder: Path) -> bool:
    """Return whether there is a job, be it one that cannot be read."""
    try:
        (folder / "job.json").lstat()
    except PermissionError:
        return folder.is_dir()
    except OSError:
        return False
    return True


def _told(error: Exception, folder: JobFolder) -> StoreError:
    """Return an error of reading as one of ours.

    A folder may come from anybody: what a document in it makes go wrong must stay
    with this one job.
    """
    if isinstance(error, StoreError):
        return error
    return CorruptError(
        f"the job cannot be read ({type(error).__name__}: {str(error)[:200]})",
        where=folder.path,
        remedy="See what is wrong with it: napari-annotate-jobs check",
    )


def _header_note(folder: Path, case_id: str, place: int) -> Path:
    return folder / "headers" / f"{case_folder(case_id)}-{place}.json"
