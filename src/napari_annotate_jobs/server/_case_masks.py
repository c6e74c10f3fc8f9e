"""Masks of cases: which are here, who may name them, and what is no mask."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, or_, select

from napari_annotate_jobs.errors import CorruptError, InvalidValueError, NotFoundError
from napari_annotate_jobs.model import count_pixels, decode_mask, mask_size, now
from napari_annotate_jobs.stores import _rules

from ._collecting import is_stale, keep_blobs
from ._drafts import find_case, insert_or_ignore, parts_of
from ._schema import blob_uses, blobs, works

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from napari_annotate_jobs.model import AnnotationChange, Case

    from ._blobs import BlobShelf
    from ._drafts import PersonWork
    from ._permits import Permit

__all__ = [
    "KnownBlob",
    "add_blob",
    "add_uses",
    "bytes_of",
    "check_blob",
    "check_pixels",
    "missing_blobs",
    "read_blob",
    "require_blob",
    "require_pixels",
    "to_be_named",
]

_MOST_PIXELS = 1 << 26
"""Of a mask where the size of the slices is not known."""

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


def check_blob(permit: Permit, case: Case, digest: str, data: bytes) -> dict[str, Any]:
    """Return the row of a mask, or say why it is refused.

    Raises
    ------
    InvalidValueError
        If the bytes have another digest, are no mask, do not fit the slices of the
        case, or hold a label that is not declared.
    """
    where = case.id
    if hashlib.sha256(data).hexdigest() != digest:
        raise InvalidValueError(
            f"the bytes given for mask {digest[:16]} have another digest", where=where
        )
    try:
        size = mask_size(data)
        if case.size is not None and size != case.size:
            raise InvalidValueError(
                f"the mask {digest[:16]} has {size[0]} x {size[1]} pixels, the slice "
                f"{case.size[0]} x {case.size[1]}",
                where=where,
                remedy="Masks have the rows and columns of the slice they are of",
            )
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
    labels = permit.job.project.label_set
    for label in pixels:
        _ = labels[label]
    return {
        "digest": digest,
        "size": len(data),
        "rows": size[0],
        "columns": size[1],
        "pixels": json.dumps({str(label): n for label, n in pixels.items()}),
        "created": now(),
        "asked": now(),
    }


def add_blob(
    connection: Connection, permit: Permit, case_id: int, row: Mapping[str, Any]
) -> None:
    """Let a person name a mask in a case; its bytes are on the shelf already."""
    new = connection.execute(insert_or_ignore(connection, blobs), row)
    if not new.rowcount:
        keep_blobs(connection, [row["digest"]])
    use = {
        "case_id": case_id,
        "digest": row["digest"],
        "account_id": permit.account.id,
    }
    connection.execute(insert_or_ignore(connection, blob_uses), use)


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
    require_blob(connection, permit, key, digest)
    return bytes_of(shelf, key, digest)


def require_blob(connection: Connection, permit: Permit, key: str, digest: str) -> None:
    """Raise NotFoundError unless a person may see a mask of a case."""
    case = find_case(connection, permit, key)
    if not _known_blobs(connection, permit, case["id"], [digest]):
        raise NotFoundError(f"there is no mask {digest[:16]}", where=key)


def bytes_of(shelf: BlobShelf, key: str, digest: str) -> bytes:
    """Return an encoded mask that somebody may see; CorruptError if it is away."""
    data = shelf.get(digest)
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
        digest: KnownBlob(
            (rows, columns), {int(k): n for k, n in json.loads(text).items()}, time
        )
        for part in parts_of(digests)
        for digest, rows, columns, text, time in connection.execute(
            query, {**asked, "digests": part}
        )
    }


def check_pixels(work: PersonWork, change: AnnotationChange) -> None:
    """Refuse a mask that holds other pixels than its reference says."""
    require_pixels(change, to_be_named(work, change), work.case["key"])


def to_be_named(work: PersonWork, change: AnnotationChange) -> dict[str, KnownBlob]:
    """Return the masks that a change names, as far as they are here; they stay."""
    named = _rules.referenced(change).keys()
    where = work.connection, work.permit, work.case["id"]
    known = _known_blobs(*where, named)
    if any(is_stale(blob.asked) for blob in known.values()):
        # Who takes masks away may be at it: looked at again once that is done.
        keep_blobs(work.connection, named)
        known = _known_blobs(*where, named)
    return known


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
