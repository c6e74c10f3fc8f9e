"""Small pictures of slices with what is annotated on them drawn in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.editing import CaseView
from napari_annotate_jobs.imaging import (
    default_window,
    draw_annotated,
    most_telling,
)
from napari_annotate_jobs.model import (
    Label,
    LabelSet,
    MaskRef,
    Method,
    SliceAnnotation,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_annotate_jobs.imaging import Series
    from napari_annotate_jobs.model import Project, Window
    from napari_annotate_jobs.stores import JobStore

__all__ = ["case_picture", "draw_difference", "draw_slice", "said_text"]

_ONE_SIDED = LabelSet(
    labels=(
        Label(id=1, name="mine", color="#56B4E9", method=Method.SEGMENTATION),
        Label(id=2, name="theirs", color="#D55E00", method=Method.SEGMENTATION),
    )
)
"""What is on one of two versions alone is drawn as if it were of these labels."""


def case_picture(
    store: JobStore,
    project: Project,
    job_id: str,
    case_id: str,
    size: int = 96,
    *,
    person: str | None = None,
) -> tuple[NDArray[np.uint8], str]:
    """Draw the most telling slice of a case, and say what was said of it.

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
    return draw_slice(plane, series, view, index, window, size), said_text(view)


def said_text(view: CaseView) -> str:
    """Say in a few words what was said of a case, as ``lesion, 1 mask``.

    Class labels, the names of what is drawn, and how many boxes there are and on how
    many slices masks; else that there is nothing to label, or that slices are
    excluded; empty if nothing at all was said. What is proposed does not count.
    """
    contents = list(view.contents().values())
    whole = view.annotation
    there = {label for content in contents for label in content.label_ids}
    names = [
        label.name
        for label in view.labels.labels
        if label.id in there or label.id in whole.case_labels
    ]
    boxes = sum(not box.proposal for content in contents for box in content.boxes)
    masks = sum(bool(content.masks) for content in contents)
    parts = [", ".join(names)] if names else []
    for count, one, several in ((boxes, "box", "boxes"), (masks, "mask", "masks")):
        if count:
            parts.append(f"{count} {one if count == 1 else several}")
    excluded = sum(content.excluded for content in contents)
    nothing = whole.case_nothing_to_label or any(c.nothing_to_label for c in contents)
    if not parts and nothing:
        parts.append("nothing to label")
    if excluded:
        all_of_it = excluded == view.n_slices
        parts.append("excluded" if all_of_it else f"{excluded} excluded")
    return ", ".join(parts)


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


def draw_difference(
    plane: NDArray[Any],
    series: Series,
    mine: CaseView,
    theirs: CaseView,
    index: int,
    window: Window,
    size: int = 96,
) -> NDArray[np.uint8]:
    """Draw what one of two versions alone says of a slice.

    Parameters
    ----------
    plane : ndarray
        (rows, columns[, channels]), modality units.
    series : Series
        Where it is from.
    mine, theirs : CaseView
        The two versions: what only one has is blue, or orange. A pixel that both give
        to other labels is of both, and drawn as theirs.
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
    shape = plane.shape[:2]
    sides = [(mine, mine.content(index)), (theirs, theirs.content(index))]
    groups = {group for _, content in sides for group in content.masks}
    alone = np.zeros(shape, np.uint8)
    for group in sorted(groups):
        one, other = (_mask(view, index, group, shape) for view, _ in sides)
        alone[(one != other) & (one > 0)] = 1
        alone[(one != other) & (other > 0)] = 2
    boxes = [{(b.label, b.corners): b for b in content.boxes} for _, content in sides]
    drawn = [
        box.evolve(label=1 + side)
        for side in (0, 1)
        for where, box in boxes[side].items()
        if where not in boxes[1 - side]
    ]
    unique = {box.id: box for box in drawn}
    moved = [box.evolve(id=f"{box.id}-") for box in drawn if box is not unique[box.id]]
    masks = {"": MaskRef(digest="0" * 64, pixels={1: 1})} if alone.any() else {}
    content = SliceAnnotation(
        index=index, boxes=(*unique.values(), *moved), masks=masks
    )
    return draw_annotated(
        plane, series.header, window, content, _ONE_SIDED, lambda _: alone, size
    )


def _mask(
    view: CaseView, index: int, group: str, shape: tuple[int, ...]
) -> NDArray[Any]:
    found = view.mask(index, group)
    return found if found is not None and found.shape == shape else np.zeros(shape, int)
