"""Small parts that several screens are made of."""

from __future__ import annotations

__all__: list[str] = []
