"""Flags: that something is to be looked at in a case, and the orders of lists."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from ._base import Document, now

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LONGEST_REASON", "CaseOrder", "Flag", "flags_text"]

LONGEST_REASON = 500
"""Characters of why a case is flagged."""


class Flag(Document):
    """That a person wants a case looked at, and why.

    It is of the case: no part of what is annotated, and it stays when that is
    submitted. Each person has one a case at most.

    Parameters
    ----------
    person : str
        Who flagged it.
    reason : str
        Why, in a few words.
    time : datetime
        When, with time zone.
    """

    person: str
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)
    time: AwareDatetime = Field(default_factory=now)


def flags_text(flags: Iterable[Flag]) -> str:
    """Say why a case is flagged, and by whom."""
    return "; ".join(f"{flag.reason} ({flag.person})" for flag in flags)


class CaseOrder(StrEnum):
    """What lists of cases are sorted by; what is alike stays in the job's order.

    Names are compared as people read them, numbers by their value. By status, what is
    to be done comes first: returned or waiting. By slices, the fewest; what was flagged
    or touched last comes first, what never was, last.
    """

    JOB = "job"
    NAME = "name"
    STATUS = "status"
    SLICES = "slices"
    FLAG = "flag"
    TOUCHED = "touched"
