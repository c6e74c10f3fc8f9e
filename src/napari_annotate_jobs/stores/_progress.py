"""Where a person stands with a case."""

from __future__ import annotations

from dataclasses import dataclass

from napari_annotate_jobs.model import Status

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
        What the reviewer wrote, for a returned case.
    """

    status: Status = Status.REMAINING
    draft: bool = False
    decided: int = 0
    comment: str = ""
