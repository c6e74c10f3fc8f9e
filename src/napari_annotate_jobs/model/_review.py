"""Verdicts, what follows from them, and who may do what."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, Field, model_validator

from napari_annotate_jobs.errors import (
    JudgedError,
    LockedError,
    RoleError,
    TransitionError,
)

from ._annotation import Comment, Correction
from ._base import Sealed, Value, now
from ._project import Job, ReviewStatus, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._submission import Submission

__all__ = [
    "OUTCOMES",
    "HistoryEvent",
    "Outcome",
    "Verb",
    "Verdict",
    "check_verb",
    "history_of",
    "is_selected",
    "make_verdict",
    "review_status_of",
    "standing_verdict",
    "status_of",
]


class Outcome(StrEnum):
    """What a verdict says of a submission, or what ends it without one."""

    PASSED = "passed"
    FAILED = "failed"
    RETURNED = "returned"
    REOPENED = "reopened"
    """Who submitted took it back: there was no verdict."""
    WITHDRAWN = "withdrawn"
    """The verdict before it was taken back: the submission waits again."""


class Verdict(Sealed):
    """What a reviewer says of a submission; it is never changed.

    What takes back a verdict, or the submission itself, has its place in the same
    count: of two people who answer a submission at once one comes first, and the
    other is told.

    Parameters
    ----------
    submission : int
        The number of the submission it answers.
    number : int
        From 1, without gaps, for each submission; 0 for a return that an earlier
        version of this package wrote.
    outcome : Outcome
        What is said of it.
    person : str
        The reviewer; for a reopened submission who submitted it.
    comments : tuple of Comment
        What to change, or the reason: on the case, on slices or on objects.
    time : datetime
        When, with time zone.
    answers : str
        Digest of the submission.
    correction : Correction, optional
        The reviewer's corrected copy that takes the place of what passed.
    """

    submission: int = Field(ge=1)
    number: int = Field(ge=0)
    outcome: Outcome
    person: str
    comments: tuple[Comment, ...] = ()
    time: AwareDatetime = Field(default_factory=now)
    answers: str = ""
    correction: Correction | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.correction is not None and self.outcome is not Outcome.PASSED:
            raise ValueError("only what passes can be corrected with it")
        return self

    @property
    def text(self) -> str:
        """All its comments, one a line."""
        return "\n".join(comment.text for comment in self.comments)


def standing_verdict(verdicts: Sequence[Verdict]) -> Verdict | None:
    """Return the verdict that holds, of those on one submission in their order."""
    last = verdicts[-1] if verdicts else None
    return None if last is None or last.outcome is Outcome.WITHDRAWN else last


_REVIEW_STATUS = {
    Outcome.PASSED: ReviewStatus.PASSED,
    Outcome.FAILED: ReviewStatus.FAILED,
    Outcome.RETURNED: ReviewStatus.RETURNED,
}


def review_status_of(
    submissions: int, verdicts: Sequence[Verdict]
) -> ReviewStatus | None:
    """Return where a case stands for its reviewer.

    Parameters
    ----------
    submissions : int
        How often it was submitted.
    verdicts : sequence of Verdict
        On any of the submissions, in their order.

    Returns
    -------
    ReviewStatus or None
        None if it was not submitted, or was taken back.
    """
    if not submissions:
        return None
    holds = standing_verdict([v for v in verdicts if v.submission == submissions])
    if holds is None:
        return ReviewStatus.WAITING
    return _REVIEW_STATUS.get(holds.outcome)


def status_of(review: ReviewStatus | None) -> Status:
    """Return the status of a case for its annotator, by what its reviewer sees."""
    if review is None:
        return Status.REMAINING
    return Status.RETURNED if review is ReviewStatus.RETURNED else Status.FINISHED


# ------------------------------------------------------------------ who may do what
class Verb(StrEnum):
    """What people do with a case; nothing else changes where it stands."""

    SAVE = "save"
    SUBMIT = "submit"
    REOPEN = "reopen"
    PASS = "pass"
    FAIL = "fail"
    RETURN = "return"
    WITHDRAW = "withdraw"
    CORRECT = "correct"
    COMMENT = "comment on"


OUTCOMES = {
    Verb.REOPEN: Outcome.REOPENED,
    Verb.PASS: Outcome.PASSED,
    Verb.FAIL: Outcome.FAILED,
    Verb.RETURN: Outcome.RETURNED,
    Verb.WITHDRAW: Outcome.WITHDRAWN,
}
"""What verdicts say, by what makes them."""

_OF_ANNOTATOR = {Verb.SAVE, Verb.SUBMIT, Verb.REOPEN}
_JUDGED = (ReviewStatus.PASSED, ReviewStatus.FAILED, ReviewStatus.RETURNED)


def check_verb(
    verb: Verb,
    *,
    job: Job,
    person: str,
    author: str,
    review: ReviewStatus | None,
    verdict: Verdict | None = None,
    where: object = None,
) -> None:
    """Raise an error that says why, unless a person may do that to a case now.

    Parameters
    ----------
    verb : Verb
        What is to be done.
    job : Job
        Says who may annotate and review, and what the project allows.
    person : str
        Who wants to do it.
    author : str
        Whose annotation of the case it is.
    review : ReviewStatus, optional
        Where it stands; see :func:`review_status_of`.
    verdict : Verdict, optional
        The verdict that holds, if there is one.
    where : object, optional
        Names the case in messages.

    Raises
    ------
    RoleError
        If it is for others to do.
    LockedError
        If it would change what is submitted.
    JudgedError
        If there is a verdict already: it names who and when.
    TransitionError
        If it makes no sense as the case stands.
    """
    if verb in _OF_ANNOTATOR:
        _check_annotator(verb, job, person, author, where)
    elif verb is not Verb.COMMENT or person != author:
        _check_reviewer(verb, job, person, author, where)
    submitted = review is not None
    judged = review in _JUDGED
    if verb in {Verb.SAVE, Verb.SUBMIT}:
        if submitted and review is not ReviewStatus.RETURNED:
            remedy = "A reviewer can return it to make it editable again"
            if not judged and job.project.options.reopen:
                remedy = "Take it back, or have a reviewer return it, to edit it again"
            raise LockedError(
                "the case is submitted and therefore read-only",
                where=where,
                remedy=remedy,
            )
    elif verb is Verb.REOPEN:
        _check_reopen(job, review, verdict, where)
    elif verb is Verb.WITHDRAW:
        _check_withdraw(job, person, judged, verdict, where)
    elif verb is Verb.COMMENT:
        if person != author and not submitted:
            raise TransitionError(
                f"{author} has not submitted the case",
                where=where,
                remedy="Comments of others are for what was submitted",
            )
    elif not submitted:
        raise TransitionError(
            f"a {Status.REMAINING} case cannot be {_past(verb)}",
            where=where,
            remedy="Only a submitted case can be reviewed",
        )
    elif judged:
        raise _judged(
            verdict,
            where,
            "Look at what it says; who gave it can take it back",
        )


def _past(verb: Verb) -> str:
    return str(OUTCOMES[verb]) if verb in OUTCOMES else "corrected"


def _judged(verdict: Verdict | None, where: object, remedy: str) -> JudgedError:
    assert verdict is not None
    when = verdict.time.astimezone().strftime("%Y-%m-%d %H:%M")
    return JudgedError(
        f"{verdict.person} has {verdict.outcome} it already ({when})",
        where=where,
        remedy=remedy,
        verdict=verdict,
    )


def _check_annotator(
    verb: Verb, job: Job, person: str, author: str, where: object
) -> None:
    if person != author:
        raise RoleError(
            f"{person} cannot {verb} what {author} annotated",
            where=where,
            remedy=f"Only {author} can do that; a reviewer can return it",
        )
    if not job.may_annotate(person):
        raise RoleError(
            f"{person} is not among the annotators of this job",
            where=where,
            remedy="Have its owner add the name to annotators in job.json, or open "
            "the job under another name",
        )


def _check_reviewer(
    verb: Verb, job: Job, person: str, author: str, where: object
) -> None:
    if not job.may_review(person):
        raise RoleError(
            f"{person} is not among the reviewers of this job",
            where=where,
            remedy="Have its owner add the name to reviewers in job.json, or open "
            "the job under another name",
        )
    if person == author and not job.project.options.review_own:
        raise RoleError(
            f"{person} submitted it, and nobody reviews what they submitted",
            where=where,
            remedy="Have somebody else review it, or have the owner allow it "
            "(review_own in job.json)",
        )


def _check_reopen(
    job: Job, review: ReviewStatus | None, verdict: Verdict | None, where: object
) -> None:
    if not job.project.options.reopen:
        raise RoleError(
            "this project does not let a submission be taken back",
            where=where,
            remedy="A reviewer can return it",
        )
    if review is None:
        raise TransitionError(
            "there is no submission to take back",
            where=where,
            remedy="The case can be edited as it is",
        )
    if review is ReviewStatus.RETURNED:
        raise _judged(verdict, where, "The case can be edited: change what it says")
    if review in _JUDGED:
        raise _judged(verdict, where, "Ask the reviewer to return the case")


def _check_withdraw(
    job: Job, person: str, judged: bool, verdict: Verdict | None, where: object
) -> None:
    if not judged or verdict is None:
        raise TransitionError(
            "there is no verdict to take back",
            where=where,
            remedy="Only what passed, failed or was returned has one",
        )
    if verdict.person != person and job.owners and not job.is_owner(person):
        raise RoleError(
            f"the verdict is {verdict.person}'s",
            where=where,
            remedy=f"Only {verdict.person} or an owner can take it back",
        )


def make_verdict(
    verb: Verb,
    comments: Sequence[Comment],
    *,
    person: str,
    submission: Submission,
    number: int,
    commented: bool = False,
    correction: Correction | None = None,
    where: object = None,
) -> Verdict:
    """Return the verdict on a submission that may be given.

    Parameters
    ----------
    verb : Verb
        One that ends in a verdict.
    comments : sequence of Comment
        What is to be changed, or the reason.
    person : str
        Who gives it.
    submission : Submission
        What it answers.
    number : int
        Its number.
    commented : bool
        True if the reviewer has commented on the submission already.
    correction : Correction, optional
        The corrected copy that takes its place.
    where : object, optional
        Names the case in messages.

    Raises
    ------
    TransitionError
        If a return has no comment, or a fail no reason.
    """
    said = any(comment.text.strip() for comment in comments)
    if verb is Verb.RETURN and not (said or commented):
        raise TransitionError(
            "a return without a comment does not say what to change",
            where=where,
            remedy="Write at least one comment, on the case or on a slice",
        )
    if verb is Verb.FAIL and not said:
        raise TransitionError(
            "a fail without a reason does not say what is wrong",
            where=where,
            remedy="Write why the case is not fit for training",
        )
    return Verdict.seal(
        submission=submission.number,
        number=number,
        outcome=OUTCOMES[verb],
        person=person,
        comments=tuple(comments),
        time=now(),
        answers=submission.digest,
        correction=correction,
    )


# --------------------------------------------------------------------- the sample
_BLOCK = 20
"""Cases among which a sample is drawn: so that it is as large as it should be."""


def is_selected(job: Job, place: int) -> bool:
    """Return whether the case at this place of a job is selected to be reviewed.

    Of 20 cases in a row, as many are drawn at random as the percentage asks for, so
    that adding cases to the end of a job changes nothing for those before.

    Parameters
    ----------
    job : Job
        Its options name the percentage and the seed.
    place : int
        Of the case among all cases, from 0; see :meth:`Case.drawn_as`.
    """
    options = job.project.options
    if options.review_sample in (0, 100):
        return options.review_sample == 100
    block, at = divmod(place, _BLOCK)
    return at in _drawn(options.review_sample, options.review_seed, block)


@lru_cache(maxsize=4096)
def _drawn(percent: int, seed: int, block: int) -> frozenset[int]:
    def rank(at: int) -> bytes:
        return hashlib.sha256(f"{seed}:{block}:{at}".encode()).digest()

    # What is left over of one block goes to a later one, which one is chance too.
    phase = int.from_bytes(hashlib.sha256(f"{seed}".encode()).digest()[:4]) % 100
    before, after = (
        (number * _BLOCK * percent + phase) // 100 for number in (block, block + 1)
    )
    return frozenset(sorted(range(_BLOCK), key=rank)[: after - before])


# ---------------------------------------------------------------------- history
class HistoryEvent(Value):
    """One step in the life of a case.

    Parameters
    ----------
    time : datetime
        When, with time zone.
    person : str
        Who did it.
    what : str
        ``"submitted"``, or an :class:`Outcome`.
    number : int
        Of the submission.
    text : str
        What was written with it.
    corrected : bool
        True for what passed as the reviewer corrected it.
    """

    time: AwareDatetime
    person: str
    what: str
    number: int
    text: str = ""
    corrected: bool = False


def history_of(
    submissions: Sequence[Submission], verdicts: Sequence[Verdict]
) -> tuple[HistoryEvent, ...]:
    """Return all rounds of a case: submitted, returned by, passed by.

    In the order of rounds, whatever the clocks of the people say.
    """
    events = []
    for submission in submissions:
        events.append(
            HistoryEvent(
                time=submission.time,
                person=submission.author,
                what="submitted",
                number=submission.number,
            )
        )
        events += [
            HistoryEvent(
                time=verdict.time,
                person=verdict.person,
                what=verdict.outcome.value,
                number=submission.number,
                text=verdict.text,
                corrected=verdict.correction is not None,
            )
            for verdict in verdicts
            if verdict.submission == submission.number
        ]
    return tuple(events)
