"""What is the same for a whole DICOM series: windows, unit, LUTs, description."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging._quiet import quiet
from napari_annotate_jobs.imaging._types import ImageWarning
from napari_annotate_jobs.model import VoiFunction, Window

from ._scan import read_dataset
from ._suv import suv_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from ._frame import Frame

__all__ = ["Details", "details_of"]


@dataclass(frozen=True)
class Details:
    """What one representative frame says of its series.

    Parameters
    ----------
    windows : tuple of Window
        In the order of the file.
    inverted : bool
        MONOCHROME1, or a Presentation LUT Shape of INVERSE.
    unit : str
        Of the rescaled values.
    suv : (float, str), optional
        The factor to SUVbw, and how it was found.
    padding : float, optional
        Pixel Padding Value, as stored.
    description : str, optional
        Series Description.
    lut_dtype : numpy.dtype, optional
        Of the values after a palette or a modality LUT.
    warnings : tuple of ImageWarning
        Such as a detector spacing used for lengths.
    """

    windows: tuple[Window, ...]
    inverted: bool
    unit: str
    suv: tuple[float, str] | None
    padding: float | None
    description: str | None
    lut_dtype: np.dtype[Any] | None
    warnings: tuple[ImageWarning, ...]


def details_of(frame: Frame) -> Details:
    """Read the details from the frame's file.

    Raises
    ------
    UnreadableImageError
        If the file, or a look-up table it needs, is damaged.
    """
    record = frame.record
    dataset = record.dataset
    if dataset is None:
        dataset = read_dataset(record.file.path)
    values = record.values
    with quiet():
        return Details(
            windows=_windows(dataset, frame),
            inverted=values.get("PhotometricInterpretation") == "MONOCHROME1"
            or _text(dataset, "PresentationLUTShape") == "INVERSE",
            unit=_unit(dataset, frame),
            suv=suv_factor(dataset) if values.get("Modality") == "PT" else None,
            padding=_number(dataset, "PixelPaddingValue"),
            description=_text(dataset, "SeriesDescription"),
            lut_dtype=_lut_dtype(dataset, frame),
            warnings=tuple(_warnings(dataset, frame)),
        )


def _get(dataset: Dataset, keyword: str) -> Any:
    """Return an element's value, or None where it is absent or damaged."""
    try:
        return dataset.get(keyword)
    except Exception:
        return None


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = _get(dataset, keyword)
    return str(value).strip() or None if value is not None else None


def _number(dataset: Dataset, keyword: str) -> float | None:
    numbers = _numbers(_get(dataset, keyword))
    return numbers[0] if numbers else None


def _numbers(value: Any) -> list[float]:
    if value is None or value == "" or isinstance(value, bytes):
        return []
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    try:
        return [float(v) for v in (value if several else (value,))]
    except (TypeError, ValueError):
        return []


def _group(dataset: Dataset, frame: Frame, name: str) -> Dataset:
    """Return a functional group's item, or the dataset where it has none."""
    places: list[Any] = []
    own = _get(dataset, "PerFrameFunctionalGroupsSequence")
    if own and frame.number is not None and frame.number <= len(own):
        places.append(own[frame.number - 1])
    shared = _get(dataset, "SharedFunctionalGroupsSequence")
    if shared:
        places.append(shared[0])
    for place in places:
        items = _get(place, name)
        if items:
            item: Dataset = items[0]
            return item
    return dataset


def _windows(dataset: Dataset, frame: Frame) -> tuple[Window, ...]:
    source = _group(dataset, frame, "FrameVOILUTSequence")
    centers = _numbers(_get(source, "WindowCenter"))
    widths = _numbers(_get(source, "WindowWidth"))
    names = _get(source, "WindowCenterWidthExplanation")
    if names is None or isinstance(names, str):
        names = [names] if names else []
    try:
        function = VoiFunction(_text(source, "VOILUTFunction") or "LINEAR")
    except ValueError:
        function = VoiFunction.LINEAR
    found = []
    for i, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if not (math.isfinite(center) and math.isfinite(width)) or width <= 0:
            continue
        # LINEAR knows no width below 1, but values in SUV need them
        shape = VoiFunction.LINEAR_EXACT
        if width >= 1 or function is not VoiFunction.LINEAR:
            shape = function
        name = str(names[i]).strip() if i < len(names) else ""
        found.append(
            Window(center=center, width=width, function=shape, explanation=name)
        )
    found += _lut_windows(dataset)
    return tuple(dict.fromkeys(found))


