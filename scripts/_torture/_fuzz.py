"""Damaged and hostile documents: each is read, or refused with an error of ours.

One document or mask of a job is changed, as bit rot, an editor, another system or a
stranger may change it; then all of the job is looked at, checked, and worked on.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import traceback
from typing import TYPE_CHECKING, Any

from _jobs import (
    ANNA,
    CASE,
    JOB,
    REVIEWER,
    SIZE,
    Acknowledged,
    Worker,
    document_names,
    edit,
    make_job,
)
from _report import Report, few_lines

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.formats import (
    Combination,
    CombinedClass,
    parse_combination,
    write_combination,
)
from napari_annotate_jobs.model import Comment, Status, Verb
from napari_annotate_jobs.session import begin_correction
from napari_annotate_jobs.stores import FolderStore, StoreSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 20
"""After so many seconds a look counts as hanging."""

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\x00",
    "\ud800",
    "\x1b[2J",
    "../../../etc",
    "é" * 300,
    "x" * 100_000,
    [],
    [None],
    [[]],
    {},
    {"": {}},
    "2026-01-01",
)


def _flip(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return b"\0"
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 8))):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _zeros(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at].ljust(len(data), b"\0")


def _twice(data: bytes, chance: random.Random) -> bytes:
    a, b = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:b] + data[a:]


def _windows(data: bytes, chance: random.Random) -> bytes:
    return data.replace(b"\n", b"\r\n")


def _other(data: bytes, chance: random.Random) -> bytes:
    whole = (b"", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b"1" * 6000)
    return chance.choice(whole)


def _value(data: bytes, chance: random.Random) -> bytes:
    """Put something else in place of one value of a document, or take it out."""
    lines = data.splitlines()
    number = chance.randrange(len(lines)) if lines else 0
    try:
        found, whole = json.loads(data), True
    except ValueError:
        try:
            found, whole = json.loads(lines[number]), False
        except (ValueError, IndexError):
            return _flip(data, chance)
    places = list(_places(found))
    if not places:
        return _flip(data, chance)
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.2:
        del holder[key]
    elif chance.random() < 0.05:
        holder[key] = "deep"
    else:
        holder[key] = chance.choice(HOSTILE)
    text = json.dumps(found)
    text = text.replace('"deep"', "[" * 100_000 + "]" * 100_000)
    new = text.encode("utf-8", "surrogatepass")
    return (
        new if whole else b"\n".join([*lines[:number], new, *lines[number + 1 :], b""])
    )


def _places(found: Any) -> Any:
    items = found.items() if isinstance(found, dict) else enumerate(found)
    for key, value in list(items) if isinstance(found, dict | list) else ():
        yield found, key
        if isinstance(value, dict | list):
            yield from _places(value)


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _cut,
    _zeros,
    _twice,
    _windows,
    _other,
    _value,
    _value,
    _value,
)


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Damage one file, look at all, and put it back; `rounds` times."""
    report = Report("fuzz", "files")
    chance = random.Random(seed)
    few_lines()
    base = scratch / "base"
    make_job(base)
    worker = Worker(base, Acknowledged().note)
    for _ in range(9):
        worker.step()
    size = SIZE, SIZE
    worker.store.note_case(JOB, CASE, n_slices=9, size=size, warnings=["gap"])
    worker.store.open_series(JOB, CASE).header  # noqa: B018 (leaves a note of it)
    _review(worker)
    names = list(document_names(base))
    for number in range(rounds):
        folder = scratch / "try"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        name = chance.choice(names)
        damage = chance.choice(DAMAGES)
        path = folder / name
        path.write_bytes(damage(path.read_bytes(), chance))
        found = _looked_at(folder)
        report.tried(found, f"file {number}: {name}, {damage.__name__.strip('_')}")
    worker.close()
    return report


