"""A connection that drops, repeats and truncates, and a client that is killed."""

from __future__ import annotations

import itertools

import httpx
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    SeriesRef,
    SliceAnnotation,
    mask_ref,
)
from napari_annotate_jobs.server import NewProject
from napari_annotate_jobs.session import Recovery, SaveKind, SynchronousExecutor
from napari_annotate_jobs.session._saver import Saver
from napari_annotate_jobs.stores.http import HttpStore, ImageCache
from napari_annotate_jobs.testing._schedules import (
    WAYS,
    ShakyLine,
    Writer,
    run_schedule,
)


def painted(index: int, rows: int) -> tuple[AnnotationChange, dict[str, bytes]]:
    mask = np.zeros((16, 16), np.uint16)
    mask[:rows] = 6
    found = mask_ref(mask)
    assert found is not None
    ref, data = found
    content = SliceAnnotation(index=index, masks={"": ref})
    return AnnotationChange(slices={f"index:{index}": content}), {ref.digest: data}


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


@pytest.fixture
def over(bench, tmp_path):
    """Return what opens a store over a line; the cache is of this test alone."""
    token = bench.token("ana")

    def opened_over(transport) -> HttpStore:
        cache = ImageCache(tmp_path / "cache" / "images")
        address = "http://in.process"
        return HttpStore(address, token=token, cache=cache, transport=transport)

    return opened_over


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 30, 100045, 100080])
def test_nothing_is_lost_and_nothing_is_done_twice(
    bench, servers, over, tmp_path, seed
):
    met = run_schedule(
        seed,
        service=bench.service,
        transport=servers.transport,
        open_store=over,
        folder=tmp_path / "unsaved",
        job="job",
        case="case-0",
    )
    assert set(met) - {"pass", "submissions"}


def test_a_schedule_notices_what_is_lost(bench, servers, over, tmp_path):
    line = ShakyLine(servers.transport, bench.service, lambda: "pass", lambda n: 0)
    store = over(lambda: line)
    folder = tmp_path / "unsaved"
    writer = Writer(store, line, bench.service, folder, "job", "case-0")
    line.good = False
    writer.edit(0)
    writer.edit(1, window=1)
    writer.submit()
    assert list(writer.frozen) == [1]
    writer.settle()
    writer.edits[0].append("0" * 64)
    with pytest.raises(AssertionError, match="lost"):
        writer.settle()
    writer.edits[0].pop()
    writer.frozen[1] = writer.frozen[1].model_copy(update={"digest": "0" * 64})
    with pytest.raises(AssertionError, match="changed"):
        writer.settle()
    store.close()


@pytest.mark.slow
def test_whatever_becomes_of_which_request_nothing_is_lost(
    make_bench, servers, over, tmp_path
):
    bench = make_bench()
    token = bench.token("ana")
    numbers = itertools.count()

    class Line(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.ways: list[str] = []
            name = str(next(numbers))
            bench.people.add_job(
                NewProject(
                    job=bench.store("ana").job("job").model_copy(update={"id": name}),
                    cases=(self.case,),
                )
            )
            line = ShakyLine(
                servers.transport, bench.service, self.way, lambda n: n // 2
            )
            self.store = HttpStore(
                "http://in.process",
                token=token,
                cache=ImageCache(tmp_path / name / "images"),
                transport=lambda: line,
            )
            self.store.wire._sleep = lambda seconds: None
            folder = tmp_path / name / "unsaved"
            self.writer = Writer(self.store, line, bench.service, folder, name, "c")
            line.good = False

        case = Case(
            id="c", name="c", series=(SeriesRef(path="images/0"),), size=(16, 16)
        )

        def way(self) -> str:
            return self.ways.pop(0) if self.ways else "pass"

        @rule(ways=st.lists(st.sampled_from(WAYS), min_size=1, max_size=8))
        def meet(self, ways):
            self.ways = ways

        @rule(slot=st.integers(0, 2), window=st.integers(0, 1))
        def edit(self, slot, window):
            self.writer.edit(slot, window=window)

        @rule()
        def wait(self):
            self.writer.wait()

        @rule(window=st.integers(0, 1))
        def kill(self, window):
            self.writer.kill(window)

        @rule()
        def submit(self):
            self.writer.submit()

        def teardown(self):
            self.writer.settle()
            self.store.close()

    run_state_machine_as_test(
        Line,
        settings=settings(
            max_examples=8, stateful_step_count=10, deadline=None, derandomize=True
        ),
    )


def test_a_token_that_is_revoked_pauses_and_another_goes_on(
    bench, servers, over, tmp_path
):
    store = over(lambda: servers.transport)
    store.wire._sleep = lambda seconds: None
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


def test_a_refused_connection_says_so_in_words_of_servers(servers, over, tmp_path):
    store = over(lambda: servers.transport)
    store.wire._sleep = lambda seconds: None
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
