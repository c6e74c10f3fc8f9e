"""Reads the next case while the annotator works on this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.session import peek_next

from ._images import VolumeLoader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series, SeriesHeader
    from napari_annotate_jobs.model import CaseRow
    from napari_annotate_jobs.session import AnnotationSession, Executor

__all__ = ["Prefetcher"]


class Prefetcher:
    """Keeps the voxels of at most one case that is not open yet.

    Parameters
    ----------
    session : AnnotationSession
        Knows which case comes next.
    images : Executor
        Reads pixels, a few slices at a time, so that a case that is opened
        meanwhile need not wait.
    """

    def __init__(self, session: AnnotationSession, images: Executor) -> None:
        self._session, self._images = session, images
        self._loader: VolumeLoader | None = None
        self._case_id = ""
        self._header: Any = None

    def start(self, room: int) -> None:
        """Begin to read the next case, if it fits.

        Parameters
        ----------
        room : int
            Bytes it may take.
        """
        self.cancel()
        if room > 0:
            peek_next(self._session, lambda row, series: self._read(row, series, room))

    def _read(self, row: CaseRow, series: Series, room: int) -> None:
        if series.nbytes > room or not self._session.is_open:
            return
        self.cancel()
        self._case_id, self._header = row.case.id, series.header
        self._loader = VolumeLoader(
            series,
            self._images,
            current=lambda: (0, series.header.shape[0] // 2),
            on_progress=lambda done, total, came: None,
            # What is wrong with it is told when it is its turn.
            on_error=lambda error: self.cancel(),
        )
        self._loader.start()

    def take(self, case_id: str, series: Series) -> NDArray[Any] | None:
        """Return the voxels of a case if they are all there, and forget them."""
        loader, self._loader = self._loader, None
        if loader is None:
            return None
        if (
            case_id == self._case_id
            and loader.is_done
            and _same(series.header, self._header)
        ):
            voxels: NDArray[Any] = loader.voxels
            return voxels
        loader.cancel()
        return None

    def cancel(self) -> None:
        """Stop reading, and forget what was read."""
        if self._loader is not None:
            self._loader.cancel()
            self._loader = None


def _same(one: SeriesHeader, other: SeriesHeader) -> bool:
    """Whether two headers tell of the same files, as they were."""
    return (one.path, one.key, one.all_files) == (
        other.path,
        other.key,
        other.all_files,
    )
