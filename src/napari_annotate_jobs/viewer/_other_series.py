"""The other series of a case, beside the one that is annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_annotate_jobs.errors import Cancelled
from napari_annotate_jobs.session import Connections, open_others

from ._geometry import Geometry
from ._images import grey_colormap
from ._resampled import ResampledSeries
from ._two_places import TwoPlaces

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series, SeriesHeader
    from napari_annotate_jobs.imaging._onto_grid import OntoGrid
    from napari_annotate_jobs.model import SeriesRef, Window
    from napari_annotate_jobs.session import AnnotationSession, Executor

    from ._progress import Bars

__all__ = ["OtherSeries", "world_affine"]

PARALLEL = 0.02
"""Sine of the angle up to which two series count as parallel, about 1 degree."""


def world_affine(
    reference: SeriesHeader, other: SeriesHeader
) -> NDArray[np.float64] | None:
    """Return where another series lies in the reference's world.

    Parameters
    ----------
    reference, other : SeriesHeader
        Both with patient geometry.

    Returns
    -------
    ndarray of float64, shape (4, 4), or None
        From the other's indices to the world of the reference (mm along its
        slices, rows and columns). None if they have no frame of reference in
        common, or are not parallel: napari shows no oblique slices. None too where
        the gaps of either are so uneven that slices would lie beside their place.
    """
    if reference.affine is None or other.affine is None:
        return None
    if reference.frame_of_reference != other.frame_of_reference:
        return None
    thinnest = min(reference.spacing[0], other.spacing[0])
    if max(reference.unevenness, other.unevenness) > thinnest / 2:
        return None
    scale = np.diag([*reference.spacing, 1.0])
    matrix = scale @ np.linalg.inv(reference.affine) @ other.affine
    linear = matrix[:3, :3]
    lengths = np.linalg.norm(linear, axis=0)
    off = linear / lengths
    off[np.diag_indices(3)] = 0
    if np.abs(off).max() > PARALLEL:
        return None
    matrix[:3, :3] = np.diag(np.diagonal(linear))
    return matrix


class OtherSeries:
    """Image layers of the series that are looked at, and not annotated.

    Parameters
    ----------
    viewer : ViewerModel
        Where to show them.
    session : AnnotationSession
        With an open case.
    images : Executor
        Reads pixels.
    on_error : callable
        Takes an error to show.
    budget : int, optional
        Bytes; larger series are read slice by slice when they are looked at.
    bars : Bars
        Show how far resampling is.
    tell : callable
        Called when another layer is at hand.
    fit : callable
        Called when the image has more room, or less.
    claim : callable
        Called with each layer before it is added.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: AnnotationSession,
        images: Executor,
        *,
        on_error: Callable[[Exception], None],
        budget: int | None,
        bars: Bars,
        tell: Callable[[], None] = lambda: None,
        fit: Callable[[], None] = lambda: None,
        claim: Callable[[Layer], None] = lambda _: None,
    ) -> None:
        self.layers: list[Image] = []
        self._claim = claim
        self._viewer, self._session = viewer, session
        self._images, self._on_error = images, on_error
        self._budget, self._bars = budget, bars
        self._tell, self._fit = tell, fit
        self._resampled: list[ResampledSeries] = []
        self._places = TwoPlaces(viewer)
        self._connections = Connections()
        self._closed = False

    def start(self) -> None:
        """Begin to open them."""
        open_others(self._session, self._read)

    @property
    def at_hand(self) -> str:
        """Name of the series that is resampled, if its layer is the active one."""
        active = self._viewer.layers.selection.active
        found = (each for each in self._resampled if each.layer is active)
        return next((each.name for each in found), "")

    def _read(self, ref: SeriesRef, series: Series) -> None:
        case = self._session.case
        if case is not None and not self._closed:
            reference = case.series.header
            onto = series.onto(reference)
            if onto is not None and world_affine(reference, series.header) is None:
                self._offer(ref, series, onto)
                return
        lazy = self._budget is not None and series.nbytes > self._budget

        def task() -> tuple[Any, tuple[Window, ...]]:
            if lazy:
                return series.stack(self._budget), series.suggested_windows()
            voxels = series.read_all(cancelled=lambda: self._closed)
            return voxels, series.suggested_windows(series.own_of(voxels))

        def done(found: tuple[Any, tuple[Window, ...]]) -> None:
            if not self._closed:
                self._show(ref, series.header, *found)

        def failed(error: Exception) -> None:
            if not isinstance(error, Cancelled):
                self._on_error(error)

        self._images.run(task, done, failed)

    def _offer(self, ref: SeriesRef, series: Series, onto: OntoGrid) -> None:
        """Have a series resampled once its layer is shown."""
        case = self._session.case
        assert case is not None
        if not self._resampled:
            active = self._viewer.layers.selection.events.active
            self._connections.connect(active, self._on_active)
        found = ResampledSeries(
            self._session,
            series,
            onto,
            Geometry.of(case.series.header, case.row.case.name),
            ref.description or series.header.name,
            images=self._images,
            bars=self._bars,
            on_error=self._on_error,
            budget=self._budget,
        )
        self._resampled.append(found)
        self._add(found.layer)
        self._connections.connect(found.layer.events.visible, self._lay_out)

    def _lay_out(self) -> None:
        """Put what is resampled, and shown, beside the image that is annotated."""
        shown = [each.layer for each in self._resampled if each.layer.visible]
        grid = self._viewer.canvas.grid
        if self._places.is_shown or not grid.enabled:  # else somebody has use for it
            self._places.show(shown)
            self._fit()

    def make_room(self) -> None:
        """Show nothing beside the image that is annotated."""
        for each in self._resampled:
            each.layer.visible = False

    def _on_active(self) -> None:
        self._tell()

    def _show(
        self,
        ref: SeriesRef,
        header: SeriesHeader,
        voxels: Any,
        windows: tuple[Window, ...],
    ) -> None:
        case = self._session.case
        if case is None:
            return
        reference = case.series.header
        affine = world_affine(reference, header)
        name = ref.description or header.name
        geometry = Geometry.of(header, name)
        kwargs = geometry.image_kwargs
        kwargs["metadata"] = {"affine_lps": header.affine}
        unit = "mm" if reference.has_spacing else "pixel"
        kwargs["units"] = (*kwargs["units"][:-3], *(unit,) * 3)
        if affine is not None:
            del kwargs["scale"]
            if geometry.volumes > 1:  # the axis in front stays what it is
                larger = np.eye(5)
                larger[1:, 1:] = affine
                affine = larger
            kwargs["affine"] = affine
        elif header.shape[:3] != reference.shape[:3]:
            name = f"{name} (not aligned)"
        if not header.is_color:
            kwargs["contrast_limits"] = windows[0].limits
            kwargs["colormap"] = grey_colormap(windows[0], header.inverted)
        layer = Image(
            voxels,
            name=name,
            rgb=header.is_color,
            visible=False,
            **kwargs,
        )
        self._add(layer)

    def _add(self, layer: Image) -> None:
        """Add a layer below all others; what is chosen and shown stays."""
        active = self._viewer.layers.selection.active
        dims = self._viewer.dims
        used = dims.ndim - dims.last_used
        self.layers.append(layer)
        self._claim(layer)
        self._viewer.add_layer(layer)
        self._viewer.layers.move(self._viewer.layers.index(layer), 0)
        self._viewer.layers.selection.active = active
        # with an axis more in front, the arrow keys step through slices as before
        dims.last_used = dims.ndim - used

    def stop(self) -> None:
        """Read and show no more; what is there stays, for now."""
        self._closed = True
        self._connections.release()
        self._places.hide()
        for each in self._resampled:
            each.close()
        self._resampled.clear()

    def close(self) -> None:
        """Take the layers away."""
        self.stop()
        for layer in self.layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