def _review(worker: Worker) -> None:
    """Submit, comment, read, correct and combine, so that there is a file of each."""
    mine, other = worker.store, worker.other
    while mine.load(JOB, CASE).status is not Status.FINISHED:
        mine.submit(JOB, CASE, base=mine.load(JOB, CASE).annotation.revision)
    remark = Comment(person=REVIEWER, text="Larger", slice_key="index:2", index=2)
    other.discuss(JOB, CASE, person=ANNA, comment=remark)
    mine.mark_read(JOB, CASE)
    mine.discuss(JOB, CASE, thread=remark.id, resolved=True)
    copy = begin_correction(other, JOB, CASE, ANNA)
    copy.save(JOB, CASE, *edit(2), base=copy.load(JOB, CASE).annotation.revision)
    copy.submit(JOB, CASE, base=copy.load(JOB, CASE).annotation.revision)
    combined = Combination(classes=(CombinedClass(name="Both", sources=("liver",)),))
    mine.save_combination(JOB, "both", write_combination(combined))


def _looked_at(folder: Path) -> list[str]:
    """Look at a job in a process of its own; return what went wrong."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        signal.alarm(SECONDS)
        with os.fdopen(write, "wb") as pipe:
            pipe.write(json.dumps(_look(folder)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return [f"hangs or is killed ({name})"]
    found: list[str] = json.loads(answer)
    return found


def _look(folder: Path) -> list[str]:
    found: list[str] = []
    stores: list[FolderStore] = []

    def store(person: str) -> FolderStore:
        stores.append(FolderStore(folder, person, timeout=1))
        return stores[-1]

    def work() -> None:
        mine = store(ANNA)
        revision = mine.load(JOB, CASE).annotation.revision
        change, blobs = edit(revision + 1)
        mine.save(JOB, CASE, change, blobs, base=revision)
        mine.submit(JOB, CASE, base=revision + 1)

    def masks() -> None:
        mine = store(ANNA)
        for digest in mine.load(JOB, CASE).annotation.blobs():
            mine.read_blob(JOB, CASE, digest)

    def combinations() -> None:
        mine = store(ANNA)
        labels = mine.job(JOB).project.label_set
        for text in mine.combinations(JOB).values():
            parse_combination(text).labels(labels)
        mine.save_combination(JOB, "other", "classes: []")

    def review() -> None:
        other = store(REVIEWER)
        other.mark_read(JOB, CASE, person=ANNA)
        said = Comment(person=REVIEWER, text="Again")
        other.discuss(JOB, CASE, person=ANNA, comment=said)
        other.judge(JOB, CASE, Verb.WITHDRAW, person=ANNA)
        begin_correction(other, JOB, CASE, ANNA)
        other.judge(JOB, CASE, Verb.RETURN, person=ANNA, comments=[said])

    def export() -> None:
        source = StoreSource(os.fspath(folder), JOB, only="all")
        try:
            for summary in source.summaries():
                source.open(summary)
        finally:
            source.close()

    looks: tuple[Callable[[], object], ...] = (
        lambda: store(ANNA).jobs(),
        lambda: store(REVIEWER).cases(JOB),
        lambda: store(ANNA).neighbour(JOB),
        lambda: store(ANNA).submissions(JOB, CASE),
        lambda: store(ANNA).people(JOB, CASE),
        lambda: store(ANNA).open_series(JOB, CASE),
        lambda: store(REVIEWER).verdicts(JOB, CASE, person=ANNA),
        lambda: store(REVIEWER).threads(JOB, CASE, person=ANNA),
        lambda: store(REVIEWER).reviews(JOB, text="c"),
        lambda: store(REVIEWER).review_progress(JOB),
        lambda: store(REVIEWER).next_review(JOB),
        combinations,
        review,
        export,
        masks,
        lambda: store(ANNA).check(),
        work,
        lambda: store(ANNA).counts(JOB),
    )
    for look in looks:
        try:
            look()
        except AnnotateJobsError:
            pass
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [f for f in frames if "napari_annotate_jobs" in f.filename]
            at = (
                f"{os.path.basename(ours[-1].filename)}:{ours[-1].name}" if ours else ""
            )
            found.append(f"{type(error).__name__} in {at}: {str(error)[:60]}")
    for one in stores:
        one.close()
    return found
