"""Masks that nothing names any more: when they may go, and that none goes too early.

A mask is left alone for as long as a client may be about to name it: a week since it
was brought, or since somebody was told that it is here. Then it goes in two steps. In
the first, what nothing names is marked, and nobody may name it any more who has not
brought it again. In the second, its bytes and its row go, unless it was brought
meanwhile: who brings it takes the mark off before the bytes are put on the shelf, and
waits for the second step should that be under way.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, or_, select, update

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.model import now
from napari_annotate_jobs.stores import Fault

from ._blobs import blob_name, proved
from ._drafts import parts_of
from ._schema import (
    blob_uses,
    blobs,
    cases,
    entries,
    projects,
    slices,
    submissions,
    verdicts,
    works,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from typing import Any

    from sqlalchemy import Connection, Select

    from ._service import Service

__all__ = [
    "are_stale",
    "collect_blobs",
    "faults_of_masks",
    "is_stale",
    "keep_blobs",
    "kept_bytes",
    "stored_mask",
]

_SPARED = timedelta(days=7)
_FRESH = timedelta(days=1)
"""Who names a mask again within this time need not note it."""
_SOME = 50
"""Masks that are looked at in one transaction: others wait for it to write."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def collect_blobs(connection: Connection, service: Service) -> int:
    """Do a part of it; return how many masks went.

    Parameters
    ----------
    connection : Connection
        Of a transaction of its own.
    service : Service
        The server's parts.
    """
    gone = _second_step(connection, service)
    _first_step(connection, now() - _SPARED)
    return gone


def _second_step(connection: Connection, service: Service) -> int:
    """Take away what an earlier first step has marked."""
    marked = select(blobs.c.digest).where(blobs.c.asked.is_(None)).limit(_SOME)
    found = list(connection.scalars(marked.with_for_update(skip_locked=True)))
    for digest in found:
        # Should this be interrupted, it stays marked: nobody may name it.
        service.shelf.drop(blob_name(digest))
    for part in parts_of(found):
        connection.execute(delete(blob_uses).where(blob_uses.c.digest.in_(part)))
        connection.execute(delete(blobs).where(blobs.c.digest.in_(part)))
    return len(found)


def _first_step(connection: Connection, before: datetime) -> None:
    old = (
        select(blobs.c.digest)
        .where(blobs.c.asked <= before)
        .order_by(blobs.c.asked)
        .limit(_SOME)
    )
    # Who is about to name one has its row, see keep_blobs.
    found = list(connection.scalars(old.with_for_update(skip_locked=True)))
    if not found:
        return
    of = set(
        connection.scalars(
            select(blob_uses.c.case_id).where(blob_uses.c.digest.in_(found))
        )
    )
    named = {d for case in of for d in _named(connection, case)}
    for digest in found:
        here = blobs.c.digest == digest
        if digest in named:
            # Looked at again in a week.
            connection.execute(update(blobs).where(here).values(asked=now()))
        else:
            connection.execute(delete(blob_uses).where(blob_uses.c.digest == digest))
            connection.execute(update(blobs).where(here).values(asked=None))


def _texts(case_id: int) -> Iterator[Select[Any]]:
    """Give the questions for all that is said of a case."""
    of = select(works.c.id).where(works.c.case_id == case_id)
    for table in (slices, submissions, verdicts, entries):
        text = select(table.c.document).where(table.c.annotation_id.in_(of))
        yield text.where(table.c.document.is_not(None))
    yield select(works.c.whole).where(works.c.case_id == case_id)


def _named(connection: Connection, case_id: int) -> Iterator[str]:
    """Give all that looks like a digest in what is said of a case."""
    for query in _texts(case_id):
        for text in connection.scalars(query):
            yield from _DIGEST.findall(text)


