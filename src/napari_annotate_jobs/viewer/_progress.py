"""What is under way, in napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils import cancelable_progress

from napari_annotate_jobs.session import Connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.session import Executor, Work, Worker

__all__ = ["Bars", "WorkProgress"]

PERIOD = 0.1
"""Seconds between two looks at how far it is."""


class Bars:
    """napari's progress bars, each made, moved and closed from a timer of its own.

    napari lets the event loop run with every change of a bar: keys are pressed and
    cases change right there. Nothing else is therefore done in the same call, nor is
    it done where something is half finished.

    Parameters
    ----------
    later : callable
        Takes a number of seconds, and what to call after them.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], None]) -> None:
        self._later = later
        self._wanted: dict[Work, None] = {}
        self._bars: dict[Work, Any] = {}
        self._planned = self._looking = False

    def add(self, work: Work) -> None:
        """Show how far some work is, until it is removed."""
        self._wanted[work] = None
        self._plan()

    def remove(self, work: Work) -> None:
        """Show it no longer."""
        self._wanted.pop(work, None)

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            self._later(PERIOD, self._look)

    def _look(self) -> None:
        """Bring the bars to where the work is, which worker threads must not do."""
        self._planned = False
        if not self._looking:
            self._looking = True
            try:
                self._bring_up()
            finally:
                self._looking = False
        if self._wanted or self._bars:
            self._plan()

    def _bring_up(self) -> None:
        for work in [*self._bars, *self._wanted]:
            bar = self._bars.get(work)
            if work not in self._wanted:
                if bar is not None:
                    del self._bars[work]
                    bar.close()
            elif bar is None:
                total = work.total or 0
                self._bars[work] = cancelable_progress(total=total, desc=work.text)
            else:
                # napari calls back only while it iterates, which this does not.
                if bar.is_canceled:
                    work.cancel()
                if work.total and bar.total != work.total:
                    bar.total = work.total
                if work.done > bar.n:
                    bar.update(work.done - bar.n)

    def close(self) -> None:
        """Take all bars away."""
        self._wanted.clear()
        while self._bars:
            self._bars.popitem()[1].close()


class WorkProgress:
    """Shows the work of a worker as napari's progress bars, with Cancel.

    Parameters
    ----------
    worker : Worker
        Whose work is shown; quiet work is not.
    """

    def __init__(self, worker: Worker) -> None:
        executor: Executor = worker.executor
        self._bars = Bars(executor.later)
        self._connections = Connections()
        self._connections.connect(worker.started, self._on_started)
        self._connections.connect(worker.ended, self._on_ended)

    def _on_started(self, work: Work) -> None:
        if not work.quiet:
            self._bars.add(work)

    def _on_ended(self, work: Work) -> None:
        self._bars.remove(work)

    def close(self) -> None:
        """Take all bars away."""
        self._connections.release()
        self._bars.close()
