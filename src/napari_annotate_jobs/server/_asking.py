"""Requests and answers: who asks, and in which words they are told."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from napari_annotate_jobs.errors import AnnotateJobsError, LogInError, StoreError
from napari_annotate_jobs.stores.wire import Trouble, problem_of

from ._accounts import Account, authenticate
from ._database import ATTEMPTS, CollisionError
from ._permits import Permit, permit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from fastapi import FastAPI
    from sqlalchemy import Connection

    from ._service import Service

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
    "hidden_error",
    "hidden_errors",
    "repeated",
]

_LOG = logging.getLogger("napari_annotate_jobs.server")

Key = Annotated[str, Path(min_length=1, max_length=120)]
Person = Annotated[str | None, Query(max_length=200)]
Offset = Annotated[int, Query(ge=0, le=1 << 53)]
Limit = Annotated[int, Query(ge=0, le=1000)]

_OPEN = "/login"
_LARGE = 64 << 10
"""Bytes that are read before it is known who sent them."""

_BEARER = HTTPBearer(auto_error=False, description="A token, from /login or an owner")


class AgainRoute(APIRoute):
    """Does again what collided with another request: nothing of it was done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        once = super().get_route_handler()

        async def again(request: Request) -> Response:
            if self.path.endswith(_OPEN):
                return await once(request)
            if not _token_of(request) or _is_large(request):
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


def _token_of(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_large(request: Request) -> bool:
    size = request.headers.get("content-length", "0")
    chunked = "transfer-encoding" in request.headers
    return chunked or not size.isdigit() or int(size) > _LARGE


def _known(request: Request) -> None:
    """Raise LogInError unless somebody asks; before what they sent is looked at."""
    with Asking(request.app.state.service, _token_of(request)).looking():
        pass


class Asking:
    """A request of somebody.

    Parameters
    ----------
    service : Service
        The server's parts.
    token : str
        What came with the request; empty for none.
    """

    def __init__(self, service: Service, token: str) -> None:
        self.service = service
        self._token = token

    def _account(self, connection: Connection, scope: str) -> Account:
        if not self._token:
            raise LogInError("nobody is logged in", remedy="Log in, or send a token")
        account = authenticate(connection, self._token)
        account.require(scope)
        return account

    @contextmanager
    def looking(self) -> Iterator[tuple[Connection, Account]]:
        """Give a connection to read with, and who reads."""
        with self.service.database.reading() as connection:
            yield connection, self._account(connection, "read")

    @contextmanager
    def acting(self, scope: str = "write") -> Iterator[tuple[Connection, Account]]:
        """Give a connection to write with, and who writes."""
        with self.service.database.writing() as connection:
            yield connection, self._account(connection, scope)

    @contextmanager
    def reading(self, job: str) -> Iterator[tuple[Connection, Permit]]:
        """Give a connection to read with, and what may be read of a job."""
        with self.looking() as (connection, account):
            yield connection, permit(connection, account, job)

    @contextmanager
    def writing(self, job: str) -> Iterator[tuple[Connection, Permit]]:
        """Give a connection to write with, and what may be done in a job."""
        with self.acting() as (connection, account):
            yield connection, permit(connection, account, job)


def _asking(
    request: Request,
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Asking:
    return Asking(request.app.state.service, "" if sent is None else sent.credentials)


Ask = Annotated[Asking, Depends(_asking)]


def answer(request: Request | None, value: Any, status: int = 200) -> Response:
    """Return a value as JSON; not again, if who asks says that they have it.

    Parameters
    ----------
    request : Request, optional
        What was asked; None where the answer is never kept.
    value : BaseModel, or what JSON holds of them
        The value.
    status : int
        Of the answer.
    """
    if isinstance(value, BaseModel):
        body = value.model_dump_json().encode("utf-8", "surrogatepass")
    else:
        body = _ANYTHING.dump_json(value)
    if request is None:
        return Response(body, status, media_type="application/json")
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
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
