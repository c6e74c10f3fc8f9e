"""In which order the index gives cases, and which of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from napari_annotate_jobs.model import CaseOrder, ReviewStatus, Status
from napari_annotate_jobs.stores._flags import REVIEW_STATUSES, STATUSES

__all__ = [
    "BY_COLUMN",
    "EPOCH",
    "REVIEW_ORDERS",
    "Page",
    "clean",
    "columns_of",
    "flags_of",
    "micros",
]

_NUMBERED, _REVIEWED = tuple(Status), tuple(ReviewStatus)

Page = tuple[list[int], int]
"""Places, and how many there are in all."""


_CASES = " ".join(
    f"WHEN {_NUMBERED.index(status)} THEN {at}" for at, status in enumerate(STATUSES)
)
_ORDERS = {
    CaseOrder.JOB: "",
    CaseOrder.NAME: "c.sort",
    CaseOrder.STATUS: f"CASE p.status {_CASES} END",
    CaseOrder.SLICES: "coalesce(c.n_slices, 0)",
    CaseOrder.FLAG: "l.time DESC",
    CaseOrder.TOUCHED: "p.touched DESC",
}
"""What is sorted by; the place is added."""
BY_COLUMN = (CaseOrder.NAME, CaseOrder.SLICES, CaseOrder.TOUCHED)


_REVIEW_CASES = " ".join(
    f"WHEN {_REVIEWED.index(status)} THEN {at}"
    for at, status in enumerate(REVIEW_STATUSES)
)
REVIEW_ORDERS = {
    CaseOrder.JOB: "",
    CaseOrder.NAME: "c.sort",
    CaseOrder.STATUS: f"CASE r.status {_REVIEW_CASES} END",
    CaseOrder.SLICES: "coalesce(c.n_slices, 0)",
    CaseOrder.FLAG: "FLAG DESC",
    CaseOrder.TOUCHED: "r.touched DESC",
}


def columns_of(order: CaseOrder, backwards: bool) -> str:
    """Return what cases are sorted by, for SQL: the place comes last."""
    parts = [part for part in (_ORDERS[order], "p.place") if part]
    if backwards:
        parts = [
            part.removesuffix(" DESC") if part.endswith(" DESC") else f"{part} DESC"
            for part in parts
        ]
    if order in (CaseOrder.NAME, CaseOrder.SLICES):
        parts[-1] = parts[-1].replace("p.", "c.")  # as the index has it
    return ", ".join(parts)


def flags_of(whose: str | None) -> tuple[str, list[Any]]:
    """Return a source of flags, of one person or of all, with its values."""
    if whose is None:
        return "flags", []
    return "(SELECT * FROM flags WHERE person = ?)", [clean(whose)]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(time: datetime | None) -> int:
    """Return a time in microseconds; 0 for none."""
    return 0 if time is None else (time - EPOCH) // timedelta(microseconds=1)


def clean(text: str) -> str:
    """Return text that SQLite can hold: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
