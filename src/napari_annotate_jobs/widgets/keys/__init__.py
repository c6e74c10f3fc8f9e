"""Keys: which there are, how they are listed, and whose they are."""

from __future__ import annotations

__all__: list[str] = []
