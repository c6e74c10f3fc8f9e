"""What is under way, in napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils import cancelable_progress

from ._connections import Connections

if TYPE_CHECKING:
    from napari_annotate_jobs.session import Work, Worker

__all__ = ["WorkProgress"]

PERIOD = 0.1
"""Seconds between two looks at how far it is."""


class WorkProgress:
    """Shows the work of a worker as napari's progress bars, with Cancel.

    Parameters
    ----------
    worker : Worker
        Whose work is shown; quiet work is not.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._bars: dict[Work, Any] = {}
        self._connections = Connections()
        self._connections.connect(worker.started, self._on_started)
        self._connections.connect(worker.ended, self._on_ended)

    def _on_started(self, work: Work) -> None:
        if work.quiet:
            return
        self._bars[work] = cancelable_progress(total=0, desc=work.text)
        self._worker.executor.later(PERIOD, self._look)

    def _look(self) -> None:
        """Say how far everything is, which worker threads must not do."""
        for work, bar in self._bars.items():
            # napari calls back only while it iterates, which this does not.
            if bar.is_canceled:
                work.cancel()
            if work.total and bar.total != work.total:
                bar.total = work.total
            if work.done > bar.n:
                bar.update(work.done - bar.n)
        if self._bars:
            self._worker.executor.later(PERIOD, self._look)

    def _on_ended(self, work: Work) -> None:
        bar = self._bars.pop(work, None)
        if bar is not None:
            bar.close()

    def close(self) -> None:
        """Take all bars away."""
        self._connections.release()
        for bar in self._bars.values():
            bar.close()
        self._bars.clear()
