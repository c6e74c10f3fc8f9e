"""How a session gets slow things done elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Executor", "SynchronousExecutor"]

T = TypeVar("T")


class Executor(Protocol):
    """Runs tasks off the interface thread, one after the other.

    Tasks of one executor run in the order they were given, so that a case is
    saved before it is loaded again. `done` and `failed` run on the thread that
    owns the session.
    """

    def run(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `task`, then exactly one of `done` and `failed` with its outcome."""

    def run_after_paint(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `task` as :meth:`run` does, but let what is to be painted come first."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call `call` on the owning thread after some time, unless closed before."""

    def drain(self) -> object:
        """Wait until every task given so far, and what it led to, is finished."""


class SynchronousExecutor:
    """Runs every task at once, for scripts and tests.

    What is to be called later waits for :meth:`tick`.
    """

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def run(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `task` now."""
        try:
            result = task()
        except Exception as error:
            failed(error)
            return
        done(result)

    def run_after_paint(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `task` as :meth:`run` does: nothing is painted."""
        self.run(task, done, failed)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Keep `call` until the next :meth:`tick`."""
        self._waiting.append(call)

    def tick(self) -> None:
        """Call what waits, as if its time had come."""
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def drain(self) -> None:
        """Do nothing: every task is finished when :meth:`run` returns."""
