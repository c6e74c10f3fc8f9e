"""A label layer of napari's as a file: NIfTI, or a segmentation of 3D Slicer's."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError, StoreAccessError
from napari_annotate_jobs.imaging import Series, SeriesHeader
from napari_annotate_jobs.imaging._types import FrameSource
from napari_annotate_jobs.model import (
    COLORS,
    MAX_LABEL_NAME,
    Annotation,
    Case,
    Label,
    LabelSet,
    Method,
    SeriesRef,
    SliceAnnotation,
    SliceId,
    mask_ref,
)

from ._case import AnnotatedCase, CaseSummary
from ._export_table import exporter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["LAYER_ENDINGS", "write_label_layer"]

LAYER_ENDINGS = {".nii.gz": "nifti", ".nii": "nifti", ".seg.nrrd": "seg-nrrd"}
"""Which format a file is written in, by how its name ends."""
MOST = 65_535
"""The largest value that a mask of ours, and DICOM, can hold."""
_STEM = "layer"


def write_label_layer(
    path: str | os.PathLike[str], data: Any, meta: Mapping[str, Any]
) -> list[str]:
    """Write a label layer; it is read again and compared before it is there.

    Parameters
    ----------
    path : path-like
        Ends in one of :data:`LAYER_ENDINGS`; a file that is there is replaced by the
        whole new one.
    data : array-like of int, shape (slices, rows, columns) or (rows, columns)
        The values; 0 is background.
    meta : mapping
        napari's of the layer: from ``metadata`` its ``affine`` or ``affine_lps``
        ((slice, row, column, 1) to LPS, mm), else from ``scale`` and ``translate``
        where it lies; from ``features`` with columns ``index`` and ``name`` the
        names, from ``colormap`` the colours.

    Returns
    -------
    list of str
        The file.

    Raises
    ------
    InvalidValueError
        If the format cannot hold what the layer holds.
    StoreAccessError
        If it cannot be written.
    """
    target = Path(path)
    ending = next((e for e in LAYER_ENDINGS if target.name.lower().endswith(e)), None)
    if ending is None:
        raise InvalidValueError(
            "its ending says no format that label layers can be written in",
            where=target,
            remedy=f"Let it end in one of {', '.join(LAYER_ENDINGS)}",
        )
    voxels = _voxels(data, target)
    case = _case(voxels, meta, target)
    made = exporter(LAYER_ENDINGS[ending])
    try:
        with tempfile.TemporaryDirectory(
            dir=target.parent, prefix=".annotate-jobs-"
        ) as room:
            folder = Path(room)
            written = made.write_case(case, folder)
            made.verify_case(case, folder, written)
            file = folder / written.files[0]
            if ending == ".nii":
                plain = folder / "plain.nii"
                with gzip.open(file) as packed, plain.open("wb") as out:
                    shutil.copyfileobj(packed, out)
                file = plain
            os.replace(file, target)
    except OSError as error:
        raise StoreAccessError(
            f"cannot be written ({error.strerror or error})",
            where=target,
            remedy="Check the rights and the free space, or choose another folder",
        ) from error
    return [str(target)]


def _voxels(data: Any, path: Path) -> NDArray[np.integer]:
    voxels = np.asarray(data)
    if voxels.ndim == 2:
        voxels = voxels[np.newaxis]
    if voxels.ndim != 3:
        raise InvalidValueError(
            f"the layer has {voxels.ndim} axes",
            where=path,
            remedy="Write one of its volumes, with slices, rows and columns",
        )
    if voxels.dtype == bool:
        voxels = voxels.astype(np.uint8)
    low, high = int(voxels.min(initial=0)), int(voxels.max(initial=0))
    if low < 0 or high > MOST:
        raise InvalidValueError(
            f"the layer holds values from {low} to {high}",
            where=path,
            remedy=f"Values can be 0 to {MOST}",
        )
    return voxels.astype(np.uint16)


def _case(
    voxels: NDArray[np.integer], meta: Mapping[str, Any], path: Path
) -> AnnotatedCase:
    """Return the layer as a case that every exporter takes."""
    header = _header(voxels.shape, meta, path)
    said = {}
    for index, plane in enumerate(voxels):
        found = mask_ref(plane)
        if found is not None:
            key = header.slices[index].key
            said[key] = SliceAnnotation(index=index, masks={"": found[0]})
    annotation = Annotation(case_id=_STEM, person=_STEM, slices=said)
    case = Case(id=_STEM, name=_STEM, series=(SeriesRef(path=_STEM),))
    return AnnotatedCase(
        summary=CaseSummary(case=case, person=_STEM, annotation=annotation, stem=_STEM),
        labels=_labels(np.unique(voxels), meta),
        annotation=annotation,
        series=Series(header),
        read_mask=lambda index, group: voxels[index],
    )


def _header(
    shape: tuple[int, ...], meta: Mapping[str, Any], path: Path
) -> SeriesHeader:
    known = meta.get("metadata") or {}
    affine = known.get("affine_lps")
    affine = known.get("affine") if affine is None else affine
    scale = tuple(abs(float(step)) or 1.0 for step in meta.get("scale", ()))[-3:]
    spacing = (1.0,) * (3 - len(scale)) + scale
    if affine is None:
        moved = tuple(float(step) for step in meta.get("translate", ()))[-3:]
        place = np.diag([*spacing[::-1], 1.0])[:, [2, 1, 0, 3]]
        place[:3, 3] = ((0.0,) * (3 - len(moved)) + moved)[::-1]
        affine = place
    affine = np.asarray(affine, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise InvalidValueError(
            "the affine in the layer's metadata is none",
            where=path,
            remedy="Let it be 4 × 4 numbers, or leave it out",
        )
    return SeriesHeader(
        path=path,
        format="layer",
        key=_STEM,
        files=(),
        frames=tuple(FrameSource(file=0, frame=index) for index in range(shape[0])),
        shape=shape,
        dtype=np.dtype(np.uint16),
        slices=tuple(SliceId(index=index) for index in range(shape[0])),
        spacing=(spacing[0], spacing[1], spacing[2]),
        has_spacing=True,
        affine=affine,
    )


def _labels(values: NDArray[np.integer], meta: Mapping[str, Any]) -> LabelSet:
    names = _names(meta.get("features"))
    ids = [int(value) for value in values if value] or [1]
    taken: set[str] = set()
    labels = []
    for value in ids:
        name = names.get(value, f"Label {value}")
        if name.casefold() in taken:
            name = f"{name} ({value})"
        taken.add(name.casefold())
        labels.append(
            Label(
                id=value,
                name=name,
                color=_color(value, meta.get("colormap")),
                method=Method.SEGMENTATION,
            )
        )
    return LabelSet(labels=tuple(labels))


def _names(features: Any) -> dict[int, str]:
    """Return names from a table with the columns ``index`` and ``name``."""
    try:
        pairs = zip(features["index"], features["name"], strict=True)
        texts = {int(index): " ".join(str(name).split()) for index, name in pairs}
    except (KeyError, TypeError, ValueError):
        return {}
    return {
        index: text[:MAX_LABEL_NAME].rstrip()
        for index, text in texts.items()
        if text and text.isprintable()
    }


def _color(value: int, colormap: Any) -> str:
    """Return the colour a value is shown in, a default one where that is not known."""
    shown = getattr(colormap, "map", None)
    if callable(shown):
        parts = np.asarray(shown(np.array([value]))).reshape(-1)
        if parts.size >= 3 and np.isfinite(parts[:3]).all():
            red, green, blue = (
                round(255 * min(max(float(p), 0), 1)) for p in parts[:3]
            )
            return f"#{red:02X}{green:02X}{blue:02X}"
    return COLORS[(value - 1) % len(COLORS)]
