"""What every job store does, whatever keeps the jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from napari_annotate_jobs.model import (
    Annotation,
    AnnotationChange,
    Case,
    CaseRow,
    Comment,
    Counts,
    Job,
    JobSummary,
    Return,
    Status,
    Submission,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from napari_annotate_jobs.imaging import Series

    Progress = Callable[[str, int, int], None]

__all__ = ["CasePage", "Draft", "Fault", "JobStore"]


class CasePage(Value):
    """Some of the cases of a job.

    Parameters
    ----------
    rows : tuple of CaseRow
        In the job's order.
    total : int
        How many cases the filter lets through in all.
    """

    rows: tuple[CaseRow, ...]
    total: int


class Draft(Value):
    """A person's annotation of a case as it stands.

    Parameters
    ----------
    annotation : Annotation
        The draft; blank with revision 0 if nothing was ever saved.
    status : Status
        Finished means read-only.
    submissions : int
        How often it was submitted.
    returned : Return, optional
        The last return, for a returned case.
    """

    annotation: Annotation
    status: Status
    submissions: int
    returned: Return | None = None


class Fault(Value):
    """Something wrong in a store.

    Parameters
    ----------
    where : str
        The file or document.
    what : str
        What is wrong with it.
    remedy : str
        What to do.
    """

    where: str
    what: str
    remedy: str = ""


class JobStore(ABC):
    """Keeps jobs, their cases, and what people said of them.

    A store acts for one person, whose annotations it reads and writes. No method
    needs a whole volume or a whole case list. Every method may be called from any
    thread. Methods raise :class:`~napari_annotate_jobs.errors.StoreError`:
    NotFoundError for an unknown job or case, StoreAccessError if it cannot be
    reached, CorruptError for damaged documents.

    Attributes
    ----------
    location : str
        Where the store is; opens the same store again.
    person : str
        Whose annotations it reads and writes.
    """

    location: str
    person: str

    # ------------------------------------------------------------- jobs, cases
    @abstractmethod
    def jobs(self) -> Sequence[JobSummary]:
        """Return all jobs, with this person's counts."""

    @abstractmethod
    def job(self, job_id: str) -> Job:
        """Return one job."""

    @abstractmethod
    def counts(self, job_id: str) -> Counts:
        """Return how many cases have which status, for this person."""

    @abstractmethod
    def cases(
        self,
        job_id: str,
        *,
        status: Status | None = None,
        text: str = "",
        offset: int = 0,
        limit: int = 100,
    ) -> CasePage:
        """Return a page of the cases with `status` whose name holds `text`.

        Parameters
        ----------
        job_id : str
            The job.
        status : Status, optional
            None for all.
        text : str
            Part of the case's name, upper or lower case alike.
        offset, limit : int
            Rows to leave out, and rows to return at most.
        """

    @abstractmethod
    def case(self, job_id: str, case_id: str) -> CaseRow:
        """Return one case."""

    @abstractmethod
    def neighbour(
        self,
        job_id: str,
        case_id: str | None = None,
        *,
        step: int = 1,
        statuses: Sequence[Status] = (),
        wrap: bool = False,
    ) -> CaseRow | None:
        """Return the nearest case after (before) another one.

        Parameters
        ----------
        job_id : str
            The job.
        case_id : str, optional
            Where to start; None for before the first (behind the last) case.
        step : int
            1 for forward, -1 for backward.
        statuses : sequence of Status
            Only cases with one of these; empty for any.
        wrap : bool
            If True, go on at the other end; the case itself is never returned.

        Returns
        -------
        CaseRow or None
            None if there is no such case.
        """

    @abstractmethod
    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        """Open a series of a case (None: the reference); reads headers only.

        Raises
        ------
        napari_annotate_jobs.errors.ImagingError
            If it cannot be opened; names the file and the remedy.
        """

    # ------------------------------------------------------------- annotations
    @abstractmethod
    def load(self, job_id: str, case_id: str, *, person: str | None = None) -> Draft:
        """Return the draft of this person, or of another."""

    @abstractmethod
    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        """Return an encoded mask.

        Raises
        ------
        NotFoundError, CorruptError
            If there is none, or its bytes do not have this digest.
        """

    @abstractmethod
    def save(
        self,
        job_id: str,
        case_id: str,
        change: AnnotationChange,
        blobs: Mapping[str, bytes],
        *,
        base: int,
    ) -> int:
        """Save a change of the draft; durable on return, and all or nothing.

        If no answer came, or an error that may have come after the fact, the very
        same can be saved again on the same base: that is no conflict, as long as
        the store still has it for the last change.

        Parameters
        ----------
        job_id, case_id : str
            The case.
        change : AnnotationChange
            What changed.
        blobs : mapping of str to bytes
            Encoded masks by digest, at least those the store does not have.
        base : int
            The revision the change was made on.

        Returns
        -------
        int
            The new revision.

        Raises
        ------
        ConflictError
            If the draft is at another revision; nothing is saved.
        LockedError
            If the case is finished.
        InvalidValueError
            If the label set does not allow it.
        """

    @abstractmethod
    def submit(self, job_id: str, case_id: str, *, base: int) -> Submission:
        """Freeze the draft into a numbered submission; the case is then finished.

        Raises
        ------
        ConflictError, LockedError, TransitionError
            As for :meth:`save`, or if nothing was said, or proposals are open.
        """

    @abstractmethod
    def submissions(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Submission]:
        """Return all submissions of this person, or of another, in their order."""

    @abstractmethod
    def return_case(
        self,
        job_id: str,
        case_id: str,
        comments: Sequence[Comment],
        *,
        person: str,
    ) -> Return:
        """Return a person's last submission with comments; this person reviews.

        Raises
        ------
        TransitionError
            If the case is not finished, or there is no comment.
        """

    @abstractmethod
    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        """Return who has annotated the case."""

    # ------------------------------------------------------------------- other
    def mend_case(self, job_id: str, case_id: str) -> Path | None:
        """Go on with the saves of this person's draft that are whole.

        What is damaged is kept beside them first.

        Returns
        -------
        Path or None
            Where it is kept; None if nothing is damaged.

        Raises
        ------
        CorruptError
            If more is damaged than some saves.
        """
        return None

    @abstractmethod
    def note_case(
        self,
        job_id: str,
        case_id: str,
        *,
        n_slices: int | None,
        size: tuple[int, int] | None = None,
        warnings: Sequence[str] = (),
    ) -> Case:
        """Keep what opening the images told: it shows in the case table.

        Parameters
        ----------
        job_id, case_id : str
            The case.
        n_slices : int, optional
            How many slices there are; None where the images cannot be opened.
        size : (int, int), optional
            Rows and columns of the slices: from then on, masks of another size
            are refused, unless the job itself says the size.
        warnings : sequence of str
            What the images say, or why they cannot be opened.
        """

    @abstractmethod
    def check(
        self,
        *,
        pixels: bool = False,
        progress: Progress | None = None,
        found: Callable[[Fault], object] | None = None,
    ) -> Sequence[Fault]:
        """Verify every document and blob, and that the images of cases open.

        Parameters
        ----------
        pixels : bool
            Read every slice of the images; by default only their headers are.
        progress : callable, optional
            Called with the name of a job, its cases done, and its cases in all.
        found : callable, optional
            Called with each fault at once.

        Returns
        -------
        sequence of Fault
            Empty if all is well.
        """

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Release what the store holds; calling it twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
