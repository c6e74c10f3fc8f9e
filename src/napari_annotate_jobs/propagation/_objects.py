"""Which outlines on the key slices are of one object."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_annotate_jobs.propagation._drift import drifts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_annotate_jobs.propagation._drift import Parts

__all__ = ["objects_apart"]

_MANY = 64
"""Objects of one label that are told apart; the smaller ones are taken together."""


def objects_apart(
    numbers: NDArray[np.uint16],
    parts: Sequence[Parts],
    places: Sequence[int],
    thickness: float,
    sampling: tuple[float, float],
) -> tuple[NDArray[np.uint16], NDArray[np.intp]]:
    """Give each object of a label a number, to be interpolated by itself.

    Parts on neighbouring keys are of one object if they overlap, or if one moved
    to the other; so what splits or merges is one object, and what appears beside
    it is another.

    Parameters
    ----------
    numbers : ndarray of uint16, shape (keys, h, w)
        The key slices, of labels.
    parts : sequence of Parts
        The connected parts of each.
    places : sequence of int
        The slices of the keys.
    thickness : float
        Distance of neighbouring slices, in pixels.
    sampling : (float, float)
        Height and width of a pixel; their product is 1.

    Returns
    -------
    objects : ndarray of uint16, shape (keys, h, w)
        The key slices, of objects: those of a lower label have lower numbers.
    labels : ndarray of int, shape (n,)
        The label of each object; 0 of 0.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    start = np.cumsum([0, *(p.area.size for p in parts)])
    links = [np.zeros((0, 2), dtype=np.int64)]
    for key, (one, two) in enumerate(pairwise(parts)):
        both = np.flatnonzero((one.number.ravel() > 0) & (two.number.ravel() > 0))
        p, q = one.number.ravel()[both], two.number.ravel()[both]
        same = one.label[p] == two.label[q]
        moved = drifts(one, two, (places[key + 1] - places[key]) * thickness, sampling)
        pairs = np.array(
            [*zip(p[same].tolist(), q[same].tolist(), strict=True)]
            + [drift.parts for drift in moved],
            dtype=np.int64,
        ).reshape(-1, 2)
        links.append(np.unique(pairs, axis=0) + start[key : key + 2])
    edges = np.concatenate(links)
    total = int(start[-1])
    graph = coo_array(
        (np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(total, total)
    )
    group = connected_components(graph, directed=False)[1]
    label = np.concatenate([p.label for p in parts])
    area = np.concatenate([p.area for p in parts])
    number, labels = _numbered(group, label, area)
    objects = np.stack(
        [
            number[first : first + p.area.size][p.number]
            for p, first in zip(parts, start, strict=False)
        ]
    )
    return objects.reshape(numbers.shape), labels


def _numbered(
    group: NDArray[Any], label: NDArray[np.int64], area: NDArray[np.int64]
) -> tuple[NDArray[np.uint16], NDArray[np.intp]]:
    """Give groups of parts numbers by label; the smallest of many share one."""
    size = np.bincount(group, area).astype(np.int64)
    of_group = np.zeros(size.size, dtype=np.int64)
    of_group[group[area > 0]] = label[area > 0]
    number = np.zeros(size.size, dtype=np.uint16)
    labels = [0]
    for value in np.unique(label[area > 0]).tolist():
        mine = np.flatnonzero(of_group == value)
        order = mine[np.argsort(-size[mine], kind="stable")]
        number[order] = len(labels) + np.minimum(np.arange(order.size), _MANY - 1)
        labels += [value] * min(order.size, _MANY)
    return number[group], np.array(labels, dtype=np.intp)
