"""Where the slices of a series stand along the strip; no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

__all__ = ["Column", "Scale"]

MAX_CELL = 96.0
"""Widest cell, in pixels: a very short series does not fill the strip."""
MIN_COLUMN = 2.0
"""Cells narrower than this many pixels share a column."""
MIN_SHOWN = 4.0
"""Fewest slices that zooming in leaves."""


@dataclass(frozen=True)
class Column:
    """A column of the strip: one slice, or several where they are narrow.

    Parameters
    ----------
    left, width : int
        In pixels.
    start, stop : int
        The slices it stands for, `stop` not included.
    """

    left: int
    width: int
    start: int
    stop: int


@dataclass(frozen=True)
class Scale:
    """Maps slices to pixels.

    Parameters
    ----------
    n : int
        Number of slices.
    width : int
        Of the strip, in pixels.
    first : float
        The slice at the left edge; may lie between two.
    zoom : float
        1 shows the whole series; 2 half of it.
    """

    n: int = 0
    width: int = 1
    first: float = 0.0
    zoom: float = 1.0

    @property
    def fitting(self) -> float:
        """Width of a cell that shows the whole series, in pixels."""
        return min(self.width / max(self.n, 1), MAX_CELL)

    @property
    def cell(self) -> float:
        """Width of a cell, in pixels."""
        return self.fitting * self.zoom

    @property
    def shown(self) -> float:
        """Number of slices that fit into the width; may exceed `n`."""
        return self.width / self.cell

    @property
    def max_zoom(self) -> float:
        """How far one can zoom in; at least 1."""
        widest = min(MAX_CELL, self.width / MIN_SHOWN)
        return max(widest / self.fitting, 1.0)

    @property
    def is_zoomed(self) -> bool:
        """True if not the whole series is shown."""
        return self.zoom > 1.0

    def left(self, index: float) -> float:
        """Return the left edge of a slice's cell, in pixels."""
        return (index - self.first) * self.cell

    def span(self, start: int, stop: int, least: float = 0.0) -> tuple[float, float]:
        """Return the pixels from slice `start` through `stop`, at least so wide."""
        low, high = self.left(start), self.left(stop + 1)
        if high - low < least:
            middle = (low + high) / 2
            low, high = middle - least / 2, middle + least / 2
        return low, high

    def index_at(self, x: float) -> int:
        """Return the slice at a pixel; outside, the nearest one."""
        index = math.floor(self.first + x / self.cell)
        return min(max(index, 0), max(self.n - 1, 0))

    def is_visible(self, index: int) -> bool:
        """Return True if a slice's cell lies within the width."""
        return -0.5 <= self.left(index) and self.left(index + 1) <= self.width + 0.5

    def _kept(self) -> Scale:
        last = max(self.n - self.shown, 0.0)
        return replace(self, first=min(max(self.first, 0.0), last))

    def resized(self, n: int, width: int) -> Scale:
        """Return the scale for another series or width, the zoom kept if it fits."""
        new = replace(self, n=n, width=max(width, 1))
        if n != self.n:
            new = replace(new, first=0.0, zoom=1.0)
        return replace(new, zoom=min(new.zoom, new.max_zoom))._kept()

    def zoomed(self, factor: float, x: float) -> Scale:
        """Zoom by a factor; the slice at pixel `x` stays where it is."""
        fixed = self.first + x / self.cell
        zoom = min(max(self.zoom * factor, 1.0), self.max_zoom)
        new = replace(self, zoom=zoom)
        return replace(new, first=fixed - x / new.cell)._kept()

    def panned(self, pixels: float) -> Scale:
        """Move the series to the left by so many pixels."""
        return replace(self, first=self.first + pixels / self.cell)._kept()

    def showing(self, index: int) -> Scale:
        """Move the series just as far as `index` needs to be seen, and a bit."""
        if self.is_visible(index):
            return self
        spare = min(self.shown / 4, 3.0)
        if self.left(index) < 0:
            return replace(self, first=index - spare)._kept()
        return replace(self, first=index + 1 + spare - self.shown)._kept()

    def columns(self) -> list[Column]:
        """Return the columns in sight, from left to right.

        Where cells are narrower than :data:`MIN_COLUMN`, neighbours share a
        column; which ones depends on the zoom only, so that nothing flickers
        when the strip is moved.
        """
        if not self.n:
            return []
        each = self.per_column
        start = max(math.floor(self.first), 0) // each * each
        found = []
        while start < self.n and self.left(start) < self.width:
            stop = min(start + each, self.n)
            left, right = round(self.left(start)), round(self.left(stop))
            if right > left:
                found.append(Column(left, right - left, start, stop))
            start = stop
        return found

    @property
    def per_column(self) -> int:
        """Number of slices that share a column."""
        return max(math.ceil(MIN_COLUMN / self.cell - 1e-9), 1)
