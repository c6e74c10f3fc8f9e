"""Answers that are lost on the way: what was done is known, and is done once."""

from __future__ import annotations

import httpx
import pytest

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.model import Comment, Verb
from napari_annotate_jobs.stores.http import HttpStore, ImageCache

JOB, CASE = "job", "case-0"


class Losing(httpx.BaseTransport):
    """Loses what is asked (`before`), or the answer, of the first such requests."""

    def __init__(self, inner, end, *, before):
        self.inner, self.end, self.before = inner, end, before
        self.lost, self.most = 0, 1

    def handle_request(self, request):
        if request.url.path.endswith(self.end) and self.lost < self.most:
            self.lost += 1
            if not self.before:
                self.inner.handle_request(request)
            raise httpx.ReadError("lost", request=request)
        return self.inner.handle_request(request)


@pytest.fixture
def losing(bench, servers, tmp_path):
    def store(name, end, *, before):
        transport = Losing(servers.transport, end, before=before)
        cache = ImageCache(tmp_path / "cache")
        opened = HttpStore(
            "http://in.process",
            token=bench.token(name),
            cache=cache,
            transport=lambda: transport,
        )
        opened.wire._sleep = lambda seconds: None
        return opened, transport

    return store


@pytest.mark.parametrize("end", ["/ops", "/submit"])
def test_what_was_done_is_done_once(losing, kit, end):
    store, transport = losing("ana", end, before=False)
    base = store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    done = store.submit(JOB, CASE, base=base)
    assert transport.lost == 1
    assert store.load(JOB, CASE).annotation.revision == base == 1
    assert list(store.submissions(JOB, CASE)) == [done]


@pytest.mark.parametrize("before", [False, True])
def test_a_flag_is_set_though_the_answer_is_lost(losing, before):
    store, transport = losing("ana", "/flag", before=before)
    (flag,) = store.flag(JOB, CASE, "blurred")
    assert transport.lost == 1
    assert store.case(JOB, CASE).flags == (flag,)


def test_a_submit_that_never_arrived_is_sent_again(losing, kit):
    store, transport = losing("ana", "/submit", before=True)
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    done = store.submit(JOB, CASE, base=1)
    assert transport.lost == 1
    assert list(store.submissions(JOB, CASE)) == [done]


def test_a_submit_that_never_arrives_is_told(losing, bench, kit):
    store, transport = losing("ana", "/submit", before=True)
    transport.most = 4
    store.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    with pytest.raises(StoreAccessError):
        store.submit(JOB, CASE, base=1)
    assert not store.submissions(JOB, CASE)
    # Nor is the submission of an earlier round taken for it.
    store.submit(JOB, CASE, base=1)
    said = [Comment(person="eve", text="look again")]
    bench.store("eve").judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
    transport.lost = 0
    with pytest.raises(StoreAccessError):
        store.submit(JOB, CASE, base=1)
    assert len(store.submissions(JOB, CASE)) == 1


@pytest.mark.parametrize("before", [False, True])
def test_a_verdict_is_given_once_or_told_to_be_missing(losing, bench, kit, before):
    ana = bench.store("ana")
    ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    ana.submit(JOB, CASE, base=1)
    eve, transport = losing("eve", "/judge", before=before)
    said = [Comment(person="eve", text="look again")]
    if before:
        transport.most = 4
        with pytest.raises(StoreAccessError):
            eve.judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
        assert not eve.verdicts(JOB, CASE, person="ana")
        return
    verdict = eve.judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
    assert list(eve.verdicts(JOB, CASE, person="ana")) == [verdict]


@pytest.mark.parametrize("before", [False, True])
def test_a_comment_is_said_once(losing, bench, kit, before):
    ana = bench.store("ana")
    ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    ana.submit(JOB, CASE, base=1)
    eve, transport = losing("eve", "/threads", before=before)
    comment = Comment(person="eve", text="why?")
    thread = eve.discuss(JOB, CASE, person="ana", comment=comment)
    assert transport.lost == 1
    assert [c.text for c in thread.comments] == ["why?"]
    assert list(eve.threads(JOB, CASE, person="ana")) == [thread]


