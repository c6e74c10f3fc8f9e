"""Slow things that are done for a job as a whole, beside annotating."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.session import Worker
from napari_annotate_jobs.viewer import WorkProgress

from ._qt_executor import QtExecutor

if TYPE_CHECKING:
    from qtpy.QtCore import QObject

    from napari_annotate_jobs.model import Job
    from napari_annotate_jobs.session import AnnotationSession
    from napari_annotate_jobs.stores import JobStore

__all__ = ["Chores", "JobPlace", "processes"]

_PROGRAMS = frozenset({"napari", "napari-annotate-jobs"})
"""Main modules that do nothing when they are imported."""


@dataclass(frozen=True)
class JobPlace:
    """Where a job is, so that it can be opened beside the session that works on it.

    Parameters
    ----------
    location : str
        Opens the store.
    job : Job
        The job.
    person : str
        Who works on it.
    """

    location: str
    job: Job
    person: str

    @classmethod
    def of(cls, session: AnnotationSession) -> JobPlace:
        """Return where the job of a session is."""
        return cls(session.store.location, session.job, session.store.person)

    def open(self) -> JobStore:
        """Open the store once more; for any thread."""
        from napari_annotate_jobs.stores import open_store

        return open_store(self.location, person=self.person)


class Chores:
    """Threads for what takes long, each with its bars in napari's activity dock.

    Looking and writing have a thread each, and saving what is annotated has others:
    an export keeps neither a preview nor a save waiting.

    Parameters
    ----------
    parent : QObject
        Closes the threads when it is destroyed.
    """

    def __init__(self, parent: QObject) -> None:
        self._executors = [QtExecutor(parent), QtExecutor(parent)]
        self.looking, self.writing = (Worker(each) for each in self._executors)
        self._bars = [WorkProgress(self.looking), WorkProgress(self.writing)]

    @property
    def is_idle(self) -> bool:
        """True if nothing is under way."""
        return self.looking.is_idle and self.writing.is_idle

    def close(self) -> None:
        """Stop everything; what is half written goes on the next time, or never was."""
        for worker in (self.looking, self.writing):
            worker.cancel()
        for bars in self._bars:
            bars.close()
        for executor in self._executors:
            executor.close()


def processes() -> int | None:
    """Return how many processes an export may use: None for one a core, else 1.

    A new process runs the main module once more. That of a script that opens napari
    would open another one, so only programs that are known not to are run again.
    """
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:
        return None
    return None if Path(path).stem in _PROGRAMS else 1
