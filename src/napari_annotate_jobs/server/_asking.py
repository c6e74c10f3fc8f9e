"""Requests and answers: who asks, and in which words they are told."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from weakref import WeakKeyDictionary

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import and_, bindparam, delete, insert, select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    InvalidValueError,
    LogInError,
    StoreError,
)
from napari_annotate_jobs.model import now
from napari_annotate_jobs.stores.wire import Trouble, problem_of

from ._accounts import OF_TOKEN, Account, asked_with
from ._database import ATTEMPTS, CollisionError
from ._permits import OF_PROJECT, Permit, permit_of
from ._schema import accounts, answers, members, projects

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from fastapi import FastAPI
    from sqlalchemy import Connection, RowMapping, Select

    from ._service import MaskFit, Service
    from ._together import Together

__all__ = [
    "AgainRoute",
    "Ask",
    "Asking",
    "Key",
    "Limit",
    "Offset",
    "Person",
    "add_handlers",
    "answer",
    "forget_answers",
    "hidden_error",
    "hidden_errors",
    "in_turn",
    "repeated",
    "unchanged",
    "write_in_turn",
]

T = TypeVar("T")

_LOG = logging.getLogger("napari_annotate_jobs.server")

Key = Annotated[str, Path(min_length=1, max_length=120)]
Person = Annotated[str | None, Query(max_length=200)]
Offset = Annotated[int, Query(ge=0, le=1 << 53)]
Limit = Annotated[int, Query(ge=0, le=1000)]

_OPEN = "/login"
_LARGE = 64 << 10
"""Bytes that are read at most of who was known a moment ago, and may not be now."""

_KEPT = timedelta(days=7)
"""How long answers are kept for who asks again."""

_AT_ONCE = 4
_FEW: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]
_FEW = WeakKeyDictionary()
"""What lets so many go on, of each event loop."""

# Who asks, and what they are in a project, in one question: most ask for both.
_WITH_PROJECT = (
    OF_TOKEN.add_columns(*OF_PROJECT)
    .outerjoin(
        projects,
        and_(projects.c.key == bindparam("key"), projects.c.deleted.is_(None)),
    )
    .outerjoin(
        members,
        and_(
            members.c.project_id == projects.c.id,
            members.c.account_id == accounts.c.id,
        ),
    )
)

_BEARER = HTTPBearer(auto_error=False, description="A token, from /login or an owner")


class AgainRoute(APIRoute):
    """Does again what collided with another request: nothing of it was done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        once = super().get_route_handler()

        async def again(request: Request) -> Response:
            if self.path.endswith(_OPEN):
                return await once(request)
            if _has_body(request):
                seen = request.app.state.service.seen
                if not seen.knows(_token_of(request)) or _is_large(request):
                    await run_in_threadpool(_known, request)
            try:
                return await repeated(once, request)
            except RequestValidationError:
                # What is wrong with it is nothing to tell nobody.
                await run_in_threadpool(_known, request)
                raise

        return again


