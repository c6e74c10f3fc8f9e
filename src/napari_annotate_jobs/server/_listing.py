"""What case tables and lists of submitted cases show."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal, or_, select

from napari_annotate_jobs.errors import NotFoundError
from napari_annotate_jobs.model import (
    CaseOrder,
    CaseRow,
    Counts,
    JobKind,
    JobSummary,
    ReviewCounts,
    ReviewRow,
    ReviewStatus,
    Status,
)
from napari_annotate_jobs.stores import CasePage, PersonProgress, ReviewPage, _rules
from napari_annotate_jobs.stores._flags import REVIEW_STATUSES, STATUSES
from napari_annotate_jobs.stores._names import fold

from ._drafts import case_of, find_case
from ._flags import flagged, flags_on, last_flagged
from ._schema import accounts, cases, combinations, tasks, works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

    from napari_annotate_jobs.model import Flag
    from napari_annotate_jobs.stores._case_query import Asked, AskedReviews

    from ._permits import Permit

__all__ = [
    "case_page",
    "case_row",
    "combinations_of",
    "count_cases",
    "count_reviews",
    "neighbour",
    "next_review",
    "people_of",
    "review_of",
    "review_of_row",
    "review_page",
    "review_progress",
    "summary",
]

_STATUS = func.coalesce(works.c.status, Status.REMAINING.value)
_PROGRESS = (
    works.c.status,
    works.c.review,
    works.c.revision,
    works.c.submitted_revision,
    works.c.decided,
    works.c.comment,
    works.c.touched,
)


# ------------------------------------------------------------------------- cases
def summary(connection: Connection, permit: Permit, location: str) -> JobSummary:
    """Return a job as My Jobs lists it."""
    reviews = None
    if permit.job.kind_for(permit.account.name) is JobKind.REVIEW:
        reviews = count_reviews(connection, permit)
    return JobSummary(
        job=permit.job,
        counts=count_cases(connection, permit),
        location=location,
        reviews=reviews,
    )


def count_cases(connection: Connection, permit: Permit) -> Counts:
    """Return how many of a person's cases have which status."""
    chosen: Any = select(_STATUS, func.count())
    query = _own(permit, chosen).group_by(_STATUS)
    marked = _own(permit, select(func.count())).where(flagged(permit))
    return Counts(
        **{row[0]: row[1] for row in connection.execute(query)},
        flagged=connection.scalar(marked) or 0,
    )


def case_page(
    connection: Connection,
    permit: Permit,
    asked: Asked,
    offset: int,
    limit: int,
) -> CasePage:
    """Return a page of a person's cases; see :meth:`JobStore.cases`."""
    _rules.check_page(offset, limit)
    conditions = _text(asked.text)
    if asked.status is not None:
        conditions.append(_STATUS.is_not_distinct_from(asked.status.value))
    if asked.flagged:
        conditions.append(flagged(permit))
    total = connection.scalar(_own(permit, select(func.count())).where(*conditions))
    query = _own(permit, select(cases, *_PROGRESS)).where(*conditions)
    by = {
        CaseOrder.NAME: cases.c.sorted,
        CaseOrder.STATUS: _placed(_STATUS, STATUSES),
        CaseOrder.SLICES: func.coalesce(cases.c.n_slices, 0),
        CaseOrder.FLAG: last_flagged(permit),
        CaseOrder.TOUCHED: works.c.touched,
    }.get(asked.order)
    query = query.order_by(*_sorted(asked.order, by, asked.backwards, cases.c.ordinal))
    rows = connection.execute(query.offset(offset).limit(limit)).mappings().all()
    return CasePage(rows=_rows(connection, permit, rows), total=total or 0)


def _placed(column: Any, statuses: Sequence[Any]) -> ColumnElement[Any]:
    """Return the place of a status in the order of lists."""
    places = {status.value: place for place, status in enumerate(statuses)}
    return case(places, value=column)


