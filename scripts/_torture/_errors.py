"""An error of the system at every single call of a save, a submission, a return ...

For each thing that can be done, on a case that is new, begun or returned, each call
that changes the folder fails once, or from then on, as a full or broken disk makes
it fail; writes may also write half. Whatever was acknowledged must be there after it,
what was told to have failed must not be half done, and doing it again must work: in the
same program, or in another one that begins where the first hangs and ends later.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from functools import partial
from itertools import count, product
from typing import TYPE_CHECKING

from _calls import watched
from _jobs import CASE, JOB, Acknowledged, Worker, losses, make_job
from _report import Report, few_lines

from napari_annotate_jobs.errors import AnnotateJobsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT)

# How many steps came before, and what is done.
_BEGUN: dict[str, tuple[int, Callable[[Worker], None]]] = {
    "first save": (0, Worker.step),
    "save": (2, Worker.step),
    "save that compacts": (3, Worker.step),
    "submit": (5, Worker.step),
    "return": (6, Worker.step),
    "save of a returned case": (7, Worker.step),
    "second submit": (12, Worker.step),
    "comment": (13, Worker.step),
    "pass": (14, Worker.step),
    "withdrawal": (15, Worker.step),
    "reading of threads": (14, Worker.read),
    "correction": (14, Worker.correct),
    "combination": (2, Worker.combine),
}


class _Failing:
    """Lets the call with a number fail, and those after it if `on`."""

    def __init__(self, number: int, code: int, *, on: bool, half: bool) -> None:
        self.number, self.code, self.on, self.half = number, code, on, half
        self.calls = 0
        self.hit = ""

    def seen(self, name: str, path: str, **more: object) -> None:
        self.calls += 1
        later = self.on and self.calls > self.number
        if self.calls != self.number and not later:
            return
        self.hit = self.hit or f"{name} of {os.path.basename(path)}"
        data = more.get("data")
        if self.half and name == "write" and isinstance(data, bytes):
            _REAL_WRITE(more["handle"], data[: len(data) // 2])  # type: ignore[arg-type]
        raise OSError(self.code, os.strerror(self.code), path)


_REAL_WRITE = os.write


def run(scratch: Path, *, seed: int, rounds: int, skip: int = 0) -> Report:
    """Let `rounds` of all calls fail, all of them if there are no more.

    The first `skip` of them are left out, as they were tried before.
    """
    report = Report("errors", "errors")
    few_lines()
    bases = {}
    for name, (steps, _) in _BEGUN.items():
        folder = scratch / name.replace(" ", "-")
        make_job(folder)
        said = Acknowledged()
        worker = Worker(folder, said.note)
        for _ in range(steps):
            worker.step()
        # As left by a process that died: nothing was tidied.
        bases[name] = folder, said
    every = list(_ways(scratch, bases))
    chance = random.Random(seed)
    chosen = chance.sample(every, min(rounds, len(every)))
    report.facts["of"] = len(chosen)
    report.facts["places"] = len({(name, number) for name, number, *_ in every})
    for name, number, code, on, half, hangs in chosen[skip:]:
        folder, said = bases[name]
        failing = _Failing(number, code, on=on, half=half)
        found = _one(scratch / "try", name, folder, said, failing, hangs=hangs)
        how = f"{errno.errorcode[code]}{' from then on' if on else ''}"
        how += ", gone on with by another program" if hangs else ""
        report.tried(found, f"{name}, call {number} ({failing.hit}), {how}")
    return report


def _ways(
    scratch: Path, bases: dict[str, tuple[Path, Acknowledged]]
) -> Iterator[tuple[str, int, int, bool, bool, bool]]:
    for name, (folder, said) in bases.items():
        quiet = _Failing(0, 0, on=False, half=False)
        _one(scratch / "count", name, folder, said, quiet)
        places = range(1, quiet.calls + 1)
        both = (False, True)
        for number, code, *how in product(places, CODES, both, both, both):
            yield name, number, code, *how


def _copy(said: Acknowledged) -> Acknowledged:
    return Acknowledged(
        said.revision,
        dict(said.submissions),
        set(said.returns),
        dict(said.verdicts),
        said.threads,
    )


def _one(
    place: Path,
    name: str,
    folder: Path,
    before: Acknowledged,
    failing: _Failing,
    *,
    hangs: bool = False,
) -> list[str]:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder, place)
    said = _copy(before)
    worker = Worker(place, said.note, timeout=1)
    act = partial(_BEGUN[name][1], worker)
    found = []
    try:
        with watched(place, failing.seen):
            error = _outcome(act)
        if error is not None and not isinstance(error, AnnotateJobsError):
            found.append(f"not an error of ours: {error!r}")
        if error is not None and hangs:
            return found + _elsewhere(place, worker, before, said, name)
        if error is not None:
            found += _undone(worker, before)
        for again in count(1):  # on the same store, as somebody does who tries again
            error = _outcome(act if error is not None else worker.step)
            if error is not None:
                found.append(f"doing it again: {error}".replace(str(place), ""))
            if error is not None or again == 2:
                break
    finally:
        worker.close()
    return found + losses(place, said)


def _elsewhere(
    place: Path,
    worker: Worker,
    before: Acknowledged,
    said: Acknowledged,
    name: str,
) -> list[str]:
    """Do again what failed, in another program, and return what is wrong then."""
    other = Worker(place, said.note, timeout=1)
    # What was told to have failed may be there; who saves it again must get his way.
    again = partial(_BEGUN[name][1], other)
    if "save" in name:
        again = partial(other.save, before.revision + 1)
    error = _outcome(again)
    other.close()
    worker.close()
    found = [] if error is None else [f"elsewhere: {error}".replace(str(place), "")]
    return found + losses(place, said)


def _outcome(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except Exception as error:
        return error
    return None


def _undone(worker: Worker, before: Acknowledged) -> list[str]:
    """Return what is there although it was told to have failed."""
    draft = worker.store.load(JOB, CASE)
    found = []
    if draft.annotation.revision != before.revision:
        found.append("told to have failed, but the save is there")
    if draft.submissions != len(before.submissions):
        found.append("told to have failed, but the submission is there")
    if (draft.returned is not None) != (draft.submissions in before.returns):
        found.append("told to have failed, but the return is there")
    if len(worker.store.verdicts(JOB, CASE)) != len(before.returns) + sum(
        before.verdicts.values()
    ):
        found.append("told to have failed, but the verdict is there")
    if sum(t.first.text.startswith("Look") for t in worker.store.threads(JOB, CASE)) > (
        before.threads
    ):
        found.append("told to have failed, but the comment is there")
    if worker.store.combinations(JOB):
        found.append("told to have failed, but the combination is there")
    return found
