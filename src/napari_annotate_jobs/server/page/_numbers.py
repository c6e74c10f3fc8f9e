"""What the owner's page shows of a project, counted by the database."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, distinct, func, or_, select

from napari_annotate_jobs.model import ReviewStatus, Status, flags_text, now
from napari_annotate_jobs.server._flags import flagged, flags_on
from napari_annotate_jobs.server._listing import review_of_row
from napari_annotate_jobs.server._projects import list_members
from napari_annotate_jobs.server._schema import (
    accounts,
    cases,
    events,
    tasks,
    works,
)
from napari_annotate_jobs.stores._names import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from napari_annotate_jobs.model import Label
    from napari_annotate_jobs.server._permits import Permit
    from napari_annotate_jobs.server._projects import Member

__all__ = [
    "PARTS",
    "CaseWork",
    "Day",
    "PageCase",
    "PersonTally",
    "Tally",
    "case_lines",
    "count_cases",
    "days",
    "label_use",
    "last_events",
    "people",
]

PARTS = ("finished", "returned", "begun", "remaining")
"""What the cases of somebody are; each is one of these."""

DAYS = 42
"""How far back activity is shown."""


@dataclass
class Tally:
    """Cases by what they are.

    Parameters
    ----------
    finished, returned, begun, remaining : int
        Submitted and not returned; returned; a draft alone; nothing yet.
    reviews : Counter
        Submitted cases by :class:`ReviewStatus`.
    """

    finished: int = 0
    returned: int = 0
    begun: int = 0
    remaining: int = 0
    reviews: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All of them."""
        return self.finished + self.returned + self.begun + self.remaining

    @property
    def percent(self) -> int:
        """How much is finished; 100 only if everything is."""
        return 100 * self.finished // self.total if self.total else 0

    def of(self, part: str) -> int:
        """Return how many are one of :data:`PARTS`."""
        found: int = getattr(self, part)
        return found

    def add(self, other: Tally) -> None:
        """Count those of another too."""
        for part in PARTS:
            setattr(self, part, self.of(part) + other.of(part))
        self.reviews.update(other.reviews)


@dataclass
class PersonTally:
    """What a member has to do, and did.

    Parameters
    ----------
    member : Member
        Who, and what they are.
    cases : Tally
        That they annotate.
    given : Counter
        Verdicts of theirs that hold, by :class:`ReviewStatus`.
    last : datetime, optional
        When they did something last, within :data:`DAYS`.
    """

    member: Member
    cases: Tally
    given: Counter[str]
    last: datetime | None = None


def people(connection: Connection, permit: Permit) -> list[PersonTally]:
    """Return all members, with what they did."""
    tallies, given = _works(connection, permit)
    having = _having(connection, permit)
    first = _first_event(connection, permit, now() - timedelta(days=DAYS))
    doer = accounts.alias()
    last = {
        row[0]: row[1]
        for row in connection.execute(
            select(doer.c.name, func.max(events.c.time))
            .join(doer, doer.c.id == events.c.person_id)
            .where(events.c.project_id == permit.id, events.c.sequence >= first)
            .group_by(doer.c.name)
        )
    }
    found = []
    for member in list_members(connection, permit):
        name = member.name
        tally = tallies.get(name, Tally())
        if permit.job.may_annotate(name):
            tally.remaining = max(0, having.get(name, 0) - tally.total)
        counts = given.get(name, Counter[str]())
        found.append(PersonTally(member, tally, counts, last.get(name)))
    return found


def _begun(permit: Permit) -> ColumnElement[bool]:
    """Choose what somebody has begun in a project, but for copies that correct."""
    return and_(
        works.c.project_id == permit.id,
        works.c.of_id == 0,
        or_(works.c.revision > 0, works.c.review.is_not(None)),
    )


