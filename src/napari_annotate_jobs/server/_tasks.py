"""Tasks: whose cases are whose, given out or claimed."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime
from sqlalchemy import and_, delete, func, or_, select, update

from napari_annotate_jobs.errors import (
    InvalidValueError,
    RoleError,
    TransitionError,
    counted,
)
from napari_annotate_jobs.model import Value, now
from napari_annotate_jobs.stores import check_person

from ._accounts import Account, find_account
from ._audit import record
from ._drafts import find_case, insert_or_ignore, tell, tell_of
from ._permits import permit
from ._schema import accounts, cases, projects, tasks, works

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from ._permits import Permit

__all__ = [
    "Assignment",
    "TaskRow",
    "assign",
    "assign_evenly",
    "claim",
    "hand_on",
    "lapse_claims",
    "list_tasks",
    "release",
]


class Assignment(StrEnum):
    """How the cases of a project come to its annotators."""

    EVERYONE = "everyone"
    """Every annotator works on every case."""
    ASSIGNED = "assigned"
    """Owners give them out."""
    CLAIM = "claim"
    """Annotators take them one by one."""


class TaskRow(Value):
    """A case that is somebody's, or anybody's to claim."""

    case: str
    person: str | None = None
    claimed: bool = False
    lease_until: AwareDatetime | None = None
    priority: int = 0
    due: AwareDatetime | None = None


def list_tasks(connection: Connection, permit: Permit) -> list[TaskRow]:
    """Return whose cases are whose: one's own, for an owner all."""
    query = (
        select(
            cases.c.key,
            accounts.c.name,
            tasks.c.claimed,
            tasks.c.lease_until,
            tasks.c.priority,
            tasks.c.due,
        )
        .join(cases, cases.c.id == tasks.c.case_id)
        .outerjoin(accounts, accounts.c.id == tasks.c.account_id)
        .where(tasks.c.project_id == permit.id)
        .order_by(cases.c.ordinal, accounts.c.name)
    )
    if not (permit.owner or permit.account.admin):
        query = query.where(tasks.c.account_id == permit.account.id)
    names = ("case", "person", "claimed", "lease_until", "priority", "due")
    found = connection.execute(query)
    return [TaskRow(**dict(zip(names, row, strict=True))) for row in found]


def assign(
    connection: Connection,
    permit: Permit,
    key: str,
    people: Sequence[str],
    *,
    priority: int = 0,
    due: Any = None,
) -> None:
    """Say who annotates a case; who was to, and has not submitted, no longer is.

    Raises
    ------
    InvalidValueError
        If nobody annotates blind so often, or somebody may not annotate.
    """
    permit.require_owner()
    case = find_case(connection, permit, key)
    if len(set(people)) > 5:
        raise InvalidValueError(
            f"{len(set(people))} people for one case", where=key, remedy="Name up to 5"
        )
    wanted = _annotators(connection, permit, people)
    ids = [account.id for account in wanted]
    submitted = select(works.c.account_id).where(
        works.c.case_id == case["id"],
        works.c.of_id == 0,
        works.c.review.is_not(None),
    )
    connection.execute(
        delete(tasks).where(
            tasks.c.case_id == case["id"],
            tasks.c.kind == "annotate",
            tasks.c.account_id.not_in(ids),
            tasks.c.account_id.not_in(submitted),
        )
    )
    for account in wanted:
        _give(connection, permit, case["id"], account.id, priority=priority, due=due)
    record(
        connection, permit.id, permit.account.name, "assign", f"{key}: {list(people)}"
    )
    tell(connection, permit, "task", case_id=case["id"])


def assign_evenly(
    connection: Connection, permit: Permit, people: Sequence[str], *, each: int = 1
) -> int:
    """Give cases that too few people have to annotators, so that all have as many.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    permit : Permit
        Of who does it.
    people : sequence of str
        The annotators.
    each : int
        How many people annotate each case.

    Returns
    -------
    int
        How many were given out.
    """
    permit.require_owner()
    takers = _annotators(connection, permit, people)
    if not 1 <= each <= min(5, len(takers)):
        raise InvalidValueError(
            f"{each} people for each case, of {len(takers)}",
            where=permit.job.name,
            remedy="Use 1 to 5, and no more than there are people",
        )
    every = connection.scalars(
        select(cases.c.id)
        .where(cases.c.project_id == permit.id)
        .order_by(cases.c.ordinal)
    ).all()
    given = _share(connection, permit, every, takers, each)
    record(
        connection,
        permit.id,
        permit.account.name,
        "assign evenly",
        counted(given, "case"),
    )
    tell(connection, permit, "task")
    return given


