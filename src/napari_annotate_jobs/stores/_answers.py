"""What job stores answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from napari_annotate_jobs.model import (
    Annotation,
    CaseRow,
    Outcome,
    ReviewCounts,
    ReviewRow,
    ReviewStatus,
    Status,
    Value,
    Verb,
    Verdict,
    check_verb,
    review_status_of,
)

if TYPE_CHECKING:
    from napari_annotate_jobs.model import Job

__all__ = [
    "CasePage",
    "Draft",
    "Fault",
    "JobContents",
    "PersonContents",
    "PersonProgress",
    "ReviewPage",
]


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
    verdict : Verdict, optional
        The verdict that holds on the last submission, if there is one.
    seen : datetime, optional
        When it stood so, where the store cannot be asked now; None for this moment.
    """

    annotation: Annotation
    status: Status
    submissions: int
    verdict: Verdict | None = None
    seen: AwareDatetime | None = None

    @property
    def review(self) -> ReviewStatus | None:
        """Where it stands for its reviewer; None if it is not submitted."""
        verdicts = () if self.verdict is None else (self.verdict,)
        return review_status_of(self.submissions, verdicts)

    def check(self, verb: Verb, *, job: Job, person: str, where: object = None) -> None:
        """Raise an error that says why, unless a person may do that to it now.

        Raises
        ------
        RoleError, LockedError, JudgedError, TransitionError
            As :func:`~napari_annotate_jobs.model.check_verb` says.
        """
        check_verb(
            verb,
            job=job,
            person=person,
            author=self.annotation.person,
            review=self.review,
            verdict=self.verdict,
            where=self.annotation.case_id if where is None else where,
        )

    @property
    def returned(self) -> Verdict | None:
        """The verdict by which the case was returned, for a returned case."""
        holds = self.verdict
        if holds is None or holds.outcome is not Outcome.RETURNED:
            return None
        return holds


class ReviewPage(Value):
    """Some of the submitted cases of a job.

    Parameters
    ----------
    rows : tuple of ReviewRow
        In the job's order; those of one case by the names of the people.
    total : int
        How many the filter lets through in all.
    """

    rows: tuple[ReviewRow, ...]
    total: int


class PersonProgress(Value):
    """What one person did in a job.

    Parameters
    ----------
    person : str
        Who.
    submitted : ReviewCounts
        What became of what they submitted.
    given : ReviewCounts
        The verdicts they gave, of those that hold.
    """

    person: str
    submitted: ReviewCounts = ReviewCounts()
    given: ReviewCounts = ReviewCounts()


class PersonContents(Value):
    """What one person made in a job.

    Parameters
    ----------
    person : str
        Who.
    drafts : int
        Cases in which something was saved since the last submission.
    submissions : int
        Of all cases, in all rounds.
    """

    person: str
    drafts: int = 0
    submissions: int = 0


class JobContents(Value):
    """What would be lost with a job.

    Parameters
    ----------
    cases : int
        How many there are.
    people : tuple of PersonContents
        Who made something, by their names.
    """

    cases: int
    people: tuple[PersonContents, ...] = ()

    @property
    def text(self) -> str:
        """All of it in a sentence without a full stop."""
        found = [f"{each.person}: {_made(each)}" for each in self.people]
        n = f"{self.cases:,} case{'s' * (self.cases != 1)}"
        return f"{n}; {'; '.join(found) or 'nobody has begun'}"


def _made(contents: PersonContents) -> str:
    counts = (contents.submissions, "submission"), (contents.drafts, "draft")
    return ", ".join(f"{n:,} {word}{'s' * (n != 1)}" for n, word in counts if n)


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