def _sorted(
    order: CaseOrder,
    by: ColumnElement[Any] | None,
    backwards: bool,
    *last: ColumnElement[Any],
) -> list[ColumnElement[Any]]:
    """Return what rows are sorted by: times, the latest first; none, last."""
    columns: list[ColumnElement[Any]] = [
        column.desc() if backwards else column.asc() for column in last
    ]
    if by is None:
        return columns
    if order in (CaseOrder.FLAG, CaseOrder.TOUCHED):
        first = by.asc().nulls_first() if backwards else by.desc().nulls_last()
        return [first, *columns]
    return [by.desc() if backwards else by.asc(), *columns]


def case_row(connection: Connection, permit: Permit, key: str) -> CaseRow:
    """Return one case."""
    found = find_case(connection, permit, key)
    query = _own(permit, select(cases, *_PROGRESS), every=True)
    row = connection.execute(query.where(cases.c.id == found["id"])).mappings().one()
    size = None if row["rows"] is None else (row["rows"], row["columns"])
    return _rules.sized(_rows(connection, permit, [row])[0], size)


def neighbour(
    connection: Connection,
    permit: Permit,
    key: str | None,
    *,
    step: int,
    statuses: Sequence[Status],
    wrap: bool,
) -> CaseRow | None:
    """Return the nearest case; see :meth:`JobStore.neighbour`."""
    _rules.check_step(step)
    at = None
    if key is not None:
        at = find_case(connection, permit, key)["ordinal"]
    query = _own(permit, select(cases, *_PROGRESS))
    if statuses:
        query = query.where(_STATUS.in_([status.value for status in statuses]))
    column = cases.c.ordinal
    query = query.order_by(column if step > 0 else column.desc()).limit(1)
    row = None
    if at is None:
        row = connection.execute(query).mappings().first()
    else:
        beyond = column > at if step > 0 else column < at
        row = connection.execute(query.where(beyond)).mappings().first()
        if row is None and wrap:
            row = connection.execute(query.where(column != at)).mappings().first()
    return None if row is None else _rows(connection, permit, [row])[0]


def _own(permit: Permit, query: Select[Any], *, every: bool = False) -> Select[Any]:
    """Select from the cases of a person, beside their annotations."""
    mine = permit.account.id
    query = (
        query.select_from(cases)
        .outerjoin(
            works,
            and_(
                works.c.case_id == cases.c.id,
                works.c.account_id == mine,
                works.c.of_id == 0,
            ),
        )
        .where(cases.c.project_id == permit.id)
    )
    if permit.has_all_cases or every:
        return query
    given = select(tasks.c.case_id).where(
        tasks.c.project_id == permit.id, tasks.c.account_id == mine
    )
    return query.where(or_(cases.c.id.in_(given), works.c.revision > 0))


def _text(text: str) -> list[ColumnElement[bool]]:
    return [cases.c.folded.contains(fold(text), autoescape=True)] if text else []


def _rows(
    connection: Connection, permit: Permit, rows: Sequence[RowMapping]
) -> tuple[CaseRow, ...]:
    found = flags_on(connection, permit, [row["id"] for row in rows])
    return tuple(_row(row, found.get(row["id"], ())) for row in rows)


def _row(row: RowMapping, marks: tuple[Flag, ...]) -> CaseRow:
    status = Status(row["status"] or Status.REMAINING)
    comment = ""
    if status is Status.RETURNED and row["comment"]:
        comment = json.loads(row["comment"])
    return CaseRow(
        case=case_of(row, sized=False),
        ordinal=row["ordinal"],
        status=status,
        draft=(row["revision"] or 0) > (row["submitted_revision"] or 0),
        returned_comment=comment,
        warnings=tuple(json.loads(row["warnings"])),
        decided=row["decided"] or 0,
        review=_review_status(row),
        flags=marks,
        touched=row["touched"],
    )


def _review_status(row: RowMapping) -> ReviewStatus | None:
    return (
        None if row["review"] is None else review_of_row(row["review"], row["selected"])
    )


def review_of_row(review: str, selected: bool) -> ReviewStatus:
    """Return where a submitted case stands, by what is kept of it."""
    status = ReviewStatus(review)
    if status is ReviewStatus.WAITING and not selected:
        return ReviewStatus.NOT_SELECTED
    return status


# ----------------------------------------------------------------------- reviews
_REVIEWER = accounts.alias("judge")


