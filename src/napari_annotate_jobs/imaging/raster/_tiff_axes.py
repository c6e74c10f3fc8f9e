"""What the planes of a TIFF are: slices, channels or times, and how large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from napari_annotate_jobs.imaging._types import ImageWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TiffStack", "full_size_pages", "tiff_stack"]

_MICRO = "\u00b5m"
# of one unit, in mm; OME's are those of its schema's UnitsLength
_UNITS = {
    "m": 1e3,
    "dm": 1e2,
    "cm": 10.0,
    "mm": 1.0,
    "um": 1e-3,
    _MICRO: 1e-3,
    "\u03bcm": 1e-3,
    "micron": 1e-3,
    "microns": 1e-3,
    "micrometer": 1e-3,
    "nm": 1e-6,
    "\u00c5": 1e-7,
    "pm": 1e-9,
    "in": 25.4,
    "inch": 25.4,
}
_NAMES = {"C": "channel", "T": "time", "P": "position", "R": "tile", "E": "wavelength"}
_SLICES = "ZIQ"  # the first of them that is there is the slice axis

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class TiffStack:
    """The planes of a TIFF, as volumes of slices.

    Parameters
    ----------
    pages : list of tifffile.TiffPage
        Those that hold an image, in the file's order; the first for all where the
        file describes no more than that.
    planes : numpy.ndarray
        Shape (volumes, slices): which plane each is.
    by : str
        What sets the volumes apart, such as ``"channel"``; empty for one.
    values : tuple of str
        The volumes' values of that.
    offset : int, optional
        Where the planes lie one after another, if not all have a page.
    spacing : tuple of float, optional
        (slice, row, column) in mm, where the file says so.
    source : str
        Where the spacing was found.
    notes : tuple of ImageWarning
        What is odd about it.
    """

    pages: list[Any]
    planes: NDArray[np.intp]
    by: str = ""
    values: tuple[str, ...] = ("",)
    offset: int | None = None
    spacing: Spacing | None = None
    source: str = ""
    notes: tuple[ImageWarning, ...] = ()


def full_size_pages(file: Any) -> list[Any]:
    """Return the pages of a TIFF without thumbnails and reduced copies."""
    pages = [page.aspage() for page in file.pages]
    return [p for p in pages if not int(p.subfiletype or 0) & 5] or pages[:1]


def tiff_stack(file: Any) -> TiffStack:
    """Find out what the planes of a file are.

    Parameters
    ----------
    file : tifffile.TiffFile
        Opened.

    Returns
    -------
    TiffStack
        Each page a slice, where neither OME nor ImageJ says otherwise.
    """
    stack = None
    if file.is_ome or file.is_imagej:
        stack = _described(file)
    if stack is None:
        pages = full_size_pages(file)
        return TiffStack(pages, np.arange(len(pages))[None], spacing=None)
    return stack


def _described(file: Any) -> TiffStack | None:
    series = file.series[0]
    first = series.pages[0]
    if first is None or not series.axes.endswith(first.aspage().axes):
        return None
    first = first.aspage()
    lead = series.axes[: len(series.axes) - len(first.axes)]
    sizes = tuple(int(n) for n in series.shape[: len(lead)])
    count, offset = math.prod(sizes), None
    pages = [p if p is None else p.aspage() for p in series.pages]
    if len(pages) != count or None in pages:
        # ImageJ describes the first plane of a large file only
        offset = series.dataoffset
        if offset is None or len(pages) != 1 or int(first.compression) != 1:
            return None
        pages = [first]
    slices = next((axis for axis in _SLICES if axis in lead), "")
    others = [i for i, axis in enumerate(lead) if axis != slices and sizes[i] > 1]
    planes = np.arange(count).reshape(sizes)
    if slices:
        planes = np.moveaxis(planes, lead.index(slices), -1)
    planes = planes.reshape(-1, sizes[lead.index(slices)] if slices else 1)
    by = " and ".join(_NAMES.get(lead[i], f"axis {lead[i]}") for i in others)
    values = [
        ", ".join(str(n + 1) for n in numbers)
        for numbers in product(*(range(sizes[i]) for i in others))
    ]
    spacing, source = _ome_spacing(file) if file.is_ome else _imagej_spacing(file)
    notes = []
    if len(file.series) > 1 and file.is_ome:
        notes.append(
            ImageWarning(
                "other-images",
                f"The file holds {len(file.series)} images: the first is shown. Save "
                "the others as files of their own to annotate them",
            )
        )
    if spacing is not None and not spacing[0]:
        spacing = (1.0, *spacing[1:])
        if planes.shape[1] > 1:
            notes.append(
                ImageWarning(
                    "slice-distance-unknown",
                    "The file does not say how far apart its slices lie: distances "
                    "across slices are not millimetres",
                )
            )
    return TiffStack(
        pages, planes, by, tuple(values), offset, spacing, source, tuple(notes)
    )


def _length(value: Any, unit: str) -> float:
    """Return a length in mm, 0 where it is none."""
    try:
        length = float(value) * _UNITS.get(unit.replace("\\u00B5", "\u00b5"), 0.0)
    except (TypeError, ValueError):
        return 0.0
    return length if math.isfinite(length) and 0 < length < 1e6 else 0.0


def _ome_spacing(file: Any) -> tuple[Spacing | None, str]:
    """Read Pixels/PhysicalSize of OME-XML; its unit is the micrometre by default."""
    root = ElementTree.fromstring(file.ome_metadata)
    pixels = next(
        (e for e in root.iter() if e.tag.rpartition("}")[2] == "Pixels"), None
    )
    if pixels is None:
        return None, ""
    x, y, z = (
        _length(
            pixels.get(f"PhysicalSize{axis}"),
            pixels.get(f"PhysicalSize{axis}Unit", _MICRO),
        )
        for axis in "XYZ"
    )
    return ((z, y, x), "PhysicalSize in OME-XML") if x and y else (None, "")


def _imagej_spacing(file: Any) -> tuple[Spacing | None, str]:
    """Read the resolution as lengths, which ImageJ writes, not print dpi."""
    meta = file.imagej_metadata or {}
    tags = file.pages[0].tags
    x, y = tags.get(282), tags.get(283)
    unit = str(meta.get("unit", ""))
    if x is None or y is None:
        return None, ""
    (xa, xb), (ya, yb) = x.value, y.value
    if not (xa and xb and ya and yb):
        return None, ""
    row, column = _length(yb / ya, unit), _length(xb / xa, unit)
    depth = _length(meta.get("spacing", 1.0), str(meta.get("zunit", unit)))
    if not row or not column:
        return None, ""
    return (depth, row, column), "ImageJ's resolution, spacing and unit"
