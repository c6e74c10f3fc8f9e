"""Packages that are loaded before they are needed."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._qt_executor import QtExecutor

__all__ = ["LAYERS", "OPEN_JOB", "load_ahead"]

OPEN_JOB = ("napari_annotate_jobs.app._open_job",)
"""What the first job that is opened loads, which takes half a second."""
LAYERS = ("pandas", "scipy.ndimage", "skimage.color", "skimage.exposure")
"""What the first layers of napari's load, which takes a second or two."""


def load_ahead(
    executor: QtExecutor,
    names: tuple[str, ...],
    done: Callable[[object], None] = lambda _: None,
) -> None:
    """Load packages on another thread.

    Parameters
    ----------
    executor : QtExecutor
        Runs it.
    names : tuple of str
        What to load; what is not there is left out, for it is a help and no more.
    done : callable, optional
        Called at the end.
    """
    executor.run(lambda: _load(names), done, lambda error: None)


def _load(names: tuple[str, ...]) -> None:
    for name in names:
        with suppress(ImportError):
            import_module(name)
