"""The application: routes, limits, and numbers of what goes on."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

from napari_annotate_jobs import __version__
from napari_annotate_jobs.stores.wire import Trouble

from . import _image_routes, _routes_exports, _routes_jobs, _routes_people, page
from ._asking import add_handlers, hidden_errors
from ._exports import Exports
from ._upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ._service import Service

__all__ = ["API", "create_app"]

API = "/api/v1"
_BAD = ("\0", "%00")


def create_app(service: Service, *, chores: bool = True) -> FastAPI:
    """Return the application of a server.

    Parameters
    ----------
    service : Service
        Its parts; they are not closed with it.
    chores : bool
        Do what is to be done in the background, as long as the application runs.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        workers = (Upkeep(service), Exports(service)) if chores else ()
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            service.stop()
            for worker in workers:
                worker.join()

    app = FastAPI(
        title="napari-annotate-jobs",
        version=__version__,
        description="Annotation jobs: cases, drafts, submissions, reviews.",
        openapi_url=f"{API}/openapi.json",
        # FastAPI's own page loads its scripts from another host.
        docs_url=None,
        redoc_url=None,
        lifespan=running,
        responses={
            "4XX": {"model": Trouble, "description": "It was not done"},
            503: {"model": Trouble, "description": "Try again later"},
        },
    )
    app.state.service = service
    add_handlers(app)
    for routes in (_routes_jobs, _routes_people, _routes_exports, _image_routes):
        app.include_router(routes.ROUTER, prefix=API)
    app.include_router(page.ROUTER)
    app.include_router(page.PROVIDER)
    registry = CollectorRegistry()
    _add_health(app, service, registry)
    app.add_middleware(_Watched, registry=registry)
    app.add_middleware(_Limited, most=service.settings.most_body)
    return app


def _add_health(app: FastAPI, service: Service, registry: CollectorRegistry) -> None:
    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        """Say that the process runs."""
        return {"status": "ok", "version": __version__}

    @app.get("/ready", include_in_schema=False)
    def ready() -> dict[str, str]:
        """Say that database and masks can be reached."""
        service.database.version()
        service.shelf.ready()
        return {"status": "ok"}

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        """Return numbers for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Limited:
    """Refuses what is too large, and what no database can hold."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        if any(bad in part for bad in _BAD for part in (scope["path"], query)):
            await _refuse(send, 422, "names and texts hold no zero bytes")
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            await _refuse(send, 413, f"a request has at most {self._most} bytes")
            return
        got, begun = 0, False

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._most:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if not begun:
                text = f"a request has at most {self._most} bytes"
                await _refuse(send, 413, text)


class _TooLarge(Exception):
    """More came than was announced, or than is taken."""


async def _refuse(send: Send, status: int, what: str) -> None:
    body = Trouble(code="invalid", what=what).model_dump_json().encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Watched:
    """Counts requests, by route and never by what is asked for."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        labels = ("method", "route", "status")
        self._count = Counter(
            "annotate_jobs_requests", "Requests", labels, registry=registry
        )
        self._seconds = Histogram(
            "annotate_jobs_request_seconds",
            "How long they took",
            labels[:2],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[Any] = message.setdefault("headers", [])
                headers.append((b"x-content-type-options", b"nosniff"))
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except _TooLarge:
            raise
        except Exception as error:
            await hidden_errors(error)(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._count.labels(method, route, str(status)).inc()
            seconds = time.perf_counter() - began
            self._seconds.labels(method, route).observe(seconds)


_METHODS = {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"}
