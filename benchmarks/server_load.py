"""Load a job server: simulated annotators who save slices and open cases.

    python benchmarks/server_load.py [--annotators 200] [--seconds 30] [--only sqlite]
        [--peer ENVIRONMENT/bin/label-studio]

Each annotator saves a slice of 512 x 512 pixels every two seconds (a mask, then the
operation that names it) and opens a case every minute, all at times of their own. The
server is one process of `serve` on SQLite, then on PostgreSQL where that is installed
(which does not wait for its disk here: its figures are a lower limit); the annotators
are in another process, on the same machine. Rows:

* p99, and p50 as a field, of saving a slice: both requests, from the moment it was to
  begin. The goal stands in for a peer: 0.1 s. What the server takes of the processors
  is told beside it, which other work on the machine changes less than the time.
* saves a second that one client, and eight at once, get through without a pause; with
  `--peer`, in turn with Label Studio of an environment of its own, which saves the same
  masks as brush annotations.
* bytes on the wire of an edit, against the volume of 300 slices as ``.nii.gz``.
* what a save, and a page of cases, takes in a project with ten times the cases and the
  members.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import psutil
from _bench import report
from _label_studio import LabelStudio, label_studio, label_studio_rate

from napari_annotate_jobs.model import (
    AnnotationChange,
    Case,
    Job,
    Label,
    LabelSet,
    Method,
    Project,
    SeriesRef,
    SliceAnnotation,
    decode_mask,
    mask_ref,
)
from napari_annotate_jobs.server import (
    NewProject,
    ServerSettings,
    add_account,
    make_token,
    open_service,
)
from napari_annotate_jobs.stores.wire import OperationBatch, operation_of
from napari_annotate_jobs.testing._backends import (
    Unavailable,
    object_store,
    postgres,
)
from napari_annotate_jobs.testing._serving import JobPeople

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE = 512
API = "/api/v1"
SAVE_EVERY, OPEN_EVERY = 2.0, 60.0


def painted(number: int) -> tuple[AnnotationChange, str, bytes]:
    """Return a change of one slice: a blob that moves with the number."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    angle = number * 0.7
    centre = 256 + 120 * np.cos(angle), 256 + 120 * np.sin(angle)
    radius = 40 + number % 37
    mask = ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2) * 6
    found = mask_ref(mask.astype(np.uint16))
    assert found is not None
    ref, data = found
    content = SliceAnnotation(index=number, masks={"": ref})
    change = AnnotationChange(slices={f"index:{number}": content})
    return change, ref.digest, data


def set_up(service: Any, key: str, n_cases: int, n_people: int) -> list[str]:
    """Make a project; return the tokens of its annotators."""
    names = [f"{key}-{i:04}" for i in range(n_people)]
    label = Label(id=6, name="liver", color="#D55E00", method=Method.SEGMENTATION)
    job = Job(
        id=key,
        project=Project(
            name=key,
            methods=(Method.SEGMENTATION,),
            label_set=LabelSet(labels=(label,)),
        ),
        published=datetime(2026, 1, 2, tzinfo=UTC),
        annotators=tuple(names),
    )
    cases = tuple(
        Case(
            id=f"case-{i:05}",
            name=f"Case {i}",
            series=(SeriesRef(path=f"images/{i}"),),
            size=(SIDE, SIDE),
            n_slices=300,
        )
        for i in range(n_cases)
    )
    people = JobPeople(service)
    with service.database.writing() as connection:
        accounts = [add_account(connection, name) for name in names]
        tokens = [make_token(connection, account) for account in accounts]
    people.add_job(NewProject(job=job, cases=cases))
    return tokens


@contextmanager
def serving(settings: ServerSettings) -> Iterator[tuple[str, psutil.Process]]:
    """Run a server as it is run elsewhere; give its address and its process."""
    command = [sys.executable, "-m", "napari_annotate_jobs.cli", "serve"]
    command += [str(settings.home), "--port", "0"]
    command += ["--database", settings.database] if settings.database else []
    command += ["--blobs", settings.blobs] if settings.blobs else []
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"Serving at (\S+)", line):
                yield found[1], psutil.Process(process.pid)
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait(30)


