"""A series with its voxels in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import GeometryError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_annotate_jobs.model import SliceId, Window

    from ._header import SeriesHeader
    from ._types import ImageWarning

__all__ = ["Volume"]


@dataclass(frozen=True, eq=False)
class Volume:
    """A series with its voxels.

    Parameters
    ----------
    header : SeriesHeader
        What the series is.
    voxels : numpy.ndarray
        Shape ``header.shape``: (slice, row, column[, channel]), in modality
        units (HU for CT). Integer types are kept.
    """

    header: SeriesHeader
    voxels: NDArray[Any]

    def __post_init__(self) -> None:
        if tuple(self.voxels.shape) != tuple(self.header.shape):
            raise GeometryError(
                f"voxels of shape {self.voxels.shape} for {self.header.shape}",
                where=self.header.path,
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """(slices, rows, columns[, channels])."""
        return self.header.shape

    @property
    def spacing(self) -> tuple[float, float, float]:
        """(slice, row, column) distances in mm."""
        return self.header.spacing

    @property
    def has_spacing(self) -> bool:
        """Whether the in-plane spacing is known."""
        return self.header.has_spacing

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """(slice, row, column, 1) to patient LPS in mm, shape (4, 4), or None."""
        return self.header.affine

    @property
    def slices(self) -> tuple[SliceId, ...]:
        """The names of the slices."""
        return self.header.slices

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows stored in the image."""
        return self.header.windows

    @property
    def inverted(self) -> bool:
        """Whether high values are shown dark."""
        return self.header.inverted

    @property
    def rescale(self) -> tuple[float, float] | None:
        """(slope, intercept) that were applied, or None where they differ."""
        return self.header.rescale

    @property
    def unit(self) -> str:
        """Unit of the voxel values."""
        return self.header.unit

    @property
    def modality(self) -> str | None:
        """Modality (0008,0060)."""
        return self.header.modality

    @property
    def description(self) -> str | None:
        """Series Description (0008,103E)."""
        return self.header.description

    @property
    def series_uid(self) -> str | None:
        """Series Instance UID (0020,000E)."""
        return self.header.series_uid

    @property
    def frame_of_reference(self) -> str | None:
        """Frame of Reference UID (0020,0052)."""
        return self.header.frame_of_reference

    @property
    def warnings(self) -> tuple[ImageWarning, ...]:
        """What the annotator should know."""
        return self.header.warnings
