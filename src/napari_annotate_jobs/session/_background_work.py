"""Slow things that can be followed and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._executor import Executor

__all__ = ["Work", "Worker"]

T = TypeVar("T")


class Work:
    """One slow thing that is being done.

    Parameters
    ----------
    text : str
        What is being done, for the interface.
    quiet : bool
        True if nobody asked for it, and nobody needs to see it.

    Attributes
    ----------
    done, total : int
        Steps; `total` is 0 while it is not known.
    """

    def __init__(self, text: str, *, quiet: bool = False) -> None:
        self.text = text
        self.quiet = quiet
        self.done = self.total = 0
        self._cancelled = False

    def cancel(self) -> None:
        """Ask it to stop."""
        self._cancelled = True

    def cancelled(self) -> bool:
        """Return True if it was asked to stop; for any thread."""
        return self._cancelled

    def report(self, done: int, total: int) -> None:
        """Say how far it is; for any thread."""
        self.done, self.total = done, total


class Worker:
    """Runs work on an executor, and tells when it begins and ends.

    Parameters
    ----------
    executor : Executor
        Runs the tasks.
    """

    started = Signal(Work)
    ended = Signal(Work)

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._running: list[Work] = []

    @property
    def is_idle(self) -> bool:
        """True if nothing is under way."""
        return not self._running

    def run(
        self,
        work: Work,
        task: Callable[[Work], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run a task; then exactly one of `done` and `failed` on this thread.

        Parameters
        ----------
        work : Work
            What is being done.
        task : callable
            Takes the work, which it asks whether to stop and tells how far it is.
        done, failed : callable
            Take the result, or the error, once the work has ended.
        """
        self._running.append(work)
        self.started.emit(work)

        def end() -> None:
            self._running.remove(work)
            self.ended.emit(work)

        def succeeded(result: T) -> None:
            end()
            done(result)

        def broke(error: Exception) -> None:
            end()
            failed(error)

        self.executor.run(lambda: task(work), succeeded, broke)

    def cancel(self) -> None:
        """Ask everything that is under way to stop."""
        for work in self._running:
            work.cancel()
