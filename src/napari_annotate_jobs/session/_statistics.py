"""The numbers of a job, read from its store case by case."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import Cancelled, ImagingError, InvalidValueError
from napari_annotate_jobs.metrics import CaseFacts, StatisticsCounter, voxel_volumes
from napari_annotate_jobs.model import Status, decode_mask

from ._importing import chosen_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.metrics import Statistics
    from napari_annotate_jobs.model import Case, MaskRef
    from napari_annotate_jobs.stores import JobStore

    Progress = Callable[[int, int, str], None]

__all__ = ["job_statistics"]

ONLY = ("all", "finished")
"""Which annotations count."""


def job_statistics(
    store: JobStore,
    job_id: str,
    *,
    people: Sequence[str] = (),
    cases: Sequence[str] = (),
    only: str = "all",
    objects: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Statistics:
    """Count what was annotated in a job.

    One annotation is held at a time, whatever the number of cases.

    Parameters
    ----------
    store : JobStore
        Where the job is.
    job_id : str
        The job.
    people : sequence of str
        Whose annotations count; empty for everybody's.
    cases : sequence of str
        Ids or names of cases; empty for all.
    only : str
        ``"all"``, or ``"finished"`` for submitted cases alone.
    objects : bool
        Whether the connected parts of masks are counted, for which every mask is
        read.
    progress : callable, optional
        Called with (done, in all, name of the case).
    cancelled : callable, optional
        Asked between cases.

    Raises
    ------
    NotFoundError
        If there is no such case.
    InvalidValueError
        If `only` is none of these.
    Cancelled
        If `cancelled` returned True.
    """
    if only not in ONLY:
        raise InvalidValueError(
            f"{only!r} says nothing about what to count",
            remedy=f"Choose one of {', '.join(ONLY)}",
        )
    job = store.job(job_id)
    counter = StatisticsCounter(job.name, job.project.label_set)
    chosen = chosen_cases(store, job_id, cases)
    for number, case in enumerate(chosen):
        if cancelled is not None and cancelled():
            raise Cancelled("counting was stopped", where=job.name)
        names = [
            person
            for person in store.people(job_id, case.id)
            if not people or person in people
        ]
        reader = _CaseReader(store, job_id, case, objects)
        found = [reader.facts(person) for person in names]
        counter.add(
            [
                facts
                for facts in found
                if not facts.annotation.is_blank
                and (only == "all" or facts.status is Status.FINISHED)
            ]
        )
        if progress is not None:
            progress(number + 1, len(chosen), case.name)
    return counter.result()


class _CaseReader:
    """Reads what is to be known of a case, its images only where they are needed."""

    def __init__(self, store: JobStore, job_id: str, case: Case, objects: bool) -> None:
        self._store, self._job_id, self._case = store, job_id, case
        self._objects = objects
        self._opened: tuple[int | None, NDArray[np.float64] | None] | None = None

    def facts(self, person: str) -> CaseFacts:
        """Return what a person said of the case."""
        case = self._case
        draft = self._store.load(self._job_id, case.id, person=person)
        said = draft.annotation
        has_masks = any(each.masks for each in said.slices.values())
        count, volumes = case.n_slices, None
        if has_masks or count is None:
            opened, volumes = self._images()
            count = opened or count
        if count is None:
            count = max((each.index + 1 for each in said.slices.values()), default=0)
        return CaseFacts(
            case=case,
            person=person,
            status=draft.status,
            annotation=said,
            n_slices=count,
            volumes=volumes,
            read_mask=self._mask if self._objects and has_masks else None,
        )

    def _images(self) -> tuple[int | None, NDArray[np.float64] | None]:
        """Return the number of slices, and ml of their voxels, where they are known."""
        if self._opened is None:
            self._opened = None, None
            # Images that are away take the volumes with them, not the numbers.
            with suppress(ImagingError):
                header = self._store.images.open_series(
                    self._job_id, self._case.id
                ).header
                volumes = None
                if header.has_spacing:
                    volumes = voxel_volumes(
                        header.shape[0], header.spacing, header.affine, header.origins
                    )
                self._opened = header.shape[0], volumes
        return self._opened

    def _mask(self, ref: MaskRef) -> NDArray[np.integer]:
        return decode_mask(
            self._store.read_blob(self._job_id, self._case.id, ref.digest)
        )
