"""Sheets of tiles: Siemens mosaics and United Imaging's volume frames.

Either vendor may store a whole volume as one image, its slices side by side. The
sheet is no image of the patient: it is taken apart into its tiles, each of which is
a slice with a place of its own.
"""

from __future__ import annotations

import importlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._types import ImageWarning

from ._frame import Frame, of_length
from ._scan import read_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from ._record import Record

__all__ = ["is_sheet", "tiles_of"]

_SIEMENS, _UIH = "MOSAIC", "VFRAME"
_MOST_TILES = 4096
_AXES = ("dSag", "dCor", "dTra")  # L, P, S: DICOM's patient axes


@dataclass(frozen=True)
class _Sheet:
    """What the header says of a sheet.

    Parameters
    ----------
    count : int
        Tiles that hold an image.
    across, down : int
        Tiles in a row, and rows of tiles.
    positions : sequence of tuple of float, optional
        Of each tile's first pixel, LPS in mm; None where they cannot be known.
    source : str
        Where the number of tiles was found.
    notes : tuple of ImageWarning
        What is odd about it.
    """

    count: int
    across: int
    down: int
    positions: Sequence[tuple[float, ...]] | None
    source: str
    notes: tuple[ImageWarning, ...] = ()


def is_sheet(record: Record) -> bool:
    """Whether the file says that its image is a sheet of tiles."""
    kinds = record.values.get("ImageType", ())
    return _SIEMENS in kinds or _UIH in kinds


