"""Statistics: counted beside annotating, shown, and saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import Cancelled
from napari_annotate_jobs.metrics import write_statistics
from napari_annotate_jobs.session import Work, job_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.app._chores import JobPlace
    from napari_annotate_jobs.metrics import Statistics
    from napari_annotate_jobs.session import Worker
    from napari_annotate_jobs.widgets import StatisticsPanel

__all__ = ["StatisticsController"]


class StatisticsController:
    """Counts a job for the panel.

    Parameters
    ----------
    panel : StatisticsPanel
        The view.
    worker : Worker
        Counts.
    show_error : callable
        Tells the user of an error.
    tell : callable
        Tells the user what was done.
    choose_folder : callable
        Asks for a folder, and gives it to what it is called with.
    """

    def __init__(
        self,
        panel: StatisticsPanel,
        worker: Worker,
        *,
        show_error: Callable[[Exception], None],
        tell: Callable[[str], None],
        choose_folder: Callable[[str, Callable[[str], object]], object],
    ) -> None:
        self._panel, self._worker = panel, worker
        self._show_error, self._tell = show_error, tell
        self._choose_folder = choose_folder
        self._place: JobPlace | None = None
        self._found: Statistics | None = None
        self._work: Work | None = None
        panel.count_requested.connect(self.count)
        panel.cancel_requested.connect(self.cancel)
        panel.save_requested.connect(self._choose)

    def set_place(self, place: JobPlace | None) -> None:
        """Count another job from now on, None for none."""
        self.cancel()
        self._work = None
        self._place, self._found = place, None
        self._panel.set_job("" if place is None else place.job.name)
        self._panel.set_busy(False)

    def count(self) -> None:
        """Count the job anew."""
        place = self._place
        if place is None:
            return
        self.cancel()
        work = self._work = Work(f"Counting {place.job.name}")
        only, objects = self._panel.only.currentData(), self._panel.objects.isChecked()
        self._panel.set_busy(True)

        def task(work: Work) -> Statistics:
            with place.open() as store:
                return job_statistics(
                    store,
                    place.job.id,
                    only=only,
                    objects=objects,
                    progress=lambda done, total, name: work.report(done, total),
                    cancelled=work.cancelled,
                )

        def done(found: Statistics) -> None:
            if self._work is work:
                self._work, self._found = None, found
                self._panel.set_busy(False)
                self._panel.set_statistics(found)

        def failed(error: Exception) -> None:
            if self._work is not work:
                return
            self._work = self._found = None
            self._panel.set_busy(False)
            if isinstance(error, Cancelled):
                self._panel.set_failed("Counting was stopped.")
            else:
                self._panel.set_failed(str(error))
                self._show_error(error)

        self._worker.run(work, task, done, failed)

    def cancel(self) -> None:
        """Stop counting."""
        if self._work is not None:
            self._work.cancel()

    def _choose(self) -> None:
        self._choose_folder("Save people.csv and labels.csv in a folder", self.save)

    def save(self, folder: str) -> None:
        """Write the numbers that are shown as CSV."""
        found = self._found
        if found is not None:
            work = Work("Saving tables", quiet=True)
            self._worker.run(
                work,
                lambda work: write_statistics(found, folder),
                lambda paths: self._tell(f"Saved {' and '.join(map(str, paths))}."),
                self._show_error,
            )
