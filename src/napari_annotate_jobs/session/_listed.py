"""The cases of a list in the order in which it stood when one was opened from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["ListPlace", "Listed"]

K = TypeVar("K")

AROUND = 500
"""Cases that are read at once, before and behind."""
OVERLAP = 100
"""Cases that are read again: so many may have left the list meanwhile."""


class ListPlace(NamedTuple):
    """Where a case stands in a list: its number from 1, how many there are and left."""

    number: int
    total: int
    left: int


class Listed(Generic[K]):
    """What names the cases of a list, sorted and filtered as it was.

    A case that is submitted leaves a list of remaining ones, and one that is saved
    comes first among those touched last: whoever walks through a list goes by the
    order that they saw. Of a long list only what lies around is read.

    Parameters
    ----------
    read : callable
        Given how many cases to leave out, and how many to return at most, returns
        what names them. Called where cases are loaded, never where they are shown.
    row : int
        Where in the list the case is that is opened.
    count : callable
        Returns how many cases the list holds, and how many of them are left. Called
        where cases are loaded, once.
    """

    def __init__(
        self,
        read: Callable[[int, int], Sequence[K]],
        row: int,
        count: Callable[[], tuple[int, int]],
    ) -> None:
        self._read, self._row, self._count = read, row, count
        self._keys: list[K] | None = None
        self._first = self._end = self._place = 0
        self._total = self._left = 0

    def note(self) -> None:
        """Read what lies around, to have it as it stands now."""
        if self._keys is None:
            self._first = self._place = max(self._row - AROUND, 0)
            self._total, self._left = self._count()
            keys = list(self._read(self._first, 2 * AROUND))
            self._end = self._first + len(keys)
            self._keys = keys

    def place(self, here: K) -> ListPlace | None:
        """Return where a case stands in the list; None if it is not in it."""
        keys = self._keys or []
        if here not in keys:
            return None
        number = min(self._place + keys.index(here) + 1, self._total)
        return ListPlace(number, self._total, self._left)

    def note_left(self, here: K, by: int) -> None:
        """Note that a case of the list was submitted (-1), or taken back (1)."""
        if here in (self._keys or ()):
            self._left = min(max(self._left + by, 0), self._total)

    def beyond(self, here: K, step: int) -> Iterator[K] | None:
        """Return what comes after (before) a case in the list, each once.

        Parameters
        ----------
        here : hashable
            Names the case.
        step : int
            1 for forward, -1 for backward.

        Returns
        -------
        iterator or None
            None if the case is not in the list.
        """
        self.note()
        return self._walk(here, step) if here in (self._keys or ()) else None

    def _walk(self, here: K, step: int) -> Iterator[K]:
        keys = self._keys or []
        place = keys.index(here)
        while True:
            place += step
            if place >= len(keys) and not self._read_on():
                return
            if place < 0:
                added = self._read_back()
                if not added:
                    return
                place += added
            yield keys[place]

    def _read_on(self) -> bool:
        """Read what comes behind; return whether there is more."""
        keys = self._keys or []
        start = max(self._end - OVERLAP, 0)
        found = self._read(start, AROUND + OVERLAP)
        self._end = start + len(found)
        known = set(keys)
        new = [key for key in found if key not in known]
        keys += new
        return bool(new)

    def _read_back(self) -> int:
        """Read what comes before; return how much there is."""
        keys = self._keys or []
        if not self._first:
            return 0
        end = self._first + OVERLAP
        self._first = max(self._first - AROUND, 0)
        known = set(keys)
        found = self._read(self._first, end - self._first)
        new = [key for key in found if key not in known]
        keys[:0] = new
        self._place = max(self._place - len(new), 0)
        return len(new)
