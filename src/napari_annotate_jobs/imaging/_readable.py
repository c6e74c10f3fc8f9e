"""What can be read slice by slice, as far as arrays and windows need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ._header import SeriesHeader

__all__ = ["Readable", "ReadableVolumes"]


class Readable(Protocol):
    """One volume, read slice by slice from any thread."""

    header: SeriesHeader

    def soon(self) -> int:
        """Return how many slices, from the first, need no long wait."""
        ...

    def read_slice(self, index: int) -> NDArray[Any]:
        """Read one slice."""
        ...

    def read(self, out: NDArray[Any]) -> NDArray[Any]:
        """Read all slices into an array."""
        ...


class ReadableVolumes(Protocol):
    """The volumes of one series."""

    @property
    def volumes(self) -> Sequence[Readable]:
        """In their order."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all volumes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """A type that holds the voxels of all of them."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes that all of them take in memory."""
        ...
