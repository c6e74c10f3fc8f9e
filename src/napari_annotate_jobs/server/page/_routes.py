"""The owner's page: what there is to see and to do, as plain HTML."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    ImagingError,
    InvalidValueError,
    LogInError,
    NotFoundError,
    counted,
)
from napari_annotate_jobs.formats import EXPORT_FORMATS
from napari_annotate_jobs.model import ReviewStatus, validated
from napari_annotate_jobs.server._accounts import authenticate, revoke_token
from napari_annotate_jobs.server._asking import Key, hidden_error, repeated
from napari_annotate_jobs.server._exports import (
    ExportForm,
    ask_for_export,
    list_exports,
    remove_export,
)
from napari_annotate_jobs.server._passwords import log_in_from
from napari_annotate_jobs.server._permits import permits
from napari_annotate_jobs.server._projects import list_members, set_member
from napari_annotate_jobs.server._routes_exports import ExportKey, send_export
from napari_annotate_jobs.server._tasks import assign, assign_evenly
from napari_annotate_jobs.stores.wire import problem_of

from . import _numbers
from ._thumbnails import case_picture
from ._visit import LABEL, Form, Visit, Visitor, check_origin, require_cookie

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from jinja2 import Environment

    from napari_annotate_jobs.server._permits import Permit

    from ._visit import SentForm

__all__ = ["HEADERS", "HOURS", "KNOWN", "ROUTER", "PageRoute", "shown"]

HOURS = 12
_PAGE = 24

# No script, style, picture or form from or to anywhere else.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FILES = {
    "icon.svg": "image/svg+xml",
    "page.css": "text/css",
    "page.js": "text/javascript",
}


class PageRoute(APIRoute):
    """Tells what goes wrong on a page, and sends who is not known to the log-in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        once = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await repeated(once, request)
            except LogInError:
                return _to_log_in(request)
            except AnnotateJobsError as error:
                return await run_in_threadpool(_trouble, request, error)
            except RequestValidationError:
                wrong = InvalidValueError(
                    "the address says nothing that can be shown", remedy="Go back"
                )
                return await run_in_threadpool(_trouble, request, wrong)
            except Exception as error:
                hidden = hidden_error(error)
                return await run_in_threadpool(_trouble, request, hidden)

        return told


ROUTER = APIRouter(route_class=PageRoute, include_in_schema=False)
KNOWN = [Depends(require_cookie)]

Text = Annotated[str, Query(max_length=200)]


# ------------------------------------------------------------------------- pages
@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("napari_annotate_jobs.server.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["part"] = lambda text: quote(text, safe="")
    found.filters["day"] = lambda time: time.strftime("%d %b %Y")
    found.filters["moment"] = lambda time: time.strftime("%d %b %Y %H:%M")
    found.filters["bytes"] = _bytes
    found.filters["kind"] = _kind
    found.globals["version"] = _version()
    return found


def _bytes(number: int) -> str:
    """Return a size as people read it."""
    size = float(number)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} GB"


