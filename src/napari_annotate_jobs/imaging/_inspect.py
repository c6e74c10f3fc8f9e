"""What the reader makes of a file or a folder, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.imaging.dicom._doubt import uid_name

from ._find import find_series
from ._series import path_of

if TYPE_CHECKING:
    import os

    from ._header import SeriesHeader
    from ._reading import Cancel, Progress

__all__ = ["inspect"]


def inspect(
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    cancelled: Cancel | None = None,
) -> dict[str, Any]:
    """Describe what a file or folder holds, without reading pixels.

    Parameters
    ----------
    path : path-like
        A file or a folder.
    progress : callable, optional
        Called with (files done, files in all).
    cancelled : callable, optional
        Asked between files.

    Returns
    -------
    dict
        Fit for JSON: ``path``; ``series``, each with its key, name, format,
        modality, shape, type, spacing in mm, orientation, affine, transfer
        syntax, windows, unit, split, volumes (what they differ in, and its
        values, where the series has several on one grid), warnings, and reasons
        (what was decided, and why); ``faults``, each with file, what is wrong, and
        the remedy; ``results``, the files that were made of images, with their
        kind. No patient's tag.

    Raises
    ------
    NoImageError
        If there is nothing at `path`.
    Cancelled
        If `cancelled` returned True.
    """
    found = find_series(path, progress=progress, cancelled=cancelled)
    return {
        "path": str(path_of(path)),
        "series": [_described(header) for header in found],
        "faults": [
            {
                "file": str(fault.path),
                "what": getattr(fault.error, "what", str(fault.error)),
                "remedy": getattr(fault.error, "remedy", None),
            }
            for fault in found.faults
        ],
        "results": [
            {"file": str(result.path), "kind": result.kind} for result in found.results
        ],
    }


def _described(header: SeriesHeader) -> dict[str, Any]:
    return {
        "key": header.key,
        "name": header.name,
        "format": header.format,
        "modality": header.modality,
        "series_uid": header.series_uid,
        "frame_of_reference": header.frame_of_reference,
        "files": len(header.all_files),
        "shape": list(header.shape),
        "dtype": header.dtype.name,
        "megabytes": round(header.nbytes * len(header.volumes) / 1e6, 3),
        "spacing": list(header.spacing) if header.has_spacing else None,
        "orientation": header.orientation or None,
        "affine": None if header.affine is None else header.affine.tolist(),
        "origins": _uneven_origins(header),
        "transfer_syntax": _syntax_name(header),
        "photometric": None if header.pixel is None else header.pixel.photometric,
        "bits_stored": None if header.pixel is None else header.pixel.stored,
        "inverted": header.inverted,
        "rescale": None if header.rescale is None else list(header.rescale),
        "unit": header.unit,
        "windows": [
            {
                "center": window.center,
                "width": window.width,
                "function": window.function.value,
                "explanation": window.explanation,
            }
            for window in header.windows
        ],
        "localizer": header.localizer,
        "split": None
        if header.split is None
        else {
            "by": header.split.by,
            "value": header.split.value,
            "index": header.split.index,
            "count": header.split.count,
        },
        "volumes": None
        if not header.siblings
        else {
            "by": header.volumes[0].split.by if header.volumes[0].split else "",
            "values": [h.split.value if h.split else "" for h in header.volumes],
        },
        "reasons": list(header.reasons),
        "first_slice": header.slices[0].key,
        "warnings": [
            {"code": w.code, "text": w.text, "slices": list(w.slices)}
            for w in header.warnings
        ],
    }


def _uneven_origins(header: SeriesHeader) -> list[list[float]] | None:
    """Return the place of every slice where the affine does not say it."""
    if header.origins is None or header.unevenness < 1e-3:
        return None
    places: list[list[float]] = header.origins.tolist()
    return places


def _syntax_name(header: SeriesHeader) -> str | None:
    if header.pixel is None:
        return None
    uid = header.pixel.transfer_syntax
    name = uid_name(uid)
    return name if name == uid else f"{name} ({uid})"
