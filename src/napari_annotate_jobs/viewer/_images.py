"""The reference image: filled in the background, shown in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from napari.utils.colormaps import Colormap

from napari_annotate_jobs.errors import (
    Cancelled,
    StoreAccessError,
    UnreadableImageError,
)
from napari_annotate_jobs.session import Connected, Connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import Window
    from napari_annotate_jobs.session import Executor

    from ._geometry import Geometry
    from ._own_case import OwnCase

__all__ = ["ImageLayer", "VolumeLoader"]

Place = tuple[int, int]
"""Indices of a volume and of a slice in it."""
GREYS = ("gray", "gray_r")
"""Colormaps: as it is, and inverted."""
CHUNK = 16
"""Slices read before the interface hears of it."""
AWAY_SECONDS = 3.0
"""Until images are asked for again that a server did not send."""
COMPLAINTS = 3
"""Broken slices that are told one by one; of more only the number is told."""


def grey_colormap(window: Window, inverted: bool) -> str | Colormap:
    """Return the greys of a window, from its lower to its upper end."""
    greys = np.array(window.greys)
    if not greys.size:
        return GREYS[inverted]
    if inverted:
        greys = 1 - greys
    name = f"{window.explanation or window.function.value}{' inverted' * inverted}"
    return Colormap(np.repeat(greys[:, None], 3, axis=1), name=name)


class VolumeLoader:
    """Reads a series into an array, the slices near the current one first.

    Parameters
    ----------
    series : Series
        What to read.
    executor : Executor
        Runs the reading.
    current : callable
        Returns the indices of the volume and the slice that are shown.
    on_progress : callable
        Takes the number of slices read and of all slices, and the set of those
        that just came, as (volume, slice); on the interface's thread.
    on_error : callable
        Takes an error; the other slices are read all the same.
    budget : int, optional
        Bytes; a larger series is not read as a whole, but slice by slice when it
        is looked at.
    ready : ndarray, optional
        Its voxels, if they were read ahead.
    """

    def __init__(
        self,
        series: Series,
        executor: Executor,
        *,
        current: Callable[[], tuple[int, int]],
        on_progress: Callable[[int, int, frozenset[Place]], None],
        on_error: Callable[[Exception], None],
        budget: int | None = None,
        ready: NDArray[Any] | None = None,
    ) -> None:
        self.is_lazy = ready is None and budget is not None and series.nbytes > budget
        self.voxels: Any = ready
        if self.is_lazy:
            self.voxels = series.stack(budget)
        elif ready is None:
            self.voxels = np.zeros(series.shape, dtype=series.dtype)
        whole = self.is_lazy or ready is not None
        self._volumes = series.volumes
        self.filled = np.full((len(self._volumes), series.header.shape[0]), whole)
        self._executor = executor
        self._current = current
        self._on_progress, self._on_error = on_progress, on_error
        self._cancelled = self._away = False
        self._alone: list[Place] = []
        self.broken: list[Place] = []

    @property
    def is_done(self) -> bool:
        """True if every slice is there, but for the broken ones."""
        return bool(self.filled.all())

    def volume(self, index: int) -> Any:
        """Return the voxels of one volume, (slices, rows, columns[, channels])."""
        return self.voxels if len(self._volumes) == 1 else self.voxels[index]

    def start(self) -> None:
        """Begin to read; the first slice comes alone, so that it is shown at once."""
        self._next(1)

    def cancel(self) -> None:
        """Stop reading; what is there stays."""
        self._cancelled = True

    def _next(self, count: int) -> None:
        if self._cancelled or self.is_done:
            return
        if self._alone:  # one of these is broken
            chosen = [self._alone.pop(0)]
        else:
            volumes, slices = np.nonzero(~self.filled)
            volume, index = self._current()
            near = np.lexsort((np.abs(slices - index), np.abs(volumes - volume)))
            chosen = [(int(volumes[i]), int(slices[i])) for i in near[:count]]

        def task() -> None:
            for volume in dict.fromkeys(volume for volume, _ in chosen):
                self._volumes[volume].read(
                    out=self.volume(volume),
                    order=[index for own, index in chosen if own == volume],
                    cancelled=lambda: self._cancelled,
                )

        def done(_: None) -> None:
            self._came(chosen)

        def failed(error: Exception) -> None:
            if self._cancelled or isinstance(error, Cancelled):
                return
            if isinstance(error, StoreAccessError):  # nothing is wrong with the images
                if not self._away:
                    self._away = True
                    self._on_error(error)
                self._executor.later(AWAY_SECONDS, lambda: self._next(1))
                return
            if len(chosen) > 1:
                self._alone = chosen
                self._next(1)
                return
            self.broken += chosen
            if len(self.broken) <= COMPLAINTS:
                self._on_error(error)
            self._came(chosen)

        self._executor.run(task, done, failed)

    def _came(self, chosen: list[Place]) -> None:
        self._away = False
        for place in chosen:
            self.filled[place] = True
        if self._cancelled:
            return
        self._on_progress(int(self.filled.sum()), self.filled.size, frozenset(chosen))
        if self.is_done and len(self.broken) > COMPLAINTS:
            self._on_error(
                UnreadableImageError(
                    f"{len(self.broken)} of {self.filled.size} slices cannot be read",
                    remedy="They are shown empty: copy or export the series again",
                )
            )
        self._next(CHUNK)


class ImageLayer(Connected):
    """The reference series as an Image layer, in step with the session's window.

    Parameters
    ----------
    session : OwnCase
        The case.
    voxels : ndarray
        (slices, rows, columns[, channels]), behind the axis of the volumes if there
        are several.
    geometry : Geometry
        Of the series.
    """

    def __init__(
        self,
        session: OwnCase,
        voxels: NDArray[Any],
        geometry: Geometry,
        *,
        name: str,
    ) -> None:
        self._session = session
        self._showing = False
        self._greys = () if session.window is None else session.window.greys
        self.is_color = voxels.ndim - (geometry.volumes > 1) == 4
        limits: tuple[float, float] | None = None
        kwargs: dict[str, Any] = {}
        if not self.is_color:
            assert session.window is not None
            limits = session.window.limits
            kwargs = {
                "contrast_limits": limits,
                "colormap": grey_colormap(session.window, session.inverted),
            }
        self.layer = Image(
            voxels,
            name=name,
            rgb=self.is_color,
            interpolation2d="linear",
            **kwargs,
            **geometry.image_kwargs,
        )
        self._connections = Connections()
        if limits is not None:
            self._widen(*limits)
            self._connections.connect(session.window_changed, self._show_window)
            self._connections.connect(session.inverted_changed, self._invert)
            self._connections.connect(
                self.layer.events.contrast_limits, self._on_contrast_limits
            )

    def _invert(self, inverted: bool) -> None:
        assert self._session.window is not None
        self._greys = self._session.window.greys
        self.layer.colormap = grey_colormap(self._session.window, inverted)

    def _show_window(self, window: Window) -> None:
        low, high = window.limits
        if window.greys != self._greys:
            self._invert(self._session.inverted)
        if np.array_equal(self.layer.contrast_limits, (low, high)):
            return
        # napari clips the limits to each new range, and tells of that.
        self._showing = True
        try:
            self._widen(low, high)
            self.layer.contrast_limits = (low, high)
        finally:
            self._showing = False

    def _widen(self, low: float, high: float) -> None:
        """Let napari's own slider reach a little beyond the window."""
        first, last = self.layer.contrast_limits_range
        if first <= low and high <= last <= first + 40 * (high - low):
            return
        reach = 4 * (high - low)
        self.layer.contrast_limits_range = (low - reach, high + reach)

    def _on_contrast_limits(self) -> None:
        if self._showing:
            return
        low, high = (float(x) for x in self.layer.contrast_limits)
        window = self._session.window
        if window is None or high <= low or np.allclose(window.limits, (low, high)):
            return
        self._session.window = window.between(low, high)
