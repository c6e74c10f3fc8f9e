"""Export: looks through what is chosen, and writes it, beside annotating."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from napari_annotate_jobs.app._chores import processes
from napari_annotate_jobs.errors import (
    AnnotateJobsError,
    Cancelled,
    InvalidValueError,
    MissingExtraError,
    counted,
)
from napari_annotate_jobs.files import folder_name, free_folder
from napari_annotate_jobs.formats import (
    EXPORT_FORMATS,
    Conversion,
    Convert,
    LabelChoice,
    ListedSource,
    count_classes,
    export,
    exporter,
    few_images,
    parse_combination,
    plan_export,
)
from napari_annotate_jobs.session import Work
from napari_annotate_jobs.stores import ONLY, StoreSource
from napari_annotate_jobs.widgets import ExportPreview, OptionField

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_annotate_jobs.app._chores import Chores, JobPlace
    from napari_annotate_jobs.formats import (
        CaseSummary,
        CaseTransform,
        Exporter,
        ExportReport,
    )
    from napari_annotate_jobs.widgets import ExportChoice, ExportPanel

__all__ = ["ExportController"]

FEW = 200
"""Cases whose images are opened for a preview; of more the export itself tells."""
PERIOD = 0.3
"""Seconds between two looks at how far an export is."""


class ExportController:
    """Shows what would be exported, and exports it.

    Parameters
    ----------
    panel : ExportPanel
        The view.
    chores : Chores
        What looks and writes.
    show_error : callable
        Tells the user of an error.
    tell : callable
        Tells the user what was done.
    choose_folder : callable
        Asks for a folder, and gives it to what it is called with.
    show_folder : callable
        Shows a folder in the file manager.
    """

    def __init__(
        self,
        panel: ExportPanel,
        chores: Chores,
        *,
        show_error: Callable[[Exception], None],
        tell: Callable[[str], None],
        choose_folder: Callable[[str, Callable[[str], object]], object],
        show_folder: Callable[[Path], object],
    ) -> None:
        self._panel, self._chores = panel, chores
        self._show_error, self._tell = show_error, tell
        self._choose_folder, self._show_folder = choose_folder, show_folder
        self._place: JobPlace | None = None
        self._held: _Held | None = None
        self._looking: Work | None = None
        self._writing: Work | None = None
        self._waiting: tuple[JobPlace | None] | None = None
        self._offered = ""
        self._written: Path | None = None
        panel.format_changed.connect(self._on_format)
        panel.choice_changed.connect(self._on_choice)
        panel.export_requested.connect(self.start)
        panel.cancel_requested.connect(self.cancel)
        panel.folder_requested.connect(self._choose)
        panel.show_folder_requested.connect(self._show)
        panel.set_formats(
            [(row.name, row.title, row.summary) for row in EXPORT_FORMATS.values()],
            [(str(way), str(way)) for way in Convert],
            ONLY,
        )

    # ------------------------------------------------------------------ the job
    def set_place(self, place: JobPlace | None) -> None:
        """Export another job from now on, once what is being written is written."""
        if self._writing is not None:
            self._waiting = (place,)
            return
        self.forget()
        self._place, self._written, self._offered = place, None, ""
        if place is None:
            self._panel.set_job("", None)
            return
        self._panel.set_job(place.job.name, place.job.project.label_set)
        self._offer_folder(self._panel.choice().format)

    def forget(self) -> None:
        """Let go of what was looked up: it may be another the next time."""
        if self._looking is not None:
            self._looking.cancel()
        held, self._looking, self._held = self._held, None, None
        if held is not None:
            self._release(held)

    def _release(self, held: _Held) -> None:
        """Close the store of what was looked up, on the thread that uses it."""
        run = self._chores.looking.executor.run
        run(held.source.close, lambda _: None, lambda error: None)

    def choose_combination(self, name: str) -> None:
        """Use a combination that was just saved."""
        self.forget()
        place = self._place
        if place is not None:
            with place.open() as store:
                names = list(store.combinations(place.job.id))
            self._panel.set_combinations(names, name)
            self.look()

    def _on_format(self, name: str) -> None:
        row = EXPORT_FORMATS.get(name)
        fields: list[OptionField] = []
        if row is not None:
            try:
                fields = _options(row.load())
            except MissingExtraError:
                pass  # the preview says so
        self._panel.set_options(fields)
        self._offer_folder(name)

    def _offer_folder(self, name: str) -> None:
        """Name a folder for the export, unless the user named one."""
        place, current = self._place, self._panel.choice().folder
        if place is None or current not in ("", self._offered):
            return
        job = Path(place.location)
        if job.is_dir():
            parent, called = job.parent, job.name
        else:
            parent, called = Path.home(), folder_name(place.job.name)
        self._offered = str(free_folder(parent, f"{called or place.job.id}-{name}"))
        self._panel.set_folder(self._offered)

    def _offer_next(self) -> None:
        """Offer another folder where the one that was offered holds an export now."""
        if self._offered and Path(self._offered).exists():
            self._offer_folder(self._panel.choice().format)

    def _on_choice(self) -> None:
        self._offer_next()
        self.look()

    def _choose(self) -> None:
        name = Path(self._panel.choice().folder or self._offered).name
        self._choose_folder(
            f"Export into a new folder, {name}, in",
            lambda folder: self._panel.set_folder(str(Path(folder) / name)),
        )

    def _show(self) -> None:
        if self._written is not None:
            self._show_folder(self._written)

    # ------------------------------------------------------------------- looking
    def renew(self) -> None:
        """Look through the job as it is now; until then nothing is known of it."""
        if self._place is None or self._writing is not None:
            return
        self.forget()
        self._panel.set_preview(None)
        self._offer_next()
        self.look()

    def look(self) -> None:
        """Look through what is chosen."""
        place = self._place
        if place is None or self._writing is not None:
            return
        if self._looking is not None:
            self._looking.cancel()
        choice, held = self._panel.choice(), self._held
        work = self._looking = Work(f"Looking through {place.job.name}", quiet=True)

        def task(work: Work) -> tuple[_Held, ExportPreview]:
            found = held
            if found is None or found.key != (choice.only, choice.person):
                found = _Held.of(place, choice, work)
            return found, _preview(found, choice, work)

        def done(result: tuple[_Held, ExportPreview]) -> None:
            if self._looking is not work:
                if result[0] is not held:
                    self._release(result[0])
            else:
                self._looking = None
                if held is not None and held is not result[0]:
                    self._release(held)
                self._held, preview = result
                if not choice.person:
                    self._panel.set_people(self._held.people)
                self._panel.set_combinations(list(self._held.combinations))
                self._panel.set_preview(preview)

        def failed(error: Exception) -> None:
            if self._looking is work and not isinstance(error, Cancelled):
                self._looking = None
                self._panel.set_status(str(error), wrong=True)

        self._chores.looking.run(work, task, done, failed)

    # ------------------------------------------------------------------- writing
    def start(self) -> None:
        """Export what is chosen."""
        place, held = self._place, self._held
        choice = self._panel.choice()
        if place is None or held is None or self._writing is not None:
            return
        if not choice.folder or choice.cases == ():
            return
        if self._looking is not None:
            self._looking.cancel()
        title = EXPORT_FORMATS[choice.format].title
        work = self._writing = Work(f"Exporting {place.job.name} as {title}")
        self._panel.set_busy(True)
        self._panel.set_status("Looking through the cases…")

        def task(work: Work) -> ExportReport:
            source = _source(place, choice)
            try:
                return export(
                    source,
                    _exporter(choice),
                    choice.folder,
                    transforms=_transforms(choice, held.combinations),
                    workers=processes(),
                    progress=lambda done, total, name: work.report(done, total),
                    cancelled=work.cancelled,
                )
            finally:
                source.close()

        def done(report: ExportReport) -> None:
            self._end()
            self._written = report.folder
            text = _told(report)
            self._panel.set_done(text)
            self._tell(f"{place.job.name}: {text.splitlines()[0]}")
            self._follow()

        def failed(error: Exception) -> None:
            self._end()
            if isinstance(error, Cancelled):
                self._panel.set_status(str(error))
            else:
                self._panel.set_status(str(error), wrong=True)
                self._show_error(error)
            self._follow()

        self._chores.writing.run(work, task, done, failed)
        self._watch(work)

    def cancel(self) -> None:
        """Stop the export."""
        if self._writing is not None:
            self._writing.cancel()
            self._panel.set_status("Stopping…")

    def _end(self) -> None:
        self._writing = None
        self._panel.set_busy(False)

    def _follow(self) -> None:
        """Turn to the job that was opened meanwhile, or look what is to be written now.

        What was looked for when the export began was given up for it.
        """
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.set_place(*waiting)
        else:
            self.look()

    def _watch(self, work: Work) -> None:
        """Tell how far the export is, as long as it goes on."""
        if self._writing is not work:
            return
        if work.total and not work.cancelled():
            left = work.total - work.done
            self._panel.set_status(
                f"{work.done} of {work.total} cases written and read again"
                if left
                else "All cases are written; the rest is being finished"
            )
        self._chores.writing.executor.later(PERIOD, lambda: self._watch(work))


@dataclass(frozen=True)
class _Held:
    """What was looked up of a job."""

    key: tuple[str, str]
    source: StoreSource
    summaries: Sequence[CaseSummary]
    left_out: Mapping[str, Sequence[str]]
    combinations: Mapping[str, str]

    @classmethod
    def of(cls, place: JobPlace, choice: ExportChoice, work: Work) -> _Held:
        source = _source(place, choice, every=True)
        summaries = []
        try:
            for summary in source.summaries():
                if work.cancelled():
                    raise Cancelled("it is not wanted any more")
                summaries.append(summary)
            kept = source.combinations()
        except BaseException:
            source.close()
            raise
        key = choice.only, choice.person
        return cls(key, source, summaries, source.left_out, kept)

    @property
    def people(self) -> list[str]:
        """Those whose annotations these are."""
        return sorted({summary.person for summary in self.summaries})


def _source(
    place: JobPlace, choice: ExportChoice, *, every: bool = False
) -> StoreSource:
    return StoreSource(
        place.location,
        place.job.id,
        people=[choice.person] if choice.person else [],
        cases=[] if every else choice.cases or [],
        only=choice.only,
    )


def _exporter(choice: ExportChoice) -> Exporter:
    return exporter(choice.format, choice.options, priority=choice.priority)


def _transforms(
    choice: ExportChoice, combinations: Mapping[str, str]
) -> list[CaseTransform]:
    found: list[CaseTransform] = []
    if choice.labels is not None:
        found.append(LabelChoice(ids=choice.labels))
    if choice.convert:
        found.append(Conversion(convert=Convert(choice.convert)))
    if choice.combine:
        text = combinations.get(choice.combine)
        if text is None:
            raise InvalidValueError(
                f"there is no combination {choice.combine!r} any more",
                remedy="Choose another one",
            )
        found.append(parse_combination(text, where=choice.combine))
    return found


def _preview(held: _Held, choice: ExportChoice, work: Work) -> ExportPreview:
    """Say what would be written, and why it could not be."""
    cases = {each.case.id: each.case.name for each in held.summaries}
    ticked = set(cases if choice.cases is None else choice.cases)
    going = [each for each in held.summaries if each.case.id in ticked]
    left_out = dict(held.left_out)
    if len(ticked) < len(cases):
        unticked = [name for case, name in cases.items() if case not in ticked]
        left_out["not ticked"] = unticked
    job = held.source.job
    labels = job.project.label_set
    facts: dict[str, Any] = {
        "finished": sum(each.submission is not None for each in held.summaries),
        "cases": list(cases.items()),
        "going": len(going),
        "left_out": left_out,
        "before": count_classes(going, labels),
    }
    try:
        transforms = _transforms(choice, held.combinations)
        after = count_classes(going, labels, transforms)
        facts["after"] = after
        writer = _exporter(choice)
        facts["after"] = [c for c in after if c.label.method in writer.methods]
        facts["few"] = partial(few_images, facts["after"])
        source = ListedSource(held.source, going)
        plan = plan_export(source, writer, transforms, cancelled=work.cancelled)
        refused = writer.is_incompatible(plan)
        if not refused and len(going) <= FEW:
            writer = writer.prepared(plan, source)
        facts |= {
            "refused": refused,
            "lost": writer.losses(plan),
            "remarks": writer.remarks(plan),
            "overlaps": bool(plan.overlaps),
        }
    except Cancelled:
        raise
    except AnnotateJobsError as error:
        facts["refused"] = [str(error).rstrip(".")]
    return ExportPreview(**facts)


def _options(kind: type[Exporter]) -> list[OptionField]:
    """Return the choices a format offers, as fields of a form."""
    found = []
    for name, field in kind.Options.model_fields.items():
        choices: tuple[str, ...] = ()
        default = "" if field.default is None else str(field.default)
        if field.annotation is bool:
            choices, default = ("false", "true"), default.lower()
        elif get_origin(field.annotation) is Literal:
            choices = tuple(str(each) for each in get_args(field.annotation))
        elif isinstance(field.annotation, type) and hasattr(
            field.annotation, "__members__"
        ):
            choices = tuple(str(each) for each in field.annotation)
        found.append(
            OptionField(
                name=name,
                description=field.description or "",
                default=default,
                choices=choices,
            )
        )
    return found


def _told(report: ExportReport) -> str:
    """Say what came of an export, and what people should know of it."""
    cases = counted(report.cases, "case")
    lines = [f"{cases} exported, read again and found the same: {report.folder}"]
    if report.resumed:
        lines.append(f"{report.resumed} of them had been written before.")
    notes: dict[str, list[str]] = {}
    for case in report.manifest["cases"]:
        for note in case.get("notes", ()):
            notes.setdefault(note, []).append(case["file"])
    for note, names in list(notes.items())[:4]:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        lines.append(f"{names[0]}{more}: {note}")
    return "\n".join(lines)
