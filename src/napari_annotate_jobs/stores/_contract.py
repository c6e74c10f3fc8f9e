"""What every job store does, whatever keeps the jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.model import CaseOrder, Verb

from . import _rules
from ._answers import (
    CasePage,
    Draft,
    Fault,
    JobContents,
    PersonContents,
    PersonProgress,
    ReviewPage,
)
from ._case_query import Asked, AskedReviews

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        AnnotationChange,
        Case,
        CaseRow,
        Comment,
        Counts,
        Flag,
        Job,
        JobEdit,
        JobSummary,
        ReviewCounts,
        ReviewRow,
        ReviewStatus,
        Status,
        Submission,
        Thread,
        Verdict,
    )

    Progress = Callable[[str, int, int], None]

__all__ = [
    "CasePage",
    "Checker",
    "Draft",
    "Fault",
    "ImageSource",
    "JobContents",
    "JobStore",
    "PersonContents",
    "PersonProgress",
    "ReviewPage",
    "every_row",
]

PAGE = 1000
"""Cases that are asked for at once, where all are wanted."""


def every_row(page: Callable[[int], CasePage]) -> Iterator[CaseRow]:
    """Give the cases of all pages.

    Parameters
    ----------
    page : callable
        Given how many cases come before it, returns a page.
    """
    offset = 0
    while True:
        found = page(offset)
        yield from found.rows
        offset += len(found.rows)
        if not found.rows or offset >= found.total:
            return


class ImageSource(ABC):
    """Opens the images of cases, wherever they are."""

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


class Checker(ABC):
    """Verifies what a store keeps, and goes on with what is whole of it."""

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

    @abstractmethod
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


class JobStore(ABC):
    """Keeps jobs, their cases, and what people said of them.

    What goes in and comes out are plain values, so that it may be far away: images
    come from :attr:`images`, and what can be verified is verified by :attr:`checker`.

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
    is_remote : bool
        True if it is a server's, where one person may work from several computers.
    """

    location: str
    person: str
    is_remote: bool = False

    @property
    @abstractmethod
    def images(self) -> ImageSource:
        """What opens the images of its cases; often the store itself."""

    @property
    def checker(self) -> Checker | None:
        """What verifies the store; None if that is for somebody else to do."""
        return None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What :meth:`jobs` had to leave out the last time, and why."""
        return ()

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

    def cases(
        self,
        job_id: str,
        *,
        status: Status | None = None,
        text: str = "",
        flagged: bool = False,
        order: CaseOrder = CaseOrder.JOB,
        backwards: bool = False,
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
        flagged : bool
            True for those alone that have a flag this person may see.
        order : CaseOrder
            What they are sorted by.
        backwards : bool
            True to turn the order round.
        offset, limit : int
            Rows to leave out, and rows to return at most.
        """
        _rules.check_page(offset, limit)
        asked = Asked(status, text, flagged, order, backwards)
        return self.find_cases(job_id, asked, offset, limit)

    @abstractmethod
    def find_cases(
        self, job_id: str, asked: Asked, offset: int, limit: int
    ) -> CasePage:
        """Return the page that :meth:`cases` is asked for."""

    def every_case(
        self, job_id: str, status: Status | None = None
    ) -> Iterator[CaseRow]:
        """Give all cases of a job, or those of a status, page after page."""
        return every_row(
            lambda start: self.cases(job_id, status=status, offset=start, limit=PAGE)
        )

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

    # ------------------------------------------------------------- annotations
    @abstractmethod
    def load(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Draft:
        """Return the draft of this person, or of another.

        Parameters
        ----------
        job_id, case_id : str
            The case.
        person : str, optional
            Whose; this person's by default.
        of : str, optional
            Whose submission it corrects: then it is a reviewer's copy of that, which
            is kept apart from what the reviewer annotates.
        """

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
        of: str | None = None,
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
        of : str, optional
            Whose submission the draft corrects; see :meth:`load`.

        Returns
        -------
        int
            The new revision.

        Raises
        ------
        ConflictError
            If the draft is at another revision; nothing is saved.
        LockedError, RoleError
            If the case is finished, or the job names other annotators.
        InvalidValueError
            If the label set does not allow it.
        """

    @abstractmethod
    def submit(
        self, job_id: str, case_id: str, *, base: int, of: str | None = None
    ) -> Submission:
        """Freeze the draft into a numbered submission; the case is then finished.

        A copy that corrects a submission of somebody else (`of`) can be submitted as
        long as that one waits; see :meth:`judge`.

        Raises
        ------
        ConflictError, LockedError, RoleError, TransitionError
            As for :meth:`save`, or if nothing was said, or proposals are open.
        """

    @abstractmethod
    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        """Return all submissions of this person, or of another, in their order."""

    # ------------------------------------------------------------------ reviewing
    @abstractmethod
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
        """Pass, fail or return a person's last submission, or take that back.

        Nothing that was submitted is altered. Of two who answer a submission at once,
        one comes first.

        Parameters
        ----------
        job_id, case_id : str
            The case.
        verb : Verb
            ``PASS``, ``FAIL``, ``RETURN``, ``WITHDRAW`` a verdict, or ``REOPEN``: the
            annotator takes back what was submitted, as long as there is no verdict.
        person : str, optional
            Whose submission; this person's by default.
        number : int, optional
            Which submission was looked at: if it is no longer the last one, nothing
            is done. None for the last one, whatever it holds.
        comments : sequence of Comment
            What is to be changed, or the reason; each begins a thread.
        corrected : bool
            True for a pass in which this person's last corrected copy takes the
            place of what was submitted.

        Raises
        ------
        RoleError
            If it is for others to do.
        JudgedError
            If somebody was first; names who and when.
        TransitionError
            If it makes no sense as the case stands, a return has no comment, or a
            fail no reason.
        """

    def return_case(
        self,
        job_id: str,
        case_id: str,
        comments: Sequence[Comment],
        *,
        person: str,
    ) -> Verdict:
        """Return a person's last submission with comments; this person reviews."""
        return self.judge(
            job_id, case_id, Verb.RETURN, person=person, comments=comments
        )

    def reopen(self, job_id: str, case_id: str) -> Verdict:
        """Take back this person's last submission; the draft starts from it."""
        return self.judge(job_id, case_id, Verb.REOPEN)

    @abstractmethod
    def verdicts(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Verdict]:
        """Return all verdicts on what a person submitted, in their order."""

    @abstractmethod
    def threads(
        self, job_id: str, case_id: str, *, person: str | None = None
    ) -> Sequence[Thread]:
        """Return the threads on this person's annotation, or on another's.

        Comments that began in an annotation or with a verdict are among them. Those
        in a draft only its annotator sees.
        """

    @abstractmethod
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
        """Begin a thread, reply, resolve a thread, or open it again.

        Parameters
        ----------
        job_id, case_id : str
            The case.
        person : str, optional
            On whose annotation; this person's by default.
        comment : Comment, optional
            What to say; by this person.
        thread : str, optional
            The thread; None begins one with `comment`.
        resolved : bool, optional
            What becomes of the thread; None to leave it as it is.

        Raises
        ------
        NotFoundError
            If there is no such thread.
        RoleError, TransitionError
            If this person may not comment on it, or nothing was submitted.
        InvalidValueError
            If nothing is said, or in the name of somebody else.
        """

    @abstractmethod
    def mark_read(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        threads: Collection[str] | None = None,
    ) -> None:
        """Mark threads as read by this person, all of them by default."""

    @abstractmethod
    def review_counts(self, job_id: str) -> ReviewCounts:
        """Return how many submitted cases have which review status."""

    @abstractmethod
    def review_progress(self, job_id: str) -> Sequence[PersonProgress]:
        """Return what each person submitted and judged, by their names."""

    def reviews(
        self,
        job_id: str,
        *,
        status: ReviewStatus | None = None,
        revised: bool | None = None,
        text: str = "",
        person: str | None = None,
        flagged: bool = False,
        order: CaseOrder = CaseOrder.JOB,
        backwards: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> ReviewPage:
        """Return a page of the submitted cases, of everybody.

        Parameters
        ----------
        job_id : str
            The job.
        status : ReviewStatus, optional
            None for all.
        revised : bool, optional
            True for those that were submitted before and wait again, False for the
            others, None for all.
        text : str
            Part of the case's name, upper or lower case alike.
        person : str, optional
            Who submitted them; None for everybody.
        flagged : bool
            True for those of flagged cases alone.
        order : CaseOrder
            What they are sorted by.
        backwards : bool
            True to turn the order round.
        offset, limit : int
            Rows to leave out, and rows to return at most.
        """
        _rules.check_page(offset, limit)
        asked = AskedReviews(status, revised, text, person, flagged, order, backwards)
        return self.find_reviews(job_id, asked, offset, limit)

    @abstractmethod
    def find_reviews(
        self, job_id: str, asked: AskedReviews, offset: int, limit: int
    ) -> ReviewPage:
        """Return the page that :meth:`reviews` is asked for."""

    @abstractmethod
    def review(self, job_id: str, case_id: str, *, person: str) -> ReviewRow:
        """Return one submitted case.

        Raises
        ------
        NotFoundError
            If this person has no submission of the case, or took it back.
        """

    @abstractmethod
    def next_review(
        self,
        job_id: str,
        after: tuple[str, str] | None = None,
        *,
        step: int = 1,
        statuses: Sequence[ReviewStatus] = (),
        wrap: bool = False,
    ) -> ReviewRow | None:
        """Return the nearest submitted case after (before) another one.

        Those that this person may not review are left out.

        Parameters
        ----------
        job_id : str
            The job.
        after : (str, str), optional
            Case and person to start at; None for before the first (behind the last).
        step : int
            1 for forward, -1 for backward.
        statuses : sequence of ReviewStatus
            Only those with one of these; empty for any.
        wrap : bool
            If True, go on at the other end; the case itself is never returned.
        """

    @abstractmethod
    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        """Return who has annotated the case."""

    # ------------------------------------------------------------------- flags
    @abstractmethod
    def flag(
        self,
        job_id: str,
        case_id: str,
        reason: str | None,
        *,
        person: str | None = None,
    ) -> tuple[Flag, ...]:
        """Flag a case for others to look at, or take a flag away; durable on return.

        A flag is no part of the annotation, and can be set and taken away whatever
        the status. Each person has one a case; another reason takes its place.

        Parameters
        ----------
        job_id, case_id : str
            The case.
        reason : str, optional
            Why, in a few words; None takes the flag away.
        person : str, optional
            Whose flag is taken away; this person's by default.

        Returns
        -------
        tuple of Flag
            Those on the case that this person may see, the latest first: who may
            review sees all, others their own.

        Raises
        ------
        RoleError
            If this person only looks on, or it is somebody else's flag and this
            person does not review.
        InvalidValueError
            If the reason is empty, or too long.
        """

    # ------------------------------------------------------------------ owning
    def may_edit(self, job_id: str) -> bool:
        """Return whether this person may change, archive and delete a job."""
        return self.job(job_id).may_edit(self.person)

    @abstractmethod
    def edit_job(self, job_id: str, edit: JobEdit) -> Job:
        """Change a job that exists; durable on return, and all or nothing.

        What is annotated keeps its meaning, and whoever has a case open goes on.

        Parameters
        ----------
        job_id : str
            The job.
        edit : JobEdit
            What to change; `seen` says what it was made on.

        Returns
        -------
        Job
            As it is then.

        Raises
        ------
        RoleError
            If this person is no owner.
        JobChangedError
            If somebody else has changed the same since; nothing is written.
        InvalidValueError, NotFoundError, ExistsError
            If it makes no job.
        TransitionError
            If a case is to be taken away that was annotated, or a label that is used.
        """

    @abstractmethod
    def contents(self, job_id: str) -> JobContents:
        """Return what is in a job, by whom; for its owners."""

    @abstractmethod
    def used_labels(self, job_id: str) -> Mapping[int, str]:
        """Return the ids of labels that are used, and where each is; for owners."""

    @abstractmethod
    def delete_job(self, job_id: str) -> str:
        """Put a job, with all that is in it, into the trash; images are left alone.

        Returns
        -------
        str
            Where it is now, and how it comes back.

        Raises
        ------
        RoleError
            If this person is no owner.
        StoreAccessError
            If it cannot be put there; then it is where it was.
        """

    # ------------------------------------------------------------- combinations
    def combinations(self, job_id: str) -> Mapping[str, str]:
        """Return the YAML texts of combined classes kept with a job, by their names."""
        self.job(job_id)
        return {}

    def save_combination(self, job_id: str, name: str, text: str | None) -> None:
        """Keep combined classes with a job.

        Parameters
        ----------
        job_id : str
            The job.
        name : str
            Under which name; what has it already is replaced.
        text : str or None
            The YAML text; None takes it away.

        Raises
        ------
        InvalidValueError
            If it cannot be named so.
        StoreAccessError
            If the store keeps none.
        """
        raise StoreAccessError(
            "this store keeps no combinations",
            where=self.location,
            remedy="Save it as a file",
        )

    # ------------------------------------------------------------------- other
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

    def close(self) -> None:  # noqa: B027 - most stores hold nothing
        """Release what the store holds; calling it twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