def _submitted(permit: Permit, query: Select[Any]) -> Select[Any]:
    """Select from the submitted cases that a person may see."""
    query = (
        query.select_from(works)
        .join(cases, cases.c.id == works.c.case_id)
        .join(accounts, accounts.c.id == works.c.account_id)
        .outerjoin(_REVIEWER, _REVIEWER.c.id == works.c.reviewer_id)
        .where(
            works.c.project_id == permit.id,
            works.c.of_id == 0,
            works.c.review.is_not(None),
        )
    )
    visible = permit.visible()
    return query if visible is None else query.where(visible)


_REVIEW = (
    cases,
    accounts.c.name.label("person"),
    works.c.submissions,
    works.c.submitted,
    works.c.review,
    _REVIEWER.c.name.label("reviewer"),
    works.c.judged,
    works.c.comment,
)


def _with_status(status: ReviewStatus) -> ColumnElement[bool]:
    waits = works.c.review == ReviewStatus.WAITING.value
    if status is ReviewStatus.WAITING:
        return and_(waits, cases.c.selected)
    if status is ReviewStatus.NOT_SELECTED:
        return and_(waits, ~cases.c.selected)
    return works.c.review == status.value


def _revised() -> ColumnElement[bool]:
    return and_(works.c.submissions > 1, _with_status(ReviewStatus.WAITING))


def _review_rows(
    connection: Connection, permit: Permit, rows: Sequence[RowMapping]
) -> tuple[ReviewRow, ...]:
    found = flags_on(connection, permit, [row["id"] for row in rows])
    return tuple(_review_row(row, found.get(row["id"], ())) for row in rows)


def _review_row(row: RowMapping, marks: tuple[Flag, ...]) -> ReviewRow:
    status = _review_status(row)
    assert status is not None
    return ReviewRow(
        case=case_of(row, sized=False),
        ordinal=row["ordinal"],
        person=row["person"],
        number=row["submissions"],
        time=row["submitted"],
        status=status,
        reviewer=row["reviewer"] or "",
        judged=row["judged"],
        comment=json.loads(row["comment"]) if row["comment"] else "",
        flags=marks,
    )


def count_reviews(connection: Connection, permit: Permit) -> ReviewCounts:
    """Return how many submitted cases have which review status."""
    found = _counted(_grouped(connection, permit, literal("")))[""]
    marked = _submitted(permit, select(func.count())).where(flagged(permit))
    return found.model_copy(update={"flagged": connection.scalar(marked) or 0})


def review_progress(connection: Connection, permit: Permit) -> list[PersonProgress]:
    """Return what each person submitted and judged."""
    submitted = _counted(_grouped(connection, permit, accounts.c.name))
    given = _counted(_grouped(connection, permit, _REVIEWER.c.name))
    people = ({*submitted, *given}) - {"", None}
    return [
        PersonProgress(person=person, submitted=submitted[person], given=given[person])
        for person in sorted(people)
    ]


def _grouped(
    connection: Connection, permit: Permit, by: ColumnElement[Any]
) -> list[Any]:
    columns = (works.c.review, cases.c.selected, works.c.submissions > 1)
    query = select(by.label("group"), *columns, func.count())
    query = _submitted(permit, query).group_by("group", *columns)
    return list(connection.execute(query))


class _Tally(dict[str, ReviewCounts]):
    def __missing__(self, key: str) -> ReviewCounts:
        return ReviewCounts()


def _counted(rows: Sequence[Any]) -> _Tally:
    counts: dict[str, Counter[str]] = {}
    for group, review, selected, again, number in rows:
        name = review
        if review == ReviewStatus.WAITING.value:
            name = review if selected else "not_selected"
        tally = counts.setdefault(group, Counter())
        tally[name] += number
        tally["revised"] += number if again and name == "waiting" else 0
    return _Tally({group: ReviewCounts(**tally) for group, tally in counts.items()})


