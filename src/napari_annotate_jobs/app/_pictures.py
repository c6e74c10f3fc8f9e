"""Small pictures of slices with what is annotated on them drawn in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_annotate_jobs.editing import CaseView
from napari_annotate_jobs.imaging import (
    default_window,
    draw_annotated,
    most_telling,
)

if TYPE_CHECKING:
    import numpy as np
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
    index = most_telling(view.contents().items(), view.n_slices)
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
    return draw_annotated(
        plane,
        series.header,
        window,
        view.content(index),
        view.labels,
        lambda group: view.mask(index, group),
        size,
    )
