"""Where a person stands with a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.model import Status

if TYPE_CHECKING:
    from datetime import datetime

    from napari_annotate_jobs.model import ReviewStatus

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """What the case table shows of a person's work.

    Parameters
    ----------
    status : Status
        Where the case stands.
    draft : bool
        True if something was saved since the last submission.
    decided : int
        Slices with a decision.
    comment : str
        What the reviewer wrote of the last submission.
    number : int
        How often it was submitted.
    review : ReviewStatus, optional
        Where it stands for its reviewer.
    submitted : datetime, optional
        When the last time; None where that was not looked up.
    reviewer : str
        Who gave the verdict that holds.
    judged : datetime, optional
        When.
    touched : datetime, optional
        When something was last saved, submitted, answered or commented on.
    """

    status: Status = Status.REMAINING
    draft: bool = False
    decided: int = 0
    comment: str = ""
    number: int = 0
    review: ReviewStatus | None = None
    submitted: datetime | None = None
    reviewer: str = ""
    judged: datetime | None = None
    touched: datetime | None = None
