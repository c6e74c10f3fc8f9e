"""What every layer of a case has in common: the reference series' geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_annotate_jobs.imaging import SeriesHeader

__all__ = ["CASE_KEY", "Geometry"]

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
    metadata : dict
        The patient affine and what identifies the series; no patient data.
    """

    shape: tuple[int, int, int]
    scale: tuple[float, float, float]
    units: str
    metadata: dict[str, Any]

    @classmethod
    def of(cls, header: SeriesHeader, case_name: str) -> Geometry:
        """Read it off a series."""
        slices, rows, columns = header.shape[:3]
        return cls(
            shape=(slices, rows, columns),
            scale=header.spacing,
            units="mm" if header.has_spacing else "pixel",
            metadata={
                CASE_KEY: {
                    "case": case_name,
                    "series_uid": header.series_uid,
                    "frame_of_reference": header.frame_of_reference,
                    "modality": header.modality,
                },
                "affine_lps": header.affine,
            },
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

    def slice_of(self, viewer: ViewerModel, layer: Layer) -> int:
        """Return the index of the slice that is shown."""
        point = layer.world_to_data(viewer.dims.point[-layer.ndim :])
        return min(max(round(float(point[0])), 0), self.shape[0] - 1)

    def show_slice(self, viewer: ViewerModel, layer: Layer, index: int) -> None:
        """Move the viewer to a slice."""
        world = layer.data_to_world((index, 0, 0))
        axis = viewer.dims.ndim - layer.ndim
        viewer.dims.set_point(axis, float(world[0]))
