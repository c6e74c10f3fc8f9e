"""Flags on cases: who put them there, and who sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, insert, select

from napari_annotate_jobs.model import Flag
from napari_annotate_jobs.stores._flags import latest_first, new_flag

from ._accounts import find_account
from ._drafts import find_case, find_work, parts_of, tell
from ._schema import accounts, cases, flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from ._drafts import PersonWork
    from ._permits import Permit

__all__ = ["bring_flag", "flag_of", "flagged", "flags_on", "last_flagged", "set_flag"]


def _seen(permit: Permit) -> list[ColumnElement[bool]]:
    """Return the condition for flags that a person may see: else only their own."""
    return [] if permit.sees_all else [flags.c.account_id == permit.account.id]


def flagged(permit: Permit) -> ColumnElement[bool]:
    """Return the condition for cases with a flag that a person may see."""
    return exists().where(flags.c.case_id == cases.c.id, *_seen(permit))


def last_flagged(permit: Permit) -> ColumnElement[Any]:
    """Return when a case was flagged the last time; null if it never was."""
    return (
        select(func.max(flags.c.time))
        .where(flags.c.case_id == cases.c.id, *_seen(permit))
        .scalar_subquery()
    )


def flags_on(
    connection: Connection, permit: Permit, case_ids: Sequence[int]
) -> dict[int, tuple[Flag, ...]]:
    """Return the flags on cases that a person may see, the latest first."""
    found: dict[int, list[Flag]] = {}
    for part in parts_of([str(case_id) for case_id in dict.fromkeys(case_ids)]):
        query = (
            select(flags.c.case_id, accounts.c.name, flags.c.reason, flags.c.time)
            .join(accounts, accounts.c.id == flags.c.account_id)
            .where(flags.c.case_id.in_(list(map(int, part))), *_seen(permit))
        )
        for case_id, person, reason, time in connection.execute(query):
            flag = Flag(person=person, reason=reason, time=time)
            found.setdefault(case_id, []).append(flag)
    return {case_id: latest_first(each) for case_id, each in found.items()}


def flag_of(work: PersonWork) -> Flag | None:
    """Return the flag that whose work it is put on the case."""
    row = work.connection.execute(
        select(flags.c.reason, flags.c.time).where(
            flags.c.case_id == work.case["id"], flags.c.account_id == work.author_id
        )
    ).first()
    if row is None or work.of_id:
        return None
    return Flag(person=work.author, reason=row[0], time=row[1])


def bring_flag(work: PersonWork, flag: Flag) -> None:
    """Keep a flag that another store kept."""
    work.connection.execute(
        insert(flags).values(
            case_id=work.case["id"],
            account_id=work.author_id,
            reason=flag.reason.replace("\0", " "),
            time=flag.time,
        )
    )


def set_flag(
    connection: Connection,
    permit: Permit,
    key: str,
    reason: str | None,
    *,
    person: str | None = None,
) -> tuple[Flag, ...]:
    """Flag a case, or take a flag away; see :meth:`JobStore.flag`."""
    case = find_case(connection, permit, key)
    permit.require_part()
    by = permit.account
    whose = by if person in (None, by.name) else find_account(connection, str(person))
    flag = new_flag(permit.job, reason, by=by.name, person=whose.name, where=key)
    if flag is not None:
        # So that whoever takes the job elsewhere finds the flag among what is theirs.
        find_work(connection, permit, key, lock=True).make()
    here = {"case_id": case["id"], "account_id": whose.id}
    done = connection.execute(
        delete(flags).where(*(flags.c[name] == value for name, value in here.items()))
    )
    if flag is not None:
        connection.execute(
            insert(flags).values(
                **here, reason=flag.reason.replace("\0", " "), time=flag.time
            )
        )
    if flag is not None or done.rowcount:
        kind = "unflagged" if flag is None else "flagged"
        tell(connection, permit, kind, case_id=case["id"], author_id=whose.id)
    return flags_on(connection, permit, [case["id"]]).get(case["id"], ())
