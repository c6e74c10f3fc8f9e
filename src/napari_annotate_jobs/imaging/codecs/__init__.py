"""Compressed pixels, decoded by whichever library reads them right and fast."""

from __future__ import annotations

__all__: list[str] = []
