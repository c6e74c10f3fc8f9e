"""JSON documents that say what they are, in which version, and read well."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json

from napari_annotate_jobs.errors import (
    CorruptError,
    DocumentVersionError,
    ExistsError,
    InvalidValueError,
)
from napari_annotate_jobs.files import place_new_durably, read_if_there, write_durably
from napari_annotate_jobs.model import validated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import BaseModel

__all__ = [
    "MIGRATIONS",
    "Envelope",
    "document_bytes",
    "json_bytes",
    "load_json",
    "parse_document",
    "parsed",
    "pretty",
    "read_document",
    "unwrap",
    "version_of",
    "write_document",
]

_VERSIONS = {"annotation": 2, "job": 2, "submission": 2}
"""The newest that this package knows of a kind, where it is not 1."""


def version_of(kind: str, body: dict[str, Any] | None = None) -> int:
    """Return the version of documents of a kind, as this package writes them.

    Parameters
    ----------
    kind : str
        As ``"job"``.
    body : dict, optional
        What is to be written: a job that earlier versions of this package understand
        keeps the version that they know. They would offer what is retired.
    """
    if kind == "job" and body is not None:
        project = body["job"].get("project", {})
        labels = project.get("label_set", {}).get("labels", ())
        if not any(label.get("retired") for label in labels):
            return 1
    return _VERSIONS.get(kind, 1)


def _as_it_is(body: dict[str, Any]) -> dict[str, Any]:
    """Leave a body alone.

    Of annotations, version 1 names slices in ranges, boxes and masks by index. Which
    slices these are only the series tells: who opens the case names them
    (`Annotation.with_keys`). What is frozen stays as it is for good, and so does its
    digest. In jobs of version 1 no label is retired.
    """
    return body


MIGRATIONS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("annotation", 1): _as_it_is,
    ("job", 1): _as_it_is,
    ("submission", 1): _as_it_is,
}
"""How a body of (kind, version) becomes one of the next version."""

_M = TypeVar("_M", bound="BaseModel")

_DEEPEST = 200
"""Lists and objects in one another: the deepest of ours has a dozen."""

_TOO_DEEP = f"it is deeper than {_DEEPEST} levels"

_SURROGATE = re.compile("[\ud800-\udfff]")

_FORMAT = "napari-annotate-jobs "
_WIDTH = 160
"""Of the lines of documents: what is said of a slice with one mask fits in one."""


@dataclass(frozen=True)
class Envelope:
    """What stands around the content of a document.

    Parameters
    ----------
    kind : str
        As ``"job"``; written as ``"format": "napari-annotate-jobs job"``.
    version : int, optional
        The version it had when it was read; None for a new one.
    extra : dict
        Fields this version does not know; they are written again.
    """

    kind: str
    version: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def read_document(path: Path, kind: str) -> dict[str, Any] | None:
    """Return the fields of a document as they are on disk; None if it is missing.

    Raises
    ------
    CorruptError
        If it is not JSON, or not of this kind.
    StoreAccessError
        If it cannot be read.
    """
    data = read_if_there(path)
    return None if data is None else parse_document(data, kind, where=path)


def parse_document(data: bytes, kind: str, *, where: object) -> dict[str, Any]:
    """Return the fields of a document from its bytes; see :func:`read_document`."""
    try:
        found = load_json(data)
    except ValueError as error:
        raise CorruptError(
            f"the document is damaged ({error})",
            where=where,
            remedy="Restore it from a backup",
        ) from error
    if not isinstance(found, dict) or found.get("format") != _FORMAT + kind:
        raise CorruptError(
            f'the document does not say "format": "{_FORMAT}{kind}"',
            where=where,
            remedy="Restore it from a backup, or take this file away",
        )
    return found


def load_json(data: bytes) -> Any:
    """Return what JSON of any origin holds.

    Raises
    ------
    ValueError
        If it is no JSON, has numbers of thousands of digits, or is so deep that
        whatever walks through it would fail.
    """
    try:
        return from_json(data)  # of at most 200 levels
    except ValueError:
        # Knows files with a byte order mark, and says in which line a fault is.
        try:
            found = json.loads(data)
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None
    level = [found]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return found
    raise ValueError(_TOO_DEEP)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, dict | list)]


def unwrap(
    found: dict[str, Any], kind: str, known: tuple[str, ...], *, where: object
) -> tuple[dict[str, Any], Envelope]:
    """Tell the known fields of a document from the rest, in today's version.

    Raises
    ------
    DocumentVersionError
        If a newer version of the package wrote it.
    CorruptError
        If its version is no number, or nothing is known of so old a one, or a
        known field is missing.
    """
    version = found.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise CorruptError(
            "the document has no version",
            where=where,
            remedy="Restore it from a backup",
        )
    newest = version_of(kind)
    if version > newest:
        raise DocumentVersionError(
            f"the document has version {version}, this program knows {newest}",
            where=where,
            remedy="Update napari-annotate-jobs: it was written by a newer version",
        )
    body = {k: v for k, v in found.items() if k not in {"format", "version"}}
    for step in range(version, newest):
        migrate = MIGRATIONS.get((kind, step))
        if migrate is None:
            raise CorruptError(
                f"there is no version {step} of such a document",
                where=where,
                remedy="Restore it from a backup",
            )
        body = migrate(body)
    missing = [name for name in known if name not in body]
    if missing:
        raise CorruptError(
            f"the document lacks {', '.join(missing)}",
            where=where,
            remedy="Restore it from a backup",
        )
    extra = {k: v for k, v in body.items() if k not in known}
    return {k: body[k] for k in known}, Envelope(kind, version, extra)


def parsed(model: type[_M], data: Any, *, where: object) -> _M:
    """Build a model from what a document holds.

    Raises
    ------
    CorruptError
        Names the fields that do not fit.
    """
    try:
        return validated(model, data, where=where)
    except InvalidValueError as error:
        raise CorruptError(
            error.what, where=where, remedy="Restore the file from a backup"
        ) from error


def write_document(path: Path, envelope: Envelope, body: dict[str, Any]) -> None:
    """Write a document durably; one of an older version is kept beside it.

    Raises
    ------
    StoreAccessError
        If it cannot be written; what was there is still there.
    """
    version = version_of(envelope.kind, body)
    if envelope.version is not None and envelope.version < version:
        kept = path.with_name(f"{path.stem}.v{envelope.version}{path.suffix}")
        old = read_if_there(path)
        if old is not None:
            with suppress(ExistsError):
                place_new_durably(kept, old)
    write_durably(path, document_bytes(envelope, body))


def document_bytes(envelope: Envelope, body: dict[str, Any]) -> bytes:
    """Return a document as it is written."""
    version = version_of(envelope.kind, body)
    fields = {"format": _FORMAT + envelope.kind, "version": version}
    return _encoded(pretty({**fields, **body, **envelope.extra}) + "\n")


def json_bytes(value: Any) -> bytes:
    """Return JSON in one line."""
    return _encoded(json.dumps(value, ensure_ascii=False))


def _encoded(text: str) -> bytes:
    # Half of a surrogate pair is no text in UTF-8, but a field of others may hold one.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()


def pretty(value: Any, indent: str = "") -> str:
    """Return JSON a person can read: what fits in a line stands in one."""
    is_long = isinstance(value, dict) and len(value) > _WIDTH  # however short its items
    line = "" if is_long else json.dumps(value, ensure_ascii=False)
    several = isinstance(value, list) and len(value) > 1 and isinstance(value[0], dict)
    short = len(line) + len(indent) <= _WIDTH and not several and not is_long
    if short or not isinstance(value, dict | list):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(str(key), ensure_ascii=False)}: {pretty(item, inner)}"
            for key, item in value.items()
        ]
        start, end = "{}"
    elif all(isinstance(item, int | float) for item in value):
        return line
    else:
        parts = [pretty(item, inner) for item in value]
        start, end = "[]"
    return start + "\n" + ",\n".join(inner + p for p in parts) + f"\n{indent}{end}"
