"""The owner's page, as what a browser sends and gets: who may see and do what."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_annotate_jobs.model import Comment, Verb

JOB, CASE = "job", "case-0"
HERE = "http://in.process"


class Browser:
    """Keeps cookies, follows forms, and sends what is hidden in them."""

    def __init__(self, client):
        self.client = client
        client.base_url = HERE
        client.headers.pop("authorization", None)
        self.page = None

    def get(self, path, **options):
        self.page = self.client.get(path, follow_redirects=True, **options)
        return self.page

    def post(self, path, proof=None, **fields):
        if proof is None:
            text = "" if self.page is None else self.page.text
            proof = re.search(r'name="_form" value="(\w+)"', text)
            proof = "" if proof is None else proof[1]
        headers = {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}
        data = {"_form": proof, **fields}
        return self.client.post(path, data=data, headers=headers, follow_redirects=True)

    @property
    def text(self):
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", self.page.text)))


@pytest.fixture
def browse(bench):
    opened = []

    def browse(name=None, bench=bench):
        browser = Browser(bench.client())
        opened.append(browser.client)
        if name is not None:
            done = browser.post("/log-in", token=bench.token(name))
            assert done.status_code == 200, done.text
            browser.get("/")
        return browser

    yield browse
    for client in opened:
        client.close()


def work(bench, kit, name="ana", *, submit=True):
    store = bench.store(name)
    change, digest, data = kit.painted(1)
    store.save(JOB, CASE, change, {digest: data}, base=0)
    store.save(JOB, CASE, kit.labelled(2, 1), {}, base=1)
    if submit:
        store.submit(JOB, CASE, base=2)


PAGES = (
    "/jobs/job",
    "/jobs/job/cases",
    "/jobs/job/people.csv",
    "/jobs/job/cases.csv",
    "/jobs/job/cases/case-0/picture",
    "/jobs/job/exports/0123456789abcdef",
)
FORMS = {
    "/jobs/job/assign": {"person": "ana", "each": "1"},
    "/jobs/job/cases": {"case": "case-1", "person": "ben"},
    "/jobs/job/members": {"person": "ben", "state": "suspended"},
    "/jobs/job/exports": {"format": "coco", "only": "all"},
    "/jobs/job/exports/0123456789abcdef": {},
}
FREE = {"/", "/log-in", "/log-out", "/static/{name}", "/api/v1/docs"}


def test_these_are_all_of_its_routes(servers):
    from napari_annotate_jobs.server.page import ROUTER

    assert FREE | {
        path.replace("/job/", "/{job}/")
        .replace("/case-0/", "/{case}/")
        .replace("0123456789abcdef", "{export}")
        if path != "/jobs/job"
        else "/jobs/{job}"
        for path in (*PAGES, *FORMS)
    } == {route.path for route in ROUTER.routes}


def test_who_is_not_known_comes_to_the_log_in_and_on_from_there(browse, bench):
    browser = browse()
    for path in ("/", *PAGES):
        page = browser.get(path)
        assert page.url.path == "/log-in", path
        assert page.status_code == 200
    for path, fields in FORMS.items():
        answer = browser.client.post(path, data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/log-in")
    page = browser.get("/jobs/job")
    done = browser.post("/log-in", token=bench.token("olga"), to="/jobs/job")
    assert done.url.path == "/jobs/job"
    assert done.status_code == 200


def test_a_log_in_never_leads_to_another_site(browse, bench):
    browser = browse()
    for to in ("//evil.example", "https://evil.example", "/\\evil.example", "x"):
        browser.get("/log-in", params={"to": to})
        done = browser.client.post(
            "/log-in", data={"token": bench.token("olga"), "to": to}
        )
        assert done.headers["location"] == "/"


@pytest.mark.parametrize("name", ["ana", "eve", "lou"])
def test_members_that_own_nothing_see_no_page_of_the_project(browse, bench, name):
    bench.people.join("job", bench.account("lou"))
    browser = browse(name)
    assert "You own no job" in browser.text
    assert "Livers" in browser.text
    for path in PAGES:
        page = browser.get(path)
        assert page.status_code == 403, path
        assert "is not an owner of this project" in browser.text
    browser.get("/")
    for path, fields in FORMS.items():
        assert browser.post(path, **fields).status_code == 403, path
    with bench.client("olga") as olga:
        states = {m["state"] for m in olga.get("/jobs/job/members").json()}
    assert states == {"active"}


def test_who_is_in_another_project_does_not_learn_of_it(browse):
    browser = browse("sam")
    for path in PAGES:
        assert browser.get(path).status_code == 404
        told = browser.text
        assert browser.get(path.replace("/jobs/job", "/jobs/none")).status_code == 404
        assert browser.text.replace("none", "job") == told
    browser.get("/")
    for path, fields in FORMS.items():
        assert browser.post(path, **fields).status_code == 404


def test_a_log_in_with_a_password_ends_with_the_log_out(browse, bench):
    with bench.client("owner", scope="admin") as owner:
        secret = "correct horse battery"
        owner.post("/people", json={"name": "zoe", "password": secret, "admin": True})
    browser = browse()
    wrong = browser.post("/log-in", name="zoe", password="not the right one")
    assert wrong.status_code == 401
    assert "do not fit" in wrong.text
    assert not browser.client.cookies
    browser.post("/log-in", name="zoe", password=secret)
    token = browser.client.cookies["annotate_jobs"]
    assert "zoe" in browser.get("/").text
    browser.post("/log-out")
    assert not browser.client.cookies
    with bench.client() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/me").status_code == 401


def test_a_token_of_ones_own_survives_the_log_out(browse, bench):
    browser = browse("olga")
    token = browser.client.cookies["annotate_jobs"]
    browser.post("/log-out")
    with bench.client() as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/me").json()["name"] == "olga"


def test_the_cookie_is_for_this_site_alone_and_for_no_script(browse, bench):
    browser = browse()
    data = {"token": bench.token("olga")}
    cookie = browser.client.post("/log-in", data=data).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    browser.client.base_url = "https://in.process"
    cookie = browser.client.post("/log-in", data=data).headers["set-cookie"].lower()
    assert "secure" in cookie


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_does_nothing(browse, bench, path):
    browser = browse("olga")
    browser.get("/jobs/job")
    good = re.search(r'name="_form" value="(\w+)"', browser.page.text)[1]
    for proof, headers in (
        ("", {}),
        ("0" * 64, {}),
        ("\u00e4", {}),
        (good, {"Origin": "https://evil.example"}),
        (good, {"Origin": "null"}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
        (good, {"Sec-Fetch-Site": "same-site"}),
    ):
        data = {**FORMS[path], "_form": proof}
        answer = browser.client.post(path, data=data, headers=headers)
        assert answer.status_code == 403, (proof, headers)
    as_json = {**FORMS[path], "_form": good}
    assert browser.client.post(path, json=as_json).status_code == 422
    with bench.client("olga") as olga:
        members = olga.get("/jobs/job/members").json()
        assert {member["state"] for member in members} == {"active"}
        assert olga.get("/jobs/job/tasks").json() == []
    assert browser.post("/log-out", proof="0").status_code == 403
    evil = {"Origin": "https://evil.example"}
    data = {"token": bench.token("olga")}
    assert browser.client.post("/log-in", data=data, headers=evil).status_code == 403


def test_the_page_of_no_other_site_can_show_it_or_run_in_it(browse):
    browser = browse("olga")
    for path in ("/", "/jobs/job", "/jobs/job/cases", "/jobs/none"):
        page = browser.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        # Nothing of it is elsewhere, nor is there a script or style in the text.
        named = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
        assert all(name.startswith(("/", "?")) for name in named), named
        assert not re.search(r"<script>|\sstyle=|\son\w+=|<style", page.text)


def test_the_interface_is_shown_without_a_script_from_elsewhere(browse, servers):
    browser = browse()
    page = browser.get("/api/v1/docs")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert re.findall(r'src="([^"]*)"', page.text) != []
    assert all(
        n.startswith("/static/") for n in re.findall(r'src="([^"]*)"', page.text)
    )
    told = browser.text
    for path, verbs in servers.app.openapi()["paths"].items():
        assert path in told
        assert all(what["summary"] in told for what in verbs.values())


def test_names_are_texts_and_nothing_else(browse, make_bench, kit):
    bench = make_bench()
    name = "<script>alert(1)</script>"
    bench.people.join("job", bench.account(name))
    browser = browse("olga", bench)
    assert "<script>alert" not in browser.get("/jobs/job").text
    assert name in browser.text
    page = browser.get("/jobs/job/cases", params={"text": '"><script>alert(1)'})
    assert "<script>alert" not in page.text


def test_a_table_holds_no_formula(browse, bench, kit):
    bench.people.join("job", bench.account("=cmd|' /C calc'!A0"))
    page = browse("olga").get("/jobs/job/people.csv")
    rows = list(csv.reader(io.StringIO(page.content.decode("utf-8-sig"))))
    assert "'=cmd|' /C calc'!A0" in [row[0] for row in rows]


@pytest.mark.served
def test_numbers_of_a_project(make_bench, kit, browse):
    bench = make_bench(assignment="assigned")
    browser = browse("olga", bench)
    browser.get("/jobs/job")
    done = browser.post("/jobs/job/assign", person=["ana", "ben"], each="1")
    assert "4 cases given out." in done.text
    work(bench, kit)
    with bench.store("eve") as eve:
        eve.judge(JOB, CASE, Verb.PASS, person="ana", comments=())
    work_of_ben(bench, kit)
    browser.get("/jobs/job")
    assert "1 of 2" in browser.text
    assert "25 %" in browser.text
    assert "1 passed" in browser.text
    assert "liver 1 slice" in browser.text
    assert "lesion 2 slices" in browser.text
    assert "3 saved 1 submitted 1 judged" in browser.text
    assert "eve judged Case 0 of ana" in browser.text
    rows = list(csv.DictReader(lines(browser.get("/jobs/job/people.csv"))))
    ana = next(row for row in rows if row["person"] == "ana")
    assert (ana["finished"], ana["remaining"], ana["passed"]) == ("1", "1", "1")
    ben = next(row for row in rows if row["person"] == "ben")
    assert (ben["begun"], ben["remaining"]) == ("1", "1")
    eve = next(row for row in rows if row["person"] == "eve")
    assert eve["gave passed"] == "1"
    rows = list(csv.DictReader(lines(browser.get("/jobs/job/cases.csv"))))
    assert [(r["case"], r["annotator"], r["state"], r["review"]) for r in rows] == [
        ("Case 0", "ana", "finished", "passed"),
        ("Case 1", "ben", "begun", ""),
        ("Case 2", "", "remaining", ""),
        ("Case 3", "", "remaining", ""),
    ]
    browser.get("/")
    assert "1 of 4 finished" in browser.text


def work_of_ben(bench, kit):
    with bench.store("ben") as ben:
        ben.save(JOB, "case-1", kit.labelled(0, 1), {}, base=0)


def lines(page):
    return io.StringIO(page.content.decode("utf-8-sig"))


@pytest.mark.served
def test_cases_are_found_by_state_person_and_name(make_bench, kit, browse):
    bench = make_bench()
    work(bench, kit)
    work_of_ben(bench, kit)
    browser = browse("olga", bench)

    def found(**asked):
        page = browser.get("/jobs/job/cases", params=asked)
        return re.findall(r'name="case" value="([^"]+)"', page.text)

    every = [f"case-{n}" for n in range(4)]
    assert found() == every
    assert found(part="remaining") == every[2:]
    assert found(part="begun") == ["case-1"]
    assert found(part="finished") == found(part="waiting") == ["case-0"]
    assert found(part="passed") == []
    assert found(person="ben") == ["case-1"]
    assert found(text="CASE 3") == ["case-3"]
    assert found(part="nonsense") == every
    assert found(page=9) == []
    said = [Comment(person="eve", text="look again")]
    with bench.store("eve") as eve:
        eve.judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
    assert found(part="returned") == ["case-0"]


def test_flags_are_shown_found_told_and_written(make_bench, kit, browse):
    bench = make_bench()
    with bench.store("ana") as ana:
        ana.flag(JOB, CASE, "<b>left</b> and right?")
        ana.flag(JOB, "case-2", "=motion")
        ana.flag(JOB, "case-2", None)
        ana.flag(JOB, "case-3", "=motion")
    browser = browse("olga", bench)
    page = browser.get("/jobs/job/cases", params={"part": "flagged"})
    assert re.findall(r'name="case" value="([^"]+)"', page.text) == [CASE, "case-3"]
    assert "<b>left</b>" not in page.text
    assert "<b>left</b> and right? (ana)" in unescape(page.text)
    browser.get("/jobs/job")
    assert "ana flagged Case 0" in browser.text
    assert "ana took a flag off Case 2" in browser.text
    rows = csv.DictReader(lines(browser.get("/jobs/job/cases.csv")))
    assert {row["case"]: row["flags"] for row in rows} == {
        "Case 0": "<b>left</b> and right? (ana)",
        "Case 1": "",
        "Case 2": "",
        "Case 3": "'=motion (ana)",
    }
    ben = browse("ben", bench)  # who owns nothing sees nothing of it
    assert "left" not in ben.get("/jobs/job/cases").text


def test_cases_are_given_to_others(make_bench, kit, browse):
    bench = make_bench(assignment="assigned")
    browser = browse("olga", bench)
    browser.get("/jobs/job/cases")
    done = browser.post(
        "/jobs/job/cases", case=["case-0", "case-2"], person="ana", back="?page=1"
    )
    assert "2 cases given to whom you chose." in done.text
    browser.post("/jobs/job/cases", case="case-2", person="ben")
    with bench.client("olga") as olga:
        tasks = olga.get("/jobs/job/tasks").json()
    assert [(t["case"], t["person"]) for t in tasks] == [
        ("case-0", "ana"),
        ("case-2", "ben"),
    ]
    refused = browser.post("/jobs/job/cases", case="case-3", person="eve")
    assert refused.status_code == 422
    assert "is not among the annotators" in refused.text


def test_who_is_suspended_is_out_and_others_have_the_cases(make_bench, kit, browse):
    bench = make_bench(assignment="assigned")
    browser = browse("olga", bench)
    browser.get("/jobs/job")
    browser.post("/jobs/job/assign", person=["ana", "ben"], each="1")
    done = browser.post(
        "/jobs/job/members", person="ben", state="suspended", hand_to="ana"
    )
    assert "Suspended; 2 cases handed on." in done.text
    with bench.client("ben") as ben:
        assert ben.get("/jobs/job").status_code == 403
        browser.post("/jobs/job/members", person="ben", state="active")
        assert ben.get("/jobs/job").status_code == 200
    last = browser.post("/jobs/job/members", person="olga", state="removed")
    assert last.status_code == 409
    assert "would have no owner" in last.text


def test_a_picture_shows_what_was_painted_and_is_renewed(make_bench, kit, browse):
    bench = make_bench()
    images = bench.service.settings.home / "images" / "images" / "0"
    images.mkdir(parents=True)
    grey = np.arange(4, dtype=np.uint8)[:, None, None] * np.full((16, 16), 40, np.uint8)
    tifffile.imwrite(images / "x.tif", grey, photometric="minisblack")
    browser = browse("olga", bench)
    url = "/jobs/job/cases/case-0/picture"

    def picture(**asked):
        page = browser.get(url, params=asked)
        assert page.headers.get("content-type") == "image/png", page.headers
        return np.asarray(Image.open(io.BytesIO(page.content)))

    plain = picture()
    assert (np.ptp(plain, axis=2) == 0).all()
    work(bench, kit, submit=False)
    drawn = picture(person="ana")
    colour = np.ptp(drawn.astype(int), axis=2) > 20
    # Three of sixteen rows are liver, which is orange.
    assert 0.15 < colour.mean() < 0.25
    assert drawn[5, 5, 0] > drawn[5, 5, 2]
    tag = browser.page.headers["etag"]
    same = browser.get(url, params={"person": "ana"}, headers={"If-None-Match": tag})
    assert same.status_code == 304
    change, digest, data = kit.painted(3)
    with bench.store("ana") as ana:
        ana.save(JOB, CASE, change, {digest: data}, base=2)
    assert (picture(person="ana") != drawn).any()
    folder = bench.service.settings.home / "pictures"
    assert len(list(folder.rglob("*.png"))) == 2


def test_a_case_without_images_has_no_picture_and_all_else(bench, kit, browse):
    work(bench, kit)
    browser = browse("olga")
    assert browser.get("/jobs/job/cases/case-0/picture").status_code == 404
    assert browser.get("/jobs/job/cases/case-9/picture").status_code == 404
    assert browser.get("/jobs/job/cases").status_code == 200


def test_an_older_database_is_counted_when_it_is_upgraded(tmp_path, bench, kit):
    """What the migration counts is what saving counts."""
    from importlib import import_module

    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from sqlalchemy import select, text

    from napari_annotate_jobs.server._schema import works

    migration = import_module(
        "napari_annotate_jobs.server.migrations._0002_counts_and_answers"
    )
    work(bench, kit)
    store = bench.store("ana")
    store.judge(JOB, CASE, Verb.REOPEN)
    change = kit.labelled(3, 1)
    excluded = change.slices["index:3"].evolve(excluded=True)
    store.save(JOB, CASE, type(change)(slices={"index:3": excluded}), {}, base=2)
    with bench.service.database.writing() as connection:
        counted = connection.scalar(select(works.c.label_counts))
        assert counted == '{"6": 1, "1": 1}'
        connection.execute(text("UPDATE annotation SET label_counts = '{}'"))
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            migration._count_labels()
        assert connection.scalar(select(works.c.label_counts)) == counted


def test_failed_log_ins_count_at_all_servers_that_share_a_database(bench):
    from napari_annotate_jobs.server import create_app
    from napari_annotate_jobs.server._service import Service
    from napari_annotate_jobs.testing._serving import InProcess

    service = bench.service
    other = Service(service.settings, service.database, service.shelf)
    transport = InProcess(create_app(other, chores=False))
    clients = [bench.client(), bench.client()]
    clients[1]._transport = transport
    try:
        told = [
            clients[n % 2].post("/login", json={"name": f"p{n}", "password": "x"})
            for n in range(21)
        ]
        assert [answer.status_code for answer in told] == [401] * 20 + [429]
        assert int(told[-1].headers["Retry-After"]) > 200
    finally:
        transport.stop()


def test_an_owner_has_an_export_made_sees_how_far_it_is_and_fetches_it(
    browse, bench, kit
):
    from napari_annotate_jobs.server._exports import do_exports

    images = bench.service.settings.home / "images" / "images" / "0"
    images.mkdir(parents=True)
    pixels = np.arange(3 * 256, dtype=np.uint16).reshape(3, 16, 16)
    tifffile.imwrite(images / "x.tif", pixels, photometric="minisblack")
    work(bench, kit)
    browser = browse("olga")
    browser.get("/jobs/job")
    asked = browser.post("/jobs/job/exports", format="coco", only="finished")
    assert "made in the background" in asked.text
    browser.post("/jobs/job/exports", format="coco", only="passed")
    browser.get("/jobs/job")
    assert browser.text.count(" waiting ") >= 2
    assert len(do_exports(bench.service)) == 2
    browser.get("/jobs/job")
    assert "failed: there is nothing to export" in browser.text
    (href,) = re.findall(r'href="(/jobs/job/exports/\w+)" download', browser.page.text)
    file = browser.client.get(href)
    assert file.content[:2] == b"PK"
    assert "Livers%20coco.zip" in file.headers["content-disposition"]
    browser.post(href)
    browser.get("/jobs/job")
    assert "Download" not in browser.text
    wrong = browser.post("/jobs/job/exports", format="none")
    assert wrong.status_code == 422
    assert "no format" in wrong.text
