"""Images besides those of the open case's reference series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._cases import cases_left

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import CaseRow, SeriesRef

    from ._session import AnnotationSession

__all__ = ["open_others", "peek_next"]


def peek_next(
    session: AnnotationSession, reply: Callable[[CaseRow, Series], None]
) -> None:
    """Open the images of the case that Submit would go to, to read them ahead.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    reply : callable
        Takes the case and its reference series; not called if there is none, or if
        it cannot be opened (that is told when it is its turn), nor once the open case
        is being left.
    """
    if session.case is None:
        return
    opened = session.case
    here, listed = opened.row.case.id, session.listed

    def task() -> tuple[CaseRow, Series] | None:
        row = next(cases_left(session.store, session.job.id, here, listed), None)
        if row is None:
            return None
        return row, session.store.images.open_series(session.job.id, row.case.id)

    def done(found: tuple[CaseRow, Series] | None) -> None:
        if found is not None and session.case is opened and not session.is_moving:
            reply(*found)

    session.executor.run_after_paint(task, done, lambda error: None)


def open_others(
    session: AnnotationSession, reply: Callable[[SeriesRef, Series], None]
) -> None:
    """Open the case's other series, one after the other.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    reply : callable
        Takes what the case says of a series, and the series.
    """
    if session.case is None:
        return
    opened = session.case
    case = opened.row.case
    for place, ref in enumerate(case.series):
        if place == case.reference:
            continue

        def task(place: int = place) -> Series:
            return session.store.images.open_series(session.job.id, case.id, place)

        def done(series: Series, ref: SeriesRef = ref) -> None:
            if session.case is opened:
                reply(ref, series)

        session.executor.run_after_paint(task, done, session.failed.emit)