def _works(
    connection: Connection, permit: Permit
) -> tuple[dict[str, Tally], dict[str, Counter[str]]]:
    judge = accounts.alias("judge")
    columns = (
        accounts.c.name,
        judge.c.name,
        works.c.status,
        works.c.review,
        cases.c.selected,
    )
    tallies: dict[str, Tally] = {}
    given: dict[str, Counter[str]] = {}
    for person, reviewer, status, review, selected, count in connection.execute(
        select(*columns, func.count())
        .select_from(works)
        .join(cases, cases.c.id == works.c.case_id)
        .join(accounts, accounts.c.id == works.c.account_id)
        .outerjoin(judge, judge.c.id == works.c.reviewer_id)
        .where(
            _begun(permit),
        )
        .group_by(*columns)
    ):
        tally = tallies.setdefault(person, Tally())
        part = "begun" if status == Status.REMAINING.value else status
        setattr(tally, part, tally.of(part) + count)
        if review is not None:
            stands = review_of_row(review, selected).value
            tally.reviews[stands] += count
            if reviewer is not None:
                given.setdefault(reviewer, Counter())[stands] += count
    return tallies, given


def _having(connection: Connection, permit: Permit) -> dict[str, int]:
    """Return how many cases each person has to annotate."""
    query = select(func.count()).select_from(cases)
    every = connection.scalar(query.where(cases.c.project_id == permit.id)) or 0
    if permit.project["assignment"] == "everyone":
        return dict.fromkeys(permit.job.annotators or _names(connection, permit), every)
    begun = select(works.c.account_id, works.c.case_id).where(
        works.c.project_id == permit.id, works.c.of_id == 0, works.c.revision > 0
    )
    given = select(tasks.c.account_id, tasks.c.case_id).where(
        tasks.c.project_id == permit.id, tasks.c.account_id.is_not(None)
    )
    both = begun.union(given).subquery()
    return {
        row[0]: row[1]
        for row in connection.execute(
            select(accounts.c.name, func.count())
            .join(both, both.c.account_id == accounts.c.id)
            .group_by(accounts.c.name)
        )
    }


def _names(connection: Connection, permit: Permit) -> list[str]:
    return [member.name for member in list_members(connection, permit)]


def count_cases(connection: Connection, permit: Permit) -> dict[str, int]:
    """Return how many cases there are, have somebody, and are submitted by anybody."""
    mine = cases.c.project_id == permit.id

    def count(query: Any) -> int:
        return int(connection.scalar(query) or 0)

    return {
        "cases": count(select(func.count()).select_from(cases).where(mine)),
        "given": count(
            select(func.count(distinct(tasks.c.case_id))).where(
                tasks.c.project_id == permit.id
            )
        ),
        "submitted": count(
            select(func.count(distinct(works.c.case_id))).where(
                works.c.project_id == permit.id,
                works.c.of_id == 0,
                works.c.review.is_not(None),
            )
        ),
    }


def label_use(connection: Connection, permit: Permit) -> list[tuple[Label, int]]:
    """Return how many slices of all drafts carry each label, in the labels' order."""
    counts: Counter[str] = Counter()
    for text in connection.scalars(
        select(works.c.label_counts).where(
            works.c.project_id == permit.id, works.c.of_id == 0
        )
    ):
        counts.update(json.loads(text))
    labels = permit.job.project.label_set.labels
    return [(label, counts[str(label.id)]) for label in labels]


# ----------------------------------------------------------------------- activity
@dataclass(frozen=True)
class Day:
    """What happened on a day, in UTC."""

    date: date
    saved: int = 0
    submitted: int = 0
    judged: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.saved + self.submitted + self.judged


