"""Load a job server: simulated annotators who save slices and open cases.

    python benchmarks/server_load.py [--annotators 200] [--seconds 30] [--only sqlite]
        [--servers 1] [--rows load rate many bytes growth]
        [--peer ENVIRONMENT/bin/label-studio]

Each annotator saves a slice of 512 x 512 pixels every two seconds (a mask that was not
there before, with the operation that names it) and opens a case every minute, all at
times of their own. The server is one process of `serve` on SQLite, then on PostgreSQL
and S3 where these are installed, as many as ``--servers`` says; the annotators are in
another process, on the same machine, and do as little as possible. Rows:

* load: p99, and p50 as a field, of saving a slice, from the moment it was to begin. The
  goal stands in for a peer: 0.1 s. What servers and annotators take of the processors
  is told beside it, which other work on the machine changes less than the time.
* rate: saves a second that one client, and eight at once, get through without a pause,
  a request for each slice; with `--peer`, in turn with Label Studio of an environment
  of its own, which saves the same masks as brush annotations, a request each.
* many: slices a second that one, and eight, of the clients of this program bring when
  they have 300 that wait, as after a propagation or without a connection: all of a
  case go in one request. With `--peer` against the same saves of Label Studio: there
  each image has an annotation of its own, which is saved by a request of its own.
* bytes: those on the wire of an edit, against the volume of 300 slices as ``.nii.gz``.
* growth: what a save, and a page of cases, takes in a project with ten times the cases
  and the members.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import gzip
import hashlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from _bench import report
from _label_studio import LabelStudio, label_studio, label_studio_rate
from _line import Line

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
    new_id,
)
from napari_annotate_jobs.server import (
    NewProject,
    ServerSettings,
    add_account,
    make_token,
    open_service,
)
from napari_annotate_jobs.stores.http import HttpStore, ImageCache
from napari_annotate_jobs.stores.wire import operation_of, packed
from napari_annotate_jobs.testing._backends import (
    Unavailable,
    object_store,
    postgres,
)
from napari_annotate_jobs.testing._serving import JobPeople

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Edits = Iterator["Edit"]

SIDE = 512
API = "/api/v1"
SAVE_EVERY, OPEN_EVERY = 2.0, 60.0
N_SLICES = 300
_BASE = 987_654_321


@dataclass(frozen=True)
class Edit:
    """A slice that is painted anew: what is known of it before it is saved."""

    change: AnnotationChange
    digest: str
    data: bytes

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        line = operation_of(self.change, base=_BASE - 1).line
        entry = line[line.index('"entry": ') + len('"entry": ') : -2]
        before, _, after = entry.partition(f'"revision": {_BASE}')
        return before, after, json.dumps(packed({self.digest: self.data}))

    def body(self, base: int) -> bytes:
        """Return the request that saves it on a revision, as the client sends it."""
        before, after, masks = self._parts
        entry = f'{before}"revision": {base + 1}{after}'
        checksum = hashlib.sha256(entry.encode()).hexdigest()[:16]
        line = f'{{"sha256": "{checksum}", "entry": {entry}}}\n'
        operation = f'{{"id":"{new_id()}","line":{json.dumps(line)},"stream":""}}'
        return f'{{"operations":[{operation}],"strict":true,"masks":{masks}}}'.encode()


def painted(number: int) -> Edit:
    """Return a change of one slice: a mask that moves with the number, and has it."""
    rows, columns = np.ogrid[:SIDE, :SIDE]
    angle = number * 0.7
    centre = 256 + 120 * np.cos(angle), 256 + 120 * np.sin(angle)
    radius = 40 + number % 37
    mask = ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2) * 6
    mask[0, :16] = [6 * (number >> bit & 1) for bit in range(16)]
    found = mask_ref(mask.astype(np.uint16))
    assert found is not None
    ref, data = found
    index = number % N_SLICES
    content = SliceAnnotation(index=index, masks={"": ref})
    change = AnnotationChange(slices={f"index:{index}": content})
    return Edit(change, ref.digest, data)


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
            n_slices=N_SLICES,
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

    def __init__(self, address: str, token: str, job: str, case: str):
        self._line = Line(address, {"Authorization": f"Bearer {token}"})
        self._job = f"{API}/jobs/{job}"
        self._at = f"{self._job}/cases/{case}"
        self._base = 0
        self.bytes = 0

    async def begin(self) -> None:
        """See where the draft stands."""
        draft = json.loads(await self._line.ask("GET", f"{self._at}/draft"))
        self._base = draft["annotation"].get("revision", 0)

    async def save(self, edit: Edit) -> None:
        """Bring a mask with the operation that names it."""
        body = edit.body(self._base)
        answer = await self._line.ask("POST", f"{self._at}/ops", body)
        self._base = json.loads(answer)[0]["revision"]
        self.bytes = len(body) + len(answer)

    async def open(self) -> None:
        """Ask for what opening a case asks for."""
        for end in ("", "/draft", "/threads"):
            await self._line.ask("GET", self._at + end)

    async def page(self) -> None:
        """Ask for a page of the cases."""
        await self._line.ask("GET", f"{self._job}/cases?limit=50")

    def close(self) -> None:
        """Close the connection."""
        self._line.close()


async def load(
    addresses: Sequence[str], tokens: list[str], edits: Edits, seconds: float
) -> dict[str, Any]:
    """Have all annotators work for a while; return their figures."""
    took: list[float] = []
    opened: list[float] = []
    people = [
        Annotator(addresses[i % len(addresses)], token, "load", f"case-{i % 50:05}")
        for i, token in enumerate(tokens)
    ]
    # Not all of a sudden: it is no part of what is measured.
    for person in people:
        await person.begin()
    end = time.perf_counter() + seconds

    async def works(number: int, person: Annotator) -> None:
        chance = random.Random(number)
        due = time.perf_counter() + chance.uniform(0, SAVE_EVERY)
        look = time.perf_counter() + chance.uniform(0, OPEN_EVERY)
        while due < end:
            await asyncio.sleep(max(0, due - time.perf_counter()))
            await person.save(next(edits))
            # Who waits for the one before is late: that counts as well.
            took.append(time.perf_counter() - due)
            due += SAVE_EVERY
            if time.perf_counter() > look:
                start = time.perf_counter()
                await person.open()
                opened.append(time.perf_counter() - start)
                look += OPEN_EVERY
        person.close()

    used = time.process_time()
    await asyncio.gather(*(works(i, person) for i, person in enumerate(people)))
    used = time.process_time() - used
    hundredths = statistics.quantiles(took, n=100)
    return {
        "p50": float(f"{hundredths[49]:.3g}"),
        "p99": float(f"{hundredths[98]:.3g}"),
        "saves": len(took),
        "opened": len(opened),
        "open_p50": float(f"{statistics.median(opened):.3g}") if opened else None,
        "processors_annotators": float(f"{used / len(took):.3g}"),
    }


async def rate(
    addresses: Sequence[str], tokens: list[str], edits: Edits, seconds: float
) -> tuple[float, int]:
    """Return saves a second of clients without a pause, and the bytes of one."""
    done = 0
    people = [
        Annotator(addresses[i % len(addresses)], token, "load", f"case-{i + 60:05}")
        for i, token in enumerate(tokens)
    ]
    for person in people:
        await person.begin()
    start = time.perf_counter()

    async def works(person: Annotator) -> None:
        nonlocal done
        while time.perf_counter() - start < seconds:
            await person.save(next(edits))
            done += 1
        person.close()

    await asyncio.gather(*map(works, people))
    return done / (time.perf_counter() - start), people[0].bytes


def many(
    addresses: Sequence[str],
    tokens: list[str],
    edits: Edits,
    seconds: float,
    cache: Path,
) -> float:
    """Return slices a second of clients of this program that have 300 to bring."""

    def works(number: int, token: str) -> tuple[int, float]:
        where = addresses[number % len(addresses)]
        case = f"case-{number + 80:05}"
        done, took = 0, 0.0
        with HttpStore(where, token=token, cache=ImageCache(cache / token)) as store:
            # As it is opened: what is saved is at hand here, too.
            base = store.load("load", case).annotation.revision
            while took < seconds:
                some = [next(edits) for _ in range(N_SLICES)]
                contents = [next(iter(e.change.slices.values())) for e in some]
                slices = {
                    f"index:{index}": content.evolve(index=index)
                    for index, content in enumerate(contents)
                }
                change = AnnotationChange(slices=slices)
                masks = {edit.digest: edit.data for edit in some}
                start = time.perf_counter()
                base = store.save("load", case, change, masks, base=base)
                took += time.perf_counter() - start
                done += N_SLICES
        return done, took

    with ThreadPoolExecutor(len(tokens)) as pool:
        found = list(pool.map(works, range(len(tokens)), tokens))
    return sum(done / took for done, took in found)


async def growth(
    address: str, key: str, token: str, edits: Edits, times: int
) -> tuple[float, float]:
    """Return what a save, and a page of cases, takes in a project."""
    saves, pages = [], []
    person = Annotator(address, token, key, "case-00007")
    await person.begin()
    for _ in range(times):
        start = time.perf_counter()
        await person.save(next(edits))
        saves.append(time.perf_counter() - start)
        start = time.perf_counter()
        await person.page()
        pages.append(time.perf_counter() - start)
    person.close()
    return statistics.median(saves), statistics.median(pages)


def processors(servers: Sequence[psutil.Process]) -> float:
    """Return the seconds of processors that servers have taken."""
    return float(sum(sum(each.cpu_times()[:2]) for each in servers))


def volume_bytes() -> int:
    """Return the size of 300 such slices as one ``.nii.gz``."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    parts = [bytes(352)]
    for number in range(300):
        across = 30 + 60 * np.sin(number / 300 * np.pi)
        mask = (rows - 256) ** 2 + (columns - 256) ** 2 < across**2
        parts.append(mask.astype(np.uint8).tobytes())
    return len(gzip.compress(b"".join(parts), 6))


