"""New job: what was dropped or chosen is looked through, and becomes a job."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    InvalidValueError,
    counted,
)
from napari_annotate_jobs.files import folder_name, free_folder
from napari_annotate_jobs.imaging import Series, thumbnail
from napari_annotate_jobs.model import Job, Project, validated
from napari_annotate_jobs.owning import (
    FoundCases,
    Unit,
    check_free,
    check_methods,
    find_cases,
    make_job,
    name_cases,
)
from napari_annotate_jobs.session import Work
from napari_annotate_jobs.widgets import Study

from ._labels import LabelController

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader
    from napari_annotate_jobs.model import Case, JobSummary
    from napari_annotate_jobs.session import Executor, Worker
    from napari_annotate_jobs.widgets import NewJobChoice, NewJobDialog

__all__ = ["NewJobController"]

PERIOD = 100
"""Milliseconds between two looks at how far it is."""
MOST = 40
"""Files that were left out which are told one by one."""


class StudySearch(Work):
    """A search for studies, or the making of a job: also says where it is.

    Parameters
    ----------
    text : str
        What is being done.
    drops : bool
        True if nobody has to wait for it once it is stopped.
    """

    def __init__(self, text: str, *, drops: bool) -> None:
        super().__init__(text)
        self.at = ""
        self.drops = drops

    def tell(self, name: str, done: int, total: int) -> None:
        """Say how far it is; for any thread."""
        self.at = name
        self.report(done, total)


class NewJobController:
    """Finds studies, and makes a job of them.

    Parameters
    ----------
    dialog : NewJobDialog
        The view.
    looking, writing : Worker
        Look through images; make the job.
    pictures : Executor
        Reads pictures.
    home : Path
        The folder that jobs are made in, unless another is chosen.
    made : callable
        Told the folder of a job that was made, and whether to open its first case.
    choose_folder, choose_file, choose_files : callable
        Ask for one, or for several, and give it to what they are called with.
    tell : callable
        Shows a text that must be read: a title and what is told.
    """

    def __init__(
        self,
        dialog: NewJobDialog,
        looking: Worker,
        writing: Worker,
        pictures: Executor,
        *,
        home: Path,
        made: Callable[[Path, bool], object],
        choose_folder: Callable[[str, Callable[[str], object]], object],
        choose_file: Callable[[str, Callable[[str], object]], object],
        choose_files: Callable[[str, Callable[[Sequence[str]], object]], object],
        tell: Callable[[str, str], object],
    ) -> None:
        self._dialog, self._home, self._made = dialog, home, made
        self._looking, self._writing, self._pictures = looking, writing, pictures
        self._choose_folder, self._choose_files = choose_folder, choose_files
        self._tell = tell
        self._found = FoundCases()
        self._given: list[Path] = []
        self._waiting: list[Path] = []
        self._work: StudySearch | None = None
        self._own_name = False
        self._shown_place = ""
        self.labels = LabelController(dialog.labels, choose_file=choose_file)
        self._clock = QTimer(dialog)
        self._clock.setInterval(PERIOD)
        self._clock.timeout.connect(self._show_progress)
        dialog.paths_given.connect(self.add)
        dialog.folder_requested.connect(self._ask_for_folder)
        dialog.files_requested.connect(self._ask_for_files)
        dialog.stop_requested.connect(self.stop)
        dialog.unit_changed.connect(self._search_anew)
        dialog.picture_wanted.connect(self._draw)
        dialog.details_requested.connect(self._tell_left_out)
        dialog.place_requested.connect(self._ask_for_place)
        dialog.name_changed.connect(self._on_name)
        dialog.create_requested.connect(self.create)

    def set_jobs(self, summaries: Sequence[JobSummary]) -> None:
        """Offer the labels of these jobs."""
        self.labels.set_jobs(summaries)

    # ---------------------------------------------------------------- searching
    def _ask_for_folder(self) -> None:
        self._choose_folder(
            "A folder of studies or of images", lambda path: self.add([path])
        )

    def _ask_for_files(self) -> None:
        self._choose_files("Images: DICOM, NIfTI, NRRD, pictures", self.add)

    def add(self, paths: Sequence[str]) -> None:
        """Look through folders and files, and list what is in them."""
        new = [Path(path) for path in paths]
        new = [path for path in new if path not in (*self._given, *self._waiting)]
        self._waiting += new
        self._search()
        # Labels can be typed while it is searched.
        self._dialog.begin_labels()

    def _search_anew(self) -> None:
        """Make other cases of the same images."""
        self.stop()
        self._waiting = [*self._given, *self._waiting]
        self._given, self._found = [], FoundCases()
        self._dialog.forget()
        self._search()

    def _search(self) -> None:
        if self._work is not None or not self._waiting:
            return
        paths, self._waiting = self._waiting, []
        unit = Unit(self._dialog.unit.value())
        work = self._begin("Looking for studies", drops=True)

        def task(_: Work) -> FoundCases:
            return find_cases(
                paths, unit=unit, progress=work.tell, cancelled=work.cancelled
            )

        def done(found: FoundCases) -> None:
            if self._end(work):
                self._given += paths
                self._take(found, paths)
                self._search()

        def failed(error: Exception) -> None:
            if self._end(work):
                if not isinstance(error, Cancelled):
                    self._refuse(error)
                self._search()

        self._looking.run(work, task, done, failed)

    def _take(self, found: FoundCases, paths: Sequence[Path]) -> None:
        new = set(self._found.add(found))
        cases = [case for case in self._found.cases if case.id in new]
        self._dialog.add_studies([self._study(case) for case in cases])
        left_out = {path for path, _ in (*self._found.faults, *self._found.results)}
        self._dialog.set_left_out(len(left_out))
        if not self._own_name and not self._dialog.name.text() and paths:
            self._dialog.set_name(_name_of(paths))
            self._suggest_place()
        if cases:
            self._dialog.begin_labels()
        elif not found.cases:
            self._dialog.set_told(
                f"There are no images in {paths[0].name or paths[0]}.", wrong=True
            )
        else:
            self._dialog.set_told("These images are listed already.")

    def _study(self, case: Case) -> Study:
        header = self._found.headers[case.id]
        size = " × ".join(str(n) for n in reversed(case.size or ()))
        slices = counted(header.shape[0], "slice")
        parts = [header.modality or _FORMATS.get(header.format, ""), slices, size]
        if len(case.series) > 1:
            parts.append(f"1 of {len(case.series)} series")
        return Study(
            id=case.id,
            name=case.name,
            facts=" · ".join(filter(None, parts)),
            odd=self._found.warnings.get(case.id, ()),
        )

    def _draw(self, case_id: str) -> None:
        header = self._found.headers.get(case_id)
        if header is None:
            return

        def task() -> NDArray[np.uint8]:
            return _picture(header)

        def done(picture: NDArray[np.uint8]) -> None:
            if self._found.headers.get(case_id) is header:
                self._dialog.studies.set_picture(case_id, picture)

        # A study without a picture is listed all the same: it may be odd, and says so.
        self._pictures.run(task, done, lambda error: None)

    def _tell_left_out(self) -> None:
        told = [(path, what) for path, what in dict.fromkeys(self._found.faults)]
        told += [
            (path, f"no image, but made of one: {kind}")
            for path, kind in dict.fromkeys(self._found.results)
        ]
        lines = [f"{self._short(path)}: {what}" for path, what in told[:MOST]]
        if len(told) > MOST:
            lines.append(f"and {len(told) - MOST} more")
        self._tell("These files are left out of the job", "\n".join(lines))

    def _short(self, path: Path) -> str:
        """Return a path as it goes on from what was added."""
        for root in self._given:
            if path != root and path.is_relative_to(root):
                return str(Path(root.name) / path.relative_to(root))
        return path.name

    # -------------------------------------------------------------- name, place
    def _on_name(self, text: str) -> None:
        self._own_name = bool(text.strip())
        self._suggest_place()

    def _suggest_place(self) -> None:
        """Let the folder follow the name until another one is chosen."""
        shown = self._dialog.place.path()
        if shown and shown != self._shown_place:
            return
        name = folder_name(self._dialog.name.text())
        self._shown_place = str(free_folder(self._home, name)) if name else ""
        self._dialog.set_place(self._shown_place)

    def _ask_for_place(self) -> None:
        def chosen(folder: str) -> None:
            name = folder_name(self._dialog.name.text()) or "job"
            # The folder that jobs are in is chosen: there is no job in it by itself.
            self._dialog.set_place(str(free_folder(Path(folder), name)))

        self._choose_folder("Where the job's folder is to be made", chosen)

    # ------------------------------------------------------------------- making
    def create(self, choice: NewJobChoice) -> None:
        """Make the job that was entered; say what is wrong with it."""
        if self._work is not None:
            return
        try:
            job, found, folder = self._planned(choice)
        except AnnotateJobsError as error:
            self._refuse(error)
            return
        work = self._begin("Making the job", drops=False)

        def task(_: Work) -> Path:
            return make_job(
                folder,
                job,
                found,
                copy=choice.copy,
                progress=work.tell,
                cancelled=work.cancelled,
            )

        def done(made: Path) -> None:
            if self._end(work):
                self._made(made, choice.annotate)

        def failed(error: Exception) -> None:
            if self._end(work):
                self._refuse(error)

        self._writing.run(work, task, done, failed)

    def _planned(self, choice: NewJobChoice) -> tuple[Job, FoundCases, Path]:
        dialog = self._dialog
        if not choice.studies:
            raise InvalidValueError(
                "there is no study ticked",
                remedy="Add a folder of images, and tick what is to be annotated",
            )
        if not choice.name:
            dialog.name.setFocus()
            raise InvalidValueError("the job has no name", remedy="Type one")
        if not choice.folder:
            dialog.place.field.setFocus()
            raise InvalidValueError(
                "there is no folder for the job", remedy="Choose one"
            )
        if dialog.labels.is_empty:
            dialog.labels.begin()
        labels = dialog.labels.label_set()
        check_methods(choice.methods, labels)
        folder = check_free(choice.folder)
        project = validated(
            Project,
            {
                "name": choice.name,
                "methods": choice.methods,
                "label_set": labels,
                "instructions": choice.instructions,
            },
        )
        job = validated(Job, {"project": project, "due": choice.due})
        found = self._found.only(choice.studies)
        if choice.anonymous or choice.names:
            found = replace(found)
            names = [
                choice.names.get(case.id)
                or (f"Case {number}" if choice.anonymous else case.name)
                for number, case in enumerate(found.cases, 1)
            ]
            name_cases(found, names, "the list of studies")
        return job, found, folder

    def _refuse(self, error: Exception) -> None:
        text = str(error)
        self._dialog.set_told(text[:1].upper() + text[1:], wrong=True)

    # ---------------------------------------------------------------- under way
    def stop(self) -> None:
        """Stop what is under way; a search is over at once, also one that hangs."""
        work = self._work
        if work is not None:
            work.cancel()
            self._waiting = []
            if work.drops:
                self._end(work)

    def close(self) -> None:
        """Stop what is under way; what still comes finds the window gone."""
        self.stop()
        self._found = FoundCases()

    def _begin(self, text: str, *, drops: bool) -> StudySearch:
        work = self._work = StudySearch(text, drops=drops)
        self._clock.start()
        self._show_progress()
        return work

    def _end(self, work: StudySearch) -> bool:
        """Return True if the outcome of some work is still waited for."""
        if self._work is not work:
            return False
        self._work = None
        self._clock.stop()
        self._dialog.set_progress(None)
        return True

    def _show_progress(self) -> None:
        work = self._work
        if work is None:
            return
        text = f"{work.text}…"
        if work.at:
            text = f"{work.text}: {work.at}"
            if work.total:
                text += f", {work.done:,} of {work.total:,} files"
        self._dialog.set_progress(text, work.done, work.total)


_FORMATS = {"nifti": "NIfTI", "raster": "Picture", "itk": "Volume"}


def _picture(header: SeriesHeader) -> NDArray[np.uint8]:
    return thumbnail(Series(header), 92)


def _name_of(paths: Sequence[Path]) -> str:
    """Return a name for a job of what was added: that of the folder."""
    first = paths[0]
    if first.is_file():
        first = first.parent if len(paths) > 1 else first.with_suffix("")
    elif len(paths) > 1:
        first = first.parent
    text = re.sub(r"[\s_]+", " ", first.name).strip()
    return "".join(c for c in text if c.isprintable())[:80] or "New job"