def _lut_windows(dataset: Dataset) -> list[Window]:
    """Windows that show what the VOI LUTs tell apart, PS3.3 C.11.2.1.1."""
    windows = []
    for item in _get(dataset, "VOILUTSequence") or ():
        descriptor = _numbers(_get(item, "LUTDescriptor"))
        table = _table(_get(item, "LUTData"))
        if len(descriptor) != 3 or table.size < 2:
            continue
        table = table[: int(descriptor[0]) or 65536].astype(np.int64)
        low, high = int(table.min()), int(table.max())
        changing = np.flatnonzero((table > low) & (table < high))
        if not changing.size or low < 0:
            continue
        first = max(int(changing[0]) - 1, 0)
        last = min(int(changing[-1]) + 1, table.size - 1)
        window = Window.from_limits(
            descriptor[1] + first,
            descriptor[1] + last,
            explanation=_text(item, "LUTExplanation") or "VOI LUT",
        )
        curve = _curve(table[first : last + 1], int(descriptor[2]))
        windows.append(window.model_copy(update={"curve": curve}))
    return windows


def _curve(table: np.ndarray[Any, np.dtype[np.int64]], bits: int) -> tuple[float, ...]:
    """Return the greys of a table, at no more places than a screen can show."""
    # some tables have more bits than they claim
    top = max((1 << min(max(bits, 1), 16)) - 1, int(table.max()))
    places = np.linspace(0, table.size - 1, min(table.size, 256))
    greys = np.interp(places, np.arange(table.size), table / top)
    return tuple(round(float(grey), 5) for grey in greys)


def _table(data: Any) -> np.ndarray[Any, np.dtype[Any]]:
    if isinstance(data, bytes):
        return np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2")
    return np.asarray(_numbers(data))


def _unit(dataset: Dataset, frame: Frame) -> str:
    source = _group(dataset, frame, "PixelValueTransformationSequence")
    kind = _text(source, "RescaleType") or ""
    values = frame.record.values
    if kind in ("US", "normalized") or "UNITLESS" in kind.upper():
        return ""
    if kind:
        return kind
    if values.get("Modality") == "CT" and (frame.slope, frame.intercept) != (1, 0):
        return "" if "LOCALIZER" in values.get("ImageType", ()) else "HU"
    if values.get("Modality") == "CT" and "RescaleIntercept" in values:
        return "HU"
    if values.get("Modality") == "RTDOSE":
        units = _text(dataset, "DoseUnits") or ""
        return "Gy" if units == "GY" else units.lower()
    if values.get("Modality") == "PT":
        return _text(dataset, "Units") or ""
    return ""


def _lut_dtype(dataset: Dataset, frame: Frame) -> np.dtype[Any] | None:
    values = frame.record.values
    palette = values.get("PhotometricInterpretation") == "PALETTE COLOR"
    if not palette and "ModalityLUTSequence" not in values:
        return None
    kind = "i" if values.get("PixelRepresentation") else "u"
    probe = np.zeros((1, 1), f"{kind}{-(-values['BitsAllocated'] // 8)}")
    return apply_lut(probe, dataset, frame.record.file.path).dtype


def apply_lut(
    array: np.ndarray[Any, np.dtype[Any]], dataset: Dataset, where: Any
) -> np.ndarray[Any, np.dtype[Any]]:
    """Apply the palette, or else the modality LUT, of a file.

    Parameters
    ----------
    array : numpy.ndarray
        Shape (rows, columns), stored values.
    dataset : pydicom.Dataset
        The file's header.
    where : path-like
        The file, for the error.

    Returns
    -------
    numpy.ndarray
        Shape (rows, columns), or (rows, columns, 3) after a palette.

    Raises
    ------
    UnreadableImageError
        If the table is damaged.
    """
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

    try:
        if str(dataset.PhotometricInterpretation) == "PALETTE COLOR":
            return np.asarray(apply_color_lut(array, dataset))[..., :3]
        return np.asarray(apply_modality_lut(array, dataset))
    except Exception as error:
        raise UnreadableImageError(
            f"its look-up table is damaged ({' '.join(str(error).split())[:160]})",
            where=where,
            remedy="Export the image again",
        ) from error


def _warnings(dataset: Dataset, frame: Frame) -> Sequence[ImageWarning]:
    values = frame.record.values
    notes = []
    if (
        frame.spacing is not None
        and frame.position is None
        and frame.spacing != values.get("PixelSpacing")
        and frame.spacing == values.get("ImagerPixelSpacing")
    ):
        notes.append(
            ImageWarning(
                "spacing-at-detector",
                "Distances are those at the detector: the patient was nearer to the "
                "source, so real lengths are shorter",
            )
        )
    if _text(dataset, "BurnedInAnnotation") == "YES":
        notes.append(
            ImageWarning(
                "burned-in",
                "The image says that text is burned into its pixels, possibly "
                "identifying the patient",
            )
        )
    return notes
