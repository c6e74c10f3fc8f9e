"""Job servers that live as long as a test, a bench or a demo."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from napari_annotate_jobs.errors import ExistsError
from napari_annotate_jobs.server import (
    NewProject,
    Service,
    add_account,
    add_member,
    add_project,
    find_account,
    list_members,
    make_token,
    permit,
)
from napari_annotate_jobs.server._database import retried
from napari_annotate_jobs.stores import check_person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

__all__ = ["InProcess", "JobPeople", "listening"]


@contextmanager
def listening(app: FastAPI, *, host: str = "127.0.0.1") -> Iterator[str]:
    """Run a server in a thread; give its address, on a port that was free."""
    config = uvicorn.Config(app, host=host, port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="job server", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            thread.join(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class InProcess(httpx.BaseTransport):
    """Carries requests to an application in this process, without a network.

    Parameters
    ----------
    app : FastAPI
        The application.
    """

    def __init__(self, app: FastAPI) -> None:
        self._inner = httpx.ASGITransport(app)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, whole."""
        return asyncio.run_coroutine_threadsafe(
            self._answer(request), self._loop
        ).result()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

    def close(self) -> None:
        """Do nothing: clients come and go, see :meth:`stop`."""

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class JobPeople:
    """Jobs on a server, and tokens for people who work on them.

    Parameters
    ----------
    service : Service
        The server's parts.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.owner_token = service.owner_token() or ""
        with service.database.reading() as connection:
            self._owner = find_account(connection, "owner")

    def add_job(self, new: NewProject, *, base: str = "") -> None:
        """Make a job, owned by the owner of the server."""
        with self._service.database.writing() as connection:
            add_project(connection, self._owner, new, base=base)

    def token(self, name: str, *, scope: str = "write") -> str:
        """Return a token of a person, who is added if there is none of that name."""
        name = check_person(name)

        def made() -> str:
            with self._service.database.writing() as connection:
                try:
                    account = add_account(connection, name)
                except ExistsError:
                    account = find_account(connection, name)
                return make_token(connection, account, scope=scope)

        return retried(made)

    def join(self, job_id: str, name: str, *roles: Any) -> None:
        """Put a person into a job, unless they are there."""

        def joined() -> None:
            with self._service.database.writing() as connection:
                found = permit(connection, self._owner, job_id)
                members = {each.name for each in list_members(connection, found)}
                if name not in members:
                    add_member(connection, found, name, roles)

        retried(joined)
