"""One 2D image, and the numbers that place it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._record import Record

__all__ = ["Frame", "of_length", "orientation_of", "pair_of"]


@dataclass(slots=True)
class Frame:
    """One 2D image of a DICOM file.

    Parameters
    ----------
    record : Record
        The file.
    number : int or None
        Frame number from 1; None in a single-frame file.
    position, orientation : tuple of float or None
        Image Position and Orientation (Patient), mm and cosines.
    spacing : tuple of float or None
        (row, column) distance in mm.
    slope, intercept : float
        Of the modality rescale.
    traits : dict
        What may tell the volumes of one series apart, by kind.
    offset, length : int
        Byte range of the frame; length 0 where only pydicom can find it.
    tile : tuple of int, optional
        (top, left, rows, columns) within a sheet of many slices; `number` counts
        the tiles.
    nameless : bool
        Whether its SOP Instance UID is that of another image too.
    """

    record: Record
    number: int | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None
    slope: float
    intercept: float
    traits: dict[str, Any] = field(default_factory=dict)
    offset: int = 0
    length: int = 0
    tile: tuple[int, int, int, int] | None = None
    nameless: bool = False

    @property
    def rows(self) -> int:
        """Pixels in a column."""
        rows: int = self.record.values["Rows"] if self.tile is None else self.tile[2]
        return rows

    @property
    def columns(self) -> int:
        """Pixels in a row."""
        if self.tile is not None:
            return self.tile[3]
        columns: int = self.record.values["Columns"]
        return columns

    @property
    def order(self) -> tuple[float, int, str]:
        """Sorts frames that have no position."""
        values = self.record.values
        instance = values.get("InstanceNumber")
        return (
            math.inf if instance is None else float(instance),
            self.number or 0,
            str(self.record.file.path),
        )


def pair_of(values: dict[str, Any], *names: str) -> tuple[float, float] | None:
    """Return the first of the named pairs that is a sane spacing, mm."""
    for name in names:
        numbers = values.get(name)
        if numbers and len(numbers) == 2:
            first, second = numbers
            if 0 < first < 1000 and 0 < second < 1000:
                return (float(first), float(second))
    return None


def of_length(numbers: Any, length: int) -> tuple[float, ...] | None:
    """Return the numbers if there are so many and all are finite."""
    if not numbers or len(numbers) != length:
        return None
    numbers = tuple(map(float, numbers))
    return numbers if all(map(math.isfinite, numbers)) else None


def orientation_of(numbers: Any) -> tuple[float, ...] | None:
    """Return the six cosines if both directions are unit and at right angles."""
    cosines = of_length(numbers, 6)
    return cosines if cosines is not None and _are_axes(cosines) else None


@lru_cache(64)
def _are_axes(cosines: tuple[float, ...]) -> bool:
    a, b, c, d, e, f = cosines
    row, column = math.hypot(a, b, c), math.hypot(d, e, f)
    if abs(row - 1) > 0.01 or abs(column - 1) > 0.01:
        return False
    return abs(a * d + b * e + c * f) < 0.01
