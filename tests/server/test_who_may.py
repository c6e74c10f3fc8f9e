"""Every route as every role, as nobody, and as somebody of another project."""

from __future__ import annotations

import asyncio
import re

import pytest

from napari_annotate_jobs.stores.wire import packed

OPEN = {("post", "/login")}
SERVER = ("/people", "/audit")
"""Of the server as a whole: for its owners, but for what is one's own."""
MINE = {("get", "/jobs"), ("get", "/me"), ("post", "/logout")}
FILL = {
    "job": "job",
    "case": "case-0",
    "person": "ben",
    "digest": "0" * 64,
    "name": "coarse",
    "place": "0",
    "number": "0",
    "token": "0123456789abcdef",
    "version": "1",
    "export": "0123456789abcdef",
}
BODY = {
    "/login": {"name": "ana", "password": "not the right one"},
    "/people": {"name": "zoe"},
    "/jobs": {
        "job": {
            "id": "other",
            "project": {
                "name": "Other",
                "methods": ["classification"],
                "label_set": {
                    "labels": [
                        {
                            "id": 1,
                            "name": "a",
                            "color": "#E69F00",
                            "method": "classification",
                        }
                    ]
                },
            },
        }
    },
    "blobs:missing": {"digests": []},
    "ops": None,
    "submit": {"base": 0},
    "judge": {"verb": "pass"},
    "threads": {"comment": {"person": "ben", "text": "?"}},
    "threads:read": {},
    "records": {"annotation": {"case_id": "case-0", "person": "ben"}},
    "note": {"n_slices": 1},
    "flag": {"reason": "a second look"},
    "combinations": {"text": "combine: {}"},
    "state": {"state": "suspended"},
    "members": {"roles": ["annotator"]},
    "assign": {"people": ["ana"]},
    "exports": {"format": "coco"},
}


WATCHED = {"/health", "/ready", "/metrics"}
"""For who watches the server: they tell nothing of jobs or people."""
DESCRIPTION = {"/api/v1/openapi.json", "/api/v1/docs"}


def walked(app):
    """Return method and path of every route that the application answers."""
    found = set()
    for route in app.routes:
        # Newer versions of FastAPI keep the routes of a router apart.
        parts = getattr(route, "effective_route_contexts", None)
        for part in [route] if parts is None else list(parts()):
            found |= {(verb.lower(), part.path) for verb in part.methods}
    return found


@pytest.fixture
def routes(servers):
    """Return method and path of every route that a token is asked for."""
    found = walked(servers.app)
    public = {(verb, path) for verb, path in found if path in WATCHED | DESCRIPTION}
    assert {verb for verb, _ in public} <= {"get", "head"}
    # The pages of owners have a log-in, and tests, of their own.
    public |= {(verb, path) for verb, path in found if not path.startswith("/api/")}
    return sorted((verb, path.removeprefix("/api/v1")) for verb, path in found - public)


def test_every_route_is_described(servers, routes):
    described = servers.app.openapi()["paths"]
    assert routes == sorted(
        (verb, path.removeprefix("/api/v1"))
        for path, verbs in described.items()
        for verb in verbs
    )


def ask(client, kit, verb, path):
    url = re.sub(r"\{(\w+)\}", lambda m: FILL[m[1]], path)
    last = path.rsplit("/", 1)[-1]
    if "{" in last:
        last = path.split("/")[-2]
    options = {}
    if verb in {"post", "put", "patch"}:
        if last == "ops":
            found = kit.batch(kit.labelled(0, 1), base=0)
            options["json"] = found.model_dump(mode="json")
        elif path.endswith("/blobs/{digest}"):
            options["content"] = b"none"
        elif path.endswith("/blobs"):
            _, digest, data = kit.painted(0)
            options["json"] = {"masks": packed({digest: data})}
        else:
            options["json"] = BODY.get(path, BODY.get(last, {}))
    if path.endswith("/review"):
        options["params"] = {"person": "ana"}
    if path.endswith("/events"):
        url += "?none"  # never ends for who may listen
    return client.request(verb.upper(), url, **options)


