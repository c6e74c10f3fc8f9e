"""A case of 60,000 slices against one of 600: opening, one slice, all, submitting.

The slices are small, so that what is timed is what is done for each of them: headers,
names, decisions, layers, and not their pixels. The layers are those of the window,
without the window.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from _bench import compare
from _jobs import many_slices_job

from napari_annotate_jobs.session import SynchronousExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
LARGE, SMALL = 60_000, 600
LINEAR = float(LARGE // SMALL)


class InTurn(SynchronousExecutor):
    """Does one task after the other: what a task leads to waits for its end.

    A case of many slices is read in as many tasks, each of which asks for the next.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tasks: deque[tuple[Any, ...]] = deque()
        self._is_at_work = False

    def run(
        self,
        task: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run `task` as soon as no other runs."""
        self._tasks.append((task, done, failed))
        if self._is_at_work:
            return
        self._is_at_work = True
        try:
            while self._tasks:
                super().run(*self._tasks.popleft())
        finally:
            self._is_at_work = False


class Desk:
    """A person at a case: a session on a job folder, and the layers of the case.

    Parameters
    ----------
    folder : Path
        Where the job is made.
    n : int
        Slices of its one case.
    """

    def __init__(self, folder: Path, n: int) -> None:
        self.n = n
        self.path = many_slices_job(folder, n)
        self.at = 0
        self.open()

    def open(self) -> None:
        """Open the job and its case."""
        from napari.components import ViewerModel

        from napari_annotate_jobs.session import AnnotationSession
        from napari_annotate_jobs.stores import FolderStore
        from napari_annotate_jobs.viewer import ViewerBridge

        store = FolderStore(self.path, "bench")
        self.session = AnnotationSession(store, store.jobs()[0].job.id)
        self.session.failed.connect(_stop)
        self.session.open_next = False
        self.bridge = ViewerBridge(
            ViewerModel(), self.session, InTurn(), on_error=_stop
        )
        self.session.open_first()
        if not self.session.is_open or self.session.editor.n_slices != self.n:
            raise LookupError(f"{self.path}: its case is not open")

    def close(self) -> None:
        """Close the case and the job."""
        self.bridge.close()
        self.session.close()

    def again(self) -> None:
        """Close and open."""
        self.close()
        self.open()

    def step(self) -> None:
        """Go through 20 slices."""
        for _ in range(20):
            self.session.slice = (self.session.slice + 1) % self.n

    def label(self) -> None:
        """Label a slice, which is saved at once, and take it back."""
        self.at = (self.at + 7) % self.n
        self.session.editor.set_class([self.at], 1, True)
        self.session.undo()

    def paint(self) -> None:
        """Paint on a slice, which is saved at once, and take it back."""
        self.at = (self.at + 7) % self.n
        mask = np.zeros((16, 16), np.uint16)
        mask[3:9, 3:9] = 2
        self.session.editor.set_masks({(self.at, ""): mask})
        self.session.undo()

    def undecided(self) -> None:
        """Go to the next slice of which nothing was said."""
        self.session.go_undecided()

    def label_all(self) -> None:
        """Label all slices at once, and take it back."""
        self.session.editor.set_class(range(self.n), 1, True)
        self.session.undo()

    def submit(self) -> None:
        """Label all slices, submit, and take the submission back."""
        editor = self.session.editor
        editor.set_class(range(self.n), 1, True)
        self.session.submit()
        if not self.session.locked:
            raise LookupError(f"{self.path}: it is not submitted")
        self.session.reopen()


def _stop(error: Exception) -> None:
    raise error


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        desks = [Desk(Path(folder), n) for n in (LARGE, SMALL)]
        rows: tuple[tuple[str, Callable[[Desk], None], float], ...] = (
            ("go on by 20 slices", Desk.step, 2.0),
            ("label a slice", Desk.label, 2.0),
            ("paint on a slice", Desk.paint, 2.0),
            ("next undecided", Desk.undecided, LINEAR),
            ("open the case", Desk.again, LINEAR),
            ("label all slices", Desk.label_all, LINEAR),
            ("submit them", Desk.submit, LINEAR),
        )
        for name, act, goal in rows:
            large, small = (partial(act, open_job) for open_job in desks)
            compare(f"slices: {name}", large, small, goal=goal, slices=LARGE)
        for open_job in desks:
            open_job.close()


if __name__ == "__main__":
    main()
