"""What a smart fill comes to, found out on any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_annotate_jobs import propagation
from napari_annotate_jobs.errors import InvalidValueError

from ._fill import IMAGE_TOOLS, Corners, Fill, FillResult, FillTool, pixels_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ._fill import PreparedFill

__all__ = ["find_fill"]


def find_fill(
    prepared: PreparedFill,
    image: NDArray[Any] | None = None,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> FillResult:
    """Find out what a fill comes to; changes nothing. For any thread.

    Parameters
    ----------
    prepared : PreparedFill
        From :func:`prepare_fill`.
    image : ndarray, shape (slices, rows, columns[, channels]), optional
        Voxels of the same slices, for the tools that look at them. Colours are
        taken by their luma (ITU-R BT.601).
    report : callable
        Takes the number of steps done and of all steps; may raise to stop.

    Raises
    ------
    InvalidValueError
        If an image is needed and missing, or a number is out of range.
    """
    fill, masks = prepared.fill, prepared.masks
    if fill.tool is FillTool.BOXES:
        return _find_boxes(prepared, report)
    values = None if image is None else _grey(image)
    if fill.tool in IMAGE_TOOLS and (values is None or values.shape != masks.shape):
        raise InvalidValueError(
            "the fill needs the voxels of its slices",
            remedy="Wait until the image is read",
        )
    found = {}
    added = removed = skipped = 0
    for first, new in _filled(prepared, values, report):
        for place, mask in enumerate(new, first):
            old = masks[place]
            if np.array_equal(mask, old):
                continue
            if not prepared.open[place]:
                skipped += 1
                continue
            found[fill.start + place] = mask
            added += int(np.count_nonzero((mask == fill.label) & (old != fill.label)))
            removed += int(np.count_nonzero((old == fill.label) & (mask != fill.label)))
    return FillResult(prepared, found, added, removed, skipped=skipped)


def _filled(
    prepared: PreparedFill,
    values: NDArray[Any] | None,
    report: Callable[[int, int], None],
) -> Iterator[tuple[int, NDArray[np.uint16]]]:
    """Yield new masks (slices, rows, columns), each with its first place."""
    n = len(prepared.masks)
    if prepared.fill.volume and n > 1:
        report(0, 0)
        yield 0, _run(prepared, slice(0, n), values)
        return
    for place in range(n):
        report(place, n)
        yield place, _run(prepared, slice(place, place + 1), values)


def _run(
    prepared: PreparedFill, part: slice, values: NDArray[Any] | None
) -> NDArray[np.uint16]:
    """Run the tool on a part: on a plane if it is one slice, else on a volume."""
    fill, masks = prepared.fill, prepared.masks[part]
    flat = len(masks) == 1
    mask = masks[0] if flat else masks
    image = None if values is None else (values[part][0] if flat else values[part])
    spacing = prepared.spacing[1:] if flat else prepared.spacing
    first = fill.start + part.start
    if fill.tool in IMAGE_TOOLS:
        new = _run_on_image(fill, mask, image, first)
    else:
        new = _run_on_mask(fill, mask, spacing)
    return np.asarray(new, dtype=np.uint16).reshape(masks.shape)


def _run_on_image(
    fill: Fill, mask: NDArray[np.uint16], image: Any, first: int
) -> NDArray[Any]:
    label = fill.label
    if fill.tool is FillTool.THRESHOLD:
        return propagation.fill_threshold(mask, label, image, fill.low, fill.high)
    if fill.tool is FillTool.FLOOD:
        assert fill.seed is not None
        index, row, column = fill.seed
        seed = (row, column) if mask.ndim == 2 else (index - first, row, column)
        return propagation.flood_fill(mask, label, image, seed, fill.tolerance)
    method: Literal["threshold", "random walker"] = (
        "threshold" if fill.tool is FillTool.BOX_THRESHOLD else "random walker"
    )
    boxes = fill.boxes_there
    if mask.ndim == 2:
        if first not in boxes:
            return mask
        return propagation.fill_box(mask, label, image, pixels_in(boxes[first]), method)
    ends = np.array([pixels_in(corners) for corners in boxes.values()])
    (top, left), (bottom, right) = ends[:, :2].min(axis=0), ends[:, 2:].max(axis=0)
    place = (min(boxes) - first, top, left, max(boxes) - first + 1, bottom, right)
    return propagation.fill_box(mask, label, image, place, method)


def _run_on_mask(
    fill: Fill, mask: NDArray[np.uint16], spacing: tuple[float, ...]
) -> NDArray[Any]:
    label = fill.label
    reach = 0.0
    if fill.tool is FillTool.SMOOTH:
        reach = 4 * fill.radius
    elif fill.tool is FillTool.MARGIN:
        reach = max(fill.margin, 0.0)
    near = _near(mask == label, [int(reach / s) + 2 for s in spacing])
    if near is None:
        return mask
    part: NDArray[Any] = mask[near]
    if fill.tool is FillTool.SMOOTH:
        part = propagation.smooth(part, label, fill.radius, spacing=spacing)
    elif fill.tool is FillTool.FILL_HOLES:
        part = propagation.fill_holes(part, label)
    elif fill.tool is FillTool.REMOVE_ISLANDS:
        part = propagation.remove_islands(part, label, fill.islands)
    elif fill.tool is FillTool.KEEP_LARGEST:
        part = propagation.keep_largest(part, label)
    else:
        part = propagation.grow(part, label, fill.margin, spacing=spacing)
    new = mask.copy()
    new[near] = part
    return new


def _near(inside: NDArray[np.bool_], reach: Sequence[int]) -> tuple[slice, ...] | None:
    """Return the smallest box round the label, some pixels larger; None if empty."""
    found = []
    for axis, more in enumerate(reach):
        others = tuple(a for a in range(inside.ndim) if a != axis)
        places = np.flatnonzero(inside.any(axis=others))
        if not places.size:
            return None
        found.append(slice(max(int(places[0]) - more, 0), int(places[-1]) + more + 1))
    return tuple(found)


def _grey(image: NDArray[Any]) -> NDArray[Any]:
    """Return grey values of voxels (slices, rows, columns[, channels])."""
    if image.ndim == 3:
        return image
    luma: NDArray[Any] = image[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
    return luma


def _find_boxes(
    prepared: PreparedFill, report: Callable[[int, int], None]
) -> FillResult:
    fill, masks = prepared.fill, prepared.masks
    found: list[dict[int, Corners]] = []
    if fill.volume:
        report(0, 0)
        found = [
            {fill.start + place: _edges(box) for place, box in part.items()}
            for part in propagation.boxes_of_objects(masks, fill.label)
        ]
    else:
        for place, mask in enumerate(masks):
            report(place, len(masks))
            boxes = propagation.boxes_of_mask(mask, fill.label)
            found.extend({fill.start + place: _edges(box)} for box in boxes)
    barred = {fill.start + place for place, may in enumerate(prepared.open) if not may}
    kept = [{i: c for i, c in boxes.items() if i not in barred} for boxes in found]
    skipped = barred.intersection(i for boxes in found for i in boxes)
    return FillResult(
        prepared, objects=tuple(b for b in kept if b), skipped=len(skipped)
    )


def _edges(box: Sequence[float]) -> Corners:
    """Return the outline of a bounding box; pixel centres are whole numbers."""
    top, left, bottom, right = box
    return top - 0.5, left - 0.5, bottom - 0.5, right - 0.5