def test_nobody_gets_anything(bench, kit, routes):
    with bench.client() as nobody:
        nobody.headers["Authorization"] = ""
        for verb, path in routes:
            answer = ask(nobody, kit, verb, path)
            assert answer.status_code == 401, (verb, path, answer.text)
            assert answer.json()["code"] == "log_in"


@pytest.mark.parametrize(
    "token", ["naj_0123456789abcdef_x", "naj__", "x", "naj_a_" * 9]
)
def test_a_token_that_nobody_has_is_refused(bench, token):
    with bench.client() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/jobs").status_code == 401


@pytest.mark.served
def test_who_is_not_in_a_project_does_not_even_learn_of_it(bench, kit, routes):
    with bench.client("sam") as sam:
        assert sam.get("/jobs").json() == []
        unknown = sam.get("/jobs/none").json()
        for verb, path in routes:
            if (verb, path) in OPEN | MINE:
                continue
            answer = ask(sam, kit, verb, path)
            if path.startswith("/jobs/{job}"):
                assert answer.status_code == 404, (verb, path, answer.text)
                told = {**answer.json(), "what": ""}
                assert told == {**unknown, "what": ""}
            else:
                assert answer.status_code == 403, (verb, path, answer.text)


def test_a_token_to_read_with_changes_nothing(bench, kit, routes):
    reads = {"blobs:missing"}
    with bench.client("ana", scope="read") as ana:
        for verb, path in routes:
            change = verb != "get" and path.rsplit("/", 1)[-1] not in reads
            if (verb, path) in OPEN | MINE or not change:
                continue
            answer = ask(ana, kit, verb, path)
            assert answer.status_code == 403, (verb, path, answer.text)


EVERYBODY = ("lou", "ana", "eve", "olga", "owner")
"""Looks on, annotates, reviews, owns the project, owns the server."""
NOT_LOOKING = EVERYBODY[1:]
OWNERS = ("olga", "owner")
MAY = {
    "get /jobs": EVERYBODY,
    "get /me": EVERYBODY,
    "get /jobs/{job}": EVERYBODY,
    "get /jobs/{job}/cases": EVERYBODY,
    "get /jobs/{job}/changes": EVERYBODY,
    "get /jobs/{job}/combinations": EVERYBODY,
    "get /jobs/{job}/counts": EVERYBODY,
    "get /jobs/{job}/events": EVERYBODY,
    "get /jobs/{job}/members": EVERYBODY,
    "get /jobs/{job}/neighbour": EVERYBODY,
    "get /jobs/{job}/next-review": EVERYBODY,
    "get /jobs/{job}/review-counts": EVERYBODY,
    "get /jobs/{job}/review-progress": EVERYBODY,
    "get /jobs/{job}/reviews": EVERYBODY,
    "get /jobs/{job}/tasks": EVERYBODY,
    "get {case}": EVERYBODY,
    "get {case}/blobs/{digest}": EVERYBODY,
    "get {case}/draft": EVERYBODY,
    "get {case}/people": EVERYBODY,
    "get {case}/series": EVERYBODY,
    "get {case}/series/{place}": EVERYBODY,
    "get {case}/series/{place}/files/{number}": EVERYBODY,
    "get {case}/submissions": EVERYBODY,
    "get {case}/threads": EVERYBODY,
    "get {case}/verdicts": EVERYBODY,
    # Refused in words of their own: see what is done with a submission.
    "get {case}/review": EVERYBODY,
    "post {case}/blobs:missing": EVERYBODY,
    "post {case}/threads:read": EVERYBODY,
    "post {case}/release": EVERYBODY,
    "post /jobs/{job}/claim": EVERYBODY,
    # Each operation is answered for itself.
    "post {case}/ops": EVERYBODY,
    "put {case}/blobs/{digest}": NOT_LOOKING,
    "post {case}/blobs": NOT_LOOKING,
    "post {case}/note": NOT_LOOKING,
    "post {case}/threads": EVERYBODY,
    "put /jobs/{job}/combinations/{name}": NOT_LOOKING,
    "delete /jobs/{job}/combinations/{name}": NOT_LOOKING,
    "post {case}/submit": ("ana",),
    # Of one's own submission: so nobody.
    "post {case}/judge": (),
    "get /jobs/{job}/records": OWNERS,
    "get {case}/records/{person}": OWNERS,
    "put {case}/flag": ("ana", "eve", "olga"),
    "put {case}/records/{person}": OWNERS,
    "post {case}/assign": OWNERS,
    "post /jobs/{job}/assign": OWNERS,
    "put /jobs/{job}/members/{person}": OWNERS,
    "put /jobs/{job}/labels": OWNERS,
    "patch /jobs/{job}": OWNERS,
    "delete /jobs/{job}": OWNERS,
    "get /jobs/{job}/contents": OWNERS,
    "get /jobs/{job}/used-labels": OWNERS,
    "get /jobs/{job}/labels/{version}": EVERYBODY,
    "post /jobs/{job}/members/{person}/state": OWNERS,
    "get /jobs/{job}/exports": OWNERS,
    "post /jobs/{job}/exports": OWNERS,
    "get /jobs/{job}/exports/{export}": OWNERS,
    "delete /jobs/{job}/exports/{export}": OWNERS,
    "get /jobs/{job}/exports/{export}/file": OWNERS,
    "post /jobs": ("owner",),
    "get /people": ("owner",),
    "post /people": ("owner",),
    "patch /people/{person}": ("owner",),
    "get /people/{person}/tokens": ("owner",),
    "post /people/{person}/tokens": ("owner",),
    "delete /people/{person}/tokens/{token}": ("owner",),
    "get /audit/check": ("owner",),
    "post /login": EVERYBODY,
    "post /logout": EVERYBODY,
}


