"""The coloured strip of slices."""

from __future__ import annotations

__all__: list[str] = []