def _annotators(
    connection: Connection, project: Permit, people: Sequence[str]
) -> list[Account]:
    found = []
    for name in dict.fromkeys(map(check_person, people)):
        account = find_account(connection, name)
        permit(connection, account, project.job.id)
        if not project.job.may_annotate(account.name):
            raise InvalidValueError(
                f"{account.name} is not among the annotators of this job",
                where=project.job.name,
                remedy="Make them an annotator first",
            )
        found.append(account)
    return found


def _share(
    connection: Connection,
    permit: Permit,
    case_ids: Sequence[int],
    takers: Sequence[Account],
    each: int,
) -> int:
    if not takers:
        return 0
    having: dict[int, set[int]] = {}
    load = dict.fromkeys((account.id for account in takers), 0)
    for case_id, account_id in connection.execute(
        select(tasks.c.case_id, tasks.c.account_id).where(
            tasks.c.project_id == permit.id, tasks.c.kind == "annotate"
        )
    ):
        having.setdefault(case_id, set()).add(account_id)
        if account_id in load:
            load[account_id] += 1
    given = 0
    order = {account.id: place for place, account in enumerate(takers)}
    for case_id in case_ids:
        has = having.setdefault(case_id, set())
        while len(has) < each:
            free = [account for account in load if account not in has]
            if not free:
                break
            chosen = min(free, key=lambda a: (load[a], order[a]))
            _give(connection, permit, case_id, chosen)
            has.add(chosen)
            load[chosen] += 1
            given += 1
    return given


def _give(
    connection: Connection,
    permit: Permit,
    case_id: int,
    account_id: int,
    *,
    priority: int = 0,
    due: Any = None,
    claimed: bool = False,
    lease_until: Any = None,
) -> None:
    values = {
        "claimed": claimed,
        "lease_until": lease_until,
        "priority": priority,
        "due": due,
    }
    connection.execute(
        insert_or_ignore(connection, tasks).values(
            project_id=permit.id,
            case_id=case_id,
            account_id=account_id,
            kind="annotate",
            **values,
        )
    )
    connection.execute(
        update(tasks)
        .where(
            tasks.c.case_id == case_id,
            tasks.c.account_id == account_id,
            tasks.c.kind == "annotate",
        )
        .values(**values)
    )


def hand_on(
    connection: Connection, permit: Permit, account_id: int, takers: Sequence[Account]
) -> int:
    """Take from somebody what they have not submitted, and share it evenly.

    Returns
    -------
    int
        How many cases others have now; without takers they can be claimed.
    """
    left = _open_tasks(connection, permit, account_id)
    connection.execute(
        delete(tasks).where(
            tasks.c.project_id == permit.id,
            tasks.c.account_id == account_id,
            tasks.c.case_id.in_(left),
        )
    )
    return _share(connection, permit, left, takers, 1)


def _open_tasks(connection: Connection, permit: Permit, account_id: int) -> list[int]:
    """Return the cases that somebody has to do, and has not submitted."""
    done = select(works.c.case_id).where(
        works.c.account_id == account_id,
        works.c.of_id == 0,
        works.c.review.is_not(None),
    )
    return list(
        connection.scalars(
            select(tasks.c.case_id).where(
                tasks.c.project_id == permit.id,
                tasks.c.account_id == account_id,
                tasks.c.case_id.not_in(done),
            )
        )
    )


