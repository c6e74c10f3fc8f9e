"""The key slices, made ready for measuring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from ._distance import REACH, Shape, pixel_of
from ._drift import parts_of
from ._objects import objects_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ._distance import Box
    from ._drift import Parts

__all__ = ["KeyStack"]

_SOFTNESS = 0.1
"""Softness of an object's scores, in sides of a square of its mean area."""

_SOFTEST, _HARDEST = 24.0, 6.0
"""Bounds of the softness, in pixels."""


@dataclass(frozen=True, eq=False)
class KeyStack:
    """The key slices, cut to what they hold, objects numbered without gaps.

    What is called a label here is one object of a label: those that have nothing
    to do with one another are interpolated by themselves.

    Parameters
    ----------
    slices : ndarray of uint16, shape (keys, h + 2 * REACH, w + 2 * REACH)
        The key slices, padded by their outermost pixels: what touches the
        border goes on beyond it, so that it does not shrink there.
    places : tuple of int
        Their places in the volume.
    ids : ndarray, shape (m,)
        The label ids that the numbers stand for, the same of several objects of
        a label; 0 is background.
    origin, size : (int, int)
        Place and size, in the volume's slices, of what was cut out.
    sampling : (float, float)
        Height and width of a pixel; their product is 1.
    thickness : float
        Distance of neighbouring slices, in pixels.
    boxes : tuple of dict of int to Box
        For each key, the bounding box of each label on it, in the padded
        slice; of everything that is not background, under 0.
    widths : ndarray of float64, shape (m,)
        Softness of the scores of each label, in pixels.
    parts : tuple of Parts
        The connected parts of each key slice.
    touching : tuple of frozenset of int
        For each key, the labels that touch another label there.
    """

    slices: NDArray[np.uint16]
    places: tuple[int, ...]
    ids: NDArray[np.integer]
    origin: tuple[int, int]
    size: tuple[int, int]
    sampling: tuple[float, float]
    thickness: float
    boxes: tuple[dict[int, Box], ...]
    widths: NDArray[np.float64]
    parts: tuple[Parts, ...]
    touching: tuple[frozenset[int], ...]

    @classmethod
    def of(
        cls,
        masks: NDArray[np.integer],
        keys: NDArray[np.intp],
        spacing: Sequence[float],
    ) -> KeyStack | None:
        """Make ready the slices `keys` of `masks`; None if they are empty."""
        keyed = masks[keys]
        rows = np.flatnonzero(keyed.any(axis=(0, 2)))
        columns = np.flatnonzero(keyed.any(axis=(0, 1)))
        if not rows.size:
            return None
        top, left = max(int(rows[0]) - REACH, 0), max(int(columns[0]) - REACH, 0)
        bottom = min(int(rows[-1]) + 1 + REACH, masks.shape[1])
        right = min(int(columns[-1]) + 1 + REACH, masks.shape[2])
        ids, numbers = _numbered(keyed[:, top:bottom, left:right])
        pad = (REACH, REACH)
        slices = np.pad(numbers, ((0, 0), pad, pad), mode="edge")
        pixel, sampling = pixel_of(spacing)
        thickness = spacing[0] / pixel
        slices, labels = objects_apart(
            slices,
            [parts_of(plane) for plane in slices],
            keys.tolist(),
            thickness,
            sampling,
        )
        ids = ids[labels]
        boxes = tuple(_boxes(plane) for plane in slices)
        touching = tuple(_touching(plane) for plane in slices)
        return cls(
            slices=slices,
            places=tuple(keys.tolist()),
            ids=ids.astype(masks.dtype),
            origin=(top, left),
            size=(bottom - top, right - left),
            sampling=sampling,
            thickness=thickness,
            boxes=boxes,
            widths=_widths(slices, ids.size, frozenset().union(*touching)),
            parts=tuple(parts_of(plane) for plane in slices),
            touching=touching,
        )

    @property
    def touching_any(self) -> bool:
        """Whether any labels touch one another."""
        return any(self.touching)

    def shapes(self) -> Iterator[Shape]:
        """Yield what is to be measured."""
        for key, boxes in enumerate(self.boxes):
            # The background counts only where objects compete with it.
            for label, box in boxes.items():
                if label or self.touching_any:
                    yield Shape(key, label, box, float(self.widths[label]))


def _numbered(
    keyed: NDArray[np.integer],
) -> tuple[NDArray[np.integer], NDArray[np.uint16]]:
    """Return the ids, 0 first, and the slices in numbers of them."""
    if keyed.max() < 1 << 20:
        ids = np.flatnonzero(np.bincount(keyed.ravel()))
        ids = np.union1d(0, ids)
        number = np.zeros(int(ids[-1]) + 1, dtype=np.uint16)
        number[ids] = np.arange(ids.size)
        return ids, number[keyed]
    ids = np.union1d(0, keyed)
    return ids, np.searchsorted(ids, keyed).astype(np.uint16)


def _boxes(plane: NDArray[np.uint16]) -> dict[int, Box]:
    boxes: dict[int, Box] = {}
    for label, place in enumerate(ndi.find_objects(plane), start=1):
        if place is not None:
            rows, columns = place
            boxes[label] = (rows.start, columns.start, rows.stop, columns.stop)
    if boxes:
        edges = np.array(list(boxes.values()))
        low, high = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
        boxes[0] = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return boxes


def _touching(plane: NDArray[np.uint16]) -> frozenset[int]:
    """Return the labels that have another label among their 8 neighbours."""
    top, bottom = plane[:-1], plane[1:]
    touches = np.zeros(int(plane.max()) + 1, dtype=bool)
    for one, two in (
        (plane[:, :-1], plane[:, 1:]),
        (top, bottom),
        (top[:, :-1], bottom[:, 1:]),
        (top[:, 1:], bottom[:, :-1]),
    ):
        meet = (one != two) & (one > 0) & (two > 0)
        touches[one[meet]] = True
        touches[two[meet]] = True
    return frozenset(np.flatnonzero(touches).tolist())


def _widths(
    slices: NDArray[np.uint16], n: int, touching: frozenset[int]
) -> NDArray[np.float64]:
    """Return the softness of each label, in halves of a pixel.

    That of the background is a mean of those that it competes with.
    """
    areas = np.array([np.bincount(plane.ravel(), minlength=n) for plane in slices])
    total = areas.sum(axis=0)
    mean = total / np.maximum((areas > 0).sum(axis=0), 1)
    widths = np.clip(_SOFTNESS * np.sqrt(mean), _HARDEST, _SOFTEST)
    rivals = sorted(touching) or list(range(1, n))
    widths[0] = (widths[rivals] * total[rivals]).sum() / total[rivals].sum()
    rounded: NDArray[np.float64] = np.rint(2 * widths) / 2
    return rounded
