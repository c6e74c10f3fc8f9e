"""Carries out what is entered in the window of a job that is edited."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_annotate_jobs.errors import Cancelled, counted
from napari_annotate_jobs.model import JobEdit, edit_back
from napari_annotate_jobs.owning import FoundCases, add_found, find_cases, more_cases

from ._labels import LabelController
from ._new_job import StudySearch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.model import Case, Job
    from napari_annotate_jobs.session import Worker
    from napari_annotate_jobs.stores import JobStore
    from napari_annotate_jobs.widgets import EditJobDialog

__all__ = ["EditJobController"]

PERIOD = 150
"""Milliseconds between two looks at how far it is."""


class EditJobController:
    """Edits one job, change by change.

    Parameters
    ----------
    dialog : EditJobDialog
        The view.
    store : JobStore
        Where the job is; of its own, and closed with this.
    job_id : str
        The job.
    worker : Worker
        Runs what takes long, one after the other.
    edited : callable
        Told of the job after each change.
    deleted : callable
        Told once the job is in the trash: where it is.
    ask : callable
        Asks a question: called with a text, the answers, and a detail.
    show_error : callable
        Told what goes wrong once the window is closed.
    choose_folder, choose_file, choose_files : callable
        Ask for one, or for several, and give it to what they are called with.
    """

    def __init__(
        self,
        dialog: EditJobDialog,
        store: JobStore,
        job_id: str,
        worker: Worker,
        *,
        edited: Callable[[Job], object],
        deleted: Callable[[str], object],
        ask: Callable[[str, Mapping[str, Callable[[], None]], str], object],
        show_error: Callable[[Exception], object],
        choose_folder: Callable[[str, Callable[[str], object]], object],
        choose_file: Callable[[str, Callable[[str], object]], object],
        choose_files: Callable[[str, Callable[[Sequence[str]], object]], object],
    ) -> None:
        self.dialog, self._store, self._job_id = dialog, store, job_id
        self._worker, self._edited, self._deleted = worker, edited, deleted
        self._ask, self._show_error = ask, show_error
        self._gone = False
        self._job: Job | None = None
        self._names: dict[str, str] = {}
        self._back: JobEdit | None = None
        self._work: StudySearch | None = None
        self._clock = QTimer(dialog)
        self._clock.setInterval(PERIOD)
        self._clock.timeout.connect(self._show_progress)
        self.labels = LabelController(dialog.labels, choose_file=choose_file)
        dialog.edit_requested.connect(self.edit)
        dialog.undo_requested.connect(self.undo)
        dialog.folder_requested.connect(
            lambda: choose_folder("Images of more cases", lambda f: self.add([f]))
        )
        dialog.files_requested.connect(
            lambda: choose_files("Images of more cases", self.add)
        )
        dialog.paths_given.connect(self.add)
        dialog.stop_requested.connect(self.stop)
        dialog.delete_requested.connect(self.ask_delete)

    def begin(self) -> None:
        """Read the job, its cases, and which labels are used."""
        store, job_id = self._store, self._job_id
        self._run("Reading the job", lambda _: self._read(), self._show)
        self._run(
            "Looking which labels are used",
            lambda _: store.used_labels(job_id),
            lambda used: self.dialog.set_used(set(used)),
        )

    def _read(self) -> tuple[Job, list[Case]]:
        store, job_id = self._store, self._job_id
        job = store.job(job_id)
        return job, [row.case for row in store.every_case(job_id)]

    def _show(self, read: tuple[Job, list[Case]]) -> None:
        self._job, cases = read
        self._names = {case.id: case.name for case in cases}
        self.dialog.set_job(self._job)
        self.dialog.set_cases(cases)

    # ------------------------------------------------------------------ editing
    def edit(self, edit: JobEdit, *, back: bool = True) -> None:
        """Make a change; nothing of what somebody else has changed is replaced."""
        before = self._job
        if before is None:
            return
        if edit.seen is None:
            fields = {name: getattr(edit, name) for name in edit.model_fields_set}
            edit = type(edit)(**{**fields, "seen": before})
        names = dict(self._names)
        store, job_id = self._store, self._job_id

        def task(_: StudySearch) -> tuple[Job, list[Case]]:
            store.edit_job(job_id, edit)
            return self._read()

        def done(read: tuple[Job, list[Case]]) -> None:
            job = read[0]
            self._edited(job)
            if self._gone:
                return
            self._show(read)
            self._back = edit_back(edit, before, job, names) if back else None
            said = ", ".join(edit.said)
            self.dialog.set_undo(said if self._back is not None else "")
            self.dialog.set_told(f"{said[:1].upper()}{said[1:]}.")

        self._run("Saving", task, done, self._on_refused, always=True)

    def undo(self) -> None:
        """Take the last change back."""
        back, self._back = self._back, None
        self.dialog.set_undo("")
        if back is not None:
            self.edit(back, back=False)

    def _on_refused(self, error: Exception) -> None:
        """Say why, and show the job as it is now."""
        if not isinstance(error, Cancelled):
            self._refuse(error)

        def again(read: tuple[Job, list[Case]]) -> None:
            self._show(read)
            self.dialog.put_back()

        self._run("", lambda _: self._read(), again, lambda _: self.dialog.put_back())

    def _refuse(self, error: Exception) -> None:
        text = str(error)
        self.dialog.set_told(text[:1].upper() + text[1:], wrong=True)

    # -------------------------------------------------------------------- cases
    def add(self, paths: Sequence[str]) -> None:
        """Make cases of images, but for those that are in the job already."""
        if self._work is not None or self._job is None:
            return
        store, job_id, before = self._store, self._job_id, self._job
        anonymous = self.dialog.anonymous.isChecked()

        def task(work: StudySearch) -> tuple[FoundCases, int, tuple[Job, list[Case]]]:
            found = find_cases(
                map(Path, paths), progress=work.tell, cancelled=work.cancelled
            )
            new = more_cases(store, job_id, found, anonymous=anonymous)
            if new.cases:
                add_found(store, job_id, JobEdit(seen=before), new)
            return new, len(found.cases) - len(new.cases), self._read()

        def done(result: tuple[FoundCases, int, tuple[Job, list[Case]]]) -> None:
            new, known, read = result
            self._show(read)
            told = f"{len(new.cases)} case{'s' * (len(new.cases) != 1)} added."
            if known:
                told += f" {known} of these images are in the job already."
            left_out = {path for path, _ in (*new.faults, *new.results)}
            if left_out:
                told += f" Left out: {counted(len(left_out), 'file')}."
            self.dialog.set_told(told, wrong=not new.cases)
            if new.cases:
                added = JobEdit(add_cases=tuple(new.cases))
                self._back = edit_back(added, before, read[0], self._names)
                self.dialog.set_undo(f"{counted(len(new.cases), 'case')} added")
                self._edited(read[0])

        work = self._work = StudySearch("Looking for studies", drops=False)
        self._clock.start()
        self._show_progress()

        def over(call: Callable[..., object]) -> Callable[..., None]:
            def end(outcome: object) -> None:
                self._work = None
                if self._gone:
                    return
                self._clock.stop()
                self.dialog.set_progress(None)
                call(outcome)

            return end

        def failed(error: Exception) -> None:
            if isinstance(error, Cancelled):
                self.dialog.set_told("Stopped: nothing was added.")
            else:
                self._on_refused(error)

        self._worker.run(work, lambda _: task(work), over(done), over(failed))

    def stop(self) -> None:
        """Stop looking for images."""
        if self._work is not None:
            self._work.cancel()

    def _show_progress(self) -> None:
        work = self._work
        if work is not None:
            text = f"{work.text}…" if not work.at else f"{work.text}: {work.at}"
            self.dialog.set_progress(text, work.done, work.total)

    # ----------------------------------------------------------------- deleting
    def ask_delete(self) -> None:
        """Ask, and say what is in the job, before it goes into the trash."""
        store, job_id, job = self._store, self._job_id, self._job
        if job is None:
            return

        def asked(text: str) -> None:
            self._ask(
                f"Put “{job.name}” into the trash?",
                {"Delete": self._delete},
                f"In it: {text}. It can be brought back; images are not touched.",
            )

        self._run("Looking what is in it", lambda _: store.contents(job_id).text, asked)

    def _delete(self) -> None:
        store, job_id = self._store, self._job_id
        self._run("Deleting", lambda _: store.delete_job(job_id), self._deleted)

    # ---------------------------------------------------------------- under way
    def _run(
        self,
        text: str,
        task: Callable[..., object],
        done: Callable[..., object],
        failed: Callable[[Exception], object] | None = None,
        *,
        always: bool = False,
    ) -> None:
        work = StudySearch(text, drops=False)
        work.quiet = not text

        def came(outcome: object) -> None:
            if always or not self._gone:
                done(outcome)

        def broke(error: Exception) -> None:
            if self._gone:
                self._show_error(error)
            else:
                (failed or self._refuse)(error)

        self._worker.run(work, task, came, broke)

    def close(self) -> None:
        """Stop, and release the store once what is under way has ended."""
        self.stop()
        self._clock.stop()
        self._gone = True
        store = self._store
        self._run("", lambda _: store.close(), lambda _: None)
