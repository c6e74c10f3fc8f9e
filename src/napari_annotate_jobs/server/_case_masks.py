"""Masks of cases: which are here, who may name them, and what is no mask."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from napari_annotate_jobs.errors import CorruptError, InvalidValueError, NotFoundError
from napari_annotate_jobs.model import count_pixels, decode_mask, mask_size, now
from napari_annotate_jobs.stores import _rules

from ._blobs import proved
from ._collecting import is_stale, keep_blobs, kept_bytes
from ._drafts import case_of, find_case, insert_or_ignore, parts_of
from ._schema import blob_uses, blobs, works
from ._service import MaskFit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from napari_annotate_jobs.model import AnnotationChange

    from ._blobs import BlobShelf
    from ._drafts import PersonWork
    from ._permits import Permit

__all__ = [
    "KnownBlob",
    "add_blobs",
    "add_uses",
    "bytes_of",
    "check_blob",
    "check_pixels",
    "fit_of",
    "is_small",
    "known_by",
    "missing_blobs",
    "read_blob",
    "require_blob",
    "require_pixels",
    "to_be_named",
]

_SMALL = 32 << 10
"""Bytes of a mask that the database keeps, durable with the change that names it.

Larger ones are put on the shelf before: a file, or an object, of their own costs more
than all the rest of a save.
"""

_MOST_PIXELS = 1 << 26
"""Of a mask where the size of the slices is not known."""
_NONE: Mapping[str, KnownBlob] = MappingProxyType({})

# What every save asks is made once, and not put together each time.
_BLOBS = (
    select(
        blobs.c.digest,
        blobs.c.rows,
        blobs.c.columns,
        blobs.c.pixels,
        blobs.c.asked,
    )
    .join(blob_uses, blob_uses.c.digest == blobs.c.digest)
    .where(
        blob_uses.c.case_id == bindparam("case"),
        blobs.c.digest.in_(bindparam("digests", expanding=True)),
    )
)
_WHO_IS_DONE = select(works.c.account_id).where(
    works.c.case_id == bindparam("case"),
    works.c.of_id == 0,
    works.c.review.is_not(None),
)
_BLOBS_IN_SIGHT = _BLOBS.where(
    or_(
        blob_uses.c.account_id == bindparam("account"),
        and_(
            _WHO_IS_DONE.where(works.c.account_id == bindparam("account")).exists(),
            blob_uses.c.account_id.in_(_WHO_IS_DONE),
        ),
    )
)


def missing_blobs(
    connection: Connection, permit: Permit, key: str, digests: Collection[str]
) -> list[str]:
    """Return which masks have to be sent before an operation may name them."""
    case = find_case(connection, permit, key)
    there = _known_blobs(connection, permit, case["id"], digests)
    return [digest for digest in dict.fromkeys(digests) if digest not in there]


def is_small(data: bytes) -> bool:
    """Return whether the database keeps a mask itself."""
    return len(data) <= _SMALL


def check_blob(fit: MaskFit, digest: str, data: bytes) -> dict[str, Any]:
    """Return the row of a mask, or say why it is refused.

    Parameters
    ----------
    fit : MaskFit
        What it has to fit.
    digest : str
        The one that it is said to have.
    data : bytes
        As it came.

    Raises
    ------
    InvalidValueError
        If the bytes have another digest, are no mask, do not fit the slices of the
        case, or hold a label that is not declared.
    """
    where = fit.case
    if hashlib.sha256(data).hexdigest() != digest:
        raise InvalidValueError(
            f"the bytes given for mask {digest[:16]} have another digest", where=where
        )
    try:
        size = mask_size(data)
        _require_size(digest, size, fit)
        if size[0] * size[1] > _MOST_PIXELS:
            raise InvalidValueError(
                f"the mask {digest[:16]} has {size[0]} x {size[1]} pixels",
                where=where,
                remedy="Open the case first, so that the size of its slices is known",
            )
        pixels = count_pixels(decode_mask(data))
    except CorruptError as error:
        raise InvalidValueError(
            error.what, where=where, remedy="Send a greyscale PNG of label ids"
        ) from error
    _require_labels(pixels, fit)
    return {
        "digest": digest,
        "size": len(data),
        "rows": size[0],
        "columns": size[1],
        "pixels": json.dumps({str(label): n for label, n in pixels.items()}),
        "created": now(),
        "asked": now(),
        "data": data if is_small(data) else None,
    }


def fit_of(permit: Permit, row: RowMapping) -> MaskFit:
    """Return what masks of a case have to fit now."""
    labels = permit.job.project.label_set.by_id
    return MaskFit(row["key"], case_of(row).size, frozenset(labels))


def _require_size(digest: str, size: tuple[int, int], fit: MaskFit) -> None:
    if fit.size is not None and size != fit.size:
        raise InvalidValueError(
            f"the mask {digest[:16]} has {size[0]} x {size[1]} pixels, the slice "
            f"{fit.size[0]} x {fit.size[1]}",
            where=fit.case,
            remedy="Masks have the rows and columns of the slice they are of",
        )


def _require_labels(labels: Iterable[int], fit: MaskFit) -> None:
    for label in labels:
        if label not in fit.labels:
            raise InvalidValueError(
                f"label id {label} is not in the label set",
                where=fit.case,
                remedy="Open the case again: the job may have other labels now",
            )


def add_blobs(
    connection: Connection,
    permit: Permit,
    case: RowMapping,
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Let a person name masks in a case; what the rows do not hold is on the shelf.

    Raises
    ------
    RoleError, InvalidValueError
        If they may not be brought now, or do not fit the case as it is now.
    """
    permit.require_part()
    fit = fit_of(permit, case)
    for row in rows:
        _require_size(row["digest"], (row["rows"], row["columns"]), fit)
        _require_labels(map(int, json.loads(row["pixels"])), fit)
    # In one order, whoever brings them: or two would wait for each other.
    ordered = sorted(rows, key=lambda row: str(row["digest"]))
    connection.execute(_bring_blob(connection.dialect.name), ordered)
    uses = [
        {
            "case_id": case["id"],
            "digest": row["digest"],
            "account_id": permit.account.id,
        }
        for row in ordered
    ]
    connection.execute(insert_or_ignore(connection, blob_uses), uses)


