"""The routes of log-in, people, projects, members, and of who annotates what."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field
from starlette.concurrency import run_in_threadpool

from napari_annotate_jobs.errors import (
    LogInError,
    NotFoundError,
    RoleError,
    StoreAccessError,
)
from napari_annotate_jobs.model import Job, JobEdit, LabelSet, Value
from napari_annotate_jobs.stores import JobContents

from . import _project_edits, _projects, _tasks
from ._accounts import (
    add_account,
    find_account,
    list_accounts,
    list_tokens,
    make_token,
    revoke_token,
    set_password,
    suspend_account,
)
from ._asking import AgainRoute, Ask, Asking, Key, Limit, answer
from ._audit import broken_links
from ._passwords import log_in_from
from ._permits import permit as permit_of
from ._projects import Change, Member, NewProject, Role
from ._tasks import TaskRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["ROUTER"]

ROUTER = APIRouter(route_class=AgainRoute)

PersonName = Annotated[str, Field(min_length=1, max_length=200)]


class LogIn(Value):
    """Name and password."""

    name: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1000)
    label: str = Field(default="", max_length=200)


class LoggedIn(Value):
    """A token, shown this once."""

    token: str
    name: str


class Me(Value):
    """Who asks."""

    name: str
    admin: bool
    scope: str


class NewPerson(Value):
    """A person to be added."""

    name: PersonName
    admin: bool = False
    password: str | None = Field(default=None, max_length=1000)


class PersonRow(Value):
    """A person of this server."""

    name: str
    admin: bool
    suspended: bool
    created: AwareDatetime


class PersonChange(Value):
    """What becomes of a person; None for what stays."""

    suspended: bool | None = None
    password: str | None = Field(default=None, max_length=1000)


class NewToken(Value):
    """A token to be made."""

    scope: str = "write"
    days: int | None = Field(default=90, ge=1, le=3650)
    label: str = Field(default="", max_length=200)


class TokenRow(Value):
    """What can be told of a token."""

    id: str
    label: str
    scope: str
    created: AwareDatetime
    expires: AwareDatetime | None
    revoked: AwareDatetime | None


class MemberForm(Value):
    """What a person is in a project."""

    roles: tuple[Role, ...] = Field(default=(), max_length=10)


class StateForm(Value):
    """Whether a member is in, and who gets the cases."""

    state: str = Field(max_length=20)
    hand_to: tuple[PersonName, ...] = Field(default=(), max_length=100)


class Number(Value):
    """How many."""

    count: int


class AssignForm(Value):
    """Who annotates a case."""

    people: tuple[PersonName, ...] = Field(max_length=100)
    priority: int = Field(default=0, ge=-1000, le=1000)
    due: AwareDatetime | None = None


class EvenForm(Value):
    """Who shares the cases that nobody has."""

    people: tuple[PersonName, ...] = Field(min_length=1, max_length=1000)
    each: int = Field(default=1, ge=1, le=5)


class ClaimForm(Value):
    """Which case to claim; None for the next that is free."""

    case: str | None = Field(default=None, max_length=120)


class ChangePage(Value):
    """What happened after a number.

    Parameters
    ----------
    changes : tuple of Change
        As far as who asks may see it.
    next : int
        What to ask with the next time.
    """

    changes: tuple[Change, ...]
    next: int


# ------------------------------------------------------------------------ people
@ROUTER.post("/login", response_model=LoggedIn)
def post_login(request: Request, ask: Ask, form: LogIn) -> Response:
    """Return a new token for name and password."""
    label = form.label or "log-in"
    token, name = log_in_from(
        request, ask.service, form.name, form.password, label=label
    )
    return answer(None, LoggedIn(token=token, name=name))


@ROUTER.post("/logout", status_code=204)
def post_logout(ask: Ask) -> Response:
    """End the token that is used."""
    with ask.acting("read") as (connection, account):
        revoke_token(connection, account, account.token, by=account.name)
    return Response(status_code=204)


@ROUTER.get("/me", response_model=Me)
def get_me(request: Request, ask: Ask) -> Response:
    """Say who asks."""
    with ask.looking() as (_, account):
        me = Me(name=account.name, admin=account.admin, scope=account.scope)
    return answer(request, me)


@ROUTER.get("/people", response_model=list[PersonRow])
def get_people(request: Request, ask: Ask) -> Response:
    """Return all people of the server, for its owners."""
    with ask.looking() as (connection, account):
        account.require_admin()
        found = [PersonRow(**row) for row in list_accounts(connection)]
    return answer(request, found)


@ROUTER.post("/people", response_model=Me, status_code=201)
def post_person(ask: Ask, form: NewPerson) -> Response:
    """Add a person."""
    with ask.acting("admin") as (connection, account):
        account.require_admin()
        added = add_account(
            connection,
            form.name,
            admin=form.admin,
            password=form.password,
            by=account.name,
        )
    return answer(None, Me(name=added.name, admin=added.admin, scope=""), 201)


@ROUTER.patch("/people/{person}", status_code=204)
def patch_person(ask: Ask, person: Key, form: PersonChange) -> Response:
    """Lock a person out, let them in, or give them a password."""
    with ask.acting() as (connection, account):
        if form.suspended is not None or person != account.name:
            account.require_admin()
        if form.suspended is not None:
            suspend_account(
                connection, person, suspended=form.suspended, by=account.name
            )
        if form.password is not None:
            set_password(connection, person, form.password, by=account.name)
    return Response(status_code=204)


@ROUTER.get("/people/{person}/tokens", response_model=list[TokenRow])
def get_tokens(request: Request, ask: Ask, person: Key) -> Response:
    """Return the tokens of a person: one's own, or for an owner anybody's."""
    with ask.looking() as (connection, account):
        if person != account.name:
            account.require_admin()
        found = list_tokens(connection, find_account(connection, person))
    return answer(request, [TokenRow(**vars(each)) for each in found])


@ROUTER.post("/people/{person}/tokens", response_model=LoggedIn, status_code=201)
def post_token(ask: Ask, person: Key, form: NewToken) -> Response:
    """Make a token, for oneself or by an owner."""
    with ask.acting() as (connection, account):
        if person != account.name:
            account.require_admin()
        account.require(form.scope if form.scope == "admin" else "write")
        owner = find_account(connection, person)
        token = make_token(
            connection,
            owner,
            scope=form.scope,
            days=form.days,
            label=form.label,
            by=account.name,
        )
    return answer(None, LoggedIn(token=token, name=owner.name), 201)


@ROUTER.delete("/people/{person}/tokens/{token}", status_code=204)
def delete_token(ask: Ask, person: Key, token: Key) -> Response:
    """End a token."""
    with ask.acting() as (connection, account):
        if person != account.name:
            account.require_admin()
        owner = find_account(connection, person)
        revoke_token(connection, owner, token, by=account.name)
    return Response(status_code=204)


# ---------------------------------------------------------------------- projects
@ROUTER.post("/jobs", status_code=201, response_model=Number)
def post_job(ask: Ask, new: NewProject) -> Response:
    """Make a project; its images lie in the server's folder of that name."""
    with ask.acting("admin") as (connection, account):
        base = ask.service.settings.home / "images" / new.job.id
        _projects.add_project(connection, account, new, base=str(base.absolute()))
    return answer(None, Number(count=len(new.cases)), 201)