def _kind(schema: dict[str, Any]) -> str:
    """Say in a few words what a schema allows."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(map(_kind, schema[key]))
    if "const" in schema or "enum" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    more = schema.get("additionalProperties")
    if kind == "object" and isinstance(more, dict):
        return f"texts to {_kind(more)}"
    return " ".join(filter(None, (kind, schema.get("format"))))


@cache
def _version() -> str:
    """Return what the files of the page are told apart by, of other versions."""
    joined = b"".join(_file(name) for name in sorted(_FILES))
    return hashlib.sha256(joined).hexdigest()[:12]


@cache
def _file(name: str) -> bytes:
    from importlib.resources import files

    return (files(__package__) / "static" / name).read_bytes()


def shown(visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    text = (
        _templates()
        .get_template(template)
        .render(
            proof=visit.proof,
            known=visit.is_known,
            provider=visit.service.provider is not None,
            **values,
        )
    )
    return Response(
        text.encode("utf-8", "replace"), status, HEADERS, media_type="text/html"
    )


def _to_log_in(request: Request) -> Response:
    where = "/log-in"
    if request.method == "GET" and request.url.path != "/":
        where += "?" + urlencode({"to": request.url.path})
    return RedirectResponse(where, 303, HEADERS)


def _trouble(request: Request, error: AnnotateJobsError) -> Response:
    status, trouble = problem_of(error)
    answer = shown(Visit(request), "trouble.html", status, trouble=trouble)
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        answer.headers["Retry-After"] = str(max(1, round(wait)))
    return answer


@ROUTER.get("/static/{name}")
def get_static(name: str) -> Response:
    """Return a file of the page."""
    if name not in _FILES:
        raise NotFoundError("there is no such file", where=name)
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_file(name), headers=headers, media_type=_FILES[name])


@ROUTER.get("/api/v1/docs")
def get_description(request: Request, visit: Visitor) -> Response:
    """Show the interface for programs, as it is described in openapi.json."""
    described = request.app.openapi()
    routes = [
        {**what, "verb": verb, "path": path}
        for path, verbs in described["paths"].items()
        for verb, what in verbs.items()
    ]
    kinds = described["components"]["schemas"]
    return shown(visit, "interface.html", routes=routes, kinds=kinds)


# ------------------------------------------------------------------------ log-in
@ROUTER.get("/log-in")
def get_log_in(visit: Visitor, to: Text = "") -> Response:
    """Ask who it is."""
    return shown(visit, "log_in.html", to=_inside(to), said="")


@ROUTER.post("/log-in")
def post_log_in(visit: Visitor, form: Form) -> Response:
    """Log in with name and password, or with a token."""
    check_origin(visit.request)
    to = _inside(form.one("to"))
    token = form.one("token")
    seconds: int | None = HOURS * 3600
    try:
        if token:
            with visit.service.database.reading() as connection:
                authenticate(connection, token)
            seconds = None
        else:
            token, _ = log_in_from(
                visit.request,
                visit.service,
                form.one("name"),
                form.one("password"),
                label=LABEL,
                days=1,
            )
    except LogInError as error:
        return shown(visit, "log_in.html", 401, to=to, said=error.what)
    answer = RedirectResponse(to or "/", 303, HEADERS)
    visit.keep(answer, token, seconds)
    return answer


@ROUTER.post("/log-out", dependencies=KNOWN)
def post_log_out(visit: Visitor, form: Form) -> Response:
    """Forget who it was; a token that the log-in made ends."""
    visit.check(form)
    with visit.acting("read") as (connection, account):
        if account.label == LABEL:
            revoke_token(connection, account, account.token, by=account.name)
    answer = RedirectResponse("/log-in", 303, HEADERS)
    visit.forget(answer)
    return answer


def _inside(to: str) -> str:
    """Return where to go on; nothing that a browser takes for another site."""
    plain = to.startswith("/") and not to.startswith("//") and "\\" not in to
    return to if plain and to.isprintable() else ""


# ---------------------------------------------------------------------- overview
@ROUTER.get("/", dependencies=KNOWN)
def get_overview(visit: Visitor) -> Response:
    """List the projects of an owner, each with how far it is."""
    with visit.looking() as (connection, account):
        every = permits(connection, account)
        mine = [each for each in every if each.owner or account.admin]
        rows = []
        for each in mine:
            total = _numbers.Tally()
            for person in _numbers.people(connection, each):
                total.add(person.cases)
            rows.append((each.job, total))
        others = [each.job for each in every if each not in mine]
    return shown(visit, "overview.html", rows=rows, others=others, name=account.name)


@ROUTER.get("/jobs/{job}", dependencies=KNOWN)
def get_project(visit: Visitor, job: Key, done: Text = "", n: int = 0) -> Response:
    """Show how far a project is, and what its people do."""
    with visit.owning(job) as (connection, permit):
        found = _numbers.people(connection, permit)
        total, given = _numbers.Tally(), Counter[str]()
        for person in found:
            total.add(person.cases)
            given.update(person.given)
        values = {
            "people": found,
            "total": total,
            "counts": _numbers.count_cases(connection, permit),
            "labels": _numbers.label_use(connection, permit),
            "days": _numbers.days(connection, permit),
            "told": _numbers.last_events(connection, permit),
            "assignment": permit.project["assignment"],
            "each": permit.project["annotators_per_case"],
            "exports": list_exports(connection, permit),
            "formats": EXPORT_FORMATS.values(),
        }
        names = [each.member.name for each in found if each.member.state == "active"]
        base, values["takers"] = _base(permit), _takers(permit, names)
    return shown(visit, "project.html", **base, **values, said=_said(done, n))


@ROUTER.get("/jobs/{job}/cases", dependencies=KNOWN)
def get_cases(
    visit: Visitor,
    job: Key,
    part: Text = "",
    person: Text = "",
    text: Text = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    done: Text = "",
    n: int = 0,
) -> Response:
    """Show cases with their state, and pictures of what is drawn."""
    part = part if part in _parts() else ""
    with visit.owning(job) as (connection, permit):
        lines, total = _numbers.case_lines(
            connection,
            permit,
            part=part,
            person=person,
            text=text,
            offset=(page - 1) * _PAGE,
            limit=_PAGE,
        )
        members = list_members(connection, permit)
        names = [each.name for each in members]
        base = _base(permit)
        takers = _takers(permit, [m.name for m in members if m.state == "active"])
    chosen: dict[str, Any] = {"part": part, "person": person, "text": text}
    pages = max(1, -(-total // _PAGE))

    def link(to: int) -> str:
        kept = {name: value for name, value in chosen.items() if value}
        return "?" + urlencode({**kept, "page": to})

    return shown(
        visit,
        "cases.html",
        **base,
        **chosen,
        lines=lines,
        total=total,
        page=page,
        pages=pages,
        before=link(page - 1) if page > 1 else "",
        after=link(page + 1) if page < pages else "",
        here=link(page),
        names=names,
        takers=takers,
        parts=_parts(),
        said=_said(done, n),
    )


def _parts() -> list[str]:
    stands = [status.value for status in ReviewStatus][:-1]
    return [*_numbers.PARTS, *stands, "flagged"]


def _base(permit: Permit) -> dict[str, Any]:
    return {"job": permit.job, "name": permit.account.name}


def _takers(permit: Permit, names: Iterable[str]) -> list[str]:
    return [name for name in names if permit.job.may_annotate(name)]


@ROUTER.get("/jobs/{job}/cases/{case}/picture", dependencies=KNOWN)
def get_picture(
    request: Request, visit: Visitor, job: Key, case: Key, person: Text = ""
) -> Response:
    """Return a small picture of a case."""
    try:
        data = case_picture(visit, job, case, person or None)
    except ImagingError as error:
        # Where there is no picture the page has its own words.
        return Response(status_code=404, headers={"X-Reason": type(error).__name__})
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag == request.headers.get("if-none-match"):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="image/png")


# --------------------------------------------------------------------------- acts
_DONE = {
    "evenly": "{} given out.",
    "cases": "{} given to whom you chose.",
    "active": "They are in again.",
    "suspended": "Suspended; {} handed on.",
    "removed": "Removed; {} handed on.",
    "export": "The export is made in the background; load this page again to see it.",
    "removed-export": "The export is gone.",
}


def _said(done: str, n: int) -> str:
    return _DONE.get(done, "").format(counted(n, "case"))


def _back(where: str, done: str, n: int) -> Response:
    between = "&" if "?" in where else "?"
    return RedirectResponse(
        f"{where}{between}{urlencode({'done': done, 'n': n})}", 303, HEADERS
    )


def _project(job: str) -> str:
    return f"/jobs/{quote(job, safe='')}"


@ROUTER.post("/jobs/{job}/assign", dependencies=KNOWN)
def post_evenly(visit: Visitor, job: Key, form: Form) -> Response:
    """Share the cases that too few people have."""
    each = _number(form, "each")
    with visit.changing(job, form) as (connection, permit):
        given = assign_evenly(connection, permit, form.every("person"), each=each)
    return _back(_project(job), "evenly", given)


@ROUTER.post("/jobs/{job}/cases", dependencies=KNOWN)
def post_cases(visit: Visitor, job: Key, form: Form) -> Response:
    """Say who annotates the chosen cases."""
    chosen, people = form.every("case"), form.every("person")
    with visit.changing(job, form) as (connection, permit):
        for case in chosen:
            assign(connection, permit, case, people)
    back = form.one("back")
    where = _project(job) + "/cases" + (back if back.startswith("?") else "")
    return _back(where if where.isprintable() else _project(job), "cases", len(chosen))


@ROUTER.post("/jobs/{job}/members", dependencies=KNOWN)
def post_member(visit: Visitor, job: Key, form: Form) -> Response:
    """Suspend or remove a member, or let them in; others get their cases."""
    state = form.one("state")
    with visit.changing(job, form) as (connection, permit):
        handed = set_member(
            connection,
            permit,
            form.one("person"),
            state,
            hand_to=form.every("hand_to"),
        )
    return _back(_project(job), state, handed)


def _number(form: SentForm, name: str) -> int:
    text = form.one(name, "1")
    return int(text) if text.isdecimal() and len(text) < 4 else 0


@ROUTER.post("/jobs/{job}/exports", dependencies=KNOWN)
def post_export(visit: Visitor, job: Key, form: Form) -> Response:
    """Have an export made in the background."""
    wanted = validated(
        ExportForm,
        {
            "format": form.one("format"),
            "only": form.one("only", "finished"),
            "anonymous": bool(form.one("anonymous")),
        },
        where="export",
    )
    with visit.changing(job, form) as (connection, permit):
        ask_for_export(connection, permit, wanted)
    visit.service.asked.set()
    return _back(_project(job), "export", 1)


@ROUTER.post("/jobs/{job}/exports/{export}", dependencies=KNOWN)
def post_remove_export(
    visit: Visitor, job: Key, export: ExportKey, form: Form
) -> Response:
    """Take an export away."""
    with visit.changing(job, form) as (connection, permit):
        remove_export(connection, permit, export, visit.service)
    return _back(_project(job), "removed-export", 1)


@ROUTER.get("/jobs/{job}/exports/{export}", dependencies=KNOWN)
def get_export(
    request: Request, visit: Visitor, job: Key, export: ExportKey
) -> Response:
    """Return what was exported as one file."""
    return send_export(request, visit, job, export)


# ------------------------------------------------------------------------- tables
@ROUTER.get("/jobs/{job}/people.csv", dependencies=KNOWN)
def get_people_table(visit: Visitor, job: Key) -> Response:
    """Return the progress of each person as a table."""
    with visit.owning(job) as (connection, permit):
        found = _numbers.people(connection, permit)
        name = permit.job.name
    stands = [status.value for status in ReviewStatus]
    head = ["person", "roles", "state", *_numbers.PARTS, *stands]
    head += [f"gave {verdict}" for verdict in ("passed", "failed", "returned")]
    head += ["last active (UTC)"]
    rows = [
        [
            each.member.name,
            " ".join(each.member.roles),
            each.member.state,
            *(each.cases.of(part) for part in _numbers.PARTS),
            *(each.cases.reviews[status] for status in stands),
            *(each.given[verdict] for verdict in ("passed", "failed", "returned")),
            "" if each.last is None else each.last.isoformat(timespec="seconds"),
        ]
        for each in found
    ]
    return _table(f"{name} people", head, rows)


@ROUTER.get("/jobs/{job}/cases.csv", dependencies=KNOWN)
def get_cases_table(visit: Visitor, job: Key) -> Response:
    """Return where each case stands with each person as a table."""
    with visit.owning(job) as (connection, permit):
        lines, _ = _numbers.case_lines(connection, permit, limit=None)
        name = permit.job.name
    head = ["id", "case", "slices", "assigned", "annotator", "state", "review"]
    head += ["submitted (UTC)", "flags"]
    rows: list[list[object]] = []
    for line in lines:
        whole = [line.key, line.name, line.n_slices or "", "; ".join(line.assigned)]
        for work in line.works:
            submitted = work.submitted
            rows.append(
                [
                    *whole,
                    work.person,
                    work.part,
                    "" if work.review is None else work.review.value,
                    "" if submitted is None else submitted.isoformat("T", "seconds"),
                    line.flags,
                ]
            )
        if not line.works:
            rows.append([*whole, "", "remaining", "", "", line.flags])
    return _table(f"{name} cases", head, rows)


def _table(name: str, head: list[str], rows: Iterable[list[object]]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    safe = "".join(c if c.isalnum() or c in " -_." else "_" for c in name)
    headers = {
        **HEADERS,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(safe)}.csv",
    }
    data = "\ufeff" + text.getvalue()  # without it, Excel takes it for another code
    return Response(
        data.encode("utf-8", "replace"), headers=headers, media_type="text/csv"
    )


def _harmless(cell: object) -> object:
    """Keep a spreadsheet from taking a name for a formula."""
    dangerous = isinstance(cell, str) and cell[:1] in {*"=+-@\t\r"}
    return f"'{cell}" if dangerous else cell
