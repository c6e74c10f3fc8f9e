"""What is new in the jobs of My Jobs since the last visit."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.widgets.parts._made import timer_once

from ._asks import tell_error
from ._kept_here import visits_here
from ._qt_executor import QtExecutor
from ._servers import is_server
from ._settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import JobSummary, News
    from napari_annotate_jobs.session import Visits
    from napari_annotate_jobs.stores import JobStore

    from ._workstation import Workstation

    Identity = tuple[str, str]

__all__ = ["JobNews"]

PAUSE = 300
"""Milliseconds after which jobs are looked at that are listed one after the other."""


class JobNews(QObject):
    """Looks for what others did in jobs, off the interface thread.

    What came since the last visit stays new as long as napari runs, until it was
    looked at. A visit is over with the last time that the jobs were read: what comes
    later is new the next time.

    Parameters
    ----------
    station : Workstation
        Whose jobs they are.
    """

    changed = Signal(object)
    """What is known: a News for each job that has any, by location and id."""

    def __init__(self, station: Workstation) -> None:
        super().__init__(station)
        self._station = station
        self._news: dict[Identity, News] = {}
        self._since: dict[tuple[str, str, str], datetime | None] = {}
        self._threads: dict[str, QtExecutor] = {}
        self._visits: Visits | None = None
        self._summaries: list[JobSummary] = []
        self._looking: set[str] = set()
        self._again: set[str] = set()
        self._pause = timer_once(self, self._look, PAUSE)
        station.jobs_changed.connect(self._on_jobs)
        station.closing.connect(self.close)

    def of(self, summary: JobSummary) -> News | None:
        """Return what is new in a job; None if nothing is, or is known."""
        return self._news.get((summary.location, summary.job.id))

    def look_at(self, summary: JobSummary) -> None:
        """Have what is new in a job be known from now on."""
        here = summary.location, summary.job.id
        if self._news.pop(here, None) is not None:
            for place in self._since:
                if place[:2] == here:
                    self._since[place] = datetime.now(UTC)
            self.changed.emit(dict(self._news))

    def _on_jobs(self, summaries: Sequence[JobSummary]) -> None:
        self._summaries = list(summaries)
        self._pause.start()

    def _look(self) -> None:
        groups: dict[str, list[JobSummary]] = {}
        for summary in self._summaries:
            place = summary.location
            server = self._station.servers.address(place) if is_server(place) else ""
            groups.setdefault(server, []).append(summary)
        listed = {(each.location, each.job.id) for each in self._summaries}
        self._news = {k: v for k, v in self._news.items() if k in listed}
        for server, jobs in groups.items():
            self._look_in(server, jobs)

    def _look_in(self, server: str, jobs: Sequence[JobSummary]) -> None:
        """Look at the jobs in folders, or at those of a server, on a thread of it."""
        if server in self._looking:
            self._again.add(server)
            return
        self._looking.add(server)
        servers = self._station.servers
        wanted = None if server else read_settings().person or None
        person = servers.person(jobs[0].location) if server else wanted or ""
        asked, time = self._times(jobs, person), datetime.now(UTC)
        if server not in self._threads:
            self._threads[server] = QtExecutor(self)

        def done(found: dict[Identity, News]) -> None:
            places = []
            for summary, since in asked:
                here = summary.location, summary.job.id
                place = (*here, person)
                if here not in found or self._since[place] != since:
                    continue  # it cannot be read, or was looked at meanwhile
                places.append(place)
                self._news.pop(here, None)
                if found[here].cases:
                    self._news[here] = found[here]
                if since is None:
                    self._since[place] = time
            self._kept().note(places, time)
            self.changed.emit(dict(self._news))
            finished()

        def failed(error: Exception) -> None:
            # A store that is away is told of where its jobs are read.
            if not isinstance(error, AnnotateJobsError | OSError):
                tell_error(error)
            finished()

        def finished() -> None:
            self._looking.discard(server)
            if server in self._again:
                self._again.discard(server)
                self._pause.start()

        self._threads[server].run(partial(_find, server, asked, wanted), done, failed)

    def _times(
        self, jobs: Sequence[JobSummary], person: str
    ) -> list[tuple[JobSummary, datetime | None]]:
        """Return since when something is new in jobs; None if this is the first visit.

        What was the last visit when napari came up stays that.
        """
        for summary in jobs:
            place = summary.location, summary.job.id, person
            if place not in self._since:
                self._since[place] = self._kept().last(place)
        return [(s, self._since[s.location, s.job.id, person]) for s in jobs]

    def _kept(self) -> Visits:
        if self._visits is None:
            self._visits = visits_here()
        return self._visits

    def close(self) -> None:
        """Look no more."""
        self._pause.stop()
        for thread in self._threads.values():
            thread.close()


def _find(
    server: str,
    asked: Sequence[tuple[JobSummary, datetime | None]],
    person: str | None,
) -> dict[tuple[str, str], News]:
    """Return what is new in jobs; those that cannot be read now are left out."""
    from napari_annotate_jobs.model import News
    from napari_annotate_jobs.stores import news_of

    found: dict[tuple[str, str], News] = {}
    wanted: dict[str, list[tuple[JobSummary, datetime]]] = {}
    for summary, since in asked:
        if since is None or summary.job.archived:
            found[summary.location, summary.job.id] = News()
        else:
            wanted.setdefault(server or summary.location, []).append((summary, since))
    for place, jobs in wanted.items():
        with suppress(AnnotateJobsError), _opened(server, place, person) as store:
            for summary, since in jobs:
                job_id, review = summary.job.id, summary.reviews is not None
                with suppress(AnnotateJobsError):
                    news = news_of(store, job_id, since, review=review)
                    found[summary.location, job_id] = news
    return found


def _opened(server: str, location: str, person: str | None) -> JobStore:
    if server:
        from napari_annotate_jobs.stores.http import HttpStore

        return HttpStore(server, patient=False, at_hand=False)
    from napari_annotate_jobs.stores import open_store

    return open_store(location, person=person)
