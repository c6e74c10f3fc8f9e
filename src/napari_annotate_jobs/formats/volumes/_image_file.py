"""Images written beside labels, on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._place import check_place, ijk_to_lps, slice_origins

from ._nifti_file import NiftiFile, write_nifti

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_annotate_jobs.formats._case import AnnotatedCase
    from napari_annotate_jobs.imaging import Series, SeriesHeader

__all__ = ["Channel", "channels_of", "same_grid", "write_channels", "write_image"]

SAME_MM = 0.01
"""How far voxels of two series on one grid may lie apart."""


@dataclass(frozen=True)
class Channel:
    """A scalar image of a case.

    Parameters
    ----------
    series : Series
        Where it comes from.
    color : int, optional
        Which of the colours of a coloured image it is.
    """

    series: Series
    color: int | None = None

    @property
    def name(self) -> str:
        """What is seen, never from a tag that may name a patient."""
        if self.color is not None:
            return "RGB"[self.color]
        return self.series.header.modality or "image"

    def planes(self) -> Iterator[NDArray[np.generic]]:
        """Give its slices, read when they are asked for."""
        for index in range(self.series.header.shape[0]):
            plane = self.series.read_slice(index)
            yield plane if self.color is None else plane[..., self.color]


def channels_of(series: Series) -> list[Channel]:
    """Return a series as scalar images: itself, or its three colours."""
    if series.header.is_color:
        return [Channel(series, color) for color in range(series.header.shape[3])]
    return [Channel(series)]


def same_grid(one: SeriesHeader, other: SeriesHeader) -> bool:
    """Return True if two series have their voxels at the same places."""
    if one.shape[:3] != other.shape[:3]:
        return False
    if (one.affine is None) != (other.affine is None):
        return False
    known = one.frame_of_reference, other.frame_of_reference
    if None not in known and known[0] != known[1]:
        return False
    apart = np.linalg.norm(slice_origins(one) - slice_origins(other), axis=1).max()
    ends = np.diag([*one.shape[2:0:-1], 0.0])[:, :2]
    across = (ijk_to_lps(one)[:3, :3] - ijk_to_lps(other)[:3, :3]) @ ends
    return bool(max(apart, np.linalg.norm(across, axis=0).max()) <= SAME_MM)


def annotated_channels(case: AnnotatedCase, count: int) -> list[Channel]:
    """Return so many of a case's channels, the reference's first; 0 for all of them."""
    found: list[Channel] = []
    for series in case.all_series():
        found += channels_of(series)
        if count and len(found) >= count:
            break
    return found[:count] if count else found


def stored_type(header: SeriesHeader) -> np.dtype[np.generic]:
    """Return the type NIfTI stores an image with."""
    if header.dtype == np.float16:
        return np.dtype(np.float32)
    return np.dtype(np.uint8) if header.dtype == bool else np.dtype(header.dtype)


def write_channels(path: Path, channels: Sequence[Channel], *, fourth: bool) -> str:
    """Write images as one NIfTI file, each channel's slices one after another.

    Parameters
    ----------
    path : Path
        Ends in ``.nii.gz``.
    channels : sequence of Channel
        On one grid.
    fourth : bool
        Whether the file has a fourth axis for them.

    Returns
    -------
    str
        SHA-256 of the voxels' bytes.
    """
    first = channels[0].series.header
    kind = np.result_type(*(stored_type(c.series.header) for c in channels))
    wider = {"i": "<i4", "u": "<u4", "f": "<f8"}.get(kind.kind, "<f8")
    for dtype in dict.fromkeys([kind, np.dtype(wider), np.dtype("<f8")]):
        planes = (plane for channel in channels for plane in channel.planes())
        try:
            count = len(channels) if fourth else 0
            return write_nifti(path, planes, first, dtype, channels=count)
        except OverflowError:
            continue  # a slice holds more than the header promised
    raise CorruptError("its voxels fit no type of NIfTI", where=first.path)


def write_image(series: Series, path: Path) -> list[Path]:
    """Write a series as NIfTI, for other programs to read.

    Parameters
    ----------
    series : Series
        The images.
    path : Path
        Ends in ``_0000.nii.gz`` if colours are to get numbers of their own.

    Returns
    -------
    list of Path
        The files: one, or one a colour, counted in the four digits.
    """
    written = []
    for number, channel in enumerate(channels_of(series)):
        name = path.name.replace("_0000.", f"_{number:04d}.")
        written.append(path.with_name(name))
        write_channels(written[-1], [channel], fourth=False)
    return written


def check_image(
    path: Path, digest: str, header: SeriesHeader, channels: int = 0
) -> None:
    """Read an image again and compare it with what was written.

    Raises
    ------
    CorruptError
        If its voxels or its place are others.
    """
    found = NiftiFile.open(path)
    wanted = header.shape[2:0:-1] + header.shape[:1] + ((channels,) if channels else ())
    if found.shape != wanted or found.digest() != digest:
        raise CorruptError("the image read again is not the one written", where=path)
    check_place(header, found.affine, where=path, even=True)
