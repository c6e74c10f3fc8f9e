"""Who looks at the page: a cookie that no script reads, and forms of our own alone."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request

from napari_annotate_jobs.errors import InvalidValueError, LogInError, RoleError
from napari_annotate_jobs.server._asking import Asking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import Response
    from sqlalchemy import Connection

    from napari_annotate_jobs.server._permits import Permit

__all__ = ["COOKIE", "LABEL", "Form", "SentForm", "Visit", "Visitor", "check_origin"]

COOKIE = "annotate_jobs"
LABEL = "page"
"""What tokens are for that a log-in at the page makes."""

_MOST_FIELDS = 2000
_FORM = "_form"


class SentForm:
    """What a form of ours sent.

    Parameters
    ----------
    fields : dict of str to list of str
        The texts by the names of their fields.
    """

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self._fields = fields

    def one(self, name: str, default: str = "") -> str:
        """Return the text of a field."""
        return self._fields.get(name, [default])[0].strip()

    def every(self, name: str) -> list[str]:
        """Return all that was chosen in a field."""
        return [text for text in self._fields.get(name, []) if text]


class Visit(Asking):
    """A request of somebody at the page; who they are is in their cookie."""

    def __init__(self, request: Request) -> None:
        self.request = request
        super().__init__(request.app.state.service, request.cookies.get(COOKIE, ""))

    @property
    def is_known(self) -> bool:
        """True if there is a cookie; whether it is good is another question."""
        return bool(self._token)

    @property
    def proof(self) -> str:
        """What each form carries: only our own pages know it."""
        key = self._token.encode("utf-8", "surrogatepass")
        return hmac.new(key, b"form", hashlib.sha256).hexdigest()

    @contextmanager
    def owning(self, job: str) -> Iterator[tuple[Connection, Permit]]:
        """Give a connection to read with, and the permit of an owner."""
        with self.reading(job) as (connection, permit):
            permit.require_owner()
            yield connection, permit

    @contextmanager
    def changing(self, job: str, form: SentForm) -> Iterator[tuple[Connection, Permit]]:
        """Give a connection to write with, if a form of ours asks for it."""
        self.check(form)
        with self.writing(job) as (connection, permit):
            permit.require_owner()
            yield connection, permit

    def check(self, form: SentForm) -> None:
        """Raise RoleError unless a form of our own pages was sent."""
        check_origin(self.request)
        if not hmac.compare_digest(form.one(_FORM).encode(), self.proof.encode()):
            raise RoleError(
                "the form was not sent from this page",
                remedy="Go back, load the page again, and send it from there",
            )

    def keep(self, response: Response, token: str, seconds: int | None) -> None:
        """Have a browser keep a token, out of reach of scripts and other sites."""
        response.set_cookie(
            COOKIE,
            token,
            max_age=seconds,
            path="/",
            httponly=True,
            samesite="strict",
            secure=self.request.url.scheme == "https",
        )

    def forget(self, response: Response) -> None:
        """Have a browser forget it."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def check_origin(request: Request) -> None:
    """Raise RoleError if a page of another site sent a form.

    Browsers say where a form comes from; what is no browser need not.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    here = request.headers.get("host", "")
    if site not in {"same-origin", "none"} or (
        origin is not None and urlsplit(origin).netloc != here
    ):
        raise RoleError(
            "the form was sent from another site",
            remedy="Open the page of this server, and send it from there",
        )


def _visitor(request: Request) -> Visit:
    return Visit(request)


Visitor = Annotated[Visit, Depends(_visitor)]


async def _form(request: Request) -> SentForm:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidValueError("no form was sent", remedy="Use the page's own forms")
    try:
        text = (await request.body()).decode()
        fields = parse_qs(text, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidValueError(
            "the form cannot be read", remedy="Send fewer cases at once"
        ) from error
    return SentForm(fields)


Form = Annotated[SentForm, Depends(_form)]


def require_cookie(request: Request) -> None:
    """Raise LogInError unless somebody looks, before what they sent is read."""
    visit = Visit(request)
    if not visit.is_known:
        raise LogInError("nobody is logged in", remedy="Log in")
    with visit.looking():
        pass
