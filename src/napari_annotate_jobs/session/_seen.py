"""Which slices of the open case were really on the screen."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import MALFORMED
from napari_annotate_jobs.files import write_privately

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

__all__ = ["SeenMemory", "SeenSlices"]

LIMIT = 2000
"""Cases that are remembered, the latest ones."""
_DIGITS = 16


class SeenMemory:
    """What was seen of cases that are not submitted yet, kept on this computer.

    A small file for each case. It names neither case nor slice in a way that can be
    read; one that cannot be read or written costs the memory and nothing else.

    Parameters
    ----------
    folder : Path
        A folder on this computer; made when something is remembered.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _file(self, place: Sequence[str]) -> Path:
        return self._folder / f"{_print(json.dumps(list(place)))}.json"

    def recall(self, place: Sequence[str], keys: Iterable[str]) -> set[str]:
        """Return those of the keys that were seen in a case.

        Parameters
        ----------
        place : sequence of str
            Names the case among all cases of all stores.
        keys : iterable of str
            Of the slices of its series.
        """
        try:
            found = json.loads(self._file(place).read_text(encoding="utf-8"))
        except (OSError, *MALFORMED):
            return set()
        if not isinstance(found, list):
            return set()
        seen = {each for each in found if isinstance(each, str)}
        return {key for key in keys if _print(key) in seen}

    def remember(self, place: Sequence[str], keys: Collection[str]) -> None:
        """Keep what was seen of a case."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            data = json.dumps(sorted(map(_print, keys))).encode()
            write_privately(self._file(place), data)
            self._leave_room()

    def forget(self, place: Sequence[str]) -> None:
        """Drop what was kept of a case: its submission says it now."""
        with suppress(OSError):
            self._file(place).unlink(missing_ok=True)

    def _leave_room(self) -> None:
        files = list(self._folder.iterdir())
        if len(files) <= LIMIT:
            return
        files.sort(key=lambda file: file.stat().st_mtime)
        for file in files[: len(files) - LIMIT]:
            file.unlink(missing_ok=True)


def _print(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGITS]


class SeenSlices:
    """Which slices of the open case were on the screen of who annotates it.

    Looking is no edit: by itself it makes no draft, sends nothing, and fails nowhere.
    What was seen goes along with the next edit that is saved, and with the submission,
    and is kept on this computer meanwhile.

    Parameters
    ----------
    memory : SeenMemory, optional
        Keeps it from one time to the next.
    """

    changed = Signal(tuple)
    """Indices of slices that count as seen now; none if it is known of others."""

    def __init__(self, memory: SeenMemory | None = None) -> None:
        self._memory = memory
        self._place: tuple[str, ...] = ()
        self._keys: tuple[str, ...] = ()
        self._seen: set[str] = set()
        self._told: set[str] = set()
        self._kept: set[str] = set()
        self._counts = self._open = self._watched = False

    def follow(
        self,
        place: tuple[str, ...],
        keys: Sequence[str],
        told: Iterable[str],
        *,
        counts: bool,
    ) -> None:
        """Turn to a case that is opened, or to another version of the open one.

        Parameters
        ----------
        place : tuple of str
            Names the case among all cases of all stores.
        keys : sequence of str
            The keys of the slices of its series, in their order.
        told : iterable of str
            Those that its draft, or what was submitted, says were seen.
        counts : bool
            True if more may be seen: the case can be edited.
        """
        mine = self._seen if self._open and place == self._place else set()
        self._place, self._keys = place, tuple(keys)
        self._told, self._open, self._counts = set(told), True, counts
        self._kept = set()
        if counts and self._memory is not None:
            self._kept = self._memory.recall(place, self._keys)
        self._seen = self._told | self._kept
        if counts:
            self._seen |= mine

    @property
    def is_known(self) -> bool:
        """True if it is known of the open case what was seen of it."""
        watched = self._counts and self._watched
        return self._open and (watched or bool(self._seen))

    def watch(self, on: bool) -> None:
        """Hear that there is a screen that tells what is seen on it, or none."""
        self._watched = on
        self.changed.emit(())

    def indices(self) -> frozenset[int] | None:
        """Return the slices that were seen; None if that is not known."""
        if not self.is_known:
            return None
        return frozenset(i for i, key in enumerate(self._keys) if key in self._seen)

    def __contains__(self, index: int) -> bool:
        """Return True if a slice was seen."""
        return 0 <= index < len(self._keys) and self._keys[index] in self._seen

    def unseen(self) -> tuple[int, ...]:
        """Return the indices of slices never seen; none if that is not known."""
        if not self.is_known:
            return ()
        return tuple(i for i, key in enumerate(self._keys) if key not in self._seen)

    @property
    def text(self) -> str:
        """One sentence, as for a submission; empty if all were seen."""
        return unseen_text(len(self.unseen()), len(self._keys))

    def add(self, index: int) -> None:
        """Hear that a slice was on the screen."""
        if self._counts and 0 <= index < len(self._keys) and index not in self:
            self._seen.add(self._keys[index])
            self.changed.emit((index,))

    def take(self) -> tuple[str, ...]:
        """Return the keys that were not handed to a save yet, and count them so."""
        new = [key for key in self._keys if key in self._seen - self._told]
        self._told.update(new)
        return tuple(new)

    def left(self, saved: Iterable[str]) -> tuple[str, ...]:
        """Return the keys that are not among those that the draft has."""
        there = set(saved)
        return tuple(k for k in self._keys if k in self._seen and k not in there)

    def finish(self) -> None:
        """Hear that the case was submitted: no more is added to it."""
        self._counts, self._kept = False, set(self._seen)
        if self._memory is not None:
            self._memory.forget(self._place)

    def end(self) -> None:
        """Leave the case, and keep what was seen of it."""
        if self._counts and self._memory is not None and self._seen != self._kept:
            self._memory.remember(self._place, self._seen)
        self._open = self._counts = False
        self._keys, self._seen, self._told, self._kept = (), set(), set(), set()


def unseen_text(unseen: int, total: int) -> str:
    """Return ``31 of 300 slices were never shown.``; nothing if there are none."""
    if not unseen:
        return ""
    verb = "was" if unseen == 1 else "were"
    return f"{unseen} of {total} slices {verb} never shown."
