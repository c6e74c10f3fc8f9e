"""Requests to a server, and its answers as values or errors of ours."""

from __future__ import annotations

import random
import re
import socket
import ssl
import time
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote

from pydantic import BaseModel, TypeAdapter, ValidationError

from napari_annotate_jobs.errors import (
    AccessWords,
    CorruptError,
    InvalidValueError,
    MissingExtraError,
    StoreAccessError,
    StoreError,
)
from napari_annotate_jobs.stores.wire import error_from

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import httpx

    T = TypeVar("T")

__all__ = ["ATTEMPTS", "Wire", "log_in", "server_and_job"]

_API = "/api/v1"
ATTEMPTS = 4
_LONGEST_WAIT = 5.0
_JOB = re.compile(r"(https?://[^?#]+?)(?:/jobs/([^/?#]+))?/*\Z", re.IGNORECASE)
_UNSURE = {502, 503, 504}


def server_and_job(location: str) -> tuple[str, str | None]:
    """Return the address of a server, and the job that a location names there.

    Raises
    ------
    InvalidValueError
        If it is no address of a server.
    """
    found = _JOB.match(location.strip())
    if found is None:
        raise InvalidValueError(
            "it is no address of a job server",
            where=location,
            remedy="Use an address such as https://jobs.example.org",
        )
    scheme, _, rest = found[1].rstrip("/").partition("://")
    return f"{scheme.lower()}://{rest}", None if found[2] is None else unquote(found[2])


def _httpx() -> Any:
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError(
            "httpx", extra="http", purpose="opening jobs on a server"
        ) from error
    return httpx


