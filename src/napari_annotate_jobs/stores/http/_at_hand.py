"""What a server said last, for as long as it cannot be asked."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    LogInError,
    StoreAccessError,
)
from napari_annotate_jobs.files import write_privately
from napari_annotate_jobs.model import CaseRow
from napari_annotate_jobs.stores import CasePage, _rules
from napari_annotate_jobs.stores.wire import Operation

from ._cache import FolderCache
from ._wire import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from napari_annotate_jobs.stores import Draft

    from ._wire import Wire

__all__ = ["Answers", "AtHand", "Seen"]

T = TypeVar("T")

_BUDGET = 2 << 30
_LEFT_ALONE = 10.0
"""Seconds that a server which did not answer is not asked for what is at hand."""


@dataclass(frozen=True)
class Seen:
    """An answer of the server.

    Parameters
    ----------
    body : bytes
        As it came.
    time : datetime, optional
        When, if it is not of this moment.
    """

    body: bytes
    time: datetime | None = None


class AtHand:
    """Keeps a person's last answers of a server on this computer.

    They are never the truth: who goes on from them is told by the server, once it can
    be asked, what changed meanwhile.

    Parameters
    ----------
    path : Path
        Folder for those of all servers.
    server, person : str
        Whose.
    """

    def __init__(self, path: Path, server: str, person: str) -> None:
        self.cache = FolderCache(path, _BUDGET)
        self._server, self._person = server, person

    def _key(self, path: str) -> str:
        # What is of a job, and what is of one case, each has a folder.
        parts = path.split("/")[1:]
        number = 4 if len(parts) > 4 else min(len(parts), 2)
        return "\n".join((self._server, self._person, *parts[:number]))

    def folder(self, path: str) -> Path:
        """Return the folder of what a path asks for."""
        return self.cache.place(self._key(path))

    def _file(self, path: str, query: Mapping[str, Any]) -> Path:
        asked = {k: v for k, v in query.items() if v is not None}
        text = json.dumps([path, asked], sort_keys=True, default=str)
        name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self.folder(path) / name

    # ------------------------------------------------------------------ answers
    def keep(self, path: str, query: Mapping[str, Any], body: bytes) -> None:
        """Keep an answer; without room it is not, and that is all."""
        file = self._file(path, query)
        with suppress(OSError, StoreAccessError):
            self.cache.folder(self._key(path))  # which makes it
            write_privately(file, path.encode("utf-8", "surrogatepass") + b"\n" + body)

    def has(self, path: str, query: Mapping[str, Any]) -> bool:
        """Return whether there is an answer to this."""
        return self._file(path, query).is_file()

    def find(self, path: str, query: Mapping[str, Any]) -> Seen | None:
        """Return the last answer to this, None if there is none."""
        found = self._read(self._file(path, query))
        return None if found is None else found[1]

    def _read(self, file: Path) -> tuple[str, Seen] | None:
        with suppress(OSError):
            data = file.read_bytes()
            time = datetime.fromtimestamp(file.stat().st_mtime, UTC)
            path, _, body = data.partition(b"\n")
            return path.decode("utf-8", "surrogatepass"), Seen(body, time)
        return None

    def _every(self, path: str) -> Iterator[tuple[str, Seen]]:
        files: list[Path] = []
        with suppress(OSError):
            files = [f for f in self.folder(path).iterdir() if "." not in f.name]
        found = [read for f in files if (read := self._read(f)) is not None]
        yield from sorted(found, key=lambda each: str(each[1].time))

    # --------------------------------------------------------------------- cases
    def rows(self, job: str) -> list[CaseRow]:
        """Return all cases of a job that were seen, as each was seen last.

        Parameters
        ----------
        job : str
            The path of the job.
        """
        rows: dict[str, CaseRow] = {}
        for path, seen in self._every(job):
            kind: Any = CaseRow
            if path == f"{job}/cases":
                kind = CasePage
            elif path == f"{job}/neighbour":
                kind = CaseRow | None
            elif not path.startswith(f"{job}/cases/"):
                continue
            with suppress(ValidationError):
                found = TypeAdapter(kind).validate_json(seen.body)
                some = found.rows if isinstance(found, CasePage) else [found]
                rows |= {row.case.id: row for row in some if row is not None}
        return sorted(rows.values(), key=lambda row: row.ordinal)

    # -------------------------------------------------------------------- drafts
    def note(self, path: str, query: Mapping[str, Any], revision: int, op: Any) -> None:
        """Note a change that the server took, after it was asked for a draft."""
        line = json.dumps({"revision": revision, "line": op.line}) + "\n"
        file = self._file(path, query).with_suffix(".later")
        with suppress(OSError):
            if self.has(path, query):
                with file.open("ab") as lines:
                    lines.write(line.encode("utf-8", "surrogatepass"))

    def settle(self, path: str, query: Mapping[str, Any], revision: int) -> None:
        """Forget what was noted up to a revision: the server has told of it."""
        file = self._file(path, query).with_suffix(".later")
        with suppress(OSError):
            if file.exists() and all(n <= revision for n, _ in self._later(file)):
                file.unlink()

    def draft(self, path: str, query: Mapping[str, Any], draft: Draft) -> Draft | None:
        """Return a draft as it was, with what was saved since.

        Returns
        -------
        Draft, optional
            None if others have changed it meanwhile: then nobody here knows it.
        """
        found = draft.annotation
        for revision, line in self._later(
            self._file(path, query).with_suffix(".later")
        ):
            if revision <= found.revision:
                continue
            if revision != found.revision + 1:
                return None
            try:
                change = Operation(id="00000000", line=line).entry().change
                found = found.apply(change, revision=revision)
            except (AnnotateJobsError, ValidationError):
                return None
        return draft.model_copy(update={"annotation": found})

    def _later(self, file: Path) -> list[tuple[int, str]]:
        found = []
        with suppress(OSError, ValueError, LookupError, TypeError):
            for text in file.read_text("utf-8", "surrogatepass").splitlines():
                line = json.loads(text)
                found.append((int(line["revision"]), str(line["line"])))
        return found


class Answers:
    """Asks a server, and goes on with what it said last where it does not answer.

    Parameters
    ----------
    wire : Wire
        Leads there.
    folder : Path, optional
        Where its answers are kept; None keeps none.
    person : str
        Who asks.

    Attributes
    ----------
    kept : AtHand or None
        What is kept for this person.
    """

    def __init__(self, wire: Wire, folder: Path | None, person: str) -> None:
        self._wire, self._folder = wire, folder
        self._away_since = -_LEFT_ALONE
        self.kept: AtHand | None = None
        self.of(person)

    def of(self, person: str) -> None:
        """Keep answers for this person from now on."""
        if self._folder is not None:
            self.kept = AtHand(self._folder, self._wire.server, person)

    def get(self, path: str, kind: type[T], **query: Any) -> T:
        """Return what is at a path; what was there last, if the server is away."""
        return self._wire.read(self.seen(path, query).body, kind, where=path)

    def asked(self, path: str, query: Mapping[str, Any], **how: Any) -> Seen:
        """Return what the server says now, and keep it."""
        body = self._wire.request("GET", path, query=query, **how).content
        if self.kept is not None:
            self.kept.keep(path, query, body)
        return Seen(body)

    def now(self, path: str, query: Mapping[str, Any], kind: type[T]) -> T:
        """Return what the server says now, as a value of a kind."""
        return self._wire.read(self.asked(path, query).body, kind)

    def seen(self, path: str, query: Mapping[str, Any], *, sure: bool = False) -> Seen:
        """Return what the server says; what it said last, where it is away.

        Parameters
        ----------
        path, query : str, mapping
            What to ask for.
        sure : bool
            Ask also where it did not answer a moment ago.
        """
        kept = self.kept
        if kept is None or not kept.has(path, query):
            return self.asked(path, query)
        found = kept.find(path, query)
        if found is not None and self.is_away and not sure:
            return found
        try:
            return self.asked(path, query, attempts=1 if self.is_away else 2)
        except StoreAccessError as error:
            if found is None or not self.note_away(error):
                raise
            return found

    def either(self, ask: Callable[[], T], instead: Callable[[], T | None]) -> T:
        """Ask; where the server is away, return what follows from what is at hand."""
        if self.is_away:
            found = instead()
            if found is not None:
                return found
        try:
            return ask()
        except StoreAccessError as error:
            if not self.note_away(error):
                raise
            found = instead()
            if found is None:
                raise
            return found

    @property
    def is_away(self) -> bool:
        """True shortly after the server did not answer."""
        since = self._away_since
        return self._wire.heard < since and time.monotonic() < since + _LEFT_ALONE

    def note_away(self, error: StoreAccessError) -> bool:
        """Return whether it means that what is at hand has to do."""
        away = error.words is not None and error.words.away
        if self.kept is None or not away or isinstance(error, LogInError):
            return False
        self._away_since = time.monotonic()
        return True

    def rows(self, job_id: str) -> list[CaseRow]:
        """Return the cases of a job that were seen."""
        return [] if self.kept is None else self.kept.rows(quoted("jobs", job_id))

    def is_here(self, job_id: str, row: CaseRow) -> bool:
        """Return whether a case can be opened without the server."""
        case = quoted("jobs", job_id, "cases", row.case.id)
        place = row.case.series.index(_rules.series_of(row.case, None))
        needed = (f"{case}/draft", f"{case}/threads", f"{case}/series/{place}")
        kept = self.kept
        return kept is not None and all(kept.has(path, {}) for path in needed)
