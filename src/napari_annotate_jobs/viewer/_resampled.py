"""A series of another orientation, on the grid of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_annotate_jobs.errors import Cancelled, ImagingError
from napari_annotate_jobs.session import Work

from ._images import grey_colormap

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.imaging._onto_grid import OntoGrid
    from napari_annotate_jobs.model import Window
    from napari_annotate_jobs.session import AnnotationSession, Executor

    from ._geometry import Geometry
    from ._progress import Bars

__all__ = ["ResampledSeries"]

CHUNK = 8
"""Slices that are resampled before the interface hears of it."""


class ResampledSeries:
    """An image layer that is read and resampled once somebody looks at it.

    Slice by slice, the one that is shown first, so that nothing waits for it; where
    the series does not reach, there is nothing to be seen.

    Parameters
    ----------
    session : AnnotationSession
        With an open case.
    series : Series
        What is looked at.
    onto : OntoGrid
        Resamples it onto the slices of the reference.
    geometry : Geometry
        Of the reference.
    name : str
        Of the series.
    images : Executor
        Reads pixels, and resamples them.
    bars : Bars
        Show how far it is, with Cancel.
    on_error : callable
        Takes an error to show.
    budget : int, optional
        Bytes that pixels may take.
    """

    def __init__(
        self,
        session: AnnotationSession,
        series: Series,
        onto: OntoGrid,
        geometry: Geometry,
        name: str,
        *,
        images: Executor,
        bars: Bars,
        on_error: Callable[[Exception], None],
        budget: int | None,
    ) -> None:
        self._session, self._series, self._onto = session, series, onto
        self._images, self._bars, self._on_error = images, bars, on_error
        self._budget, self.name = budget, name
        self._shape = geometry.shape
        self._work: Work | None = None
        self._left: set[int] = set()
        self._closed = False
        header = series.header
        metadata = {"affine_lps": geometry.metadata["affine_lps"], "resampled": True}
        self.layer = Image(
            self._nothing(),
            name=f"{name} (resampled)",
            visible=False,
            contrast_limits=(0, 1),
            colormap="gray_r" if header.inverted else "gray",
            **{**geometry.layer_kwargs, "metadata": metadata},
        )
        self.layer.events.visible.connect(self._on_visible)

    def _nothing(self) -> NDArray[np.float32]:
        """Return an image of the reference's shape that takes no memory."""
        return np.broadcast_to(np.float32(np.nan), self._shape)

    def _on_visible(self) -> None:
        if self.layer.visible and self._work is None and not self._closed:
            self._begin()

    def _begin(self) -> None:
        size = 4 * int(np.prod(self._shape)) + self._series.nbytes
        if self._budget is not None and size > self._budget:
            self.layer.visible = False
            self._on_error(
                ImagingError(
                    f"it takes {size / 1e9:.1f} GB to be resampled onto the series "
                    f"that is annotated, and images may take {self._budget / 1e9:.1f}",
                    where=self.name,
                    remedy="Let images take more memory, in the preferences of the "
                    "plugin",
                )
            )
            return
        self._work = work = Work(f"Resampling {self.name}")
        work.report(0, self._shape[0])
        self._bars.add(work)
        self._left = set(range(self._shape[0]))

        def stopped() -> bool:
            return self._closed or work.cancelled()

        def task() -> tuple[NDArray[Any], tuple[Window, ...], NDArray[np.float32]]:
            voxels = self._series.read(cancelled=stopped)
            room = np.full(self._shape, np.nan, np.float32)
            return voxels, self._series.suggested_windows(voxels), room

        def done(found: tuple[Any, tuple[Window, ...], NDArray[np.float32]]) -> None:
            voxels, windows, room = found
            if stopped():
                self._stop()
                return
            # what says how values lie is known with the pixels alone
            self.layer.contrast_limits = windows[0].limits
            self.layer.colormap = grey_colormap(
                windows[0], self._series.header.inverted
            )
            self.layer.data = room
            self._go_on(voxels, room)

        self._images.run(task, done, self._failed)

    def _go_on(self, voxels: NDArray[Any], room: NDArray[np.float32]) -> None:
        """Resample the nearest slices that are not there yet, then the next."""
        work = self._work
        if self._closed or work is None or work.cancelled():
            self._stop()
            return
        if not self._left:
            self._bars.remove(work)
            self.layer.refresh()
            return
        here = self._session.slice if self._session.is_open else 0
        near = sorted(self._left, key=lambda i: (abs(i - here), i))[:CHUNK]

        def task() -> dict[int, NDArray[np.float32]]:
            return {
                index: self._onto.plane(voxels, index)
                for index in near
                if not self._closed and not work.cancelled()
            }

        def done(planes: dict[int, NDArray[np.float32]]) -> None:
            if not self._closed:
                for index, plane in planes.items():
                    room[index] = plane
                self._left.difference_update(near)
                work.report(self._shape[0] - len(self._left), self._shape[0])
                if self._session.is_open and self._session.slice in planes:
                    self.layer.refresh()
            self._go_on(voxels, room)

        # Some at a time: what else is to be read comes in between.
        self._images.run(task, done, self._failed)

    def _failed(self, error: Exception) -> None:
        is_stopped = self._closed
        self._stop()
        if not isinstance(error, Cancelled) and not is_stopped:
            self._on_error(error)

    def _stop(self) -> None:
        """Have nothing again: it can be begun anew."""
        work, self._work = self._work, None
        if work is not None:
            self._bars.remove(work)
        if not self._closed:
            self.layer.visible = False
            self.layer.data = self._nothing()

    def close(self) -> None:
        """Resample no more; nothing arrives afterwards."""
        self._closed = True
        self.layer.events.visible.disconnect(self._on_visible)
        if self._work is not None:
            self._work.cancel()
            self._bars.remove(self._work)
