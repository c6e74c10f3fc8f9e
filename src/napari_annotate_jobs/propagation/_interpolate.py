"""Masks between key slices."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.errors import Cancelled, InvalidValueError

from ._blend import Span, blend
from ._distance import distance_fields
from ._guide import learn_guide
from ._stack import KeyStack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray


__all__ = ["interpolate_masks"]


def interpolate_masks(
    masks: ArrayLike,
    keys: ArrayLike,
    image: ArrayLike | None = None,
    spacing: Sequence[float] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    workers: int = 2,
) -> NDArray[np.generic]:
    """Fill the slices between key slices.

    All labels are interpolated at once and compete for each pixel, the
    background among them. Objects may appear, vanish, split, merge and move;
    holes stay holes.

    Parameters
    ----------
    masks : array of int or bool, shape (slices, rows, columns)
        Label ids, 0 for background. Only the slices in `keys` are read.
    keys : array of int, shape (k,)
        Slices that hold the truth, in any order. A key without any label
        says that there is nothing on that slice.
    image : array, shape (slices, rows, columns), optional
        The image. It is used for those labels whose known key slices it
        helps to predict from their neighbours (three keys at least), and
        moves outlines by a few pixels at most.
    spacing : sequence of 3 float, optional
        Distance of slices, rows and columns in mm; 1 each if not given.
    progress : callable, optional
        Called as ``progress(done, total)`` from worker threads.
    cancelled : callable, optional
        Asked between steps; once it returns true, the work stops.
    workers : int
        Threads used.

    Returns
    -------
    ndarray, shape (slices, rows, columns)
        A new volume of the type of `masks`: the keys as they were, the
        slices between the first and the last of them filled, all others 0.

    Raises
    ------
    InvalidValueError
        If an argument has the wrong shape, type or range.
    Cancelled
        If `cancelled` returned true.

    Notes
    -----
    Shape-based interpolation (Raya and Udupa 1990, *Shape-based interpolation
    of multidimensional objects*; Herman, Zheng and Bucholtz 1992, who take
    the cubic) of signed distances, compressed by a hyperbolic tangent, with
    one distance for each label and the largest winning. Parts that no longer
    overlap themselves are matched and carried from one place to the other.
    The result is the same bit for bit if the slices are given in reverse,
    and moves with the masks.
    """
    volume, index = _checked(masks, keys)
    sizes = _checked_spacing(spacing)
    picture = None if image is None else _checked_image(image, volume.shape)
    result = np.zeros_like(volume)
    result[index] = volume[index]
    numbers = volume.view(np.uint8) if volume.dtype == bool else volume
    stack = KeyStack.of(numbers, index, sizes)
    if stack is None or index.size < 2:
        return result
    spans = [
        Span.between(stack.places, i, i + 1)
        for i in range(index.size - 1)
        if index[i + 1] - index[i] > 1 and (stack.boxes[i] or stack.boxes[i + 1])
    ]
    (top, left), (h, w) = stack.origin, stack.size
    area = (slice(top, top + h), slice(left, left + w))
    done = 0

    def stop_if_asked() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled(
                "the interpolation was stopped", remedy="No slice was changed"
            )

    with ThreadPoolExecutor(max(1, workers)) as pool:

        def run(tasks: list[Callable[[], None]]) -> None:
            def guarded(task: Callable[[], None]) -> None:
                stop_if_asked()
                task()

            for _ in pool.map(guarded, tasks):
                pass

        fields = distance_fields(stack.slices, stack.shapes(), stack.sampling, run)
        guide = None if picture is None else learn_guide(stack, fields, picture, run)

        def fill(span: Span) -> None:
            nonlocal done
            found = blend(stack, fields, span, guide)
            result[(slice(span.slices[0], span.slices[-1] + 1), *area)] = stack.ids[
                found
            ]
            done += 1
            if progress is not None:
                progress(done, len(spans))

        run([partial(fill, span) for span in spans])
    return result


def _checked(
    masks: ArrayLike, keys: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    volume = np.asarray(masks)
    if volume.ndim != 3 or volume.dtype.kind not in "biu":
        raise InvalidValueError(
            f"masks of type {volume.dtype} with {volume.ndim} axes",
            remedy="Give whole numbers with the axes slice, row, column",
        )
    index = np.asarray(keys)
    if index.size and index.dtype.kind not in "iu":
        raise InvalidValueError(
            f"key slices of type {index.dtype}", remedy="Give slice indices"
        )
    index = np.unique(index.astype(np.intp))
    if index.size and not 0 <= index[0] <= index[-1] < volume.shape[0]:
        raise InvalidValueError(
            f"key slices {index[0]} to {index[-1]} of {volume.shape[0]} slices",
            remedy="Give indices between the first and the last slice",
        )
    if volume.dtype.kind == "i" and index.size and volume[index].min(initial=0) < 0:
        raise InvalidValueError(
            "a label id is negative", remedy="Use ids from 1, and 0 for background"
        )
    return volume, index


def _checked_spacing(spacing: Sequence[float] | None) -> tuple[float, float, float]:
    if spacing is None:
        return (1.0, 1.0, 1.0)
    sizes = tuple(float(s) for s in spacing)
    if len(sizes) != 3 or not all(np.isfinite(s) and s > 0 for s in sizes):
        raise InvalidValueError(
            f"a spacing of {sizes}",
            remedy="Give three distances in mm, all greater than 0",
        )
    return sizes


def _checked_image(image: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
    picture = np.asarray(image)
    if picture.shape != shape:
        raise InvalidValueError(
            f"an image of {picture.shape} for masks of {shape}",
            remedy="Give the image that the masks were drawn on",
        )
    return picture
