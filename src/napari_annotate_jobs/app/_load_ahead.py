"""Packages that are loaded before they are needed."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

__all__ = ["load_ahead"]

AHEAD = ("pandas", "scipy.ndimage", "skimage.color", "skimage.exposure")
"""What the first layers of napari's load, which takes a second or two."""


def load_ahead() -> None:
    """Load what napari's layers need; for another thread."""
    for name in AHEAD:
        with suppress(ImportError):  # a help and no more
            import_module(name)
