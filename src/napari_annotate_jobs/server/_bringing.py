"""Masks that somebody brings: proved first, then kept, whatever their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.stores.wire import MOST_PIXELS

from ._case_masks import check_blob, fit_of, is_small
from ._collecting import are_stale, keep_blobs
from ._drafts import find_case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._asking import Asking
    from ._service import MaskFit

__all__ = ["prove_masks"]


def prove_masks(
    ask: Asking, job: str, case: str, masks: Mapping[str, bytes]
) -> list[dict[str, Any]]:
    """Return the rows of masks, or say why one is refused: then none is kept.

    Those that the database does not keep are on the shelf afterwards: what it names is
    there. Who may bring them is looked up before they are looked at, unless it was a
    moment ago, and is again in the transaction that adds the rows, which also sees
    whether they fit the case then.

    Raises
    ------
    NotFoundError, RoleError
        If there is no such case, or they may not be brought.
    InvalidValueError
        As :func:`check_blob`, or if they are too many for one request.
    """
    large = [digest for digest, data in masks.items() if not is_small(data)]
    seen = None if large else ask.seen(job, case)
    fault = None
    if seen is not None:
        try:
            return _proved(seen, masks)
        except InvalidValueError as error:
            fault = error
    with ask.reading(job) as (connection, permit):
        permit.account.require("write")
        permit.require_part()
        fit = fit_of(permit, find_case(connection, permit, case))
        stale = bool(large) and are_stale(connection, large)
    if fault is not None and fit == seen:
        raise fault
    # Labels may have been added since: what did not fit is looked at again.
    ask.note_seen(job, fit)
    rows = _proved(fit, masks)
    if stale:
        with ask.service.database.writing() as connection:
            keep_blobs(connection, large)
    for digest in large:
        ask.service.shelf.put(digest, masks[digest])
    return rows


def _proved(fit: MaskFit, masks: Mapping[str, bytes]) -> list[dict[str, Any]]:
    rows, pixels = [], 0
    for digest, data in masks.items():
        rows.append(check_blob(fit, digest, data))
        pixels += rows[-1]["rows"] * rows[-1]["columns"]
        if pixels > MOST_PIXELS:
            raise InvalidValueError(
                f"the masks of a request have at most {MOST_PIXELS} pixels together",
                where=fit.case,
                remedy="Bring them in several requests",
            )
    return rows