class Wire:
    """A connection to a server; may be used from several threads.

    Parameters
    ----------
    server : str
        Its address.
    token : str, optional
        Says who asks.
    transport : callable, optional
        Returns what carries requests instead of the network.
    sleep : callable
        Waits a number of seconds before another attempt.
    attempts : int
        How often to ask a server that does not answer.

    Attributes
    ----------
    heard : float
        When it answered last, as ``time.monotonic`` counts.
    """

    def __init__(
        self,
        server: str,
        token: str | None = None,
        *,
        transport: Callable[[], httpx.BaseTransport] | None = None,
        sleep: Callable[[float], object] = time.sleep,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.server = server
        self.heard = 0.0
        self._token = token
        self._transport = transport
        self._sleep = sleep
        self._attempts = attempts
        self._http = _httpx()
        self._client: httpx.Client | None = None

    def _opened(self) -> httpx.Client:
        client = self._client
        if client is None:
            headers = {"Accept": "application/json"}
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            client = self._client = self._http.Client(
                headers=headers,
                timeout=self._http.Timeout(30, connect=10),
                transport=None if self._transport is None else self._transport(),
                verify=_trust() if self.server.startswith("https") else False,
                follow_redirects=False,
            )
        return client

    def use(self, token: str) -> None:
        """Ask with another token from now on."""
        self._token = token
        self.close()

    def close(self) -> None:
        """Release the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: BaseModel | dict[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool | None = None,
        attempts: int | None = None,
    ) -> httpx.Response:
        """Ask the server.

        Parameters
        ----------
        method, path : str
            What; the path goes on from that of the interface.
        query : mapping, optional
            What is None is left out.
        body : BaseModel, dict or bytes, optional
            Bytes are a mask.
        headers : mapping, optional
            More of them.
        repeat : bool, optional
            Whether the same may be asked again after an answer was lost; by default
            only what changes nothing, or the same each time.
        attempts : int, optional
            How often to ask at most, where that is less than usual.

        Raises
        ------
        AnnotateJobsError
            What the server says; StoreAccessError if it does not answer.
        """
        sent: dict[str, str] = dict(headers or {})
        content = None
        if isinstance(body, bytes):
            content, sent["Content-Type"] = body, "image/png"
        elif body is not None:
            content = (
                body.model_dump_json().encode("utf-8", "surrogatepass")
                if isinstance(body, BaseModel)
                else _ANYTHING.dump_json(body)
            )
            sent["Content-Type"] = "application/json"
        repeat = method in {"GET", "PUT", "DELETE"} if repeat is None else repeat
        asked = {k: v for k, v in (query or {}).items() if v is not None}
        where = self._whole(path)
        most = min(self._attempts, attempts or self._attempts)
        attempt = 0
        while True:
            attempt += 1
            wait = None
            try:
                answer = self._opened().request(
                    method, where, params=asked or None, content=content, headers=sent
                )
            except self._http.HTTPError as error:
                lost = not isinstance(
                    error, self._http.ConnectError | self._http.ConnectTimeout
                )
                if (lost and not repeat) or attempt >= most:
                    raise _away(error, self.server) from error
            else:
                if answer.status_code not in _UNSURE:
                    self.heard = time.monotonic()
                if answer.is_success or answer.status_code in {206, 304}:
                    return answer
                told = self._error(answer)
                wait = getattr(told, "retry_after", None)
                again = repeat and answer.status_code in _UNSURE
                if not again or attempt >= most:
                    raise told
            self._sleep(_pause(attempt, wait))

    def _whole(self, path: str) -> str:
        # httpx takes an address apart anew for each part that it is to join to it.
        return f"{self.server.rstrip('/')}{_API}{path}"

    def _error(self, answer: httpx.Response) -> Exception:
        try:
            body = answer.json()
        except ValueError:
            body = None
        error = error_from(body)
        if error is None:
            kind = StoreAccessError if answer.status_code in _UNSURE else StoreError
            what = f"the server answers {answer.status_code}"
            if answer.status_code in {404, 405}:
                what = "there is no job server of this version at this address"
            elif answer.is_redirect:
                what = f"the server has moved to {answer.headers.get('location')}"
            error = kind(
                what,
                where=self.server,
                remedy="Check the address; the owner of the server sees to the rest",
            )
        if isinstance(error, StoreAccessError):
            error.where = error.where or self.server
            error.words = error.words or _BUSY
        wait = answer.headers.get("retry-after", "")
        if isinstance(error, StoreAccessError) and wait.isdigit():
            error.retry_after = float(wait)
        return error

    def value(self, answer: httpx.Response, kind: type[T]) -> T:
        """Return what an answer holds.

        Raises
        ------
        CorruptError
            If it is nothing of this kind.
        """
        return self.read(answer.content, kind, where=answer.request.url.path)

    def read(self, body: bytes, kind: type[T], *, where: str = "") -> T:
        """Return what the body of an answer holds; see :meth:`value`."""
        try:
            found: T = _adapter(kind).validate_json(body)
        except ValidationError as error:
            raise CorruptError(
                f"the server's answer cannot be read ({error.error_count()} faults)",
                where=f"{self.server}{where}",
                remedy="See that server and client are of the same version",
            ) from error
        return found

    def get(self, path: str, kind: type[T], **query: Any) -> T:
        """Ask for a value."""
        return self.value(self.request("GET", path, query=query), kind)

    def fetch(
        self, path: str, target: Path, *, size: int, progress: os.PathLike[str]
    ) -> None:
        """Download a file; what came of it before is gone on with.

        Parameters
        ----------
        path : str
            What to ask for.
        target : Path
            Where it is then; never a part of it.
        size : int
            Bytes.
        progress : path-like
            Where it is until it is whole.
        """
        import os

        part = os.fspath(progress)
        for attempt in range(1, ATTEMPTS + 1):
            have = os.path.getsize(part) if os.path.exists(part) else 0
            if have > size:
                os.unlink(part)
                have = 0
            if have < size or size == 0:
                headers = {"Range": f"bytes={have}-"} if have else {}
                try:
                    self._stream(path, part, headers)
                except self._http.HTTPError as error:
                    if attempt == ATTEMPTS:
                        raise StoreAccessError(
                            f"the images do not come ({type(error).__name__})",
                            where=self.server,
                            remedy="Check the connection, then open the case again",
                        ) from error
                    self._sleep(_pause(attempt, None))
                    continue
            if os.path.getsize(part) == size:
                os.replace(part, target)
                return
        raise StoreAccessError(
            "the images do not come whole",
            where=self.server,
            remedy="Check the connection, then open the case again",
        )

    def _stream(self, path: str, part: str, headers: dict[str, str]) -> None:
        client = self._opened()
        with client.stream("GET", self._whole(path), headers=headers) as answer:
            if answer.status_code not in {200, 206}:
                answer.read()
                raise self._error(answer)
            mode = "ab" if answer.status_code == 206 else "wb"
            with open(part, mode) as file:
                for chunk in answer.iter_bytes(1 << 20):
                    file.write(chunk)


def log_in(server: str, name: str, password: str, *, label: str = "") -> str:
    """Return a token for name and password.

    Raises
    ------
    LogInError
        If they do not fit.
    """
    root, _ = server_and_job(server)
    wire = Wire(root)
    try:
        form = {"name": name, "password": password, "label": label}
        answer = wire.request("POST", "/login", body=form)
        return str(wire.value(answer, dict[str, Any]).get("token", ""))
    finally:
        wire.close()


_AGAIN = "It is tried again by itself"
_BUSY = AccessWords("server busy", _AGAIN, away=True)
_OFFLINE = AccessWords("", _AGAIN, away=True)
_CHECK = "Check the connection, and that the server runs"


def _away(error: Exception, server: str) -> StoreAccessError:
    """Return what to say of a server that does not answer."""
    cause: BaseException | None = error
    what, words = f"the server does not answer ({type(error).__name__})", _OFFLINE
    remedy = _CHECK
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            what = "the certificate of the server is not trusted"
            if isinstance(cause, ssl.SSLCertVerificationError):
                what += f" ({cause.verify_message})"
            else:
                what = "the server does not speak https at this address"
            remedy = "Check the address; the owner of the server sees to certificates"
            words = AccessWords("server not trusted", remedy, away=True)
            break
        if isinstance(cause, socket.gaierror):
            what = "there is no computer of this name in the network"
            break
        if isinstance(cause, ConnectionRefusedError):
            what = "no server runs there, or a firewall keeps it away"
            break
        cause = cause.__cause__ or cause.__context__
    away = StoreAccessError(what, where=server, remedy=remedy)
    away.words = words
    return away


def quoted(*parts: str) -> str:
    """Return a path of these parts."""
    return "".join("/" + quote(part, safe="") for part in parts)


@cache
def _trust() -> ssl.SSLContext:
    """Return what certificates are verified by; reading it anew takes long."""
    return ssl.create_default_context()


_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _pause(attempt: int, wait: float | None) -> float:
    if wait is not None:
        return min(wait, _LONGEST_WAIT)
    # Apart from each other, or all clients of a server come back at once.
    longest: float = min(_LONGEST_WAIT, 0.1 * 2**attempt)
    return longest * random.uniform(0.5, 1)