@ROUTER.get("/jobs/{job}/members", response_model=list[Member])
def get_members(request: Request, ask: Ask, job: Key) -> Response:
    """Return who is in a project; who annotates blind sees themselves alone."""
    with ask.reading(job) as (connection, permit):
        found = _projects.list_members(connection, permit)
        if not permit.sees_all:
            found = [each for each in found if each.name == permit.account.name]
    return answer(request, found)


@ROUTER.put("/jobs/{job}/members/{person}", status_code=204)
def put_member(ask: Ask, job: Key, person: Key, form: MemberForm) -> Response:
    """Add a person to a project, or say anew what they are there."""
    with ask.writing(job) as (connection, permit):
        _projects.add_member(connection, permit, person, form.roles)
    return Response(status_code=204)


@ROUTER.post("/jobs/{job}/members/{person}/state", response_model=Number)
def post_state(ask: Ask, job: Key, person: Key, form: StateForm) -> Response:
    """Suspend or remove a member, or let them in; others get their cases."""
    with ask.writing(job) as (connection, permit):
        handed = _projects.set_member(
            connection, permit, person, form.state, hand_to=form.hand_to
        )
    return answer(None, Number(count=handed))


# ------------------------------------------------------------------------ owning
@ROUTER.patch("/jobs/{job}", response_model=Job)
def patch_job(ask: Ask, job: Key, edit: JobEdit) -> Response:
    """Change a job; what somebody else has changed since is never replaced unseen."""
    with ask.writing(job) as (connection, permit):
        done = _project_edits.edit_project(connection, permit, edit)
    return answer(None, done)


