"""Small pictures of slices with what was said of them drawn in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._windows import apply_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_annotate_jobs.model import LabelSet, SliceAnnotation, Window

    from ._header import SeriesHeader

__all__ = ["draw_annotated", "most_telling"]


def most_telling(contents: Iterable[tuple[int, SliceAnnotation]], n_slices: int) -> int:
    """Return which slice shows best what was said of a case.

    That is the middle one of those with boxes or masks, else of those with labels,
    else of all.

    Parameters
    ----------
    contents : iterable of (int, SliceAnnotation)
        What was said, by index of the slice; others than there are do not count.
    n_slices : int
        Of the series.
    """
    there = [(i, content) for i, content in contents if 0 <= i < n_slices]
    drawn = sorted(i for i, content in there if content.masks or content.boxes)
    said = sorted(i for i, content in there if content.has_labels)
    chosen = drawn or said
    return chosen[len(chosen) // 2] if chosen else n_slices // 2


def draw_annotated(
    plane: NDArray[Any],
    header: SeriesHeader,
    window: Window,
    content: SliceAnnotation,
    labels: LabelSet,
    read_mask: Callable[[str], NDArray[Any] | None],
    size: int = 96,
) -> NDArray[np.uint8]:
    """Draw a slice small, with its masks and boxes.

    Parameters
    ----------
    plane : ndarray
        (rows, columns[, channels]), modality units.
    header : SeriesHeader
        Of the series it is from: its spacing gives the proportions.
    window : Window
        What to show from black to white.
    content : SliceAnnotation
        What was said of it.
    labels : LabelSet
        Their colours.
    read_mask : callable
        Gives the mask of an overlap group, (rows, columns) of label ids, or None.
    size : int
        Longest side, in pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    from PIL import Image, ImageDraw

    if not header.is_color:
        grey = apply_window(plane, window, inverted=header.inverted)
        plane = np.repeat(grey[..., None], 3, axis=2)
    elif plane.dtype != np.uint8:
        plane = apply_window(plane, window)
    rows, columns = plane.shape[:2]
    height, width = rows * header.spacing[1], columns * header.spacing[2]
    scale = size / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(np.ascontiguousarray(plane[..., :3]))
    picture = picture.resize(target, Image.Resampling.BOX)
    canvas = np.array(picture)
    for group in content.masks:
        mask = read_mask(group)
        if mask is None or mask.shape != (rows, columns):
            continue
        small = np.asarray(
            Image.fromarray(mask.astype(np.int32)).resize(
                target, Image.Resampling.NEAREST
            )
        )
        for label_id in np.unique(small[small > 0]):
            color = np.array(labels[int(label_id)].rgb) * 255
            where = small == label_id
            canvas[where] = (0.4 * canvas[where] + 0.6 * color).astype(np.uint8)
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    for box in content.boxes:
        fx, fy = target[0] / columns, target[1] / rows
        corners = (
            (box.left + 0.5) * fx,
            (box.top + 0.5) * fy,
            (box.right + 0.5) * fx,
            (box.bottom + 0.5) * fy,
        )
        pen.rectangle(corners, outline=labels[box.label].color, width=2)
    return np.asarray(picture)