def claim(connection: Connection, permit: Permit, key: str | None = None) -> TaskRow:
    """Take a case, or the next one that is free; claiming one's own extends the lease.

    Raises
    ------
    TransitionError
        If cases are not claimed in this project, or none is free.
    RoleError
        If who asks annotates nothing here.
    """
    name = permit.account.name
    if permit.project["assignment"] != Assignment.CLAIM.value:
        raise TransitionError(
            "the cases of this job are not claimed",
            where=permit.job.name,
            remedy="Open one that is assigned to you",
        )
    if not permit.job.may_annotate(name):
        raise RoleError(
            f"{name} is not among the annotators of this job", where=permit.job.name
        )
    # Whoever else claims waits: or two would take the last place of a case.
    connection.execute(
        select(projects.c.id).where(projects.c.id == permit.id).with_for_update()
    )
    mine = permit.account.id
    taken = (
        select(func.count())
        .select_from(tasks)
        .where(tasks.c.case_id == cases.c.id, tasks.c.kind == "annotate")
        .scalar_subquery()
    )
    own = select(tasks.c.case_id).where(
        tasks.c.account_id == mine, tasks.c.project_id == permit.id
    )
    begun = select(works.c.case_id).where(
        works.c.account_id == mine, works.c.project_id == permit.id
    )
    room = taken < permit.project["annotators_per_case"]
    query = select(cases.c.id, cases.c.key).where(cases.c.project_id == permit.id)
    if key is None:
        query = query.where(room, cases.c.id.not_in(own), cases.c.id.not_in(begun))
        query = query.order_by(cases.c.ordinal).limit(1)
    else:
        query = query.where(cases.c.key == key, or_(room, cases.c.id.in_(own)))
    found = connection.execute(query).first()
    if found is None:
        raise TransitionError(
            "no case is free" if key is None else "others have claimed the case",
            where=permit.job.name if key is None else key,
            remedy="Look again later: claims that are not used lapse",
        )
    until = now() + timedelta(seconds=permit.project["lease"])
    here = (
        tasks.c.case_id == found[0],
        tasks.c.account_id == mine,
        tasks.c.kind == "annotate",
    )
    fields = tasks.c.claimed, tasks.c.priority, tasks.c.due
    row = connection.execute(select(*fields).where(*here)).mappings().first()
    if row is None:
        _give(connection, permit, found[0], mine, claimed=True, lease_until=until)
    elif row["claimed"]:
        connection.execute(update(tasks).where(*here).values(lease_until=until))
    else:
        # It was given to them: it does not lapse.
        return TaskRow(
            case=found[1], person=name, priority=row["priority"], due=row["due"]
        )
    record(connection, permit.id, name, "claim", found[1])
    tell(connection, permit, "task", case_id=found[0], author_id=mine)
    return TaskRow(case=found[1], person=name, claimed=True, lease_until=until)


def release(connection: Connection, permit: Permit, key: str) -> None:
    """Give a claimed case back; what was drawn stays one's own draft.

    Raises
    ------
    TransitionError
        If it was not claimed, or is submitted.
    """
    case = find_case(connection, permit, key)
    mine = permit.account.id
    kept = case["id"] not in _open_tasks(connection, permit, mine)
    done = None
    if not kept:
        done = connection.execute(
            delete(tasks).where(
                tasks.c.case_id == case["id"],
                tasks.c.account_id == mine,
                tasks.c.claimed,
            )
        )
    if done is None or not done.rowcount:
        raise TransitionError(
            "there is no claim to give back",
            where=key,
            remedy="Only a case that was claimed, and not submitted, is given back",
        )
    record(connection, permit.id, permit.account.name, "release", key)
    tell(connection, permit, "task", case_id=case["id"], author_id=mine)


def lapse_claims(connection: Connection) -> int:
    """Give back what was claimed, and not submitted within the lease; tell of it."""
    done = select(works.c.id).where(
        and_(
            works.c.case_id == tasks.c.case_id,
            works.c.account_id == tasks.c.account_id,
            works.c.of_id == 0,
            works.c.review.is_not(None),
        )
    )
    lapsed = connection.execute(
        delete(tasks)
        .where(tasks.c.claimed, tasks.c.lease_until <= now(), ~done.exists())
        .returning(tasks.c.project_id, tasks.c.case_id, tasks.c.account_id)
    ).all()
    # In one order everywhere: who tells of a project waits for who tells of it, too.
    for project, case_id, account_id in sorted(lapsed):
        tell_of(connection, project, "lapsed", case_id=case_id, author_id=account_id)
    return len(lapsed)
