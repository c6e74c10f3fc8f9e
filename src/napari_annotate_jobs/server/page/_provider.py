"""The log-in by a provider, and tokens for napari, as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from napari_annotate_jobs.errors import LogInError, NotFoundError
from napari_annotate_jobs.server._accounts import (
    TOKEN_DAYS,
    authenticate,
    make_token,
)
from napari_annotate_jobs.server._oidc import account_for

from ._routes import HEADERS, HOURS, KNOWN, PageRoute, shown
from ._visit import LABEL, Form, Visitor

if TYPE_CHECKING:
    from napari_annotate_jobs.server._oidc import OidcProvider

    from ._visit import Visit

__all__ = ["ROUTER"]

ROUTER = APIRouter(route_class=PageRoute, include_in_schema=False)

_KEPT = "annotate_jobs_log_in"
_BACK = "/log-in/provider/back"
_MINUTES = 10

Long = Annotated[str, Query(max_length=4000)]


def _provider(visit: Visit) -> OidcProvider:
    if visit.service.provider is None:
        raise NotFoundError(
            "this server knows no provider of log-ins", remedy="Log in otherwise"
        )
    return visit.service.provider


def _address(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{_BACK}"


@ROUTER.get("/log-in/provider")
def get_provider(request: Request, visit: Visitor) -> Response:
    """Send who wants to log in to the provider."""
    url, kept = _provider(visit).begin(_address(request))
    answer = RedirectResponse(url, 303, HEADERS)
    # Not strict: who comes back comes from another site.
    answer.set_cookie(
        _KEPT,
        kept,
        max_age=60 * _MINUTES,
        path="/log-in",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@ROUTER.get(_BACK)
def get_back(
    request: Request,
    visit: Visitor,
    state: Long = "",
    code: Long = "",
    error: Long = "",
) -> Response:
    """Log in whom the provider has named."""
    provider = _provider(visit)
    try:
        if error or not code:
            raise LogInError("the provider of log-ins refused", remedy="Try again")
        kept = request.cookies.get(_KEPT, "")
        claims = provider.finish(_address(request), kept, state, code)
        with visit.service.database.writing() as connection:
            account = account_for(connection, provider.settings, claims)
            token = make_token(connection, account, label=LABEL, days=1)
            authenticate(connection, token)  # who is suspended is told so
    except LogInError as refused:
        answer = shown(visit, "log_in.html", 401, to="", said=str(refused))
    else:
        # A page of our own in between: no strict cookie goes where another site leads.
        answer = shown(visit, "logged_in.html", who=account.name)
        visit.keep(answer, token, HOURS * 3600)
    answer.delete_cookie(_KEPT, path="/log-in", httponly=True, samesite="lax")
    return answer


@ROUTER.post("/token", dependencies=KNOWN)
def post_token(visit: Visitor, form: Form) -> Response:
    """Make a token to log in to napari with, and show it this once."""
    visit.check(form)
    with visit.acting() as (connection, account):
        made = make_token(
            connection, account, label="napari", days=TOKEN_DAYS, by=account.name
        )
    return shown(visit, "token.html", name=account.name, token=made, days=TOKEN_DAYS)
