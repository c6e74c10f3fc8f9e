"""SIGKILL: at random moments, and before each single call that changes the folder."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

from _calls import watched
from _jobs import Acknowledged, Worker, losses, make_job
from _report import Report, few_lines

if TYPE_CHECKING:
    from pathlib import Path


def run(scratch: Path, *, seed: int, rounds: int) -> Report:
    """Let a process work on a job and kill it, again and again on the same job.

    In every other round the process ends itself before a call chosen at random;
    in the rest it is killed from outside, after some acknowledgements.
    """
    report = Report("kill", "kills")
    chance = random.Random(seed)
    folder = scratch / "job"
    make_job(folder)
    said = Acknowledged()
    for number in range(rounds):
        read, write = os.pipe()
        before = 0 if number % 2 else chance.randrange(1, 160)
        pid = os.fork()
        if pid == 0:
            os.close(read)
            try:
                _work(folder, write, before)
            except BaseException as error:
                os.write(2, f"the worker failed: {error!r}\n".encode())
            os._exit(1)
        os.close(write)
        with os.fdopen(read, "rb") as words:
            heard = b""
            if not before:
                wanted = chance.randrange(1, 25)
                heard = b"".join(words.readline() for _ in range(wanted))
                for _ in range(chance.randrange(100_000)):
                    pass  # some way into the next step
                os.kill(pid, signal.SIGKILL)
            heard += words.read()
        _, status = os.waitpid(pid, 0)
        for line in heard[: heard.rfind(b"\n") + 1].decode().splitlines():
            word, *numbers = line.split()
            said.note(word, *map(int, numbers))
        found = losses(folder, said, go_on=False)
        if not os.WIFSIGNALED(status):
            found.append("the worker ended by itself")
        report.tried(found, f"round {number}, {before or 'from outside'}")
    report.facts.update(
        saves=said.revision,
        submissions=len(said.submissions),
        returns=len(said.returns),
        verdicts=sum(said.verdicts.values()),
        threads=said.threads,
    )
    return report


def _work(folder: Path, write: int, before: int) -> None:
    """Work until killed; before the call with number `before`, if that is one."""
    calls = 0

    def seen(name: str, path: str, **_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == before:
            os.kill(os.getpid(), signal.SIGKILL)

    def say(word: str, number: int, value: int = 0) -> None:
        os.write(write, f"{word} {number} {value}\n".encode())

    few_lines()
    with watched(folder, seen):
        while True:
            worker = Worker(folder, say)
            for _ in range(9):
                worker.step()
            worker.close()
