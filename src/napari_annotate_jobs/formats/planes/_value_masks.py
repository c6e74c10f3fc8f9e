"""Masks by name, of planes that hold values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ValueMasks", "integer_values", "present"]


class ValueMasks(Mapping[str, "NDArray[np.bool_]"]):
    """The masks of one slice, made anew each time one is asked for.

    Parameters
    ----------
    plane : callable
        Returns the values of the slice in a layer, shape (rows, columns).
    values : mapping of str to (int, sequence of int)
        Layer and values of each label that is on the slice.
    """

    def __init__(
        self,
        plane: Callable[[int], NDArray[np.integer]],
        values: Mapping[str, tuple[int, Sequence[int]]],
    ) -> None:
        self._plane, self._values = plane, values

    def __getitem__(self, name: str) -> NDArray[np.bool_]:
        layer, values = self._values[name]
        plane = self._plane(layer)
        if len(values) == 1:
            return np.asarray(plane == values[0])
        return np.isin(plane, values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def present(plane: NDArray[np.integer]) -> set[int]:
    """Return the values above 0 in a plane."""
    low, high = (int(plane.min()), int(plane.max())) if plane.size else (0, 0)
    if high <= 0:
        return set()
    if high > 1 << 20 or low < 0:
        return {int(value) for value in np.unique(plane) if value > 0}
    counts = np.bincount(plane.ravel(), minlength=1)
    return {int(value) for value in np.flatnonzero(counts) if value}


def integer_values(array: NDArray[np.generic], where: Path) -> NDArray[np.integer]:
    """Return label values as whole numbers.

    Raises
    ------
    CorruptError
        If there are others among them.
    """
    if array.dtype.kind in "iu":
        found: NDArray[np.integer] = array  # type: ignore[assignment]
        return found
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if np.array_equal(whole, array) and abs(whole).max(initial=0) < 1 << 31:
            return np.asarray(whole, np.int32)
    raise CorruptError(
        f"its voxels ({array.dtype}) are not whole numbers, so they name no labels",
        where=where,
        remedy="Write label values, not probabilities or an image",
    )
