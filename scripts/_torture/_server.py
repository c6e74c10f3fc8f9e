"""A job server gets SIGKILL while somebody saves and submits, and is started again."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

from _report import Report

if TYPE_CHECKING:
    from pathlib import Path

JOB = "job"


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Kill the server once a round, while a client saves and submits."""
    import numpy as np

    from napari_annotate_jobs.errors import AnnotateJobsError, StoreAccessError
    from napari_annotate_jobs.model import (
        AnnotationChange,
        SliceAnnotation,
        mask_ref,
    )
    from napari_annotate_jobs.server import ServerSettings, broken_links, open_service
    from napari_annotate_jobs.stores.http import HttpStore, ImageCache
    from napari_annotate_jobs.stores.wire import OperationBatch, operation_of

    report = Report("server", "kills")
    report.facts = {"saves": 0, "unanswered": 0, "acknowledged": 0, "submissions": 0}
    rng = random.Random(seed)
    settings = ServerSettings(scratch / "server")
    token = set_up(settings, rounds)
    port = free_port()

    def painted(index: int) -> tuple[AnnotationChange, str, bytes]:
        mask = np.zeros((16, 16), np.uint16)
        mask.flat[: 1 + index % 250] = 6
        ref, data = mask_ref(mask)  # type: ignore[misc]
        content = SliceAnnotation(index=index, masks={"": ref})
        return AnnotationChange(slices={f"index:{index}": content}), ref.digest, data

    frozen: dict[str, Any] = {}
    usual = 0.05  # seconds that a submit takes
    for turn in range(rounds):
        case = f"case-{turn}"
        server = serve(settings, port)
        # In the middle of a save, of the submit, or as soon as that was acknowledged.
        last, delay = turn % 9 + 3, rng.uniform(0, 0.06)
        doomed = rng.randrange(last + 1) if turn % 3 == 0 else -1
        in_submit = turn % 3 == 1
        killer = None
        bad: list[str] = []
        saved: list[int] = []
        pending: Any = None
        store = None
        submitting = False
        try:
            store = HttpStore(
                f"http://127.0.0.1:{port}",
                token=token,
                cache=ImageCache(scratch),
                at_hand=False,
            )
            store.wire._sleep = lambda seconds: None
            for index in range(1000):
                change, digest, data = painted(index)
                pending = operation_of(change, base=index, stream="one")
                if index == doomed:
                    killer = kill_later(server, delay)
                store.sending.send_blobs(JOB, case, {digest: data})
                _send(store, case, OperationBatch(operations=(pending,)))
                saved.append(index)
                pending = None
                if index == last:
                    if in_submit:
                        killer = kill_later(server, rng.uniform(0, 1.5 * usual))
                    submitting, start = True, time.monotonic()
                    frozen[case] = store.submit(JOB, case, base=index + 1)
                    report.facts["acknowledged"] += 1
                    usual = time.monotonic() - start
                    break
        except StoreAccessError:
            report.facts["unanswered"] += 1
        finally:
            if store is not None:
                store.close()
            ended(killer or kill_later(server, 0))
            ended(server)
        server = serve(settings, port)
        try:
            with HttpStore(
                f"http://127.0.0.1:{port}",
                token=token,
                cache=ImageCache(scratch),
                at_hand=False,
            ) as store:
                draft = store.load(JOB, case).annotation
                there = {content.index for content in draft.slices.values()}
                if lost := set(saved) - there:
                    bad.append(f"acknowledged and lost: {len(lost)} slices")
                if pending is not None:
                    change, digest, data = painted(len(saved))
                    store.sending.send_blobs(JOB, case, {digest: data})
                    for _ in range(2):
                        _send(store, case, OperationBatch(operations=(pending,)))
                    saved.append(len(saved))
                draft = store.load(JOB, case).annotation
                if draft.revision != len(saved):
                    bad.append("an operation counts twice, or not at all")
                for content in draft.slices.values():
                    expected = painted(content.index)[0].slices[
                        f"index:{content.index}"
                    ]
                    if content != expected:
                        bad.append("a slice has other content")
                    elif store.read_blob(JOB, case, content.masks[""].digest) is None:
                        bad.append("a mask is away")
                if submitting and case not in frozen:
                    done = store.submissions(JOB, case)
                    if len(done) > 1:
                        bad.append("one submit made two submissions")
                    if done:
                        frozen[case] = done[0]
                for name, submission in frozen.items():
                    if list(store.submissions(JOB, name)) != [submission]:
                        bad.append("a submission changed")
        except AnnotateJobsError as error:
            bad.append(f"afterwards: {type(error).__name__}: {error.what}")
        finally:
            os.kill(server, signal.SIGKILL)
            ended(server)
        with open_service(settings) as service:
            with service.database.reading() as connection:
                if list(broken_links(connection)):
                    bad.append("the record of who did what is broken")
        report.facts["saves"] += len(saved)
        report.facts["submissions"] = len(frozen)
        report.tried(bad, f"round {turn}")
    return report


def _send(store: Any, case: str, batch: Any) -> None:
    for result in store.sending.send_operations(JOB, case, batch):
        if result.trouble is not None:
            raise AssertionError(f"refused: {result.trouble.what}")
        for answer in result.slices.values():
            if answer.result.value == "conflict":
                raise AssertionError("a conflict with oneself")


def set_up(settings: Any, n_cases: int) -> str:
    from datetime import UTC, datetime

    from napari_annotate_jobs.model import (
        Case,
        Job,
        Label,
        LabelSet,
        Method,
        Options,
        Project,
        SeriesRef,
    )
    from napari_annotate_jobs.server import NewProject, open_service
    from napari_annotate_jobs.testing._serving import JobPeople

    label = Label(id=6, name="liver", color="#D55E00", method=Method.SEGMENTATION)
    project = Project(
        name="Livers",
        methods=(Method.SEGMENTATION,),
        label_set=LabelSet(labels=(label,)),
        options=Options(),
    )
    job = Job(
        id=JOB,
        project=project,
        published=datetime(2026, 1, 2, tzinfo=UTC),
        annotators=("ana",),
    )
    cases = tuple(
        Case(
            id=f"case-{i}",
            name=f"Case {i}",
            series=(SeriesRef(path=f"images/{i}"),),
            size=(16, 16),
        )
        for i in range(n_cases)
    )
    with open_service(settings) as service:
        people = JobPeople(service)
        people.add_job(NewProject(job=job, cases=cases))
        return people.token("ana")


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def serve(settings: Any, port: int, app: Any = None) -> int:
    """Start a server in a process of its own; return its id when it answers.

    With an application that is made already it takes a fraction of the time.
    """
    import httpx
    import uvicorn

    from napari_annotate_jobs.server import create_app, open_service

    process = os.fork()
    if process == 0:
        try:
            with open_service(settings) as service:
                serving = app or create_app(service)
                serving.state.service = service
                config = uvicorn.Config(
                    serving, port=port, log_level="error", access_log=False
                )
                uvicorn.Server(config).run()
        finally:
            os._exit(1)
    for _ in range(3000):
        try:
            httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
            return process
        except httpx.HTTPError:
            time.sleep(0.01)
    raise RuntimeError("the server did not start")


def kill_later(process: int, seconds: float) -> int:
    """Have a process get SIGKILL after a time; return the id of who does it."""
    killer = os.fork()
    if killer == 0:
        time.sleep(seconds)
        try:
            os.kill(process, signal.SIGKILL)
        finally:
            os._exit(0)
    return killer


def ended(process: int) -> None:
    """Wait for the end of a process."""
    os.waitpid(process, 0)
