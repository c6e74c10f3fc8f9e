"""The log of a job: tells the indexes of other programs what has changed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.model import Status, new_id, now

from ._files import accessing, append_durably, locked
from ._work import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["EventLog", "Tail", "progress_of"]

_FORMAT = "napari-annotate-jobs events"


@dataclass(frozen=True)
class Tail:
    """The events after some place in the log.

    Parameters
    ----------
    log : str
        The log's random name; another one means that the log was made anew.
    offset : int
        Where the next tail starts.
    events : tuple of dict
        In their order; those that make no sense are left out.
    whole : bool
        False if the log is not the one asked for, or was cut.
    """

    log: str
    offset: int
    events: tuple[dict[str, Any], ...] = ()
    whole: bool = True


class EventLog:
    """``events.jsonl`` of a job folder; derived, so that losing it does no harm.

    Parameters
    ----------
    path : Path
        The file.
    timeout : float
        Seconds to wait for the lock file.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self._timeout = timeout

    def tell_progress(
        self, case_id: str, person: str, progress: Progress, *, sync: bool
    ) -> None:
        """Tell where a person stands with a case; durably if `sync`."""
        self._append(
            {
                "case": case_id,
                "person": person,
                "status": progress.status.value,
                "draft": progress.draft,
                "decided": progress.decided,
                "comment": progress.comment,
            },
            sync=sync,
        )

    def tell_note(
        self, case_id: str, n_slices: int | None, warnings: Sequence[str]
    ) -> None:
        """Tell what opening a case's images told."""
        self._append(
            {"case": case_id, "n_slices": n_slices, "warnings": list(warnings)},
            sync=False,
        )

    def tail(self, log: str, offset: int) -> Tail:
        """Return what was told since; `log` and `offset` are those of the last tail.

        A missing log has the name ``""``.
        """
        try:
            with accessing(self.path, "read"), self.path.open("rb") as file:
                head = file.readline()
                name = _parse(head).get("log", "")
                size = os.fstat(file.fileno()).st_size
                if name != log or offset > size:
                    return Tail(name, size, whole=False)
                file.seek(max(offset, len(head)))
                data = file.read()
        except OSError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return Tail("", 0, whole=log == "")
            raise
        # A line without its end is still being written: it comes with the next tail.
        data = data[: data.rfind(b"\n") + 1]
        events = tuple(e for e in map(_parse, data.split(b"\n")) if "case" in e)
        return Tail(name, max(offset, len(head)) + len(data), events)

    def _append(self, event: dict[str, Any], *, sync: bool) -> None:
        event["time"] = now().isoformat(timespec="milliseconds")
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        with locked(self.path.with_name(".lock"), self._timeout):
            size, ended = self._end()
            if not size:
                head = {"format": _FORMAT, "version": 1, "log": new_id()}
                line = json.dumps(head).encode() + b"\n" + line
            elif not ended:
                line = b"\n" + line
            append_durably(self.path, line, at=size, sync=sync)

    def _end(self) -> tuple[int, bool]:
        """Return the size of the log, and whether its last line is complete."""
        try:
            with accessing(self.path, "read"), self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - 1, 0))
                return size, file.read() == b"\n"
        except OSError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return 0, True
            raise


def progress_of(event: dict[str, Any]) -> Progress | None:
    """Return the progress an event tells of, None if it tells of something else."""
    try:
        return Progress(
            Status(event["status"]),
            bool(event["draft"]),
            int(event["decided"]),
            str(event["comment"]),
        )
    except (KeyError, ValueError, TypeError):
        return None


def _parse(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
