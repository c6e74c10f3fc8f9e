"""The threads on one annotation, and what a person says in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_annotate_jobs.errors import InvalidValueError
from napari_annotate_jobs.model import Comment, Thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.stores import JobStore

    from ._executor import Executor

__all__ = ["Discussion"]


class Discussion:
    """What is said of one person's annotation of a case.

    Parameters
    ----------
    store : JobStore
        Where it is kept; its person is who says something here.
    job_id, case_id : str
        The case.
    author : str
        Whose annotation it is.
    threads : sequence of Thread
        As they were loaded.
    executor : Executor
        Runs slow things.
    """

    changed = Signal()
    """Something was said, resolved or read."""
    failed = Signal(Exception)
    """It could not be: its text says what to do."""

    def __init__(
        self,
        store: JobStore,
        job_id: str,
        case_id: str,
        author: str,
        threads: Sequence[Thread],
        executor: Executor,
    ) -> None:
        self.author = author
        self._stored = tuple(threads)
        self._store, self._executor = store, executor
        self._case = job_id, case_id
        self._draft: tuple[Comment, ...] | None = None
        self._drafted: set[str] = set()
        self._new = {thread.id for thread in threads if thread.unread}

    @property
    def threads(self) -> tuple[Thread, ...]:
        """All of them, in the order in which they began."""
        if self._draft is None:
            return self._stored
        here = {comment.id for comment in self._draft}
        kept = [t for t in self._stored if t.id in here or t.id not in self._drafted]
        known = {thread.id for thread in kept}
        fresh = [Thread(comments=(c,)) for c in self._draft if c.id not in known]
        return tuple(sorted((*kept, *fresh), key=lambda thread: thread.first.time))

    def follow_draft(self, comments: Sequence[Comment]) -> None:
        """Count the comments of the draft as they are now, saved or not."""
        if self._draft == tuple(comments):
            return
        self._draft = tuple(comments)
        self._drafted |= {comment.id for comment in comments}
        self.changed.emit()

    @property
    def new(self) -> frozenset[str]:
        """Ids of threads with comments that were not read before the case was opened.

        They are marked until one goes to them, though all count as read once seen.
        """
        return frozenset(self._new)

    def visit(self, thread: str) -> None:
        """Take the mark off a thread: somebody has gone to it."""
        if thread in self._new:
            self._new.discard(thread)
            self.changed.emit()

    @property
    def unsettled(self) -> tuple[Thread, ...]:
        """Open threads in which somebody else has said something."""
        return tuple(
            thread
            for thread in self.open_threads
            if any(comment.person != self._store.person for comment in thread.comments)
        )

    @property
    def open_threads(self) -> tuple[Thread, ...]:
        """Those that nobody has resolved, in the order of their slices."""
        return tuple(sorted((t for t in self.threads if t.is_open), key=_place))

    @property
    def unread(self) -> int:
        """How many comments this person has not read."""
        return sum(thread.unread for thread in self.threads)

    def at(self, slice_key: str | None) -> tuple[Thread, ...]:
        """Return the threads pinned to a slice, or to objects on it.

        Parameters
        ----------
        slice_key : str, optional
            None for those pinned to the case.
        """
        return tuple(t for t in self.threads if t.first.slice_key == slice_key)

    def next_open(self, after: str | None = None, step: int = 1) -> Thread | None:
        """Return the next open thread, going on at the other end.

        Parameters
        ----------
        after : str, optional
            Id of a thread; None for the first one.
        step : int
            1 for forward, -1 for backward.
        """
        order = [t for t in sorted(self.threads, key=_place) if t.is_open]
        if not order:
            return None
        ids = [thread.id for thread in order]
        if after in ids:
            return order[(ids.index(after) + step) % len(order)]
        return order[0 if step > 0 else -1]

    def say(
        self,
        text: str,
        *,
        thread: str | None = None,
        slice_key: str | None = None,
        index: int | None = None,
        label: int | None = None,
        object: str | None = None,
        at: tuple[float, float] | None = None,
        resolved: bool | None = None,
        unsaid: Callable[[], object] = lambda: None,
    ) -> None:
        """Begin a thread, or reply in one.

        Parameters
        ----------
        text : str
            What to say.
        thread : str, optional
            Id of the thread to reply in.
        slice_key, index, label, object, at
            What a new thread is pinned to, as in
            :class:`~napari_annotate_jobs.model.Comment`.
        resolved : bool, optional
            What becomes of the thread with it.
        unsaid : callable
            Called if it could not be kept, before `failed` is told.

        Raises
        ------
        InvalidValueError
            If there is no text.
        """
        if not text.strip():
            raise InvalidValueError("a comment needs words", remedy="Write some")
        comment = Comment(
            person=self._store.person,
            text=text.strip(),
            slice_key=slice_key,
            index=index,
            label=label,
            object=object,
            at=at,
        )
        self._do(
            lambda: self._store.discuss(
                *self._case,
                person=self.author,
                comment=comment,
                thread=thread,
                resolved=resolved,
            ),
            unsaid,
        )

    def resolve(self, thread: str, resolved: bool = True) -> None:
        """Resolve a thread, or open it again."""
        self._do(
            lambda: self._store.discuss(
                *self._case, person=self.author, thread=thread, resolved=resolved
            )
        )

    def mark_read(self, threads: Sequence[str] | None = None) -> None:
        """Mark threads as read, all of them by default."""
        if any(t.unread and (threads is None or t.id in threads) for t in self.threads):
            self._do(
                lambda: self._store.mark_read(
                    *self._case, person=self.author, threads=threads
                )
            )

    def reload(self) -> None:
        """See what others said meanwhile."""
        self._do(lambda: None)

    def _do(
        self,
        action: Callable[[], object],
        undone: Callable[[], object] = lambda: None,
    ) -> None:
        is_done = False

        def task() -> tuple[Thread, ...]:
            nonlocal is_done
            action()
            is_done = True
            return tuple(self._store.threads(*self._case, person=self.author))

        def done(threads: tuple[Thread, ...]) -> None:
            before = {thread.id: len(thread.comments) for thread in self._stored}
            self._new |= {
                thread.id
                for thread in threads
                if thread.unread and len(thread.comments) > before.get(thread.id, 0)
            }
            self._stored = threads
            self.changed.emit()

        def failed(error: Exception) -> None:
            if not is_done:
                undone()
            self.failed.emit(error)

        self._executor.run(task, done, failed)


def _place(thread: Thread) -> tuple[int, str]:
    index = thread.first.index
    return -1 if index is None else index, thread.first.time.isoformat()
