"""The walk with a job server: four people, four processes, and a network that is cut.

An owner makes a job, two annotators work on it in a napari window each, a reviewer
returns a case and passes it in the end; then all is brought into a folder, and each
annotator compares it with what they drew.
"""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from napari_annotate_jobs.testing._cut_line import CutLine

from ._run import display_command, own_settings
from ._server_parts import CASES, MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["walk_server"]

_PATIENCE = 900.0
"""Seconds for one part of the walk: a busy computer takes minutes for a few."""
_STOPS = 30.0


class WalkFailed(Exception):
    """Somebody did not do what they should; its text says who."""


class WalkPart:
    """One of the processes; what it prints is passed on.

    Parameters
    ----------
    name : str
        Who it is.
    command : sequence of str
        What runs.
    environment : mapping
        Of the process.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._told: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            text = line.rstrip()
            if text.startswith(MARK):
                self._told.put(text.removeprefix(MARK))
            elif text:
                print(f"{self.name}: {text}", flush=True)
        self._told.put(None)

    def tell(self, word: str) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WalkFailed(f"{self.name} is gone") from error

    def wait_for(self, word: str) -> None:
        """Wait until it is so far."""
        try:
            found = self._told.get(timeout=_PATIENCE)
        except queue.Empty:
            raise WalkFailed(f"{self.name} is not done with {word!r}") from None
        if found != word:
            raise WalkFailed(f"{self.name} is not done with {word!r} but {found!r}")

    def ended(self) -> int:
        """Wait for its end; return the exit code."""
        code = self._process.wait(_PATIENCE)
        self._reader.join(_STOPS)
        return code

    def stop(self) -> None:
        """End it, should it still run."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOPS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def walk_server(
    folder: Path,
    home: Path,
    *,
    database: str | None = None,
    blobs: str | None = None,
    servers: int = 1,
) -> int:
    """Walk from a new job to one that has passed.

    Parameters
    ----------
    folder : Path
        Empty; the server's folder, the jobs and the pictures go there.
    home : Path
        Empty; for the settings of each person.
    database, blobs : str, optional
        URLs, as ``serve`` takes them; SQLite and a folder by default. What they need
        besides comes from the environment.
    servers : int
        How many processes serve.

    Returns
    -------
    int
        0 if everything went as it should and is as it was drawn, else 1.
    """
    place = [str(folder / "server")]
    place += ["--database", database] if database else []
    place += ["--blobs", blobs] if blobs else []
    from napari_annotate_jobs.samples import sample_paths

    images = ["--images", str(folder), *(str(sample_paths()[case]) for case in CASES)]
    command = [sys.executable, "-m", "napari_annotate_jobs.cli"]
    with ExitStack() as stack:
        try:
            addresses = []
            for number in range(servers):
                serve = [*command, "serve", *place, *images, "--port", "0"]
                addresses.append(stack.enter_context(_serving(serve, folder, number)))
            line = CutLine(addresses)
            stack.callback(line.close)
            _walk(stack, folder, home, line, addresses[0])
            check = [*command, "server", *place, "check"]
            if subprocess.run(check, check=False).returncode:
                raise WalkFailed("the record of who did what is broken")
        except (WalkFailed, OSError, subprocess.TimeoutExpired) as error:
            print(f"The walk ended early: {error}", file=sys.stderr)
            return 1
    print(f"{line.ended} connections were cut; nothing was lost.")
    return 0


def _walk(
    stack: ExitStack, folder: Path, home: Path, line: CutLine, direct: str
) -> None:
    def part(name: str, server: str, *, window: bool = False) -> WalkPart:
        (home / name).mkdir()
        # Log-ins are kept in a file of the walk, and not in anybody's keyring.
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        environment = own_settings(home / name) | keyring
        environment.pop("NAPARI_ANNOTATE_JOBS_TOKEN", None)
        command = [sys.executable, "-m", "napari_annotate_jobs.demo._server_parts"]
        command += [name, server, str(folder)]
        if window:
            command = display_command(command, environment, own=True)
        made = WalkPart(name, command, environment)
        stack.callback(made.stop)
        return made

    owner = part("owner", direct)
    owner.tell("begin")
    owner.wait_for("made")
    annotators = [part(name, line.address, window=True) for name in ("ana", "ben")]
    reviewer = part("eve", line.address)
    for each in annotators:
        each.wait_for("half")
    with ThreadPoolExecutor(1) as aside:
        # Whoever asks next, as a rule to save, is cut off in the middle of it.
        cut = aside.submit(line.cut_in_a_request, _PATIENCE)
        for each in annotators:
            each.tell("go on")
        cut.result()
    for each in annotators:
        each.tell("cut")
    for each in annotators:
        each.wait_for("offline")
    line.mend()
    for each in annotators:
        each.tell("mended")
    for each in annotators:
        each.wait_for("submitted")
    reviewer.tell("review")
    reviewer.wait_for("returned")
    annotators[0].tell("returned")
    annotators[0].wait_for("resubmitted")
    reviewer.tell("review")
    reviewer.wait_for("passed")
    owner.tell("look")
    owner.wait_for("pulled")
    everybody = [owner, *annotators, reviewer]
    for each in everybody:
        each.tell("prove")
    for each in everybody:
        if code := each.ended():
            raise WalkFailed(f"{each.name} ended with {code}")


@contextmanager
def _serving(command: Sequence[str], folder: Path, number: int) -> Iterator[str]:
    """Run a server; give its address. The first keeps the owner's token in a file."""
    process = subprocess.Popen(
        list(command),
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"owner's token.*: (\S+)$", line):
                (folder / "token").touch(mode=0o600)
                (folder / "token").write_text(found[1], "utf-8")
            if found := re.search(r"Serving at (\S+)", line):
                yield found[1]
                return
        raise WalkFailed(f"server {number + 1} did not start")
    finally:
        process.terminate()
        try:
            process.wait(_STOPS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
