"""What a session shows of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

__all__ = [
    "TROUBLE",
    "WAITING",
    "SaveKind",
    "SaveState",
    "Unsaved",
    "changes",
    "name_slices",
]


class SaveKind(StrEnum):
    """Where the user's changes are."""

    CLEAN = "clean"
    SAVED = "saved"
    PENDING = "pending"
    OFFLINE = "offline"
    BLOCKED = "blocked"
    LOG_IN = "log in"
    CONFLICT = "conflict"
    FAILED = "failed"


WAITING = frozenset({SaveKind.OFFLINE, SaveKind.BLOCKED})
"""Kinds in which saving is tried again by itself."""
TROUBLE = WAITING | {SaveKind.LOG_IN, SaveKind.CONFLICT, SaveKind.FAILED}
"""Kinds the user should know of."""


@dataclass(frozen=True)
class SaveState:
    """The truth about saving.

    Parameters
    ----------
    kind : SaveKind
        CLEAN if nothing was changed since the case was opened; PENDING while
        changes are on their way; OFFLINE if the store cannot be reached, BLOCKED
        if it cannot be written, as on a full disk, LOG_IN if the server wants to know
        who asks, CONFLICT if someone else changed the annotation, FAILED if the store
        refused.
    pending : int
        Number of changes that are not yet in the store.
    time : datetime, optional
        Of the last successful save.
    message : str
        What went wrong and what to do.
    kept : bool
        The pending changes are in a file outside the job.
    submitted : int
        Number of the submission this is; 0 for a draft.
    reason : str
        What is wrong, in a few words, as ``"disk full"``.
    remedy : str
        What to do about it, in one sentence without a full stop.
    where : str
        Where the file is, as in ``"on this computer"``.
    server : bool
        The store is a server.
    """

    kind: SaveKind = SaveKind.CLEAN
    pending: int = 0
    time: datetime | None = None
    message: str = ""
    kept: bool = False
    submitted: int = 0
    reason: str = ""
    remedy: str = ""
    where: str = "on this computer"
    server: bool = False

    @property
    def is_lost(self) -> bool:
        """True if changes are neither in the store nor on this computer."""
        return self.kind in TROUBLE and bool(self.pending) and not self.kept

    @property
    def text(self) -> str:
        """One line for the interface."""
        count = changes(self.pending)
        if self.kind in WAITING or self.kind is SaveKind.LOG_IN:
            what = self.reason or "offline"
            where = f"kept {self.where}" if self.kept else "not saved"
            return f"{what} · {count} {where}"
        if self.kind is SaveKind.CONFLICT:
            return f"conflict · {count} not saved"
        if self.kind is SaveKind.FAILED:
            return f"{self.reason or 'not saved'} · {count}"
        if self.pending:
            return f"{count} pending"
        if self.submitted:
            return f"submitted, number {self.submitted}"
        if self.time is not None:
            here = self.time.astimezone()
            today = here.date() == datetime.now(UTC).astimezone().date()
            saved = "saved on the server" if self.server else "saved"
            when = f"at {here:%H:%M:%S}" if today else f"on {here:%d %b %Y}"
            return f"{saved} {when}"
        return "no changes yet"


@dataclass(frozen=True)
class Unsaved:
    """Work that would be lost if its case were left now.

    Parameters
    ----------
    case : str
        What people call the case.
    count : int
        Number of changes.
    slices : tuple of int
        Indices of the slices that changed, ascending.
    parts : tuple of str
        What else changed, as ``"comments"``.
    reason : str
        Why it is saved nowhere, and what to do.
    """

    case: str
    count: int
    slices: tuple[int, ...]
    parts: tuple[str, ...]
    reason: str

    @property
    def where(self) -> str:
        """Name what changed, slices numbered from 1."""
        slices = [name_slices(self.slices)] if self.slices else []
        return ", ".join((*slices, *self.parts))

    @property
    def text(self) -> str:
        """One sentence that says what is at stake."""
        return (
            f"{changes(self.count)} of {self.case} ({self.where}) "
            f"{'is' if self.count == 1 else 'are'} saved nowhere."
        )


def changes(count: int) -> str:
    """Return a number of changes in words."""
    return f"{count} change{'' if count == 1 else 's'}"


def name_slices(indices: tuple[int, ...]) -> str:
    """Name slices, numbered from 1, as ``"slices 3, 5–7"``."""
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    names = [
        f"{a + 1}" if a == b else f"{a + 1}{', ' if b == a + 1 else '–'}{b + 1}"
        for a, b in runs
    ]
    return f"slice{'' if len(indices) == 1 else 's'} {', '.join(names)}"
