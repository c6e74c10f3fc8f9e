"""Programs of our own that may die: for native code that is handed foreign data.

A request is one line of JSON and, where it says so, bytes; the answer is the same.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Workers"]

_ALL: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()


class Workers:
    """Programs that answer requests, some of which are kept for the next ones.

    May be used from several threads.

    Parameters
    ----------
    program : Path
        A Python file that is started by its path.
    name : str
        Of what it runs, for errors.
    kept : int
        How many are kept.
    """

    def __init__(self, program: Path, name: str, *, kept: int = 4) -> None:
        self.program = program
        self._name = name
        self._kept = kept
        self._lock = threading.Lock()
        self.idle: list[subprocess.Popen[bytes]] = []

    def ask(
        self, request: dict[str, Any], data: bytes = b"", *, patience: float
    ) -> tuple[dict[str, Any], bytes]:
        """Return the answer and the bytes that go with it.

        Parameters
        ----------
        request : dict
            Sent as one line of JSON.
        data : bytes
            Sent behind it.
        patience : float
            Seconds that it may take: damaged data may keep it busy for ever.

        Raises
        ------
        ValueError
            If the program says so, crashed, or took too long.
        """
        with self._worker() as worker:
            assert worker.stdin is not None and worker.stdout is not None
            head: dict[str, Any] = {}
            answer = b""
            deadline = threading.Timer(patience, worker.kill)
            deadline.daemon = True
            deadline.start()
            with contextlib.suppress(OSError, ValueError):
                worker.stdin.write(json.dumps(request).encode() + b"\n" + data)
                worker.stdin.flush()
                head = json.loads(worker.stdout.readline())
                answer = worker.stdout.read(head.get("length", 0))
            deadline.cancel()
            if "error" in head:
                raise ValueError(head["error"])
            if len(answer) != head.get("length", -1):
                _end(worker)
                raise ValueError(f"{self._name} crashed, or gave no answer")
            return head, answer

    @contextlib.contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Lend a worker to one thread; those that still run are used again."""
        with self._lock:
            worker = self.idle.pop() if self.idle else None
        if worker is not None and worker.poll() is not None:
            _end(worker)
            worker = None
        if worker is None:
            worker = subprocess.Popen(
                # -P: the modules that lie beside it are none of its business
                [sys.executable, "-P", str(self.program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            _ALL.add(worker)
        try:
            yield worker
        except BaseException as error:
            # after Ctrl+C an answer may be left in the pipe
            if not isinstance(error, Exception):
                _end(worker)
            raise
        finally:
            if worker.returncode is None:
                with self._lock:
                    keep = len(self.idle) < self._kept
                    if keep:
                        self.idle.append(worker)
                if not keep:
                    _end(worker)


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.communicate()


@atexit.register
def _end_all() -> None:
    for worker in list(_ALL):
        _end(worker)
