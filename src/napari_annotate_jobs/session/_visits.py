"""When a person last looked at their jobs on this computer."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ._kept_file import KeptFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Visits"]

_DIGITS = 32
LIMIT = 500
"""Jobs that are remembered, the latest ones."""
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

    @staticmethod
    def _key(place: Place) -> str:
        text = "\0".join(place).encode("utf-8", "replace")
        return hashlib.sha256(text).hexdigest()[:_DIGITS]

    def last(self, place: Place) -> datetime | None:
        """Return when a job was last visited; None if it never was."""
        found = self._file.read().get(self._key(place))
        if not isinstance(found, int) or isinstance(found, bool):
            return None
        try:
            return _EPOCH + timedelta(microseconds=found)
        except OverflowError:
            return None

    def note(self, places: Iterable[Place], time: datetime) -> None:
        """Note that jobs are visited at a time."""
        visits = self._file.read()
        new = (time - _EPOCH) // timedelta(microseconds=1)
        for place in places:
            visits.pop(key := self._key(place), None)  # the latest come last
            visits[key] = new
        self._file.write(dict(list(visits.items())[-LIMIT:]))
