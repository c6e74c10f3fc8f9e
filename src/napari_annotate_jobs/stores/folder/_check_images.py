"""Verify that the images of cases are there and can be opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_annotate_jobs.errors import AnnotateJobsError
from napari_annotate_jobs.stores._contract import Fault
from napari_annotate_jobs.stores._names import case_folder

from ._headers import read_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_annotate_jobs.imaging import FoundSeries, Series
    from napari_annotate_jobs.model import Case, SeriesRef

__all__ = ["ImageCheck"]


class ImageCheck:
    """Opens the images of one case after the other, and writes nothing.

    Parameters
    ----------
    base : Path
        What the paths of the cases are relative to.
    pixels : bool
        Read every slice too, one at a time.
    """

    def __init__(self, base: Path, *, pixels: bool) -> None:
        self._base = base
        self._pixels = pixels
        # The cases of one folder follow one another: it is searched once for all.
        self._found: tuple[Path, FoundSeries] | None = None
        self.sizes: dict[str, tuple[int, int]] = {}
        """Rows and columns of the reference series, by case, of those seen so far."""

    def faults(self, case: Case) -> Iterator[Fault]:
        """Return what is wrong with the images of a case.

        Parameters
        ----------
        case : Case
            As it stands in the job.
        """
        for place, ref in enumerate(case.series):
            path = Path(os.path.abspath(self._base / ref.path))
            if not path.exists():
                yield Fault(
                    where=str(path),
                    what=f"the images of case {case.id!r} are missing",
                    remedy="Put them back, or correct the path in job.json",
                )
                continue
            try:
                series = self._opened(case, place, ref, path)
            except (AnnotateJobsError, OSError) as error:
                yield _fault(error, path, f"the images of case {case.id!r}")
                continue
            if place == case.reference:
                yield from self._slices(case, series, path)
                yield from self._size(case, series, path)
            if self._pixels:
                yield from _unreadable(case, series, path)

    def _opened(self, case: Case, place: int, ref: SeriesRef, path: Path) -> Series:
        from napari_annotate_jobs.imaging import find_series, open_series

        note = self._base / "headers" / f"{case_folder(case.id)}-{place}.json"
        known = read_note(note, path)
        if known is not None and known.is_current():
            return open_series(path, series_uid=ref.series_uid, cached=known)
        if not path.is_dir():
            return open_series(path, series_uid=ref.series_uid)
        if self._found is None or self._found[0] != path:
            self._found = path, find_series(path)
        found = self._found[1]
        return open_series(path, series_uid=ref.series_uid, found=found)

    def _slices(self, case: Case, series: Series, path: Path) -> Iterator[Fault]:
        count = series.header.shape[0]
        if case.n_slices in (None, count):
            return
        yield Fault(
            where=str(path),
            what=f"the images of case {case.id!r} have {count} "
            f"slice{'s' if count > 1 else ''}, not {case.n_slices} as job.json says"
            f"{self._left_out(path)}",
            remedy="Put the files back as they were when the job was made, or correct "
            "n_slices in job.json if nothing was annotated",
        )

    def _size(self, case: Case, series: Series, path: Path) -> Iterator[Fault]:
        rows, columns = series.header.shape[1:3]
        self.sizes[case.id] = rows, columns
        if case.size not in (None, (rows, columns)):
            assert case.size is not None
            yield Fault(
                where=str(path),
                what=f"the images of case {case.id!r} have {rows} x {columns} pixels, "
                f"not {case.size[0]} x {case.size[1]} as job.json says",
                remedy="Put the files back as they were when the job was made, or "
                "correct size in job.json if nothing was annotated",
            )

    def _left_out(self, path: Path) -> str:
        if self._found is None or self._found[0] != path:
            return ""
        faults = self._found[1].faults
        names = ", ".join(fault.path.name for fault in faults[:3])
        more = ", ..." if len(faults) > 3 else ""
        return f" (these cannot be opened: {names}{more})" if names else ""


def _unreadable(case: Case, series: Series, path: Path) -> Iterator[Fault]:
    """Read slice by slice: a whole series need not fit into memory."""
    told: set[str] = set()
    for volume in series.volumes:
        for index in range(volume.header.shape[0]):
            try:
                volume.read_slice(index)
            except (AnnotateJobsError, OSError) as error:
                what = f"slice {index + 1} of the images of case {case.id!r}"
                fault = _fault(error, path, what)
                if fault.where not in told:
                    told.add(fault.where)
                    yield fault


def _fault(error: Exception, path: Path, whose: str) -> Fault:
    if isinstance(error, AnnotateJobsError):
        where, what, remedy = error.where, error.what, error.remedy
    else:
        where, remedy = None, None
        what = str(getattr(error, "strerror", None) or error)
    return Fault(
        where=where or str(path),
        what=f"{whose} cannot be read: {what}",
        remedy=remedy or "Put them back as they were, or correct job.json",
    )
