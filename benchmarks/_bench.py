"""What the benchmarks share: two things run in turn, and one JSON line."""

from __future__ import annotations

import gc
import json
import os
import statistics
import tempfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compare", "processors", "report"]

# The user's list of job folders is neither read nor added to.
_HOME = tempfile.TemporaryDirectory(prefix="annotate-jobs-bench-")
for _name in ("CONFIG", "DATA", "STATE"):
    os.environ[f"XDG_{_name}_HOME"] = os.path.join(_HOME.name, _name.lower())


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    repeats: int = 5,
    unit: str = "s",
    goal: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Measure two functions in turn and print the result.

    Machines are shared and noisy, so only the ratio counts, and both sides are
    run alternately, after one run each that is thrown away.

    Parameters
    ----------
    name : str
        Name of the row.
    ours, peer : callable
        What is compared. With ``unit="s"`` the time of a call is measured; with
        any other unit the call returns the figure (bytes, clicks, Dice ...).
    repeats : int
        Number of runs of each, at least 5 for times.
    unit : str
        Unit of both figures.
    goal : float, optional
        The ratio, ours to peer, not to be exceeded.
    **more
        Further fields of the line.

    Returns
    -------
    dict
        What was printed: name, ours and peer (medians), ratio, unit, goal.

    Raises
    ------
    ValueError
        If there is nothing to take a median of.
    """
    if repeats < 1:
        raise ValueError("repeats must be at least 1")
    sides = (ours, peer)
    figures: tuple[list[float], list[float]] = ([], [])
    for run in range(-1, repeats):
        for side, taken in zip(sides, figures, strict=True):
            figure = _measure(side, timed=unit == "s")
            if run >= 0:
                taken.append(figure)
    return report(
        name,
        statistics.median(figures[0]),
        statistics.median(figures[1]),
        unit=unit,
        goal=goal,
        **more,
    )


def processors(function: Callable[[], object]) -> float:
    """Return the time of all processors; unlike a clock's it leaves others out."""
    before = os.times()[:4]
    function()
    return sum(os.times()[:4]) - sum(before)


def report(
    name: str,
    ours: float,
    peer: float | None,
    *,
    unit: str,
    goal: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Print one line for two figures that were measured elsewhere.

    Parameters
    ----------
    name, unit, goal, **more
        As for `compare`.
    ours, peer : float
        The two figures; None for a peer that was not counted.

    Returns
    -------
    dict
        What was printed; ``ratio`` is None where the peer has no figure, or 0.
    """
    line = {
        "name": name,
        "ours": float(f"{ours:.4g}"),
        "peer": None if peer is None else float(f"{peer:.4g}"),
        "ratio": float(f"{ours / peer:.3g}") if peer else None,
        "unit": unit,
        "goal": goal,
        **more,
    }
    print(json.dumps(line), flush=True)
    return line


def _measure(function: Callable[[], object], *, timed: bool) -> float:
    gc.collect()
    start = time.perf_counter()
    value = function()
    elapsed = time.perf_counter() - start
    return elapsed if timed else float(value)  # type: ignore[arg-type]
