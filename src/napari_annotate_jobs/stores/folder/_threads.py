"""The folder of what was said of one person's annotation of a case."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import CorruptError, NotFoundError, StoreError
from napari_annotate_jobs.files import (
    list_folder,
    make_folders,
    place_new_durably,
    signature,
)
from napari_annotate_jobs.model import ThreadEntry, document_json
from napari_annotate_jobs.stores._names import person_folder

from ._documents import (
    Envelope,
    document_bytes,
    parse_document,
    parsed,
    read_document,
    unwrap,
    write_document,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ThreadFolder"]

_NAME = re.compile(r"(\d{4,})\.json\Z")


class ThreadFolder:
    """Entries of threads, one frozen document each, and what people have read.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[ThreadEntry]:
        """Return all entries in their order.

        Raises
        ------
        CorruptError
            If one is missing or damaged.
        """
        numbers = self._numbers()
        for expected, number in enumerate(numbers, 1):
            if number != expected:
                raise CorruptError(
                    f"entry {expected} is missing",
                    where=self.path,
                    remedy="Restore it from a backup",
                )
        return [self.read(number) for number in numbers]

    def _numbers(self) -> list[int]:
        names = map(_NAME.match, list_folder(self.path))
        return sorted(int(found[1]) for found in names if found)

    def last_said(self) -> datetime | None:
        """Return when the last entry was said; None if there is none, or is damaged."""
        with suppress(StoreError):
            numbers = self._numbers()
            if numbers:
                return self.read(numbers[-1]).time
        return None

    def last_written(self) -> datetime | None:
        """Return when the last entry was written, without reading it."""
        with suppress(StoreError):
            numbers = self._numbers()
            found = signature(self.entry_path(numbers[-1])) if numbers else None
            if found is not None:
                return datetime.fromtimestamp(found[1] / 1e9, UTC)
        return None

    def entry_path(self, number: int) -> Path:
        """Return the file of an entry."""
        return self.path / f"{number:04d}.json"

    def read(self, number: int) -> ThreadEntry:
        """Return an entry; its digest was compared with its content."""
        path = self.entry_path(number)
        found = read_document(path, "thread entry")
        if found is None:
            raise NotFoundError(
                "there is no such entry", where=path, remedy="Restore it from a backup"
            )
        body, _ = unwrap(found, "thread entry", ("entry",), where=path)
        entry = parsed(ThreadEntry, body["entry"], where=path)
        if entry.number != number:
            raise CorruptError(
                f"it holds entry {entry.number}",
                where=path,
                remedy="Restore the file from a backup",
            )
        return entry

    def write(self, entry: ThreadEntry, *, root: Path) -> None:
        """Write the next entry.

        Raises
        ------
        ExistsError
            If somebody else wrote one of this number.
        CorruptError, StoreAccessError
            If it cannot be written; then there is nothing of it.
        """
        make_folders(self.path, root=root)
        path = self.entry_path(entry.number)
        body = {"entry": document_json(entry)}

        def meets(data: bytes) -> bool:
            found = parse_document(data, "thread entry", where=path)
            fields, _ = unwrap(found, "thread entry", ("entry",), where=path)
            return parsed(ThreadEntry, fields["entry"], where=path) == entry

        place_new_durably(
            path, document_bytes(Envelope("thread entry"), body), meets=meets
        )

    def read_by(self, person: str) -> dict[str, int]:
        """Return how many comments of each thread a person has read.

        What cannot be read counts as nothing: comments are then unread again.
        """
        with suppress(StoreError):
            found = read_document(self._read_path(person), "read") or {}
            counts = found.get("read")
            if isinstance(counts, dict):
                return {
                    str(thread): count
                    for thread, count in counts.items()
                    if isinstance(count, int) and count >= 0
                }
        return {}

    def mark_read(self, person: str, counts: Mapping[str, int], *, root: Path) -> None:
        """Note how many comments of some threads a person has read."""
        known = self.read_by(person)
        new = known | {t: max(n, known.get(t, 0)) for t, n in counts.items()}
        if new == known:
            return
        path = self._read_path(person)
        make_folders(path.parent, root=root)
        write_document(path, Envelope("read"), {"person": person, "read": new})

    def _read_path(self, person: str) -> Path:
        return self.path / "read" / f"{person_folder(person)}.json"
