"""How a NIfTI file lies in the patient."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import UnreadableImageError
from napari_annotate_jobs.imaging._types import ImageWarning

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["nifti_place"]

_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MILLIMETRES = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}


def nifti_place(
    image: Any,
) -> tuple[
    NDArray[np.float64] | None,
    tuple[float, float, float] | None,
    tuple[ImageWarning, ...],
    tuple[str, ...],
]:
    """Return the affine to LPS, the spacing, what is odd about them, and their source.

    The sform comes first, as everywhere, unless it is none.
    """
    raw = image.header
    unit = raw.get_xyzt_units()[0]
    scale = _MILLIMETRES.get(unit, 1.0)
    zooms = [float(z) * scale for z in raw.get_zooms()[:3]]
    zooms += [1.0] * (3 - len(zooms))
    spacing = (zooms[0], zooms[1], zooms[2])
    given = {"sform": _form(raw, "sform"), "qform": _form(raw, "qform")}
    usable = {
        name: form
        for name, form in given.items()
        if form is not None and _is_place(form)
    }
    if not usable:
        if any(form is not None for form in given.values()):
            raise UnreadableImageError(
                "its place in the patient flattens the image: neither sform nor qform "
                "can be used",
                where=Path(image.get_filename()),
                remedy="Write the file again with a valid orientation and spacing",
            )
        note = ImageWarning(
            "no-orientation",
            "The file does not say how it lies in the patient: its planes are shown "
            "as they are stored",
        )
        return None, spacing, (note,), ()
    notes: tuple[ImageWarning, ...] = ()
    if len(usable) == 2 and not _agree(usable["sform"], usable["qform"]):
        notes = (_conflict(usable["sform"], usable["qform"], scale),)
    name, form = next(iter(usable.items()))
    reason = f"the place in the patient is from the {name}"
    if name == "qform" and given["sform"] is not None:
        reason += ", for the sform flattens the image"
    affine = _TO_LPS @ np.diag([scale, scale, scale, 1.0]) @ form
    return affine, spacing, notes, (reason,)


def _form(raw: Any, name: str) -> NDArray[np.float64] | None:
    """Return the sform or qform, None where its code says that there is none."""
    if int(raw[f"{name}_code"]) <= 0:
        return None
    try:
        return np.asarray(getattr(raw, f"get_{name}")(), dtype=np.float64)
    except Exception:
        # a quaternion that is none
        return np.full((4, 4), np.nan)


def _is_place(form: NDArray[np.float64]) -> bool:
    if not np.isfinite(form).all():
        return False
    return bool(abs(np.linalg.det(form[:3, :3])) > 1e-12)


def _agree(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether both put every voxel at the same place: in each number to 1e-3.

    Directions are compared as cosines, so that a tiny voxel is not let off.
    """
    lengths = np.linalg.norm(one[:3, :3], axis=0)
    if not np.allclose(lengths, np.linalg.norm(other[:3, :3], axis=0), 0, 1e-3):
        return False
    return bool(
        np.allclose(one[:3, 3], other[:3, 3], rtol=0, atol=1e-3)
        and np.allclose(one[:3, :3] / lengths, other[:3, :3] / lengths, 0, 1e-3)
    )


def _conflict(
    sform: NDArray[np.float64], qform: NDArray[np.float64], scale: float
) -> ImageWarning:
    def told(form: NDArray[np.float64]) -> str:
        rows = ("[" + ", ".join(f"{v:.4g}" for v in row) + "]" for row in form[:3])
        return f"[{', '.join(rows)}]"

    words = ["The file says twice how it lies in the patient, and not the same:"]
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        words = [
            "The file says twice how it lies in the patient, and one is the mirror"
        ]
        words += ["image of the other, left for right:"]
    units = np.diag([scale, scale, scale, 1.0])
    words.append(f"sform {told(units @ sform)}, qform {told(units @ qform)} (RAS, mm).")
    words.append("The sform is used; other programs may use the qform")
    return ImageWarning("qform-sform-conflict", " ".join(words))
