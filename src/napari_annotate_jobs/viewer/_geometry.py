"""What every layer of a case has in common: the reference series' geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = [
    "CASE_KEY",
    "Geometry",
    "HeldPlace",
    "index_at",
]

CASE_KEY = "napari_annotate_jobs"
"""Key of our entry in the metadata of the layers we make."""


@dataclass(frozen=True)
class Geometry:
    """Scale, units and axes of the reference series.

    Parameters
    ----------
    shape : tuple of int
        (slices, rows, columns).
    scale : tuple of float
        Size of a voxel along the same axes, in `units`.
    units : str
        ``"mm"``, or ``"pixel"`` where the series has no spacing.
    volumes : int
        How many there are on this grid, such as time points.
    volume : int
        Which of them is the reference.
    axis : str
        What they differ in: ``"time"``, ``"b-value"`` ...; nothing if there is one.
    metadata : dict
        The patient affine and what identifies the series; no patient data.
    """

    shape: tuple[int, int, int]
    scale: tuple[float, float, float]
    units: str
    metadata: dict[str, Any]
    volumes: int = 1
    volume: int = 0
    axis: str = ""

    @classmethod
    def of(cls, header: SeriesHeader, case_name: str, case_id: str = "") -> Geometry:
        """Read it off a series of a case."""
        slices, rows, columns = header.shape[:3]
        several = bool(header.siblings) and header.split is not None
        return cls(
            shape=(slices, rows, columns),
            scale=header.spacing,
            units="mm" if header.has_spacing else "pixel",
            metadata={
                CASE_KEY: {
                    "case": case_name,
                    "case_id": case_id,
                    "series_uid": header.series_uid,
                    "frame_of_reference": header.frame_of_reference,
                    "modality": header.modality,
                },
                "affine_lps": header.affine,
            },
            volumes=1 + len(header.siblings),
            volume=header.volume,
            axis=header.split.by if several and header.split else "",
        )

    @property
    def layer_kwargs(self) -> dict[str, Any]:
        """Arguments for every layer in this geometry."""
        return {
            "scale": self.scale,
            "units": (self.units,) * 3,
            "axis_labels": ("slice", "row", "column"),
            "metadata": dict(self.metadata),
        }

    @property
    def image_kwargs(self) -> dict[str, Any]:
        """Arguments for the image, which has one more axis if it has volumes."""
        kwargs = self.layer_kwargs
        if self.volumes > 1:
            kwargs["scale"] = (1.0, *kwargs["scale"])
            kwargs["units"] = ("pixel", *kwargs["units"])
            kwargs["axis_labels"] = (self.axis, *kwargs["axis_labels"])
        return kwargs

    def slice_of(self, viewer: ViewerModel, layer: Layer) -> int:
        """Return the index of the slice that is shown."""
        place = index_at(layer, viewer.dims.point)[0]
        return min(max(round(place), 0), self.shape[0] - 1)

    def volume_of(self, viewer: ViewerModel, layer: Layer) -> int:
        """Return the index of the volume that is shown; 0 if there is but one."""
        if self.volumes == 1:
            return 0
        place = layer.world_to_data(viewer.dims.point[-layer.ndim :])[0]
        return min(max(round(float(place)), 0), self.volumes - 1)

    def show_slice(self, viewer: ViewerModel, layer: Layer, index: int) -> None:
        """Move the viewer to a slice."""
        world = layer.data_to_world((*(0,) * (layer.ndim - 3), index, 0, 0))
        viewer.dims.set_point(viewer.dims.ndim - 3, float(world[-3]))

    def show_volume(self, viewer: ViewerModel, layer: Layer, volume: int) -> None:
        """Move the viewer to a volume, and let the arrow keys step through slices."""
        dims = viewer.dims
        if self.volumes > 1:
            dims.set_point(dims.ndim - layer.ndim, float(volume))
        dims.last_used = dims.ndim - 3


def index_at(layer: Layer, position: Sequence[float]) -> tuple[float, float, float]:
    """Return slice, row and column of a place in the world.

    Parameters
    ----------
    layer : Layer
        The image, with or without an axis of volumes in front.
    position : sequence of float
        World coordinates, of as many axes as the viewer has; what is missing in front
        is taken for 0.
    """
    known = _INVERSES.get(layer)
    if known is None:
        known = _INVERSES[layer] = _inverse(layer)
    origin, axes = known
    place = np.asarray(position, float)[-layer.ndim :]
    index = origin + place @ axes[layer.ndim - len(place) :]
    return float(index[-3]), float(index[-2]), float(index[-1])


class HeldPlace:
    """Keeps a layer of a case where its image lies, whatever is tried with it.

    napari's tool to transform layers would show what is said beside what it is said
    of, on the screen alone.

    Parameters
    ----------
    layer : Layer
        A layer of the open case.
    tell : callable
        Takes what the user should know.
    """

    def __init__(self, layer: Layer, tell: Callable[[str], object]) -> None:
        self._layer, self._tell = layer, tell
        self._affine = np.array(layer.affine.affine_matrix)
        layer.events.affine.connect(self._put_back)

    def _put_back(self) -> None:
        layer = self._layer
        if not np.array_equal(layer.affine.affine_matrix, self._affine):
            layer.mode = "pan_zoom"
            layer.affine = self._affine
            self._tell(
                f"{layer.name} lies on the image of the case: it cannot be moved away."
            )

    def close(self) -> None:
        """Let the layer go."""
        self._layer.events.affine.disconnect(self._put_back)


_INVERSES: WeakKeyDictionary[Layer, tuple[NDArray[Any], NDArray[Any]]] = (
    WeakKeyDictionary()
)
"""Index of the world's origin, and change of the index along each of its axes: napari
makes its transforms anew, with their units, whenever one is asked for."""


def _inverse(layer: Layer) -> tuple[NDArray[Any], NDArray[Any]]:
    for name in ("scale", "translate", "rotate", "shear", "affine", "units", "data"):
        getattr(layer.events, name).connect(_forget)
    origin = np.asarray(layer.world_to_data(np.zeros(layer.ndim)))
    axes = [layer.world_to_data(axis) - origin for axis in np.eye(layer.ndim)]
    return origin, np.asarray(axes)


def _forget(event: Any) -> None:
    _INVERSES.pop(event.source, None)
