"""Boxes between key boxes, and the boxes of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_annotate_jobs.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

__all__ = ["boxes_of_mask", "boxes_of_objects", "interpolate_boxes"]

Corners = tuple[float, float, float, float]


def interpolate_boxes(
    keys: Mapping[int, Corners | None],
    *,
    start: int | None = None,
    stop: int | None = None,
) -> dict[int, Corners]:
    """Return the box of one object on every slice where it is visible.

    Parameters
    ----------
    keys : mapping of int to (float, float, float, float) or None
        The key boxes by slice: top, left, bottom, right in pixels. None says
        that the object is not there from that slice on, until the next key
        that has a box.
    start, stop : int, optional
        First and last slice, both inclusive, to which the outermost key
        boxes are carried unchanged. By default the track begins at its
        first key and ends at its last. They may also cut the track.

    Returns
    -------
    dict of int to (float, float, float, float)
        Boxes by slice, ascending; key slices hold their key boxes.

    Raises
    ------
    InvalidValueError
        If a box is not finite or its corners are the wrong way round.

    Notes
    -----
    Every corner coordinate is linear in the slice index between two key
    boxes; between a key box and a key without one, the box stays as it is.

    Examples
    --------
    >>> interpolate_boxes({2: (0, 0, 4, 4), 4: (2, 0, 8, 4)})[3]
    (1.0, 0.0, 6.0, 4.0)
    """
    places = sorted(keys)
    known = {place: _checked(place, keys[place]) for place in places}
    track: dict[int, Corners] = {}
    if not any(box is not None for box in known.values()):
        return track
    for place, following in zip(places, [*places[1:], None], strict=True):
        box = known[place]
        if box is None:
            continue
        if place == places[0] and start is not None:
            track.update(dict.fromkeys(range(start, place), box))
        track[place] = box
        if following is None:
            if stop is not None:
                track.update(dict.fromkeys(range(place + 1, stop + 1), box))
            continue
        other, n = known[following] or box, following - place
        for i in range(1, n):
            # Symmetric, so that the track is the same read backwards.
            y0, x0, y1, x1 = (
                ((n - i) * a + i * b) / n for a, b in zip(box, other, strict=True)
            )
            track[place + i] = (y0, x0, y1, x1)
    return {
        s: track[s]
        for s in sorted(track)
        if (start is None or s >= start) and (stop is None or s <= stop)
    }


def _checked(place: int, box: Corners | None) -> Corners | None:
    if box is None:
        return None
    top, left, bottom, right = (float(x) for x in box)
    corners = (top, left, bottom, right)
    if not all(np.isfinite(corners)) or top > bottom or left > right:
        raise InvalidValueError(
            f"the box {corners} has no inside",
            where=f"slice {place}",
            remedy="Give top, left, bottom and right in this order",
        )
    return corners


def boxes_of_mask(
    mask: ArrayLike, label: int, *, whole: bool = False
) -> list[tuple[int, ...]]:
    """Return the bounding boxes of a label.

    Parameters
    ----------
    mask : array of int, shape ([slices,] rows, columns)
        Label ids.
    label : int
        The label.
    whole : bool
        One box round all of it, instead of one for each connected part
        (pixels that meet at a corner are connected).

    Returns
    -------
    list of tuple of int
        First index along each axis, then the ends, which are excluded:
        ``(top, left, bottom, right)`` in 2D, ``(slice, top, left, slice end,
        bottom, right)`` in 3D, ordered by their first corner. Where pixel
        centres are whole numbers, the outline runs half a pixel lower.
    """
    from scipy import ndimage as ndi  # boxes are interpolated without it

    inside = np.asarray(mask) == label
    if whole:
        parts = inside.astype(np.uint8)
    else:
        neighbours = np.ones((3,) * inside.ndim, dtype=bool)
        parts, _ = ndi.label(inside, structure=neighbours)
    boxes = [
        (*(axis.start for axis in place), *(axis.stop for axis in place))
        for place in ndi.find_objects(parts)
    ]
    return sorted(boxes)


def boxes_of_objects(mask: ArrayLike, label: int) -> list[dict[int, Corners]]:
    """Return the boxes of each object of a label, slice by slice.

    Parameters
    ----------
    mask : array of int, shape (slices, rows, columns)
        Label ids.
    label : int
        The label. Voxels that meet at a face, an edge or a corner are of one
        object.

    Returns
    -------
    list of dict of int to (int, int, int, int)
        For each object, by slice: top, left, bottom and right of all its pixels
        there, the ends excluded; ordered by first slice.
    """
    from scipy import ndimage as ndi

    neighbours = np.ones((3, 3, 3), dtype=bool)
    parts, _ = ndi.label(np.asarray(mask) == label, structure=neighbours)
    found = []
    for number, place in enumerate(ndi.find_objects(parts), 1):
        boxes = {}
        for index, plane in enumerate(parts[place] == number, place[0].start):
            rows, columns = np.nonzero(plane)
            top, left = place[1].start, place[2].start
            boxes[index] = (
                top + int(rows.min()),
                left + int(columns.min()),
                top + int(rows.max()) + 1,
                left + int(columns.max()) + 1,
            )
        found.append(boxes)
    return sorted(found, key=lambda boxes: min(boxes))
