"""Masks on another grid, looked up voxel by voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._place import slice_origins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import SeriesHeader

    from ._incoming import Incoming, IncomingSlice

__all__ = ["Resampled"]


class Resampled:
    """The masks of a file at the voxels of a case, nearest neighbours.

    Slices keep their own places, with uneven gaps too. What lies further from every
    slice of the file than half of their distance is background.

    Parameters
    ----------
    incoming : Incoming
        With an affine.
    header : SeriesHeader
        With an affine.
    """

    def __init__(self, incoming: Incoming, header: SeriesHeader) -> None:
        assert incoming.affine is not None
        assert header.affine is not None
        self._affine, self._header = incoming.affine, header
        steps = self._affine[:3, :3]
        normal = np.cross(steps[:, 1], steps[:, 2])
        self._normal = normal / np.linalg.norm(normal)
        slices = sorted(incoming.slices, key=lambda s: self._height(s))
        self._origins = np.array([self._origin(s) for s in slices]).reshape(-1, 3)
        self._heights = self._origins @ self._normal
        gap = abs(float(steps[:, 0] @ self._normal))
        if gap < 1e-6 and len(slices) > 1:
            gap = float(np.median(np.diff(self._heights)))
        self._reach = (gap if gap > 1e-6 else header.spacing[0]) / 2 * 1.001
        self._names = sorted({name for s in slices for name in s.masks})
        self._layers = _layers(slices, self._names, incoming.plane)
        boxes = any(s.boxes or s.classes for s in slices)
        self.notes: tuple[str, ...] = ()
        if boxes:
            self.notes = ("Boxes and class labels cannot be resampled: left out.",)

    def _origin(self, each: IncomingSlice) -> NDArray[np.float64]:
        if each.origin is not None:
            return np.asarray(each.origin, float)
        index = each.index or 0
        return np.asarray(self._affine[:3, 3] + index * self._affine[:3, 0])

    def _height(self, each: IncomingSlice) -> float:
        return float(self._origin(each) @ self._normal)

    def masks(self, index: int) -> dict[str, NDArray[np.bool_]]:
        """Return the masks of one slice of the case, those that have a pixel."""
        if not len(self._heights):
            return {}
        rows, columns = self._header.shape[1:3]
        steps = np.asarray(self._header.affine)[:3, 1:3]
        start = slice_origins(self._header)[index]
        points = (
            start
            + np.arange(rows)[:, None, None] * steps[:, 0]
            + np.arange(columns)[None, :, None] * steps[:, 1]
        )
        heights = points @ self._normal
        after = np.searchsorted(self._heights, heights).clip(
            1, max(len(self._heights) - 1, 1)
        )
        if len(self._heights) == 1:
            nearest = np.zeros_like(after)
        else:
            low, high = self._heights[after - 1], self._heights[after]
            nearest = np.where(heights - low <= high - heights, after - 1, after)
        good = abs(heights - self._heights[nearest]) <= self._reach
        back = np.linalg.pinv(self._affine[:3, 1:3])
        place = np.rint((points - self._origins[nearest]) @ back.T).astype(int)
        plane = self._layers[0].shape[1:] if self._layers else (0, 0)
        for axis in (0, 1):
            good &= (place[..., axis] >= 0) & (place[..., axis] < plane[axis])
        found: dict[str, NDArray[np.bool_]] = {}
        for layer in self._layers:
            values = np.zeros((rows, columns), layer.dtype)
            values[good] = layer[nearest[good], place[good, 0], place[good, 1]]
            for value in np.unique(values[values > 0]):
                name, mask = self._names[int(value) - 1], values == value
                found[name] = found[name] | mask if name in found else mask
        return found


def _layers(
    slices: list[IncomingSlice], names: list[str], plane: tuple[int, int]
) -> list[NDArray[np.uint16]]:
    """Put masks into as few volumes as hold them without overlap."""
    layers: list[NDArray[np.uint16]] = []
    for place, each in enumerate(slices):
        for name, mask in each.masks.items():
            value = names.index(name) + 1
            for layer in layers:
                if not layer[place][mask].any():
                    break
            else:
                layer = np.zeros((len(slices), *plane), np.uint16)
                layers.append(layer)
            layer[place][mask] = value
    return layers
