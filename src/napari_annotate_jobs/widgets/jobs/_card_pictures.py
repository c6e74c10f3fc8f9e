"""Small pictures of the cases of jobs, for the cards that are seen."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QPixmap

from ._paint import to_image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_annotate_jobs.model import JobSummary

    Reply = Callable[[Sequence[Any]], None]
    PictureSource = Callable[[JobSummary, Reply], None]

__all__ = ["CardPictures", "identity"]

KEPT = 200
"""Jobs whose pictures are kept."""


class CardPictures(QObject):
    """Asks for the pictures of one job after the other, of those that are seen.

    What changed is drawn anew when it is seen, and shown as it was until then.

    Parameters
    ----------
    parent : QObject, optional
        Owns it.
    """

    changed = Signal()
    """There are pictures that were not there."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source: PictureSource | None = None
        self._kept: OrderedDict[tuple[str, str], tuple[Any, tuple[QPixmap, ...]]] = (
            OrderedDict()
        )
        self._asked: object | None = None
        self._wanted: list[JobSummary] = []

    def set_source(self, source: PictureSource | None) -> None:
        """Take pictures from a source, which replies when it has them.

        Parameters
        ----------
        source : callable
            Takes a job and what to call with its pictures, each an ndarray of uint8,
            shape (height, width, 3); none if they cannot be drawn.
        """
        self._source, self._asked = source, None
        self._kept.clear()
        self._ask()

    def of(self, summary: JobSummary) -> tuple[QPixmap, ...] | None:
        """Return the pictures of a job; None while they are not known."""
        found = self._kept.get(identity(summary))
        return None if found is None else found[1]

    def want(self, summaries: Sequence[JobSummary]) -> None:
        """Say which jobs are seen."""
        self._wanted = list(summaries)
        self._ask()

    def drop(self, job_id: str) -> None:
        """Draw the cases of a job anew when it is seen."""
        for place, (_, pictures) in self._kept.items():
            if place[1] == job_id:
                self._kept[place] = None, pictures

    def _ask(self) -> None:
        if self._source is None or self._asked is not None:
            return
        for summary in self._wanted:
            found = self._kept.get(identity(summary))
            if found is None or found[0] != _stamp(summary):
                break
        else:
            return
        asked = self._asked = object()

        def reply(pictures: Sequence[Any]) -> None:
            if self._asked is asked:
                self._asked = None
                self._take(summary, pictures)

        self._source(summary, reply)

    def _take(self, summary: JobSummary, pictures: Sequence[Any]) -> None:
        place = identity(summary)
        drawn = tuple(QPixmap.fromImage(to_image(picture)) for picture in pictures)
        self._kept[place] = _stamp(summary), drawn
        self._kept.move_to_end(place)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.changed.emit()
        self._ask()


def identity(summary: JobSummary) -> tuple[str, str]:
    """Return what tells a job from all others."""
    return summary.location, summary.job.id


def _stamp(summary: JobSummary) -> tuple[Any, Any]:
    """Return what changes when cases of a job do."""
    return summary.counts, summary.reviews
