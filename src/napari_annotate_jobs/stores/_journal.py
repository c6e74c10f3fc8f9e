"""The journal: one line for each save, each with its own checksum."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field, ValidationError

from napari_annotate_jobs.errors import CorruptError, DocumentVersionError
from napari_annotate_jobs.model import AnnotationChange, Document, document_json

from ._documents import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Annotation

__all__ = ["Entry", "Journal", "encode_entry", "parse_journal", "replay"]

_HEAD = b'{"sha256": "'
_MIDDLE = b'", "entry": '
_DIGITS = 16
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
        Bytes up to the end of the last of them.
    torn : bytes
        What follows: a line whose writing was interrupted, never acknowledged.
    """

    entries: tuple[Entry, ...] = ()
    size: int = 0
    torn: bytes = b""


def encode_entry(entry: Entry) -> bytes:
    """Return the line of a save: JSON, with the SHA-256 of the entry's own bytes."""
    text = json.dumps(document_json(entry), ensure_ascii=False)
    body = text.encode()
    digest = hashlib.sha256(body).hexdigest()[:_DIGITS].encode()
    return _HEAD + digest + _MIDDLE + body + b"}\n"


def parse_journal(data: bytes, *, where: object) -> Journal:
    """Read a journal; the torn end of an interrupted save is left out.

    Raises
    ------
    CorruptError
        If a line is damaged and another one follows it.
    DocumentVersionError
        If a newer version of the package wrote it.
    """
    entries: list[Entry] = []
    size = 0
    bad = 0
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        body = line[_START:-2]
        if not (
            line.startswith(_HEAD)
            and line.endswith(b"}\n")
            and line[len(_HEAD) : len(_HEAD) + _DIGITS]
            == hashlib.sha256(body).hexdigest()[:_DIGITS].encode()
        ):
            bad = bad or number
            continue
        if bad:
            raise CorruptError(
                f"line {bad} of the journal is damaged",
                where=where,
                remedy="Restore the file from a backup",
            )
        entries.append(_entry(body, number, where))
        size += len(line)
    return Journal(tuple(entries), size, data[size:])


def replay(
    snapshot: Annotation, entries: Sequence[Entry], *, where: object
) -> Annotation:
    """Return the annotation after the saves that the snapshot does not hold yet.

    Raises
    ------
    CorruptError
        If one is missing in between, or breaks a rule.
    """
    change = AnnotationChange()
    revision = snapshot.revision
    last = None
    for entry in entries:
        if entry.revision <= snapshot.revision:
            continue
        if entry.revision != revision + 1:
            raise CorruptError(
                f"the journal goes from revision {revision} to {entry.revision}",
                where=where,
                remedy="Restore the annotation's folder from a backup",
            )
        change, revision, last = change.then(entry.change), entry.revision, entry
    if last is None:
        return snapshot
    try:
        annotation = snapshot.apply(change, revision=revision)
    except ValidationError as error:
        raise CorruptError(
            f"the journal does not fit ({error.errors(include_url=False)[0]['msg']})",
            where=where,
            remedy="Restore the annotation's folder from a backup",
        ) from error
    return annotation.model_copy(update={"modified": last.time})


def _entry(body: bytes, number: int, where: object) -> Entry:
    try:
        entry = Entry.model_validate_json(body)
    except ValidationError as error:
        version = json.loads(body).get("version", VERSION)
        if version <= VERSION:
            fault = error.errors(include_url=False)[0]
            raise CorruptError(
                f"line {number} of the journal is not valid ({fault['msg']})",
                where=where,
                remedy="Restore the file from a backup",
            ) from error
    else:
        version = entry.version
        if version <= VERSION:
            return entry
    raise DocumentVersionError(
        f"line {number} of the journal has version {version}, this program knows "
        f"{VERSION}",
        where=where,
        remedy="Update napari-annotate-jobs: it was written by a newer version",
    )
