"""Projects, jobs and cases."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Self
from unicodedata import normalize

from pydantic import AwareDatetime, Field, PositiveInt, model_validator

from napari_annotate_jobs.errors import InvalidValueError

from ._base import Document, Identifier, Value, new_id, now
from ._flag import Flag
from ._labels import LabelSet, Method

__all__ = [
    "Case",
    "CaseRow",
    "Counts",
    "Job",
    "JobKind",
    "JobSummary",
    "Options",
    "Priority",
    "Project",
    "ReviewCounts",
    "ReviewRow",
    "ReviewStatus",
    "SeriesRef",
    "Status",
]


class JobKind(StrEnum):
    """What the assigned person does."""

    ANNOTATION = "annotation"
    REVIEW = "review"


class Priority(StrEnum):
    """Which jobs come first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Status(StrEnum):
    """Of a case and a person; exactly one holds."""

    REMAINING = "remaining"
    FINISHED = "finished"
    RETURNED = "returned"


class Options(Document):
    """What a project demands.

    Parameters
    ----------
    every_slice : bool
        If True, a case with undecided slices cannot be submitted.
    reopen : bool
        If True, who submitted may take the case back as long as there is no verdict.
    review_own : bool
        If True, reviewers may pass what they submitted themselves.
    review_sample : int
        How many cases of a hundred are selected to be reviewed.
    review_seed : int
        Which ones: the same seed selects the same.
    export_not_selected : bool
        If True, what was not selected to be reviewed is exported like what passed.
    """

    every_slice: bool = False
    reopen: bool = True
    review_own: bool = False
    review_sample: int = Field(default=100, ge=0, le=100)
    review_seed: int = 0
    export_not_selected: bool = True


class Project(Document):
    """What an owner defines.

    Parameters
    ----------
    name : str
        As shown.
    methods : tuple of Method
        Those the annotator works with, in the order they are shown; each label's
        method is among them.
    label_set : LabelSet
        The closed set of labels.
    instructions : str
        What the annotator is asked to do; Markdown.
    options : Options
        What a submission must satisfy.
    """

    name: str = Field(min_length=1, max_length=200)
    methods: tuple[Method, ...] = Field(min_length=1)
    label_set: LabelSet = LabelSet()
    instructions: str = ""
    options: Options = Options()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.methods)) < len(self.methods):
            raise ValueError("a method is listed twice")
        for label in self.label_set.labels:
            if label.method not in self.methods:
                raise InvalidValueError(
                    f"label {label.name!r} is for {label.method}, which is not among "
                    "the methods",
                    remedy="Add the method, or leave the label out",
                )
        for method in self.methods:
            if not self.label_set.of(method):
                raise InvalidValueError(
                    f"the method {method} has no label",
                    remedy="Add a label for it, or leave the method out",
                )
        return self


class Job(Document):
    """The part of a project that is assigned to one person.

    Parameters
    ----------
    id : str
        Names the job in its store.
    project : Project
        What is to be done.
    kind : JobKind
        Annotation or review.
    published : datetime
        When it was assigned; with time zone.
    due : date, optional
        The last day.
    start : date, optional
        The first day.
    priority : Priority
        Whether it comes before other jobs.
    archived : bool
        True if it is done with: it is not listed among the others any more.
    assignee : str, optional
        The person; None if anyone who opens it may work on it.
    annotators, reviewers : tuple of str
        Who may annotate, and who may review; empty if anyone may.
    owners : tuple of str
        Who may edit the job, review in any case, and take back a verdict of somebody
        else.
    """

    id: Identifier = Field(default_factory=new_id)
    project: Project
    kind: JobKind = JobKind.ANNOTATION
    published: AwareDatetime = Field(default_factory=now)
    due: date | None = None
    start: date | None = None
    priority: Priority = Priority.NORMAL
    archived: bool = False
    assignee: str | None = None
    annotators: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    def may_annotate(self, person: str) -> bool:
        """Return whether a person may annotate and submit cases."""
        return not self.annotators or _named(person, self.annotators)

    def may_review(self, person: str) -> bool:
        """Return whether a person may pass, fail and return what others submitted."""
        named = not self.reviewers or _named(person, self.reviewers)
        return named or self.is_owner(person)

    def kind_for(self, person: str) -> JobKind:
        """Return what the job is to a person: who may only review, reviews."""
        only_reviews = self.may_review(person) and not self.may_annotate(person)
        return JobKind.REVIEW if only_reviews else self.kind

    def is_owner(self, person: str) -> bool:
        """Return whether a person is among the owners that the job names."""
        return _named(person, self.owners)

    def may_edit(self, person: str) -> bool:
        """Return whether a person may change the job; anyone, if it has no owners."""
        return not self.owners or self.is_owner(person)

    @property
    def name(self) -> str:
        """The project's name."""
        return self.project.name


def _named(person: str, names: tuple[str, ...]) -> bool:
    # The names may have been written by hand.
    return any(normalize("NFC", name).strip() == person for name in names)


class SeriesRef(Document):
    """Where one series of a case is.

    Parameters
    ----------
    path : str
        A file or folder; relative to the job folder, with ``/``, or absolute.
    series_uid : str, optional
        Series Instance UID, where the path holds several series.
    description : str
        Shown beside the layer.
    """

    path: str = Field(min_length=1)
    series_uid: str | None = None
    description: str = ""