@cache
def _bring_blob(dialect: str) -> Any:
    """Return what keeps a mask; one that is there stays, and its bytes are mended."""
    insert_into = insert_sqlite if dialect == "sqlite" else insert_postgresql
    new = insert_into(blobs)
    return new.on_conflict_do_update(
        index_elements=[blobs.c.digest],
        set_={
            "asked": new.excluded.asked,
            "data": func.coalesce(new.excluded.data, blobs.c.data),
        },
    )


def add_uses(
    connection: Connection, work: PersonWork, digests: Collection[str]
) -> None:
    """Let whose work it is see masks that somebody else brought for it."""
    if digests:
        connection.execute(
            insert_or_ignore(connection, blob_uses),
            [
                {
                    "case_id": work.case["id"],
                    "digest": digest,
                    "account_id": work.author_id,
                }
                for digest in sorted(digests)
            ],
        )


def read_blob(
    connection: Connection, permit: Permit, key: str, digest: str, shelf: BlobShelf
) -> bytes:
    """Return an encoded mask of a case that a person may see.

    Raises
    ------
    NotFoundError, CorruptError
        If there is none, or it is damaged.
    """
    kept = require_blob(connection, permit, key, digest)
    return bytes_of(shelf, key, digest, kept)


def require_blob(
    connection: Connection, permit: Permit, key: str, digest: str
) -> bytes | None:
    """Raise NotFoundError unless a person may see a mask of a case.

    Returns
    -------
    bytes, optional
        The mask, if the database has it itself.
    """
    case = find_case(connection, permit, key)
    if not _known_blobs(connection, permit, case["id"], [digest]):
        raise NotFoundError(f"there is no mask {digest[:16]}", where=key)
    return kept_bytes(connection, digest)


