"""Edit job, in a viewer: the window of each job that is edited."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.widgets import paint_in

from ._asks import ask, choose_file, choose_files, choose_folder, notify
from ._owner_windows import bring_up, fit_screen, the_one
from ._servers import is_server
from ._settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qtpy.QtWidgets import QWidget

    from napari_annotate_jobs.model import Job, JobSummary
    from napari_annotate_jobs.stores import JobStore
    from napari_annotate_jobs.widgets import EditJobDialog

    from ._workstation import Workstation
    from .controllers import EditJobController

__all__ = ["EditJobs"]


class EditJobs(QObject):
    """Edits jobs in the viewer of a workstation, each in a window of its own.

    Parameters
    ----------
    station : Workstation
        Whose viewer it is.
    """

    def __init__(self, station: Workstation) -> None:
        super().__init__(station)
        self._station = station
        self._open: dict[str, tuple[EditJobDialog, EditJobController]] = {}
        station.colors_changed.connect(self._set_colors)
        station.closing.connect(self.close)

    @classmethod
    def of(cls, station: Workstation) -> EditJobs:
        """Return what edits jobs at a workstation; there is one for each."""
        return the_one(cls, station)

    def dialog(self, job_id: str) -> EditJobDialog | None:
        """Return the window of a job that is being edited."""
        found = self._open.get(job_id)
        return None if found is None else found[0]

    def show(self, window: QWidget, location: str, job_id: str) -> None:
        """Show the window of a job.

        Parameters
        ----------
        window : QWidget
            Above which it is shown.
        location, job_id : str
            Where the job is, and which.
        """
        dialog = self.dialog(job_id)
        if dialog is not None:
            bring_up(dialog)
            return
        person = None if is_server(location) else read_settings().person or None

        def task() -> JobStore:
            from napari_annotate_jobs.stores import check_owner, open_store

            store = open_store(location, person=person)
            try:
                if not store.may_edit(job_id):
                    check_owner(store.job(job_id), store.person)
            except BaseException:
                store.close()
                raise
            return store

        station = self._station
        station.tables.run(
            task, lambda store: self._make(window, store, job_id), station.show_error
        )

    def show_summary(self, window: QWidget, summary: JobSummary) -> None:
        """Show the window of a job that My Jobs lists."""
        self.show(window, summary.location, summary.job.id)

    def _make(self, window: QWidget, store: JobStore, job_id: str) -> None:
        from napari_annotate_jobs.widgets import EditJobDialog

        from .controllers import EditJobController

        station = self._station
        if job_id in self._open:  # asked for twice
            store.close()
            return
        dialog = EditJobDialog(window)
        dialog.labels.set_keymap(station.keymap)
        paint_in(dialog, station.colors)
        fit_screen(dialog, window)

        def question(
            text: str, answers: Mapping[str, Callable[[], None]], detail: str
        ) -> None:
            ask(dialog, text, answers, detail=detail)

        controller = EditJobController(
            dialog,
            store,
            job_id,
            station.chores.writing,
            edited=self._on_edited,
            deleted=partial(self._on_deleted, job_id),
            show_error=station.show_error,
            ask=question,
            choose_folder=partial(choose_folder, dialog),
            choose_file=partial(choose_file, dialog),
            choose_files=partial(choose_files, dialog),
        )
        controller.labels.set_jobs(
            [each for each in station.summaries if each.job.id != job_id]
        )
        self._open[job_id] = dialog, controller
        dialog.finished.connect(lambda _: self._drop(job_id))
        controller.begin()
        bring_up(dialog)

    def _set_colors(self, colors: object) -> None:
        for dialog, _ in self._open.values():
            paint_in(dialog, self._station.colors)

    def _on_edited(self, job: Job) -> None:
        station = self._station
        station.refresh_jobs()
        open_job = station.current_job
        if open_job is not None and open_job.session.job.id == job.id:
            open_job.session.watch.look()

    def _on_deleted(self, job_id: str, place: str) -> None:
        station, open_job = self._station, self._station.current_job
        if (dialog := self.dialog(job_id)) is not None:
            dialog.forget()
        self._drop(job_id)
        notify(f"The job is in {place}.")
        if open_job is not None and open_job.session.job.id == job_id:
            try:
                station.close_job()
            except AnnotateJobsError as error:
                station.show_error(error)
        station.refresh_jobs()

    def _drop(self, job_id: str) -> None:
        found = self._open.pop(job_id, None)
        if found is not None:
            dialog, controller = found
            dialog.close()  # which asks for what was typed last
            controller.close()
            dialog.deleteLater()

    def close(self) -> None:
        """Close every window; what was typed is saved."""
        for job_id in list(self._open):
            self._drop(job_id)
