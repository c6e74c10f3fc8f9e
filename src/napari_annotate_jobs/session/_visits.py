"""When a person last looked at their jobs on this computer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ._kept_file import KeptFile, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Visits"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[str, str, str]
"""Where a job is, its id, and the person."""


class Visits:
    """The last visit of each job, by each person, kept in a file.

    What a job is called, and who visits it, is not written.

    Parameters
    ----------
    path : Path
        A JSON file on this computer; made when something is noted.
    """

    def __init__(self, path: Path) -> None:
        self._file = KeptFile(path)

    def last(self, place: Place) -> datetime | None:
        """Return when a job was last visited; None if it never was."""
        found = self._file.read().get(unreadable(*place))
        if not isinstance(found, int) or isinstance(found, bool):
            return None
        try:
            return _EPOCH + timedelta(microseconds=found)
        except OverflowError:
            return None

    def note(self, places: Iterable[Place], time: datetime) -> None:
        """Note that jobs are visited at a time."""
        new = (time - _EPOCH) // timedelta(microseconds=1)
        self._file.keep({unreadable(*place): new for place in places})