def tiles_of(record: Record, whole: Frame) -> list[Frame]:
    """Take a sheet apart.

    Parameters
    ----------
    record : Record
        A single-frame file; learns what was decided, and what is odd.
    whole : Frame
        The sheet.

    Returns
    -------
    list of Frame
        One a tile, without the unused ones at the end; the sheet itself, without a
        place in the patient, where the header does not say how to take it apart.
    """
    dataset = read_dataset(record.file.path)
    with quiet():
        uih = _UIH in record.values.get("ImageType", ())
        sheet = (_uih if uih else _siemens)(dataset, whole)
    rows, columns = whole.rows, whole.columns
    if sheet is None or rows % sheet.down or columns % sheet.across:
        record.notes.append(
            ImageWarning(
                "mosaic-whole",
                "The image is a sheet of many slices side by side, and the header "
                "does not say how many: it is shown as it is, without a place in "
                "the patient",
            )
        )
        whole.position = whole.orientation = None
        return [whole]
    record.notes += sheet.notes
    size = (rows // sheet.down, columns // sheet.across)
    record.reasons.append(
        f"each file is a sheet of {sheet.across} x {sheet.down} tiles, of which "
        f"{sheet.count} hold a slice of {size[1]} x {size[0]} pixels: the number is "
        f"from {sheet.source}"
    )
    return [
        Frame(
            record,
            i + 1,
            None if sheet.positions is None else sheet.positions[i],
            None if sheet.positions is None else whole.orientation,
            whole.spacing,
            whole.slope,
            whole.intercept,
            whole.traits,
            tile=(i // sheet.across * size[0], i % sheet.across * size[1], *size),
        )
        for i in range(sheet.count)
    ]


def _unplaced(why: str) -> ImageWarning:
    return ImageWarning(
        "mosaic-unplaced",
        f"The slices were taken from a sheet of tiles, but {why}: they are shown "
        "without a place in the patient",
    )


def _siemens(dataset: Dataset, whole: Frame) -> _Sheet | None:
    csa = _csa(dataset)
    protocol = _protocol(dataset)
    count, source = _siemens_count(dataset, csa, protocol)
    if not 1 <= count <= _MOST_TILES:
        return None
    side = math.ceil(math.sqrt(count))
    if whole.rows % side or whole.columns % side:
        return None
    if whole.position is None or whole.orientation is None or whole.spacing is None:
        note = _unplaced("the header does not say where it lies")
        return _Sheet(count, side, side, None, source, (note,))
    row, column = np.array(whole.orientation[:3]), np.array(whole.orientation[3:])
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    planned = _planned(protocol, count)
    distance, notes = _siemens_distance(dataset, normal, planned, count)
    if distance is None:
        return _Sheet(count, side, side, None, source, notes)
    # the position is that of a sheet laid over the first slice, centre on centre
    first = (
        np.array(whole.position)
        + row * whole.spacing[1] * (whole.columns - whole.columns // side) / 2
        + column * whole.spacing[0] * (whole.rows - whole.rows // side) / 2
    )
    numbers = np.arange(count)[:, None]
    given = [_number(v) for v in csa.get("SliceNormalVector") or ()]
    along = _along(given, normal)
    if along is None and count > 1:
        first, along, odd = _by_protocol(
            protocol, planned, first, distance * normal, count
        )
        notes += odd
    places = first + numbers * distance * (along or 1.0) * normal
    positions = [(float(x), float(y), float(z)) for x, y, z in places]
    return _Sheet(count, side, side, positions, source, notes)


def _by_protocol(
    protocol: str,
    planned: NDArray[np.float64] | None,
    sheet: NDArray[np.float64],
    step: NDArray[np.float64],
    count: int,
) -> tuple[NDArray[np.float64], float, tuple[ImageWarning, ...]]:
    """Return the place of tile 0, and which way the others go, without CSA's normal.

    Notes
    -----
    The scanner lays the sheet over the first image: the end of the planned slices
    that it lies on is that of tile 0. Without a plan images are numbered from right
    to left, from front to back, or from feet to head: Siemens' default, which
    dcm2niix falls back to as well.

    Where the protocol reverses the numbering (ucImageNumb), the tiles are taken from
    the last to the first, along the normal, and the last lies where the sheet does:
    so does dicom2nifti, the only reader known to open such sheets without CSA header.
    The order is that of the plan, yet the place is not: the sheet lies on the far end
    of the plan, and the stack goes on from there. No file at hand has what
    could settle it, so the warning says how far the two are apart.
    """
    distance = float(np.linalg.norm(step))
    normal = step / distance
    ends = None if planned is None else (planned[[0, -1]] - sheet) @ normal
    if _is_reversed(protocol, normal):
        apart = 0.0 if ends is None else abs(float(ends.min()))
        return sheet + (count - 1) * step, -1.0, (_unproven(apart),)
    if ends is None or abs(float(ends[1] - ends[0])) < distance / 2:
        along = float(np.sign(normal[int(np.argmax(np.abs(normal)))]))
        return sheet, along, (_unproven(),)
    start = int(np.abs(ends).argmin())
    if abs(ends[start]) > distance / 2:
        return sheet, float(np.sign(ends[1] - ends[0])), (_unproven(),)
    return sheet, float(np.sign(ends[1 - start] - ends[start])), ()


def _unproven(apart: float = 0.0) -> ImageWarning:
    text = (
        "The part of the header that says which way the slices of a sheet follow one "
        "another is missing (CSA SliceNormalVector): their order and their place "
        "along the slices are not proven"
    )
    if apart > 1:
        text += f"; the scan protocol has the same slices {apart:.0f} mm further back"
    return ImageWarning("mosaic-direction", text)


def _along(given: list[float | None], normal: NDArray[np.float64]) -> float | None:
    """Return 1 or -1: whether slices follow one another along or against `normal`."""
    if len(given) != 3 or None in given:
        return None
    along = float(np.array(given, float) @ normal)
    return None if abs(along) < 0.5 else float(np.sign(along))


def _is_reversed(protocol: str, normal: NDArray[np.float64]) -> bool:
    """Whether the scan protocol has the images numbered from the other end."""
    axis = ("Sag", "Cor", "Tra")[int(np.argmax(np.abs(normal)))]
    pattern = rf"^sSliceArray\.ucImageNumb{axis}\s*=\s*0x0*1\b"
    return re.search(pattern, protocol, re.MULTILINE) is not None


def _siemens_count(
    dataset: Dataset, csa: dict[str, list[Any]], protocol: str
) -> tuple[int, str]:
    for value in _private(dataset, 0x0019, 0x0A, "SIEMENS MR HEADER"):
        if (number := _whole_number(value)) > 0:
            return number, "(0019,100A)"
    if (number := _whole_number((csa.get("NumberOfImagesInMosaic") or [0])[0])) > 0:
        return number, "NumberOfImagesInMosaic of the CSA header (0029,1010)"
    found = re.search(r"^sSliceArray\.lSize\s*=\s*(\d+)", protocol, re.MULTILINE)
    if found:
        return int(found[1]), "sSliceArray.lSize of the protocol (0029,1020)"
    return 0, ""


def _siemens_distance(
    dataset: Dataset,
    normal: NDArray[np.float64],
    planned: NDArray[np.float64] | None,
    count: int,
) -> tuple[float | None, tuple[ImageWarning, ...]]:
    """Return how far apart the slices are, mm, and what is odd about that."""
    if count == 1:
        return 1.0, ()
    distance = abs(_number(dataset.get("SpacingBetweenSlices")) or 0.0)
    if not distance and planned is not None:
        distance = abs(float((planned[-1] - planned[0]) @ normal)) / (count - 1)
    if distance:
        return distance, ()
    distance = abs(_number(dataset.get("SliceThickness")) or 0.0)
    if not distance:
        return None, (_unplaced("the header does not say how far apart they are"),)
    return distance, (
        ImageWarning(
            "slice-distance-unknown",
            "The header does not say how far apart the slices are: their "
            f"thickness of {distance:g} mm is taken for it",
        ),
    )


def _planned(protocol: str, count: int) -> NDArray[np.float64] | None:
    """Return the centres of all slices as the protocol has them, LPS in mm."""
    places = np.zeros((count, 3))
    seen = set()
    pattern = r"^sSliceArray\.asSlice\[(\d+)\]\.sPosition\.(d\w{3})\s*=\s*(\S+)"
    for index, axis, value in re.findall(pattern, protocol, re.MULTILINE):
        number = _number(value)
        if int(index) < count and axis in _AXES and number is not None:
            places[int(index), _AXES.index(axis)] = number
            seen.add(int(index))
    return places if count > 1 and {0, count - 1} <= seen else None


def _csa(dataset: Dataset) -> dict[str, list[Any]]:
    """Return the tags of the CSA image header (0029,1010) that have values."""
    read: Any = importlib.import_module("nibabel.nicom.csareader").read
    for raw in _private(dataset, 0x0029, 0x10, "SIEMENS CSA HEADER"):
        if not isinstance(raw, bytes):
            continue
        try:
            tags = read(raw)["tags"]
            return {name: list(tag["items"]) for name, tag in tags.items()}
        except Exception:
            # what is damaged says nothing: other places may
            continue
    return {}


def _protocol(dataset: Dataset) -> str:
    """Return the text of the scan protocol in the CSA series header (0029,1020)."""
    for raw in _private(dataset, 0x0029, 0x20, "SIEMENS CSA HEADER"):
        if isinstance(raw, bytes):
            text = raw.decode("latin-1")
            if "sSliceArray" in text:
                # an older copy, of the protocol as planned, may stand before it
                return text[max(text.rfind("### ASCCONV BEGIN"), 0) :]
    return ""


def _private(dataset: Dataset, group: int, number: int, creator: str) -> Iterator[Any]:
    """Give the values of a private element, also where its creator was removed."""
    blocks = [
        int(tag) & 0xFF
        for tag in dataset.group_dataset(group).keys()
        if 0x10 <= int(tag) & 0xFFFF <= 0xFF
    ]
    named = [b for b in blocks if str(dataset[group, b].value).strip() == creator]
    for block in named or ([] if blocks else [0x10]):
        element = dataset.get((group, block << 8 | number))
        if element is not None and element.value is not None:
            yield _plain(element.value)


def _plain(value: Any) -> Any:
    """Return the value; of an element of unknown kind, bytes may be a number."""
    if isinstance(value, bytes) and len(value) == 2:
        return int.from_bytes(value, "little")
    return value


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _whole_number(value: Any) -> int:
    number = _number(value.strip() if isinstance(value, bytes | str) else value)
    return int(number) if number is not None else 0


def _uih(dataset: Dataset, whole: Frame) -> _Sheet | None:
    creator = "Image Private Header"
    items = next(
        (v for v in _private(dataset, 0x0065, 0x51, creator) if _is_sequence(v)), None
    )
    count, source = 0, ""
    for value in _private(dataset, 0x0065, 0x50, creator):
        if (count := _whole_number(value)) > 0:
            source = "(0065,1050)"
    if count < 1 and items is not None:
        count, source = len(items), "the items of (0065,1051)"
    if not 1 <= count <= _MOST_TILES:
        return None
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    if whole.rows % down or whole.columns % across:
        # some sheets are square, with a row of tiles unused
        down = across
    positions: list[tuple[float, ...]] | None = None
    if items is not None and len(items) == count and whole.orientation is not None:
        found = [of_length(item.get("ImagePositionPatient"), 3) for item in items]
        positions = [p for p in found if p is not None]
    if positions is None or len(positions) != count:
        note = _unplaced("the header does not say where each lies (0065,1051)")
        return _Sheet(count, across, down, None, source, (note,))
    return _Sheet(count, across, down, positions, source)


def _is_sequence(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, bytes | str)
