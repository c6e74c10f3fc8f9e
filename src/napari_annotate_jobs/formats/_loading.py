"""Parts of formats, imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["load_named"]


def load_named(where: str) -> Any:
    """Import what ``module:name`` names."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
