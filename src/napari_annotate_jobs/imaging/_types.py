"""The small parts of which the description of a series is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FileRef",
    "FrameSource",
    "ImageWarning",
    "PixelFormat",
    "Split",
]


@dataclass(frozen=True, slots=True)
class ImageWarning:
    """Something about a series that the annotator should know.

    Parameters
    ----------
    code : str
        Stable short name, such as ``"missing-slices"`` or ``"gantry-tilt"``.
    text : str
        One sentence for people, without a patient's data.
    slices : tuple of int
        Indices of the slices it is about; empty if about the series.
    """

    code: str
    text: str
    slices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file as it was when its header was read.

    Parameters
    ----------
    path : Path
        Where it is.
    size : int
        Bytes.
    mtime_ns : int
        Time of last change, nanoseconds since the epoch.
    """

    path: Path
    size: int
    mtime_ns: int

    def is_current(self) -> bool:
        """Whether the file is still there with the same size and time."""
        try:
            stat = self.path.stat()
        except OSError:
            return False
        return stat.st_size == self.size and stat.st_mtime_ns == self.mtime_ns


@dataclass(frozen=True, slots=True)
class FrameSource:
    """Where the pixels of one slice are.

    Parameters
    ----------
    file : int
        Index into ``SeriesHeader.files``.
    frame : int
        Place within the file, from 0: frame, page, or index along its third
        axis.
    offset, length : int
        Byte range of the frame within the file; for compressed frames, of its
        items. ``length`` is 0 where only the reader can find it.
    tile : tuple of int, optional
        Of a slice that was cut out of a larger image: where its first row and
        column lie in that, and the rows and columns of that.
    """

    file: int
    frame: int = 0
    offset: int = 0
    length: int = 0
    tile: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How DICOM pixels are encoded, PS3.3 C.7.6.3.

    Parameters
    ----------
    transfer_syntax : str
        Transfer Syntax UID.
    element : str
        ``PixelData``, ``FloatPixelData`` or ``DoubleFloatPixelData``.
    photometric : str
        Photometric Interpretation (0028,0004).
    samples, planar, allocated, stored, high_bit, signed : int
        The attributes of the same names, in bits where they are bits.
    has_lut : bool
        Whether a modality LUT or a palette is to be applied.
    """

    transfer_syntax: str
    element: str
    photometric: str
    samples: int
    planar: int
    allocated: int
    stored: int
    high_bit: int
    signed: int
    has_lut: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """Which part of a series, or of a 4D file, a header stands for.

    Parameters
    ----------
    by : str
        What tells the parts apart: ``"time"``, ``"echo"``, ``"b-value"``,
        ``"orientation"``, ``"size"`` ...
    value : str
        This part's value, for people.
    index, count : int
        Its place among the parts, from 0, and their number.
    """

    by: str
    value: str
    index: int
    count: int
