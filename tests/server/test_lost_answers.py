"""Answers that are lost on the way: what was done is known, and is done once."""

from __future__ import annotations

import httpx
import pytest

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.model import Comment, Verb
from napari_annotate_jobs.stores.http import HttpStore, ImageCache

JOB, CASE = "job", "case-0"


class Losing(httpx.BaseTransport):
    """Loses what is asked (`before`), or the answer, of the first such request."""

    def __init__(self, inner, end, *, before):
        self.inner, self.end, self.before = inner, end, before
        self.lost = 0

    def handle_request(self, request):
        if request.url.path.endswith(self.end) and not self.lost:
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


def test_a_submit_that_never_arrived_is_told(losing, bench, kit):
    store, transport = losing("ana", "/submit", before=True)
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
    eve, _ = losing("eve", "/judge", before=before)
    said = [Comment(person="eve", text="look again")]
    if before:
        with pytest.raises(StoreAccessError):
            eve.judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
        assert not eve.verdicts(JOB, CASE, person="ana")
        return
    verdict = eve.judge(JOB, CASE, Verb.RETURN, person="ana", comments=said)
    assert list(eve.verdicts(JOB, CASE, person="ana")) == [verdict]
