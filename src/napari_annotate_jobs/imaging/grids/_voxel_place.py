"""Where the voxels of a file are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.errors import UnreadableImageError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

__all__ = ["Place"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the voxels of a file are, plane after plane.

    Parameters
    ----------
    named : Path
        The file that errors speak of.
    path : Path
        The file that holds the voxels.
    dtype : numpy.dtype
        As stored, with its byte order.
    plane : tuple of int
        Shape of a plane: the file's axes (j, i), and channels behind them.
    count : int
        Planes in the file, of all its volumes.
    offset : int
        Bytes of the file before the voxels, or before what is packed.
    packed : bool
        Whether a gzip or zlib stream holds them.
    skip : int
        Bytes before the voxels in what was packed.
    """

    named: Path
    path: Path
    dtype: np.dtype[Any]
    plane: tuple[int, ...]
    count: int
    offset: int = 0
    packed: bool = False
    skip: int = 0

    @property
    def plane_bytes(self) -> int:
        """Bytes of one plane."""
        return math.prod(self.plane) * self.dtype.itemsize

    def damaged(self, error: BaseException) -> UnreadableImageError:
        """Return the error to raise for what reading raised."""
        return UnreadableImageError(
            f"its voxels cannot be read ({' '.join(str(error).split())[:160]})",
            where=self.named,
            remedy="Copy or export the file again",
        )
