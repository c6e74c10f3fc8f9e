"""The record of who did what: each entry carries the digest of the one before."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from napari_annotate_jobs.model import now
from napari_annotate_jobs.stores import Fault

from ._schema import accounts, audit, projects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

__all__ = ["broken_links", "record"]

_FIELDS = ("chain", "number", "time", "person", "action", "subject", "previous")


def record(
    connection: Connection, chain: int, person: str, action: str, subject: str = ""
) -> None:
    """Put an entry at the end of a chain, in the transaction of what it tells of.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    chain : int
        The id of a project; 0 for the server as a whole.
    person, action, subject : str
        Who did what, and to what; never a secret.
    """
    # Whoever else writes there waits until this one is done.
    first = select(accounts.c.id).order_by(accounts.c.id).limit(1)
    whole = select(projects.c.id).where(projects.c.id == chain)
    connection.execute((whole if chain else first).with_for_update())
    last = connection.execute(
        select(audit.c.number, audit.c.digest)
        .where(audit.c.chain == chain)
        .order_by(audit.c.number.desc())
        .limit(1)
    ).first()
    number, previous = (1, "") if last is None else (last[0] + 1, last[1])
    fields = {
        "chain": chain,
        "number": number,
        "time": now().isoformat(),
        "person": person,
        "action": action,
        "subject": subject,
        "previous": previous,
    }
    connection.execute(insert(audit).values(**fields, digest=_digest(fields)))


def broken_links(connection: Connection) -> Iterator[Fault]:
    """Return where the record was altered, or something taken out of it."""
    chains = connection.scalars(select(audit.c.chain).group_by(audit.c.chain))
    for chain in list(chains):
        previous, expected = "", 1
        rows = connection.execute(
            select(audit).where(audit.c.chain == chain).order_by(audit.c.number)
        ).mappings()
        for row in rows:
            fields = {name: row[name] for name in _FIELDS}
            whole = (
                row["number"] == expected
                and row["previous"] == previous
                and row["digest"] == _digest(fields)
            )
            if not whole:
                yield Fault(
                    where=f"audit {chain}, entry {expected}",
                    what="the record was altered, or an entry taken out",
                    remedy="Compare it with a backup",
                )
                break
            previous, expected = row["digest"], expected + 1


def _digest(fields: dict[str, object]) -> str:
    text = json.dumps([fields[name] for name in _FIELDS], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