class Annotator:
    """Saves slice after slice of one case."""

    def __init__(self, client: httpx.AsyncClient, token: str, job: str, case: str):
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}
        self._at = f"{API}/jobs/{job}/cases/{case}"
        self._base = 0
        self.bytes = self.again = 0

    async def begin(self) -> None:
        """See where the draft stands."""
        answer = await self._ask("GET", f"{self._at}/draft", headers=self._headers)
        self._base = answer.json()["annotation"].get("revision", 0)

    async def save(self, edit: tuple[AnnotationChange, str, bytes]) -> None:
        """Bring a mask, and the operation that names it."""
        change, digest, data = edit
        headers = self._headers
        path = f"{self._at}/blobs/{digest}"
        await self._ask("PUT", path, content=data, headers=headers)
        operation = operation_of(change, base=self._base)
        body = OperationBatch(operations=(operation,), strict=True).model_dump_json()
        headers = {**headers, "Content-Type": "application/json"}
        answer = await self._ask(
            "POST", f"{self._at}/ops", content=body, headers=headers
        )
        self._base = answer.json()[0]["revision"]
        self.bytes = len(data) + len(body) + len(answer.content)

    async def open(self) -> None:
        """Ask for what opening a case asks for."""
        for end in ("", "/draft", "/threads"):
            await self._ask("GET", self._at + end, headers=self._headers)

    async def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Ask; again, as clients do, where the connection was closed meanwhile."""
        for _ in range(3):
            try:
                answer = await self._client.request(method, path, **what)
                answer.raise_for_status()
                return answer
            except httpx.TransportError:
                self.again += 1
        raise SystemExit("the server does not answer")


async def load(
    address: str, tokens: list[str], edits: list[Any], seconds: float
) -> dict[str, Any]:
    """Have all annotators work for a while; return their figures."""
    took: list[float] = []
    opened: list[float] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        base_url=address, timeout=120, limits=limits
    ) as client:
        end = time.perf_counter() + seconds

        async def works(number: int, token: str) -> None:
            chance = random.Random(number)
            person = Annotator(client, token, "load", f"case-{number % 50:05}")
            due = time.perf_counter() + chance.uniform(0, SAVE_EVERY)
            look = time.perf_counter() + chance.uniform(0, OPEN_EVERY)
            turn = number
            while due < end:
                await asyncio.sleep(max(0, due - time.perf_counter()))
                turn += 1
                await person.save(edits[turn % len(edits)])
                # Who waits for the one before is late: that counts as well.
                took.append(time.perf_counter() - due)
                due += SAVE_EVERY
                if time.perf_counter() > look:
                    start = time.perf_counter()
                    await person.open()
                    opened.append(time.perf_counter() - start)
                    look += OPEN_EVERY

        await asyncio.gather(*(works(i, token) for i, token in enumerate(tokens)))
    hundredths = statistics.quantiles(took, n=100)
    return {
        "p50": float(f"{hundredths[49]:.3g}"),
        "p99": float(f"{hundredths[98]:.3g}"),
        "saves": len(took),
        "opened": len(opened),
        "open_p50": float(f"{statistics.median(opened):.3g}") if opened else None,
    }


async def rate(
    address: str, tokens: list[str], edits: list[Any], seconds: float
) -> tuple[float, int]:
    """Return saves a second of clients without a pause, and the bytes of one."""
    done = 0
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        people = [
            Annotator(client, token, "load", f"case-{i + 60:05}")
            for i, token in enumerate(tokens)
        ]
        for person in people:
            await person.begin()
        start = time.perf_counter()

        async def works(person: Annotator) -> None:
            nonlocal done
            turn = 0
            while time.perf_counter() - start < seconds:
                turn += 1
                await person.save(edits[turn % len(edits)])
                done += 1

        await asyncio.gather(*map(works, people))
        return done / (time.perf_counter() - start), people[0].bytes


async def growth(
    address: str, key: str, token: str, edits: list[Any], times: int
) -> tuple[float, float]:
    """Return what a save, and a page of cases, takes in a project."""
    saves, pages = [], []
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        person = Annotator(client, token, key, "case-00007")
        await person.begin()
        headers = {"Authorization": f"Bearer {token}"}
        for turn in range(times):
            start = time.perf_counter()
            await person.save(edits[turn % len(edits)])
            saves.append(time.perf_counter() - start)
            start = time.perf_counter()
            url = f"{API}/jobs/{key}/cases?limit=50"
            (await client.get(url, headers=headers)).raise_for_status()
            pages.append(time.perf_counter() - start)
    return statistics.median(saves), statistics.median(pages)


def processors(server: psutil.Process) -> float:
    """Return the seconds of processors that a server has taken."""
    return float(sum(server.cpu_times()[:2]))


def volume_bytes() -> int:
    """Return the size of 300 such slices as one ``.nii.gz``."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    parts = [bytes(352)]
    for number in range(300):
        across = 30 + 60 * np.sin(number / 300 * np.pi)
        mask = (rows - 256) ** 2 + (columns - 256) ** 2 < across**2
        parts.append(mask.astype(np.uint8).tobytes())
    return len(gzip.compress(b"".join(parts), 6))


