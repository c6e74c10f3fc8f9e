"""The log of a job: tells the indexes of other programs what has changed."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from napari_annotate_jobs.files import (
    accessing,
    append_durably,
    locked,
    open_if_there,
    set_aside,
)
from napari_annotate_jobs.model import ReviewStatus, Status, new_id, now
from napari_annotate_jobs.stores._progress import Progress

from ._documents import json_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["CaseNote", "EventLog", "FlagEvent", "ProgressEvent", "Tail"]

_FORMAT = "napari-annotate-jobs events"
_HEAD_BYTES = 1000
_PIECE = 16 << 20
"""Bytes of the log that are read at once."""

_LONGEST = 2000
"""Characters of a comment or warning that a case table can show."""


def _cut(text: str) -> str:
    text.encode()  # fails for half a surrogate pair
    return text[:_LONGEST]


_Name = Annotated[str, Field(min_length=1, max_length=120)]
_Text = Annotated[str, AfterValidator(_cut)]
_Number = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Told(BaseModel):
    """What a stranger may have written: nothing is taken for something else."""

    model_config = ConfigDict(frozen=True, strict=True)

    case: _Name


class ProgressEvent(_Told):
    """Where a person stands with a case.

    Parameters
    ----------
    case, person : str
        Whose progress, on what.
    status, draft, decided, comment, number, review, submitted, reviewer, judged,
    touched
        As in :class:`Progress`; an earlier version of this package told no `number`.
    """

    person: _Name
    status: Status
    draft: bool
    decided: _Number
    comment: _Text
    number: _Number | None = None
    review: ReviewStatus | None = None
    submitted: AwareDatetime | None = None
    reviewer: Annotated[str, Field(max_length=120)] = ""
    judged: AwareDatetime | None = None
    touched: AwareDatetime | None = None

    @property
    def progress(self) -> Progress:
        """What the case table shows."""
        return Progress(
            self.status,
            self.draft,
            self.decided,
            self.comment,
            self.number or 0,
            self.review,
            self.submitted,
            self.reviewer,
            self.judged,
            self.touched,
        )


class CaseNote(_Told):
    """What opening a case's images told.

    Parameters
    ----------
    case : str
        The case's id.
    n_slices : int, optional
        Where it is known.
    warnings : tuple of str
        What is shown beside the case.
    """

    n_slices: Annotated[int, Field(ge=1, le=1_000_000_000)] | None
    warnings: Annotated[
        tuple[_Text, ...], Field(strict=False), AfterValidator(lambda w: w[:1000])
    ]


class FlagEvent(_Told):
    """That a person's flags on a case are to be looked at anew."""

    flagged: _Name
    """Who flagged it, or took the flag away."""


class _Head(BaseModel):
    model_config = ConfigDict(strict=True)

    format: Annotated[str, Field(pattern=f"^{_FORMAT}$")]
    version: Annotated[int, Field(ge=1)]
    log: Annotated[str, Field(min_length=1, max_length=100)]


_Event = ProgressEvent | CaseNote | FlagEvent
_EVENT: TypeAdapter[_Event] = TypeAdapter(_Event)


@dataclass(frozen=True)
class Tail:
    """The events after some place in the log.

    Parameters
    ----------
    log : str
        The log's random name; another one means that the log was made anew.
    offset : int
        Where the next tail starts.
    events : tuple of ProgressEvent, CaseNote and FlagEvent
        In their order; those that make no sense are left out.
    whole : bool
        False if the log is not the one asked for, or was cut.
    more : bool
        True if the log is so long that the next tail can be asked for at once.
    """

    log: str
    offset: int
    events: tuple[_Event, ...] = ()
    whole: bool = True
    more: bool = False


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
                "number": progress.number,
                "review": progress.review and progress.review.value,
                "submitted": _time(progress.submitted),
                "reviewer": progress.reviewer,
                "judged": _time(progress.judged),
                "touched": _time(progress.touched),
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

    def tell_flag(self, case_id: str, person: str) -> None:
        """Tell that a person flagged a case, or took the flag away."""
        self._append({"case": case_id, "flagged": person}, sync=False)

    def tail(self, log: str, offset: int) -> Tail:
        """Return what was told since; `log` and `offset` are those of the last tail.

        A missing log has the name ``""``, and so has a file that is no log.
        """
        file = open_if_there(self.path)
        if file is None:
            return Tail("", 0, whole=log == "")
        with file, accessing(self.path, "read"):
            head = file.readline(_HEAD_BYTES)
            name = _log_name(head)
            if not name:
                return Tail("", 0, whole=log == "")
            size = os.fstat(file.fileno()).st_size
            if name != log or offset > size:
                return Tail(name, size, whole=False)
            offset = max(offset, len(head))
            file.seek(offset)
            data = file.read(_PIECE)
        # A line without its end is still being written: it comes with the next tail.
        end = data.rfind(b"\n") + 1
        if not end and len(data) == _PIECE:
            end = len(data)  # no line of ours is so long
        events = (_event(line) for line in data[:end].split(b"\n"))
        found = tuple(event for event in events if event is not None)
        return Tail(name, offset + end, found, more=len(data) == _PIECE)

    def _append(self, event: dict[str, Any], *, sync: bool) -> None:
        event["time"] = now().isoformat(timespec="milliseconds")
        line = json_bytes(event) + b"\n"
        with locked(self.path.with_name(".lock"), self._timeout):
            size, ended = self._end()
            if not size:
                head = {"format": _FORMAT, "version": 1, "log": new_id()}
                line = json_bytes(head) + b"\n" + line
            elif not ended:
                line = b"\n" + line
            append_durably(self.path, line, at=size, sync=sync)

    def _end(self) -> tuple[int, bool]:
        """Return the size of the log, and whether its last line is complete.

        A file that is no log is put out of the way: nothing is written to what
        somebody else may need.
        """
        file = open_if_there(self.path)
        if file is None:
            return 0, True
        with file, accessing(self.path, "read"):
            known = _log_name(file.readline(_HEAD_BYTES))
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            ended = file.read() == b"\n"
        if size and not known:
            set_aside(self.path)
            return 0, True
        return size, ended


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="milliseconds")


def _log_name(head: bytes) -> str:
    """Return the name of a log by its first line, ``""`` if it is none."""
    with suppress(ValidationError):
        return _Head.model_validate_json(head).log
    return ""


def _event(line: bytes) -> _Event | None:
    with suppress(ValidationError):
        return _EVENT.validate_json(line)
    return None
