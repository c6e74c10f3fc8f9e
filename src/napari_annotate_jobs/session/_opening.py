"""Everything that opening a case needs from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import CaseRow, Window
    from napari_annotate_jobs.stores import Draft, JobStore

    from ._view import CaseView

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
    """

    row: CaseRow
    draft: Draft
    series: Series
    windows: tuple[Window, ...]


def load_case(store: JobStore, job_id: str, row: CaseRow) -> OpenCase:
    """Open a case's images and load its draft; reads headers and one slice.

    Raises
    ------
    ImagingError, StoreError
        If the images or the draft cannot be read.
    """
    case_id = row.case.id
    series = store.open_series(job_id, case_id)
    draft = store.load(job_id, case_id)
    header = series.header
    warnings = [warning.text for warning in header.warnings]
    store.note_case(job_id, case_id, n_slices=len(header.slices), warnings=warnings)
    return OpenCase(row, draft, series, series.suggested_windows())


def first_slice(case: OpenCase, view: CaseView) -> int:
    """Return the slice to show first.

    That is the first one a reviewer commented on, else the first undecided one of a
    case that was begun, else the middle one.
    """
    if case.draft.returned is not None:
        for comment in case.draft.returned.comments:
            index = view.index_of(comment)
            if index is not None:
                return index
    undecided = view.undecided()
    if len(undecided) in (0, view.n_slices):
        return view.n_slices // 2
    return undecided[0]