@dataclass(frozen=True)
class Served:
    """Servers that run, and who works there."""

    addresses: list[str]
    processes: list[psutil.Process]
    tokens: list[str]
    edits: Edits

    def rate(self, clients: int, seconds: float) -> float:
        """Return saves a second, a request each."""
        tokens = self.tokens[:clients]
        return asyncio.run(rate(self.addresses, tokens, self.edits, seconds))[0]

    def many(self, clients: int, seconds: float) -> float:
        """Return slices a second, 300 in a request."""
        tokens = self.tokens[:clients]
        with tempfile.TemporaryDirectory(prefix="naj-load-cache-") as cache:
            return many(self.addresses, tokens, self.edits, seconds, Path(cache))


def compared(
    name: str,
    ours: Callable[[int, float], float],
    served: Served,
    peer: tuple[LabelStudio, list[list[int]]] | None,
    clients: int,
    seconds: float,
) -> None:
    """Print what we, and Label Studio if it runs, save in a second, in turn."""
    mine, others, costs, other_costs = [], [], [], []
    for _ in range(3):
        before = processors(served.processes), time.perf_counter()
        mine.append(ours(clients, seconds))
        saves = mine[-1] * (time.perf_counter() - before[1])
        costs.append((processors(served.processes) - before[0]) / saves)
        if peer is not None:
            studio, run_lengths = peer
            before = studio.processors(), time.perf_counter()
            each = label_studio_rate(studio, run_lengths, SIDE, clients, seconds)
            others.append(asyncio.run(each))
            saves = others[-1] * (time.perf_counter() - before[1])
            other_costs.append((studio.processors() - before[0]) / saves)
    more = {"processors": float(f"{statistics.median(costs):.3g}")}
    if peer is not None:
        name += ", to those of Label Studio"
        more["processors_peer"] = float(f"{statistics.median(other_costs):.3g}")
    report(
        name,
        statistics.median(mine),
        statistics.median(others) if others else None,
        unit="1/s",
        least=40 if others else None,
        **more,
    )


