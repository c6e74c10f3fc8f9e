"""What a store gives to an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    is_selected,
)

from ._registry import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_annotate_jobs.model import CaseRow

    from ._contract import JobStore

__all__ = ["StoreSource"]

ONLY = ("passed", "finished", "all")
"""Which annotations are exported."""


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
        self._store: JobStore | None = None
        store = self._opened()
        if job_id is None:
            jobs = store.jobs()
            if len(jobs) != 1:
                raise NotFoundError(
                    f"there are {len(jobs)} jobs",
                    where=location,
                    remedy="Name one job's folder",
                )
            job_id = jobs[0].job.id
        self.job = store.job(job_id)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_store": None}

    def _opened(self) -> JobStore:
        if self._store is None:
            self._store = open_store(self._location)
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
        for row in self._rows():
            case = row.case
            missing -= {case.id, case.name}
            people = store.people(self.job.id, case.id)
            chosen = [p for p in people if not self._people or p in self._people]
            for person in chosen:
                summary = self._summary(row, person, len(chosen) > 1, stems)
                if summary is not None:
                    yield summary
        if missing:
            raise NotFoundError(
                f"there is no case {sorted(missing)[0]!r}",
                where=self.job.name,
                remedy="Name cases as the job's page lists them",
            )

    def _rows(self) -> Iterator[CaseRow]:
        store, offset = self._opened(), 0
        while True:
            page = store.cases(self.job.id, offset=offset, limit=1000)
            for row in page.rows:
                if not self._wanted or {row.case.id, row.case.name} & set(self._wanted):
                    yield row
            offset += len(page.rows)
            if not page.rows or offset >= page.total:
                return

    def _summary(
        self, row: CaseRow, person: str, several: bool, stems: set[str]
    ) -> CaseSummary | None:
        store, job_id, case = self._opened(), self.job.id, row.case
        draft = store.load(job_id, case.id, person=person)
        review, verdict = draft.review, draft.verdict
        if review is ReviewStatus.WAITING and not is_selected(self.job, row.ordinal):
            review = ReviewStatus.NOT_SELECTED
        corrected = False
        if draft.status is Status.FINISHED:
            if not self._lets_out(review):
                return None
            last = store.submissions(job_id, case.id, person=person)[-1]
            corrected = verdict is not None and verdict.correction is not None
            if verdict is not None and (by := verdict.correction) is not None:
                copies = store.submissions(job_id, case.id, person=by.person, of=person)
                annotation = copies[by.number - 1].annotation
            else:
                annotation = last.annotation
            number, time = last.number, last.time
        elif self._only == "all" and not draft.annotation.is_blank:
            number, time, annotation = None, None, draft.annotation
            review = verdict = None
        else:
            return None
        name = f"{case.name}-{person}" if several else case.name
        return CaseSummary(
            case=case,
            person=person,
            annotation=annotation,
            stem=unique_stem(name, stems),
            submission=number,
            digest=content_digest(annotation),
            time=time,
            review="" if review is None else review.value,
            reviewer="" if verdict is None else verdict.person,
            corrected=corrected,
        )

    def _lets_out(self, review: ReviewStatus | None) -> bool:
        """Return whether what stands there for its reviewer is exported."""
        if review is ReviewStatus.NOT_SELECTED:
            return self.job.project.options.export_not_selected
        if review is ReviewStatus.WAITING:
            return self._only != "passed"
        return review is ReviewStatus.PASSED

    def open(self, summary: CaseSummary) -> AnnotatedCase:
        """Open the images of a case, beside what was said of it."""
        store, job_id = self._opened(), self.job.id
        series = store.open_series(job_id, summary.case.id)
        labels = self.job.project.label_set
        case_id = summary.case.id
        return AnnotatedCase.of(
            summary,
            labels,
            series,
            lambda digest: store.read_blob(job_id, case_id, digest),
            lambda number: store.open_series(job_id, case_id, number),
        )