def days(connection: Connection, permit: Permit) -> list[Day]:
    """Return what happened on each of the last days, the earliest first."""
    today = now().date()
    start = today - timedelta(days=DAYS - 1)
    since = datetime.combine(start, datetime.min.time(), now().tzinfo)
    first = _first_event(connection, permit, since)
    time: ColumnElement[Any] = events.c.time
    if connection.dialect.name != "sqlite":
        time = func.timezone("UTC", time)
    day = func.date(time)
    counts: dict[str, Counter[str]] = {}
    for when, kind, count in connection.execute(
        select(day, events.c.kind, func.count())
        .where(
            events.c.project_id == permit.id,
            events.c.sequence >= first,
            events.c.kind.in_(("saved", "submitted", "judged")),
        )
        .group_by(day, events.c.kind)
    ):
        counts.setdefault(str(when), Counter())[kind] += count
    every = [start + timedelta(days=n) for n in range(DAYS)]
    return [Day(each, **counts.get(each.isoformat(), Counter())) for each in every]


def _first_event(connection: Connection, permit: Permit, since: datetime) -> int:
    """Return the number of the first event since a time.

    They are looked up in halves by their numbers, which go up with time: however many
    there are, only those that count are read.
    """
    low, high = 1, int(permit.project["sequence"]) + 1
    while low < high:
        middle = (low + high) // 2
        time = connection.scalar(
            select(events.c.time)
            .where(events.c.project_id == permit.id, events.c.sequence >= middle)
            .order_by(events.c.sequence)
            .limit(1)
        )
        if time is None or time >= since:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True)
class Told:
    """Something that happened, for people to read."""

    time: datetime
    text: str


_WORDS = {
    "submitted": "submitted",
    "judged": "judged",
    "said": "commented on",
    "flagged": "flagged",
    "unflagged": "took a flag off",
    "members": "changed the members",
    "labels": "changed the labels",
    "task": "gave out",
    "lapsed": "lost the claim on",
}


def last_events(connection: Connection, permit: Permit, most: int = 12) -> list[Told]:
    """Return what happened last, but for what was saved; the newest first."""
    author, doer = accounts.alias("author"), accounts.alias("doer")
    found = connection.execute(
        select(
            events.c.time,
            events.c.kind,
            cases.c.name,
            author.c.name,
            doer.c.name,
        )
        .outerjoin(cases, cases.c.id == events.c.case_id)
        .outerjoin(author, author.c.id == events.c.author_id)
        .outerjoin(doer, doer.c.id == events.c.person_id)
        .where(events.c.project_id == permit.id, events.c.kind != "saved")
        .order_by(events.c.sequence.desc())
        .limit(most)
    )
    told = []
    for time, kind, case, whose, who in found:
        if kind == "lapsed":
            who = whose
        text = f"{who or 'somebody'} {_WORDS.get(kind, kind)}"
        if case is not None:
            text += f" {case}"
        elif kind == "task":
            text += " cases"
        if kind in {"judged", "said"} and whose is not None and whose != who:
            text += f" of {whose}"
        told.append(Told(time, text))
    return told


# -------------------------------------------------------------------------- cases
@dataclass(frozen=True)
class CaseWork:
    """Where somebody stands with a case."""

    person: str
    id: int
    revision: int
    part: str
    review: ReviewStatus | None
    submitted: datetime | None


@dataclass
class PageCase:
    """A case, with who has it and who annotated it.

    Parameters
    ----------
    id : int
        In the database.
    key, name : str
        Of the case.
    n_slices : int, optional
        Where it is known.
    assigned : list of str
        Who is to annotate it.
    works : list of CaseWork
        What was done, the latest submission first.
    flags : str
        Why it is flagged, and by whom.
    """

    id: int
    key: str
    name: str
    n_slices: int | None
    assigned: list[str] = field(default_factory=list)
    works: list[CaseWork] = field(default_factory=list)
    flags: str = ""

    @property
    def shown(self) -> CaseWork | None:
        """Whose annotation is drawn in."""
        return self.works[0] if self.works else None


