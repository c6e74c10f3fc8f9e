"""Work over a bad connection, in an order that chance or a test decides."""

from __future__ import annotations

import json
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from napari_annotate_jobs.errors import ConflictError, StoreAccessError, TransitionError
from napari_annotate_jobs.model import (
    AnnotationChange,
    SliceAnnotation,
    Status,
    Verb,
    mask_ref,
)
from napari_annotate_jobs.server._schema import cases, operations, projects, works
from napari_annotate_jobs.session import Recovery, SaveKind, SynchronousExecutor
from napari_annotate_jobs.session._saver import Saver
from napari_annotate_jobs.stores.wire import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from napari_annotate_jobs.model import Submission
    from napari_annotate_jobs.server import Service
    from napari_annotate_jobs.stores.http import HttpStore

__all__ = ["WAYS", "ShakyLine", "Writer", "run_schedule"]

WAYS = ("pass", "refuse", "lose", "cut", "part", "twice", "late", "busy", "die")
"""What may become of a request: done; refused; done, but the answer lost or cut off;
half of it arrives; done twice; done after later ones; not done now; or the server dies
in the middle of it."""
STEPS = ("edit", "edit", "edit", "other", "wait", "kill", "submit")
_SIZE = 16


class ShakyLine(httpx.BaseTransport):
    """Carries requests as it is told, until it is to be good.

    Parameters
    ----------
    inner : httpx.BaseTransport
        Leads to the server.
    service : Service
        The server's parts.
    choose : callable
        Returns one of :data:`WAYS` for each request.
    place : callable
        Returns a number below another: where the server dies, what is cut.
    dying : callable, optional
        Returns a context in which the server dies; by default its database does
        nothing more after a few statements.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        service: Service,
        choose: Callable[[], str],
        place: Callable[[int], int],
        dying: Callable[[], AbstractContextManager[None]] | None = None,
    ) -> None:
        self._inner, self._service = inner, service
        self._choose, self._place = choose, place
        self._dying = dying or (lambda: _dying(service, 1 + place(12)))
        self._late: list[httpx.Request] = []
        self.good = True
        self.met: dict[str, int] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, or fail."""
        way = "pass" if self.good else self._choose()
        self.met[way] = self.met.get(way, 0) + 1
        late, self._late = self._late, []
        try:
            return self._go(way, request)
        finally:
            self._late = late + self._late
            if len(self._late) > 2 or late:
                late, self._late = self._late[:1], self._late[1:]
                self._inner.handle_request(late[0])

    def deliver(self) -> None:
        """Let all arrive that is on its way."""
        while self._late:
            self._inner.handle_request(self._late.pop(0))

    def _go(self, way: str, request: httpx.Request) -> httpx.Response:
        if way == "refuse":
            raise httpx.ConnectError("refused", request=request)
        if way == "busy":
            return httpx.Response(503, headers={"Retry-After": "0"}, text="busy")
        if way == "late":
            self._late.append(request)
            raise httpx.ReadTimeout("too slow", request=request)
        if way == "part":
            body = request.read()
            part = body[: self._place(len(body) + 1)]
            headers = {
                k: v for k, v in request.headers.items() if k != "content-length"
            }
            url = request.url
            cut = httpx.Request(request.method, url, headers=headers, content=part)
            if request.method != "GET":
                self._inner.handle_request(cut)
            raise httpx.WriteError("cut off", request=request)
        if way == "die":
            with self._dying():
                answer = self._inner.handle_request(request)
            if answer.status_code >= 500:
                raise httpx.ReadError("the server is gone", request=request)
            return answer
        answer = self._inner.handle_request(request)
        if way == "lose":
            raise httpx.ReadError("lost", request=request)
        if way == "cut":
            raise httpx.RemoteProtocolError("cut short", request=request)
        if way == "twice":
            answer = self._inner.handle_request(request)
        return answer


@contextmanager
def _dying(service: Service, number: int) -> Iterator[None]:
    """Have the statement of this number, and all after it, not be done."""
    left = number

    def executing(*arguments: Any) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise OperationalError("killed", None, Exception("killed"))

    engine = service.database.engine
    event.listen(engine, "before_cursor_execute", executing)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", executing)


def _painted(index: int, number: int) -> tuple[AnnotationChange, dict[str, bytes], str]:
    mask = np.zeros((_SIZE, _SIZE), np.uint16)
    mask.flat[:number] = 6
    found = mask_ref(mask)
    assert found is not None
    ref, data = found
    content = SliceAnnotation(index=index, masks={"": ref})
    change = AnnotationChange(slices={f"index:{index}": content})
    return change, {ref.digest: data}, ref.digest