async def repeated(
    once: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
) -> Response:
    """Answer a request; again, if it collided with another."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return await once(request)
        except CollisionError:
            await asyncio.sleep(0.01 * 2**attempt * random.uniform(0.5, 1))
    return await once(request)


async def in_turn(request: Request, work: Callable[[], T]) -> T:
    """Do what many ask for at once, and takes a moment, by a few threads.

    Forty that want the same interpreter, and the same database to write to, hinder
    each other: each request takes longer than if it had waited. What is large, and
    takes its time, is done by one of all the others.
    """
    if _is_large(request):
        return await run_in_threadpool(work)
    loop = asyncio.get_running_loop()
    async with _FEW.setdefault(loop, asyncio.Semaphore(_AT_ONCE)):
        return await run_in_threadpool(work)


async def write_in_turn(
    request: Request, work: Callable[[Connection], T], job: str
) -> T:
    """Do in a transaction what many ask for at once, with what they ask for.

    Parameters
    ----------
    request : Request
        Which asks for it.
    work : callable
        Does it, with the connection it is given.
    job : str
        Where.
    """
    together: Together = request.app.state.service.together
    return await asyncio.wrap_future(together.do(work, job))


def _token_of(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _has_body(request: Request) -> bool:
    size = request.headers.get("content-length", "0")
    return size != "0" or "transfer-encoding" in request.headers


def _is_large(request: Request) -> bool:
    size = request.headers.get("content-length", "0")
    chunked = "transfer-encoding" in request.headers
    return chunked or not size.isdigit() or int(size) > _LARGE


def _known(request: Request) -> None:
    """Raise LogInError unless somebody asks; before what they sent is looked at."""
    with Asking(request.app.state.service, _token_of(request)).looking():
        pass


class RepeatedError(Exception):
    """What is asked for was done before: the answer of then is to be given."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Asking:
    """A request of somebody.

    Parameters
    ----------
    service : Service
        The server's parts.
    token : str
        What came with the request; empty for none.
    key : str
        What the client names it by, the same each time it is sent; empty for nothing.
    asked : str
        The digest of what is asked for.
    """

    def __init__(
        self, service: Service, token: str, *, key: str = "", asked: str = ""
    ) -> None:
        self.service = service
        self._token, self._key, self._asked = token, key, asked
        self._who = 0

    def _account(self, connection: Connection, scope: str) -> Account:
        return self._known(connection, scope, OF_TOKEN, {})[0]

    def _in_project(
        self, connection: Connection, scope: str, job: str
    ) -> tuple[Account, RowMapping]:
        """Return who asks, and in the same question what they are in a project."""
        return self._known(connection, scope, _WITH_PROJECT, {"key": job})

    def _known(
        self,
        connection: Connection,
        scope: str,
        query: Select[Any],
        more: dict[str, Any],
    ) -> tuple[Account, RowMapping]:
        if not self._token:
            raise LogInError("nobody is logged in", remedy="Log in, or send a token")
        account, row = asked_with(connection, self._token, query, more)
        self.service.seen.note(self._token)
        account.require(scope)
        return account, row

    @contextmanager
    def looking(self) -> Iterator[tuple[Connection, Account]]:
        """Give a connection to read with, and who reads."""
        with self.service.database.reading() as connection:
            yield connection, self._account(connection, "read")

    @contextmanager
    def acting(self, scope: str = "write") -> Iterator[tuple[Connection, Account]]:
        """Give a connection to write with, and who writes."""
        with self.service.database.writing() as connection:
            account = self._account(connection, scope)
            self._begin(connection, account)
            yield connection, account

    def _begin(self, connection: Connection, account: Account) -> None:
        self._who = account.id
        if self._key:
            self._require_new(connection)

    def _require_new(self, connection: Connection) -> None:
        """Raise RepeatedError if this was done before, with the answer of then."""
        row = connection.execute(
            select(answers.c.asked, answers.c.status, answers.c.body).where(
                answers.c.account_id == self._who, answers.c.key == self._key
            )
        ).first()
        if row is None:
            return
        if row[0] != self._asked:
            raise InvalidValueError(
                "something else was asked for under this Idempotency-Key",
                remedy="Give each request a key of its own",
            )
        raise RepeatedError(row[1], row[2])

    def kept(self, connection: Connection, response: Response) -> Response:
        """Return an answer that is given again, should the same be asked once more.

        It is kept in the transaction of what was done, if the client named its request.
        """
        if self._key:
            connection.execute(
                insert(answers).values(
                    account_id=self._who,
                    key=self._key,
                    asked=self._asked,
                    status=response.status_code,
                    body=bytes(response.body).decode("utf-8", "surrogatepass"),
                    time=now(),
                )
            )
        return response

    def seen(self, job: str, case: str) -> MaskFit | None:
        """Return what was known a moment ago of a case that masks may be brought to."""
        return self.service.seen.case(self._token, job, case)

    def note_seen(self, job: str, fit: MaskFit) -> None:
        """Remember a case that masks may be brought to."""
        self.service.seen.note_case(self._token, job, fit)

    @contextmanager
    def reading(self, job: str) -> Iterator[tuple[Connection, Permit]]:
        """Give a connection to read with, and what may be read of a job."""
        with self.service.database.reading() as connection:
            account, row = self._in_project(connection, "read", job)
            yield connection, permit_of(account, row, job)

    @contextmanager
    def writing(self, job: str) -> Iterator[tuple[Connection, Permit]]:
        """Give a connection to write with, and what may be done in a job."""
        with self.service.database.writing() as connection:
            yield connection, self.permit_to_write(connection, job)

    def permit_to_write(self, connection: Connection, job: str) -> Permit:
        """Return what may be done in a job, in a transaction of somebody else."""
        account, row = self._in_project(connection, "write", job)
        self._begin(connection, account)
        return permit_of(account, row, job)


