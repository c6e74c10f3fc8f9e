"""What others did in a job since somebody looked."""

from __future__ import annotations

from pydantic import Field

from napari_annotate_jobs.errors import counted

from ._base import Value

__all__ = ["News"]


class News(Value):
    """What is new in a job for one person.

    Parameters
    ----------
    returned : int
        Cases that were returned to them, and that they have not worked on since.
    comments : int
        Comments of others that they have not read, but for those that came with a
        return.
    submitted : int
        For whom it is a review job: what others submitted, and waits.
    cases : tuple of (str, str or None)
        The cases with any of that, the latest first, and who submitted each where
        it is to be reviewed.
    more : bool
        True if there is more than was counted.
    """

    returned: int = Field(default=0, ge=0)
    comments: int = Field(default=0, ge=0)
    submitted: int = Field(default=0, ge=0)
    cases: tuple[tuple[str, str | None], ...] = ()
    more: bool = False

    @property
    def text(self) -> str:
        """All of it, as ``2 returned, 1 new comment``; empty if nothing is new."""
        every = (
            (self.returned, f"{self.returned:,} returned"),
            (self.comments, counted(self.comments, "new comment")),
            (self.submitted, f"{self.submitted:,} submitted"),
        )
        parts = [text for n, text in every if n]
        if parts and self.more:
            parts.append("and more")
        return ", ".join(parts)
