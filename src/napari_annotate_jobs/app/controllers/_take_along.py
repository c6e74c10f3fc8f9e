"""Cases of a server are taken along: kept here, to be worked on without it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_annotate_jobs.app._servers import is_server
from napari_annotate_jobs.errors import Cancelled
from napari_annotate_jobs.model import Status
from napari_annotate_jobs.session import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from qtpy.QtWidgets import QMenu

    from napari_annotate_jobs.app._chores import Chores, JobPlace
    from napari_annotate_jobs.model import CaseRow
    from napari_annotate_jobs.stores.http import HttpStore

__all__ = ["MOST", "TakeAlongController"]

MOST = 10
"""Cases that are taken along at once."""


class TakeAlongController:
    """Brings cases of a server to this computer, and lets them go.

    Parameters
    ----------
    chores : callable
        Returns the threads that do it.
    place : JobPlace
        Where the job is.
    show_error, tell : callable
        Tell the user of an error, and of what was done.
    """

    def __init__(
        self,
        chores: Callable[[], Chores],
        place: JobPlace,
        *,
        show_error: Callable[[Exception], object],
        tell: Callable[[str], object],
    ) -> None:
        self._chores, self._place = chores, place
        self._show_error, self._tell = show_error, tell

    def offer(self, menu: QMenu, row: CaseRow) -> None:
        """Add what can be done with a case to its menu; nothing on this computer."""
        if not is_server(self._place.location):
            return
        menu.addSeparator()
        menu.addAction(
            "Take along, to work without the server", partial(self.take, row.case.id)
        )
        menu.addAction(
            f"Take along with the next {MOST - 1} left",
            partial(self.take, row.case.id, MOST),
        )
        menu.addAction("Put back what was taken along", partial(self.put_back, row))

    def take(self, case_id: str, count: int = 1) -> None:
        """Take a case along, and those that follow it in the job.

        Parameters
        ----------
        case_id : str
            The first one.
        count : int
            How many at most; those after the first only if they are not finished.
        """
        place = self._place

        def task(work: Work, store: HttpStore) -> Sequence[str]:
            taken: list[str] = []
            for row in _following(store, place.job.id, case_id, count):
                for here, whole in store.take_along(place.job.id, row.case.id):
                    if work.cancelled():
                        raise Cancelled("Stopped. " + _told(place, taken).rstrip("."))
                    share = min(here / whole if whole else 1.0, 1.0)
                    work.report(round((len(taken) + share) * 100), count * 100)
                taken.append(row.case.name)
            return taken

        self._run(f"Taking cases of {place.job.name} along", task)

    def put_back(self, row: CaseRow) -> None:
        """Let the files of a case go when there is no room for them any more."""
        place = self._place

        def task(work: Work, store: HttpStore) -> Sequence[str]:
            store.put_back(place.job.id, row.case.id)
            return []

        self._run(f"Putting {row.case.name} back", task)

    def _run(
        self,
        text: str,
        task: Callable[[Work, HttpStore], Sequence[str]],
    ) -> None:
        place = self._place

        def run(work: Work) -> Sequence[str]:
            with place.open() as store:
                return task(work, store)  # type: ignore[arg-type]

        def done(taken: Sequence[str]) -> None:
            if taken:
                self._tell(_told(place, taken))
            else:
                self._tell(f"{text}: done. What is not on the server yet stays here.")

        def failed(error: Exception) -> None:
            if isinstance(error, Cancelled):
                self._tell(str(error))
            else:
                self._show_error(error)

        self._chores().writing.run(Work(text), run, done, failed)


def _following(
    store: HttpStore, job_id: str, case_id: str, count: int
) -> Iterator[CaseRow]:
    """Yield a case, and those behind it that are left."""
    row: CaseRow | None = store.case(job_id, case_id)
    left = (Status.REMAINING, Status.RETURNED)
    while row is not None and count > 0:
        yield row
        count -= 1
        if count:
            row = store.neighbour(job_id, row.case.id, statuses=left)


def _told(place: JobPlace, taken: Sequence[str]) -> str:
    """Say which cases are here."""
    if not taken:
        return "No case was taken along."
    if len(taken) == 1:
        return f"{taken[0]} is on this computer, to be worked on without the server."
    return (
        f"{len(taken)} cases of {place.job.name} are on this computer, to be worked on "
        f"without the server: {taken[0]} to {taken[-1]}."
    )
