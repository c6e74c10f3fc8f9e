"""An owner's work in the window: labels as a table, and jobs made anew."""

from __future__ import annotations

__all__: list[str] = []