class Writer:
    """One person at one case, over a bad connection, with a second window.

    Each edit is one of its kind, so that one that is lost, or counts twice, shows.

    Parameters
    ----------
    store : HttpStore
        Over `line`.
    line : ShakyLine
        Good again once :meth:`settle` is called.
    service : Service
        The server's parts.
    folder : Path
        Where unsaved work is kept.
    job, case : str
        The case; its slices have 16 x 16 pixels.
    """

    def __init__(
        self,
        store: HttpStore,
        line: ShakyLine,
        service: Service,
        folder: Path,
        job: str,
        case: str,
    ) -> None:
        self.store, self.line = store, line
        self._service, self._folder = service, folder
        self._place = job, case
        self._number = 0
        self.edits: dict[int, list[str]] = {}
        self.frozen: dict[int, Submission] = {}
        self.savers = [self._opened(0), self._opened(1)]

    def _opened(self, window: int) -> Saver:
        """Begin with the case as a window does, also one that was killed before."""
        draft = self.store.load(*self._place)
        saver = Saver(
            self.store,
            *self._place,
            annotation=draft.annotation,
            executor=SynchronousExecutor(),
            recovery=Recovery(self._folder / str(window)),
        )
        if draft.status is Status.FINISHED:
            raise TransitionError("it is submitted", where=self._place[1])
        saver.recover(draft.annotation)
        return saver

    def edit(self, slot: int, *, window: int = 0) -> None:
        """Paint a slice; each window has three of its own."""
        self._reopen()
        self._number += 1
        index = 3 * window + slot
        change, blobs, digest = _painted(index, self._number)
        self.savers[window].add(change, blobs)
        self.edits.setdefault(index, []).append(digest)
        self._check()

    def wait(self) -> None:
        """Let time pass: what could not be saved is tried again."""
        self._reopen()
        for saver in self.savers:
            saver.retry()
        self._check()

    def kill(self, window: int = 0) -> None:
        """Kill a window, without a close, and start it again."""
        self._reopen()
        try:
            self.savers[window] = self._opened(window)
        except StoreAccessError:
            return
        self._check()

    def submit(self) -> None:
        """Submit the case, and take it back at once."""
        if not all(saver.is_idle for saver in self.savers):
            return
        self._reopen()
        base = max(saver.revision for saver in self.savers)
        try:
            done = self.store.submit(*self._place, base=base)
        except (StoreAccessError, ConflictError, TransitionError):
            return
        assert done.number not in self.frozen, "one number twice"
        self.frozen[done.number] = done

    def _reopen(self) -> None:
        """Take a submission back, over a good line: drafts are what is looked at."""
        good, self.line.good = self.line.good, True
        try:
            self.line.deliver()
            draft = self.store.load(*self._place)
            if draft.status is Status.FINISHED:
                self.store.judge(*self._place, Verb.REOPEN)
        finally:
            self.line.good = good

    def _check(self) -> None:
        for saver in self.savers:
            assert saver.state.kind is not SaveKind.CONFLICT, saver.state.message
            if saver.count:
                assert saver.state.kept, "what is not saved is kept nowhere"

    def settle(self) -> None:
        """Have the line be good, and see that nothing was lost or done twice."""
        self.line.good = True
        self._reopen()
        self.savers = [self._opened(0), self._opened(1)]
        for saver in self.savers:
            saver.retry()
            assert saver.is_idle, saver.state.message
        there = self.store.load(*self._place)
        assert there.seen is None
        found = {c.index: c.masks[""].digest for c in there.annotation.slices.values()}
        assert found == {index: own[-1] for index, own in self.edits.items()}, "lost"
        self._check_operations()
        kept = {each.number: each for each in self.store.submissions(*self._place)}
        for number, frozen in self.frozen.items():
            assert kept[number] == frozen, "a submission changed"

    def _check_operations(self) -> None:
        job, case = self._place
        applied: dict[int, list[str]] = {}
        with self._service.database.reading() as connection:
            lines = connection.scalars(
                select(operations.c.line)
                .join(works, works.c.id == operations.c.annotation_id)
                .join(cases, cases.c.id == works.c.case_id)
                .join(projects, projects.c.id == works.c.project_id)
                .where(projects.c.key == job, cases.c.key == case)
                .order_by(operations.c.revision)
            ).all()
        for line in lines:
            change = Operation(id="00000000", line=json.loads(line)).entry().change
            for content in change.slices.values():
                assert content is not None
                digest = content.masks[""].digest
                before = applied.setdefault(content.index, [])
                # Who was killed before the answer came says the same once more.
                if before[-1:] != [digest]:
                    before.append(digest)
        for index, digests in applied.items():
            own = iter(self.edits[index])
            assert all(each in own for each in digests), "twice, or out of order"


def run_schedule(
    seed: int,
    *,
    service: Service,
    transport: httpx.BaseTransport,
    open_store: Callable[[Callable[[], httpx.BaseTransport]], HttpStore],
    folder: Path,
    job: str,
    case: str,
    steps: int = 20,
    dying: Callable[[], AbstractContextManager[None]] | None = None,
) -> dict[str, int]:
    """Work on a case in an order that a seed says; raise AssertionError for a loss.

    Parameters
    ----------
    seed : int
        The same one gives the same schedule.
    service : Service
        The server's parts.
    transport : httpx.BaseTransport
        Leads to the server.
    open_store : callable
        Returns a store of an annotator of the job, over the transport it is given.
    folder : Path
        Empty.
    job, case : str
        A case that nobody has worked on.
    steps : int
        How much is done.
    dying : callable, optional
        As for :class:`ShakyLine`.

    Returns
    -------
    dict of str to int
        How many requests met which of :data:`WAYS`, and ``submissions``.
    """
    chance = random.Random(seed)
    # Some lines are hopeless, most are not.
    bad = chance.choice((0.2, 0.4, 0.7))

    def choose() -> str:
        return chance.choice(WAYS[1:]) if chance.random() < bad else "pass"

    line = ShakyLine(transport, service, choose, lambda n: chance.randrange(n), dying)
    store = open_store(lambda: line)
    store.wire._sleep = lambda seconds: None
    try:
        writer = Writer(store, line, service, folder, job, case)
        for _ in range(steps):
            line.good = False
            match chance.choice(STEPS):
                case "edit":
                    writer.edit(chance.randrange(3))
                case "other":
                    writer.edit(chance.randrange(3), window=1)
                case "wait":
                    writer.wait()
                case "kill":
                    writer.kill(chance.randrange(2))
                case _:
                    writer.submit()
        writer.settle()
    finally:
        store.close()
    return {**line.met, "submissions": len(writer.frozen)}