@pytest.mark.parametrize("before", [False, True])
def test_a_comment_that_is_written_again_is_said_once(losing, bench, kit, before):
    """No answer came, however often it was asked for; then the person tries again."""
    ana = bench.store("ana")
    ana.save(JOB, CASE, kit.labelled(0, 1), {}, base=0)
    ana.submit(JOB, CASE, base=1)
    eve, transport = losing("eve", "/threads", before=before)
    transport.most = 4
    with pytest.raises(StoreAccessError):
        eve.discuss(JOB, CASE, person="ana", comment=Comment(person="eve", text="why?"))
    assert transport.lost == 4
    thread = eve.discuss(
        JOB, CASE, person="ana", comment=Comment(person="eve", text="why?")
    )
    assert list(eve.threads(JOB, CASE, person="ana")) == [thread]
    # Heard, it is over: who says it once more means it.
    eve.discuss(JOB, CASE, person="ana", comment=Comment(person="eve", text="why?"))
    assert len(eve.threads(JOB, CASE, person="ana")) == 2


NAME = {"Idempotency-Key": "0123456789abcdef"}


@pytest.mark.served
def test_a_request_that_is_named_is_done_once(make_bench):
    bench = make_bench(assignment="claim")
    with bench.client("ana") as ana, bench.client("ben") as ben:
        first = ana.post("/jobs/job/claim", json={}, headers=NAME)
        again = ana.post("/jobs/job/claim", json={}, headers=NAME)
        assert (first.status_code, again.json()) == (200, first.json())
        assert len(ana.get("/jobs/job/tasks").json()) == 1
        # Somebody else's request of that name is another one.
        other = ben.post("/jobs/job/claim", json={}, headers=NAME).json()
        assert other["case"] != first.json()["case"]
        # And so is one of another name, or without.
        ana.post("/jobs/job/claim", json={}, headers={"Idempotency-Key": "another-1"})
        ana.post("/jobs/job/claim", json={})
        assert len(ana.get("/jobs/job/tasks").json()) == 3
        release = f"/jobs/job/cases/{first.json()['case']}/release"
        mixed = ana.post(release, headers=NAME)
        assert mixed.status_code == 422
        named = {"Idempotency-Key": "release-1"}
        for _ in range(2):
            assert ana.post(release, headers=named).status_code == 204
        assert ana.post(release).status_code == 404
        bad = ana.post("/jobs/job/claim", json={}, headers={"Idempotency-Key": "a b"})
        assert bad.status_code == 422


def test_what_was_refused_can_be_asked_for_again(make_bench):
    bench = make_bench(assignment="claim")
    with bench.client("ana") as ana:
        url = "/jobs/job/cases/case-0/release"
        assert ana.post(url, headers=NAME).status_code >= 400
        ana.post("/jobs/job/claim", json={"case": "case-0"})
        assert ana.post(url, headers=NAME).status_code == 204


def test_answers_are_forgotten_after_a_while(make_bench, monkeypatch):
    from datetime import timedelta

    from napari_annotate_jobs.server import _asking

    bench = make_bench(assignment="claim")
    with bench.client("ana") as ana:
        ana.post("/jobs/job/claim", json={}, headers=NAME)
        with bench.service.database.writing() as connection:
            assert _asking.forget_answers(connection) == 0
            monkeypatch.setattr(_asking, "_KEPT", timedelta())
            assert _asking.forget_answers(connection) == 1


@pytest.mark.served
def test_owners_are_told_of_a_claim_that_lapsed(make_bench):
    from sqlalchemy import update

    from napari_annotate_jobs.model import now
    from napari_annotate_jobs.server._schema import tasks
    from napari_annotate_jobs.server._tasks import lapse_claims

    bench = make_bench(assignment="claim")
    with bench.client("ana") as ana, bench.client("olga") as olga:
        ana.post("/jobs/job/claim", json={"case": "case-2"})
        with bench.service.database.writing() as connection:
            assert lapse_claims(connection) == 0
            connection.execute(update(tasks).values(lease_until=now()))
            assert lapse_claims(connection) == 1
        last = olga.get("/jobs/job/changes").json()["changes"][-1]
        told = last["kind"], last["case"], last["author"], last["person"]
        assert told == ("lapsed", "case-2", "ana", None)