def named(verb, path):
    return f"{verb} {path.replace('/jobs/{job}/cases/{case}', '{case}')}"


def test_of_every_route_it_is_said_who_may(routes):
    assert sorted(named(*route) for route in routes) == sorted(MAY)


@pytest.mark.slow
@pytest.mark.served
@pytest.mark.parametrize("name", EVERYBODY)
def test_every_route_answers_every_member(bench, kit, routes, name):
    bench.people.join("job", bench.account("lou"))
    away = ("delete", "/jobs/{job}")  # after which there is nothing to ask about
    with bench.client(name) as client:
        for verb, path in sorted(routes, key=lambda route: tuple(route) == away):
            if path.endswith("/events") or (verb, path) == ("post", "/logout"):
                continue
            answer = ask(client, kit, verb, path)
            # What is refused is told in words, and nothing is unforeseen.
            assert answer.status_code < 500, (verb, path, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["code"] and answer.json()["what"]
            refused = answer.status_code == 403
            allowed = name in MAY[named(verb, path)]
            assert refused != allowed, (verb, path, name, answer.text)
        if name == "lou":
            assert "lou" not in client.get(f"{kit.case}/people").json()


@pytest.mark.served
def test_who_is_suspended_or_removed_is_out_and_others_get_the_cases(make_bench, kit):
    bench = make_bench(assignment="assigned")
    with bench.client("olga") as olga, bench.client("ben") as ben:
        given = olga.post("/jobs/job/assign", json={"people": ["ana", "ben"]})
        assert given.json()["count"] == 4
        assert len(ben.get("/jobs/job/tasks").json()) == 2
        answer = olga.post(
            "/jobs/job/members/ben/state",
            json={"state": "suspended", "hand_to": ["ana"]},
        )
        assert answer.json()["count"] == 2
        assert ben.get("/jobs/job").status_code == 403
        tasks = olga.get("/jobs/job/tasks").json()
        assert [task["person"] for task in tasks] == ["ana"] * 4
        olga.post("/jobs/job/members/ben/state", json={"state": "removed"})
        assert ben.get("/jobs/job").status_code == 404
        last = olga.post("/jobs/job/members/olga/state", json={"state": "removed"})
        assert last.status_code == 409


def test_who_is_suspended_stays_so_whatever_roles_they_get(bench):
    with bench.client("olga") as olga, bench.client("ben") as ben:
        state = "/jobs/job/members/ben/state"
        olga.post(state, json={"state": "suspended"})
        olga.put("/jobs/job/members/ben", json={"roles": ["reviewer"]})
        assert ben.get("/jobs/job").status_code == 403
        olga.post(state, json={"state": "active"})
        assert ben.get("/jobs/job").json()["reviewers"] == ["ben", "eve"]
        olga.post(state, json={"state": "removed"})
        olga.put("/jobs/job/members/ben", json={"roles": ["annotator"]})
        assert ben.get("/jobs/job").status_code == 200


def test_who_may_only_look_opens_a_case_and_leaves_no_mark(bench, kit):
    bench.people.join("job", bench.account("lou"))
    for name, scope in (("lou", "write"), ("ana", "read")):
        with bench.store(name) as store:
            store.use_token(bench.token(name, scope))
            case = store.note_case("job", "case-0", n_slices=9, size=(8, 8))
            assert case.n_slices == 9
    with bench.store("eve") as eve:
        assert eve.case("job", "case-0").case.n_slices is None


@pytest.mark.served
def test_what_was_asked_for_stands_in_no_error(bench):
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(Exception) as caught:
        with bench.service.database.writing() as connection:
            connection.execute(text("SELECT :a FROM nowhere"), {"a": "a secret"})
    error = caught.value
    cause = error if isinstance(error, DBAPIError) else error.__cause__
    assert "nowhere" in str(cause)
    assert "a secret" not in f"{error}{cause}"


def test_failed_log_ins_are_limited_and_tell_nothing(bench):
    with bench.client("owner") as owner, bench.client() as client:
        secret = "correct horse battery"
        owner.post("/people", json={"name": "zoe", "password": secret})
        good = {"name": "zoe", "password": secret}
        token = client.post("/login", json=good).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/me").json()["name"] == "zoe"
        wrong = [
            client.post("/login", json={"name": name, "password": "x"})
            for name in ("zoe", "nobody", "zoe", "zoe", "zoe", "zoe")
        ]
        assert len({answer.text for answer in wrong}) == 1
        locked = client.post("/login", json=good)
        assert locked.status_code == 429
        assert int(locked.headers["Retry-After"]) > 1
        # Who is logged in stays so, until the token is ended.
        assert client.get("/me").status_code == 200
        assert client.post("/logout").status_code == 204
        assert client.get("/me").status_code == 401


def test_who_sends_is_known_before_what_they_send_is_looked_at(bench, kit):
    for token in ("", "Bearer naj_0123456789abcdef_x"):
        with bench.client() as nobody:
            nobody.headers["Authorization"] = token
            url = f"{kit.case}/ops"
            for body in (b"{", b'{"operations": 1}', b" " * (1 << 20)):
                headers = {"Content-Type": "application/json"}
                answer = nobody.post(url, content=body, headers=headers)
                assert answer.status_code == 401, (token, body[:20], answer.text)
            assert nobody.put(f"{kit.case}/blobs/none").status_code == 401
    with bench.client("ana") as ana:
        assert ana.post(f"{kit.case}/ops", content=b"{").status_code == 422


@pytest.mark.parametrize("token", [None, "x", "revoked", "good"])
def test_no_body_is_read_of_who_is_not_known(bench, servers, kit, token):
    """However small it is."""
    text = {"good": bench.token("ana"), "revoked": bench.token("ana")}.get(token, token)
    if token == "revoked":
        key = text.split("_")[1]
        with bench.client("ana") as ana:
            assert ana.delete(f"/people/ana/tokens/{key}").status_code == 204
    headers = [(b"content-length", b"2"), (b"content-type", b"application/json")]
    if text is not None:
        headers.append((b"authorization", f"Bearer {text}".encode()))
    path = f"/api/v1{kit.case}/ops"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": headers,
        "server": ("in.process", 80), "client": ("127.0.0.1", 9),
    }  # fmt: skip
    read, sent = [], []

    async def receive():
        read.append(1)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(servers.app(scope, receive, send))
    assert sent[0]["status"] == (422 if token == "good" else 401)
    assert bool(read) == (token == "good")


def test_what_is_too_large_is_not_taken(bench):
    with bench.client("ana") as client:
        answer = client.post("/jobs/job/claim", content=b" " * (33 << 20))
        assert (answer.status_code, answer.json()["code"]) == (413, "invalid")
        answer = client.get("/jobs/a%00b")
        assert answer.status_code == 422
