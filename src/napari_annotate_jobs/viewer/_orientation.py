"""Which side of the patient lies at which edge of the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["EdgeLetters", "edge_letters"]

TOWARDS = ("LR", "PA", "HF")
"""Letters along the axes of LPS, and against them (PS3.3 C.7.6.1.1.1)."""
OBLIQUE = np.sin(np.deg2rad(10))
"""A second letter is written from this share of a direction on."""


class EdgeLetters(NamedTuple):
    """Letters at the edges: ``R``, ``L``, ``A``, ``P``, ``H``, ``F``; oblique: two.

    Parameters
    ----------
    left, right, top, bottom : str
        What lies beyond that edge.
    """

    left: str
    right: str
    top: str
    bottom: str


def edge_letters(
    affine: NDArray[Any], displayed: Sequence[int], orientation: Sequence[str]
) -> EdgeLetters:
    """Return the letters of a plane of a series.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        From slice, row and column to mm in LPS.
    displayed : sequence of int
        The axis of the series (0 slices, 1 rows, 2 columns) that runs down or up, and
        the one that runs across.
    orientation : sequence of str
        Where indices grow to: ``"down"`` or ``"up"``, ``"right"`` or ``"left"``.
    """
    down, across = (np.asarray(affine, float)[:3, axis] for axis in displayed)
    vertical, horizontal = orientation
    if vertical == "up":
        down = -down
    if horizontal == "left":
        across = -across
    return EdgeLetters(
        _letters(-across), _letters(across), _letters(-down), _letters(down)
    )


def _letters(direction: NDArray[Any]) -> str:
    """Name a direction in LPS, the nearest axis first."""
    parts = direction / np.linalg.norm(direction)
    order = sorted(range(3), key=lambda axis: -abs(parts[axis]))
    return "".join(
        TOWARDS[axis][int(parts[axis] < 0)]
        for place, axis in enumerate(order[:2])
        if place == 0 or abs(parts[axis]) >= OBLIQUE
    )
