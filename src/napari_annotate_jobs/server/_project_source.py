"""A project as an export reads it, without a request of anybody."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_annotate_jobs.stores import Draft, StoreSource
from napari_annotate_jobs.stores._case_query import Asked
from napari_annotate_jobs.stores._contract import every_row

from . import _case_masks, _listing
from ._accounts import find_account
from ._drafts import find_case, find_work
from ._image_routes import open_images
from ._permits import permit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import CaseRow, Job, JobSummary, Submission
    from napari_annotate_jobs.stores import CasePage

    from ._permits import Permit
    from ._service import Service

__all__ = ["ProjectSource"]

_PAGE = 500


class ProjectReader:
    """What an export asks of a store, answered by the database, for an owner.

    Parameters
    ----------
    service : Service
        The server's parts.
    person : str
        The owner; each answer is refused should they be none any more.
    job : str
        The id of the project.
    """

    def __init__(self, service: Service, person: str, job: str) -> None:
        self._service, self._person = service, person
        self.location = job

    @property
    def images(self) -> ProjectReader:
        """The reader itself."""
        return self

    @contextmanager
    def _looking(self, job_id: str) -> Iterator[tuple[Connection, Permit]]:
        with self._service.database.reading() as connection:
            account = find_account(connection, self._person)
            found = permit(connection, account, job_id)
            found.require_owner()
            yield connection, found

    def jobs(self) -> Sequence[JobSummary]:
        """Return the project alone."""
        with self._looking(self.location) as (connection, found):
            return [_listing.summary(connection, found, f"/jobs/{self.location}")]

    def job(self, job_id: str) -> Job:
        """Return the job as it stands."""
        with self._looking(job_id) as (_, found):
            return found.job

    def every_case(self, job_id: str) -> Iterator[CaseRow]:
        """Give all cases, some at a time."""

        def page(start: int) -> CasePage:
            with self._looking(job_id) as (connection, found):
                return _listing.case_page(connection, found, Asked(), start, _PAGE)

        return every_row(page)

    def people(self, job_id: str, case_id: str) -> Sequence[str]:
        """Return who annotated a case."""
        with self._looking(job_id) as (connection, found):
            return _listing.people_of(connection, found, case_id)

    def load(self, job_id: str, case_id: str, *, person: str | None = None) -> Draft:
        """Return somebody's draft."""
        with self._looking(job_id) as (connection, found):
            work = find_work(connection, found, case_id, person=person)
            standing = work.standing()
            return Draft(
                annotation=work.annotation(),
                status=standing.status,
                submissions=standing.submissions,
                verdict=standing.verdict,
            )

    def submissions(
        self,
        job_id: str,
        case_id: str,
        *,
        person: str | None = None,
        of: str | None = None,
    ) -> Sequence[Submission]:
        """Return somebody's submissions, or those of a copy that corrects another's."""
        with self._looking(job_id) as (connection, found):
            work = find_work(connection, found, case_id, person=person, of=of)
            return work.submissions()

    def read_blob(self, job_id: str, case_id: str, digest: str) -> bytes:
        """Return an encoded mask."""
        shelf = self._service.shelf
        with self._looking(job_id) as (connection, found):
            return _case_masks.read_blob(connection, found, case_id, digest, shelf)

    def open_series(
        self, job_id: str, case_id: str, series: int | None = None
    ) -> Series:
        """Open a series of a case."""
        with self._looking(job_id) as (connection, found):
            row = find_case(connection, found, case_id)
        return open_images(self._service.settings, found, row, series).series

    def combinations(self, job_id: str) -> Mapping[str, str]:
        """Return the texts of combined classes."""
        with self._looking(job_id) as (connection, found):
            return _listing.combinations_of(connection, found)

    def close(self) -> None:
        """Do nothing: the database stays open."""


class ProjectSource(StoreSource):
    """The annotated cases of a project, read where they are.

    Parameters
    ----------
    service : Service
        The server's parts.
    person : str
        An owner of the project.
    job : str
        Its id.
    **which
        As for :class:`StoreSource`.
    """

    def __init__(self, service: Service, person: str, job: str, **which: Any) -> None:
        self._reader = ProjectReader(service, person, job)
        super().__init__(job, job, **which)

    def _open(self) -> ProjectReader:
        return self._reader
