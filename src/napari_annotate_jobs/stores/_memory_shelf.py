"""What a store in memory keeps: jobs, and what people did on their cases."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_annotate_jobs.model import mask_size, threads_of
from napari_annotate_jobs.stores import _rules

from ._edits import labels_in
from ._flags import seen_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from napari_annotate_jobs.model import (
        Annotation,
        AnnotationChange,
        Case,
        Flag,
        Job,
        Submission,
        Thread,
        ThreadEntry,
        Verdict,
    )

__all__ = ["Memory", "MemoryShelf", "MemoryWork"]


@dataclass
class MemoryWork:
    """What one person did on one case."""

    annotation: Annotation
    last: AnnotationChange | None = None
    submissions: list[Submission] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    entries: list[ThreadEntry] = field(default_factory=list)
    read: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def standing(self) -> _rules.Standing:
        last = len(self.submissions)
        on_last = tuple(v for v in self.verdicts if v.submission == last)
        return _rules.Standing(last, on_last)

    @property
    def has_draft(self) -> bool:
        last = self.submissions[-1] if self.submissions else None
        return _rules.has_draft(self.annotation.revision, last)

    @property
    def touched(self) -> datetime | None:
        verdict = self.standing.verdict
        judged = None if verdict is None else verdict.time
        times = [submission.time for submission in self.submissions[-1:]]
        said = [entry.time for entry in self.entries[-1:]]
        return _rules.latest(self.annotation.modified, judged, *times, *said)

    def threads(self, reader: str) -> tuple[Thread, ...]:
        last = self.submissions[-1] if self.submissions else None
        return threads_of(
            _rules.own_comments(self.annotation, last, reader=reader),
            self.verdicts,
            self.entries,
            reader=reader,
            read=self.read.get(reader, {}),
        )


@dataclass
class MemoryShelf:
    """One job with its cases in their order."""

    job: Job
    cases: dict[str, Case]
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    work: dict[tuple[str, str, str | None], MemoryWork] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    combinations: dict[str, str] = field(default_factory=dict)
    flags: dict[str, dict[str, Flag]] = field(default_factory=dict)

    def flags_for(self, case_id: str, person: str) -> tuple[Flag, ...]:
        return seen_flags(self.flags.get(case_id, {}).values(), self.job, person)

    def sizer(self, case_id: str) -> Callable[[str], tuple[int, int] | None]:
        def size(digest: str) -> tuple[int, int] | None:
            data = self.blobs.get((case_id, digest))
            return None if data is None else mask_size(data)

        return size

    def ordinal(self, case_id: str) -> int:
        return list(self.cases).index(case_id)

    def used(self, ids: Collection[int]) -> dict[int, str]:
        """Return where labels are used."""
        found: dict[int, str] = {}
        for (case_id, person, _), work in self.work.items():
            frozen = (submission.annotation for submission in work.submissions)
            for annotation in (work.annotation, *frozen):
                for label_id in labels_in(annotation).intersection(ids):
                    found[label_id] = f"{self.cases[case_id].name}, by {person}"
        return found

    def annotated(self, ids: Collection[str]) -> dict[str, str]:
        """Return by whom cases were annotated."""
        people: dict[str, set[str]] = {}
        for (case_id, person, _), work in self.work.items():
            if case_id in ids and (work.annotation.revision or work.submissions):
                people.setdefault(case_id, set()).add(person)
        return {case_id: ", ".join(sorted(found)) for case_id, found in people.items()}


class Memory:
    """What the stores of several people share."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.RLock()
        self.shelves: dict[str, MemoryShelf] = {}
        self.trash: dict[str, MemoryShelf] = {}
