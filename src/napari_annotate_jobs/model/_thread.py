"""Threads: a comment with its replies, open or resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import AwareDatetime, Field, model_validator

from ._annotation import Comment
from ._base import Sealed, Value, now
from ._review import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._review import Verdict

__all__ = ["Thread", "ThreadEntry", "threads_of"]


class ThreadEntry(Sealed):
    """One step in a thread: a comment, or that it is resolved or open again.

    Parameters
    ----------
    number : int
        From 1, in the order of all entries on one annotation.
    thread : str
        The id of the comment that the thread began with.
    person : str
        Who.
    time : datetime
        When, with time zone.
    submission : int
        How often the case was submitted then.
    comment : Comment, optional
        What was written.
    resolved : bool, optional
        What becomes of the thread; None if it stays as it is.
    """

    number: int = Field(ge=1)
    thread: str = Field(min_length=1)
    person: str
    time: AwareDatetime = Field(default_factory=now)
    submission: int = Field(default=0, ge=0)
    comment: Comment | None = None
    resolved: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.comment is None and self.resolved is None:
            raise ValueError("an entry holds a comment, or resolves the thread")
        return self


class Thread(Value):
    """A comment pinned to case, slice or object, with its replies.

    Parameters
    ----------
    comments : tuple of Comment
        The one it began with, and the replies in their order.
    resolved_by : str
        Who resolved it; empty while it is open.
    unread : int
        How many of the comments the person who asks has not read.
    submission : int
        The number of the submission it is on; 0 for the draft.
    """

    comments: tuple[Comment, ...] = Field(min_length=1)
    resolved_by: str = ""
    unread: int = Field(default=0, ge=0)
    submission: int = Field(default=0, ge=0)

    @property
    def id(self) -> str:
        """The id of its first comment."""
        return self.first.id

    @property
    def first(self) -> Comment:
        """The comment it began with; it says what the thread is pinned to."""
        return self.comments[0]

    @property
    def is_open(self) -> bool:
        """True until somebody resolved it."""
        return not self.resolved_by


def threads_of(
    own: Iterable[Comment],
    verdicts: Iterable[Verdict],
    entries: Iterable[ThreadEntry],
    *,
    reader: str,
    read: Mapping[str, int] = {},
) -> tuple[Thread, ...]:
    """Return all threads on an annotation, whatever document they began in.

    What came with a verdict that was taken back is said no more: it begins no thread,
    unless somebody has answered it meanwhile. Such a thread is resolved with it.

    Parameters
    ----------
    own : iterable of Comment
        The annotator's, in the annotation.
    verdicts : iterable of Verdict
        The reviewers', with their verdicts.
    entries : iterable of ThreadEntry
        All that was said since, in its order.
    reader : str
        For whom comments are unread; their own never are.
    read : mapping of str to int
        How many comments of each thread, by its id, the reader has read.

    Returns
    -------
    tuple of Thread
        In the order in which they began.
    """
    comments: dict[str, list[Comment]] = {}
    rounds: dict[str, int] = {}
    answers = list(entries)
    answered = {entry.thread for entry in answers}
    given = list(verdicts)
    resolved = _taken_back(given)
    for comment in own:
        comments.setdefault(comment.id, [comment])
    for verdict in given:
        for comment in verdict.comments:
            unsaid = comment.id in resolved and comment.id not in answered
            if comment.id not in comments and not unsaid:
                comments[comment.id] = [comment]
                rounds[comment.id] = verdict.submission
    for entry in answers:
        if entry.comment is not None:
            if entry.thread not in comments:
                # The comment replied to may have been removed from the draft.
                first = entry.comment.model_copy(update={"id": entry.thread})
                comments[entry.thread] = [first]
                rounds[entry.thread] = entry.submission
            else:
                comments[entry.thread].append(entry.comment)
        if entry.resolved is not None:
            resolved[entry.thread] = entry.person if entry.resolved else ""
    found = [
        Thread(
            comments=tuple(said),
            resolved_by=resolved.get(thread, ""),
            unread=sum(c.person != reader for c in said[read.get(thread, 0) :]),
            submission=rounds.get(thread, 0),
        )
        for thread, said in comments.items()
    ]
    return tuple(sorted(found, key=lambda thread: thread.first.time))


def _taken_back(verdicts: Iterable[Verdict]) -> dict[str, str]:
    """Return who took back what came with a verdict, by the comments' ids."""
    found: dict[str, str] = {}
    standing: Verdict | None = None
    for verdict in verdicts:
        if verdict.outcome is not Outcome.WITHDRAWN:
            standing = verdict
        elif standing is not None and standing.submission == verdict.submission:
            found |= {comment.id: verdict.person for comment in standing.comments}
    return found