def against(
    peer: tuple[LabelStudio, list[list[int]]],
    name: str,
    address: str,
    tokens: list[str],
    edits: list[Any],
    server: psutil.Process,
    seconds: float,
) -> None:
    """Print what we and Label Studio save in a second, in turn, three times each."""
    studio, run_lengths = peer
    ours, theirs, costs = [], [], []
    for _ in range(3):
        before = processors(server), time.perf_counter()
        each, _ = asyncio.run(rate(address, tokens, edits, seconds / 6))
        saves = each * (time.perf_counter() - before[1])
        cost = (processors(server) - before[0]) / saves
        ours.append(each)
        before = studio.processors(), time.perf_counter()
        each = asyncio.run(
            label_studio_rate(studio, run_lengths, SIDE, len(tokens), seconds / 6)
        )
        saves = each * (time.perf_counter() - before[1])
        costs.append((cost, (studio.processors() - before[0]) / saves))
        theirs.append(each)
    mine, other = (statistics.median(side) for side in zip(*costs, strict=True))
    report(
        f"{name}, to those of Label Studio",
        statistics.median(ours),
        statistics.median(theirs),
        unit="1/s",
        least=40,
        processors=float(f"{mine:.3g}"),
        processors_peer=float(f"{other:.3g}"),
    )


def measure(
    kind: str,
    settings: ServerSettings,
    options: Any,
    peer: tuple[LabelStudio, list[list[int]]] | None,
) -> None:
    """Print the rows of one kind of server."""
    with open_service(settings) as service:
        tokens = set_up(service, "load", 200, options.annotators)
        small = set_up(service, "small", 100, 10)
        large = set_up(service, "large", 1000, 100)
    edits = [painted(number) for number in range(100)]
    n, seconds = options.annotators, options.seconds
    with serving(settings) as (address, server):
        asyncio.run(rate(address, tokens[:1], edits, 1))
        before = processors(server)
        found = asyncio.run(load(address, tokens, edits, seconds))
        took = (processors(server) - before) / found["saves"]
        found["processors"] = float(f"{took:.3g}")
        name = f"server: p99 of a slice save, {n} annotators, {kind}"
        report(name, found.pop("p99"), 0.1, unit="s", goal=1, **found)
        for clients in (1, 8):
            name = f"server: saves a second, {clients} at once, {kind}"
            if peer is None:
                each, _ = asyncio.run(
                    rate(address, tokens[:clients], edits, seconds / 4)
                )
                report(name, each, None, unit="1/s")
            else:
                against(peer, name, address, tokens[:clients], edits, server, seconds)
        if kind == "SQLite":
            _, wire = asyncio.run(rate(address, tokens[:1], edits, 1))
            report(
                "server: bytes of an edit against the volume",
                wire,
                volume_bytes(),
                unit="bytes",
                goal=1 / 100,
            )
        pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
        for _ in range(5):
            one = asyncio.run(growth(address, "small", small[0], edits, 20))
            ten = asyncio.run(growth(address, "large", large[0], edits, 20))
            pairs.append((one, ten))
        for place, what in enumerate(("a save", "a page of cases")):
            one, ten = (
                statistics.median(pair[side][place] for pair in pairs)
                for side in (0, 1)
            )
            name = f"server: {what}, ten times the cases and members, {kind}"
            report(name, ten, one, unit="s", goal=1.2)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--annotators", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument(
        "--peer", metavar="PROGRAM", type=Path, help="label-studio of an environment"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="naj-load-") as place, ExitStack() as stack:
        peer = None
        if options.peer:
            folder = Path(place) / "peer"
            folder.mkdir()
            # Not resolved: an environment's python is a link.
            program = options.peer.absolute()
            studio = stack.enter_context(label_studio(program, folder))
            masks = np.stack([decode_mask(painted(n)[2]) for n in range(20)])
            peer = studio, studio.run_lengths(masks, folder)
        if options.only != "postgresql":
            measure("SQLite", ServerSettings(Path(place) / "sqlite"), options, peer)
        if options.only != "sqlite":
            try:
                url = stack.enter_context(postgres())
                blobs, environment = stack.enter_context(object_store())
            except Unavailable as error:
                print(f"PostgreSQL is left out: {error}")
                return
            os.environ.update(environment)
            settings = ServerSettings(Path(place) / "cloud", database=url, blobs=blobs)
            measure("PostgreSQL and S3", settings, options, peer)


if __name__ == "__main__":
    main()
