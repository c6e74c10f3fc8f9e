"""What every export format does, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from napari_annotate_jobs.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from napari_annotate_jobs.model import Job, Label, LabelSet, Method

    from ._case import AnnotatedCase, CaseSummary

__all__ = [
    "CaseFiles",
    "CaseSource",
    "CaseTransform",
    "ExportJob",
    "Exporter",
    "FormatOptions",
    "ListedSource",
]


def first_names(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


class FormatOptions(BaseModel):
    """Choices a format offers; each field has a description and a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseSource(ABC):
    """Where annotated cases come from.

    It can be pickled, so that cases are exported in other processes and on other
    machines.

    Attributes
    ----------
    job : Job
        The job they belong to.
    """

    job: Job

    @abstractmethod
    def summaries(self) -> Iterable[CaseSummary]:
        """Give what is to be exported, in the job's order; opens no images."""

    @abstractmethod
    def open(self, summary: CaseSummary) -> AnnotatedCase:
        """Open the images of a case, beside what was said of it.

        Raises
        ------
        ImagingError, StoreError
            If the images or a mask cannot be read.
        """


class ListedSource(CaseSource):
    """Cases of a source that were looked up already, to be looked through again.

    Parameters
    ----------
    source : CaseSource
        Where they come from.
    summaries : sequence of CaseSummary
        What it gave.
    """

    def __init__(self, source: CaseSource, summaries: Sequence[CaseSummary]) -> None:
        self.job = source.job
        self._source, self._summaries = source, tuple(summaries)

    def summaries(self) -> Sequence[CaseSummary]:
        """Give what was looked up."""
        return self._summaries

    def open(self, summary: CaseSummary) -> AnnotatedCase:
        """Open the images of a case."""
        return self._source.open(summary)


