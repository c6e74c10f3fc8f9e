"""Import: told beforehand, brought in beside annotating, and told afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_annotate_jobs.editing import EnterAs, Mode
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    InvalidValueError,
    counted,
)
from napari_annotate_jobs.formats import IMPORT_FORMATS, import_format, parse_map
from napari_annotate_jobs.session import (
    Command,
    Importing,
    Work,
    import_annotations,
    propose_by_command,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.app._chores import JobPlace
    from napari_annotate_jobs.session import ImportReport, Worker
    from napari_annotate_jobs.widgets import ImportChoice, ImportPanel

__all__ = ["ImportController"]

MOST = 12
"""Lines of one kind that are told."""


class ImportController:
    """Brings annotations from files into the cases of a job.

    Parameters
    ----------
    panel : ImportPanel
        The view.
    worker : Worker
        Reads and saves.
    leave : callable
        Leaves the case that is open, with everything saved, and goes on with what it
        is called with: what comes in must not meet an edit on its way.
    imported : callable
        Told the ids of the cases that something came into.
    is_open : callable
        Asked for a case's id, from any thread: whether it is in the window.
    choose_folder, choose_file : callable
        Ask for one, and give it to what they are called with.
    """

    def __init__(
        self,
        panel: ImportPanel,
        worker: Worker,
        *,
        leave: Callable[[Callable[[], None]], object],
        imported: Callable[[Sequence[str]], object],
        is_open: Callable[[str], bool],
        choose_folder: Callable[[str, Callable[[str], object]], object],
        choose_file: Callable[[str, Callable[[str], object]], object],
    ) -> None:
        self._panel, self._worker = panel, worker
        self._leave, self._imported, self._is_open = leave, imported, is_open
        self._choose_folder, self._choose_file = choose_folder, choose_file
        self._place: JobPlace | None = None
        self._waiting: tuple[JobPlace | None] | None = None
        self._work: Work | None = None
        panel.preview_requested.connect(self.preview)
        panel.import_requested.connect(self.start)
        panel.cancel_requested.connect(self.cancel)
        panel.folder_requested.connect(self._ask_for_folder)
        panel.file_requested.connect(self._ask_for_file)
        panel.set_formats(
            [
                (row.name, row.title, row.summary, row.whole)
                for row in IMPORT_FORMATS.values()
            ]
        )

    def set_place(self, place: JobPlace | None) -> None:
        """Import into another job from now on, once what is under way is over."""
        if self._work is not None:
            self._waiting = (place,)
            return
        self._place = place
        self._panel.set_job("" if place is None else place.job.name)

    def _ask_for_folder(self) -> None:
        self._choose_folder("Import annotations from a folder", self._panel.set_path)

    def _ask_for_file(self) -> None:
        self._choose_file("Import annotations from a file", self._panel.set_path)

    def preview(self) -> None:
        """Tell what would come in; nothing is saved."""
        self._run(preview=True)

    def start(self) -> None:
        """Bring files in once the open case is left; run a program beside it."""
        if self._place is None or self._work is not None:
            return
        if self._panel.choice().command:
            self._run(preview=False)
        else:
            self._leave(lambda: self._run(preview=False))

    def cancel(self) -> None:
        """Stop between two cases."""
        if self._work is not None:
            self._work.cancel()

    def _run(self, *, preview: bool) -> None:
        place, choice = self._place, self._panel.choice()
        if place is None or self._work is not None:
            return
        try:
            how = replace(_how(choice, preview), is_open=self._is_open)
            command = _command(choice)
        except AnnotateJobsError as error:
            self._panel.set_told(str(error), wrong=True)
            return
        text = f"Importing annotations for {place.job.name}"
        if preview:
            text = f"Looking at annotations for {place.job.name}"
        elif command is not None:
            text = f"Running {command.program} on {place.job.name}"
        work = self._work = Work(text)
        self._panel.set_busy(True, looks=preview)
        self._panel.set_told(f"{work.text}…")

        def task(work: Work) -> ImportReport:
            def tell(done: int, total: int, name: str) -> None:
                work.report(done, total)

            match = choice.match or None
            with place.open() as store:
                if command is not None:
                    return propose_by_command(
                        store,
                        place.job.id,
                        command,
                        how,
                        match=match,
                        again=choice.again,
                        progress=tell,
                        cancelled=work.cancelled,
                    )
                return import_annotations(
                    store,
                    place.job.id,
                    choice.path,
                    how,
                    match=match,
                    progress=tell,
                    cancelled=work.cancelled,
                )

        def done(report: ImportReport) -> None:
            self._end()
            none = not (report.cases or report.done_before)
            wrong = bool(report.failed or report.broken or none)
            self._panel.set_told(_told(report, how), wrong=wrong)
            if not preview:
                good = [each for each in report.cases if each.error is None]
                self._imported([each.case_id for each in good])

        def failed(error: Exception) -> None:
            self._end()
            stopped = isinstance(error, Cancelled)
            self._panel.set_told(str(error), wrong=not stopped)
            if not preview:
                self._imported([])

        self._worker.run(work, task, done, failed)

    def _end(self) -> None:
        self._work = None
        self._panel.set_busy(False)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.set_place(*waiting)


def _how(choice: ImportChoice, preview: bool) -> Importing:
    if choice.version and not choice.model:
        raise InvalidValueError(
            "a version says nothing without the model", remedy="Name the model too"
        )
    model = choice.model
    if choice.command:
        model = model or Command(choice.command).program
    return Importing(
        row=import_format(choice.format),
        mapping=parse_map(choice.mapping),
        enter_as=EnterAs(choice.enter_as),
        mode=Mode(choice.mode),
        model=f"{model} {choice.version}".strip(),
        resample=choice.resample,
        preview=preview,
        empty_is_nothing=choice.empty_is_nothing,
    )


def _command(choice: ImportChoice) -> Command | None:
    if not choice.command:
        return None
    return Command(choice.command, timeout=60.0 * choice.minutes or None)


def _told(report: ImportReport, how: Importing) -> str:
    """Say what came in, what did not, and why."""
    counts = report.counts
    good = sum(outcome.error is None for outcome in report.cases)
    found = [
        counted(count, one, many)
        for count, one, many in (
            (counts.masks, "mask", "masks"),
            (counts.boxes, "box", "boxes"),
            (counts.classes, "class label or decision", "class labels and decisions"),
        )
        if count
    ]
    verb = "would come in" if how.preview else "came in"
    lines = []
    for outcome in report.failed[:MOST]:
        lines.append(f"{outcome.name}: {outcome.error}")
    lines += [str(error) for error in report.broken[:MOST]]
    if report.done_before:
        lines.append(
            f"Left as they are, for the same program did them before: "
            f"{counted(report.done_before, 'case')}."
        )
    if not report.cases and not report.done_before:
        lines.append(
            "Nothing was found for any case. Say how files are named, as {case}.nii.gz."
        )
    elif found:
        lines.append(
            f"{', '.join(found)} {verb} on {counted(counts.entered, 'slice')} of "
            f"{counted(good, 'case')}."
        )
        if how.enter_as is EnterAs.PROPOSALS and not how.preview:
            lines.append("Open these cases from the job's page to confirm them.")
    elif report.cases:
        lines.append(f"Nothing {verb}.")
    if counts.kept:
        lines.append(f"{counted(counts.kept, 'slice')} held something and keep it.")
    if counts.excluded:
        lines.append(f"Excluded, and left alone: {counted(counts.excluded, 'slice')}.")
    if counts.left_out:
        lines.append(
            f"Class labels and decisions left out: {counts.left_out}. Only masks and "
            "boxes can be proposals."
        )
    notes: dict[str, list[str]] = {}
    for outcome in report.cases:
        for note in outcome.notes:
            notes.setdefault(note, []).append(outcome.name)
    for note, names in list(notes.items())[:MOST]:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        lines.append(f"{names[0]}{more}: {note}")
    if report.unmatched:
        shown = ", ".join(report.unmatched[:5])
        others = len(report.unmatched) - 5
        rest = f" and {others} more" if others > 0 else ""
        lines.append(f"Passed over, for no case is theirs: {shown}{rest}.")
    return "\n".join(lines)
