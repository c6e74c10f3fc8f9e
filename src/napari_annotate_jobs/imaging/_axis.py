"""Volumes of one series on one grid: an axis of time, echo or b-value."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ._geometry import POSITION_TOLERANCE
from ._types import ImageWarning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ._header import SeriesHeader

__all__ = ["TIMES", "along_axes"]

TIMES = frozenset(
    {
        "time",
        "time slot",
        "R-R interval",
        "phase",
        "trigger time",
        "acquisition time",
        "content time",
        "acquisition",
        "repeat",
    }
)
"""What follows one another: the same thing seen again."""

# Magnitude and phase, or two stacks, are other images: they stay series of their own.
_AXES = TIMES | {
    "echo",
    "echo time",
    "b-value",
    "inversion time",
    "segment",
    "energy window",
    "detector",
    "channel",
    "position",
    "wavelength",
}


def along_axes(headers: Iterable[SeriesHeader]) -> list[SeriesHeader]:
    """Make one header of the volumes of a series that lie on one grid.

    Parameters
    ----------
    headers : iterable of SeriesHeader
        One for each volume, with distinct keys.

    Returns
    -------
    list of SeriesHeader
        In the same order. Of volumes that belong together only the first is there,
        with the others as its ``siblings``. Those that cover other slices than most
        of them stay by themselves, and a warning says so.
    """
    headers = list(headers)
    groups: dict[object, list[SeriesHeader]] = defaultdict(list)
    for header in headers:
        split = header.split
        if split is not None and set(split.by.split(" and ")) <= _AXES:
            stem, _, _ = header.key.rpartition(f"#{split.by}=")
            groups[stem, split.by].append(header)
    instead: dict[str, SeriesHeader | None] = {}
    for members in groups.values():
        largest, *others = sorted(_on_one_grid(members), key=len, reverse=True)
        if others:
            largest = [_set_apart(header) for header in largest]
            instead.update((h.key, _set_apart(h)) for group in others for h in group)
        first, *rest = sorted(largest, key=_place)
        instead.update((header.key, None) for header in rest)
        instead[first.key] = replace(first, siblings=tuple(rest))
    found = (instead.get(header.key, header) for header in headers)
    return [header for header in found if header is not None]


def _place(header: SeriesHeader) -> int:
    return header.split.index if header.split is not None else 0


def _on_one_grid(headers: list[SeriesHeader]) -> list[list[SeriesHeader]]:
    groups: list[list[SeriesHeader]] = []
    for header in headers:
        for group in groups:
            if _same_grid(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _same_grid(one: SeriesHeader, other: SeriesHeader) -> bool:
    return (
        one.shape == other.shape
        and one.has_spacing == other.has_spacing
        and np.allclose(one.spacing, other.spacing, rtol=1e-4, atol=0)
        and _close(one.affine, other.affine)
        and _close(one.origins, other.origins)
    )


def _close(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one, other, rtol=0, atol=POSITION_TOLERANCE))


def _set_apart(header: SeriesHeader) -> SeriesHeader:
    assert header.split is not None
    return header.with_warnings(
        [
            ImageWarning(
                "volumes-differ",
                f"The {header.split.count} volumes of this series ({header.split.by}) "
                "do not all cover the same slices: those that do not are series of "
                "their own",
            )
        ]
    )