class CaseTransform(Protocol):
    """What is done to every case before it is written; it can be pickled."""

    def labels(self, labels: LabelSet) -> LabelSet:
        """Return the labels there are afterwards."""

    def mapping(self, labels: LabelSet) -> dict[int, int]:
        """Return the new id of every label."""

    def case(self, case: AnnotatedCase) -> AnnotatedCase:
        """Return the case as it is afterwards."""

    def describe(self) -> dict[str, Any]:
        """Return what it does, as JSON values for the manifest."""


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """What an exporter knows of the whole export before it begins.

    Parameters
    ----------
    job : Job
        The job.
    labels : LabelSet
        The labels, after combining and converting.
    cases : sequence of CaseSummary
        What is exported; the annotations in it are not combined or converted.
    overlaps : sequence of str
        Cases, by name, in which masks cover one another.
    """

    job: Job
    labels: LabelSet
    cases: Sequence[CaseSummary]
    overlaps: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class CaseFiles:
    """What was written of one case.

    Parameters
    ----------
    files : tuple of str
        Paths below the export's folder, with ``/``.
    part : mapping
        What :meth:`Exporter.finish` needs of it; JSON values only.
    notes : tuple of str
        What people should know of it; they stand in the manifest.
    """

    files: tuple[str, ...]
    part: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Exporter(ABC):
    """Writes annotated cases in one format.

    An exporter can be pickled, and keeps nothing between two cases: they are
    written in any order, by several processes, and once more when an export that
    was interrupted goes on.

    Parameters
    ----------
    options : FormatOptions, optional
        An :attr:`Options` of the format.
    priority : sequence of int
        Ids of labels, the one that wins where masks overlap first.
    """

    title: ClassVar[str]
    """As shown to people."""
    methods: ClassVar[frozenset[Method]]
    """What it can hold."""
    keeps_overlap: bool = False
    """Whether masks that cover one another stay apart."""
    keeps_answers: bool = False
    """Whether answers to attributes of labels are written."""
    Options: ClassVar[type[FormatOptions]] = FormatOptions

    def __init__(
        self, options: FormatOptions | None = None, *, priority: Sequence[int] = ()
    ) -> None:
        self.options: Any = self.Options() if options is None else options
        self.priority = tuple(priority)

    def is_incompatible(self, export: ExportJob) -> list[str]:
        """Say why the format cannot hold what is to be exported; empty if it can.

        Called before anything is written. A format that can hold less adds its own
        reasons to these.
        """
        reasons: list[str] = []
        here = {label.method for label in export.labels.labels}
        if not here & self.methods:
            reasons.append(
                f"{self.title} holds {' and '.join(sorted(self.methods))}, and the job "
                f"has only labels for {' and '.join(sorted(here))}; convert them"
            )
        if export.overlaps and not self.keeps_overlap and not self.priority:
            cases = first_names(export.overlaps)
            reasons.append(
                f"masks overlap in {counted(len(export.overlaps), 'case')} ({cases}), "
                f"which {self.title} cannot hold; say in which order labels win "
                "(priority)"
            )
        return reasons

    def losses(self, export: ExportJob) -> list[str]:
        """Say what the format leaves out of the export, for the preview."""
        left = {label.method for label in export.labels.labels} - self.methods
        said = [
            f"the format does not hold {method} "
            f"({first_names([label.name for label in export.labels.of(method)])})"
            for method in sorted(left)
        ]
        asked = [
            label.name
            for label in answered_labels(export)
            if label.method in self.methods
        ]
        if asked and not self.keeps_answers:
            said.append(
                "the format does not hold answers to attributes of labels "
                f"({first_names(asked)})"
            )
        return said

    def remarks(self, export: ExportJob) -> list[str]:
        """Say what people should know of the files before they are written.

        A format that has more to say adds it to these.
        """
        found = Counter(each.case.id for each in export.cases)
        names = dict.fromkeys(
            each.case.name for each in export.cases if found[each.case.id] > 1
        )
        if not names:
            return []
        return [
            f"annotated by several people, and written once for each of them: "
            f"{first_names(list(names))}; choose one person to have the images once"
        ]

    def prepared(self, export: ExportJob, source: CaseSource) -> Exporter:
        """Return the exporter that knows what all cases have in common.

        Called before anything is written. Most formats need to know nothing.

        Raises
        ------
        ImagingError, StoreError
            If images cannot be opened.
        """
        return self

    @abstractmethod
    def write_case(self, case: AnnotatedCase, folder: Path) -> CaseFiles:
        """Write one case below `folder`; its files are named after ``case.stem``.

        Raises
        ------
        InvalidValueError
            If the format cannot hold this case: says why, and what to do.
        """

    @abstractmethod
    def verify_case(
        self, case: AnnotatedCase, folder: Path, written: CaseFiles
    ) -> None:
        """Read what was written again, by another reader, and compare it.

        Values are compared voxel for voxel, places in patient coordinates to
        0.001 mm.

        Raises
        ------
        CorruptError
            If it is not what was annotated.
        """

    def finish(
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> Sequence[str]:
        """Write what belongs to all cases, and return the files' paths.

        Parameters
        ----------
        export : ExportJob
            What was exported.
        folder : Path
            Where.
        written : sequence of (CaseSummary, CaseFiles)
            In the job's order.
        """
        return ()

    def verify(  # noqa: B027 - most formats are proved case by case
        self,
        export: ExportJob,
        folder: Path,
        written: Sequence[tuple[CaseSummary, CaseFiles]],
    ) -> None:
        """Read what :meth:`finish` wrote again, and compare it with the cases.

        Raises
        ------
        CorruptError
            If it is not what was annotated.
        """


def answered_labels(export: ExportJob) -> list[Label]:
    """Return the labels of which anything was answered: of objects, slices or cases."""
    found: set[int] = set()
    for summary in export.cases:
        said = summary.annotation
        found.update(i for i, answers in said.case_attributes.items() if answers)
        for content in said.slices.values():
            if content.excluded:
                continue
            found.update(i for i in content.attributes if content.answers(i))
            found.update(
                box.label
                for box in content.boxes
                if box.attributes and not box.proposal
            )
    return [label for label in export.labels.labels if label.id in found]