def measure(
    kind: str,
    settings: ServerSettings,
    options: Any,
    edits: Edits,
    peer: tuple[LabelStudio, list[list[int]]] | None,
) -> None:
    """Print the rows of one kind of server."""
    n, seconds, rows = options.annotators, options.seconds, set(options.rows)
    with open_service(settings) as service:
        tokens = set_up(service, "load", 200, n)
        if "growth" in rows:
            small = set_up(service, "small", 100, 10)
            large = set_up(service, "large", 1000, 100)
    # Those that share a SQLite take turns to write.
    number = 1 if kind == "SQLite" else options.servers
    with ExitStack() as stack:
        started = [stack.enter_context(serving(settings)) for _ in range(number)]
        served = Served(
            [address for address, _ in started],
            [process for _, process in started],
            tokens,
            edits,
        )
        kind += f", {number} servers" if number > 1 else ""
        served.rate(1, 1)
        if "load" in rows:
            before = processors(served.processes)
            found = asyncio.run(load(served.addresses, tokens, edits, seconds))
            took = (processors(served.processes) - before) / found["saves"]
            found["processors"] = float(f"{took:.3g}")
            name = f"server: p99 of a slice save, {n} annotators, {kind}"
            report(name, found.pop("p99"), 0.1, unit="s", goal=1, **found)
        for clients in (1, 8):
            if "rate" in rows:
                name = f"server: saves a second, {clients} at once, {kind}"
                compared(name, served.rate, served, peer, clients, seconds / 6)
            if "many" in rows:
                name = (
                    f"server: slices a second, {N_SLICES} in a request, {clients} at "
                    f"once, {kind}"
                )
                compared(name, served.many, served, peer, clients, seconds / 6)
        if "bytes" in rows and kind == "SQLite":
            _, wire = asyncio.run(rate(served.addresses, tokens[:1], edits, 1))
            report(
                "server: bytes of an edit against the volume",
                wire,
                volume_bytes(),
                unit="bytes",
                goal=1 / 100,
            )
        if "growth" in rows:
            pairs: list[tuple[tuple[float, float], tuple[float, float]]] = []
            for _ in range(5):
                where = served.addresses[0]
                one = asyncio.run(growth(where, "small", small[0], edits, 20))
                ten = asyncio.run(growth(where, "large", large[0], edits, 20))
                pairs.append((one, ten))
            for place, what in enumerate(("a save", "a page of cases")):
                one_took, ten_took = (
                    statistics.median(pair[side][place] for pair in pairs)
                    for side in (0, 1)
                )
                name = f"server: {what}, ten times the cases and members, {kind}"
                report(name, ten_took, one_took, unit="s", goal=1.2)


