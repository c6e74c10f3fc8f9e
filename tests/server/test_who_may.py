"""Every route as every role, as nobody, and as somebody of another project."""

from __future__ import annotations

import re

import pytest

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
    "combinations": {"text": "combine: {}"},
    "state": {"state": "suspended"},
    "members": {"roles": ["annotator"]},
    "assign": {"people": ["ana"]},
}


@pytest.fixture
def routes(servers):
    """Return method and path of every route that the interface describes."""
    found = []
    for path, verbs in servers.app.openapi()["paths"].items():
        for verb in verbs:
            found.append((verb, path.removeprefix("/api/v1")))
    assert len(found) > 40
    return sorted(found)


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


FOR_OWNERS = {
    ("put", "/jobs/{job}/members/{person}"),
    ("post", "/jobs/{job}/members/{person}/state"),
    ("post", "/jobs/{job}/cases/{case}/assign"),
    ("post", "/jobs/{job}/assign"),
    ("get", "/jobs/{job}/records"),
    ("get", "/jobs/{job}/cases/{case}/records/{person}"),
    ("put", "/jobs/{job}/cases/{case}/records/{person}"),
}


@pytest.mark.served
@pytest.mark.parametrize("name", ["ana", "eve", "olga", "owner"])
def test_every_route_answers_every_member(bench, kit, routes, name):
    with bench.client(name) as client:
        for verb, path in routes:
            if path.endswith("/events") or (verb, path) == ("post", "/logout"):
                continue
            answer = ask(client, kit, verb, path)
            # What is refused is told in words, and nothing is unforeseen.
            assert answer.status_code < 500, (verb, path, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["code"] and answer.json()["what"]
            refused = answer.status_code == 403
            if path.startswith(SERVER):
                assert refused == (name != "owner"), (verb, path, answer.text)
            if (verb, path) in FOR_OWNERS and name in {"ana", "eve"}:
                assert refused, (verb, path, answer.text)
            if (verb, path) in FOR_OWNERS and name in {"olga", "owner"}:
                assert not refused, (verb, path, answer.text)


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


def test_what_is_too_large_is_not_taken(bench):
    with bench.client("ana") as client:
        answer = client.post("/jobs/job/claim", content=b" " * (33 << 20))
        assert (answer.status_code, answer.json()["code"]) == (413, "invalid")
        answer = client.get("/jobs/a%00b")
        assert answer.status_code == 422
