"""What was found at a path: series, and the files that are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ._header import SeriesHeader

__all__ = ["FoundFault", "FoundResult", "FoundSeries"]


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A file that could not be used, and why; the others stay usable.

    Parameters
    ----------
    path : Path
        The file.
    error : Exception
        One of :mod:`napari_annotate_jobs.errors`; its text names the remedy.
    """

    path: Path
    error: Exception


@dataclass(frozen=True, slots=True)
class FoundResult:
    """A DICOM file that was made of images and is none itself: it is left aside.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What it is, such as ``"segmentation"``.
    header : SeriesHeader, optional
        Of one that holds pixels; :func:`open_series` opens it by its key.
    """

    path: Path
    kind: str
    header: SeriesHeader | None = None


class FoundSeries(list["SeriesHeader"]):
    """The series found at a path: a list of headers, with the faults beside it.

    Parameters
    ----------
    headers : iterable of SeriesHeader
        The usable series, localisers last.
    faults : iterable of FoundFault
        The files that could not be used.
    results : iterable of FoundResult
        Segmentations, doses, reports and the like: no images of the study.
    """

    def __init__(
        self,
        headers: Iterable[SeriesHeader] = (),
        faults: Iterable[FoundFault] = (),
        results: Iterable[FoundResult] = (),
    ) -> None:
        super().__init__(headers)
        self.results: tuple[FoundResult, ...] = tuple(results)
        self.faults: tuple[FoundFault, ...] = tuple(faults)