ROWS = ("load", "rate", "many", "bytes", "growth")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--annotators", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--servers", type=int, default=1, help="on PostgreSQL")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument(
        "--edits", type=int, default=6000, help="masks that are painted before"
    )
    parser.add_argument(
        "--peer", metavar="PROGRAM", type=Path, help="label-studio of an environment"
    )
    options = parser.parse_args()
    edits = cycle([painted(number) for number in range(options.edits)])
    # Nor are annotators to wait for this process to look through all of them.
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="naj-load-") as place, ExitStack() as stack:
        peer = None
        if options.peer:
            folder = Path(place) / "peer"
            folder.mkdir()
            # Not resolved: an environment's python is a link.
            program = options.peer.absolute()
            studio = stack.enter_context(label_studio(program, folder))
            masks = np.stack([decode_mask(next(edits).data) for _ in range(20)])
            peer = studio, studio.run_lengths(masks, folder)
        if options.only != "postgresql":
            settings = ServerSettings(Path(place) / "sqlite")
            measure("SQLite", settings, options, edits, peer)
        if options.only != "sqlite":
            try:
                url = stack.enter_context(postgres(durable=True))
                blobs, environment = stack.enter_context(object_store())
            except Unavailable as error:
                print(f"PostgreSQL is left out: {error}")
                return
            os.environ.update(environment)
            settings = ServerSettings(Path(place) / "cloud", database=url, blobs=blobs)
            measure("PostgreSQL and S3", settings, options, edits, peer)


if __name__ == "__main__":
    main()