@ROUTER.get("/jobs/{job}/contents", response_model=JobContents)
def get_contents(request: Request, ask: Ask, job: Key) -> Response:
    """Return what is in a job, by whom."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _project_edits.contents_here(connection, permit))


@ROUTER.delete("/jobs/{job}", status_code=204)
def delete_job(ask: Ask, job: Key) -> Response:
    """Put a job into the trash, where the owners of the server can restore it from."""
    with ask.writing(job) as (connection, permit):
        _project_edits.delete_project(connection, permit)
    return Response(status_code=204)


@ROUTER.put("/jobs/{job}/labels", response_model=Number)
def put_labels(ask: Ask, job: Key, labels: LabelSet) -> Response:
    """Give the project another version of its labels; return its number."""
    with ask.writing(job) as (connection, permit):
        version = _projects.change_labels(connection, permit, labels)
    return answer(None, Number(count=version))


@ROUTER.get("/jobs/{job}/labels/{version}", response_model=LabelSet)
def get_labels(
    request: Request,
    ask: Ask,
    job: Key,
    version: Annotated[int, Path(ge=1, le=1 << 31)],
) -> Response:
    """Return the labels as they were at a version; they stay as they are."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _projects.labels_of(connection, permit, version))


# ------------------------------------------------------------------------- tasks
@ROUTER.get("/jobs/{job}/tasks", response_model=list[TaskRow])
def get_tasks(request: Request, ask: Ask, job: Key) -> Response:
    """Return one's own cases; for an owner whose cases are whose."""
    with ask.reading(job) as (connection, permit):
        return answer(request, _tasks.list_tasks(connection, permit))


@ROUTER.post("/jobs/{job}/claim", response_model=TaskRow)
def post_claim(ask: Ask, job: Key, form: ClaimForm) -> Response:
    """Take a case, or the next one that is free."""
    with ask.writing(job) as (connection, permit):
        return answer(None, _tasks.claim(connection, permit, form.case))


@ROUTER.post("/jobs/{job}/cases/{case}/release", status_code=204)
def post_release(ask: Ask, job: Key, case: Key) -> Response:
    """Give a claimed case back."""
    with ask.writing(job) as (connection, permit):
        _tasks.release(connection, permit, case)
    return Response(status_code=204)


@ROUTER.post("/jobs/{job}/cases/{case}/assign", status_code=204)
def post_assign(ask: Ask, job: Key, case: Key, form: AssignForm) -> Response:
    """Say who annotates a case."""
    with ask.writing(job) as (connection, permit):
        _tasks.assign(
            connection,
            permit,
            case,
            form.people,
            priority=form.priority,
            due=form.due,
        )
    return Response(status_code=204)


@ROUTER.post("/jobs/{job}/assign", response_model=Number)
def post_assign_evenly(ask: Ask, job: Key, form: EvenForm) -> Response:
    """Share the cases that too few people have."""
    with ask.writing(job) as (connection, permit):
        given = _tasks.assign_evenly(connection, permit, form.people, each=form.each)
    return answer(None, Number(count=given))


# ----------------------------------------------------------------------- changes
@ROUTER.get("/jobs/{job}/changes", response_model=ChangePage)
def get_changes(
    request: Request,
    ask: Ask,
    job: Key,
    since: Annotated[int, Query(ge=0, le=1 << 53)] = 0,
    limit: Limit = 100,
) -> Response:
    """Return what happened after a number."""
    with ask.reading(job) as (connection, permit):
        changes, after = _projects.changes_since(connection, permit, since, limit)
    return answer(request, ChangePage(changes=tuple(changes), next=after))


_PERIOD = 1.0
_KEEP_ALIVE = 15.0


@ROUTER.get(
    "/jobs/{job}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def get_events(request: Request, ask: Ask, job: Key) -> StreamingResponse:
    """Tell when something happened; a hint to ask for the changes, and no more."""
    first = await run_in_threadpool(_sequence, ask, job)

    async def told() -> AsyncIterator[str]:
        last, quiet = first, 0.0
        yield f"data: {last}\n\n"
        while not ask.service.stopping.is_set():
            await asyncio.sleep(_PERIOD)
            if await request.is_disconnected():
                return
            try:
                now = await run_in_threadpool(_sequence, ask, job)
            except (LogInError, RoleError, NotFoundError):
                return
            except StoreAccessError:
                continue  # it is a hint, and the next one will do
            quiet += _PERIOD
            if now != last:
                last, quiet = now, 0.0
                yield f"data: {last}\n\n"
            elif quiet >= _KEEP_ALIVE:
                quiet = 0.0
                yield ": still there\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told(), media_type="text/event-stream", headers=headers)


def _sequence(ask: Asking, job: str) -> int:
    with ask.looking() as (connection, account):
        return int(permit_of(connection, account, job).project["sequence"])


# ------------------------------------------------------------------------- audit
class AuditFault(Value):
    """Where the record was altered."""

    where: str
    what: str
    remedy: str


@ROUTER.get("/audit/check", response_model=list[AuditFault])
def check_audit(ask: Ask) -> Response:
    """Verify that nothing was altered in the record of who did what."""
    with ask.looking() as (connection, account):
        account.require_admin()
        found = [AuditFault(**each.model_dump()) for each in broken_links(connection)]
    return answer(None, found)