def case_lines(
    connection: Connection,
    permit: Permit,
    *,
    part: str = "",
    person: str = "",
    text: str = "",
    offset: int = 0,
    limit: int | None = 24,
) -> tuple[list[PageCase], int]:
    """Return a page of the cases, and how many there are in all.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    permit : Permit
        Of an owner.
    part : str
        One of :data:`PARTS`, a :class:`ReviewStatus`, ``flagged``, or empty for all:
        cases of
        which somebody's annotation is that; ``remaining`` are those that nobody
        began with.
    person : str
        Only cases that this person has, or annotated.
    text : str
        Part of the name.
    offset, limit : int
        Which page; None for all.
    """
    conditions: list[ColumnElement[bool]] = [cases.c.project_id == permit.id]
    if text:
        conditions.append(cases.c.folded.contains(fold(text), autoescape=True))
    begun = (
        select(works.c.case_id)
        .join(accounts, accounts.c.id == works.c.account_id)
        .where(
            _begun(permit),
        )
    )
    if part == "flagged":
        conditions.append(flagged(permit))
    elif part == "remaining":
        conditions.append(cases.c.id.not_in(begun))
    elif part:
        conditions.append(cases.c.id.in_(begun.where(_is(part))))
    if person:
        given = (
            select(tasks.c.case_id)
            .join(accounts, accounts.c.id == tasks.c.account_id)
            .where(tasks.c.project_id == permit.id, accounts.c.name == person)
        )
        mine = begun.where(accounts.c.name == person)
        conditions.append(or_(cases.c.id.in_(given), cases.c.id.in_(mine)))
    total = connection.scalar(select(func.count()).where(*conditions)) or 0
    query = (
        select(cases.c.id, cases.c.key, cases.c.name, cases.c.n_slices)
        .where(*conditions)
        .order_by(cases.c.ordinal)
        .offset(offset)
    )
    if limit is not None:
        query = query.limit(limit)
    lines = {row[0]: PageCase(*row) for row in connection.execute(query)}
    ids = list(lines)
    for start in range(0, len(ids), 1000):
        _fill(connection, permit, lines, ids[start : start + 1000])
    return list(lines.values()), total


def _is(part: str) -> ColumnElement[bool]:
    if part == "begun":
        return works.c.status == Status.REMAINING.value
    if part in {status.value for status in Status}:
        return works.c.status == part
    waits = works.c.review == ReviewStatus.WAITING.value
    chosen = select(cases.c.selected).where(cases.c.id == works.c.case_id)
    if part == ReviewStatus.WAITING.value:
        return and_(waits, chosen.scalar_subquery())
    if part == ReviewStatus.NOT_SELECTED.value:
        return and_(waits, ~chosen.scalar_subquery())
    return works.c.review == part


def _fill(
    connection: Connection,
    permit: Permit,
    lines: dict[int, PageCase],
    ids: Sequence[int],
) -> None:
    for case_id, name in connection.execute(
        select(tasks.c.case_id, accounts.c.name)
        .join(accounts, accounts.c.id == tasks.c.account_id)
        .where(tasks.c.project_id == permit.id, tasks.c.case_id.in_(ids))
        .order_by(accounts.c.name)
    ):
        lines[case_id].assigned.append(name)
    for case_id, flags in flags_on(connection, permit, ids).items():
        lines[case_id].flags = flags_text(flags)
    found = connection.execute(
        select(
            works.c.case_id,
            accounts.c.name,
            works.c.id,
            works.c.revision,
            works.c.status,
            works.c.review,
            works.c.submitted,
            cases.c.selected,
        )
        .join(accounts, accounts.c.id == works.c.account_id)
        .join(cases, cases.c.id == works.c.case_id)
        .where(
            _begun(permit),
            works.c.case_id.in_(ids),
        )
        .order_by(works.c.submitted.is_(None), works.c.submitted.desc(), works.c.id)
    )
    for case_id, person, number, revision, status, review, submitted, selected in found:
        part = "begun" if status == Status.REMAINING.value else status
        stands = None if review is None else review_of_row(review, selected)
        lines[case_id].works.append(
            CaseWork(person, number, revision, part, stands, submitted)
        )
