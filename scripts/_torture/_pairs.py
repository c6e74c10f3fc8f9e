"""Two programs on one case: one is stopped before each call, the other goes on.

One process saves, submits, returns or tidies, and is stopped before the call with a
number; another tries to save, submit or return meanwhile, with little patience. Then
the first goes on to its end. What either was told is done must be done, once, and
nothing else. That goes through every order of two programs that can make a difference,
without any luck: with a lock that works the second is told to wait.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from itertools import zip_longest
from typing import TYPE_CHECKING

from _calls import watched
from _jobs import ANNA, CASE, JOB, Acknowledged, Worker, losses, make_job
from _report import Report, few_lines

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.stores import FolderStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 0.05

# How many steps came before, by what the first program does.
_BEGUN = {"save": 3, "compact": 3, "submit": 5, "return": 6}
_OTHERS = ("save", "submit", "return", "compact")


def _do(worker: Worker, what: str) -> None:
    draft = worker.store.load(JOB, CASE)
    if what == "save":
        worker.save(draft.annotation.revision + 1)
    elif what == "submit":
        worker.submit(draft.annotation.revision)
    elif what == "return":
        worker.give_back(draft.submissions)
    else:
        folder = worker.store._folder(JOB)
        folder.work(CASE).compact()


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Try `rounds` of all pairs and places; all of them if there are no more."""
    report = Report("pairs", "meetings")
    few_lines()
    bases: dict[str, tuple[Path, Acknowledged]] = {}
    places: list[list[tuple[str, str, int]]] = []
    for first, steps in _BEGUN.items():
        folder, said = scratch / first, Acknowledged()
        make_job(folder)
        worker = Worker(folder, said.note)
        for _ in range(steps):
            worker.step()
        bases[first] = folder, said
        calls = _count(scratch / "count", folder, first)
        places += [[(first, o, n) for n in range(1, calls + 1)] for o in _OTHERS]
    chance = random.Random(seed)
    for group in places:
        chance.shuffle(group)
    # Each two in turn, so that few rounds try all of them.
    order = [place for turn in zip_longest(*places) for place in turn if place]
    for first, other, number in order[:rounds]:
        folder, said = bases[first]
        found = _meet(scratch / "try", folder, said, first, other, number)
        report.tried(found, f"{first} stopped at call {number}, {other} meanwhile")
    report.facts["places"] = len(order)
    return report


def _count(place: Path, folder: Path, first: str) -> int:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    calls: list[str] = []
    worker = Worker(place, lambda *words: None)
    with watched(place, lambda name, path, **more: calls.append(name)):
        _do(worker, first)
    worker.close()
    return len(calls)


def _meet(
    place: Path, base: Path, before: Acknowledged, first: str, other: str, number: int
) -> list[str]:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(base, place)
    said = Acknowledged(before.revision, dict(before.submissions), set(before.returns))
    words: list[tuple[str, int, int]] = []
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _first(place, first, number, write)
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(pid, os.WUNTRACED)
    found = []
    if os.WIFSTOPPED(status):
        second = Worker(place, lambda *word: words.append(word), timeout=PATIENCE)
        error = _outcome(lambda: _do(second, other))
        if error is not None and not isinstance(error, AnnotateJobsError):
            found.append(f"the second program: not an error of ours: {error!r}")
        os.kill(pid, signal.SIGCONT)
        os.waitpid(pid, 0)
        second.close()
    with os.fdopen(read) as pipe:
        lines = pipe.read().splitlines()
    for line in lines:
        word, *numbers = line.split()
        if word == "error":
            found.append(f"the first program: {line}")
        else:
            words.append((word, int(numbers[0]), int(numbers[1])))
    if len({word[:2] for word in words}) < len(words):
        found.append(f"both were told that {words[0][0]} {words[0][1]} is theirs")
    for word in words:
        said.note(*word)
    return found + _more(place, said) + losses(place, said)


def _first(place: Path, what: str, number: int, write: int) -> None:
    """Do something, and stop before the call with a number."""
    calls = 0

    def seen(name: str, path: str, **_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGSTOP)

    def say(word: str, number: int, value: int = 0) -> None:
        os.write(write, f"{word} {number} {value}\n".encode())

    try:
        worker = Worker(place, say)
        with watched(place, seen):
            _do(worker, what)
    except AnnotateJobsError:
        pass  # the second was faster: that is what it is told
    except BaseException as error:
        os.write(write, f"error {error!r}\n".encode())


def _more(place: Path, said: Acknowledged) -> list[str]:
    """Return what is in the job that nobody was told of."""
    store = FolderStore(place, ANNA)
    found = []
    try:
        draft = store.load(JOB, CASE)
        if draft.submissions > len(said.submissions):
            found.append("a submission is there that nobody was told of")
        frozen = {s.number: s.annotation.revision for s in store.submissions(JOB, CASE)}
        if draft.status is Status.FINISHED:
            if frozen[draft.submissions] != draft.annotation.revision:
                found.append("a submitted case was saved to")
        elif draft.annotation.revision > said.revision:
            found.append("a save is there that nobody was told of")
    except AnnotateJobsError as error:
        found.append(f"{type(error).__name__}: {error}".replace(str(place), ""))
    finally:
        store.close()
    return found


def _outcome(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except Exception as error:
        return error
    return None
