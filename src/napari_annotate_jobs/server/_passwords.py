"""Log-ins with name and password; who guesses is slowed down, at every server alike."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from napari_annotate_jobs.errors import LogInError, StoreAccessError
from napari_annotate_jobs.model import now

from ._accounts import TOKEN_DAYS, is_password, kept_password, log_in, make_token
from ._schema import log_in_failures

if TYPE_CHECKING:
    from fastapi import Request
    from sqlalchemy import Connection

    from ._service import Service

__all__ = ["forget_failures", "log_in_from"]

_MOST = 20
"""Failures from one address that are let through within this time:"""
_WITHIN = timedelta(minutes=5)


def log_in_from(
    request: Request,
    service: Service,
    name: str,
    password: str,
    *,
    label: str,
    days: int = TOKEN_DAYS,
) -> tuple[str, str]:
    """Return a new token for name and password, and the name as it is kept.

    Parameters
    ----------
    request : Request
        Where it comes from.
    service : Service
        The server's parts.
    name, password : str
        Of who logs in.
    label : str
        What the token is for.
    days : int
        How long it is good.

    Raises
    ------
    LogInError
        If they do not fit.
    StoreAccessError
        If too many log-ins failed lately, from there or of this name; says for how
        long.
    """
    host = request.client.host if request.client else ""
    address = hashlib.sha256(host.encode()).hexdigest()
    with service.database.reading() as connection:
        _check(connection, address)
        kept = kept_password(connection, name)
    # Between two transactions: while one waits for this, nobody else could save.
    right = is_password(password, kept)
    with service.database.writing() as connection:
        account = log_in(connection, name, kept if right else None)
        if account is not None:
            token = make_token(connection, account, label=label, days=days)
            return token, account.name
        connection.execute(insert(log_in_failures).values(address=address, time=now()))
    raise LogInError("name and password do not fit", remedy="Try again")


def _check(connection: Connection, address: str) -> None:
    time = now()
    count, first = connection.execute(
        select(func.count(), func.min(log_in_failures.c.time)).where(
            log_in_failures.c.address == address,
            log_in_failures.c.time > time - _WITHIN,
        )
    ).one()
    if count >= _MOST:
        wait = int((first + _WITHIN - time).total_seconds()) + 1
        error = StoreAccessError(
            "too many failed log-ins", remedy=f"Try again in {wait} seconds"
        )
        error.retry_after = wait
        raise error


def forget_failures(connection: Connection) -> int:
    """Forget failed log-ins that do not count any more."""
    found = connection.execute(
        delete(log_in_failures).where(log_in_failures.c.time <= now() - _WITHIN)
    )
    return int(found.rowcount)
