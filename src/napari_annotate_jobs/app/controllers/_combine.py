"""Combining labels: shown with its numbers, and kept with the job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    ExistsError,
    StoreAccessError,
)
from napari_annotate_jobs.formats import (
    combination_remarks,
    count_classes,
    parse_combination,
    write_combination,
    write_labels,
)
from napari_annotate_jobs.session import CombinationEditor, Work
from napari_annotate_jobs.stores import StoreSource
from napari_annotate_jobs.widgets import NewClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.app._chores import JobPlace
    from napari_annotate_jobs.formats import CaseSummary, ClassCount
    from napari_annotate_jobs.session import Worker
    from napari_annotate_jobs.widgets import CombinePanel

    Numbers = tuple[list[ClassCount], list[ClassCount], list[str]]

__all__ = ["CombineController"]


class CombineController:
    """Edits a combination for the panel.

    Parameters
    ----------
    panel : CombinePanel
        The view.
    worker : Worker
        Counts.
    saved : callable
        Told the name of a combination that was kept.
    choose_folder : callable
        Asks for a folder, and gives it to what it is called with.
    """

    def __init__(
        self,
        panel: CombinePanel,
        worker: Worker,
        *,
        saved: Callable[[str], object],
        choose_folder: Callable[[str, Callable[[str], object]], object],
    ) -> None:
        self._panel, self._worker = panel, worker
        self._saved, self._choose_folder = saved, choose_folder
        self._place: JobPlace | None = None
        self._editor: CombinationEditor | None = None
        self._name = ""
        self._held: Sequence[CaseSummary] | None = None
        self._work: Work | None = None
        panel.combine_requested.connect(self._combine)
        panel.feed_requested.connect(self._feed)
        panel.take_out_requested.connect(self._take_out)
        panel.dissolve_requested.connect(self._dissolve)
        panel.rename_requested.connect(self._rename)
        panel.recolor_requested.connect(self._recolor)
        panel.keep_requested.connect(self._keep)
        panel.undo_requested.connect(self._undo)
        panel.redo_requested.connect(self._redo)
        panel.open_requested.connect(self.open)
        panel.save_requested.connect(self.save)
        panel.delete_requested.connect(self.delete)
        panel.labels_requested.connect(self._choose)

    # ------------------------------------------------------------------ the job
    def set_place(self, place: JobPlace | None) -> None:
        """Combine the labels of another job from now on."""
        self.forget()
        self._place, self._editor = place, None
        if place is None:
            self._panel.set_job("", None)
            return
        self._panel.set_job(place.job.name, place.job.project.label_set)
        self.open("")

    def forget(self) -> None:
        """Let go of the cases that were looked through."""
        if self._work is not None:
            self._work.cancel()
        self._work = self._held = None

    def open(self, name: str) -> None:
        """Show a combination that is kept with the job, or begin a new one."""
        place = self._place
        if place is None:
            return
        labels = place.job.project.label_set
        try:
            kept = self._kept()
            wanted = None
            if name in kept:
                wanted = parse_combination(kept[name], where=name)
            self._editor = CombinationEditor(labels, wanted)
        except AnnotateJobsError as error:
            self._panel.set_status(str(error), wrong=True)
            self._panel.set_saved(list(kept), self._name)
            return
        self._name = name
        self._panel.set_saved(list(kept), name)
        self._panel.set_name(name)
        self._panel.set_status("")
        self._show()

    def _kept(self) -> dict[str, str]:
        assert self._place is not None
        with self._place.open() as store:
            return dict(store.combinations(self._place.job.id))

    # ------------------------------------------------------------------ changes
    def _change(self, change: Callable[[CombinationEditor], object]) -> None:
        editor = self._editor
        if editor is None:
            return
        try:
            change(editor)
        except (AnnotateJobsError, ValidationError) as error:
            text = str(error)
            if isinstance(error, ValidationError):
                text = error.errors(include_url=False)[0]["msg"]
            self._panel.set_status(text, wrong=True)
        else:
            self._panel.set_status("")
        self._show()

    def _combine(self, ids: tuple[int, ...]) -> None:
        self._change(lambda editor: editor.combine(ids))

    def _feed(self, ids: tuple[int, ...], place: int) -> None:
        self._change(lambda editor: editor.feed(ids, place))

    def _take_out(self, ids: tuple[int, ...]) -> None:
        self._change(lambda editor: editor.take_out(ids))

    def _dissolve(self, place: int) -> None:
        self._change(lambda editor: editor.dissolve(place))

    def _rename(self, place: int, name: str) -> None:
        self._change(lambda editor: editor.rename(place, name))

    def _recolor(self, place: int, color: str) -> None:
        self._change(lambda editor: editor.recolor(place, color))

    def _keep(self, place: int, keep: bool) -> None:
        self._change(lambda editor: editor.keep(place, keep))

    def _undo(self) -> None:
        self._change(lambda editor: editor.undo())

    def _redo(self) -> None:
        self._change(lambda editor: editor.redo())

    def _show(self) -> None:
        editor = self._editor
        assert editor is not None
        self._panel.set_classes(_classes(editor))
        self._panel.set_history(editor.can_undo, editor.can_redo)
        self.count()

    def count(self) -> None:
        """Count the classes before and after."""
        editor, place, held = self._editor, self._place, self._held
        if editor is None or place is None:
            return
        if self._work is not None:
            self._work.cancel()
        work = self._work = Work(f"Counting {place.job.name}", quiet=True)
        combination, labels = editor.combination, editor.labels

        def task(work: Work) -> tuple[Sequence[CaseSummary], Numbers]:
            found = _summaries(place, work) if held is None else held
            before = count_classes(found, labels)
            if not combination.classes:
                return found, (before, [], [])
            return found, (
                before,
                count_classes(found, labels, [combination]),
                combination_remarks(found, labels, combination),
            )

        def done(result: tuple[Sequence[CaseSummary], Numbers]) -> None:
            if self._work is work:
                self._work = None
                self._held, numbers = result
                self._panel.set_counts(*numbers)

        def failed(error: Exception) -> None:
            if self._work is work and not isinstance(error, Cancelled):
                self._work = None
                self._panel.set_status(str(error), wrong=True)

        self._worker.run(work, task, done, failed)

    # ------------------------------------------------------------------- keeping
    def save(self, name: str) -> None:
        """Keep the combination with the job."""
        place, editor = self._place, self._editor
        if place is None or editor is None:
            return
        try:
            with place.open() as store:
                text = write_combination(editor.combination)
                store.save_combination(place.job.id, name, text)
                kept = list(store.combinations(place.job.id))
        except AnnotateJobsError as error:
            self._panel.set_status(str(error), wrong=True)
            return
        self._name = name
        self._panel.set_saved(kept, name)
        self._panel.set_status(f"Kept with the job as {name!r}: exports can use it.")
        self._saved(name)

    def delete(self, name: str) -> None:
        """Keep a combination no longer; what is shown stays until another is opened."""
        place = self._place
        if place is None or not name:
            return
        try:
            with place.open() as store:
                store.save_combination(place.job.id, name, None)
            self._name = ""
            self._panel.set_saved(list(self._kept()), "")
            self._panel.set_status(f"{name!r} is kept no longer. Save brings it back.")
            self._saved("")
        except AnnotateJobsError as error:
            self._panel.set_status(str(error), wrong=True)

    def _choose(self) -> None:
        self._choose_folder("Save the label set in a folder", self.save_labels)

    def save_labels(self, folder: str) -> None:
        """Write the new label set as ``labels.yaml``, for a new job."""
        editor = self._editor
        if editor is None:
            return
        path = Path(folder) / f"{self._name or 'combined'}-labels.yaml"
        try:
            _write_new(path, write_labels(editor.result()))
        except AnnotateJobsError as error:
            self._panel.set_status(str(error), wrong=True)
            return
        self._panel.set_status(
            f"Saved {path}. Make a job with it: napari-annotate-jobs new JOB "
            f"--images … --labels {path.name}"
        )


def _classes(editor: CombinationEditor) -> list[NewClass]:
    found = []
    for place, wanted in enumerate(editor.combination.classes):
        sources = editor.sources(place)
        ordered = tuple(x.id for x in editor.labels.labels if x.id in sources)
        first = editor.labels.named(wanted.sources[0], wanted.method)
        color = wanted.color or first.color
        found.append(NewClass(wanted.name, color, ordered, wanted.keep))
    return found


def _summaries(place: JobPlace, work: Work) -> list[CaseSummary]:
    source = StoreSource(place.location, place.job.id, only="all")
    found = []
    try:
        for summary in source.summaries():
            if work.cancelled():
                raise Cancelled("it is not wanted any more")
            found.append(summary)
    finally:
        source.close()
    return found


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ExistsError(
            "there is a file of this name already",
            where=path,
            remedy="Choose another folder, or move that file away",
        ) from error
    except OSError as error:
        raise StoreAccessError(
            f"cannot be written ({error.strerror or error})",
            where=path,
            remedy="Choose another folder",
        ) from error
