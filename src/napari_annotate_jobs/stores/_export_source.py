"""What a store gives to an export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from napari_annotate_jobs.errors import InvalidValueError, NotFoundError
from napari_annotate_jobs.formats import (
    AnnotatedCase,
    CaseSource,
    CaseSummary,
    unique_stem,
)
from napari_annotate_jobs.model import (
    ReviewStatus,
    Status,
    content_digest,
    flags_text,
    is_selected,
)

from ._registry import only_job, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import CaseRow, Job, JobSummary, Submission

    from ._contract import Draft

__all__ = ["ONLY", "ExportStore", "StoreSource"]

ONLY = ("finished", "passed", "all")
"""Which annotations are exported."""


class ExportImages(Protocol):
    """What opens the images of cases."""

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        """Open a series; see :class:`ImageSource`."""


class ExportStore(Protocol):
    """What an export asks of a store; each does as that of a :class:`JobStore`."""

    @property
    def images(self) -> ExportImages:
        """Opens images."""

    @property
    def location(self) -> str:
        """Names the store."""

    def jobs(self) -> Sequence[JobSummary]:
        """Return what jobs there are."""

    def job(self, job_id: str) -> Job:
        """Return a job."""

    def every_case(self, job_id: str) -> Iterator[CaseRow]:
        """Give all cases."""

    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        """Return who annotated a case."""

    def load(self, job_id: str, case_id: str, *, person: str | None = None) -> Draft:
        """Return a draft."""

    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        """Return submissions."""

    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        """Return an encoded mask."""

    def combinations(self, job_id: str) -> Mapping[str, str]:
        """Return combined classes."""

    def close(self) -> None:
        """Release it."""


class StoreSource(CaseSource):
    """The annotated cases of a job in a store.

    Parameters
    ----------
    location : str
        Opens the store, here and in other processes.
    job_id : str, optional
        The job; the only one of the store by default.
    people : sequence of str
        Whose annotations; empty for everybody's.
    cases : sequence of str
        Ids or names of cases; empty for all.
    only : str
        ``"passed"``: what reviewers passed, and what was not selected to be reviewed,
        unless the job holds that back. ``"finished"``: what waits for a verdict too.
        ``"all"``: of other cases the draft, as it stands. What failed is never
        exported; of what a reviewer corrected, the corrected copy.
    """

    def __init__(
        self,
        location: str,
        job_id: str | None = None,
        *,
        people: Sequence[str] = (),
        cases: Sequence[str] = (),
        only: str = "finished",
    ) -> None:
        if only not in ONLY:
            raise InvalidValueError(
                f"{only!r} says nothing about what to export",
                remedy=f"Choose one of {', '.join(ONLY)}",
            )
        self._location, self._people = location, tuple(people)
        self._wanted, self._only = tuple(cases), only
        self.left_out: dict[str, list[str]] = {}
        self._store: ExportStore | None = None
        store = self._opened()
        if job_id is None:
            job_id = only_job(store).id
        self.job = store.job(job_id)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_store": None, "left_out": {}}

    def _open(self) -> ExportStore:
        """Open the store; what has no location does it otherwise."""
        return open_store(self._location)

    def _opened(self) -> ExportStore:
        if self._store is None:
            self._store = self._open()
        return self._store

    def close(self) -> None:
        """Release the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def summaries(self) -> Iterator[CaseSummary]:
        """Give what is to be exported, in the job's order; opens no images."""
        store = self._opened()
        stems: set[str] = set()
        missing = set(self._wanted)
        self.left_out = {}
        for row in self._rows():
            case = row.case
            missing -= {case.id, case.name}
            people = store.people(self.job.id, case.id)
            chosen = [p for p in people if not self._people or p in self._people]
            if not chosen:
                reason = "annotated by others" if people else "nobody began with it"
                self._leave_out(reason, case.name)
            for person in chosen:
                several = len(chosen) > 1
                summary = self._summary(row, person, several, stems)
                if summary is not None:
                    yield summary
        if missing:
            raise NotFoundError(
                f"there is no case {sorted(missing)[0]!r}",
                where=self.job.name,
                remedy="Name cases as the job's page lists them",
            )

    def _leave_out(self, reason: str, name: str) -> None:
        self.left_out.setdefault(reason, []).append(name)

    def _rows(self) -> Iterator[CaseRow]:
        for row in self._opened().every_case(self.job.id):
            if not self._wanted or {row.case.id, row.case.name} & set(self._wanted):
                yield row

    def _summary(
        self, row: CaseRow, person: str, several: bool, stems: set[str]
    ) -> CaseSummary | None:
        store, job_id, case = self._opened(), self.job.id, row.case
        draft = store.load(job_id, case.id, person=person)
        review, verdict = draft.review, draft.verdict
        drawn = case.drawn_as(row.ordinal)
        if review is ReviewStatus.WAITING and not is_selected(self.job, drawn):
            review = ReviewStatus.NOT_SELECTED
        corrected = False
        if draft.status is Status.FINISHED:
            if (kept := self._kept_back(review)) is not None:
                self._leave_out(kept, f"{case.name} by {person}")
                return None
            last = frozen = store.submissions(job_id, case.id, person=person)[-1]
            corrected = verdict is not None and verdict.correction is not None
            if verdict is not None and (by := verdict.correction) is not None:
                copies = store.submissions(job_id, case.id, person=by.person, of=person)
                frozen = copies[by.number - 1]
            annotation, digest = frozen.annotation, frozen.digest
            number, time = last.number, last.time
        elif self._only == "all" and not draft.annotation.is_blank:
            number, time, annotation = None, None, draft.annotation
            digest = content_digest(annotation)
            review = verdict = None
        else:
            reason = "a draft that was never submitted"
            if draft.annotation.is_blank:
                reason = "nothing is said of it"
            elif draft.status is Status.RETURNED:
                reason = "returned, and not submitted again"
            self._leave_out(reason, f"{case.name} by {person}")
            return None
        name = f"{case.name}-{person}" if several else case.name
        return CaseSummary(
            case=case,
            person=person,
            annotation=annotation,
            stem=unique_stem(name, stems),
            submission=number,
            digest=digest,
            time=time,
            review="" if review is None else review.value,
            reviewer="" if verdict is None else verdict.person,
            corrected=corrected,
            flags=flags_text(row.flags),
        )

    def _kept_back(self, review: ReviewStatus | None) -> str | None:
        """Say why what stands there for its reviewer is not exported; None if it is."""
        if review is ReviewStatus.PASSED:
            return None
        if review is ReviewStatus.NOT_SELECTED:
            if self.job.project.options.export_not_selected:
                return None
            return "not selected to be reviewed"
        if review is ReviewStatus.WAITING:
            return "waiting for its review" if self._only == "passed" else None
        return "failed in its review" if review is ReviewStatus.FAILED else "returned"

    def combinations(self) -> Mapping[str, str]:
        """Return the combinations that are kept with the job, by name."""
        return self._opened().combinations(self.job.id)

    def open(self, summary: CaseSummary) -> AnnotatedCase:
        """Open the images of a case, beside what was said of it."""
        store, job_id = self._opened(), self.job.id
        series = store.images.open_series(job_id, summary.case.id)
        labels = self.job.project.label_set
        case_id = summary.case.id
        return AnnotatedCase.of(
            summary,
            labels,
            series,
            lambda digest: store.read_blob(job_id, case_id, digest),
            lambda number: store.images.open_series(job_id, case_id, number),
        )