# ------------------------------------------------------------------------ keeping
_STALE = (
    select(blobs.c.digest)
    .where(
        blobs.c.digest.in_(bindparam("digests", expanding=True)),
        or_(blobs.c.asked.is_(None), blobs.c.asked <= bindparam("before")),
    )
    .limit(1)
)


def is_stale(asked: datetime | None) -> bool:
    """Return whether a mask was not asked for since long, or is marked."""
    return asked is None or asked <= now() - _FRESH


def are_stale(connection: Connection, digests: Collection[str]) -> bool:
    """Return whether one of these masks is stale; see :func:`is_stale`."""
    for part in parts_of(digests):
        asked = {"digests": part, "before": now() - _FRESH}
        if connection.scalar(_STALE, asked) is not None:
            return True
    return False


def keep_blobs(connection: Connection, digests: Collection[str]) -> None:
    """See that these masks stay, if they are there; before it is looked at whether.

    Whoever takes masks away waits for this transaction, or has gone before it.
    """
    if not digests or not are_stale(connection, digests):
        return
    for part in parts_of(sorted(digests)):
        connection.execute(
            update(blobs).where(blobs.c.digest.in_(part)).values(asked=now())
        )


# ------------------------------------------------------------------------ reading
_DATA = select(blobs.c.data).where(blobs.c.digest == bindparam("digest"))


def kept_bytes(connection: Connection, digest: str) -> bytes | None:
    """Return a mask that the database has itself; None for others."""
    data: bytes | None = connection.scalar(_DATA, {"digest": digest})
    return data


def stored_mask(service: Service, digest: str) -> bytes | None:
    """Return a mask, from wherever it is; None if it is not there.

    Raises
    ------
    CorruptError
        If its bytes do not have this digest.
    """
    with service.database.reading() as connection:
        kept = kept_bytes(connection, digest)
    return service.shelf.get(digest) if kept is None else proved(digest, kept)


# ----------------------------------------------------------------------- checking
def faults_of_masks(service: Service) -> Iterator[Fault]:
    """Return which masks are named by annotations and are not there, or damaged."""
    with service.database.reading() as connection:
        every = connection.execute(
            select(cases.c.id, cases.c.key, projects.c.key)
            .join(projects, projects.c.id == cases.c.project_id)
            .order_by(cases.c.id)
        ).all()
    for case_id, case, project in every:
        with service.database.reading() as connection:
            named = set(_named_masks(connection, case_id))
            known: set[str] = set()
            for part in parts_of(named):
                query = select(blobs.c.digest).where(
                    blobs.c.digest.in_(part), blobs.c.asked.is_not(None)
                )
                known |= set(connection.scalars(query))
        where = f"{project}, {case}"
        yield from _faults(service, where, sorted(named), known)


def _named_masks(connection: Connection, case_id: int) -> Iterator[str]:
    """Give the digests of masks in drafts and submissions."""
    of = select(works.c.id).where(works.c.case_id == case_id)
    for table in (slices, submissions):
        query = select(table.c.document).where(
            table.c.annotation_id.in_(of), table.c.document.is_not(None)
        )
        for text in connection.scalars(query):
            yield from _masks_in(text)


def _masks_in(text: str) -> Iterable[str]:
    # Of a submission, its own digest stands beside those of masks.
    def walk(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            digest = value.get("digest")
            if isinstance(digest, str) and "pixels" in value:
                yield digest
            for each in value.values():
                yield from walk(each)
        elif isinstance(value, list):
            for each in value:
                yield from walk(each)

    return walk(json.loads(text))


def _faults(
    service: Service, where: str, named: Iterable[str], known: set[str]
) -> Iterator[Fault]:
    for digest in named:
        what = ""
        try:
            if digest not in known:
                what = "is not known to the database"
            elif stored_mask(service, digest) is None:
                what = "is not there"
        except CorruptError:
            what = "is damaged"
        if what:
            yield Fault(
                where=where,
                what=f"the mask {digest[:16]} {what}",
                remedy="Restore it from a backup, or paint the slice again",
            )
