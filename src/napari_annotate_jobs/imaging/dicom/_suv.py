"""Standardised uptake values of PET, by body weight."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["suv_factor"]

_DAY = timedelta(days=1)
_SOURCE = (
    "SUVbw = value x body weight / injected dose, the dose decayed to {when}: the "
    "vendor-neutral calculation of RSNA QIBA"
)


def suv_factor(dataset: Dataset) -> tuple[float, str] | None:
    """Return what turns a PET's values into SUVbw, where its header allows.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The header of one slice.

    Returns
    -------
    factor : float
        To multiply voxels with; the product is in g/ml.
    source : str
        The formula, and where it is from.

    Notes
    -----
    RSNA QIBA, *Vendor-neutral pseudo-codes for SUV calculation*: the images have to
    be corrected for attenuation and decay. Values in g/ml are SUVbw already; Philips
    stores a factor of its own for counts, (7053,1000).
    """
    units = str(_get(dataset, "Units") or "")
    if units == "GML":
        kind = str(_get(dataset, "SUVType") or "BW")
        return (1.0, "the values are SUVbw as stored") if kind == "BW" else None
    corrected = _get(dataset, "CorrectedImage") or ()
    corrected = (corrected,) if isinstance(corrected, str) else corrected
    if not {"ATTN", "DECY"} <= {str(kind) for kind in corrected}:
        return None
    if units == "CNTS":
        factor = _number(_of_philips(dataset))
        return (factor, "SUVbw = value x (7053,1000), by Philips") if factor else None
    if units != "BQML":
        return None
    weight = _number(_get(dataset, "PatientWeight"))
    items = _get(dataset, "RadiopharmaceuticalInformationSequence")
    dose = _number(_get(items[0], "RadionuclideTotalDose")) if items else None
    if not weight or not dose:
        return None
    decay = str(_get(dataset, "DecayCorrection") or "")
    if decay == "ADMIN":
        return weight * 1000 / dose, _SOURCE.format(when="the injection")
    half_life = _number(_get(items[0], "RadionuclideHalfLife"))
    passed = _seconds(dataset, items[0])
    if decay != "START" or not half_life or passed is None:
        return None
    left = dose * 2 ** (-passed / half_life)
    return weight * 1000 / left, _SOURCE.format(when="the start of the scan")


def _get(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:
        return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _of_philips(dataset: Dataset) -> Any:
    try:
        return dataset.private_block(0x7053, "Philips PET Private Group")[0x00].value
    except Exception:
        return None


def _seconds(dataset: Dataset, dose: Dataset) -> float | None:
    """Return the time from the injection to the start of the scan."""
    start = _scan_start(dataset)
    if start is None:
        return None
    given = _moment(str(_get(dose, "RadiopharmaceuticalStartDateTime") or ""))
    if given is None:
        time = str(_get(dose, "RadiopharmaceuticalStartTime") or "")
        given = _moment(f"{start:%Y%m%d}{time}") if time else None
        if given is not None and given > start:
            given -= _DAY  # the evening before
    if given is None:
        return None
    passed = (start - given).total_seconds()
    return passed if 0 <= passed < 10 * _DAY.total_seconds() else None


def _scan_start(dataset: Dataset) -> datetime | None:
    """Return the time that values are decayed to.

    That is the series' time, unless the series was made afterwards.
    """
    series = _both(dataset, "Series")
    acquired = _both(dataset, "Acquisition")
    if series is not None and (acquired is None or series <= acquired):
        return series
    if str(_get(dataset, "Manufacturer") or "").upper().startswith("GE"):
        try:
            block = dataset.private_block(0x0009, "GEMS_PETD_01")
            return _moment(str(block[0x0D].value))
        except Exception:
            return None
    return None


def _both(dataset: Dataset, what: str) -> datetime | None:
    date, time = _get(dataset, f"{what}Date"), _get(dataset, f"{what}Time")
    return _moment(f"{date}{time}") if date and time else None


def _moment(text: str) -> datetime | None:
    """Read YYYYMMDDHHMMSS; fractions and what follows them do not matter."""
    try:
        return datetime.strptime(text.split(".")[0].split("+")[0][:14], "%Y%m%d%H%M%S")
    except ValueError:
        return None