Named = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[0-9A-Za-z-]{8,64}$",
        description="Names this request: sent again, it is answered as before",
    ),
]


# A coroutine, though it waits for nothing: a function would be run by a thread.
async def _asking(
    request: Request,
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    key: Named = None,
) -> Asking:
    asked = f"{request.method} {request.url.path}?{request.url.query}"
    return Asking(
        request.app.state.service,
        "" if sent is None else sent.credentials,
        key=key or "",
        asked=hashlib.sha256(asked.encode()).hexdigest(),
    )


def forget_answers(connection: Connection) -> int:
    """Forget answers that nobody will ask for again."""
    found = connection.execute(delete(answers).where(answers.c.time <= now() - _KEPT))
    return int(found.rowcount)


Ask = Annotated[Asking, Depends(_asking)]


def unchanged(request: Request, stamp: str) -> Response | None:
    """Return the answer for who has what has this stamp already; None for others."""
    tag = _tag_of(stamp.encode())
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=_tagged(tag))
    return None


def _tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _tagged(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def answer(
    request: Request | None, value: Any, status: int = 200, *, stamp: str | None = None
) -> Response:
    """Return a value as JSON; not again, if who asks says that they have it.

    Parameters
    ----------
    request : Request, optional
        What was asked; None where the answer is never kept.
    value : BaseModel, or what JSON holds of them
        The value.
    status : int
        Of the answer.
    stamp : str, optional
        Tells it apart from what it was and will be, as does the answer itself; see
        :func:`unchanged`.
    """
    if isinstance(value, BaseModel):
        body = value.model_dump_json().encode("utf-8", "surrogatepass")
    else:
        body = _ANYTHING.dump_json(value)
    if request is None:
        return Response(body, status, media_type="application/json")
    tag = _tag_of(body if stamp is None else stamp.encode())
    headers = _tagged(tag)
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type="application/json")


_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def _tags(text: str) -> list[str]:
    return [part.strip().removeprefix("W/") for part in text.split(",")]


# ------------------------------------------------------------------------- errors
def _troubled(error: AnnotateJobsError) -> JSONResponse:
    status, trouble = problem_of(error)
    headers = {}
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(trouble.model_dump(mode="json"), status, headers)


_CODES = {401: "log_in", 403: "role", 404: "not_found", 413: "invalid"}


def add_handlers(app: FastAPI) -> None:
    """Have the app tell of every error in the same words."""

    @app.exception_handler(AnnotateJobsError)
    def ours(request: Request, error: AnnotateJobsError) -> Response:
        return _troubled(error)

    @app.exception_handler(RepeatedError)
    def repeated_before(request: Request, error: RepeatedError) -> Response:
        media = "application/json" if error.body else None
        return Response(
            error.body.encode("utf-8", "surrogatepass"), error.status, media_type=media
        )

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        trouble = Trouble(
            code="invalid",
            what=str(first["msg"])[:500],
            where=where[:500],
            remedy="Send what the description of the interface says",
        )
        return JSONResponse(trouble.model_dump(mode="json"), 422)

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        trouble = Trouble(
            code=_CODES.get(error.status_code, "invalid"), what=str(error.detail)
        )
        return JSONResponse(
            trouble.model_dump(mode="json"), error.status_code, error.headers
        )

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        return hidden_errors(error)


def hidden_errors(error: Exception) -> Response:
    """Return the answer for what was not foreseen."""
    return _troubled(hidden_error(error))


def hidden_error(error: Exception) -> StoreError:
    """Return what is told of what was not foreseen; only the log says what it was."""
    _LOG.error("a request failed", exc_info=error)
    return StoreError(
        "the server could not do it",
        remedy="Tell the owner of the server: its log says more",
    )
