"""Labels that come from elsewhere into the table of labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.formats import READY_TITLES, ready_labels
from napari_annotate_jobs.model import GivenLabels, LabelEntry, Method
from napari_annotate_jobs.owning import pasted_labels, read_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import JobSummary, LabelSet
    from napari_annotate_jobs.widgets import LabelTable

__all__ = ["LabelController"]


class LabelController:
    """Fills a table of labels from texts, files, ready-made sets and other jobs.

    Parameters
    ----------
    table : LabelTable
        What is filled.
    choose_file : callable
        Lets a file be chosen: called with a title, and with what is told its path.
    """

    def __init__(
        self,
        table: LabelTable,
        *,
        choose_file: Callable[[str, Callable[[str], object]], object],
    ) -> None:
        self._table, self._choose_file = table, choose_file
        self._jobs: dict[str, LabelSet] = {}
        table.text_pasted.connect(self._paste)
        table.file_requested.connect(self._ask)
        table.ready_requested.connect(self._take_ready)
        table.job_requested.connect(self._take_job)
        table.set_ready(
            {
                title: [
                    (each["name"], each["color"]) for each in ready_labels(key, "*")
                ]
                for key, title in READY_TITLES.items()
            }
        )

    def set_jobs(self, summaries: Sequence[JobSummary]) -> None:
        """Offer the labels of these jobs."""
        self._jobs = {}
        names = {}
        for place, summary in enumerate(summaries):
            project = summary.job.project
            if project.label_set.labels:
                self._jobs[str(place)] = project.label_set
                names[str(place)] = project.name
        self._table.set_jobs(names)

    def _add(self, given: GivenLabels) -> None:
        self._table.set_error("")
        self._table.add(given)

    def _paste(self, text: str) -> None:
        self._add(pasted_labels(text))

    def _ask(self) -> None:
        self._choose_file("Labels in YAML or CSV", self.load)

    def load(self, path: str) -> None:
        """Add the labels of a file; say what is wrong with it."""
        try:
            given = read_labels(Path(path))
        except AnnotateJobsError as error:
            self._table.set_error(str(error))
        else:
            self._add(given)

    def _take_ready(self, title: str, names: tuple[str, ...]) -> None:
        key = next(key for key, each in READY_TITLES.items() if each == title)
        self._add(
            GivenLabels(
                title,
                [
                    LabelEntry(title, {"method": Method.SEGMENTATION, **fields})
                    for fields in ready_labels(key, ",".join(names))
                ],
            )
        )

    def _take_job(self, key: str) -> None:
        labels = self._jobs.get(key)
        if labels is None:
            return
        self._add(
            GivenLabels(
                "the other job",
                [
                    LabelEntry(f"label {fields['name']!r}", fields)
                    for label in labels.labels
                    if not (fields := label.model_dump(exclude={"id"})).get("retired")
                ],
                {group.name: group.exclusive for group in labels.groups},
            )
        )
