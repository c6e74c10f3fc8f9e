"""People who may log in, their passwords and their tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from napari_annotate_jobs.errors import (
    ExistsError,
    InvalidValueError,
    LogInError,
    NotFoundError,
    RoleError,
    StoreAccessError,
)
from napari_annotate_jobs.model import now
from napari_annotate_jobs.stores import check_person

from ._audit import record
from ._schema import accounts, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pwdlib import PasswordHash
    from sqlalchemy import Connection, RowMapping, Select

__all__ = [
    "OF_TOKEN",
    "SCOPES",
    "TOKEN_DAYS",
    "Account",
    "TokenInfo",
    "add_account",
    "asked_with",
    "authenticate",
    "find_account",
    "is_password",
    "kept_password",
    "list_accounts",
    "list_tokens",
    "log_in",
    "make_token",
    "revoke_token",
    "set_password",
    "suspend_account",
]

SCOPES = ("read", "write", "admin")
"""What a token is good for: each includes those before it."""

_PREFIX = "naj"
_MOST_FAILURES = 5
_LOCKED = timedelta(minutes=5)
_SHORTEST = 10
TOKEN_DAYS = 90
"""How long a token is good, unless it is said otherwise."""


@dataclass(frozen=True)
class Account:
    """Who is asking.

    Parameters
    ----------
    id : int
        In the database.
    name : str
        Of the person.
    admin : bool
        True for who may see and change everything on this server.
    scope : str
        Of the token; one of :data:`SCOPES`.
    token : str
        Which token it is; empty for none.
    label : str
        What the token is for.
    """

    id: int
    name: str
    admin: bool = False
    scope: str = "admin"
    token: str = ""
    label: str = ""

    def require(self, scope: str) -> None:
        """Raise RoleError unless the token is good for this."""
        if SCOPES.index(self.scope) < SCOPES.index(scope):
            raise RoleError(
                f"the token is good for {self.scope}, not for {scope}",
                remedy="Log in again, or use another token",
            )

    def require_admin(self) -> None:
        """Raise RoleError unless this is an owner of the server."""
        self.require("admin")
        if not self.admin:
            raise RoleError(
                f"{self.name} is not an owner of this server",
                remedy="Ask an owner of the server to do it",
            )


@dataclass(frozen=True)
class TokenInfo:
    """What can be told of a token; never its secret."""

    id: str
    label: str
    scope: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None


# ------------------------------------------------------------------------- people
def add_account(
    connection: Connection,
    name: str,
    *,
    admin: bool = False,
    password: str | None = None,
    by: str = "",
) -> Account:
    """Add a person.

    Raises
    ------
    ExistsError
        If there is one of this name.
    InvalidValueError
        If it cannot be a name, or the password is too short.
    """
    name = check_person(name)
    if _row(connection, name) is not None:
        raise ExistsError(
            f"there is a person {name!r} already",
            remedy="Give each person a name of their own",
        )
    hashed = None if password is None else _hashed(password)
    result = connection.execute(
        insert(accounts).values(
            name=name, admin=admin, password=hashed, created=now(), suspended=False
        )
    )
    assert result.inserted_primary_key is not None
    record(connection, 0, by or name, "add person", name)
    return Account(int(result.inserted_primary_key[0]), name, admin)


def find_account(connection: Connection, name: str) -> Account:
    """Return a person.

    Raises
    ------
    NotFoundError
        If there is none of this name.
    """
    row = _row(connection, check_person(name))
    if row is None:
        raise NotFoundError(
            f"there is no person {name!r}",
            remedy="Have an owner of the server add the name",
        )
    return Account(row["id"], row["name"], row["admin"])


def list_accounts(connection: Connection) -> Sequence[RowMapping]:
    """Return all people by their names, without their secrets."""
    columns = (accounts.c.name, accounts.c.admin, accounts.c.suspended)
    return (
        connection.execute(
            select(*columns, accounts.c.created).order_by(accounts.c.name)
        )
        .mappings()
        .all()
    )


def suspend_account(
    connection: Connection, name: str, *, suspended: bool, by: str
) -> None:
    """Lock a person out, or let them in again.

    Raises
    ------
    RoleError
        If no owner of the server would be left.
    """
    account = find_account(connection, name)
    if suspended and account.admin:
        left = connection.scalar(
            select(func.count())
            .select_from(accounts)
            .where(accounts.c.admin, ~accounts.c.suspended, accounts.c.id != account.id)
        )
        if not left:
            raise RoleError(
                f"{account.name} is the only owner of the server",
                remedy="Make somebody else an owner first",
            )
    connection.execute(
        update(accounts).where(accounts.c.id == account.id).values(suspended=suspended)
    )
    action = "suspend person" if suspended else "let person in"
    record(connection, 0, by, action, account.name)


def set_password(connection: Connection, name: str, password: str, *, by: str) -> None:
    """Give a person a password; all tokens of theirs are revoked.

    Raises
    ------
    InvalidValueError
        If it is too short.
    """
    account = find_account(connection, name)
    connection.execute(
        update(accounts)
        .where(accounts.c.id == account.id)
        .values(password=_hashed(password), failures=0, locked_until=None)
    )
    connection.execute(
        update(tokens)
        .where(tokens.c.account_id == account.id, tokens.c.revoked.is_(None))
        .values(revoked=now())
    )
    record(connection, 0, by, "set password", account.name)


def kept_password(connection: Connection, name: str) -> str | None:
    """Return what is kept of a password; None if there is none, or no such person.

    Raises
    ------
    StoreAccessError
        If the account is locked now; says for how long.
    """
    with suppress(InvalidValueError):
        row = _row(connection, check_person(name))
        if row is not None:
            _require_unlocked(row)
            kept: str | None = row["password"]
            return kept
    return None


def is_password(password: str, kept: str | None) -> bool:
    """Return whether a password is the one that was kept; takes long on purpose.

    As long for who has none or is not known, so that nobody can tell by the time. Not
    for a transaction to wait for.
    """
    right: bool = _hasher().verify(password, kept or _decoy())
    return right and kept is not None


def log_in(connection: Connection, name: str, kept: str | None) -> Account | None:
    """Return who logs in, None if name and password do not fit.

    After some failures the account is locked for a while, whoever tries. The
    transaction is to be ended even then: the failure is kept.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    name : str
        Who.
    kept : str, optional
        What was kept of their password, if the one given is that: see
        :func:`is_password`; else None.

    Raises
    ------
    StoreAccessError
        If the account is locked now; says for how long.
    """
    row = None
    with suppress(InvalidValueError):
        row = _row(connection, check_person(name), lock=True)
    if row is None:
        return None
    _require_unlocked(row)
    # It may have been changed while it was looked at.
    if kept is None or kept != row["password"] or row["suspended"]:
        failures = row["failures"] + 1
        locked = now() + _LOCKED if failures >= _MOST_FAILURES else None
        connection.execute(
            update(accounts)
            .where(accounts.c.id == row["id"])
            .values(failures=0 if locked else failures, locked_until=locked)
        )
        record(connection, 0, row["name"], "failed log-in")
        return None
    connection.execute(
        update(accounts)
        .where(accounts.c.id == row["id"])
        .values(failures=0, locked_until=None)
    )
    return Account(row["id"], row["name"], row["admin"])


def _require_unlocked(row: RowMapping) -> None:
    time = now()
    if row["locked_until"] and row["locked_until"] > time:
        left = int((row["locked_until"] - time).total_seconds()) + 1
        error = StoreAccessError(
            "too many failed log-ins", remedy=f"Try again in {left} seconds"
        )
        error.retry_after = left
        raise error


# ------------------------------------------------------------------------- tokens
def make_token(
    connection: Connection,
    account: Account,
    *,
    scope: str = "write",
    days: int | None = TOKEN_DAYS,
    label: str = "",
    by: str = "",
) -> str:
    """Return a new token; it is shown once, and only its digest is kept.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    account : Account
        Whose.
    scope : str
        One of :data:`SCOPES`.
    days : int, optional
        How long it is good; None for ever.
    label : str
        What it is for.
    by : str
        Who makes it.
    """
    if scope not in SCOPES:
        raise InvalidValueError(
            f"{scope!r} is nothing that a token is good for",
            remedy=f"Choose one of {', '.join(SCOPES)}",
        )
    if days is not None and not 1 <= days <= 3650:
        raise InvalidValueError(
            f"a token cannot be good for {days} days", remedy="Use 1 to 3650"
        )
    key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    time = now()
    connection.execute(
        insert(tokens).values(
            id=key,
            account_id=account.id,
            digest=_digest(secret),
            scope=scope,
            label=label[:200],
            created=time,
            expires=None if days is None else time + timedelta(days=days),
        )
    )
    record(connection, 0, by or account.name, "make token", f"{account.name} {key}")
    return f"{_PREFIX}_{key}_{secret}"


# Asked with every request: made once, it need not be put together each time.
OF_TOKEN = (
    select(
        tokens.c.id.label("token_id"),
        tokens.c.account_id.label("token_of"),
        tokens.c.digest.label("token_digest"),
        tokens.c.scope.label("token_scope"),
        tokens.c.label.label("token_label"),
        tokens.c.expires.label("token_expires"),
        tokens.c.revoked.label("token_revoked"),
        accounts.c.name.label("token_name"),
        accounts.c.admin.label("token_admin"),
        accounts.c.suspended.label("token_suspended"),
    )
    .select_from(tokens.join(accounts, accounts.c.id == tokens.c.account_id))
    .where(tokens.c.id == bindparam("token"))
)
"""The question for a token, which others may ask more in; see :func:`asked_with`."""


def authenticate(connection: Connection, token: str) -> Account:
    """Return whose token it is.

    Raises
    ------
    LogInError
        If it is nobody's, or no longer good.
    """
    return asked_with(connection, token, OF_TOKEN, {})[0]


def asked_with(
    connection: Connection, token: str, query: Select[Any], more: dict[str, Any]
) -> tuple[Account, RowMapping]:
    """Return whose token it is, with what else was asked for in the same question.

    Parameters
    ----------
    connection : Connection
        Of the transaction.
    token : str
        As it came.
    query : Select
        :data:`OF_TOKEN`, with more columns and outer joins.
    more : dict
        What it asks for beside the token.

    Raises
    ------
    LogInError
        If it is nobody's, or no longer good.
    """
    prefix, _, rest = token.partition("_")
    key, _, secret = rest.partition("_")
    row = None
    if prefix == _PREFIX and key.isalnum() and len(key) <= 32:
        row = connection.execute(query, {**more, "token": key}).mappings().first()
    known = row["token_digest"] if row is not None else "0" * 64
    if not hmac.compare_digest(_digest(secret), known) or row is None:
        raise LogInError("the token is not known", remedy="Log in again")
    if row["token_revoked"] is not None:
        raise LogInError("the token was revoked", remedy="Log in again")
    if row["token_expires"] is not None and row["token_expires"] <= now():
        raise LogInError("the token has expired", remedy="Log in again")
    if row["token_suspended"]:
        raise LogInError(
            "the account is suspended", remedy="Ask an owner of the server"
        )
    account = Account(
        row["token_of"],
        row["token_name"],
        row["token_admin"],
        row["token_scope"],
        row["token_id"],
        row["token_label"],
    )
    return account, row


def list_tokens(connection: Connection, account: Account) -> list[TokenInfo]:
    """Return the tokens of a person, the newest first."""
    rows = connection.execute(
        select(tokens)
        .where(tokens.c.account_id == account.id)
        .order_by(tokens.c.created.desc(), tokens.c.id)
    ).mappings()
    names = ("id", "label", "scope", "created", "expires", "revoked")
    return [TokenInfo(**{name: row[name] for name in names}) for row in rows]


def revoke_token(
    connection: Connection, account: Account, key: str, *, by: str
) -> None:
    """End a token of a person.

    Raises
    ------
    NotFoundError
        If they have no such token.
    """
    done = connection.execute(
        update(tokens)
        .where(
            tokens.c.id == key,
            tokens.c.account_id == account.id,
            tokens.c.revoked.is_(None),
        )
        .values(revoked=now())
    )
    if not done.rowcount:
        raise NotFoundError(
            f"{account.name} has no such token", remedy="List the tokens again"
        )
    record(connection, 0, by, "revoke token", f"{account.name} {key}")


# ------------------------------------------------------------------------ private
def _row(connection: Connection, name: str, *, lock: bool = False) -> RowMapping | None:
    query = select(accounts).where(accounts.c.name == name)
    if lock:
        query = query.with_for_update()
    return connection.execute(query).mappings().first()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _hashed(password: str) -> str:
    if len(password) < _SHORTEST:
        raise InvalidValueError(
            f"a password needs {_SHORTEST} letters or more",
            remedy="Use some words that do not belong together",
        )
    return _hasher().hash(password)


@cache
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash

    return PasswordHash.recommended()


@cache
def _decoy() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))
