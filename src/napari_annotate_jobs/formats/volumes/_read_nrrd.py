"""NRRD label volumes, and the segmentations of 3D Slicer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import CorruptError
from napari_annotate_jobs.formats._incoming import (
    Incoming,
    IncomingLabel,
    IncomingSlice,
    unique_names,
)
from napari_annotate_jobs.formats.planes._value_masks import (
    ValueMasks,
    integer_values,
    present,
)
from napari_annotate_jobs.model import Code, Concept, Method

from ._nrrd_file import nrrd_affine, nrrd_data, nrrd_header, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_nrrd_labels"]


def read_nrrd_labels(path: Path) -> Iterator[Incoming]:
    """Read a volume of label values, or the segments of a ``.seg.nrrd``.

    Raises
    ------
    CorruptError
        If it is damaged, or no volume of labels.
    MissingExtraError
        If pynrrd is not installed.
    """
    fields, offset = nrrd_header(path)
    array = nrrd_data(path, fields, offset)
    kinds = [str(kind) for kind in fields.get("kinds", ["domain"] * array.ndim)]
    lists = [i for i, kind in enumerate(kinds) if kind in ("list", "vector", "???")]
    if len(lists) == 1 and array.ndim == 4:
        array = np.moveaxis(array, lists[0], 0)
    elif array.ndim == 3:
        array = array[None]
    elif array.ndim == 2:
        array = array[None, ..., None]
    else:
        raise CorruptError(
            f"it has the axes {array.shape}, a volume of labels has three", where=path
        )
    layers = integer_values(array, path).transpose(0, 3, 2, 1)
    affine = nrrd_affine(fields, path)
    segments = _segments(fields, len(layers), path)
    segmented = bool(segments)
    if not segmented:
        there = sorted(set().union(*(present(plane) for plane in layers[0])))
        segments = [
            (IncomingLabel(name=str(v), method=Method.SEGMENTATION, number=v), 0, v)
            for v in there
        ]
    yield Incoming(
        path=path,
        title="3D Slicer segmentation (.seg.nrrd)" if segmented else "NRRD",
        labels=tuple(label for label, _, _ in segments),
        slices=tuple(
            IncomingSlice(index=index, masks=_masks(layers, index, segments))
            for index in range(layers.shape[1])
        ),
        plane=(layers.shape[2], layers.shape[3]),
        affine=None if affine is None else affine[:, [2, 1, 0, 3]],
    )


def _masks(
    layers: NDArray[np.integer],
    index: int,
    segments: list[tuple[IncomingLabel, int, int]],
) -> ValueMasks:
    there = [present(layer[index]) for layer in layers]
    values = {
        label.name: (layer, (value,))
        for label, layer, value in segments
        if value in there[layer]
    }
    return ValueMasks(lambda layer: layers[layer, index], values)


def _segments(
    fields: dict[str, Any], layers: int, path: Path
) -> list[tuple[IncomingLabel, int, int]]:
    """Return label, layer and value of each segment."""
    numbers = sorted(
        int(match[1])
        for key in fields
        if (match := re.fullmatch(r"Segment(\d+)_ID", key))
    )
    found = []
    names = unique_names(
        [
            unescaped(str(fields.get(f"Segment{n}_Name", fields[f"Segment{n}_ID"])))
            for n in numbers
        ]
    )
    for number, name in zip(numbers, names, strict=True):
        try:
            # Files of Slicer before 4.11 hold a component a segment, of 0 and 1.
            value = int(fields.get(f"Segment{number}_LabelValue", 1))
            layer = int(
                fields.get(f"Segment{number}_Layer", number if layers > 1 else 0)
            )
            if not 0 <= layer < layers:
                raise ValueError(layer)
        except ValueError as error:
            raise CorruptError(
                f"segment {number} has no number that fits for its value or layer",
                where=path,
            ) from error
        label = IncomingLabel(
            name=name,
            method=Method.SEGMENTATION,
            color=_color(fields.get(f"Segment{number}_Color")),
            concept=_concept(unescaped(str(fields.get(f"Segment{number}_Tags", "")))),
            number=value,
        )
        found.append((label, layer, value))
    return found


def _color(text: object) -> str | None:
    try:
        parts = [round(255 * float(part)) for part in str(text).split()]
    except ValueError:
        return None
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        return None
    return "#" + "".join(f"{part:02X}" for part in parts)


def _concept(tags: str) -> Concept | None:
    """Return what context~category~type~modifier~context~region~modifier says."""
    match = re.search(r"TerminologyEntry:([^|]*)", tags)
    codes = [_code(part) for part in match[1].split("~")] if match else []
    codes += [None] * (7 - len(codes))
    _, category, kind, modifier, _, region, region_modifier = codes[:7]
    if kind is None:
        return None
    return Concept(
        scheme=kind.scheme,
        value=kind.value,
        meaning=kind.meaning,
        category=category,
        modifier=modifier,
        region=region,
        region_modifier=region_modifier if region else None,
    )


def _code(text: str) -> Code | None:
    parts = text.split("^")
    if len(parts) != 3 or not all(parts):
        return None
    scheme, value, meaning = parts
    if len(scheme) > 16 or len(value) > 64:
        return None
    return Code(scheme=scheme, value=value, meaning=meaning[:64])
