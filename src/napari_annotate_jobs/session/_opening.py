"""Everything that opening a case needs from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import GeometryError

if TYPE_CHECKING:
    from napari_annotate_jobs.editing._view import CaseView
    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import (
        Annotation,
        Case,
        CaseRow,
        HistoryEvent,
        Thread,
        Window,
    )
    from napari_annotate_jobs.stores import Draft, JobStore

__all__ = ["OpenCase", "first_slice", "load_case"]


@dataclass(frozen=True)
class OpenCase:
    """A case with what is needed to work on it.

    Parameters
    ----------
    row : CaseRow
        The case as the table lists it, when it was opened.
    draft : Draft
        The annotation as loaded, with its status and what a reviewer wrote.
    series : Series
        The reference series; its pixels are not read yet.
    windows : tuple of Window
        Windows to offer, the one to begin with first.
    threads : tuple of Thread
        What is said of it.
    history : tuple of HistoryEvent
        All rounds up to now: submitted, returned by, passed by.
    """

    row: CaseRow
    draft: Draft
    series: Series
    windows: tuple[Window, ...]
    threads: tuple[Thread, ...] = ()
    history: tuple[HistoryEvent, ...] = ()


def load_case(store: JobStore, job_id: str, row: CaseRow) -> OpenCase:
    """Open a case's images and load its draft; reads headers and one slice.

    Raises
    ------
    ImagingError, StoreError
        If the images or the draft cannot be read, or do not fit each other.
    """
    from napari_annotate_jobs.model import history_of

    case_id = row.case.id
    series = store.images.open_series(job_id, case_id)
    draft = store.load(job_id, case_id)
    header = series.header
    rows, columns = header.shape[1:3]
    _check_size(store, job_id, row.case, draft.annotation, (rows, columns))
    warnings = [warning.text for warning in header.warnings]
    store.note_case(
        job_id,
        case_id,
        n_slices=len(header.slices),
        size=(rows, columns),
        warnings=warnings,
    )
    threads = tuple(store.threads(job_id, case_id))
    history: tuple[HistoryEvent, ...] = ()
    if draft.submissions:
        history = history_of(
            store.submissions(job_id, case_id), store.verdicts(job_id, case_id)
        )
    return OpenCase(row, draft, series, series.suggested_windows(), threads, history)


def _check_size(
    store: JobStore,
    job_id: str,
    case: Case,
    annotation: Annotation,
    size: tuple[int, int],
) -> None:
    """Refuse images that are not those on which the annotation was drawn."""
    from napari_annotate_jobs.model import mask_size

    contents = annotation.slices.values()
    drawn = [
        mask.digest
        for content in contents
        for masks in (content.masks, content.proposals)
        for mask in masks.values()
    ]
    known = case.size
    if known is None and drawn:
        known = mask_size(store.read_blob(job_id, case.id, drawn[0]))
    if known in (None, size) or not (drawn or any(c.boxes for c in contents)):
        return
    assert known is not None
    raise GeometryError(
        f"the images have {size[0]} x {size[1]} pixels, and the case was annotated on "
        f"images of {known[0]} x {known[1]}",
        where=case.name,
        remedy="Put the images back as they were: what was drawn does not fit these",
    )


def first_slice(case: OpenCase, view: CaseView) -> int:
    """Return the slice to show first.

    In a returned case that is the first one with an open thread that a reviewer began,
    else the first undecided one of a case that was begun, else the middle one.
    """
    if case.draft.returned is not None:
        begun = [
            view.index_of(thread.first)
            for thread in case.threads
            if thread.is_open and thread.first.person != case.draft.annotation.person
        ]
        pinned = [index for index in begun if index is not None]
        if pinned:
            return min(pinned)
    undecided = view.undecided()
    if len(undecided) in (0, view.n_slices):
        return view.n_slices // 2
    return undecided[0]
