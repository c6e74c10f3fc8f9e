"""Small pictures of slices with what is annotated on them drawn in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.editing import CaseView
from napari_annotate_jobs.imaging import apply_window, default_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import Project, Window
    from napari_annotate_jobs.stores import JobStore

__all__ = ["case_picture", "draw_slice"]


def case_picture(
    store: JobStore,
    project: Project,
    job_id: str,
    case_id: str,
    size: int = 96,
    *,
    person: str | None = None,
) -> NDArray[np.uint8]:
    """Draw the most telling slice of a case.

    That is the middle one of those with boxes or masks, else of those with labels,
    else of all. With a person, it is what they submitted last.

    Raises
    ------
    ImagingError, StoreError
        If the images or the annotation cannot be read.
    """
    series = store.images.open_series(job_id, case_id)
    if person is None:
        annotation = store.load(job_id, case_id).annotation
    else:
        sent = store.submissions(job_id, case_id, person=person)
        annotation = sent[-1].annotation
    view = CaseView(
        annotation,
        series.header.slices,
        project,
        read_blob=lambda digest: store.read_blob(job_id, case_id, digest),
        shape=series.header.shape[1:3],
    )
    n = view.n_slices
    contents = [c for c in annotation.slices.values() if c.index < n]
    drawn = sorted(c.index for c in contents if c.masks or c.boxes)
    said = sorted(c.index for c in contents if c.has_labels)
    chosen = drawn or said
    index = chosen[len(chosen) // 2] if chosen else n // 2
    plane = series.read_slice(index)
    window = default_window(plane, series.header)
    return draw_slice(plane, series, view, index, window, size)


def draw_slice(
    plane: NDArray[Any],
    series: Series,
    view: CaseView,
    index: int,
    window: Window,
    size: int = 96,
) -> NDArray[np.uint8]:
    """Draw a slice small, with its masks and boxes.

    Parameters
    ----------
    plane : ndarray
        (rows, columns[, channels]), modality units.
    series : Series
        Where it is from: its spacing gives the proportions.
    view : CaseView
        What was said of the case.
    index : int
        The slice.
    window : Window
        What to show from black to white.
    size : int
        Longest side, in pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    from PIL import Image, ImageDraw

    header = series.header
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
    content = view.content(index)
    canvas = np.array(picture)
    for group in content.masks:
        mask = view.mask(index, group)
        if mask is None or mask.shape != (rows, columns):
            continue
        small = np.asarray(
            Image.fromarray(mask.astype(np.int32)).resize(
                target, Image.Resampling.NEAREST
            )
        )
        for label_id in np.unique(small[small > 0]):
            color = np.array(view.labels[int(label_id)].rgb) * 255
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
        pen.rectangle(corners, outline=view.labels[box.label].color, width=2)
    return np.asarray(picture)