def review_page(
    connection: Connection,
    permit: Permit,
    asked: AskedReviews,
    offset: int,
    limit: int,
) -> ReviewPage:
    """Return a page of the submitted cases; see :meth:`JobStore.reviews`."""
    _rules.check_page(offset, limit)
    conditions = _text(asked.text)
    if asked.status is not None:
        conditions.append(_with_status(asked.status))
    if asked.revised is not None:
        conditions.append(_revised() if asked.revised else ~_revised())
    if asked.person is not None:
        conditions.append(accounts.c.name == asked.person)
    if asked.flagged:
        conditions.append(flagged(permit))
    total = connection.scalar(
        _submitted(permit, select(func.count())).where(*conditions)
    )
    query = _submitted(permit, select(*_REVIEW)).where(*conditions)
    shown = and_(works.c.review == ReviewStatus.WAITING.value, ~cases.c.selected)
    status_now = case((shown, ReviewStatus.NOT_SELECTED.value), else_=works.c.review)
    by = {
        CaseOrder.NAME: cases.c.sorted,
        CaseOrder.STATUS: _placed(status_now, REVIEW_STATUSES),
        CaseOrder.SLICES: func.coalesce(cases.c.n_slices, 0),
        CaseOrder.FLAG: last_flagged(permit),
        CaseOrder.TOUCHED: func.coalesce(works.c.judged, works.c.submitted),
    }.get(asked.order)
    last = cases.c.ordinal, accounts.c.name
    query = query.order_by(*_sorted(asked.order, by, asked.backwards, *last))
    rows = connection.execute(query.offset(offset).limit(limit)).mappings().all()
    return ReviewPage(rows=_review_rows(connection, permit, rows), total=total or 0)


def review_of(
    connection: Connection, permit: Permit, key: str, person: str
) -> ReviewRow:
    """Return one submitted case."""
    found = find_case(connection, permit, key)
    query = _submitted(permit, select(*_REVIEW)).where(
        cases.c.id == found["id"], accounts.c.name == person
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFoundError(
            f"{person} has not submitted it",
            where=key,
            remedy="It may have been taken back: look at the list again",
        )
    return _review_rows(connection, permit, [row])[0]


def next_review(
    connection: Connection,
    permit: Permit,
    after: tuple[str, str] | None,
    *,
    step: int,
    statuses: Sequence[ReviewStatus],
    wrap: bool,
) -> ReviewRow | None:
    """Return the nearest submitted case; see :meth:`JobStore.next_review`."""
    _rules.check_step(step)
    name, job = permit.account.name, permit.job
    if not job.may_review(name):
        return None
    query = _submitted(permit, select(*_REVIEW))
    if statuses:
        query = query.where(or_(*map(_with_status, statuses)))
    if not job.project.options.review_own:
        query = query.where(accounts.c.name != name)
    place, person = cases.c.ordinal, accounts.c.name
    order = (place, person) if step > 0 else (place.desc(), person.desc())
    query = query.order_by(*order).limit(1)
    if after is None:
        row = connection.execute(query).mappings().first()
        return _first_review(connection, permit, row)
    here = find_case(connection, permit, after[0])["ordinal"]
    who = after[1]
    if step > 0:
        beyond = or_(place > here, and_(place == here, person > who))
    else:
        beyond = or_(place < here, and_(place == here, person < who))
    row = connection.execute(query.where(beyond)).mappings().first()
    if row is None and wrap:
        other = or_(place != here, person != who)
        row = connection.execute(query.where(other)).mappings().first()
    return _first_review(connection, permit, row)


def _first_review(
    connection: Connection, permit: Permit, row: RowMapping | None
) -> ReviewRow | None:
    return None if row is None else _review_rows(connection, permit, [row])[0]


def people_of(connection: Connection, permit: Permit, key: str) -> list[str]:
    """Return who has annotated a case, of those whom a person may see."""
    found = find_case(connection, permit, key)
    query = (
        select(accounts.c.name)
        .join(works, works.c.account_id == accounts.c.id)
        .where(
            works.c.case_id == found["id"],
            works.c.of_id == 0,
            works.c.revision > 0,
        )
        .order_by(accounts.c.name)
    )
    visible = permit.visible()
    if visible is not None:
        query = query.where(visible)
    return list(connection.scalars(query))


def combinations_of(connection: Connection, permit: Permit) -> dict[str, str]:
    """Return the texts of combined classes, by their names."""
    found = connection.execute(
        select(combinations.c.name, combinations.c.document).where(
            combinations.c.project_id == permit.id
        )
    )
    return {name: json.loads(text) for name, text in sorted(found.all())}