def bytes_of(shelf: BlobShelf, key: str, digest: str, kept: bytes | None) -> bytes:
    """Return an encoded mask that somebody may see; CorruptError if it is away.

    Parameters
    ----------
    shelf : BlobShelf
        Where it is, unless the database has it.
    key : str
        Of the case.
    digest : str
        Of the mask.
    kept : bytes, optional
        What :func:`require_blob` returned.
    """
    data = shelf.get(digest) if kept is None else proved(digest, kept)
    if data is None:
        raise CorruptError(
            f"the mask {digest[:16]} is missing",
            where=key,
            remedy="Restore it from a backup, or paint the slice again",
        )
    return data


@dataclass(frozen=True)
class KnownBlob:
    """What is known of a mask.

    Parameters
    ----------
    size : (int, int)
        Rows and columns.
    pixels : dict of int to int
        How many have which label id.
    asked : datetime, optional
        When somebody last brought it, or was told that it is here; None if it is to go.
    """

    size: tuple[int, int]
    pixels: dict[int, int]
    asked: datetime | None


def _known_blobs(
    connection: Connection, permit: Permit, case_id: int, digests: Collection[str]
) -> dict[str, KnownBlob]:
    """Return what is known of those masks that a person may name in a case."""
    query = _BLOBS if permit.sees_all else _BLOBS_IN_SIGHT
    asked = {"case": case_id, "account": permit.account.id}
    return {
        row["digest"]: _known(row)
        for part in parts_of(digests)
        for row in connection.execute(query, {**asked, "digests": part}).mappings()
    }


def known_by(rows: Sequence[Mapping[str, Any]]) -> dict[str, KnownBlob]:
    """Return what is known of masks by the rows that were just added."""
    return {row["digest"]: _known(row) for row in rows}


def _known(row: Mapping[str, Any] | RowMapping) -> KnownBlob:
    pixels = {int(label): n for label, n in json.loads(row["pixels"]).items()}
    return KnownBlob((row["rows"], row["columns"]), pixels, row["asked"])


def check_pixels(work: PersonWork, change: AnnotationChange) -> None:
    """Refuse a mask that holds other pixels than its reference says."""
    require_pixels(change, to_be_named(work, change), work.case["key"])


def to_be_named(
    work: PersonWork,
    change: AnnotationChange,
    brought: Mapping[str, KnownBlob] = _NONE,
) -> dict[str, KnownBlob]:
    """Return the masks that a change names, as far as they are here; they stay.

    Parameters
    ----------
    work : PersonWork
        Whose.
    change : AnnotationChange
        What it changes.
    brought : mapping of str to KnownBlob
        Those that came with it, in this transaction.
    """
    every = _rules.referenced(change)
    here = {digest: brought[digest] for digest in every if digest in brought}
    named = [digest for digest in every if digest not in brought]
    where = work.connection, work.permit, work.case["id"]
    known = _known_blobs(*where, named)
    if any(is_stale(blob.asked) for blob in known.values()):
        # Who takes masks away may be at it: looked at again once that is done.
        keep_blobs(work.connection, named)
        known = _known_blobs(*where, named)
    return here | known


def require_pixels(
    change: AnnotationChange, known: Mapping[str, KnownBlob], where: str
) -> None:
    """Refuse a mask that is not here, or holds other pixels than are said of it."""
    for key, content in change.slices.items():
        if content is None:
            continue
        for masks in (content.masks, content.proposals):
            for mask in masks.values():
                if mask.digest not in known:
                    raise InvalidValueError(
                        f"the mask {mask.digest[:16]} of slice {key} is nowhere to be "
                        "found",
                        where=where,
                        remedy="Bring its encoded bytes first",
                    )
                if dict(mask.pixels) != known[mask.digest].pixels:
                    raise InvalidValueError(
                        f"the mask of slice {key} has other pixels than are said of it",
                        where=where,
                        remedy="Save the slice again",
                    )