class Case(Document):
    """The unit of submission: one study with one or more series.

    Parameters
    ----------
    id : str
        Unique in the job; safe as a folder's name.
    name : str
        As shown; never a patient's name.
    series : tuple of SeriesRef
        One or more.
    reference : int
        Which of them is annotated.
    n_slices : int, optional
        Of the reference series, where it is known.
    size : (int, int), optional
        Rows and columns of its slices, where they are known.
    draw : int, optional
        Its number when it is drawn who is reviewed; its place among the cases by
        default, for as long as none before it was taken away.
    """

    id: Identifier
    name: str = Field(min_length=1)
    series: tuple[SeriesRef, ...] = Field(min_length=1)
    reference: int = Field(default=0, ge=0)
    n_slices: int | None = Field(default=None, ge=1, le=1_000_000_000)
    size: tuple[PositiveInt, PositiveInt] | None = None
    draw: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _reference_exists(self) -> Self:
        if self.reference >= len(self.series):
            raise ValueError("the reference is not one of the series")
        return self

    def drawn_as(self, place: int) -> int:
        """Return its number when it is drawn who is reviewed, by its place now."""
        return place if self.draw is None else self.draw


class ReviewStatus(StrEnum):
    """Of a submitted case, for its reviewer; exactly one holds."""

    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"
    RETURNED = "returned"
    NOT_SELECTED = "not selected"


class Counts(Value):
    """How many cases of a job have which status, for one person.

    Parameters
    ----------
    remaining, finished, returned : int
        Numbers of cases.
    flagged : int
        How many of them are flagged, as far as the person may see it.
    """

    remaining: int = Field(default=0, ge=0)
    finished: int = Field(default=0, ge=0)
    returned: int = Field(default=0, ge=0)
    flagged: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """All cases."""
        return self.remaining + self.finished + self.returned

    @property
    def left(self) -> int:
        """Cases the person still has to work on."""
        return self.remaining + self.returned

    @property
    def progress(self) -> float:
        """Finished part, 0 to 1; 1 for a job without cases."""
        return self.finished / self.total if self.total else 1.0

    def of(self, status: Status | None) -> int:
        """Return the number of cases with `status`, or of all for None."""
        return self.total if status is None else int(getattr(self, status.value))


class ReviewCounts(Value):
    """How many submitted cases of a job have which review status.

    A case that several people submitted counts once for each of them.

    Parameters
    ----------
    waiting, passed, failed, returned, not_selected : int
        Numbers of submitted cases.
    revised : int
        How many of those waiting were submitted before.
    flagged : int
        How many of them are of a flagged case.
    """

    waiting: int = Field(default=0, ge=0)
    passed: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    returned: int = Field(default=0, ge=0)
    not_selected: int = Field(default=0, ge=0)
    revised: int = Field(default=0, ge=0)
    flagged: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """All submitted cases."""
        return sum(self.of(status) for status in ReviewStatus)

    def of(self, status: ReviewStatus | None) -> int:
        """Return the number of cases with `status`, or of all for None."""
        if status is None:
            return self.total
        return int(getattr(self, status.value.replace(" ", "_")))


class JobSummary(Value):
    """A job as My Jobs lists it.

    Parameters
    ----------
    job : Job
        The job itself.
    counts : Counts
        For the person who asks.
    location : str
        The store's location, to open it again.
    reviews : ReviewCounts, optional
        For whom it is a review job: how many submitted cases wait, and so on.
    """

    job: Job
    counts: Counts
    location: str
    reviews: ReviewCounts | None = None


class CaseRow(Value):
    """A case as the case table lists it, for one person.

    Parameters
    ----------
    case : Case
        The case itself.
    ordinal : int
        Place among all cases of the job, from 0.
    status : Status
        Where it stands.
    draft : bool
        True if something was saved since the last submission.
    returned_comment : str
        What the reviewer wrote, for a returned case.
    warnings : tuple of str
        What the reader of the images complained of.
    decided : int
        Slices with a decision.
    review : ReviewStatus, optional
        What became of the last submission; None if there is none, or it was taken
        back.
    flags : tuple of Flag
        Those on the case that the person may see, the latest first.
    touched : datetime, optional
        When the person last saved or submitted something of it, a reviewer
        answered, or somebody wrote a comment; None if that never was.
    """

    case: Case
    ordinal: int = Field(ge=0)
    status: Status = Status.REMAINING
    draft: bool = False
    returned_comment: str = ""
    warnings: tuple[str, ...] = ()
    decided: int = Field(default=0, ge=0)
    review: ReviewStatus | None = None
    flags: tuple[Flag, ...] = ()
    touched: AwareDatetime | None = None


class ReviewRow(Value):
    """A submitted case as its reviewer's list shows it.

    Parameters
    ----------
    case : Case
        The case itself.
    ordinal : int
        Place among all cases of the job, from 0.
    person : str
        Who submitted it.
    number : int
        How often it was submitted.
    time : datetime, optional
        When the last time; None if the submission cannot be read.
    status : ReviewStatus
        Where it stands.
    reviewer : str
        Who gave the verdict; empty while there is none.
    judged : datetime, optional
        When.
    comment : str
        What the reviewer wrote.
    flags : tuple of Flag
        Those on the case, the latest first.
    """

    case: Case
    ordinal: int = Field(ge=0)
    person: str
    number: int = Field(ge=1)
    time: AwareDatetime | None
    status: ReviewStatus
    reviewer: str = ""
    judged: AwareDatetime | None = None
    comment: str = ""
    flags: tuple[Flag, ...] = ()

    @property
    def touched(self) -> datetime | None:
        """When it was submitted, or answered."""
        return self.judged or self.time

    @property
    def revised(self) -> bool:
        """True if it was submitted before, and waits again."""
        return self.number > 1 and self.status is ReviewStatus.WAITING
