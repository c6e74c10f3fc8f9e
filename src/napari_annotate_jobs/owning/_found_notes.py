"""What was found out of images while cases were made of them, kept with the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_annotate_jobs.model import Case
    from napari_annotate_jobs.stores import JobStore

    from ._cases import FoundCases

__all__ = ["note_found"]


def note_found(
    store: JobStore, job_id: str, cases: Sequence[Case], found: FoundCases
) -> None:
    """Note what was complained of, and what was read, so that it is not read again.

    Parameters
    ----------
    store : JobStore
        Where the job is; one that keeps no headers is given none.
    job_id : str
        The job.
    cases : sequence of Case
        As they are in the job.
    found : FoundCases
        Where they are from.
    """
    keep = getattr(store, "keep_header", None)
    for case in cases:
        if case.n_slices and case.id in found.warnings:
            store.note_case(
                job_id,
                case.id,
                n_slices=case.n_slices,
                warnings=found.warnings[case.id],
            )
        if keep is not None and case.id in found.headers:
            keep(job_id, case.id, found.headers[case.id])
