"""The comparison with other readers tells what agrees, and what does not."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_SCRIPT = Path(__file__).parents[2] / "benchmarks" / "references.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(_SCRIPT))


def _grids(script: dict[str, Any]) -> tuple[Any, Any]:
    """Return a grid, and the same turned and counted from the other ends."""
    values = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    affine = np.diag([4.0, 2.0, 1.0, 1.0])
    affine[:3, 3] = 7, 8, 9
    turned = values[:, ::-1].transpose(0, 1, 3, 2)
    other = affine[:, [0, 2, 1, 3]].copy()
    other[:3, 3] += 2 * affine[:3, 0]
    other[:3, 0] *= -1
    return script["Grid"](values, affine), script["Grid"](turned, other)


def test_the_order_of_axes_does_not_matter(script: dict[str, Any]) -> None:
    told = script["compared"](*_grids(script))
    assert told == {"shape": True, "place": True, "values": True}


def test_other_values_and_other_places_are_told(script: dict[str, Any]) -> None:
    mine, other = _grids(script)
    other.volumes = other.volumes + 1
    assert script["compared"](mine, other)["values"] is False
    other.affine[0, 3] += 0.1
    assert script["compared"](mine, other)["place"] is False
    other.volumes = other.volumes[:1]
    assert script["compared"](mine, other)["shape"] is False
