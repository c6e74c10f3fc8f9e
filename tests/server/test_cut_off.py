"""A connection that drops, repeats and truncates, and a client that is killed."""

from __future__ import annotations

import random

import httpx
import numpy as np
import pytest

from napari_annotate_jobs.errors import StoreAccessError
from napari_annotate_jobs.model import AnnotationChange, SliceAnnotation, mask_ref
from napari_annotate_jobs.session import Recovery, SaveKind, SynchronousExecutor
from napari_annotate_jobs.session._saver import Saver
from napari_annotate_jobs.stores.http import HttpStore, ImageCache

WAYS = ("pass", "pass", "refuse", "lose", "twice", "cut", "busy")


class Shaky(httpx.BaseTransport):
    """Carries requests as chance has it, until it is told to be good."""

    def __init__(self, inner: httpx.BaseTransport, chance: random.Random) -> None:
        self._inner, self._chance = inner, chance
        self.good = True
        self.met: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        way = "pass" if self.good else self._chance.choice(WAYS)
        self.met.add(way)
        if way == "refuse":
            raise httpx.ConnectError("refused", request=request)
        if way == "busy":
            return httpx.Response(503, headers={"Retry-After": "0"}, text="busy")
        answer = self._inner.handle_request(request)
        if way == "lose":
            raise httpx.ReadError("lost", request=request)
        if way == "cut":
            raise httpx.RemoteProtocolError("cut short", request=request)
        if way == "twice":
            answer = self._inner.handle_request(request)
        return answer


def painted(index: int, rows: int) -> tuple[AnnotationChange, dict[str, bytes]]:
    mask = np.zeros((16, 16), np.uint16)
    mask[:rows] = 6
    found = mask_ref(mask)
    assert found is not None
    ref, data = found
    content = SliceAnnotation(index=index, masks={"": ref})
    return AnnotationChange(slices={f"index:{index}": content}), {ref.digest: data}


def shaky_store(bench, transport: Shaky) -> HttpStore:
    store = HttpStore(
        "http://in.process",
        token=bench.token("ana"),
        cache=ImageCache(bench.service.settings.home / "cache"),
        transport=lambda: transport,
    )
    store.wire._sleep = lambda seconds: None
    return store


def opened(store: HttpStore, folder) -> Saver:
    """Begin with the case as a window would that was killed before."""
    draft = store.load("job", "case-0")
    saver = Saver(
        store,
        "job",
        "case-0",
        annotation=draft.annotation,
        executor=SynchronousExecutor(),
        recovery=Recovery(folder),
    )
    saver.recover(draft.annotation)
    return saver


@pytest.mark.parametrize("seed", [0, 3, 5, 7, 11])
def test_nothing_is_lost_and_nothing_conflicts(bench, servers, tmp_path, seed):
    chance = random.Random(seed)
    transport = Shaky(servers.transport, chance)
    store = shaky_store(bench, transport)
    saver = opened(store, tmp_path / "unsaved")
    wanted: dict[str, str] = {}
    for _ in range(20):
        transport.good = False
        match chance.choice(["edit", "edit", "edit", "wait", "kill"]):
            case "edit":
                index = chance.randrange(3)
                change, blobs = painted(index, chance.randrange(1, 16))
                saver.add(change, blobs)
                (content,) = change.slices.values()
                wanted[f"index:{index}"] = content.masks[""].digest
            case "wait":
                saver.retry()
            case "kill":  # no close: it has no time for that
                try:
                    saver = opened(store, tmp_path / "unsaved")
                except StoreAccessError:
                    continue
        assert saver.state.kind is not SaveKind.CONFLICT
        if saver.count:
            assert saver.state.kept
    transport.good = True
    saver = opened(store, tmp_path / "unsaved")
    saver.retry()
    assert saver.is_idle
    there = store.load("job", "case-0").annotation
    assert {k: c.masks[""].digest for k, c in there.slices.items()} == wanted
    assert {"refuse", "lose", "twice", "cut", "busy"} & transport.met
    store.close()


def test_a_token_that_is_revoked_pauses_and_another_goes_on(bench, servers, tmp_path):
    transport = Shaky(servers.transport, random.Random(0))
    store = shaky_store(bench, transport)
    saver = opened(store, tmp_path / "unsaved")
    store.use_token("no-longer-good")
    saver.add(*painted(0, 3))
    assert saver.state.kind is SaveKind.LOG_IN
    assert saver.state.kept
    store.use_token(bench.token("ana"))
    saver.retry()
    assert saver.state.kind is SaveKind.SAVED
    assert len(store.load("job", "case-0").annotation.slices) == 1
    store.close()


def test_a_refused_connection_says_so_in_words_of_servers(bench, servers, tmp_path):
    transport = Shaky(servers.transport, random.Random(0))
    store = shaky_store(bench, transport)
    saver = opened(store, tmp_path / "unsaved")

    class Refusing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            try:
                raise ConnectionRefusedError(111, "refused")
            except OSError as error:
                raise httpx.ConnectError("refused", request=request) from error

    store.wire.close()
    store.wire._transport = Refusing
    saver.add(*painted(0, 3))
    assert saver.state.kind is SaveKind.OFFLINE
    assert saver.state.text == "offline · 1 change kept on this computer"
    assert "no server runs there" in saver.state.message
