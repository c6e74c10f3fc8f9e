"""What one person is used to in one job, remembered on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._kept_file import KeptFile, unreadable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Habits"]


class Habits:
    """Small choices of a person in a job: labels that are protected, the last one used.

    Parameters
    ----------
    path : Path, optional
        A JSON file on this computer, shared by all jobs; None remembers nothing
        longer than the program runs.
    *place : str
        Names the person in the job: what it is made of is not written.
    """

    def __init__(self, path: Path | None = None, *place: str) -> None:
        self._file = None if path is None else KeptFile(path)
        self._place = unreadable(*place)
        self._now: dict[str, object] = self._read()

    def _read(self) -> dict[str, object]:
        found = None if self._file is None else self._file.read().get(self._place)
        return dict(found) if isinstance(found, dict) else {}

    def number(self, name: str) -> int | None:
        """Return a number that was kept under a name."""
        found = self._now.get(name)
        is_number = isinstance(found, int) and not isinstance(found, bool)
        return found if is_number else None  # type: ignore[return-value]

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the numbers that were kept under a name; none if there are none."""
        found = self._now.get(name)
        if not isinstance(found, list):
            return ()
        return tuple(x for x in found if isinstance(x, int) and not isinstance(x, bool))

    def keep(self, name: str, value: int | list[int]) -> None:
        """Keep a number, or several, under a name."""
        if self._now.get(name) == value:
            return
        self._now[name] = value
        if self._file is not None:
            self._file.keep({self._place: {**self._read(), name: value}})
