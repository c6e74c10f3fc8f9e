"""The journal: one line for each save, each with its own checksum."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field, ValidationError

from napari_annotate_jobs.errors import DamagedJournalError, DocumentVersionError
from napari_annotate_jobs.model import AnnotationChange, Document, document_json

from ._documents import json_bytes, load_json, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Annotation

__all__ = [
    "Entry",
    "Journal",
    "encode_entry",
    "mended",
    "parse_journal",
    "replay",
    "scan_journal",
]

_HEAD = b'{"sha256": "'
_MIDDLE = b'", "entry": '
_DIGITS = 16
_REMEDY = (
    "Restore the file from a backup, or go on with the saves that are whole: "
    "napari-annotate-jobs check --mend keeps the rest beside them"
)
_START = len(_HEAD) + _DIGITS + len(_MIDDLE)


class Entry(Document):
    """One save.

    Parameters
    ----------
    revision : int
        The one it led to.
    time : datetime
        When it was made, with time zone.
    change : AnnotationChange
        What changed.
    version : int
        Of the document's format; left out of the line if it is 1.
    """

    revision: int = Field(ge=1)
    time: AwareDatetime
    change: AnnotationChange
    version: int = 1


@dataclass(frozen=True)
class Journal:
    """What a journal file holds.

    Parameters
    ----------
    entries : tuple of Entry
        The saves, in their order.
    size : int
        Bytes of the file but for what is torn.
    torn : bytes
        A last line whose writing was interrupted, never acknowledged.
    damaged : tuple of int
        Lines that are no whole saves, counted from 1.
    lost : int
        Bytes of these lines.
    """

    entries: tuple[Entry, ...] = ()
    size: int = 0
    torn: bytes = b""
    damaged: tuple[int, ...] = ()
    lost: int = 0


def encode_entry(entry: Entry) -> bytes:
    """Return the line of a save: JSON, with the SHA-256 of the entry's own bytes."""
    body = json_bytes(document_json(entry))
    return _HEAD + _digest(body) + _MIDDLE + body + b"}\n"


def parse_journal(data: bytes, *, where: object) -> Journal:
    """Read a journal; the torn end of an interrupted save is left out.

    Raises
    ------
    DamagedJournalError
        If anything else is no whole line.
    DocumentVersionError
        If a newer version of the package wrote it.
    """
    journal = scan_journal(data, where=where)
    if journal.damaged:
        raise DamagedJournalError(
            f"{_named(journal.damaged)} of the journal "
            f"{'is' if len(journal.damaged) == 1 else 'are'} damaged",
            where=where,
            remedy=_REMEDY,
        )
    return journal


def scan_journal(data: bytes, *, where: object) -> Journal:
    """Read what is whole of a journal, and say what is not.

    Raises
    ------
    DocumentVersionError
        If a newer version of the package wrote it.
    """
    entries: list[Entry] = []
    damaged: list[int] = []
    lost = 0
    *lines, torn = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        body = _checked(line.removesuffix(b"\r"))
        entry = None if body is None else _entry(body, number, where)
        if entry is None:
            damaged.append(number)
            lost += len(line) + 1
        else:
            entries.append(entry)
    size = len(data) - len(torn)
    if torn and not _is_torn(torn):
        damaged.append(len(lines) + 1)
        lost += len(torn)
        size, torn = len(data), b""
    return Journal(tuple(entries), size, torn, tuple(damaged), lost)


def replay(
    snapshot: Annotation, entries: Sequence[Entry], *, where: object
) -> Annotation:
    """Return the annotation after the saves that the snapshot does not hold yet.

    Raises
    ------
    DamagedJournalError
        If one is missing in between, or breaks a rule.
    """
    change = AnnotationChange()
    revision = snapshot.revision
    last = None
    for entry in entries:
        if entry.revision <= snapshot.revision:
            continue
        if entry.revision != revision + 1:
            raise DamagedJournalError(
                f"the journal goes from revision {revision} to {entry.revision}",
                where=where,
                remedy=_REMEDY,
            )
        change, revision, last = change.then(entry.change), entry.revision, entry
    if last is None:
        return snapshot
    try:
        annotation = snapshot.apply(change, revision=revision)
    except ValidationError as error:
        raise DamagedJournalError(
            f"the journal does not fit ({error.errors(include_url=False)[0]['msg']})",
            where=where,
            remedy=_REMEDY,
        ) from error
    return annotation.model_copy(update={"modified": last.time})


def mended(snapshot: Annotation, journal: Journal) -> Annotation:
    """Return the annotation after the saves that are whole, whatever is lost between.

    Its revision is one that was never given before: nobody who holds what is lost
    can go on as if it were there.
    """
    annotation, last = snapshot, snapshot.revision
    for entry in journal.entries:
        if entry.revision <= last:
            continue
        last = entry.revision
        # A save may build on one that is lost; it is lost with it.
        with suppress(ValidationError):
            changed = annotation.apply(entry.change, revision=last)
            annotation = changed.model_copy(update={"modified": entry.time})
    # No save has a shorter line.
    last += len(journal.damaged) + journal.lost // _START
    return annotation.model_copy(update={"revision": last + 1})


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_DIGITS].encode()


def _checked(line: bytes) -> bytes | None:
    """Return the entry of a line without its end, None if it is not whole."""
    body = line[_START:-1]
    whole = _HEAD + _digest(body) + _MIDDLE + body + b"}"
    return body if line == whole else None


def _is_torn(line: bytes) -> bool:
    """Return whether the end of a file can be the beginning of a line.

    A whole line whose end was damaged is none, nor are two with damage between
    them, nor what a disk fills with zeros: they may have been acknowledged.
    """
    return (
        line[: len(_HEAD)] == _HEAD[: len(line)]
        and _HEAD not in line[1:]
        and b"\0" not in line
        and (line.endswith(b"\r") or _checked(line[:-1]) is None)
    )


def _named(numbers: Sequence[int]) -> str:
    """Return ``line 3``, ``lines 3 to 9``, ``lines 1, 4 and 2 more``."""
    first, last = numbers[0], numbers[-1]
    if first == last:
        return f"line {first}"
    if last - first == len(numbers) - 1:
        return f"lines {first} to {last}"
    shown = ", ".join(map(str, numbers[:5]))
    more = len(numbers) - 5
    return f"lines {shown}" + (f" and {more} more" if more > 0 else "")


def _entry(body: bytes, number: int, where: object) -> Entry | None:
    """Return the save, None if it is none."""
    # A line is a part of the annotation.
    newest = version = version_of("annotation")
    try:
        entry = Entry.model_validate_json(body)
    except ValidationError:
        with suppress(ValueError, AttributeError):
            version = load_json(body).get("version", newest)
        if not isinstance(version, int) or version <= newest:
            return None
    else:
        version = entry.version
        if version <= newest:
            return entry
    raise DocumentVersionError(
        f"line {number} of the journal has version {version}, this program knows "
        f"{newest}",
        where=where,
        remedy="Update napari-annotate-jobs: it was written by a newer version",
    )
