"""Which outlines on the key slices are of one object."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ._drift import drifts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ._drift import Parts

__all__ = ["objects_apart"]

_REACH = 2.0
"""How far what begins may be from what ends, in their radii, added."""

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
    to the other, or if one ends where another near it begins; so what splits or
    merges is one object, and what appears beside it is another.

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
        pairs = np.concatenate([pairs, _relays(one, two, pairs, sampling)])
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


def _relays(
    one: Parts, two: Parts, pairs: NDArray[np.int64], sampling: tuple[float, float]
) -> NDArray[np.int64]:
    """Pair parts that end on one key with those that begin near them on the next."""
    ends = np.setdiff1d(np.flatnonzero(one.area), pairs[:, 0])
    begins = np.setdiff1d(np.flatnonzero(two.area), pairs[:, 1])
    if not ends.size or not begins.size:
        return np.zeros((0, 2), dtype=np.int64)
    n, m = one.area[ends][:, None], two.area[begins]
    down = two.row[begins] / m - one.row[ends][:, None] / n
    across = two.column[begins] / m - one.column[ends][:, None] / n
    far = np.hypot(down * sampling[0], across * sampling[1])
    radii = (np.sqrt(n) + np.sqrt(m)) / np.sqrt(np.pi)
    same = one.label[ends][:, None] == two.label[begins]
    i, j = np.nonzero(same & (far <= _REACH * radii))
    return np.stack([ends[i], begins[j]], axis=1).astype(np.int64)


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
